"""Sessions that the tests of Session share."""

from __future__ import annotations

from pathlib import Path

import pytest

import nwbin
from nwbin.testing import write_session

QUIET = {"size": "tiny", "invalid_times": False, "channels": 32, "samples": 10, "repeats": 0.3}


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("session") / "session_1.nwb", seed=5, lfp=True, **QUIET)


@pytest.fixture
def session(path: Path) -> nwbin.Session:
    return nwbin.open(path)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("bare") / "session_2.nwb", seed=6, bare=True, **QUIET)


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(
        tmp_path_factory.mktemp("masked") / "session_3.nwb", seed=7, size="tiny", quirks=True
    )
