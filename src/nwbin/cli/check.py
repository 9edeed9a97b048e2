"""``nwbin check``: everything found in a file at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["check"]


def check(
    file: Annotated[Path, typer.Argument(help="The file to look at.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Report everything that is wrong with a file, not only the first fault.

    Ends with 0 when there is no error (warnings and notes are allowed) and with 1 when there is one.

    Example: nwbin check session_715093703.nwb
    """
    from nwbin.check import check as check_file

    report = check_file(file)
    typer.echo(report.to_json() if json else str(report))
    if not report.ok:
        raise typer.Exit(1)
