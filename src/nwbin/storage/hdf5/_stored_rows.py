"""Rows of a dataset as they are stored: decoded by nwbin where it can, by libhdf5 where it cannot."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from nwbin.errors import warn
from nwbin.storage.hdf5._chunked import ChunkCheck, ChunkReader, chunk_check, chunk_reader
from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._storage_layout import Layout, is_as_stored

__all__ = ["Rows"]

_FEW = 1 << 10  # chunks, up to which those without filters are left to libhdf5


class Rows:
    """The rows of one dataset."""

    def __init__(self, file: OpenFile, path: str, node: Any, layout: Layout) -> None:
        self._file, self._path, self._node, self._layout = file, path, node, layout

    @cached_property
    def chunks(self) -> ChunkReader | None:
        """What decodes its chunks without libhdf5; None where that is left to it."""
        return chunk_reader(self._file, self._path, self._node, self._layout)

    @cached_property
    def _chunk_check(self) -> ChunkCheck | None:
        return chunk_check(self._file, self._path, self._node, self._layout)

    def check(self, rows: slice) -> None:
        """Look at the chunks of some rows before libhdf5 decodes them; raises FileAccessError for damaged ones."""
        if self._chunk_check is not None:
            self._chunk_check.rows(rows)
        elif self._layout.not_compared and self._path not in self._file.said:
            self._file.said.add(self._path)
            warn(
                f"{self._file.name}: {self._path} is under {' and '.join(self._layout.not_compared)}, which HDF5 "
                "undoes without comparing lengths: where the file is damaged, some values may be none of its own; "
                "compare what matters with its source"
            )

    def read_into(self, rows: slice, out: npt.NDArray[Any]) -> None:
        """Read rows into an array that is as long, and contiguous; not those that are references to text."""
        if not out.size:
            return
        n, layout = len(out), self._layout
        if self._read_remote([(rows, out)]):
            return
        n_chunks = layout.n_chunks(n)
        if (
            layout.filters or out.nbytes > self._file.limits.small_bytes or n_chunks > _FEW
        ) and self.chunks is not None:
            self.chunks.read_into(rows, out)
            return
        self.check(rows)
        if n_chunks <= _FEW and n == layout.shape[0]:
            self._node.id.read(h5py.h5s.ALL, h5py.h5s.ALL, out)  # no selection to be made
            return
        step = max(1, n * _FEW // max(1, n_chunks))  # libhdf5 takes kilobytes for each chunk of one read
        for begin in range(0, n, step):
            part = out[begin : begin + step]
            first = rows.start + begin
            self._node.read_direct(part, np.s_[first : first + len(part)])

    def read_many(self, spans: list[slice], outs: list[npt.NDArray[Any]]) -> None:
        """Read spans of rows, each into an array as :meth:`read_into` takes it."""
        pairs = [(rows, out) for rows, out in zip(spans, outs, strict=True) if out.size]
        if self._read_remote(pairs):
            return
        if self._file.remote is not None and self._layout.filters and self.chunks is not None:
            self.chunks.read_many(pairs)
            return
        for rows, out in pairs:
            self.read_into(rows, out)

    def _read_remote(self, pairs: list[tuple[slice, npt.NDArray[Any]]]) -> bool:
        """Read rows of a file on a server straight into arrays, all at once; False where they are not stored so."""
        remote, layout = self._file.remote, self._layout
        if remote is None or layout.offset is None or not is_as_stored(self._node, layout):
            return False
        if any(out.dtype != layout.dtype or not out.flags.c_contiguous for _, out in pairs):
            return False
        size = math.prod(layout.shape[1:]) * layout.dtype.itemsize
        remote.read_into(
            [(layout.offset + rows.start * size, out.reshape(-1).view(np.uint8)) for rows, out in pairs]
        )
        return True
