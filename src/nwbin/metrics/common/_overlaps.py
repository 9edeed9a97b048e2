"""Spikes that AllenSDK loses where presentations overlap.

It gives spikes to presentations by halving a list of all starts and stops, as if that were in order. Where one
presentation starts before the last one stops, it is not, and a spike there is found in one of them, or in none.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.binning import spike_ranks, spikes_in_own_windows
from nwbin.trains import SpikeTrains

__all__ = ["as_allensdk_counts"]

Floats = npt.NDArray[np.float64]


def as_allensdk_counts(
    counts: npt.NDArray[Any], trains: SpikeTrains, starts: Floats, stops: Floats
) -> npt.NDArray[Any]:
    """Change counts to those that AllenSDK comes to; where presentations do not overlap, they are right already.

    Parameters
    ----------
    counts
        Spikes in (start, stop] of each presentation: (presentations, units). Changed in place.
    trains
        The spikes.
    starts, stops
        In s: (presentations,).

    Returns
    -------
    numpy.ndarray
        The counts.
    """
    bounds = np.stack([starts, stops], axis=1).reshape(-1)
    if (bounds[1:] >= bounds[:-1]).all():
        return counts
    units = np.arange(len(trains))
    listed = bounds.tolist()
    for low, high in _out_of_order(bounds):
        window = np.broadcast_to([low, high], (len(units), 2))
        found = spikes_in_own_windows(trains, units, window, closed="right")
        ranks = spike_ranks(trains, units, low, "right").tolist()
        near = np.flatnonzero((starts < high) & (stops > low))
        inside = (starts[near][:, None] < found.time) & (found.time <= stops[near][:, None])
        place, spike = np.nonzero(inside)
        np.subtract.at(counts, (near[place], found.window[spike]), 1)
        unit, last, place_before = -1, -np.inf, 0
        for of, time in zip(found.window.tolist(), found.time.tolist(), strict=True):
            if of != unit:
                unit, last = of, -np.inf
                place_before = _place_before(trains, of, ranks[of], listed)
            place_before = (
                bisect_left(listed, time, place_before)
                if last < time
                else bisect_left(listed, time, 0, min(place_before + 1, len(listed)))
            )
            last = time
            if place_before % 2:
                counts[place_before // 2, of] += 1
    return counts


def _place_before(trains: SpikeTrains, unit: int, rank: int, bounds: list[float]) -> int:
    """Where a unit's last spike before some was found: the next is looked for from there on."""
    if not rank:
        return 0
    return bisect_left(bounds, float(trains[trains.unit_ids[unit]][rank - 1]))


def _out_of_order(bounds: Floats) -> list[tuple[float, float]]:
    """The stretches (low, high] in which times lie that some earlier bound is not below and some later one is."""
    most = np.maximum.accumulate(bounds)[:-1]
    least = np.minimum.accumulate(bounds[::-1])[::-1][1:]
    merged: list[tuple[float, float]] = []
    for low, high in sorted({(a, b) for a, b in zip(least.tolist(), most.tolist(), strict=True) if a < b}):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged
