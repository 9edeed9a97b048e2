"""Two tables of the same metrics of the same units, column by column: where they agree, and where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.metrics.catalogue import meaning_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNIT_COLUMNS", "by_unit", "compare_metrics"]

# Names of the column of unit ids in published tables.
UNIT_COLUMNS = ("ecephys_unit_id", "unit_id", "id")
_EXAMPLES = 3


def by_unit(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Put a table's unit ids into its index.

    Parameters
    ----------
    table
        With an index, or a column, of a name that unit ids have.
    what
        The table, for messages.
    """
    if table.index.name not in UNIT_COLUMNS:
        column = next((name for name in UNIT_COLUMNS if name in table.columns), None)
        if column is None:
            first = [str(one) for one in table.columns[:6]]
            raise LookupFailure(
                f"{what}: has no column of unit ids ({', '.join(UNIT_COLUMNS)}); it has {', '.join(first)}, ..."
            )
        table = table.set_index(column)
    ids = table.index
    if ids.dtype.kind not in "iu":
        raise ArgumentTypeError(f"{what}: its unit ids must be whole numbers, not {ids.dtype} values")
    if not ids.is_unique:
        twice = ids[ids.duplicated()][0]
        raise ArgumentError(f"{what}: has unit {twice} more than once")
    return table


def compare_metrics(
    computed: pd.DataFrame, published: pd.DataFrame, *, rtol: float = 1e-6, atol: float = 1e-9
) -> pd.DataFrame:
    """Compare metrics with published ones, of the units that both tables have.

    Parameters
    ----------
    computed, published
        Metrics by unit id: as the index, or in a column `ecephys_unit_id` or `unit_id`. Columns go by any name that
        the catalogue knows them by: `PT_ratio` is `waveform_PT_ratio`.
    rtol, atol
        Values are close where ``|computed - published| <= atol + rtol |published|``.

    Returns
    -------
    pandas.DataFrame
        Index `column`, of the columns that both have: `units` in both, `equal` (to the last bit, or missing in both),
        `close` (not equal, within the tolerance), `differ` (beyond it), `missing` (NaN in one of them only; part of
        `differ`), `largest_difference`, and `examples`: up to three units, those that differ most.

    Raises
    ------
    LookupFailure
        They have no unit, or no column, in common (also a ``KeyError``).

    Examples
    --------
    >>> import pandas as pd
    >>> mine = pd.DataFrame({"firing_rate": [1.0, 2.0]}, index=pd.Index([7, 8], name="unit_id"))
    >>> theirs = pd.DataFrame({"ecephys_unit_id": [8, 7], "firing_rate": [2.5, 1.0]})
    >>> compare_metrics(mine, theirs)[["units", "equal", "differ"]].values.tolist()
    [[2, 1, 1]]
    """
    import pandas as pd

    if not (rtol >= 0 and atol >= 0):
        raise ArgumentError(f"tolerances must be 0 or more, not rtol={rtol!r}, atol={atol!r}")
    mine, theirs = by_unit(computed, "the computed metrics"), by_unit(published, "the published metrics")
    both = mine.index[mine.index.isin(theirs.index)]
    if not len(both):
        raise LookupFailure(
            f"the published metrics have none of the {len(mine):,} units: their ids are such as "
            f"{theirs.index[0] if len(theirs) else 'none'}, and these such as {mine.index[0] if len(mine) else 'none'}"
        )
    pairs = _columns_in_both(mine, theirs)
    if not pairs:
        raise LookupFailure(
            f"the published metrics have none of the columns; {nearest(mine.columns[0], theirs.columns)}"
        )
    rows = [
        _compared(both, mine.loc[both, one].to_numpy(), theirs.loc[both, other].to_numpy(), rtol, atol)
        for one, other in pairs
    ]
    names = ["units", "equal", "close", "differ", "missing", "largest_difference", "examples"]
    index = pd.Index([one for one, _ in pairs], name="column", dtype=object)
    return pd.DataFrame(rows, columns=pd.Index(names), index=index)


def _known_as(name: Any) -> Any:
    entry = meaning_of(name) if isinstance(name, str) else None
    return name if entry is None else entry.name


def _columns_in_both(mine: pd.DataFrame, theirs: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Names of columns of numbers, in each of the tables."""
    named = {_known_as(name): name for name in theirs.columns}
    found = []
    for name in mine.columns:
        other = named.get(_known_as(name))
        if other is not None and all(_is_numeric(one) for one in (mine[name], theirs[other])):
            found.append((name, other))
    return found


def _is_numeric(column: pd.Series[Any]) -> bool:
    import pandas as pd

    # Truth values beside missing ones are objects, in a CSV file too.
    if column.dtype == object:
        return all(isinstance(one, bool | np.bool_ | int | float | np.number) for one in column)
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _compared(
    units: pd.Index[Any], mine: NDArray[Any], theirs: NDArray[Any], rtol: float, atol: float
) -> list[Any]:
    a, b = (np.asarray(one, dtype=np.float64) for one in (mine, theirs))
    missing = np.isnan(a) != np.isnan(b)
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
        close = ~equal & ~missing & (apart <= atol + rtol * np.abs(b))
    differ = ~equal & ~close
    order = np.argsort(-np.where(missing, np.inf, np.where(differ, apart, -1.0)), kind="stable")
    examples = [str(units[at]) for at in order[: min(_EXAMPLES, int(differ.sum()))].tolist()]
    known = apart[~missing & ~equal]
    largest = float(known.max()) if known.size else 0.0
    counts = [int(one.sum()) for one in (equal, close, differ, missing)]
    return [len(a), *counts, largest, ", ".join(examples)]
