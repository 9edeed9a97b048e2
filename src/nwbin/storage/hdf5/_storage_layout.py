"""How a dataset is stored, and how much of it may be read at a time.

A damaged header may claim any shape; chunks that were never written take no room in the file; and libhdf5 sets
aside whatever is claimed before it looks. So what is about to be read is held against what the file can hold:

    bytes   <=  max(256 MB, stored * 1100, but no more than the chunks that are stored)  if compressed
    bytes   <=  max(256 MB, stored)  if not
    chunks  <=  1,048,576 + size of the file / 16

bytes
    Those of the rows, or of one whole chunk where that is more: libhdf5 sets it aside for any part of it. A string
    of variable length counts as its reference, 16 bytes.
stored
    Bytes that the file has for the dataset: of a virtual one, whose data are stored for others, all the file's.
chunks
    Those that the rows lie in. One that is stored takes more than 16 bytes in the file's index alone.
1100
    gzip cannot shrink data more than 1032 times. What claims more is damaged, or holds nothing but fill values,
    or was shrunk by another filter: all three look alike, so 256 MB, which do no harm, are read of any.

Nothing is refused where links to other files are followed: the caller trusts the file, and the data may be there.
"""

from __future__ import annotations

import math
import os
import sys
from typing import Any, NamedTuple

import h5py
import numpy as np

from nwbin.errors import FormatError
from nwbin.storage.hdf5._chunks import FILTERS, can_measure
from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._heap import REFERENCE

__all__ = ["Layout", "is_as_stored", "is_heap_text", "kind_of", "layout_of", "refuse_too_much"]

_HARMLESS = 1 << 28  # bytes
_MOST_CHUNKS = 1 << 20
_BYTES_OF_A_CHUNK = 16


class Layout(NamedTuple):
    """How a dataset is stored."""

    shape: tuple[int, ...]  # () for a single value
    dtype: np.dtype[Any]
    kind: str  # see kind_of
    chunks: tuple[int, ...] | None  # None where it is not chunked
    offset: int | None  # first byte in the file, for contiguous data
    here: bool  # in this file, not in one that a link leads to
    stored: int  # bytes in the file; before filters are undone
    most: int  # bytes that may be read of it at a time
    filters: tuple[int, ...]  # HDF5's numbers, in the order in which they were applied

    @property
    def is_heap_text(self) -> bool:
        """Whether it holds references to strings, and the strings are in the heap."""
        return is_heap_text(self.dtype)

    @property
    def not_compared(self) -> tuple[str, ...]:
        """The filters by which nobody knows whether its chunks decode to as much as they should."""
        return () if can_measure(self.filters) else tuple(FILTERS.get(f, f"filter {f}") for f in self.filters)

    @property
    def growth(self) -> float:
        """How many times more bytes it claims than the file has for it; 0 for those that libhdf5 sets aside for any."""
        size = self.n_bytes(self.shape[0] if self.shape else 1)
        return size / max(1, self.stored) if size > _HARMLESS else 0.0

    def n_chunks(self, n_rows: int) -> int:
        """How many chunks so many rows lie in, if the first of them begins one."""
        if self.chunks is None:
            return 0
        lengths = (n_rows, *self.shape[1:])
        return math.prod(-(-n // chunk) for n, chunk in zip(lengths, self.chunks, strict=True))

    def n_bytes(self, n_rows: int) -> int:
        """How many bytes libhdf5 sets aside for so many rows, or for the single value."""
        items = max(n_rows * math.prod(self.shape[1:]), math.prod(self.chunks) if self.chunks else 0)
        return items * (REFERENCE.itemsize if self.is_heap_text else self.dtype.itemsize)


def kind_of(dtype: np.dtype[Any]) -> str:
    """Say what a dtype holds: "number", "bool", "text", "reference", "compound" or "other"."""
    if h5py.check_ref_dtype(dtype) is not None:
        return "reference"
    if h5py.check_string_dtype(dtype) is not None or dtype.kind == "S":
        return "text"
    if dtype.names is not None:
        return "compound"
    if dtype == np.bool_:
        return "bool"
    return "number" if dtype.kind in "iuf" and dtype.subdtype is None else "other"


def is_heap_text(dtype: np.dtype[Any]) -> bool:
    """Whether values of a dtype are strings of variable length."""
    info = h5py.check_string_dtype(dtype)
    return info is not None and info.length is None


def is_as_stored(node: Any, layout: Layout) -> bool:
    """Whether the bytes in the file are those of the dtype that h5py gives, with nothing to convert."""
    if layout.kind not in ("number", "bool", "text"):
        return False
    return bool(node.id.get_type().equal(h5py.h5t.py_create(layout.dtype, logical=True)))


def _refuse_bits_outside(file: OpenFile, path: str, kind: Any) -> None:
    """Raise where a number's parts lie outside it: older releases of HDF5 then read whatever is in memory there."""
    if not isinstance(kind, h5py.h5t.TypeFloatID):
        return
    sign, exponent, exponent_bits, mantissa, mantissa_bits = kind.get_fields()
    last = max(sign + 1, exponent + exponent_bits, mantissa + mantissa_bits)
    if last > 8 * kind.get_size():
        raise FormatError(
            f"{file.name}: {path} holds numbers of {8 * kind.get_size()} bits of which some part is said to reach up "
            f"to bit {last}; the file is damaged: download it again"
        )


def layout_of(file: OpenFile, path: str, node: Any) -> Layout:
    """Look up how a dataset is stored; raises FormatError if that is in another file."""
    dtype, plist = node.id.dtype, node.id.get_create_plist()
    _refuse_elsewhere(file, path, plist)
    _refuse_bits_outside(file, path, node.id.get_type())
    here = file.holds(node)
    stored = int(node.id.get_storage_size())
    return Layout(
        shape=() if node.shape is None else tuple(int(n) for n in node.shape),
        dtype=dtype,
        kind=kind_of(dtype),
        chunks=plist.get_chunk() if plist.get_layout() == h5py.h5d.CHUNKED else None,
        offset=node.id.get_offset() if here else None,
        here=here,
        stored=stored,
        most=_most(file, stored, plist),
        filters=tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters())),
    )


