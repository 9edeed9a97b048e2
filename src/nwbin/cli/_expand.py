"""Options that are declared once: a parameter that is a dataclass of options becomes the options of its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

__all__ = ["expanded"]


def _of_group(group: type) -> list[Parameter]:
    """The parameters that the fields of a dataclass of options stand for."""
    kinds = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=kinds[field.name],
        )
        for field in fields(group)
    ]


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command for typer of a function that takes dataclasses of options.

    Parameters
    ----------
    command
        A function. A parameter annotated with a dataclass, whose fields are ``Annotated[..., typer.Option(...)]``,
        gets an instance of it; every other parameter stays as it is.

    Returns
    -------
    Callable
        A function with a parameter for each field in place of the dataclass.
    """
    kinds = get_type_hints(command, include_extras=True)
    groups: dict[str, type] = {}
    parameters: list[Parameter] = []
    for name, one in signature(command).parameters.items():
        if is_dataclass(kinds[name]):
            groups[name] = kinds[name]
            parameters += _of_group(kinds[name])
        else:
            parameters.append(one.replace(kind=Parameter.KEYWORD_ONLY, annotation=kinds[name]))

    @wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    # typer asks for both, and neither is to be that of the function within.
    del run.__wrapped__
    run.__signature__ = Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
    return run
