"""Mean firing rates around the start of presentations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.binning import iter_bin_spikes
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.tables.missing import as_numbers, missing
from nwbin.tables.tidy import escape_text
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["mean_rates", "rates_table"]

_BLOCK = 32 << 20


def conditions_of(rows: pd.DataFrame, by: str | None) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The distinct values of a column in order, and each row's number among them; -1 where it has none."""
    if by is None:
        return ["all"], np.zeros(len(rows), np.int64)
    if by not in rows.columns:
        raise LookupFailure(f"the presentations have no column {by!r}; {nearest(by, rows.columns)}")
    values = rows[by].to_numpy()
    gone = missing(values)
    numbers = as_numbers(values)
    if not np.isnan(numbers[~gone]).any():
        levels: npt.NDArray[Any] = np.unique(numbers[~gone])
        code = np.searchsorted(levels, numbers)
    else:
        text = np.asarray([escape_text(str(v)) for v in values], dtype=object)
        levels = np.unique(text[~gone])
        code = np.searchsorted(levels, text)
    return levels.tolist(), np.where(gone, -1, code).astype(np.int64)


def mean_rates(
    trains: Trains,
    rows: pd.DataFrame,
    edges: npt.ArrayLike,
    *,
    by: str | None = None,
    closed: str = "left",
    threads: int | None = None,
) -> xr.DataArray:
    """Average each unit's firing rate over presentations, in bins around their start.

    Parameters
    ----------
    trains
        As in :func:`nwbin.bin_spikes`.
    rows
        Presentations with `start_time` in s.
    edges
        (bins + 1,) s from start_time.
    by
        A column of `rows`: average over the presentations of each of its values. Presentations without one
        (None, NaN) are left out.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    xarray.DataArray
        "firing_rate" in Hz, dims (condition, time, unit_id): float64. Coordinates: condition (`by`'s values, or
        "all"), time (centers of bins, s), presentations (how many, by condition).
    """
    import xarray as xr

    trains = as_trains(trains)
    bounds = np.asarray(edges, dtype=np.float64)
    levels, code = conditions_of(rows, by)
    if not levels:
        raise ArgumentError(f"no presentation has a value of {by!r}")
    onsets = rows["start_time"].to_numpy(np.float64)
    shape = (len(levels), bounds.size - 1, len(trains))
    what = f"rates of {shape[0]:,} conditions x {shape[1]:,} bins x {shape[2]:,} units, and their sums,"
    with taking(3 * 8 * math.prod(shape), what, "average over fewer units, bins or conditions at a time"):
        total = np.zeros(shape)
    shown = np.bincount(code[code >= 0], minlength=len(levels))
    least = 4 * total.shape[1] * total.shape[2]
    for level in range(len(levels)):
        blocks = iter_bin_spikes(
            trains, onsets[code == level], bounds, closed=closed, dtype=np.uint32,  # type: ignore[arg-type]
            threads=threads, max_bytes=max(_BLOCK, least), reuse=True,
        )  # fmt: skip
        for _, block in blocks:
            total[level] += block.sum(axis=0, dtype=np.int64)
    rates = total / shown[:, None, None] / np.diff(bounds)[None, :, None]
    return xr.DataArray(
        rates,
        name="firing_rate",
        dims=("condition", "time", "unit_id"),
        coords={
            "condition": np.asarray(levels, dtype=None if not isinstance(levels[0], str) else object),
            "time": (bounds[:-1] + bounds[1:]) / 2,
            "unit_id": np.asarray(trains.unit_ids),
            "presentations": ("condition", shown),
        },
        attrs={"units": "Hz", "by": by or "", "closed": closed},
    )


def rates_table(rates: xr.DataArray, *, per_unit: bool = False) -> pd.DataFrame:
    """Turn what :func:`mean_rates` returns into a table.

    Parameters
    ----------
    rates
        From :func:`mean_rates`.
    per_unit
        A row for each unit too; otherwise the mean over units and its standard error.

    Returns
    -------
    pandas.DataFrame
        Indexed by condition (named after `by`); presentations, time (s), then unit_id and firing_rate, or
        firing_rate, sem and units (how many).
    """
    import pandas as pd

    conditions, bins, units = rates.shape
    values = rates.to_numpy()
    table = pd.DataFrame(
        {
            "condition": np.repeat(rates["condition"].to_numpy(), bins),
            "presentations": np.repeat(rates["presentations"].to_numpy(), bins),
            # Centers are written as one would: 0.15, not 0.15000000000000002.
            "time": np.tile(rates["time"].to_numpy().round(9), conditions),
        }
    )
    if per_unit:
        table = table.iloc[np.repeat(np.arange(len(table)), units)].reset_index(drop=True)
        table["unit_id"] = np.tile(rates["unit_id"].to_numpy(), conditions * bins)
        table["firing_rate"] = values.reshape(-1)
        return _by_condition(table, rates)
    table["firing_rate"] = values.mean(axis=2).reshape(-1)
    spread = values.std(axis=2, ddof=1) / np.sqrt(units) if units > 1 else np.full((conditions, bins), np.nan)
    table["sem"] = spread.reshape(-1)
    table["units"] = units
    return _by_condition(table, rates)


def _by_condition(table: pd.DataFrame, rates: xr.DataArray) -> pd.DataFrame:
    by = str(rates.attrs.get("by", "")) or "condition"
    return table.set_index("condition").rename_axis(index=by if by not in table.columns else f"by_{by}")