def _refuse_elsewhere(file: OpenFile, path: str, plist: Any) -> None:
    """Data may lie in other files too; like links to them, they are only followed when asked."""
    files: list[str] = []
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        names = (plist.get_virtual_filename(i) for i in range(plist.get_virtual_count()))
        files = [name for name in names if name != "."]
    elif plist.get_external_count():
        files = [os.fsdecode(plist.get_external(0)[0])]
    if files and not file.follow_external:
        raise FormatError(
            f"{file.name}: {path} keeps its data in another file, {files[0]!r}, which is not followed; pass "
            "follow_external_links=True if you trust it"
        )


def _most(file: OpenFile, stored: int, plist: Any) -> int:
    if file.follow_external:
        return sys.maxsize
    virtual = plist.get_layout() == h5py.h5d.VIRTUAL
    there = file.size if virtual else min(stored, file.size)
    return max(_HARMLESS, there * file.limits.most_compressed if virtual or plist.get_nfilters() else there)


def refuse_too_much(file: OpenFile, path: str, node: Any, layout: Layout, n_rows: int | None = None) -> None:
    """Raise FormatError if so many rows (by default all) are more than the rule above lets read."""
    if n_rows is None:
        n_rows = layout.shape[0] if layout.shape else 1
    size = layout.n_bytes(n_rows)
    many = layout.n_chunks(n_rows) > _MOST_CHUNKS + file.size // _BYTES_OF_A_CHUNK
    if size > _HARMLESS and layout.chunks is not None and layout.filters and layout.here:
        # Counted only where it matters: in some files HDF5 has to go through its whole index for that.
        with file.reading(path):
            many |= size > max(_HARMLESS, node.id.get_num_chunks() * layout.n_bytes(0))
    if size > layout.most or (many and not file.follow_external):
        raise FormatError(
            f"{file.name}: {path} claims shape {layout.shape} of {layout.dtype}; reading {size:,} bytes of that "
            f"is refused, as only {layout.stored:,} are stored for it in a file of {file.size:,}; it is damaged, "
            "or was never written: download it again, or read fewer rows at a time"
        )
