"""Dense counts: (presentations, bins, units)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nwbin._memory import require, taking
from nwbin.binning import _work
from nwbin.binning._dtypes import CountType, count_type, smallest
from nwbin.binning._request import (
    Closed,
    Request,
    Trains,
    as_threads,
    request_of_edges,
    request_of_windows,
)
from nwbin.errors import ArgumentError, ArgumentTypeError, CountOverflowError

__all__ = ["bin_spikes", "count_in_windows", "iter_bin_spikes"]

Progress = Callable[[int, int], object]

# A block of presentations when the output is not an array in memory, or is only passing through.
_BLOCK_BYTES = 32 << 20


def bin_spikes(
    trains: Trains,
    onsets: ArrayLike,
    edges: ArrayLike,
    *,
    closed: Closed = "left",
    binarize: bool = False,
    dtype: DTypeLike | None = None,
    out: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Any:
    """Count each unit's spikes in bins around each onset.

    A bin's ends in session time are ``onset + edge``, added in float64 in that order, and a spike is compared
    with them as they are: no bin is ever found by dividing.

    Parameters
    ----------
    trains
        The spike times of units, ascending, in seconds: SpikeTrains; a mapping of unit id to times; a list of
        arrays, whose ids are 0, 1, ...; a Session or a File, of which it is all units; pynapple's TsGroup; a list
        of Neo's SpikeTrains, in any unit of time; a sorting of SpikeInterface (see `nwbin.trains.as_trains`).
    onsets
        (presentations,) times in seconds; in any order, repeated, as close together as may be. Finite.
    edges
        (bins + 1,) seconds from onset, or (presentations, bins + 1) for one row a presentation.
        Non-decreasing. Two equal edges make a bin without width, which holds nothing, except where both its
        ends are closed: then it holds the spikes exactly there. -inf and inf mean from the first and to the
        last spike.
    closed
        Which ends belong to a bin: "left" is [a, b), "right" is (a, b], "both" is [a, b], where a spike on an
        edge between two bins counts in both, as in AllenSDK.
    binarize
        Say only whether there is a spike: 0 or 1.
    dtype
        Of the result: any integer or float, or bool, which binarizes. Default uint16, uint8 if binarized.
    out
        Where to put the counts: a NumPy array of this shape (a view, a memory map), or anything else with
        `shape` and `dtype` that takes slices of presentations, such as a Zarr array, and is then written a
        block at a time. `dtype` is then out's, and need not be given.
    threads
        How many; None means one for each core this process may use.
    progress
        Called with (presentations done, presentations in all), once at least. Work then goes in blocks.

    Returns
    -------
    numpy.ndarray
        (presentations, bins, units), units in the order of `trains`; or `out` where it is given.

    Raises
    ------
    CountOverflowError
        A count is more than dtype holds. The message says which, and which dtype is large enough. What `out`
        then holds is unspecified in the block that was being counted (all of a NumPy array that is
        C-contiguous), as asked for in those before, and as it was in those after.
    ArgumentError, ArgumentTypeError
        An argument makes no sense; the message says which, where, and what to give.
    NotEnoughMemoryError
        The result does not fit in memory (also a ``MemoryError``); the message says how large it is.

    Notes
    -----
    Working set: the result, and a few bytes for each presentation and bin; where the dtype is one that the kernels
    do not write, or `out` is no C-contiguous array in memory, a block of 32 MB too.

    See Also
    --------
    count_in_windows : windows that overlap or leave gaps.
    iter_bin_spikes : counts that do not fit in memory, block by block.
    nwbin.bin_spikes_sparse : only the bins that hold a spike.

    Examples
    --------
    >>> trains = {"a": [0.1, 0.2, 1.1], "b": [0.25]}
    >>> bin_spikes(trains, onsets=[0.0, 1.0], edges=[0.0, 0.1, 0.2, 0.3])[:, :, 0]
    array([[0, 1, 1],
           [0, 1, 0]], dtype=uint16)
    """
    request = request_of_edges(trains, onsets, edges, closed)
    return _count(request, binarize, dtype, out, threads, progress)


def count_in_windows(
    trains: Trains,
    onsets: ArrayLike,
    windows: ArrayLike,
    *,
    closed: Closed = "left",
    binarize: bool = False,
    dtype: DTypeLike | None = None,
    out: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Any:
    """Count each unit's spikes in windows around each onset: windows with gaps, overlaps, in any order.

    Parameters
    ----------
    trains, onsets, closed, binarize, dtype, out, threads, progress
        As in `bin_spikes`.
    windows
        (windows, 2) pairs of start and stop, seconds from onset, or (presentations, windows, 2) for other
        windows each presentation; (2,) is one window. No stop is before its start; -inf and inf are allowed.

    Returns
    -------
    numpy.ndarray
        (presentations, windows, units); or `out` where it is given.

    Raises
    ------
    CountOverflowError, ArgumentError, ArgumentTypeError
        As in `bin_spikes`.

    Examples
    --------
    >>> count_in_windows({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], [[-0.5, 0.0], [0.05, 0.15]])[:, :, 0]
    array([[0, 1],
           [0, 1]], dtype=uint16)
    """
    request = request_of_windows(trains, onsets, windows, closed)
    return _count(request, binarize, dtype, out, threads, progress)


def iter_bin_spikes(
    trains: Trains,
    onsets: ArrayLike,
    edges: ArrayLike,
    *,
    closed: Closed = "left",
    binarize: bool = False,
    dtype: DTypeLike | None = None,
    threads: int | None = None,
    max_bytes: int = _BLOCK_BYTES,
    reuse: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Count as `bin_spikes` does, a block of presentations at a time, for results that do not fit in memory.

    Parameters
    ----------
    trains, onsets, edges, closed, binarize, dtype, threads, progress
        As in `bin_spikes`.
    max_bytes
        The most that one block may take. One presentation is the least that can be counted; if that takes
        more, it is an error. Beside the block there are only a few bytes for each of its presentations, bins
        and units.
    reuse
        Count every block into the same memory, which is about twice as fast for many bins: then use or copy
        each block before asking for the next.

    Yields
    ------
    rows : slice
        Which presentations.
    counts : numpy.ndarray
        (presentations in the block, bins, units).

    Examples
    --------
    >>> for rows, counts in iter_bin_spikes({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], [0.0, 0.5], max_bytes=2):
    ...     print(rows, counts.sum())
    slice(0, 1, None) 2
    slice(1, 2, None) 1
    """
    request = request_of_edges(trains, onsets, edges, closed)
    kind = count_type(dtype, bool(binarize))
    number = as_threads(threads)
    row_bytes = request.shape[1] * request.shape[2] * kind.dtype.itemsize
    if row_bytes > max_bytes:
        raise ArgumentError(
            f"max_bytes={max_bytes:,} is less than one presentation takes ({request.shape[1]} bins of"
            f" {request.shape[2]} units, {row_bytes:,} bytes); allow more, or count fewer bins or units"
        )
    return _blocks(request, kind, number, max_bytes, reuse, progress)


