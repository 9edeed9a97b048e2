"""Every public name has an example in its docstring, and every example runs.

What an example shows below a line is compared (``...`` stands for anything); where it shows nothing, the line has to
run. It runs in a folder with the files that examples name, and knows what :func:`known` has besides its module's
names.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.testing import write_session
from tests.caches import link, make_allen

PACKAGE = Path(nwbin.__file__).parent
ID = 715093703
DOORS = ("nwbin", *(f"nwbin.{name}" for name in (*nwbin._MODULES, "session", "trains")))
# What has one line and needs no example, or is shown in its class's.
SPARED = {
    "Session.close",
    "Session.get_invalid_times",
    "Session.from_nwb_path",
    "Dataset.from_lims",
    "Dataset.fixed",
    "Dataset.get_natural_scene_template",
    "Dataset.get_natural_movie_template",
}

# Jobs, decoders and whatever else takes a second or more.
SLOW = {
    "nwbin.binning._correlograms", "nwbin.dataset._dataset", "nwbin.dataset._jobs", "nwbin.dataset._metric_jobs",
    "nwbin.dataset._run", "nwbin.plot._decoding", "nwbin.session._population_answers",
    "nwbin.session._stimulus_metrics", "nwbin.testing._write", "nwbin.report._folder", "nwbin.report._page",
}  # fmt: skip

# Where an example says one of these words, it is left out if there is no such library; .ci/run has them all.
LIBRARIES = {
    "pynapple": "pynapple", "interval_set": "pynapple", "to_neo": "neo", "spikeinterface": "spikeinterface",
    "polars": "polars", "torch": "torch",
}  # fmt: skip

# Examples that do not run (+SKIP), and why.
NOT_RUN = {
    "nwbin.cache._indexes": "they ask servers",
    "nwbin.cache._store": "it changes where a process keeps what it fetched",
    "nwbin.downloads._results": "they ask servers",
    "nwbin.downloads._run": "they ask servers",
    "nwbin.report._page": "that of page() would make the page of report()'s once more, which takes seconds",
}


def modules_with_examples() -> list[str]:
    found = [path for path in PACKAGE.rglob("*.py") if ">>>" in path.read_text()]
    dotted = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in sorted(found)]
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in dotted]


def public_names(door: str) -> list[str]:
    """Functions and classes; constants have a line of their own where they are, names of types what they stand for."""
    module = import_module(door)
    names = nwbin._HOME if door == "nwbin" else module.__all__
    return [
        name for name in names if inspect.isroutine(found := getattr(module, name)) or inspect.isclass(found)
    ]


@pytest.mark.parametrize("door", DOORS)
def test_every_public_name_has_an_example(door: str) -> None:
    module = import_module(door)
    without = [name for name in public_names(door) if not has_example(getattr(module, name))]
    assert not without, f"no example in {door}: {', '.join(without)}"


@pytest.mark.parametrize("owner", [nwbin.Session, nwbin.Dataset], ids=lambda one: one.__name__)
def test_every_method_is_shown(owner: type) -> None:
    """By an example of its own, or in its class's."""
    shown = inspect.getdoc(owner) or ""
    without = [
        name
        for name, found in inspect.getmembers(owner, inspect.isroutine)
        if not name.startswith("_")
        and isinstance(vars(owner).get(name), FunctionType | classmethod)  # no name that is gone
        and f"{owner.__name__}.{name}" not in SPARED
        and not (has_example(found) or re.search(rf">>>.*\.{name}\(", shown))
    ]
    assert not without, f"no example of {owner.__name__}: {', '.join(without)}"


def has_example(thing: Any) -> bool:
    said = inspect.getdoc(thing) or ""
    return "Examples\n--------\n" in said and ">>> " in said.partition("Examples\n--------\n")[2]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that examples name."""
    folder = tmp_path_factory.mktemp("examples")
    path = write_session(
        folder / f"session_{ID}.nwb",
        size="tiny",
        session_id=ID,
        invalid_times=False,
        lfp=True,
        channels=32,
        samples=10,
    )
    for name in ("session.nwb", "sub-1_ses-2.nwb"):
        link(path, folder / name)
    write_session(
        folder / "functional_connectivity.nwb", size="tiny", session_id=ID + 1, invalid_times=False, samples=10,
        stimulus_set="functional_connectivity", channels=32, bare=True,
    )  # fmt: skip
    make_allen(folder / "ecephys_cache_dir", [path])
    (folder / "notes.txt").write_text("no HDF5")
    return folder


@pytest.fixture
def here(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in files.rglob("*"):
        if path.is_file():
            link(path, tmp_path / path.relative_to(files))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin cache"))
    return tmp_path


def known(text: str, session: nwbin.Session) -> dict[str, Any]:
    """What examples may name without having made it: those of it that this text has."""
    import pandas as pd
    import xarray as xr

    gratings = "drifting_gratings"
    lazily: dict[str, Callable[[], Any]] = {
        "data": lambda: nwbin.Dataset("ecephys_cache_dir"),
        "functional_connectivity": lambda: nwbin.open("functional_connectivity.nwb"),
        "matrix": lambda: session.response_matrix(session.get_stimulus_table(gratings)),
        "rates": lambda: session.psth(gratings, by="orientation", window=(-0.5, 2.0)),
    }
    made = {name: make() for name, make in lazily.items() if re.search(rf"\b{name}\b", text)}
    return {"nwbin": nwbin, "np": np, "pd": pd, "xr": xr, "session": session, **made}


def missing_libraries(text: str) -> set[str]:
    """Which of other tools' libraries an example needs, and are not there."""
    shown = "\n".join(line for line in text.splitlines() if line.lstrip().startswith((">>>", "...")))
    return {one for word, one in LIBRARIES.items() if word in shown and find_spec(one) is None}


def test_examples_that_do_not_run_are_few() -> None:
    found = {name for name in modules_with_examples() if "+SKIP" in (module_file(name)).read_text()}
    assert found == set(NOT_RUN)


def module_file(name: str) -> Path:
    return Path(str(import_module(name).__file__))


class _Checker(doctest.OutputChecker):
    """Nothing shown, nothing compared."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


def docstrings(module: ModuleType) -> Iterator[tuple[str, str, int]]:
    """Of a module, its classes, functions and methods: as they stand in its file, whatever wraps them."""
    source = Path(str(module.__file__)).read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            said := ast.get_docstring(node)
        ):
            yield getattr(node, "name", module.__name__), said, getattr(node, "lineno", 0)


@pytest.mark.usefixtures("here", "workers_here")
@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in modules_with_examples()],
)
def test_examples_run(name: str) -> None:
    module = import_module(name)
    runner = doctest.DocTestRunner(
        _Checker(), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    )
    said: list[str] = []
    with nwbin.open(f"session_{ID}.nwb") as session:
        for owner, text, line in docstrings(module):
            if ">>>" in text and not missing_libraries(text):
                globs = {**known(text, session), **vars(module)}
                test = doctest.DocTestParser().get_doctest(text, globs, owner, str(module.__file__), line)
                runner.run(test, out=said.append)
    assert not said, "".join(said)


def test_an_example_that_is_wrong_is_found() -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(_Checker(), optionflags=doctest.ELLIPSIS)
    for text in (">>> 1 + 1\n3\n", ">>> nowhere\n", ">>> 1 + 1\n2\n", ">>> 1 + 1\n"):
        runner.run(doctest.DocTestParser().get_doctest(text, {}, "one", "here", 0), out=said.append)
    assert len(said) == 2
