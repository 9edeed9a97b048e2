"""Each fault x each source: the right answer, or one clear error; never a wrong number, never a credential."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.errors import NwbinError
from nwbin.storage.remote import _with_obstore
from tests.remote.clouds import serving_dandi, serving_s3
from tests.remote.fault_table import AGAIN, FAULTS, FSSPEC, RIGHT, UNNOTICED, Way, lines_of_table
from tests.remote.server import Asked, Server, serving
from tests.remote.test_faults import told
from tests.small_files import write_long_trains

pytest.importorskip("obstore")
TRIES = 5
N = 1 << 16  # spikes of each unit, half a MiB: none is fetched when the file is opened
TOPS = ("zarr.json", ".zmetadata", ".zgroup")
KEYS = {"AWS_ACCESS_KEY_ID": "hush-4", "AWS_SECRET_ACCESS_KEY": "hush-5", "AWS_SESSION_TOKEN": "hush-6"}
slow = pytest.mark.slow
FILES = [
    "file, fsspec",
    *(pytest.param(f"file, {one}", marks=slow) for one in ("http", "s3", "s3 with keys", "dandi")),
]
STORES = [
    "store, s3",
    *(pytest.param(f"store, {one}", marks=slow) for one in ("http", "s3 with keys", "http, format 2")),
]


@pytest.fixture(autouse=True)
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only with answers that never come: on a busy machine others may take as long."""
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("what") == "stalled":
        monkeypatch.setattr(_with_obstore, "STALLED", timedelta(seconds=0.15))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_long_trains(tmp_path_factory.mktemp("medium") / "medium.nwb", N)


@pytest.fixture(scope="module")
def stores(file: Path) -> dict[int, dict[str, bytes]]:
    pytest.importorskip("zarr")
    from tests.zarr_nwb.writer import write_zarr

    found = {}
    for number in (2, 3):
        top = write_zarr(file, file.with_name(f"{number}.zarr"), format=number)
        found[number] = {
            f"bucket/s.zarr/{path.relative_to(top).as_posix()}": path.read_bytes()
            for path in top.rglob("*")
            if path.is_file()
        }
    return found


def read_through_fsspec(seconds: float) -> str:
    """Have fsspec, not nwbin, read what is at addresses of a web server; returns how these begin then.

    Parameters
    ----------
    seconds
        So long an answer may take.
    """
    aiohttp = pytest.importorskip("aiohttp")
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.http import HTTPFileSystem

    class ThroughFsspec(HTTPFileSystem):  # type: ignore[misc] # without types
        protocol = "web"

        def __init__(self, **options: Any) -> None:
            timeout = aiohttp.ClientTimeout(total=seconds)
            super().__init__(client_kwargs={"timeout": timeout}, skip_instance_cache=True, **options)

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.replace("web://", "http://", 1)

    fsspec.register_implementation("web", ThroughFsspec, clobber=True)
    return "web://"


