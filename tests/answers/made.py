"""Units whose truth is known, and presentations to try them on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nwbin import SpikeTrains
from tests.naive import inside

Floats = npt.NDArray[np.float64]


def trials(number: int = 40, apart: float = 2.0, seed: int = 0) -> pd.DataFrame:
    """Presentations of four orientations at two frequencies, in random order; one has no orientation."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "start_time": 1.0 + apart * np.arange(number),
            "stop_time": 1.5 + apart * np.arange(number),
            "orientation": rng.permutation(np.arange(number) % 4 * 45.0),
            "frequency": rng.permutation(np.arange(number) % 2 + 1),
        }
    )
    rows.loc[3, "orientation"] = np.nan
    return rows


def noise(units: int = 5, seconds: float = 90.0, seed: int = 1) -> SpikeTrains:
    """Units with Poisson spikes, 2 to 20 Hz; the last has none."""
    rng = np.random.default_rng(seed)
    times = {10 + u: np.sort(rng.uniform(0, seconds, int(seconds * (2 + 4 * u)))) for u in range(units - 1)}
    return SpikeTrains.from_dict({**times, 99: np.empty(0)})


def counts_of(trains: SpikeTrains, rows: pd.DataFrame, windows: Any, closed: str = "left") -> Floats:
    """Counts (rows, windows, units), one by one."""
    out = np.zeros((len(rows), len(windows), len(trains)))
    for r, onset in enumerate(rows["start_time"]):
        for w, (a, b) in enumerate(windows):
            for u, times in enumerate(trains.values()):
                out[r, w, u] = inside(times, onset + a, onset + b, closed).sum()
    return out
