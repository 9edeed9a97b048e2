"""Polars' data frames: tables of units, presentations or anything else, and counts with a row for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin._optional import need
from nwbin.allen.null import tidy
from nwbin.errors import ArgumentTypeError
from nwbin.responses.counts import LabelledCounts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["counts_to_polars", "to_polars"]

_FEWER = "ask for the bins that hold a spike (zeros=False), or for fewer presentations, bins or units"


def to_polars(table: pd.DataFrame) -> Any:
    """Make a polars.DataFrame of a table: ``session.units``, ``session.stimulus_presentations``, ...

    Parameters
    ----------
    table
        Any; its index becomes the first column ("id" where it has no name). Where a column of the same name went
        before, or is one of the table's, "_" stands after it.

    Returns
    -------
    polars.DataFrame
        One kind of value a column, null where something is missing ("null" in a stimulus table, None, NaN); see
        :func:`nwbin.export.tidy` for what becomes of mixed columns. Numbers are not copied where they lie one after
        the other, as NumPy has them.

    Raises
    ------
    MissingDependencyError
        Polars or PyArrow is not installed (extra "polars").
    ArgumentTypeError
        It is no table of pandas.

    Examples
    --------
    >>> import polars as pl
    >>> units = to_polars(session.units).filter(pl.col("firing_rate") > 1)
    >>> units.columns[0]
    'unit_id'
    """
    _need("to_polars")
    import pandas as pd
    import polars as pl

    if not isinstance(table, pd.DataFrame):
        raise ArgumentTypeError(
            f"to_polars takes a table of pandas, such as session.units, not {type(table).__name__}; counts take "
            "session.to_polars or counts_to_polars"
        )
    named = [str(column) for column in table.columns]
    taken: list[str] = []
    for name in named:
        taken.append(_free(name, taken, named) if name in taken else name)
    name = _free(str(table.index.name or "id"), taken)
    series = [_series(name, np.asarray(tidy(table.iloc[:, :0]).index.to_numpy()))]
    for place, column in enumerate(taken):
        values = table.iloc[:, place].to_numpy()
        if values.dtype.kind not in "iufb":
            values = tidy(table.iloc[:, [place]]).iloc[:, 0].to_numpy()
        series.append(_series(column, values))
    return pl.DataFrame(series)


def counts_to_polars(counts: LabelledCounts, *, zeros: bool = True) -> Any:
    """Count, and make a polars.DataFrame of the counts: a row for each presentation, bin and unit.

    Parameters
    ----------
    counts
        :class:`nwbin.responses.AlignedCounts` or TiledCounts.
    zeros
        Whether bins without a spike have rows.

    Returns
    -------
    polars.DataFrame
        The presentation's id, bin_start, bin_stop (s), its labels, unit_id, count; in the order of the counts. The
        column of counts is the memory that was counted into, if `zeros`.

    Raises
    ------
    MissingDependencyError
        Polars or PyArrow is not installed (extra "polars").
    NotEnoughMemoryError
        The rows do not fit in memory.

    Examples
    --------
    >>> counts = nwbin.responses.AlignedCounts(session, session.get_stimulus_table("flashes"), [0, 0.1])
    >>> frame = counts_to_polars(counts)
    >>> [frame.columns[0], *frame.columns[-2:]]
    ['stimulus_presentation_id', 'unit_id', 'count']
    """
    _need("counts_to_polars")
    import polars as pl

    n_units = counts.shape[-1]
    rows = math.prod(counts.shape[:-1])
    keys = _keys(counts, rows)
    flat = counts.to_numpy().reshape(-1)
    kept = None if zeros else np.flatnonzero(flat)
    size = flat.size if kept is None else kept.size
    with taking(size * 8 * (keys.width + 2), f"{size:,} rows of {keys.width + 2} columns", _FEWER):
        if kept is None:
            place, unit = np.repeat(np.arange(rows), n_units), np.tile(counts.unit_ids, rows)
        else:
            place, unit = kept // max(1, n_units), counts.unit_ids[kept % max(1, n_units)]
            flat = flat[kept]
        return (
            keys[place].with_columns(_series("unit_id", unit), _series("count", flat))
            if size
            else pl.concat(
                [keys.clear(), pl.DataFrame([_series("unit_id", unit), _series("count", flat)])],
                how="horizontal",
            )
        )


def _keys(counts: LabelledCounts, rows: int) -> Any:
    """What stands before the counts: a row for each presentation and bin."""
    keys = counts.keys(slice(0, rows))
    first = str(keys.columns[0])
    return to_polars(keys.set_index(first))


def _need(what: str) -> None:
    need("polars", "polars", what)
    need("pyarrow", "polars", what)


def _free(name: str, *taken: list[str]) -> str:
    while any(name in names for names in taken):
        name += "_"
    return name


def _series(name: str, values: npt.NDArray[Any]) -> Any:
    """A column over the array's own memory, by way of Arrow."""
    import polars as pl
    import pyarrow as pa

    if values.dtype.kind in "iuf":
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        made = pa.array(values, from_pandas=True)  # NaN is what is missing
    elif values.dtype.kind == "O":
        made = pa.array([None if one is None or one != one else one for one in values.tolist()])
        if made.type == pa.null():  # text, of which all is missing
            made = made.cast(pa.string())
    else:
        made = pa.array(values)
    return pl.Series(name, pl.from_arrow(made))
