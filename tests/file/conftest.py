"""Files that the tests of File share."""

from __future__ import annotations

from pathlib import Path

import pytest

import nwbin
from tests.small_files import write_small


@pytest.fixture(params=[False, True], ids=["contiguous", "chunked"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb", chunked=request.param)


@pytest.fixture(scope="session", params=["released", "chunked"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "session.nwb"
    nwbin.testing.write_session(path, size="tiny", layout=request.param, seed=3)
    return path
