"""Spike counts in files, block by block: NumPy, netCDF, CSV, Parquet. A new format is one more entry below."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.export._counts import Counts, Tiles
from nwbin.export._csv import CsvText
from nwbin.export._steady import SteadyFile, reserve, undisturbed
from nwbin.export._table import apart, parquet_metadata, sound, tidy, unit_columns, whole_ids
from nwbin.export._whole import check_space, check_target, need, one_of, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COUNT_ENDINGS", "write_counts"]

Progress = Callable[[int, int], object]

_ARRAY_BLOCK = 32 << 20
_TABLE_VALUES = 1 << 19  # counts that pass through a data frame at a time


def write_counts(
    path: str | os.PathLike[str],
    counts: Counts,
    *,
    units: pd.DataFrame | None = None,
    layout: str = "matrix",
    provenance: Mapping[str, Any] | None = None,
    compress: bool = False,
    csv_as_is: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Count, and write the counts with their labels: whole or not at all, in bounded memory.

    Parameters
    ----------
    path
        Its ending is the format; a file that is there is replaced.

        - ``.npz``: arrays `counts`, `unit_ids`, `bin_edges`, `presentation_ids` (or `interval_ids`), `labels`
          (a record for each presentation: ``labels["orientation"]``), `units` (a record for each unit) and
          `provenance` (JSON). Of :class:`Tiles`: `bin_edges` is (bins, 2) on the session's clock and
          `interval_ids` has one for each bin. ``numpy.load`` reads it without pickle.
        - ``.nc``: netCDF-4, `spike_counts` with labels as coordinates, for ``xarray.open_dataset``; compressed.
        - ``.csv``, ``.parquet``: a table, see `layout`.
    counts
        :class:`Windows` or :class:`Tiles`.
    units
        Columns about units by unit id, such as ``session.units``; written to ``.npz`` and ``.nc``. In ``.nc`` one
        that has the name of a label is ``unit_<name>``.
    layout
        Of tables. "matrix": one row for each presentation and bin, its labels, then a column for each unit.
        "long": one row for each presentation, bin and unit, zeros included.
    provenance
        How the counts were made; kept in every format but CSV.
    compress
        Deflate the arrays of an ``.npz``: smaller, and several times slower to write.
    csv_as_is
        Write labels in CSV as they stand, as in :func:`write_table`.
    progress
        Called with (done, in all) along the first dimension.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    FileAccessError
        The disk has no room for it: said before counting where the size is known (`.csv`, `.npz` not compressed).

    Examples
    --------
    >>> shown = session.get_stimulus_table("static_gratings")                     # doctest: +SKIP
    >>> counts = Windows(session.file.spike_trains(), shown, [0.0, 0.05, 0.1])    # doctest: +SKIP
    >>> write_counts("counts.nc", counts, units=session.units)                    # doctest: +SKIP
    """
    target, ending = check_target(path, COUNT_ENDINGS)
    one_of("layout", layout, ("matrix", "long"))
    if layout == "long" and ending not in (".csv", ".parquet"):
        raise ArgumentError(
            f"{target}: the long layout is for tables (.csv, .parquet); {ending} holds an array"
        )
    _WRITERS[ending].check(target)
    check_space(target, _least_bytes(counts, ending, layout, compress))
    said = dict(provenance or {})
    known = None if units is None else apart(tidy(units.reindex(counts.unit_ids)), ["unit_id"])
    with whole(target) as unfinished:
        csv = CsvText(as_is=csv_as_is)
        _WRITERS[ending].write(unfinished, counts, known, layout, said, compress, csv, progress)
        csv.say(target)
    return target


def _least_bytes(counts: Counts, ending: str, layout: str, compress: bool) -> int:
    """How large a file will be at least, where that can be told before it is written: not if it is compressed."""
    cells = math.prod(counts.shape)
    if ending == ".npz" and not compress:
        return cells * counts.dtype.itemsize
    if ending == ".csv":  # a digit and a comma; in the long layout the bin's edges and the unit too
        return cells * (2 if layout == "matrix" else 10)
    return 0


