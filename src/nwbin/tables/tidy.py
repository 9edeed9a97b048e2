"""Tables that any format can hold: one kind of value a column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.tables.missing import as_numbers, missing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WITHOUT_IT", "escape_text", "text_of_objects", "tidy", "tidy_index"]

WITHOUT_IT = "leave that column out (--labels without it), or write .csv or .parquet"


def escape_text(text: str) -> str:
    r"""Make text that any format can hold: a byte that is no UTF-8 in the file is written ``\xff``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape" if not _LONE.search(text) else "backslashreplace")
        return raw.decode("utf-8", "backslashreplace")
    return text


def text_of_objects(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Text of fixed width in place of objects, which other programs cannot read; "" where something is missing.

    `name` is the column's, for the message where that does not fit in memory: one long text makes all of them long.
    """
    if values.dtype.kind != "O":
        return values
    texts = ["" if v is None or v != v else str(v) for v in values]
    widest = max(map(len, texts), default=0)
    require(
        4 * len(texts) * widest,
        f"column {name!r}: {len(texts):,} texts, each with room for the longest ({widest:,} characters),",
        WITHOUT_IT,
    )
    return np.asarray(texts, dtype=np.str_)


# Surrogates that stand for no byte: h5py makes none, a user's own table may.
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _plain(values: npt.NDArray[Any], missing_text: str | None) -> npt.NDArray[Any]:
    """One kind of value: numbers with NaN, truth values, or text with None."""
    if values.dtype.kind != "O":
        return values
    gone = missing(values, missing_text)
    there = values[~gone]
    if len(there) and all(isinstance(v, bool | np.bool_) for v in there) and not gone.any():
        return values.astype(bool)
    if all(isinstance(v, int | float | np.number | np.bool_) for v in there):
        return as_numbers(values)
    shown = np.empty(len(values), dtype=object)
    for row, (value, absent) in enumerate(zip(values, gone, strict=True)):
        if absent:
            shown[row] = None
        elif isinstance(value, list | tuple | np.ndarray):
            shown[row] = escape_text("; ".join(str(part) for part in value))
        else:
            shown[row] = escape_text(str(value))
    return shown


def tidy(table: pd.DataFrame, *, missing_text: str | None = None) -> pd.DataFrame:
    """Make a table that any format can hold: one kind of value a column.

    Parameters
    ----------
    table
        Any table, mixed columns and lists included.
    missing_text
        The word that it holds where something is missing.

    Returns
    -------
    pandas.DataFrame
        The same rows, index and columns. Numbers with NaN where something is missing; or text, with None
        there; lists joined by "; "; bytes that are no UTF-8 as ``\\xff``.
    """
    import pandas as pd

    columns = {
        escape_text(str(name)): _plain(np.asarray(table[name].to_numpy()), missing_text)
        for name in table.columns
    }
    made = {k: pd.Series(v, dtype=object if v.dtype.kind == "O" else None) for k, v in columns.items()}
    result = pd.DataFrame(
        made, index=pd.RangeIndex(len(table)), columns=pd.Index(list(columns), dtype=object)
    )
    result.index = tidy_index(table.index)
    return result


def tidy_index(index: pd.Index[Any]) -> pd.Index[Any]:
    """Make ids that any format can hold."""
    import pandas as pd

    if index.dtype.kind != "O" or index.nlevels != 1:
        return index
    ids = [escape_text(one) if isinstance(one, str) else one for one in index.tolist()]
    return pd.Index(ids, name=index.name, dtype=object)
