"""What is done with one session: a function of the user's, or one of the ready jobs. All of it can be pickled."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nwbin._memory import require
from nwbin.allen.responses import too_long
from nwbin.dataset._content import content_hash
from nwbin.dataset._select import Selection
from nwbin.errors import LookupFailure, nearest, warn
from nwbin.export import Windows, tidy

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import ResponseMatrix, Session

__all__ = ["Call", "Counted", "Counts", "Matrices", "SpikeTables", "Work"]


class Work(Protocol):
    """What is done with each session."""

    def spec(self) -> dict[str, Any]:
        """Say in plain values what is done: results are taken up again where this is the same."""

    def run(self, session: Session, threads: int | None) -> Any:
        """Do it."""


@dataclass(frozen=True)
class Call:
    """Call ``function(session, **arguments)``."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def spec(self) -> dict[str, Any]:
        return {
            "job": "map",
            "function": getattr(self.function, "__qualname__", type(self.function).__qualname__),
            "content": content_hash((self.function, _with_defaults(self.function, self.arguments))),
        }

    def run(self, session: Session, threads: int | None) -> Any:
        return self.function(session, **self.arguments)


def _with_defaults(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call: a default that is written out is the same request."""
    try:
        bound = inspect.signature(function).bind(None, **arguments)
    except (TypeError, ValueError):  # no signature is known, or the call will fail: the job says so
        return dict(arguments)
    bound.apply_defaults()
    return dict(bound.arguments)


class Counted:
    """Counts that are still to be made, and the units' table; the writer counts block by block."""

    def __init__(self, windows: Windows, units: pd.DataFrame, about: dict[str, Any]) -> None:
        self.windows = windows
        self.units = units
        self.about = about


@dataclass(frozen=True)
class Counts:
    """Count spikes in bins around each presentation's start."""

    selection: Selection
    edges: tuple[float, ...]
    closed: str = "both"
    binarize: bool = False
    dtype: str | None = None

    def spec(self) -> dict[str, Any]:
        return {
            "job": "spike_counts",
            **self.selection.spec(),
            "edges": list(self.edges),
            "closed": self.closed,
            "binarize": self.binarize,
            "dtype": self.dtype or ("uint8" if self.binarize else "uint16"),
        }

    def run(self, session: Session, threads: int | None) -> Counted:
        shown = self.selection.presentation_table(session)
        units = self.selection.unit_table(session)
        _note_odd_windows(session, units, shown, (self.edges[0], self.edges[-1]))
        windows = Windows(
            session.file.spike_trains(units.index.to_numpy()), shown, self.edges, closed=self.closed,
            binarize=self.binarize, dtype=self.dtype, threads=threads,
        )  # fmt: skip
        return Counted(windows, tidy(units), about(session))


@dataclass(frozen=True)
class Matrices:
    """Make a matrix for decoding of each session."""

    selection: Selection
    window: tuple[float, float] = (0.01, 0.25)
    label: str = "orientation"
    closed: str = "both"
    rate: bool = False

    def spec(self) -> dict[str, Any]:
        return {
            "job": "response_matrices",
            **self.selection.spec(),
            "window": list(self.window),
            "label": self.label,
            "closed": self.closed,
            "rate": self.rate,
        }

    def run(self, session: Session, threads: int | None) -> ResponseMatrix:
        from nwbin.session import ResponseMatrix

        shown = self.selection.presentation_table(session)
        chosen = self.selection.unit_table(session)
        units = chosen.index.to_numpy()
        if shown.index.name == "stimulus_presentation_id" and self.selection.align == "start_time":
            return session.response_matrix(
                shown.index.to_numpy(), units, self.window, self.label, closed=self.closed, rate=self.rate,  # type: ignore[arg-type]
                threads=threads,
            )  # fmt: skip
        if self.label not in shown.columns:
            raise LookupFailure(
                f"the table has no column {self.label!r}; {nearest(self.label, shown.columns)}"
            )
        _note_odd_windows(session, chosen, shown, self.window)
        counted = Windows(
            session.file.spike_trains(units), shown[["start_time"]], self.window, closed=self.closed, dtype=np.float64,
            threads=threads,
        )  # fmt: skip
        what = f"{len(shown):,} trials x {len(units):,} units of float64, while they are counted,"
        require(3 * 8 * len(shown) * len(units), what, "choose fewer presentations or units")
        blocks = [block[:, 0, :].copy() for _, block in counted.blocks(32 << 20)]
        counts = np.concatenate(blocks) / (self.window[1] - self.window[0] if self.rate else 1.0)
        labels = tidy(shown[[self.label]])[self.label].to_numpy()
        there = np.asarray([one is not None and one == one for one in labels], dtype=bool)
        y = labels[there]
        return ResponseMatrix(counts[there], y, np.unique(y), shown.index.to_numpy()[there], units)


@dataclass(frozen=True)
class SpikeTables:
    """List every spike during each presentation, or in a window around its start."""

    selection: Selection
    window: tuple[float, float] | None = None
    closed: str = "right"

    def spec(self) -> dict[str, Any]:
        window = None if self.window is None else list(self.window)
        return {"job": "spike_tables", **self.selection.spec(), "window": window, "closed": self.closed}

    def run(self, session: Session, threads: int | None) -> pd.DataFrame:
        from nwbin.allen.responses import spike_table

        shown = self.selection.presentation_table(session)
        units = self.selection.unit_table(session)
        _note_odd_windows(session, units, shown, self.window)
        if self.window is not None:
            start = shown["start_time"].to_numpy(np.float64)
            shown = shown.assign(start_time=start + self.window[0], stop_time=start + self.window[1])
        trains = session.file.spike_trains(units.index.to_numpy())
        table = spike_table(trains, shown, closed=self.closed)  # type: ignore[arg-type]
        if self.window is not None:
            onset = "time_since_stimulus_presentation_onset"
            table[onset] += self.window[0]
        return table.reset_index()


def _note_odd_windows(
    session: Session, units: pd.DataFrame, shown: pd.DataFrame, window: tuple[float, float] | None
) -> None:
    """Put into the report's notes that in some windows (s from the start; None: to the stop) spikes are invalid.

    And that windows are far too long.
    """
    start = shown["start_time"].to_numpy(np.float64)
    first, last = (0.0, shown["stop_time"].to_numpy(np.float64) - start) if window is None else window
    session.warn_of_invalid_spikes("job", units.index.to_numpy(), start + first, start + last)
    if window is not None and "stop_time" in shown.columns:
        lasting = shown["stop_time"].to_numpy(np.float64) - start
        if note := too_long(window, lasting, "presentation"):
            warn(note)


def about(session: Session) -> dict[str, Any]:
    """What a result says of the session that it was made from."""
    started = session.session_start_time
    return {
        "session_id": session.ecephys_session_id,
        "session_type": session.session_type or "",
        "session_start_time": "" if started is None else started.isoformat(),
        "file": session.file.name,
    }
