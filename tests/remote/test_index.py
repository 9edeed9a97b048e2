"""Indexes of files on servers: opened in one request, and used only where they are of the same file."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - nwbin writes no such files
import numpy as np
import pytest
from typer.testing import CliRunner

import nwbin
from nwbin import cache
from nwbin.cli import app
from nwbin.errors import ArgumentError, FileAccessError, MissingFileError, NwbinWarning
from nwbin.storage.remote import _kept
from tests.remote.server import Server, serving
from tests.remote.test_reading import same_files, same_sessions
from tests.small_files import write_small

pytest.importorskip("obstore")


@pytest.fixture
def made(server: Server, tmp_path: Path) -> Path:
    path = tmp_path / "sessions.index"
    addresses = [server.url(f"bucket/{name}.nwb?X-Amz-Signature=hush") for name in ("released", "small")]
    steps: list[tuple[int, int]] = []
    assert (
        cache.write_index(addresses, path, progress=lambda done, total: steps.append((done, total))) > 1 << 16
    )
    assert steps == [(1, 2), (2, 2)]
    server.asked.clear()
    return path


def contents(path: Path) -> Any:
    with zipfile.ZipFile(path) as zipped:
        return json.loads(zipped.read("index.json"))


def test_opened_at_once(server: Server, sessions: dict[str, Path], small: Path, made: Path) -> None:
    address = server.url("bucket/released.nwb")
    with nwbin.open(address, index=made) as there, nwbin.open(sessions["released"]) as here:
        assert there.units.equals(here.units)
        assert there.stimulus_presentations.equals(here.stimulus_presentations)
        assert [one.span for one in server.asked] == [(0, 1 << 16)]
        same_sessions(there, here)
    with nwbin.File(server.url("bucket/small.nwb"), index=str(made)) as there, nwbin.File(small) as here:
        same_files(there, here)
    assert b"hush" not in made.read_bytes()
    assert "hush" not in json.dumps(contents(made))


def test_of_what_lies_far_apart(tmp_path: Path, long: Path) -> None:
    """Tables and structure, but no spikes."""
    with serving(files={"long.nwb": long}) as server:
        path = tmp_path / "i"
        assert cache.write_index(server.url("long.nwb"), path) < 8 << 20
        server.asked.clear()
        with nwbin.File(server.url("long.nwb"), index=path) as there, nwbin.File(long) as here:
            there.units, there.intervals["trials"]
            assert len(server.asked) == 1
            same_files(there, here)


def test_put_where_all_find_it(server: Server, tmp_path: Path, made: Path, monkeypatch: Any) -> None:
    with pytest.raises(FileAccessError, match="nothing is kept of files on servers here"):
        cache.add_index(made)
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "1GB")
    monkeypatch.setattr(_kept, "_LEAVE", 0)
    done = CliRunner().invoke(app, ["cache", "--add", str(made)])
    assert done.exit_code == 0, done.output
    assert "what it has of 2 files is kept now" in done.stdout
    with nwbin.open(server.url("bucket/released.nwb")) as there:
        there.units, there.stimulus_presentations  # noqa: B018
    assert len(server.asked) == 1


def test_put_where_there_is_little_room(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    """Only what is there afterwards counts."""
    made = tmp_path / "i"
    cache.write_index([server.url(f"bucket/{name}.nwb") for name in ("released", "chunked")], made)
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(_kept, "_LEAVE", 0)
    sizes = sorted(sum(length for _, length in one["runs"]) for one in contents(made)["files"])
    monkeypatch.setenv("NWBIN_CACHE_SIZE", str(2 * sizes[0]))  # for one, but not for both
    assert cache.add_index(made) == 1
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "10kB")
    cache.clear()
    with pytest.raises(FileAccessError, match="of none of its files all that it has could be kept"):
        cache.add_index(made)
    assert CliRunner().invoke(app, ["cache", "--add", str(made)]).exit_code != 0


def test_on_a_full_disk(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(_kept, "_LEAVE", 1 << 60)
    assert cache.write_index(server.url("bucket/released.nwb"), tmp_path / "i") > 1 << 12


def test_of_another_version(tmp_path: Path) -> None:
    path = write_small(tmp_path / "x.nwb")
    with serving(files={"x.nwb": path.read_bytes()}) as server:
        address, index = server.url("x.nwb"), tmp_path / "i"
        cache.write_index(address, index)
        with h5py.File(path, "r+") as f:
            f["units/spike_times"][...] += 1
        server.files |= {"x.nwb": path.read_bytes(), "y.nwb": path.read_bytes()}
        server.tags["x.nwb"] = '"two"'
        for name, message in (("x", "is of another version of it"), ("y", "does not know it")):
            with (
                pytest.warns(
                    NwbinWarning, match=rf"{name}\.nwb: the index .* {message}: it is opened without"
                ),
                nwbin.File(server.url(f"{name}.nwb"), index=index) as there,
            ):
                pass
            with (
                pytest.warns(NwbinWarning),
                nwbin.File(path) as here,
                nwbin.File(server.url(f"{name}.nwb"), index=index) as there,
            ):
                same_files(there, here)
        for tag in ("", 'W/"one"'):
            server.tags["x.nwb"] = tag
            with pytest.raises(FileAccessError, match="names no ETag that speaks for every byte"):
                cache.write_index(address, tmp_path / "j")
            assert not (tmp_path / "j").exists()


def rewritten(path: Path, out: Path, change: Any) -> Path:
    """An index with other contents."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            if name == "index.json":
                found = json.loads(raw)
                change(found)
                raw = json.dumps(found).encode()
            new.writestr(name, raw)
    return out


