"""Packages that only some need: what to say where one is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from nwbin._wording import be
from nwbin.errors import MissingDependencyError

__all__ = ["need", "need_all"]


def need(package: str, extra: str, what: str) -> None:
    """Raise, where an optional package is missing, an error that says how to install it."""
    need_all({package: extra}, what)


def need_all(packages: Mapping[str, str], what: str) -> None:
    """Raise, where any of these optional packages (and the extras that bring them) is missing: all of them at once."""
    missing = {one: extra for one, extra in packages.items() if importlib.util.find_spec(one) is None}
    if missing:
        names, extras = " and ".join(missing), ",".join(dict.fromkeys(missing.values()))
        raise MissingDependencyError(
            f"{what} needs {names}, which {be(len(missing))} not installed: pip install 'nwbin[{extras}]'"
        )
