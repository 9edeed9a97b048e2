"""A file that is held open: whether it is still what was opened, and its bytes, mapped into memory."""

from __future__ import annotations

import mmap
import os
import weakref

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError

__all__ = ["FileMap", "HeldFile"]


class HeldFile:
    """A file held open by a descriptor of its own, which notices when the file is changed in place.

    A file put in this one's place is another file: this one stays, under no name, and is not changed by it. What
    is noticed is another length, or another time of change: writing sets it, and so do ``touch`` and copying
    over the file. A change within the clock tick (some milliseconds) of the one before it has the same time.

    Parameters
    ----------
    path
        Of the file.
    name
        The file's, for messages.

    Attributes
    ----------
    descriptor
        To read by. It is closed with :meth:`close`, or when nothing refers to this object any more.
    size
        In bytes, when it was opened.
    """

    def __init__(self, path: os.PathLike[str], name: str) -> None:
        self._name = name
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.close = weakref.finalize(self, os.close, self.descriptor)
        stat = os.fstat(self.descriptor)
        self.size, self._time = stat.st_size, stat.st_mtime_ns

    def check(self) -> None:
        """Raise FileAccessError if the file has changed since it was opened; it costs a microsecond."""
        stat = os.fstat(self.descriptor)
        if stat.st_size == self.size and stat.st_mtime_ns == self._time:
            return
        if stat.st_size < self.size:
            how = f"was cut from {self.size:,} bytes to {stat.st_size:,}"
        elif stat.st_size > self.size:
            how = f"grew from {self.size:,} bytes to {stat.st_size:,}"
        else:
            how = "was written to"
        raise FileAccessError(
            f"{self._name}: {how} while it was open; what was read of it may be wrong: let whatever writes it finish, "
            "then open it again"
        )

    def read(self) -> bytes:
        """Read it whole."""
        with os.fdopen(
            os.dup(self.descriptor), "rb"
        ) as stream:  # whose place in the file nothing else goes by
            stream.seek(0)
            return stream.read()


class FileMap:
    """The bytes of a file: pages come off the disk when they are touched, and not before.

    Touching a page behind the end of a file ends the process (SIGBUS), and a file can be cut, or written over,
    while it is open. So whoever hands out mapped data, or is about to read some, calls :meth:`check` first, and
    again once the reading is done. A file cut between that and the last touch still ends the process: only a copy
    of the data would not, as is made where nothing is mapped.

    Parameters
    ----------
    file
        The file. It stays open as long as this object is there.

    Attributes
    ----------
    bytes
        uint8 (size,), read-only. The map lives as long as an array made from it.
    """

    def __init__(self, file: HeldFile) -> None:
        self._file = file
        file.check()
        self._map = mmap.mmap(file.descriptor, file.size, access=mmap.ACCESS_READ)
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)

    def check(self) -> None:
        """Raise FileAccessError if the file has changed since it was opened."""
        self._file.check()
