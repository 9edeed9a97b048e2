"""Quality of spike trains: rates, presence, refractory violations. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwbin._threads import run
from nwbin.metrics.quality._convention import Convention
from nwbin.trains import SpikeTrains

__all__ = ["SpikeQuality", "spike_quality"]

Floats = NDArray[np.float64]

REFRACTORY = 0.0015  # s
_ALLEN_EDGES = 100
_BIN = 60.0  # s: SpikeInterface's
# Intervals looked at together: the scratch stays in the second-level cache.
_BLOCK = 1 << 15
_PIECES = 8  # of work, for each thread


@dataclass(frozen=True)
class SpikeQuality:
    """What spike times alone say of units; each (units,), float64."""

    firing_rate: Floats
    presence_ratio: Floats
    isi_violations: Floats


def spike_quality(trains: SpikeTrains, spans: Floats, convention: Convention, threads: int) -> SpikeQuality:
    """Work out the metrics of spike times.

    Parameters
    ----------
    trains
        Spike times, s.
    spans
        (units, 2): when the recording of each unit begins and ends, s; NaN where that is not known.
    convention
        Whose definitions.
    threads
        How many.
    """
    found = np.full((len(trains), 3), np.nan)
    ids = trains.unit_ids.tolist()
    of_one = _allen if convention == "allen" else _spikeinterface

    def some(first: int, last: int) -> None:
        for at in range(first, last):
            found[at] = of_one(trains[ids[at]], float(spans[at, 0]), float(spans[at, 1]))

    cuts = np.linspace(0, len(ids), min(len(ids), _PIECES * threads) + 1).astype(int).tolist()
    run([partial(some, *cut) for cut in pairwise(cuts)], threads)
    return SpikeQuality(*np.ascontiguousarray(found.T))


def _allen(times: Floats, start: float, stop: float) -> tuple[float, float, float]:
    """Spikes after 0 s count; the time is that from the first to the last spike of the probe."""
    times = times[np.searchsorted(times, 0.0, "right") :]
    if times.size == 0:
        return 0.0, 0.0, np.nan
    time = stop - start
    if not time > 0:
        return np.nan, np.nan, np.nan
    # Nothing of what the span was made of; more where the recording's ends are given.
    times = times[np.searchsorted(times, start, "left") : np.searchsorted(times, stop, "right")]
    if times.size == 0:
        return 0.0, 0.0, np.nan
    filled = np.count_nonzero(_counted(times, np.linspace(start, stop, _ALLEN_EDGES)))
    short, same = _close_ones(times)
    # A spike at exactly the time of the one before it was found twice by the sorter, and counts once.
    number = times.size - same
    violations = (short - same) / (2 * number * REFRACTORY) / (number / time)
    return times.size / time, filled / _ALLEN_EDGES, violations


def _spikeinterface(times: Floats, start: float, stop: float) -> tuple[float, float, float]:
    """Spikes of the recording count, and its whole bins of 60 s."""
    time = stop - start
    if not time > 0:
        return np.nan, np.nan, np.nan
    times = times[np.searchsorted(times, start, "left") : np.searchsorted(times, stop, "right")]
    bins = int(time // _BIN)
    presence = np.nan
    if bins:
        edges = start + _BIN * np.arange(bins + 1, dtype=np.float64)
        presence = np.count_nonzero(_counted(times, edges)) / bins
    if times.size == 0:
        return np.nan, np.nan, np.nan
    short, _ = _close_ones(times)
    violations = short / (2 * times.size * REFRACTORY) / (times.size / time)
    return times.size / time, presence, violations


def _counted(times: Floats, edges: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Spikes in [a, b) of each bin; of the last one, which is closed, in [a, b]."""
    below = np.searchsorted(times, edges, "left")
    below[-1] = np.searchsorted(times, edges[-1], "right")
    return np.diff(below)


def _blocks(size: int) -> Iterator[slice]:
    for first in range(0, size, _BLOCK):
        yield slice(first, min(first + _BLOCK, size))


def _close_ones(times: Floats) -> tuple[int, int]:
    """How many intervals are shorter than the refractory period, and how many of them are 0."""
    gaps = np.empty(_BLOCK)
    short = same = 0
    before, after = times[:-1], times[1:]
    for block in _blocks(before.size):
        gap = np.subtract(after[block], before[block], out=gaps[: block.stop - block.start])
        few = gap[gap < REFRACTORY]
        short += few.size
        same += few.size - int(np.count_nonzero(few))
    return short, same
