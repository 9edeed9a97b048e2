"""The values that a parameter takes over the conditions of a stimulus."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.allen.null import NULL
from nwbin.metrics.common._conventions import Convention
from nwbin.tables.missing import as_numbers, is_number, missing

__all__ = ["Levels", "levels_of"]


class Levels(NamedTuple):
    """Distinct values of a parameter, and which of them each condition has.

    Attributes
    ----------
    values
        Ascending: float64 (levels,), or object where they are text.
    code
        intp (conditions,), the place of each condition's value among them; -1 where the parameter does not apply.
    """

    values: npt.NDArray[Any]
    code: npt.NDArray[np.intp]

    def means(self, responses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Average responses (units, conditions) over the conditions of each level, unweighted: (units, levels)."""
        found = np.full((len(responses), len(self.values)), np.nan)
        for level in np.unique(self.code[self.code >= 0]).tolist():
            # Contiguous: each unit's values are then added up in the order that NumPy adds them up by themselves.
            found[:, level] = np.ascontiguousarray(responses[:, self.code == level]).mean(axis=1)
        return found

    def preferred(
        self, responses: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return the level of the largest mean response (ties: the first; -1 where there are no levels), and ties.

        Parameters
        ----------
        responses
            (units, conditions).

        Returns
        -------
        tuple
            intp (units,); bool (units,), whether more than one level has exactly the largest.
        """
        if not len(self.values):
            return np.full(len(responses), -1, dtype=np.intp), np.zeros(len(responses), dtype=bool)
        means = self.means(responses)
        return means.argmax(axis=1), (means == means.max(axis=1, keepdims=True)).sum(axis=1) > 1

    def of(self, places: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """Return the values at these places; NaN (None, of text) at -1."""
        text = self.values.dtype == object
        padded = np.append(self.values, [None if text else np.nan])
        return padded[np.where(places < 0, len(self.values), places)]


def levels_of(column: npt.NDArray[Any], convention: Convention) -> Levels:
    """Find the values of a parameter.

    Parameters
    ----------
    column
        A value for each condition, "null" or NaN where the parameter does not apply.
    convention
        "corrected" takes text that says a number for that number; "allen" leaves text as it is.
    """
    gone = missing(column, NULL)
    known = column[~gone]
    numeric = all(map(is_number, known.tolist()))
    if not numeric and convention == "corrected":
        with suppress(TypeError, ValueError):
            known, numeric = np.asarray([float(one) for one in known.tolist()]), True
    if numeric:
        distinct, code = np.unique(as_numbers(known), return_inverse=True)
    else:
        text = np.asarray([str(one) for one in known.tolist()], dtype=object)
        distinct, code = np.unique(text, return_inverse=True)
    codes = np.full(len(column), -1, dtype=np.intp)
    codes[~gone] = code.reshape(-1)
    return Levels(distinct, codes)
