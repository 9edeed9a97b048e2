"""Text and attributes: found without libhdf5, and held to its answers; damage is an error."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError
from nwbin.storage.hdf5 import H5Source, _attributes, _stored_rows
from nwbin.storage.hdf5._heap import REFERENCE, Heap
from nwbin.storage.hdf5._strings import HeapStrings
from tests.small_files import TEXT, write_small


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


# ------------------------------------------------------------------ datasets


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


def _columns_behind_one_another(path: Path, rows: int) -> list[str]:
    """Columns of one string each, with an attribute's text between them; libhdf5 writes their last rows first."""
    names = [f"column {number}" for number in range(8)]
    with h5py.File(path, "w") as f:
        for name in names:
            f.create_dataset(name, data=[name] * rows, dtype=TEXT).attrs["description"] = f"about {name}"
    return names


def test_text_behind_other_text_is_not_searched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = _columns_behind_one_another(tmp_path / "x.h5", 3000)
    walked: list[int] = []
    real = Heap._walk
    monkeypatch.setattr(Heap, "_walk", lambda self, address: walked.append(address) or real(self, address))
    source = H5Source(tmp_path / "x.h5")
    for name in names:
        found = source.text_codes(name)
        assert found is not None
        assert found[1] == [name]
        assert not found[0].any()
    source.close()
    assert walked == []


@pytest.mark.parametrize("damage", ["size", "number", "number of the next", "far"])
def test_text_behind_damage(tmp_path: Path, damage: str) -> None:
    """Whether what lies before it was read or not, the answer is the same."""
    path = tmp_path / "x.h5"
    first, second, *_ = _columns_behind_one_another(path, 20)
    raw = bytearray(path.read_bytes())
    header = raw.index(b"about column 0") - 16
    next_number = int.from_bytes(raw[header : header + 2], "little") + 1
    at, new = {
        "size": (header + 8, (24).to_bytes(8, "little")),
        "number": (header, (60_000).to_bytes(2, "little")),
        "number of the next": (header, next_number.to_bytes(2, "little")),
        "far": (header + 8, (2**63).to_bytes(8, "little")),
    }[damage]
    raw[at : at + len(new)] = new
    path.write_bytes(raw)

    def read(*names: str) -> Any:
        source = H5Source(path)
        try:
            return [source.read(name).tolist() for name in names][-1]
        except FileAccessError as error:
            return str(error)
        finally:
            source.close()

    assert read(first) == [first] * 20
    assert read(first, second) == read(second)
    assert (read(second) == [second] * 20) == (damage == "number")


def test_distinct_text_is_made_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["x"] = np.array(["same text"] * 1000, TEXT)
    source = H5Source(tmp_path / "x.h5")
    assert len({id(value) for value in source.read("x").tolist()}) == 1
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
    found = None
    with suppress(FileAccessError):  # libhdf5 would have to write, to say what it is
        found = source.read("t").tolist()
    with h5py.File(path) as file:
        try:
            expected = file["t"].asstr()[:].tolist()
        except OSError:
            expected = None
    assert found == expected
    source.close()


# ------------------------------------------------------------------ attributes


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


# ------------------------------------------------------------------ damage


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


def test_text_that_is_no_utf_8(small: Path) -> None:
    with h5py.File(small, "a") as h5:
        del h5["units/quality"]
        h5.create_dataset("units/quality", data=np.array([b"\xff\xfe", b"ok", b""], dtype=object), dtype=TEXT)
    with nwbin.File(small) as f:
        assert f.units["quality"].tolist() == ["\udcff\udcfe", "ok", ""]


def test_text_overwritten_with_zeros(small: Path) -> None:
    """Libhdf5 would look for the end of a heap of zeros for ever."""
    data = bytearray(small.read_bytes())
    heap = data.find(b"GCOL")
    data[heap + 200 : heap + 1000] = bytes(800)
    small.write_bytes(bytes(data))
    for name in ("units/quality", "general/subject", "intervals/trials/contrast"):
        with (
            nwbin.File(small) as f,
            pytest.raises(FileAccessError, match=r"text .*is not where it should be"),
        ):
            f.attributes(name) if name == "general/subject" else f._source.read(name)


