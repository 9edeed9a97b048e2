"""Files that hold some bytes of a remote file each, with checksums.

A segment appears whole or not at all: it is written under another name, and renamed. It is called by where its bytes
lie, ``<first byte>-<number of bytes>.segment`` in hexadecimal digits, and holds

    "nwbin c1"     8 bytes
    checksums      16 bytes for each 64 KiB, BLAKE2b, keyed by which file in which state the bytes are of and where they
                   lie in it: what was moved, or is of another file, is as wrong as what was damaged
    the bytes

Whatever is not exactly so is taken for not being there.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from nwbin.storage.remote._ranges import Span

__all__ = ["CHECKED", "SUFFIX", "UNFINISHED", "Segment", "name_of", "read_segment", "span_of"]

CHECKED = 1 << 16  # bytes that have a checksum in common
SUFFIX, UNFINISHED = ".segment", ".part"
_MAGIC, _DIGEST = b"nwbin c1", 16
_NAME = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,8})\.segment")

Put = Callable[[int, Any], None]


def name_of(span: Span) -> str:
    """Return what the segment of some bytes is called."""
    return f"{span.start:x}-{span.stop - span.start:x}{SUFFIX}"


def span_of(name: str) -> Span | None:
    """Return which bytes a segment holds, by its name; None if it is no segment's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    start, length = int(match[1], 16), int(match[2], 16)
    return Span(start, start + length) if length else None


def _hash(key: bytes, place: int) -> Any:
    return hashlib.blake2b(digest_size=_DIGEST, key=key, salt=place.to_bytes(16, "little"))


def _n_checked(length: int) -> int:
    return -(-length // CHECKED)


def size_of(span: Span) -> int:
    """Return the size of a segment's file."""
    length = span.stop - span.start
    return len(_MAGIC) + _n_checked(length) * _DIGEST + length


def read_segment(path: Path, span: Span, key: bytes, low: int, high: int, put: Put) -> bool:
    """Read some of a segment's bytes, compare their checksums, and hand them on.

    Parameters
    ----------
    path, span, key
        The segment, which bytes it should hold, and by what its checksums are keyed.
    low, high
        Which bytes of the remote file are wanted; they lie in it.
    put
        Takes them: where they lie, and a buffer.

    Returns
    -------
    bool
        False where they are not what they should be; nothing was handed on then.
    """
    first, last = (low - span.start) // CHECKED, _n_checked(high - span.start)
    begin, end = span.start + first * CHECKED, min(span.stop, span.start + last * CHECKED)
    try:
        with path.open("rb", buffering=0) as stream:
            if os.fstat(stream.fileno()).st_size != size_of(span) or stream.read(len(_MAGIC)) != _MAGIC:
                return False
            stream.seek(len(_MAGIC) + first * _DIGEST)
            digests = stream.read((last - first) * _DIGEST)
            stream.seek(size_of(span) - (span.stop - begin))
            data = memoryview(stream.read(end - begin))
    except OSError:
        return False
    if len(data) != end - begin or len(digests) != (last - first) * _DIGEST:
        return False
    for k in range(last - first):
        found = _hash(key, begin + k * CHECKED)
        found.update(data[k * CHECKED : (k + 1) * CHECKED])
        if found.digest() != digests[k * _DIGEST : (k + 1) * _DIGEST]:
            return False
    put(low, data[low - begin : high - begin])
    return True


class Segment:
    """A segment that is being written. What goes wrong with the disk is remembered, and not raised.

    Parameters
    ----------
    folder
        Where it will be.
    span
        Which bytes of the remote file it will hold.
    key
        By what its checksums are keyed.

    Attributes
    ----------
    failed
        What went wrong; None if nothing did.
    """

    def __init__(self, folder: Path, span: Span, key: bytes) -> None:
        self._span, self._key = span, key
        self._final = folder / name_of(span)
        self._path = folder / f".{uuid.uuid4().hex}{UNFINISHED}"
        self._at = span.start
        self._digests: list[bytes] = []
        self._hash = _hash(key, span.start)
        self._file: BinaryIO | None = None
        self.failed: OSError | None = None
        try:
            self._file = self._path.open("xb")
            self._file.seek(size_of(span) - (span.stop - span.start))
        except OSError as error:
            self._fail(error)

    def add(self, data: Any) -> None:
        """Write the next bytes."""
        if self._file is None:
            return
        view = memoryview(data).cast("B")
        try:
            self._file.write(view)
        except OSError as error:
            self._fail(error)
            return
        while len(view):
            room = CHECKED - (self._at - self._span.start) % CHECKED
            some = view[:room]
            self._hash.update(some)
            self._at += len(some)
            view = view[room:]
            if len(some) == room or self._at == self._span.stop:
                self._digests.append(self._hash.digest())
                self._hash = _hash(self._key, self._at)

    def finish(self) -> bool:
        """Have it appear; False if it does not, because bytes are missing or the disk fails."""
        if self._file is None or self._at != self._span.stop:
            self.abandon()
            return False
        try:
            self._file.seek(0)
            self._file.write(_MAGIC + b"".join(self._digests))
            self._file.close()
            self._file = None
            self._path.replace(self._final)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def abandon(self) -> None:
        """Leave nothing of it, unless it has appeared."""
        if self._file is not None:
            self._fail(None)

    def _fail(self, error: OSError | None) -> None:
        self.failed = self.failed or error
        file, self._file = self._file, None
        with suppress(OSError):
            if file is not None:
                file.close()
        with suppress(OSError):
            self._path.unlink()
