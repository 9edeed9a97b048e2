"""A folder of sessions: a page each, and an index; a broken session is listed, and the job is taken up again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py  # noqa: TID251 - a file is bent
import pandas as pd
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

import nwbin
from nwbin.dataset.pages import PageFolder
from nwbin.report import report_folder
from nwbin.report._folder import _called, _SessionPage, _sessions
from nwbin.report._html import render, summary_in
from nwbin.report._text import ABSENT
from tests.cli.asking import good, run
from tests.report.reading import Page, check_page
from tests.small_files import write_small

pytestmark = [
    pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning"),
    pytest.mark.usefixtures("undrawn", "workers_here"),
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "recordings <b>"
    found.mkdir()
    write_small(found / "session_1.nwb")
    write_small(found / "sub-a_ses-x&y.nwb")
    (found / "session_3.nwb").write_bytes(b"no HDF5")
    return found


def test_pages_and_an_index(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "all sessions.html"
    done = report_folder(folder, out, workers=0, progress=False)
    assert list(done.failed) == [3]
    index = Page(out.read_text(encoding="utf-8"))
    check_page(index)
    head, *rows = index.tables["sessions-table"]
    assert [row[0] for row in rows if row[head.index("Problems")] == "cannot be read"] == ["3"]
    assert {row[0]: row[head.index("Units")] for row in rows} == {"1": "3", "3": ABSENT, "x&y": "3"}
    (failed,) = index.tables["failed-table"][1:]
    assert failed[:2] == ["3", "session_3.nwb"]
    assert "HDF5" in failed[2]
    assert str(tmp_path) not in index.text
    links = [one["href"] for one in index.of("a") if one["href"].endswith(".html")]
    assert len(links) == 2
    from urllib.parse import unquote

    for one in links:
        page = Page((tmp_path / unquote(one)).read_text(encoding="utf-8"))
        check_page(page)
        assert page.of("a")[1]["href"] == "../all%20sessions.html"
        assert summary_in(page.text)["units"] == 3


def test_copies_are_said_and_counted_once(tmp_path: Path, short: None) -> None:
    folder = tmp_path / "here" / "data"
    (folder / "old").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    write_small(folder / "session_1.nwb")
    for copy in ("old/session_1.nwb", "session_1 (copy).nwb", ".ipynb_checkpoints/session_1-checkpoint.nwb"):
        shutil.copy(folder / "session_1.nwb", folder / copy)
    with h5py.File(write_small(folder / "session_2.nwb"), "r+") as f:
        f["identifier"][...] = "another"
    out = tmp_path / "here" / "x.html"
    report_folder(folder, out, workers=0, progress=False)
    index = Page(out.read_text(encoding="utf-8"))
    head, *rows = index.tables["sessions-table"]
    problems = {row[0]: row[head.index("Problems")] for row in rows}
    copy = "copy of session_1"
    assert problems == {"session_1": "not checked", "old_session_1": copy, "small": copy, "2": "not checked"}
    assert index.facts["sessions"] == "2"
    assert index.facts["units"] == "2"
    assert any(one.startswith("2 files of the folder are copies") for one in index.notes)


def test_code_of_all_pages_has_their_filters(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_small(tmp_path / "data" / "session_1.nwb")
    filters = {"presence_ratio_minimum": 0.5, "filter_by_validity": False}
    done = report_folder(tmp_path / "data", tmp_path / "x.html", workers=0, progress=False, **filters)
    said = "presence_ratio_minimum=0.5, filter_by_validity=False)"
    index = Page((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert index.code[-1].splitlines()[-1] == f"nwbin.report.report_folder(folder, 'reports.html', {said}"
    page = Page(done[1])
    assert f"\nsession = nwbin.open(path, {said}\n" in page.code[0]


def test_code_opens_the_session_from_where_the_reader_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "in a folder").mkdir()
    write_small(folder / "in a folder" / "{x}.nwb")
    work = _SessionPage("../x.html", str(folder.resolve()), "moved", tables=False)
    there = tmp_path / "elsewhere"
    for one in ("session_1.nwb", "in a folder/{x}.nwb"):
        with nwbin.open(folder / one) as session:
            code = work._opened(session)
        assert str(tmp_path) not in code
        there.mkdir(exist_ok=True)
        monkeypatch.chdir(there)
        (there / "moved").is_dir() or (there / "moved").symlink_to(folder)
        known: dict[str, Any] = {"nwbin": nwbin}
        exec(code, known)
        assert known["session"].num_units == 1
        known["session"].close()
    data = nwbin.Dataset(folder)
    assert data.address is None
    assert _called(data, tmp_path / "x.html") == "recordings <b>"
    assert _called(data, folder / "x.html") == "."
    assert _called(data, there / "x.html") == "recordings <b>"  # no path of this machine
    on_server: Any = SimpleNamespace(address="https://a.org/b/", root=tmp_path / "1f-2e")
    assert _called(on_server, tmp_path / "x.html") == "https://a.org/b/"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without anything on them: for what becomes of pages."""

    def page(session: nwbin.Session, **how: Any) -> str:
        said = {"session": session.file.name, "type": "", "file": "x.nwb", "synthetic": False, "stimuli": 1,
                "problems": {}, "units": session.num_units, "passing": 1, "length": None,
                "identity": [session.file.identifier, session.num_units]}  # fmt: skip
        return render(title="a page", lead="", sections=[], summary=said)

    monkeypatch.setattr("nwbin.report._folder.page", page)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"error": 0, "warning": 0, "note": 0}, "none"),
        ({"error": 0, "warning": 0, "note": 2}, "2 notes"),
        ({"error": 1, "warning": 2, "note": 1}, "1 error, 2 warnings, 1 note"),
    ],
)
def test_an_index_says_what_its_pages_say_of_problems(found: dict[str, int], shown: str) -> None:
    said = {"problems": found, **dict.fromkeys(("type", "units", "passing", "stimuli", "length", "file"), "")}
    done: Any = SimpleNamespace(report=pd.DataFrame(index=[7]))
    table = _sessions(done, {7: said}, {7: "x.nwb"}, PageFolder(Path("pages")), {})
    assert table.rows[0][table.columns.index("Problems")] == shown


