"""Zarr stores without consolidated metadata, in S3: their folders are listed; what is not a store's is passed over."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import nwbin
from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.remote import state_now
from nwbin.storage.zarr import _documents
from tests.remote.clouds import listed_as_s3, serving_s3
from tests.remote.server import Server
from tests.small_files import write_small

pytest.importorskip("obstore")
pytest.importorskip("zarr")

AT = "s3://bucket/vcn/small.nwb.zarr"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("ungathered") / "small.nwb")


@pytest.fixture(params=[2, 3])
def s3(
    request: pytest.FixtureRequest, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    from tests.zarr_nwb.writer import write_zarr

    store = write_zarr(file, tmp_path / "small.nwb.zarr", format=request.param, consolidated=False)
    files: dict[str, bytes | Path] = {
        f"bucket/vcn/small.nwb.zarr/{path.relative_to(store).as_posix()}": path
        for path in store.rglob("*")
        if path.is_file()
    }
    files["bucket/vcn/small.nwb.zarr/units/notes/readme.txt"] = b"of no array"
    files["bucket/vcn/small.nwb.zarr/a\\..\\b/zarr.json"] = b"no name of a group"
    with serving_s3(files) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        yield server


def listed(server: Server) -> list[str]:
    return [one.query for one in server.asked if "delimiter" in one.query]


def test_what_is_there_is_what_the_file_has(s3: Server, file: Path) -> None:
    with nwbin.File(AT) as there, nwbin.File(file) as here:
        assert there.spike_trains() == here.spike_trains()
        assert list(there.intervals) == list(here.intervals)
        pd.testing.assert_frame_equal(there.units, here.units)
    assert listed(s3)
    assert not any("\\" in one.path for one in s3.asked)
    assert not any("spike_times" in query for query in listed(s3))  # an array's chunks are never listed


def test_sent_to_another_process_it_is_opened_if_it_is_the_same(s3: Server) -> None:
    """Of all its metadata, not of the top's alone."""
    below = next(path for path in s3.files if path.endswith(("units/id/zarr.json", "units/id/.zattrs")))
    with nwbin.File(AT) as file:
        sent = pickle.dumps(file)
    with pickle.loads(sent) as again:
        assert again.identifier == "small"
    held = s3.files[below]
    assert isinstance(held, Path)
    s3.files[below] = held.read_bytes() + b" "
    with pytest.raises(FileAccessError, match=r"is not the file that was opened first: it has changed"):
        pickle.loads(sent)


def test_the_order_of_lists_is_no_change(s3: Server) -> None:
    mark = state_now(AT)
    with nwbin.File(AT) as file:
        sent = pickle.dumps(file)
    s3.answer = lambda one: listed_as_s3(s3, one, backwards=True)
    assert state_now(AT) == mark
    pickle.loads(sent).close()


def test_another_name_of_a_file_is_a_change(s3: Server) -> None:
    mark, name = state_now(AT), "bucket/vcn/small.nwb.zarr/units/notes/readme.txt"
    other = f"{name}2"
    s3.files[other], s3.tags[other] = s3.files.pop(name), s3.tags.pop(name)
    assert state_now(AT) != mark


def test_a_store_of_endless_groups_is_refused(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_documents, "_MOST", 3)
    with pytest.raises(FormatError, match=r"small\.nwb\.zarr: holds more than 3 groups and arrays"):
        nwbin.File(AT)


def test_a_bucket_that_may_not_be_listed(s3: Server) -> None:
    s3.fault = lambda number, one: ("status", 403) if "list-type" in one.query else None
    with pytest.raises(FormatError, match=r"has no consolidated metadata, and its server does not list"):
        nwbin.File(AT)
    assert listed(s3)


def test_a_listing_that_fails_is_an_error(s3: Server) -> None:
    s3.fault = lambda number, one: ("html", None) if "list-type" in one.query else None
    with pytest.raises(FileAccessError, match=r"small\.nwb\.zarr"):
        nwbin.File(AT)
