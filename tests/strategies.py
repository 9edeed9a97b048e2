"""Requests for counts, hard on purpose: spikes on edges and a hair beside them, ties, gaps, repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

closed_rules = st.sampled_from(["left", "right", "both"])


@dataclass
class Case:
    """Arguments of a count; `windows` is edges (bins) or pairs (windows)."""

    trains: dict[int, NDArray[np.float64]]
    units: list[int]
    onsets: NDArray[np.float64]
    windows: NDArray[np.float64]

    @property
    def times(self) -> list[NDArray[np.float64]]:
        return [self.trains[unit] for unit in self.units]


# A grid makes exact ties likely; tenths make sums that round.
_seconds = st.one_of(
    st.integers(-20, 20).map(lambda i: i / 4),
    st.integers(-30, 30).map(lambda i: i / 10),
    st.floats(-5, 5, allow_nan=False),
)
_ends = st.one_of(_seconds, st.sampled_from([-np.inf, np.inf]))


@st.composite
def onsets(draw: Any) -> NDArray[np.float64]:
    times = np.array(draw(st.lists(_seconds, max_size=8)), float)
    return np.sort(times) if draw(st.booleans()) else times


@st.composite
def edges(draw: Any, rows: int) -> NDArray[np.float64]:
    """Ascending, some equal, now and then without end; (bins + 1,) or (rows, bins + 1)."""
    if draw(st.booleans()):  # even bins
        start, width, n = (
            draw(_seconds),
            draw(st.sampled_from([0.001, 0.1, 0.25, 1.0])),
            draw(st.integers(1, 40)),
        )
        return start + width * np.arange(n + 1)
    n = draw(st.integers(2, 9))
    shape = (rows, n) if draw(st.booleans()) and rows else (n,)
    drawn = draw(st.lists(_ends, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.sort(np.array(drawn, float).reshape(shape), axis=-1)


@st.composite
def pairs(draw: Any, rows: int) -> NDArray[np.float64]:
    """Windows in any order; (windows, 2) or (rows, windows, 2)."""
    n = draw(st.integers(1, 5))
    shape = (rows, n, 2) if draw(st.booleans()) and rows else (n, 2)
    drawn = draw(st.lists(_ends, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.sort(np.array(drawn, float).reshape(shape), axis=-1)


@st.composite
def cases(draw: Any, *, bins: bool) -> Case:
    starts = draw(onsets())
    windows = draw(edges(len(starts)) if bins else pairs(len(starts)))
    flat = windows.reshape(len(windows) if windows.ndim == (2 if bins else 3) else 1, -1)
    marks = (starts[:, None] + flat).ravel() if starts.size else flat.ravel()
    marks = marks[np.isfinite(marks)]
    pool = np.concatenate(
        [marks, np.nextafter(marks, np.inf), np.nextafter(marks, -np.inf), starts, [0.0, -0.0]]
    )
    trains = {}
    for unit in range(draw(st.integers(0, 5))):
        few = draw(st.lists(st.sampled_from(pool.tolist()) | _seconds, max_size=12))
        rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        # Enough spikes at times for the kernels' vector steps and gallops.
        many = draw(st.sampled_from([0, 0, 7, 8, 9, 40, 300]))
        more = np.where(rng.random(many) < 0.5, rng.choice(pool, many), rng.uniform(-8, 8, many))
        trains[unit * 7 + 3] = np.sort(np.concatenate([few, more]))
    units = draw(st.lists(st.sampled_from(list(trains)), max_size=20)) if trains else []
    return Case(trains, units, starts, windows)
