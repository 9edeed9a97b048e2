"""What kernels take from Numba and llvmlite and is not their documented interface: counts are right without it, too."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nwbin.kernels import by_vector, cache, options, settings
from tests.test_compile_cache import in_a_copy

pytestmark = pytest.mark.skipif(options.CHECKED, reason="nothing of the kind is used")

# Of all that codegen is given: (whose, name).
WORDS = sorted(
    {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(Path(by_vector.__file__).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("context", "builder", "ir")
    }
)


class Otherwise:
    """An object of a Numba or an llvmlite to come: one name is not there, or is another."""

    def __init__(self, whole: Any, name: str, change: Callable[[Any], Any] | None) -> None:
        self._whole, self._name, self._change = whole, name, change

    def __getattr__(self, asked: str) -> Any:
        found = getattr(self._whole, asked)
        if asked != self._name:
            return found
        if self._change is None:
            raise AttributeError(f"no {asked} any more")
        return self._change(found)


def tried(
    monkeypatch: pytest.MonkeyPatch, whose: str, name: str, change: Callable[[Any], Any] | None = None
) -> str:
    """Why vectors cannot be used where their code finds an object changed; in a module of this test's own."""
    numba_s = settings.intrinsic

    def intrinsic(typed: Callable[..., Any]) -> Any:
        @wraps(typed)
        def changed(*given: Any) -> Any:
            signature, codegen = typed(*given)

            def otherwise(context: Any, builder: Any, *more: Any) -> Any:
                if whose == "context":
                    context = Otherwise(context, name, change)
                elif whose == "builder":
                    builder = Otherwise(builder, name, change)
                return codegen(context, builder, *more)

            return signature, otherwise

        return numba_s(changed)

    spec = find_spec(by_vector.__name__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(settings, "intrinsic", intrinsic)
        spec.loader.exec_module(module)
    if whose == "ir":
        ir = Otherwise(importlib.import_module("llvmlite.ir"), name, change)
        monkeypatch.setattr(module, "import_module", lambda asked: ir)
    monkeypatch.setattr(cache, "_folder", lambda: None)
    return str(module.unusable())


def test_all_is_as_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_vector.unusable() == ""
    assert tried(monkeypatch, "context", "nothing") == ""
    assert len(WORDS) > 20


@pytest.mark.parametrize(("whose", "name"), WORDS)
def test_a_name_that_is_gone(monkeypatch: pytest.MonkeyPatch, whose: str, name: str) -> None:
    assert name in tried(monkeypatch, whose, name)


CHANGED: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("context", "make_tuple", lambda real: lambda builder, kind, values: real(builder, kind, values[::-1])),
    ("context", "make_tuple", lambda real: lambda builder, kind: real(builder, kind, ())),
    ("context", "make_array", lambda real: lambda kind: lambda *given: SimpleNamespace()),
    ("builder", "fcmp_ordered", lambda real: lambda how, one, other: real(">", one, other)),
    ("builder", "fsub", lambda real: lambda one, other: real(other, one)),
    ("builder", "load", lambda real: lambda place: real(place)),
    ("ir", "VectorType", lambda real: lambda kind, width: SimpleNamespace(element=kind, count=width)),
]


@pytest.mark.parametrize(
    ("whose", "name", "change"), CHANGED, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_name_that_means_something_else(
    monkeypatch: pytest.MonkeyPatch, whose: str, name: str, change: Callable[[Any], Any]
) -> None:
    assert tried(monkeypatch, whose, name, change)


# ---------------------------------------------------------------- whole processes

CHOOSE = """
import warnings
import numpy as np, nwbin
from nwbin.binning import counting_by
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from nwbin.kernels import common
    COUNT
print(common.below.__module__.rpartition(".")[2])
print(*(f"{type(one.message).__name__}: {one.message}" for one in said), sep="\\n")
"""
COUNT = """
    rng = np.random.default_rng(1)
    trains = nwbin.SpikeTrains.from_dict({u: np.sort(np.round(rng.uniform(0, 50, 90 * u), 2)) for u in range(8)})
    onsets, edges = np.arange(60) * 0.8, np.array([0, 0.1, 0.25, 0.5, 1.5])
    answers = []
    for way in ("plain", "walk"):
        with counting_by(way):
            answers.append(nwbin.bin_spikes(trains, onsets, edges))
    np.testing.assert_array_equal(*answers)
"""
COMPILED = {"NUMBA_BOUNDSCHECK": "0", "NUMBA_DISABLE_JIT": "0"}
WITHOUT = {
    "make_tuple": """
import nwbin.kernels.settings as settings
real = settings.intrinsic
class Context:
    def __init__(self, whole): self.whole = whole
    def __getattr__(self, name):
        if name == "make_tuple": raise AttributeError("no make_tuple any more")
        return getattr(self.whole, name)
def intrinsic(typed):
    import functools
    @functools.wraps(typed)
    def changed(*given):
        signature, codegen = typed(*given)
        return signature, lambda context, *more: codegen(Context(context), *more)
    return real(changed)
settings.intrinsic = intrinsic
""",
    # Numba's own is left whole; what nwbin asks for is not there.
    "VectorType": """
import importlib, types
find = importlib.import_module
def without(name, *more):
    found = find(name, *more)
    if name != "llvmlite.ir":
        return found
    return types.SimpleNamespace(**{one: whole for one, whole in vars(found).items() if one != "VectorType"})
importlib.import_module = without
""",
    "UniTuple": """
import types
import nwbin.kernels.settings as settings
real = settings.types
settings.types = types.SimpleNamespace(void=real.void, int64=real.int64, float64=real.float64)
""",
    "intrinsic": """
import nwbin.kernels.settings as settings
del settings.intrinsic
""",
}


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.slow
def test_it_is_said_once(tmp_path: Path, name: str) -> None:
    said_of(tmp_path, name, "")


@pytest.mark.slow
def test_counts_are_right(tmp_path: Path) -> None:
    for _ in range(2):  # the second time from the cache
        said_of(tmp_path, "make_tuple", COUNT)


@pytest.mark.slow
def test_counts_are_right_where_only_the_trial_comes_from_the_cache(tmp_path: Path) -> None:
    assert in_a_copy(tmp_path, CHOOSE.replace("    COUNT\n", ""), **COMPILED) == ["by_vector", ""]
    script = WITHOUT["VectorType"] + CHOOSE.replace("    COUNT\n", COUNT)
    by, said = in_a_copy(tmp_path, script, **COMPILED)
    assert by == "by_vector"
    assert said.startswith("NwbinWarning: the quickest kernels cannot be used with Numba ")


def said_of(tmp_path: Path, name: str, count: str) -> None:
    script = WITHOUT[name] + CHOOSE.replace("    COUNT\n", count)
    by, said = in_a_copy(tmp_path, script, **COMPILED)
    assert by == "by_loop"
    assert said.startswith("NwbinWarning: the quickest kernels cannot be used with Numba ")
    assert name in said
    assert "which count the same" in said
