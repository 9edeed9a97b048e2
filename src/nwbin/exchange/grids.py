"""Counts on a regular grid of time: what models of the whole course of an experiment are fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin._optional import need
from nwbin.allen.averages import mean_of_intervals
from nwbin.binning import Closed, as_seconds
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.exchange._held import ENDS, of_one_kind, times_of
from nwbin.exchange.of_pynapple import to_interval_set
from nwbin.responses.rows import Rows
from nwbin.responses.tiles import TiledCounts
from nwbin.tables.missing import is_number, missing
from nwbin.trains import Trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CountGrid", "count_grid"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CountGrid:
    """Counts in bins of one width, one after the other, and what was shown in each.

    Attributes
    ----------
    counts
        (bins, units): y of scikit-learn's and NeMoS's regressions, X of a decoder.
    start, stop
        Of each bin, s: float64 (bins,).
    span
        Which of the stretches of time each bin is of: int64 (bins,). Bins of one follow each other without a gap.
    spans
        The stretches, from and to, s: float64 (spans, 2).
    unit_ids
        (units,)
    presentations
        What was shown, by id; no rows where nothing is known.
    presentation
        The row of `presentations` that holds the middle of each bin, [start_time, stop_time); of several the one
        that began last, -1 for none: int64 (bins,).

    Examples
    --------
    >>> grid = session.count_grid("drifting_gratings", 0.05)
    >>> X, names = grid.design("orientation")
    >>> len(X) == len(grid.counts) == len(grid.time)
    True
    """

    counts: npt.NDArray[Any]
    start: Floats
    stop: Floats
    span: npt.NDArray[np.int64]
    spans: Floats
    unit_ids: npt.NDArray[Any]
    presentations: pd.DataFrame
    presentation: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        bins, units = self.counts.shape
        return f"<nwbin.exchange.CountGrid: {bins:,} bins x {units:,} units, {len(self.spans)} stretches of time>"

    @property
    def time(self) -> Floats:
        """The middle of each bin, s: (bins,)."""
        return self.start + (self.stop - self.start) / 2

    def values(self, column: str) -> npt.NDArray[Any]:
        """What was shown in each bin: a column of `presentations`.

        Returns
        -------
        numpy.ndarray
            (bins,): float64 with NaN where nothing was shown, or the parameter does not apply; of text object, with
            None there.

        Raises
        ------
        LookupFailure
            There is no such column.
        """
        if column not in self.presentations.columns:
            raise LookupFailure(
                f"the presentations have no column {column!r}; {nearest(column, self.presentations.columns)}"
            )
        known = self.presentations[column].to_numpy()
        numbers = known.dtype.kind in "iufb"
        found = np.full(
            len(self.presentation), np.nan if numbers else None, np.float64 if numbers else object
        )
        shown = self.presentation >= 0
        found[shown] = known[self.presentation[shown]]
        return found

    def design(self, *columns: str) -> tuple[Floats, list[str]]:
        """A design matrix of what was shown: for each value of each column, 1 in the bins that had it.

        Parameters
        ----------
        columns
            Of `presentations`, such as "orientation".

        Returns
        -------
        X
            float64 (bins, regressors): 0 or 1; a row of zeros where nothing was shown.
        names
            Of the regressors, "orientation=45".

        Raises
        ------
        LookupFailure
            There is no such column.
        NotEnoughMemoryError
            A column has more distinct values than there is memory for: times, say.

        Notes
        -----
        There is no column of ones: an intercept is the model's. With blank sweeps or gray between presentations the
        columns are independent of it.
        """
        names: list[str] = []
        ones: list[tuple[npt.NDArray[np.intp], list[int]]] = []  # rows, and their columns
        for column in columns:
            found = self.values(column)
            rows = np.flatnonzero(~missing(found))
            levels = sorted(set(found[rows].tolist()), key=lambda one: (isinstance(one, str), one))
            place = {level: n for n, level in enumerate(levels, len(names))}
            ones.append((rows, [place[one] for one in found[rows].tolist()]))
            names += [f"{column}={one:g}" if is_number(one) else f"{column}={one}" for one in levels]
        size = (len(self.start), len(names))
        require(
            8 * size[0] * size[1],
            f"{size[0]:,} bins x {size[1]:,} distinct values of {', '.join(columns)}",
            "take columns of fewer values, or wider bins",
        )
        made = np.zeros(size)
        for rows, places in ones:
            made[rows, places] = 1
        return made, names

    def mean_of(self, start: npt.ArrayLike, stop: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
        """A signal's mean in each bin, such as that of ``session.running_speed``.

        Parameters
        ----------
        start, stop, values
            The signal: constant from each start to its stop (s, ascending), (samples,).

        Returns
        -------
        numpy.ndarray
            float64 (bins,); NaN where there is no signal.
        """
        signal = [np.asarray(one, dtype=np.float64) for one in (start, stop, values)]
        return mean_of_intervals(signal[0], signal[1], signal[2], np.stack([self.start, self.stop], axis=1))

    def to_pynapple(self) -> Any:
        """As a TsdFrame of pynapple: at the middle of each bin, a column for each unit; NeMoS takes it as it is.

        Raises
        ------
        MissingDependencyError
            Pynapple is not installed (extra "pynapple").
        """
        need("pynapple", "pynapple", "to_pynapple")
        import pandas as pd
        import pynapple as nap

        spans = to_interval_set(pd.DataFrame(self.spans, columns=list(ENDS)), name="stretches of time")
        support = nap.IntervalSet(start=spans.start, end=spans.end)
        return nap.TsdFrame(t=self.time, d=self.counts, columns=self.unit_ids, time_support=support)


def count_grid(
    trains: Trains,
    spans: npt.ArrayLike,
    bin_width: float,
    *,
    presentations: Rows | None = None,
    closed: Closed = "left",
    dtype: npt.DTypeLike = "float64",
    threads: int | None = None,
) -> CountGrid:
    """Count spikes in bins of one width that tile stretches of time.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    spans
        From and to, s: (2,) or (spans, 2). Bins go from the start as far as they fit.
    bin_width
        Of each bin, s.
    presentations
        What was shown, by id, with start_time and stop_time in s; or a dictionary of such columns.
    closed, threads
        As in :func:`nwbin.bin_spikes`; with "left" each spike is in one bin.
    dtype
        Of the counts; models want floating point numbers.

    Returns
    -------
    CountGrid

    Raises
    ------
    ArgumentError
        A stretch has no end, or ends before it starts; a width that is none; two columns of one name.
    LookupFailure
        The presentations have no start_time, or no stop_time.
    NotEnoughMemoryError
        The counts do not fit in memory.

    Examples
    --------
    >>> grid = count_grid({7: [0.1, 0.2, 1.1]}, (0, 2), 0.5)
    >>> grid.counts[:, 0].tolist(), grid.time.tolist()
    ([2.0, 0.0, 1.0, 0.0], [0.25, 0.75, 1.25, 1.75])
    """
    bounds = as_seconds(spans, "spans").reshape(-1, 2)
    if not (np.isfinite(bounds).all() and (bounds[:, 1] > bounds[:, 0]).all()):
        raise ArgumentError(f"spans must be from and to, s, each before the other, not {bounds.tolist()[:3]}")
    tiles = TiledCounts(
        trains, dict(zip(ENDS, bounds.T, strict=True)), bin_width, closed=closed, dtype=dtype, threads=threads
    )  # fmt: skip
    counts = tiles.to_numpy()
    span, start, stop = tiles.bins_of(slice(0, len(counts)))
    nothing = {name: np.empty(0) for name in ENDS}
    shown = of_one_kind(nothing if presentations is None else presentations, "presentations")
    place = _shown_at(start + (stop - start) / 2, shown)
    return CountGrid(
        counts, start, stop, span.astype(np.int64), bounds, np.asarray(tiles.unit_ids), shown, place
    )


def _shown_at(times: Floats, shown: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Which row was shown at each time, -1 for none; of several the one that began last."""
    begin, end = (times_of(shown, name) for name in ENDS)
    in_order = np.argsort(times, kind="stable")
    ascending = times[in_order]
    first, after = np.searchsorted(ascending, begin), np.searchsorted(ascending, end)
    found = np.full(len(times), -1, np.int64)
    for row in np.argsort(begin, kind="stable").tolist():  # whoever begins later takes over what it holds
        if begin[row] < end[row]:
            found[first[row] : after[row]] = row
    row_at = np.empty_like(found)
    row_at[in_order] = found
    return row_at
