"""NWB's DynamicTable, read column by column: nothing is read until asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import FormatError, LookupFailure, nearest
from nwbin.nwb.schema import NEVER_READ
from nwbin.storage.source import Source
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BLOCK_BYTES", "Bounds", "DynamicTable"]


_TERMS = "_elements"  # after a column's name: the column of the terms that its numbers mean
BLOCK_BYTES = 1 << 20
_FEW = 1 << 10  # chunks read at a time, at most
_KEPT = 1 << 26


class Bounds(NamedTuple):
    """Where each row's values lie in a ragged column: ``values[starts[i]:stops[i]]``."""

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]


class DynamicTable:
    """A table of the file.

    Parameters
    ----------
    source
        The open file.
    path
        The table's group in it, such as ``"units"``.
    block_bytes
        Of chunked columns, how much is read at a time, at most; one chunk at least.
    kept_bytes
        How much of that is kept: neighbouring rows are often asked for next.
    """

    def __init__(
        self, source: Source, path: str, *, block_bytes: int = BLOCK_BYTES, kept_bytes: int = _KEPT
    ) -> None:
        self.source = source
        self.path = path
        self._block_bytes, self._kept_bytes = block_bytes, kept_bytes
        source.ahead([path], NEVER_READ)
        if source.kind(path) != "group":
            parent, _, name = path.rpartition("/")
            raise LookupFailure(
                f"{source.name}: has no table {path}; {nearest(name, source.children(parent))}"
            )
        self._columns: list[str] | None = None
        self._ids: npt.NDArray[np.int64] | None = None
        self._mapped: dict[str, npt.NDArray[Any] | None] = {}
        self._blocks: OrderedDict[tuple[str, int], npt.NDArray[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.ids)

    def _at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _where(self, name: str) -> str:
        return f"{self.source.name}: {self.path}/{name}"

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """The row ids, int64 (rows,)."""
        if self._ids is None:
            if self.source.kind(self._at("id")) != "dataset":
                raise FormatError(f"{self._where('id')} is missing: every NWB table has an id column")
            self._ids = self._integers("id")
        return self._ids

    def _integers(self, name: str, span: slice | None = None) -> npt.NDArray[np.int64]:
        """Read a list of integers of any type, or a span of it."""
        found = self.source.read(self._need(name), span)
        # Empty lists have no type of their own: some writers make them float64.
        if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size):
            raise FormatError(
                f"{self._where(name)} should be a list of integers, found {found.dtype} {found.shape}; the file is "
                "damaged, or not written as NWB says: download it again"
            )
        numbers = found.astype(np.int64)
        if found.dtype.kind == "u" and (wrapped := np.flatnonzero(numbers < 0)).size:
            at = int(wrapped[0])
            row = at + (span.start if span else 0)
            raise FormatError(
                f"{self._where(name)}[{row}] is {found[at]}, more than the {np.iinfo(np.int64).max} that fits in "
                "64 bits with a sign; the file is damaged, or needs other numbers there: ask whoever wrote it"
            )
        return numbers

    @property
    def stated(self) -> list[str]:
        """The names of the columns that the table says it has (its attribute colnames)."""
        stated = self.source.attribute(self.path, "colnames")
        return (
            [] if stated is None else [str(name) for name in np.atleast_1d(np.asarray(stated, dtype=object))]
        )

    @property
    def columns(self) -> list[str]:
        """The names of the columns that are in the file, in the order the table states."""
        if self._columns is None:
            there, named = self.source.children(self.path), self.stated
            known = set(there)
            rest = [
                n
                for n in there
                if n != "id"
                and n not in set(named)
                and not self._is_index(n, known)
                and not (n.endswith(_TERMS) and self._terms(n.removesuffix(_TERMS)))
            ]
            self._columns = [n for n in [*named, *rest] if n in known and n not in NEVER_READ]
        return self._columns

    @staticmethod
    def _is_index(name: str, known: set[str]) -> bool:
        return name.endswith("_index") and name.removesuffix("_index") in known

    def levels(self, name: str) -> int:
        """How many index columns a column has: 0 flat, 1 ragged, 2 ragged within ragged."""
        count = 0
        while self.source.kind(self._at(name + "_index" * (count + 1))) == "dataset":
            count += 1
        return count

    def _need(self, name: str) -> str:
        if self.source.kind(self._at(name)) != "dataset":
            raise LookupFailure(
                f"{self.source.name}: {self.path} has no column {name!r}; {nearest(name, self.columns)}"
            )
        return self._at(name)

    def __contains__(self, name: str) -> bool:
        return self.source.kind(self._at(name)) == "dataset"

    def is_flat(self, name: str) -> bool:
        """Whether a column has one value a row, of a kind that nwbin reads."""
        if self.levels(name) or self.source.kind(self._at(name)) != "dataset":
            return False
        layout = self.source.layout(self._at(name))
        return len(layout.shape) == 1 and layout.kind in ("number", "bool", "text")

    def _terms(self, name: str) -> str | None:
        """Where the terms stand that a column of numbers means (hdmf's EnumData); None for any other column."""
        terms = self._at(name + _TERMS)
        if self.source.kind(terms) != "dataset" or self.source.kind(self._at(name)) != "dataset":
            return None
        return terms if self.source.attribute(self._at(name), "neurodata_type") == "EnumData" else None

    def _codes(self, name: str, terms: int, span: slice | None = None) -> npt.NDArray[np.int64]:
        codes = self._integers(name, span)
        if (wrong := np.flatnonzero((codes < 0) | (codes >= terms))).size:
            at = int(wrong[0])
            row = at + (span.start if span else 0)
            raise FormatError(
                f"{self._where(name)}[{row}] is {codes[at]}, but {name}{_TERMS} holds {terms} terms; the file is "
                "damaged: download it again"
            )
        return codes

    def _values(self, name: str, span: slice | None = None) -> npt.NDArray[Any]:
        """Read a span of a column's values, by default all; of EnumData, the terms that are meant."""
        if terms := self._terms(name):
            meant = self.source.read(terms)
            found: npt.NDArray[Any] = meant[self._codes(name, len(meant), span)]
            return found
        return self.source.read(self._need(name), span)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Read a column with one value (or one row of values) for each row of the table."""
        self._check_length(name)
        return self._values(name)

    def text_codes(self, name: str) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Read a text column as numbers into its distinct values; None where it holds no text, or not so stored."""
        self._check_length(name)
        if terms := self._terms(name):
            meant = self.source.read(terms)
            return (self._codes(name, len(meant)), meant.tolist()) if meant.dtype == object else None
        return self.source.text_codes(self._need(name))

    def _check_length(self, name: str) -> None:
        # The shape is looked at before the data are read: a column of the wrong length may be any length.
        shape = self.source.layout(self._need(name)).shape
        if not shape:
            raise FormatError(
                f"{self._where(name)} is one single value, but the table has {len(self)} rows; it is damaged: "
                "download the file again"
            )
        if shape[0] != len(self):
            raise FormatError(
                f"{self._where(name)} has {shape[0]} values, but the table has {len(self)} rows (in its id "
                "column); it is damaged: download the file again"
            )

    def bounds(self, name: str, level: int = 1) -> Bounds:
        """Read and check an index column of a ragged column.

        Parameters
        ----------
        name
            The ragged column.
        level
            1 for ``<name>_index``, which points into the values; 2 for ``<name>_index_index``, which points
            into that; and so on.

        Raises
        ------
        FormatError
            The index decreases, or points past the end of what it indexes.
        """
        target, index = name + "_index" * (level - 1), name + "_index" * level
        stops = self._integers(index)
        starts = np.concatenate([np.zeros(1, np.int64), stops[:-1]]) if len(stops) else stops
        if self.levels(name) == level and len(stops) != len(self):
            raise FormatError(
                f"{self._where(index)} has {len(stops)} values, but the table has {len(self)} rows; it is damaged: "
                "download the file again"
            )
        length = (
            self.source.layout(self._need(target)).shape[0]
            if self.source.layout(self._need(target)).shape
            else 0
        )
        if len(stops) and (falls := np.flatnonzero(stops < starts)).size:
            row = int(falls[0])
            raise FormatError(
                f"{self._where(index)}[{row}] is {stops[row]}, less than the {starts[row]} before it; the table is "
                "damaged: download the file again"
            )
        if len(stops) and (past := np.flatnonzero(stops > length)).size:
            row = int(past[0])
            raise FormatError(
                f"{self._where(index)}[{row}] is {stops[row]}, but {self.path}/{target} holds only {length} values: "
                f"rows {row} and after cannot be read; the file was cut or is damaged: download it again"
            )
        return Bounds(starts, stops)

    def spans(self, name: str) -> Bounds:
        """Read and check the index of a column that has one list of values a row; errors as for :meth:`bounds`."""
        self._need(name)
        if not self.levels(name):
            raise FormatError(
                f"{self._where(name)} has no {name}_index, which says what belongs to which row; as it is, "
                "File.unit_column reads it"
            )
        if self.levels(name) > 1:
            raise FormatError(
                f"{self._where(name)} has lists of lists, by its {name}_index_index; one list a row is needed: ask "
                "whoever wrote the file"
            )
        return self.bounds(name)

    def ragged(self, name: str, row: int) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        """Read one row of a ragged column; of a doubly ragged one, the list of its parts."""
        levels = self.levels(name)
        if levels == 0:
            self._check_length(name)
            value: npt.NDArray[Any] = self._values(name, slice(row, row + 1))[0]
            return value
        bounds = self.bounds(name, levels)
        first, last = int(bounds.starts[row]), int(bounds.stops[row])
        if levels == 1:
            span = slice(first, last)
            return self._values(name, span) if self._terms(name) else self._read(name, span)
        if levels > 2:
            raise FormatError(
                f"{self._where(name)} is ragged {levels} times over, which nwbin does not read; use pynwb()"
            )
        inner = self.bounds(name, 1)
        if last <= first:
            return []
        whole = self._values(name, slice(int(inner.starts[first]), int(inner.stops[last - 1])))
        cuts = inner.stops[first : last - 1] - inner.starts[first]
        return np.split(whole, cuts)

    def lists(self, name: str) -> list[list[Any]]:
        """Read a ragged column whole, a list for each row."""
        bounds = self.bounds(name, self.levels(name))
        values = self._values(name).tolist()
        return [values[a:b] for a, b in zip(bounds.starts.tolist(), bounds.stops.tolist(), strict=True)]

    def is_list(self, name: str) -> bool:
        """Whether a column has one list of text or numbers a row, of a kind that nwbin reads."""
        if self.levels(name) != 1 or self.source.kind(self._at(name)) != "dataset":
            return False
        layout = self.source.layout(self._terms(name) or self._at(name))
        return len(layout.shape) == 1 and layout.kind in ("number", "bool", "text")

    def frame(self, columns: Iterable[str] | None = None, *, lists: bool = False) -> pd.DataFrame:
        """Read the flat columns into a data frame.

        Parameters
        ----------
        columns
            Only these. By default every column with one value a row.
        lists
            Add the ragged columns too (``tags``), a list a row.

        Returns
        -------
        pandas.DataFrame
            Index ``id``. Numbers keep their dtypes, missing ones are NaN; text is dtype object.
        """
        import pandas as pd

        found: dict[str, Any] = {}
        for name in self.columns if columns is None else columns:
            if columns is not None or self.is_flat(name):
                found[name] = self.column(name)
            elif lists and self.is_list(name):
                found[name] = self.lists(name)
        return frame_of(found, pd.Index(self.ids, name="id"))

    def rows(self, name: str, span: slice) -> npt.NDArray[Any]:
        """Read a span of a column's values, whatever rows of the table they belong to; mapped where possible."""
        mapped = self._map(name)
        return self._read(name, span) if mapped is None else mapped[span]

    def blocks(self, name: str, stop: int) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Walk through the first values of a column: where each block begins, and its values.

        No chunk is decompressed twice. Working set: a megabyte or a chunk, whichever is more, and what decoding
        that takes.
        """
        mapped, step = self._map(name), self._step(name)
        for begin in range(0, stop, step):
            span = slice(begin, min(stop, begin + step))
            yield begin, self.source.read(self._need(name), span) if mapped is None else mapped[span]
            self.source.check()

    def _map(self, name: str) -> npt.NDArray[Any] | None:
        if name not in self._mapped:
            self._mapped[name] = self.source.mapped(self._need(name))
        mapped = self._mapped[name]
        if mapped is not None and self.source.map is not None:
            self.source.map.check()  # also where the file is closed
        return mapped

    def _step(self, name: str) -> int:
        """How many values make a block: whole chunks."""
        layout = self.source.layout(self._need(name))
        row = max(1, int(np.prod(layout.shape[1:], dtype=object)) * layout.dtype.itemsize)
        if layout.chunks is None:
            return max(1, self._block_bytes // row)
        chunk = layout.chunks[0]
        return max(1, min(self._block_bytes // row // chunk, _FEW)) * chunk

    def _read(self, name: str, span: slice) -> npt.NDArray[Any]:
        """Read a span of values. Of chunked numbers, the blocks that it lies in are kept for the next span."""
        path = self._need(name)
        layout = self.source.layout(path)
        if layout.chunks is None or layout.kind != "number" or span.stop <= span.start:
            return self.source.read(path, span)
        step = self._step(name)
        parts = []
        for begin in range(span.start // step * step, span.stop, step):
            block = self._block(name, begin, begin + step)
            parts.append(block[max(0, span.start - begin) : span.stop - begin])
        return np.concatenate(parts)  # a copy, even of one part: the block can go

    def _block(self, name: str, begin: int, end: int) -> npt.NDArray[Any]:
        block = self._blocks.pop((name, begin), None)
        if block is None:
            block = self.source.read(self._need(name), slice(begin, end))
            while (
                self._blocks
                and sum(kept.nbytes for kept in [*self._blocks.values()]) + block.nbytes > self._kept_bytes
            ):
                self._blocks.popitem(last=False)
        self._blocks[name, begin] = block
        return block
