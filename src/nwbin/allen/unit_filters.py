"""AllenSDK's quality filters of units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real

import numpy as np

from nwbin.errors import ArgumentError, ArgumentTypeError

__all__ = ["UnitFilters"]


@dataclass(frozen=True)
class UnitFilters:
    """Which units to keep. The defaults are AllenSDK's.

    Bounds are inclusive; None and 0 mean no bound; a unit whose metric is NaN is dropped by its bound even
    then, as in AllenSDK.
    """

    amplitude_cutoff_maximum: float | None = 0.1
    presence_ratio_minimum: float | None = 0.95
    isi_violations_maximum: float | None = 0.5
    filter_by_validity: bool = True
    filter_out_of_brain_units: bool = True
    filter_by_metrics: bool = True  # False: none of the bounds, and NaN stays

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and value.ndim == 0:
                value = value[()]
                object.__setattr__(self, field.name, value)
            if field.name.startswith("filter_"):
                if not isinstance(value, bool | np.bool_ | Integral | None):
                    raise ArgumentTypeError(f"{field.name} must be True or False, not {value!r}")
                continue
            if not isinstance(value, Real | None):
                raise ArgumentTypeError(f"{field.name} must be a number, or None for no bound; not {value!r}")
            if value is not None and np.isnan(float(value)):
                raise ArgumentError(f"{field.name} is NaN, with which nothing compares; None means no bound")

    @classmethod
    def none(cls) -> UnitFilters:
        """Leave no unit out."""
        return cls(filter_by_validity=False, filter_out_of_brain_units=False, filter_by_metrics=False)

    def changed(self) -> dict[str, bool | float | None]:
        """Those that are not as by default, as plain values: the arguments that make these filters."""
        given = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: bool(value) if name.startswith("filter_") else None if value is None else float(value)
            for name, (value, default) in given.items()
            if value != default
        }

    def bounds(self) -> list[tuple[str, str, float]]:
        """The quality bounds as (column, "<=" or ">=", value)."""
        if not self.filter_by_metrics:
            return []
        return [
            ("amplitude_cutoff", "<=", self.amplitude_cutoff_maximum or np.inf),
            ("presence_ratio", ">=", self.presence_ratio_minimum or -np.inf),
            ("isi_violations", "<=", self.isi_violations_maximum or np.inf),
        ]
