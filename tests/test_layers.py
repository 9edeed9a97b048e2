"""Import only from rooms below; files on one side, arrays on the other, they meet in `responses`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import nwbin

PACKAGE = Path(nwbin.__file__).parent

# The floors of the house, from the bottom up. A room imports from floors below its own, never from one beside it.
FLOORS = [
    {"_plain_text", "_wording", "_lazily", "_kept_back"},
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
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
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


# A rule is one test, which walks through all modules and tells of all that break it: a test for each pair of rule and
# module is two thousand, most of whose time is pytest's.
EVERY_MODULE = [path for path in modules() if room_of(path) != "__init__"]


def every_module(rule: Callable[[Path], Iterable[str]]) -> Callable[[], None]:
    """Make a test of a rule, which says of a module what breaks it."""

    def test() -> None:
        broken = [line for path in EVERY_MODULE for line in rule(path)]
        assert not broken, "\n".join(broken)

    test.__doc__ = rule.__doc__
    return test


def test_every_module_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} - {"__init__"} == set(FLOOR)


@every_module
def test_imports_point_down(path: Path) -> Iterator[str]:
    here = room_of(path)
    for name, (room, *_) in imports_of_ours(path):
        if room == here:
            continue
        if room not in FLOOR:  # a public name of the package itself: only the top of the house asks there
            if FLOOR[here] < FLOOR["export"] and room != "__version__":
                yield f"{label(path)} imports {name}"
            continue
        if FLOOR[room] >= FLOOR[here]:
            yield f"{label(path)} imports {name}, which does not lie below it"
        sides = ({here, room} & FILES, {here, room} & ARRAYS)
        if all(sides) and (here, room) not in MEETING:
            yield f"{label(path)} imports {name}, of the other side"


@every_module
def test_no_room_reaches_into_another(path: Path) -> Iterator[str]:
    for name, (room, *rest) in imports_of_ours(path):
        if room != room_of(path) and any(part.startswith("_") and part != "__version__" for part in rest):
            yield f"{label(path)} imports {name}, which is that room's own"


@every_module
def test_libraries_stay_in_their_rooms(path: Path) -> Iterator[str]:
    here = room_of(path)
    for name, for_types in imports(path):
        library = name.partition(".")[0]
        lowest = FROM.get(library)
        if (
            here not in HOMES.get(library, {here})
            or (library == "pandas" and not for_types and here in WITHOUT_FRAMES)
            or (lowest is not None and not for_types and FLOOR[here] < FLOOR[lowest])
        ):
            yield f"{label(path)} imports {name}"


@every_module
def test_allensdks_words_stay_in_its_room(path: Path) -> Iterator[str]:
    if FLOOR[room_of(path)] >= FLOOR["allen"]:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ALLEN_WORDS.search(node.value):
            yield f"{label(path)}:{node.lineno}: {node.value!r}"


# Modules that change the filters of warnings, which are the process's: who may says there why no other thread minds.
CATCHING = {"_kept_back.py", "cli/_app.py", "cli/_completing.py", "dataset/_task.py"}


@every_module
def test_filters_of_warnings_are_left_alone(path: Path) -> Iterator[str]:
    if label(path) not in CATCHING:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and node.attr in (
                "catch_warnings",
                "simplefilter",
                "filterwarnings",
            ):
                yield f"{label(path)}:{node.lineno} changes the filters of warnings, which are other threads' too"


@every_module
def test_modules_and_functions_fit(path: Path) -> Iterator[str]:
    """A function is seen at a glance, a module read at a sitting; kernels are as long as their one loop is."""
    lines = path.read_text().splitlines()
    if len(lines) > MOST_LINES:
        yield f"{label(path)} has {len(lines)} lines"
    if room_of(path) == "kernels":
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node) is not None and len(node.body) > 1
            body = lines[node.body[int(documented)].lineno - 1 : node.end_lineno]
            code = [line for line in body if line.strip() and not line.strip().startswith("#")]
            if len(code) > MOST_LINES_OF_CODE:
                yield f"{label(path)}: {node.name} has {len(code)} lines of code"


@every_module
def test_exceptions_to_the_checkers_have_a_reason(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.search(r"#\s*(?:type: ignore|noqa)(?:\[[\w-]+\]|: [A-Z]+\d+)?(.*)", line)
        if found and len(found[1].strip()) <= 8:
            yield f"{label(path)}:{number} does not say why"


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (test_imports_point_down, "import nwbin.cli", "which does not lie below it"),
        (test_imports_point_down, "import nwbin.storage", "of the other side"),
        (test_imports_point_down, "from nwbin import open_session", "imports nwbin.open_session"),
        (test_no_room_reaches_into_another, "import nwbin.kernels._x", "that room's own"),
        (test_libraries_stay_in_their_rooms, "import numba", "imports numba"),
        (test_libraries_stay_in_their_rooms, "import pandas", "imports pandas"),
        (test_libraries_stay_in_their_rooms, "import xarray", "imports xarray"),
        (test_allensdks_words_stay_in_its_room, "x = 'ecephys_unit_id'", ":1: 'ecephys_unit_id'"),
        (test_filters_of_warnings_are_left_alone, "warnings.simplefilter('ignore')", "other threads' too"),
        (test_modules_and_functions_fit, "\n" * (MOST_LINES + 1), "lines"),
        (test_modules_and_functions_fit, "def f():\n" + "    x = 1\n" * 61, "f has 61 lines of code"),
        (test_exceptions_to_the_checkers_have_a_reason, "x = 1  # " + "noqa: E501", ":1 does not say why"),
    ],
)
def test_a_broken_rule_is_noticed(
    rule: Callable[[], None], code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every rule, in a module of the room of counts."""
    module = tmp_path / "binning" / "made.py"
    module.parent.mkdir()
    module.write_text(code)
    monkeypatch.setattr("tests.test_layers.PACKAGE", tmp_path)
    monkeypatch.setattr("tests.test_layers.EVERY_MODULE", [module])
    with pytest.raises(AssertionError, match=re.escape(said)):
        rule()


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
