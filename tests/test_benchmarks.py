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
def test_first_answer() -> None:
    shown = run(str(FOLDER / "bench_first_answer.py"), "--small")
    for script in ("counts", "tutorial", "spikes"):
        assert f"| {script}: ms | nwbin, wall | processor |" in shown
    assert shown.count("| all, quickest run | ") == shown.count("Imports of ") == 3


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
