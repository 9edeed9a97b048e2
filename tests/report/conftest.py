"""What the tests of reports share: a session, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nwbin
from nwbin.testing import write_session
from tests.report.reading import Page

# A point, for tests that look at what is said of pictures: drawing them is most of the time that a page takes.
POINT = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(
        tmp_path_factory.mktemp("report") / "session_7.nwb", size="tiny", seed=2, session_id=7
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pictures made, and not drawn."""
    monkeypatch.setattr("nwbin.report._pictures.picture_bytes", lambda figure, ending, dpi=0: POINT)


def page_of(path: Path, *, progress: Any = None, **filters: Any) -> Page:
    with nwbin.open(path, **filters) as session:
        return Page(nwbin.report.page(session, progress=progress))
