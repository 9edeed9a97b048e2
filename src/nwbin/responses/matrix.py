"""One row a trial, one column a neuron, and each trial's label: what decoders take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.binning import Closed, as_window, count_in_windows
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.tables.missing import missing
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ResponseMatrix", "check_window", "labels_by_row", "response_matrix"]


@dataclass(frozen=True, eq=False)
class ResponseMatrix:
    """A matrix for decoding: one row a trial, one column a neuron.

    Attributes
    ----------
    X
        Spike counts, or rates in Hz: float64 (trials, units).
    y
        Each trial's label: float64 where all labels are numbers, else object (trials,).
    classes
        The distinct labels, sorted: numbers, then text.
    presentation_ids
        The trials: (trials,).
    unit_ids
        The neurons: int64 (units,).

    Examples
    --------
    >>> matrix = session.response_matrix(session.get_stimulus_table("flashes"), label="color")
    >>> matrix.classes.tolist(), matrix.X.shape == (len(matrix.y), len(matrix.unit_ids))
    ([-1.0, 1.0], True)
    """

    X: npt.NDArray[np.float64]
    y: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    presentation_ids: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]

    def __repr__(self) -> str:
        trials, neurons = self.X.shape
        return f"<nwbin.ResponseMatrix: {trials:,} trials x {neurons:,} units, {len(self.classes):,} classes>"


def labels_by_row(rows: pd.DataFrame, given: Any) -> npt.NDArray[Any]:
    """Return the labels that were given for the rows of a table, in their order: object (rows,).

    Parameters
    ----------
    rows
        Presentations or other intervals by id.
    given
        A label for each row; a Series that is indexed by the same ids is put into the order of the rows.
    """
    import pandas as pd

    if isinstance(given, pd.Series) and given.index.name == rows.index.name and given.index.is_unique:
        # It says whose labels they are: the trials may be in another order, or fewer.
        without = rows.index[~rows.index.isin(given.index)]
        if len(without):
            raise ArgumentError(
                f"label has no value for {len(without):,} of {len(rows):,} presentations (the first: {without[0]})"
            )
        given = given.loc[rows.index]
    labels = np.asarray(given, dtype=object)
    if labels.shape != (len(rows),):
        several = labels.ndim == 1 and set(map(str, labels.tolist())) <= set(rows.columns)
        hint = '; label="stimulus_condition_id" tells apart by all columns at once' if several else ""
        raise ArgumentError(
            f"label must be the name of a column, or have one value a trial ({len(rows)}), got shape "
            f"{labels.shape}{hint}"
        )
    return labels


def response_matrix(
    trains: Trains,
    rows: Rows,
    labels: str | npt.ArrayLike,
    window: tuple[float, float],
    *,
    closed: Closed = "left",
    rate: bool = False,
    threads: int | None = None,
) -> ResponseMatrix:
    """Count each unit's spikes in one window around the start of each trial.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    rows
        The trials by id, with `start_time` in s; see :class:`AlignedCounts` for what else it may be. Windows that
        overlap, and those far longer than what they are around, bring a warning.
    labels
        Each trial's label, numbers or text: (trials,); or the name of a column of `rows`, and then trials without one
        (None, NaN) are left out.
    window
        From and to, in s from start_time.
    closed, threads
        As in :func:`nwbin.count_in_windows`.
    rate
        Rates in Hz in place of counts.

    Returns
    -------
    ResponseMatrix

    Examples
    --------
    >>> matrix = response_matrix({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], ["a", "b"], (0, 0.5), rate=True)
    >>> matrix.X.tolist(), matrix.classes.tolist()
    ([[4.0], [2.0]], ['a', 'b'])
    """
    trains, rows = as_trains(trains), as_rows(rows)
    first, last = check_window(window, rate)
    if isinstance(labels, str):
        rows, labels = _labelled(rows, labels)
    warn_of_windows(rows, (first, last))
    y = labels_by_row(rows, labels)
    if all(isinstance(one, int | float | np.number | np.bool_) for one in y):
        y = y.astype(np.float64)
    counts = count_in_windows(
        trains,
        times_of(rows, "start_time"),
        [(first, last)],
        closed=closed,
        dtype=np.float64,
        threads=threads,
    )[:, 0, :]
    if rate:
        counts /= last - first
    return ResponseMatrix(counts, y, _distinct(y), rows.index.to_numpy(), np.asarray(trains.unit_ids))


def _labelled(rows: pd.DataFrame, column: str) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """The rows that have a label in a column, and their labels."""
    if column not in rows.columns:
        raise LookupFailure(f"the trials have no column {column!r}; {nearest(column, rows.columns)}")
    labels = rows[column].to_numpy(dtype=object)
    there = ~missing(labels)
    return rows[there], labels[there]


def check_window(window: Any, rate: bool) -> tuple[float, float]:
    """Return a window's ends, in s; rates need one of a length."""
    first, last = as_window(window)
    if rate and not 0 < last - first < np.inf:
        raise ArgumentError(
            f"rates need a window of a length, neither none nor endless; not {(first, last)!r}"
        )
    return first, last


def _distinct(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the distinct labels: numbers in order, then text in order."""
    if labels.dtype != object:
        return np.unique(labels)
    return np.asarray(sorted(set(labels.tolist()), key=lambda one: (isinstance(one, str), one)), dtype=object)
