"""Rates over time, taken out of their labels once: what is drawn of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import MANY, name_of, unit_title
from nwbin.plot.colors import DASHES, condition_colors, forms_of
from nwbin.responses.counts import TIME

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Rates", "taken_from"]


class Rates(NamedTuple):
    """What is drawn."""

    values: npt.NDArray[np.float64]  # (conditions, bins, units), Hz
    sem: npt.NDArray[np.float64] | None
    edges: npt.NDArray[np.float64]  # (bins + 1,), s
    by: str
    conditions: npt.NDArray[Any]
    presentations: npt.NDArray[Any] | None  # of each condition, where that is known
    unit_ids: npt.NDArray[Any]
    duration: float | None
    names: Mapping[Any, str] | None
    labels: Mapping[Any, str] | None  # of units

    @property
    def many(self) -> bool:
        return len(self.conditions) > MANY

    @property
    def colors(self) -> list[Any]:
        return condition_colors(self.conditions, self.by) if self.by else ["#0072B2"]

    def called(self, condition: Any) -> str:
        return name_of(condition, self.names)

    def titled(self, unit: int) -> str:
        """What stands above a unit's panel."""
        return unit_title(self.unit_ids[unit], self.labels)

    @property
    def trials(self) -> str:
        """Over how many trials a line is averaged: "75 trials each"; with the fewest and most, if these differ."""
        if self.presentations is None:
            return "trials"
        few, many = int(self.presentations.min()), int(self.presentations.max())
        number = f"{few:,}" if few == many else f"{few:,} to {many:,}"
        return f"{number} trial{'s' if many != 1 else ''}{' each' if len(self.conditions) > 1 else ''}"

    def dashes(self) -> list[str]:
        """The form of each condition's line, beside its color."""
        return [DASHES[k % len(DASHES)] for k in forms_of(self.conditions, self.by)]


def taken_from(
    rates: xr.DataArray | xr.Dataset, sem: xr.DataArray | None, duration: float | None,
    names: Mapping[Any, str] | None, labels: Mapping[Any, str] | None = None,
) -> Rates:  # fmt: skip
    """Take rates, Hz, dims (condition, time_relative_to_stimulus_onset, unit_id), out of what holds them."""
    rates, sem = _rates_and_error(rates, sem)
    if not rates.size:
        raise ArgumentError("there are no rates to draw")
    order = ("condition", TIME, "unit_id")
    if set(rates.dims) != set(order):
        raise ArgumentError(
            f"rates have the dimensions {', '.join(order)}, not {', '.join(map(str, rates.dims))}"
        )
    rates = rates.transpose(*order)
    edges = np.append(rates["bin_start"].to_numpy(), rates["bin_stop"].to_numpy()[-1:])
    presentations = rates["presentations"].to_numpy() if "presentations" in rates.coords else None
    return Rates(
        rates.to_numpy(), None if sem is None else sem.transpose(*order).to_numpy(), edges,
        str(rates.attrs.get("by", "")), rates["condition"].to_numpy(), presentations,
        rates["unit_id"].to_numpy(), duration, names, labels,
    )  # fmt: skip


def _rates_and_error(
    rates: xr.DataArray | xr.Dataset, sem: xr.DataArray | None
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """What :func:`nwbin.responses.psth` has in one Dataset, as two arrays; arrays as they are."""
    if "firing_rate" not in getattr(rates, "data_vars", ()):
        return rates, sem  # type: ignore[return-value]  # only a Dataset has variables
    means = rates["firing_rate"].assign_coords(presentations=rates["presentations"])
    return means.assign_attrs(by=rates.attrs.get("by", "")), rates["sem"] if sem is None else sem
