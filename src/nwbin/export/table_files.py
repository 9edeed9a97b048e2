"""Tables in files: CSV, Parquet, JSON, MATLAB."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._atomic import atomic_write, check_target
from nwbin._optional import need
from nwbin.allen.null import tidy
from nwbin.errors import ArgumentTypeError
from nwbin.export._mat import check_mat, mat_columns, write_mat_variables
from nwbin.export._output import MatVersion
from nwbin.export.csv_text import CsvText
from nwbin.tables.labels import rename_clashes, whole_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLE_ENDINGS", "parquet_metadata", "to_json", "write_table"]

TABLE_ENDINGS = (".csv", ".parquet", ".json", ".mat")


def parquet_metadata(provenance: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The entries that say in a Parquet file how it was made."""
    return {b"nwbin": json.dumps(dict(provenance)).encode()}


def write_table(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    provenance: Mapping[str, Any] | None = None,
    csv_as_is: bool = False,
    mat_version: MatVersion = "7.3",
) -> Path:
    """Write a table with its index to a file, whole or not at all.

    Parameters
    ----------
    table
        Units, presentations, or any other; see :func:`tidy` for what becomes of mixed columns. A column with
        the name of the index is written with "_" after it, and a warning says so.
    path
        Ends in ``.csv``, ``.parquet`` (extra "parquet"), ``.json`` (a list of records) or ``.mat`` (a
        variable for each column: ``struct2table(load("units.mat"))``; text is rows of characters). A file that is
        there is replaced.
    provenance
        How the table was made; kept in Parquet's metadata under "nwbin".
    csv_as_is
        Write text in CSV as it stands. Otherwise text (and a name of a column) that a spreadsheet would take for a
        formula, such as ``=1+1`` or ``@name``, gets ``'`` before it there, and a warning says so; numbers stay.
    mat_version
        Of ``.mat``: "7.3", or "5" (SciPy, extra "matlab").

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> path = write_table(session.units, "units.csv")
    >>> len(pd.read_csv(path, index_col="unit_id")) == session.num_units
    True
    """
    if not hasattr(table, "columns"):
        raise ArgumentTypeError(f"table must be a pandas.DataFrame, not {type(table).__name__}")
    target, ending = check_target(path, TABLE_ENDINGS)
    if ending == ".parquet":
        need("pyarrow", "parquet", f"{target}: a .parquet file")
    elif ending == ".mat":
        check_mat(target, mat_version)
    plain = tidy(table)
    if plain.index.name is None:
        plain.index.name = "id"
    plain = rename_clashes(plain, [str(plain.index.name)])
    with atomic_write(target) as unfinished:
        if ending == ".csv":
            csv = CsvText(as_is=csv_as_is)
            csv.write(plain.astype(whole_ids(plain)), unfinished)
            csv.say(target)
        elif ending == ".json":
            unfinished.write_text(to_json(plain) + "\n", encoding="utf-8")
        elif ending == ".mat":
            columns = {str(name): plain[name].to_numpy() for name in plain.columns}
            columns = {str(plain.index.name): plain.index.to_numpy(), **columns}
            write_mat_variables(unfinished, mat_columns(columns), mat_version)
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
