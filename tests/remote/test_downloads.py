"""Downloads: whole or absent, checked, taken up again; what fails is one clear error, and the others go on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin._names import safe_name
from nwbin.allen.released_files import BUCKET, ReleasedFile
from nwbin.downloads import DownloadError, _run, _wanted
from nwbin.errors import ArgumentError, ArgumentTypeError, FileAccessError, LookupFailure, MissingFileError
from nwbin.storage.remote import KeptPart, _kept_part, _whole_file, _with_obstore, asset_address
from nwbin.storage.remote._transport import State
from tests.cli.asking import run
from tests.remote.clouds import ASSETS, serving_dandi, serving_s3
from tests.remote.server import Server, serving

pytest.importorskip("obstore")
SMALL = 1 << 16  # bytes of a request here
CONTENT = np.random.default_rng(1).bytes(20 * SMALL + 77)
OTHER = np.random.default_rng(2).bytes(3 * SMALL)
IDS = (11, 12)
FOLDER = "visual-coding-neuropixels/ecephys-cache"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_whole_file, "_PIECE", SMALL)
    monkeypatch.setattr(_kept_part, "SAVED_EVERY", 0.0)
    monkeypatch.setattr(_run, "_LOOK", 0.01)
    monkeypatch.setattr(_with_obstore, "STALLED", timedelta(seconds=0.3))


@pytest.fixture
def server() -> Iterator[Server]:
    tags = {"x.nwb": '"x"', "y.nwb": '"y"', "a/z.nwb": '"z"'}
    with serving(files={"x.nwb": CONTENT, "y.nwb": OTHER, "a/z.nwb": OTHER}, tags=tags) as running:
        yield running


def listed(session: int, probe: int | None, content: bytes) -> ReleasedFile:
    name = f"session_{session}" if probe is None else f"probe_{probe}_lfp"
    return ReleasedFile(
        session, probe, "brain_observatory_1.1", "000021", f"sub-1/{name}.nwb", ASSETS.format(session - 11),
        "", len(content), hashlib.sha256(content).hexdigest(), "", f"{FOLDER}/session_{session}/{name}.nwb",
    )  # fmt: skip


@pytest.fixture
def released_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A data set of two sessions, of which one has LFP."""
    rows = (listed(11, None, CONTENT), listed(11, 5, OTHER), listed(12, None, OTHER))
    monkeypatch.setattr(_wanted, "released", lambda: rows)
    bucket = BUCKET.removeprefix("s3://")
    files: dict[str, bytes | Path] = {
        f"{bucket}/{row.s3_key}": CONTENT if row.size == len(CONTENT) else OTHER for row in rows
    }
    files[f"{bucket}/{FOLDER}/sessions.csv"] = b"id\n11\n12\n"
    with serving_s3(files) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.address)
        yield running


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_whether_a_file_is_still_the_same_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end, of an address that fsspec reads."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe("/there/x.nwb", OTHER)
    real, faults = _whole_file.side_by_side, [ConnectionError()]

    def info(*of: Any, **how: Any) -> Any:
        if faults:
            raise faults.pop()
        return before(*of, **how)

    def then_drops(*of: Any) -> None:
        real(*of)
        monkeypatch.setattr(type(memory), "info", info)

    before = type(memory).info
    monkeypatch.setattr(_whole_file, "side_by_side", then_drops)
    nwbin.download("memory://there/x.nwb", tmp_path)
    assert not faults
    assert (tmp_path / "x.nwb").read_bytes() == OTHER


# ---------------------------------------------------------------- what is got


