"""What a command says, as JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nwbin.errors import ArgumentError

__all__ = ["JsonOption", "put_json", "refuse_json", "say_written"]

JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Say what is said as JSON, for programs; an error too, as one line on stderr."
    ),
]


def put_json(found: Any) -> None:
    """Print it."""
    from nwbin.cli._console import put

    put(json.dumps(found, indent=1, default=str))


def refuse_json(as_json: bool, out: Path | None) -> None:
    """Raise where standard output is to hold a table already."""
    if as_json and out is not None and str(out) == "-":
        raise ArgumentError("--json and -o - both write to standard output: give one of them")


def say_written(out: Path, said: str, *, replaced: bool, as_json: bool, **numbers: Any) -> None:
    """Say what was written: a line for people, or an object with the numbers in it."""
    from nwbin.cli._console import output

    if as_json:
        size = out.stat().st_size if out.is_file() else None
        put_json({"output": str(out), "replaced": replaced, "bytes": size, **numbers})
    else:
        output().print(f"{out}{' (replaced)' if replaced else ''}: {said}")
