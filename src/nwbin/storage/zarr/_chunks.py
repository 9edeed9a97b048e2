"""Rows of an array, put together of its chunks: fetched and decoded side by side, straight to where they belong.

A chunk that is not there stands, in Zarr, for so many fill values: whoever writes may leave such chunks out
(zarr-python 3 does). A chunk that was lost looks just the same. So what is absent is told of
(:attr:`ChunkReader.absent`), and where no fill value can be meant, as among times that ascend, it is an error: see
:class:`nwbin.storage.zarr.ZarrSource`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin import _threads
from nwbin._memory import require
from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.zarr._arrays import ArrayInfo
from nwbin.storage.zarr._codecs import undo, undo_into
from nwbin.storage.zarr._parts_of_files import FileInMemory, PartsOfFile
from nwbin.storage.zarr._shards import Shard, read_shard
from nwbin.storage.zarr._stores import LARGEST, KeyStore, refuse_page

__all__ = ["ChunkReader"]

_BATCH = 1 << 27  # bytes of decoded chunks that are fetched at once from a server
_SMALL_INDEX = 1 << 20  # bytes: shards with a longer one are not fetched ahead
_MOST_FILES = 256  # of an array: of more none is fetched ahead
_HARMLESS = 1 << 28  # bytes that any chunk may have
_MOST_GROWTH = 1100  # times that bytes can sensibly have been shrunk; see nwbin.storage.hdf5


class _Part(NamedTuple):
    """What one chunk has of some rows."""

    place: tuple[int, ...]
    inner: tuple[slice, ...]  # in the chunk
    outer: tuple[slice, ...]  # in the rows
    out: npt.NDArray[Any]


class ChunkReader:
    """Reads one array.

    Parameters
    ----------
    store
        The store's files.
    path
        The array's.
    info
        What its metadata say.
    least
        So many values in an absent chunk, and it is an error.

    Attributes
    ----------
    absent
        Names of the chunks that were asked for and are not there.
    ahead
        Chunks that were fetched before they were asked for, by their keys.
    """

    def __init__(
        self, store: KeyStore, path: str, info: ArrayInfo, least: float, ahead: dict[str, bytes | None]
    ) -> None:
        self._store, self._path, self._info, self._least = store, path, info, least
        self.absent: set[str] = set()
        self._ahead = ahead

    # ---------------------------------------------------------------- which chunks

    def _parts(self, rows: slice, out: npt.NDArray[Any]) -> Iterator[_Part]:
        """Yield what chunks have of some rows; all of an array without dimensions."""
        info = self._info
        if not info.stored_shape:
            yield _Part((), (), (), out)
            return
        spans = [(rows.start, rows.stop), *((0, n) for n in info.stored_shape[1:])]
        steps = [
            range(start // chunk, -(-stop // chunk))
            for (start, stop), chunk in zip(spans, info.chunks, strict=True)
        ]
        for place in product(*steps):
            inner, outer = [], []
            for at, (start, stop), chunk in zip(place, spans, info.chunks, strict=True):
                low, high = max(start, at * chunk), min(stop, (at + 1) * chunk)
                inner.append(slice(low - at * chunk, high - at * chunk))
                outer.append(slice(low - start, high - start))
            yield _Part(place, tuple(inner), tuple(outer), out)

    def keys(self, rows: slice) -> list[str]:
        """Return the keys of the files that some rows lie in, if these are worth having whole."""
        nothing, shard = np.empty(0), self._info.shard
        if shard is not None and shard.index_bytes > _SMALL_INDEX:
            return []
        found: dict[str, None] = {}
        for part in self._parts(rows, nothing):
            found[self._key(part.place)] = None
            if len(found) > _MOST_FILES:
                return []
        return list(found)

    def _key(self, place: tuple[int, ...]) -> str:
        return f"{self._path}/{self._info.key(place)}"

    @property
    def most(self) -> int:
        """How many bytes a stored chunk can have at most: what cannot be compressed grows by a little.

        A chunk that reaches past the array is filled up with one value, which takes next to nothing.
        """
        info = self._info
        if info.text:
            return LARGEST
        inside = math.prod(map(min, info.chunks, info.stored_shape)) * info.dtype.itemsize
        most = min(info.chunk_bytes, max(LARGEST, inside))
        return most + (most >> 4) + (1 << 12)

    # ---------------------------------------------------------------- reading

    def read_into(self, spans: Sequence[slice], outs: Sequence[npt.NDArray[Any]]) -> None:
        """Read spans of rows, each into an array that is as long, and contiguous."""
        if self._info.refused:
            raise FormatError(f"{self._store.name}: {self._path} {self._info.refused}")
        parts = [
            part for rows, out in zip(spans, outs, strict=True) if out.size for part in self._parts(rows, out)
        ]
        threads = _threads.as_threads(None)
        if not self._store.is_remote and self._info.shard is None:
            _threads.run([partial(self._read, part) for part in parts], threads)
            return
        if (
            parts and self._store.is_remote and not self._info.text
        ):  # a server may send as much as it says there is
            what = (
                f"{self._store.name}: chunks of {self._path}, of shape {self._info.chunks}, each of which may"
            )
            require(self.most, what, "the store is damaged, or has to be written anew in smaller chunks")
        step = max(8, _BATCH // max(1, self._info.chunk_bytes))
        for begin in range(0, len(parts), step):
            some = parts[begin : begin + step]
            raws = (
                self._fetched(some) if self._info.shard is None else self._of_shards(some, self._info.shard)
            )
            _threads.run(
                [partial(self._put, part, raw) for part, raw in zip(some, raws, strict=True)], threads
            )

    def _fetched(self, parts: Sequence[_Part]) -> list[bytes | None]:
        keys = [self._key(part.place) for part in parts]
        missing = [key for key in dict.fromkeys(keys) if key not in self._ahead]
        found = dict(zip(missing, self._store.get_many(missing, self.most), strict=True))
        return [found[key] if key in found else self._ahead[key] for key in keys]

    def _of_shards(self, parts: Sequence[_Part], shard: Shard) -> list[bytes | None]:
        numbers: dict[str, dict[int, None]] = {}
        for part in parts:
            numbers.setdefault(self._key(part.place), {})[shard.number(part.place)] = None

        def read(key: str, file: PartsOfFile | None) -> dict[int, bytes | None]:
            wanted = list(numbers[key])
            return dict(
                zip(
                    wanted,
                    read_shard(file, f"{self._store.name}: {key}", shard, wanted, self.most),
                    strict=True,
                )
            )

        found = {}
        for key in numbers.keys() & self._ahead.keys():
            raw = self._ahead[key]
            found[key] = read(key, None if raw is None else FileInMemory(raw))
        missing = [key for key in numbers if key not in found]
        found |= dict(zip(missing, self._store.each(missing, read), strict=True))
        return [found[self._key(part.place)][shard.number(part.place)] for part in parts]

    def _read(self, part: _Part) -> None:
        self._put(part, self._store.get(self._key(part.place), self.most))

    def _put(self, part: _Part, raw: bytes | None) -> None:
        if raw is None:
            part.out[part.outer] = self._fill(part)
            return
        try:
            if not self._straight(part, raw):
                part.out[part.outer] = self._decoded(raw)[part.inner]
        except (FileAccessError, FormatError):
            raise
        # What numcodecs raises of damaged bytes is of many kinds.
        except (
            ValueError,
            RuntimeError,
            TypeError,
            KeyError,
            IndexError,
            EOFError,
            OverflowError,
            OSError,
        ) as error:
            raise self._damaged(part, raw, error) from error
        except Exception as error:  # zlib's and lzma's own are of no kind that is known without them
            if type(error).__module__.partition(".")[0] not in ("zlib", "isal", "_lzma", "lzma"):
                raise
            raise self._damaged(part, raw, error) from error

    def _damaged(self, part: _Part, raw: bytes, error: Exception) -> FileAccessError:
        refuse_page(self._store, self._key(part.place), raw)
        return FileAccessError(
            f"{self._store.name}: {self._path} cannot be read: its chunk {self._name(part)} is damaged "
            f"({error}); copy the store again"
        )

    def _name(self, part: _Part) -> str:
        name, shard = self._info.key(part.place), self._info.shard
        return name if shard is None else f"{name}[{shard.number(part.place)}]"

    def _fill(self, part: _Part) -> Any:
        """Return what stands in place of an absent chunk."""
        name = self._name(part)
        self.absent.add(name)
        values = math.prod(span.stop - span.start for span in self._in_array(part.place))
        if values >= self._least or self._info.fill is None:
            instead = "nothing" if self._info.fill is None else f"{self._info.fill!r} for each"
            raise FileAccessError(
                f"{self._store.name}: {self._path} cannot be read: its chunk {name}, of {values:,} values, is not "
                f"there; Zarr would take {instead}, which cannot be meant; the store was copied in part: copy it again"
            )
        return self._info.fill

    def _in_array(self, place: tuple[int, ...]) -> Iterator[slice]:
        for at, chunk, n in zip(place, self._info.chunks, self._info.stored_shape, strict=True):
            yield slice(at * chunk, min(n, (at + 1) * chunk))

    # ---------------------------------------------------------------- decoding

    def _straight(self, part: _Part, raw: bytes) -> bool:
        """Decode a chunk where it belongs, if it belongs there whole and as it is."""
        info, out = self._info, part.out
        if info.text or len(info.chunks) != 1 or out.dtype != info.dtype or not out.flags.c_contiguous:
            return False
        if part.inner[0] != slice(0, info.chunks[0]):
            return False
        return undo_into(info.codecs, raw, out[part.outer].view(np.uint8))

    def _decoded(self, raw: bytes) -> Any:
        """Decode a chunk: an array of the chunks' shape."""
        info, size = self._info, math.prod(self._info.chunks)
        order: Literal["C", "F"] = "F" if info.order == "F" else "C"
        if info.text:
            data = undo(info.codecs, raw, _HARMLESS)
            return text_of(info.text, data, size).reshape(info.chunks, order=order)
        n_bytes = size * info.dtype.itemsize
        if n_bytes > max(_HARMLESS, _MOST_GROWTH * len(raw)):
            raise ValueError(f"it has {len(raw):,} bytes, but claims to hold {n_bytes:,}")
        data = undo(info.codecs, raw, n_bytes)
        if len(data) != n_bytes:
            raise ValueError(f"it holds {len(data):,} bytes of {n_bytes:,}")
        if info.dtype == np.bool_:
            return np.frombuffer(data, np.uint8).reshape(info.chunks, order=order) != 0
        return np.frombuffer(data, info.dtype).reshape(info.chunks, order=order)


