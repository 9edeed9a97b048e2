"""``nwbin info FOLDER``: one line for each file."""

from __future__ import annotations

from typing import Any

from nwbin._wording import counted

__all__ = ["show_overview"]

_KINDS = {"allen": "an AllenSDK cache", "dandi": "a DANDI download", "folder": "a folder of NWB files"}
_MOST = 3  # names of tables that are shown; of more, only how many


def _listed(names: list[str], what: str) -> str:
    return ", ".join(names) if len(names) <= _MOST else f"{len(names)} {what}"


def show_overview(found: dict[str, Any]) -> None:
    """Print it."""
    from rich.table import Table

    from nwbin._atomic import size_text
    from nwbin.cli._console import WIDEST, fitting, output, show, text

    files = found["files"]
    console = output()
    lfp = f" and {counted(found['lfp_files'], 'LFP file')} beside them" if found["lfp_files"] else ""
    kind, size = _KINDS[found["kind"]], size_text(found["size"])
    console.print(f"{found['folder']}: {kind}, {counted(len(files), 'file')}{lfp}, {size}", soft_wrap=True)
    widest = WIDEST if console.is_terminal else None
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
                text(one["file"]), size_text(one["size"]), text(one["session_id"], widest=widest),
                f"{one['units']:,}", f"{one['passing']:,}",
                text(", ".join(part for part in holds if part), widest=widest),
                text(one["session_type"], widest=widest),
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
