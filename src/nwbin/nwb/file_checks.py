"""All that any NWB file can be checked for: its objects, its tables, its spike times and intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.errors import NwbinError
from nwbin.nwb import schema
from nwbin.nwb.dynamic_table import BLOCK_BYTES, DynamicTable
from nwbin.nwb.file import File
from nwbin.nwb.findings import ERROR, NOTE, WARNING, Findings, counted, have

__all__ = ["Checked", "check_file"]

_MOST_OBJECTS = 100_000
_SUSPICIOUS = 100  # times that data are larger in memory than in the file


class Checked(NamedTuple):
    """What was there to be checked."""

    units: DynamicTable | None
    electrodes: DynamicTable | None
    intervals: list[str]


def check_file(file: File, findings: Findings, *, block_bytes: int = BLOCK_BYTES) -> Checked:
    """Look at every object of a file, and at what its tables hold.

    Parameters
    ----------
    file
        The file.
    findings
        Where what is found goes.
    block_bytes
        How much of the spike times is looked at at a time.

    Returns
    -------
    Checked
        The tables that can be read.
    """
    return _FileCheck(file, findings, block_bytes).run()


class _FileCheck:
    def __init__(self, file: File, findings: Findings, block_bytes: int) -> None:
        self.file = file
        self.source = file._source
        self.found = findings
        self.block_bytes = block_bytes

    # ---------------------------------------------------------------- every object

    def objects(self) -> None:
        """Visit all objects: can each be opened, do links lead somewhere, are shapes possible."""
        seen: set[int] = set()
        todo = [""]
        while todo:
            group = todo.pop()
            try:
                names = self.source.children(group)
            except NwbinError as error:
                self.found.caught(group, error)
                continue
            for name in names:
                path = f"{group}/{name}".strip("/")
                self.found.looked_at += 1
                if self.found.looked_at > _MOST_OBJECTS:
                    self.found.add(
                        NOTE,
                        "",
                        f"more than {_MOST_OBJECTS} objects; the rest was not visited",
                        "none needed",
                    )
                    return
                try:
                    if self._object(path, seen):
                        todo.append(path)
                except NwbinError as error:
                    self.found.caught(path, error)

    def _object(self, path: str, seen: set[int]) -> bool:
        """Check one object; returns whether it is a group to go into."""
        how, target = self.source.link(path)
        if how == "external":
            self.found.add(
                WARNING,
                path,
                f"links to another file, {target!r}",
                "such links are not followed unless asked for",
            )
            return False
        kind = self.source.kind(path)
        if kind is None:
            if how == "soft":
                self.found.add(
                    WARNING, path, f"is a link to {target!r}, which is not there", "the file is incomplete"
                )
            return False
        if how == "soft":
            return False
        if kind == "dataset":
            self.source.allow(path)
            self._storage(path)
            return False
        identity = self.source.identity(path)
        fresh = identity not in seen
        seen.add(identity)
        return fresh

    def _storage(self, path: str) -> None:
        """Check how a dataset is stored: how much it grows when it is read, and whether that can be checked."""
        layout = self.source.layout(path)
        if layout.not_compared:
            self.source.take_as_said(path)
            self.found.add(
                NOTE,
                path,
                f"is under {' and '.join(layout.not_compared)}, which HDF5 undoes: whether its chunks hold what they "
                "should cannot be seen",
                "compare what matters with its source",
            )
        if layout.growth > _SUSPICIOUS:
            self.found.add(
                WARNING,
                path,
                f"claims shape {layout.shape} of {layout.dtype}, {layout.growth:,.0f} times the {layout.stored:,} "
                "bytes that the file has for it",
                "read a few rows at a time, unless you trust the file",
            )

    # ---------------------------------------------------------------- tables

    def table(self, path: str) -> DynamicTable | None:
        """Check a table: its ids, and that each column can be read and has as many values as there are rows."""
        try:
            table = DynamicTable(self.source, path, block_bytes=self.block_bytes)
            ids = table.ids
            stated = table.stated
            columns = table.columns
        except NwbinError as error:
            self.found.caught(path, error)
            return None
        ordered = np.sort(ids)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if twice.size:
            self.found.add(
                ERROR if path == schema.UNITS else WARNING,
                f"{path}/id",
                f"holds {self.found.some(twice.tolist())} more than once",
                "each row needs an id of its own",
            )
        for name in stated:
            if name not in self.source.children(path) and name not in schema.NEVER_READ:
                self.found.add(
                    WARNING, path, f"its colnames list {name!r}, which is not there", "the file is incomplete"
                )
        for name in columns:
            try:
                self._column(table, name)
            except NwbinError as error:
                self.found.caught(f"{path}/{name}", error)
        return table

    def _column(self, table: DynamicTable, name: str) -> None:
        for level in range(1, table.levels(name) + 1):
            table.bounds(name, level)
        if table.is_flat(name):
            table.column(name)
        path = f"{table.path}/{name}"
        if absent := self.source.absent(path):
            self.found.add(
                NOTE,
                path,
                f"{counted(absent, 'chunk')} of it {'is' if absent == 1 else 'are'} not there, and stand for the value "
                "that is written nowhere else",
                "compare the number of files with that of the store's source if this one was copied",
            )

    # ---------------------------------------------------------------- what the values must be

    def spikes(self, table: DynamicTable) -> None:
        """Check the spike times of each unit: finite, ascending, not before the session's start."""
        where = f"{schema.UNITS}/{schema.SPIKE_TIMES}"
        if schema.SPIKE_TIMES not in self.source.children(schema.UNITS):
            self.found.add(WARNING, where, "is missing", "there are no spikes to count in this file")
            return
        if f"{schema.SPIKE_TIMES}_index" not in self.source.children(schema.UNITS):
            self.found.add(ERROR, f"{where}_index", "is missing: without it no spike can be given to a unit")
            return
        try:
            starts, stops = table.spans(schema.SPIKE_TIMES)
            layout = self.source.layout(where)
        except NwbinError as error:
            self.found.caught(where, error)  # unless it was found with the columns
            return
        if layout.kind != "number" or len(layout.shape) != 1:
            self.found.add(ERROR, where, f"should be a list of seconds, found {layout.dtype} {layout.shape}")
            return
        used = int(stops[-1]) if len(stops) else 0
        if used < layout.shape[0]:
            self.found.add(
                WARNING,
                f"{where}_index",
                f"ends at {used:,}, but there are {layout.shape[0]:,} spike times",
                "the others belong to no unit, and are not read",
            )
        try:
            infinite, unsorted, negative = self._faulty_units(table, starts, stops, used)
        except NwbinError as error:
            self.found.caught(where, error)
            return
        ids = table.ids
        unsorted &= ~infinite
        infinite_ids, unsorted_ids = ids[infinite].tolist(), ids[unsorted].tolist()
        negative_ids = ids[negative & ~infinite & ~unsorted].tolist()
        for severity, units, what, remedy in (
            (ERROR, infinite_ids, "times that are not finite", "drop those spikes"),
            (ERROR, unsorted_ids, "times that do not ascend", "sort the spikes of each unit"),
            (WARNING, negative_ids, "times before 0 s", "they are counted like others"),
            (NOTE, ids[starts == stops].tolist(), "no spikes", "they count 0 everywhere"),
        ):
            if units:
                self.found.add(
                    severity,
                    where,
                    f"{len(units)} of {counted(len(table), 'unit')} {have(len(units))} {what}: "
                    f"{self.found.some(units)}",
                    remedy,
                )

    @staticmethod
    def _faulty_units(
        table: DynamicTable, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], used: int
    ) -> npt.NDArray[np.bool_]:
        """Say which units have spikes that are not finite, do not ascend, or begin below 0 s: (3, units)."""
        infinite, unsorted, negative = faulty = np.zeros((3, len(stops)), dtype=bool)
        before = -np.inf  # the spike before the block
        for begin, times in table.blocks(schema.SPIKE_TIMES, used):
            bad = np.flatnonzero(~np.isfinite(times)) + begin
            infinite[np.searchsorted(stops, bad, side="right")] = True
            falls = np.concatenate([[times[0] < before], times[1:] < times[:-1]])
            down = np.flatnonzero(falls) + begin
            unit = np.searchsorted(stops, down, side="right")
            unsorted[unit[down > starts[unit]]] = True
            first = np.flatnonzero((starts >= begin) & (starts < begin + len(times)) & (starts < stops))
            negative[first] = times[starts[first] - begin] < 0
            before = times[-1]
        return faulty

    def intervals(self, path: str, table: DynamicTable) -> None:
        """Check the times of a table of intervals."""
        times: dict[str, npt.NDArray[Any]] = {}
        for name in ("start_time", "stop_time"):
            if name not in self.source.children(path):
                self.found.add(ERROR, path, f"has no {name}", "its presentations cannot be placed in time")
                continue
            try:
                values = table.column(name)
            except NwbinError:
                continue  # found with the columns
            if values.dtype.kind not in "fiu" or values.ndim != 1:
                self.found.add(
                    ERROR, f"{path}/{name}", f"holds {values.dtype} {values.shape}, not a number a row"
                )
                continue
            bad = np.flatnonzero(~np.isfinite(values))
            if bad.size:
                self.found.add(
                    WARNING,
                    f"{path}/{name}",
                    f"is not finite in {counted(bad.size, 'row')}: {self.found.some(bad.tolist())}",
                    "leave those rows out before counting",
                )
            times[name] = values
        if len(times) == 2:
            with np.errstate(invalid="ignore"):
                back = np.flatnonzero(times["stop_time"] < times["start_time"])
                empty = np.flatnonzero(times["stop_time"] == times["start_time"])
            if back.size:
                does = "stops before it starts" if back.size == 1 else "stop before they start"
                self.found.add(
                    WARNING, path, f"{counted(back.size, 'row')} {does}: {self.found.some(back.tolist())}"
                )
            if empty.size:
                self.found.add(
                    NOTE,  # Allen's sessions hold such rows
                    path,
                    f"{counted(empty.size, 'row')} {have(empty.size)} a duration of 0 s: "
                    f"{self.found.some(empty.tolist())}",
                    "no rate over a whole row can be had there: leave them out, or count in a window",
                )

    def lfp(self) -> bool:
        """Whether the file holds an LFP, as those of a session's probes do instead of units."""
        try:
            names = self.source.children(schema.ACQUISITION)
            kinds = [self.source.attribute(f"{schema.ACQUISITION}/{one}", "neurodata_type") for one in names]
        except NwbinError:
            return False  # found with the objects
        return "LFP" in kinds

    def run(self) -> Checked:
        """Look at everything."""
        self.objects()
        try:
            has_units = self.source.kind(schema.UNITS) == "group"
            intervals = self.source.children(schema.INTERVALS)
            has_electrodes = self.source.kind(schema.ELECTRODES) == "group"
        except NwbinError as error:
            self.found.caught("", error)
            return Checked(None, None, [])
        units = self.table(schema.UNITS) if has_units else None
        if has_units:
            if units is not None:
                self.spikes(units)
        else:
            severity, said = (
                (NOTE, "is not there; this file holds an LFP") if self.lfp() else (WARNING, "is not there")
            )
            self.found.add(severity, schema.UNITS, said, "there are no spikes to count in this file")
        electrodes = self.table(schema.ELECTRODES) if has_electrodes else None
        for name in intervals:
            path = f"{schema.INTERVALS}/{name}"
            table = self.table(path)
            if table is not None:
                self.intervals(path, table)
        try:
            _ = self.file.session_start_time
        except NwbinError as error:
            self.found.caught("session_start_time", error)
        return Checked(units, electrodes, intervals)
