"""Which datasets' chunks nwbin decodes itself, where those lie, and what is made sure of the others."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.errors import FileAccessError
from nwbin.storage.hdf5._chunks import (
    ChunkTable,
    DamagedChunkError,
    Fetch,
    FetchMany,
    can_measure,
    can_undo,
    check_chunk,
    decode_into,
)
from nwbin.storage.hdf5._file import DAMAGED, OpenFile
from nwbin.storage.hdf5._heap import REFERENCE
from nwbin.storage.hdf5._storage_layout import Layout, is_as_stored

try:  # h5py's own lock, which its objects take, too, when they end in any thread
    from h5py._objects import phil as _hdf5_lock
except ImportError:
    _hdf5_lock = threading.RLock()

__all__ = ["ChunkCheck", "ChunkReader", "chunk_check", "chunk_reader"]

_MOST_CHUNKS = 1 << 20  # places that are remembered
MOST_AT_ONCE = 1 << 28  # bytes of chunks, as stored, that are fetched before any is decoded
_AS_STORED = np.dtype(f"V{REFERENCE.itemsize}")  # references to strings are handed on as they are
_SMALLER = "have the file written with smaller chunks (by h5repack, say)"
_SLACK = (
    4096  # bytes that a chunk may have more than twice those it holds: filters that gain nothing add some
)


class ChunkReader:
    """Decodes chunks of one dataset side by side: see :mod:`nwbin.storage.hdf5._chunks`."""

    def __init__(
        self, file: OpenFile, path: str, table: ChunkTable, fetch: Fetch, fetch_many: FetchMany | None
    ) -> None:
        self._where, self._file, self._path = f"{file.name}: {path}", file, path
        self._table, self._fetch, self._fetch_many = table, fetch, fetch_many

    def read_into(self, rows: slice, out: npt.NDArray[Any]) -> None:
        """Fill an array with some rows."""
        size = self._table.n_bytes
        require(3 * size, f"{self._where}: a chunk of {size:,} bytes, while it is decoded, would", _SMALLER)
        try:
            decode_into(self._table, self._fetch, rows, out, self._fetch_many)
        except DamagedChunkError as error:
            raise FileAccessError(f"{self._where}: {error}; {DAMAGED}") from error

    def read_many(self, pairs: list[tuple[slice, npt.NDArray[Any]]]) -> None:
        """Fill arrays with spans of rows; of a file on a server all chunks come at once, if they are not too many."""
        fetch, table = self._fetch_many, self._table
        none = [np.empty(0, np.intp)]
        wanted = np.unique(
            np.concatenate(none + [table.touching(rows.start, rows.stop) for rows, _ in pairs])
        )
        if fetch is None or int(table.size[wanted].sum()) > MOST_AT_ONCE:
            for rows, out in pairs:
                self.read_into(rows, out)
            return
        held = ChunkReader(self._file, self._path, table, fetch(wanted), None)
        for rows, out in pairs:
            held.read_into(rows, out)


class ChunkCheck:
    """Measures the chunks that libhdf5 is about to decode: it does not compare their lengths."""

    def __init__(self, file: OpenFile, path: str, node: Any, table: ChunkTable) -> None:
        self._where = f"{file.name}: {path}"
        self._node, self._table = node, table

    def rows(self, rows: slice) -> None:
        """Raise FileAccessError unless each chunk that some rows touch is as long as it should be."""
        for first in self._chunks(rows):
            found = self._node.id.get_chunk_info_by_coord(first)
            if found.byte_offset is None:  # never written
                continue
            try:
                if found.size > 2 * self._table.n_bytes + _SLACK:
                    raise DamagedChunkError(f"its {found.size:,} bytes are more than such a chunk can have")
                check_chunk(self._table, _stored_chunk(self._node, first), found.filter_mask)
            except DamagedChunkError as error:
                raise FileAccessError(
                    f"{self._where}: the chunk that starts at {first}: {error}; {DAMAGED}"
                ) from error

    def _chunks(self, rows: slice) -> Iterator[tuple[int, ...]]:
        bounds = [(rows.start, rows.stop), *((0, n) for n in self._table.shape[1:])]
        axes = [
            range(low // step * step, high, step)
            for (low, high), step in zip(bounds, self._table.chunk, strict=True)
        ]
        return itertools.product(*axes)


def chunk_reader(file: OpenFile, path: str, node: Any, layout: Layout) -> ChunkReader | None:
    """Return what reads a dataset's chunks; None where it is left to libhdf5."""
    # Addresses of chunks in another file would be taken for some in this. h5py has no chunk_iter with an old libhdf5.
    if layout.chunks is None or not layout.here or not hasattr(node.id, "chunk_iter"):
        return None
    if 0 in layout.shape or not can_undo(layout.filters):
        return None
    if not (layout.is_heap_text or is_as_stored(node, layout)):
        return None
    if file.ahead is not None:
        file.ahead.chunk_index(h5py.h5o.get_info(node.id).addr)
    table = _chunk_table(node, layout)
    if table is None:
        return None
    return ChunkReader(file, path, table, _fetcher(file, node, table), _remote_fetcher(file, table))


