"""Sums and sums of squares of counts over the trials of each condition, without ever holding all counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin._threads import as_threads, run
from nwbin.binning import Closed, bin_edges, count_in_windows, iter_bin_spikes
from nwbin.errors import CountOverflowError
from nwbin.estimates.smoothing import Pieces, pieces_of, smoothed
from nwbin.trains import SpikeTrains

__all__ = ["Moments", "binned_moments", "mean_and_spread", "moments_of", "unit_blocks"]

Floats = npt.NDArray[np.float64]

_BLOCK = 32 << 20
_NARROW = 0.1  # s: no neuron fires 256 times in that, so that a byte holds a count


@dataclass(frozen=True)
class Moments:
    """What is left of the counts of each condition's trials.

    Attributes
    ----------
    total
        Sums over trials: float64 (conditions, bins, units), whole numbers unless they were smoothed.
    squares
        Sums of squares; None where they were not asked for.
    trials
        How many each condition has: int64 (conditions,).
    """

    total: Floats
    squares: Floats | None
    trials: npt.NDArray[np.int64]


def mean_and_spread(moments: Moments, scale: Floats, *, of_mean: bool = True) -> tuple[Floats, Floats | None]:
    """Make means of sums, and of squares standard errors (or, not `of_mean`, variances, n - 1), in the same memory.

    Parameters
    ----------
    moments
        Used up by this.
    scale
        What counts are multiplied by: float64, broadcasts to (bins, units).

    Returns
    -------
    tuple
        Both float64 (conditions, bins, units). Means of conditions without trials are NaN, the others of conditions
        with fewer than two; None where there are no sums of squares.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        for at, n in enumerate(moments.trials.tolist()):
            total = moments.total[at]
            if moments.squares is not None:
                # Of whole numbers exact up to the one division: no difference of large sums that were rounded.
                squares = moments.squares[at]
                squares *= n
                squares -= np.square(total)
                np.maximum(squares, 0.0, out=squares)
                squares /= float(n * (n - 1)) if n > 1 else np.nan
                if of_mean:
                    squares /= n if n else np.nan
                    np.sqrt(squares, out=squares)
                    squares *= scale
                else:
                    squares *= np.square(scale)
            total /= n if n else np.nan
            total *= scale
    return moments.total, moments.squares


def binned_moments(
    trains: SpikeTrains,
    onsets: Floats,
    edges: npt.ArrayLike,
    code: npt.NDArray[np.int64],
    conditions: int,
    *,
    squares: bool = True,
    smoother: Floats | None = None,
    closed: Closed = "left",
    threads: int | None = None,
    max_bytes: int = _BLOCK,
) -> Moments:
    """Count in bins around onsets, and add up the counts and their squares over the trials of each condition.

    Parameters
    ----------
    trains
        The spikes.
    onsets
        float64 (trials,), s.
    edges
        (bins + 1,) s from onset.
    code
        Each trial's condition, 0 to conditions - 1; -1 for trials that are left out: int64 (trials,).
    conditions
        How many there are.
    squares
        Whether their sums are asked for.
    smoother
        (bins, bins): each trial's counts are multiplied by it from the left first, so that squares are those of
        smoothed counts.
    closed, threads
        As in :func:`nwbin.bin_spikes`.
    max_bytes
        Of counts at a time; one trial is the least.

    Returns
    -------
    Moments

    Notes
    -----
    Working set: the result, 16 bytes a condition, bin and unit, and twice `max_bytes`.
    """
    bounds = bin_edges(edges)
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    shape = (conditions, bounds.size - 1, len(trains))
    what = f"rates of {shape[0]:,} conditions x {shape[1]:,} bins x {shape[2]:,} units, and their sums,"
    with taking((3 + squares) * 8 * math.prod(shape), what, "take fewer units, bins or conditions at a time"):
        total = np.zeros(shape)
        squared = np.zeros(shape) if squares else None
    trials = np.bincount(code[order], minlength=conditions).astype(np.int64)
    pieces = None if smoother is None else pieces_of(smoother)
    narrow = bool(np.isfinite(bounds).all() and np.diff(bounds).max(initial=0.0) <= _NARROW)
    kinds: list[npt.DTypeLike] = [np.uint8, np.uint32] if narrow else [np.uint32]
    for kind in kinds:
        least = np.dtype(kind).itemsize * shape[1] * shape[2]
        blocks = iter_bin_spikes(
            trains, onsets[order], bounds, closed=closed, dtype=kind, threads=threads,
            max_bytes=max(max_bytes, least), reuse=True,
        )  # fmt: skip
        try:
            for rows, block in blocks:
                _add(block, code[order[rows]], total, squared, pieces, as_threads(threads))
        except CountOverflowError:  # a burst of many units taken together, say: begin again with room for it
            if kind is kinds[-1]:
                raise
            total[...] = 0.0
            if squared is not None:
                squared[...] = 0.0
            continue
        break
    return Moments(total, squared, trials)


