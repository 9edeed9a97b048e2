"""Counts made by comparing every spike with every window; tables of every kind of column."""

from __future__ import annotations

import numpy as np
import pandas as pd

import nwbin

MIXED = pd.DataFrame(
    {
        "orientation": [0.0, 90.0, "null", 45.0, None],
        "contrast": [0.8, 0.2, 0.8, np.nan, 0.5],
        "name": ["gabors", "flashes", "null", "gabors", "natural movie"],
        "good": [True, False, True, True, False],
        "tags": [["wake"], [], ["wake", "nrem"], ["rem"], ["nrem"]],
        "two words": [1, 2, 3, 4, 5],
    },
    index=pd.Index([10, 11, 12, 13, 14], name="stimulus_presentation_id"),
)

EDGES = [-0.1, 0.0, 0.05, 0.25]


def counted(trains: nwbin.SpikeTrains, begin: np.ndarray, end: np.ndarray, closed: str) -> np.ndarray:
    """Windows x units, by comparing every spike with every window."""
    columns = []
    for unit in trains:
        spikes = trains[unit][None, :]
        above = spikes > begin[:, None] if closed == "right" else spikes >= begin[:, None]
        below = spikes < end[:, None] if closed == "left" else spikes <= end[:, None]
        columns.append((above & below).sum(axis=1))
    return np.stack(columns, axis=1)


def expected(trains: nwbin.SpikeTrains, shown: pd.DataFrame, closed: str) -> np.ndarray:
    edges = shown["start_time"].to_numpy()[:, None] + np.asarray(EDGES)[None, :]
    flat = counted(trains, edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), closed)
    return flat.reshape(len(shown), len(EDGES) - 1, len(trains))
