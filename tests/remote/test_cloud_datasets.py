"""Data sets on servers: the answers are those of the same folder on this machine."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.dataset._server_folders import ServerFile, tables_among
from nwbin.errors import ArgumentError, FileAccessError, LookupFailure, MissingFileError
from nwbin.storage.remote import _kept
from nwbin.testing import write_session
from tests.caches import make_allen, make_dandi
from tests.cli.asking import bad, good
from tests.dataset.jobs import same_matrices
from tests.remote.clouds import serving_dandi, serving_s3
from tests.remote.conftest import QUIET
from tests.remote.server import Server

pytest.importorskip("obstore")
pytestmark = [
    pytest.mark.usefixtures("what_is_loaded_stays"),
    pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning"),
]
IDS = [715093701, 766640955]
GRATINGS = {"stimulus": "static_gratings", "window": (0.0, 0.25), "bin_width": 0.05}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("cloud")
    files = [
        write_session(root / f"session_{one}.nwb", seed=seed, session_id=one, lfp=seed == 0, **QUIET)
        for seed, one in enumerate(IDS)
    ]
    return {"allen": make_allen(root / "allen", files), "dandi": make_dandi(root / "dandi", files)}


def served(folder: Path, below: str = "") -> dict[str, bytes | Path]:
    return {
        f"{below}{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def s3(trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "cache"))
    with serving_s3(served(trees["allen"], "bucket/vcn/ecephys-cache/")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


CLOUD = "s3://bucket/vcn/ecephys-cache/"
LISTINGS = 4  # requests for a list of 12 files, 3 in each answer


def same_tables(one: nwbin.Dataset, other: nwbin.Dataset) -> None:
    for name in ("get_session_table", "get_probes", "get_channels", "get_units"):
        pd.testing.assert_frame_equal(getattr(one, name)(), getattr(other, name)())


def test_tables(s3: Server, trees: dict[str, Path]) -> None:
    here, there = nwbin.Dataset(trees["allen"], cache=False), nwbin.Dataset(CLOUD)
    assert len(s3.asked) == LISTINGS
    assert there.kind == "allen"
    assert there.session_ids == here.session_ids == IDS
    assert there.files["size"].equals(here.files["size"])
    assert there.files["lfp_files"].equals(here.files["lfp_files"])
    assert repr(there) == f"<nwbin.Dataset {CLOUD!r} (allen), 2 session files>"
    assert len(s3.asked) == LISTINGS
    same_tables(there, here)
    metrics = ("get_unit_analysis_metrics_for_session", {"session_id": IDS[1]})
    of_type = ("get_unit_analysis_metrics_by_session_type", {"session_type": "brain_observatory_1.1"})
    for name, how in (metrics, of_type):
        pd.testing.assert_frame_equal(getattr(there, name)(**how), getattr(here, name)(**how))
    assert not any(one.path.endswith(".nwb") for one in s3.asked)
    # The next one finds the copies.
    s3.asked.clear()
    same_tables(nwbin.Dataset(CLOUD), here)
    assert len(s3.asked) == LISTINGS
    # A table that changes is another: it, and with it all, is copied anew.
    path = "bucket/vcn/ecephys-cache/units.csv"
    s3.files[path], s3.tags[path] = (
        (trees["allen"] / "units.csv").read_bytes().replace(b"good", b"bad?"),
        '"new"',
    )
    assert len(nwbin.Dataset(CLOUD).get_units()) == 0


def test_a_session(s3: Server, trees: dict[str, Path]) -> None:
    here, there = nwbin.Dataset(trees["allen"], cache=False), nwbin.Dataset(CLOUD, cache=False)
    with here.get_session_data(IDS[0]) as one, there.get_session_data(IDS[0]) as other:
        pd.testing.assert_frame_equal(one.units, other.units)
        pd.testing.assert_frame_equal(one.stimulus_presentations, other.stimulus_presentations)
        probe = one.probes.index[0]
        part = {"time": (25.0, 25.5)}
        np.testing.assert_array_equal(one.get_lfp(probe, **part).values, other.get_lfp(probe, **part).values)
    with pytest.raises(LookupFailure, match=r"^s3://bucket/vcn/ecephys-cache/: has no session 5"):
        there.get_session_data(5)
    with pytest.raises(
        MissingFileError, match="images and movies are read from a folder on this machine only"
    ):
        there.get_natural_scene_template(3)


def rate(session: nwbin.Session) -> float:
    return float(session.units["firing_rate"].mean())


@pytest.mark.slow
def test_jobs_in_processes_of_their_own(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    """These ask the server themselves."""
    check_jobs(s3, trees["allen"], tmp_path)


@pytest.mark.usefixtures("workers_here")
def test_jobs(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    check_jobs(s3, trees["allen"], tmp_path)


def check_jobs(s3: Server, folder: Path, tmp_path: Path) -> None:
    here, there = nwbin.Dataset(folder, cache=False), nwbin.Dataset(CLOUD)
    found = there.response_matrices("static_gratings", workers=2, out=tmp_path / "matrices")
    found.raise_if_failed()
    same_matrices(found, here.response_matrices("static_gratings", workers=0))
    of_sessions = [one for one in s3.asked if one.path.endswith(".nwb") and one.span]
    assert 0 < sum(stop - start for start, stop in (one.span for one in of_sessions if one.span)) < s3.sent
    # The same job again reads nothing; of a file that has another mark it is done again.
    s3.asked.clear()
    again = nwbin.Dataset(CLOUD).response_matrices("static_gratings", workers=0, out=tmp_path / "matrices")
    assert again.report["status"].tolist() == ["kept", "kept"]
    assert not any(one.path.endswith(".nwb") for one in s3.asked)
    s3.tags[f"bucket/vcn/ecephys-cache/session_{IDS[1]}/session_{IDS[1]}.nwb"] = '"new"'
    again = nwbin.Dataset(CLOUD).response_matrices("static_gratings", workers=0, out=tmp_path / "matrices")
    assert again.report["status"].tolist() == ["kept", "done"]


@pytest.mark.slow
def test_other_jobs(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    here, there = nwbin.Dataset(trees["allen"], cache=False), nwbin.Dataset(CLOUD)
    assert dict(there.map(rate, workers=0)) == dict(here.map(rate, workers=0))
    chosen = {"workers": 0, "sessions": IDS[:1], "structures": ["VISp"]}
    pd.testing.assert_frame_equal(
        there.quality_metrics(**chosen).table(), here.quality_metrics(**chosen).table()
    )
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    for data, name in ((here, "here"), (there, "there")):
        data.spike_counts(tmp_path / f"{name}.zarr", **GRATINGS, **chosen).raise_if_failed()
    groups = [tmp_path / f"{name}.zarr" for name in ("here", "there")]
    both = [xarray.open_zarr(one, group=f"session_{IDS[0]}", chunks=None) for one in groups]
    xarray.testing.assert_equal(*both)
    assert both[0]["spike_counts"].attrs == both[1]["spike_counts"].attrs


def test_a_file_that_changes_before_it_is_read(s3: Server, tmp_path: Path) -> None:
    there = nwbin.Dataset(CLOUD)
    s3.tags[f"bucket/vcn/ecephys-cache/session_{IDS[0]}/session_{IDS[0]}.nwb"] = '"new"'
    found = there.map(rate, workers=0, out=tmp_path / "out")
    assert "session_715093701.nwb was changed while the job read it" in found.failed[IDS[0]]
    assert list(found) == IDS[1:]


def test_one_file_fails(s3: Server) -> None:
    there = nwbin.Dataset(CLOUD)
    s3.fault = lambda number, one: ("status", 403) if one.path.endswith(f"{IDS[0]}.nwb") else None
    found = there.map(rate, workers=0)
    assert "does not let it be read (HTTP 403)" in found.failed[IDS[0]]
    assert list(found) == IDS[1:]


def test_the_archive(trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "cache"))
    here = nwbin.Dataset(trees["dandi"], cache=False)
    with serving_dandi(served(trees["dandi"])) as server:
        monkeypatch.setenv("NWBIN_DANDI_API", f"{server.address}/api")
        there = nwbin.Dataset("dandi://000021")
        assert there.kind == "dandi"
        assert there.session_ids == here.session_ids
        assert there.files["lfp_files"].tolist() == here.files["lfp_files"].tolist()
        same_tables(there, here)
        found = there.map(rate, workers=0, out=tmp_path / "out")
        assert dict(found) == dict(here.map(rate, workers=0))
        server.asked.clear()
        same_tables(nwbin.Dataset("dandi://000021@0.1/"), here)  # from what was kept
        assert not any(one.path.startswith("blobs/") for one in server.asked)
        subject = next(iter(there.files["path"])).split("/")[3]
        assert nwbin.Dataset(f"dandi://000021/{subject}/").session_ids == IDS[:1]
        with pytest.raises(MissingFileError, match="there is nothing in this folder"):
            nwbin.Dataset("dandi://000021/sub-x/")


def test_a_web_folder(s3: Server, trees: dict[str, Path]) -> None:
    here, there = (
        nwbin.Dataset(trees["allen"], cache=False),
        nwbin.Dataset(s3.url("bucket/vcn/ecephys-cache/")),
    )
    assert there.session_ids == here.session_ids
    same_tables(there, here)
    assert dict(there.map(rate, workers=0)) == dict(here.map(rate, workers=0))
    del s3.files[f"bucket/vcn/ecephys-cache/session_{IDS[0]}/session_{IDS[0]}.nwb"]
    fewer = nwbin.Dataset(s3.url("bucket/vcn/ecephys-cache"))
    assert fewer.session_ids == IDS[1:]
    with pytest.raises(MissingFileError, match=r"is in sessions\.csv, but its file does not lie there"):
        fewer.get_session_data(IDS[0])
    with pytest.raises(
        MissingFileError, match=r"sessions\.csv of AllenSDK's cache lies in it, and there is none"
    ):
        nwbin.Dataset(s3.url("bucket/"))
    for text in (b"<html>", b"\xff\xfe", b"id\nx\n"):
        s3.files["web/sessions.csv"] = text
        with pytest.raises(nwbin.NwbinError, match="cannot be read as a table"):
            nwbin.Dataset(s3.url("web/"))


@pytest.mark.usefixtures("workers_here")
@pytest.mark.slow
def test_commands(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    out = tmp_path / "counts.zarr"
    said = good(
        "count", CLOUD, "--stimulus", "static_gratings", "--window", "0,0.25", "--structures", "VISp",
        "--workers", "1", "-o", out,
    )  # fmt: skip
    assert "2 sessions: 2 counted" in said
    tables = []
    for where, name in ((CLOUD, "there"), (trees["allen"], "here")):
        good("metrics", where, "--quality", "--workers", "1", "-o", tmp_path / f"{name}.csv")
        tables.append(pd.read_csv(tmp_path / f"{name}.csv", comment="#"))
    pd.testing.assert_frame_equal(*tables)
    assert sorted(tables[0]["session_id"].unique()) == IDS
    assert "at folders on this machine, and at single files on servers" in bad("info", CLOUD)
    assert "at folders on this machine, and at single files on servers" in bad("check", "dandi://000021")


@pytest.mark.slow
def test_an_index_of_a_folder(
    trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Written by one, put into another's cache: there each session is opened in one request."""
    files = served(trees["allen"], "bucket/vcn/")
    files["bucket/vcn/extra/sub-1_ses-5.nwb"] = trees["allen"] / f"session_{IDS[1]}" / f"session_{IDS[1]}.nwb"
    monkeypatch.setattr(_kept, "_LEAVE", 0)
    index = tmp_path / "sessions.index"
    with serving_s3(files) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NWBIN_CACHE_SIZE", "0")
        assert "3 files" in good("index", "s3://bucket/vcn/", "-o", index)
        monkeypatch.setenv("NWBIN_CACHE_DIR", str(tmp_path / "kept"))
        monkeypatch.setenv("NWBIN_CACHE_SIZE", "1GB")
        assert "what it has of 3 files is kept now" in good("cache", "--add", index)
        there = nwbin.Dataset("s3://bucket/vcn/", cache=False)
        assert len(there.files) == 3
        for one, path in there.files["path"].items():
            server.asked.clear()
            with nwbin.open(path) as session:
                assert len(session.units) > 0
                assert len(session.stimulus_presentations) > 0
            assert [asked.span for asked in server.asked] == [(0, 1 << 16)], one


