"""What is kept on the disk of files on servers: used only where it is of the same file, and what it was."""

from __future__ import annotations

import json
import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - nwbin writes no such files
import numpy as np
import pytest
from typer.testing import CliRunner

import nwbin
from nwbin import cache
from nwbin.cli import app
from nwbin.errors import FileAccessError, LookupFailure, NwbinWarning
from nwbin.storage.addresses import without_secrets
from nwbin.storage.remote import _kept, cache_folder
from tests.remote.server import Server, serving
from tests.remote.test_reading import same_files, same_sessions, tutorial

pytest.importorskip("obstore")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "kept"
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(place))
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "1GB")
    monkeypatch.setattr(_kept, "_LEAVE", 0)  # however full the disk is
    monkeypatch.setattr(_kept, "_known", {})
    monkeypatch.setattr(_kept, "_said", set())
    monkeypatch.setattr(cache_folder, "_said", set())
    return place


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.segment"))


def all_bytes(folder: Path) -> bytes:
    """All that stands in a folder, names included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


def asked(server: Server, address: str) -> int:
    """How many requests the tutorial takes."""
    server.asked.clear()
    tutorial(address)
    return len(server.asked)


# ------------------------------------------------------------------ the same answers


@pytest.mark.parametrize("layout", ["released", "chunked"])
def test_the_second_time(server: Server, sessions: dict[str, Path], layout: str) -> None:
    address, path = server.url(f"bucket/{layout}.nwb"), sessions[layout]
    for _ in range(2):
        with nwbin.File(address) as there, nwbin.File(path) as here:
            same_files(there, here)
        with nwbin.open(address) as there, nwbin.open(path) as here:
            same_sessions(there, here)
        server.asked.clear()
    with nwbin.File(address) as there:
        there.units, there.spike_trains()
    assert [one.span for one in server.asked] == [(0, 1 << 16)]


def test_only_what_is_missing_is_fetched(long: Path, folder: Path) -> None:
    with serving(files={"long.nwb": long}) as server:
        address = server.url("long.nwb")
        with nwbin.File(address) as there:
            there.spike_trains([7])
        before = server.sent
        with nwbin.File(address) as there:
            trains = there.spike_trains([7, 3, 11])
        assert server.sent - before < (2 * 8 << 20) + (1 << 19)
        for row, unit in enumerate((7, 3, 11)):
            np.testing.assert_array_equal(trains[unit], np.arange(row << 20, (row + 1) << 20))


@pytest.fixture
def server(versions: list[bytes], sessions: dict[str, Path]) -> Iterator[Server]:
    files: dict[str, bytes | Path] = {f"bucket/{name}.nwb": path for name, path in sessions.items()}
    with serving(files=files | {"bucket/small.nwb": versions[0]}) as running:
        yield running


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory, small: Path) -> list[bytes]:
    """Two files that differ in nothing but spike times, which lie behind what is fetched at once."""
    found = []
    for add in (0.0, 1.0):
        path = tmp_path_factory.mktemp("versions") / "x.nwb"
        shutil.copy(small, path)
        with h5py.File(path, "r+") as f:
            times = f["units/spike_times"][:]
            f["pad"] = np.zeros(1 << 16)
            f["units/new"] = times + add  # before the old ones go: it would get their place
            f["units/new"].attrs.update(f["units/spike_times"].attrs)
            del f["units/spike_times"]
            f.move("units/new", "units/spike_times")
        found.append(path.read_bytes())
    assert len(found[0]) == len(found[1])
    return found


def spikes(address: str) -> np.ndarray:
    with nwbin.File(address) as file:
        trains = file.spike_trains()
        return np.concatenate([trains[unit] for unit in trains])


def test_another_etag(versions: list[bytes]) -> None:
    with serving(files={"x.nwb": versions[0]}) as server:
        before = spikes(server.url("x.nwb"))
        server.files["x.nwb"], server.tags["x.nwb"] = versions[1], '"two"'
        np.testing.assert_array_equal(spikes(server.url("x.nwb")), before + 1)
        server.files["x.nwb"], server.tags["x.nwb"] = versions[0], '"one"'  # as it was
        server.asked.clear()
        np.testing.assert_array_equal(spikes(server.url("x.nwb")), before)
        assert len(server.asked) == 1
        assert {one.etag for one in cache.status().files} == {'"one"', '"two"'}


@pytest.mark.parametrize("tag", ["", 'W/"one"'])
def test_nothing_is_kept_without_a_mark_for_every_byte(versions: list[bytes], folder: Path, tag: str) -> None:
    with serving(files={"x.nwb": versions[0]}, tags={"x.nwb": tag}) as server:
        before = spikes(server.url("x.nwb"))
        server.files["x.nwb"] = versions[1]
        np.testing.assert_array_equal(spikes(server.url("x.nwb")), before + 1)
    assert not segments(folder)


def test_two_files_are_told_apart(versions: list[bytes]) -> None:
    """By where they lie: their marks and sizes are the same."""
    with serving(files={"a.nwb": versions[0], "b.nwb": versions[1]}) as server:
        a, b = spikes(server.url("a.nwb")), spikes(server.url("b.nwb"))
        np.testing.assert_array_equal(a + 1, b)
        np.testing.assert_array_equal(spikes(server.url("b.nwb?versionId=2")), b)
        assert len(cache.status().files) == 3


# ------------------------------------------------------------------ damage


def bent(path: Path, how: str, others: list[Path]) -> None:
    raw = bytearray(path.read_bytes())
    if how == "bit":
        raw[len(raw) // 2] ^= 4
        path.write_bytes(raw)
    elif how == "checksum":
        raw[10] ^= 1
        path.write_bytes(raw)
    elif how == "cut":
        path.write_bytes(raw[:-1])
    elif how == "longer":
        path.write_bytes(raw + b"\0")
    elif how == "zeros":  # as after the power failed
        path.write_bytes(bytes(len(raw)))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    elif how == "of another place":
        same = [one for one in others if one != path and one.exists() and one.stat().st_size == len(raw)]
        if same:
            shutil.copy(same[0], path)
        else:
            path.rename(path.with_name("0" + path.name[1:]))


HOW = ["bit", "checksum", "cut", "longer", "zeros", "empty", "gone", "of another place"]


@pytest.mark.parametrize("how", HOW)
def test_damaged_parts_are_fetched_again(long: Path, folder: Path, how: str) -> None:
    with serving(files={"long.nwb": long}) as server:
        address = server.url("long.nwb")
        with nwbin.File(address) as there:
            there.spike_trains([3, 11])
        found = segments(folder)
        assert found
        for path in found:
            bent(path, how, found)
        with nwbin.File(address) as there, nwbin.File(long) as here:
            same_files(there, here)
        server.asked.clear()
        with nwbin.File(address) as there:
            there.spike_trains()
        # One that lies in another's place is found out, and removed, only where that place is looked at.
        assert len(server.asked) <= 1 + (how == "of another place")


def test_a_segment_of_another_file(versions: list[bytes], folder: Path) -> None:
    with serving(files={"a.nwb": versions[0], "b.nwb": versions[1]}) as server:
        a = spikes(server.url("a.nwb"))
        spikes(server.url("b.nwb"))
        entries = {one.address[-5]: one.folder for one in _kept.Kept(folder, 1).entries()}
        for path in entries["b"].glob("*.segment"):
            shutil.copy(path, entries["a"])
        np.testing.assert_array_equal(spikes(server.url("a.nwb")), a)


def test_emptied_meanwhile(long: Path, folder: Path) -> None:
    with serving(files={"long.nwb": long}) as server, nwbin.File(server.url("long.nwb")) as there:
        there.spike_trains([7])
        assert cache.clear() > 8 << 20
        assert not segments(folder)
        there.spike_trains([3])
        shutil.rmtree(folder)
        np.testing.assert_array_equal(there.spike_trains([11])[11], np.arange(2 << 20, 3 << 20))


def test_a_full_disk(long: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    class Full(_kept.Segment):
        def add(self, data: Any) -> None:
            self._fail(OSError(28, os.strerror(28)))

    monkeypatch.setattr(_kept, "Segment", Full)
    with (
        serving(files={"long.nwb": long}) as server,
        nwbin.File(long) as here,
        pytest.warns(NwbinWarning, match=r"cannot be kept in .*kept' any more \(No space left") as said,
        nwbin.File(server.url("long.nwb")) as there,
    ):
        same_files(there, here)
    assert len(said) == 1
    assert not segments(folder)
    assert not list(folder.rglob("*.part"))


def test_many_threads(server: Server, sessions: dict[str, Path]) -> None:
    with nwbin.File(sessions["chunked"]) as here:
        right = here.spike_trains()
        wrong: list[Any] = []

        def read() -> None:
            try:
                with nwbin.File(server.url("bucket/chunked.nwb")) as there:
                    if there.spike_trains() != right:
                        wrong.append("other trains")
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


# ------------------------------------------------------------------ how much, and where


def shelf_of(whole: _kept.Kept, place: str) -> _kept.Shelf:
    shelf = whole.shelf(place, place, _kept.State(1 << 40, '"t"', None))
    assert shelf is not None
    return shelf


def put(shelf: _kept.Shelf, start: int, n_bytes: int) -> None:
    span = _kept.Span(start, start + n_bytes)
    segment = shelf.keep(span)
    if segment is not None:
        segment.add(bytes(n_bytes))
        shelf.kept(segment, span)


def test_what_was_used_longest_ago_goes_first(folder: Path) -> None:
    bound, one = 1_000_000, 20_000
    whole = _kept.Kept(folder, bound)
    folder.mkdir()
    shelves = [shelf_of(whole, name) for name in ("https://h/a", "https://h/b")]
    for number in range(100):
        put(shelves[number % 2], number * one, one)
        path = shelves[number % 2].folder / f"{number * one:x}-{one:x}.segment"
        os.utime(path, (number, number))
        if number:  # the first is used all the time
            assert shelf_of(whole, "https://h/a").load([_kept.Span(0, one)], lambda at, data: None) == []
            os.utime(shelves[0].folder / f"0-{one:x}.segment", (number, number))
        assert sum(path.stat().st_size for path in segments(folder)) <= bound * 17 / 16 + 2 * one
    left = sorted(int(path.name.partition("-")[0], 16) // one for path in segments(folder))
    assert left[0] == 0
    assert left[1:] == list(range(left[1], 100))
    assert len(left) >= 40
    put(shelves[0], 1 << 30, bound)  # more than half of it: not kept
    assert f"{1 << 30:x}-{bound:x}.segment" not in [path.name for path in segments(folder)]


def test_what_nobody_finishes(folder: Path) -> None:
    whole = _kept.Kept(folder, 1 << 20)
    folder.mkdir()
    shelf = shelf_of(whole, "https://h/a")
    put(shelf, 0, 100)
    for name, age in ((".old.part", 2 * 3600), (".new.part", 60)):
        path = shelf.folder / name
        path.write_bytes(b"x")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    whole.sweep()
    assert [one.name for one in shelf.folder.glob(".*")] == [".new.part"]


def test_parts_overlap(folder: Path) -> None:
    """What several segments have is handed on once, and what none has is said."""
    rng = np.random.default_rng(0)
    content = rng.integers(0, 256, 400_000).astype(np.uint8)
    whole = _kept.Kept(folder, 1 << 30)
    folder.mkdir()
    there = np.zeros(len(content), bool)
    shelf = shelf_of(whole, "https://h/a")
    for _ in range(20):
        start = int(rng.integers(0, 390_000))
        span = _kept.Span(start, min(len(content), start + int(rng.integers(1, 90_000))))
        segment = shelf.keep(span)
        assert segment is not None
        for at in range(span.start, span.stop, 7777):
            segment.add(content[at : min(span.stop, at + 7777)].tobytes())
        shelf.kept(segment, span)
        there[span.start : span.stop] = True
        for known in (shelf, shelf_of(whole, "https://h/a")):
            times = np.zeros(len(content), int)

            def take(at: int, data: Any, times: np.ndarray = times) -> None:
                np.testing.assert_array_equal(np.frombuffer(data, np.uint8), content[at : at + len(data)])
                times[at : at + len(data)] += 1

            left = known.load([_kept.Span(1000, 399_000)], take)
            missing = np.zeros(len(content), bool)
            for a, b in left:
                missing[a:b] = True
            np.testing.assert_array_equal(missing[1000:399_000], ~there[1000:399_000])
            np.testing.assert_array_equal(times[1000:399_000], there[1000:399_000])


def test_somebody_elses_folder(small: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("all of it")
    with serving(files={"x.nwb": small}) as server, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        spikes(server.url("x.nwb"))
        spikes(server.url("x.nwb"))
    assert [str(one.message) for one in said] == [
        f"nothing that is fetched from servers can be kept in {str(folder)!r} (it holds 'thesis.txt', and was not made "
        "by nwbin): it is fetched each time; set NWBIN_CACHE_DIR to a folder of your own that is empty or not there "
        "yet, or NWBIN_CACHE_SIZE=0 to keep nothing"
    ]
    with pytest.raises(FileAccessError, match="was not made by nwbin, or is empty, and is left alone"):
        cache.clear()
    assert [one.name for one in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are Unix's")
def test_a_folder_that_others_can_write_to(small: Path, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with (
        serving(files={"x.nwb": small}) as server,
        pytest.warns(NwbinWarning, match="others can write to it"),
    ):
        spikes(server.url("x.nwb"))
    assert not list(folder.iterdir())


def test_clearing_leaves_what_is_not_ours(server: Server, folder: Path) -> None:
    spikes(server.url("bucket/small.nwb"))
    (entry,) = (one for one in folder.iterdir() if one.is_dir())
    kept = [folder / "notes.txt", entry / "notes.txt"]
    for path in kept:
        path.write_text("mine")
    (folder / "link").symlink_to(entry)
    assert cache.clear() > 0
    assert all(path.exists() for path in kept)
    assert not segments(folder)


# ------------------------------------------------------------------ secrets


def test_no_secret_is_kept(server: Server, folder: Path) -> None:
    address = server.address.replace("//", "//me:hush-1@") + "/bucket/small.nwb"
    for number in range(2):
        server.asked.clear()
        spikes(f"{address}?X-Amz-Signature=hush-{number + 2}&X-Amz-Expires=60#hush-4")
        assert (len(server.asked) == 1) is bool(number)  # another signature is the same file
    assert b"hush" not in all_bytes(folder)
    assert server.url("bucket/small.nwb").encode() in all_bytes(folder)


def test_what_may_be_secret_is_not_kept(server: Server, folder: Path) -> None:
    for arguments in ("token=hush", "id=3", "X-Amz-Signature=hush&key=hush"):
        spikes(server.url(f"bucket/small.nwb?{arguments}"))
    assert not segments(folder)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://me:hush@H.org:80/a%20b?X-Amz-Signature=hush#hush", "https://h.org:80/a%20b"),
        ("https://h/a?versionId=2&Signature=x&Expires=3&AWSAccessKeyId=4", "https://h/a?versionId=2"),
        ("https://h/a?", "https://h/a"),
        ("https://h/a?b", None),
        ("https://h/a?token=", None),
        ("ftp://h/a", None),
        ("https://[h/a", None),
    ],
)
def test_places(address: str, place: str | None) -> None:
    assert without_secrets(address) == place


# ------------------------------------------------------------------ the command


def run(*line: str) -> Any:
    return CliRunner().invoke(app, ["cache", *line])


def test_the_command(server: Server, folder: Path, versions: list[bytes]) -> None:
    assert json.loads(run("--json").stdout) == {
        "folder": str(folder), "bound": 10**9, "n_bytes": 0, "n_files": 0, "files": [],
    }  # fmt: skip
    address, other = server.url("bucket/small.nwb"), server.url("bucket/released.nwb")
    spikes(address)
    spikes(other + "?X-Amz-Signature=hush")
    done = run()
    assert done.exit_code == 0, done.output
    assert all(text in done.stdout for text in (str(folder), address, other, "1 GB", "last used"))
    found = json.loads(run("--json").stdout)
    one = found["files"][1]
    assert (one["address"], one["etag"], one["size"]) == (address, '"one"', len(versions[0]))
    assert found["n_bytes"] == sum(path.stat().st_size for path in segments(folder)) > 0
    assert [one["address"] for one in json.loads(run(other, "--json").stdout)["files"]] == [other]
    done = run("--clear", other)
    assert done.stdout.startswith(f"{folder}: ")
    assert done.stdout.endswith(" removed\n")
    assert [one.address for one in cache.status().files] == [address]
    done = run("--clear", other)
    assert done.exit_code == 2
    assert f"nothing is kept of it; did you mean '{address}'" in " ".join(done.output.split())
    assert json.loads(run("--clear", "--json").stdout)["removed"] > 0
    assert cache.status().files == []
    assert cache_folder.is_ours(folder)
    with pytest.raises(LookupFailure, match="nothing is kept of it; there are none"):
        cache.clear(other)


def test_in_another_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    for name in ("NWBIN_CACHE_DIR", "NWBIN_CACHE_SIZE"):  # so that they are as before afterwards
        monkeypatch.setenv(name, os.environ[name])
    cache.use(tmp_path / "elsewhere", size="20MB")
    spikes(server.url("bucket/small.nwb"))
    assert segments(tmp_path / "elsewhere")
    assert not folder.exists()
    found = cache.status()
    assert (found.folder, found.bound) == (tmp_path / "elsewhere", 20_000_000)
    cache.use(size=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spikes(server.url("bucket/released.nwb"))
    assert len(cache.status().files) == 1
