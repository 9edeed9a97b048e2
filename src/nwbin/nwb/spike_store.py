"""Spike times of a file: mapped where they lie contiguous, else read unit by unit, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.errors import ArgumentError, FormatError, LookupFailure, NotEnoughMemoryError, nearest
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.schema import SPIKE_TIMES
from nwbin.trains import SpikeTrains

__all__ = ["SpikeStore"]

# Ranges of spikes closer than this are read as one: seeking costs more than reading a megabyte.
_MERGE = 1 << 17


class SpikeStore:
    """The spike times of one file's units table.

    The values have one home, an array as long as the file's: a map of the file, or memory that the system only
    provides where something is read into it. So a unit is read and checked once, and any choice of units is a
    pair of offsets each, without a copy.
    """

    def __init__(self, table: DynamicTable) -> None:
        self._table = table
        self._where = f"{table.source.name}: {table.path}/{SPIKE_TIMES}"
        source = table.source
        if SPIKE_TIMES not in table:
            raise LookupFailure(f"{self._where} is not in this file; {nearest(SPIKE_TIMES, table.columns)}")
        if f"{SPIKE_TIMES}_index" not in table:
            raise FormatError(f"{self._where}_index is missing: without it no spike can be given to a unit")
        layout = source.layout(f"{table.path}/{SPIKE_TIMES}")
        if layout.kind != "number" or len(layout.shape) != 1:
            raise FormatError(
                f"{self._where} should be a list of seconds, found {layout.dtype} {layout.shape}"
            )
        self._bounds = table.spans(SPIKE_TIMES)
        if source.absent(f"{table.path}/{SPIKE_TIMES}_index") and layout.shape[0]:
            raise FormatError(
                f"{self._where}_index is not there, or not all of it, but there are {layout.shape[0]:,} spike times: "
                "they cannot be given to units; copy the file again"
            )
        ids, first, count = np.unique(table.ids, return_index=True, return_counts=True)
        if (count > 1).any():
            twice = int(ids[count > 1][0])
            rows = np.flatnonzero(table.ids == twice).tolist()
            raise FormatError(
                f"{table.source.name}: {table.path}/id holds {twice} more than once, in rows {rows}"
            )
        self._row = dict(zip(ids.tolist(), first.tolist(), strict=True))
        mapped = source.mapped(f"{table.path}/{SPIKE_TIMES}") if layout.dtype == np.float64 else None
        self.is_mapped = mapped is not None
        if mapped is None:
            source.allow(f"{table.path}/{SPIKE_TIMES}")
        self._values: npt.NDArray[np.float64] = mapped if mapped is not None else self._room(layout.shape[0])
        self._intact = source.map.check if self.is_mapped and source.map is not None else None
        self._loaded = np.full(len(table), self.is_mapped)
        self._checked = np.zeros(len(table), dtype=bool)

    def _room(self, size: int) -> npt.NDArray[np.float64]:
        try:
            return np.empty(size, dtype=np.float64)
        except MemoryError as error:
            raise NotEnoughMemoryError(
                f"{self._where} holds {size:,} spikes, which take {8 * size / 1e9:,.4g} GB, more than there is memory; "
                "use a machine, or a limit, with more"
            ) from error

    def rows(self, unit_ids: Iterable[Any]) -> npt.NDArray[np.intp]:
        """Return the table row of each unit, in the order asked for."""
        wanted = list(unit_ids)
        rows = [self._row.get(unit, -1) for unit in wanted]
        if -1 in rows:
            unknown = wanted[rows.index(-1)]
            as_text = isinstance(unknown, str) and unknown.strip().isdecimal()
            hint = "ids are whole numbers, and this is text" if as_text else nearest(unknown, self._row)
            raise LookupFailure(f"{self._table.source.name}: no unit has the id {unknown!r}; {hint}")
        return np.asarray(rows, dtype=np.intp)

    def _load(self, rows: npt.NDArray[np.intp]) -> None:
        todo = np.unique(rows[~self._loaded[rows]])
        if not todo.size:
            return
        path = f"{self._table.path}/{SPIKE_TIMES}"
        layout = self._table.source.layout(path)
        # Whole chunks: half a chunk costs as much to decompress, and the neighbours are often asked for next.
        chunk = layout.chunks[0] if layout.chunks else 1
        starts = self._bounds.starts[todo] // chunk * chunk
        stops = np.minimum(-(-self._bounds.stops[todo] // chunk) * chunk, layout.shape[0])
        # From a server many ranges come at once, and whoever asks it knows which to merge.
        merge = 0 if self._table.source.is_remote else _MERGE
        begins = np.flatnonzero(np.concatenate([[True], starts[1:] - stops[:-1] > merge]))
        spans = list(
            zip(starts[begins].tolist(), stops[np.append(begins[1:], len(todo)) - 1].tolist(), strict=True)
        )
        n_spikes = sum(stop - start for start, stop in spans)
        require(8 * n_spikes, f"{self._where}: {n_spikes:,} spike times", "read fewer units at a time")
        parts = [slice(start, stop) for start, stop in spans]
        self._table.source.read_many_into(path, parts, [self._values[part] for part in parts])
        for start, stop in spans:
            self._loaded |= (self._bounds.starts >= start) & (self._bounds.stops <= stop)
        self._loaded[todo] = True

    def trains(self, unit_ids: Sequence[Any] | npt.NDArray[Any] | None = None) -> SpikeTrains:
        """Return some units' spike trains (all by default), read and checked if they were not yet."""
        if unit_ids is None:
            rows = np.arange(len(self._table), dtype=np.intp)
            ids = self._table.ids
        else:
            rows = self.rows(self._chosen(unit_ids).tolist())
            ids = self._table.ids[rows]
        self._load(rows)
        fresh = np.unique(rows[~self._checked[rows]])
        if fresh.size:
            self._slices(fresh, self._table.ids[fresh], check=True)
            self._checked[fresh] = True
        elif self._intact is not None:  # nothing was read of the file, but what is handed out lies in it
            self._intact()
        return self._slices(rows, ids, check=False)

    def _chosen(self, unit_ids: Any) -> npt.NDArray[Any]:
        """Return ids as a list: of one id, of any iterable of ids, of a table (its index), or of a mask."""
        if hasattr(unit_ids, "columns"):
            unit_ids = unit_ids.index
        if (
            isinstance(unit_ids, Iterable)
            and not isinstance(unit_ids, str)
            and not hasattr(unit_ids, "dtype")
        ):
            unit_ids = list(unit_ids)  # NumPy takes a set for one thing
        ids = np.atleast_1d(np.asarray(unit_ids))
        if ids.dtype == object and ids.size and all(isinstance(one, bool | np.bool_) for one in ids.flat):
            ids = ids.astype(np.bool_)
        if ids.dtype != np.bool_:
            return ids
        # pandas' masks say of whom they are; the units of a session are fewer, and in another order.
        whose = np.asarray(unit_ids.index) if hasattr(unit_ids, "iloc") else self._table.ids
        if ids.shape != whose.shape:
            raise ArgumentError(
                f"{self._table.source.name}: a mask of units needs one value for each of {len(whose)} units, not "
                f"shape {ids.shape}"
            )
        found: npt.NDArray[Any] = whose[ids]
        return found

    def _slices(self, rows: npt.NDArray[np.intp], ids: npt.NDArray[np.int64], *, check: bool) -> SpikeTrains:
        return SpikeTrains._from_slices(
            self._values,
            self._bounds.starts[rows],
            self._bounds.stops[rows],
            ids,
            source=self._where,
            check=check,
            intact=self._intact,
        )
