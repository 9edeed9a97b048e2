"""What was fetched from servers, kept on the disk between programs.

    <folder>/CACHEDIR.TAG               says that the folder is nwbin's
    <folder>/<entry>/about.json         the address without secrets, the server's mark (ETag) and size: to be shown
    <folder>/<entry>/<...>.segment      some of the file's bytes, with checksums: see nwbin.storage.remote._segments

An entry is of one file in one state: it is called by a digest of where the file lies, of its ETag and of its size, so
that what changed on the server is another entry. Segments are immutable, appear whole, and are checked when they are
read; so any number of programs and threads may write, read and empty the same folder without a lock, and one that is
killed leaves at most a file under an unfinished name, which is removed an hour later. A segment that is not what it
should be is removed and fetched again.

What was used longest ago goes first once there is more than the bound. It is looked after whenever a program has
written a sixteenth of it, or 64 MiB, so that each program may exceed it by that much.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import threading
import time
import uuid
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from nwbin.errors import warn
from nwbin.storage.remote import cache_folder
from nwbin.storage.remote._ranges import Span, union
from nwbin.storage.remote._segments import SUFFIX, UNFINISHED, Put, Segment, read_segment, span_of
from nwbin.storage.remote._transport import State

__all__ = ["Entry", "Kept", "Shelf", "keeping_in", "kept", "key_of"]

_ENTRY = re.compile(r"[0-9a-f]{32}")
_ABOUT = "about.json"
_LARGEST_ABOUT = 1 << 16  # bytes
_LEAVE = 1_000_000_000  # bytes of the disk that stay free
_DOWN_TO = 0.9  # of the bound, when it is exceeded
_LOOKED_AFTER = 1 << 26  # bytes that are written before the bound is looked after, at the most
_FORGOTTEN = 3600.0  # s, after which nobody will finish what is unfinished
_NEWS = 60.0  # s in which a segment counts as used once
_LOST = {errno.ENOENT, errno.ENOTDIR}  # what another program has emptied
_said: set[str] = set()


def key_of(place: str, state: State) -> bytes | None:
    """Return by what a file in a state is known; None where the server's mark for it does not speak for every byte.

    Without an ETag only the size and the time of change are told, in seconds at best; a weak one promises no more than
    that the contents serve the same purpose. Neither keeps another file from being taken for this one.
    """
    if state.tag is None or state.tag.startswith("W/"):
        return None
    digest = hashlib.blake2b(digest_size=16, person=b"nwbin cache 1")
    for part in (place, state.tag, str(state.size)):
        raw = part.encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.digest()


class Entry(NamedTuple):
    """What is kept of one file in one state."""

    address: str  # without what is secret in it; "" where that is not known any more
    place: str  # where it was found: for an address of an archive, that of the content
    tag: str
    size: int  # bytes of the whole file
    n_bytes: int  # kept, as they take room on the disk
    n_files: int
    used: float  # s since 1970
    folder: Path


class Kept:
    """A folder of what was fetched.

    Parameters
    ----------
    folder
        Made, marked and looked at by :func:`nwbin.storage.remote.cache_folder.make`.
    bound
        How many bytes it may have.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder, self.bound = folder, bound
        self._lock = threading.Lock()
        self._written = bound  # since it was last looked after; at first nobody knows

    def shelf(self, place: str, address: str, state: State) -> Shelf | None:
        """Return what is kept of a file; None where nothing may be."""
        key = key_of(place, state)
        about = {"address": address, "place": place, "tag": state.tag, "size": state.size}
        return None if key is None else Shelf(self, key, about)

    def wrote(self, n_bytes: int) -> None:
        """Count what was written, and look after the bound where it is time."""
        with self._lock:
            self._written += n_bytes
            due = self._written > min(self.bound // 16, _LOOKED_AFTER)
            if due:
                self._written = 0
        if due:
            self.sweep()

    def sweep(self) -> None:
        """Remove what is beyond the bound, what was used longest ago first, and what nobody will finish."""
        found = []
        for folder in self._folders():
            found += list(_segments(folder))
            _clear_up(folder)
        total = sum(one.size for one in found)
        try:
            most = min(self.bound, total + shutil.disk_usage(self.folder).free - _LEAVE)
        except OSError:
            most = self.bound
        if total <= most:
            return
        for one in sorted(found, key=lambda one: one.used):
            if total <= _DOWN_TO * most:
                break
            total -= one.size
            with suppress(OSError):
                one.path.unlink()

    def entries(self) -> list[Entry]:
        """Return what is kept of each file, the one used last first."""
        found = []
        for folder in self._folders():
            files = list(_segments(folder))
            about = _read_about(folder)
            found.append(
                Entry(
                    about["address"], about["place"], about["tag"], about["size"],
                    sum(one.size for one in files), len(files), max((one.used for one in files), default=0.0), folder,
                )
            )  # fmt: skip
        return sorted(found, key=lambda one: -one.used)

    def remove(self, entry: Entry) -> None:
        """Remove an entry: what nwbin put into its folder, and nothing else."""
        for one in _listed(entry.folder):
            if span_of(one.name) is not None or one.name == _ABOUT or one.name.endswith(UNFINISHED):
                with suppress(OSError):
                    Path(one.path).unlink()
        with suppress(OSError):
            entry.folder.rmdir()

    def _folders(self) -> Iterator[Path]:
        for one in _listed(self.folder):
            if _ENTRY.fullmatch(one.name) and one.is_dir(follow_symlinks=False):
                yield Path(one.path)


class _File(NamedTuple):
    path: Path
    size: int
    used: float


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _segments(folder: Path) -> Iterator[_File]:
    for one in _listed(folder):
        if span_of(one.name) is not None:
            with suppress(OSError):
                found = one.stat(follow_symlinks=False)
                yield _File(Path(one.path), found.st_size, found.st_mtime)


def _clear_up(folder: Path) -> None:
    """Remove what is unfinished and forgotten; and the folder, where nothing was in it for as long."""
    long_ago = time.time() - _FORGOTTEN
    others = False
    for one in _listed(folder):
        try:
            old = one.stat(follow_symlinks=False).st_mtime < long_ago
            if one.name.endswith(UNFINISHED) and old:
                Path(one.path).unlink()
            elif one.name != _ABOUT or not old:
                others = True
        except OSError:
            others = True
    if not others:
        with suppress(OSError):
            (folder / _ABOUT).unlink(missing_ok=True)
            folder.rmdir()


def _read_about(folder: Path) -> dict[str, Any]:
    """Return what an entry says of itself; whatever is damaged is left out."""
    found: Any = {}
    with suppress(OSError, ValueError, RecursionError), (folder / _ABOUT).open("rb") as stream:
        found = json.loads(stream.read(_LARGEST_ABOUT))
    found = found if isinstance(found, dict) else {}
    about: dict[str, Any] = {name: str(found.get(name, "")) for name in ("address", "place", "tag")}
    size = found.get("size")
    return about | {"size": size if isinstance(size, int) and size >= 0 else 0}


class _Piece(NamedTuple):
    """Bytes that lie in a segment, and in no other that is known."""

    start: int
    stop: int
    segment: Span


class Shelf:
    """What is kept of one file in one state. Safe to use from several threads.

    Parameters
    ----------
    whole
        The folder of all.
    key
        By what the file in its state is known.
    about
        What is to be shown of it.
    """

    def __init__(self, whole: Kept, key: bytes, about: dict[str, Any]) -> None:
        self._whole, self._key, self._about = whole, key, about
        self.folder = whole.folder / key.hex()
        self._lock = threading.Lock()
        self._pieces: list[_Piece] = []  # disjoint, in order
        self._touched: dict[Span, float] = {}
        self._there = False
        self._useless = False  # nothing can be written
        found = [span for one in _listed(self.folder) if (span := span_of(one.name)) is not None]
        for span in sorted(found, key=lambda span: span.start - span.stop):  # the longest first
            self._add(span)

    # ---------------------------------------------------------------- reading

    @property
    def spans(self) -> list[Span]:
        """Which bytes there are."""
        with self._lock:
            return union((piece.start, piece.stop) for piece in self._pieces)

    def load(self, spans: list[Span], put: Put) -> list[Span]:
        """Hand on what is kept of some bytes; returns which are not."""
        left: list[Span] = []
        for start, stop in spans:
            at = start
            for piece in self._over(start, stop):
                low, high = max(start, piece.start), min(stop, piece.stop)
                if at < low:
                    left.append(Span(at, low))
                if not self._read(piece.segment, low, high, put):
                    left.append(Span(low, high))
                at = high
            if at < stop:
                left.append(Span(at, stop))
        return union(left)

    def _over(self, start: int, stop: int) -> list[_Piece]:
        with self._lock:
            first = bisect_right(self._pieces, start, key=lambda piece: piece.stop)
            last = bisect_left(self._pieces, stop, key=lambda piece: piece.start)
            return self._pieces[first:last]

    def _read(self, segment: Span, low: int, high: int, put: Put) -> bool:
        path = self.folder / f"{segment.start:x}-{segment.stop - segment.start:x}{SUFFIX}"
        if not read_segment(path, segment, self._key, low, high, put):
            with self._lock:
                self._pieces = [piece for piece in self._pieces if piece.segment != segment]
            with suppress(OSError):
                path.unlink()
            return False
        now = time.time()
        if now - self._touched.get(segment, 0.0) > _NEWS:
            self._touched[segment] = now
            with suppress(OSError):
                os.utime(path)
        return True

    # ---------------------------------------------------------------- writing

    def keep(self, span: Span) -> Segment | None:
        """Return what some bytes are to be written to, one behind the other; None where they are not kept."""
        if self._useless or span.stop - span.start > self._whole.bound // 2:
            return None
        if not self._there:
            try:
                self._make()
            except OSError as error:
                self._failed(error)
                return None
        return Segment(self.folder, span, self._key)

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not (self.folder / _ABOUT).exists():
            unfinished = self.folder / f".{uuid.uuid4().hex}{UNFINISHED}"
            unfinished.write_text(json.dumps(self._about, ensure_ascii=True), encoding="ascii")
            unfinished.replace(self.folder / _ABOUT)
        self._there = True

    def kept(self, segment: Segment, span: Span) -> None:
        """Have a segment appear whose bytes were all written."""
        if segment.finish():
            self._add(span)
            self._whole.wrote(span.stop - span.start)
        elif segment.failed is not None:
            self._failed(segment.failed)

    def _failed(self, error: OSError) -> None:
        self._there = False
        if error.errno in _LOST:  # and made again at the next
            return
        self._useless = True
        where = str(self._whole.folder)
        if where not in _said:
            _said.add(where)
            warn(
                f"what is fetched from servers cannot be kept in {where!r} any more ({error.strerror or error}): it "
                f"is fetched each time; make room there, or set {cache_folder.DIR} to a folder with room"
            )

    def _add(self, span: Span) -> None:
        """Know of a segment: of the bytes that are in no other."""
        with self._lock:
            first = bisect_right(self._pieces, span.start, key=lambda piece: piece.stop)
            last = bisect_left(self._pieces, span.stop, key=lambda piece: piece.start)
            at = span.start
            fresh = []
            for piece in self._pieces[first:last]:
                if at < piece.start:
                    fresh.append(_Piece(at, piece.start, span))
                at = max(at, piece.stop)
            if at < span.stop:
                fresh.append(_Piece(at, span.stop, span))
            for piece in fresh:
                insort(self._pieces, piece)


_known: dict[tuple[Path, int], Kept] = {}
_instead: ContextVar[Kept | None] = ContextVar("kept", default=None)
_knowing = threading.Lock()


def kept() -> Kept | None:
    """Return the folder of what was fetched, by the environment; None where nothing is kept."""
    instead = _instead.get()
    if instead is not None:
        return instead
    bound = cache_folder.size()
    if not bound:
        return None
    folder = cache_folder.make()
    if folder is None:
        return None
    with _knowing:
        return _known.setdefault((folder, bound), Kept(folder, bound))


@contextmanager
def keeping_in(folder: Kept) -> Iterator[None]:
    """Have what is opened meanwhile, on this thread, keep in another folder what it fetches."""
    before = _instead.set(folder)
    try:
        yield
    finally:
        _instead.reset(before)
