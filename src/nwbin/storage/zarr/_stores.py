"""Where a store's files are: in a folder, in a .zip file, on a server. Each is asked for by its key ("units/id/0").

A key is made of names that stand in the store. So it is data, and never leads out of the store: one with ``..`` in it
is never asked for (see :func:`steps`), and what a symbolic link in a folder leads to outside it is not read.
"""

from __future__ import annotations

import errno
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, Protocol, TypeVar

from nwbin.errors import FileAccessError, MissingFileError
from nwbin.storage.addresses import shown
from nwbin.storage.remote import RemoteFile, State, open_remote_folder
from nwbin.storage.stores import GATHERED, METADATA, state_of
from nwbin.storage.zarr._parts_of_files import FileOfStream, FileOnServer, PartsOfFile

__all__ = ["LARGEST", "KeyStore", "RemoteStore", "open_store", "steps"]

T = TypeVar("T")

LARGEST = 1 << 28  # bytes of one file that nobody foresaw to be so large
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL)


class KeyStore(Protocol):
    """The files of a store."""

    name: str
    path: Path | None
    address: str | None

    @property
    def is_remote(self) -> bool:
        """Whether it lies on a server."""

    def get(self, key: str, most: int = LARGEST) -> bytes | None:
        """Read one file of at most so many bytes; None where there is none."""

    def get_many(self, keys: Sequence[str], most: int = LARGEST) -> list[bytes | None]:
        """Read many."""

    def each(self, keys: Sequence[str], work: Callable[[str, PartsOfFile | None], T]) -> list[T]:
        """Do some work with each of some files, of which it may read parts; None where there is no such file."""

    def folders(self, folder: str) -> list[str] | None:
        """Return the names of the folders in a folder; None where that cannot be asked for."""

    def sizes(self, folder: str) -> list[int] | None:
        """Return the bytes of each file in and below a folder but those of metadata; None as :meth:`folders`."""

    def state(self) -> tuple[Any, ...]:
        """By what the store is known to be the same when it is opened again; its bytes first."""

    def check(self) -> None:
        """Raise FileAccessError if it can be seen to have changed since it was opened."""

    def close(self) -> None:
        """Let go of it."""


def steps(path: str) -> list[str] | None:
    """Return the names on a path inside a store; None where it is none: with ``..``, or what a system may take so."""
    found = [step for step in path.split("/") if step]
    strange = any(step in (".", "..") or "\\" in step or "\0" in step or ":" in step[1:2] for step in found)
    return None if strange else found


def open_store(source: str | os.PathLike[str]) -> KeyStore:
    """Open the files of a store."""
    if isinstance(source, str) and "://" in source:
        return RemoteStore(source)
    path = Path(source).expanduser()
    return FolderStore(path) if path.is_dir() else ZipStore(path)


