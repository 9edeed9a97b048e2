"""What AllenSDK answered, as recorded: a folder with calls.json, requests.json, frames.json.gz and arrays.npz.

calls.json        for each call: what kind of result, or the exact exception; warnings; sums and hashes
requests.json     the arguments of the calls that have any
frames.json.gz    every table: index, columns, dtypes, Python types and values
arrays.npz        every labelled array: <call>.values and <call>.<coordinate>
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


class Bundle:
    """The recorded answers of AllenSDK about one session, opened in one way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: dict[str, dict[str, Any]] = json.loads((folder / "calls.json").read_text())
        self.requests: dict[str, Any] = json.loads((folder / "requests.json").read_text())
        with gzip.open(folder / "frames.json.gz", "rt") as stream:
            self.frames: dict[str, dict[str, Any]] = json.load(stream)
        with np.load(folder / "arrays.npz") as stored:
            self.arrays = {name: stored[name] for name in stored.files}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it, in the way the recorder did."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int) or value is None else repr(value)


def sha(array: Any) -> str:
    """Return the hash of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
