"""Why a unit of the file is not among the units of the session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nwbin.allen.places import channel_table, probe_table
from nwbin.allen.unit_filters import UnitFilters
from nwbin.nwb import schema
from nwbin.nwb.file import File

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LeftOut", "why_left_out"]


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
    table = file.unit_table
    row_of = {unit: row for row, unit in enumerate(table.ids.tolist())}
    names = [*(column for column, _, _ in filters.bounds()), "quality", "peak_channel_id"]
    stored = {name: table.column(name) for name in names if name in table and table.is_flat(name)}
    channels = channel_table(file, valid_only=False, external_columns=external_columns)
    probes = probe_table(file)
    electrodes = set(file.table(schema.ELECTRODES).ids.tolist()) if file.has(schema.ELECTRODES) else set()
    placed = "peak_channel_id" in stored and "probe_id" in channels.columns and not probes.empty

    def why(row: int) -> LeftOut:
        said = _by_metrics(filters, {name: values[row] for name, values in stored.items()}, bound_as)
        if placed:
            lacks_place = _by_place(
                filters, stored["peak_channel_id"][row], electrodes, channels, probes, said
            )
        else:
            lacks_place = False
        reasons, keeping = [reason for reason, _ in said], [lifted for _, lifted in said if lifted]
        if "filter_by_metrics" in keeping:  # lifts the bounds too
            keeping = [name for name in keeping if name.startswith("filter_")]
        return LeftOut(reasons, keeping, lacks_place)

    return [why(row_of[unit]) for unit in unit_ids]


# A clause, and the argument of nwbin.open that lifts what it says ("" where none does).
_Said = list[tuple[str, str]]


def _by_metrics(filters: UnitFilters, values: dict[str, Any], bound_as: Callable[[str, float], str]) -> _Said:
    """Say which metrics leave a unit out, and its quality."""
    said: _Said = []
    for column, sign, bound in filters.bounds():
        if column not in values:
            continue
        value = values[column]
        if value <= bound if sign == "<=" else value >= bound:
            continue
        if np.isnan(value):
            said.append((f"its {column} is NaN, which no bound lets through", "filter_by_metrics"))
            continue
        name = column + ("_maximum" if sign == "<=" else "_minimum")
        than = "more" if sign == "<=" else "less"
        said.append((f"its {column} is {value:.6g}, {than} than {bound_as(name, bound)}", name))
    if filters.filter_by_validity and "quality" in values and values["quality"] != "good":
        said.append((f"its quality is {values['quality']!r}", "filter_by_validity"))
    return said


def _by_place(
    filters: UnitFilters,
    channel: Any,
    electrodes: set[int],
    channels: pd.DataFrame,
    probes: pd.DataFrame,
    said: _Said,
) -> bool:
    """Say what of a unit's peak channel and probe leaves it out; returns whether one of them is missing."""
    import pandas as pd

    if channel not in electrodes:
        said.append((f"its peak channel {channel} is no electrode of the file", ""))
        return True
    if channel not in channels.index:
        said.append((f"external_channel_columns has no row for its peak channel {channel}", ""))
        return True
    at, probe = channels.loc[channel], channels["probe_id"][channel]
    if filters.filter_by_validity and not at.get("valid_data", True):
        said.append((f"its peak channel {channel} has no valid data", "filter_by_validity"))
    if filters.filter_out_of_brain_units and pd.isna(at.get("structure_acronym", "")):
        said.append(
            (f"its peak channel {channel} lies in no structure of the brain", "filter_out_of_brain_units")
        )
    if probe in probes.index:
        return False
    said.append((f"its probe {probe} is not in the file", ""))
    return True
