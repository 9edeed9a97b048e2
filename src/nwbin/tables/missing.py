"""What is missing in a column, and the numbers among what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Column", "Mask", "as_numbers", "distinct", "is_number", "missing"]

_MISSING = ("NAType", "NaTType")  # pandas' own, which need not be loaded to be told

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
        v is None
        or (isinstance(v, float) and v != v)
        or (isinstance(v, str) and v == missing_text)
        or type(v).__name__ in _MISSING
        for v in values
    ]
    return np.asarray(found, dtype=bool)


def as_numbers(values: Column) -> npt.NDArray[np.float64]:
    """The numbers among some values, NaN for everything else."""
    if values.dtype.kind in "iufb":
        return values.astype(np.float64)
    return np.asarray([float(v) if is_number(v) else np.nan for v in values], dtype=np.float64)


def distinct(values: pd.Series[Any]) -> list[Any]:
    """Return the distinct values of a column, by their first appearance; what is missing is one of them, NaN.

    It is ``numpy.nan`` itself: another NaN is another key of a set, and ``numpy.nan in`` a list does not find it.
    Libraries hand out the one or the other, by their versions.

    Examples
    --------
    >>> import pandas as pd
    >>> distinct(pd.Series(["VISp", None, "LGd", float("nan"), "VISp"], dtype=object))
    ['VISp', nan, 'LGd']
    """
    import pandas as pd

    found = values.unique()
    gone = np.asarray(pd.isna(found), dtype=bool)
    return list(
        dict.fromkeys(np.nan if lost else one for one, lost in zip(found.tolist(), gone, strict=True))
    )
