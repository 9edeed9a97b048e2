"""Spikes of presentations as a table in order of time."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin._memory import require, taking
from nwbin.binning import _work
from nwbin.binning._aligned import FEWER, align_spikes, places_of
from nwbin.binning._request import Closed, as_threads, request_of_windows
from nwbin.trains import SpikeTrains

__all__ = ["SpikeColumns", "spikes_in_order_of_time"]


class SpikeColumns(NamedTuple):
    """Spikes in order of time; arrays of one length.

    Attributes
    ----------
    time, since
        float64, seconds: on the clock of the spike trains, and from the start of the window.
    row_id, unit_id
        int64, the ids of the window and of the unit.

    Examples
    --------
    >>> trains = nwbin.SpikeTrains.from_dict({7: [0.1, 1.2], 9: [1.1]})
    >>> spikes_in_order_of_time(trains, np.array([[0.0, 0.5], [1.0, 1.5]]), np.array([70, 71])).row_id.tolist()
    [70, 71, 71]
    """

    time: NDArray[np.float64]
    row_id: NDArray[np.int64]
    unit_id: NDArray[np.int64]
    since: NDArray[np.float64]


def spikes_in_order_of_time(
    trains: SpikeTrains,
    windows: NDArray[np.float64],
    row_ids: NDArray[np.int64],
    *,
    closed: Closed = "left",
    threads: int | None = None,
) -> SpikeColumns:
    """List the spikes of all windows in order of time; spikes at one time in the order of windows, then units.

    Parameters
    ----------
    trains
        The spike trains; ids must be integers.
    windows
        Start and stop of each, on the trains' clock, in s: float64 (windows, 2). They may be in any order,
        overlap and repeat; a spike in several is listed for each.
    row_ids
        The windows' ids, int64 (windows,).
    closed
        "left" [start, stop), "right" (start, stop], "both" [start, stop].
    threads
        Threads to use; all cores by default. The working set is the result, 32 bytes a spike; for windows
        that are not one after another, three times that.

    Examples
    --------
    >>> trains = nwbin.SpikeTrains.from_dict({7: [0.1, 1.2], 9: [1.1]})
    >>> found = spikes_in_order_of_time(trains, np.array([[0.0, 0.5], [1.0, 1.5]]), np.array([70, 71]))
    >>> found.unit_id.tolist(), found.since.round(9).tolist()
    ([7, 9, 7], [0.1, 0.1, 0.2])
    """
    onsets = np.zeros(len(windows))
    request = request_of_windows(trains, onsets, windows[:, None, :], closed)
    units = np.asarray(request.trains.unit_ids, dtype=np.int64)
    lo, hi = (edge[:, 0] for edge in request.boundaries())
    one_after_another = bool((lo[1:] >= np.maximum.accumulate(hi)[:-1]).all())
    if not one_after_another or not _work.compiled_is_worth_it(4 * len(windows) * len(units), 2 * len(units)):
        found = align_spikes(trains, onsets, windows, closed=closed, threads=threads)
        size = found.time.size
        require(9 * 8 * size, f"{size:,} spikes, while they are put in order,", FEWER)
        order = np.argsort(found.time, kind="stable")
        row, time = found.presentation[order], found.time[order]
        return SpikeColumns(time, row_ids[row], units[found.unit[order]], time - windows[row, 0])

    from nwbin.kernels import tabled

    number = as_threads(threads)
    kernels = _work.kernels()
    arrays = request.trains._values, request.trains._starts, request.trains._stops
    cuts = _work.spans(len(windows), len(windows), len(units), number)
    totals = np.zeros(len(windows), np.int64)

    def count(first: int, last: int) -> None:
        kernels.count_rows(*arrays, lo[first:last], hi[first:last], True, totals[first:last])

    _threads.run([partial(count, *cut) for cut in cuts], number)
    places, size = places_of(totals, np.arange(len(windows)))
    places = np.append(places, size)
    with taking(4 * 8 * size, f"{size:,} spikes in {len(windows):,} windows", FEWER):
        floats = np.empty(size), np.empty(size)
        found_ids = np.empty(size, np.int64), np.empty(size, np.int64)
    left = np.zeros(len(windows), bool)
    table = SpikeColumns(floats[0], found_ids[0], found_ids[1], floats[1])

    def fill(first: int, last: int) -> None:
        part = slice(first, last)
        tabled.fill_in_order_of_time(
            *arrays, windows[part, 0].copy(), lo[part], hi[part], places[first : last + 1], row_ids[part], units,
            *table, left[part],
        )  # fmt: skip

    _threads.run([partial(fill, *cut) for cut in cuts], number)
    for crowded in np.flatnonzero(left).tolist():
        part = slice(int(places[crowded]), int(places[crowded + 1]))
        order = np.argsort(table.time[part], kind="stable")
        for column in table:
            column[part] = column[part][order]
    request.trains._check()
    return table
