"""Conditions on, and tidy copies of, tables that may hold AllenSDK's word for what does not apply: "null"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbin.tables import conditions
from nwbin.tables import tidy as tidied
from nwbin.tables.missing import Mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NULL", "matches", "select", "tidy"]

NULL = "null"  # what stimulus tables hold where a parameter does not apply


def matches(table: pd.DataFrame, condition: str) -> Mask:
    """Say which rows of a table meet a condition: :func:`nwbin.tables.conditions.matches`, where "null" is missing.

    ``== 'null'`` matches missing values as well, ``!= 'null'`` what is there.

    Examples
    --------
    >>> import pandas as pd
    >>> matches(pd.DataFrame({"contrast": [0.2, "null", 0.8]}), "contrast > 0.5")
    array([False, False,  True])
    """
    return conditions.matches(table, condition, missing_text=NULL)


def select(table: pd.DataFrame, condition: str | None) -> pd.DataFrame:
    """Return the rows of a table that meet a condition; all where there is none. See :func:`matches`.

    Examples
    --------
    >>> flashes = session.get_stimulus_table("flashes")
    >>> select(flashes, "color == 1 and duration > 0.2")["color"].unique().tolist()
    [1.0]
    """
    return conditions.select(table, condition, missing_text=NULL)


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Make a table that any format can hold: one kind of value a column.

    Parameters
    ----------
    table
        Such as ``session.stimulus_presentations``, where "null" stands among numbers.

    Returns
    -------
    pandas.DataFrame
        As from :func:`nwbin.tables.tidy.tidy`: NaN (or None, in text) where there was "null" or nothing.

    Examples
    --------
    >>> table = pd.DataFrame({"contrast": [0.2, "null", 0.8]})
    >>> tidy(table)["contrast"].tolist()
    [0.2, nan, 0.8]
    """
    return tidied.tidy(table, missing_text=NULL)
