"""Chunks of an HDF5 dataset, decoded side by side.

libhdf5 decodes one chunk at a time under one lock. Here the chunks that some rows touch are fetched as stored,
inflated on several threads (zlib releases the GIL) and put where they belong. Arrays in, arrays out: what the
chunks are and how to fetch their bytes comes from the caller.

libhdf5 also believes a chunk: one that inflates to less than its dataset says leaves whatever was in memory as
values, and one that inflates to more is followed to its end, gigabytes away. Here no chunk is inflated further
than its dataset says, and one that is then not exactly as long is an error.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin import _threads

__all__ = [
    "FILTERS",
    "ChunkTable",
    "DamagedChunkError",
    "Fetch",
    "FetchMany",
    "can_measure",
    "can_undo",
    "check_chunk",
    "decode_into",
]

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3  # HDF5's numbers of the filters undone here
LZF = 32000  # and of the one that is only measured
# What HDF5's filters are called, as far as files have them.
FILTERS = {
    DEFLATE: "gzip", SHUFFLE: "shuffle", FLETCHER32: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset",
    LZF: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd", 32026: "blosc2",
}  # fmt: skip

_CHECKSUM = 4  # bytes, that FLETCHER32 puts behind the others
_WORDS = 1 << 16  # of 16 bits, summed up at a time
_BATCH = 1 << 26  # bytes of chunks that are fetched at once

Fetch = Callable[[int], "bytes | memoryview"]
FetchMany = Callable[["npt.NDArray[np.intp]"], Fetch]


@cache
def _inflater() -> Any:
    """What inflates: isal, where it is installed, is twice to three times as quick as zlib."""
    with suppress(ImportError):
        return import_module("isal.isal_zlib")
    return zlib


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
    offset: npt.NDArray[np.uint64]
    size: npt.NDArray[np.int64]
    skipped: npt.NDArray[np.int64]
    fill: Any

    @property
    def n_bytes(self) -> int:
        """Bytes of a decoded chunk."""
        return math.prod(self.chunk) * self.dtype.itemsize

    def touching(self, begin: int, end: int) -> npt.NDArray[np.intp]:
        """Return which chunks hold any of the rows from `begin` to before `end`."""
        start = self.first[:, 0]
        return np.flatnonzero((start < end) & (start + self.chunk[0] > begin))


def can_undo(filters: tuple[int, ...]) -> bool:
    """Whether chunks under these filters are decoded here.

    Each at most once; shuffling before all others, as it goes by the bytes of values.
    """
    known = {DEFLATE, SHUFFLE, FLETCHER32}
    return known.issuperset(filters) and len(set(filters)) == len(filters) and SHUFFLE not in filters[1:]


def can_measure(filters: tuple[int, ...]) -> bool:
    """Whether it is known here how long chunks under these filters are when decoded: also under lzf.

    Each at most once. Of what is under lzf or shuffled only the length is known, which is not enough to inflate it.
    """
    known = {DEFLATE, SHUFFLE, FLETCHER32, LZF}
    if not known.issuperset(filters) or len(set(filters)) != len(filters) or {DEFLATE, LZF} <= set(filters):
        return False
    return DEFLATE not in filters or SHUFFLE not in filters[filters.index(DEFLATE) :]


def _inflate(raw: Any, n_bytes: int) -> bytes:
    engine = _inflater().decompressobj()
    try:
        # One byte more than there should be, so that a chunk that inflates to too much is noticed, not followed.
        out: bytes = engine.decompress(raw, n_bytes + 1)
    except (zlib.error, _inflater().error) as error:
        raise DamagedChunkError(f"its compressed data are damaged ({error})") from error
    if len(out) > n_bytes:
        raise DamagedChunkError(
            f"it inflates to more than the {n_bytes:,} bytes that a chunk has here, and was not inflated further"
        )
    if not engine.eof:  # with which its checksum was compared
        raise DamagedChunkError("its compressed data end too early")
    return out


def _summed(data: memoryview) -> int:
    """Return HDF5's Fletcher-32 checksum."""
    n_words = len(data) // 2
    words = np.frombuffer(data, ">u2", n_words).astype(np.int64)
    if len(data) % 2:
        words = np.append(words, data[-1] << 8)
    low = high = 0
    for begin in range(0, len(words), _WORDS):
        some = words[begin : begin + _WORDS]
        high += low * len(some) + int((some * np.arange(len(some), 0, -1)).sum())
        low += int(some.sum())
    # Modulo 65535, but never 0 unless all are: HDF5 adds the upper bits to the lower ones.
    low, high = ((total - 1) % 0xFFFF + 1 if total else 0 for total in (low, high))
    return high << 16 | low


def _without_checksum(raw: Any) -> memoryview:
    view = memoryview(raw)
    if len(view) < _CHECKSUM:
        raise DamagedChunkError(f"it holds {len(view)} bytes, less than its checksum has")
    data, stored = view[:-_CHECKSUM], bytes(view[-_CHECKSUM:])
    right = _summed(data).to_bytes(_CHECKSUM, "little")
    if stored not in (right, right[1::-1] + right[:1:-1]):  # old libraries put the bytes of each half in turn
        raise DamagedChunkError("its checksum is not that of its data")
    return data


def _lzf_length(raw: Any, n_bytes: int) -> int:
    """Return how many bytes lzf would make of these; its stream is walked along, and nothing is decoded."""
    at, end, length = 0, len(raw), 0
    while at < end:
        control = raw[at]
        at += 1
        if control < 32:  # so many bytes and one more follow as they are
            at += control + 1
            length += control + 1
        else:  # so many bytes and two more are repeated from further back; how far is said last
            many = control >> 5
            if many == 7:
                many += raw[at] if at < end else 0
                at += 1
            at += 1
            length += many + 2
        if length > n_bytes:
            raise DamagedChunkError(f"it decodes to more than the {n_bytes:,} bytes that a chunk has here")
    if at != end or not end:
        raise DamagedChunkError("its compressed data end too early")
    return length


