"""Columns of few distinct values: the values once, and for each row the number of its value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Column", "Piece", "joined"]

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
        The column itself where it is purely numeric; None otherwise.
    """

    def __init__(
        self, codes: npt.NDArray[np.intp], values: list[Any], numbers: npt.NDArray[Any] | None = None
    ) -> None:
        self.codes = codes
        self.values = values
        self.numbers = numbers

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value. Bool (rows,)."""
        return self.codes < 0

    def taken(self, rows: npt.NDArray[np.intp]) -> Column:
        """Return the column with only these rows, in this order."""
        return Column(self.codes[rows], self.values, None if self.numbers is None else self.numbers[rows])

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
        if self.numbers is None or self.numbers.dtype.kind != "f" or not set(self.values) <= {0.0, 1.0}:
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
            if len(kinds) == 1 and kinds <= {bool, int, float}:
                return laid_out.astype(kinds.pop())
            if kinds == {int, float}:
                return laid_out.astype(np.float64)
        return laid_out


# Rows of the joined table, and their values: an array, or text as numbers into its distinct values.
Piece = tuple[slice, npt.NDArray[Any] | tuple[npt.NDArray[np.intp], list[str]]]


def joined(pieces: list[Piece], total: int) -> Column:
    """Join one column of several tables; rows of tables that lack it have no value.

    Parameters
    ----------
    pieces
        The column's values in each table that has it.
    total
        Rows of the joined table.
    """
    import pandas as pd

    arrays = [(rows, values) for rows, values in pieces if isinstance(values, np.ndarray)]
    kinds = {values.dtype.kind for _, values in arrays} | ({"O"} if len(arrays) < len(pieces) else set())
    covered = sum(rows.stop - rows.start for rows, _ in pieces)
    if kinds <= {"f", "i", "u"} or (kinds == {"b"} and covered == total):
        if kinds == {"b"}:
            numbers = np.zeros(total, dtype=bool)
        elif kinds <= {"i", "u"} and covered == total:
            numbers = np.zeros(total, dtype=np.int64)
        else:
            numbers = np.full(total, np.nan)
        for rows, values in arrays:
            numbers[rows] = values
        codes, distinct = pd.factorize(numbers)
        return Column(np.asarray(codes, dtype=np.intp), distinct.tolist(), numbers)
    codes = np.full(total, -1, dtype=np.intp)
    kept: dict[Any, int] = {}
    for rows, found in pieces:
        if isinstance(found, np.ndarray):
            part, uniques = pd.factorize(found)
            values_here: list[Any] = uniques.tolist()
        else:
            part, values_here = found
        new = [
            -1
            if isinstance(one, str) and one in _MISSING_TEXT
            else kept.setdefault((type(one), one), len(kept))
            for one in values_here
        ]
        codes[rows] = np.asarray([*new, -1], dtype=np.intp)[part]
    return Column(codes, [value for _, value in kept])