def _counted(
    counts: Counts, max_bytes: int, progress: Progress | None
) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    total = counts.shape[0]
    if progress is not None:
        progress(0, total)
    for rows, block in counts.blocks(max_bytes):
        yield rows, block
        if progress is not None:
            progress(rows.stop, total)


def _without_objects(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Text of fixed width in place of objects, which other programs cannot read."""
    if values.dtype.kind != "O":
        return values
    return np.asarray(["" if v is None or v != v else str(v) for v in values], dtype=np.str_)


def _records(table: pd.DataFrame) -> npt.NDArray[Any]:
    """A table as an array of records, index first."""
    table = table.reset_index()
    columns = {str(name): _without_objects(table[name].to_numpy()) for name in table.columns}
    made = np.empty(len(table), dtype=[(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        made[name] = values
    return made


class _Npz:
    @staticmethod
    def check(target: Path) -> None:
        pass

    @staticmethod
    def write(
        path: Path, counts: Counts, units: pd.DataFrame | None, layout: str, said: dict[str, Any], compress: bool,
        csv: CsvText, progress: Progress | None,
    ) -> None:  # fmt: skip
        coordinates = counts.coordinates()
        tiled = isinstance(counts, Tiles)
        labels = counts.labels()
        own = labels.index.name
        row = next(name for name in coordinates if name.endswith("_id"))
        begin, end = coordinates["bin_start"][1], coordinates["bin_stop"][1]
        edges = np.stack([begin, end], axis=1) if tiled else np.append(begin, end[-1:])
        named = "presentation_ids" if row == "stimulus_presentation_id" else "interval_ids"
        small = {
            "unit_ids": _without_objects(counts.unit_ids),
            named: coordinates[row][1],
            "bin_edges": edges,
            "labels": _records(labels.rename_axis(index=row if own in (None, "id") else str(own))),
            "dims": np.asarray(counts.dims),
            "provenance": np.asarray(json.dumps(said)),
        }
        if units is not None:
            small["units"] = _records(units.rename_axis(index="unit_id"))
        method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", method, allowZip64=True, compresslevel=1) as archive:
            for name, values in small.items():
                with archive.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, values, allow_pickle=False)
            with archive.open("counts.npy", "w", force_zip64=True) as entry:
                described = np.lib.format.dtype_to_descr(counts.dtype)
                header = {"descr": described, "fortran_order": False, "shape": counts.shape}
                np.lib.format.write_array_header_2_0(entry, header)
                for _, block in _counted(counts, _ARRAY_BLOCK, progress):
                    entry.write(np.ascontiguousarray(block).data)


class _NetCdf:
    @staticmethod
    def check(target: Path) -> None:
        need("h5netcdf", "netcdf", f"{target}: a .nc file")

    @staticmethod
    def write(
        path: Path, counts: Counts, units: pd.DataFrame | None, layout: str, said: dict[str, Any], compress: bool,
        csv: CsvText, progress: Progress | None,
    ) -> None:  # fmt: skip
        import h5netcdf
        import xarray as xr

        found = {
            name: (dims, _without_objects(values)) for name, (dims, values) in counts.coordinates().items()
        }
        found["unit_id"] = (("unit_id",), _without_objects(counts.unit_ids))
        if units is not None:
            for name, values in unit_columns(units, [*found, "spike_counts"]).items():
                found[name] = (("unit_id",), _without_objects(values))
        attributes: dict[str, Any] = {}
        for key, value in said.items():
            plain = isinstance(value, str | int | float) and not isinstance(
                value, bool
            )  # which netCDF has not
            attributes[key] = (
                sound(value) if isinstance(value, str) else value if plain else json.dumps(value)
            )
        bare = xr.Dataset(coords={name: xr.Variable(dims, values) for name, (dims, values) in found.items()})
        reserve(path, bare.nbytes + (1 << 20))
        with undisturbed():
            bare.assign_attrs({**attributes, "closed": counts.closed}).to_netcdf(path, engine="h5netcdf")
        # The counts themselves never are in memory as a whole.
        truth = counts.dtype.kind == "b"
        stored = np.dtype(np.int8) if truth else counts.dtype
        file: Any = None
        with SteadyFile(path) as disk:
            try:
                with undisturbed():
                    file = h5netcdf.File(disk, "r+")
                    variable = file.create_variable(
                        "spike_counts", counts.dims, stored, chunks=_chunks(counts.shape, stored.itemsize),
                        compression="gzip", compression_opts=1, shuffle=stored.itemsize > 1,
                    )  # fmt: skip
                    variable.attrs["coordinates"] = " ".join(
                        name for name in found if name not in counts.dims
                    )
                    variable.attrs["long_name"] = "number of spikes"
                    if truth:
                        variable.attrs["dtype"] = "bool"  # how xarray itself marks them
                for rows, block in _counted(counts, _ARRAY_BLOCK, progress):
                    with undisturbed():
                        variable[rows] = block.astype(stored, copy=False)
                    disk.check()
            finally:
                with undisturbed():
                    if file is not None:
                        file.close()
            disk.check()


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...] | None:
    """About 1 MB of whole rows a chunk; as many rows as there are at most."""
    if 0 in shape:
        return None
    rest = max(1, int(np.prod(shape[1:])) * itemsize)
    return (max(1, min(shape[0], (1 << 20) // rest)), *shape[1:])


def _frames(counts: Counts, layout: str, progress: Progress | None) -> Iterator[pd.DataFrame]:
    """The table in parts, whatever the size of a block: a presentation may have millions of bins."""
    bins, units = int(np.prod(counts.shape[1:-1])), counts.shape[-1]
    total, done = counts.shape[0] * bins, 0
    step = max(1, _TABLE_VALUES // max(1, units))
    if progress is not None:
        progress(0, total)
    for _, block in counts.blocks(_TABLE_VALUES * counts.dtype.itemsize):
        flat = block.reshape(len(block) * bins, units)
        for first in range(0, len(flat), step):
            part = flat[first : first + step]
            yield _frame(counts, slice(done, done + len(part)), part, layout)
            done += len(part)
            if progress is not None:
                progress(done, total)
    if not done:
        yield _frame(counts, slice(0, 0), np.zeros((0, units), counts.dtype), layout)


def _frame(counts: Counts, rows: slice, flat: npt.NDArray[Any], layout: str) -> pd.DataFrame:
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


class _Csv:
    @staticmethod
    def check(target: Path) -> None:
        pass

    @staticmethod
    def write(
        path: Path, counts: Counts, units: pd.DataFrame | None, layout: str, said: dict[str, Any], compress: bool,
        csv: CsvText, progress: Progress | None,
    ) -> None:  # fmt: skip
        with path.open("w", encoding="utf-8", newline="") as file:
            ids = whole_ids(counts.labels())  # of all rows, so that all blocks are written alike
            for number, frame in enumerate(_frames(counts, layout, progress)):
                frame = frame.astype({k: v for k, v in ids.items() if k in frame.columns})
                csv.write(frame, file, index=False, header=number == 0)


class _Parquet:
    @staticmethod
    def check(target: Path) -> None:
        need("pyarrow", "parquet", f"{target}: a .parquet file")

    @staticmethod
    def write(
        path: Path, counts: Counts, units: pd.DataFrame | None, layout: str, said: dict[str, Any], compress: bool,
        csv: CsvText, progress: Progress | None,
    ) -> None:  # fmt: skip
        import pyarrow as pa
        import pyarrow.parquet as pq

        writer: Any = None
        try:
            for frame in _frames(counts, layout, progress):
                # Text that is missing throughout a block would otherwise be of no type.
                texts = {n: pa.string() for n in frame.columns if frame[n].dtype == object}
                if writer is None:
                    inferred = pa.Schema.from_pandas(frame, preserve_index=False)
                    fields = [pa.field(f.name, texts.get(f.name, f.type)) for f in inferred]
                    schema = pa.schema(fields, metadata=parquet_metadata(said))
                    writer = pq.ParquetWriter(path, schema)
                writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
        finally:
            if writer is not None:
                writer.close()


_WRITERS: dict[str, Any] = {".npz": _Npz, ".nc": _NetCdf, ".csv": _Csv, ".parquet": _Parquet}
COUNT_ENDINGS = tuple(_WRITERS)
