"""A new HDF5 file, for the few formats that are written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

__all__ = ["lists_of_characters", "new_hdf5"]


def new_hdf5(file: BinaryIO, *, user_block: int = 0) -> Any:
    """Open a new file of HDF5 over a file object, which is emptied.

    Parameters
    ----------
    file
        Open for reading and writing.
    user_block
        Bytes at its beginning that HDF5 leaves to others: 0, or a power of two from 512.

    Returns
    -------
    h5py.File
        To be closed before the user block is written.
    """
    import h5py

    file.truncate(0)  # what is there, HDF5 would take for a file of its own
    return h5py.File(file, "w", userblock_size=user_block or None)


def lists_of_characters(texts: Sequence[str]) -> npt.NDArray[Any]:
    """Texts as lists of single characters, each as long as it is, for an attribute; ASCII only."""
    import h5py

    made = np.empty(len(texts), dtype=h5py.vlen_dtype(np.dtype("S1")))
    for place, text in enumerate(texts):
        made[place] = np.frombuffer(text.encode("ascii"), dtype="S1")
    return made