def _blocks(
    request: Request, kind: CountType, threads: int, max_bytes: int, reuse: bool, progress: Progress | None
) -> Iterator[tuple[slice, NDArray[Any]]]:
    n_rows, n_bins, n_units = request.shape
    step = min(max(n_rows, 1), max(1, max_bytes // max(1, n_bins * n_units * kind.dtype.itemsize)))
    # A block whose dtype the kernels do not write is counted in one they do, then converted.
    work = kind.dtype if kind.direct else kind.kernel
    scratch: NDArray[Any] | None = None
    require(
        step * n_bins * n_units * work.itemsize,
        f"blocks of {step:,} presentations x {n_bins:,} bins x {n_units:,} units of {work}",
        "give fewer bins or units, or a smaller max_bytes or dtype",
    )
    for first in range(0, n_rows, step):
        last = min(first + step, n_rows)
        fresh = scratch is None
        if scratch is None:
            scratch = np.zeros((step, n_bins, n_units), work)
        block = scratch[: last - first]
        if _work.count(request.part(first, last), block.view(kind.kernel), kind, threads, fresh):
            raise _overflow(request, first, last, kind, threads)
        yield slice(first, last), block if kind.direct else block.astype(kind.dtype)
        if not reuse:
            scratch = None
        if progress is not None:
            progress(last, n_rows)


def _count(
    request: Request,
    binarize: bool,
    dtype: DTypeLike | None,
    out: Any,
    threads: int | None,
    progress: Progress | None,
) -> Any:
    number = as_threads(threads)
    if out is not None:
        _check_out(out, request.shape, dtype)
        dtype = out.dtype
    kind = count_type(dtype, bool(binarize))
    result = out
    if out is None:
        # Zeros straight from the operating system: the kernels need not write them once more.
        result = _made(np.zeros if kind.direct else np.empty, request.shape, kind.dtype)
    n_rows = request.onsets.size
    in_place = (
        isinstance(result, np.ndarray) and result.flags.c_contiguous and kind.direct and _aligned(result)
    )
    if in_place:
        step = max(1, n_rows if progress is None else _BLOCK_BYTES // max(1, result[:1].nbytes))
        for first in range(0, n_rows, step):
            last = min(first + step, n_rows)
            part, into = request.part(first, last), result[first:last].view(kind.kernel)
            if _work.count(part, into, kind, number, out is None):
                raise _overflow(request, first, last, kind, number)
            if progress is not None:
                progress(last, n_rows)
    else:
        for rows, block in _blocks(request, kind, number, _BLOCK_BYTES, True, progress):
            result[rows] = block
    if n_rows == 0 and progress is not None:
        progress(0, 0)
    return result


def _made(
    make: Callable[..., NDArray[Any]], shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    smaller = " a smaller dtype (uint8 holds up to 255 spikes)," if dtype.itemsize > 1 else ""
    with taking(
        math.prod(shape) * dtype.itemsize,
        f"{shape[0]:,} presentations x {shape[1]:,} bins x {shape[2]:,} units of {dtype}",
        f"give{smaller} fewer units or bins, out= with an array on the disk, or count block by block with "
        "nwbin.iter_bin_spikes",
    ):
        return make(shape, dtype)


def _aligned(array: NDArray[Any]) -> bool:
    return bool(array.flags.aligned)


def _check_out(out: Any, shape: tuple[int, int, int], dtype: DTypeLike | None) -> None:
    if not (hasattr(out, "shape") and hasattr(out, "dtype") and hasattr(out, "__setitem__")):
        raise ArgumentTypeError(
            f"out must be an array with shape and dtype that takes slices, not {type(out).__name__}"
        )
    if tuple(out.shape) != shape:
        raise ArgumentError(
            f"out has shape {tuple(out.shape)}, but the counts have {shape}: (presentations, bins, units)"
        )
    if dtype is not None and np.dtype(dtype) != out.dtype:
        raise ArgumentError(f"dtype is {np.dtype(dtype)}, but out is of {out.dtype}; leave dtype out")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ArgumentError("out is read-only; give an array that can be written")


def _overflow(request: Request, first: int, last: int, kind: CountType, threads: int) -> CountOverflowError:
    """Count presentations [first, last) again, in 64 bits: errors may take their time, and can then say what to do."""
    whole = first == 0 and last == request.onsets.size
    request = request.part(first, last)
    wide = count_type(np.int64, False)
    found: tuple[int, int, int, int] | None = None
    most = 0
    for rows, block in _blocks(
        request, wide, threads, max(_BLOCK_BYTES, 8 * request.shape[1] * request.shape[2]), True, None
    ):
        most = max(most, int(block.max()))
        if found is None and most > kind.limit:
            p, b, u = (int(k) for k in np.unravel_index(np.argmax(block > kind.limit), block.shape))
            found = (first + rows.start + p, b, u, int(block[p, b, u]))
    assert found is not None
    p, b, u, count = found
    unit = request.trains.unit_ids.tolist()[u]
    enough = smallest(most, kind.dtype)
    return CountOverflowError(
        f"presentation {p}, {request.called} {b}, unit {unit!r}: {count:,} spikes are more than {kind.dtype}"
        f" holds ({kind.limit:,}); dtype={enough.name!r} holds "
        + ("every count of this request" if whole else f"it (the largest of these presentations is {most:,})")
    )
