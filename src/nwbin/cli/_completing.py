"""What a shell completes besides commands and options: names that the file on the line has."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["interval_tables", "stimulus_names", "structures"]


def stimulus_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The stimuli of the file that is on the line already."""
    return _of_file(ctx, incomplete, lambda session: session.stimulus_names)


def interval_tables(ctx: typer.Context, incomplete: str) -> list[str]:
    """The tables of intervals that are no stimuli's."""
    return _of_file(
        ctx,
        incomplete,
        lambda session: [one for one in session.file.intervals if not one.endswith("_presentations")],
    )


def structures(ctx: typer.Context, incomplete: str) -> list[str]:
    """The structures that units lie in; of several with commas between the last."""
    before = incomplete[: incomplete.rfind(",") + 1]

    def named(session: Session) -> list[str]:
        from nwbin.session.selectable import SelectableSession

        units = session.units
        column = next(one for one in SelectableSession.structure_columns if one in units.columns)
        there = sorted({one for one in units[column] if isinstance(one, str) and one})
        return [before + one for one in there if one not in before.split(",")]

    return _of_file(ctx, incomplete, named)


def _of_file(ctx: typer.Context, incomplete: str, names: Callable[[Session], list[str]]) -> list[str]:
    """What of the file begins so. Whatever is wrong with it, the command says: a completion is silent."""
    path = _file_on_the_line(ctx)
    if path is None:
        return []
    import nwbin

    with warnings.catch_warnings():  # the process's, whose only thread this is
        warnings.simplefilter("ignore")
        try:
            with nwbin.open(path) as session:
                return [one for one in names(session) if one.startswith(incomplete)]
        except Exception:
            return []


def _file_on_the_line(ctx: typer.Context) -> Path | None:
    """A file of this machine's: nothing is fetched from a server because somebody pressed a key.

    While the last option has no value yet, the line is not taken apart: its words are all there is.
    """
    for one in (ctx.params.get("file"), *_words(ctx)):
        if isinstance(one, Path | str) and Path(one).suffix == ".nwb" and Path(one).is_file():
            return Path(one)
    return None


def _words(ctx: Any) -> list[str]:
    return list(ctx.args)
