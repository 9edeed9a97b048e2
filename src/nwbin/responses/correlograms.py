"""Correlograms with names on their axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nwbin.binning import Correlograms

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["to_xarray"]


def to_xarray(found: Correlograms) -> xr.Dataset:
    """Label correlograms.

    Parameters
    ----------
    found
        What :func:`nwbin.correlograms` returned.

    Returns
    -------
    xarray.Dataset
        `counts` and, where it was asked for, `expected`, dims (pair, lag), not copied. Coordinates: first_unit_id and
        second_unit_id (pair); lag, the middle of each bin, lag_start and lag_stop, s.

    Examples
    --------
    >>> from nwbin import correlograms
    >>> to_xarray(correlograms([[1.0], [1.25]], 1.0, 0.5)).counts.sel(lag=0.25).values
    array([0, 1, 0])
    """
    import xarray as xr

    values: dict[str, Any] = {"counts": xr.Variable(("pair", "lag"), found.counts, fastpath=True)}
    if found.expected is not None:
        values["expected"] = xr.Variable(("pair", "lag"), found.expected, fastpath=True)
    return xr.Dataset(
        values,
        coords={
            "first_unit_id": ("pair", found.pairs[:, 0]),
            "second_unit_id": ("pair", found.pairs[:, 1]),
            "lag": found.lags,
            "lag_start": ("lag", found.edges[:-1]),
            "lag_stop": ("lag", found.edges[1:]),
        },
    )