def test_sessions_go_where_allensdk_looks(released_here: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    found = nwbin.download(list(IDS), folder, lfp=True)
    found.raise_if_failed()
    assert (folder / "session_11" / "session_11.nwb").read_bytes() == CONTENT
    assert (folder / "session_11" / "probe_5_lfp.nwb").read_bytes() == OTHER
    assert (folder / "session_12" / "session_12.nwb").read_bytes() == OTHER
    assert (folder / "sessions.csv").read_bytes() == b"id\n11\n12\n"
    keys = {one.get("key"): one for one in json.loads((folder / "manifest.json").read_text())["manifest"]}
    assert keys["session_nwb"]["spec"] == "session_%d.nwb"
    by_name = {one.path.name: one for one in found}
    assert by_name["session_11.nwb"].checked == "sha256"
    assert by_name["session_11.nwb"].got == len(CONTENT)
    assert by_name["units.csv"].status == "absent"
    assert not [name for name in names(folder) if "part" in name]
    # Again: of what was checked, and is as it was, nothing is asked.
    released_here.asked.clear()
    again = nwbin.download(list(IDS), folder, lfp=True, tables=False)
    assert {one.status for one in again} == {"kept"}
    assert {one.checked for one in again} == {"sha256"}
    assert not released_here.asked


def test_what_others_downloaded_is_read_once(released_here: Server, tmp_path: Path) -> None:
    path = tmp_path / "session_11" / "session_11.nwb"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert nwbin.download(11, tmp_path, tables=False)[0].status == "kept"
    for change, why in ((CONTENT[:-1], "of 1,310,797"), (CONTENT[:-1] + b"?", "has another digest")):
        path.write_bytes(change)
        found = nwbin.download("11", tmp_path, tables=False)
        assert why in found.failed[f"{BUCKET}/{FOLDER}/session_11/session_11.nwb"]
        assert path.read_bytes() == change
    assert nwbin.download(11, tmp_path, tables=False, overwrite=True)[0].status == "done"
    assert path.read_bytes() == CONTENT
    stat = path.stat()
    path.write_bytes(CONTENT[:-1] + b"?")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert nwbin.download(11, tmp_path, tables=False)[0].status == "kept"  # it looks as it was
    assert nwbin.download(11, tmp_path, tables=False, verify=True)[0].status == "failed"


def test_what_is_not_the_listed_file(released_here: Server, tmp_path: Path) -> None:
    path = f"{BUCKET.removeprefix('s3://')}/{FOLDER}/session_11/session_11.nwb"
    released_here.files[path] = CONTENT + b"?"
    found = nwbin.download(11, tmp_path, tables=False)
    assert "has 1,310,798 bytes, and the list of the data set says 1,310,797" in found[0].error
    released_here.files[path] = CONTENT[:-1] + b"?"
    found = nwbin.download([11, 12], tmp_path, tables=False)
    assert "has another digest" in found[0].error
    assert found[1].status == "done"
    assert names(tmp_path / "session_11") == set()
    with pytest.raises(DownloadError, match="1 of 2 files failed"):
        found.raise_if_failed()


def test_several_ranges_and_files_at_a_time(server: Server, tmp_path: Path) -> None:
    server.delay = 0.02
    seen: list[tuple[int, int]] = []
    found = nwbin.download(
        [server.url("x.nwb"), server.url("y.nwb")], tmp_path, progress=lambda at, of: seen.append((at, of))
    )
    assert [one.status for one in found] == ["done", "done"]
    assert [one.checked for one in found] == ["size", "size"]
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT
    spans = [one.span for one in server.asked if one.path == "x.nwb" and one.span and one.span != (0, 1)]
    assert len(spans) == 21
    assert sum(stop - start for start, stop in spans) == len(CONTENT)
    assert all(one.headers.get("if-match") for one in server.asked if one.span and one.span != (0, 1))
    assert seen[-1] == (len(CONTENT) + len(OTHER),) * 2
    assert found.report.loc[str(tmp_path / "x.nwb"), "size"] == len(CONTENT)


def test_from_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "sub-1/sub-1_ses-A2.nwb"
    with serving_dandi({path: CONTENT, "sub-1/other.nwb": OTHER}) as server:
        monkeypatch.setenv("NWBIN_DANDI_API", f"{server.address}/api")
        found = nwbin.download([f"dandi://000021/{path}"], tmp_path)
        assert found[0].checked == "sha256", found[0].error
        assert found[0].path.name == f"{safe_name('sub-1_ses-A2')}.nwb"
        assert found[0].path.read_bytes() == CONTENT
        monkeypatch.setattr(_wanted, "released", lambda: (listed(11, None, OTHER), listed(12, None, CONTENT)))
        both = nwbin.download("all", tmp_path / "cache", source="dandi")
        assert [one.status for one in both] == ["done", "done"], both.failed
        assert (tmp_path / "cache" / "session_12" / "session_12.nwb").read_bytes() == CONTENT


# ---------------------------------------------------------------- interruptions


def test_it_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.fault = lambda number, one: ("status", 503) if one.span and one.span[0] >= 10 * SMALL else None
    found = nwbin.download(server.url("x.nwb"), tmp_path)
    assert "overloaded or broken (HTTP 503, 5 tries)" in found[0].error
    assert names(tmp_path) == {".x.nwb.nwbin-part", ".x.nwb.nwbin.json"}
    journal = json.loads((tmp_path / ".x.nwb.nwbin.json").read_text())
    there = sum(stop - start for start, stop in journal["done"])
    assert there >= 2 * SMALL
    server.fault, server.sent = None, 0
    again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert again[0].got == len(CONTENT) - there
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT
    assert names(tmp_path) == {"x.nwb", ".x.nwb.nwbin.json"}


def test_ctrl_c_leaves_a_state_to_go_on_from(server: Server, tmp_path: Path) -> None:
    server.rate = 1 << 20

    def interrupt(there: int, size: int) -> None:
        if there > 4 * SMALL:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nwbin.download(server.url("x.nwb"), tmp_path, progress=interrupt)
    assert not (tmp_path / "x.nwb").exists()
    server.rate = None
    again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert 0 < again[0].got < len(CONTENT) - 2 * SMALL
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT


def test_a_changed_file_begins_anew(server: Server, tmp_path: Path) -> None:
    server.fault = lambda number, one: ("status", 403) if one.span and one.span[0] >= 10 * SMALL else None
    assert "does not let it be read (HTTP 403)" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
    changed = CONTENT[::-1]
    server.fault, server.files["x.nwb"], server.tags["x.nwb"] = None, changed, '"new"'
    again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert again[0].got == len(CONTENT)
    assert (tmp_path / "x.nwb").read_bytes() == changed


def test_it_changes_on_the_way(server: Server, tmp_path: Path) -> None:
    def change(number: int, one: Any) -> None:
        if one.span and one.span[0] >= 5 * SMALL:
            server.files["x.nwb"], server.tags["x.nwb"] = CONTENT[::-1], '"new"'

    server.fault = change
    assert (
        "has changed on the server while it was got" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
    )
    assert nwbin.download(server.url("x.nwb"), tmp_path)[0].status == "done"
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT[::-1]


def test_journals_that_lie(server: Server, tmp_path: Path) -> None:
    """What a journal says is checked; where it says too much, nothing wrong comes of it that a digest would show."""
    part, journal = tmp_path / ".x.nwb.nwbin-part", tmp_path / ".x.nwb.nwbin.json"
    server.fault = lambda number, one: ("status", 404) if one.span and one.span[0] >= 10 * SMALL else None
    nwbin.download(server.url("x.nwb"), tmp_path)
    said, server.fault = json.loads(journal.read_text()), None
    for done in ("all", [[0, "9"]], [[-5, 3]], [[7, 3]], [[0, 1 << 60]], None, [[True, None, 3]]):
        journal.write_text(json.dumps({**said, "done": done}))
        found = nwbin.download(server.url("x.nwb"), tmp_path)
        assert (tmp_path / "x.nwb").read_bytes() == CONTENT, done
        assert found[0].got == len(CONTENT)
        (tmp_path / "x.nwb").rename(part)
    # Nothing says that this is ours.
    for text in ("", "{}", "[1]", '{"made_by": "somebody"}'):
        journal.write_text(text)
        assert "is left alone: move it away" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
        assert part.read_bytes() == CONTENT


def test_killed_before_it_has_its_name(server: Server, tmp_path: Path) -> None:
    nwbin.download(server.url("x.nwb"), tmp_path)
    (tmp_path / "x.nwb").rename(tmp_path / ".x.nwb.nwbin-part")
    again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert (again[0].status, again[0].got) == ("done", 0)
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT


def refused(*args: object) -> None:
    raise OSError("not now")


@pytest.mark.parametrize("links", [True, False])
def test_what_appears_meanwhile_is_left_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refused)  # as on exFAT
    target, part = tmp_path / "x.nwb", tmp_path / ".x.nwb.nwbin-part"

    def appear(number: int, one: Any) -> None:
        if one.span and one.span[0] >= 5 * SMALL:
            target.write_text("mine")

    server.fault = appear
    found = nwbin.download(server.url("x.nwb"), tmp_path)
    assert "was put there by something else during the download" in found[0].error
    assert target.read_text() == "mine"
    assert part.read_bytes() == CONTENT
    server.fault = None
    assert "is left alone" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
    target.rename(tmp_path / "mine")
    again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert (again[0].status, again[0].got) == ("done", 0)
    assert target.read_bytes() == CONTENT
    assert not part.exists()
    server.fault = appear
    server.files["x.nwb"], server.tags["x.nwb"] = CONTENT[::-1], '"new"'
    assert nwbin.download(server.url("x.nwb"), tmp_path, overwrite=True)[0].status == "done"
    assert target.read_bytes() == CONTENT[::-1]


