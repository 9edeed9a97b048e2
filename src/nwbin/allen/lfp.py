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

__all__ = [
    "LfpSource",
    "current_source_density",
    "find_lfp_files",
    "lazy_lfp",
    "lfp_of_sessions",
    "open_lfp",
    "part_of",
    "probe_in",
]

# A path, or a function that returns one (it may download the file first, as AllenSDK's cache does).
LfpSource = str | Path | Callable[[], Any]

# AllenSDK: probe_<id>_lfp.nwb. DANDI: sub-<id>_ses-<id>_probe-<id>_ecephys.nwb.
_NAMES = (re.compile(r"probe_(\w+)_lfp\.nwb"), re.compile(r".*_probe-(\w+?)_ecephys\.nwb"))
_OF_SESSION = re.compile(
    r"(sub-[^_]+(?:_[a-z]+-[^_]+)*?_ses-[^_.]+)[_.].*"
)  # DANDI: what a session's files share
_STORE = ".zarr"  # the end of the name of a Zarr store, behind that of a file


def probe_in(name: str) -> str | None:
    """Return the probe whose LFP a file or store holds, as its name says; None where it is no such name."""
    for pattern in _NAMES:
        match = pattern.fullmatch(name.removesuffix(_STORE))
        if match:
            return match[1]
    return None


def _session_in(name: str) -> str | None:
    match = _OF_SESSION.fullmatch(name)
    return match[1] if match else None


def lfp_of_sessions(names: Iterable[str]) -> dict[str, dict[int, str]]:
    """Tell which LFP file in a folder belongs to which session, by their names.

    DANDI has all sessions of a subject in one folder, perhaps with probes of the same number: a file whose name begins
    with a session's is that session's. AllenSDK's names of LFP files say no session: those are of any that has no file
    by its own name.

    Parameters
    ----------
    names
        Of all NWB files and stores in the folder.

    Returns
    -------
    dict
        Name of each that is no LFP file -> probe id -> name of its LFP file.
    """
    names = sorted(names)
    probes = {name: probe for name in names if (probe := probe_in(name)) is not None}
    found: dict[str, dict[int, str]] = {name: {} for name in names if name not in probes}
    called: dict[str, list[str]] = {}
    for session in found:
        for begin in {session.removesuffix(_STORE).removesuffix(".nwb"), _session_in(session)} - {None}:
            called.setdefault(str(begin), []).append(session)
    free: dict[str | None, dict[int, str]] = {}
    for name, probe in probes.items():
        if not probe.isdecimal():
            continue
        ends = [at for at, letter in enumerate(name) if letter == "_"]
        # The longest: ses-2's files are not ses-20's, and those of ses-2_acq-1 not ses-2's.
        begin = next((name[:at] for at in reversed(ends) if name[:at] in called), None)
        for session in called[begin] if begin is not None else ():
            found[session][int(probe)] = name
        if begin is None:
            free.setdefault(_session_in(name), {})[int(probe)] = name
    for session, lfp in found.items():
        if not lfp:
            # What is called by a session that is not there is not of one that is called otherwise.
            lfp.update(free.get(None, {}))
            if _session_in(session) is None and len(free.keys() - {None}) == 1:
                lfp.update(*(some for of, some in free.items() if of is not None))
    return found


def find_lfp_files(session: Path | None, probe_ids: Iterable[int]) -> dict[int, LfpSource]:
    """Find the LFP files and stores that lie beside a session file: see :func:`lfp_of_sessions`.

    Parameters
    ----------
    session
        The session file; None when it is not a path.
    probe_ids
        The session's probes.
    """
    if session is None or not session.parent.is_dir():
        return {}
    beside = {path.name for path in session.parent.glob("*") if path.name.endswith((".nwb", f".nwb{_STORE}"))}
    beside = {name for name in beside if not name.startswith(".")} | {session.name}
    wanted, found = set(probe_ids), lfp_of_sessions(beside).get(session.name, {})
    return {probe: session.with_name(name) for probe, name in found.items() if probe in wanted}


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