def test_text_that_only_libhdf5_can_follow(small: Path) -> None:
    """Under another filter, say. It is let go ahead where it will come back."""
    with h5py.File(small, "a") as f:
        f.create_dataset("acquisition/text", data=["a", "b", "a"], dtype=TEXT, chunks=(3,), compression="lzf")
    with nwbin.File(small) as f:
        assert f.measurement("acquisition/text")[0].tolist() == ["a", "b", "a"]
    data = bytearray(small.read_bytes())
    heap = data.rfind(b"GCOL")
    data[heap + 16 : heap + 1000] = bytes(984)
    small.write_bytes(bytes(data))
    with (
        nwbin.File(small) as f,
        pytest.raises(
            FileAccessError, match=r"text at byte [\d,]+ is overwritten with zeros.*download it again"
        ),
    ):
        f.measurement("acquisition/text")


@pytest.mark.parametrize("what", ["length", "address", "heap"])
def test_a_damaged_text_attribute(small: Path, what: str) -> None:
    """libhdf5 crashes on some of these, or first sets aside as much memory as the damaged length says."""
    data = bytearray(small.read_bytes())
    heap = data.find(b"GCOL")
    number = data.find(b"wild") - 16  # the text's header in the heap: which it is, and its size
    ref = data.find((4).to_bytes(4, "little") + heap.to_bytes(8, "little") + data[number : number + 2])
    assert ref > 0
    at, new = {
        "length": (ref, 0xFFFFFFF0.to_bytes(4, "little")),
        "address": (ref + 4, (len(data) - 8).to_bytes(8, "little")),
        "heap": (number + 8, (2**63).to_bytes(8, "little")),
    }[what]
    data[at : at + len(new)] = new
    small.write_bytes(bytes(data))
    with (
        nwbin.File(small) as f,
        pytest.raises(
            FileAccessError, match=r"subject cannot be read \(the text of its attribute strain is not"
        ),
    ):
        f.attributes("general/subject")


def test_a_text_attribute_that_claims_more_than_it_has(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer versions of libhdf5 refuse these themselves, older ones do not look."""
    real = _attributes.attribute_places
    monkeypatch.setattr(
        _attributes,
        "attribute_places",
        lambda data, address: {
            key: (start, REFERENCE.itemsize - 1 if key == b"strain" else room)
            for key, (start, room) in real(data, address).items()
        },
    )
    with (
        nwbin.File(small) as f,
        pytest.raises(FileAccessError, match=r"the text of its attribute strain is not where it should be"),
    ):
        f.attributes("general/subject")


def test_text_in_a_file_object_asks_for_no_chunks(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There libhdf5 reads it, and asking where all of them lie takes long."""
    with h5py.File(small, "r+") as f:
        f.create_dataset("t", data=["a", "b"] * 50, dtype=h5py.string_dtype(), chunks=(10,))
    asked: list[str] = []
    real = _stored_rows.chunk_reader
    monkeypatch.setattr(
        _stored_rows, "chunk_reader", lambda file, path, *rest: asked.append(path) or real(file, path, *rest)
    )
    for place in (io.BytesIO(small.read_bytes()), small):
        source = H5Source(place)
        assert source.read("t", slice(5, 8)).tolist() == ["b", "a", "b"]
        assert asked == ([] if source.path is None else ["t"])
        source.close()


@pytest.mark.parametrize("rows", [1, 40])  # looked up one by one, and as a stretch
def test_text_shorter_than_what_is_stored(tmp_path: Path, rows: int) -> None:
    """A reference to the first bytes of a string is damaged: what they say was never written."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as f:
        f["x"] = np.array(["VISpm"] * rows, TEXT)
        place = f["x"].id.get_offset()
    raw = bytearray(path.read_bytes())
    for row in range(rows):
        raw[place + row * REFERENCE.itemsize] -= 1  # "VISp" is an area too
    path.write_bytes(raw)
    source = H5Source(path)
    for read in (source.read, source.text_codes):
        with pytest.raises(FileAccessError, match="its text is not where it should be"):
            read("x")
    source.close()


def test_text_that_points_nowhere(small: Path) -> None:
    with h5py.File(small) as f:
        offset = f["units/quality"].id.get_offset()
    data = bytearray(small.read_bytes())
    data[offset + 4 : offset + 12] = (12345).to_bytes(8, "little")
    small.write_bytes(bytes(data))
    with (
        nwbin.File(small) as f,
        pytest.raises(FileAccessError, match=r"units/quality cannot be read .its text is not"),
    ):
        f.units  # noqa: B018
