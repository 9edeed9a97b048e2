"""The slow, plainly right answer: every spike compared with every window, as the definition says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Windows = NDArray[np.float64]


def inside(times: NDArray[np.float64], a: float, b: float, closed: str) -> NDArray[np.bool_]:
    if closed == "left":
        return (times >= a) & (times < b)
    if closed == "right":
        return (times > a) & (times <= b)
    return (times >= a) & (times <= b)


def windows_of(edges: Any, presentations: int) -> Windows:
    """(presentations, bins, 2) from edges, shared or one row each."""
    rows = np.broadcast_to(np.asarray(edges, float), (presentations, np.shape(edges)[-1]))
    return np.stack([rows[:, :-1], rows[:, 1:]], axis=-1)


def count(trains: Sequence[Any], onsets: Any, windows: Windows, closed: str) -> NDArray[np.int64]:
    """Counts (presentations, windows, units), for windows (presentations, windows, 2)."""
    out = np.zeros((len(onsets), windows.shape[1], len(trains)), np.int64)
    with np.errstate(over="ignore"):
        for p, onset in enumerate(onsets):
            for w, (start, stop) in enumerate(windows[p]):
                for u, times in enumerate(trains):
                    out[p, w, u] = inside(np.asarray(times, float), onset + start, onset + stop, closed).sum()
    return out


def align(trains: Sequence[Any], onsets: Any, windows: Windows, closed: str) -> list[tuple[int, int, float]]:
    """(presentation, unit, time from onset) of every spike in its window, for windows (presentations, 2)."""
    found = []
    for p, onset in enumerate(onsets):
        for u, times in enumerate(trains):
            array = np.asarray(times, float)
            here = array[inside(array, onset + windows[p][0], onset + windows[p][1], closed)]
            found += [(p, u, float(t - onset)) for t in here]
    return found