def chunk_check(file: OpenFile, path: str, node: Any, layout: Layout) -> ChunkCheck | None:
    """Return what looks at a dataset's chunks before libhdf5 decodes them; None where it cannot, or need not."""
    if layout.chunks is None or not layout.filters or not can_measure(layout.filters):
        return None
    none = np.empty(0, np.int64)
    # Of references to text, libhdf5 tells the size that they have in memory.
    kind = _AS_STORED if layout.is_heap_text else np.dtype(f"V{node.id.get_type().get_size()}")
    first = none.reshape(0, len(layout.shape))
    table = ChunkTable(
        layout.shape, layout.chunks, kind, layout.filters, first, none.astype(np.uint64), none, none, None
    )
    return ChunkCheck(file, path, node, table)


def _chunk_table(node: Any, layout: Layout) -> ChunkTable | None:
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
        filters=layout.filters,
        first=first,
        offset=np.array([chunk.byte_offset or 0 for chunk in found], np.uint64),
        size=np.array([chunk.size for chunk in found], np.int64),
        skipped=np.array([chunk.filter_mask for chunk in found], np.int64),
        fill=fill,
    )


def _stored_chunk(node: Any, first: tuple[int, ...]) -> Any:
    """Return a chunk's bytes as stored, by libhdf5.

    Under h5py's lock, which h5py 3.11 does not take for this: two threads in libhdf5 at once, which a file object lets
    happen, break its state, and with it whatever is read later.
    """
    with _hdf5_lock:
        return node.id.read_direct_chunk(first)[1]


def _fetcher(file: OpenFile, node: Any, table: ChunkTable) -> Fetch:
    """Return a function that fetches a chunk's stored bytes, side by side with others where possible."""
    held, largest = file.held, 2 * table.n_bytes + _SLACK
    places = table.first.tolist()

    def place(index: int) -> tuple[int, int]:
        offset, size = int(table.offset[index]), int(table.size[index])
        if offset <= 0 or size < 0 or offset + size > file.size or size > largest:
            raise DamagedChunkError(f"its {size} bytes at {offset} are not in the file")
        return size, offset

    def through_libhdf5(index: int) -> Any:
        place(index)
        return _stored_chunk(node, tuple(places[index]))

    if held is None or not file.has_plain_addresses or not hasattr(os, "pread"):
        return through_libhdf5
    return lambda index: os.pread(held.descriptor, *place(index))


def _remote_fetcher(file: OpenFile, table: ChunkTable) -> FetchMany | None:
    """Return a function that fetches many chunks of a file on a server at once; None for any other file."""
    remote, largest = file.remote, 2 * table.n_bytes + _SLACK
    if remote is None or not file.has_plain_addresses:
        return None

    def many(indexes: npt.NDArray[np.intp]) -> Fetch:
        fetched: dict[int, npt.NDArray[np.uint8]] = {}
        targets = []
        for index in indexes.tolist():
            offset, size = int(table.offset[index]), int(table.size[index])
            if offset > 0 and 0 <= size <= largest and offset + size <= file.size:
                fetched[index] = np.empty(size, np.uint8)
                targets.append((offset, fetched[index]))
        remote.read_into(targets)

        def one(index: int) -> memoryview:
            if index not in fetched:
                size, offset = int(table.size[index]), int(table.offset[index])
                raise DamagedChunkError(f"its {size} bytes at {offset} are not in the file")
            return fetched[index].data

        return one

    return many