def _decode(table: ChunkTable, raw: Any, skipped: int) -> npt.NDArray[np.uint8]:
    """Undo the filters of one chunk, but for the shuffling.

    Returns its bytes, value by value (n,); or, where they are shuffled, the first bytes of all values, then all
    their second ones, and so on, (itemsize, values).
    """
    item, n_bytes = table.dtype.itemsize, table.n_bytes
    applied = [kind for position, kind in enumerate(table.filters) if not skipped >> position & 1]
    for position, kind in reversed([*enumerate(applied)]):  # the last that was applied comes off first
        if kind == FLETCHER32:
            raw = _without_checksum(raw)
        elif kind == DEFLATE:
            raw = _inflate(raw, n_bytes + _CHECKSUM * (FLETCHER32 in applied[:position]))
    shuffled = SHUFFLE in applied and item > 1
    if len(raw) != n_bytes:
        raise DamagedChunkError(f"it holds {len(raw)} bytes instead of {n_bytes}")
    data = np.frombuffer(raw, np.uint8)
    return data.reshape(item, -1) if shuffled else data


def check_chunk(table: ChunkTable, raw: Any, skipped: int) -> None:
    """Raise DamagedChunkError unless a chunk's stored bytes decode to as many as it should have."""
    applied = [kind for position, kind in enumerate(table.filters) if not skipped >> position & 1]
    length: int | None = None  # where only that is known
    for position, kind in reversed([*enumerate(applied)]):
        most = table.n_bytes + _CHECKSUM * (FLETCHER32 in applied[:position])
        if kind == LZF:
            length = _lzf_length(raw, most)
        elif kind == SHUFFLE:
            length = len(raw) if length is None else length
        elif kind == FLETCHER32 and length is not None:
            length -= _CHECKSUM  # what it says, libhdf5 compares
        elif kind == FLETCHER32:
            raw = _without_checksum(raw)
        else:
            raw = _inflate(raw, most)
    length = len(raw) if length is None else length
    if length != table.n_bytes:
        raise DamagedChunkError(f"it holds {length} bytes instead of {table.n_bytes}")


def _unshuffle(data: npt.NDArray[np.uint8], values: npt.NDArray[Any]) -> None:
    target = values.view(np.uint8).reshape(-1, len(data))
    for byte in range(len(data)):  # eight strided copies are quicker than one transposed one
        target[:, byte] = data[byte]


def _place(
    table: ChunkTable, data: npt.NDArray[np.uint8], first: list[int], begin: int, out: npt.NDArray[Any]
) -> None:
    """Copy the part of a decoded chunk that lies in `out`, which holds the dataset's rows from `begin` on."""
    here, there = [], []
    for axis, begins in enumerate(first):
        low = begin if axis == 0 else 0
        high = low + (len(out) if axis == 0 else table.shape[axis])
        start, stop = max(begins, low), min(begins + table.chunk[axis], high)
        if start >= stop:
            return
        here.append(slice(start - begins, stop - begins))
        there.append(slice(start - low, stop - low))
    if data.ndim == 1:
        values = data.view(table.dtype)
    elif out.ndim == 1 and out.dtype == table.dtype and out.flags.c_contiguous:
        _unshuffle(data[:, here[0]], out[there[0]])  # at once where it belongs: a fifth quicker
        return
    else:
        values = np.empty(data.shape[1], table.dtype)
        _unshuffle(data, values)
    out[tuple(there)] = values.reshape(table.chunk)[tuple(here)]


def decode_into(
    table: ChunkTable,
    fetch: Fetch,
    rows: slice,
    out: npt.NDArray[Any],
    fetch_many: FetchMany | None = None,
) -> None:
    """Decode some rows of a dataset into an array, on all cores or the share of them that this is given.

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
    fetch_many
        Fetches many chunks at once, for where each by itself would be a round trip; `fetch` is then not called.

    Raises
    ------
    DamagedChunkError
        A chunk's bytes are not what they should be.

    Notes
    -----
    Working set: `out`, and for each thread one chunk as stored and twice decoded; of chunks that are fetched many at
    once, also those, 64 MiB (one chunk where it is larger).
    """
    wanted = table.touching(rows.start, rows.stop)
    lengths = [-(-rows.stop // table.chunk[0]) - rows.start // table.chunk[0]]  # in chunks, along each axis
    lengths += [-(-n // chunk) for n, chunk in zip(table.shape[1:], table.chunk[1:], strict=True)]
    if len(wanted) < math.prod(lengths):
        out[...] = table.fill

    def one(index: int, fetch: Fetch) -> None:
        first = table.first[index].tolist()
        try:
            data = _decode(table, fetch(index), int(table.skipped[index]))
        except DamagedChunkError as error:
            raise DamagedChunkError(f"the chunk that starts at {tuple(first)}: {error}") from None
        _place(table, data, first, rows.start, out)

    for some in [wanted] if fetch_many is None else _batches(table, wanted):
        fetched = fetch if fetch_many is None else fetch_many(some)
        tasks = [partial(one, index, fetched) for index in some.tolist()]
        _threads.run(tasks, _threads.as_threads(None))


def _batches(table: ChunkTable, wanted: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Share out chunks so that those of one batch take 64 MiB as stored, or are one."""
    sizes = np.minimum(table.size[wanted], _BATCH)  # damaged ones may claim anything
    batch = np.cumsum(sizes) // _BATCH
    return np.split(wanted, np.flatnonzero(np.diff(batch)) + 1) if len(wanted) else []
