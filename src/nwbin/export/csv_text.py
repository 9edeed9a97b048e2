"""Tables as CSV, which spreadsheets read: text that they would take for a formula is marked as text."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nwbin.errors import warn

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["CsvText"]

# By these a cell begins that a spreadsheet computes; the last four are the wide forms of the first four.
_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HARMLESS = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|nan)?", re.ASCII)
# Where ; ends a cell for a spreadsheet, quotes that the comma before them keeps from the cell's begin quote nothing.
_AFTER_SEMICOLON = re.compile(rf"(?<=;)[{re.escape(''.join(_BEGINS))}][^;]*")


class CsvText:
    """Writes data frames as CSV, and counts the texts that were marked.

    In a spreadsheet a cell that begins with = + - @ may be a formula, which may read other files or call a page; in
    a recording's file it is a name. A leading ' makes it text there. Numbers, and text that is one, stay. The same goes
    for what stands after a semicolon: where a comma is the decimal mark, spreadsheets begin a cell there.

    Parameters
    ----------
    as_is
        Mark nothing: for programs that want each text as it stands in the file.
    shown
        What to do with each text before all else.
    """

    def __init__(self, *, as_is: bool = False, shown: Callable[[str], str] = str) -> None:
        self._as_is, self._shown = as_is, shown
        self._marked: set[str] = set()
        self._returns = False

    def write(self, frame: pd.DataFrame, to: Path | IO[str], **how: Any) -> None:
        """Write a frame as ``DataFrame.to_csv`` does; ``how`` are its arguments."""
        import pandas as pd

        made = frame.copy(deep=False)
        for number, dtype in enumerate(frame.dtypes):
            if dtype.kind not in "biufcmM":
                texts = [self._text(one) for one in frame.iloc[:, number].tolist()]
                made.isetitem(number, np.array(texts, dtype=object))
        made.columns = pd.Index([self._text(str(name)) for name in frame.columns], dtype=object)
        if frame.index.dtype.kind not in "biufcmM":
            made.index = pd.Index([self._text(one) for one in frame.index.tolist()], dtype=object)
        made.index.name = self._text(frame.index.name)
        if self._returns:  # before Python 3.13 a lone carriage return gets no quotes, and would end the row
            how["quoting"] = csv.QUOTE_NONNUMERIC
        made.to_csv(to, **how)

    def say(self, where: object) -> None:
        """Warn, once all is written, that texts were marked."""
        if self._marked:
            number = len(self._marked)
            begin, have = ("text begins", "has") if number == 1 else ("texts begin", "have")
            warn(
                f"{where}: {number:,} {begin} as a spreadsheet's formulas do, such as {min(self._marked)!r}, and "
                f"{have} a ' before; to write text as it stands: --csv-as-is, in Python csv_as_is=True"
            )

    def _text(self, one: Any) -> Any:
        if not isinstance(one, str):
            return one
        text = self._shown(one)
        self._returns |= "\r" in text
        if self._as_is:
            return text
        made = _AFTER_SEMICOLON.sub(_marked, text)
        if text.startswith(_BEGINS) and not _HARMLESS.fullmatch(text):
            made = f"'{made}"
        if made != text:
            self._marked.add(text)
        return made


def _marked(found: re.Match[str]) -> str:
    return found[0] if _HARMLESS.fullmatch(found[0]) else f"'{found[0]}"
