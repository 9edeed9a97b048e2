"""One array of an open store, and the ways to its values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.errors import FormatError
from nwbin.storage.zarr._arrays import ArrayInfo
from nwbin.storage.zarr._chunks import ChunkReader
from nwbin.tables.frames import numbered

__all__ = ["Dataset", "Layout"]

_HARMLESS = 1 << 28  # bytes that are read of any array
_MOST_CHUNKS = 1 << 20
_TEXT = 16  # bytes of a string, at the least


@dataclass(frozen=True)
class Layout:
    """How an array is stored; see :class:`nwbin.storage.source.Layout`."""

    info: ArrayInfo
    measure: Callable[[], list[int] | None]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.info.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.info.dtype

    @property
    def kind(self) -> str:
        return self.info.kind

    @property
    def chunks(self) -> tuple[int, ...] | None:
        return self.info.chunks or None

    @cached_property
    def files(self) -> list[int] | None:
        """The bytes of each chunk that is there; None where nobody can tell."""
        return self.measure()

    @property
    def stored(self) -> int:
        return sum(self.files or ())

    @property
    def growth(self) -> float:
        if self.n_bytes(self._rows) <= _HARMLESS or self.files is None:
            return 0.0
        return self.n_bytes(self._rows) / max(1, self.stored)

    @property
    def not_compared(self) -> tuple[str, ...]:
        return ()

    @property
    def _rows(self) -> int:
        return self.shape[0] if self.shape else 1

    def n_bytes(self, n_rows: int) -> int:
        """How many bytes so many rows take."""
        return n_rows * math.prod(self.shape[1:]) * (_TEXT if self.info.text else self.dtype.itemsize)

    def n_chunks(self, n_rows: int) -> int:
        """How many chunks so many rows lie in, if the first of them begins one."""
        lengths = (n_rows, *self.info.stored_shape[1:]) if self.info.stored_shape else ()
        return math.prod(-(-n // chunk) for n, chunk in zip(lengths, self.info.chunks, strict=True))


class Dataset:
    """One array. :class:`nwbin.storage.source.Source` says what each method answers, and with which errors."""

    def __init__(self, name: str, path: str, layout: Layout, chunks: ChunkReader) -> None:
        self._where = f"{name}: {path}"
        self.layout, self.chunks = layout, chunks

    def allow(self, n_rows: int | None = None) -> None:
        layout = self.layout
        n_rows = (layout.shape[0] if layout.shape else 1) if n_rows is None else n_rows
        size = layout.n_bytes(n_rows)
        many = layout.n_chunks(n_rows) > _MOST_CHUNKS
        if not many and size > _HARMLESS and layout.files is not None:
            # No more than the chunks that are there: of a few fill values it would be any number.
            most = len(layout.files) * max(layout.info.file_bytes, layout.n_bytes(0))
            many = size > max(_HARMLESS, most if not layout.info.text else layout.stored * 1100)
        if many:
            raise FormatError(
                f"{self._where} claims shape {layout.shape} of {layout.dtype}; reading {size:,} bytes of that is "
                f"refused, as there are {len(layout.files or ()):,} chunks of {layout.info.chunks} for it, of "
                f"{layout.stored:,} bytes; it is damaged, or was never written: copy the store again, or read fewer "
                "rows at a time"
            )

    def read(self, rows: slice | None) -> npt.NDArray[Any]:
        layout = self.layout
        if layout.kind in ("reference", "compound"):
            raise FormatError(
                f"{self._where} holds object references, which nwbin does not read; use pynwb()"
            )
        if layout.kind == "other":
            raise FormatError(
                f"{self._where} holds {layout.dtype}, neither numbers nor text; read it with pynwb()"
            )
        start, stop, _ = (rows or slice(None)).indices(layout.shape[0] if layout.shape else 1)
        span = slice(start, max(start, stop))
        self.allow(span.stop - span.start)
        shape = (span.stop - span.start, *layout.shape[1:])
        what = f"{self._where}: {' x '.join(f'{n:,}' for n in shape)} values of {layout.dtype}"
        with taking(layout.n_bytes(shape[0]), what, "read fewer rows at a time"):
            out = np.empty(shape if layout.info.stored_shape else (), layout.dtype.newbyteorder("="))
        self.chunks.read_into([span], [out])
        if layout.kind == "text":
            out = _as_text(out)
        return out if layout.shape else out.reshape(())

    def read_many_into(self, spans: list[slice], outs: list[npt.NDArray[np.float64]]) -> None:
        self.allow(sum(rows.stop - rows.start for rows in spans))
        self.chunks.read_into(spans, outs)

    def text_codes(self) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        if self.layout.kind != "text" or len(self.layout.shape) != 1:
            return None
        values = self.read(None)
        codes = numbered(values)
        first = np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1))
        return codes, values[first].tolist()


def _as_text(values: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Make str of text, of whatever it is stored as."""
    if values.dtype == object:
        return values
    known: dict[Any, str] = {}
    text = np.empty(values.shape, dtype=object)
    flat = text.reshape(-1)
    for number, value in enumerate(values.reshape(-1).tolist()):
        if value not in known:
            known[value] = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        flat[number] = known[value]
    return text
