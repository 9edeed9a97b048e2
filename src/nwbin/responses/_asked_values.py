"""What is asked for of a recording, in plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nwbin.errors import ArgumentTypeError

__all__ = ["condition_of", "listed"]


def condition_of(text: Any, name: str) -> str | None:
    """A condition, or None where it says nothing."""
    if not isinstance(text, str | None):
        raise ArgumentTypeError(
            f"{name} must be a condition, such as 'contrast > 0.5', not {type(text).__name__}"
        )
    return (text or "").strip() or None


def listed(values: Any, name: str) -> tuple[Any, ...] | None:
    """Distinct plain values in the order given; None for all. One name, or one id, is a list of one."""
    if values is None:
        return None
    if isinstance(values, str | int | np.integer):
        values = [values]
    if hasattr(values, "columns"):  # a table of units, for its ids
        values = values.index
    if not isinstance(values, Iterable) or getattr(getattr(values, "dtype", None), "kind", "") == "b":
        what = "a mask" if isinstance(values, Iterable) else type(values).__name__
        raise ArgumentTypeError(f"{name} must be names or ids, one or a list of them, not {what}")
    plain = [one.item() if isinstance(one, np.generic) else one for one in values]
    if odd := [one for one in plain if not isinstance(one, str | int | float)]:
        raise ArgumentTypeError(f"{name} must be names or ids, and {odd[0]!r} is neither")
    # 3.0 is the unit 3, as in pandas.
    return tuple(
        dict.fromkeys(int(one) if isinstance(one, float) and one.is_integer() else one for one in plain)
    )
