"""Sampled signals of a file."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import FormatError, LookupFailure, nearest
from nwbin.storage.source import Source

__all__ = ["TimeSeries", "timestamps"]


class TimeSeries(NamedTuple):
    """A sampled signal.

    Attributes
    ----------
    timestamps
        Seconds, float64 (samples,).
    data
        The samples, (samples, ...), as stored: multiply by the file's conversion factor for its unit.
    """

    timestamps: npt.NDArray[np.float64]
    data: npt.NDArray[Any]


def timestamps(source: Source, path: str) -> npt.NDArray[np.float64]:
    """Read the timestamps of a time series, or make them of its start and rate: seconds, float64 (samples,)."""
    if source.kind(path) is None:
        parent, _, name = path.rpartition("/")
        raise LookupFailure(
            f"{source.name}: has nothing at {path!r}; in {parent or 'the file'}, "
            f"{nearest(name, source.children(parent))}"
        )
    if source.kind(f"{path}/timestamps") == "dataset":
        return source.read(f"{path}/timestamps").astype(np.float64, copy=False)
    start = source.value(f"{path}/starting_time")
    if start is None:
        raise FormatError(f"{source.name}: {path} has neither timestamps nor a starting_time with a rate")
    rate = source.attributes(f"{path}/starting_time").get("rate")
    if not isinstance(rate, int | float) or not rate > 0:
        raise FormatError(
            f"{source.name}: {path}/starting_time has the rate {rate}; a positive one is needed"
        )
    source.allow(f"{path}/data")  # as many timestamps as samples
    shape = source.layout(f"{path}/data").shape
    if not shape or not isinstance(start, int | float):
        raise FormatError(
            f"{source.name}: {path} has no list of samples, or a starting_time that is no number"
        )
    return np.asarray(start + np.arange(shape[0]) / rate, dtype=np.float64)
