"""Packages whose public names are loaded when they are first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["loaded_when_asked"]


def loaded_when_asked(package: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Make a package's ``__getattr__``: it imports a name's module, and keeps what it finds there.

    Parameters
    ----------
    package
        Its name.
    names
        Module -> the public names that live in it. No module may have such a name itself: importing it would put
        the module in the name's place.
    """
    homes = {name: module for module, found in names.items() for name in found}

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return found
