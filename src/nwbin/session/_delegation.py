"""How the session shows what its parts can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from nwbin._delegation import shown_by

if TYPE_CHECKING:
    from nwbin.session._session import Session

__all__ = ["shown"]

P = ParamSpec("P")
Owner = TypeVar("Owner")
R = TypeVar("R")


def shown(part: str, method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Session, P], R]:
    """Make a method of the session out of one of a part that it holds; see :func:`nwbin._delegation.shown_by`."""
    return shown_by("nwbin.session.Session", part, method)
