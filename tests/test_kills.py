"""A job that is killed, and one whose worker is: the next run makes good (``python -m tests.kills`` does many)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.kills import Harness

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc"),
]


def test_the_next_run_makes_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr")
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin cache"))
    harness = Harness(tmp_path, sessions=2, jobs=["count"], warm=False)
    done = harness.kills(1, ("parent", "worker"), 3, lambda kill: None)
    assert [one.wrong for one in done] == ["", ""]
