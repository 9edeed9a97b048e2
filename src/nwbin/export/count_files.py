"""Spike counts in files, block by block: NumPy, netCDF, CSV, Parquet, MATLAB. A new format is one more entry below."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nwbin._atomic import atomic_write, check_space, check_target, one_of, size_text
from nwbin._optional import need
from nwbin.allen.null import tidy
from nwbin.binning import Progress
from nwbin.errors import ArgumentError, warn
from nwbin.export._mat import check_mat, write_mat_counts
from nwbin.export._netcdf import write_netcdf
from nwbin.export._npz import write_npz
from nwbin.export._output import MatVersion, Output
from nwbin.export._rows import likely_csv_bytes, write_csv, write_parquet
from nwbin.export.csv_text import CsvText
from nwbin.responses.counts import UNIT, LabelledCounts
from nwbin.tables.labels import rename_clashes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COUNT_ENDINGS", "write_counts"]


class _Format(NamedTuple):
    write: Callable[[Path, Output], None]
    tabular: bool = False
    package: str | None = None
    extra: str = ""


_FORMATS = {
    ".npz": _Format(write_npz),
    ".nc": _Format(write_netcdf, package="h5netcdf", extra="netcdf"),
    ".csv": _Format(write_csv, tabular=True),
    ".parquet": _Format(write_parquet, tabular=True, package="pyarrow", extra="parquet"),
    ".mat": _Format(write_mat_counts),
}
COUNT_ENDINGS = tuple(_FORMATS)
_LARGE = 500_000_000  # bytes of text from which it is said how large a file will be


def write_counts(
    path: str | os.PathLike[str],
    counts: LabelledCounts,
    *,
    units: pd.DataFrame | None = None,
    layout: str = "matrix",
    provenance: Mapping[str, Any] | None = None,
    compress: bool = False,
    mat_version: MatVersion = "7.3",
    csv_as_is: bool = False,
    max_bytes: int = 32 << 20,
    progress: Progress | None = None,
) -> Path:
    """Count, and write the counts with their labels: whole or not at all, in bounded memory.

    Parameters
    ----------
    path
        Its ending is the format; a file that is there is replaced.

        - ``.npz``: arrays `counts`, `unit_ids`, `bin_edges`, `presentation_ids` (or `interval_ids`), `labels`
          (a record for each presentation: ``labels["orientation"]``), `units` (a record for each unit) and
          `provenance` (JSON). Of bins that tile intervals, `bin_edges` is (bins, 2) on the session's clock and
          `interval_ids` has one for each bin. ``numpy.load`` reads it without pickle.
        - ``.nc``: netCDF-4, `spike_counts` with labels as coordinates, for ``xarray.open_dataset``; compressed.
        - ``.csv``, ``.parquet``: a table, see `layout`.
        - ``.mat``: for MATLAB, the variables of an ``.npz``; `labels` and `units` are structs, text is rows of
          characters (``cellstr(labels.note)``), and names are made such as MATLAB has.
    counts
        :class:`nwbin.responses.counts.AlignedCounts` or :class:`nwbin.responses.tiles.TiledCounts`.
    units
        Columns about units by unit id, such as ``session.units``; written to ``.npz``, ``.mat`` and ``.nc``. In ``.nc``
        one that has the name of a label is ``unit_<name>``.
    layout
        Of tables. "matrix": one row for each presentation and bin, its labels, then a column for each unit.
        "long": one row for each presentation, bin and unit, zeros included.
    provenance
        How the counts were made; kept in every format but CSV.
    compress
        Deflate the arrays of an ``.npz``: smaller, and several times slower to write.
    mat_version
        Of ``.mat``: "7.3", which is HDF5 and of any size; or "5", for Octave and old programs, which is made in memory,
        of 2 GB at most (SciPy, extra "matlab").
    csv_as_is
        Write labels in CSV as they stand, as in :func:`write_table`.
    max_bytes
        About how much passes through memory at a time; one presentation (or bin of a tiled interval) is the least.
    progress
        Called with (done, in all): along the first dimension, of a table in rows.

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
    >>> shown = nwbin.export.tidy(session.get_stimulus_table("static_gratings"))
    >>> trains = session.file.spike_trains()
    >>> counts = nwbin.responses.AlignedCounts(trains, shown, [0.0, 0.05, 0.1])
    >>> write_counts("counts.nc", counts, units=session.units)
    """
    target, ending = check_target(path, COUNT_ENDINGS)
    one_of("layout", layout, ("matrix", "long"))
    form = _FORMATS[ending]
    if layout == "long" and not form.tabular:
        raise ArgumentError(
            f"{target}: the long layout is for tables (.csv, .parquet); {ending} holds an array"
        )
    if form.package is not None:
        need(form.package, form.extra, f"{target}: a {ending} file")
    if ending == ".mat":
        check_mat(target, mat_version, _cells_of(counts) * counts.dtype.itemsize)
    check_space(target, _least_bytes(counts, ending, layout, compress))
    known = None if units is None else rename_clashes(tidy(units.reindex(counts.unit_ids)), [UNIT])
    if progress is not None:
        progress(0, math.prod(counts.shape[:-1]) if form.tabular else counts.shape[0])
    csv = CsvText(as_is=csv_as_is)
    output = Output(counts, known, layout, provenance or {}, compress, csv, max_bytes, progress, mat_version)
    if ending == ".csv" and _cells_of(counts) >= _LARGE // 20:
        _tell_if_large(target, output)
    with atomic_write(target) as unfinished:
        form.write(unfinished, output)
        csv.say(target)
    return target


def _tell_if_large(target: Path, output: Output) -> None:
    """Say of a text file that will be large how large, before it is written, and what is smaller."""
    likely = likely_csv_bytes(output)
    if likely < _LARGE:
        return
    check_space(target, likely * 9 // 10)
    counts = output.counts
    shape = " x ".join(f"{n:,}" for n in counts.shape)
    binary = size_text(_cells_of(counts) * counts.dtype.itemsize)
    warn(
        f"{target}: {shape} counts as text will be about {size_text(likely)}; .npz takes {binary}, and .parquet and "
        ".nc less than that"
    )


def _cells_of(counts: LabelledCounts) -> int:
    """How many counts there are."""
    return math.prod(counts.shape)


def _least_bytes(counts: LabelledCounts, ending: str, layout: str, compress: bool) -> int:
    """How large a file will be at least, where that can be told before it is written: not if it is compressed."""
    cells = math.prod(counts.shape)
    if ending == ".npz" and not compress:
        return cells * counts.dtype.itemsize
    if ending == ".csv":  # a digit and a comma; in the long layout the bin's edges and the unit too
        return cells * (2 if layout == "matrix" else 10)
    return 0