def test_one_process_at_a_time(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    part = KeptPart(tmp_path / "x.nwb", server.url("x.nwb"), State(len(CONTENT), '"x"', None))
    assert "another process is downloading it" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
    part.close()
    assert nwbin.download(server.url("x.nwb"), tmp_path)[0].status == "done"


# ---------------------------------------------------------------- what goes wrong

FAULTS: dict[str, tuple[Any, str]] = {
    "403": (("status", 403), r"does not let it be read \(HTTP 403\)"),
    "404": (("status", 404), r"no such file on the server \(HTTP 404\)"),
    "429": (("status", 429), r"overloaded or broken \(HTTP 429, 5 tries\)"),
    "a page": ("html", "a proxy or a login page answers in its place"),
    "dropped": ("close", r"connection to the server fails \(5 tries\)"),
    "cut": (("cut", 0), r"connection to the server fails"),
    "stalled": (("stall", 0), r"no answer in time, 5 tries"),
    "other bytes": (("shifted", 1), "sent other bytes than were asked for"),
}


@pytest.mark.parametrize("what", list(FAULTS))
def test_one_fails_and_the_others_go_on(server: Server, tmp_path: Path, what: str) -> None:
    fault, message = FAULTS[what]
    server.fault = lambda number, one: fault if one.path == "x.nwb" else None
    secret = server.address.replace("//", "//user:hush@") + "/x.nwb?sig=hush#hush"
    done = run("download", secret, server.url("y.nwb"), "--to", str(tmp_path))
    assert done.exit_code == 1
    assert "hush" not in done.output
    assert "2 files: 1 downloaded" in done.output
    *_, last = done.output.splitlines()
    assert last.startswith("error: http://127.0.0.1"), done.output
    assert re.search(message, last), last
    assert (tmp_path / "y.nwb").read_bytes() == OTHER
    assert not (tmp_path / "x.nwb").exists()


@pytest.mark.parametrize("what", ["429", "dropped", "cut in the middle"])
def test_what_passes_is_tried_again(server: Server, tmp_path: Path, what: str) -> None:
    fault = ("cut", 100) if what == "cut in the middle" else FAULTS[what][0]
    failed: set[Any] = set()

    def once(number: int, one: Any) -> Any:
        if one.span in failed:
            return None
        failed.add(one.span)
        return fault

    server.fault = once
    assert nwbin.download(server.url("x.nwb"), tmp_path)[0].error == ""
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT


def test_no_secret_is_kept(server: Server, tmp_path: Path) -> None:
    secret = server.address.replace("//", "//user:hush@") + "/x.nwb?sig=hush#hush"
    found = nwbin.download(secret, tmp_path)
    assert found[0].status == "done"
    assert found[0].path == tmp_path / "x.nwb"
    assert "hush" not in found.report.to_csv() + (tmp_path / ".x.nwb.nwbin.json").read_text()


def test_names_do_not_lead_out(server: Server, tmp_path: Path) -> None:
    server.files["up/%2e%2e%2fx"] = OTHER
    server.files["../x"] = OTHER
    folder = tmp_path / "here"
    for end in ("up/..%2F..%2Fx.nwb", "%2e%2e", "a/.hidden.nwb", "con.nwb", "x%00.nwb"):
        nwbin.download(f"{server.address}/{end}", folder)
    assert {path.name for path in tmp_path.iterdir()} == {"here"}
    wanted = _wanted.wanted_files(
        ["http://h/..%2F..%2Fx.nwb", "http://h/%2e%2e", "http://h/"],
        folder,
        lfp=False,
        source="s3",
        tables=False,
    )
    assert all(one.target.parent == folder for one in wanted)


def test_names_of_assets(tmp_path: Path) -> None:
    assets = [ASSETS.format(number) for number in range(4)]
    addresses = [asset_address(one) for one in assets[:2]]
    addresses += [asset_address(one).removesuffix("download/") for one in assets[2:]]
    wanted = _wanted.wanted_files(addresses, tmp_path, lfp=False, source="s3", tables=False)
    assert [one.target for one in wanted] == [tmp_path / f"{one}.nwb" for one in assets]


def test_stores_are_not_downloaded(server: Server, tmp_path: Path) -> None:
    for end in ("a.nwb.zarr", "a.nwb.zarr/?sig=hush"):
        found = nwbin.download([server.url(end), server.url("y.nwb")], tmp_path)
        assert "a Zarr store, a folder of many files, and folders are not downloaded" in found[0].error
        assert "hush" not in found[0].error
        assert found[1].error == ""
    assert names(tmp_path) == {"y.nwb", ".y.nwb.nwbin.json"}


def test_what_is_there_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.nwb").write_text("mine")
    (tmp_path / "far").write_text("far away")
    (tmp_path / "y.nwb").symlink_to(tmp_path / "far")
    (tmp_path / ".z.nwb.nwbin-part").symlink_to(tmp_path / "far")
    addresses = [server.url("x.nwb"), server.url("y.nwb"), server.url("a/z.nwb")]
    found = nwbin.download(addresses, tmp_path)
    assert {one.status for one in found} == {"failed"}
    assert "is not known to be the file that lies on the server" in found[0].error
    assert "is no plain file" in found[1].error
    assert "is left alone" in found[2].error
    assert (tmp_path / "far").read_text() == "far away"
    assert (tmp_path / "x.nwb").read_text() == "mine"
    assert nwbin.download(addresses[0], tmp_path, overwrite=True)[0].status == "done"
    assert nwbin.download(addresses[0], tmp_path)[0].status == "kept"
    assert nwbin.download(addresses[0], tmp_path, verify=True)[0].status == "kept"
    server.tags["x.nwb"] = '"new"'
    assert nwbin.download(addresses[0], tmp_path)[0].status == "failed"


def test_no_room(released_here: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=len(CONTENT)))
    with pytest.raises(
        FileAccessError, match=r"1\.51 MB are to be downloaded, and its disk has 1\.31 MB free"
    ):
        nwbin.download([11, 12], tmp_path)
    assert not names(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=1000))
    with serving(files={"x.nwb": CONTENT}) as other:
        assert "1.31 MB are missing" in nwbin.download(other.url("x.nwb"), tmp_path)[0].error


