"""The benchmarks run, and what they compare agrees (each asserts it); no time is tested."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_has_a_place_for_each_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    tables = importlib.import_module("_readme")
    readme = tmp_path / "README.md"
    whole = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    readme.write_text(whole, encoding="utf-8")
    for name in ("reading", "session", "counting"):
        place = tables.Place(readme, name)
        before = readme.read_text(encoding="utf-8")
        place.fill(f"| {name} |")
        after = readme.read_text(encoding="utf-8")
        assert f"README.md -->\n| {name} |\n<!-- end of {name} -->" in after
        head, _, tail = after.partition(f"| {name} |\n")
        assert before.startswith(head)
        assert before.endswith(tail)
    readme.write_text("# nwbin\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="has no place for the table"):
        tables.Place(readme, "reading")


@pytest.mark.slow
def test_counting() -> None:
    shown = run(str(FOLDER / "bench_counting.py"), "--small")
    for work in ("W1", "W2", "W3", "W4", "W5a", "W5b", "W6", "W7", "W8", "S1", "S1b", "S1r", "S6"):
        assert f"| {work} " in shown


@pytest.mark.slow
def test_correlograms() -> None:
    shown = run(str(FOLDER / "bench_correlograms.py"), "--small", "--ours")
    for work in ("all pairs", "all pairs, interval jitter", "within presentations, pattern jitter"):
        assert f"| {work} |" in shown


@pytest.mark.slow
def test_reading() -> None:
    steps = ("units", "shown", "stimuli", "spikes", "chunks")
    shown = run(str(FOLDER / "bench_reading.py"), "--small", "--steps", *steps)
    for step in steps:
        assert f"| {step} | nwbin |" in shown
        assert f"| {step} | h5py |" in shown
    assert " answer " not in shown  # it says so where a contender's differs


@pytest.mark.slow
def test_first_answer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "flame.svg"
    shown = run(str(FOLDER / "bench_first_answer.py"), "--small", "--flame", str(picture))
    for script in ("counts", "tutorial", "spikes"):
        assert f"| {script}: ms | nwbin, wall | processor |" in shown
    assert shown.count("| all, quickest run | ") == shown.count("Imports of ") == 3
    assert shown.count("| nwbin's functions, by room | ") == shown.count(" | 100 |\n") == 2
    assert picture.read_bytes().startswith(b"<?xml")


WATCHED = """\
import time: self [us] | cumulative | imported package
import time:      1000 |       1000 |   zipimport
import time:      2000 |       3000 | numpy.linalg
step: open
import time:      4000 |       4000 | nwbin.allen
import time:      5000 |       5000 | xarray
step: units
"""


def test_what_a_first_answers_time_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(FOLDER)
    flame = importlib.import_module("_flame")
    imports = flame.imports_by_step(WATCHED)
    assert imports == {
        "open": {"Python's own": 0.001, "numpy": 0.002},
        "units": {"nwbin": 0.004, "xarray": 0.005},
    }
    assert flame.room_of(str(flame.HOME / "allen" / "units.py")) == "nwbin.allen"
    assert flame.room_of(str(flame.HOME / "_memory.py")) == "nwbin"
    assert flame.room_of("/nwbin/lib/site-packages/pandas/core/frame.py") == "pandas"
    assert flame.room_of("~") is flame.room_of("/lib/python3.12/contextlib.py") is None
    functions = {"open": {"nwbin.storage": 3.0, "h5py": 1.0}, "units": {}}
    whole = flame.parts_of("counts", {"open": 0.043, "units": 0.002}, imports, functions)
    sums = {kind: round(flame.seconds_of(whole, kind), 6) for kind in flame.SAID}
    assert sums == {
        "floor": 0.002, "other imports": 0.006, "our imports": 0.004, "our functions": 0.03, "others' functions": 0.01,
    }  # fmt: skip
    for name in ("one.svg", "two.svg"):
        flame.draw([whole, whole], tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
@pytest.mark.parametrize("group", [True, False])
def test_limited_memory(
    group: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    script = importlib.import_module("limited_memory")
    if not group:  # as where none may be made
        monkeypatch.setattr(script, "make_group", lambda limit: "none may be made")
    monkeypatch.setattr(sys, "argv", ["limited_memory.py"])
    script.main()
    shown = capsys.readouterr().out
    assert re.search(r"^583 presentations x \d+ units", shown, re.MULTILINE)
    assert "| 1 GiB | " in shown
    assert (
        group
        or "Limit by RLIMIT_DATA (none may be made); a child that took a quarter more was ended" in shown
    )


@pytest.mark.slow
def test_growth(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run(str(FOLDER / "growth.py"), str(tmp_path), "--small")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"presentations.png", "bins.png", "units.png", "spikes.png", "overlap.png", "growth.md"}
