"""Sessions made for one test: a stimulus, its presentations, and units that answer it in a known way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nwbin.metrics.common import Convention, SessionView
from nwbin.metrics.stimulus import stimulus_metrics_table
from nwbin.trains import SpikeTrains

PERIOD = {
    "drifting_gratings": (2.0, 3.0),
    "drifting_gratings_75_repeats": (2.0, 3.0),
    "dot_motion": (1.0, 2.0),
}

# Of a presentation's parameters and its number: when the unit spikes, in s from onset.
Answer = Callable[[dict[str, Any], int], Sequence[float] | npt.NDArray[np.float64]]


def presented(
    stimulus: str, rows: Sequence[Mapping[str, Any]], *, first: float = 10.0, duration: float | None = None
) -> pd.DataFrame:
    """Make the stimulus table of some presentations, one after another."""
    on, period = PERIOD.get(stimulus, (0.25, 0.25))
    onsets = first + period * np.arange(len(rows))
    table = pd.DataFrame([dict(row) for row in rows], dtype=object)
    table.insert(0, "stimulus_name", [stimulus] * len(rows))
    table["start_time"] = onsets
    table["stop_time"] = onsets + (on if duration is None else duration)
    return table


def session_of(
    tables: pd.DataFrame | Sequence[pd.DataFrame],
    trains: Mapping[int, Any],
    *,
    convention: Convention = "corrected",
    running: pd.DataFrame | None = None,
) -> SessionView:
    """Make a session of stimulus tables and spikes."""
    parts = [tables] if isinstance(tables, pd.DataFrame) else list(tables)
    table = pd.concat(parts, ignore_index=True).astype({"start_time": float, "stop_time": float})
    parameters = [name for name in table.columns if name not in ("start_time", "stop_time")]
    table[parameters] = table[parameters].astype(object).where(table[parameters].notna(), "null")
    keys = [tuple(map(str, row)) for row in table[parameters].to_numpy().tolist()]
    codes, _ = pd.factorize(pd.Series(keys, dtype=object))
    table["stimulus_condition_id"] = codes
    table.index.name = "stimulus_presentation_id"
    conditions = table.drop_duplicates("stimulus_condition_id").set_index("stimulus_condition_id")[parameters]
    by_id = {unit: np.sort(np.asarray(times, dtype=float)) for unit, times in trains.items()}
    return SessionView(
        "made.nwb", table, conditions, SpikeTrains.from_dict(by_id), lambda: running, convention
    )


def spikes_of(table: pd.DataFrame, answer: Answer) -> npt.NDArray[np.float64]:
    """When a unit spikes that answers each presentation in some way."""
    rows = table.to_dict("records")
    times = [row["start_time"] + np.asarray(answer(row, at), dtype=float) for at, row in enumerate(rows)]
    return np.sort(np.concatenate(times))


def metrics(
    tables: pd.DataFrame | Sequence[pd.DataFrame], trains: Mapping[int, Any], suffix: str, **options: Any
) -> pd.DataFrame:
    """Compute a stimulus's columns of a made session."""
    return stimulus_metrics_table(session_of(tables, trains, **options), [suffix])[0]


def both(
    tables: pd.DataFrame | Sequence[pd.DataFrame], trains: Mapping[int, Any], suffix: str, **options: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute them by both conventions: AllenSDK's, then corrected."""
    return (
        metrics(tables, trains, suffix, convention="allen", **options),
        metrics(tables, trains, suffix, convention="corrected", **options),
    )
