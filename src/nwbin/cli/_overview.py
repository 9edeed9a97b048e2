"""``nwbin info FOLDER``: one line for each file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.cli._choose import counted
from nwbin.errors import LookupFailure, NwbinError, NwbinWarning

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["overview", "show_overview"]

_KINDS = {"allen": "an AllenSDK cache", "dandi": "a DANDI download", "folder": "a folder of NWB files"}
_MOST = 3  # names of tables that are shown; of more, only how many


def _tables(session: Session) -> dict[str, list[str]]:
    names = list(session.file.intervals)
    shown = [name.removesuffix("_presentations") for name in names if name.endswith("_presentations")]
    return {"stimuli": shown, "intervals": [name for name in names if not name.endswith("_presentations")]}


def _of_file(path: Path) -> dict[str, Any]:
    """What a session's file holds, without its larger tables."""
    import nwbin

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NwbinWarning)
        with nwbin.open(path) as session:
            try:
                units, passing = len(session.file.unit_ids), len(session.units)
            except LookupFailure:  # no units table: LFP or behaviour only
                units = passing = 0
            return {
                "session_id": session.file.session_id or session.file.identifier,
                "session_type": session.session_type,
                "units": units,
                "passing": passing,
                **_tables(session),
                "acquisition": session.file.names("acquisition") if not units else [],
            }


def nwb_files(folder: Path) -> list[Path]:
    """The NWB files of a folder and the folders in it, in order; none is an error. Hidden ones are passed over."""
    from nwbin.dataset._layouts import find_sessions

    root = find_sessions(folder).root
    paths = sorted(path for path in root.rglob("*.nwb") if path.is_file())
    paths = [path for path in paths if not any(p.startswith(".") for p in path.relative_to(root).parts)]
    if not paths:
        raise LookupFailure(f"{folder}: holds no .nwb files")
    return paths


def overview(folder: Path) -> dict[str, Any]:
    """Gather what `nwbin info FOLDER` shows: what each file holds, or why it cannot be read."""
    from nwbin.cli._console import progress
    from nwbin.dataset._layouts import find_sessions

    layout = find_sessions(folder)
    beside = {path for one in layout.files for path in one.lfp.values()}
    known = {one.path: one for one in layout.files}
    paths = [path for path in nwb_files(folder) if path not in beside]
    files = []
    with progress("reading") as report:
        for number, path in enumerate(paths):
            report(number, len(paths))
            lfp = known[path].lfp if path in known else {}
            one = {
                "file": str(path.relative_to(layout.root)),
                "size": path.stat().st_size,
                "lfp_files": len(lfp),
            }
            try:
                one |= _of_file(path)
            except (NwbinError, OSError) as error:
                one["error"] = str(error)
            files.append(one)
    size = sum(path.stat().st_size for path in paths) + sum(path.stat().st_size for path in beside)
    return {
        "folder": str(folder),
        "kind": layout.kind,
        "size": size,
        "lfp_files": len(beside),
        "files": files,
    }


def _listed(names: list[str], what: str) -> str:
    return ", ".join(names) if len(names) <= _MOST else f"{len(names)} {what}"


def show_overview(found: dict[str, Any]) -> None:
    """Print it."""
    from rich.table import Table

    from nwbin.cli._console import fitting, output, show, text
    from nwbin.export._whole import size_text

    files = found["files"]
    console = output()
    lfp = f" and {counted(found['lfp_files'], 'LFP file')} beside them" if found["lfp_files"] else ""
    said = f"{found['folder']}: {_KINDS[found['kind']]}, {counted(len(files), 'file')}{lfp}, {size_text(found['size'])}"
    console.print(said, soft_wrap=True)
    rows = []
    for one in files:
        if "error" in one:
            cells = [text(one["file"]), size_text(one["size"]), "", "", "", "cannot be read", ""]
        else:
            holds = [
                _listed(one["stimuli"], "stimuli"), _listed(one["intervals"], "tables of intervals"),
                _listed(one["acquisition"], "acquisitions"),
            ]  # fmt: skip
            cells = [
                text(one["file"]), size_text(one["size"]), text(one["session_id"]), f"{one['units']:,}",
                f"{one['passing']:,}", text(", ".join(part for part in holds if part)), text(one["session_type"]),
            ]  # fmt: skip
        rows.append([*cells, str(one["lfp_files"] or "")])
    names = ["file", "size", "session", "units", "passing", "holds", "type", "LFP files"]
    columns = [list(column) for column in zip(*rows, strict=True)]
    if console.is_terminal:  # a line a file, however narrow it is: the last columns are left out
        names, columns = fitting(names, columns, console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        right = name in ("size", "units", "passing", "LFP files")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    show(console, table)
