"""Undoing what was done to a chunk's bytes, no further than the array says: a few bytes may claim to be gigabytes.

Only what is named here is undone. ``pickle`` above all is not: undoing it means running whatever program somebody has
put into the file.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Codec", "is_known", "undo", "undo_into"]

_inflater: Any = zlib
with suppress(ImportError):  # as for HDF5's chunks
    _inflater = import_module("isal.isal_zlib")

_ZSTD = b"\x28\xb5\x2f\xfd"
_UNKNOWN_SIZE = "does not say how long its content is, and could be of any length"


class Codec(NamedTuple):
    """One of the steps by which bytes became those of a chunk: its name and its settings."""

    name: str
    settings: Mapping[str, Any]


def undo(codecs: tuple[Codec, ...], raw: bytes, most: int) -> bytes | memoryview:
    """Undo steps that were done in this order.

    Parameters
    ----------
    codecs
        The steps; each must be known.
    raw
        What is stored.
    most
        How many bytes the chunk can have, at most.

    Raises
    ------
    ValueError
        The bytes are damaged, or claim to be more.
    """
    data: Any = raw
    for number, codec in enumerate(reversed(codecs), 1):
        # Between two steps there may be some more: checksums, what could not be compressed.
        limit = most if number == len(codecs) else 2 * most + 4096
        data = _UNDO[codec.name](codec, data, limit)
        if len(data) > limit:
            raise ValueError(
                f"it has {len(data):,} bytes behind {codec.name}, more than the {limit:,} that it can have"
            )
    return data  # type: ignore[no-any-return]  # bytes or a view of some


def undo_into(codecs: tuple[Codec, ...], raw: bytes, out: npt.NDArray[np.uint8]) -> bool:
    """Undo a single step straight into an array that is as long; False where that cannot be done."""
    if len(codecs) != 1 or codecs[0].name not in ("blosc", "zstd"):
        return False
    size = (_blosc_size if codecs[0].name == "blosc" else _zstd_size)(raw)
    if size != len(out):
        raise ValueError(f"it holds {size:,} bytes of {len(out):,}")
    _of_numcodecs(codecs[0].name).decode(raw, out)
    return True


def is_known(name: str) -> bool:
    """Whether a step can be undone here."""
    return name in _UNDO


@cache
def _of_numcodecs(name: str) -> Any:
    import numcodecs

    return {"blosc": numcodecs.Blosc, "zstd": numcodecs.Zstd, "lz4": numcodecs.LZ4}[name]()


def _blosc_size(raw: Any) -> int:
    """Read how long the content is; it also has to be as long itself as it says."""
    if len(raw) < 16 or int.from_bytes(raw[12:16], "little") != len(raw):
        raise ValueError("it is not as long as Blosc's header says: it was cut, or is damaged")
    return int.from_bytes(raw[4:8], "little")


def _zstd_size(raw: Any) -> int:
    if bytes(raw[:4]) != _ZSTD or len(raw) < 6:
        raise ValueError("it does not begin as Zstandard's frames do")
    descriptor = raw[4]
    single = bool(descriptor & 0x20)
    at = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    length = (int(single), 2, 4, 8)[descriptor >> 6]
    if not length:
        raise ValueError(_UNKNOWN_SIZE)
    return int.from_bytes(raw[at : at + length], "little") + (256 if length == 2 else 0)


def _sized(codec: Codec, raw: Any, most: int) -> Any:
    sizes: dict[str, Callable[[Any], int]] = {
        "blosc": _blosc_size, "zstd": _zstd_size, "lz4": lambda raw: int.from_bytes(raw[:4], "little", signed=True),
    }  # fmt: skip
    size = sizes[codec.name](raw)
    if not 0 <= size <= most:
        raise ValueError(f"it claims to hold {size:,} bytes, but at most {most:,} can belong there")
    if not size:
        return b""
    out = np.empty(size, np.uint8)
    _of_numcodecs(codec.name).decode(raw, out)
    return memoryview(out)


def _inflated(codec: Codec, raw: Any, most: int) -> Any:
    found = []
    left, data = most, raw
    while len(data):  # of gzip there may be several, one behind the other
        one = _inflater.decompressobj(47)  # zlib's or gzip's header, whichever it has
        found.append(one.decompress(data, left + 1))
        left -= len(found[-1])
        if left < 0 or not one.eof:
            raise ValueError(
                f"it holds more than the {most:,} bytes that can belong there" if left < 0 else "it was cut"
            )
        data = one.unused_data
    return found[0] if len(found) == 1 else b"".join(found)


def _unpacked(codec: Codec, raw: Any, most: int) -> Any:
    one: Any
    if codec.name == "bz2":
        one = bz2.BZ2Decompressor()
    else:
        if codec.settings.get("filters") is not None or codec.settings.get("format", 1) not in (1, 2):
            raise ValueError("it is packed by LZMA in an unusual way")
        one = lzma.LZMADecompressor(memlimit=1 << 28)
    data = one.decompress(bytes(raw), most + 1)
    if len(data) > most or not one.eof:
        raise ValueError(
            f"it holds more than the {most:,} bytes that can belong there"
            if len(data) > most
            else "it was cut"
        )
    return data


def _unshuffled(codec: Codec, raw: Any, most: int) -> Any:
    size = codec.settings.get("elementsize", 4)
    if not isinstance(size, int) or not 1 <= size <= 1 << 16:
        raise ValueError(f"its values are shuffled by {size!r} bytes")
    flat = np.frombuffer(raw, np.uint8)
    whole = len(flat) // size * size
    out = np.empty(len(flat), np.uint8)
    out[:whole].reshape(-1, size)[...] = flat[:whole].reshape(size, -1).T
    out[whole:] = flat[whole:]
    return memoryview(out)


def _without_checksum(codec: Codec, raw: Any, most: int) -> Any:
    """Compare a checksum, and leave it away: before the others, or (of Zarr 3's crc32c) behind them."""
    if len(raw) < 4:
        raise ValueError("it was cut")
    first = codec.name in ("crc32", "adler32") and codec.settings.get("location", "start") == "start"
    said, data = (raw[:4], raw[4:]) if first else (raw[-4:], raw[:-4])
    if codec.name == "crc32c":
        from google_crc32c import value

        found = value(bytes(data))
    else:
        found = (zlib.adler32 if codec.name == "adler32" else zlib.crc32)(data)
    if found != int.from_bytes(said, "little"):
        raise ValueError(f"its bytes do not match their checksum ({codec.name})")
    return data


_UNDO: dict[str, Callable[[Codec, Any, int], Any]] = {
    "blosc": _sized, "zstd": _sized, "lz4": _sized, "zlib": _inflated, "gzip": _inflated, "bz2": _unpacked,
    "lzma": _unpacked, "shuffle": _unshuffled, "crc32": _without_checksum, "adler32": _without_checksum,
    "crc32c": _without_checksum,
}  # fmt: skip
