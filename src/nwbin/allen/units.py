"""Probes, channels and units, as AllenSDK shows them, with its default quality filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin import _schema as schema
from nwbin._tables import frame_of
from nwbin.errors import FormatError, warn
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRIC_NAMES", "UnitFilters", "channel_table", "probe_table", "unit_order", "unit_table"]

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

# Metric in a units table -> its name in `units`.
METRIC_NAMES = {
    "PT_ratio": "waveform_PT_ratio",
    "amplitude": "waveform_amplitude",
    "duration": "waveform_duration",
    "halfwidth": "waveform_halfwidth",
    "recovery_slope": "waveform_recovery_slope",
    "repolarization_slope": "waveform_repolarization_slope",
    "spread": "waveform_spread",
    "velocity_above": "waveform_velocity_above",
    "velocity_below": "waveform_velocity_below",
    "l_ratio": "L_ratio",
}

_UNIT_RENAMES = {
    **METRIC_NAMES,
    "description": "probe_description",
    "local_index_channel": "channel_local_index",
    "sampling_rate": "probe_sampling_rate",
    "lfp_sampling_rate": "probe_lfp_sampling_rate",
    "has_lfp_data": "probe_has_lfp_data",
    "pref_images_multi_ns": "pref_image_multi_ns",
}

# Kept out of `units`, as AllenSDK does, when they come in through additional_unit_metrics.
_HIDDEN_METRICS = (
    "width_rf",
    "height_rf",
    "on_screen_rf",
    "time_to_peak_fl",
    "time_to_peak_rf",
    "time_to_peak_sg",
    "sustained_idx_fl",
    "time_to_peak_dg",
)


@dataclass(frozen=True)
class UnitFilters:
    """Which units to keep. The defaults are AllenSDK's.

    Bounds are inclusive; None and 0 mean no bound; a unit whose metric is NaN is dropped by its bound even
    then, as in AllenSDK.
    """

    amplitude_cutoff_maximum: float | None = 0.1
    presence_ratio_minimum: float | None = 0.95
    isi_violations_maximum: float | None = 0.5
    filter_by_validity: bool = True
    filter_out_of_brain_units: bool = True

    def bounds(self) -> list[tuple[str, str, float]]:
        """The quality bounds as (column, "<=" or ">=", value)."""
        return [
            ("amplitude_cutoff", "<=", self.amplitude_cutoff_maximum or np.inf),
            ("presence_ratio", ">=", self.presence_ratio_minimum or -np.inf),
            ("isi_violations", "<=", self.isi_violations_maximum or np.inf),
        ]


def _without_substructure(acronym: Any) -> str | None:
    """LGd-sh is LGd; "None" and "" mean outside the brain."""
    if not isinstance(acronym, str) or acronym in ("None", ""):
        return None
    return acronym.split("-")[0]


def probe_table(file: File) -> pd.DataFrame:
    """Build `probes`: index id; description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
    import pandas as pd

    groups, devices = file.electrode_groups, file.devices
    if "probe_id" in groups.columns:
        groups = groups[groups["probe_id"].notna().to_numpy()]
    if "probe_id" not in groups.columns or groups.empty:
        names = ["description", "location", "sampling_rate", "lfp_sampling_rate", "has_lfp_data"]
        return pd.DataFrame({name: [] for name in names}, index=pd.Index([], name="id", dtype=np.int64))
    rate = devices["sampling_rate"] if "sampling_rate" in devices.columns else pd.Series(dtype=np.float64)
    names = groups.index.tolist()

    def of_group(name: str, missing: Any) -> Any:
        return groups[name].to_numpy() if name in groups.columns else np.full(len(groups), missing)

    columns = {
        "description": np.asarray(names, dtype=object),
        "location": np.asarray(of_group("location", ""), dtype=object),
        "sampling_rate": np.asarray(
            [rate.get(file.device_of(name), np.nan) for name in names], dtype=np.float64
        ),
        "lfp_sampling_rate": np.asarray(of_group("lfp_sampling_rate", np.nan), dtype=np.float64),
        "has_lfp_data": np.asarray(of_group("has_lfp_data", False), dtype=bool),
    }
    try:
        ids = groups["probe_id"].to_numpy().astype(np.int64)
    except (TypeError, ValueError) as error:
        found = groups["probe_id"].tolist()
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
    stored = file.electrodes
    _refuse_repeats(file, f"{schema.ELECTRODES}/id", stored.index.to_numpy())
    if {"local_index", "probe_channel_number"} <= set(stored.columns):
        raise FormatError(
            f"{file.name}: {schema.ELECTRODES} has both local_index and probe_channel_number, two names for one thing"
        )
    columns = {new: stored[old].to_numpy() for old, new in _CHANNEL_COLUMNS.items() if old in stored.columns}
    if "structure_acronym" in columns:
        acronyms = [_without_substructure(name) for name in columns["structure_acronym"]]
        columns["structure_acronym"] = np.asarray(acronyms, dtype=object)
    if "probe_id" in columns and "filtering" not in columns:
        columns["filtering"] = np.full(len(stored), _FILTERING, dtype=object)
    channels = frame_of({name: columns[name] for name in sorted(columns)}, pd.Index(stored.index, name="id"))
    if external_columns is not None:
        extra = external_columns() if callable(external_columns) else external_columns
        channels = channels.drop(columns=[name for name in extra.columns if name in channels.columns])
        channels = channels.join(extra, how="inner")
        channels.index.name = "id"
        text = [name for name in channels.columns if isinstance(channels[name].dtype, pd.StringDtype)]
        channels = channels.astype(dict.fromkeys(text, object))
    if valid_only and "valid_data" in channels.columns:
        channels = channels[channels["valid_data"].to_numpy(dtype=bool)].drop(columns="valid_data")
    return channels


