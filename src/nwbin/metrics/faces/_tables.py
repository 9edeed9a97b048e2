"""Tables that faces show: which units, what each presentation brought, the mean PSTH of each condition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.binning import bin_centers, iter_bin_spikes
from nwbin.errors import LookupFailure, nearest, warn
from nwbin.responses.counts import TIME, UNIT
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from nwbin.metrics.common import StimulusView

__all__ = ["by_presentation", "chosen_units", "psth_by_condition"]

_CONDITION = "stimulus_condition_id"
_BLOCK = 32 << 20


def chosen_units(units: pd.DataFrame, wanted: Any) -> npt.NDArray[Any]:
    """Return the ids of the units that a filter lets through.

    Parameters
    ----------
    units
        By unit_id.
    wanted
        None for all; unit ids; or a dictionary of columns and the value or values wanted, of which unit_id alone
        counts where it is there.

    Raises
    ------
    LookupFailure
        There is no such unit or column, or no unit is left.
    """
    if isinstance(wanted, Mapping):
        if "unit_id" in wanted:
            return chosen_units(units, list(np.ravel(wanted["unit_id"])))
        kept = np.ones(len(units), dtype=bool)
        for name, value in wanted.items():
            if name not in units.columns:
                raise LookupFailure(
                    f"the table of units has no column {name!r}; {nearest(name, units.columns)}"
                )
            listed = isinstance(value, list | tuple | set | np.ndarray)
            kept &= units[name].isin(list(value) if listed else [value]).to_numpy(dtype=bool)
        found = units.index[kept]
    elif wanted is None:
        found = units.index
    else:
        ids = list(wanted)
        unknown = [one for one in ids if one not in units.index]
        if unknown:
            raise LookupFailure(f"{unknown[0]!r} is not the id of a unit; {nearest(unknown[0], units.index)}")
        found = units.loc[ids].index
    if not len(found):
        raise LookupFailure("no unit is left: the session has none, or the filter lets none through")
    return found.to_numpy()


def by_presentation(view: StimulusView, unit_ids: npt.NDArray[Any]) -> pd.DataFrame:
    """Spikes of each presentation and unit, with its condition and the mean running speed.

    Returns
    -------
    pandas.DataFrame
        By (stimulus_presentation_id, unit_id): spike_counts, stimulus_condition_id, running_speed (cm/s).
    """
    import pandas as pd

    rows, units = len(view.presentations), len(unit_ids)
    what = f"a table of {rows:,} presentations x {units:,} units"
    with taking(5 * 8 * rows * units, what, "ask for fewer units"):
        counts = view.trial_counts.astype(np.uint16).reshape(-1)
        index = pd.MultiIndex.from_product(
            [view.presentations.index, unit_ids], names=["stimulus_presentation_id", UNIT]
        )
        columns = {
            "spike_counts": counts,
            _CONDITION: np.repeat(view.presentations[_CONDITION].to_numpy(), units),
            "running_speed": np.repeat(view.speed, units),
        }
        return pd.DataFrame(columns, index=index)


def psth_by_condition(
    trains: SpikeTrains, shown: pd.DataFrame, duration: float, resolution: float
) -> xr.DataArray:
    """Average spikes in bins over the presentations of each condition; bins are closed at both ends."""
    import xarray as xr

    if resolution > duration:
        warn(
            f"psth_resolution={resolution:g} s is longer than trial_duration={duration:g} s: there is no bin"
        )
    edges = np.arange(0, duration, resolution)
    conditions = shown[_CONDITION].to_numpy()
    onsets = shown["start_time"].to_numpy(np.float64)
    distinct, code = np.unique(conditions, return_inverse=True)
    shape = (len(distinct), max(0, edges.size - 1), len(trains))
    what = f"PSTHs of {shape[0]:,} conditions x {shape[1]:,} bins x {shape[2]:,} units"
    with taking(8 * math.prod(shape), what, "ask for fewer units (filter=), or a coarser psth_resolution"):
        mean = np.zeros(shape)
    least = 4 * max(1, shape[1] * shape[2])
    for at in range(len(distinct) if shape[1] else 0):
        mine = onsets[code == at]
        blocks = iter_bin_spikes(
            trains, mine, edges, closed="both", dtype=np.uint32, max_bytes=max(_BLOCK, least), reuse=True
        )
        for _, block in blocks:
            mean[at] += block.sum(axis=0)
        mean[at] /= len(mine)
    places = {_CONDITION: distinct, TIME: bin_centers(edges), UNIT: np.asarray(trains.unit_ids)}
    return xr.DataArray(mean, coords=places, dims=tuple(places), name="spike_counts")
