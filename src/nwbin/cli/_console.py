"""What is shown: tables that fit a terminal, plain text in a pipe, progress on stderr."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nwbin._plain_text import printable

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "WIDEST",
    "fitting",
    "frame_table",
    "grid",
    "output",
    "progress",
    "put",
    "show",
    "text",
]

_PIPE_WIDTH = 100_000  # never wrap or cut what another program reads
WIDEST = 200  # characters of a cell on a terminal; in a pipe, up to which columns are aligned


def output() -> Console:
    """The console for results: coloured on a terminal; plain, with full lines, in a pipe."""
    import sys

    from nwbin._plain_console import PlainConsole

    if sys.stdout.isatty():
        return PlainConsole()
    return PlainConsole(no_color=True, width=_PIPE_WIDTH, force_terminal=False, soft_wrap=False)


def put(text: str) -> None:
    """Print lines on stdout as they are, whatever they quote."""
    import typer

    typer.echo(printable(text, keep="\n"))


def show(console: Console, *things: Any) -> None:
    """Print; without the blanks that fill a table's lines where no terminal needs them."""
    if console.is_terminal:
        console.print(*things)
        return
    with console.capture() as captured:
        console.print(*things)
    put("\n".join(line.rstrip() for line in captured.get().splitlines()))


def grid(title: str, rows: list[tuple[str, str]]) -> Table:
    """Names and values below one another."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, title=title or None, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def text(value: Any, decimals: int | None = None, *, widest: int | None = None) -> str:
    """One cell; a fraction with so many decimals, text with so many characters at most."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) or type(value).__name__.startswith("float"):
        if decimals is not None and abs(value) < 1e15:
            return f"{value:.{decimals}f}"
        integral = float(value).is_integer() and abs(value) < 1e15
        return f"{value:.0f}" if integral else f"{value:.3f}" if abs(value) >= 100 else f"{value:.4g}"
    whole = str(value)
    if widest is not None and len(whole) > widest:  # before anything looks at each of a million characters
        whole = f"{whole[:widest]}…"
    return printable(whole)  # as it will be shown: widths are measured of it


def column_text(values: list[Any], *, whole: bool = False) -> list[str]:
    """The cells of a column: numbers with the same decimals, times in s to the millisecond, long text cut; or whole."""
    widest = None if whole else WIDEST
    numbers = [abs(v) for v in values if isinstance(v, float) and abs(v) < math.inf]
    if not numbers or all(v.is_integer() and v < 1e15 for v in numbers):
        return [text(v, widest=widest) for v in values]
    if whole:
        return [
            _to_the_microsecond(v) if isinstance(v, float) and abs(v) < math.inf else text(v) for v in values
        ]
    least = min((v for v in numbers if v), default=0.0)
    # Of numbers that differ by many orders of magnitude no number of decimals shows all.
    most = 3 if max(numbers) >= 10 else 4
    needed = max(len(f"{v:.{most}f}".rstrip("0").partition(".")[2]) for v in numbers)
    decimals = needed if least >= 1e-3 else None

    def cell(value: Any) -> str:
        large = decimals is None and isinstance(value, float) and 10 <= abs(value) < math.inf
        return text(value, 3 if large else decimals, widest=widest)

    return [cell(v) for v in values]


def _to_the_microsecond(value: float) -> str:
    """A number for a program or a person in a pipe: six decimals, or six digits of what is small.

    Times are then right to the microsecond, and 0.1 + 0.2 is 0.3; to the last bit they are in files, and in -o -.
    """
    if 0 < abs(value) < 0.1 or abs(value) >= 1e15:
        return f"{value:.6g}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _values(column: pd.Series[Any]) -> list[Any]:
    """The values of a column; those of less than 64 bits as they are written, not as float64 has them."""
    if str(column.dtype) in ("float16", "float32"):
        return [float(str(v)) for v in column.to_numpy()]
    return column.tolist()


def frame_table(frame: pd.DataFrame, console: Console, *, for_all: str) -> None:
    """Print a data frame: on a terminal as much as fits, with a line about the rest; in a pipe all of it."""
    from rich.table import Table

    whole = not console.is_terminal
    widest = None if whole else WIDEST
    head, columns = frame, [text(str(c), widest=widest) for c in frame.columns]
    numeric = [frame[c].dtype.kind in "iuf" for c in frame.columns]
    if not whole:
        head = frame.head(max(5, console.height - 6))
    cells = [column_text(_values(head[c]), whole=whole) for c in frame.columns]
    index = [text(v, widest=widest) for v in head.index.tolist()]
    index_name = text(str(frame.index.name or "id"), widest=widest)
    if whole:
        put("\n".join(_aligned([index_name, *columns], [index, *cells], [True, *numeric])))
        return
    columns, cells = fitting(columns, cells, console.width - max(map(len, [*index, index_name])) - 3)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(index_name, justify="right", no_wrap=True, style="cyan")
    for name, right in zip(columns, numeric, strict=False):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row, name in enumerate(index):
        table.add_row(name, *(column[row] for column in cells))
    show(console, table)
    rows, columns_left = len(frame) - len(head), len(frame.columns) - len(columns)
    left = [
        f"{n:,} more {what}{'s' * (n != 1)}" for n, what in ((rows, "row"), (columns_left, "column")) if n
    ]
    if left:
        console.print(f"... {', '.join(left)}; whole: {for_all}", style="dim")


def _aligned(names: list[str], cells: list[list[str]], right: list[bool]) -> list[str]:
    """The lines of a table, whole; a cell that is very long reaches out of its column, and widens no other line."""
    from rich.cells import cell_len

    columns = []
    for name, values, flush_right in zip(names, cells, right, strict=True):
        lengths = [cell_len(one) for one in (name, *values)]
        width = max((n for n in lengths if n <= WIDEST), default=0)
        blanks = [" " * (width - n) for n in lengths]
        pairs = zip((name, *values), blanks, strict=True)
        columns.append([f"{blank}{one}" if flush_right else f"{one}{blank}" for one, blank in pairs])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def fitting(columns: list[str], cells: list[list[str]], width: int) -> tuple[list[str], list[list[str]]]:
    """The first columns, as many as fit."""
    used = 0
    for number, (name, values) in enumerate(zip(columns, cells, strict=True)):
        used += max([len(name), *map(len, values)]) + 2
        if used > width:
            return columns[: max(1, number)], cells[: max(1, number)]
    return columns, cells


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give what is called as the work goes on: a bar on stderr that goes away, and an ear for signals to stop."""
    from nwbin._progress import progress_display
    from nwbin.cli._app import still_wanted

    with progress_display(label) as display:

        def report(done: int, total: int) -> None:
            display.update(done, total)
            still_wanted()

        yield report
