"""Where results are kept: there whole or not at all, each with a stamp that says how it was made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from nwbin._atomic import atomic_write
from nwbin._names import safe_name
from nwbin._optional import need
from nwbin.binning import Progress
from nwbin.dataset._claim import Claim
from nwbin.dataset._stamps import Stamp
from nwbin.errors import FileAccessError

__all__ = ["ForeignResultError", "Sink", "Written", "is_there", "named", "need", "place_of", "write_json"]


class ForeignResultError(FileAccessError):
    """Where a result is to go, there is something that no job of nwbin can be shown to have written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: {why}, so that it is left alone; move it away, or give another path for the results"
        )

    def __reduce__(self) -> tuple[Any, ...]:  # its way from a worker
        return FileAccessError, self.args


class Written(NamedTuple):
    """A result that is there: how it was made, and whether all of it is there."""

    stamp: Stamp
    whole: bool


class Sink(Protocol):
    """A folder of results. Workers save, the caller loads: both have only its path in common."""

    root: Path

    def begin(self, spec: Mapping[str, Any]) -> None:
        """Make what must be there before the first result; refuse a folder that is something else already."""

    def finish(self) -> None:
        """Do what is to be done after the last result."""

    def place(self, key: int | str) -> Path:
        """Where a session's result is, its ending aside."""

    def written(self, key: int | str, *, older: bool = False) -> Written | None:
        """What a job has written for a session; None where there is nothing.

        Raises a ForeignResultError where there is something that is no result. What an earlier version of nwbin wrote,
        whose stamps said less, is one only with `older`, and never whole.
        """

    def save(
        self,
        claim: Claim,
        key: int | str,
        value: Any,
        stamp: Stamp,
        ready: Callable[[], None],
        advanced: Progress,
    ) -> None:
        """Write a result and put it in its place; `ready` raises where it must not be put there after all.

        What takes long calls `advanced` with (done, in all) as it goes on.
        """

    def load(self, key: int | str) -> Any:
        """Read a result."""


def named(names: Sequence[str]) -> str:
    """The first few of some names of files, for a message."""
    more = len(names) - 3
    return ", ".join(map(repr, names[:3])) + (f" and {more} more" if more > 0 else "")


def place_of(root: Path, key: int | str) -> Path:
    """Where a session's result is, its ending aside: an id is what a file says, and stays inside the folder."""
    return root / f"session_{safe_name(key)}"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link that leads nowhere included."""
    return os.path.lexists(path)
