"""Text of variable length: found by nwbin where it can be, by libhdf5 where it cannot.

What a dataset or an attribute stores are references into the file's heap. libhdf5 crashes, hangs or sets aside
gigabytes following some damaged ones, and is slow with sound ones. So nwbin follows them itself
(:mod:`nwbin.storage.hdf5._strings`) wherever it can have them unfollowed. Left to libhdf5: text in a file object, in
files with unusual addresses, under filters other than gzip and shuffle, in virtual datasets and in other files,
in a file that may not be mapped,
and the attributes of an object that has more than eight of them in HDF5's newer format.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.storage.hdf5._chunked import ChunkReader
from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._heap import REFERENCE, endless_collection
from nwbin.storage.hdf5._remote_strings import RemoteStrings
from nwbin.storage.hdf5._storage_layout import Layout
from nwbin.storage.hdf5._stored_rows import Rows
from nwbin.storage.hdf5._strings import HeapStrings, decode, text_of

__all__ = ["FileText", "TextReader"]

_SCANNED = 1 << 25  # bytes of the largest file that is looked through for what libhdf5 would hang on
_BLOCK = 1 << 14  # rows of text that libhdf5 hands over at a time, because it makes a copy of every string


class FileText:
    """Who follows references to strings in an open file."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file

    @property
    def strings(self) -> HeapStrings | None:
        """What follows them without libhdf5; None where nwbin cannot."""
        if self._file.map is not None:
            self._file.map.check()
        return self._strings

    @cached_property
    def _strings(self) -> HeapStrings | None:
        if not self._file.has_plain_addresses:
            return None
        if self._file.remote is not None and self._file.ahead is not None:
            return RemoteStrings(self._file.remote, self._file.ahead)
        return None if self._file.map is None else HeapStrings(self._file.map.bytes)

    def forget(self) -> None:
        """Let go of the file's bytes."""
        self.__dict__.pop("_strings", None)

    def trust_libhdf5(self) -> None:
        """Raise ValueError where libhdf5 would never come back; that can be seen in small files."""
        if self._endless is not None:
            raise ValueError(f"its text at byte {self._endless:,} is overwritten with zeros")

    @cached_property
    def _endless(self) -> int | None:
        if self._file.held is None or self._file.size > _SCANNED:
            return None
        return endless_collection(self._file.held.read())


class TextReader:
    """Reads one dataset of text, of fixed or of variable length."""

    def __init__(
        self,
        text: FileText,
        node: Any,
        layout: Layout,
        rows: Rows,
        chunks: ChunkReader | None,
    ) -> None:
        self._text, self._node, self._layout, self._rows, self._chunks = text, node, layout, rows, chunks

    def value(self) -> npt.NDArray[np.object_]:
        """Read the single value: dtype object, ()."""
        strings = self._strings()
        if strings is not None and self._layout.offset is not None:
            return strings.read(strings.references(self._layout.offset, 1)).reshape(())
        return self._by_libhdf5(())

    def rows(self, span: slice) -> npt.NDArray[np.object_]:
        """Read some rows: dtype object, of str."""
        n = span.stop - span.start
        shape = (n, *self._layout.shape[1:])
        found = self.codes(span)
        if found is not None:
            return text_of(*found).reshape(shape)
        if not self._layout.is_heap_text:
            raw = np.empty(shape, self._layout.dtype)
            self._rows.read_into(span, raw)
            return decode(raw)
        self._rows.check(span)
        text = np.empty(shape, dtype=object)
        for begin in range(0, n, _BLOCK):
            end = min(n, begin + _BLOCK)
            text[begin:end] = self._by_libhdf5(slice(span.start + begin, span.start + end))
        return text

    def codes(self, span: slice) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Read some rows as numbers into their distinct values; None where only :meth:`rows` can."""
        strings = self._strings()
        references = None if strings is None else self._references(strings, span)
        return None if strings is None or references is None else strings.codes(references)

    def _by_libhdf5(self, selection: Any) -> npt.NDArray[np.object_]:
        if self._layout.is_heap_text:
            self._text.trust_libhdf5()
        return decode(np.asarray(self._node[selection]).astype(object))

    def _strings(self) -> HeapStrings | None:
        return self._text.strings if self._layout.is_heap_text else None

    def _references(self, strings: HeapStrings, span: slice) -> npt.NDArray[np.uint8] | None:
        """Return what is stored for some rows; None where libhdf5 has to read it, and will follow it."""
        shape = (span.stop - span.start, *self._layout.shape[1:])
        if self._layout.offset is not None:
            before = span.start * math.prod(shape[1:])
            return strings.references(self._layout.offset + before * REFERENCE.itemsize, math.prod(shape))
        if self._chunks is None:
            return None
        out = np.zeros(shape, f"V{REFERENCE.itemsize}")
        self._chunks.read_into(span, out)
        return out.reshape(-1).view(np.uint8)
