"""Labelled arrays that are made without asking Dask what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.binning import bin_centers
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "TIME",
    "UNIT",
    "Labelled",
    "data_array",
    "dataset",
    "ids_of",
    "plain",
    "times_of_bins",
    "variable",
]

TIME = "time_relative_to_stimulus_onset"
UNIT = "unit_id"

# Dimensions, values, attributes (units of measure, a long name).
Labelled = tuple[tuple[str, ...], npt.NDArray[Any], Mapping[str, Any]]


def variable(name: str, labelled: Labelled) -> xr.Variable:
    """Make a variable: xarray takes pandas' index of a dimension as it is, and asks Dask about any other array."""
    import pandas as pd
    import xarray as xr

    dims, values, attributes = labelled
    if dims == (name,) and values.dtype.kind in "iuf":
        index = pd.Index(values)
        made: Any = xr.IndexVariable  # whose constructor xarray has not typed
        found: xr.Variable = made(dims, index, dict(attributes), fastpath=True)
        return found
    return xr.Variable(dims, values, dict(attributes), fastpath=True)


def dataset(
    values: Mapping[str, Labelled], coordinates: Mapping[str, Labelled], attributes: Mapping[str, Any]
) -> xr.Dataset:
    """Make a dataset of labelled arrays, none of them copied."""
    import xarray as xr

    return xr.Dataset(
        {name: variable(name, one) for name, one in values.items()},
        coords={name: variable(name, one) for name, one in coordinates.items()},
        attrs=dict(attributes),
    )


def data_array(name: str, values: Labelled, coordinates: Mapping[str, Labelled]) -> xr.DataArray:
    """Make one labelled array, not copied."""
    import xarray as xr

    coords = {key: variable(key, one) for key, one in coordinates.items()}
    return xr.DataArray(variable("", values), coords=coords, name=name)


def plain(values: Iterable[Any]) -> npt.NDArray[Any]:
    """Return labels as an array: numbers as numbers, text as objects, whatever its length."""
    given = list(values)
    return np.asarray(given, dtype=object if any(isinstance(one, str) for one in given) else None)


def times_of_bins(edges: npt.NDArray[np.float64], along: str = TIME) -> dict[str, Labelled]:
    """Label bins that adjoin: their centers, bin_start and bin_stop, s."""
    return {
        along: ((along,), bin_centers(edges), {"units": "s", "long_name": "center of the bin"}),
        "bin_start": ((along,), edges[:-1], {"units": "s"}),
        "bin_stop": ((along,), edges[1:], {"units": "s"}),
    }


def ids_of(trains: SpikeTrains, along: str = UNIT) -> dict[str, Labelled]:
    """Label units by their ids."""
    return {along: ((along,), np.asarray(trains.unit_ids), {})}
