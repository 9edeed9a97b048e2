"""Probes and channels, as AllenSDK shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError, FormatError, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STRUCTURE", "channel_table", "probe_table", "structure_column"]

# Where a channel or unit lies: in AllenSDK's cache, of which scripts know it, and in the file.
STRUCTURE = ("ecephys_structure_acronym", "structure_acronym")


_FILTERING = "AP band: 500 Hz high-pass; LFP band: 1000 Hz low-pass"

# Column in the file's electrodes table -> column in `channels`.
_CHANNEL_COLUMNS = {
    "x": "anterior_posterior_ccf_coordinate",
    "y": "dorsal_ventral_ccf_coordinate",
    "filtering": "filtering",
    "z": "left_right_ccf_coordinate",
    "local_index": "probe_channel_number",  # its name in the 2020 release
    "probe_channel_number": "probe_channel_number",
    "probe_horizontal_position": "probe_horizontal_position",
    "probe_id": "probe_id",
    "probe_vertical_position": "probe_vertical_position",
    "location": "structure_acronym",
    "valid_data": "valid_data",
}


def _without_substructure(acronym: Any) -> str | None:
    """LGd-sh is LGd; "None" and "" mean outside the brain."""
    if not isinstance(acronym, str) or acronym in ("None", ""):
        return None
    return acronym.split("-")[0]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def probe_table(file: File) -> pd.DataFrame:
    """Build `probes`: index id; description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
    import pandas as pd

    keys = ("probe_id", "location", "lfp_sampling_rate", "has_lfp_data")
    paths = {name: f"{schema.ELECTRODE_GROUPS}/{name}" for name in file.names(schema.ELECTRODE_GROUPS)}
    groups = {
        name: {key: file.stated(path, key) for key in keys}
        for name, path in paths.items()
        if path != schema.ELECTRODES
    }
    known = {key for said in groups.values() for key, value in said.items() if value is not None}
    groups = {name: said for name, said in groups.items() if not _is_missing(said["probe_id"])}
    if not groups:
        names = ["description", "location", "sampling_rate", "lfp_sampling_rate", "has_lfp_data"]
        return pd.DataFrame({name: [] for name in names}, index=pd.Index([], name="id", dtype=np.int64))

    def of_group(key: str, missing: Any, dtype: Any) -> npt.NDArray[Any]:
        return np.asarray([said[key] if key in known else missing for said in groups.values()], dtype=dtype)

    def rate(group: str) -> Any:
        return file.stated(f"{schema.DEVICES}/{file.device_of(group)}", "sampling_rate")

    columns = {
        "description": np.asarray(list(groups), dtype=object),
        "location": of_group("location", "", object),
        "sampling_rate": np.asarray([rate(name) for name in groups], dtype=np.float64),
        "lfp_sampling_rate": of_group("lfp_sampling_rate", np.nan, np.float64),
        "has_lfp_data": of_group("has_lfp_data", False, np.bool_),
    }
    found = [said["probe_id"] for said in groups.values()]
    try:
        ids = np.asarray(found, dtype=object).astype(np.int64)
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"{file.name}: {schema.ELECTRODE_GROUPS} has probe_id {found}, not whole numbers"
        ) from error
    _refuse_repeats(file, schema.ELECTRODE_GROUPS, ids)
    return frame_of(columns, pd.Index(ids, name="id"))


def _refuse_repeats(file: File, path: str, ids: npt.NDArray[np.int64]) -> None:
    """Units are given their channel and probe by id: an id that stands twice would give a unit two places."""
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise FormatError(
            f"{file.name}: {path} has the id {values[counts > 1][0]} more than once; the file is damaged: download it "
            "again"
        )


def channel_table(
    file: File, *, valid_only: bool, external_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None
) -> pd.DataFrame:
    """Build `channels`: index id; CCF coordinates (um), position on the probe (um), structure.

    The structure stands twice, as the file calls it and as AllenSDK's cache does, unless other values are given.

    Parameters
    ----------
    file
        The session.
    valid_only
        Keep only channels with valid data (and drop that column).
    external_columns
        Columns that replace or add to the file's, by channel id; channels without a row there are dropped.
    """
    import pandas as pd

    if not file.has(schema.ELECTRODES):
        return pd.DataFrame(index=pd.Index([], name="id", dtype=np.int64))
    table = file.table(schema.ELECTRODES)
    _refuse_repeats(file, f"{schema.ELECTRODES}/id", table.ids)
    there = [name for name in table.columns if name in _CHANNEL_COLUMNS and table.is_flat(name)]
    if {"local_index", "probe_channel_number"} <= set(there):
        raise FormatError(
            f"{file.name}: {schema.ELECTRODES} has both local_index and probe_channel_number, two names for one thing"
        )
    columns = {_CHANNEL_COLUMNS[name]: table.column(name) for name in there}
    if "structure_acronym" in columns:
        stored = columns["structure_acronym"].tolist()
        acronyms = {name: _without_substructure(name) for name in set(stored)}
        columns["structure_acronym"] = np.asarray([acronyms[name] for name in stored], dtype=object)
    if "probe_id" in columns and "filtering" not in columns:
        columns["filtering"] = np.full(len(table), _FILTERING, dtype=object)
    ids = table.ids
    if external_columns is None and valid_only and "valid_data" in columns:
        valid = columns.pop("valid_data").astype(bool)
        columns, ids = {name: values[valid] for name, values in columns.items()}, ids[valid]
    channels = frame_of({name: columns[name] for name in sorted(columns)}, pd.Index(ids, name="id"))
    if external_columns is not None:
        extra = external_columns() if callable(external_columns) else external_columns
        channels = channels.drop(columns=[name for name in extra.columns if name in channels.columns])
        if len(channels) and not channels.index.isin(extra.index).any():
            warn(
                f"external_channel_columns has no row for any channel of {file.name}: its index must be their id"
            )
        channels = channels.join(extra, how="inner")
        channels.index.name = "id"
        if not channels.index.is_unique:
            twice = channels.index[channels.index.duplicated()][0]
            raise ArgumentError(
                f"external_channel_columns has the channel {twice} more than once; once is needed"
            )
        text = [name for name in channels.columns if isinstance(channels[name].dtype, pd.StringDtype)]
        channels = channels.astype(dict.fromkeys(text, object))
    if valid_only and "valid_data" in channels.columns:
        channels = channels[channels["valid_data"].to_numpy(dtype=bool)].drop(columns="valid_data")
    return _with_both_names(channels)


def _with_both_names(channels: pd.DataFrame) -> pd.DataFrame:
    """Put the structure beside itself under the name that AllenSDK's cache gives it."""
    known, own = STRUCTURE
    if own in channels.columns and known not in channels.columns:
        channels.insert(channels.columns.tolist().index(own) + 1, known, channels[own])
    return channels


def structure_column(table: pd.DataFrame) -> str | None:
    """Return the name of the column that says where channels or units lie, if there is one."""
    return next((name for name in STRUCTURE if name in table.columns), None)
