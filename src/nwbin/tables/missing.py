"""What is missing in a column, and the numbers among what is not."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "Mask", "as_numbers", "is_number", "missing"]

Column: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.bool_]


def is_number(value: Any) -> bool:
    """Whether a cell holds a number or a truth value."""
    return isinstance(value, int | float | np.number | np.bool_)


def missing(values: Column, missing_text: str | None = None) -> Mask:
    """Whether each value is None, NaN, or the text that some tables have in their place."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), bool)
    found = [
        v is None or (isinstance(v, float) and v != v) or (isinstance(v, str) and v == missing_text)
        for v in values
    ]
    return np.asarray(found, dtype=bool)


def as_numbers(values: Column) -> npt.NDArray[np.float64]:
    """The numbers among some values, NaN for everything else."""
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    return np.asarray([float(v) if is_number(v) else np.nan for v in values], dtype=np.float64)
