"""What a function returns, in a file that cannot run code: JSON, or NumPy's .npz with JSON for what is no array.

Numbers, text, lists, tuples, dictionaries, arrays, pandas' and xarray's tables and response matrices, in one another,
come back exactly as they were, types included. A value of any other kind is pickled: nothing is written almost.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from nwbin.dataset._labelled import UnknownKindError, restored, taken_apart
from nwbin.errors import FormatError

__all__ = ["read_value", "write_value"]

_TREE = "value"  # the entry of an .npz that holds the JSON; arrays are a0, a1, ...


def write_value(part: Path, value: Any) -> Path:
    """Write a value under a name to which the ending of its format is added; return the file."""
    arrays: list[Any] = []
    try:
        text = json.dumps(taken_apart(value, arrays), allow_nan=False)
    except (UnknownKindError, RecursionError, ValueError):  # also a list that holds itself
        path = part.with_name(f"{part.name}.pkl")
        with path.open("wb") as file:
            pickle.dump(value, file, protocol=5)
        return path
    if not arrays:
        path = part.with_name(f"{part.name}.json")
        path.write_text(text + "\n", encoding="utf-8")
        return path
    path = part.with_name(f"{part.name}.npz")
    with path.open("wb") as file:
        named: dict[str, Any] = {f"a{number}": one for number, one in enumerate(arrays)}
        named[_TREE] = np.frombuffer(text.encode(), np.uint8)
        np.savez(file, **named)
    return path


def read_value(path: Path) -> Any:
    """Read what :func:`write_value` has written as .json or .npz."""
    try:
        if path.suffix == ".json":
            return restored(json.loads(path.read_text(encoding="utf-8")), [])
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = [stored[f"a{number}"] for number in range(len(stored.files) - 1)]
            return restored(json.loads(stored[_TREE].tobytes()), arrays)
    except Exception as error:
        raise FormatError(f"{path}: is damaged: {type(error).__name__}: {error}") from error
