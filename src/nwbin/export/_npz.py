"""Counts as an archive of NumPy arrays."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.export._output import Output
from nwbin.responses.counts import UNIT
from nwbin.tables.tidy import WITHOUT_IT, text_of_objects

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["labels_of", "write_npz"]


def write_npz(path: Path, output: Output) -> None:
    """Write counts and labels as arrays that ``numpy.load`` reads without pickle."""
    counts = output.counts
    method = zipfile.ZIP_DEFLATED if output.compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method, allowZip64=True, compresslevel=1) as archive:
        for name, values in labels_of(output).items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, values, allow_pickle=False)
        with archive.open("counts.npy", "w", force_zip64=True) as entry:
            described = np.lib.format.dtype_to_descr(counts.dtype)
            header = {"descr": described, "fortran_order": False, "shape": counts.shape}
            np.lib.format.write_array_header_2_0(entry, header)
            for _, block in counts.blocks(output.max_bytes, progress=output.progress):
                entry.write(np.ascontiguousarray(block).data)


def labels_of(output: Output) -> dict[str, npt.NDArray[Any]]:
    counts = output.counts
    found = counts.coordinates()
    begin, end = found["bin_start"].values, found["bin_stop"].values
    adjoin = "bin" not in counts.dims
    labels = {
        "unit_ids": text_of_objects(found[UNIT].values, UNIT),
        "presentation_ids" if counts.row == "stimulus_presentation_id" else "interval_ids": found[
            counts.row
        ].values,
        "bin_edges": np.append(begin, end[-1:]) if adjoin else np.stack([begin, end], axis=1),
        "labels": _records(counts.labels),
        "dims": np.asarray(counts.dims),
        "provenance": np.asarray(json.dumps(dict(output.provenance))),
    }
    if output.units is not None:
        labels["units"] = _records(output.units.rename_axis(index=UNIT))
    return labels


def _records(table: pd.DataFrame) -> npt.NDArray[Any]:
    """A table as an array of records, index first."""
    table = table.reset_index()
    columns = {str(name): text_of_objects(table[name].to_numpy(), str(name)) for name in table.columns}
    widest = max(columns, key=lambda name: columns[name].nbytes)
    n_bytes = sum(values.nbytes for values in columns.values())
    require(n_bytes, f"{len(table):,} records of labels, most of it column {widest!r},", WITHOUT_IT)
    made = np.empty(len(table), dtype=[(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        made[name] = values
    return made
