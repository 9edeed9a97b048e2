"""Which datasets' chunks nwbin decodes itself, and where those lie."""

from __future__ import annotations

import math
import os
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from nwbin._chunks import DEFLATE, SHUFFLE, ChunkTable, DamagedChunkError, Fetch, decode_into
from nwbin._hdf5._file import DAMAGED, OpenFile
from nwbin._hdf5._layout import Layout
from nwbin._heap import REFERENCE
from nwbin.errors import FileAccessError

__all__ = ["ChunkReader", "chunk_reader"]

_MOST_CHUNKS = 1 << 20  # places that are remembered
_AS_STORED = np.dtype(f"V{REFERENCE.itemsize}")  # references to strings are handed on as they are


class ChunkReader:
    """Decodes chunks of one dataset side by side: see :mod:`nwbin._chunks`."""

    def __init__(self, file: OpenFile, path: str, table: ChunkTable, fetch: Fetch) -> None:
        self._where = f"{file.name}: {path}"
        self._table, self._fetch = table, fetch

    def read_into(self, rows: slice, out: npt.NDArray[Any]) -> None:
        """Fill an array with some rows."""
        try:
            decode_into(self._table, self._fetch, rows, out)
        except DamagedChunkError as error:
            raise FileAccessError(f"{self._where}: {error}; {DAMAGED}") from error


def chunk_reader(file: OpenFile, path: str, node: Any, layout: Layout) -> ChunkReader | None:
    """Return what reads a dataset's chunks; None where it is left to libhdf5."""
    filters = _filters(node, layout)
    table = None if filters is None else _chunk_table(node, layout, filters)
    return None if table is None else ChunkReader(file, path, table, _fetcher(file, node, table))


def _filters(node: Any, layout: Layout) -> tuple[int, ...] | None:
    """Return a dataset's filters, None if not only chunks of numbers or strings under gzip and shuffle."""
    # Addresses of chunks in another file would be taken for some in this. h5py has no chunk_iter with an old libhdf5.
    if layout.chunks is None or not layout.here or not hasattr(node.id, "chunk_iter"):
        return None
    if 0 in layout.shape or not (layout.is_heap_text or (layout.kind == "number" and layout.dtype.isnative)):
        return None
    plist = node.id.get_create_plist()
    filters = tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters()))
    return filters if filters in {(), (SHUFFLE,), (DEFLATE,), (SHUFFLE, DEFLATE)} else None


def _chunk_table(node: Any, layout: Layout, filters: tuple[int, ...]) -> ChunkTable | None:
    """Ask libhdf5 where the chunks lie; None if that is not to be relied on."""
    n_chunks = node.id.get_num_chunks()
    if n_chunks > _MOST_CHUNKS:
        return None
    fill = node.fillvalue
    if layout.is_heap_text:
        fill = np.zeros((), _AS_STORED)[()]
        defined = node.id.get_create_plist().fill_value_defined()
        if defined == h5py.h5d.FILL_VALUE_USER_DEFINED and n_chunks < layout.n_chunks(layout.shape[0]):
            return None  # some text is the fill value, which only libhdf5 can find
    found: list[Any] = []
    node.id.chunk_iter(found.append)
    first = np.array([chunk.chunk_offset for chunk in found], np.int64).reshape(-1, len(layout.shape))
    if len(np.unique(first, axis=0)) != len(first):
        return None
    return ChunkTable(
        shape=layout.shape,
        chunk=layout.chunks or (),
        dtype=_AS_STORED if layout.is_heap_text else layout.dtype,
        filters=filters,
        first=first,
        offset=np.array([chunk.byte_offset or 0 for chunk in found], np.uint64),
        size=np.array([chunk.size for chunk in found], np.int64),
        skipped=np.array([chunk.filter_mask for chunk in found], np.int64),
        fill=fill,
    )


def _fetcher(file: OpenFile, node: Any, table: ChunkTable) -> Fetch:
    """Return a function that fetches a chunk's stored bytes, side by side with others where possible."""
    held = file.held
    if held is None or not file.has_plain_addresses or not hasattr(os, "pread"):
        places = table.first.tolist()
        return lambda index: node.id.read_direct_chunk(tuple(places[index]))[1]
    largest = math.prod(table.chunk) * table.dtype.itemsize * 2 + 4096

    def fetch(index: int) -> bytes:
        offset, size = int(table.offset[index]), int(table.size[index])
        if offset <= 0 or size < 0 or offset + size > file.size or size > largest:
            raise DamagedChunkError(f"its {size} bytes at {offset} are not in the file")
        return os.pread(held.descriptor, size, offset)

    return fetch
