"""Spike trains and presentations to count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nwbin


@pytest.fixture(scope="session")
def trains() -> nwbin.SpikeTrains:
    rng = np.random.default_rng(1)
    # Many spikes on multiples of 10 ms, where edges are.
    times = {
        unit: np.sort(np.round(rng.uniform(0, 20, size), 2)) for unit, size in ((7, 900), (3, 0), (12, 300))
    }
    return nwbin.SpikeTrains.from_dict(times)


@pytest.fixture(scope="session")
def shown() -> pd.DataFrame:
    starts = np.arange(40) * 0.5
    return pd.DataFrame(
        {
            "start_time": starts,
            "stop_time": starts + 0.25,
            "orientation": [0.0, 45.0, 90.0, "null"] * 10,
            "note": ["a", None, "ü", "null"] * 10,
        },
        index=pd.Index(np.arange(100, 140), name="stimulus_presentation_id"),
    )
