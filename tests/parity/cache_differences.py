"""Where nwbin.Dataset's answer is not that of AllenSDK's EcephysProjectCache: the whole list, as differences.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from nwbin.errors import ArgumentTypeError, LookupFailure, MissingFileError
from tests.parity.cache_compare import differences


@dataclass(frozen=True)
class CacheCase:
    """One question and its two answers."""

    name: str
    arguments: dict[str, Any]
    mine: Any  # nwbin's answer in plain values, or the exception that it raised
    theirs: dict[str, Any]  # AllenSDK's: {"value": ...} or {"error": ..., "said": ...}


@dataclass(frozen=True)
class CacheDifference:
    """One way in which a Dataset differs from AllenSDK's cache on purpose."""

    name: str
    calls: tuple[str, ...]
    allensdk: str
    nwbin: str
    check: Callable[[CacheCase], bool]

    def explains(self, case: CacheCase) -> bool:
        """Whether the answers differ in just this way."""
        return any(fnmatchcase(case.name, pattern) for pattern in self.calls) and self.check(case)


# Of the analysis metrics, AllenSDK shows these in no session.
HIDDEN = {
    "width_rf", "height_rf", "on_screen_rf", "time_to_peak_fl", "time_to_peak_rf", "time_to_peak_sg",
    "sustained_idx_fl", "time_to_peak_dg",
}  # fmt: skip


def _tables(case: CacheCase) -> bool:
    return isinstance(case.mine, dict) and "value" in case.theirs and "columns" in case.theirs["value"]


def _metrics_added(case: CacheCase) -> bool:
    """AllenSDK's columns are all there and equal; what is there besides are analysis metrics, after them."""
    if not _tables(case):
        return False
    theirs = case.theirs["value"]
    names = list(case.mine["columns"])
    extra = [name for name in names if name not in theirs["columns"]]
    # Of the file itself, and listed in differences.py, is what stands among the others.
    metrics = [name for name in extra if name != "waveform_halfwidth"]
    if not metrics or names[-len(metrics) :] != metrics or HIDDEN & set(extra):
        return False
    rest = {
        **case.mine,
        **{
            part: {name: one for name, one in case.mine[part].items() if name not in extra}
            for part in ("columns", "kinds")
        },
    }
    return {"area_rf", "g_osi_sg"} <= set(extra) and not differences(rest, theirs)


def _with_arrays(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """AllenSDK's table with an empty array for the 0 of what has no structures, where nwbin has one."""
    name = "ecephys_structure_acronyms"
    if name not in mine["columns"] or name not in theirs["columns"]:
        return theirs
    pairs = zip(mine["columns"][name], theirs["columns"][name], strict=True)
    changed = [[] if type(b) is int and b == 0 and a == [] else b for a, b in pairs]
    return {**theirs, "columns": {**theirs["columns"], name: changed}}


def _no_structures(case: CacheCase) -> bool:
    """The number 0 in the place of an array; everything else is equal."""
    return _tables(case) and not differences(case.mine, _with_arrays(case.mine, case.theirs["value"]))


def _by_the_shown_name(case: CacheCase) -> bool:
    """A column is left out that AllenSDK keeps; everything else is equal."""
    if not _tables(case):
        return False
    value = _with_arrays(case.mine, case.theirs["value"])
    gone = [name for name in value["columns"] if name not in case.mine["columns"]]
    rest = {
        part: {name: one for name, one in value[part].items() if name not in gone}
        for part in ("columns", "kinds")
    }
    return gone == case.arguments.get("suppress") and not differences(case.mine, {**value, **rest})


CACHE_DIFFERENCES = (
    CacheDifference(
        "Dataset: units of get_session_data",
        ("get_session_data.units",),
        "reads the session's analysis metrics, and leaves them out",
        "has them as columns after the others (but those that AllenSDK hides)",
        _metrics_added,
    ),
    CacheDifference(
        "Dataset: structures of a session or probe without channels",
        ("get_session_table", "get_probes"),
        "0",
        "an empty array",
        _no_structures,
    ),
    CacheDifference(
        "Dataset: suppress with the name that a column is shown by (full_genotype, probe_name)",
        ("get_session_table", "get_channels"),
        "keeps the column: it goes by its name in the cache's files (genotype, name) only",
        "leaves it out, by either name",
        _by_the_shown_name,
    ),
    CacheDifference(
        "Dataset: what was not downloaded (sessions, templates)",
        ("get_session_data*", "get_natural_*_template"),
        "downloads it; with fixed, MissingDataError, a ValueError",
        "MissingFileError, a FileNotFoundError, which says where it belongs",
        lambda case: (
            case.theirs.get("error") == "MissingDataError" and isinstance(case.mine, MissingFileError)
        ),
    ),
    CacheDifference(
        "Dataset: a session that is in no table",
        ("get_session_data*",),
        "MissingDataError, a ValueError",
        "LookupFailure, a KeyError, which names the sessions there are",
        lambda case: case.theirs.get("error") == "MissingDataError" and isinstance(case.mine, LookupFailure),
    ),
    CacheDifference(
        "Dataset: analysis metrics of a session without a file of its own for them",
        ("get_unit_analysis_metrics_for_session",),
        "downloads them; with fixed, NotImplementedError",
        "takes them from its session type's file",
        lambda case: (
            case.theirs.get("error") == "NotImplementedError"
            and isinstance(case.mine, dict)
            and "area_rf" in case.mine["columns"]
        ),
    ),
    CacheDifference(
        "a misspelt argument (presence_ratio_minium), in a Dataset or a session",
        ("get_units", "get_session_data*", "get_unit_analysis_metrics_*"),
        "is ignored",
        "raises ArgumentTypeError, a TypeError, which names the nearest",
        lambda case: (
            "value" in case.theirs
            and isinstance(case.mine, ArgumentTypeError)
            and "did you mean 'presence_ratio_minimum'?" in str(case.mine)
        ),
    ),
)

# These differ everywhere, and are compared without.
CACHE_EVERYWHERE = (
    (
        "Dataset: numbers in CSV files",
        "are read to 15 or 16 digits",
        "are read exactly: what was written",
    ),
    (
        "Dataset: from_warehouse, from_lims, fixed",
        "write a manifest and download",
        "read what is there; a manifest that is nowhere, with no data beside it, is an error, and so is from_lims "
        "without one",
    ),
)
