"""Chunks decoded side by side, and links between files: held to libhdf5's answers."""

from __future__ import annotations

import io
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - compared with
import numpy as np
import pytest

from nwbin.errors import FileAccessError, FormatError, LookupFailure, NwbinWarning
from nwbin.storage.hdf5 import H5Source, Limits, _chunks

# Chunks of any size are decoded by nwbin: small data would be left to libhdf5.
LIMITS = Limits(small_bytes=0, most_compressed=10**9)


@pytest.mark.parametrize("inflater", ["zlib", "isal"])
@pytest.mark.parametrize(
    "options", [{}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {"shuffle": True}]
)
@pytest.mark.parametrize("dtype", ["f8", "i2", "u1", "f4"])
@pytest.mark.parametrize(
    ("shape", "chunk"), [((1000,), (64,)), ((64,), (64,)), ((37, 11), (8, 4)), ((9, 5, 3), (4, 5, 2))]
)
def test_chunks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inflater: str,
    options: Any,
    dtype: str,
    shape: Any,
    chunk: Any,
) -> None:
    if inflater == "zlib":
        monkeypatch.setattr(_chunks, "_inflater", lambda: zlib)
    else:
        isal = pytest.importorskip("isal.isal_zlib")
        monkeypatch.setattr(_chunks, "_inflater", lambda: isal)
    values = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=values, chunks=chunk, **options)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    assert source._dataset("x")._rows.chunks is not None
    for rows in (slice(0, shape[0]), slice(3, 9), slice(5, 6), slice(4, 4)):
        np.testing.assert_array_equal(source.read("x", rows), values[rows])
    if len(shape) == 1:
        out = np.empty(10)
        source.read_into("x", slice(3, 13), out)
        np.testing.assert_array_equal(out, values[3:13])
    source.close()


def test_only_chunks_that_rows_touch_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=np.arange(1000.0), chunks=(100,), compression="gzip")
    fetched: list[int] = []
    real = _chunks._decode
    monkeypatch.setattr(
        _chunks, "_decode", lambda table, raw, skipped: fetched.append(1) or real(table, raw, skipped)
    )
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    assert source.read("x", slice(250, 310)).tolist() == list(range(250, 310))
    assert len(fetched) == 2
    source.close()


def test_chunks_never_written_hold_the_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        node = f.create_dataset("x", (1000,), "f8", chunks=(100,), fillvalue=-1.0)
        node[200:300] = np.arange(100)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    expected = np.full(1000, -1.0)
    expected[200:300] = np.arange(100)
    np.testing.assert_array_equal(source.read("x"), expected)
    source.close()


def test_chunks_through_libhdf5_where_addresses_are_not_plain(tmp_path: Path) -> None:
    """A file object has no descriptor; behind a user block addresses count from elsewhere."""
    values = np.random.default_rng(0).random((300, 4))
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as f:
        f.create_dataset("x", data=values, chunks=(50, 3), compression="gzip", shuffle=True)
    for place in (tmp_path / "x.h5", io.BytesIO((tmp_path / "x.h5").read_bytes())):
        source = H5Source(place, limits=LIMITS)
        assert source._dataset("x")._rows.chunks is not None
        np.testing.assert_array_equal(source.read("x", slice(70, 290)), values[70:290])
        source.close()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            zlib.compress(bytes(79)),
            r"the chunk that starts at \(20,\): it holds 79 bytes instead of 80",
        ),
        (zlib.compress(bytes(80))[:-8], "end too early"),
        (zlib.compress(bytes(81)), "it inflates to more than the 80 bytes that a chunk has"),
        (zlib.compress(bytes(1 << 20)), "more than the 80 bytes .*, and was not inflated further"),
        (zlib.compress(bytes(80))[:-1], "end too early"),  # all is there but its checksum
        (b"no zlib", "its compressed data are damaged"),
    ],
)
def test_damaged_chunks(raw: bytes, message: str) -> None:
    good = zlib.compress(np.arange(10.0).tobytes())
    table = _chunks.ChunkTable(
        shape=(25,),
        chunk=(10,),
        dtype=np.dtype("f8"),
        filters=(_chunks.DEFLATE,),
        first=np.array([[0], [20]]),
        offset=np.zeros(2, np.int64),
        size=np.zeros(2, np.int64),
        skipped=np.zeros(2, np.int64),
        fill=-1.0,
    )
    out = np.zeros(20)
    _chunks.decode_into(table, [good, raw].__getitem__, slice(0, 20), out)  # does not touch the bad one
    assert out.tolist() == [*range(10), *[-1] * 10]
    with pytest.raises(_chunks.DamagedChunkError, match=message):
        _chunks.decode_into(table, [good, raw].__getitem__, slice(0, 25), np.zeros(25))


def test_what_is_not_there(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["units/quality"] = [1]
        f["units/gone"] = h5py.SoftLink("/nowhere")
        f["units/none"] = h5py.Empty("f8")
        f["type"] = np.dtype("f8")
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    for path, message in {
        "units/qualitty": r"x\.h5: has no units/qualitty; did you mean 'quality'\?",
        "nowhere/x": "has no nowhere/x: nowhere is not there",
        "units/gone": "units/gone is a link that leads to nothing; the file is incomplete",
        "units": "units is a group where a dataset was expected",
    }.items():
        with pytest.raises((LookupFailure, FormatError), match=message):
            source.read(path)
    assert source.read("units/none").shape == (0,)
    assert source.kind("type") is None
    assert [source.link(path)[0] for path in ("units/gone", "units/x", "units/quality/x")] == [
        "soft",
        "none",
        "none",
    ]
    source.close()


@pytest.mark.parametrize("options", [{"compression": "lzf"}, {"scaleoffset": 0}])
def test_other_filters_are_left_to_libhdf5(tmp_path: Path, options: Any) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=np.arange(1000), chunks=(100,), **options)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    assert source._dataset("x")._rows.chunks is None
    warned: Any = nullcontext()
    if "scaleoffset" in options:
        warned = pytest.warns(NwbinWarning, match="x is under scaleoffset")
    with warned:
        assert source.read("x").tolist() == list(range(1000))
    source.close()


