"""What is to be counted, and how its axes are called; counted block by block when it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin.binning import bin_spikes, iter_bin_spikes
from nwbin.binning.edges import multiples, whole_bins
from nwbin.errors import ArgumentError, LookupFailure
from nwbin.tables.labels import rename_clashes
from nwbin.tables.tidy import tidy
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Blocks", "Coordinates", "Counts", "Tiles", "Windows"]

Blocks: TypeAlias = Iterator[tuple[slice, npt.NDArray[Any]]]
Coordinates: TypeAlias = dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]]


class Counts(Protocol):
    """What the writers need to know of counts that are not made yet."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions; the last is unit_id."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the counts."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the counts."""

    @property
    def unit_ids(self) -> npt.NDArray[Any]:
        """Of the last dimension."""

    @property
    def closed(self) -> str:
        """Which ends belong to a bin."""

    def blocks(self, max_bytes: int) -> Blocks:
        """Count: slices along the first dimension, in order, and their counts."""

    def coordinates(self) -> Coordinates:
        """Name -> dimensions and values, of everything but the units."""

    def labels(self) -> pd.DataFrame:
        """The intervals or presentations that were asked for, by id."""

    def keys(self, rows: slice) -> pd.DataFrame:
        """What stands before the counts in a table with one row for each bin, of these rows of it."""


def _dtype_of(dtype: npt.DTypeLike | None, binarize: bool) -> np.dtype[Any]:
    if dtype is not None:
        return np.dtype(dtype)
    return np.dtype(np.uint8 if binarize else np.uint16)


