"""The bytes: chunks decoded side by side and text found in the heap, both held to libhdf5's answers."""

from __future__ import annotations

import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - compared with
import numpy as np
import pytest

from nwbin import _chunks
from nwbin._hdf5 import H5Source
from nwbin._strings import HeapStrings
from nwbin.errors import FileAccessError
from tests.small_files import TEXT

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "bench_reading.py"


@pytest.fixture(autouse=True)
def chunks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwbin._hdf5._dataset._SMALL", 0)  # small data would be left to libhdf5
    monkeypatch.setattr("nwbin._hdf5._layout._MOST_COMPRESSED", 10**9)


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
        monkeypatch.setattr(_chunks, "_inflater", zlib)
    else:
        monkeypatch.setattr(_chunks, "_inflater", pytest.importorskip("isal.isal_zlib"))
    values = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=values, chunks=chunk, **options)
    source = H5Source(tmp_path / "x.h5")
    assert source._dataset("x")._chunk_reader is not None
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
    source = H5Source(tmp_path / "x.h5")
    assert source.read("x", slice(250, 310)).tolist() == list(range(250, 310))
    assert len(fetched) == 2
    source.close()


def test_chunks_never_written_hold_the_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        node = f.create_dataset("x", (1000,), "f8", chunks=(100,), fillvalue=-1.0)
        node[200:300] = np.arange(100)
    source = H5Source(tmp_path / "x.h5")
    expected = np.full(1000, -1.0)
    expected[200:300] = np.arange(100)
    np.testing.assert_array_equal(source.read("x"), expected)
    source.close()


@pytest.mark.parametrize("options", [{"compression": "lzf"}, {"fletcher32": True}, {"scaleoffset": 0}])
def test_other_filters_are_left_to_libhdf5(tmp_path: Path, options: Any) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_dataset("x", data=np.arange(1000), chunks=(100,), **options)
    source = H5Source(tmp_path / "x.h5")
    assert source._dataset("x")._chunk_reader is None
    assert source.read("x").tolist() == list(range(1000))
    source.close()


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize(
    "options", [{}, {"chunks": (50,)}, {"chunks": (50,), "compression": "gzip", "shuffle": True}]
)
@pytest.mark.parametrize("seed", range(6))
def test_text(tmp_path: Path, libver: str, options: Any, seed: int) -> None:
    """Lengths around 8 (words are compared), long ones, repeats, empty ones, columns written in turns."""
    rng = np.random.default_rng(seed)
    some = [
        "",
        "a",
        "é" * 4,
        "12345678",
        "123456789",
        "x" * 200,
        "y" * 70_000 if seed == 5 else "y",
        "1234567\u00e9",
    ]
    some += ["".join(rng.choice(list("ab"), int(rng.integers(1, 20)))) for _ in range(30)]
    values = {name: [some[i] for i in rng.integers(len(some), size=300)] for name in "pq"}
    with h5py.File(tmp_path / "x.h5", "w", libver=libver) as f:
        nodes = {name: f.create_dataset(name, (300,), TEXT, **options) for name in "pq"}
        for begin in range(0, 300, 30):
            for name, node in nodes.items():
                node[begin : begin + 30] = values[name][begin : begin + 30]
        f["p"][7] = "written again"
    values["p"][7] = "written again"
    read = []
    real = HeapStrings.codes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HeapStrings, "codes", lambda self, refs: read.append(1) or real(self, refs))
        source = H5Source(tmp_path / "x.h5")
        for name in "pq":
            assert source.read(name).tolist() == values[name]
            assert source.read(name, slice(90, 140)).tolist() == values[name][90:140]
        source.close()
    assert read


