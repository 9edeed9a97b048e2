"""Turn the lower bounds in pyproject.toml into constraints: the oldest versions that nwbin says it works with."""

# ruff: noqa: T201
from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("plot", "decode", "parquet", "netcdf", "test")
# A dependency of a dependency that its own bounds do not hold back: (where it applies, what it must be).
BESIDES: tuple[str, ...] = ()


def constraints(project: dict[str, object]) -> list[str]:
    """Return ``name==bound`` for each requirement; one without a lower bound is an error."""
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(one for name in EXTRAS for one in extras[name])]
    lines = []
    for requirement in requirements:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)", requirement.split(",")[0].split(";")[0].strip())
        if found is None:
            raise SystemExit(f"{requirement!r} in pyproject.toml has no lower bound of the form name>=1.2")
        name, bound = found.groups()
        lines.append(f"{name}=={bound}" + ".0" * max(0, 2 - bound.count(".")))
    return lines


if __name__ == "__main__":
    document = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n".join([*constraints(document["project"]), *BESIDES]))
