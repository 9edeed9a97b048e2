"""Mean firing rates around the start of presentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin.binning import Closed
from nwbin.errors import ArgumentError
from nwbin.responses.counts import TIME
from nwbin.responses.matrix import labels_by_row
from nwbin.responses.rates import psth
from nwbin.responses.rows import Rows, as_rows
from nwbin.tables.missing import missing
from nwbin.trains import Trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["mean_rates", "rates_table"]

_GIVEN = "value"  # of what is averaged over the values of no column


def mean_rates(
    trains: Trains,
    rows: Rows,
    edges: npt.ArrayLike,
    *,
    by: str | npt.ArrayLike | None = None,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.DataArray:
    """Average each unit's firing rate over presentations, in bins around their start.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    rows
        Presentations with `start_time` in s; see :class:`AlignedCounts` for what else it may be. Windows that
        overlap, and those far longer than what they are around, bring a warning.
    edges
        (bins + 1,) s from start_time.
    by
        A column of `rows`, or a value for each of them: average over the presentations of each value. Those without
        one (None, NaN) are left out.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    xarray.DataArray
        "firing_rate" in Hz, dims (condition, time_relative_to_stimulus_onset, unit_id): float64. Coordinates:
        condition (`by`'s values, or "all"), the centers of bins in s, bin_start and bin_stop (s), presentations (how
        many, by condition).

    Examples
    --------
    >>> rows = {"start_time": [0.0, 1.0], "contrast": [0.2, 0.8]}
    >>> rates = mean_rates({7: [0.1, 1.1, 1.2]}, rows, [0.0, 0.25, 0.5], by="contrast")
    >>> rates.sel(unit_id=7).values.tolist()
    [[4.0, 0.0], [8.0, 0.0]]
    """
    rows = as_rows(rows)
    named = by is None or isinstance(by, str)
    if not named:
        values = labels_by_row(rows, by)
        if missing(values).all():
            raise ArgumentError("no presentation has a value")
        rows = rows.assign(**{_GIVEN: values})
    column = by if by is None or isinstance(by, str) else _GIVEN
    found = psth(trains, rows, edges, by=column, spread=False, closed=closed, threads=threads)
    rates = found["firing_rate"].assign_coords(presentations=found["presentations"])
    return rates.assign_attrs({"units": "Hz", "by": (by or "") if named else "", "closed": closed})


def rates_table(
    rates: xr.DataArray, *, per_unit: bool = False, sem: xr.DataArray | None = None
) -> pd.DataFrame:
    """Turn what :func:`mean_rates` returns into a table.

    Parameters
    ----------
    rates
        From :func:`mean_rates`.
    per_unit
        A row for each unit too; otherwise the mean over units and its standard error.
    sem
        Each unit's standard error over trials, of the same dims, such as :func:`nwbin.responses.psth` has.

    Returns
    -------
    pandas.DataFrame
        Indexed by condition (named after `by`); presentations, time (s), then unit_id, firing_rate and, where it is
        given, sem, over trials; or firing_rate, sem and units (how many), sem being that over units, of one unit
        that over trials, NaN where it is not given.

    Examples
    --------
    >>> rates = mean_rates({7: [0.1, 1.1, 1.2], 9: [0.1]}, [0.0, 1.0], [0.0, 0.25, 0.5])
    >>> rates_table(rates)[["time", "firing_rate"]].values.tolist()
    [[0.125, 4.0], [0.375, 0.0]]
    """
    import pandas as pd

    conditions, bins, units = rates.shape
    values = rates.to_numpy()
    table = pd.DataFrame(
        {
            "condition": np.repeat(rates["condition"].to_numpy(), bins),
            "presentations": np.repeat(rates["presentations"].to_numpy(), bins),
            # Centers are written as one would: 0.15, not 0.15000000000000002.
            "time": np.tile(rates[TIME].to_numpy().round(9), conditions),
        }
    )
    if per_unit:
        table = table.iloc[np.repeat(np.arange(len(table)), units)].reset_index(drop=True)
        table["unit_id"] = np.tile(rates["unit_id"].to_numpy(), conditions * bins)
        table["firing_rate"] = values.reshape(-1)
        if sem is not None:
            table["sem"] = sem.transpose(*rates.dims).to_numpy().reshape(-1)
        return _by_condition(table, rates)
    table["firing_rate"] = values.mean(axis=2).reshape(-1)
    spread = np.full((conditions, bins), np.nan)
    if units > 1:
        spread = values.std(axis=2, ddof=1) / np.sqrt(units)
    elif sem is not None:
        spread = sem.transpose(*rates.dims).to_numpy()
    table["sem"] = spread.reshape(-1)
    table["units"] = units
    return _by_condition(table, rates)


def _by_condition(table: pd.DataFrame, rates: xr.DataArray) -> pd.DataFrame:
    by = str(rates.attrs.get("by", "")) or "condition"
    return table.set_index("condition").rename_axis(index=by if by not in table.columns else f"by_{by}")
