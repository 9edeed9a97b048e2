"""``nwbin metrics --against``: a published table, and in how many units each of its columns agrees."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin._wording import counted
from nwbin.errors import ArgumentError, FormatError, LookupFailure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["comparison_as_plain", "published_table", "show_comparison"]


def published_table(path: Path) -> pd.DataFrame:
    """Read a published table of metrics: by unit id."""
    from nwbin.metrics.comparison import by_unit
    from nwbin.storage.opening import check_path

    check_path(path)
    return by_unit(_read(path), str(path))


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    from nwbin._optional import need
    from nwbin.allen.project_tables import read_csv

    ending = path.suffix.lower()
    if ending == ".csv":
        return read_csv(path, _column_of_units(path))
    if ending == ".parquet":
        need("pyarrow", "parquet", f"{path}: a .parquet file")
    elif ending != ".json":
        raise ArgumentError(f"{path}: ends in {ending!r}; a published table ends in .csv, .parquet or .json")
    try:
        return pd.read_parquet(path) if ending == ".parquet" else pd.read_json(path, precise_float=True)
    except (ValueError, OSError) as error:  # pyarrow's own errors are of these kinds
        first = str(error).partition("\n")[0]
        raise FormatError(f"{path}: cannot be read as a table: {first}") from error


def _column_of_units(path: Path) -> str:
    """The column of a CSV file that unit ids are in."""
    from nwbin.metrics.comparison import UNIT_COLUMNS

    try:
        with path.open(encoding="utf-8", newline="") as file:
            names = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error
    found = next((name for name in UNIT_COLUMNS if name in names), None)
    if found is None:
        first = ", ".join(repr(one) for one in names[:6]) or "none"
        raise LookupFailure(
            f"{path}: has no column of unit ids ({', '.join(UNIT_COLUMNS)}); its columns: {first}"
        )
    return found


def comparison_as_plain(
    table: pd.DataFrame, published: pd.DataFrame, tolerance: float
) -> list[dict[str, Any]]:
    """In how many units each column agrees, for programs: an object a column."""
    from nwbin.export.table_files import to_json
    from nwbin.metrics import compare_metrics

    found = compare_metrics(table.drop(columns="session_id"), published, rtol=tolerance)
    plain: list[dict[str, Any]] = json.loads(to_json(found))
    return plain


def show_comparison(table: pd.DataFrame, published: pd.DataFrame, path: Path, tolerance: float) -> None:
    """Print in how many units each column agrees, and a line about all of them."""
    from nwbin.cli._console import frame_table, output
    from nwbin.metrics import compare_metrics

    found = compare_metrics(table.drop(columns="session_id"), published, rtol=tolerance)
    console = output()
    agree = int((found["differ"] == 0).sum())
    units = int(found["units"].iloc[0])
    columns = counted(len(found), "column")
    console.print(
        f"against {path}: {counted(units, 'unit')} of {len(table):,} in both; of {columns} {agree} agree in all of "
        f"them (close: within {tolerance:g} of the published value)",
        soft_wrap=True,
    )
    frame_table(found, console, for_all="in a pipe, | cat")
