"""Columns that become labels in an output: names that do not clash, ids that are whole numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import LookupFailure, nearest, warn

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "columns_named",
    "names_without_clashes",
    "only_labels",
    "rename_clashes",
    "unit_columns",
    "whole_ids",
]


def columns_named(table: pd.DataFrame, names: Sequence[str] | None, *, asked: str = "") -> pd.DataFrame:
    """Return the table with only these columns, in this order; whole where none are named.

    `asked` is where they were asked for, such as an option, for messages.
    """
    if names is None:
        return table
    for name in names:
        if name not in table.columns:
            where = f"{asked}: " if asked else ""
            raise LookupFailure(f"{where}there is no column {name!r}; {nearest(name, table.columns)}")
    return table[list(names)]


def only_labels(rows: pd.DataFrame, names: Sequence[str] | None, *, asked: str = "") -> pd.DataFrame:
    """Return the rows with their times, and of other columns only those that are named; whole where none are."""
    if names is None:
        return rows
    times = [name for name in ("start_time", "stop_time") if name in rows.columns and name not in names]
    return columns_named(rows, [*times, *names], asked=asked)


def names_without_clashes(names: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Of names that an output needs for something else, say which others they get: `count` becomes `count_`."""
    named: dict[str, str] = {}
    for name in names:
        other = name
        while other in taken or (other != name and other in names):
            other += "_"
        if other != name:
            named[name] = other
    for name, other in named.items():
        warn(f"the column {name!r} is written as {other!r}: outputs have a {name!r} of their own")
    return named


def rename_clashes(table: pd.DataFrame, taken: Collection[str]) -> pd.DataFrame:
    """Rename such columns of a table."""
    return table.rename(columns=names_without_clashes(list(table.columns), taken))


def unit_columns(units: pd.DataFrame, taken: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The columns of a table of units, beside labels in one store: `location` may become `unit_location`."""
    found: dict[str, npt.NDArray[Any]] = {}
    for column in units.columns:
        name = column if column not in taken else f"unit_{column}"
        while name in taken or name in found or (name != column and name in units.columns):
            name += "_"
        found[name] = units[column].to_numpy()
    return found


def whole_ids(table: pd.DataFrame) -> dict[str, str]:
    """The columns of ids that are whole numbers, some perhaps missing: in text they are 8 or nothing, and not 8.0."""
    found = {}
    for name in table.columns:
        values = table[name].to_numpy()
        if not (str(name).endswith("_id") or name == "stimulus_block") or values.dtype.kind != "f":
            continue
        there = values[~np.isnan(values)]
        if len(there) and np.isfinite(there).all() and (there == np.rint(there)).all():
            found[str(name)] = "int64" if len(there) == len(values) else "Int64"
    return found
