"""How the session shows what its parts can do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from nwbin.session._session import Session

__all__ = ["shown"]

P = ParamSpec("P")
Owner = TypeVar("Owner")
R = TypeVar("R")


def shown(part: str, method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Session, P], R]:
    """Make a method of the session out of one of a part that it holds: signature, types and docstring are its own.

    Parameters
    ----------
    part
        The session's attribute that holds the part.
    method
        The part's method.
    """

    @wraps(method)
    def call(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(getattr(session, part), *args, **kwargs)

    call.__module__, call.__qualname__ = "nwbin.session", f"Session.{call.__name__}"
    return call
