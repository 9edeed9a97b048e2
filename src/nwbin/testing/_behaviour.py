"""What is recorded beside the brain: running, the eye, light pulses, and when data are not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._object_writer import TEXT, Storage
from nwbin.testing._plan import Plan
from nwbin.testing._stimuli import Presentations
from nwbin.testing._units import Probe

Array = NDArray[np.float64]

_ELLIPSE = ("center_x", "center_y", "height", "phi", "width")
_PULSES = (
    ("a single square pulse", "pulse", 0.005),
    ("a single square pulse", "pulse", 0.01),
    ("half-period of a cosine wave", "raised_cosine", 1.0),
    ("2.5 ms pulses at 10 Hz", "fast_pulses", 1.0),
)


@dataclass(frozen=True)
class Interval:
    """A stretch of time that is not valid: for what (`tags`), from when to when."""

    tags: tuple[str, str, str]
    start: float
    stop: float


def slow_signal(plan: Plan, times: Array) -> Array:
    """Arousal, minutes to a swing: running speed and pupil follow it, and all firing rates a little."""
    rng = plan.stream("arousal")
    periods = rng.uniform(30.0, 400.0, 6)
    phases = rng.uniform(0.0, 2 * np.pi, 6)
    return np.asarray(
        sum(np.sin(2 * np.pi * times / p + f) for p, f in zip(periods, phases, strict=True)) / 1.7
    )


def write_running(store: Storage, plan: Plan, end: float) -> None:
    rng = plan.stream("running")
    edges = 5.0 + np.arange(int((end - 5.0) * plan.running_hz) + 1) / plan.running_hz
    frames = len(edges)
    speed = np.maximum(25.0 * slow_signal(plan, edges[:-1]) + rng.normal(0.0, 3.0, frames - 1), 0.0)
    module = store.module("running", "running speed data")
    store.series(f"{module}/running_speed", speed, edges[:-1], "cm/s")
    store.series(f"{module}/running_speed_end_times", np.full(frames - 1, np.nan), edges[1:], "cm/s")
    rotation = speed / plan.running_hz / 5.5  # radians of a wheel of that radius in cm
    store.series(
        f"{module}/running_wheel_rotation", rotation, f"{module}/running_speed/timestamps", "radians"
    )
    raw = "acquisition/raw_running_wheel_rotation"
    store.series(raw, rng.normal(0.0, 1.0, frames), edges, "radians")
    for name, volts in (
        ("running_wheel_signal_voltage", rng.uniform(0.0, 5.0, frames)),
        ("running_wheel_supply_voltage", rng.normal(5.0, 0.01, frames)),
    ):
        store.series(f"acquisition/{name}", volts, f"{raw}/timestamps", "V")


def write_eye(store: Storage, plan: Plan, end: float) -> None:
    rng = plan.stream("eye")
    times = np.round(4.0 + np.arange(int((end - 4.0) * plan.eye_hz)) / plan.eye_hz, 5)
    count = len(times)
    blink = rng.random(count) < 0.03
    fits: dict[str, dict[str, Array]] = {}
    grown = 6.0 * slow_signal(plan, times)
    for name, (x, y, height, width, growth) in {
        "cr_ellipse_fits": (310.0, 260.0, 8.0, 8.0, 0.0),
        "eye_ellipse_fits": (305.0, 255.0, 100.0, 120.0, 0.0),
        "pupil_ellipse_fits": (300.0, 250.0, 38.0, 40.0, 1.0),
    }.items():
        means = (x, y, height, 0.0, width)
        noise = (3.0, 3.0, 1.0, 0.3, 1.0)
        values = {c: rng.normal(m, s, count) for c, m, s in zip(_ELLIPSE, means, noise, strict=True)}
        for side in ("height", "width"):
            values[side] = np.maximum(values[side] + growth * grown, 1.0)
        for fit in values.values():
            fit[blink] = np.nan
        fits[name] = values
    module = store.module("eye_tracking", "Eye tracking processing module")
    for name, values in fits.items():
        path = f"{module}/{name}"
        columns = (*_ELLIPSE, "timestamps")
        store.table(
            path, "DynamicTable", np.arange(count), columns, namespace="hdmf-common", description="ellipses"
        )
        for column, data in {**values, "timestamps": times}.items():
            store.column(f"{path}/{column}", data)

    eye, pupil = fits["eye_ellipse_fits"], fits["pupil_ellipse_fits"]
    areas = {
        "eye_area": np.pi * eye["width"] * eye["height"],
        "pupil_area": np.pi * pupil["width"] ** 2,
    }
    gaze = rng.normal(0.0, 4.0, (count, 2))
    for kind in ("raw", "filtered"):
        module = store.module(f"{kind}_gaze_mapping", f"where the eye looks, {kind}")
        lost = np.zeros(count, bool) if kind == "raw" else rng.random(count) < 0.05
        for name, area in areas.items():
            store.series(f"{module}/{name}", np.where(lost, np.nan, area), times, "Pixels ^ 2")
        place = np.where(lost[:, None], np.nan, gaze)
        store.series(f"{module}/screen_coordinates", place, times, "Centimeters")
        degrees = np.rad2deg(np.arctan(place / 15.0))  # the monitor stands at 15 cm
        store.series(f"{module}/screen_coordinates_spherical", degrees, times, "Degrees")


def write_rig(store: Storage) -> None:
    module = store.module("eye_tracking_rig_metadata", "Eye tracking rig metadata module")
    path = f"{module}/eye_tracking_rig_metadata"
    store.group(path, "EcephysEyeTrackingRigMetadata", "ndx-aibs-ecephys", equipment="NP.1")
    for name, values, unit in (
        ("monitor_position", (118.6, 86.2, 31.6), "mm"),
        ("monitor_rotation", (0.0, 0.0, 0.0), "deg"),
        ("camera_position", (102.8, 74.7, 31.6), "mm"),
        ("camera_rotation", (0.0, 0.0, 2.8), "deg"),
        ("led_position", (246.0, 92.3, 52.6), "mm"),
    ):
        store.array(f"{path}/{name}", np.array(values), unit=unit)


def write_optotagging(store: Storage, plan: Plan, last: float, end: float) -> None:
    rng = plan.stream("optotagging")
    count = plan.optotagging
    room = (end - last - 7.0) / count
    start = last + 5.0 + np.arange(count) * room + rng.uniform(0.0, 0.2 * room, count)
    chosen = rng.integers(0, len(_PULSES), count)
    duration = np.array([_PULSES[i][2] for i in chosen])
    module = store.module("optotagging", "optogenetic stimulation data")
    series = store.series(f"{module}/optotagging", duration, start, "seconds")
    path = f"{module}/optogenetic_stimulation"
    columns = (
        "start_time",
        "condition",
        "level",
        "stop_time",
        "stimulus_name",
        "duration",
        "tags",
        "timeseries",
    )
    store.table(path, "TimeIntervals", np.arange(count), columns, description="pulses of light")
    store.column(f"{path}/start_time", start, description="Start time of epoch, in seconds")
    store.column(f"{path}/condition", [_PULSES[i][0] for i in chosen], TEXT)
    store.column(f"{path}/level", rng.choice([1.0, 1.15, 1.3], count))
    store.column(f"{path}/stop_time", start + duration, description="Stop time of epoch, in seconds")
    store.column(f"{path}/stimulus_name", [_PULSES[i][1] for i in chosen], TEXT)
    store.column(f"{path}/duration", duration)
    store.interval_links(path, ["optical_stimulation"] * count, np.arange(count), series)


def make_invalid_times(plan: Plan, table: Presentations, probes: list[Probe], end: float) -> list[Interval]:
    """A few of each kind: for the stimulus, for one probe, for all probes, for optotagging."""
    session = ("EcephysSession", str(plan.session_id))
    intervals: list[Interval] = []
    gabors = table.rows("gabors")
    if len(gabors) > 2:
        first = gabors[min(30, len(gabors) - 3)]
        # It ends on the very onset of a presentation, which AllenSDK still counts as touched.
        start, stop = float(table.start[first]) + 0.05, float(table.start[first + 2])
        intervals.append(Interval((*session, "stimulus"), start, stop))
    movies = table.rows(
        "natural_movie_three" if "natural_movie_three" in table.names else "natural_movie_one_more_repeats"
    )
    if len(movies):
        start = float(table.start[movies[min(20, len(movies) - 1)]])
        intervals.append(Interval((*session, "stimulus"), start + 1e-3, start + 0.2))
    bad = bad_probe_time(table)
    for order, probe in enumerate(probes[:2]):
        tags = ("EcephysProbe", str(probe.id), probe.name)
        intervals.append(Interval(tags, bad + 5 * order, bad + 5 * order + (1.5, 1.0)[order]))
    intervals.append(Interval((*session, "all_probes"), bad + 3, bad + 3.25))
    intervals.append(Interval((*session, "optotagging"), end - 20, end - 18))
    return intervals


def bad_probe_time(table: Presentations) -> float:
    """When the first probe is not valid; LFP files begin two seconds earlier."""
    gabors = table.rows("gabors")
    return float(table.start[gabors[min(30, len(gabors) - 1)]]) + 2.0


def write_invalid_times(store: Storage, intervals: list[Interval]) -> None:
    path = "intervals/invalid_times"
    store.table(
        path, "TimeIntervals", np.arange(len(intervals)), ("start_time", "stop_time", "tags"),
        description="times that are not valid",
    )  # fmt: skip
    store.column(f"{path}/start_time", np.array([item.start for item in intervals]))
    store.column(f"{path}/stop_time", np.array([item.stop for item in intervals]))
    store.column(f"{path}/tags", [tag for item in intervals for tag in item.tags], TEXT)
    store.index(f"{path}/tags", np.arange(3, 3 * len(intervals) + 1, 3))
