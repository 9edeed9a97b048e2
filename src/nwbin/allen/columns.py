"""Columns of few distinct values: the values once, and for each row the number of its value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "Piece", "joined", "numbers"]

_MISSING_TEXT = ("", "N/A")


class Column:
    """One column of a table that is joined from several.

    Parameters
    ----------
    codes
        For each row the number of its value, -1 where it has none: intp (rows,).
    values
        The distinct values, as Python objects.
    numbers
        The column itself where every row has a number; None otherwise.
    floats
        Whether all values were stored as numbers, and not as integers.
    """

    def __init__(
        self,
        codes: npt.NDArray[np.intp],
        values: list[Any],
        numbers: npt.NDArray[Any] | None = None,
        *,
        floats: bool = False,
    ) -> None:
        self.codes = codes
        self.values = values
        self.numbers = numbers
        self.floats = floats

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value. Bool (rows,)."""
        return self.codes < 0

    def taken(self, rows: npt.NDArray[np.intp]) -> Column:
        """Return the column with only these rows, in this order."""
        numbers = None if self.numbers is None else self.numbers[rows]
        return Column(self.codes[rows], self.values, numbers, floats=self.floats)

    def mapped(self, values: list[Any], missing: Any = None) -> Column:
        """Return the column with other distinct values in place of its own, one for one.

        None among them makes rows missing; `missing` is what rows without a value get.
        """
        kept: dict[Any, int] = {}
        new = [-1 if one is None else kept.setdefault((type(one), one), len(kept)) for one in values]
        blank = -1 if missing is None else kept.setdefault((type(missing), missing), len(kept))
        codes = np.asarray([*new, blank], dtype=np.intp)[self.codes]  # -1 takes the last
        return Column(codes, [value for _, value in kept])

    def filled_from(self, other: Column) -> Column:
        """Return the column with the other's values where it has none."""
        moved = np.where(other.codes < 0, -1, other.codes + len(self.values))
        both = Column(np.where(self.missing, moved, self.codes), [*self.values, *other.values])
        return both.mapped(both.values)

    def with_booleans(self) -> Column:
        """Return True and False in place of 1 and 0 where a float column holds nothing else."""
        if not self.floats or not set(self.values) <= {0.0, 1.0}:
            return self
        return self.mapped([bool(value) for value in self.values])

    def equal_codes(self) -> tuple[npt.NDArray[np.int64], int]:
        """Number the values anew from 0, missing included, equal ones (1, 1.0, True) alike; and how many."""
        canonical: dict[Any, int] = {}
        new = [canonical.setdefault(value, len(canonical)) for value in self.values]
        codes = np.asarray([*new, len(canonical)], dtype=np.int64)[self.codes]
        return codes, len(canonical) + 1

    def array(self, null: str, *, tight: bool = False) -> npt.NDArray[Any]:
        """Lay the column out, with `null` where a row has no value.

        Parameters
        ----------
        null
            What stands for no value; it makes the column an object array.
        tight
            Give a column of one kind of value that kind's dtype, even where it was of dtype object.
        """
        missing = bool(self.missing.any())
        if self.numbers is not None and not missing:
            return self.numbers
        table = np.empty(len(self.values) + 1, dtype=object)
        table[:-1] = self.values
        table[-1] = null
        laid_out = table[self.codes]
        if tight and not missing and len(laid_out):
            kinds = {type(self.values[code]) for code in np.unique(self.codes)}
            if kinds == {int} and max(self.values) > np.iinfo(np.int64).max:
                return laid_out
            if len(kinds) == 1 and kinds <= {bool, int, float}:
                return laid_out.astype(kinds.pop())
            if kinds == {int, float}:
                return laid_out.astype(np.float64)
        return laid_out


# Rows of the joined table, and their values: an array, or text as numbers into its distinct values.
Piece = tuple[npt.NDArray[np.intp], npt.NDArray[Any] | tuple[npt.NDArray[np.intp], list[str]]]


def _distinct(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp] | int, list[Any]]:
    """Number the distinct values of an array, -1 for NaN; one number where all are the same."""
    import pandas as pd

    if values.dtype != object and len(values) and (values == values[0]).all():  # as in most tables
        return 0, values[:1].tolist()
    codes, distinct = pd.factorize(values)
    return np.asarray(codes, dtype=np.intp), distinct.tolist()


def _number_dtype(pieces: list[Piece], total: int) -> np.dtype[Any] | None:
    """Return the dtype of a column that is purely numeric, None of any other.

    Bool, int64 or float64; uint64 only where a number is too large for int64.
    """
    dtypes = [values.dtype if isinstance(values, np.ndarray) else np.dtype(object) for _, values in pieces]
    kinds = {dtype.kind for dtype in dtypes}
    everywhere = sum(len(rows) for rows, _ in pieces) == total
    if kinds == {"b"} and everywhere:
        return np.dtype(np.bool_)
    if kinds <= {"i", "u"} and everywhere:
        large = any(
            dtype == np.uint64 and values.max(initial=0) > np.iinfo(np.int64).max
            for dtype, (_, values) in zip(dtypes, pieces, strict=True)
            if isinstance(values, np.ndarray)
        )
        if not large:
            return np.dtype(np.int64)
        return (
            np.dtype(np.uint64) if kinds == {"u"} else None
        )  # beside negative ones they are Python's integers
    return np.dtype(np.float64) if kinds <= {"f", "i", "u"} else None


def numbers(pieces: list[Piece], total: int) -> npt.NDArray[Any] | None:
    """Join a numeric column of several tables, NaN in rows of tables that lack it; None if it is not numeric."""
    dtype = _number_dtype(pieces, total)
    if dtype is None:
        return None
    column = np.full(total, np.nan) if dtype.kind == "f" else np.zeros(total, dtype=dtype)
    for rows, values in pieces:
        column[rows] = values
    return column


def joined(pieces: list[Piece], total: int) -> Column:
    """Join one column of several tables; rows of tables that lack it have no value.

    Parameters
    ----------
    pieces
        The column's values in each table that has it.
    total
        Rows of the joined table.
    """
    dtype = _number_dtype(pieces, total)
    codes = np.full(total, -1, dtype=np.intp)
    kept: dict[Any, int] = {}
    for rows, found in pieces:
        part: npt.NDArray[np.intp] | int
        if isinstance(found, np.ndarray):
            part, values = _distinct(found if dtype is None else found.astype(dtype, copy=False))
        else:
            part, values = found[0] if len(found[1]) != 1 else 0, found[1]
        new = [
            -1
            if isinstance(one, str) and one in _MISSING_TEXT
            else kept.setdefault((type(one), one), len(kept))
            for one in values
        ]
        codes[rows] = np.asarray([*new, -1], dtype=np.intp)[part]
    everywhere = sum(len(rows) for rows, _ in pieces) == total
    return Column(
        codes,
        [value for _, value in kept],
        numbers(pieces, total) if everywhere else None,
        floats=dtype == np.float64,
    )
