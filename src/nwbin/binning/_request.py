"""What is asked for, checked: friendly outside, exact arrays inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin._threads import as_threads
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.trains import SpikeTrains, Trains, as_trains

__all__ = [
    "CLOSED_RULES",
    "Closed",
    "Request",
    "Trains",
    "as_onsets",
    "as_seconds",
    "as_threads",
    "request_of_edges",
    "request_of_windows",
]

Closed: TypeAlias = Literal["left", "right", "both"]
Floats: TypeAlias = NDArray[np.float64]

CLOSED_RULES: tuple[Closed, ...] = get_args(Closed)
RULES: dict[str, int] = {"left": 0, "right": 1, "both": 2}  # as the kernels number them


@dataclass(frozen=True)
class Request:
    """Windows around onsets, in units; all checked.

    ``begin`` and ``end`` are (1, W) or (presentations, W), in seconds from onset. ``edges`` is there when the
    windows are bins that adjoin, and then ``begin`` and ``end`` are views of it. ``called`` is what one
    window is called in messages.
    """

    trains: SpikeTrains
    onsets: Floats
    begin: Floats
    end: Floats
    edges: Floats | None
    closed: Closed
    called: str

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.onsets.size, self.begin.shape[1], len(self.trains)

    def part(self, first: int, last: int) -> Request:
        """The presentations from `first` up to `last`."""
        if first == 0 and last == self.onsets.size:
            return self
        return self._rows(slice(first, last))

    def in_order_of_time(self) -> tuple[Request, NDArray[np.int64]]:
        """The same presentations by the start of their first window, and where each stood before."""
        with np.errstate(over="ignore"):
            alike = len(self.begin) == 1 or not self.begin.shape[1]
            key = self.onsets if alike else self.onsets + self.begin[:, 0]
        if (key[1:] >= key[:-1]).all():
            return self, np.arange(key.size)
        order = np.argsort(key, kind="stable")
        return self._rows(order), order

    def _rows(self, rows: slice | NDArray[np.int64]) -> Request:
        shared = len(self.begin) == 1
        return Request(
            self.trains,
            self.onsets[rows],
            self.begin if shared else self.begin[rows],
            self.end if shared else self.end[rows],
            self.edges if shared or self.edges is None else self.edges[rows],
            self.closed,
            self.called,
        )

    def boundaries(self) -> tuple[Floats, Floats]:
        """lo, hi (presentations, W), such that a spike is in a window if ``lo <= t < hi``, by this rule.

        Exact: ``t <= x`` and ``t < nextafter(x, inf)`` are the same for every finite t.
        """
        with np.errstate(over="ignore"):  # to infinity, which is what it means
            lo = self.onsets[:, None] + self.begin
            hi = self.onsets[:, None] + self.end
            if self.closed == "right":
                np.nextafter(lo, np.inf, out=lo)
            if self.closed != "left":
                np.nextafter(hi, np.inf, out=hi)
        return lo, hi


def request_of_edges(trains: Trains, onsets: ArrayLike, edges: ArrayLike, closed: str) -> Request:
    """Check a request for adjoining bins."""
    units, times, rule = as_trains(trains), as_onsets(onsets), _as_closed(closed)
    rows = as_seconds(edges, "edges")
    if rows.ndim not in (1, 2) or rows.shape[-1] < 2:
        raise ArgumentError(
            "edges must be (bins + 1,), or (presentations, bins + 1) for one row a presentation, with at"
            f" least two edges; not shape {rows.shape}"
        )
    if rows.ndim == 1:
        rows = rows[None]
    elif len(rows) != times.size:
        raise ArgumentError(
            f"edges has {len(rows)} rows for {times.size} presentations; give one row for each,"
            " or one shared row (1-D)"
        )
    elif rows.shape[0] == 0:
        rows = np.zeros((1, rows.shape[1]))
    _refuse_nan(rows, "edges")
    down = rows[:, 1:] < rows[:, :-1]
    if down.any():
        row, i = (int(k) for k in np.argwhere(down)[0])
        where = "" if len(rows) == 1 else f" in row {row}"
        raise ArgumentError(
            f"edges must not decrease, but{where} edge {i} is {float(rows[row, i])!r} and edge {i + 1} is"
            f" {float(rows[row, i + 1])!r}; sort them, or use count_in_windows for windows in any order"
        )
    return Request(units, times, rows[:, :-1], rows[:, 1:], rows, rule, "bin")


def request_of_windows(
    trains: Trains, onsets: ArrayLike, windows: ArrayLike, closed: str, *, called: str = "window"
) -> Request:
    """Check a request for windows that may lie anywhere."""
    units, times, rule = as_trains(trains), as_onsets(onsets), _as_closed(closed)
    rows = as_seconds(windows, "windows")
    if rows.ndim == 1 and rows.size == 2:
        rows = rows[None]
    if rows.ndim not in (2, 3) or rows.shape[-1] != 2:
        raise ArgumentError(
            "windows must be (windows, 2), or (presentations, windows, 2) for others each presentation;"
            f" not shape {rows.shape}"
        )
    if rows.ndim == 2:
        rows = rows[None]
    elif len(rows) != times.size:
        raise ArgumentError(
            f"windows has {len(rows)} rows for {times.size} presentations; give windows for each,"
            " or shared ones (2-D)"
        )
    elif rows.shape[0] == 0:
        rows = np.zeros((1, *rows.shape[1:]))
    _refuse_nan(rows, "windows")
    back = rows[..., 1] < rows[..., 0]
    if back.any():
        row, i = (int(k) for k in np.argwhere(back)[0])
        where = "" if len(rows) == 1 else f" of presentation {row}"
        raise ArgumentError(
            f"window {i}{where} stops before it starts: {rows[row, i].tolist()};"
            " give [start, stop] with start <= stop"
        )
    begin, end = np.ascontiguousarray(rows[..., 0]), np.ascontiguousarray(rows[..., 1])
    return Request(units, times, begin, end, None, rule, called)


def _as_closed(closed: str) -> Closed:
    if closed not in CLOSED_RULES:
        raise ArgumentError(
            f"closed must be 'left' for [a, b), 'right' for (a, b] or 'both' for [a, b], not {closed!r}"
        )
    return closed


def as_seconds(given: ArrayLike, name: str) -> Floats:
    """Times as float64; `name` is what they are called in messages.

    Examples
    --------
    >>> as_seconds([0, 1, 2], "onsets").tolist()
    [0.0, 1.0, 2.0]
    """
    try:
        array = np.asarray(_in_seconds(given, name))
    except ValueError as error:  # lists within lists, of several lengths
        raise ArgumentError(f"{name} must be numbers in seconds: {error}") from None
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"{name} must be numbers in seconds: {error}") from None
    if array.dtype.kind not in "iuf":
        raise ArgumentTypeError(f"{name} must be numbers in seconds, not {array.dtype} values")
    return array.astype(np.float64, order="C", copy=False)


def _in_seconds(given: Any, name: str) -> Any:
    """Other libraries' times in s: a quantity's (Neo, of any unit), a Ts's (pynapple)."""
    if callable(getattr(given, "rescale", None)):
        try:
            return given.rescale("s").magnitude
        except ValueError as error:
            raise ArgumentError(f"{name} are no times: {error}") from None
    if isinstance(getattr(given, "t", None), np.ndarray) and callable(getattr(given, "times", None)):
        return given.t
    return given


