"""Spikes around onsets: what a raster shows."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin import _threads
from nwbin._memory import taking
from nwbin.binning import _work
from nwbin.binning._request import Closed, Trains, as_seconds, as_threads, request_of_windows
from nwbin.errors import ArgumentError
from nwbin.kernels import plain

__all__ = ["FEWER", "AlignedSpikes", "align_spikes", "places_of"]

FEWER = "take fewer presentations or units at a time, or a shorter window"
_FEW = 1 << 20  # spikes that are worth no compiled code where the windows are few


class AlignedSpikes(NamedTuple):
    """Every spike around every onset, ordered by presentation, then unit, then time: arrays of one length.

    Attributes
    ----------
    presentation
        int64, index into the onsets.
    unit
        int64, index into the spike trains (``trains.unit_ids[unit]`` are the ids).
    time
        float64, seconds from the onset: ``spike time - onset``.

    Examples
    --------
    >>> spikes = nwbin.align_spikes({7: [0.1, 1.2], 9: [1.3]}, onsets=[0.0, 1.0], window=(0, 0.5))
    >>> spikes.time[spikes.presentation == 1].round(9).tolist()
    [0.2, 0.3]
    """

    presentation: NDArray[np.int64]
    unit: NDArray[np.int64]
    time: NDArray[np.float64]


def align_spikes(
    trains: Trains,
    onsets: ArrayLike,
    window: ArrayLike,
    *,
    closed: Closed = "left",
    threads: int | None = None,
) -> AlignedSpikes:
    """Find every spike in a window around each onset.

    A spike in several presentations' windows is given for each of them. Whether it is in is decided in
    session time, ``onset + window[0] <= spike`` and so on, before the onset is taken off.

    Parameters
    ----------
    trains, onsets, closed, threads
        As in `nwbin.bin_spikes`.
    window
        (2,) start and stop, seconds from onset, or (presentations, 2).

    Returns
    -------
    AlignedSpikes
        Named tuple of presentation, unit (int64 indices) and time (float64 seconds from onset), 24 bytes a
        spike.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        As in `nwbin.bin_spikes`.
    NotEnoughMemoryError
        The result does not fit in memory (also a ``MemoryError``); the message says how large it is.

    Examples
    --------
    >>> spikes = align_spikes({"a": [0.5, 1.5], "b": [1.25]}, onsets=[1.0, 0.0], window=[0.0, 1.0])
    >>> spikes.presentation, spikes.unit, spikes.time
    (array([0, 0, 1]), array([0, 1, 0]), array([0.5 , 0.25, 0.5 ]))
    """
    number = as_threads(threads)
    ends = as_seconds(window, "window")
    if ends.ndim not in (1, 2) or ends.shape[-1] != 2:
        raise ArgumentError(
            f"window must be (2,), start and stop, or (presentations, 2) for one each; not shape {ends.shape}"
        )
    request = request_of_windows(trains, onsets, ends[:, None] if ends.ndim == 2 else ends, closed)
    units = request.trains
    arrays = units._values, units._starts, units._stops
    n_rows = request.onsets.size
    # NumPy counts first, and then searches once more.
    if not _work.compiled_is_worth_it(4 * n_rows * len(units), 2 * len(units)):
        lo, hi = request.boundaries()
        # NumPy takes three times the result beside it.
        if plain.counts(*arrays, lo, hi).sum() <= _FEW:
            found = AlignedSpikes(*plain.aligned(*arrays, request.onsets, lo[:, 0], hi[:, 0]))
            units._check()
            return found

    ordered, rows = request.in_order_of_time()
    kernels = _work.kernels()
    cuts = _work.spans(n_rows, n_rows, len(units), number)
    disjoint = _work.rows_are_disjoint(ordered)
    totals = np.zeros(n_rows, np.int64)

    def count(first: int, last: int) -> None:
        lo, hi = ordered.part(first, last).boundaries()
        kernels.count_rows(*arrays, lo[:, 0], hi[:, 0], disjoint, totals[first:last])

    _threads.run([partial(count, *cut) for cut in cuts], number)
    places, size = places_of(totals, rows)
    with taking(24 * size, f"{size:,} spikes in {n_rows:,} windows", FEWER):
        found = AlignedSpikes(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.float64))

    def fill(first: int, last: int) -> None:
        part = ordered.part(first, last)
        lo, hi = part.boundaries()
        kernels.fill_aligned(
            *arrays, part.onsets, lo[:, 0], hi[:, 0], disjoint, rows[first:last], places[first:last],
            totals[first:last], *found,
        )  # fmt: skip

    _threads.run([partial(fill, *cut) for cut in cuts], number)
    units._check()
    return found


def places_of(totals: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Where each row's results begin when rows stand in their original order, and how many there are."""
    in_order = np.empty_like(totals)
    in_order[rows] = totals
    ends = np.cumsum(in_order)
    return (ends - in_order)[rows], int(ends[-1]) if ends.size else 0
