"""Everything that is wrong with a file, found at once: ``nwbin check FILE``.

Reading stops at the first fault it meets. This looks on, and gives what it finds as data.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nwbin import _schema as schema
from nwbin._open import StrPath
from nwbin._plain_text import printable
from nwbin._tables import DynamicTable
from nwbin.allen.invalid import invalid_times, ranges
from nwbin.allen.places import probe_table
from nwbin.allen.units import unit_order
from nwbin.errors import NwbinError
from nwbin.file import File

__all__ = ["Finding", "Report", "check"]

ERROR, WARNING, NOTE = "error", "warning", "note"
_ORDER = (ERROR, WARNING, NOTE)
_SHOWN = 5  # units named in a finding about many
_MOST_OBJECTS = 100_000
_SUSPICIOUS = 100  # times that data are larger in memory than in the file
_DAMAGED = "download the file again, or ask whoever wrote it"


@dataclass(frozen=True)
class Finding:
    """One thing found in a file.

    Attributes
    ----------
    severity
        "error": something cannot be read, or its values are wrong. "warning": it can be read, but is probably
        not what was meant. "note": worth knowing.
    object
        The path inside the file, such as "units/spike_times_index"; "" for the file itself.
    finding
        What was found there.
    remedy
        What to do.
    """

    severity: str
    object: str
    finding: str
    remedy: str


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    file
        The file's name.
    findings
        Errors first, then warnings, then notes.
    looked_at
        How many objects of the file were visited.
    """

    file: str
    findings: tuple[Finding, ...]
    looked_at: int

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes are allowed."""
        return not any(found.severity == ERROR for found in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain lists, dicts, text and numbers."""
        return {
            "file": self.file,
            "ok": self.ok,
            "looked_at": self.looked_at,
            "findings": [asdict(found) for found in self.findings],
        }

    def to_json(self) -> str:
        """Return the report as JSON: file, ok, looked_at, findings (severity, object, finding, remedy)."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=True)

    def __str__(self) -> str:
        lines = [
            printable(f"{found.severity}: {found.object or 'the file'}: {found.finding}; {found.remedy}")
            for found in self.findings
        ]
        numbers = [(sum(f.severity == kind for f in self.findings), kind) for kind in _ORDER]
        counts = [_counted(n, kind) for n, kind in numbers]
        looked_at = _counted(self.looked_at, "object")
        return "\n".join([printable(f"{self.file}: {', '.join(counts)}; looked at {looked_at}"), *lines])


class _Checker:
    def __init__(self, file: File) -> None:
        self.file = file
        self.source = file._source
        self.found: list[Finding] = []
        self.looked_at = 0

    def add(self, severity: str, where: str, finding: str, remedy: str = _DAMAGED) -> None:
        self.found.append(Finding(severity, where, finding, remedy))

    def caught(self, where: str, error: NwbinError) -> None:
        """Make a finding of an error: its text says what was found and, after the last "; " or ": ", what to do."""
        finding = _from_error(where, error, self.file.name)
        if finding not in self.found:
            self.found.append(finding)

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
                self.caught(group, error)
                continue
            for name in names:
                path = f"{group}/{name}".strip("/")
                self.looked_at += 1
                if self.looked_at > _MOST_OBJECTS:
                    self.add(
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
                    self.caught(path, error)

    def _object(self, path: str, seen: set[int]) -> bool:
        """Check one object; returns whether it is a group to go into."""
        how, target = self.source.link(path)
        if how == "external":
            self.add(
                WARNING,
                path,
                f"links to another file, {target!r}",
                "such links are not followed unless asked for",
            )
            return False
        kind = self.source.kind(path)
        if kind is None:
            if how == "soft":
                self.add(
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
            self.add(
                NOTE,
                path,
                f"is under {' and '.join(layout.not_compared)}, which HDF5 undoes: whether its chunks hold what they "
                "should cannot be seen",
                "compare what matters with its source",
            )
        if layout.growth > _SUSPICIOUS:
            self.add(
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
            table = DynamicTable(self.source, path)
            ids = table.ids
            stated = table.stated
            columns = table.columns
        except NwbinError as error:
            self.caught(path, error)
            return None
        ordered = np.sort(ids)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if twice.size:
            self.add(
                ERROR if path == schema.UNITS else WARNING,
                f"{path}/id",
                f"holds {_some(twice.tolist())} more than once",
                "each row needs an id of its own",
            )
        for name in stated:
            if name not in self.source.children(path) and name not in schema.NEVER_READ:
                self.add(
                    WARNING, path, f"its colnames list {name!r}, which is not there", "the file is incomplete"
                )
        for name in columns:
            try:
                self._column(table, name)
            except NwbinError as error:
                self.caught(f"{path}/{name}", error)
        return table

    def _column(self, table: DynamicTable, name: str) -> None:
        for level in range(1, table.levels(name) + 1):
            table.bounds(name, level)
        if table.is_flat(name):
            table.column(name)

    # ---------------------------------------------------------------- what the values must be

    def spikes(self, table: DynamicTable) -> None:
        """Check the spike times of each unit: finite, ascending, not before the session's start."""
        where = f"{schema.UNITS}/{schema.SPIKE_TIMES}"
        if schema.SPIKE_TIMES not in self.source.children(schema.UNITS):
            self.add(WARNING, where, "is missing", "there are no spikes to count in this file")
            return
        if f"{schema.SPIKE_TIMES}_index" not in self.source.children(schema.UNITS):
            self.add(ERROR, f"{where}_index", "is missing: without it no spike can be given to a unit")
            return
        try:
            starts, stops = table.spans(schema.SPIKE_TIMES)
            layout = self.source.layout(where)
        except NwbinError as error:
            self.caught(where, error)  # unless it was found with the columns
            return
        if layout.kind != "number" or len(layout.shape) != 1:
            self.add(ERROR, where, f"should be a list of seconds, found {layout.dtype} {layout.shape}")
            return
        used = int(stops[-1]) if len(stops) else 0
        if used < layout.shape[0]:
            self.add(
                WARNING,
                f"{where}_index",
                f"ends at {used:,}, but there are {layout.shape[0]:,} spike times",
                "the others belong to no unit, and are not read",
            )
        infinite, unsorted, negative = np.zeros((3, len(stops)), dtype=bool)
        before = -np.inf  # the spike before the block
        try:
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
        except NwbinError as error:
            self.caught(where, error)
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
                self.add(
                    severity,
                    where,
                    f"{len(units)} of {_counted(len(table), 'unit')} {_have(len(units))} {what}: {_some(units)}",
                    remedy,
                )

    def intervals(self, path: str, table: DynamicTable) -> None:
        """Check the times of a table of intervals."""
        times: dict[str, npt.NDArray[Any]] = {}
        for name in ("start_time", "stop_time"):
            if name not in self.source.children(path):
                self.add(ERROR, path, f"has no {name}", "its presentations cannot be placed in time")
                continue
            try:
                values = table.column(name)
            except NwbinError:
                continue  # found with the columns
            if values.dtype.kind not in "fiu" or values.ndim != 1:
                self.add(ERROR, f"{path}/{name}", f"holds {values.dtype} {values.shape}, not a number a row")
                continue
            bad = np.flatnonzero(~np.isfinite(values))
            if bad.size:
                self.add(
                    WARNING,
                    f"{path}/{name}",
                    f"is not finite in {_counted(bad.size, 'row')}: {_some(bad.tolist())}",
                    "leave those rows out before counting",
                )
            times[name] = values
        if len(times) == 2:
            with np.errstate(invalid="ignore"):
                back = np.flatnonzero(times["stop_time"] < times["start_time"])
                empty = np.flatnonzero(times["stop_time"] == times["start_time"])
            if back.size:
                does = "stops before it starts" if back.size == 1 else "stop before they start"
                self.add(WARNING, path, f"{_counted(back.size, 'row')} {does}: {_some(back.tolist())}")
            if empty.size:
                self.add(
                    NOTE,  # Allen's sessions hold such rows
                    path,
                    f"{_counted(empty.size, 'row')} {_have(empty.size)} a duration of 0 s: {_some(empty.tolist())}",
                    "no rate over a whole row can be had there: leave them out, or count in a window",
                )

    def invalid_times(self) -> None:
        """Note which times the file itself calls invalid."""
        try:
            invalid = invalid_times(self.file)
            start, stop = (invalid[name].to_numpy(np.float64) for name in ("start_time", "stop_time"))
        except (NwbinError, KeyError, ValueError, TypeError):
            return  # found with its columns
        known = np.isfinite(start) & np.isfinite(stop)
        if not known.any():
            return
        # Together: those of several probes may overlap.
        order = np.argsort(start[known])
        start, stop = start[known][order], np.maximum.accumulate(stop[known][order])
        begin = np.maximum(start, np.concatenate([[-np.inf], stop[:-1]]))
        said = f"{_counted(len(invalid), 'row')}, which cover {np.maximum(stop - begin, 0).sum():.6g} s"
        if "tags" in invalid.columns and all(len(tags) for tags in invalid["tags"]):
            said += f": {ranges(invalid)}"
        else:
            said += f" from {start[0]:.6g} to {stop[-1]:.6g} s"
        self.add(
            NOTE,
            f"{schema.INTERVALS}/invalid_times",
            said,
            "spikes in them are not left out: exclude them where they matter",
        )

    def lfp(self) -> bool:
        """Whether the file holds an LFP, as those of a session's probes do instead of units."""
        try:
            names = self.source.children(schema.ACQUISITION)
            kinds = [self.source.attribute(f"{schema.ACQUISITION}/{one}", "neurodata_type") for one in names]
        except NwbinError:
            return False  # found with the objects
        return "LFP" in kinds

    def places(self, units: DynamicTable, electrodes: DynamicTable) -> None:
        """Check that the units' peak channels are electrodes of the file, and those on probes that it has."""
        peak = "peak_channel_id"
        try:
            if peak not in units.columns or "probe_id" not in electrodes.columns:
                return
            channels, probe_of = units.column(peak), electrodes.column("probe_id")
        except NwbinError:
            return  # found with the columns
        if any(values.ndim != 1 or values.dtype.kind not in "iu" for values in (channels, probe_of)):
            return
        try:
            probes = probe_table(self.file)
        except NwbinError as error:
            self.caught(schema.ELECTRODE_GROUPS, error)
            return
        if probes.empty:  # then nothing is left out
            return
        no_channel = ~np.isin(channels, electrodes.ids)
        kept = np.zeros(len(channels), dtype=bool)
        kept[unit_order(self.file, channels, probes)] = True
        for wrong, what in (
            (no_channel, "a peak channel that is no electrode of the file"),
            (~kept & ~no_channel, "a peak channel on a probe that the file does not have"),
        ):
            ids = units.ids[wrong].tolist()
            if ids:
                self.add(
                    WARNING,
                    f"{schema.UNITS}/{peak}",
                    f"{len(ids)} of {_counted(len(units), 'unit')} {_have(len(ids))} {what}: {_some(ids)}",
                    "session.units leaves them out; nwbin.File reads their spikes",
                )

    def run(self) -> None:
        """Look at everything."""
        self.objects()
        try:
            has_units = self.source.kind(schema.UNITS) == "group"
            intervals = self.source.children(schema.INTERVALS)
            has_electrodes = self.source.kind(schema.ELECTRODES) == "group"
        except NwbinError as error:
            self.caught("", error)
            return
        units = self.table(schema.UNITS) if has_units else None
        if has_units:
            if units is not None:
                self.spikes(units)
        else:
            severity, said = (
                (NOTE, "is not there; this file holds an LFP") if self.lfp() else (WARNING, "is not there")
            )
            self.add(severity, schema.UNITS, said, "there are no spikes to count in this file")
        if has_electrodes:
            electrodes = self.table(schema.ELECTRODES)
            if units is not None and electrodes is not None:
                self.places(units, electrodes)
        for name in intervals:
            path = f"{schema.INTERVALS}/{name}"
            table = self.table(path)
            if table is not None:
                self.intervals(path, table)
        if "invalid_times" in intervals:
            self.invalid_times()
        try:
            _ = self.file.session_start_time
        except NwbinError as error:
            self.caught("session_start_time", error)


