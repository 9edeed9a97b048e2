"""``nwbin info``: what is in a file, or in each file of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from nwbin.cli._files import FileOrFilesArgument, is_folder, refuse_folder_address
from nwbin.cli._json import JsonOption

__all__ = ["info"]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _print(found: dict[str, Any]) -> None:
    """Print a summary."""
    from rich.table import Table

    from nwbin._atomic import size_text
    from nwbin.cli._console import grid, output, show

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
    file: FileOrFilesArgument,
    as_json: JsonOption = False,
) -> None:
    """Show what a file holds: session, subject, units by structure, stimuli, other intervals.

    Of a folder, one line for each file.

    \b
    Examples:
      nwbin info session_715093703.nwb
      nwbin info ecephys_cache_dir
    """
    if is_folder(file):
        refuse_folder_address(file, "info")
        _info_of_folder(file, as_json)
        return
    import nwbin
    from nwbin.cli._console import put
    from nwbin.session.overview import summary

    with nwbin.open(file) as session:
        found = {
            "file": Path(session.file.name).name,
            "size": session.file.size,
            **summary(session),
        }
    if as_json:
        put(json.dumps(found, indent=1, default=str))
    else:
        _print(found)


def _info_of_folder(folder: Path, as_json: bool) -> None:
    from nwbin.cli._app import FAILED, say
    from nwbin.cli._console import progress, put
    from nwbin.cli._overview import show_overview
    from nwbin.dataset.folder_overview import overview

    with progress("reading") as report:
        found = overview(folder, report)
    if as_json:
        put(json.dumps(found, indent=1, default=str))
    else:
        show_overview(found)
    errors = [one["error"] for one in found["files"] if "error" in one]
    for error in errors:
        say("error", error)
    if errors:
        raise typer.Exit(FAILED)