def test_what_cannot_be_listed(s3: Server) -> None:
    s3.answer = None
    s3.fault = lambda number, one: ("status", 403)
    with pytest.raises(FileAccessError, match=r"^s3://bucket/vcn/ecephys-cache/: .*does not let it be read"):
        nwbin.Dataset(CLOUD)
    s3.fault = lambda number, one: ("status", 503)
    with pytest.raises(FileAccessError, match="overloaded or broken"):
        nwbin.Dataset(CLOUD)
    with pytest.raises(FileAccessError, match="names no folder"):
        nwbin.Dataset("s3://")
    with pytest.raises(ArgumentError, match="a Dataset is a folder on this machine, or at s3://"):
        nwbin.Dataset("gs://bucket/folder/")


def test_a_web_server_without_marks(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    """A table of the same length may be another: nothing is taken from an earlier time."""
    begin = "bucket/vcn/ecephys-cache/"
    s3.time, s3.tags = "", dict.fromkeys(s3.files, "")
    there = nwbin.Dataset(s3.url(begin))
    assert len(there.get_units()) > 0
    found = there.map(rate, workers=0, sessions=IDS[:1], out=tmp_path / "out")
    found.raise_if_failed()
    s3.files[f"{begin}units.csv"] = (trees["allen"] / "units.csv").read_bytes().replace(b"good", b"bad?")
    again = nwbin.Dataset(s3.url(begin))
    assert len(again.get_units()) == 0
    done = again.map(rate, workers=0, sessions=IDS[:1], out=tmp_path / "out")
    assert done.report["status"].tolist() == ["done"]
    copies = tmp_path / "cache" / "index" / "tables"
    assert len(list(copies.iterdir())) == 2
    del there, again, found, done
    gc.collect()
    assert not list(copies.iterdir()), "copies that nobody can use again do not stay"


def test_a_table_that_changes_before_it_is_copied(s3: Server, trees: dict[str, Path]) -> None:
    """It is not kept under the mark that it had."""
    path = "bucket/vcn/ecephys-cache/units.csv"
    there, old, tag = nwbin.Dataset(CLOUD), s3.files[path], s3.tags[path]
    s3.files[path] = (trees["allen"] / "units.csv").read_bytes().replace(b"good", b"bad?")
    s3.tags[path] = '"new"'
    with pytest.raises(
        FileAccessError, match=r"units\.csv: has changed on the server; make the Dataset anew"
    ):
        there.get_units()
    s3.files[path], s3.tags[path] = old, tag
    assert len(nwbin.Dataset(CLOUD).get_units()) > 0


def test_sessions_hold_the_tables_they_need(s3: Server, trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(CLOUD, cache=False)
    with data.get_session_data(IDS[0]) as session:
        copies = data.root.parent
        del data
        gc.collect()
        with nwbin.Dataset(trees["allen"], cache=False).get_session_data(IDS[0]) as here:
            pd.testing.assert_frame_equal(session.units, here.units)
    del session
    gc.collect()
    assert not copies.exists()


def test_a_web_folder_with_too_many_sessions(s3: Server) -> None:
    s3.files["web/sessions.csv"] = "\n".join(["id", *map(str, range(10_001))]).encode()
    with pytest.raises(FileAccessError, match=r"lists 10,001 sessions, more than the 10,000 that"):
        nwbin.Dataset(s3.url("web/"))
    assert len(s3.asked) < 5


def test_copies_of_tables_that_nobody_uses_go(s3: Server, trees: dict[str, Path], tmp_path: Path) -> None:
    copies = tmp_path / "cache" / "index" / "tables"
    here = nwbin.Dataset(trees["allen"], cache=False)

    def copied(tag: str) -> Path:
        """What is copied where a table has another mark."""
        before = set(copies.iterdir()) if copies.exists() else set()
        s3.tags["bucket/vcn/ecephys-cache/units.csv"] = tag
        same_tables(nwbin.Dataset(CLOUD), here)
        (fresh,) = set(copies.iterdir()) - before
        return fresh

    def unused(folder: Path, days: float) -> None:
        then = time.time() - days * 86_400
        os.utime(folder, (then, then))

    first, second = copied('"1"'), copied('"2"')
    assert first.exists(), "somebody may be reading it"
    other, link, theirs = (
        copies / f"{'0' * 24}-{'1' * 24}",
        copies / f"{'2' * 24}-{'1' * 24}",
        copies / "notes",
    )
    for one in (other, theirs, tmp_path / "elsewhere"):
        one.mkdir()
        (one / "units.csv").write_text("x")
        unused(one, 40)
    link.symlink_to(tmp_path / "elsewhere")
    os.utime(link, (0, 0), follow_symlinks=False)
    unused(first, 8)
    third = copied('"3"')
    assert {*copies.iterdir()} == {second, third, link, theirs}
    assert (tmp_path / "elsewhere" / "units.csv").exists()
    unused(second, 8)
    s3.tags["bucket/vcn/ecephys-cache/units.csv"] = '"2"'
    same_tables(nwbin.Dataset(CLOUD), here)  # in use again
    assert time.time() - second.stat().st_mtime < 3600
    there = nwbin.Dataset(CLOUD)
    assert len(there.get_units()) > 0
    unused(second, 8)
    shutil.rmtree(second)  # as by another program
    with there.get_session_data(IDS[0]) as one, here.get_session_data(IDS[0]) as other:
        pd.testing.assert_frame_equal(one.units, other.units)
    assert time.time() - second.stat().st_mtime < 3600


PATHS = ["../units.csv", "session_1/session_2_analysis_metrics.csv", "a/units.csv", "x/\\units.csv"]


@pytest.mark.parametrize("path", PATHS)
def test_only_tables_are_copied(path: str) -> None:
    assert not tables_among([ServerFile(PurePosixPath(path), "s3://b/x", 1)])
