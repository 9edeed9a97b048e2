"""Shards: files of Zarr 3 that hold many chunks each, and an index of where in them each lies.

The index is read first, then the bytes of those chunks alone that are asked for. It is data: no chunk is taken from
outside its file, or longer than a chunk can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError
from nwbin.storage.zarr._codecs import Codec, undo
from nwbin.storage.zarr._parts_of_files import PartsOfFile

__all__ = ["NAME", "Shard", "read_shard", "shard_of"]

NAME = "sharding_indexed"
_LARGEST = 1 << 26  # bytes of an index: of 4 million chunks
_ABSENT = np.uint64(0xFFFFFFFFFFFFFFFF)
_CRC32C = (Codec("crc32c", {}),)


class Shard(NamedTuple):
    """How chunks lie in shards.

    Attributes
    ----------
    chunks
        So many in a shard, along each dimension.
    at_end
        Whether the index is behind the chunks; else it is before them.
    has_checksum
        Whether there is one (CRC-32C) behind the index.
    """

    chunks: tuple[int, ...]
    at_end: bool
    has_checksum: bool

    @property
    def index_bytes(self) -> int:
        """Bytes of an index: where each chunk begins, and how long it is."""
        return 16 * math.prod(self.chunks) + 4 * self.has_checksum

    def place(self, chunk: tuple[int, ...]) -> tuple[int, ...]:
        """In which shard a chunk lies."""
        return tuple(at // n for at, n in zip(chunk, self.chunks, strict=True))

    def number(self, chunk: tuple[int, ...]) -> int:
        """The how manieth of its shard's index a chunk is."""
        found = 0
        for at, n in zip(chunk, self.chunks, strict=True):
            found = found * n + at % n
        return found


def shard_of(said: Mapping[str, Any], shape: Sequence[int], inner: Sequence[int]) -> tuple[Shard, str]:
    """Read a sharding codec's settings: how chunks of a shape lie in shards, and why they cannot be read, if so.

    Raises ValueError, KeyError or TypeError where they are not what they should be.
    """
    if len(shape) != len(inner) or any(n % part for n, part in zip(shape, inner, strict=True)):
        raise ValueError(f"its shards of shape {tuple(shape)} are no whole numbers of chunks {tuple(inner)}")
    location = said.get("index_location", "end")
    if location not in ("start", "end"):
        raise ValueError(f"its shards have their index at {location!r:.40}")
    packed = said["index_codecs"]
    names = [str(one["name"]) for one in packed]
    found = Shard(
        tuple(n // part for n, part in zip(shape, inner, strict=True)),
        location == "end",
        len(names) > 1,
    )
    known = names in (["bytes"], ["bytes", "crc32c"])
    endian = (packed[0].get("configuration") or {}).get("endian", "little") if known else ""
    refused = ""
    if endian != "little":
        refused = f"is stored in shards whose index is packed by {', '.join(names)!r:.60}; read it with zarr"
    elif found.index_bytes > _LARGEST:
        refused = (
            f"is stored in shards of {math.prod(found.chunks):,} chunks, whose index is larger than the "
            f"{_LARGEST:,} bytes that are read of one; have it written anew in larger chunks"
        )
    return found, refused


def read_shard(
    file: PartsOfFile | None, where: str, shard: Shard, numbers: Sequence[int], most: int
) -> list[bytes | None]:
    """Read chunks of a shard by their numbers; None for those that are not there.

    Parameters
    ----------
    file
        The shard; None where it is not there.
    where
        Its name, for messages.
    shard
        What chunks it has.
    numbers
        Which are read.
    most
        Bytes that a chunk can have.

    Raises
    ------
    FileAccessError
        The shard is damaged.
    """
    if file is None:
        return [None] * len(numbers)
    index = _index(file, shard, where)[list(numbers)]
    there = ~(index == _ABSENT).all(axis=1)
    size = np.uint64(file.size)
    # In this order: their sum may be more than there are numbers for.
    wrong = there & ((index[:, 0] > size) | (index[:, 1] > size) | (index[:, 1] > np.uint64(most)))
    wrong |= there & (index[:, 0] > size - np.minimum(index[:, 1], size))
    if wrong.any():
        begin, length = index[int(np.flatnonzero(wrong)[0])].tolist()
        raise FileAccessError(
            f"{where}: says that a chunk of {length:,} bytes begins at byte {begin:,}; the shard has {file.size:,} "
            f"bytes, and a chunk at most {most:,}: it is damaged; copy the store again"
        )
    spans = [(int(begin), int(begin) + int(length)) for begin, length in index[there].tolist()]
    once = sorted(
        set(spans)
    )  # in the order in which they lie: what is unpacked to be read goes back for none
    if sum(stop - start for start, stop in once) > file.size:  # a few bytes could be any number of chunks
        raise FileAccessError(
            f"{where}: says that chunks lie in one another, as {len(once):,} have more than its {file.size:,} bytes "
            "together: it is damaged; copy the store again"
        )
    raws = dict(zip(once, file.read(once), strict=True))
    found = iter(spans)
    return [raws[next(found)] if one else None for one in there.tolist()]


def _index(file: PartsOfFile, shard: Shard, where: str) -> npt.NDArray[np.uint64]:
    n_bytes = shard.index_bytes
    if file.size < n_bytes:
        raise FileAccessError(
            f"{where}: has {file.size:,} bytes, fewer than the {n_bytes:,} of a shard's index; copy the store again"
        )
    begin = file.size - n_bytes if shard.at_end else 0
    (raw,) = file.read([(begin, begin + n_bytes)])
    try:
        data = undo(_CRC32C, raw, n_bytes) if shard.has_checksum else raw
    except ValueError as error:
        raise FileAccessError(f"{where}: its index is damaged ({error}); copy the store again") from None
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, 2)
