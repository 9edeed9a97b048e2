"""Counts in windows, summarised by unit and by group of windows."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.binning import Closed, count_in_windows
from nwbin.tables.missing import missing
from nwbin.trains import Trains, as_trains

__all__ = ["GroupStatistics", "group_statistics"]


class GroupStatistics(NamedTuple):
    """Counts (or rates) by group and unit.

    Attributes
    ----------
    groups
        The distinct groups, ascending: (groups,).
    unit_ids
        The distinct units, ascending: (units,).
    windows
        How many windows each group has: int64 (groups,).
    total
        Spikes: int64 (groups, units).
    mean, std, sem
        Of the windows' counts, or of their rates in Hz: float64 (groups, units). The deviation divides by n - 1: NaN
        for one window.
    spiked
        Which units have a spike in any window, those of no group included: bool (units,).
    """

    groups: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]
    windows: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    sem: npt.NDArray[np.float64]
    spiked: npt.NDArray[np.bool_]

    def of_units(self, chosen: npt.NDArray[np.bool_]) -> GroupStatistics:
        """Those of some units."""
        over_units = {name: getattr(self, name)[:, chosen] for name in ("total", "mean", "std", "sem")}
        return self._replace(unit_ids=self.unit_ids[chosen], spiked=self.spiked[chosen], **over_units)


def group_statistics(
    trains: Trains,
    windows: npt.NDArray[np.float64],
    groups: npt.NDArray[Any],
    *,
    durations: npt.NDArray[np.float64] | None = None,
    closed: Closed = "left",
    threads: int | None = None,
    max_bytes: int = 32 << 20,
) -> GroupStatistics:
    """Count in windows, and summarise by unit and group of windows.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them. A unit that is there twice is one unit.
    windows
        Start and stop of each on the trains' clock, in s: float64 (windows, 2).
    groups
        A number for each window, NaN or None where it belongs to none: (windows,).
    durations
        Summarise rates, counts by these, in s: float64 (windows,). By default counts.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    max_bytes
        Of counts that are summarised at a time; one unit is the least.

    Notes
    -----
    Working set: three times the result, and four times `max_bytes`.
    """
    trains = as_trains(trains)
    # By group, so that the windows of one lie together; those of none come last.
    none = missing(groups)
    by_group = np.argsort(groups[~none], kind="stable")
    order = np.concatenate([np.flatnonzero(~none)[by_group], np.flatnonzero(none)])
    valid = len(by_group)
    distinct, first = np.unique(groups[~none][by_group], return_index=True)
    bounds = np.append(first, valid)
    units = np.unique(np.asarray(trains.unit_ids))
    spiked = np.zeros(len(units), dtype=bool)
    what = f"statistics of {len(units):,} units x {len(distinct):,} groups, while they are made,"
    require(3 * 6 * 8 * len(units) * len(distinct), what, "choose fewer units or windows at a time")
    totals = np.zeros((len(distinct), len(units)), dtype=np.int64)
    mean, spread = np.zeros(totals.shape), np.zeros(totals.shape)
    step = max(1, max_bytes // max(1, 8 * len(order)))
    for begin in range(0, len(units), step):
        block = slice(begin, begin + step)
        counts = count_in_windows(
            trains.select(units[block]), np.zeros(len(order)), windows[order, None, :], closed=closed,
            dtype=np.int64, threads=threads,
        )[:, 0, :]  # fmt: skip
        spiked[block] = counts.any(axis=0)
        # (units, windows), so that each unit's values in a group lie together: NumPy then adds them up in the same
        # order as it would in an array of their own, and the results are AllenSDK's to the last bit.
        values: npt.NDArray[Any] = np.ascontiguousarray(counts[:valid].T)
        del counts
        for at, (a, b) in enumerate(pairwise(bounds)):
            totals[at, block] = values[:, a:b].sum(axis=1)
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            # One window of a group has no spread: NaN, without a warning for each.
            warnings.simplefilter("ignore", RuntimeWarning)
            if durations is not None:
                values = values / durations[order[:valid]]
            for at, (a, b) in enumerate(pairwise(bounds)):
                mean[at, block] = values[:, a:b].mean(axis=1)
                spread[at, block] = values[:, a:b].std(axis=1, ddof=1)
    number = np.diff(bounds).astype(np.int64)
    error = spread / np.sqrt(number)[:, None]
    return GroupStatistics(distinct, units, number, totals, mean, spread, error, spiked)
