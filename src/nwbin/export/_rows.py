"""Counts as tables: CSV and Parquet, a row for each bin or for each count."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.export._output import Output
from nwbin.export.csv_text import CsvText
from nwbin.export.table_files import parquet_metadata
from nwbin.tables.labels import whole_ids

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.responses.counts import LabelledCounts

__all__ = ["likely_csv_bytes", "write_csv", "write_parquet"]

_COUNT_BYTES = 64  # what a count takes while it passes through a data frame
_SAMPLE, _SAMPLED_ROWS = (
    1 << 20,
    200,
)  # bytes that are counted, and rows that are written, to know how long they get


def write_csv(path: Path, output: Output) -> None:
    """Write one header, and the table in parts."""
    with path.open("w", encoding="utf-8", newline="") as file:
        ids = whole_ids(output.counts.labels)  # of all rows, so that all blocks are written alike
        for number, frame in enumerate(_frames(output)):
            frame = frame.astype({k: v for k, v in ids.items() if k in frame.columns})
            output.csv.write(frame, file, index=False, header=number == 0)


def likely_csv_bytes(output: Output) -> int:
    """How large a CSV file will be, from how its first rows are written: their labels are as long as any others'."""
    sample = next(_frames(replace(output, max_bytes=_SAMPLE, progress=None)))
    if not len(sample):
        return 0
    sample = sample.head(_SAMPLED_ROWS)
    text = io.StringIO()
    CsvText(as_is=True).write(sample, text, index=False, header=False)
    cells = output.counts.shape if output.layout == "long" else output.counts.shape[:-1]
    return int(len(text.getvalue().encode()) / len(sample) * math.prod(cells))


def write_parquet(path: Path, output: Output) -> None:
    """Write the table in parts of one schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None
    try:
        for frame in _frames(output):
            # Text that is missing throughout a block would otherwise be of no type.
            texts = {n: pa.string() for n in frame.columns if frame[n].dtype == object}
            if writer is None:
                inferred = pa.Schema.from_pandas(frame, preserve_index=False)
                fields = [pa.field(f.name, texts.get(f.name, f.type)) for f in inferred]
                schema = pa.schema(fields, metadata=parquet_metadata(output.provenance))
                writer = pq.ParquetWriter(path, schema)
            writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
    finally:
        if writer is not None:
            writer.close()


def _frames(output: Output) -> Iterator[pd.DataFrame]:
    """The table in parts, whatever the size of a block: a presentation may have millions of bins."""
    counts, progress = output.counts, output.progress
    bins, units = int(np.prod(counts.shape[1:-1])), counts.shape[-1]
    total, done = counts.shape[0] * bins, 0
    at_once = max(1, output.max_bytes // _COUNT_BYTES)
    step = max(1, at_once // max(1, units))
    for _, block in counts.blocks(at_once * counts.dtype.itemsize):
        flat = block.reshape(len(block) * bins, units)
        for first in range(0, len(flat), step):
            part = flat[first : first + step]
            yield _frame(counts, slice(done, done + len(part)), part, output.layout)
            done += len(part)
            if progress is not None:
                progress(done, total)
    if not done:
        yield _frame(counts, slice(0, 0), np.zeros((0, units), counts.dtype), output.layout)


def _frame(counts: LabelledCounts, rows: slice, flat: npt.NDArray[Any], layout: str) -> pd.DataFrame:
    import pandas as pd

    names = [str(unit) for unit in counts.unit_ids.tolist()]
    keys = counts.keys(rows)
    # Parquet and CSV know no other byte order.
    flat = flat.astype(flat.dtype.newbyteorder("="))
    if layout == "matrix":
        return pd.concat([keys, pd.DataFrame(flat, columns=pd.Index(names, dtype=object))], axis=1)
    long = keys.iloc[np.repeat(np.arange(len(keys)), len(names))].reset_index(drop=True)
    long.insert(1, "unit_id", np.tile(counts.unit_ids, len(keys)))
    long.insert(4, "count", flat.reshape(-1))
    return long