def test_chunks_behind_an_external_link(tmp_path: Path) -> None:
    # At other places than in the file that links to them.
    for name, value in (("a.h5", 1.0), ("b.h5", 2.0)):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("x", data=np.full(400_000, value), chunks=(10_000,))
            file.create_dataset("t", data=[name] * 50, dtype=h5py.string_dtype(), chunks=(10,))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["far"] = h5py.ExternalLink("b.h5", "x")
        file["far_text"] = h5py.ExternalLink("b.h5", "t")
    source = H5Source(tmp_path / "a.h5", follow_external_links=True, limits=LIMITS)
    assert set(source.read("far").tolist()) == {2.0}
    assert set(source.read("far_text").tolist()) == {"b.h5"}
    source.close()


def test_nothing_stays_open_behind_links(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "b.h5", "w") as f:
        f["x"] = np.arange(10.0)
        f.create_dataset("t", data=["a"] * 50, dtype=h5py.string_dtype(), chunks=(10,))
    with h5py.File(tmp_path / "a.h5", "w") as f:
        f["x"] = h5py.ExternalLink("b.h5", "/x")
        f["t"] = h5py.ExternalLink("b.h5", "/t")
    source = H5Source(tmp_path / "a.h5", follow_external_links=True, limits=LIMITS)
    assert source.read("x").tolist() == list(range(10))
    assert source.read("t").tolist() == ["a"] * 50
    source.close()
    with h5py.File(tmp_path / "b.h5", "a") as f:
        f["y"] = 1
    for ask in (source.layout, source.allow, source.read, source.mapped, source.text_codes):
        with pytest.raises(FileAccessError, match=r"a\.h5: is closed"):
            ask("x")


def test_what_is_not_there_is_not_asked_for_once_it_is_closed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as f:
        f["group/x"] = np.arange(3)
    source = H5Source(tmp_path / "a.h5")
    assert source.children("group") == ["x"]
    assert source.kind("group/y") is None
    source.close()
    with pytest.raises(FileAccessError, match=r"a\.h5: is closed"):
        source.kind("group/z")


def chunk_keys(path: Path) -> tuple[bytearray, int, int]:
    """Write x in two chunks; return the file's bytes and where the keys of these stand in the B-tree."""
    with h5py.File(path, "w") as f:
        f["far"] = np.zeros(50_000)
        f.create_dataset("x", data=np.arange(200.0), chunks=(100,))
    data = bytearray(path.read_bytes())
    tree = data.rfind(b"TREE\x01\x00\x02\x00")
    assert tree > 0
    # A key is the size in the file (4 bytes), skipped filters (4), where it begins (8), 0 (8); then the address.
    return data, tree + 24, tree + 24 + 32


@pytest.mark.parametrize("top", [0xC0, 0x7F])
def test_a_damaged_address_of_a_chunk(tmp_path: Path, top: int) -> None:
    data, _, second = chunk_keys(tmp_path / "x.h5")
    data[second + 31] = top
    (tmp_path / "x.h5").write_bytes(data)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    reader = source._dataset("x")._rows.chunks
    assert reader is not None
    out = np.empty(100)
    reader.read_into(slice(0, 100), out)
    assert out.tolist() == list(range(100))
    with pytest.raises(
        FileAccessError, match=r"its 800 bytes at \d+ are not in the file; .* probably damaged"
    ):
        reader.read_into(slice(0, 200), np.empty(200))
    source.close()


def test_numbers_that_are_too_large_are_damage(tmp_path: Path) -> None:
    chunk_keys(tmp_path / "x.h5")
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    with (
        pytest.raises(FileAccessError, match=r"x cannot be read .* probably damaged"),
        source._file.reading("x"),
    ):
        np.array([2**63], np.int64)
    source.close()


def test_a_damaged_size_of_a_chunk(tmp_path: Path) -> None:
    """No more is read than a chunk can have, even where the file has it."""
    data, first, _ = chunk_keys(tmp_path / "x.h5")
    data[first : first + 4] = (100_000).to_bytes(4, "little")
    data += bytes(100_000)  # behind the chunk
    (tmp_path / "x.h5").write_bytes(data)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    reader = source._dataset("x")._rows.chunks
    assert reader is not None
    with pytest.raises(FileAccessError, match="its 100000 bytes at"):
        reader.read_into(slice(0, 200), np.empty(200))
    source.close()


def test_two_chunks_of_one_place(tmp_path: Path) -> None:
    data, first, second = chunk_keys(tmp_path / "x.h5")
    data[second + 8 : second + 16] = data[first + 8 : first + 16]
    (tmp_path / "x.h5").write_bytes(data)
    source = H5Source(tmp_path / "x.h5", limits=LIMITS)
    assert source._dataset("x")._rows.chunks is None  # which of them holds is for libhdf5 to say
    source.close()
