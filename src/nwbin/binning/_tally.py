"""Which pairs' coincidences are counted, and the counting of them."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin._memory import taking
from nwbin.binning._stream import Stream, kernels

__all__ = ["FEWER", "Pairing", "Tally", "edges_around_zero"]

FEWER = "give fewer pairs or bins at a time"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Pairing:
    """Pairs of trains, of which no two are of the same two.

    Parameters
    ----------
    first, second
        Positions of trains, (pairs,): a row's differences are those of the second's times less the first's.

    Attributes
    ----------
    units
        Positions of the trains that are in a pair, ascending. In the tables that follow, a unit is its place here.
    slots, sides
        (units, units), as :mod:`nwbin.kernels.correlate` takes them.
    rows
        How many pairs.
    """

    def __init__(self, first: Integers, second: Integers) -> None:
        self.units, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        self.rows = first.size
        n = self.units.size
        with taking(9 * n * n, f"the table of who is paired with whom of {n:,} units", FEWER):
            self.slots = np.full((n, n), -1)
            self.sides = np.zeros((n, n), np.uint8)
        a, b = place[: self.rows], place[self.rows :]
        self.slots[a, b] = self.slots[b, a] = np.arange(self.rows)
        self.sides[b, a] = a != b

    def cuts(self, threads: int) -> list[tuple[int, int]]:
        """Cut the units into pieces of work."""
        n = self.units.size
        return list(pairwise(np.linspace(0, n, min(n, 16 * threads) + 1).astype(int).tolist()))


def edges_around_zero(n_bins: int, width: float) -> Floats:
    """Edges of bins that lie evenly around 0: ``(k - bins / 2) * width``, the same numbers on both sides."""
    steps = np.arange(n_bins + 1, dtype=np.float64) - n_bins / 2
    return steps * width


class Tally:
    """Counts of differences of time, in bins [a, b) of one width around zero.

    Parameters
    ----------
    pairing
        Of whom.
    edges
        From `edges_around_zero`.
    width
        Of a bin.
    """

    def __init__(self, pairing: Pairing, edges: Floats, width: float) -> None:
        self._pairing, self._edges, self._width = pairing, edges, width
        n_bins, n = edges.size - 1, pairing.units.size
        with taking(8 * pairing.rows * n_bins, f"{pairing.rows:,} pairs x {n_bins:,} bins of int64", FEWER):
            self.counts = np.zeros((pairing.rows, n_bins), np.int64)
        self._middle = np.zeros((n, n), np.int64)

    def _sides(self) -> tuple[Floats, Floats, float]:
        """Edges on both sides of the middle bin, made half-open; how to guess; and where both end."""
        edges, mid = self._edges, (self._edges.size - 1) // 2
        sides = np.full((2, mid + 3), np.inf)
        sides[:, 0] = 0.0
        above = edges[mid + 1 :]
        sides[0, 1 : above.size + 1] = above
        # a <= -d < b and -b < d <= -a are the same, and so is nextafter(-b) <= d < nextafter(-a).
        below = np.nextafter(-edges[mid::-1], np.inf)
        sides[1, 1 : below.size + 1] = below
        shifts = np.array([0.0, 1.0]) if edges.size % 2 else np.array([0.5, 0.5])
        return sides, shifts, max(above[-1], below[-1])

    def add(self, times: Floats, stream: Stream, threads: int) -> None:
        """Count a block's coincidences, by times that may be others than the stream's, in the same order."""
        pairing = self._pairing
        sides, shifts, reach = self._sides()
        size = pairing.units.size * (sides.shape[1] - 1)

        def piece(first: int, last: int) -> None:
            kernels().count_coincidences(
                times, stream.units, stream.stops, stream.places, stream.begins, first, last,
                pairing.slots, pairing.sides, sides, 1.0 / self._width, shifts, reach,
                np.empty(size, np.int64), self.counts, self._middle,
            )  # fmt: skip

        _threads.run([partial(piece, *cut) for cut in pairing.cuts(threads)], threads)

    def finish(self) -> Integers:
        """Return the counts, (pairs, bins), once all blocks have been added."""
        n = self._middle.shape[0]
        both = self._middle + self._middle.T
        both[np.arange(n), np.arange(n)] = self._middle.diagonal()
        slots = self._pairing.slots
        self.counts[slots[slots >= 0], (self._edges.size - 1) // 2] = both[slots >= 0]
        return self.counts
