"""How far a long work has come, on standard error: the one display of the package, for commands and for jobs.

rich is imported where a bar is shown, and not before: it is slow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nwbin._plain_text import printable

__all__ = ["Display", "progress_display"]


class Display:
    """Shows nothing: where standard error is no terminal."""

    def update(self, done: int, total: int, remark: str = "") -> None:
        """Say how much is done of how much, and something about it."""

    def failed(self, line: str) -> None:
        """Say in a line of its own, which stays, that a part has failed."""


@contextmanager
def progress_display(title: str, *, wanted: bool | None = None, stays: bool = False) -> Iterator[Display]:
    """Show a bar while the work goes on.

    Parameters
    ----------
    title
        What is being done.
    wanted
        Whether to show it; by default where standard error is a terminal.
    stays
        Leave the bar there at the end, with the time that it took.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield Display()
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    from nwbin._plain_console import PlainConsole

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[remark]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=PlainConsole(stderr=True), transient=not stays) as bar:
        task = bar.add_task(title, total=None, remark="")

        class Bar(Display):
            def update(self, done: int, total: int, remark: str = "") -> None:
                bar.update(task, completed=done, total=max(total, 1), remark=remark)

            def failed(self, line: str) -> None:
                # A file's words are no markup, and nothing that a terminal would obey.
                bar.console.print(Text.assemble(("failed", "red"), f" {printable(line)}"))

        yield Bar()
