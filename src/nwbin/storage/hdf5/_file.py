"""An HDF5 file that is open: its handle, its bytes, and how errors name it."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import h5py

from nwbin.errors import ArgumentError, FileAccessError, NotEnoughMemoryError, NwbinError
from nwbin.storage.addresses import is_address, shown_path
from nwbin.storage.file_map import FileMap, HeldFile
from nwbin.storage.hdf5._ahead import ReadAhead
from nwbin.storage.hdf5._guard import endless_text_refused
from nwbin.storage.hdf5._limits import USUAL, Limits
from nwbin.storage.opening import StrPath, check_file_object, check_path, why_not

if TYPE_CHECKING:
    from nwbin.storage.remote import RemoteFile

__all__ = ["DAMAGED", "OpenFile"]

DAMAGED = "the file is probably damaged: download it again"
_FAILED = "reading through the file object failed, or the file is damaged: try again, or download it and pass its path"

_TRIES = 3  # at closing

_of_python: weakref.WeakSet[OpenFile] = weakref.WeakSet()  # those that HDF5 reads through a file object


@atexit.register
def _close_all() -> None:
    """Close what HDF5 reads through Python while there is a Python: afterwards it would end in a crash."""
    for file in list(_of_python):
        file.close()


class OpenFile:
    """A file as libhdf5 has it open and, where it was given by its path, as the system has.

    Parameters
    ----------
    source
        A path, an address, or a seekable binary file object (which stays the caller's to close).
    follow_external
        Whether links into other files, and data kept in them, are followed.
    mapped
        Whether its bytes may be mapped into memory.
    limits
        What is taken for usual.
    ahead
        Groups that are fetched before HDF5 opens a file on a server: see :meth:`ReadAhead.objects`.
    index
        The path of an index that knows a file on a server.

    Attributes
    ----------
    h5
        The h5py.File.
    path
        None for a file object.
    held
        The file as the system has it open, None for a file object or an address.
    remote
        The file on its server, None where it was not given by an address.
    name
        As it stands in messages.
    size
        In bytes.
    said
        Paths of the objects that were warned of: once is enough.
    """

    def __init__(
        self,
        source: StrPath | BinaryIO,
        *,
        follow_external: bool,
        mapped: bool,
        limits: Limits = USUAL,
        ahead: Iterable[str] = (),
        index: StrPath | None = None,
    ) -> None:
        self.follow_external = follow_external
        self.limits = limits
        self._may_map = mapped
        self._closed = False
        self.said: set[str] = set()
        self.path: Path | None = None
        self.held: HeldFile | None = None
        self.remote: RemoteFile | None = None
        where: Any
        if isinstance(source, str) and is_address(source):
            from nwbin.storage.remote import Index, open_remote  # a file on the disk needs nothing of it

            self.remote = open_remote(source, None if index is None else Index(index))
            self.name, where = self.remote.name, self.remote.file
            self.remote.file.look = endless_text_refused(self.remote)
        elif index is not None:
            raise ArgumentError(
                f"{shown_path(source)}: an index is of files on servers; give the file's address, or leave it out"
            )
        elif isinstance(source, str | os.PathLike):
            where = self.path = check_path(source)
            self.name = str(self.path)
            # Opened once: a file put in this one's place later is not mixed up with it.
            self.held = HeldFile(self.path, self.name)
        else:
            where = source
            self.name = check_file_object(source)
        try:
            with self._telling():
                if self.ahead is not None:
                    self.ahead.objects(ahead)
                self.h5 = h5py.File(where, "r", locking="best-effort")
        except NwbinError:
            self._let_go()
            raise
        except (OSError, ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
            said = why_not(error, where)
            self._let_go()  # at once: as long as somebody keeps the error, it keeps this object
            raise FileAccessError(f"{self.name}: {said}") from error
        if self.held is None:
            _of_python.add(self)
        known = self.held or self.remote
        self.size = self.h5.id.get_filesize() if known is None else known.size

    def _telling(self) -> AbstractContextManager[None]:
        """Have what goes wrong on the way to a server raised as it is."""
        return nullcontext() if self.remote is None else self.remote.file.telling()

    def _let_go(self) -> None:
        if self.held is not None:
            self.held.close()
        if self.remote is not None:
            self.remote.let_go()

    def close(self) -> None:
        """Close the file, whatever state it is in. Arrays that were mapped from it stay readable."""
        self._closed = True
        for _ in range(_TRIES):
            # libhdf5 fails to let go of some objects of a damaged file, h5py then stops half-way, and what it
            # raises would take the place of the error that says what is damaged. Nothing was written that could
            # be lost. Each try closes the objects before the one that fails.
            with suppress(Exception):
                self.h5.close()
                break
        if (
            self.held is not None and self.__dict__.get("map") is None
        ):  # a map needs to see that it stays as it is
            self.held.close()
        if self.remote is not None:
            self.remote.let_go()

    @property
    def closed(self) -> bool:
        """Whether the file was closed."""
        return self._closed or not self.h5

    @contextmanager
    def reading(self, path: str) -> Iterator[None]:
        """Turn whatever h5py raises into an error that names the file and the object at a path in it."""
        if self.closed:
            raise FileAccessError(
                f"{self.name}: is closed; {path or 'nothing'} can no longer be read from it"
            )
        try:
            with self._telling():
                yield
            if self.held is not None:
                self.held.check()  # what was read is of one file only if that has not changed meanwhile
        except NwbinError:
            raise
        except MemoryError as error:
            raise NotEnoughMemoryError(
                f"{self.name}: there is not enough memory to read {path}; read fewer rows or units at a time"
            ) from error
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            AttributeError,
            OverflowError,
        ) as error:
            if self.held is not None:
                self.held.check()  # not damaged, perhaps, but changed meanwhile
            remedy = _FAILED if self.held is None and self.remote is None else DAMAGED
            raise FileAccessError(f"{self.name}: {path} cannot be read ({error}); {remedy}") from error

    # ---------------------------------------------------------------- the bytes, without libhdf5

    @cached_property
    def ahead(self) -> ReadAhead | None:
        """What fetches ahead; None where the file is not on a server."""
        return None if self.remote is None else ReadAhead(self.remote)

    @cached_property
    def map(self) -> FileMap | None:
        """The file's bytes; None where they cannot or may not be mapped, or the source is no path."""
        if self.held is None or not self._may_map:
            return None
        try:
            return FileMap(self.held)
        except FileAccessError:
            raise
        except (OSError, ValueError, OverflowError):  # addresses are limited, or the file system cannot
            return None

    @cached_property
    def has_plain_addresses(self) -> bool:
        """Whether addresses in the file are 8 bytes, and count from its first; not known of a file object."""
        if self.held is None and self.remote is None:
            return False
        plist = self.h5.id.get_create_plist()
        return bool(plist.get_userblock() == 0 and plist.get_sizes() == (8, 8))

    @cached_property
    def _number(self) -> int:
        return int(h5py.h5o.get_info(self.h5.id).fileno)

    def holds(self, node: Any) -> bool:
        """Whether an h5py object lies in this file, and not in one that a link leads to."""
        return bool(h5py.h5o.get_info(node.id).fileno == self._number)
