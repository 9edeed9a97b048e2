"""What people hold in their hands, taken for a table of presentations or other intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from nwbin.binning import as_seconds
from nwbin.errors import ArgumentError, ArgumentTypeError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rows", "as_rows"]

Rows: TypeAlias = (
    "pd.DataFrame | pd.Series[Any] | Mapping[str, Sequence[Any] | npt.NDArray[Any]] | npt.ArrayLike"
)

_WHAT = "a table with the column start_time in s, a dictionary of its columns, or an array of onsets in s"


def as_rows(given: Rows) -> pd.DataFrame:
    """Take for a table of presentations or other intervals whatever says when they start.

    Parameters
    ----------
    given
        - A table by id, with `start_time` (and, where it is needed, `stop_time`) in s: it is returned as it is.
        - A dictionary of such columns; the ids are 0, 1, ...
        - Onsets in s, (presentations,): an array, a list, or a pandas Series, whose index are the ids.
        - An IntervalSet of pynapple: its starts and ends, and its metadata by their names.

    Raises
    ------
    ArgumentTypeError
        It is none of these.
    ArgumentError
        The columns are of several lengths, or the onsets have more than one dimension.

    Examples
    --------
    >>> as_rows([0.0, 1.5])["start_time"].tolist()
    [0.0, 1.5]
    >>> as_rows({"start_time": [0.0, 1.5], "contrast": [0.2, 0.8]}).columns.tolist()
    ['start_time', 'contrast']
    """
    import pandas as pd

    if isinstance(given, pd.DataFrame):
        return given
    if all(isinstance(getattr(given, name, None), np.ndarray) for name in ("start", "end")):
        intervals: Any = given
        known = intervals.as_dataframe().drop(columns=["start_time", "stop_time"], errors="ignore")
        return cast("pd.DataFrame", known.rename(columns={"start": "start_time", "end": "stop_time"}))
    if isinstance(given, Mapping):
        return _of_columns(given)
    if isinstance(given, str | bytes) or not hasattr(given, "__len__"):
        raise ArgumentTypeError(f"presentations must be {_WHAT}; not {type(given).__name__}")
    onsets = as_seconds(given, "onsets")
    if onsets.ndim != 1:
        raise ArgumentError(
            f"onsets must have one dimension, not shape {onsets.shape}; with ends give "
            '{"start_time": ..., "stop_time": ...}'
        )
    return pd.DataFrame({"start_time": onsets}, index=given.index if isinstance(given, pd.Series) else None)


def _of_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    # Columns that say whose they are (Series) are put together by that.
    made = {
        name: values if isinstance(values, pd.Series) else _column(name, values)
        for name, values in columns.items()
    }
    lengths = {name: len(values) for name, values in made.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise ArgumentError(f"columns of presentations must be of one length, not {said}")
    return pd.DataFrame(made)


def _column(name: Any, values: Any) -> npt.NDArray[Any]:
    """One column: one value a row, text and numbers beside each other as they are."""
    try:
        made = np.asarray(values)
    except ValueError as error:  # lists within lists, of several lengths
        raise ArgumentError(
            f"the column {name!r} of presentations must have one value a row: {error}"
        ) from None
    if made.ndim == 1 and made.dtype.kind == "U" and not isinstance(values, np.ndarray):
        made = np.asarray(values, dtype=object)  # NumPy turns [1, "a"] into two strings
    if made.ndim != 1:
        raise ArgumentError(
            f"the column {name!r} of presentations must have one value a row, not shape {made.shape}"
        )
    return made
