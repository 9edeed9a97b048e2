"""``nwbin info``: what is in a file, or in each file of a folder."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._choose import is_folder
from nwbin.errors import FormatError, LookupFailure, NwbinWarning

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["info", "summary"]


def _times(table: Any) -> tuple[float, float] | None:
    """First start and last stop of a table of intervals."""
    if not len(table) or "start_time" not in table.columns:
        return None
    stop = table["stop_time"] if "stop_time" in table.columns else table["start_time"]
    first, last = float(table["start_time"].min()), float(stop.max())
    return (first, last) if first == first and last == last else None


def _units(session: Session) -> dict[str, Any]:
    from nwbin.cli._choose import Quality, open_session

    file = session.file
    try:
        ids = file.unit_ids
    except LookupFailure:
        return {"all": 0, "passing": 0, "by_structure": {}, "all_by_structure": {}}
    found: dict[str, Any] = {"all": len(ids), "passing": len(session.units)}
    by: dict[str, dict[str, int]] = {"by_structure": {}, "all_by_structure": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NwbinWarning)
        everything = open_session(Path(file.name), Quality(everything=True)) if file.path else session
    for key, units in (("by_structure", session.units), ("all_by_structure", everything.units)):
        column = next((c for c in ("structure_acronym", "location") if c in units.columns), None)
        if column is not None:
            counted = units[column].fillna("(none)").replace("", "(none)").value_counts()
            by[key] = {str(name): int(number) for name, number in counted.items()}
    if everything is not session:
        everything.close()
    found.update(by)
    try:
        bounds = file.table("units").bounds("spike_times")
        found["spikes"] = int((bounds.stops - bounds.starts).sum())
    except (FormatError, LookupFailure) as error:
        warnings.warn(f"spike times cannot be read: {error}", NwbinWarning, stacklevel=2)
    return found


def summary(path: Path) -> dict[str, Any]:
    """Gather what `nwbin info` shows, as plain numbers and text."""
    import nwbin

    with nwbin.open(path) as session:
        file = session.file
        start = file.session_start_time
        found: dict[str, Any] = {
            "file": Path(file.name).name,
            "size": path.stat().st_size,
            "nwb_version": file.nwb_version,
            "session_id": file.session_id or file.identifier,
            "session_type": session.session_type,
            "description": file.session_description or None,
            "start": None if start is None else start.isoformat(),
            "institution": file.institution,
            "subject": {k: v for k, v in file.subject.items() if v not in ("", None)},
            "probes": int(session.num_probes) if file.has("general/extracellular_ephys") else 0,
        }
        found["units"] = _units(session)
        tables = list(file.intervals)
        # On a plain file every table of intervals stands in for a stimulus; here each is shown once.
        shown = [name for name in tables if name.endswith("_presentations")]
        stimuli: list[dict[str, Any]] = []
        if shown:
            for name, part in session.stimulus_presentations.groupby("stimulus_name", sort=False):
                first, last = _times(part) or (None, None)
                stimuli.append(
                    {"stimulus": str(name), "presentations": len(part), "first": first, "last": last}
                )
        found["stimuli"] = stimuli
        others: list[dict[str, Any]] = []
        for name in tables:
            if name in shown:
                continue
            table = file.intervals[name]
            first, last = _times(table) or (None, None)
            others.append({"table": name, "rows": len(table), "first": first, "last": last})
        found["intervals"] = others
        ends = [one["last"] for one in [*stimuli, *others] if one["last"] is not None]
        starts = [one["first"] for one in [*stimuli, *others] if one["first"] is not None]
        found["duration"] = max(ends) - min(starts) if ends else None
    return found


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _print(found: dict[str, Any]) -> None:
    """Print a summary."""
    from rich.table import Table

    from nwbin.cli._console import grid, output, show
    from nwbin.export._whole import size_text

    console = output()
    subject = found["subject"]
    order = ("subject_id", "specimen_name", "species", "sex", "age", "genotype")
    units = found["units"]
    rows = [
        ("file", f"{found['file']} ({size_text(found['size'])}, NWB {found['nwb_version']})"),
        ("session", " - ".join(str(v) for v in (found["session_id"], found["session_type"]) if v)),
        ("description", found["description"] or ""),
        ("start", found["start"] or ""),
        ("institution", found["institution"] or ""),
        ("subject", ", ".join(str(subject[k]) for k in order if k in subject)),
        ("duration", "" if found["duration"] is None else f"{found['duration']:,.1f} s of intervals"),
        ("probes", str(found["probes"] or "")),
        ("units", f"{units['all']:,}, of which {units['passing']:,} pass the default filters"),
        ("spikes", f"{units['spikes']:,} (all units)" if "spikes" in units else ""),
    ]  # fmt: skip
    show(console, grid("", [(name, value) for name, value in rows if value]))
    if units.get("all_by_structure"):
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, right in (("structure", False), ("passing", True), ("all", True)):
            table.add_column(name, justify="right" if right else "left", no_wrap=True)
        for name, number in units["all_by_structure"].items():
            table.add_row(name, str(units["by_structure"].get(name, 0)), str(number))
        console.print()
        show(console, table)
    for key, first, second in (("stimuli", "stimulus", "presentations"), ("intervals", "table", "rows")):
        if found[key]:
            table = Table(box=None, pad_edge=False, header_style="bold")
            table.add_column(first if key == "stimuli" else "intervals", no_wrap=True)
            for name in (second, "from (s)", "to (s)"):
                table.add_column(name, justify="right", no_wrap=True)
            for one in found[key]:
                table.add_row(one[first], f"{one[second]:,}", _seconds(one["first"]), _seconds(one["last"]))
            console.print()
            show(console, table)


def info(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An NWB file, or a folder of them.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Show what a file holds: session, subject, units by structure, stimuli, other intervals.

    Of a folder, one line for each file.

    \b
    Examples:
      nwbin info session_715093703.nwb
      nwbin info ecephys_cache_dir
    """
    if is_folder(file):
        _info_of_folder(file, as_json)
        return
    from nwbin.cli._console import put

    found = summary(file)
    if as_json:
        put(json.dumps(found, indent=1, default=str))
    else:
        _print(found)


def _info_of_folder(folder: Path, as_json: bool) -> None:
    from nwbin.cli._app import FAILED, say
    from nwbin.cli._console import put
    from nwbin.cli._overview import overview, show_overview

    found = overview(folder)
    if as_json:
        put(json.dumps(found, indent=1, default=str))
    else:
        show_overview(found)
    errors = [one["error"] for one in found["files"] if "error" in one]
    for error in errors:
        say("error", error)
    if errors:
        raise typer.Exit(FAILED)
