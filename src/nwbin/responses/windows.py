"""Windows around presentations: what is odd about them is said before anything is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin._wording import counted
from nwbin.errors import ArgumentError, LateWindowsWarning, LookupFailure, OverlapWarning, warn

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.trains import SpikeTrains

__all__ = [
    "lengths_of",
    "overlap_unsaid",
    "times_of",
    "warn_if_too_long",
    "warn_of_late",
    "warn_of_overlap",
    "warn_of_windows",
    "what_rows_are",
    "windows_around",
]


# Of a thread or task, not of the process as Python's filters of warnings are: what others ask for is said to them.
_overlap_unsaid: ContextVar[bool] = ContextVar("nwbin_overlap_unsaid", default=False)


def what_rows_are(rows: pd.DataFrame) -> str:
    """What a row of a table is called in messages: a presentation, or an interval of another table."""
    return "presentation" if rows.index.name == "stimulus_presentation_id" else "interval"


def times_of(rows: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Return a column of times, in s: float64 (rows,)."""
    if name not in rows.columns:
        raise LookupFailure(
            f"the table of intervals has no column {name!r}; NWB's tables have start_time, stop_time"
        )
    if rows[name].ndim != 1:
        raise ArgumentError(
            f"two columns of the table of intervals are called {name!r}; give one another name"
        )
    if getattr(rows[name].dtype, "kind", "") in "mM":  # NumPy would take their own ticks for seconds
        raise ArgumentError(
            f"the column {name!r} of intervals must be numbers in seconds, not {rows[name].dtype} values; of lengths "
            "of time take rows[...].dt.total_seconds()"
        )
    try:
        return rows[name].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the column {name!r} of intervals must be numbers in seconds: {error}") from None


def lengths_of(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return how long each row lasts, in s: float64 (rows,); none at all where the table does not say."""
    if "stop_time" not in rows.columns:
        return np.empty(0)
    return times_of(rows, "stop_time") - times_of(rows, "start_time")


def windows_around(rows: pd.DataFrame, edges: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the first and the last of some edges, in s from the start of each row, on its clock: (rows, 2)."""
    ends = np.asarray(edges, dtype=np.float64)[[0, -1]]
    return np.add.outer(times_of(rows, "start_time"), ends)


def warn_of_windows(
    rows: pd.DataFrame, edges: npt.ArrayLike, windows: npt.NDArray[np.float64] | None = None
) -> None:
    """Say what is odd about windows around the starts of rows, before anything is counted in them.

    Parameters
    ----------
    rows
        Presentations or other intervals.
    edges
        Of a window or of bins, in s from start_time.
    windows
        Their ends on the clock of the spikes, where each row has others: (rows, 2).
    """
    warn_if_too_long(rows, edges)
    warn_of_overlap(rows, windows_around(rows, edges) if windows is None else windows)


def warn_of_overlap(rows: pd.DataFrame, windows: npt.NDArray[np.float64]) -> None:
    """Say when the window of a row, [begin, end] on one clock, begins before that of the row before it ends."""
    if _overlap_unsaid.get():
        return
    first, last = windows.T
    early = np.flatnonzero(first[1:] < last[:-1])
    if not early.size:
        return
    # Rows that are merely not in order of time do not share any spikes.
    real = early[last[1:][early] > first[:-1][early]]
    found = f"overlap for {real.size} pairs of rows" if real.size else "are not in order of time"
    at = int(real[0] if real.size else early[0])
    warn(
        f"the time windows of neighbouring {what_rows_are(rows)}s {found} (the first: rows {at} and {at + 1}); a spike "
        "counts in every window that it lies in",
        OverlapWarning,
    )


@contextmanager
def overlap_unsaid(unsaid: bool) -> Iterator[None]:
    """Say nothing of windows that overlap, where these are nobody's choice but nwbin's own, by default.

    Presentations that follow one another at once differ in length by the jitter of a screen; and a window that shows
    what was before an onset reaches into the presentation before it, as it is meant to.
    """
    before = _overlap_unsaid.set(unsaid or _overlap_unsaid.get())
    try:
        yield
    finally:
        _overlap_unsaid.reset(before)


def warn_of_late(rows: pd.DataFrame, windows: npt.NDArray[np.float64], trains: SpikeTrains) -> None:
    """Say when windows, [begin, end] on the clock of the spikes, begin after the last of these."""
    last = max((float(spikes[-1]) for spikes in trains.values() if len(spikes)), default=None)
    late = 0 if last is None else int((windows[:, 0] > last).sum())
    if late:
        warn(
            f"{late:,} of {counted(len(rows), 'window')} start{'s' * (late == 1)} after the last spike of these units "
            f"({last:.6g} s)",
            LateWindowsWarning,
        )


def warn_if_too_long(rows: pd.DataFrame, edges: npt.ArrayLike) -> None:
    """Say that a window, or bins (edges in s), are far longer than what they are around: milliseconds, perhaps.

    Around a frame of a movie windows of many frames are nothing odd, nor is (-5, 5): only whole numbers, and 30 s or
    more, look like milliseconds.
    """
    times = np.asarray(edges, dtype=np.float64)
    if not (np.isfinite(times).all() and (times == np.round(times)).all()):
        return
    lasting = lengths_of(rows)
    longest = float(np.nanmax(lasting)) if np.isfinite(lasting).any() else 0.0
    length = float(times[-1] - times[0])
    if length >= 30 and length > 10 * longest > 0:
        warn(
            f"the window is {length:g} s long and the longest {what_rows_are(rows)} {longest:.4g} s; times are in "
            "seconds"
        )
