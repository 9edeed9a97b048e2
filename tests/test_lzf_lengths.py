"""Chunks under lzf are measured before libhdf5 decodes them: what is missing it takes from memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pytest

import nwbin
from nwbin.check import check
from nwbin.errors import FileAccessError
from nwbin.storage.hdf5._chunks import ChunkTable, DamagedChunkError, _summed, can_measure, check_chunk
from tests.small_files import TEXT, write_small

OPTIONS: dict[str, dict[str, Any]] = {
    "lzf": {}, "shuffled": {"shuffle": True}, "summed": {"fletcher32": True},
    "all": {"shuffle": True, "fletcher32": True},
}  # fmt: skip
# lzf of three float64: a 1 and 23 zeros, which are repeated from one byte back.
SOUND = b"\x01\x01\x00\xe0\x0d\x00"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


def with_chunk(path: Path, raw: bytes, kind: Any = "f8", mask: int = 0, **options: Any) -> None:
    with h5py.File(path, "a") as f:
        del f["units/big"]
        node = f.create_dataset("units/big", (3,), kind, chunks=(3,), compression="lzf", **options)
        node.id.write_direct_chunk((0,), raw, filter_mask=mask)


@pytest.mark.parametrize("options", list(OPTIONS))
@pytest.mark.parametrize("kind", ["zeros", "steps", "noise", "words"])
def test_what_lzf_writes_is_measured_right(tmp_path: Path, kind: str, options: str) -> None:
    rng = np.random.default_rng(0)
    values = {
        "zeros": np.zeros(5000), "steps": np.arange(5000) // 7, "noise": rng.random(5000),
        "words": rng.choice([1e5, 2.5, 3.25, 1 / 3], 5000),
    }[kind]  # fmt: skip
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=values, chunks=(700,), compression="lzf", **OPTIONS[options])
    source = nwbin.storage.hdf5.H5Source(tmp_path / "x.h5")
    assert source.layout("x").not_compared == ()
    assert source.read("x").tolist() == values.tolist()
    assert source.read("x", slice(650, 1450)).tolist() == values[650:1450].tolist()
    source.close()


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (b"\x00\x01", "it holds 1 bytes instead of 24"),
        (SOUND[:3], "it holds 2 bytes instead of 24"),
        (SOUND[:4], "its compressed data end too early"),
        (SOUND[:5], "its compressed data end too early"),
        (b"\x1f\x01", "its compressed data end too early|decodes to more"),
        (b"\x01\x01\x00\xe0\x0c\x00", "it holds 23 bytes instead of 24"),
        (b"\x01\x01\x00\xe0\x0e\x00", "decodes to more than the 24 bytes"),
        (b"\x01\x01\x00" + b"\xe0\xff\x00" * 20, "decodes to more than the 24 bytes"),
    ],
)
def test_a_chunk_of_another_length(small: Path, raw: bytes, wrong: str) -> None:
    with_chunk(small, raw)
    with (
        nwbin.File(small) as f,
        pytest.raises(FileAccessError, match=rf"units/big: the chunk that starts at \(0,\): .*({wrong})"),
    ):
        f.table("units").column("big")
    assert [one.object for one in check(small).findings if one.severity == "error"] == ["units/big"]


def test_a_sound_chunk_by_hand(small: Path) -> None:
    with_chunk(small, SOUND)
    with nwbin.File(small) as f:
        assert f.table("units").column("big").tolist() == [np.frombuffer(b"\1" + bytes(7))[0], 0, 0]
    assert not [one for one in check(small).findings if one.object == "units/big"]


@pytest.mark.parametrize("options", [{"shuffle": True}, {"fletcher32": True}])
def test_a_short_chunk_under_other_filters_too(small: Path, options: dict[str, Any]) -> None:
    raw = b"\x00\x01"
    if "fletcher32" in options:  # h5py has it put behind what lzf has made
        raw += _summed(memoryview(raw)).to_bytes(4, "little")
    with_chunk(small, raw, **options)
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match="units/big: the chunk that starts at"):
        f.table("units").column("big")


def test_a_chunk_that_lzf_was_not_applied_to(small: Path) -> None:
    with_chunk(small, np.arange(3.0).tobytes(), mask=1)
    with nwbin.File(small) as f:
        assert f.table("units").column("big").tolist() == [0, 1, 2]
    with_chunk(small, b"1234567", mask=1)
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match="it holds 7 bytes instead of 24"):
        f.table("units").column("big")


def test_a_short_chunk_of_text(small: Path) -> None:
    with_chunk(small, b"\x00\x01", TEXT)
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match="it holds 1 bytes instead of 48"):
        f.table("units").column("big")


def test_a_checksum_under_lzf_is_counted() -> None:
    """In whatever order other programs apply them; HDF5's own numbers."""
    none = np.empty(0, np.int64)
    table = ChunkTable(
        (24,), (24,), np.dtype("u1"), (3, 2, 32000), none, none.astype(np.uint64), none, none, None
    )
    check_chunk(table, b"\x1b" + bytes(28), 0)
    with pytest.raises(DamagedChunkError, match="it holds 20 bytes instead of 24"):
        check_chunk(table, b"\x17" + bytes(24), 0)


def test_what_is_measured() -> None:
    some = ((), (32000,), (2, 32000), (2, 32000, 3), (3, 2, 32000), (2, 1), (1, 3))
    assert [can_measure(filters) for filters in some] == [True] * len(some)
    others = ((1, 2), (1, 32000), (32000, 1), (32000, 32000), (32001,), (2, 32015))
    assert [can_measure(filters) for filters in others] == [False] * len(others)
