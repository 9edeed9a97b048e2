"""The benchmarks run, and what they compare agrees (each asserts it); no time is tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_counting() -> None:
    shown = run(str(FOLDER / "bench_counting.py"), "--small")
    for work in ("W1", "W2", "W3", "W4", "W5a", "W5b", "W6", "W7", "W8"):
        assert f"| {work} " in shown


def test_growth(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run(str(FOLDER / "growth.py"), str(tmp_path), "--small")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"presentations.png", "bins.png", "units.png", "spikes.png", "growth.md"}
