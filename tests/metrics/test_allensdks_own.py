"""AllenSDK's own tests hold for nwbin's faces, where it is installed beside nwbin."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("allensdk") is None, reason="needs AllenSDK beside nwbin")
def test_allensdks_own_tests_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.metrics.allensdks_own"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
