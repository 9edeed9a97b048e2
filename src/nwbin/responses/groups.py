"""Which presentations are one condition: the distinct values of one or more columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.responses.labelling import TIME, Labelled, plain
from nwbin.tables.missing import as_numbers, missing
from nwbin.tables.tidy import escape_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["By", "Conditions", "conditions_by", "conditions_of", "parameters_of"]

By = str | Sequence[str] | None


def conditions_of(rows: pd.DataFrame, by: str | None) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """The distinct values of a column in order, and each row's number among them; -1 where it has none."""
    if by is None:
        return ["all"], np.zeros(len(rows), np.int64)
    if by not in rows.columns:
        raise LookupFailure(f"the presentations have no column {by!r}; {nearest(by, rows.columns)}")
    values = rows[by].to_numpy()
    gone = missing(values)
    numbers = as_numbers(values)
    if not np.isnan(numbers[~gone]).any():
        levels: npt.NDArray[Any] = np.unique(numbers[~gone])
        code = np.searchsorted(levels, numbers)
    else:
        text = np.asarray([escape_text(str(v)) for v in values], dtype=object)
        levels = np.unique(text[~gone])
        code = np.searchsorted(levels, text)
    return levels.tolist(), np.where(gone, -1, code).astype(np.int64)


def parameters_of(by: By) -> list[str]:
    """The columns that are named: one, several, or none."""
    if not isinstance(by, str | Collection | None):  # an iterator would be empty when it is asked again
        raise ArgumentTypeError(f"by must name a column of the presentations, or several, not {by!r}")
    names = [] if by is None else [by] if isinstance(by, str) else list(by)
    if len(set(names)) < len(names):
        raise ArgumentError(f"by={names!r} names a column twice")
    return names


@dataclass(frozen=True, eq=False)
class Conditions:
    """The combinations of values that were shown.

    Attributes
    ----------
    names
        The columns; none where all presentations are one condition.
    levels
        The distinct values of each column, ascending.
    grid
        Each row's place among all combinations of levels, in C order; -1 where a value is missing: int64 (rows,).
    places
        The places in the grid that have rows, ascending: int64 (conditions,).
    code
        Each row's number among those; -1 where a value is missing: int64 (rows,).
    """

    names: list[str]
    levels: list[list[Any]]
    grid: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid: (levels of the first column, of the second, ...)."""
        return tuple(map(len, self.levels)) if self.names else (1,)

    def labels(self) -> dict[str, Labelled]:
        """Name the conditions: by the value of the one column, or by number, with a label for each column."""
        along = ("condition",)
        if not self.names:
            return {"condition": (along, plain(["all"]), {})}
        parts = np.unravel_index(self.places, self.shape)
        columns = [
            plain([levels[k] for k in part.tolist()]) for levels, part in zip(self.levels, parts, strict=True)
        ]
        if len(columns) == 1:
            return {"condition": (along, columns[0], {"long_name": self.names[0]})}
        named: dict[str, Labelled] = {
            name if name not in _TAKEN else f"{name}_": (along, values, {})
            for name, values in zip(self.names, columns, strict=True)
        }
        return {"condition": (along, np.arange(len(self)), {"long_name": ", ".join(self.names)}), **named}


# What results call their own.
_TAKEN = (
    "condition", "bin_start", "bin_stop", "firing_rate", "presentations", "sem", "unit_id", "baseline_rate",
    "baseline_std", "fano_factor", "mean_count", "variance", TIME,
)  # fmt: skip


def conditions_by(rows: pd.DataFrame, by: By) -> Conditions:
    """Find the conditions.

    Parameters
    ----------
    rows
        Presentations.
    by
        A column, several, or None: all presentations are one condition. Rows in which a value is missing (None, NaN)
        belong to none.

    Raises
    ------
    LookupFailure
        There is no such column.
    ArgumentError
        No presentation has a value in all of them, or there are none.
    """
    names = parameters_of(by)
    found = [conditions_of(rows, name) for name in names] or [conditions_of(rows, None)]
    there = np.all([code >= 0 for _, code in found], axis=0)
    if not there.any():
        what = " and ".join(map(repr, names))
        raise ArgumentError(
            f"no presentation has a value of {what}" if names else "there are no presentations"
        )
    found = [_shown(levels, code, there) for levels, code in found]
    shape = tuple(len(levels) for levels, _ in found)
    grid = np.full(len(rows), -1, np.int64)
    grid[there] = np.ravel_multi_index(tuple(code[there] for _, code in found), shape)
    places, code = np.unique(grid[there], return_inverse=True)
    codes = np.full(len(rows), -1, np.int64)
    codes[there] = code
    return Conditions(names, [levels for levels, _ in found], grid, places, codes)


def _shown(
    levels: list[Any], code: npt.NDArray[np.int64], there: npt.NDArray[np.bool_]
) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Leave out the levels that only rows have in which another value is missing."""
    used, numbers = np.unique(code[there], return_inverse=True)
    codes = np.full(len(code), -1, np.int64)
    codes[there] = numbers
    return [levels[k] for k in used.tolist()], codes
