"""Import only from rooms below; files on one side, arrays on the other, they meet in `responses`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import nwbin

PACKAGE = Path(nwbin.__file__).parent

# The floors of the house, from the bottom up. A room imports from floors below its own, never from one beside it.
FLOORS = [
    {"_plain_text", "_wording"},
    {"_plain_console"},
    {"errors", "_progress"},
    {"_names", "_processes", "_memory", "_threads", "_optional", "_keywords"},
    {"_unfinished", "_delegation"},
    {"_atomic"},
    {"kernels", "tables"},
    {"storage", "trains"},
    {"binning"},
    {"estimates"},
    {"nwb"},
    {"responses"},
    {"allen"},
    {"metrics", "exchange"},
    {"session"},
    {"export", "plot", "testing"},
    {"cache", "check", "decode", "dataset", "downloads"},
    {"report"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Files on one side, arrays on the other: below `responses` neither knows of the other.
FILES, ARRAYS = {"storage", "nwb"}, {"kernels", "trains", "binning", "estimates"}
MEETING = {("nwb", "trains")}  # a file hands out spike trains
# Rooms that alone may import a library, and the lowest floor that may.
HOMES = {
    "numba": {"kernels"},
    "h5py": {"storage", "testing"},
    # Jobs over many sessions show the same bar as commands do: it lies below both, with the console that it needs.
    "rich": {"cli", "_progress", "_plain_console"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
}
FROM = {"pandas": "tables", "xarray": "responses", "typer": "cli"}
WITHOUT_FRAMES = {*ARRAYS, "storage"}
# Words of AllenSDK's: below its room nobody knows them.
ALLEN_WORDS = re.compile(r"\bnull\b|ecephys_", re.IGNORECASE)
MOST_LINES, MOST_LINES_OF_CODE = 400, 60


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def label(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def is_module(dotted: str) -> bool:
    place = PACKAGE.joinpath(*dotted.split(".")[1:])
    return place.is_dir() or place.with_suffix(".py").is_file()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What a module imports, by its full name (nwbin's own down to the name), and whether only for its types."""
    tree = tree_of(path)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in for_types
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in for_types


def imports_of_ours(path: Path) -> Iterator[tuple[str, list[str]]]:
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] == "nwbin" and len(parts) > 1:
            yield name, parts[1:]


EVERY_MODULE = pytest.mark.parametrize(
    "path", [path for path in modules() if room_of(path) != "__init__"], ids=label
)


def test_every_module_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} - {"__init__"} == set(FLOOR)


@EVERY_MODULE
def test_imports_point_down(path: Path) -> None:
    here = room_of(path)
    for name, (room, *_) in imports_of_ours(path):
        if room == here:
            continue
        if room not in FLOOR:  # a public name of the package itself: only the top of the house asks there
            assert FLOOR[here] >= FLOOR["export"] or room == "__version__", f"{label(path)} imports {name}"
            continue
        assert FLOOR[room] < FLOOR[here], f"{label(path)} imports {name}, which does not lie below it"
        sides = ({here, room} & FILES, {here, room} & ARRAYS)
        assert not all(sides) or (here, room) in MEETING, f"{label(path)} imports {name}, of the other side"


@EVERY_MODULE
def test_no_room_reaches_into_another(path: Path) -> None:
    for name, (room, *rest) in imports_of_ours(path):
        if room != room_of(path):
            private = [part for part in rest if part.startswith("_") and part != "__version__"]
            assert not private, f"{label(path)} imports {name}, which is that room's own"


@EVERY_MODULE
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    here = room_of(path)
    for name, for_types in imports(path):
        library = name.partition(".")[0]
        assert here in HOMES.get(library, {here}), f"{label(path)} imports {name}"
        assert library != "pandas" or for_types or here not in WITHOUT_FRAMES, f"{label(path)} imports {name}"
        lowest = FROM.get(library)
        assert lowest is None or for_types or FLOOR[here] >= FLOOR[lowest], f"{label(path)} imports {name}"


@EVERY_MODULE
def test_allensdks_words_stay_in_its_room(path: Path) -> None:
    if FLOOR[room_of(path)] >= FLOOR["allen"]:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not ALLEN_WORDS.search(node.value), f"{label(path)}:{node.lineno}: {node.value!r}"


@EVERY_MODULE
def test_modules_and_functions_fit(path: Path) -> None:
    """A function is seen at a glance, a module read at a sitting; kernels are as long as their one loop is."""
    lines = path.read_text().splitlines()
    assert len(lines) <= MOST_LINES, f"{label(path)} has {len(lines)} lines"
    if room_of(path) == "kernels":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node) is not None and len(node.body) > 1
            body = lines[node.body[int(documented)].lineno - 1 : node.end_lineno]
            code = [line for line in body if line.strip() and not line.strip().startswith("#")]
            assert len(code) <= MOST_LINES_OF_CODE, (
                f"{label(path)}: {node.name} has {len(code)} lines of code"
            )


@EVERY_MODULE
def test_exceptions_to_the_checkers_have_a_reason(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := re.search(r"#\s*(?:type: ignore|noqa)(?:\[[\w-]+\]|: [A-Z]+\d+)?(.*)", line):
            assert len(found[1].strip()) > 8, f"{label(path)}:{number} does not say why"


def test_import_loads_nothing_heavy() -> None:
    heavy = ["numpy", "numba", "h5py", "pandas", "xarray", "pynwb", "matplotlib", "sklearn", "typer", "rich"]
    script = f"import sys, nwbin; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    for name in (*nwbin._HOME, *nwbin._MODULES, "__version__"):
        assert getattr(nwbin, name) is not None
    assert {*nwbin._HOME, *nwbin._MODULES} <= set(dir(nwbin))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        nwbin.nope  # noqa: B018