def test_what_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(
        LookupFailure, match="there is no session 715093704 in the data set; did you mean '715093703'"
    ):
        nwbin.download(715093704, tmp_path)
    with pytest.raises(ArgumentError, match=r"'session\.nwb' is neither a session's id, nor an address"):
        nwbin.download("session.nwb", tmp_path)
    with pytest.raises(ArgumentTypeError, match="not float"):
        nwbin.download([1.5], tmp_path)  # type: ignore[list-item] # that is what is tested
    with pytest.raises(ArgumentError, match="would both become"):
        nwbin.download(["http://h/a/x.nwb", "http://h/b/x.nwb"], tmp_path)
    with pytest.raises(ArgumentError, match="source 'aws' is not known"):
        nwbin.download(715093703, tmp_path, source="aws")  # type: ignore[arg-type] # that is what is tested
    with pytest.raises(MissingFileError, match="there is no folder"):
        nwbin.download("http://h/x.nwb", tmp_path / "a" / "b")
    assert "what is to be downloaded?" in run("download", "--to", str(tmp_path)).output
    assert "Give --to FOLDER" in run("download", "715093703").output


def test_stopped_parts_take_no_more(tmp_path: Path) -> None:
    """A thread that was not waited for writes into nothing once the part is closed."""
    part = KeptPart(tmp_path / "x", "http://h/x", State(10, '"x"', None))
    part.write(2, b"abc")
    part.close()
    part.write(5, b"zzz")
    again = KeptPart(tmp_path / "x", "http://h/x", State(10, '"x"', None))
    assert again.missing == [(0, 2), (5, 10)]
    again.close()
    other = KeptPart(tmp_path / "x", "http://h/x", State(10, None, None))  # nothing says that it is the same
    assert other.missing == [(0, 10)]
    other.throw_away()
    assert not list(tmp_path.iterdir())
    assert _kept_part.digest_of(Path(__file__), threading.Event()) != ""
