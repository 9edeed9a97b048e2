"""One dataset of an open file, and the ways to its values."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._storage_layout import is_as_stored, layout_of, refuse_too_much
from nwbin.storage.hdf5._stored_rows import Rows
from nwbin.storage.hdf5._text import FileText, TextReader

__all__ = ["Dataset"]


class Dataset:
    """One dataset. :class:`H5Source` says what each method answers, and with which errors."""

    def __init__(self, file: OpenFile, text: FileText, path: str, node: Any) -> None:
        self._file, self._path, self._node, self._file_text = file, path, node, text
        with file.reading(path):
            self.layout = layout_of(file, path, node)
        self._rows = Rows(file, path, node, self.layout)

    def allow(self, n_rows: int | None = None) -> None:
        refuse_too_much(self._file, self._path, self._node, self.layout, n_rows)

    def read(self, rows: slice | None) -> npt.NDArray[Any]:
        layout, where = self.layout, f"{self._file.name}: {self._path}"
        if layout.kind in ("reference", "compound"):
            raise FormatError(f"{where} holds object references, which nwbin does not read; use pynwb()")
        if layout.kind == "other":
            raise FormatError(f"{where} holds {layout.dtype}, neither numbers nor text; read it with pynwb()")
        with self._file.reading(self._path):
            if self._node.shape is None:  # it has no value at all
                return np.empty(0, dtype=object if layout.kind == "text" else layout.dtype)
            if layout.shape == ():
                self.allow()
                return self._text_reader.value() if layout.kind == "text" else np.asarray(self._node[()])
            start, stop, _ = (rows or slice(None)).indices(layout.shape[0])
            span = slice(start, max(start, stop))
            self.allow(span.stop - span.start)
            if layout.kind == "text":
                return self._text_reader.rows(span)
            shape = (span.stop - span.start, *layout.shape[1:])
            n_bytes = math.prod(shape) * layout.dtype.itemsize
            what = f"{where}: {' x '.join(f'{n:,}' for n in shape)} values of {layout.dtype}"
            with taking(n_bytes, what, "read fewer rows at a time"):
                out = np.empty(shape, layout.dtype.newbyteorder("="))
            self._rows.read_into(span, out)
            return out

    def read_into(self, rows: slice, out: npt.NDArray[np.float64]) -> None:
        self.allow(rows.stop - rows.start)
        with self._file.reading(self._path):
            self._rows.read_into(rows, out)

    def read_many_into(self, spans: list[slice], outs: list[npt.NDArray[np.float64]]) -> None:
        self.allow(sum(rows.stop - rows.start for rows in spans))
        with self._file.reading(self._path):
            self._rows.read_many(spans, outs)

    def text_codes(self) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        if self.layout.kind != "text" or len(self.layout.shape) != 1:
            return None
        self.allow()
        with self._file.reading(self._path):
            return self._text_reader.codes(slice(0, self.layout.shape[0]))

    def mapped(self) -> npt.NDArray[Any] | None:
        layout, file = self.layout, self._file
        if file.path is None or layout.offset is None or layout.kind != "number" or not layout.dtype.isnative:
            return None
        if not layout.shape or 0 in layout.shape:
            return None
        needed = layout.offset + math.prod(layout.shape) * layout.dtype.itemsize
        if needed > file.size:
            raise FileAccessError(
                f"{file.name}: {self._path} reaches to byte {needed:,}, but the file ends at {file.size:,}; it is "
                "truncated: download it again"
            )
        if layout.offset % layout.dtype.itemsize:
            return None  # an array at an odd address: compiled code may not take it
        with file.reading(self._path):
            if file.map is None or not is_as_stored(self._node, layout):
                return None
            file.map.check()
            return np.ndarray(layout.shape, layout.dtype, file.map.bytes, layout.offset)

    @cached_property
    def _text_reader(self) -> TextReader:
        # All the chunks are asked for, which only helps where what is stored in them can be followed.
        follows = self.layout.is_heap_text and self._file_text.strings is not None
        chunks = self._rows.chunks if follows else None
        return TextReader(self._file_text, self._node, self.layout, self._rows, chunks)
