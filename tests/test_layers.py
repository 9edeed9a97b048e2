"""Bytes, then tables, then science, then convenience: imports point down only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nwbin

PACKAGE = Path(nwbin.__file__).parent

# From the bottom up; a module may import from its own layer or below, at any depth of nesting.
LAYERS = [
    {"_plain_text", "_schema"},
    {"errors", "_names", "_processes", "_unfinished"},
    {"_memory", "_keywords"},
    {"_kernels", "_heap", "_map", "_open"},
    {"_chunks", "_headers", "_strings"},
    {"_hdf5", "trains"},
    {"_tables"},
    {"_spikes", "binning"},
    {"file"},
    {"allen"},
    {"session"},
    {"check", "dataset", "decode", "export", "plot", "testing"},
    {"cli", "__main__"},
]
# The same within a package: a module imports from below its own layer.
WITHIN = {
    "_hdf5": [
        {"_file"},
        {"_layout", "_objects"},
        {"_chunked"},
        {"_rows"},
        {"_text"},
        {"_attributes", "_dataset"},
        {"_source"},
        {"__init__"},
    ]
}
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HOMES = {"numba": {"_kernels"}, "h5py": {"_hdf5", "testing"}}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            package = module.removeprefix("nwbin.") in {"nwbin", *WITHIN}
            names += [f"{module}.{alias.name}" for alias in node.names] if package else [module]
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    here = layer_of(path)
    if here == "__init__":
        return
    for name in imports(path):
        root, _, rest = name.partition(".")
        if root in HOMES:
            assert here in HOMES[root], f"{path} imports {name}"
        if root == "nwbin" and rest:
            below = rest.split(".")[0]
            if below in RANK:  # anything else is a plain name such as nwbin.__version__
                assert RANK[below] <= RANK[here], f"{path} imports {name}, which lies above it"


@pytest.mark.parametrize("package", list(WITHIN))
def test_imports_point_down_within(package: str) -> None:
    rank = {name: rank for rank, names in enumerate(WITHIN[package]) for name in names}
    paths = sorted((PACKAGE / package).glob("*.py"))
    assert {path.stem for path in paths} == set(rank)
    for path in paths:
        for name in imports(path):
            if f"{name}.".startswith(f"nwbin.{package}."):
                # What is no module's name comes from the package, which lies above all of them.
                below = rank.get([*name.split("."), ""][2], rank["__init__"])
                assert below < rank[path.stem], f"{path} imports {name}"


def test_every_module_has_a_layer() -> None:
    assert {layer_of(path) for path in modules()} - {"__init__"} <= set(RANK)


def test_import_loads_nothing_heavy() -> None:
    heavy = ["numpy", "numba", "h5py", "pandas", "xarray", "pynwb", "matplotlib", "sklearn", "typer", "rich"]
    script = f"import sys, nwbin; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    for name in nwbin.__all__:
        assert getattr(nwbin, name) is not None
    assert set(nwbin.__all__) <= set(dir(nwbin))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        nwbin.nope  # noqa: B018
