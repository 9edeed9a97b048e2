"""What a session holds, as plain numbers and text: to be printed, or written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nwbin.errors import FormatError, LookupFailure, warn
from nwbin.session.selectable import SelectableSession

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session._session import Session

__all__ = ["contents", "stimulus_overview", "summary"]

_PRESENTATIONS = "_presentations"


def stimulus_overview(session: Session) -> pd.DataFrame:
    """One row a stimulus: how often, when, and which of its parameters vary."""
    import pandas as pd

    rows = []
    nowhen: Any = pd.Series([], dtype=float)  # a column of which no value is known is not there
    epochs = session.get_stimulus_epochs()["stimulus_name"].value_counts()
    for name in session.stimulus_names:
        table = session.get_stimulus_table(name)
        values = session.get_parameter_values_for_stimulus(name)
        start, stop = (table.get(column, nowhen) for column in ("start_time", "stop_time"))
        varying = [f"{key} ({len(found)})" for key, found in values.items() if len(found) > 1]
        rows.append(
            {
                "presentations": len(table),
                "epochs": int(epochs.get(name, 0)),
                "from (s)": round(float(start.min()), 3),
                "to (s)": round(float(stop.max()), 3),
                "duration (s)": round(float((stop - start).dropna().median()), 4),
                "varies in (values)": ", ".join(varying),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(session.stimulus_names, name="stimulus"))


def contents(session: Session) -> dict[str, Any]:
    """Gather what `nwbin info` says of one file of a folder, without its larger tables."""
    try:
        units, passing = len(session.file.unit_ids), len(session.units)
    except LookupFailure:  # no units table: LFP or behaviour only
        units = passing = 0
    names = list(session.file.intervals)
    return {
        "session_id": session.file.session_id or session.file.identifier,
        "session_type": session.session_type,
        "units": units,
        "passing": passing,
        "stimuli": [one.removesuffix(_PRESENTATIONS) for one in names if one.endswith(_PRESENTATIONS)],
        "intervals": [one for one in names if not one.endswith(_PRESENTATIONS)],
        "acquisition": session.file.names("acquisition") if not units else [],
    }


def summary(session: Session) -> dict[str, Any]:
    """Gather what `nwbin info` shows of a file."""
    file, start = session.file, session.file.session_start_time
    found: dict[str, Any] = {
        "nwb_version": file.nwb_version,
        "session_id": file.session_id or file.identifier,
        "session_type": session.session_type,
        "description": file.session_description or None,
        "start": None if start is None else start.isoformat(),
        "institution": file.institution,
        "subject": {k: v for k, v in file.subject.items() if v not in ("", None)},
        "probes": int(session.num_probes) if file.has("general/extracellular_ephys") else 0,
        "units": _units(session),
        "stimuli": _stimuli(session),
        "intervals": _intervals(session),
    }
    every = [*found["stimuli"], *found["intervals"]]
    ends = [one["last"] for one in every if one["last"] is not None]
    starts = [one["first"] for one in every if one["first"] is not None]
    found["duration"] = max(ends) - min(starts) if ends else None
    return found


def _units(session: Session) -> dict[str, Any]:
    file = session.file
    try:
        ids = file.unit_ids
    except LookupFailure:
        return {"all": 0, "passing": 0, "by_structure": {}, "all_by_structure": {}}
    source = SelectableSession(session)
    found: dict[str, Any] = {
        "all": len(ids),
        "passing": len(session.units),
        "by_structure": _by_structure(session.units),
        "all_by_structure": _by_structure(source.every_unit()),
    }
    try:
        bounds = file.table("units").bounds("spike_times")
        found["spikes"] = int((bounds.stops - bounds.starts).sum())
    except (FormatError, LookupFailure) as error:
        warn(f"spike times cannot be read: {error}")
    return found


def _by_structure(units: pd.DataFrame) -> dict[str, int]:
    column = next((name for name in SelectableSession.structure_columns if name in units.columns), None)
    if column is None:
        return {}
    counts = units[column].fillna("(none)").replace("", "(none)").value_counts()
    return {str(name): int(number) for name, number in counts.items()}


def _times(table: pd.DataFrame) -> dict[str, float | None]:
    """First start and last stop of a table of intervals."""
    nothing: dict[str, float | None] = {"first": None, "last": None}
    if not len(table) or "start_time" not in table.columns:
        return nothing
    stop = table["stop_time"] if "stop_time" in table.columns else table["start_time"]
    first, last = float(table["start_time"].min()), float(stop.max())
    return {"first": first, "last": last} if first == first and last == last else nothing


def _stimuli(session: Session) -> list[dict[str, Any]]:
    # On a plain file every table of intervals stands in for a stimulus; here each is shown once.
    if not any(name.endswith(_PRESENTATIONS) for name in session.file.intervals):
        return []
    shown = session.stimulus_presentations.groupby("stimulus_name", sort=False)
    return [{"stimulus": str(name), "presentations": len(part), **_times(part)} for name, part in shown]


def _intervals(session: Session) -> list[dict[str, Any]]:
    tables = session.file.intervals
    others = [name for name in tables if not name.endswith(_PRESENTATIONS)]
    return [{"table": name, "rows": len(tables[name]), **_times(tables[name])} for name in others]
