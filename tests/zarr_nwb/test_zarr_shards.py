"""Shards of Zarr 3, many chunks in a file: the values that zarr-python wrote, wherever they lie, and no more bytes."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import nwbin
from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.opened import open_source
from tests.remote.server import Server, serving
from tests.zarr_nwb.same import same_files
from tests.zarr_nwb.writer import write_zarr

zarr = pytest.importorskip("zarr", minversion="3")
pytestmark = pytest.mark.filterwarnings("ignore::nwbin.errors.NwbinWarning")

RANDOM = np.random.default_rng(5)
VALUES: dict[str, npt.NDArray[Any]] = {
    "times": np.sort(RANDOM.random(100_000)),
    "table": RANDOM.integers(-9, 9, (70, 30)).astype(np.int16),
    "names": np.array([f"unit {n % 7}é" for n in range(1000)], dtype=object),
    "gaps": np.where(np.arange(900) // 100 % 3 == 1, np.arange(900.0), -1.0),
}
# Chunks, shards: the last ones of each reach past the array.
PARTS = {
    "times": ((1000,), (16_000,)), "table": ((16, 8), (32, 24)), "names": ((30,), (300,)), "gaps": ((100,), (300,)),
}  # fmt: skip


def write(path: Path, arrays: dict[str, dict[str, Any]]) -> Path:
    """A store of arrays that zarr-python writes, with gathered metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on text, and on gathering: format 3 had no specification of them
        group = zarr.create_group(path, zarr_format=3)
        for name, how in arrays.items():
            values = how.pop("values")
            kind = str if values.dtype == object else values.dtype
            group.create_array(name, shape=values.shape, dtype=kind, **how)[...] = values
        zarr.consolidate_metadata(path)
    return path


