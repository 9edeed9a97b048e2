"""CSV from the command line: on standard output, and whether text in it is marked as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nwbin._plain_text import printable
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CsvAsIsOption", "print_csv", "refuse_as_is"]

CsvAsIsOption = Annotated[
    bool,
    typer.Option(
        "--csv-as-is",
        help="Write text in CSV as it stands, also what a spreadsheet takes for a formula (=, +, -, @), which "
        "otherwise gets ' before it.",
    ),
]


def refuse_as_is(as_is: bool, out: Path | None) -> None:
    """Raise where text is to be as it stands in CSV, and there is no CSV: other formats have it so anyway."""
    if as_is and (out is None or (str(out) != "-" and out.suffix.lower() != ".csv")):
        raise ArgumentError(f"--csv-as-is is for CSV, and {out or 'what is shown'} is none: leave it out")


def print_csv(frame: pd.DataFrame, *, as_is: bool = False) -> None:
    """Print a table as it would be in a .csv file, but for what a terminal would obey: that is spelt out."""
    from nwbin.export import tidy
    from nwbin.export.csv_text import CsvText
    from nwbin.tables.labels import whole_ids

    plain = tidy(frame)
    csv = CsvText(as_is=as_is, shown=printable)
    csv.write(plain.astype(whole_ids(plain)), sys.stdout)
    csv.say("standard output")
