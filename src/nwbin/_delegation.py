"""How an object shows what its parts can do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import unwrap
from typing import Any, Concatenate, ParamSpec, TypeVar

from nwbin._keywords import refuse_unknown_of

__all__ = ["shown_by"]

P = ParamSpec("P")
Owner = TypeVar("Owner")
R = TypeVar("R")


def shown_by(
    face: str, part: str, method: Callable[Concatenate[Owner, P], R]
) -> Callable[Concatenate[Any, P], R]:
    """Make a method of an object out of one of a part that it holds: signature, types and docstring are its own.

    Parameters
    ----------
    face
        The class that shows it, by its module and name, such as "nwbin.session.Session".
    part
        The attribute of its objects that holds the part.
    method
        The part's method. It goes by the name of the other from now on, which is what Python's own messages about
        arguments say.
    """

    @wraps(method)
    def call(shown: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = getattr(shown, part)
        try:
            return method(owner, *args, **kwargs)
        except TypeError:
            refuse_unknown_of(method, kwargs)
            raise

    call.__module__, _, owner = face.rpartition(".")
    for function in (call, method, unwrap(method)):
        function.__qualname__ = f"{owner}.{call.__name__}"
    return call
