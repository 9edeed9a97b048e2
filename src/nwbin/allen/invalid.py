"""Invalid times: stretches of a session whose spikes, LFP or stimuli are not to be trusted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._tables import frame_of
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["inside", "invalid_times", "of_spikes", "overlapping", "ranges", "tagged", "touched"]

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


def of_spikes(invalid: pd.DataFrame, probes: Iterable[str]) -> pd.DataFrame:
    """Return the invalid times of the spikes of some probes, given by name (`description`)."""
    return tagged(invalid, ["all_probes", *probes])


def touched(
    start: npt.NDArray[np.float64], stop: npt.NDArray[np.float64], invalid: pd.DataFrame
) -> pd.DataFrame:
    """Return the invalid times that any of the closed intervals [start, stop] touches."""
    bounds = zip(invalid["start_time"], invalid["stop_time"], strict=True)
    hit = [bool(((start <= last) & (stop >= first)).any()) for first, last in bounds]
    return invalid[np.asarray(hit, dtype=bool)]


def ranges(invalid: pd.DataFrame) -> str:
    """Say which probes are meant, and from when to when: "probeA 28.96 to 30.46 s, and 3 more"."""
    said = []
    shown = invalid.head(_SHOWN)
    for first, last, tags in zip(shown["start_time"], shown["stop_time"], shown["tags"], strict=True):
        # AllenSDK's writer puts scope, id and label; a probe's label is its name.
        said.append(f"{str(tags[-1]).replace('_', ' ')} {first:.6g} to {last:.6g} s")
    more = len(invalid) - len(said)
    return ", ".join(said) + (f", and {more} more" if more else "")
