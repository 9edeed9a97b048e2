"""A file's bytes, mapped into memory: pages come off the disk when they are touched, and not before."""

from __future__ import annotations

import mmap
import os

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError

__all__ = ["FileMap"]


class FileMap:
    """The bytes of an open file.

    Touching a page behind the end of a file ends the process (SIGBUS), and a file can be cut while it is open.
    So whoever hands out mapped data, or is about to read some, calls :meth:`check` first; it costs a microsecond.
    A file cut between that and the last touch still ends the process: only a copy of the data would not.

    Parameters
    ----------
    descriptor
        Of the file. It may be closed afterwards.
    size
        How many bytes to map.
    name
        The file's, for messages.

    Attributes
    ----------
    bytes
        uint8 (size,), read-only. The map lives as long as an array made from it.
    """

    def __init__(self, descriptor: int, size: int, name: str) -> None:
        self._name, self._size = name, size
        self._compare(os.fstat(descriptor).st_size)
        self._map = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)

    def check(self) -> None:
        """Raise FileAccessError if the file has become shorter than it was."""
        self._compare(self._map.size())

    def _compare(self, size: int) -> None:
        if size < self._size:
            raise FileAccessError(
                f"{self._name}: was cut from {self._size:,} bytes to {size:,} while it was open; let whatever "
                "writes it finish, then open it again"
            )
