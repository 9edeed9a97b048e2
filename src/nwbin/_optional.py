"""Packages that only some need: what to say where one is missing."""

from __future__ import annotations

import importlib.util

from nwbin.errors import MissingDependencyError

__all__ = ["need"]


def need(package: str, extra: str, what: str) -> None:
    """Raise, where an optional package is missing, an error that says how to install it."""
    if importlib.util.find_spec(package) is None:
        raise MissingDependencyError(
            f"{what} needs {package}, which is not installed: pip install 'nwbin[{extra}]'"
        )