def _counted(number: int, what: str) -> str:
    """A number and its noun, such as "1 row"."""
    return f"{number} {what}{'s' * (number != 1)}"


def _have(number: int) -> str:
    """The verb after a number."""
    return "has" if number == 1 else "have"


def _some(values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:_SHOWN])
    return f"{shown}, ..." if len(values) > _SHOWN else shown


def _from_error(where: str, error: NwbinError, name: str) -> Finding:
    text = str(error)
    for prefix in (f"{name}: ", f"{where}: ", f"{where} "):
        text = text.removeprefix(printable(prefix, keep="\n\t"))  # as it stands in an error
    finding, _, remedy = text.rpartition("; ")
    return Finding(ERROR, where, finding or text, remedy if finding else _DAMAGED)


def check(source: StrPath | BinaryIO) -> Report:
    """Look at everything that nwbin reads of a file, and at every object's place and shape.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        The file.

    Returns
    -------
    Report
        A file that cannot be opened is a finding too, not an exception.

    Notes
    -----
    All of the spike times and of the tables' flat columns is read; of other data in the file only the shapes are
    looked at. Working set: of the spike times a megabyte or, where they are compressed, three chunks a thread; one
    column of a table, with the times of an intervals table.

    Examples
    --------
    >>> print(nwbin.check.check("session.nwb"))            # doctest: +SKIP
    """
    try:
        file = File(source)
    except NwbinError as error:
        name = str(source)
        return Report(name, (_from_error("", error, name),), 0)
    with file:
        checker = _Checker(file)
        checker.run()
        found = sorted(checker.found, key=lambda each: _ORDER.index(each.severity))
        return Report(file.name, tuple(found), checker.looked_at)
