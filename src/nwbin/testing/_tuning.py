"""How a unit's firing rate depends on what is shown.

A unit in visual cortex prefers a direction, a spatial and a temporal frequency, a place, some images; one in
the visual thalamus does so weakly and likes flashes; elsewhere nothing drives it. A blank drives nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._sets import Value
from nwbin.testing._stimuli import SPONTANEOUS, Presentations

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]

CORTEX, THALAMUS, ELSEWHERE = "cortex", "thalamus", "elsewhere"
_TRANSIENT = 0.1  # seconds of stronger response after the latency


@dataclass(frozen=True)
class Tuning:
    """What one unit prefers. Gains are relative to its rate without drive."""

    gain: float
    direction: float  # degrees
    sharpness: float  # concentration about the preferred orientation
    selectivity: float  # 0: both directions alike, 1: one only
    spatial_frequency: float  # cycles a degree
    temporal_frequency: float  # Hz
    place: tuple[float, float]  # degrees on the monitor
    phase: float  # cycles
    simple: float  # how much the phase of a static grating matters, 0 to 1
    on: float
    off: float
    half_contrast: float
    speed: float
    images: Array
    movie: Array  # amplitudes of slow components
    latency: float  # seconds
    arousal: float


def draw_tuning(rng: np.random.Generator, kind: str) -> Tuning:
    cortex = kind == CORTEX
    gain = {CORTEX: 4.5 * rng.lognormal(0.0, 0.4), THALAMUS: rng.lognormal(0.0, 0.4), ELSEWHERE: 0.0}[kind]
    return Tuning(
        gain=gain,
        direction=rng.uniform(0.0, 360.0),
        sharpness=rng.uniform(1.5, 4.0) if cortex else 0.3,
        selectivity=rng.uniform(0.2, 0.9) if cortex else 0.1,
        spatial_frequency=float(np.exp(rng.normal(np.log(0.06), 0.6))),
        temporal_frequency=float(np.exp(rng.normal(np.log(3.0), 0.7))),
        place=(rng.normal(0.0, 15.0), rng.normal(0.0, 15.0)),
        phase=rng.random(),
        simple=rng.uniform(0.0, 0.8),
        on=rng.gamma(2.0, 0.3 if cortex else 1.0),
        off=rng.gamma(2.0, 0.3 if cortex else 1.0),
        half_contrast=rng.uniform(0.1, 0.4),
        speed=float(np.exp(rng.normal(np.log(0.005), 0.8))),
        images=rng.gamma(0.35, 0.8, 119),  # few images drive a unit, and those drive it well
        movie=rng.normal(0.0, 0.4, 12),
        latency=float(np.clip(rng.normal(0.05 if cortex else 0.04, 0.006), 0.025, 0.08)),
        arousal=rng.normal(0.1, 0.15),
    )


def _angle(tuning: Tuning, degrees: Array) -> Array:
    """Response to a moving pattern: a peak at the preferred direction, a lower one opposite."""
    turn = np.deg2rad(degrees - tuning.direction)
    orientation = np.exp(tuning.sharpness * (np.cos(2 * turn) - 1))
    response: Array = orientation * (1 - tuning.selectivity * (1 - np.cos(turn)) / 2)
    return response


def _octaves(value: Array, best: float, width: float) -> Array:
    with np.errstate(divide="ignore"):
        distance = np.log2(value / best)
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))


def _gabors(t: Tuning, p: Parameters) -> Array:
    away = (p["x_position"] - t.place[0]) ** 2 + (p["y_position"] - t.place[1]) ** 2
    turn = np.deg2rad(p["orientation"] - t.direction)
    return np.asarray(
        2.0 * np.exp(-away / (2 * 12.0**2)) * (0.4 + 0.6 * np.exp(t.sharpness * (np.cos(2 * turn) - 1)))
    )


def _flashes(t: Tuning, p: Parameters) -> Array:
    return np.where(p["color"] > 0, t.on, t.off)


def _drifting(t: Tuning, p: Parameters) -> Array:
    power = p["contrast"] ** 2
    contrast = power / (power + t.half_contrast**2)
    temporal = 0.3 + 0.7 * _octaves(p["temporal_frequency"], t.temporal_frequency, 1.5)
    return np.asarray(contrast * temporal * _angle(t, p["orientation"]))


def _static(t: Tuning, p: Parameters) -> Array:
    turn = np.deg2rad(p["orientation"] - t.direction)
    phase = 1 + t.simple * np.cos(2 * np.pi * (p["phase"] - t.phase))
    spatial = 0.2 + 0.8 * _octaves(p["spatial_frequency"], t.spatial_frequency, 1.2)
    return np.asarray(np.exp(t.sharpness * (np.cos(2 * turn) - 1)) * spatial * phase)


def _scenes(t: Tuning, p: Parameters) -> Array:
    frame = p["frame"].astype(np.int64)
    return np.where(frame < 0, 0.0, t.images[np.maximum(frame, 0)])


def _movie(t: Tuning, p: Parameters) -> Array:
    cycles = np.multiply.outer(p["frame"] / 300, np.arange(1, len(t.movie) + 1)) + t.phase
    return np.asarray(np.maximum(np.cos(2 * np.pi * cycles) @ t.movie, 0.0))


def _dots(t: Tuning, p: Parameters) -> Array:
    moving = p["coherence"] * _octaves(p["Speed"], t.speed, 2.0)
    return np.asarray(0.2 + moving * _angle(t, p["Dir"]))


_RESPONSES: dict[str, Callable[[Tuning, Parameters], Array]] = {
    "gabors": _gabors,
    "flashes": _flashes,
    "drifting_gratings": _drifting,
    "drifting_gratings_contrast": _drifting,
    "drifting_gratings_75_repeats": _drifting,
    "static_gratings": _static,
    "natural_scenes": _scenes,
    "natural_movie_one": _movie,
    "natural_movie_three": _movie,
    "natural_movie_one_more_repeats": _movie,
    "natural_movie_one_shuffled": _movie,
    "dot_motion": _dots,
}


class Drive:
    """The session's presentations as piecewise constant rates of a unit."""

    def __init__(self, table: Presentations, arousal: Array, *, begin: float, end: float) -> None:
        self.begin, self.end = begin, end
        self.arousal = arousal
        self._start, self._stop = table.shown
        # One long list of conditions, so that a unit's response to each presentation is a single lookup.
        self._parameters: list[tuple[str, Parameters]] = []
        first: list[int] = []
        total = 0
        for name in table.names:
            first.append(total)
            if name == SPONTANEOUS:
                total += 1
                continue
            numbers = {column: _numbers(values) for column, values in table.conditions[name].items()}
            self._parameters.append((name, numbers))
            total += len(next(iter(numbers.values())))
        self._lookup = np.asarray(first)[table.stimulus] + table.condition

    def rates(self, tuning: Tuning, rate: float) -> tuple[Array, Array]:
        """Edges in seconds (n + 1) and the rate between them in Hz (n)."""
        if tuning.gain:
            table = [_RESPONSES[name](tuning, numbers) for name, numbers in self._parameters]
            response = tuning.gain * np.nan_to_num(np.concatenate([*table, np.zeros(1)]))[self._lookup]
        else:
            response = np.zeros(len(self._lookup))
        level = rate * np.exp(tuning.arousal * self.arousal)
        late = self._start + tuning.latency
        stop = self._stop + tuning.latency
        edges = np.empty(3 * len(late) + 2)
        edges[0], edges[-1] = self.begin, self.end
        edges[1:-1:3] = late
        edges[2:-1:3] = np.minimum(late + _TRANSIENT, stop)
        edges[3:-1:3] = stop
        rates = np.empty(len(edges) - 1)
        rates[0:-1:3] = level  # between presentations
        rates[1:-1:3] = level * (1 + 1.6 * response)
        rates[2:-1:3] = level * (1 + response)
        rates[-1] = rate
        return edges, rates


def _numbers(values: list[Value]) -> Array:
    def number(value: Value) -> float:
        try:
            return float(value)
        except ValueError:  # a vector or a word in text: no response hangs on it
            return float("nan")

    return np.array([number(value) for value in values])
