"""Chunks that decode to another length than their dataset says, and datasets that say more than is stored."""

from __future__ import annotations

import io
import threading
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pytest

import nwbin
from nwbin.check import check
from nwbin.errors import FileAccessError, FormatError, NotEnoughMemoryError, NwbinWarning
from nwbin.storage.hdf5 import H5Source, _chunked
from nwbin.storage.hdf5._chunks import _summed, can_undo
from tests.small_files import TEXT, write_small

FLAGS = h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, basetype="i1")
WIDE_FLAGS = h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, basetype="<i4")  # no bool as it is stored
KINDS: dict[str, Any] = {
    "number": "f8", "foreign": ">f8", "flag": FLAGS, "wide flag": WIDE_FLAGS, "fixed text": "S4", "text": TEXT,
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "gzip": {"compression": "gzip"},
    "gzip and shuffle": {"compression": "gzip", "shuffle": True},
    "gzip and checksum": {"compression": "gzip", "fletcher32": True},
    "checksum": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


def with_chunk(path: Path, name: str, kind: Any, raw: bytes, **options: Any) -> None:
    """Put a dataset of three values in one chunk, whose stored bytes are these, in a file."""
    with h5py.File(path, "a") as f:
        if name in f:
            del f[name]
        node = f.create_dataset(name, (3,), kind, chunks=(3,), **(options or {"compression": "gzip"}))
        node.id.write_direct_chunk((0,), raw)


def summed(data: bytes) -> bytes:
    return data + _summed(memoryview(data)).to_bytes(4, "little")


# ------------------------------------------------------------------ what is sound stays readable


@pytest.mark.parametrize("options", list(OPTIONS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_small_filtered_data_of_every_kind(tmp_path: Path, kind: str, options: str) -> None:
    if kind == "text" and "fletcher32" in OPTIONS[options]:
        pytest.skip("HDF5 refuses checksums for references to text")
    values = np.random.default_rng(0).integers(0, 2, 50)
    with h5py.File(tmp_path / "x.h5", "w") as f:
        stored = values.astype("S4") if "text" in kind else values
        f.create_dataset("x", data=stored, dtype=KINDS[kind], chunks=(7,), **OPTIONS[options])
        node = f.create_dataset("part", (50,), KINDS[kind], chunks=(7,), **OPTIONS[options])
        node[14:28] = stored[14:28]  # the others are never written
    for place in (tmp_path / "x.h5", io.BytesIO((tmp_path / "x.h5").read_bytes())):
        source = H5Source(place)
        with h5py.File(tmp_path / "x.h5") as plain:
            for name in ("x", "part"):
                for rows in (slice(0, 50), slice(6, 8), slice(20, 20), slice(3, 40)):
                    theirs = plain[name][rows]
                    if "text" in kind:
                        theirs = theirs.astype("U4")
                    assert source.read(name, rows).tolist() == theirs.tolist()
        source.close()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 131_072, 131_075, 400_001])
@pytest.mark.parametrize("fill", ["zeros", "ones", "noise"])
def test_checksums_are_those_of_hdf5(tmp_path: Path, size: int, fill: str) -> None:
    data = {"zeros": bytes(size), "ones": b"\xff" * size, "noise": np.random.default_rng(size).bytes(size)}[
        fill
    ]
    if not size:
        assert _summed(memoryview(data)) == 0
        return
    with h5py.File(tmp_path / "x.h5", "w") as f:
        node = f.create_dataset("x", data=np.frombuffer(data, "u1"), chunks=(size,), fletcher32=True)
        stored = node.id.read_direct_chunk((0,))[1]
    assert summed(data) == stored


def test_a_wrong_checksum(small: Path) -> None:
    sound = np.arange(3.0).tobytes()
    with_chunk(small, "units/big", "f8", sound + b"1234", fletcher32=True)
    with (
        nwbin.File(small) as f,
        pytest.raises(FileAccessError, match=r"units/big: .* its checksum is not that"),
    ):
        f.table("units").column("big")
    right = summed(sound)[-4:]
    with_chunk(
        small, "units/big", "f8", sound + right[1::-1] + right[:1:-1], fletcher32=True
    )  # by an old HDF5
    with nwbin.File(small) as f:
        assert f.table("units").column("big").tolist() == [0, 1, 2]


def test_filters_in_an_unusual_order_are_left_to_libhdf5() -> None:
    assert [can_undo(filters) for filters in ((), (2, 1), (2, 3, 1), (2, 1, 3), (3,))] == [True] * 5
    assert [can_undo(filters) for filters in ((1, 2), (1, 1), (32000,), (2, 32000))] == [False] * 4


# ------------------------------------------------------------------ too short, too long


@pytest.mark.parametrize("where", ["path", "path, unmapped", "file object"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_chunk_that_is_too_short(small: Path, kind: str, where: str) -> None:
    """libhdf5 hands out whatever was in memory behind it."""
    with_chunk(small, "units/big", KINDS[kind], zlib.compress(b"\1"))
    message = (
        r"units/big: the chunk that starts at \(0,\): it holds 1 bytes instead of \d+; .*download it again"
    )
    place = io.BytesIO(small.read_bytes()) if where == "file object" else small
    with nwbin.File(place, mmap=where == "path") as f, pytest.raises(FileAccessError, match=message):
        f.table("units").column("big")
    report = check(place)
    assert [found.object for found in report.findings if found.severity == "error"] == ["units/big"]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_chunk_that_inflates_to_a_gigabyte(small: Path, kind: str) -> None:
    engine = zlib.compressobj(1)
    raw = b"".join(
        [*(engine.compress(bytes(1 << 20)) for _ in range(64)), engine.flush()]
    )  # no more is needed
    try:
        with_chunk(small, "units/big", KINDS[kind], raw)
    except OSError:  # its length takes more bytes than that of what it should hold
        pytest.skip("this HDF5 writes no chunk that is so much longer than what it should hold")
    with nwbin.File(small) as f:
        tracemalloc.start()
        try:
            with pytest.raises(FileAccessError, match=r"units/big: the chunk that starts at \(0,\): "):
                f.table("units").column("big")
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most < 8 << 20


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_little_bomb(small: Path, kind: str) -> None:
    """Small enough, as stored, to be a chunk: its length is known only while it is inflated."""
    with_chunk(small, "units/big", KINDS[kind], zlib.compress(bytes(1 << 20)))
    message = (
        r"units/big: the chunk .* inflates to more than the \d+ bytes that a chunk has here, and was not"
    )
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match=message):
        f.table("units").column("big")
    assert any("inflates to more" in found.finding for found in check(small).findings)


@pytest.mark.parametrize("raw", [b"1", b"123", summed(b""), summed(bytes(20)), summed(bytes(28))])
def test_a_checked_chunk_of_the_wrong_length(small: Path, raw: bytes) -> None:
    with_chunk(small, "units/big", "f8", raw, fletcher32=True)
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match="units/big: the chunk that starts at"):
        f.table("units").column("big")


def test_a_chunk_whose_filters_were_skipped(small: Path) -> None:
    """Then it is as long as it is, which libhdf5 does not compare either."""
    for raw, sound in ((np.arange(3.0).tobytes(), True), (b"1234567", False)):
        with h5py.File(small, "a") as f:
            del f["units/big"]
            node = f.create_dataset("units/big", (3,), "f8", chunks=(3,), compression="gzip")
            node.id.write_direct_chunk((0,), raw, filter_mask=1)
        with nwbin.File(small) as f:
            if sound:
                assert f.table("units").column("big").tolist() == [0, 1, 2]
                continue
            with pytest.raises(FileAccessError, match="it holds 7 bytes instead of 24"):
                f.table("units").column("big")


def test_a_short_chunk_of_text_that_only_libhdf5_can_fill(small: Path) -> None:
    """Text with a fill value of its own: its chunks are looked at before they are left to libhdf5."""
    with h5py.File(small, "a") as f:
        options: dict[str, Any] = {"chunks": (3,), "compression": "gzip", "fillvalue": "none"}
        node = f.create_dataset("acquisition/short", (6,), TEXT, **options)
        node.id.write_direct_chunk((0,), zlib.compress(b"12345"))
    with (
        nwbin.File(small) as f,
        pytest.raises(FileAccessError, match=r"acquisition/short: .* holds 5 bytes instead of 48"),
    ):
        f.measurement("acquisition/short")


def test_chunks_that_cannot_be_compared(small: Path) -> None:
    with h5py.File(small, "a") as f:
        del f["units/big"], f["units/rate"]
        f.create_dataset("units/big", data=np.arange(3), chunks=(3,), scaleoffset=0)
        f.create_dataset("units/rate", data=np.arange(3.0), chunks=(3,), compression="lzf")
    found = [found for found in check(small).findings if found.object in ("units/big", "units/rate")]
    assert [(one.object, one.severity, one.finding) for one in found] == [
        (
            "units/big",
            "note",
            "is under scaleoffset, which HDF5 undoes: whether its chunks hold what they should cannot be seen",
        )
    ]
    with nwbin.File(small) as f:
        with pytest.warns(NwbinWarning, match="units/big is under scaleoffset, which HDF5 undoes") as given:
            assert f.table("units").column("big").tolist() == [0, 1, 2]
        assert len(given) == 1
        assert f._source.read("units/big").tolist() == [0, 1, 2]  # said once


# ------------------------------------------------------------------ more than is stored


def test_one_chunk_does_not_vouch_for_a_thousand(small: Path) -> None:
    """By its bytes it could be that large; but of its chunks, all but one were never written."""
    n, chunk = 1 << 26, 1 << 16
    with h5py.File(small, "a") as f:
        node = f.create_dataset("acquisition/hollow", (n,), "f8", chunks=(chunk,), compression="gzip")
        node.id.write_direct_chunk((0,), zlib.compress(np.random.default_rng(0).bytes(chunk * 8)))
    with nwbin.File(small) as f:
        with pytest.raises(FormatError, match=r"hollow claims shape .* 536,870,912 bytes of that is refused"):
            f.measurement("acquisition/hollow")
        assert f._source.read("acquisition/hollow", slice(0, chunk)).size == chunk


def test_what_is_compressed_a_thousand_times_is_readable_and_said(small: Path) -> None:
    n = 1 << 26
    with h5py.File(small, "a") as f:
        node = f.create_dataset("acquisition/zeros", (n,), "f8", chunks=(n // 16,), compression="gzip")
        raw = zlib.compress(bytes(n // 2), 9)
        for k in range(16):
            node.id.write_direct_chunk((k * n // 16,), raw)
    with nwbin.File(small) as f:
        assert f._source.read("acquisition/zeros", slice(5, 8)).tolist() == [0, 0, 0]
        f._source.allow("acquisition/zeros")
    (found,) = [found for found in check(small).findings if found.object == "acquisition/zeros"]
    assert found.severity == "warning"
    assert "times the 521," in found.finding


def test_values_that_belong_to_no_unit(small: Path) -> None:
    with h5py.File(small, "a") as f:
        del f["units/spike_times"]
        f["units/spike_times"] = np.sort(np.random.default_rng(0).random(1000))
    (found,) = [found for found in check(small).findings if found.object == "units/spike_times_index"]
    assert (found.severity, found.finding) == ("warning", "ends at 7, but there are 1,000 spike times")


# ------------------------------------------------------------------ no memory


def test_spikes_that_do_not_fit_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small(tmp_path / "small.nwb", chunked=True)

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

        def empty(self, *args: Any, **kwargs: Any) -> Any:
            raise MemoryError

        concatenate = empty

    with nwbin.File(path) as f:
        monkeypatch.setattr("nwbin.nwb.spike_store.np", Full())
        with pytest.raises(
            NotEnoughMemoryError, match=r"small\.nwb: units/spike_times holds 7 spikes, which take"
        ):
            f.spike_trains()
        monkeypatch.undo()
        trains = f.spike_trains([11, 7])
        monkeypatch.setattr("nwbin.trains._spike_trains.np", Full())
        with pytest.raises(
            NotEnoughMemoryError, match=r"small\.nwb: units/spike_times: 7 spike times in one array"
        ):
            _ = trains.times
        monkeypatch.undo()
        monkeypatch.setattr("nwbin.storage.hdf5._dataset_reader.np", Full())
        with pytest.raises(NotEnoughMemoryError, match=r"small\.nwb: acquisition/wheel/data: 5 val.* memory"):
            f.measurement("acquisition/wheel/data")


def test_a_million_values_where_one_should_be(small: Path) -> None:
    """They are no answer, and a message would hold them all."""
    with h5py.File(small, "a") as f:
        for name in ("session_start_time", "general/session_id", "general/subject/species"):
            if name in f:
                del f[name]
            f.create_dataset(name, (1 << 20,), "f8", chunks=(1 << 20,), compression="gzip")[0] = 1
    with nwbin.File(small) as f:
        for ask in (lambda: f.session_start_time, lambda: f.session_id, lambda: f.subject):
            with pytest.raises(
                FormatError, match=r"small\.nwb: .* has shape \(1048576,\) where a single value"
            ):
                ask()
    assert any("where a single value" in found.finding for found in check(small).findings)


def test_chunks_of_a_file_object_come_one_at_a_time(tmp_path: Path) -> None:
    """h5py 3.11 lets threads into libhdf5 side by side here, which then fails later, anywhere."""
    lock = pytest.importorskip("h5py._objects").phil
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["x"] = 0
        node = f.create_dataset("y", data=np.arange(50), chunks=(7,), compression="gzip")
        read = threading.Event()

        def fetch() -> None:
            _chunked._stored_chunk(node, (0,))
            read.set()

        with lock:
            thread = threading.Thread(target=fetch)
            thread.start()
            assert not read.wait(0.2)
        thread.join(30)
        assert read.is_set()