def unit_order(
    file: File, peak_channels: npt.NDArray[np.int64], probes: pd.DataFrame
) -> npt.NDArray[np.intp]:
    """Return the rows of the units table in AllenSDK's order: probe by probe as the file lists the probes.

    Units on a channel or a probe that the file does not have are left out.
    """
    electrodes = file.table(schema.ELECTRODES)
    probe_of_channel = dict(zip(electrodes.ids.tolist(), electrodes.column("probe_id").tolist(), strict=True))
    place = {probe: at for at, probe in enumerate(probes.index.tolist())}
    at = np.asarray(
        [place.get(probe_of_channel.get(one), -1) for one in peak_channels.tolist()], dtype=np.intp
    )
    order = np.argsort(at, kind="stable")
    return order[at[order] >= 0]


def unit_table(
    file: File,
    channels: pd.DataFrame,
    probes: pd.DataFrame,
    filters: UnitFilters,
    additional_metrics: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Build `units`: index unit_id; the file's columns, its peak channel's and its probe's, filtered and sorted.

    On a file without Allen's columns (peak_channel_id, probe_id, quality metrics), what is there is used: a
    filter whose column is absent is not applied, and one warning says so.
    """
    import pandas as pd

    units = file.units
    number = len(units)
    units = units[sorted(units.columns)]
    skipped: list[str] = []
    placed = "peak_channel_id" in units.columns and "probe_id" in channels.columns and not probes.empty
    if placed:
        order = unit_order(file, units["peak_channel_id"].to_numpy(), probes)
        if len(order) < number:
            warn(
                f"{file.name}: {number - len(order)} of {number} units have a peak_channel_id whose electrode or probe "
                "is not in the file; they are left out"
            )
        units = units.iloc[order].drop(columns=["probe_id"], errors="ignore")  # the channel's own is taken
        keep = np.ones(len(units), dtype=bool)
        if filters.filter_out_of_brain_units and "structure_acronym" in channels.columns:
            inside = channels.index[channels["structure_acronym"].notna().to_numpy()]
            keep &= units["peak_channel_id"].isin(inside).to_numpy()
        units = units[keep]
    elif filters.filter_out_of_brain_units:
        skipped.append("filter_out_of_brain_units (no peak_channel_id)")
    if filters.filter_by_validity:
        if "quality" in units.columns:
            units = units[units["quality"].to_numpy() == "good"].drop(columns="quality")
        else:
            skipped.append("filter_by_validity (no quality)")
    for column, sign, bound in filters.bounds():
        if column not in units.columns:
            if np.isfinite(bound):
                name = column + ("_maximum" if sign == "<=" else "_minimum")
                skipped.append(f"{name} (no {column})")
            continue
        value = units[column].to_numpy(dtype=np.float64)
        units = units[value <= bound if sign == "<=" else value >= bound]
    if skipped:
        warn(
            f"{file.name}: has no columns for some unit filters, which were not applied: {', '.join(skipped)}; "
            f"{len(units)} of {number} units are kept"
        )
    if number and not len(units):
        warn(f"{file.name}: none of its {number} units passes the filters")
    if placed:
        units = units.merge(
            channels, left_on="peak_channel_id", right_index=True, suffixes=("_unit", "_channel"), how="inner"
        )
        units = units.merge(
            probes, left_on="probe_id", right_index=True, suffixes=("_unit", "_probe"), how="inner"
        )
    units.index.name = "unit_id"
    units = units.rename(columns=_UNIT_RENAMES)
    if additional_metrics is not None:
        extra = additional_metrics() if callable(additional_metrics) else additional_metrics
        extra = extra.rename(columns=_UNIT_RENAMES)
        extra = extra.drop(columns=[c for c in extra.columns if c in units.columns or c in _HIDDEN_METRICS])
        units = units.join(extra, how="left")
        units.index.name = "unit_id"
    if placed:
        by = ["probe_description", "probe_vertical_position", "probe_horizontal_position"]
        units = units.sort_values(by=[name for name in by if name in units.columns], kind="stable")
    units.columns = pd.Index(list(units.columns), dtype=object)
    return units
