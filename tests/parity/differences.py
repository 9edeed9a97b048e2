"""Where nwbin's answer is not AllenSDK's: the whole list. The README's table is made from it.

Each difference names the calls that it may touch, says what either side does, and checks both: that AllenSDK
still answers as it did when this was written, and that nwbin's answer is the right one. A call that differs and
is on no list, or whose check fails, is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from nwbin.errors import ArgumentError, CountOverflowError, LookupFailure, NwbinError
from tests import naive
from tests.parity import compare


@dataclass(frozen=True)
class Case:
    """One call and its two answers."""

    name: str
    request: dict[str, Any]
    mine: Any  # nwbin's answer, or the exception that it raised
    call: dict[str, Any]  # AllenSDK's, as recorded
    frame: dict[str, Any] | None  # AllenSDK's table, if it is one
    session: Any  # nwbin's


@dataclass(frozen=True)
class Difference:
    """One way in which nwbin differs from AllenSDK on purpose."""

    name: str
    calls: tuple[str, ...]
    allensdk: str
    nwbin: str
    check: Callable[[Case], bool]

    def explains(self, case: Case) -> bool:
        """Whether a call's answers differ in just this way."""
        if not any(fnmatchcase(case.name, pattern) for pattern in self.calls):
            return False
        try:
            return self.check(case)
        except NwbinError:  # not even the check can be made on this answer
            return False


def _allensdk_raised(case: Case, kind: str) -> bool:
    return not case.call["ok"] and case.call["error_type"] == kind


def _rows(case: Case) -> pd.DataFrame:
    table = case.session.stimulus_presentations
    ids = case.request.get("stimulus_presentation_ids")
    return table if ids is None else table.loc[np.atleast_1d(ids).astype(int)]


def _unit_ids(case: Case) -> list[int]:
    ids = case.request.get("unit_ids")
    return case.session.units.index.tolist() if ids is None else np.atleast_1d(ids).astype(int).tolist()


def _spikes_by_hand(case: Case) -> list[tuple[float, int, int, float]]:
    """List the spikes of a request one by one: (time, presentation, unit, time since onset), sorted."""
    rows = []
    table = _rows(case)
    for unit in _unit_ids(case):
        times = case.session.spike_times[unit]
        for presentation, start, stop in zip(
            table.index, table["start_time"], table["stop_time"], strict=True
        ):
            inside = times[(times > start) & (times <= stop)]
            rows += [(time, presentation, unit, time - start) for time in inside.tolist()]
    return sorted(rows)


def _right_spike_table(case: Case) -> bool:
    """Every spike in (start, stop] of every presentation, once for each time the presentation was asked for."""
    table = case.mine
    if not isinstance(table, pd.DataFrame) or table.index.name != "spike_time":
        return False
    mine = sorted(zip(table.index.tolist(), *(table[name].tolist() for name in table.columns), strict=True))
    return mine == _spikes_by_hand(case) and table.index.is_monotonic_increasing


def _right_statistics(case: Case) -> bool:
    """Counts in (start, stop] of every presentation that is not masked, once for each time it was asked for."""
    table = _rows(case)
    table = table[table["stimulus_condition_id"].notna()]
    mine = case.mine
    if not isinstance(mine, pd.DataFrame) or mine.index.names != ["unit_id", "stimulus_condition_id"]:
        return False
    rates = bool(case.request.get("use_rates"))
    seen = 0
    for condition, group in table.groupby("stimulus_condition_id"):
        for unit in sorted(set(_unit_ids(case))):
            times = case.session.spike_times[unit]
            counts = np.asarray(
                [
                    int(((times > a) & (times <= b)).sum())
                    for a, b in zip(group["start_time"], group["stop_time"], strict=True)
                ]
            )
            if (unit, condition) not in mine.index:
                # With unit_ids=None only units that spiked are listed.
                if counts.any() or case.request.get("unit_ids") is not None:
                    return False
                continue
            seen += 1
            row = mine.loc[(unit, condition)]
            with np.errstate(invalid="ignore", divide="ignore"):
                values = counts / group["duration"].to_numpy(float) if rates else counts
            if not rates and row["spike_count"] != counts.sum():
                return False
            if row["stimulus_presentation_count"] != len(group):
                return False
            if not np.isclose(row["spike_mean"], values.mean(), rtol=1e-12, equal_nan=True):
                return False
    return seen == len(mine)


