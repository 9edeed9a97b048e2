"""Counts as netCDF-4, for ``xarray.open_dataset``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nwbin.export._output import Output, labels_with_units
from nwbin.export._steady import SteadyFile, reserve, undisturbed
from nwbin.responses.counts import Coordinate
from nwbin.tables.tidy import escape_text

__all__ = ["write_netcdf"]


def write_netcdf(path: Path, output: Output) -> None:
    """Write labels by xarray, then the counts block by block: they never are in memory as a whole."""
    import h5netcdf

    labels = labels_with_units(output.counts, output.units)
    _write_labels(path, labels, {**_attributes(output.provenance), "closed": output.counts.closed})
    file: Any = None
    with SteadyFile(path) as disk:
        try:
            with undisturbed():
                file = h5netcdf.File(disk, "r+")
                variable = _variable(file, output, labels)
            for rows, block in output.counts.blocks(output.max_bytes, progress=output.progress):
                with undisturbed():
                    variable[rows] = block.astype(variable.dtype, copy=False)
                disk.check()
        finally:
            with undisturbed():
                if file is not None:
                    file.close()
        disk.check()


def _write_labels(path: Path, labels: Mapping[str, Coordinate], attributes: dict[str, Any]) -> None:
    import xarray as xr

    bare = xr.Dataset(coords={name: xr.Variable(*one) for name, one in labels.items()}, attrs=attributes)
    reserve(path, bare.nbytes + (1 << 20))
    with undisturbed():
        bare.to_netcdf(path, engine="h5netcdf")


def _variable(file: Any, output: Output, labels: Mapping[str, Coordinate]) -> Any:
    """Make room for the counts."""
    counts = output.counts
    truth = counts.dtype.kind == "b"  # which netCDF has not
    stored = np.dtype(np.int8) if truth else counts.dtype
    variable = file.create_variable(
        "spike_counts", counts.dims, stored, chunks=_chunks(counts.shape, stored.itemsize), compression="gzip",
        compression_opts=1, shuffle=stored.itemsize > 1,
    )  # fmt: skip
    variable.attrs["coordinates"] = " ".join(name for name in labels if name not in counts.dims)
    variable.attrs["long_name"] = "number of spikes"
    if truth:
        variable.attrs["dtype"] = "bool"  # how xarray itself marks them
    return variable


def _attributes(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What netCDF has kinds for as it is, all else (truth values, lists) as JSON."""
    found: dict[str, Any] = {}
    for key, value in provenance.items():
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        found[key] = escape_text(value) if isinstance(value, str) else value if plain else json.dumps(value)
    return found


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...] | None:
    """About 1 MB of whole rows a chunk; as many rows as there are at most."""
    if 0 in shape:
        return None
    rest = max(1, int(np.prod(shape[1:])) * itemsize)
    return (max(1, min(shape[0], (1 << 20) // rest)), *shape[1:])