BAD: dict[str, Any] = {
    "outside": lambda found: found["files"][0]["runs"].append([1 << 40, 10]),
    "before": lambda found: found["files"][0]["runs"].insert(0, [-4096, 4096]),
    "twice": lambda found: found["files"][0]["runs"].append(found["files"][0]["runs"][0]),
    "endless": lambda found: found["files"][0].update(size=1 << 62, runs=[[0, 1 << 61]]),
    "version": lambda found: found.update({"nwbin index": 2}),
    "text": lambda found: found["files"][0].update(tag=3),
    "missing": lambda found: found["files"][0].pop("place"),
    "no list": lambda found: found.update(files=3),
    "digest": lambda found: found["files"][0].update(digest="0" * 64),
    "moved": lambda found: found["files"][0]["runs"].pop(),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_bent_index_is_refused(server: Server, tmp_path: Path, made: Path, what: str) -> None:
    bad = rewritten(made, tmp_path / "bad", BAD[what])
    with pytest.raises(FileAccessError, match=r"bad: is no index of files on servers, or is damaged"):
        nwbin.File(server.url("bucket/released.nwb"), index=bad)


@pytest.mark.parametrize("block", range(3))
def test_a_damaged_index_is_refused(
    server: Server, sessions: dict[str, Path], tmp_path: Path, made: Path, block: int
) -> None:
    """Or the damage is where it does no harm; the answers are right in any case."""
    rng, raw = np.random.default_rng(block), made.read_bytes()
    refused = 0
    with nwbin.open(sessions["released"]) as here:
        for _ in range(8):
            bad = bytearray(raw)
            bad[int(rng.integers(0, len(bad)))] ^= 1 << int(rng.integers(0, 8))
            if rng.integers(0, 4) == 0:
                del bad[int(rng.integers(0, len(bad))) :]
            (tmp_path / "bad").write_bytes(bad)
            try:
                with nwbin.open(server.url("bucket/released.nwb"), index=tmp_path / "bad") as there:
                    assert there.units.equals(here.units)
            except FileAccessError:
                refused += 1
            except NwbinWarning:  # it is of another file now
                refused += 1
    assert refused


def test_what_cannot_be(server: Server, small: Path, tmp_path: Path, made: Path) -> None:
    with pytest.raises(ArgumentError, match=r"small\.nwb: an index is of files on servers; give the file's"):
        nwbin.File(small, index=made)
    with pytest.raises(MissingFileError, match="nothing: no such file; nwbin index makes one"):
        nwbin.File(server.url("bucket/small.nwb"), index=tmp_path / "nothing")
    shutil.copy(small, tmp_path / "x.nwb")
    with pytest.raises(FileAccessError, match=r"x\.nwb: is no index of files on servers"):
        nwbin.File(server.url("bucket/small.nwb"), index=tmp_path / "x.nwb")
    with pytest.raises(ArgumentError, match="is no address; an index is of files on servers"):
        cache.write_index([str(small)], tmp_path / "i")
    for end in ("", "/", "/?X-Amz-Signature=hush"):
        with pytest.raises(ArgumentError, match=r"small\.nwb\.zarr/?: is a Zarr store"):
            cache.write_index([server.url(f"bucket/small.nwb.zarr{end}")], tmp_path / "i")
    with pytest.raises(ArgumentError, match="there is no address"):
        cache.write_index([], tmp_path / "i")
    with pytest.raises(MissingFileError, match="there is no folder"):
        cache.write_index([server.url("bucket/small.nwb")], tmp_path / "no" / "i")
    with pytest.raises(FileAccessError, match="is a folder"):
        cache.write_index([server.url("bucket/small.nwb")], tmp_path)
    with pytest.raises(MissingFileError, match="there is no such file on the server"):
        cache.write_index([server.url("bucket/small.nwb"), server.url("nothing.nwb")], tmp_path / "i")
    assert not (tmp_path / "i").exists()
    assert not list(tmp_path.glob(".*"))


def test_the_command(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "i"
    line = ["index", server.url("bucket/small.nwb?X-Amz-Signature=hush"), "-o", str(out)]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{out}: 1 file, ")
    done = CliRunner().invoke(app, [*line, "--json"])
    found = json.loads(done.stdout)
    assert (found["replaced"], found["files"]) == (True, 1)
    assert found["bytes"] == out.stat().st_size
    assert "hush" not in done.output
    done = CliRunner().invoke(app, ["index", server.url("bucket/x.nwb.zarr/"), "-o", str(out)])
    assert done.exit_code == 2
    assert "is a Zarr store" in " ".join(done.output.split())
