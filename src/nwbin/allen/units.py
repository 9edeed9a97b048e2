"""Probes, channels and units, as AllenSDK shows them, with its default quality filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError, ArgumentTypeError, FormatError, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "METRIC_NAMES",
    "LeftOut",
    "UnitFilters",
    "channel_table",
    "probe_table",
    "unit_order",
    "unit_table",
    "why_left_out",
]

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


Columns = list[tuple[Any, Any]]  # name and values


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
    filter_by_metrics: bool = True  # False: none of the bounds, and NaN stays

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and value.ndim == 0:
                value = value[()]
                object.__setattr__(self, field.name, value)
            if field.name.startswith("filter_"):
                if not isinstance(value, bool | np.bool_ | Integral | None):
                    raise ArgumentTypeError(f"{field.name} must be True or False, not {value!r}")
                continue
            if not isinstance(value, Real | None):
                raise ArgumentTypeError(f"{field.name} must be a number, or None for no bound; not {value!r}")
            if value is not None and np.isnan(float(value)):
                raise ArgumentError(f"{field.name} is NaN, with which nothing compares; None means no bound")

    @classmethod
    def none(cls) -> UnitFilters:
        """Leave no unit out."""
        return cls(filter_by_validity=False, filter_out_of_brain_units=False, filter_by_metrics=False)

    def bounds(self) -> list[tuple[str, str, float]]:
        """The quality bounds as (column, "<=" or ">=", value)."""
        if not self.filter_by_metrics:
            return []
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


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def probe_table(file: File) -> pd.DataFrame:
    """Build `probes`: index id; description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
    import pandas as pd

    keys = ("probe_id", "location", "lfp_sampling_rate", "has_lfp_data")
    paths = {name: f"{schema.ELECTRODE_GROUPS}/{name}" for name in file.names(schema.ELECTRODE_GROUPS)}
    groups = {
        name: {key: file.said(path, key) for key in keys}
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
        return file.said(f"{schema.DEVICES}/{file.device_of(group)}", "sampling_rate")

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


def _beside(columns: Columns, others: pd.DataFrame, suffix: str) -> Columns:
    """Put a table's columns beside those of the units; a name that both have is told apart, in both."""
    both = {name for name, _ in columns} & set(others.columns)
    return [
        *((f"{name}_unit" if name in both else name, values) for name, values in columns),
        *(
            (
                f"{name}{suffix}" if name in both else name,
                # An external column may be of a kind that only pandas has.
                values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array,
            )
            for name, values in others.items()
        ),
    ]


def _sorted_rows(table: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the rows in order of probe and position; missing values last, rows that are equal as they stand."""
    import pandas as pd

    keys = [np.arange(len(table))]
    for name in ("probe_horizontal_position", "probe_vertical_position", "probe_description"):
        if name not in table.columns:
            continue
        values = table[name].to_numpy()
        if values.dtype.kind not in "iuf":  # sorts NaN last as it is
            codes, distinct = pd.factorize(values, sort=True)
            values = np.where(codes < 0, len(distinct), codes)
        keys.append(values)
    return np.lexsort(keys)


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

    table = file.unit_table
    stored = {name: table.column(name) for name in sorted(table.columns) if table.is_flat(name)}
    number = len(table)
    rows = np.arange(number)
    skipped: list[str] = []
    placed = "peak_channel_id" in stored and "probe_id" in channels.columns and not probes.empty
    if placed:
        rows = unit_order(file, stored["peak_channel_id"], probes)
        if len(rows) < number:
            warn(
                f"{file.name}: {number - len(rows)} of {number} units have a peak_channel_id whose electrode or probe "
                "is not in the file; they are left out"
            )
        stored.pop("probe_id", None)  # the channel's own is taken
        channel_of = channels.index.get_indexer(pd.Index(stored["peak_channel_id"]))
        if filters.filter_out_of_brain_units and "structure_acronym" in channels.columns:
            inside = channels["structure_acronym"].notna().to_numpy()
            rows = rows[channel_of[rows] >= 0]
            rows = rows[inside[channel_of[rows]]]
    elif filters.filter_out_of_brain_units:
        skipped.append("filter_out_of_brain_units (no peak_channel_id)")
    if filters.filter_by_validity:
        if "quality" in stored:
            rows = rows[stored.pop("quality")[rows] == "good"]
        else:
            skipped.append("filter_by_validity (no quality)")
    for column, sign, bound in filters.bounds():
        if column not in stored:
            if np.isfinite(bound):
                name = column + ("_maximum" if sign == "<=" else "_minimum")
                skipped.append(f"{name} (no {column})")
            continue
        value = stored[column].astype(np.float64, copy=False)[rows]
        rows = rows[value <= bound if sign == "<=" else value >= bound]
    if skipped:
        warn(
            f"{file.name}: has no columns for some unit filters, which were not applied: {', '.join(skipped)}; "
            f"{len(rows)} of {number} units are kept"
        )
    if number and not len(rows):
        warn(f"{file.name}: none of its {number} units passes the filters")
    if placed:
        rows = rows[channel_of[rows] >= 0]
        probe_of = probes.index.get_indexer(pd.Index(channels["probe_id"]))[channel_of]
        rows = rows[probe_of[rows] >= 0]
    columns = [(name, values[rows]) for name, values in stored.items()]
    if placed:
        columns = _beside(columns, channels.take(channel_of[rows]), "_channel")
        columns = _beside(columns, probes.take(probe_of[rows]), "_probe")
    columns = [(_UNIT_RENAMES.get(name, name), values) for name, values in columns]
    units = frame_of(columns, pd.Index(table.ids[rows], name="unit_id"))
    if additional_metrics is not None:
        extra = additional_metrics() if callable(additional_metrics) else additional_metrics
        extra = extra.rename(columns=_UNIT_RENAMES)
        extra = extra.drop(columns=[c for c in extra.columns if c in units.columns or c in _HIDDEN_METRICS])
        if len(units) and not units.index.isin(extra.index).any():
            warn(
                f"additional_unit_metrics has no row for any unit of {file.name}: its index must be their id"
            )
        units = units.join(extra, how="left")
        units.index.name = "unit_id"
    if placed:
        units = units.take(_sorted_rows(units))
    units.columns = pd.Index(list(units.columns), dtype=object)
    return units


class LeftOut(NamedTuple):
    """Why `units` lacks a unit of the file, and what would keep it."""

    reasons: list[str]
    """One clause each, such as "its quality is 'noise'"."""
    keeping: list[str]
    """The arguments of nwbin.open to lift: a bound with None, a filter_ with False."""
    lacks_place: bool
    """Its channel or probe is missing, which no filter has a part in."""

    def __str__(self) -> str:
        """Say both in Python's terms."""
        said = "; ".join(self.reasons)
        if self.lacks_place:
            return said
        lifted = [
            f"{name}={'False' if name.startswith('filter_') else 'None'}"
            for name in dict.fromkeys(self.keeping)
        ]
        return f"{said}: to keep it, open the session with {', '.join(lifted)}"


def _bound(name: str, value: float) -> str:
    return f"{name}={value:g}"


def why_left_out(
    file: File,
    filters: UnitFilters,
    unit_ids: Iterable[int],
    external_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
    bound_as: Callable[[str, float], str] = _bound,
) -> list[LeftOut]:
    """Say of units of the file what leaves them out of `units`.

    Parameters
    ----------
    file, filters, external_columns
        What the session was opened with.
    unit_ids
        Units that are in the file and not in `units`.
    bound_as
        How a bound is written: "amplitude_cutoff_maximum=0.1".
    """
    import pandas as pd

    table = file.unit_table
    row_of = {unit: row for row, unit in enumerate(table.ids.tolist())}
    names = [*(column for column, _, _ in filters.bounds()), "quality", "peak_channel_id"]
    stored = {name: table.column(name) for name in names if name in table and table.is_flat(name)}
    channels = channel_table(file, valid_only=False, external_columns=external_columns)
    probes = probe_table(file)
    electrodes = set(file.table(schema.ELECTRODES).ids.tolist()) if file.has(schema.ELECTRODES) else set()
    placed = "peak_channel_id" in stored and "probe_id" in channels.columns and not probes.empty

    def why(row: int) -> LeftOut:
        reasons: list[str] = []
        keeping: list[str] = []
        lacks_place = False
        for column, sign, bound in filters.bounds():
            if column not in stored:
                continue
            value = stored[column][row]
            if value <= bound if sign == "<=" else value >= bound:
                continue
            if np.isnan(value):
                reasons.append(f"its {column} is NaN, which no bound lets through")
                keeping.append("filter_by_metrics")
                continue
            name = column + ("_maximum" if sign == "<=" else "_minimum")
            than = "more" if sign == "<=" else "less"
            reasons.append(f"its {column} is {value:.6g}, {than} than {bound_as(name, bound)}")
            keeping.append(name)
        if filters.filter_by_validity and "quality" in stored and stored["quality"][row] != "good":
            reasons.append(f"its quality is {stored['quality'][row]!r}")
            keeping.append("filter_by_validity")
        channel = stored["peak_channel_id"][row] if placed else None
        if channel is None:
            pass
        elif channel not in electrodes:
            lacks_place = True
            reasons.append(f"its peak channel {channel} is no electrode of the file")
        elif channel not in channels.index:
            lacks_place = True
            reasons.append(f"external_channel_columns has no row for its peak channel {channel}")
        else:
            at, probe = channels.loc[channel], channels["probe_id"][channel]
            if filters.filter_by_validity and not at.get("valid_data", True):
                reasons.append(f"its peak channel {channel} has no valid data")
                keeping.append("filter_by_validity")
            if filters.filter_out_of_brain_units and pd.isna(at.get("structure_acronym", "")):
                reasons.append(f"its peak channel {channel} lies in no structure of the brain")
                keeping.append("filter_out_of_brain_units")
            if probe not in probes.index:
                lacks_place = True
                reasons.append(f"its probe {probe} is not in the file")
        if "filter_by_metrics" in keeping:  # lifts the bounds too
            keeping = [name for name in keeping if name.startswith("filter_")]
        return LeftOut(reasons, keeping, lacks_place)

    return [why(row_of[unit]) for unit in unit_ids]
