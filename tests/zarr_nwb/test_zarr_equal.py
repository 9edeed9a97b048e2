"""A session in Zarr gives what the HDF5 file gives that it was made of: both formats, wherever it lies."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.check import check
from nwbin.errors import FileAccessError, FormatError, MissingDependencyError
from tests.remote.server import serving
from tests.zarr_nwb.conftest import Pair
from tests.zarr_nwb.same import same_files, same_sessions
from tests.zarr_nwb.writer import write_zarr

# Of the session's invalid times, which are the same in both.
pytestmark = pytest.mark.filterwarnings("ignore::nwbin.errors.NwbinWarning")


def served(folder: Path) -> dict[str, bytes | Path]:
    """The files of a folder, by their paths from the one it lies in."""
    return {str(path.relative_to(folder.parent)): path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow  # quick: test_forms, of a small file
def test_every_object(session: Pair) -> None:
    with nwbin.File(session.there) as there, nwbin.File(session.here) as here:
        assert same_files(there, here) > 100


@pytest.mark.slow  # quick: test_answers_on_a_server
def test_every_answer(session: Pair) -> None:
    with nwbin.open(session.there) as there, nwbin.open(session.here) as here:
        assert len(same_sessions(there, here)) > 30


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"format": 3, "consolidated": False}, marks=pytest.mark.slow),
        pytest.param({"format": 2, "consolidated": False}, marks=pytest.mark.slow),
        {"format": 2, "text": "json2"},
        {},
    ],
    ids=str,
)
def test_forms(small_file: Path, tmp_path: Path, how: dict[str, Any]) -> None:
    path = write_zarr(small_file, tmp_path / "small.nwb.zarr", **how)
    with nwbin.File(path) as there, nwbin.File(small_file) as here:
        assert same_files(there, here) > 40
        assert there.path == path
        assert there.size == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "compressors",
    ["blosc", "zlib", *(pytest.param(one, marks=pytest.mark.slow) for one in ("gzip", "none", "big"))],
)
def test_codecs(small_file: Path, tmp_path: Path, compressors: str) -> None:
    import zarr

    path = write_zarr(small_file, tmp_path / "small.nwb.zarr", consolidated=False)
    values = np.cumsum(np.random.default_rng(1).random(50_000))
    with nwbin.File(small_file) as here:
        ends = here.unit_table.bounds("spike_times").stops
    units = zarr.open_group(path)["units"]
    del units["spike_times"]
    codecs: Any = {
        "blosc": zarr.codecs.BloscCodec(cname="zstd", shuffle="bitshuffle"), "gzip": zarr.codecs.GzipCodec(),
        "zlib": None, "none": None, "big": zarr.codecs.ZstdCodec(checksum=True),
    }[compressors]  # fmt: skip
    if compressors == "zlib":  # of format 2, with the shuffling that HDF5 files bring along
        from numcodecs import Shuffle, Zlib

        path = write_zarr(small_file, tmp_path / "small2.nwb.zarr", format=2, consolidated=False)
        units = zarr.open_group(path)["units"]
        del units["spike_times"]
        array = units.create_array(
            "spike_times",
            shape=values.shape,
            chunks=(999,),
            dtype="f8",
            compressors=Zlib(),
            filters=[Shuffle(8)],
        )
    else:
        array = units.create_array(
            "spike_times", shape=values.shape, chunks=(999,), dtype=">f8" if compressors == "big" else "f8",
            compressors=codecs, serializer=zarr.codecs.BytesCodec(endian="big" if compressors == "big" else "little"),
        )  # fmt: skip
    array[...] = values
    with nwbin.File(path) as there:
        trains = there.spike_trains()
        first = 0
        for unit, end in zip(there.unit_ids.tolist(), ends.tolist(), strict=True):
            np.testing.assert_array_equal(trains[unit], values[first:end])
            first = end
        np.testing.assert_array_equal(
            there._source.read("units/spike_times", slice(500, 40_001)), values[500:40_001]
        )


def test_in_a_zip(small: Path, small_file: Path, tmp_path: Path) -> None:
    for root, base in ((small, "."), (small.parent, small.name)):
        path = Path(shutil.make_archive(str(tmp_path / f"{base[:1]}.nwb.zarr"), "zip", root, base))
        with nwbin.File(path) as there, nwbin.File(small_file) as here:
            same_files(there, here)
            assert there.size == path.stat().st_size
    assert check(path).ok


@pytest.mark.parametrize("small", [2, pytest.param(3, marks=pytest.mark.slow)], indirect=True)
def test_on_a_server(small: Path, small_file: Path) -> None:
    pytest.importorskip("obstore")
    with serving(files=served(small)) as server:
        address = server.url(small.name)
        with nwbin.File(address) as there, nwbin.File(small_file) as here:
            assert there.name == address
            same_files(there, here)
        with pytest.raises(FileAccessError, match="the address of a folder cannot have arguments"):
            nwbin.File(address + "?signature=secret")


@pytest.mark.parametrize("session", [3], indirect=True)
def test_answers_on_a_server(session: Pair) -> None:
    pytest.importorskip("obstore")
    with (
        serving(files=served(session.there)) as server,
        nwbin.open(server.url(session.there.name) + "/") as there,
        nwbin.open(session.here) as here,
    ):
        shown, units = here.get_stimulus_table("static_gratings").index, here.units.index
        found = [one.response_matrix(shown, units, label="orientation") for one in (there, here)]
        np.testing.assert_array_equal(found[0].X, found[1].X)
        np.testing.assert_array_equal(found[0].y, found[1].y)


def test_only_the_chunks_that_are_needed(session: Pair) -> None:
    pytest.importorskip("obstore")
    with serving(files=served(session.there)) as server, nwbin.File(server.url(session.there.name)) as there:
        opening = len(server.asked)
        units = there.units
        assert (
            len(server.asked) - opening <= 2
        )  # they came when it was opened, but for the spikes' own columns; and the store's mark is compared
        before = [one.path for one in server.asked]
        there.spike_trains(units.index[:1])
        asked = [one.path for one in server.asked[len(before) :]]
        of_spikes = [path for path in asked if "/spike_times/" in path]
        bounds = there.unit_table.bounds("spike_times")
        assert len(of_spikes) == -(-int(bounds.stops[0]) // 2000)
        there.spike_trains(units.index[:1])
        assert len(server.asked) == len(before) + len(asked)


def test_s3_and_missing(session: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    files = {f"bucket/{key}": value for key, value in served(session.there).items()}
    with serving(files=files) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        with nwbin.File(f"s3://bucket/{session.there.name}") as there, nwbin.File(session.here) as here:
            assert there.spike_trains() == here.spike_trains()
        with pytest.raises(FileNotFoundError, match=r"other\.zarr: is no Zarr store"):
            nwbin.File("s3://bucket/other.zarr")


def test_a_store_on_a_server_needs_gathered_metadata(small_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    path = write_zarr(small_file, tmp_path / "small.zarr", consolidated=False)
    with (
        serving(files=served(path)) as server,
        pytest.raises(FormatError, match=r"has no consolidated metadata.*zarr\.consolidate_metadata"),
    ):
        nwbin.File(server.url("small.zarr"))


@pytest.mark.slow  # quick: checks of small stores
def test_check_says_the_same(session: Pair) -> None:
    there, here = check(session.there).to_dict()["findings"], check(session.here).to_dict()["findings"]
    there = [one for one in there if "stand for the value that is written nowhere else" not in one["finding"]]
    assert there == here


def test_pickled_it_is_its_path(small: Path) -> None:
    with nwbin.File(small) as file:
        sent = pickle.dumps(file)
        with pickle.loads(sent) as again:
            assert again.spike_trains() == file.spike_trains()
    chunk = next(path for path in (small / "units" / "spike_times").rglob("*") if path.name == "0")
    chunk.write_bytes(chunk.read_bytes())
    with pytest.raises(FileAccessError, match="is not the file that was opened first"):
        pickle.loads(sent)


def test_not_a_session(tmp_path: Path) -> None:
    import zarr

    zarr.create_group(tmp_path / "counts.zarr").create_array("a", shape=(3,), dtype="i4")
    with pytest.raises(
        FormatError, match="is Zarr but not NWB: it has no nwb_version attribute; at its top are a"
    ):
        nwbin.File(tmp_path / "counts.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"is no Zarr store: none of zarr\.json, \.zgroup is at its top"
    ):
        nwbin.File(tmp_path / "empty.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileAccessError, match=r"is a folder; give the path of one \.nwb file in it"):
        nwbin.File(tmp_path / "folder")


def test_pynwb_needs_hdmf_zarr(small: Path) -> None:
    try:
        import hdmf_zarr  # noqa: F401 - whether it is there
    except ImportError:
        pass
    else:
        pytest.skip("hdmf-zarr is installed")
    with nwbin.File(small) as file, pytest.raises(MissingDependencyError, match="pip install hdmf-zarr"):
        file.pynwb()
