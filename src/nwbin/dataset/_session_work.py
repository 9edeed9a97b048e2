"""What is done with one session: a function of the user's, or one of the ready jobs. All of it can be pickled."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nwbin.allen.null import tidy
from nwbin.allen.responses import labelled_trials, presentation_windows, spike_table
from nwbin.binning import Closed, Progress
from nwbin.dataset._content import content_hash
from nwbin.responses.counts import AlignedCounts, LabelledCounts
from nwbin.responses.matrix import ResponseMatrix, response_matrix
from nwbin.responses.selection import Selection
from nwbin.responses.windows import warn_of_windows, windows_around
from nwbin.session.chosen import warn_of_recording

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["Call", "Counts", "Matrices", "SessionCounts", "SpikeTables", "Work"]


class Work(Protocol):
    """What is done with each session."""

    def spec(self) -> dict[str, Any]:
        """Say in plain values what is done: results are taken up again where this is the same."""

    def run(self, session: Session, threads: int | None, progress: Progress) -> Any:
        """Do it; `progress` is called with (done, in all), by what is long enough for it."""


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

    def run(self, session: Session, threads: int | None, progress: Progress) -> Any:
        return self.function(session, **self.arguments)


def _with_defaults(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call: a default that is written out is the same request."""
    try:
        bound = inspect.signature(function).bind(None, **arguments)
    except (TypeError, ValueError):  # no signature is known, or the call will fail: the job says so
        return dict(arguments)
    bound.apply_defaults()
    return dict(bound.arguments)


@dataclass(frozen=True, eq=False)
class SessionCounts:
    """A session's counts, which the writer makes block by block, its units' table, and what is said of it."""

    counts: LabelledCounts
    units: pd.DataFrame
    about: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Count spikes in bins around each presentation's start."""

    selection: Selection
    edges: tuple[float, ...]
    closed: Closed
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

    def run(self, session: Session, threads: int | None, progress: Progress) -> SessionCounts:
        shown, units = session.select(self.selection, partly=True)
        trains = session.file.spike_trains(units.index.to_numpy())
        counts = AlignedCounts(
            trains, tidy(shown), self.edges, closed=self.closed,
            binarize=self.binarize, dtype=self.dtype, threads=threads,
        )  # fmt: skip
        warn_of_recording(session, "job", shown, counts.windows, trains)
        return SessionCounts(counts, tidy(units), about(session))


@dataclass(frozen=True)
class Matrices:
    """Make a matrix for decoding of each session."""

    selection: Selection
    window: tuple[float, float]
    label: str
    closed: Closed
    rate: bool

    def spec(self) -> dict[str, Any]:
        return {
            "job": "response_matrices",
            **self.selection.spec(),
            "window": list(self.window),
            "label": self.label,
            "closed": self.closed,
            "rate": self.rate,
        }

    def run(self, session: Session, threads: int | None, progress: Progress) -> ResponseMatrix:
        shown, kept = session.select(self.selection, partly=True)
        units = kept.index.to_numpy()
        if self.label not in shown.columns and shown.index.name == "stimulus_presentation_id":
            # Of some stimuli's presentations it has only the parameters that apply to them.
            everything = session.stimulus_presentations.loc[shown.index]
            shown = everything.assign(start_time=shown["start_time"])
        shown, labels = labelled_trials(shown, self.label, session.file.name)
        trains = session.file.spike_trains(units)
        warn_of_recording(session, "job", shown, windows_around(shown, self.window), trains)
        return response_matrix(
            trains, shown, labels, self.window, closed=self.closed, rate=self.rate, threads=threads
        )


@dataclass(frozen=True)
class SpikeTables:
    """List every spike during each presentation, or in a window around its start."""

    selection: Selection
    window: tuple[float, float] | None
    closed: Closed

    def spec(self) -> dict[str, Any]:
        window = None if self.window is None else list(self.window)
        return {"job": "spike_tables", **self.selection.spec(), "window": window, "closed": self.closed}

    def run(self, session: Session, threads: int | None, progress: Progress) -> pd.DataFrame:
        shown, kept = session.select(self.selection, partly=True)
        units = kept.index.to_numpy()
        if self.window is not None:
            warn_of_windows(shown, self.window)
            start = shown["start_time"].to_numpy(np.float64)
            shown = shown.assign(start_time=start + self.window[0], stop_time=start + self.window[1])
        trains = session.file.spike_trains(units)
        warn_of_recording(session, "job", shown, presentation_windows(shown), trains)
        table = spike_table(trains, shown, closed=self.closed)
        if self.window is not None:
            onset = "time_since_stimulus_presentation_onset"
            table[onset] += self.window[0]
        return table.reset_index()


def about(session: Session) -> dict[str, Any]:
    """What a result says of the session that it was made from."""
    started = session.session_start_time
    return {
        "session_id": session.ecephys_session_id,
        "session_type": session.session_type or "",
        "session_start_time": "" if started is None else started.isoformat(),
        "file": session.file.name,
    }
