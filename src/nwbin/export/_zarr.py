"""Counts as a Zarr group, which xarray opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._kept_back import others_left_out
from nwbin.binning import Progress
from nwbin.errors import ArgumentError, FileAccessError
from nwbin.export._output import labels_with_units
from nwbin.responses.counts import LabelledCounts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["chunks_of", "write_zarr_group"]

_CHUNK = 1 << 20  # bytes that are compressed and read as one
_SHARD = 48 << 20  # bytes in one file
# Chunks of nothing but zeros too: so that one that is not there is one that was lost.
_EVERY_CHUNK: Any = {"write_empty_chunks": True}


def write_zarr_group(
    path: Path,
    counts: LabelledCounts,
    *,
    units: pd.DataFrame | None = None,
    attributes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> None:
    """Count, and write a group: `spike_counts` and the labels along its dimensions, in bounded memory.

    Parameters
    ----------
    path
        A folder that is not there yet, or empty. Whoever needs it whole or not at all writes beside, and renames.
    counts
        Of three dimensions, such as :class:`nwbin.responses.counts.AlignedCounts`.
    units
        Columns about units, in the order of the counts; one that has the name of a label is ``unit_<name>``.
    attributes
        Of the group.
    progress
        Called with (presentations done, in all).

    Examples
    --------
    >>> from pathlib import Path
    >>> counts = nwbin.responses.AlignedCounts({7: [0.1, 1.1, 1.2]}, [0.0, 1.0], [0.0, 0.25, 0.5])
    >>> write_zarr_group(Path("flashes.zarr"), counts)
    >>> xr.open_zarr("flashes.zarr", consolidated=False).spike_counts.shape
    (2, 2, 1)
    """
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

    if path.is_dir() and any(path.iterdir()):
        raise FileAccessError(
            f"{path}: is a folder with something in it, which is not replaced; give another path"
        )
    if len(counts.shape) != 3:
        raise ArgumentError(f"{path}: a group is of counts by presentation, bin and unit, not {counts.dims}")
    presentations, bins, width = counts.shape
    dtype = np.dtype(counts.dtype)
    chunks, shards = chunks_of((presentations, bins, width), max(1, dtype.itemsize))
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle" if dtype.itemsize > 1 else "noshuffle")
    checksum = (
        Crc32cCodec()
    )  # last: a chunk that was changed on the disk raises when it is read, whoever reads it
    group = zarr.open_group(str(path), mode="w", zarr_format=3, attributes=dict(attributes or {}))
    labels = labels_with_units(counts, units)
    auxiliary = " ".join(name for name in labels if name not in counts.dims)
    array = group.create_array(
        "spike_counts", shape=counts.shape, dtype=dtype, chunks=chunks, shards=shards, fill_value=0,
        compressors=(codec, checksum), dimension_names=counts.dims, config=_EVERY_CHUNK,
        attributes={"long_name": "number of spikes", "closed": counts.closed, "coordinates": auxiliary},
    )  # fmt: skip
    for name, (dims, values, described) in labels.items():
        text = values.dtype.kind == "U"
        made = group.create_array(
            name, shape=values.shape, dtype=str if text else values.dtype, dimension_names=dims,
            chunks=(max(1, len(values)),), compressors=(ZstdCodec(), checksum), config=_EVERY_CHUNK,
            attributes={**described},
        )  # fmt: skip
        if len(values):
            made[:] = values
    if 0 not in counts.shape:
        for start, slab in _slabs(counts, shards[0]):
            array[start : start + len(slab)] = slab
            if progress is not None:
                progress(start + len(slab), presentations)
    # The format's authors have not settled where this stands; xarray asks for it.
    with others_left_out("Consolidated metadata is"):
        zarr.consolidate_metadata(str(path))


def chunks_of(shape: tuple[int, int, int], itemsize: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Choose chunks (presentations, bins, units) and shards, the files that hold many chunks each.

    One unit over all presentations, and one presentation over all units, both cost a small part of the whole:
    a chunk holds few units (64) and few presentations (1,024 at most), and all bins as far as they fit.
    """
    presentations, bins, units = (max(1, n) for n in shape)
    few = min(units, 64)
    some = min(bins, max(1, _CHUNK // (few * itemsize * min(presentations, 32))))
    rows = min(presentations, 1024, max(1, _CHUNK // (few * some * itemsize)))
    across = -(-units // few) * few, -(-bins // some) * some
    blocks = max(1, min(-(-presentations // rows), _SHARD // max(1, rows * across[0] * across[1] * itemsize)))
    return (rows, some, few), (rows * blocks, across[1], across[0])


def _slabs(counts: LabelledCounts, rows: int) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield (first presentation, counts) in slabs that fill whole files."""
    slab: npt.NDArray[Any] = np.empty((min(rows, counts.shape[0]), *counts.shape[1:]), counts.dtype)
    filled = done = 0
    for _, block in counts.blocks():
        taken = 0
        while taken < len(block):
            step = min(len(slab) - filled, len(block) - taken)
            slab[filled : filled + step] = block[taken : taken + step]
            filled, taken = filled + step, taken + step
            if filled == len(slab):
                yield done, slab
                done, filled = done + filled, 0
    if filled:
        yield done, slab[:filled]