def test_the_same_line_again_does_what_is_missing(folder: Path, tmp_path: Path, short: None) -> None:
    out = tmp_path / "x.html"

    def status() -> dict[Any, str]:
        found: dict[Any, str] = (
            report_folder(folder, out, workers=0, progress=False).report["status"].to_dict()
        )
        return found

    assert status() == {1: "done", 3: "failed", "x&y": "done"}
    before = out.read_bytes()
    assert status() == {1: "kept", 3: "failed", "x&y": "kept"}
    assert out.read_bytes() == before
    (folder / "session_3.nwb").unlink()
    write_small(folder / "session_3.nwb")
    (tmp_path / "x_sessions" / "session_1.html").unlink()
    assert status() == {1: "done", 3: "done", "x&y": "kept"}
    assert "failed-table" not in Page(out.read_text(encoding="utf-8")).tables
    mine = tmp_path / "x_sessions" / "session_1.html"
    mine.write_text("my own notes")
    with pytest.raises(nwbin.NwbinError, match="is left alone"):
        status()
    assert mine.read_text() == "my own notes"


def test_the_command_of_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("report", folder, "-o", "x.html")
    assert result.exit_code == 2
    assert "x.html: 3 sessions: 2 made, 1 failed, pages in x_sessions" in result.output
    assert "error: 1 of 3 sessions failed (the same command tries only them again)" in result.output
    (folder / "session_3.nwb").unlink()
    assert re.search(r'"status": "kept"', good("report", folder, "-o", "x.html", "--json"))
    several = run("report", folder / "session_1.nwb", folder / "session_3.nwb", "-o", "y.html")
    assert several.exit_code == 2
    assert "give the folder that holds them" in several.output
    assert "has no session 5" in run("report", folder, "-o", "x.html", "--sessions", "5").output
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no NWB files" in run("report", empty, "-o", "y.html").output
    assert not Path("y.html").exists()
