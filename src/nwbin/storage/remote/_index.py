"""What says where things lie in files on servers, as a file to be handed on: with it a file is opened in one request.

    index.json      {"nwbin index": 1, "files": [{"address", "place", "tag", "size", "runs": [[first byte, bytes], ...],
                    "digest"}, ...]}
    blocks/0 ...    the bytes of the runs of the first file, the second, ..., one run behind the other

in a zip file. An entry is used for the file at its place only if the server, asked at that moment, names the same ETag
and the same size; and the bytes only if they have the digest. That keeps out an index that is old, of another file, or
damaged. It does not keep out a false one: whoever writes an index can write any bytes under a true ETag, and would be
believed. An index is to be trusted as the files themselves are, and to be taken from no other hands.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from nwbin._atomic import atomic_write
from nwbin.errors import FileAccessError, MissingFileError, warn
from nwbin.storage.remote._image import Image
from nwbin.storage.remote._kept import Shelf
from nwbin.storage.remote._ranges import PIECE, Span, pieces, union
from nwbin.storage.remote._segments import Put
from nwbin.storage.remote._transport import State

__all__ = ["Index", "Indexed", "Part", "write_index_file"]

_VERSION = "nwbin index"
_CONTENTS = "index.json"
_LARGEST_CONTENTS = 1 << 26  # bytes
_MOST_BLOCKS = 1 << 30  # bytes of one file

StrPath = str | os.PathLike[str]


class Indexed(NamedTuple):
    """A file that an index knows."""

    address: str
    place: str
    state: State
    runs: list[Span]
    digest: str
    member: str


class Part(NamedTuple):
    """What of a file is to be put into an index."""

    address: str
    place: str
    state: State
    shelf: Shelf


def write_index_file(path: StrPath, parts: Iterable[Part]) -> int:
    """Write an index of what lies on some shelves; returns how many bytes of files it has."""
    contents, n_bytes = [], 0
    with (
        atomic_write(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out,
    ):
        for number, part in enumerate(parts):
            runs, digest = pieces(part.shelf.spans), hashlib.sha256()
            with out.open(_member(number), "w", force_zip64=True) as stream:

                def put(at: int, data: Any, stream: Any = stream, digest: Any = digest) -> None:
                    stream.write(data)
                    digest.update(data)

                for run in runs:
                    if part.shelf.load([run], put):
                        raise FileAccessError(
                            f"{part.address}: what was fetched for the index was removed meanwhile; make room, and "
                            "try again"
                        )
            contents.append(
                {
                    "address": part.address, "place": part.place, "tag": part.state.tag, "size": part.state.size,
                    "runs": [[start, stop - start] for start, stop in runs], "digest": digest.hexdigest(),
                }
            )  # fmt: skip
            n_bytes += sum(stop - start for start, stop in runs)
        out.writestr(_CONTENTS, json.dumps({_VERSION: 1, "files": contents}))
    return n_bytes


def _member(number: int) -> str:
    return f"blocks/{number}"


class Index:
    """An index, open for reading.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    MissingFileError, FileAccessError
        There is none, or it is no index.
    """

    def __init__(self, path: StrPath) -> None:
        self._path = Path(path).expanduser()
        self.files: dict[str, Indexed] = {}
        if not self._path.exists():
            raise MissingFileError(f"{self._path}: no such file; nwbin index makes one")
        try:
            with zipfile.ZipFile(self._path) as zipped, zipped.open(_CONTENTS) as stream:
                raw = stream.read(_LARGEST_CONTENTS + 1)
            contents = json.loads(raw[:_LARGEST_CONTENTS])
            if len(raw) > _LARGEST_CONTENTS or contents[_VERSION] != 1:
                raise ValueError("it is of another version")
            found = [_checked(one, number) for number, one in enumerate(contents["files"])]
        except _WRONG as error:
            raise self._useless(error) from None
        self.files = {one.place: one for one in found}

    def _useless(self, error: Exception) -> FileAccessError:
        return FileAccessError(
            f"{self._path}: is no index of files on servers, or is damaged ({type(error).__name__}); make it again: "
            "nwbin index"
        )

    def put_into(self, image: Image, place: str | None, state: State, name: str) -> None:
        """Put into an image what the index has of a file in a state; warns where it has nothing."""
        found = None if place is None else self.files.get(place)
        if found is None:
            warn(f"{name}: the index {str(self._path)!r} does not know it: it is opened without")
        elif (found.state.size, found.state.tag) != (state.size, state.tag) or _is_weak(state.tag):
            warn(
                f"{name}: the index {str(self._path)!r} is of another version of it: it is opened without; make the "
                "index again: nwbin index"
            )
        else:
            self.load(found, image.put)

    def load(self, one: Indexed, put: Put) -> None:
        """Hand on all that the index has of a file, once its digest was compared."""
        total = sum(stop - start for start, stop in one.runs)
        try:
            with zipfile.ZipFile(self._path) as zipped, zipped.open(one.member) as stream:
                data = stream.read(total + 1)
            if len(data) != total or hashlib.sha256(data).hexdigest() != one.digest:
                raise ValueError("it is not what it was")
        except _WRONG as error:
            raise self._useless(error) from None
        at = 0
        view = memoryview(data)
        for start, stop in one.runs:
            put(start, view[at : at + stop - start])
            at += stop - start

    def keep(self, one: Indexed, shelf: Shelf) -> None:
        """Put what the index has of a file where fetched bytes are kept."""

        def put(at: int, data: Any) -> None:
            span = Span(at, at + len(data))
            segment = shelf.keep(span)
            if segment is not None:
                segment.add(data)
                shelf.kept(segment, span)

        self.load(one, put)

    @staticmethod
    def is_kept(one: Indexed, shelf: Shelf) -> bool:
        """Whether all that the index has of a file is on a shelf."""
        return union([*shelf.spans, *one.runs]) == shelf.spans


_WRONG = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile, zlib.error, EOFError,
    RuntimeError, NotImplementedError, OverflowError,
)  # fmt: skip


def _is_weak(tag: str | None) -> bool:
    return tag is None or tag.startswith("W/")


def _checked(one: dict[str, Any], number: int) -> Indexed:
    """Return an entry, in which nothing leads out of its file; raises ValueError."""
    size, tag = one["size"], one["tag"]
    texts = [one["address"], one["place"], one["digest"], tag]
    runs = [Span(int(start), int(start) + int(length)) for start, length in one["runs"]]
    if not all(isinstance(text, str) for text in texts) or not isinstance(size, int):
        raise TypeError
    total = sum(stop - start for start, stop in runs)
    inside = all(0 <= start < stop <= size and stop - start <= PIECE for start, stop in runs)
    if not inside or total > _MOST_BLOCKS or sum(b - a for a, b in union(runs)) != total:
        raise ValueError("its parts are not parts of one file")
    return Indexed(one["address"], one["place"], State(size, tag, None), runs, one["digest"], _member(number))
