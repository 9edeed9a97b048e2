"""Probes, channels, units: where they lie, how good they are, what drives them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._plan import PROBES, Plan
from nwbin.testing._tuning import CORTEX, ELSEWHERE, THALAMUS, Tuning, draw_tuning

Array = NDArray[np.float64]

# From the tip upwards: where a structure begins, as a fraction of the probe. "" and "None" both mean outside
# the brain; a layer or shell follows a dash.
_STRUCTURES = (
    (0.00, "APN"), (0.08, "TH"), (0.14, "LP"), (0.22, "LGd-sh"), (0.30, "LGd-co"), (0.36, "DG-mo"),
    (0.42, "CA3"), (0.48, "CA1"), (0.60, "grey"), (0.62, "VIS"), (0.90, "None"), (0.96, ""),
)  # fmt: skip
_THALAMUS = ("LP", "LGd-sh", "LGd-co")
_HIPPOCAMPUS = ("DG-mo", "CA3", "CA1")

# What becomes of a unit under AllenSDK's default filters, and how common it is. About half pass.
KINDS = {
    "pass": 0.50,
    "amplitude_cutoff": 0.13,
    "presence_ratio": 0.08,
    "isi_violations": 0.08,
    "noise": 0.08,
    "nan_metrics": 0.03,  # passes: other metrics are missing
    "outside": 0.04,
    "bad_channel": 0.02,
    "nan_cutoff": 0.02,
    "silent": 0.02,
}
# With quirks=True the first units of the first probe, in this order.
QUIRKS = (
    "edge", "silent_pass", "exact_cutoff", "exact_presence", "exact_isi", "nan_cutoff", "nan_metrics",
    "amplitude_cutoff", "presence_ratio", "isi_violations", "noise", "bad_channel", "outside", "silent",
)  # fmt: skip
PASSING = frozenset(
    {"pass", "nan_metrics", "edge", "silent_pass", "exact_cutoff", "exact_presence", "exact_isi"}
)

_MISSING = ("snr", "isolation_distance", "l_ratio", "d_prime", "nn_hit_rate", "nn_miss_rate",
            "silhouette_score", "velocity_above")  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """One probe and its channels, in the order of the electrodes table."""

    name: str
    id: int
    sampling_rate: float  # Hz
    phase: float  # seconds: spikes fall on phase + n / sampling_rate
    channel_id: NDArray[np.int64]
    number: NDArray[np.int64]  # position of a channel on the probe
    location: list[str]
    valid: NDArray[np.bool_]
    coordinates: Array  # channels x 3, NaN where unknown

    @cached_property
    def vertical(self) -> NDArray[np.int64]:
        return 20 * (self.number // 2 + 1)

    @cached_property
    def horizontal(self) -> NDArray[np.int64]:
        return np.array([43, 11, 59, 27])[self.number % 4]


@dataclass
class Unit:
    """One unit: its row of the table but for what needs its spikes, and how it fires."""

    id: int
    kind: str
    probe: Probe
    position: int  # of the peak channel in the probe's tables
    rate: float
    tuning: Tuning
    metrics: dict[str, float | int | str]
    seed: int
    keeps: float = 1.0  # fraction of the session until it is lost


def make_probe(plan: Plan, order: int, name: str) -> Probe:
    rng = plan.stream("probe", order)
    count = plan.channels
    number = np.arange(count)
    starts = np.array([round(fraction * count) for fraction, _ in _STRUCTURES])
    place = np.searchsorted(starts, number, side="right") - 1
    location = [PROBES[name] if _STRUCTURES[i][1] == "VIS" else _STRUCTURES[i][1] for i in place]
    if plan.layout == "chunked":  # newer writers drop the suffix, and cannot write an empty name
        location = [item.split("-")[0] or "None" for item in location]
    valid = rng.random(count) > 0.04
    valid[starts[starts < count]] = True  # no structure without a valid channel
    valid[_bad_channel(count)] = False
    coordinates = np.stack([7648.0 + 3 * number, 3645.0 - 9 * number, 7567.0 - number], axis=1)
    if order == 1:
        coordinates[::7] = np.nan  # where the probe was not found in the section
    rows = rng.permutation(count) if plan.quirks and order == 1 else number
    group = plan.session_id % 100_000
    return Probe(
        name=name,
        id=810_000_000 + 10 * group + order,
        sampling_rate=29999.954846 + 0.01 * order,
        phase=3.1234567 + 0.001 * order,
        channel_id=850_000_000 + 10_000 * group + 2 * (order * count + rows),
        number=rows,
        location=[location[i] for i in rows],
        valid=valid[rows],
        coordinates=coordinates[rows],
    )


def _bad_channel(count: int) -> int:
    return int(0.75 * count)  # within the visual area, not the first of it


def _region(location: str) -> str:
    if location.startswith("VIS"):
        return CORTEX
    if location in _THALAMUS or location in {"LGd"}:
        return THALAMUS
    return ELSEWHERE


def make_units(plan: Plan, order: int, probe: Probe, count: int, first: int) -> list[Unit]:
    """The units of a probe; `first` is how many units of the session come before."""
    rng = plan.stream("units", order)
    fixed = list(QUIRKS[:count]) if plan.quirks and order == 0 else []
    kinds = fixed + [str(kind) for kind in rng.permutation(_kinds(first + count)[first + len(fixed) :])]
    seen: dict[str, int] = {}
    units = []
    for row, kind in enumerate(kinds):
        turn = seen[kind] = seen.get(kind, -1) + 1
        position = _peak_channel(rng, probe, kind, (0.3 + 0.618034 * turn) % 1.0)
        region = _region(probe.location[position])
        rate = 0.0 if kind.startswith("silent") else float(
            np.clip(rng.lognormal(np.log(plan.firing_rate) - 0.32, 0.8), 0.1, 60.0)
        )  # fmt: skip
        metrics = _metrics(rng, kind)
        metrics["peak_channel_id"] = int(probe.channel_id[position])
        metrics["local_index"] = row
        metrics["cluster_id"] = row + (row > 5)  # the sorter's own number: some clusters were merged away
        units.append(
            Unit(
                id=950_000_000
                + 20_000 * (plan.session_id % 100_000)
                + 13 * (first + row)
                + int(rng.integers(12)),
                kind=kind,
                probe=probe,
                position=position,
                rate=rate,
                tuning=draw_tuning(rng, region),
                metrics=metrics,
                seed=first + row,
                keeps=float(metrics["presence_ratio"]) if kind == "presence_ratio" else 1.0,
            )
        )
    return units


def _kinds(count: int) -> list[str]:
    """The first `count` of an endless row of kinds, in which every stretch has them in their proportions."""
    credit = {kind: 0.45 if share < 0.05 else 0.0 for kind, share in KINDS.items()}  # rare ones come early
    row = []
    for _ in range(count):
        for kind, share in KINDS.items():
            credit[kind] += share
        row.append(max(credit, key=lambda kind: credit[kind]))
        credit[row[-1]] -= 1
    return row


def _peak_channel(rng: np.random.Generator, probe: Probe, kind: str, turn: float) -> int:
    """A channel for the unit: `turn` in [0, 1) decides the part of the brain, so that shares are exact."""
    location = np.array(probe.location)
    outside = (location == "None") | (location == "")
    visual = np.array([item.startswith("VIS") for item in probe.location])
    if kind == "outside":
        wanted = outside & probe.valid
    elif kind == "bad_channel":
        wanted = probe.number == _bad_channel(len(probe.number))
    elif turn < 0.65 or kind == "edge":
        wanted = visual & probe.valid
    elif turn < 0.8:
        wanted = np.isin(location, [*_THALAMUS, "LGd"]) & probe.valid
    elif turn < 0.95:
        wanted = np.isin(location, [*_HIPPOCAMPUS, "DG"]) & probe.valid
    else:
        wanted = ~visual & ~outside & probe.valid
    choices = np.flatnonzero(wanted)
    return int(rng.choice(choices))


def _metrics(rng: np.random.Generator, kind: str) -> dict[str, float | int | str]:
    """Quality metrics of the usual sizes, on the side of each threshold that the kind asks for."""
    narrow = rng.random() < 0.25  # fast-spiking
    duration = rng.integers(9, 20) if narrow else rng.integers(25, 55)
    steps = 1e3 / 30000  # milliseconds a sample
    metrics: dict[str, float | int | str] = {
        "quality": "noise" if kind == "noise" else "good",
        "amplitude_cutoff": float(min(0.09 * rng.beta(0.8, 6.0) + 1e-4, 0.0999)),
        "presence_ratio": float(rng.choice([0.96, 0.97, 0.98, 0.99], p=[0.05, 0.1, 0.15, 0.7])),
        "isi_violations": float(min(rng.gamma(0.6, 0.12), 0.49)),
        "snr": float(rng.gamma(9.0, 0.35)),
        "isolation_distance": float(rng.lognormal(4.2, 0.6)),
        "l_ratio": float(rng.lognormal(-6.0, 2.0)),
        "d_prime": float(max(rng.normal(5.0, 1.5), 0.1)),
        "nn_hit_rate": float(np.round(rng.beta(9.0, 1.0), 3)),
        "nn_miss_rate": float(rng.beta(1.0, 80.0)),
        "silhouette_score": float(rng.beta(2.0, 12.0)),
        "max_drift": float(np.round(rng.lognormal(3.2, 0.5), 2)),
        "cumulative_drift": float(np.round(rng.lognormal(5.4, 0.6), 2)),
        "waveform_duration": float(duration * steps / 2),
        "waveform_halfwidth": float(rng.integers(3, 10) * steps),
        "PT_ratio": float(rng.lognormal(-0.6, 0.4)),
        "repolarization_slope": float(rng.lognormal(-1.0, 0.5)),
        "recovery_slope": float(-rng.lognormal(-2.2, 0.6)),
        "amplitude": float(rng.lognormal(4.7, 0.4)),
        "spread": float(10 * rng.integers(2, 13)),
        "velocity_above": float(rng.normal(0.3, 0.6)),
        "velocity_below": float(rng.normal(-0.2, 0.6)),
    }
    for side in ("velocity_above", "velocity_below"):
        if rng.random() < 0.08:
            metrics[side] = float("nan")
    special = {
        "amplitude_cutoff": ("amplitude_cutoff", min(0.11 + rng.gamma(1.0, 0.15), 0.5)),
        "presence_ratio": ("presence_ratio", np.round(rng.uniform(0.15, 0.92), 2)),
        "isi_violations": ("isi_violations", 0.51 + rng.gamma(1.0, 1.5)),
        "nan_cutoff": ("amplitude_cutoff", np.nan),
        "silent": ("presence_ratio", 0.0),
        "exact_cutoff": ("amplitude_cutoff", 0.1),
        "exact_presence": ("presence_ratio", 0.95),
        "exact_isi": ("isi_violations", 0.5),
    }.get(kind)
    if special:
        metrics[special[0]] = float(special[1])
    if kind in {"nan_metrics", "silent", "silent_pass"}:
        metrics.update(dict.fromkeys(_MISSING, float("nan")))
    return metrics