def _add(
    block: npt.NDArray[Any],
    code: npt.NDArray[np.int64],
    total: Floats,
    squares: Floats | None,
    smoother: Pieces | None,
    threads: int,
) -> None:
    """Add a block of trials, ordered by condition, to the sums: each condition by one thread."""

    def add(start: int, stop: int) -> None:
        at = int(code[start])
        own = None if squares is None else squares[at]
        if smoother is None:
            _add_counts(block[start:stop], total[at], own)
        else:
            _add_smoothed(block[start:stop], total[at], own, smoother)

    starts = np.flatnonzero(np.diff(code, prepend=-1)).tolist()
    run([partial(add, *ends) for ends in pairwise([*starts, len(code)])], threads)


def _add_counts(part: npt.NDArray[Any], total: Floats, squares: Floats | None) -> None:
    most = int(part.max(initial=0))
    if not most:
        return
    ones = np.add.reduce(part, axis=0, dtype=_room_for(len(part) * most))
    total += ones
    if squares is None:
        return
    if most == 1:
        squares += ones
        return
    own = np.multiply(part, part, dtype=_room_for(most * most), casting="unsafe")
    squares += np.add.reduce(own, axis=0, dtype=_room_for(len(part) * most * most))


def _add_smoothed(part: npt.NDArray[Any], total: Floats, squares: Floats | None, smoother: Pieces) -> None:
    for counts in part:  # one trial at a time, so that threads do not each hold all of them
        smooth = smoothed(smoother, counts.astype(np.float64))
        total += smooth
        if squares is not None:
            squares += np.square(smooth, out=smooth)


def _room_for(largest: int) -> Any:
    """The narrowest dtype that holds sums up to this: adding up bytes moves an eighth of the memory."""
    return next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if np.iinfo(kind).max >= largest)


def moments_of(counts: Floats, code: npt.NDArray[np.int64], conditions: int) -> Moments:
    """Add up counts that are there: float64 (trials, bins, units), whole numbers; see :func:`binned_moments`."""
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    trials = np.bincount(code[order], minlength=conditions).astype(np.int64)
    total, squares = np.zeros((2, conditions, *counts.shape[1:]))
    if order.size:
        shown, first = np.unique(code[order], return_index=True)
        sorted_counts = counts[order]
        total[shown] = np.add.reduceat(sorted_counts, first, axis=0)
        squares[shown] = np.add.reduceat(np.square(sorted_counts, out=sorted_counts), first, axis=0)
    return Moments(total, squares, trials)


def unit_blocks(
    trains: SpikeTrains,
    onsets: Floats,
    windows: npt.ArrayLike,
    *,
    dtype: npt.DTypeLike = np.float64,
    closed: Closed = "left",
    threads: int | None = None,
    beside: int = 0,
    max_bytes: int = 2 * _BLOCK,
) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """Count in windows of every trial, for some units at a time.

    Parameters
    ----------
    trains
        The spikes.
    onsets
        float64 (trials,), s.
    windows
        (windows, 2) s from onset.
    beside
        Bytes that the caller makes for each unit of a block.
    max_bytes
        Of a block and what is beside it; one unit is the least.

    Yields
    ------
    units : slice
        Which units.
    counts : numpy.ndarray
        Of this dtype, whole numbers: (trials, windows, units of the block).
    """
    number, kind = len(np.atleast_2d(np.asarray(windows))), np.dtype(dtype)
    each = max(1, kind.itemsize * len(onsets) * number + beside)
    step = max(1, max_bytes // each)
    ids = trains.unit_ids
    for first in range(0, len(trains), step):
        block = slice(first, min(first + step, len(trains)))
        size = each * (block.stop - block.start)
        what = f"counts of {len(onsets):,} trials x {number:,} windows x {block.stop - block.start:,} units"
        with taking(size, what, "take fewer trials, windows or resamples"):
            counts = count_in_windows(
                trains.select(ids[block]), onsets, windows, closed=closed, dtype=kind, threads=threads
            )
        yield block, counts
