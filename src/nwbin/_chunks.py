"""Chunks of an HDF5 dataset, decoded side by side.

libhdf5 decodes one chunk at a time under one lock. Here the chunks that some rows touch are fetched as stored,
inflated on several threads (zlib releases the GIL) and put where they belong. Arrays in, arrays out: what the
chunks are and how to fetch their bytes comes from the caller.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin._kernels import threads as _threads

_inflater: Any = zlib
with suppress(ImportError):  # twice to three times as quick as zlib: `pip install isal`
    _inflater = import_module("isal.isal_zlib")

__all__ = ["DEFLATE", "SHUFFLE", "ChunkTable", "DamagedChunkError", "decode_into", "decoder_name"]

DEFLATE, SHUFFLE = 1, 2  # HDF5's numbers of the filters undone here

Fetch = Callable[[int], "bytes | memoryview"]


class DamagedChunkError(ValueError):
    """A chunk's bytes are not what they should be; the message says which and how."""


class ChunkTable(NamedTuple):
    """The chunks of a dataset that are stored.

    Attributes
    ----------
    shape, chunk
        Of the dataset and of a chunk.
    dtype
        As stored.
    filters
        Those applied when writing, in that order.
    first
        Each chunk's first element, int64 (chunks, dimensions).
    offset, size
        Where its bytes lie in the file, int64 (chunks,).
    skipped
        Bit i is set where filter i was not applied, int64 (chunks,).
    fill
        The value of elements in no stored chunk.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    filters: tuple[int, ...]
    first: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    skipped: npt.NDArray[np.int64]
    fill: Any

    def touching(self, begin: int, end: int) -> npt.NDArray[np.intp]:
        """Return which chunks hold any of the rows from `begin` to before `end`."""
        start = self.first[:, 0]
        return np.flatnonzero((start < end) & (start + self.chunk[0] > begin))


def decoder_name() -> str:
    """Return what inflates: "isal" or "zlib"."""
    return str(_inflater.__name__).partition(".")[0].partition("_")[0]


def _inflate(raw: Any, n_bytes: int) -> bytes:
    # One byte more than there should be, so that a chunk that inflates to too much is noticed, not followed.
    engine = _inflater.decompressobj()
    out: bytes = engine.decompress(raw, n_bytes + 1)
    if not engine.eof and len(out) < n_bytes:
        raise DamagedChunkError("its compressed data end too early")
    return out


def _decode(table: ChunkTable, raw: Any, skipped: int) -> npt.NDArray[np.uint8]:
    """Undo the filters of one chunk; returns its bytes, uint8 (itemsize, elements) if shuffled, else flat."""
    item = table.dtype.itemsize
    n_bytes = int(np.prod(table.chunk)) * item
    shuffled = False
    for position in reversed(range(len(table.filters))):
        if skipped >> position & 1:
            continue
        if table.filters[position] == DEFLATE:
            try:
                raw = _inflate(raw, n_bytes)
            except (zlib.error, _inflater.error) as error:
                raise DamagedChunkError(f"its compressed data are damaged ({error})") from error
        else:
            shuffled = item > 1
    if len(raw) != n_bytes:
        raise DamagedChunkError(f"it holds {len(raw)} bytes instead of {n_bytes}")
    data = np.frombuffer(raw, np.uint8)
    return data.reshape(item, -1) if shuffled else data


def _place(
    table: ChunkTable, data: npt.NDArray[np.uint8], first: npt.NDArray[np.int64], begin: int, out: Any
) -> None:
    """Copy the part of a decoded chunk that lies in the rows of `out` (which start at row `begin`)."""
    item = table.dtype.itemsize
    here, there = [], []
    for axis, (start, width) in enumerate(zip(first.tolist(), table.chunk, strict=True)):
        low = begin if axis == 0 else 0
        high = low + out.shape[0] if axis == 0 else table.shape[axis]
        a, b = max(start, low), min(start + width, high)
        if a >= b:
            return
        here.append(slice(a - start, b - start))
        there.append(slice(a - low, b - low))
    if data.ndim == 1:
        out[tuple(there)] = data.view(table.dtype).reshape(table.chunk)[tuple(here)]
        return
    if out.ndim == 1 and out.dtype == table.dtype and out.flags.c_contiguous:
        target = out[there[0]].view(np.uint8).reshape(-1, item)
        for byte in range(item):  # eight strided copies are quicker than one transposed one
            target[:, byte] = data[byte, here[0]]
        return
    plain = np.empty((data.shape[1], item), np.uint8)
    for byte in range(item):
        plain[:, byte] = data[byte]
    out[tuple(there)] = plain.view(table.dtype).reshape(table.chunk)[tuple(here)]


def decode_into(
    table: ChunkTable, fetch: Fetch, rows: slice, out: npt.NDArray[Any], *, threads: int | None = None
) -> None:
    """Decode some rows of a dataset into an array.

    Parameters
    ----------
    table
        The dataset's chunks.
    fetch
        Returns the bytes of a chunk, as stored, by its place in the table. Called from several threads.
    rows
        Which rows: start and stop within the dataset.
    out
        Filled: (rows, ...), of any dtype that the stored one converts to.
    threads
        How many at most. By default one a core.

    Raises
    ------
    DamagedChunkError
        A chunk's bytes are not what they should be.

    Notes
    -----
    Working set: `out`, and for each thread one chunk as stored and twice decoded.
    """
    wanted = table.touching(rows.start, rows.stop)
    whole = int(
        np.prod([-(-n // c) for n, c in zip(table.shape[1:], table.chunk[1:], strict=True)], dtype=np.int64)
    )
    spans = -(-rows.stop // table.chunk[0]) - rows.start // table.chunk[0]
    if len(wanted) < spans * whole:
        out[...] = table.fill

    def one(index: int) -> None:
        try:
            data = _decode(table, fetch(index), int(table.skipped[index]))
        except DamagedChunkError as error:
            place = tuple(table.first[index].tolist())
            raise DamagedChunkError(f"the chunk that starts at {place}: {error}") from None
        _place(table, data, table.first[index], rows.start, out)

    n = _threads.available() if threads is None else threads
    _threads.run([partial(one, index) for index in wanted.tolist()], min(n, max(1, len(wanted))))
