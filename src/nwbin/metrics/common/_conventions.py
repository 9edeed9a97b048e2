"""By whose rules: AllenSDK's, faults included, or the same with the faults mended."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from nwbin.errors import ArgumentError, nearest

__all__ = ["CONVENTIONS", "Convention", "as_convention"]

Convention: TypeAlias = Literal["corrected", "allen"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


def as_convention(given: str) -> Convention:
    """Check a convention.

    Raises
    ------
    ArgumentError
        It is neither "corrected" nor "allen".
    """
    for one in CONVENTIONS:
        if given == one:
            return one
    raise ArgumentError(f"convention={given!r} is not known; {nearest(given, CONVENTIONS)}")
