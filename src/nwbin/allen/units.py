"""Units, as AllenSDK shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import UnappliedFiltersWarning, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRIC_NAMES", "unit_order", "unit_table"]

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
    rows = np.arange(len(table))
    placed = "peak_channel_id" in stored and "probe_id" in channels.columns and not probes.empty
    channel_of = None
    if placed:
        rows = unit_order(file, stored["peak_channel_id"], probes)
        if len(rows) < len(table):
            warn(
                f"{file.name}: {len(table) - len(rows)} of {len(table)} units have a peak_channel_id whose electrode "
                "or probe is not in the file; they are left out"
            )
        stored.pop("probe_id", None)  # the channel's own is taken
        channel_of = channels.index.get_indexer(pd.Index(stored["peak_channel_id"]))
    rows = _passing(file, stored, rows, filters, channels, channel_of)
    if filters.filter_by_validity:
        stored.pop("quality", None)  # the same in all that are left
    if channel_of is not None:
        rows = rows[channel_of[rows] >= 0]
        # There may be no channel at all to take a probe of.
        probe_of = probes.index.get_indexer(pd.Index(channels["probe_id"].to_numpy()[channel_of[rows]]))
        rows, probe_of = rows[probe_of >= 0], probe_of[probe_of >= 0]
    columns = [(name, values[rows]) for name, values in stored.items()]
    if channel_of is not None:
        columns = _beside(columns, channels.take(channel_of[rows]), "_channel")
        columns = _beside(columns, probes.take(probe_of), "_probe")
    columns = [(_UNIT_RENAMES.get(name, name), values) for name, values in columns]
    units = frame_of(columns, pd.Index(table.ids[rows], name="unit_id"))
    if additional_metrics is not None:
        extra = additional_metrics() if callable(additional_metrics) else additional_metrics
        units = _with_metrics(units, extra, file.name)
    if placed:
        units = units.take(_sorted_rows(units))
    units.columns = pd.Index(list(units.columns), dtype=object)
    return units


def _passing(
    file: File,
    stored: dict[str, npt.NDArray[Any]],
    rows: npt.NDArray[np.intp],
    filters: UnitFilters,
    channels: pd.DataFrame,
    channel_of: npt.NDArray[np.intp] | None,
) -> npt.NDArray[np.intp]:
    """Return those of some rows of the units table that pass the filters; warn of filters that cannot be applied."""
    skipped: list[str] = []
    left_out: dict[str, npt.NDArray[np.bool_]] = {}  # filter -> whether it leaves out each of the rows
    if filters.filter_out_of_brain_units:
        if channel_of is None:
            skipped.append("filter_out_of_brain_units (no peak_channel_id)")
        elif "structure_acronym" in channels.columns:
            inside = channels["structure_acronym"].notna().to_numpy()
            place = channel_of[rows]
            there = place >= 0
            there[there] = inside[place[there]]
            left_out["filter_out_of_brain_units"] = ~there
    if filters.filter_by_validity:
        if "quality" in stored:
            left_out["filter_by_validity"] = stored["quality"][rows] != "good"
        else:
            skipped.append("filter_by_validity (no quality)")
    for column, sign, bound in filters.bounds():
        name = column + ("_maximum" if sign == "<=" else "_minimum")
        if column not in stored:
            if np.isfinite(bound):
                skipped.append(f"{name} (no {column})")
            continue
        value = stored[column].astype(np.float64, copy=False)[rows]
        left_out[name] = ~(value <= bound if sign == "<=" else value >= bound)
    kept = rows[~np.any(list(left_out.values()), axis=0)] if left_out else rows
    number = len(file.unit_table)
    if skipped:
        warn(
            f"{file.name}: has no columns for some unit filters, which were not applied: {', '.join(skipped)}; "
            f"{len(kept)} of {number} units are kept",
            UnappliedFiltersWarning,
        )
    if number and not len(kept):
        from nwbin.responses.hints import Hints

        by = Hints().left_out_by({name: int(out.sum()) for name, out in left_out.items()})
        warn(f"{file.name}: none of its {number} units passes the filters{by}")
    return kept


def _with_metrics(units: pd.DataFrame, extra: pd.DataFrame, where: str) -> pd.DataFrame:
    """Add metrics from elsewhere, by unit id; those that the units have stay as they are."""
    extra = extra.rename(columns=_UNIT_RENAMES)
    extra = extra.drop(columns=[c for c in extra.columns if c in units.columns or c in _HIDDEN_METRICS])
    if len(units) and not units.index.isin(extra.index).any():
        warn(f"additional_unit_metrics has no row for any unit of {where}: its index must be their id")
    units = units.join(extra, how="left")
    units.index.name = "unit_id"
    return units
