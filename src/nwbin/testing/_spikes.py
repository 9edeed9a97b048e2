"""When a unit fires."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._plan import Plan
from nwbin.testing._stimuli import Presentations
from nwbin.testing._tuning import Drive
from nwbin.testing._units import Unit

Array = NDArray[np.float64]


class Spikes:
    """A unit's spike train: how many spikes it will have, and then their times.

    Given their number, the spikes of an inhomogeneous Poisson process are independent draws from its rate. So
    the numbers of all units are known before any time is drawn, the file's arrays get their final shape, and
    only one train is held at a time. Order statistics of uniform draws are cumulated exponential gaps, which
    come out sorted.
    """

    def __init__(self, plan: Plan, drive: Drive, unit: Unit, extra: Array) -> None:
        self._plan, self._drive, self._unit = plan, drive, unit
        self._extra = extra
        self.count = len(extra) + (self._drawn()[1] if unit.rate else 0)

    def _drawn(self) -> tuple[np.random.Generator, int, Array, Array, float]:
        unit = self._unit
        edges, rates = self._drive.rates(unit.tuning, unit.rate)
        expected = np.concatenate([[0.0], np.cumsum(np.diff(edges) * rates)])
        until = self._drive.begin + unit.keeps * (self._drive.end - self._drive.begin)
        total = float(np.interp(until, edges, expected))
        rng = self._plan.stream("spikes", unit.seed)
        return rng, int(rng.poisson(total)), edges, expected, total

    def draw(self) -> tuple[Array, Array]:
        """Times in seconds, ascending, and amplitudes in volts."""
        unit = self._unit
        if not unit.rate:
            return np.empty(0), np.empty(0)
        rng, count, edges, expected, total = self._drawn()
        gaps = np.cumsum(rng.standard_exponential(count + 1))
        times = np.interp(gaps[:-1] * (total / gaps[-1]), expected, edges)
        clock, phase = unit.probe.sampling_rate, unit.probe.phase
        times = np.rint((times - phase) * clock) / clock + phase
        if len(self._extra):
            times = np.sort(np.concatenate([times, self._extra]))
        size = 1e-6 * float(unit.metrics["amplitude"])
        amplitudes = size * (1 + 0.15 * rng.standard_normal(len(times), dtype=np.float32))
        return times, np.maximum(amplitudes, 0.2 * size).astype(np.float64)


def edge_spikes(table: Presentations) -> Array:
    """Spikes on the very edges of presentations and bins, for a unit of kind "edge"."""
    name = "static_gratings" if "static_gratings" in table.names else "gabors"
    rows = table.rows(name)
    rows = rows[[i for i in (20, 21, 25) if i < len(rows)]]
    gabors = table.rows("gabors")
    gabors = gabors[[i for i in (3, 4) if i < len(gabors)]]
    start, stop = table.start[rows], table.stop[rows]
    pair = np.repeat(start[:1] + 0.123, 2)
    return np.concatenate(
        [start, start + 0.1, 0.1 + start, start + 0.05, stop, table.start[gabors], table.stop[gabors], pair]
    )
