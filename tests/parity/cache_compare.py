"""Compare a Dataset's answer with AllenSDK's, both as plain values of ask_cache.py."""

from __future__ import annotations

import math
from typing import Any


def differences(mine: Any, theirs: Any) -> list[str]:
    """Say how two answers differ; nothing where they do not."""
    if not isinstance(theirs, dict) or "columns" not in theirs:
        return [] if same(mine, theirs) else [f"{mine!r:.300} is not {theirs!r:.300}"]
    if not isinstance(mine, dict) or "columns" not in mine:
        return [f"{mine!r:.300} is no table"]
    said = [
        f"{part}: {mine[part]!r:.200} is not {theirs[part]!r:.200}"
        for part in ("name", "index", "kinds")
        if mine[part] != theirs[part]
    ]
    if list(mine["columns"]) != list(theirs["columns"]):
        return [*said, f"columns {list(mine['columns'])} are not {list(theirs['columns'])}"]
    pairs = {
        name: list(zip(mine["columns"][name], theirs["columns"][name], strict=True))
        for name in mine["columns"]
    }
    return said + [
        f"{name}: {next((a, b) for a, b in both if not same(a, b))}"
        for name, both in pairs.items()
        if not all(same(a, b) for a, b in both)
    ]


def same(a: Any, b: Any) -> bool:
    """Whether values are equal and of one kind: AllenSDK's pandas reads numbers in CSV files to 16 decimals."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-12)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)
