"""Labelled counts in bins that tile intervals of different lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin._wording import counted
from nwbin.binning import Closed, Progress, bin_spikes
from nwbin.binning.edges import multiples, whole_bins
from nwbin.errors import ArgumentError, warn
from nwbin.responses.counts import UNIT, Blocks, Coordinate, LabelledCounts
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import times_of, what_rows_are
from nwbin.trains import Trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TiledCounts"]


class TiledCounts(LabelledCounts):
    """Counts in bins of one width that tile each row of a table, from its start as far as they fit: (bins, units).

    Intervals are of different lengths, so the bins of all of them follow one another along one dimension, "bin",
    and each says which interval it belongs to. What is left at an interval's end, shorter than a bin, is not
    counted.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    rows
        Intervals by id, with `start_time` and `stop_time` in s; other columns become labels. A table, or a
        dictionary of its columns.
    width
        Of a bin, in s.
    closed, binarize, dtype, threads
        As in :func:`nwbin.bin_spikes`; with "left" every spike is in one bin.

    Attributes
    ----------
    bins
        How many of each interval: int64 (rows,).

    Examples
    --------
    >>> rows = {"start_time": [0.0, 2.0], "stop_time": [1.0, 2.5]}
    >>> counts = nwbin.responses.TiledCounts({7: [0.1, 0.2, 2.1]}, rows, width=0.5)
    >>> counts.bins.tolist(), counts.to_numpy()[:, 0].tolist()
    ([2, 1], [2, 0, 1])
    """

    def __init__(
        self,
        trains: Trains,
        rows: Rows,
        width: float,
        *,
        closed: Closed = "left",
        binarize: bool = False,
        dtype: npt.DTypeLike | None = None,
        threads: int | None = None,
    ) -> None:
        if not width > 0 or not np.isfinite(width):
            raise ArgumentError(f"the bin width must be more than 0 s, not {width:g}")
        rows = as_rows(rows)
        super().__init__(trains, rows, closed, binarize, dtype, threads)
        self.width = float(width)
        self._starts, stops = times_of(rows, "start_time"), times_of(rows, "stop_time")
        known = np.isfinite(self._starts) & np.isfinite(stops)
        if not known.all():
            raise ArgumentError(
                f"interval {rows.index[int(np.argmin(known))]} has no start_time or no stop_time; leave it out"
            )
        pairs = zip(self._starts.tolist(), stops.tolist(), strict=True)
        self.bins = np.asarray([whole_bins(a, b, self.width) for a, b in pairs], dtype=np.int64)
        self.windows = np.stack([self._starts, np.maximum(self._starts, stops)], axis=1)
        if short := int((self.bins == 0).sum()):
            warn(f"{counted(short, what_rows_are(rows))} shorter than a bin, without any counts")
        self._edges = multiples(0.0, self.width, int(self.bins.max(initial=0)))
        # Of every bin: its interval, and its number in that interval.
        self._interval = np.repeat(np.arange(len(rows)), self.bins)
        first = np.concatenate([[0], np.cumsum(self.bins)[:-1]]) if len(rows) else np.empty(0, np.int64)
        self._number = np.arange(len(self._interval)) - np.repeat(first, self.bins)
        self.dims = ("bin", UNIT)
        self.shape = (len(self._interval), len(self.unit_ids))

    def blocks(self, max_bytes: int = 32 << 20, *, progress: Progress | None = None) -> Blocks:
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
                    self._trains, self._starts[group], edges, closed=self.closed, binarize=self._binarize,
                    dtype=self.dtype, threads=self._threads,
                )  # fmt: skip
                if len(group) > 1:
                    block = counts[np.arange(bins)[None, :] < self.bins[group][:, None]]
                else:
                    block = counts[0]
                yield slice(done, done + len(block)), block
                done += len(block)
                if progress is not None:
                    progress(done, self.shape[0])

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

    def _places(self) -> dict[str, Coordinate]:
        along = ("bin",)
        place, begin, end = self.bins_of(slice(None))
        return {
            "bin": Coordinate(along, np.arange(len(begin)), {}),
            self.row: Coordinate(along, self.ids[place], {}),
            "bin_start": Coordinate(along, begin, {"units": "s"}),
            "bin_stop": Coordinate(along, end, {"units": "s"}),
        }

    def bins_of(
        self, rows: slice
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        place, number = self._interval[rows], self._number[rows]
        start = self._starts[place]
        return place, start + self._edges[number], start + self._edges[number + 1]

    def keys(self, rows: slice) -> pd.DataFrame:
        return super().keys(rows).drop(columns=["start_time", "stop_time"])
