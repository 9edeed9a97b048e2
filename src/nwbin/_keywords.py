"""Arguments by name: a misspelt one is refused, and the right one named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, signature
from typing import ParamSpec, TypeVar

from nwbin.errors import ArgumentTypeError, nearest

__all__ = ["names_checked", "refuse_unknown", "refuse_unknown_of"]

P = ParamSpec("P")
R = TypeVar("R")


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise an error that names the nearest argument there is, if one was given that is none."""
    known = list(known)
    for name in given:
        if name not in known:
            raise ArgumentTypeError(
                f"{where}() got an unexpected keyword argument {name!r}; {nearest(name, known)}"
            ) from None


def _names_of(function: Callable[..., object]) -> list[str]:
    return [
        name
        for name, parameter in signature(function).parameters.items()
        if parameter.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
        and name not in ("self", "cls")
    ]


def refuse_unknown_of(function: Callable[..., object], given: Iterable[str]) -> None:
    """Raise as :func:`refuse_unknown` of what a function was given, unless it takes arguments of any name.

    For when a call has failed: to look at a signature takes time, which calls that go well are spared.
    """
    kinds = {parameter.kind for parameter in signature(function).parameters.values()}
    if Parameter.VAR_KEYWORD not in kinds:
        refuse_unknown(given, _names_of(function), function.__qualname__)


def names_checked(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function refuse unknown arguments by a message that names the right ones.

    Python's own says which one is wrong, and only from 3.13 on, and not always, which was meant.
    """
    known = _names_of(function)
    where = function.__qualname__.removesuffix(".__init__").split(".")[-1]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_unknown(kwargs, known, where)
        return function(*args, **kwargs)

    return checked