@pytest.fixture(scope="module", params=["end", "start"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arrays = {
        name: {
            "values": values, "chunks": PARTS[name][0], "fill_value": -1.0 if name == "gaps" else None,
            "shards": {"shape": PARTS[name][1], "index_location": request.param},
        }
        for name, values in VALUES.items()
    }  # fmt: skip
    return write(tmp_path_factory.mktemp("shards") / "s.zarr", arrays)


def served(store: Path) -> dict[str, bytes | Path]:
    return {f"s.zarr/{one.relative_to(store).as_posix()}": one for one in store.rglob("*") if one.is_file()}


@pytest.fixture
def server(store: Path) -> Iterator[Server]:
    with serving(files=served(store)) as running:
        yield running


def same_values(source: Any) -> None:
    for name, values in VALUES.items():
        np.testing.assert_array_equal(source.read(name), values)
        assert source.layout(name).chunks == PARTS[name][0]
        begin, end = len(values) // 3, len(values) // 2
        np.testing.assert_array_equal(source.read(name, slice(begin, end)), values[begin:end])
    spans = [slice(5, 10), slice(15_990, 16_010), slice(99_999, 100_000), slice(7, 7)]
    outs = [np.empty(one.stop - one.start) for one in spans]
    source.read_many_into("times", spans, outs)
    for one, out in zip(spans, outs, strict=True):
        np.testing.assert_array_equal(out, VALUES["times"][one])


def test_in_a_folder(store: Path) -> None:
    source = open_source(store)
    same_values(source)
    assert source.absent("gaps") == 6  # zarr-python leaves out chunks of fill values
    assert source.absent("times") == 0


def test_in_a_zip_file(store: Path, tmp_path: Path) -> None:
    for name, compressed in (("stored", False), ("deflated", True)):
        if compressed:
            path = shutil.make_archive(str(tmp_path / name), "zip", store)
        else:
            import zipfile

            path = str(tmp_path / f"{name}.zip")
            with zipfile.ZipFile(path, "w") as out:
                for one in store.rglob("*"):
                    out.write(one, one.relative_to(store))
        source = open_source(path)
        same_values(source)
        source.close()


def test_on_a_server(server: Server) -> None:
    same_values(open_source(server.url("s.zarr")))


def test_only_what_is_asked_for_is_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from nwbin.storage.remote import _ranges, _remote_file

    monkeypatch.setattr(_remote_file, "_FIRST", 1 << 8)
    monkeypatch.setattr(_ranges, "GAP", 0)
    monkeypatch.setattr(_remote_file, "merged", lambda spans, share: _ranges.merged(spans, share=0.0))
    source = open_source(server.url("s.zarr"))
    server.asked.clear()
    source.read("times", slice(40_000, 41_000))
    asked = [one.span for one in server.asked if "/times/" in one.path]
    assert len(asked) <= 3  # its first bytes, its index, the chunk
    assert sum(stop - start for start, stop in asked if start < stop) < 9000
    size = (Path(server.files["s.zarr/times/c/2"])).stat().st_size  # type: ignore[arg-type]  # served() has paths
    assert size > 100_000


def test_a_whole_file(small_file: Path, tmp_path: Path) -> None:
    path = write_zarr(small_file, tmp_path / "small.nwb.zarr", shards=3)
    with nwbin.File(path) as there, nwbin.File(small_file) as here:
        assert same_files(there, here) > 40
    with (
        serving(files=served(path)) as server,
        nwbin.File(server.url("s.zarr")) as there,
        nwbin.File(small_file) as here,
    ):
        assert same_files(there, here) > 40


# ---------------------------------------------------------------- damaged ones


def index_of(content: bytes, entries: list[tuple[int, int]]) -> bytes:
    """A shard with its index, behind it, replaced by another that has the right checksum."""
    from google_crc32c import value

    index = np.array(entries, "<u8").tobytes()
    return content[: -len(index) - 4] + index + value(index).to_bytes(4, "little")


HOSTILE = {
    "behind the end": ((1 << 40, 8), "says that a chunk of 8 bytes begins at byte 1,099,511,627,776"),
    "over the end": ((0, 1 << 40), "says that a chunk of 1,099,511,627,776 bytes begins at byte 0"),
    "round the corner": (((1 << 64) - 8, 16), "begins at byte 18,446,744,073,709,551,608"),
    "no begin": (((1 << 64) - 1, 5), "begins at byte 18,446,744,073,709,551,615"),
    "empty": ((0, 0), r"its chunk c/0\[0\] is damaged"),
}


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("there", [False, True])
def test_what_an_index_says_is_not_believed(tmp_path: Path, how: str, there: bool) -> None:
    group = write(tmp_path / "g.zarr", {"x": {"values": np.full(40, 1.5), "chunks": (10,), "shards": (20,)}})
    entry, said = HOSTILE[how]
    shard = group / "x" / "c" / "0"
    shard.write_bytes(index_of(shard.read_bytes(), [entry, (0, 10)]))
    files = {f"s.zarr/{one.relative_to(group).as_posix()}": one for one in group.rglob("*") if one.is_file()}
    with serving(files=dict(files)) as server:
        source = open_source(server.url("s.zarr") if there else group)
        with pytest.raises(FileAccessError, match=said):
            source.read("x", slice(0, 10))
        np.testing.assert_array_equal(source.read("x", slice(20, 40)), np.full(20, 1.5))


def test_chunks_that_lie_in_one_another(tmp_path: Path) -> None:
    """A few bytes would be any number of chunks; the same chunk may be there for several."""
    group = write(
        tmp_path / "g.zarr", {"x": {"values": np.full(400, 1.5), "chunks": (10,), "shards": (400,)}}
    )
    shard = group / "x" / "c" / "0"
    content = shard.read_bytes()
    begin, length = np.frombuffer(content[-644:-4], "<u8")[:2].tolist()
    shard.write_bytes(index_of(content, [(begin, length)] * 40))
    np.testing.assert_array_equal(open_source(group).read("x"), np.full(400, 1.5))
    most = len(content) - 40
    shard.write_bytes(index_of(content, [(at, min(most, 4000)) for at in range(40)]))
    with pytest.raises(
        FileAccessError, match="says that chunks lie in one another, as 40 have more than its"
    ):
        open_source(group).read("x")


@pytest.fixture
def own(store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store, tmp_path / "own.zarr"))


def test_a_damaged_shard(own: Path) -> None:
    shard = own / "times" / "c" / "0"
    content = shard.read_bytes()
    at_end = np.frombuffer(content[:16], "<u8")[0] > 1 << 40  # no index there
    for broken in (content[:50], b""):
        shard.write_bytes(broken)
        with pytest.raises(FileAccessError, match="fewer than the 260 of a shard's index"):
            open_source(own).read("times")
    bad = bytearray(content)
    bad[-20 if at_end else 20] ^= 1
    shard.write_bytes(bad)
    with pytest.raises(FileAccessError, match="its index is damaged"):
        open_source(own).read("times")


def test_an_absent_shard(own: Path) -> None:
    (own / "times" / "c" / "1").unlink()
    source = open_source(own)
    np.testing.assert_array_equal(source.read("times", slice(16_000, 32_000)), np.zeros(16_000))
    assert source.absent("times") == 16


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"name":"crc32c"', '"name":"gzip"'), "is stored in shards whose index is packed by 'bytes, gzip'"),
        (('"index_codecs":[', '"index_codecs":[],"o":['), "is stored in shards whose index is packed by ''"),
        (('"index_codecs":[', '"index_codecs":["x"],"o":['), "cannot be read"),
        (('"index_codecs":[', '"index_codecs":7,"o":['), "cannot be read"),
        (('"index_location":"', '"index_location":"at the '), "its shards have their index at 'at the"),
        (('"chunk_shape":[1000]', '"chunk_shape":[999]'), "are no whole numbers of chunks"),
        (('"chunk_shape":[1000]', '"chunk_shape":[0]'), "its shape of chunks is"),
    ],
)
def test_settings_that_are_not_known(own: Path, change: tuple[str, str], said: str) -> None:
    document = own / "times" / "zarr.json"
    text = document.read_text().replace(" ", "").replace("\n", "")
    assert change[0] in text
    document.write_text(text.replace(*change))
    with pytest.raises(FormatError, match=said):
        open_source(own).read("times")