def as_onsets(onsets: ArrayLike) -> Floats:
    # As a pynapple IntervalSet's starts: only here, for as windows it is (intervals, 2), starts and ends.
    starts = getattr(onsets, "start", None)
    if isinstance(starts, np.ndarray) and isinstance(getattr(onsets, "end", None), np.ndarray):
        onsets = starts
    onsets = _in_seconds(onsets, "onsets")
    if hasattr(onsets, "columns"):
        raise ArgumentTypeError(
            "onsets must be numbers in seconds, not a table; give one column: table.start_time"
        )
    array = as_seconds(onsets, "onsets")
    if np.ndim(onsets) == 0:
        array = array.reshape(1)
    if array.ndim != 1:
        raise ArgumentError(
            f"onsets must have one dimension, a time for each presentation; not shape {array.shape}"
        )
    finite = np.isfinite(array)
    if not finite.all():
        i = int(np.argmin(finite))
        raise ArgumentError(
            f"onset {i} of {array.size} is {array[i]}; onsets must be finite:"
            " drop the presentations without a time"
        )
    return array


def _refuse_nan(rows: Floats, name: str) -> None:
    missing = np.isnan(rows)
    if missing.any():
        where = [int(k) for k in np.argwhere(missing)[0]]
        place = where[1:] if len(rows) == 1 else where
        raise ArgumentError(
            f"{name}[{', '.join(map(str, place))}] is NaN; use -inf or inf for a window without an end, and"
            " drop presentations without a time"
        )
