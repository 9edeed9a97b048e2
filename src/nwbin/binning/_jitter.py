"""What correlograms would be expected to be, had each spike fallen elsewhere within its jitter window.

In both ways the expectation is a sum over pairs of spikes, and of each pair only the cells of time count that its
two spikes fell into, or may fall into: how often two units' spikes fell so many cells apart is counted once, and
spread over the bins by one matrix. Where a spike is equally likely anywhere in its cell, the difference of two
that are ``d`` cells apart has a triangle for its density, from ``d - 1`` to ``d + 1`` cells.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin.binning._stream import Stream, kernels
from nwbin.binning._tally import Pairing

__all__ = ["Patterns", "spread"]

Floats = NDArray[np.float64]

_ROWS = 1 << 12  # pairs spread at a time


def spread(found: NDArray[np.int64] | Floats, cell: float, edges: Floats) -> Floats:
    """Expected counts (pairs, bins), from how often (pairs, 2 * D + 1) spikes are -D, ..., D cells apart."""
    lag = np.arange(found.shape[1]) - found.shape[1] // 2
    below = np.clip(edges / cell - lag[:, None], -1.0, 1.0)  # from the middle of the triangle, in cells
    share = np.diff(np.where(below < 0, (1 + below) ** 2 / 2, 1 - (1 - below) ** 2 / 2), axis=1)
    expected = np.empty((len(found), edges.size - 1))
    for first in range(0, len(found), _ROWS):
        np.matmul(found[first : first + _ROWS].astype(np.float64), share, out=expected[first : first + _ROWS])
    return expected


class Patterns:
    """Each spike anywhere that its unit's spikes are in the same jitter window of any presentation.

    Parameters
    ----------
    pairing
        Of whom.
    cell
        Width of the cells of time that are told apart, s.
    cells
        How many make a jitter window.
    windows
        How many jitter windows a presentation has; the last may be cut short.
    most
        Lags up to so many cells are wanted.
    """

    def __init__(self, pairing: Pairing, cell: float, cells: int, windows: int, most: int) -> None:
        self.cell, self._cells, self._windows, self._most = cell, cells, windows, most
        self._pairing = pairing
        self._spikes = np.zeros((len(pairing.units), windows * cells))
        self.lags = np.zeros((pairing.rows, 2 * most + 1))

    def _cell_of(self, stream: Stream) -> Floats:
        # A presentation's end, rounded, may lie beyond its last cell's.
        return np.minimum(stream.since_origin(self.cell), self._windows * self._cells - 1)

    def learn(self, stream: Stream) -> None:
        """Take a block's spikes among those that say where spikes may be; of all blocks, first."""
        size = self._spikes.shape[1]
        place = stream.units.astype(np.int64) * size + self._cell_of(stream).astype(np.int64)
        self._spikes += np.bincount(place, minlength=self._spikes.size).reshape(self._spikes.shape)

    def add(self, stream: Stream, threads: int) -> None:
        """Add what is to be expected of a block's pairs of spikes."""
        by_window = self._spikes.reshape(len(self._spikes), self._windows, self._cells)
        total = by_window.sum(axis=2, keepdims=True)
        shares = np.divide(by_window, total, out=np.zeros_like(by_window), where=total > 0)
        begin_filled = np.zeros(total.size + 1, np.int64)
        np.cumsum(np.count_nonzero(by_window, axis=2).ravel(), out=begin_filled[1:])
        filled = np.nonzero(self._spikes)[1]
        window = self._cell_of(stream).astype(np.int64) // self._cells
        pairing = self._pairing
        reach = (self._most - 1) // self._cells + 1

        def piece(first: int, last: int) -> None:
            kernels().count_patterns(
                window, stream.units, stream.stops, stream.places, stream.begins, first, last,
                pairing.slots, pairing.sides, shares.reshape(self._spikes.shape), filled, begin_filled, self._cells,
                self._most, np.empty(total.size * (2 * reach + 1)), self.lags,
            )  # fmt: skip

        _threads.run([partial(piece, *cut) for cut in pairing.cuts(threads)], threads)
