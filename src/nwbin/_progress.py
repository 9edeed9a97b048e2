"""How far a long work has come, on standard error: the one display of the package, for commands and for jobs.

rich is imported where a bar is shown, and not before: it is slow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nwbin._plain_text import printable

__all__ = ["Display", "progress_display"]

_PAUSE = 10.0  # seconds between lines, where no bar can be shown


class Display:
    """Shows nothing."""

    def update(self, done: float, total: int, remark: str = "") -> None:
        """Say how much is done of how much, and something about it."""

    def failed(self, line: str) -> None:
        """Say in a line of its own, which stays, that a part has failed."""


def _long(seconds: float) -> str:
    """A time as one says it: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Lines(Display):
    """A line every some seconds, with the time to go: for a log. Work that is done sooner says nothing."""

    def __init__(self, title: str) -> None:
        self._title = printable(title)
        self._begun = self._said = time.monotonic()

    def update(self, done: float, total: int, remark: str = "") -> None:
        now = time.monotonic()
        if now - self._said < _PAUSE or total <= 0:
            return
        self._said = now
        taken = now - self._begun
        left = f", about {_long(taken * (total - done) / done)} to go" if 0 < done < total else ""
        more = f" ({printable(remark)})" if remark else ""
        sys.stderr.write(f"{self._title}: {done / total:.0%} of {total:,}{more} after {_long(taken)}{left}\n")
        sys.stderr.flush()


@contextmanager
def progress_display(title: str, *, wanted: bool | None = None, stays: bool = False) -> Iterator[Display]:
    """Show how the work goes on: a bar on a terminal, elsewhere a line every ten seconds.

    Parameters
    ----------
    title
        What is being done.
    wanted
        True for a bar wherever it goes, False for nothing at all.
    stays
        Leave the bar there at the end, with the time that it took.
    """
    if wanted is False:
        yield Display()
        return
    if wanted is None and not sys.stderr.isatty():
        yield Lines(title)
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
            def update(self, done: float, total: int, remark: str = "") -> None:
                bar.update(task, completed=done, total=max(total, 1), remark=remark)

            def failed(self, line: str) -> None:
                # A file's words are no markup, and nothing that a terminal would obey.
                bar.console.print(Text.assemble(("failed", "red"), f" {printable(line)}"))

        yield Bar()
