"""Counts in windows, summarised by unit and by group of windows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin._wording import counted
from nwbin.binning import Closed, as_seconds, count_in_windows
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import times_of
from nwbin.tables.missing import as_numbers, missing
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

    Examples
    --------
    >>> found = group_statistics({7: [0.1, 0.2, 1.1]}, [(0, 0.5), (1, 1.5)], ["a", "b"])
    >>> found.total.tolist(), found.of_units([7]).windows.tolist()
    ([[2], [1]], [1, 1])
    """

    groups: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]
    windows: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]
    sem: npt.NDArray[np.float64]
    spiked: npt.NDArray[np.bool_]

    def of_units(self, chosen: npt.ArrayLike) -> GroupStatistics:
        """Those of some units: a mask over `unit_ids`, or ids in the order that is wanted."""
        rows = np.asarray(chosen)
        if rows.dtype != bool:
            place = {unit: row for row, unit in enumerate(self.unit_ids.tolist())}
            unknown = [one for one in rows.tolist() if one not in place]
            if unknown:
                raise LookupFailure(f"there is no unit {unknown[0]!r}; {nearest(unknown[0], place)}")
            rows = np.asarray([place[one] for one in rows.tolist()], dtype=np.intp)
        over_units = {name: getattr(self, name)[:, rows] for name in ("total", "mean", "std", "sem")}
        return self._replace(unit_ids=self.unit_ids[rows], spiked=self.spiked[rows], **over_units)


def group_statistics(
    trains: Trains,
    windows: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    durations: npt.ArrayLike | None = None,
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
        Start and stop of each on the trains' clock, in s: (windows, 2). Or a table (a dictionary of columns) with
        `start_time` and `stop_time`.
    groups
        A number or text for each window, NaN or None where it belongs to none: (windows,).
    durations
        Summarise rates, counts by these, in s: float64 (windows,). By default counts.
    closed, threads
        As in :func:`nwbin.count_in_windows`.
    max_bytes
        Of counts that are summarised at a time; one unit is the least.

    Returns
    -------
    GroupStatistics

    Raises
    ------
    ArgumentError, ArgumentTypeError
        The windows, groups or durations make no sense, or are not as many as one another.

    Examples
    --------
    >>> found = group_statistics({7: [0.1, 0.2, 1.1]}, [(0, 0.5), (1, 1.5), (2, 2.5)], ["a", "b", "b"])
    >>> found.groups.tolist(), found.mean[:, 0].tolist()
    (['a', 'b'], [2.0, 0.5])

    Notes
    -----
    Working set: three times the result, and four times `max_bytes`.
    """
    trains, (spans, labels, lasting) = as_trains(trains), _checked(windows, groups, durations)
    # By group, so that the windows of one lie together; those of none come last.
    none = missing(labels)
    by_group = np.argsort(labels[~none], kind="stable")
    order = np.concatenate([np.flatnonzero(~none)[by_group], np.flatnonzero(none)])
    valid = len(by_group)
    distinct, first = np.unique(labels[~none][by_group], return_index=True)
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
            trains.select(units[block]), np.zeros(len(order)), spans[order, None, :], closed=closed,
            dtype=np.int64, threads=threads,
        )[:, 0, :]  # fmt: skip
        spiked[block] = counts.any(axis=0)
        # (units, windows), so that each unit's values in a group lie together: NumPy then adds them up in the same
        # order as it would in an array of their own, and the results are AllenSDK's to the last bit.
        values: npt.NDArray[Any] = np.ascontiguousarray(counts[:valid].T)
        del counts
        for at, (a, b) in enumerate(pairwise(bounds)):
            totals[at, block] = values[:, a:b].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            if lasting is not None:
                values = values / lasting[order[:valid]]
            for at, (a, b) in enumerate(pairwise(bounds)):
                mean[at, block] = values[:, a:b].mean(axis=1)
                # One window of a group has no spread.
                spread[at, block] = values[:, a:b].std(axis=1, ddof=1) if b - a > 1 else np.nan
    number = np.diff(bounds).astype(np.int64)
    error = spread / np.sqrt(number)[:, None]
    return GroupStatistics(distinct, units, number, totals, mean, spread, error, spiked)


def _checked(
    windows: Any, groups: Any, durations: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any], npt.NDArray[np.float64] | None]:
    """The windows, the group of each and its duration, as arrays of one length."""
    if isinstance(windows, Mapping) or hasattr(windows, "columns"):
        rows = as_rows(windows)
        if isinstance(groups, str):
            if groups not in rows.columns:
                raise LookupFailure(f"the windows have no column {groups!r}; {nearest(groups, rows.columns)}")
            groups = rows[groups]
        spans = np.stack([times_of(rows, "start_time"), times_of(rows, "stop_time")], axis=1)
    else:
        spans = as_seconds(windows, "windows")
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise ArgumentError(
            f"windows must be (start, stop) of each, in s: of shape (windows, 2), not {spans.shape}"
        )
    values = np.asarray(groups)
    if values.dtype.kind == "U" and not isinstance(groups, np.ndarray):
        values = np.asarray(groups, dtype=object)  # NumPy turns [1, "a"] into two strings
    given = {"groups": values}
    lasting = None if durations is None else as_seconds(durations, "durations")
    if lasting is not None:
        given["durations"] = lasting
    for name, one in given.items():
        if one.shape != (len(spans),):
            raise ArgumentError(
                f"{name} must have one value for each of {counted(len(spans), 'window')}, not shape {one.shape}"
            )
    if values.dtype == object and not np.isnan(as_numbers(values[~missing(values)])).any():
        values = as_numbers(values)
    elif values.dtype == object and len({isinstance(one, str) for one in values[~missing(values)]}) > 1:
        raise ArgumentError(
            "groups are text and numbers at once, which have no order; make them one of the two"
        )
    return spans, values, lasting
