"""Text of a file on a server: fetched before it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin.storage.hdf5._ahead import ReadAhead
from nwbin.storage.hdf5._heap import REFERENCE
from nwbin.storage.hdf5._strings import HeapStrings

if TYPE_CHECKING:
    from nwbin.storage.remote import RemoteFile

__all__ = ["RemoteStrings"]


class RemoteStrings(HeapStrings):
    """The strings of variable length in a file on a server.

    Parameters
    ----------
    remote
        The file.
    ahead
        Fetches the collections that references lead to.
    """

    def __init__(self, remote: RemoteFile, ahead: ReadAhead) -> None:
        super().__init__(remote.image.bytes)
        self._image, self._ahead = remote.image, ahead

    def references(self, place: int, count: int) -> npt.NDArray[np.uint8]:
        self._image.need([(place, place + count * REFERENCE.itemsize)])
        return super().references(place, count)

    def read(self, references: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_]:
        self._ahead.strings(references)
        return super().read(references)

    def codes(self, references: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], list[str]]:
        self._ahead.strings(references)
        return super().codes(references)

    def _bytes(self, at: int, length: int) -> bytes:
        self._image.need([(at, at + length)])
        return super()._bytes(at, length)

    def _found(self, at: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> None:
        # A damaged collection may say that its last string ends outside it.
        self._image.need_rows(at, at + length)