def _times(rows: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    if name not in rows.columns:
        raise LookupFailure(
            f"the table of intervals has no column {name!r}; NWB's tables have start_time, stop_time"
        )
    return rows[name].to_numpy(np.float64)


# What some output calls its own. Labels of these names are renamed in every one of them, so that all agree.
_OWN = ("bin", "bin_start", "bin_stop", "count", "presentation", "spike_counts", "unit", "unit_id")


def _labels(rows: pd.DataFrame, unit_ids: npt.NDArray[Any], *axes: str) -> pd.DataFrame:
    return rename_clashes(tidy(rows), {*_OWN, *axes, *map(str, unit_ids.tolist())})


def _named(index: pd.Index[Any], otherwise: str) -> str:
    return otherwise if index.name in (None, "id", "index", *_OWN) else str(index.name)


class Windows:
    """Counts in bins around the start of each row of a table.

    Parameters
    ----------
    trains
        As in :func:`nwbin.bin_spikes`.
    rows
        Presentations or other intervals by id, with `start_time` in s; other columns become labels. Those named
        as something of an output's own (`count`, `unit_id`, `bin_start`, a unit's id, ...) get "_" after their
        name in every format, and a warning says so.
    edges
        (bins + 1,) s from start_time.
    closed, binarize, dtype, threads
        As in :func:`nwbin.bin_spikes`; "both" is AllenSDK's rule.
    """

    def __init__(
        self,
        trains: Trains,
        rows: pd.DataFrame,
        edges: npt.ArrayLike,
        *,
        closed: str = "both",
        binarize: bool = False,
        dtype: npt.DTypeLike | None = None,
        threads: int | None = None,
    ) -> None:
        self._trains = as_trains(trains)
        self._onsets = _times(rows, "start_time")
        self.edges = np.asarray(edges, dtype=np.float64)
        if self.edges.ndim != 1 or self.edges.size < 2:
            raise ArgumentError(f"edges must be two or more times in s, not of shape {self.edges.shape}")
        self.closed = closed
        self._binarize, self._threads = binarize, threads
        self.dtype = _dtype_of(dtype, binarize)
        self.unit_ids = np.asarray(self._trains.unit_ids)
        self._row = _named(rows.index, "interval_id")
        shown = self._row == "stimulus_presentation_id"
        self._time = "time_relative_to_stimulus_onset" if shown else "time_relative_to_start"
        self._labels = _labels(rows, self.unit_ids, self._row, self._time)
        self.dims = (self._row, self._time, "unit_id")
        self.shape = (len(rows), self.edges.size - 1, len(self.unit_ids))

    def blocks(self, max_bytes: int) -> Blocks:
        least = self.shape[1] * self.shape[2] * max(self.dtype.itemsize, 1)
        return iter_bin_spikes(
            self._trains, self._onsets, self.edges, closed=self.closed, binarize=self._binarize,  # type: ignore[arg-type]
            dtype=self.dtype, threads=self._threads, max_bytes=max(max_bytes, least), reuse=True,
        )  # fmt: skip

    def labels(self) -> pd.DataFrame:
        return self._labels

    def coordinates(self) -> Coordinates:
        time = (self._time,)
        found: Coordinates = {
            self._row: ((self._row,), self._labels.index.to_numpy()),
            self._time: (time, (self.edges[:-1] + self.edges[1:]) / 2),
            "bin_start": (time, self.edges[:-1]),
            "bin_stop": (time, self.edges[1:]),
        }
        for name in self._labels.columns:
            found[name] = ((self._row,), self._labels[name].to_numpy())
        return found

    def keys(self, rows: slice) -> pd.DataFrame:
        place, number = divmod(np.arange(rows.start, rows.stop), max(1, self.shape[1]))
        frame = self._labels.iloc[place].copy()
        frame.insert(0, "bin_start", self.edges[number])
        frame.insert(1, "bin_stop", self.edges[number + 1])
        frame.index.name = self._row
        return frame.reset_index()


class Tiles:
    """Counts in bins of one width that tile each row of a table, from its start as far as they fit.

    Intervals are of different lengths, so the bins of all of them follow one another along one dimension, "bin",
    and each says which interval it belongs to. What is left at an interval's end, shorter than a bin, is not
    counted.

    Parameters
    ----------
    trains
        As in :func:`nwbin.bin_spikes`.
    rows
        Intervals by id, with `start_time` and `stop_time` in s; other columns as for :class:`Windows`.
    width
        Of a bin, in s.
    closed, binarize, dtype, threads
        As in :func:`nwbin.bin_spikes`; with "left" every spike is in one bin.
    """

    def __init__(
        self,
        trains: Trains,
        rows: pd.DataFrame,
        width: float,
        *,
        closed: str = "left",
        binarize: bool = False,
        dtype: npt.DTypeLike | None = None,
        threads: int | None = None,
    ) -> None:
        if not width > 0 or not np.isfinite(width):
            raise ArgumentError(f"the bin width must be more than 0 s, not {width:g}")
        self._trains, self.width = as_trains(trains), float(width)
        self._starts, stops = _times(rows, "start_time"), _times(rows, "stop_time")
        known = np.isfinite(self._starts) & np.isfinite(stops)
        if not known.all():
            raise ArgumentError(
                f"interval {rows.index[int(np.argmin(known))]} has no start_time or no stop_time; leave it out"
            )
        self.closed = closed
        self._binarize, self._threads = binarize, threads
        self.dtype = _dtype_of(dtype, binarize)
        self.unit_ids = np.asarray(self._trains.unit_ids)
        self._row = _named(rows.index, "interval_id")
        self._labels = _labels(rows, self.unit_ids, self._row)
        pairs = zip(self._starts.tolist(), stops.tolist(), strict=True)
        self.bins = np.asarray([whole_bins(a, b, self.width) for a, b in pairs], dtype=np.int64)
        self._edges = multiples(0.0, self.width, int(self.bins.max(initial=0)))
        # Of every bin: its interval, and its number in that interval.
        self._interval = np.repeat(np.arange(len(rows)), self.bins)
        first = np.concatenate([[0], np.cumsum(self.bins)[:-1]]) if len(rows) else np.empty(0, np.int64)
        self._number = np.arange(len(self._interval)) - np.repeat(first, self.bins)
        self.dims = ("bin", "unit_id")
        self.shape = (len(self._interval), len(self.unit_ids))

    def blocks(self, max_bytes: int) -> Blocks:
        row_bytes = max(1, len(self.unit_ids) * self.dtype.itemsize)
        most = max(1, max_bytes // row_bytes)  # bins in a block
        done = 0
        for group, bins in self._groups(most):
            for begin in range(0, bins, most):
                edges = self._edges[begin : min(begin + most, bins) + 1]
                if len(group) > 1:
                    # A shorter interval repeats its last edge: bins without width, dropped below.
                    number = np.minimum(np.arange(bins + 1)[None, :], self.bins[group][:, None])
                    edges = self._edges[number]
                counts = bin_spikes(
                    self._trains, self._starts[group], edges, closed=self.closed,  # type: ignore[arg-type]
                    binarize=self._binarize, dtype=self.dtype, threads=self._threads,
                )  # fmt: skip
                if len(group) > 1:
                    block = counts[np.arange(bins)[None, :] < self.bins[group][:, None]]
                else:
                    block = counts[0]
                yield slice(done, done + len(block)), block
                done += len(block)

    def _groups(self, most: int) -> Iterator[tuple[npt.NDArray[np.intp], int]]:
        """Neighbouring intervals that are counted together, and the bins of the longest."""
        group: list[int] = []
        longest = 0
        for row in np.flatnonzero(self.bins).tolist():
            bins = int(self.bins[row])
            if group and (len(group) + 1) * max(longest, bins) > most:
                yield np.asarray(group), longest
                group, longest = [], 0
            group.append(row)
            longest = max(longest, bins)
        if group:
            yield np.asarray(group), longest

    def labels(self) -> pd.DataFrame:
        return self._labels

    def _bounds(self, rows: slice) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        start, number = self._starts[self._interval[rows]], self._number[rows]
        return start + self._edges[number], start + self._edges[number + 1]

    def coordinates(self) -> Coordinates:
        begin, end = self._bounds(slice(None))
        return {
            "bin": (("bin",), np.arange(len(begin))),
            self._row: (("bin",), self._labels.index.to_numpy()[self._interval]),
            "bin_start": (("bin",), begin),
            "bin_stop": (("bin",), end),
        }

    def keys(self, rows: slice) -> pd.DataFrame:
        begin, end = self._bounds(rows)
        frame = self._labels.iloc[self._interval[rows]].drop(columns=["start_time", "stop_time"])
        frame.insert(0, "bin_start", begin)
        frame.insert(1, "bin_stop", end)
        frame.index.name = self._row
        return frame.reset_index()
