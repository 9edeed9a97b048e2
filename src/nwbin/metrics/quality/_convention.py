"""Whose definitions of the quality metrics are meant."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from nwbin._atomic import one_of
from nwbin.errors import ArgumentTypeError

__all__ = ["CONVENTIONS", "Convention", "as_convention"]

Convention: TypeAlias = Literal["allen", "spikeinterface"]
CONVENTIONS: tuple[Convention, ...] = ("allen", "spikeinterface")


def as_convention(given: Any) -> Convention:
    """One of the conventions, or an error that names them."""
    if not isinstance(given, str):
        raise ArgumentTypeError(f"convention must be one of {', '.join(CONVENTIONS)}, not {given!r}")
    return one_of("convention", given, CONVENTIONS)