def text_of(codec: str, data: bytes | memoryview, size: int) -> npt.NDArray[np.object_]:
    """Make strings of a chunk's bytes: object (size,), of str, equal ones the same object."""
    if codec == "json2":
        values: list[Any] = _of_json(data, size)
    else:
        if int.from_bytes(data[:4], "little") != size:  # it would be believed
            raise ValueError(f"it holds {int.from_bytes(data[:4], 'little'):,} strings of {size:,}")
        # Each has its length before it; room is made for all of them before one is looked at.
        if len(data) < 4 + 4 * size:
            raise ValueError(f"it has {len(data):,} bytes, but claims to hold {size:,} strings")
        import numcodecs

        found = (numcodecs.VLenUTF8 if codec == "vlen-utf8" else numcodecs.VLenBytes)().decode(bytes(data))
        values = found.tolist()
    known: dict[Any, Any] = {}
    text = np.empty(size, dtype=object)
    for number, value in enumerate(values):
        if value not in known:
            known[value] = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        text[number] = known[value]
    return text


def _of_json(data: bytes | memoryview, size: int) -> list[Any]:
    import json

    values: list[Any]
    try:
        *values, _, shape = json.loads(bytes(data))
    except RecursionError:
        raise ValueError("it is no list of strings") from None
    if (
        not isinstance(shape, list)
        or len(values) != size
        or not all(isinstance(value, str) for value in values)
    ):
        raise ValueError(f"it is no list of {size:,} strings")
    return values
