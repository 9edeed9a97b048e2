"""A session to hand over, and the naive counts that every library's objects have to give again."""

from __future__ import annotations

from pathlib import Path

import pytest

import nwbin
from nwbin.testing import write_session


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(
        tmp_path_factory.mktemp("exchange") / "session_1.nwb",
        seed=3, size="tiny", invalid_times=False, channels=32, samples=10, repeats=0.3,
    )  # fmt: skip


@pytest.fixture
def session(path: Path) -> nwbin.Session:
    return nwbin.open(path)