def _too_large_for_dtype(case: Case) -> bool:
    """AllenSDK's counts wrapped around; nwbin names a dtype that holds them."""
    if not isinstance(case.mine, CountOverflowError) or "dtype=" not in str(case.mine):
        return False
    options = {k: v for k, v in case.request.items() if k not in ("bin_edges_dtype", "dtype")}
    options["bin_edges"] = np.asarray(options["bin_edges"], dtype=float)
    wide = case.session.presentationwise_spike_counts(**options, dtype=np.int64)
    holds = np.iinfo(case.call["dtype"])
    wrapped = float(wide.values.astype(case.call["dtype"]).astype(float).sum())
    return bool(wide.values.max() > holds.max) and wrapped == case.call["sum"]


def _integer_edges(case: Case) -> bool:
    if not (_allensdk_raised(case, "UFuncTypeError") or _allensdk_raised(case, "_UFuncOutputCastingError")):
        return False
    trains = [case.session.spike_times[unit] for unit in _unit_ids(case)]
    onsets = _rows(case)["start_time"].to_numpy()
    expected = naive.count(trains, onsets, naive.windows_of(case.request["bin_edges"], len(onsets)), "both")
    return bool(np.array_equal(case.mine.values, expected))


def _without_other_name(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the structure under the cache's name, once it is the same as under the file's."""
    own, known = "structure_acronym", "ecephys_structure_acronym"
    if known not in table.columns or not table[own].equals(table[known]):
        return table
    return table.drop(columns=known)


def _other_name(case: Case) -> bool:
    """The structure stands beside itself, under the cache's name; everything else is equal."""
    if case.frame is None or not isinstance(case.mine, pd.DataFrame):
        return False
    rest = _without_other_name(case.mine)
    names = case.mine.columns.tolist()
    beside = names.index("ecephys_structure_acronym") == names.index("structure_acronym") + 1
    equal = not compare.frame_problems(rest, case.frame, any_column_order=False, ties=False)
    return beside and len(rest.columns) < len(names) and equal


def _structures(case: Case) -> bool:
    if not _allensdk_raised(case, "KeyError") or isinstance(case.mine, Exception):
        return False
    units, channels = case.session.units, case.session.channels
    if case.name == "structurewise_unit_counts":
        return bool(case.mine.sum() == units["structure_acronym"].notna().sum())
    if case.name == "channel_structure_intervals":
        labels, bounds = case.mine
        return bool(bounds[0] == 0 and bounds[-1] == len(channels) and len(bounds) == len(labels) + 1)
    acronyms = case.mine["structure_acronyms"] if case.name == "metadata" else case.mine
    outside = channels["structure_acronym"].isna().any()
    named = [one for one in acronyms if isinstance(one, str)]
    return named == channels["structure_acronym"].dropna().unique().tolist() and len(acronyms) - len(
        named
    ) == int(outside)


def _empty_like_full(case: Case) -> bool:
    """An empty result has the columns and the index of any other."""
    if not isinstance(case.mine, pd.DataFrame) or len(case.mine):
        return False
    if case.name.startswith("conditionwise"):
        return case.mine.index.names == ["unit_id", "stimulus_condition_id"] and not case.call["ok"]
    if "invalid_times" in case.name:
        return case.mine.columns.tolist() == ["start_time", "stop_time", "tags"] and case.call["shape"] == [
            0,
            0,
        ]
    columns = ["stimulus_presentation_id", "unit_id", "time_since_stimulus_presentation_onset"]
    return (
        case.mine.columns.tolist() == columns
        and case.mine.index.name == "spike_time"
        and not _spikes_by_hand(case)
    )


def _lost_spikes(case: Case) -> bool:
    """AllenSDK listed fewer spikes than there are."""
    theirs = 0 if case.frame is None else len(case.frame["index"])
    return case.call["ok"] and _right_spike_table(case) and theirs < len(case.mine)


def _duplicates(case: Case) -> bool:
    return case.call["ok"] and _right_statistics(case)


def _extra_columns(case: Case) -> bool:
    """Columns of the file that AllenSDK does not know are kept; everything else is equal."""
    if case.frame is None or not isinstance(case.mine, pd.DataFrame):
        return False
    mine = _without_other_name(case.mine)
    extra = [name for name in mine.columns if name not in case.frame["columns"]]
    stored = set(case.session.file.units.columns)
    rest = mine.drop(columns=extra)
    equal = not compare.frame_problems(rest, case.frame, any_column_order=False, ties=False)
    return bool(extra) and set(extra) <= stored and equal


DIFFERENCES = (
    Difference(
        "columns of the units table that AllenSDK does not know (waveform_halfwidth, new metrics)",
        ("units",),
        "drops them, or cannot read the file",
        "keeps them",
        _extra_columns,
    ),
    Difference(
        "ecephys_structure_acronym in units and channels of a file opened without the data set's tables",
        ("units", "channels"),
        "has structure_acronym only",
        "has both, with the same values, as in a session of the cache",
        _other_name,
    ),
    Difference(
        "a count larger than the dtype",
        ("counts:*dtype*", "counts:*overflow*", "counts:*"),
        "wraps around silently",
        "raises CountOverflowError, which names a dtype that holds it",
        _too_large_for_dtype,
    ),
    Difference(
        "integer bin edges",
        ("counts:int_edges", "counts:int_list_edges"),
        "raises a NumPy casting error",
        "counts; edges become float64",
        _integer_edges,
    ),
    Difference(
        "NaN among the bin edges",
        ("counts:nan_edge",),
        "counts every later spike, or wraps around",
        "raises ArgumentError, which names the edge",
        lambda case: case.call["ok"] and isinstance(case.mine, ArgumentError) and "NaN" in str(case.mine),
    ),
    Difference(
        "spike table of unsorted, repeated or overlapping presentations",
        ("spike_times_by_presentation:*",),
        "loses spikes",
        "lists every spike, once for each presentation that it lies in",
        _lost_spikes,
    ),
    Difference(
        "an empty spike table",
        ("spike_times_by_presentation:*",),
        "has other column names, or raises IndexError",
        "has the same columns and index as any other",
        _empty_like_full,
    ),
    Difference(
        "statistics over unsorted, repeated or overlapping presentations",
        ("conditionwise:*",),
        "loses spikes, counts repeats twice over",
        "counts every spike; a presentation asked for twice counts twice",
        _duplicates,
    ),
    Difference(
        "statistics of no presentation",
        ("conditionwise:*",),
        "raises IndexError or KeyError",
        "an empty table",
        _empty_like_full,
    ),
    Difference(
        "structures on a session without the data set's own tables",
        ("metadata", "structure_acronyms", "structurewise_unit_counts", "channel_structure_intervals"),
        "raises KeyError: 'ecephys_structure_acronym'",
        "uses the structures that the file holds; NaN for channels outside the brain, as in a session of the cache",
        _structures,
    ),
    Difference(
        "no invalid times",
        ("invalid_times", "get_invalid_times"),
        "a table without columns",
        "an empty table with its columns",
        _empty_like_full,
    ),
    Difference(
        "LFP files beside the session file",
        ("get_lfp_without_paths", "get_csd_without_paths"),
        "raises TypeError unless probe_lfp_paths is given",
        "are found by themselves",
        lambda case: _allensdk_raised(case, "TypeError") and not isinstance(case.mine, Exception),
    ),
    Difference(
        "filter arguments of from_nwb_path",
        ("from_nwb_path_kwargs_ignored*",),
        "are ignored silently unless inside api_kwargs",
        "are applied",
        lambda case: case.call["ok"] and not isinstance(case.mine, Exception),
    ),
    Difference(
        "an unknown probe",
        ("get_lfp_unknown_probe",),
        "KeyError with the bare number",
        "the same kind of error, which names the probes there are",
        lambda case: _allensdk_raised(case, "KeyError") and isinstance(case.mine, LookupFailure),
    ),
)

# These differ everywhere and are compared without: said in the README too.
EVERYWHERE = (
    (
        "column order of stimulus tables",
        "that of a Python set: changes from one process to the next",
        "times, name, then parameters from a to z",
    ),
    (
        "spikes at exactly the same time in a spike table",
        "in the order that an unstable sort left them",
        "in the order of the presentations and units asked for",
    ),
    (
        "spike_times, spike_amplitudes, mean_waveforms",
        "dictionaries, read whole",
        "mappings of the same keys in the same order that read a unit when asked; arrays are read-only",
    ),
    (
        "session.api",
        "the whole reading API, tables as it reads them",
        "get_running_speed, get_raw_running_data, get_rig_metadata; everything else is on the session",
    ),
    (
        "channels.filtering",
        "a constant text, whatever the file says",
        "what the file says (the same text in released files)",
    ),
    (
        "no eye tracking",
        "prints a line, returns None",
        "warns (NwbinWarning), returns None",
    ),
    (
        "a stimulus that was not shown, in get_stimulus_table",
        "an empty table",
        "an empty table, and a warning with the nearest name",
    ),
    (
        "default duration_thresholds of get_stimulus_epochs",
        "names a stimulus that does not exist, and so does nothing",
        "none",
    ),
)
