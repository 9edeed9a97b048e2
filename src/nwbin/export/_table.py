"""Tables in files: CSV, Parquet, JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import warn
from nwbin.export._csv import CsvText
from nwbin.export._where import as_numbers, missing
from nwbin.export._whole import check_target, need, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TABLE_ENDINGS",
    "apart",
    "parquet_metadata",
    "sound",
    "tidy",
    "unit_columns",
    "whole_ids",
    "write_table",
]

TABLE_ENDINGS = (".csv", ".parquet", ".json")


def sound(text: str) -> str:
    r"""Make text that any format can hold: a byte that is no UTF-8 in the file is written ``\xff``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape" if not _LONE.search(text) else "backslashreplace")
        return raw.decode("utf-8", "backslashreplace")
    return text


# Surrogates that stand for no byte: h5py makes none, a user's own table may.
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One kind of value: numbers with NaN, truth values, or text with None."""
    if values.dtype.kind != "O":
        return values
    gone = missing(values)
    there = values[~gone]
    if len(there) and all(isinstance(v, bool | np.bool_) for v in there) and not gone.any():
        return values.astype(bool)
    if all(isinstance(v, int | float | np.number | np.bool_) for v in there):
        return as_numbers(values)
    shown = np.empty(len(values), dtype=object)
    for row, (value, absent) in enumerate(zip(values, gone, strict=True)):
        if absent:
            shown[row] = None
        elif isinstance(value, list | tuple | np.ndarray):
            shown[row] = sound("; ".join(str(part) for part in value))
        else:
            shown[row] = sound(str(value))
    return shown


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Make a table that any format can hold: one kind of value a column.

    Parameters
    ----------
    table
        Such as ``session.stimulus_presentations``, where "null" stands among numbers.

    Returns
    -------
    pandas.DataFrame
        The same rows, index and columns. Numbers with NaN where there was "null" or nothing; or text, with None
        there; lists joined by "; "; bytes that are no UTF-8 as ``\\xff``.
    """
    import pandas as pd

    columns = {sound(str(name)): _plain(np.asarray(table[name].to_numpy())) for name in table.columns}
    made = {k: pd.Series(v, dtype=object if v.dtype.kind == "O" else None) for k, v in columns.items()}
    result = pd.DataFrame(
        made, index=pd.RangeIndex(len(table)), columns=pd.Index(list(columns), dtype=object)
    )
    result.index = table.index
    if table.index.dtype.kind == "O" and table.index.nlevels == 1:
        ids = [sound(one) if isinstance(one, str) else one for one in table.index.tolist()]
        result.index = pd.Index(ids, name=table.index.name, dtype=object)
    return result


def apart(table: pd.DataFrame, taken: Collection[str]) -> pd.DataFrame:
    """Rename columns whose names an output needs for something else, and say so: `count` becomes `count_`."""
    named: dict[str, str] = {}
    for name in table.columns:
        other = name
        while other in taken or (other != name and other in table.columns):
            other += "_"
        if other != name:
            named[name] = other
    for name, other in named.items():
        warn(f"the column {name!r} is written as {other!r}: outputs have a {name!r} of their own")
    return table.rename(columns=named)


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


def parquet_metadata(provenance: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The entries that say in a Parquet file how it was made."""
    return {b"nwbin": json.dumps(dict(provenance)).encode()}


def write_table(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    provenance: Mapping[str, Any] | None = None,
    csv_as_is: bool = False,
) -> Path:
    """Write a table with its index to a file, whole or not at all.

    Parameters
    ----------
    table
        Units, presentations, or any other; see :func:`tidy` for what becomes of mixed columns. A column with
        the name of the index is written with "_" after it, and a warning says so.
    path
        Ends in ``.csv``, ``.parquet`` (extra "parquet") or ``.json`` (a list of records). A file that is there
        is replaced.
    provenance
        How the table was made; kept in Parquet's metadata under "nwbin".
    csv_as_is
        Write text in CSV as it stands. Otherwise text (and a name of a column) that a spreadsheet would take for a
        formula, such as ``=1+1`` or ``@name``, gets ``'`` before it there, and a warning says so; numbers stay.

    Returns
    -------
    pathlib.Path
        The file.
    """
    target, ending = check_target(path, TABLE_ENDINGS)
    if ending == ".parquet":
        need("pyarrow", "parquet", f"{target}: a .parquet file")
    plain = tidy(table)
    if plain.index.name is None:
        plain.index.name = "id"
    plain = apart(plain, [str(plain.index.name)])
    with whole(target) as unfinished:
        if ending == ".csv":
            csv = CsvText(as_is=csv_as_is)
            csv.write(plain.astype(whole_ids(plain)), unfinished)
            csv.say(target)
        elif ending == ".json":
            unfinished.write_text(to_json(plain) + "\n", encoding="utf-8")
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            arrow = pa.Table.from_pandas(plain.reset_index(), preserve_index=False)
            known = arrow.schema.metadata or {}
            arrow = arrow.replace_schema_metadata({**known, **parquet_metadata(provenance or {})})
            pq.write_table(arrow, unfinished)
    return target


def to_json(table: pd.DataFrame) -> str:
    """A table as JSON: a list of one object a row, index included, null for what is missing."""
    plain = tidy(table).reset_index()
    ids = whole_ids(plain)

    def value(name: Hashable, one: Any) -> Any:
        if isinstance(one, float) and not np.isfinite(one):
            return None
        return int(one) if name in ids else one

    records = [{k: value(k, v) for k, v in record.items()} for record in plain.to_dict(orient="records")]
    return json.dumps(records, indent=1)
