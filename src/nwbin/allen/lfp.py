"""LFP and current source density, which lie in a file of their own for each probe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.invalid import inside
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["LfpSource", "current_source_density", "find_lfp_files", "lazy_lfp", "open_lfp", "part_of"]

# A path, or a function that returns one (it may download the file first, as AllenSDK's cache does).
LfpSource = str | Path | Callable[[], Any]

# AllenSDK: probe_<id>_lfp.nwb. DANDI: sub-<id>_ses-<id>_probe-<id>_ecephys.nwb.
_NAMES = (re.compile(r"probe_(\d+)_lfp\.nwb"), re.compile(r".*_probe-(\d+)_ecephys\.nwb"))


def find_lfp_files(session: Path | None, probe_ids: Iterable[int]) -> dict[int, LfpSource]:
    """Find the LFP files that lie beside a session file.

    Parameters
    ----------
    session
        The session file; None when it is not a path.
    probe_ids
        The session's probes.
    """
    if session is None or not session.parent.is_dir():
        return {}
    wanted, found = set(probe_ids), {}
    for path in sorted(session.parent.glob("*.nwb")):
        for pattern in _NAMES:
            match = pattern.fullmatch(path.name)
            if match and int(match[1]) in wanted:
                found[int(match[1])] = path
    return dict(found)


def open_lfp(sources: Mapping[int, LfpSource], probe_id: int, session: File) -> File:
    """Open a probe's LFP file, as the session's file was opened."""
    if not sources:
        raise ArgumentTypeError(
            f"{session.name}: the LFP of probe {probe_id} is in a file of its own, probe_{probe_id}_lfp.nwb, which is "
            "not beside the session file; download it, or say where it is: nwbin.open(..., probe_lfp_paths={id: path})"
        )
    if probe_id not in sources:
        raise LookupFailure(
            f"{session.name}: no LFP file is known for probe {probe_id}; {nearest(probe_id, sources)}"
        )
    source: Any = sources[probe_id]
    if callable(source):
        source = source()
        source = getattr(source, "container_source", source)  # AllenSDK's functions return an open pynwb file
    return File(source, mmap=session.mmap)


def _acquisition(file: File, probe_id: int) -> str:
    name = f"{schema.ACQUISITION}/probe_{probe_id}_lfp"
    for path in (f"{name}/probe_{probe_id}_lfp_data", f"{name}_data"):
        if file.has(path):
            return path
    raise LookupFailure(
        f"{file.name}: holds no LFP of probe {probe_id}; {nearest(name, file.names(schema.ACQUISITION))}"
    )


def _lazy(
    file: File, path: str, shape: tuple[int, ...], dtype: Any, bad: npt.NDArray[np.bool_] | None
) -> Any:
    """Wrap a probe's samples so that xarray reads, and masks, only what is asked for."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Samples(BackendArray):
        def __init__(self) -> None:
            self.shape = shape
            self.dtype = dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(key, shape, indexing.IndexingSupport.BASIC, self._read)

        def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
            rows = np.atleast_1d(np.arange(shape[0])[key[0]])
            first, last = (int(rows.min()), int(rows.max()) + 1) if rows.size else (0, 0)
            data = file.samples(path, slice(first, last)).astype(dtype, copy=False)
            if bad is not None and bad[first:last].any():
                data = data.copy() if not data.flags.writeable else data
                data[bad[first:last]] = np.nan
            part: npt.NDArray[Any] = data[rows - first][:, key[1]]
            return part if isinstance(key[0], slice) else part[0]

    return indexing.LazilyIndexedArray(Samples())


def lazy_lfp(file: File, probe_id: int, invalid: pd.DataFrame | None) -> xr.DataArray:
    """Return a probe's LFP, of which nothing is read until it is used.

    Parameters
    ----------
    file
        The probe's LFP file, which must stay open.
    probe_id
        The probe.
    invalid
        Samples in these intervals are NaN; None to keep them.

    Returns
    -------
    xarray.DataArray
        "LFP", dims (time, channel), in V.
    """
    import xarray as xr

    path = _acquisition(file, probe_id)
    times = file.timestamps(path)
    ids = file.table(schema.ELECTRODES).ids
    sample = file.samples(path, slice(0, 1))
    bad = None if invalid is None else inside(times, invalid)
    dtype = sample.dtype if bad is None or sample.dtype.kind == "f" else np.dtype(np.float64)
    data = _lazy(file, path, (len(times), sample.shape[1]), dtype, bad)
    variable = xr.Variable(("time", "channel"), data)
    return xr.DataArray(variable, name="LFP", coords={"time": times, "channel": ids})


def part_of(
    lfp: xr.DataArray, time: tuple[float, float] | None, channels: int | Iterable[int] | None
) -> xr.DataArray:
    """Return the samples from one time to another, both included, in s, on some channels; still not read."""
    if time is not None:
        if np.shape(time) != (2,) or not all(isinstance(one, Real) for one in time) or not time[0] <= time[1]:
            raise ArgumentError(
                f"time must be (from, to), two numbers in seconds, from not more than to; not {time!r}"
            )
        times = lfp["time"].values
        first = int(np.searchsorted(times, time[0], "left"))
        last = max(first, int(np.searchsorted(times, time[1], "right")))
        if first == last and len(times):
            span = f"it runs from {times[0]:g} to {times[-1]:g}"
            warn(f"the LFP has no sample from {time[0]:g} to {time[1]:g} s; {span}")
        lfp = lfp.isel(time=slice(first, last))
    if channels is not None:
        at = {int(channel): column for column, channel in enumerate(lfp["channel"].values)}
        given: Any = channels
        if hasattr(given, "dims"):  # a labelled array, perhaps of one value
            given = np.ravel(given.values)
        wanted = [int(channel) for channel in (given if isinstance(given, Iterable) else [given])]
        unknown = [channel for channel in wanted if channel not in at]
        if unknown:
            raise LookupFailure(f"the LFP has no channel {unknown[0]}; {nearest(unknown[0], at)}")
        lfp = lfp.isel(channel=[at[channel] for channel in wanted])
    return lfp


def current_source_density(file: File) -> xr.DataArray:
    """Read the current source density of a probe's response to flashes.

    Returns
    -------
    xarray.DataArray
        "CSD", dims (virtual_channel_index, time): time in s from the flash, positions in um.
    """
    import xarray as xr

    base = f"{schema.PROCESSING}/current_source_density/ecephys_csd"
    if not file.has(base):
        raise LookupFailure(f"{file.name}: has no current source density ({base} is missing)")
    signal = file.time_series(f"{base}/current_source_density")
    data = signal.data.T
    place = "virtual_channel_index"
    return xr.DataArray(
        data,
        name="CSD",
        dims=[place, "time"],
        coords={
            place: np.arange(data.shape[0]),
            "time": signal.timestamps,
            "vertical_position": ((place,), file.measurement(f"{base}/virtual_electrode_y_positions")[0]),
            "horizontal_position": ((place,), file.measurement(f"{base}/virtual_electrode_x_positions")[0]),
        },
    )