class Place:
    """A source on a server, and that server."""

    def __init__(
        self, source: str, file: Path, stores: Any, way: Way, stack: ExitStack, patch: pytest.MonkeyPatch
    ) -> None:
        kind, _, where = source.partition(", ")
        name = "medium.nwb" if kind == "file" else "s.zarr"
        files: dict[str, bytes | Path] = {"bucket/medium.nwb": file}
        if kind == "store":
            files = dict(stores[2 if where.endswith("2") else 3])
        if where == "dandi":
            self.server = stack.enter_context(serving_dandi({f"sub-1/{name}": file}))
            patch.setenv("NWBIN_DANDI_API", f"{self.server.address}/api")
            self.address = f"dandi://000021@0.1/sub-1/{name}"
        else:
            self.server = stack.enter_context(serving_s3(files))
            patch.setenv("AWS_ENDPOINT_URL", self.server.address)
            self.address = f"s3://bucket/{name}"
        if where.endswith("keys"):
            for key, value in KEYS.items():
                patch.setenv(key, value)
        if where.startswith("http"):
            signed = "?X-Amz-Signature=hush-2#hush-3" if kind == "file" else ""
            self.address = f"{self.server.address.replace('//', '//user:hush-1@')}/bucket/{name}{signed}"
        if where == "fsspec":
            begin = read_through_fsspec(0.15 if way.fault == ("stall", 0) else 60)
            self.address = (
                f"{self.server.address.replace('http://', f'{begin}user:hush-1@')}/bucket/{name}?key=hush-2"
            )
        self.tries = TRIES * (2 if where == "fsspec" else 1)  # it asks in two ways what a file is like
        self.way = way
        self.other: Server | None = None
        if way.fault == "elsewhere":
            self.other = stack.enter_context(serving_s3(self.server.files))
        self.seen: list[Asked] = []

    def fail(self, where: Any) -> None:
        """From now on, for what `where` is true of."""
        fault = self.way.fault
        if fault == "changed":
            for path in self.server.tags:
                if where(path):
                    self.server.tags[path] = '"another"'
            return

        def of(number: int, one: Asked) -> Any:
            if one.path.startswith("api/") or not where(one.path):
                return None
            self.seen.append(one)
            if fault == "slow":
                self.server.over.wait(0.02)
                return None
            if fault == "in a circle":
                return ("redirect", f"/{one.path}")
            return ("redirect", self.other.url(one.path)) if self.other else fault

        self.server.fault = of


