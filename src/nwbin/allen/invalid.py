"""Invalid times: stretches of a session whose spikes, LFP or stimuli are not to be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["inside", "invalid_times", "overlapping", "ranges", "spike_tags", "tagged", "touched"]

_SHOWN = 4  # ranges that a message lists


def invalid_times(file: File) -> pd.DataFrame:
    """Build `invalid_times`: index id; start_time, stop_time (s), tags (scope, its id, label)."""
    import pandas as pd

    if "invalid_times" not in file.intervals:
        empty: dict[str, Any] = {
            "start_time": np.empty(0),
            "stop_time": np.empty(0),
            "tags": np.empty(0, object),
        }
        return frame_of(empty, pd.Index(np.empty(0, np.int64), name="id"))
    table = file.intervals["invalid_times"]
    if "tags" in table.columns:
        table["tags"] = pd.Series(
            [np.atleast_1d(np.asarray(tags, dtype=object)) for tags in table["tags"]],
            index=table.index,
            dtype=object,
        )
    return table


def tagged(invalid: pd.DataFrame, tags: Iterable[str]) -> pd.DataFrame:
    """Return the invalid times that carry any of some tags."""
    if "tags" not in invalid.columns:
        return invalid.iloc[:0]
    wanted = set(tags)
    return invalid[np.asarray([not wanted.isdisjoint(found) for found in invalid["tags"]], dtype=bool)]


def overlapping(
    start: npt.NDArray[np.float64], stop: npt.NDArray[np.float64], invalid: pd.DataFrame
) -> npt.NDArray[np.bool_]:
    """Say which closed intervals [start, stop] touch an invalid one, ends included. Bool, (intervals,)."""
    hit = np.zeros(len(start), dtype=bool)
    for bad_start, bad_stop in zip(invalid["start_time"], invalid["stop_time"], strict=True):
        hit |= np.maximum(start, bad_start) <= np.minimum(stop, bad_stop)
    return hit


def inside(times: npt.NDArray[np.float64], invalid: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Say which times lie in an invalid interval, ends included. Bool, (times,)."""
    return overlapping(times, times, invalid)


def touched(
    start: npt.NDArray[np.float64], stop: npt.NDArray[np.float64], invalid: pd.DataFrame
) -> pd.DataFrame:
    """Return the invalid times that any of the closed intervals [start, stop] touches."""
    bounds = zip(invalid["start_time"].tolist(), invalid["stop_time"].tolist(), strict=True)
    hit = [bool(((start <= last) & (stop >= first)).any()) for first, last in bounds]
    return invalid if all(hit) else invalid[np.asarray(hit, dtype=bool)]


def spike_tags(probes: Iterable[str]) -> list[str]:
    """Return the tags of times at which the spikes of some probes, given by name (`description`), are invalid."""
    return ["all_probes", *probes]


def ranges(invalid: pd.DataFrame, tags: Iterable[str] = ()) -> str:
    """Say what is invalid, and from when to when: "probeA 28.96 to 30.46 s, and 3 more".

    What: the one of some tags, or else the last, which in AllenSDK's files is the name.
    """
    said = []
    shown, wanted = invalid.head(_SHOWN), set(tags)
    for first, last, found in zip(shown["start_time"], shown["stop_time"], shown["tags"], strict=True):
        name = next((str(tag) for tag in found if tag in wanted), str(found[-1]))
        said.append(f"{name.replace('_', ' ')} {first:.6g} to {last:.6g} s")
    more = len(invalid) - len(said)
    return ", ".join(said) + (f", and {more} more" if more else "")
