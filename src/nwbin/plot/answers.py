"""What pictures show, counted: the one place where pictures and counts meet. Trains and tables in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.meanings import BLANK_FRAME, name_of_no_value, names_of_values
from nwbin.binning import Closed, align_spikes
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.estimates import binned_moments, mean_and_spread
from nwbin.plot.ranking import variance_over_mean
from nwbin.responses.groups import conditions_of
from nwbin.responses.position_maps import receptive_fields
from nwbin.responses.rates import psth
from nwbin.responses.statistics import group_statistics
from nwbin.responses.tuning_curves import tuning
from nwbin.responses.windows import times_of, windows_around
from nwbin.tables.missing import missing
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "Raster",
    "Tuning",
    "changes_around",
    "fitting_width",
    "names_in",
    "raster_of",
    "rates_of",
    "receptive_fields_of",
    "spikes_around",
    "tuning_of",
]

_WIDTHS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_ENOUGH = 25.0  # spikes in a bin, over the presentations of a condition: a fifth of its rate in error
_CHANGE_BINS = 20
_SHADED_UNITS = 1  # units of which the spread over trials is worked out


def names_in(rows: pd.DataFrame, by: str | None) -> dict[Any, str]:
    """What the values of a column are called, and under None what has none: see :mod:`nwbin.allen.meanings`."""
    stimuli = rows["stimulus_name"].unique().tolist() if "stimulus_name" in rows.columns else []
    names = names_of_values(map(str, stimuli), by)
    lacking = rows[missing(rows[by].to_numpy())] if by in rows.columns else rows.iloc[:0]
    if len(lacking):
        names[None] = name_of_no_value(lacking["stimulus_name"].unique() if stimuli else [])
    return names


# ---------------------------------------------------------------- over time


def rates_of(
    trains: SpikeTrains,
    rows: pd.DataFrame,
    edges: npt.ArrayLike,
    *,
    by: str | None,
    closed: Closed,
    spread: bool = False,
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Average firing rates over presentations, with their standard error over trials where one unit is asked for.

    Parameters
    ----------
    trains, rows, edges, by, closed
        As for :func:`nwbin.responses.psth`.
    spread
        The standard error of more units too, for twice the memory.

    Returns
    -------
    tuple
        Rates, Hz, and their standard error, of the same dims; None of more units than one without `spread`.
    """
    found = psth(trains, rows, edges, by=by, spread=spread or len(trains) <= _SHADED_UNITS, closed=closed)
    rates = found["firing_rate"].assign_coords(presentations=found["presentations"])
    return rates.assign_attrs(found.attrs), found.get("sem")


def fitting_width(
    trains: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float], *, by: str | None, least: float
) -> float:
    """Choose a width of bins that fits how many spikes a unit has: a bin of a condition holds about 25.

    Parameters
    ----------
    trains
        One unit, or several: then the median of their numbers of spikes counts.
    rows, by
        Presentations, and the column whose values they are averaged over by.
    window
        From and to, s from onset.
    least
        The narrowest width, s: what is chosen is that or wider, and leaves ten bins or more.

    Returns
    -------
    float
        Of a bin, s.
    """
    levels, code = conditions_of(rows, by)
    spikes = float(np.median(spikes_around(trains, rows[code >= 0], window))) if levels else 0.0
    length = window[1] - window[0]
    a_second = spikes / length / max(1, len(levels))
    wanted = _ENOUGH / a_second if a_second > 0 else np.inf
    fitting = [one for one in _WIDTHS if least <= one <= length / 10]
    return next((one for one in fitting if one >= wanted), fitting[-1] if fitting else least)


@dataclass(frozen=True)
class Raster:
    """One unit's spikes around presentations, or many units' over one stretch.

    Attributes
    ----------
    presentation, unit
        Index of each spike's presentation, and unit: int64 (spikes,).
    time
        From onset, s: float64 (spikes,).
    conditions
        Each presentation's value, None where it has none: (presentations,); None where none is asked for.
    """

    presentation: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    conditions: npt.NDArray[Any] | None = None


def raster_of(
    trains: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float], *, by: str | None = None
) -> Raster:
    """Find every spike around presentations: see :func:`nwbin.align_spikes`, [from, to)."""
    found = align_spikes(trains, rows["start_time"].to_numpy(np.float64), window)
    conditions = None
    if by is not None:
        levels, code = conditions_of(rows, by)
        conditions = np.asarray([levels[k] if k >= 0 else None for k in code], dtype=object)
    return Raster(found.presentation, found.unit, found.time, conditions)


def spikes_around(
    trains: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """Count each unit's spikes around all presentations together, (units,), without listing them."""
    found = group_statistics(trains, windows_around(rows, window), np.zeros(len(rows)))
    total: npt.NDArray[np.int64] = found.of_units(np.asarray(trains.unit_ids)).total[0]
    return total


def changes_around(
    trains: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float], *, by: str | None
) -> npt.NDArray[np.float64]:
    """Say how much each unit's rate changes over time, in 20 bins, and conditions: its variance over its mean, Hz."""
    levels, code = conditions_of(rows, by)
    if not levels:  # no presentation has a value
        levels, code = conditions_of(rows, None)
    edges = np.linspace(*window, _CHANGE_BINS + 1)
    moments = binned_moments(trains, times_of(rows, "start_time"), edges, code, len(levels), squares=False)
    rates, _ = mean_and_spread(moments, 1.0 / np.diff(edges)[:, None])
    return variance_over_mean(rates.reshape(-1, len(trains)))


