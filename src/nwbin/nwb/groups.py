"""Tables of what NWB keeps in groups, one an object: devices, electrode groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.nwb import schema
from nwbin.storage.source import Source
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["stated_in", "table_of_groups"]


def _column(values: list[Any]) -> npt.NDArray[Any]:
    """Give numbers their dtype; whatever else stays as it is (pandas would want text to be sound UTF-8)."""
    if values and all(isinstance(value, int | float) for value in values):
        return np.asarray(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def table_of_groups(source: Source, path: str, index: str) -> pd.DataFrame:
    """Gather the attributes, and single values, of each group in a group: one row a group."""
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {}
    for name in source.children(path):
        if source.kind(f"{path}/{name}") != "group" or f"{path}/{name}" == schema.ELECTRODES:
            continue
        found = source.attributes(f"{path}/{name}")
        rows[name] = {k: v for k, v in found.items() if k not in schema.OF_THE_FORMAT}
        for part in source.children(f"{path}/{name}"):
            inner = f"{path}/{name}/{part}"
            if source.kind(inner) == "dataset" and source.layout(inner).shape == ():
                rows[name][part] = source.value(inner)
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    columns = {key: _column([row.get(key) for row in rows.values()]) for key in keys}
    return frame_of(columns, pd.Index(list(rows), name=index, dtype=object))


def stated_in(source: Source, path: str, name: str) -> Any:
    """Return what a group states under a name: a single value in it, or else an attribute; None if neither."""
    if source.kind(path) != "group":
        return None
    inner = f"{path}/{name}"
    if source.kind(inner) == "dataset" and source.layout(inner).shape == ():
        return source.value(inner)
    return source.attribute(path, name)
