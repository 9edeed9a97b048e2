"""The same answers with NumPy alone, for requests too small to be worth loading numba for.

Words as in ``compiled``: a window holds the spikes with ``lo <= t < hi``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned", "counts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def counts(values: Floats, starts: Ints, stops: Ints, lo: Floats, hi: Floats) -> Ints:
    """Spikes in each window, for lo, hi (R, W): int64 (R, W, units)."""
    out = np.empty((starts.size, *lo.shape), np.int64)
    # A window's end is looked for right after its start: NumPy goes on from where the last one was found.
    ends = np.stack([lo, hi], axis=-1).ravel()
    for u in range(starts.size):
        found = values[starts[u] : stops[u]].searchsorted(ends)
        np.subtract(found[1::2], found[::2], out=out[u].reshape(-1))
    return out.transpose(1, 2, 0)


def aligned(
    values: Floats, starts: Ints, stops: Ints, onsets: Floats, lo: Floats, hi: Floats
) -> tuple[Ints, Ints, Floats]:
    """Every spike in each row's window, for onsets, lo, hi (R,): row, unit, time from onset."""
    first = np.empty((lo.size, starts.size), np.int64)
    count = np.empty_like(first)
    for u in range(starts.size):
        train = values[starts[u] : stops[u]]
        first[:, u] = np.searchsorted(train, lo)
        count[:, u] = np.searchsorted(train, hi) - first[:, u]
        first[:, u] += starts[u]
    sizes = count.ravel()
    cell = np.repeat(np.arange(sizes.size), sizes)
    row, unit = np.divmod(cell, max(starts.size, 1))
    within = np.arange(cell.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return row, unit, values[first.ravel()[cell] + within] - onsets[row]