# ---------------------------------------------------------------- over values


@dataclass(frozen=True)
class Tuning:
    """Rates over the values of a parameter.

    Attributes
    ----------
    values
        The parameter's values: (values,).
    mean, sem
        Hz, and its standard error over trials: float64 (values, units).
    trials
        How many each value has: int64 (values,).
    blank
        Mean rate over presentations without a value, Hz: float64 (units,); None where there were none. Of Visual
        Coding's gratings and scenes these are blank sweeps, during which the screen was grey.
    unit_ids
        (units,).
    others
        Values of a second parameter, for which `mean` and `sem` are (others, values, units); None for none.
    """

    values: npt.NDArray[Any]
    mean: npt.NDArray[np.float64]
    sem: npt.NDArray[np.float64]
    trials: npt.NDArray[np.int64]
    blank: npt.NDArray[np.float64] | None
    unit_ids: npt.NDArray[Any]
    others: npt.NDArray[Any] | None = None


def _levels(found: list[Any]) -> npt.NDArray[Any]:
    return np.asarray(found, dtype=None if not isinstance(found[0], str) else object)


def tuning_of(
    trains: SpikeTrains,
    rows: pd.DataFrame,
    by: Sequence[str],
    window: tuple[float, float],
    *,
    closed: Closed = "left",
) -> Tuning:
    """Average each unit's rate in a window over the presentations of each value of a parameter.

    Parameters
    ----------
    trains
        The spikes.
    rows
        Presentations, tidy.
    by
        One column, or two: then there is a curve over the first for each value of the second.
    window
        From and to, s from onset.
    closed
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    Tuning
        What has no value in the first column (a blank sweep of gratings), and of natural scenes frame -1, is `blank`.

    Raises
    ------
    LookupFailure
        There is no such column.
    ArgumentError
        No presentation has a value in it; the window has no length; more than two columns are named.
    """
    if not 1 <= len(by) <= 2:
        raise ArgumentError(f"tuning is over one column, or two, not {len(by)}: {', '.join(by)}")
    if not window[1] > window[0]:
        raise ArgumentError(f"the window must have a length, not be from {window[0]:g} to {window[1]:g} s")
    levels, code = conditions_of(rows, by[0])
    blank = code < 0
    if BLANK_FRAME in names_in(rows, by[0]) and by[0] == "frame" and BLANK_FRAME in levels:
        at = levels.index(BLANK_FRAME)
        blank |= code == at
        levels, code = levels[:at] + levels[at + 1 :], np.where(code == at, -1, code - (code > at))
    if not levels:
        raise ArgumentError(f"no presentation has a value of {by[0]!r}")
    seconds, second = conditions_of(rows, by[1]) if len(by) == 2 else ([None], np.zeros(len(rows), np.int64))
    number = len(levels)
    group = np.where((code < 0) | (second < 0), -1, second * number + code)
    group = np.where(blank, number * len(seconds), group)
    asked = rows[["start_time"]].assign(condition=np.where(group < 0, np.nan, group.astype(np.float64)))
    found = tuning(trains, asked, "condition", window, resamples=0, closed=closed)
    shape = (len(seconds), number, len(trains))
    mean, sem = np.full(shape, np.nan), np.full(shape, np.nan)
    trials = np.zeros(shape[:2], np.int64)
    at_rest = None
    rates, spread, shown = (found[name].to_numpy() for name in ("firing_rate", "sem", "presentations"))
    for k, one in enumerate(found["condition"].to_numpy().astype(np.int64).tolist()):
        if one == number * len(seconds):
            at_rest = rates[k]
            continue
        where = divmod(one, number)
        mean[where], sem[where], trials[where] = rates[k], spread[k], shown[k]
    ids = np.asarray(trains.unit_ids)
    if len(by) == 1:
        return Tuning(_levels(levels), mean[0], sem[0], trials[0], at_rest, ids)
    return Tuning(_levels(levels), mean, sem, trials.sum(axis=0), at_rest, ids, _levels(seconds))


def receptive_fields_of(
    trains: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float], *, closed: Closed = "left"
) -> xr.DataArray:
    """Average each unit's rate in a window over the presentations at each place on the screen.

    Parameters
    ----------
    trains
        The spikes.
    rows
        Presentations, tidy, with x_position and y_position in degrees.
    window
        From and to, s from onset.
    closed
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.DataArray
        Hz, dims (unit_id, y_position, x_position); NaN where nothing was shown.

    Raises
    ------
    LookupFailure
        The presentations have no places.
    """
    for name in ("x_position", "y_position"):
        if name not in rows.columns or not rows[name].notna().any():
            raise LookupFailure(
                f"receptive fields take presentations with x_position and y_position, such as gabors; these have no "
                f"{name}; {nearest(name, rows.columns)}"
            )
    return receptive_fields(trains, rows, window, closed=closed)["firing_rate"]
