"""Turn the lower bounds in pyproject.toml into constraints: the oldest versions that nwbin says it works with."""

# ruff: noqa: T201
from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXTRAS = ("all", "test")  # what the tests are installed with
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(\[[^]]*\])?>=([0-9.]+)")


def requirements(project: dict[str, Any], extras: tuple[str, ...]) -> Iterator[str]:
    """Walk through the requirements of some extras; an extra may stand for others of this project."""
    for one in [line for extra in extras for line in project["optional-dependencies"][extra]]:
        own = re.fullmatch(rf"{project['name']}\[(.*)\]", one)
        if own:
            yield from requirements(project, tuple(name.strip() for name in own.group(1).split(",")))
        else:
            yield one


def constraints(project: dict[str, Any]) -> list[str]:
    """Return ``name==bound`` for each requirement; one without a lower bound is an error."""
    lines = []
    for requirement in [*project["dependencies"], *requirements(project, EXTRAS)]:
        found = REQUIREMENT.fullmatch(requirement.split(",")[0].split(";")[0].strip())
        if found is None:
            raise SystemExit(f"{requirement!r} in pyproject.toml has no lower bound of the form name>=1.2")
        name, _, bound = found.groups()  # constraints may not name extras
        lines.append(f"{name}=={bound}" + ".0" * max(0, 2 - bound.count(".")))
    return lines


if __name__ == "__main__":
    document = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n".join(constraints(document["project"])))
