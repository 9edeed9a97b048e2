"""What an array's metadata say of it, in either format of Zarr, made one; nothing of it is believed unread."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from nwbin.storage.zarr._codecs import Codec, is_known
from nwbin.storage.zarr._documents import Node
from nwbin.storage.zarr._shards import NAME as SHARDED
from nwbin.storage.zarr._shards import Shard, shard_of

__all__ = ["REFERENCES", "ArrayInfo", "array_info"]

# How hdmf-zarr marks arrays of references: before its 0.14, and since.
REFERENCES = ("object", "object_reference", "region")
_MOST_DIMENSIONS = 32
_NUMBERS = {
    "bool": "?", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "uint8": "u1", "uint16": "u2",
    "uint32": "u4", "uint64": "u8", "float16": "f2", "float32": "f4", "float64": "f8",
}  # fmt: skip
_TEXT_CODECS = ("vlen-utf8", "vlen-bytes", "json2")  # that make strings of a chunk's bytes


class ArrayInfo(NamedTuple):
    """An array.

    Attributes
    ----------
    shape
        As it is seen: () for what hdmf-zarr stored as a list of one.
    stored_shape, chunks
        As it is stored.
    dtype
        As stored; object for text of any length.
    kind
        "number", "bool", "text", "reference", "compound" or "other".
    text
        By what text of any length is made of bytes: "vlen-utf8", "vlen-bytes" or "json2"; "" for other values.
    codecs
        What was done to each chunk's bytes, in that order.
    refused
        Why its values are not read, "" where they are.
    order
        "C" or "F".
    prefix, separator
        Of the names of its chunks.
    fill
        What stands where there is no chunk; None where nothing can.
    shard
        How chunks lie in files that hold many; None where each has one of its own.
    """

    shape: tuple[int, ...]
    stored_shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str
    text: str
    codecs: tuple[Codec, ...]
    refused: str
    order: str
    prefix: str
    separator: str
    fill: Any
    shard: Shard | None = None

    def key(self, place: tuple[int, ...]) -> str:
        """Return the name of the file that a chunk lies in, below the array's."""
        if self.shard is not None:
            place = self.shard.place(place)
        if not place:
            return self.prefix or "0"
        numbers = self.separator.join(map(str, place))
        return f"{self.prefix}{self.separator}{numbers}" if self.prefix else numbers

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a decoded chunk; of text a guess at the least."""
        return math.prod(self.chunks) * (8 if self.text else self.dtype.itemsize)

    @property
    def file_bytes(self) -> int:
        """Bytes of all that is in one file, decoded; as :attr:`chunk_bytes`."""
        return self.chunk_bytes * (1 if self.shard is None else math.prod(self.shard.chunks))


def array_info(node: Node) -> ArrayInfo:
    """Read an array's metadata; raises ValueError, KeyError or TypeError where they are not what they should be."""
    return _of_3(node) if node.format == 3 else _of_2(node)


def _lengths(said: Any, what: str, least: int) -> tuple[int, ...]:
    if not isinstance(said, list) or len(said) > _MOST_DIMENSIONS:
        raise ValueError(f"its {what} should be a list of numbers, found {said!r:.80}")
    for one in said:
        if isinstance(one, bool) or not isinstance(one, int) or not least <= one < 1 << 62:
            raise ValueError(f"its {what} is {said!r:.80}")
    return tuple(said)


