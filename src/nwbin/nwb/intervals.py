"""The tables of intervals of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from nwbin._plain_text import printable
from nwbin.errors import LookupFailure, nearest
from nwbin.nwb import schema

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.nwb.file import File

__all__ = ["Intervals"]


class Intervals(Mapping[str, "pd.DataFrame"]):
    """The tables under /intervals by name, each read when asked for."""

    def __init__(self, file: File) -> None:
        self._file = file
        file.read_ahead([schema.INTERVALS])
        self._names = [
            name
            for name in file.names(schema.INTERVALS)
            if "start_time" in file.names(f"{schema.INTERVALS}/{name}")
        ]

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._names:
            raise LookupFailure(
                f"{self._file.name}: has no intervals table {name!r}; {nearest(name, self._names)}"
            )
        return self._file.table(f"{schema.INTERVALS}/{name}").frame(lists=True)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # and not by a look for what may have been meant

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return printable(f"<intervals of {self._file.name}: {', '.join(self._names) or 'none'}>")
