"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from nwbin.testing import write_session


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("cli") / "session.nwb", size="tiny", seed=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