def _shapes(shape: Any, chunks: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    whole, part = _lengths(shape, "shape", 0), _lengths(chunks, "shape of chunks", 1)
    if len(whole) != len(part):
        raise ValueError(f"its shape {whole} and that of its chunks {part} have not as many dimensions")
    return whole, part


def _codecs(said: Iterable[Any]) -> tuple[tuple[Codec, ...], str]:
    """Return steps, and why they cannot be undone."""
    found, refused = [], ""
    for one in said:
        name = str(one["name"]).removeprefix("numcodecs.")
        if name == "pickle":
            refused = (
                "is stored as pickles, which are programs; nwbin never runs what a file holds: have the store written "
                "anew by hdmf-zarr 0.14 or later (NWBZarrV2IO.convert_to_v3), or read the HDF5 file that it was made of"
            )
        elif not is_known(name) and not refused:
            refused = f"is stored under {name!r:.60}, which nwbin does not undo; read it with zarr or pynwb"
        settings = one.get("configuration")
        found.append(Codec(name, settings if isinstance(settings, dict) else {}))
    return tuple(found), refused


def _kind(dtype: np.dtype[Any], text: str) -> str:
    if text or dtype.kind in "SU":
        return "text"
    if dtype.names is not None:
        return "compound"
    if dtype == np.bool_:
        return "bool"
    return "number" if dtype.kind in "iuf" and dtype.subdtype is None else "other"


# ---------------------------------------------------------------- format 2


def _dtype_of_2(said: Any) -> np.dtype[Any]:
    if isinstance(said, str):
        return np.dtype(said)
    return np.dtype([(str(name), _dtype_of_2(kind), *map(tuple, more)) for name, kind, *more in said])


def _of_2(node: Node) -> ArrayInfo:
    said = node.array
    shape, chunks = _shapes(said["shape"], said["chunks"])
    dtype = _dtype_of_2(said["dtype"])
    steps = [*(said.get("filters") or []), *([said["compressor"]] if said.get("compressor") else [])]
    named = [{"name": one["id"], "configuration": one} for one in steps]
    text, meant = "", node.attributes.get("zarr_dtype")
    if dtype.hasobject and named and named[0]["name"] in _TEXT_CODECS:
        text = str(named.pop(0)["name"])
    codecs, refused = _codecs(named)
    kind = _kind(dtype, text)
    if dtype.kind == "O" and not text:
        kind = "text"  # as far as anybody can tell
        refused = refused or "holds objects, and does not say how they are stored; the store is damaged"
    if isinstance(meant, str) and meant in REFERENCES:
        kind = "reference"
    elif isinstance(meant, list) or dtype.names is not None:
        kind = "compound"
    order = str(said.get("order", "C"))
    if order not in ("C", "F"):
        raise ValueError(f"its order is {order!r:.40}")
    is_single = meant == "scalar" and math.prod(shape) == 1
    return ArrayInfo(
        () if is_single else shape, shape, chunks, dtype, kind, text, codecs, refused, order,
        "", _separator(said.get("dimension_separator") or "."), _fill_of_2(said.get("fill_value"), dtype, kind),
    )  # fmt: skip


def _separator(said: Any) -> str:
    if said not in (".", "/"):
        raise ValueError(f"the names of its chunks are separated by {said!r:.40}")
    return str(said)


def _fill_of_2(said: Any, dtype: np.dtype[Any], kind: str) -> Any:
    if said is None:
        return None
    if dtype.kind == "O":
        return said if isinstance(said, str) else None
    if dtype.kind == "S":
        return _bytes(said, dtype)
    return _number(said, dtype) if kind in ("number", "bool") or dtype.kind == "U" else None


def _bytes(said: Any, dtype: np.dtype[Any]) -> Any:
    if not said:
        return b""
    return np.frombuffer(base64.standard_b64decode(said).ljust(dtype.itemsize, b"\0"), dtype)[0]


def _number(said: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(said, str) and dtype.kind == "f":
        if said.startswith("0x"):  # its bits
            return np.frombuffer(bytes.fromhex(said[2:])[::-1], dtype.newbyteorder("<"))[0]
        if said not in ("NaN", "Infinity", "-Infinity"):
            raise ValueError(f"its fill value is {said!r:.40}")
        said = float(said)
    if isinstance(said, str) != (dtype.kind == "U") or not isinstance(said, str | int | float):
        raise ValueError(f"its fill value is {said!r:.40}")
    return np.asarray(said, dtype)[()]


# ---------------------------------------------------------------- format 3


def _dtype_of_3(said: Any) -> np.dtype[Any]:
    name = said["name"] if isinstance(said, dict) else said
    if name in _NUMBERS:
        return np.dtype(_NUMBERS[name])
    if name == "string":
        return np.dtype(object)
    if name in ("structured", "struct"):
        return np.dtype([("fields", "V1")])  # that it is one is all that is asked
    length = (
        said["configuration"]["length_bytes"] if isinstance(said, dict) and "configuration" in said else None
    )
    if name == "fixed_length_utf32" and isinstance(length, int):
        return np.dtype(f"U{length // 4}")
    if name == "null_terminated_bytes" and isinstance(length, int):
        return np.dtype(f"S{length}")
    return np.dtype("V1")


def _grid_of_3(said: dict[str, Any]) -> tuple[Any, str, str]:
    """Return the shape of chunks, and the prefix and separator of their names."""
    grid, names = said["chunk_grid"], said["chunk_key_encoding"]
    if grid["name"] != "regular" or names["name"] not in ("default", "v2"):
        raise ValueError(
            f"its chunks lie in a grid, or have names, of a kind {grid['name']!r:.40}, {names['name']!r:.40}"
        )
    default = names["name"] == "default"
    separator = (names.get("configuration") or {}).get("separator", "/" if default else ".")
    return grid["configuration"]["chunk_shape"], "c" if default else "", _separator(separator)


def _of_3(node: Node) -> ArrayInfo:
    said = node.array
    parts, prefix, separator = _grid_of_3(said)
    shape, chunks = _shapes(said["shape"], parts)
    dtype, named = _dtype_of_3(said["data_type"]), [dict(one) for one in said["codecs"]]
    text, order = "", "C"
    shard, not_read = None, ""
    if len(named) == 1 and named[0]["name"] == SHARDED:
        inner = named[0]["configuration"]
        whole, (_, chunks) = chunks, _shapes(said["shape"], inner["chunk_shape"])
        shard, not_read = shard_of(inner, whole, chunks)
        named = [dict(one) for one in inner["codecs"]]
    first = str(named[0]["name"]) if named else ""
    if first == "bytes":
        if (named.pop(0).get("configuration") or {}).get("endian") == "big":
            dtype = dtype.newbyteorder(">")
    elif first in ("vlen-utf8", "vlen-bytes") and dtype.kind == "O":
        text = str(named.pop(0)["name"])
    codecs, refused = _codecs(named)
    refused = not_read or refused
    if dtype.kind == "O" and not text:
        refused = refused or "holds text, and does not say how it is stored; the store is damaged"
    kind = _kind(dtype, text)
    if dtype.kind == "O":
        kind = "text"
    if node.attributes.get("_DTYPE") in REFERENCES or node.attributes.get("zarr_dtype") in REFERENCES:
        kind = "reference"
    fill = said.get("fill_value")
    if dtype.kind == "O":
        fill = fill if isinstance(fill, str) else None
    elif kind in ("number", "bool") or dtype.kind == "U":
        fill = None if fill is None else _number(fill, dtype)
    else:
        fill = None if fill is None or dtype.kind != "S" else _bytes(fill, dtype)
    return ArrayInfo(
        shape, shape, chunks, dtype, kind, text, codecs, refused, order, prefix, separator, fill, shard
    )
