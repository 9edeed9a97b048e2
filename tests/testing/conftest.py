"""Synthetic sessions that their tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from nwbin.testing import write_session


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("tiny") / "session.nwb", size="tiny", lfp=True)


@pytest.fixture(scope="session")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("strange") / "session.nwb", size="tiny", quirks=True)
