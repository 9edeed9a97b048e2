"""Mean firing rates around the start of presentations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.binning import Closed, bin_centers, bin_edges, iter_bin_spikes
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.responses.counts import TIME, UNIT
from nwbin.responses.matrix import labels_by_row
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import lengths_of, times_of, warn_of_windows
from nwbin.tables.missing import as_numbers, missing
from nwbin.tables.tidy import escape_text
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["mean_rates", "median_duration", "rates_table", "time_axis"]

_BLOCK = 32 << 20


def median_duration(rows: pd.DataFrame) -> float:
    """How long a presentation lasts, in s: the median; 0 where the table does not say."""
    lasting = lengths_of(rows)
    lasting = lasting[~np.isnan(lasting)]
    return float(np.median(lasting)) if lasting.size else 0.0


def time_axis(
    duration: float, window: tuple[float, float] | None = None, width: float | None = None
) -> tuple[float, float, float]:
    """Choose bins around a presentation: 40 to 100 of them, of a round width, and one edge at its start.

    Parameters
    ----------
    duration
        Of a presentation, in s; what is not more than 0, of events and of ends that nobody knows, is taken for 1.
    window, width
        From and to, and the width of a bin, in s, where these are asked for.

    Returns
    -------
    tuple
        First edge, last edge, width, in s.

    Examples
    --------
    >>> time_axis(0.25)
    (-0.1, 0.375, 0.005)
    >>> time_axis(2.0, (0, 1))
    (0.0, 1.0, 0.01)
    """
    if not duration > 0:
        duration = 1.0
    start, stop = window or (-min(0.4 * duration, 0.5), min(1.5 * duration, 3.0))
    if width is None:
        # 1, 2 or 5 times a power of ten
        steps = [round(m * 10.0**k, 6) for k in range(-4, 2) for m in (1, 2, 5)]
        width = next((one for one in steps if (stop - start) / one <= 100), steps[-1])
        if window is not None:
            fits = [one for one in steps if one >= width / 2 and abs((stop - start) / one % 1) < 1e-9]
            width = fits[0] if fits else (stop - start) / 80
    if window is None:
        start, stop = -max(1, round(-start / width)) * width, max(1, round(stop / width)) * width
    return float(f"{start:.12g}"), float(f"{stop:.12g}"), float(f"{width:.12g}")


def conditions_of(
    rows: pd.DataFrame, by: str | npt.ArrayLike | None
) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The distinct values of a column, or of those given, in order; each row's number among them, -1 if it has none."""
    if by is None:
        return ["all"], np.zeros(len(rows), np.int64)
    if not isinstance(by, str):
        values = labels_by_row(rows, by)
    elif by in rows.columns:
        values = rows[by].to_numpy()
    else:
        raise LookupFailure(f"the presentations have no column {by!r}; {nearest(by, rows.columns)}")
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
    """
    import xarray as xr

    trains, rows = as_trains(trains), as_rows(rows)
    bounds = bin_edges(edges)
    warn_of_windows(rows, bounds)
    levels, code = conditions_of(rows, by)
    if not levels:
        what = f"a value of {by!r}" if isinstance(by, str) else "a value"
        raise ArgumentError(f"no presentation has {what}")
    onsets = times_of(rows, "start_time")
    shape = (len(levels), bounds.size - 1, len(trains))
    what = f"rates of {shape[0]:,} conditions x {shape[1]:,} bins x {shape[2]:,} units, and their sums,"
    with taking(3 * 8 * math.prod(shape), what, "average over fewer units, bins or conditions at a time"):
        total = np.zeros(shape)
    shown = np.bincount(code[code >= 0], minlength=len(levels))
    least = 4 * total.shape[1] * total.shape[2]
    for level in range(len(levels)):
        blocks = iter_bin_spikes(
            trains, onsets[code == level], bounds, closed=closed, dtype=np.uint32, threads=threads,
            max_bytes=max(_BLOCK, least), reuse=True,
        )  # fmt: skip
        for _, block in blocks:
            total[level] += block.sum(axis=0, dtype=np.int64)
    rates = total / shown[:, None, None] / np.diff(bounds)[None, :, None]
    return xr.DataArray(
        rates,
        name="firing_rate",
        dims=("condition", TIME, UNIT),
        coords={
            "condition": np.asarray(levels, dtype=None if not isinstance(levels[0], str) else object),
            TIME: (TIME, bin_centers(bounds), {"units": "s", "long_name": "center of the bin"}),
            "bin_start": (TIME, bounds[:-1], {"units": "s"}),
            "bin_stop": (TIME, bounds[1:], {"units": "s"}),
            UNIT: np.asarray(trains.unit_ids),
            "presentations": ("condition", shown),
        },
        attrs={"units": "Hz", "by": by if isinstance(by, str) else "", "closed": closed},
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
            "time": np.tile(rates[TIME].to_numpy().round(9), conditions),
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
