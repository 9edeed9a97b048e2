"""How large a synthetic session is: the sizes by name, and what may be overridden."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nwbin.errors import ArgumentError, nearest

BRAIN_OBSERVATORY = "brain_observatory_1.1"
FUNCTIONAL_CONNECTIVITY = "functional_connectivity"
STIMULUS_SETS = (BRAIN_OBSERVATORY, FUNCTIONAL_CONNECTIVITY)
LAYOUTS = ("released", "chunked")

# A probe and the visual area at its upper end. V1 comes first so that a one-probe session still has it.
PROBES = {
    "probeC": "VISp",
    "probeA": "VISam",
    "probeD": "VISl",
    "probeB": "VISpm",
    "probeE": "VISal",
    "probeF": "VISrl",
}

# Presentations of each stimulus (blanks apart); movies are (frames, repeats).
_REAL: dict[str, int | tuple[int, int]] = {
    "gabors": 3645,
    "flashes": 150,
    "drifting_gratings": 600,
    "static_gratings": 5811,
    "natural_scenes": 5950,
    "natural_movie_three": (3600, 10),
    "natural_movie_one": (900, 20),
    "dot_motion": 495,
    "drifting_gratings_contrast": 540,
    "drifting_gratings_75_repeats": 600,
    "natural_movie_one_more_repeats": (900, 60),
    "natural_movie_one_shuffled": (900, 20),
}
_SMALL: dict[str, int | tuple[int, int]] = {
    "gabors": 486,
    "flashes": 60,
    "drifting_gratings": 240,
    "static_gratings": 1200,
    "natural_scenes": 1190,
    "natural_movie_three": (600, 2),
    "natural_movie_one": (300, 4),
    "dot_motion": 132,
    "drifting_gratings_contrast": 144,
    "drifting_gratings_75_repeats": 240,
    "natural_movie_one_more_repeats": (300, 6),
    "natural_movie_one_shuffled": (300, 2),
}
_TINY: dict[str, int | tuple[int, int]] = {
    "gabors": 81,
    "flashes": 10,
    "drifting_gratings": 80,
    "static_gratings": 120,
    "natural_scenes": 119,
    "natural_movie_three": (30, 2),
    "natural_movie_one": (45, 2),
    "dot_motion": 33,
    "drifting_gratings_contrast": 36,
    "drifting_gratings_75_repeats": 64,
    "natural_movie_one_more_repeats": (45, 2),
    "natural_movie_one_shuffled": (45, 2),
}


@dataclass(frozen=True)
class Plan:
    """Every number that decides how large a session is, and its names and seed."""

    size: str
    stimulus_set: str
    seed: int
    layout: str
    session_id: int
    probes: tuple[str, ...]
    units_per_probe: tuple[int, ...]
    channels: int
    samples: int  # of a mean waveform
    firing_rate: float  # Hz, mean over units, without drive
    presentations: Mapping[str, int | tuple[int, int]]
    spontaneous: tuple[float, float, float]  # seconds: before the first block, before the second, elsewhere
    tail: float  # seconds from the last presentation to the end of the recording, optotagging included
    optotagging: int
    running_hz: float
    eye_hz: float
    lfp_channels: int
    lfp_seconds: float
    csd_shape: tuple[int, int]  # samples, virtual channels
    bare: bool
    invalid_times: bool
    lfp: bool
    quirks: bool

    def stream(self, name: str, *index: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that one more unit does not change the others."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode()), *index])


@dataclass(frozen=True)
class _Size:
    probes: int
    units: Mapping[str, int]  # "": any probe that is not named
    channels: int
    samples: int
    firing_rate: float
    presentations: Mapping[str, int | tuple[int, int]]
    spontaneous: tuple[float, float, float]
    tail: float
    optotagging: int
    running_hz: float
    eye_hz: float
    lfp_channels: int
    lfp_seconds: float
    csd_shape: tuple[int, int]


_SIZES = {
    "tiny": _Size(
        probes=2, units={"": 10, "probeC": 24}, channels=48, samples=20, firing_rate=3.0,
        presentations=_TINY, spontaneous=(6.0, 8.0, 2.0), tail=30.0, optotagging=18,
        running_hz=10.0, eye_hz=5.0, lfp_channels=8, lfp_seconds=8.0, csd_shape=(100, 24),
    ),
    "small": _Size(
        probes=6, units={"": 14, "probeC": 60}, channels=384, samples=20, firing_rate=3.2,
        presentations=_SMALL, spontaneous=(20.0, 30.0, 5.0), tail=60.0, optotagging=30,
        running_hz=30.0, eye_hz=15.0, lfp_channels=16, lfp_seconds=20.0, csd_shape=(250, 96),
    ),
    "medium": _Size(
        probes=6, units={"": 30, "probeC": 50}, channels=384, samples=20, firing_rate=1.8,
        presentations=_REAL, spontaneous=(60.0, 288.0, 30.0), tail=560.0, optotagging=180,
        running_hz=60.0, eye_hz=30.0, lfp_channels=24, lfp_seconds=30.0, csd_shape=(875, 384),
    ),
    "full": _Size(
        probes=6, units={"": 167, "probeC": 170}, channels=384, samples=82, firing_rate=5.2,
        presentations=_REAL, spontaneous=(60.0, 288.0, 30.0), tail=560.0, optotagging=180,
        running_hz=60.0, eye_hz=30.0, lfp_channels=93, lfp_seconds=60.0, csd_shape=(875, 384),
    ),
}  # fmt: skip
SIZES = tuple(_SIZES)


def one_of(what: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ArgumentError(f"{what}={value!r} is not known; {nearest(value, known)}")
    return value


def make_plan(
    *,
    size: str,
    stimulus_set: str,
    seed: int,
    layout: str,
    bare: bool,
    invalid_times: bool,
    lfp: bool,
    quirks: bool,
    session_id: int | None,
    probes: int | Sequence[str] | None,
    units_per_probe: int | Sequence[int] | None,
    channels: int | None,
    samples: int | None,
    firing_rate: float | None,
    repeats: float,
) -> Plan:
    """Check the arguments of :func:`nwbin.testing.write_session` and fill in what was not given."""
    base = _SIZES[one_of("size", size, SIZES)]
    one_of("stimulus_set", stimulus_set, STIMULUS_SETS)
    one_of("layout", layout, LAYOUTS)
    if seed < 0:
        raise ArgumentError(f"seed={seed} is negative; give an integer from 0")
    names = _probe_names(base.probes if probes is None else probes)
    units = _units_of(names, units_per_probe, base)
    if channels is not None and channels < 16:
        raise ArgumentError(f"channels={channels} is too few to hold every structure; give at least 16")
    if samples is not None and samples < 1:
        raise ArgumentError(f"samples={samples} must be at least 1")
    if firing_rate is not None and not 0 < firing_rate <= 200:
        raise ArgumentError(f"firing_rate={firing_rate} must be above 0 and at most 200 Hz")
    if not 0 < repeats <= 100:
        raise ArgumentError(f"repeats={repeats} must be above 0 and at most 100")
    return Plan(
        size=size,
        stimulus_set=stimulus_set,
        seed=seed,
        layout=layout,
        session_id=_session_id(session_id, stimulus_set, size, seed),
        probes=names,
        units_per_probe=units,
        channels=channels or base.channels,
        samples=samples or base.samples,
        firing_rate=firing_rate or base.firing_rate,
        presentations={name: _repeated(n, repeats) for name, n in base.presentations.items()},
        spontaneous=base.spontaneous,
        tail=base.tail,
        optotagging=base.optotagging,
        running_hz=base.running_hz,
        eye_hz=base.eye_hz,
        lfp_channels=base.lfp_channels,
        lfp_seconds=base.lfp_seconds,
        csd_shape=base.csd_shape,
        bare=bare,
        invalid_times=invalid_times and not bare,
        lfp=lfp,
        quirks=quirks,
    )


def _session_id(session_id: int | None, stimulus_set: str, size: str, seed: int) -> int:
    if session_id is None:
        # Two sessions in one folder must not share ids, and the same call must give the same id.
        return 700_000_000 + zlib.crc32(f"{stimulus_set}/{size}/{seed}".encode()) % 90_000_000
    if not 0 < session_id < 2**53:
        raise ArgumentError(f"session_id={session_id} must be a positive integer below 2**53")
    return session_id


def _units_of(
    names: tuple[str, ...], units_per_probe: int | Sequence[int] | None, base: _Size
) -> tuple[int, ...]:
    if units_per_probe is None:
        units = tuple(base.units.get(name, base.units[""]) for name in names)
    elif isinstance(units_per_probe, (int, np.integer)):
        units = (int(units_per_probe),) * len(names)
    else:
        units = tuple(int(count) for count in units_per_probe)
    if len(units) != len(names) or min(units) < 1:
        raise ArgumentError(
            f"units_per_probe={units_per_probe!r} must be one positive number, or one for each of the "
            f"{len(names)} probes ({', '.join(names)})"
        )
    return units


def _probe_names(probes: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(probes, int):
        if not 1 <= probes <= len(PROBES):
            raise ArgumentError(f"probes={probes} must be from 1 to {len(PROBES)}")
        return tuple(sorted(list(PROBES)[:probes]))
    names = tuple(probes)
    for name in names:
        one_of("probe", name, tuple(PROBES))
    if not names or len(set(names)) < len(names):
        raise ArgumentError(f"probes={list(names)!r} must name at least one probe, and each once")
    return tuple(sorted(names))


def _repeated(presentations: int | tuple[int, int], factor: float) -> int | tuple[int, int]:
    if isinstance(presentations, tuple):
        frames, repeats = presentations
        return frames, max(2, round(repeats * factor))
    return max(2, round(presentations * factor))
