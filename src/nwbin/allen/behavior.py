"""Running, eye tracking, optogenetics and the rig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.errors import LookupFailure, nearest, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "optogenetic_stimulation",
    "pupil_data",
    "raw_running_data",
    "rig_equipment",
    "rig_geometry",
    "running_speed",
    "screen_gaze_data",
]

_RUNNING = f"{schema.PROCESSING}/running"
_EYE = f"{schema.PROCESSING}/eye_tracking"
_RIG = f"{schema.PROCESSING}/eye_tracking_rig_metadata/eye_tracking_rig_metadata"
_OPTO = f"{schema.PROCESSING}/optotagging/optogenetic_stimulation"

# Column prefix -> table of ellipse fits.
_ELLIPSES = {"corneal_reflection": "cr", "pupil": "pupil", "eye": "eye"}


def _need(file: File, path: str, what: str) -> None:
    if not file.has(path):
        there = [name for name in ("processing", "acquisition") if file.has(name)]
        modules = [f"{group}/{name}" for group in there for name in file.names(group)]
        raise LookupFailure(f"{file.name}: has no {what} ({path} is missing); {nearest(path, modules)}")


def running_speed(file: File, *, include_rotation: bool = False) -> pd.DataFrame:
    """Build `running_speed`: start_time, end_time (s), velocity (cm/s), and if asked net_rotation (radians)."""
    _need(file, f"{_RUNNING}/running_speed", "running speed")
    speed = file.time_series(f"{_RUNNING}/running_speed")
    columns: dict[str, Any] = {
        "start_time": speed.timestamps,
        "end_time": file.timestamps(f"{_RUNNING}/running_speed_end_times"),
        "velocity": speed.data,
    }
    if include_rotation:
        columns["net_rotation"] = file.time_series(f"{_RUNNING}/running_wheel_rotation").data
    return frame_of(columns)


def raw_running_data(file: File) -> pd.DataFrame:
    """Build the wheel's raw data: frame_time (s), net_rotation (radians), signal_voltage, supply_voltage (V)."""
    wheel = f"{schema.ACQUISITION}/raw_running_wheel_rotation"
    _need(file, wheel, "raw running data")
    rotation = file.time_series(wheel)
    return frame_of(
        {
            "frame_time": rotation.timestamps,
            "net_rotation": rotation.data,
            "signal_voltage": file.time_series(f"{schema.ACQUISITION}/running_wheel_signal_voltage").data,
            "supply_voltage": file.time_series(f"{schema.ACQUISITION}/running_wheel_supply_voltage").data,
        }
    )


def _has_eye_tracking(file: File, *paths: str) -> bool:
    """Whether all of these are in the file; warns of the first that is not."""
    path = next((one for one in paths if not file.has(one)), None)
    if path is not None:
        warn(f"{file.name}: this session has no eye tracking ({path} is missing); the answer is None")
    return path is None


def pupil_data(file: File) -> pd.DataFrame | None:
    """Build the ellipse fits of eye, pupil and corneal reflection: index "Time (s)"; None without eye tracking.

    Centers, heights and widths are in pixels of the eye camera (full height and width), phi in radians.
    """
    import pandas as pd

    gaze = f"{schema.PROCESSING}/raw_gaze_mapping"
    if not _has_eye_tracking(file, _EYE, gaze):
        return None
    columns: dict[str, Any] = {}
    for prefix, name in _ELLIPSES.items():
        table = file.table(f"{_EYE}/{name}_ellipse_fits")
        for part in ("center_x", "center_y", "height", "width", "phi"):
            # The file holds half heights and half widths.
            factor = 2 if part in ("height", "width") else 1
            columns[f"{prefix}_{part}"] = factor * table.column(part)
    return frame_of(columns, pd.Index(file.timestamps(f"{gaze}/eye_area"), name="Time (s)"))


def screen_gaze_data(file: File, *, include_filtered_data: bool = False) -> pd.DataFrame | None:
    """Build gaze positions on the screen and areas of eye and pupil: index "Time (s)"; None without eye tracking.

    Areas are in pixels squared, positions in cm, spherical ones in degrees; in filtered columns doubtful
    samples are NaN.
    """
    import pandas as pd

    raw, filtered = f"{schema.PROCESSING}/raw_gaze_mapping", f"{schema.PROCESSING}/filtered_gaze_mapping"
    if not _has_eye_tracking(file, raw, filtered):
        return None
    columns: dict[str, Any] = {}
    for prefix, module in (("raw", raw), ("filtered", filtered)):
        if prefix == "filtered" and not include_filtered_data:
            continue
        for area in ("eye_area", "pupil_area"):
            columns[f"{prefix}_{area}"] = file.time_series(f"{module}/{area}").data
        for name, unit in (("screen_coordinates", "cm"), ("screen_coordinates_spherical", "deg")):
            position = file.time_series(f"{module}/{name}").data  # y first, then x
            columns[f"{prefix}_{name}_x_{unit}"] = np.ascontiguousarray(position[:, 1])
            columns[f"{prefix}_{name}_y_{unit}"] = np.ascontiguousarray(position[:, 0])
    return frame_of(columns, pd.Index(file.timestamps(f"{raw}/eye_area"), name="Time (s)"))


def optogenetic_stimulation(file: File) -> pd.DataFrame:
    """Build `optogenetic_stimulation_epochs`: index id; times (s), condition, level (V), stimulus_name, duration."""
    _need(file, _OPTO, "optogenetic stimulation")
    table = file.table(_OPTO).frame()
    return table.rename(columns={"name": "stimulus_name"})


def rig_geometry(file: File) -> pd.DataFrame | None:
    """Build `rig_geometry_data`: rows x, y, z; positions and rotations of monitor, camera and LED; None if absent."""
    import pandas as pd

    if not file.has(_RIG):
        return None
    columns: dict[str, Any] = {}
    for name in (
        "monitor_position",
        "camera_position",
        "led_position",
        "monitor_rotation",
        "camera_rotation",
    ):
        values, unit = file.measurement(f"{_RIG}/{name}")
        columns[f"{name}_{unit}"] = values
    return frame_of(columns, pd.Index(["x", "y", "z"], dtype=object))


def rig_equipment(file: File) -> str | None:
    """Return the name of the rig, None if the file does not say."""
    if not file.has(_RIG):
        return None
    name = file.attributes(_RIG).get("equipment")
    return None if name is None else str(name)