class FolderStore:
    """A folder."""

    is_remote = False

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.address: str | None = None
        self.name = str(path)
        self._root = path.resolve()
        self._inside: dict[Path, bool] = {}
        self._first = self._top()

    def get(self, key: str, most: int = LARGEST) -> bytes | None:
        file = self._open(key)
        if file is None:
            return None
        with file:
            size = os.fstat(file.fileno()).st_size
            _refuse_large(self.name, key, size, most)
            return file.read(size)

    def each(self, keys: Sequence[str], work: Callable[[str, PartsOfFile | None], T]) -> list[T]:
        found = []
        for key in keys:
            file = self._open(key)
            if file is None:
                found.append(work(key, None))
                continue
            with file:
                found.append(work(key, FileOfStream(file, os.fstat(file.fileno()).st_size)))
        return found

    def _open(self, key: str) -> BinaryIO | None:
        place = self._root / key
        try:
            if not self._is_inside(place):
                raise self._outside(key)
            descriptor = os.open(
                place, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
            )
        except FileAccessError:
            raise
        except (OSError, RuntimeError) as error:
            self._nothing(key, error)
            return None
        stat = os.fstat(descriptor)
        if not S_ISREG(stat.st_mode):
            os.close(descriptor)
            raise FileAccessError(
                f"{self.name}: {key} is no file (a folder, a pipe or a device); the store is damaged: copy it again"
            )
        return os.fdopen(descriptor, "rb")

    def get_many(self, keys: Sequence[str], most: int = LARGEST) -> list[bytes | None]:
        return [self.get(key, most) for key in keys]

    def _is_inside(self, place: Path) -> bool:
        """Whether something lies in the store, links followed."""
        folder = place.parent
        if folder not in self._inside:
            self._inside[folder] = folder.resolve().is_relative_to(self._root)
        inside = self._inside[folder]
        return inside and (not place.is_symlink() or place.resolve().is_relative_to(self._root))

    def _outside(self, key: str) -> FileAccessError:
        return FileAccessError(
            f"{self.name}: {key} is a symbolic link, or behind one, that leads out of the store; it is not followed: "
            "put the files themselves there"
        )

    def _nothing(self, key: str, error: Exception) -> None:
        """Return None for what is not there; raise for what is, and cannot be read."""
        number = getattr(error, "errno", None)
        if number in _ABSENT:
            return
        raise FileAccessError(
            f"{self.name}: {key} cannot be read ({getattr(error, 'strerror', None) or error}); check its owner and mode"
        ) from error

    def folders(self, folder: str) -> list[str] | None:
        place = self._root / folder
        try:
            if not self._is_inside(place / "_"):  # the folder itself
                raise self._outside(folder)
            with os.scandir(place) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except FileAccessError:
            raise
        except (OSError, RuntimeError) as error:
            self._nothing(folder, error)
            return []

    def sizes(self, folder: str) -> list[int] | None:
        found, todo = [], [self._root / folder]
        while todo:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(Path(entry.path))
                    elif entry.name not in METADATA:
                        found.append(entry.stat().st_size)
        return found

    def _top(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for name in METADATA:
            try:
                stat = (self._root / name).stat()
                found.append((stat.st_size, stat.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    def state(self) -> tuple[Any, ...]:
        try:
            return tuple(state_of(self._root).values())
        except OSError as error:
            raise FileAccessError(
                f"{self.name}: cannot be looked through ({error}); check its owner and mode"
            ) from error

    def check(self) -> None:
        if self._top() != self._first:
            raise FileAccessError(
                f"{self.name}: its metadata were written to, or taken away, while it was open; what was read of it may "
                "be wrong: let whatever writes it finish, then open it again"
            )

    def close(self) -> None:
        pass


class ZipStore:
    """A .zip file, with the store at its top or in the one folder there. Nothing is unpacked onto the disk."""

    is_remote = False

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.address: str | None = None
        self.name = str(path)
        try:
            self._file = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise FileAccessError(
                f"{path}: cannot be opened as a .zip file ({error}); download it again"
            ) from error
        self._infos = {info.filename: info for info in self._file.infolist() if not info.is_dir()}
        tops = {name.partition("/")[0] for name in self._infos}
        alone = len(tops) == 1 and not tops & set(METADATA)
        self._prefix = f"{tops.pop()}/" if alone else ""
        self._folders: dict[str, dict[str, None]] = {}
        for name in self._infos:
            parts = name.removeprefix(self._prefix).split("/")
            for depth in range(len(parts) - 1):
                self._folders.setdefault("/".join(parts[:depth]), {})[parts[depth]] = None
        self._first = self.state()

    def get(self, key: str, most: int = LARGEST) -> bytes | None:
        info = self._infos.get(self._prefix + key)
        if info is None:
            return None
        _refuse_large(self.name, key, info.file_size, most)
        with self._said_of(key):
            return self._file.read(info)  # no more than it says, and compared with its checksum

    def each(self, keys: Sequence[str], work: Callable[[str, PartsOfFile | None], T]) -> list[T]:
        found = []
        for key in keys:
            info = self._infos.get(self._prefix + key)
            if info is None:
                found.append(work(key, None))
                continue
            with self._said_of(key), self._file.open(info) as stream:
                found.append(work(key, FileOfStream(stream, info.file_size)))
        return found

    @contextmanager
    def _said_of(self, key: str) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise FileAccessError(
                f"{self.name}: {key} cannot be read ({error}); the .zip file is damaged, encrypted, or packed in an "
                "unusual way: download it again, or unpack it and give the folder"
            ) from error

    def get_many(self, keys: Sequence[str], most: int = LARGEST) -> list[bytes | None]:
        return [self.get(key, most) for key in keys]

    def folders(self, folder: str) -> list[str] | None:
        return list(self._folders.get(folder.strip("/"), {}))

    def sizes(self, folder: str) -> list[int] | None:
        begin = f"{self._prefix}{folder}/"
        return [
            info.compress_size
            for name, info in self._infos.items()
            if name.startswith(begin) and name.rpartition("/")[2] not in METADATA
        ]

    def state(self) -> tuple[Any, ...]:
        return tuple(state_of(Path(self.name)).values())

    def check(self) -> None:
        if self.state() != self._first:
            raise FileAccessError(f"{self.name}: was written to while it was open; open it again")

    def close(self) -> None:
        self._file.close()


class RemoteStore:
    """A folder on a server."""

    is_remote = True

    def __init__(self, address: str) -> None:
        self.path: Path | None = None
        self.address: str | None = address
        self.name = shown(address)
        self._folder = open_remote_folder(address)
        # What gathers a server's metadata, before it is read: whatever is read of the store later is of this one.
        self._top, self._first = "", None
        for self._top in GATHERED:
            self._first = self._folder.mark(self._top, LARGEST)
            if self._first is not None:
                break
        self._wave: object = None  # what was read last, and what was when the mark was last found the same
        self._compared: object = None

    def get(self, key: str, most: int = LARGEST) -> bytes | None:
        return self.get_many([key], most)[0]

    def get_many(self, keys: Sequence[str], most: int = LARGEST) -> list[bytes | None]:
        found = self._folder.get_many(keys, most)
        if keys:
            self._wave = object()
        return found

    def get_short(self, keys: Sequence[str], most: int, room: int) -> dict[str, bytes | None]:
        """Read those of many files that are not longer than so many bytes, until there is no more room."""
        found = self._folder.get_short(keys, most, room)
        if keys:
            self._wave = object()
        return found

    def each(self, keys: Sequence[str], work: Callable[[str, PartsOfFile | None], T]) -> list[T]:
        alone = len(keys) > 1  # else the parts of the one are asked for side by side

        def job(key: str, file: RemoteFile | None) -> T:
            return work(key, None if file is None else FileOnServer(file, alone=alone))

        found = self._folder.each(keys, job)
        if keys:
            self._wave = object()
        return found

    def folders(self, folder: str) -> list[str] | None:
        return None

    def sizes(self, folder: str) -> list[int] | None:
        return None

    def state(self) -> tuple[Any, ...]:
        return (0,)

    def check(self) -> None:
        """See :class:`KeyStore`; the server is asked only if something was read since it was asked last."""
        wave = self._wave
        if wave is self._compared:
            return
        first = self._first
        now = self._folder.mark(self._top, LARGEST, known=first is not None)
        if isinstance(first, State) and isinstance(now, State):
            differs = first.differs(now)
        else:
            differs = first != now
        if differs:
            raise FileAccessError(
                f"{self.name}: {self._top} has changed on the server since the store was opened; what was read of it "
                "may not fit together: open it again"
            )
        self._compared = wave

    def close(self) -> None:
        pass


def _refuse_large(name: str, key: str, size: int, most: int) -> None:
    if size > most:
        raise FileAccessError(
            f"{name}: {key} has {size:,} bytes where at most {most:,} can belong; the store is damaged: copy it again"
        )


def nothing_there(name: str) -> MissingFileError:
    """The error of a store without metadata at its top."""
    return MissingFileError(
        f"{name}: is no Zarr store: none of {', '.join(METADATA[:2])} is at its top; give the folder that holds one of "
        "them, or copy the store again"
    )


def refuse_page(store: KeyStore, key: str, raw: bytes) -> None:
    """Raise if what came from a server in place of a file that makes no sense is a web page, or XML."""
    if store.is_remote and raw.lstrip()[:1] == b"<":
        raise FileAccessError(
            f"{store.name}: what came as {key} is a web page, or XML: a proxy or a login page answers in its place; "
            "open the address in a browser, or download the store and give its path"
        )
