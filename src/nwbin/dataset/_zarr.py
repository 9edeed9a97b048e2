"""Spike counts of many sessions in one Zarr store: a group a session, which xarray opens."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import nwbin
from nwbin.dataset._claim import Claim
from nwbin.dataset._sinks import ForeignResultError, Written, is_there, need, place_of, write_json
from nwbin.dataset._stamps import Stamp, content_of, is_whole_folder, read_json, said_of
from nwbin.dataset._work import Counted
from nwbin.errors import FileAccessError
from nwbin.export._table import unit_columns

__all__ = ["ZarrStore", "chunks_of", "write_group"]

_CHUNK = 1 << 20  # bytes that are compressed and read as one
_SHARD = 48 << 20  # bytes in one file


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


def write_group(path: Path, counted: Counted, attributes: Mapping[str, Any]) -> None:
    """Count, and write a session's group: `spike_counts` (presentation, bin, unit) and labels along each.

    In bounded memory: one row of files at a time.
    """
    import zarr
    from zarr.codecs import BloscCodec

    windows = counted.windows
    shape = (windows.shape[0], windows.shape[1], windows.shape[2])
    dtype = np.dtype(windows.dtype)
    chunks, shards = chunks_of(shape, max(1, dtype.itemsize))
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle" if dtype.itemsize > 1 else "noshuffle")
    group = zarr.open_group(str(path), mode="w", zarr_format=3, attributes=dict(attributes))
    labels = _labels(counted)
    auxiliary = " ".join(name for name in labels if name not in ("presentation", "bin", "unit"))
    array = group.create_array(
        "spike_counts", shape=shape, dtype=dtype, chunks=chunks, shards=shards, compressors=codec, fill_value=0,
        dimension_names=("presentation", "bin", "unit"), config=_EVERY_CHUNK,
        attributes={"long_name": "number of spikes", "closed": windows.closed, "coordinates": auxiliary},
    )  # fmt: skip
    for name, (dimension, values) in labels.items():
        text = values.dtype.kind in "OU"
        made = group.create_array(
            name, shape=values.shape, dtype=str if text else values.dtype, dimension_names=(dimension,),
            chunks=(max(1, len(values)),), config=_EVERY_CHUNK, attributes={"units": "s"} if name in _SECONDS else {},
        )  # fmt: skip
        if len(values):
            made[:] = np.asarray(values, dtype=np.str_) if text else values
    if 0 not in shape:
        for start, block in _slabs(windows, shape, dtype, shards[0]):
            array[start : start + len(block)] = block
    with (
        warnings.catch_warnings()
    ):  # the format's authors have not settled where this stands; xarray asks for it
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(str(path))


# Chunks of nothing but zeros too: so that one that is not there is one that was lost.
_EVERY_CHUNK: Any = {"write_empty_chunks": True}
_SECONDS = ("start_time", "stop_time", "duration", "bin", "bin_start", "bin_stop")


def _slabs(windows: Any, shape: tuple[int, int, int], dtype: np.dtype[Any], rows: int) -> Any:
    """Yield (first presentation, counts) in slabs that fill whole files."""
    slab: npt.NDArray[Any] = np.empty((min(rows, shape[0]), shape[1], shape[2]), dtype)
    filled = done = 0
    for _, block in windows.blocks(32 << 20):
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


def _labels(counted: Counted) -> dict[str, tuple[str, npt.NDArray[Any]]]:
    """Name -> dimension and values: presentations' parameters, bins' edges, units' metrics."""
    windows = counted.windows
    row, time, _ = windows.dims
    found: dict[str, tuple[str, npt.NDArray[Any]]] = {}
    for name, (dims, values) in windows.coordinates().items():
        dimension = "bin" if dims == (time,) else "presentation"
        found["bin" if name == time else name] = (dimension, _plain(values))
    found["presentation"] = ("presentation", found[row][1])
    found["unit"] = ("unit", _plain(windows.unit_ids))
    for name, values in unit_columns(counted.units, [*found, "spike_counts"]).items():
        found[name] = ("unit", _plain(values))
    return found


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    return np.asarray(["" if one is None or one != one else str(one) for one in values], dtype=np.str_)


_META = "zarr.json"
_OF_ZARR_2 = (".zgroup", ".zarray", ".zattrs", ".zmetadata")


def missing_files(group: Path) -> Iterator[Path]:
    """The files that a group's arrays list and that are not there, or empty."""
    listed = (read_json(group / _META) or {}).get("consolidated_metadata", {}).get("metadata", {})
    if not listed:
        yield group / _META
    for name in listed:
        said = read_json(group / name / _META)
        if said is None:
            yield group / name / _META
            continue
        chunk = said["chunk_grid"]["configuration"]["chunk_shape"]
        grid = [math.ceil(size / step) for size, step in zip(said["shape"], chunk, strict=True)]
        for place in np.ndindex(*grid):
            file = group.joinpath(name, "c", *map(str, place))
            if not file.is_file() or not file.stat().st_size:
                yield file


class ZarrStore:
    """A Zarr store with a group ``session_<id>`` for each session."""

    def __init__(self, root: Path) -> None:
        need("zarr", "zarr", f"{root}: a Zarr store")
        self.root = root

    def begin(self, spec: Mapping[str, Any]) -> None:
        at = self.root / _META
        if is_there(at) and not isinstance(_own(at).get("spec"), dict):
            raise ForeignResultError(at, "was not written by a job")
        for name in _OF_ZARR_2:
            if is_there(self.root / name):
                raise ForeignResultError(self.root / name, "belongs to a store of Zarr 2")
        self.root.mkdir(exist_ok=True)
        # Written anew, so that no list of an earlier run's sessions is taken for all while this one goes on.
        attributes = {"nwbin": {"version": nwbin.__version__, "spec": dict(spec)}}
        write_json(at, {"zarr_format": 3, "node_type": "group", "attributes": attributes})

    def finish(self) -> None:
        import zarr

        with warnings.catch_warnings():  # as above
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(str(self.root))

    def place(self, key: int | str) -> Path:
        return place_of(self.root, key)

    def written(self, key: int | str) -> Written | None:
        place = self.place(key)
        if not is_there(place):
            return None
        said = _own(place / _META)
        if not isinstance(said.get("stamp"), dict):
            raise ForeignResultError(place, "has no stamp of a job")
        return Written(said["stamp"], is_whole_folder(place, said.get("content"), [_META]))

    def save(
        self, claim: Claim, key: int | str, value: Counted, stamp: Stamp, ready: Callable[[], None]
    ) -> None:
        with claim.part() as folder:
            part = folder / self.place(key).name
            write_group(part, value, value.about)
            claim.check()
            for file in missing_files(part):
                raise FileAccessError(
                    f"{self.place(key)}: {file.relative_to(part)} was lost while it was written"
                )
            made = read_json(part / _META) or {}
            made["attributes"]["nwbin"] = {**said_of(stamp), "content": content_of(part, [_META])}
            write_json(part / _META, made)
            old = [] if self.written(key) is None else [self.place(key)]
            claim.put(folder, [(part, self.place(key))], old, ready)

    def load(self, key: int | str) -> Any:
        import xarray as xr

        return xr.open_zarr(str(self.place(key)), chunks=None)


def _own(path: Path) -> dict[str, Any]:
    """What nwbin itself says in a group's attributes."""
    attributes = (read_json(path) or {}).get("attributes")
    said = attributes.get("nwbin") if isinstance(attributes, dict) else None
    return said if isinstance(said, dict) else {}
