"""A store on a server that changes while it is open, or sends more than there can be."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pandas as pd
import pytest

import nwbin
from nwbin.errors import FileAccessError, NotEnoughMemoryError
from nwbin.storage.remote._side_by_side import CONNECTIONS
from nwbin.storage.zarr import _chunks, _source
from tests.remote.server import serving

pytest.importorskip("obstore")


def served(store: Path) -> dict[str, bytes | Path]:
    """The files of a store, by their paths from the folder it lies in; as bytes, to be replaced."""
    return {
        str(path.relative_to(store.parent)): path.read_bytes() for path in store.rglob("*") if path.is_file()
    }


@pytest.fixture
def store(small_stores: dict[int, Path]) -> dict[str, bytes | Path]:
    return {f"s.zarr/{key.partition('/')[2]}": value for key, value in served(small_stores[3]).items()}


@pytest.fixture
def store_of_2(small_stores: dict[int, Path]) -> dict[str, bytes | Path]:
    return {f"s.zarr/{key.partition('/')[2]}": value for key, value in served(small_stores[2]).items()}


# What the server tells of a file, and whether it gives parts of files.
@pytest.mark.parametrize(
    ("tag", "time", "ranges"),
    [('"one"', "", True), ("", "Thu, 01 Jan 2026 00:00:00 GMT", True), ("", "", True), ('"one"', "", False)],
    ids=["tag", "time", "size alone", "no parts"],
)
def test_replaced_while_open(store: dict[str, bytes | Path], tag: str, time: str, ranges: bool) -> None:
    top = "s.zarr/zarr.json"
    with (
        serving(files=store, tags=dict.fromkeys(store, tag), time=time, ranges=ranges) as server,
        nwbin.File(server.url("s.zarr")) as file,
    ):
        assert file._source.read("units/spike_times", slice(0, 1)).size  # as it is, nothing is said
        before = store[top]
        assert isinstance(before, bytes)
        store[top] = before.replace(b"{", b"{ ", 1).replace(b": ", b":", 1)  # as long as it was
        assert len(store[top]) == len(before)
        if tag:
            server.tags[top] = '"two"'
        if time:
            server.time = "Fri, 02 Jan 2026 00:00:00 GMT"
        for _ in range(2):  # from then on
            with pytest.raises(FileAccessError, match=r"zarr\.json has changed on the server since"):
                file.spike_trains()


def test_replaced_while_open_in_format_2(store_of_2: dict[str, bytes | Path]) -> None:
    with serving(files=store_of_2) as server, nwbin.File(server.url("s.zarr")) as file:
        server.tags["s.zarr/.zmetadata"] = '"two"'
        with pytest.raises(FileAccessError, match=r"\.zmetadata has changed on the server since"):
            file.spike_trains()


def test_taken_away_while_open(store: dict[str, bytes | Path]) -> None:
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        del store["s.zarr/zarr.json"]
        with pytest.raises(FileAccessError, match=r"zarr\.json has changed on the server since"):
            file.spike_trains()


def test_the_server_is_asked_once_after_each_reading(store: dict[str, bytes | Path]) -> None:
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        file.spike_trains()
        asked = [one for one in server.asked if one.path == "s.zarr/zarr.json"]
        assert all(one.span == (0, 1) for one in asked[2:])  # the first two: its mark, and all of it
        before = len(server.asked)
        file.spike_trains()
        file._source.check()
        assert len(server.asked) == before  # nothing was read since


def test_a_long_text_is_not_fetched_ahead(store: dict[str, bytes | Path]) -> None:
    """It is read when it is asked for: how long texts are, nothing tells before."""
    name, raw = "s.zarr/units/quality/c/0", store["s.zarr/zarr.json"]
    texts = ["a" * (5 << 20), "b", "c"]
    store[name] = struct.pack("<I", 3) + b"".join(
        struct.pack("<I", len(text)) + text.encode() for text in texts
    )
    assert isinstance(raw, bytes)
    said = json.loads(raw)
    said["consolidated_metadata"]["metadata"]["units/quality"]["codecs"] = [{"name": "vlen-utf8"}]
    store["s.zarr/zarr.json"] = json.dumps(said).encode()
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        before = len(server.asked)
        assert name in [one.path for one in server.asked]
        assert file.units["quality"].tolist() == texts
        chunks = [one.path for one in server.asked[before:] if "/c/" in one.path]
        assert chunks == [name]  # the other columns were fetched ahead


def test_no_more_is_fetched_ahead_than_there_is_room_for(
    store: dict[str, bytes | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        expected = file.units
        usual = [one.path for one in server.asked if "/c/" in one.path]
    monkeypatch.setattr(_source, "_MOST_AHEAD", 1)
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        asked = [one.path for one in server.asked if "/c/" in one.path]
        assert len(asked) <= CONNECTIONS < len(usual)  # those under way when the first came
        pd.testing.assert_frame_equal(file.units, expected)


def test_an_array_of_many_chunks_is_not_fetched_ahead(store: dict[str, bytes | Path]) -> None:
    raw = store["s.zarr/zarr.json"]
    assert isinstance(raw, bytes)
    said = json.loads(raw)
    column = said["consolidated_metadata"]["metadata"]["units/rate"]
    column["shape"] = [300]
    column["chunk_grid"]["configuration"]["chunk_shape"] = [1]
    store["s.zarr/zarr.json"] = json.dumps(said).encode()
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")):
        asked = [one.path for one in server.asked if "/c/" in one.path]
        assert asked
        assert not any("/rate/" in path for path in asked)


def claiming(store: dict[str, bytes | Path], shape: int, chunk: int) -> None:
    """Have the gathered metadata say other lengths of the spike times."""
    raw = store["s.zarr/zarr.json"]
    assert isinstance(raw, bytes)
    said = json.loads(raw)
    times = said["consolidated_metadata"]["metadata"]["units/spike_times"]
    times["shape"], times["chunk_grid"]["configuration"]["chunk_shape"] = [shape], [chunk]
    store["s.zarr/zarr.json"] = json.dumps(said).encode()


def test_a_chunk_is_no_longer_than_the_array_needs(
    store: dict[str, bytes | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chunks, "LARGEST", 1 << 12)
    claiming(store, 7, 1 << 50)
    for key in store:
        if "units/spike_times/c/" in key:
            store[key] = b"\0" * (1 << 16)
    with (
        serving(files=store) as server,
        nwbin.File(server.url("s.zarr")) as file,
        pytest.raises(FileAccessError, match="it is longer than the 8,448 bytes that can belong there"),
    ):
        file._source.read("units/spike_times", slice(0, 1))


def test_a_chunk_that_no_memory_can_hold_is_not_asked_for(store: dict[str, bytes | Path]) -> None:
    claiming(store, 1 << 60, 1 << 60)
    with serving(files=store) as server, nwbin.File(server.url("s.zarr")) as file:
        with pytest.raises(NotEnoughMemoryError, match=r"chunks of units/spike_times.*may take"):
            file._source.read("units/spike_times", slice(0, 1))
        assert not any("spike_times/c/" in one.path for one in server.asked)
