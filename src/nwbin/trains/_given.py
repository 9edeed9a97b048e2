"""What spike trains are made of, checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin.errors import ArgumentTypeError, FormatError

__all__ = ["as_ids", "as_offsets", "as_times", "frozen"]


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view as a plain array (a memory map too, so that kernels see one type)."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def as_times(times: ArrayLike, source: str) -> NDArray[np.float64]:
    """Spike times as float64 (spikes,), contiguous."""
    array = np.asarray(times)
    if array.size == 0 and array.ndim == 1 and array.dtype.kind == "O":
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf":
        raise ArgumentTypeError(
            f"{source}: spike times must be real numbers in seconds, not {array.dtype} values"
        )
    if array.ndim != 1:
        raise FormatError(f"{source}: spike times must have one dimension, not shape {array.shape}")
    return np.ascontiguousarray(array, np.float64)


def as_offsets(offsets: ArrayLike, n_times: int, source: str) -> NDArray[np.int64]:
    """Offsets as int64 (units + 1,): from 0, not decreasing, up to the number of spikes."""
    array = np.asarray(offsets)
    if array.dtype.kind not in "iu":
        raise ArgumentTypeError(f"{source}: offsets must be integers, not {array.dtype} values")
    if array.ndim != 1 or array.size == 0:
        raise FormatError(
            f"{source}: offsets must have one dimension and one entry more than there are units,"
            f" not shape {array.shape}"
        )
    if int(array[0]) != 0:
        raise FormatError(f"{source}: offsets must start at 0, not at {array[0]}")
    down = np.flatnonzero(array[1:] < array[:-1])
    if down.size:
        i = int(down[0])
        raise FormatError(
            f"{source}: offsets must not decrease, but offsets[{i}] is {array[i]} and offsets[{i + 1}] is"
            f" {array[i + 1]}"
        )
    if int(array[-1]) != n_times:
        raise FormatError(f"{source}: offsets end at {array[-1]}, but there are {n_times} spike times")
    return array.astype(np.int64)


def as_ids(unit_ids: ArrayLike | Iterable[Any], source: str) -> NDArray[Any]:
    """Unit ids as an array of their own, (units,); numbers that are whole as integers."""
    array = np.asarray(unit_ids)
    if array.ndim == 0:
        array = array.reshape(1)
    if array.ndim != 1:
        raise FormatError(f"{source}: unit ids must have one dimension, not shape {array.shape}")
    if array.size == 0 and array.dtype.kind == "f":
        array = array.astype(np.int64)
    kind = array.dtype.kind
    if kind == "U" and not isinstance(unit_ids, np.ndarray):
        # NumPy turns [1, "a"] into two strings; an id stays what it was.
        given = (
            list(unit_ids) if isinstance(unit_ids, Iterable) and not isinstance(unit_ids, str) else [unit_ids]
        )
        if not all(isinstance(i, str) for i in given):
            kept = np.empty(len(given), object)
            kept[:] = given
            return kept
    if kind == "f" and (array == np.floor(array)).all():
        array = array.astype(np.int64)  # 3.0 is unit 3, as a table column with gaps elsewhere makes it
        kind = "i"
    if kind not in "iuUOT":
        raise ArgumentTypeError(f"{source}: unit ids must be integers or strings, not {array.dtype} values")
    # Ids are few; a copy keeps them from changing under us.
    return array.copy()