@pytest.mark.parametrize("track_order", [False, True])
@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
@pytest.mark.parametrize("number", [1, 5, 40])
def test_attributes(
    tmp_path: Path, libver: str, number: int, track_order: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As h5py reads them, and text not through libhdf5 unless it is kept apart (newer format, many of them)."""
    long = "x" * 500
    with h5py.File(tmp_path / "x.h5", "w", libver=libver, track_order=track_order) as f:
        group = f.create_group("g", track_order=track_order)
        for i in range(number):
            group.attrs[f"text{i}"] = ["", "a", "é" * i, long][i % 4]
            group.attrs[f"more{i}"] = np.array([["a", ""], ["b" * i, "c"]], dtype=object)
            group.attrs[f"number{i}"] = np.arange(i)
        group.attrs["é"] = "named so"
        group.attrs["gone"] = "gone"
        del group.attrs["gone"]
        group.attrs["text0"] = "written again"
        group.attrs["fixed"] = np.bytes_(b"ab")
        group.attrs.create("empty", h5py.Empty(TEXT))
        group.attrs["ref"] = group.ref
        ragged = np.empty(1, dtype=object)
        ragged[0] = np.arange(2, dtype="i4")
        group.attrs.create("ragged", ragged, dtype=h5py.vlen_dtype("i4"))
        expected = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in group.attrs.items()
            if name not in ("empty", "ref", "ragged")
        }
    through: list[str] = []
    real = h5py.AttributeManager.__getitem__
    monkeypatch.setattr(
        h5py.AttributeManager, "__getitem__", lambda self, name: through.append(name) or real(self, name)
    )
    source = H5Source(tmp_path / "x.h5")
    found = source.attributes("g")
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert type(found[name]) is type(value)
        assert np.array_equal(found[name], value)
    assert source.attribute("g", "none") is None
    kept_apart = (libver != "earliest" or track_order) and number > 1
    assert any(name.startswith(("text", "more")) for name in through) == kept_apart
    source.close()


def test_attributes_of_an_object_in_another_file(tmp_path: Path) -> None:
    """Addresses there are not addresses here."""
    with h5py.File(tmp_path / "y.h5", "w") as f:
        f["filler"] = np.zeros(100)
        f.create_group("g").attrs["text"] = "there"
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f.create_group("g").attrs["text"] = "here"
        f["y"] = h5py.ExternalLink("y.h5", "/g")
    source = H5Source(tmp_path / "x.h5", follow_external_links=True)
    assert source.attribute("y", "text") == "there"
    source.close()


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 24, 129])
def test_text_repeated(tmp_path: Path, length: int) -> None:
    """Long runs of one string, with another of the same length, of another, or none at any place in them."""
    columns = {}
    for at in (None, 0, 1, 50, 98, 99):
        for other in ("", "b" + "a" * (length - 1), "a" * (length - 1) + "b", "c" * (length + 1), "é" * 9):
            columns[f"{at}-{other}"] = values = ["a" * length] * 100
            if at is not None:
                values[at] = other
    with h5py.File(tmp_path / "x.h5", "w") as f:
        nodes = [f.create_dataset(f"x{i}", (100,), TEXT) for i in range(len(columns))]
        for begin in (0, 60):  # columns share heap collections
            for node, values in zip(nodes, columns.values(), strict=True):
                node[begin : begin + 60] = values[begin : begin + 60]
    source = H5Source(tmp_path / "x.h5")
    for i, values in enumerate(columns.values()):
        assert source.read(f"x{i}").tolist() == values
    source.close()


@pytest.mark.parametrize("part", ["number", "size"])
@pytest.mark.parametrize("at", [0, 1, 50, 99])
def test_text_repeated_but_damaged(tmp_path: Path, part: str, at: int) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as f:
        f["x"] = np.array(["so much text"] * 100, TEXT)
    raw = bytearray(path.read_bytes())
    header = raw.index(b"so much text") - 16 + 32 * at
    where = header + (8 if part == "size" else 0)
    raw[where] = 5
    path.write_bytes(raw)
    source = H5Source(path)
    with pytest.raises(FileAccessError, match=r"x cannot be read \(its text is not where it should be\)"):
        source.read("x")
    source.close()


def test_two_strings_of_one_number(tmp_path: Path) -> None:
    """libhdf5 takes the last; the damage may be in either."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as f:
        f["x"] = np.array(["first", "other", "again"], TEXT)
        f["y"] = np.array(["other", "first"], TEXT)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"other") - 16] = 3  # as that of "first" is
    path.write_bytes(raw)
    source = H5Source(path)
    with pytest.raises(FileAccessError, match=r"x cannot be read \(its text is not where it should be\)"):
        source.read("x", slice(0, 1))
    assert source.read("y").tolist() == ["other", "first"]
    source.close()


def test_distinct_text_is_made_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["x"] = np.array(["same text"] * 1000, TEXT)
    source = H5Source(tmp_path / "x.h5")
    assert len({id(value) for value in source.read("x").tolist()}) == 1
    source.close()


def test_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--small", "--steps", "units", "shown", "stimuli", "spikes", "chunks"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for step in ("units", "shown", "stimuli", "spikes", "chunks"):
        assert f"| {step} | nwbin |" in done.stdout
        assert f"| {step} | h5py |" in done.stdout
    assert " answer " not in done.stdout  # it says so where a contender's differs


def test_chunks_behind_an_external_link(tmp_path: Path) -> None:
    # At other places than in the file that links to them.
    for name, value in (("a.h5", 1.0), ("b.h5", 2.0)):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("x", data=np.full(400_000, value), chunks=(10_000,))
            file.create_dataset("t", data=[name] * 50, dtype=h5py.string_dtype(), chunks=(10,))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["far"] = h5py.ExternalLink("b.h5", "x")
        file["far_text"] = h5py.ExternalLink("b.h5", "t")
    source = H5Source(tmp_path / "a.h5", follow_external_links=True)
    assert set(source.read("far").tolist()) == {2.0}
    assert set(source.read("far_text").tolist()) == {"b.h5"}
    source.close()


def test_many_rows_of_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    text = h5py.h5t.py_create(h5py.string_dtype(), logical=True)
    n = 9_000_000  # more than is read without looking at what is stored
    with h5py.File(path, "w") as file:
        h5py.h5d.create(file.id, b"t", text, h5py.h5s.create_simple((n,)), dcpl=plist)
        file["t"][:3] = ["a", "b", "c"]
    source = H5Source(path)
    source.allow("t")
    assert source.read("t", slice(0, 5)).tolist() == ["a", "b", "c", "", ""]
    source.close()


def test_text_that_was_never_written_is_never_another(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("t", (50,), h5py.string_dtype(), chunks=(10,), fillvalue="abc")[:5] = "q"
    source = H5Source(path)
    assert source.read("t", slice(0, 10)).tolist() == ["q"] * 5 + ["abc"] * 5
    with suppress(FileAccessError):  # libhdf5 would have to write, to say what it is
        assert source.read("t").tolist() == ["q"] * 5 + ["abc"] * 45
    source.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="where open files are listed")
def test_errors_that_are_kept_keep_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(b"x" * 1000)
    errors = []
    for _ in range(5):
        with pytest.raises(FileAccessError) as error:
            H5Source(path)
        errors.append(error.value)
    opened = Path("/proc/self/fd").iterdir()
    assert path not in [one.readlink() for one in opened if one.is_symlink()]