@pytest.fixture
def place(
    request: pytest.FixtureRequest, source: str, what: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    stores = request.getfixturevalue("stores") if source.startswith("store") else {}
    with ExitStack() as stack:
        yield Place(source, file, stores, FAULTS[what], stack, monkeypatch)


def looked_at(place: Place, expected: tuple[str, str], read: Any) -> None:
    word, message = expected
    if word in (RIGHT, UNNOTICED):  # where the bytes were the right ones
        np.testing.assert_array_equal(read(), np.arange(N, 2 * N))
        return
    with pytest.raises(NwbinError) as caught:
        read()
    assert re.search(message, str(caught.value)), caught.value
    assert re.match(
        r"^((?:http|web)://127\.0\.0\.1:\d+/bucket/|s3://bucket/|dandi://)[^?@#]*: ",
        str(caught.value).replace("@0.1", ""),
    )
    assert "hush" not in told(caught.value)
    assert "secret-of-the-server" not in told(caught.value)
    if place.way.fault == "changed":
        return
    if message != "no address to go to":  # obstore follows 10 of them by itself
        # The error says how many tries there were. Of a store's topmost document the mark is asked for before it is
        # read; and the library below asks again by itself, where a connection turns out to have been closed.
        keys = [one.path for one in place.seen]
        most = max(map(keys.count, keys))
        assert 3 < most <= 2 * place.tries if word == AGAIN else most <= 3, most


def train(file: nwbin.File) -> Any:
    return file.spike_trains([3])[3]


@pytest.mark.parametrize("what", list(FAULTS))
@pytest.mark.parametrize("when", ["opening", "reading"])
@pytest.mark.parametrize("source", FILES)
def test_files(place: Place, source: str, what: str, when: str) -> None:
    expected = FSSPEC[what] if source == "file, fsspec" else place.way.file
    if when == "opening":
        place.fail(lambda path: True)
        looked_at(
            place, (RIGHT, "") if what == "changed" else expected, lambda: train(nwbin.File(place.address))
        )
        return
    with nwbin.File(place.address) as opened:
        place.fail(lambda path: True)
        looked_at(place, expected, lambda: train(opened))


@pytest.mark.parametrize("what", list(FAULTS))
@pytest.mark.parametrize("when", ["chunk", *(pytest.param(one, marks=slow) for one in ("opening", "mark"))])
@pytest.mark.parametrize("source", STORES)
def test_stores(place: Place, what: str, when: str) -> None:
    if when == "opening":
        place.fail(lambda path: True)
        looked_at(place, place.way.opening, lambda: train(nwbin.File(place.address)))
        return
    with nwbin.File(place.address) as opened:
        if when == "chunk":
            place.fail(lambda path: "/spike_times/" in path)
        else:
            place.fail(lambda path: path.rpartition("s.zarr/")[2] in TOPS)
        looked_at(place, getattr(place.way, when), lambda: train(opened))


PASSES = ["429", "500", "503", "dropped", "cut", "stalled"]


@pytest.mark.parametrize("what", PASSES)
@pytest.mark.parametrize("source", STORES)
def test_what_passes_is_tried_again(place: Place, what: str) -> None:
    """The first request of each file fails."""
    failed: set[str] = set()

    def fault(number: int, one: Asked) -> Any:
        if one.path in failed:
            return None
        failed.add(one.path)
        return place.way.fault

    place.server.fault = fault
    with nwbin.File(place.address) as opened:
        np.testing.assert_array_equal(train(opened), np.arange(N, 2 * N))
    assert any("/spike_times/" in path for path in failed)


@pytest.mark.parametrize("what", PASSES)
@pytest.mark.parametrize("source", ["file, fsspec"])
def test_what_passes_is_tried_again_through_fsspec(place: Place, what: str) -> None:
    """Of each kind of request the first two fail: a question what the file is like is put in two ways."""
    with nwbin.File(place.address) as opened:
        failed: list[bool] = []

        def fault(number: int, one: Asked) -> Any:
            kind = one.span is None
            if failed.count(kind) == 2:
                return None
            failed.append(kind)
            return place.way.fault

        place.server.fault = fault
        np.testing.assert_array_equal(train(opened), np.arange(N, 2 * N))
    assert failed.count(False) == 2
    assert True in failed  # whether the file is still the same


def test_a_server_that_keeps_silent_when_fsspec_asks_what_a_file_is_like(file: Path) -> None:
    begin = read_through_fsspec(0.1)
    with (
        serving(files={"medium.nwb": file}, delay=5) as server,
        pytest.raises(NwbinError, match=r"connection to the server fails \(.*5 tries\)"),
    ):
        nwbin.File(server.url("medium.nwb").replace("http://", begin))


@pytest.mark.parametrize("tag", ["", '"one"'])
def test_a_change_that_fsspec_sees_by_its_time(file: Path, tag: str) -> None:
    begin = read_through_fsspec(60)
    if [int(part) for part in version("fsspec").split(".")[:2]] < [2025, 9]:
        pytest.skip("this fsspec hands on no times of web servers")
    with (
        serving(files={"medium.nwb": file}, tags={"medium.nwb": tag}) as server,
        nwbin.File(server.url("medium.nwb").replace("http://", begin)) as opened,
    ):
        server.time = "Thu, 01 Jan 2026 00:00:01 GMT"
        if tag:  # which speaks for all its bytes
            np.testing.assert_array_equal(train(opened), np.arange(N, 2 * N))
            return
        with pytest.raises(NwbinError, match="has changed on the server"):
            train(opened)


@pytest.mark.parametrize("length", [1.0, 0.5])
def test_a_change_of_a_file_that_has_no_mark(file: Path, tmp_path: Path, length: float) -> None:
    """Its time tells, or its length; where its bytes lie on the disk (its inode) is no mark."""
    pytest.importorskip("fsspec")
    path, content = tmp_path / "medium.nwb", bytearray(file.read_bytes())
    path.write_bytes(content)
    with nwbin.File(path.as_uri()) as opened:
        content[-8:] = bytes(8)
        with path.open("r+b") as stream:
            stream.write(content[: int(length * len(content))])
            stream.truncate()
        os.utime(path, (0, 0))
        with pytest.raises(NwbinError, match="has changed on the server since it was opened"):
            train(opened)


@pytest.mark.parametrize("came", [b"\n<!DOCTYPE html>", b"\xff" * 800])
def test_what_fsspec_cuts_is_no_beginning(file: Path, monkeypatch: pytest.MonkeyPatch, came: bytes) -> None:
    """Once, in place of a part of the file, less came, and not the part's first bytes."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe("/there/medium.nwb", file.read_bytes())
    with nwbin.File("memory://there/medium.nwb") as opened:
        answers, real = [came], type(memory).cat_file

        def cat_file(self: Any, path: str, **span: Any) -> Any:
            return answers.pop() if answers else real(self, path, **span)

        monkeypatch.setattr(type(memory), "cat_file", cat_file)
        if b"html" in came:
            with pytest.raises(NwbinError, match="a proxy or a login page answers in its place"):
                train(opened)
            return
        np.testing.assert_array_equal(train(opened), np.arange(N, 2 * N))
        assert not answers


WRONG = {
    "<!DOCTYPE html><title>Log in</title>": "is a web page, or XML: a proxy or a login page",
    '{"zarr_format": 3, "node_type": "gro': "is no JSON",
    "[]": "should be a JSON object, found list",
    "": "is no JSON|no such bytes",
}


@pytest.mark.parametrize("text", list(WRONG))
@pytest.mark.parametrize("format", [2, 3])
def test_what_is_no_document(stores: Any, monkeypatch: pytest.MonkeyPatch, format: int, text: str) -> None:
    """Where the server answers so with all that belongs to it."""
    files = dict(stores[format])
    files[f"bucket/s.zarr/{'zarr.json' if format == 3 else '.zmetadata'}"] = text.encode()
    with serving_s3(files) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        with pytest.raises(NwbinError, match=WRONG[text]):
            nwbin.File("s3://bucket/s.zarr")


def test_a_chunk_of_which_half_was_stored(stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files = dict(stores[3])
    name = next(path for path in files if "/spike_times/c/" in path and not path.endswith("/0"))
    files[name] = files[name][: len(files[name]) // 2]
    with serving_s3(files) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        with (
            nwbin.File("s3://bucket/s.zarr") as opened,
            pytest.raises(NwbinError, match=r"units/spike_times cannot be read: its chunk .* is damaged"),
        ):
            opened.spike_trains()


@pytest.mark.parametrize(
    "status", [403, 500, *(pytest.param(one, marks=slow) for one in (429, 503, "page", "cut"))]
)
def test_a_chunk_that_does_not_come_is_no_zeros(
    stores: Any, monkeypatch: pytest.MonkeyPatch, status: Any
) -> None:
    """Of a column of which absent chunks stand for their fill value, too."""
    name = "bucket/s.zarr/units/rate/"
    fault = {"page": "html", "cut": ("cut", 0)}.get(status, ("status", status))
    with serving_s3(dict(stores[3])) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        server.fault = lambda number, one: fault if one.path.startswith(name) else None
        with pytest.raises(NwbinError, match=r"^s3://bucket/s\.zarr: .*units/rate"):
            _ = nwbin.File("s3://bucket/s.zarr").units
        server.fault = None
        for path in [path for path in server.files if path.startswith(f"{name}c/")]:
            del server.files[path]
        with nwbin.File("s3://bucket/s.zarr") as opened:
            assert opened.units["rate"].tolist() == [0, 0, 0]


def test_the_address_of_a_store_cannot_be_signed() -> None:
    with pytest.raises(
        NwbinError, match=r"^https://example\.invalid/s\.zarr: .* cannot have arguments"
    ) as caught:
        nwbin.File("https://me:hush@example.invalid/s.zarr?X-Amz-Signature=hush")
    assert "hush" not in str(caught.value)


def test_the_documentation_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "notebooks" / "clouds.md").read_text(encoding="utf-8")
    assert "\n".join(lines_of_table()) in page
