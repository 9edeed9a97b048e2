"""Tables in files: CSV, Parquet, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.export._where import as_numbers, missing
from nwbin.export._whole import check_target, need, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLE_ENDINGS", "parquet_metadata", "tidy", "write_table"]

TABLE_ENDINGS = (".csv", ".parquet", ".json")


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
            shown[row] = "; ".join(str(part) for part in value)
        else:
            shown[row] = str(value)
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
        there; lists joined by "; ".
    """
    import pandas as pd

    columns = {str(name): _plain(np.asarray(table[name].to_numpy())) for name in table.columns}
    made = {k: pd.Series(v, dtype=object if v.dtype.kind == "O" else None) for k, v in columns.items()}
    result = pd.DataFrame(
        made, index=pd.RangeIndex(len(table)), columns=pd.Index(list(columns), dtype=object)
    )
    result.index = table.index
    return result


def whole_ids(table: pd.DataFrame) -> dict[str, type[np.int64]]:
    """The columns of ids that are whole numbers throughout, as int64: 8 in text, and not 8.0."""
    found = {}
    for name in table.columns:
        values = table[name].to_numpy()
        if not (str(name).endswith("_id") or name == "stimulus_block") or values.dtype.kind != "f":
            continue
        if len(values) and np.isfinite(values).all() and (values == np.rint(values)).all():
            found[str(name)] = np.int64
    return found


def parquet_metadata(provenance: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The entries that say in a Parquet file how it was made."""
    return {b"nwbin": json.dumps(dict(provenance)).encode()}


def write_table(
    table: pd.DataFrame, path: str | os.PathLike[str], *, provenance: Mapping[str, Any] | None = None
) -> Path:
    """Write a table with its index to a file, whole or not at all.

    Parameters
    ----------
    table
        Units, presentations, or any other; see :func:`tidy` for what becomes of mixed columns.
    path
        Ends in ``.csv``, ``.parquet`` (extra "parquet") or ``.json`` (a list of records). A file that is there
        is replaced.
    provenance
        How the table was made; kept in Parquet's metadata under "nwbin".

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
    with whole(target) as unfinished:
        if ending == ".csv":
            plain.astype(whole_ids(plain)).to_csv(unfinished)
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
    records = [
        {k: (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in record.items()}
        for record in tidy(table).reset_index().to_dict(orient="records")
    ]
    return json.dumps(records, indent=1)
