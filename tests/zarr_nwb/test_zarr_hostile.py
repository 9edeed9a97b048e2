"""What is damaged in a store, or meant to do harm, is an error that says so; nothing outside of it is read."""

from __future__ import annotations

import json
import os
import pickle
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.check import check
from nwbin.errors import FileAccessError, FormatError, LookupFailure, NwbinError
from nwbin.storage.zarr._chunks import text_of
from tests.zarr_nwb.writer import write_zarr


def metadata(store: Path, path: str = "") -> tuple[Path, dict[str, Any]]:
    """Where the metadata of an array or group stand, and what they say."""
    for name in ("zarr.json", ".zarray", ".zgroup"):
        at = store / path / name
        if at.is_file():
            return at, json.loads(at.read_text())
    raise AssertionError(path)


def bend(store: Path, path: str, **said: Any) -> None:
    at, before = metadata(store, path)
    at.write_text(json.dumps({**before, **said}))


def attributes(store: Path, path: str, **said: Any) -> None:
    at, before = metadata(store, path)
    if at.name == "zarr.json":
        before.setdefault("attributes", {}).update(said)
    else:
        at = at.with_name(".zattrs")
        before = {**json.loads(at.read_text()), **said}
    at.write_text(json.dumps(before))


def chunks(store: Path, path: str) -> list[Path]:
    """The chunks of an array, in order."""
    found = [
        one for one in (store / path).rglob("*") if one.is_file() and not one.name.startswith((".z", "zarr"))
    ]
    return sorted(found, key=lambda one: [int(part) for part in one.name.split(".")])


def is_3(store: Path) -> bool:
    return (store / "zarr.json").is_file()


def read_all(store: Path) -> None:
    with nwbin.File(store) as file:
        _ = file.units, file.electrodes, file.subject, file.devices, file.electrode_groups
        for name in file.intervals:
            _ = file.intervals[name]
        file.spike_trains()


# ------------------------------------------------------------------ chunks that are not there


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_an_absent_chunk_of_times_is_an_error(small: Path) -> None:
    chunks(small, "units/spike_times")[0].unlink()
    with (
        nwbin.File(small) as file,
        pytest.raises(
            FileAccessError, match=r"units/spike_times cannot be read: its chunk [c/]*0, of 7 values, is not "
        ),
    ):
        file.spike_trains()
    assert any("is not there" in one.finding for one in check(small).findings if one.severity == "error")


@pytest.mark.parametrize("name", ["start_time", "stop_time"])
def test_an_absent_chunk_of_intervals_is_an_error(small: Path, name: str) -> None:
    chunks(small, f"intervals/trials/{name}")[0].unlink()
    with (
        nwbin.File(small) as file,
        pytest.raises(FileAccessError, match=r"its chunk .* of 4 values, is not there"),
    ):
        _ = file.intervals["trials"]


def test_absent_ends_of_trains_are_an_error(small: Path) -> None:
    for one in chunks(small, "units/spike_times_index"):
        one.unlink()
    with (
        nwbin.File(small) as file,
        pytest.raises(FormatError, match="spike_times_index is not there, or not all of it"),
    ):
        file.spike_trains()


def test_any_other_absent_chunk_is_what_zarr_says_and_is_told_of(small: Path) -> None:
    chunks(small, "units/rate")[0].unlink()
    with nwbin.File(small) as file:
        assert file.units["rate"].tolist() == [0.0, 0.0, 0.0]
    notes = [one for one in check(small).findings if one.object == "units/rate"]
    assert [one.severity for one in notes] == ["note"]
    assert "1 chunk of it is not there" in notes[0].finding


@pytest.mark.parametrize("small", [2], indirect=True)
def test_a_dtype_that_numpy_takes_for_a_program(small: Path) -> None:
    bend(small, "units/rate", dtype="(1,,2)f4")
    with nwbin.File(small) as file, pytest.raises(FormatError, match="units/rate cannot be read"):
        file._source.read("units/rate")


@pytest.mark.parametrize("small", [2], indirect=True)  # format 3 has always one
def test_without_a_fill_value_an_absent_chunk_is_an_error(small: Path) -> None:
    bend(small, "units/rate", fill_value=None)
    chunks(small, "units/rate")[0].unlink()
    with nwbin.File(small) as file, pytest.raises(FileAccessError, match="Zarr would take nothing, which"):
        _ = file.units


def test_zeros_that_were_not_worth_writing(small_file: Path, tmp_path: Path) -> None:
    """What zarr-python 3 leaves out is read as it was."""
    path = write_zarr(small_file, tmp_path / "small.zarr", format=3)
    assert not chunks(path, "acquisition/wheel/data") or is_3(path)
    import zarr

    electrodes = zarr.open_group(path)["general/extracellular_ephys/electrodes"]
    array = electrodes.create_array("zeros", shape=(2,), dtype="i4")
    array[...] = 0
    assert not chunks(path, "general/extracellular_ephys/electrodes/zeros")
    with nwbin.File(path) as file:
        assert file.electrodes["zeros"].tolist() == [0, 0]


def test_absent_chunks_of_bytes_are_their_fill_value(small_file: Path, tmp_path: Path) -> None:
    import zarr

    path = write_zarr(small_file, tmp_path / "small.zarr", format=3)
    electrodes = zarr.open_group(path)["general/extracellular_ephys/electrodes"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such text has no specification yet
        array = electrodes.create_array("area", shape=(2,), chunks=(1,), dtype="S4", fill_value=b"VIS")
    array[1] = b"VISp"
    assert len(chunks(path, "general/extracellular_ephys/electrodes/area")) == 1
    with nwbin.File(path) as file:
        assert file.electrodes["area"].tolist() == ["VIS", "VISp"]


# ------------------------------------------------------------------ chunks that are damaged


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 0xFF, *raw[1:]])


@pytest.mark.parametrize(
    "how", [cut, flipped, lambda raw: b"", lambda raw: raw + raw], ids=["cut", "flipped", "empty", "twice"]
)
@pytest.mark.parametrize("name", ["spike_times", "quality", pytest.param("id", marks=pytest.mark.slow)])
def test_damaged_chunks(small: Path, name: str, how: Callable[[bytes], bytes]) -> None:
    at = chunks(small, f"units/{name}")[0]
    at.write_bytes(how(at.read_bytes()))
    with pytest.raises(
        NwbinError, match=rf"small\.nwb\.zarr: units/{name} cannot be read: its chunk .* (damaged|has)|{name}"
    ):
        read_all(small)
    assert not check(small).ok


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_a_chunk_that_claims_to_be_huge(small: Path) -> None:
    """A few bytes that would be very many."""
    at, said = metadata(small, "units/spike_times")
    bomb = zlib.compress(b"\0" * (1 << 20), 9)
    if is_3(small):
        said["codecs"] = [said["codecs"][0], {"name": "numcodecs.zlib", "configuration": {"level": 9}}]
    else:
        said["compressor"] = {"id": "zlib", "level": 9}
    at.write_text(json.dumps(said))
    chunks(small, "units/spike_times")[0].write_bytes(bomb)
    with nwbin.File(small) as file, pytest.raises(FileAccessError, match="holds more than the 56 bytes"):
        file.spike_trains()


@pytest.mark.parametrize("codec", ["blosc", "zstd"])
def test_headers_that_lie(small: Path, codec: str) -> None:
    at, said = metadata(small, "units/spike_times")
    if codec == "blosc":
        raw = (
            bytes([2, 1, 1, 8])
            + (1 << 31).to_bytes(4, "little")
            + (1 << 20).to_bytes(4, "little")
            + (20).to_bytes(4, "little")
        )
        raw += b"\0\0\0\0"
    else:
        raw = b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + (1 << 40).to_bytes(8, "little") + b"\0" * 10
    if is_3(small):
        said["codecs"] = [said["codecs"][0], {"name": codec, "configuration": {}}]
    else:
        said["compressor"] = {"id": codec}
    at.write_text(json.dumps(said))
    chunks(small, "units/spike_times")[0].write_bytes(raw)
    with nwbin.File(small) as file, pytest.raises(FileAccessError, match=r"holds [\d,]+ bytes of 56"):
        file.spike_trains()


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_strings_that_lie(small: Path) -> None:
    at, said = metadata(small, "units/quality")
    if is_3(small):
        said["codecs"] = said["codecs"][:1]
    else:
        said["compressor"] = None
    at.write_text(json.dumps(said))
    chunk = chunks(small, "units/quality")[0]
    for raw in (b"\xff\xff\xff\xff", (3).to_bytes(4, "little") + b"\xff\xff\xff\x7f" + b"good", b""):
        chunk.write_bytes(raw)
        with nwbin.File(small) as file, pytest.raises(NwbinError, match="units/quality cannot be read"):
            _ = file.units


@pytest.mark.parametrize("codec", ["vlen-utf8", "vlen-bytes"])
def test_strings_that_are_fewer_than_claimed(codec: str) -> None:
    """Nothing is made for strings that so few bytes cannot hold: a hundred million would take 820 MB."""
    with pytest.raises(ValueError, match="it has 16 bytes, but claims to hold 100,000 strings"):
        text_of(codec, (100_000).to_bytes(4, "little") + b"\0" * 12, 100_000)
    assert text_of("vlen-utf8", (3).to_bytes(4, "little") + b"\0" * 12, 3).tolist() == ["", "", ""]


# ------------------------------------------------------------------ metadata


@pytest.mark.parametrize(
    "said",
    [
        {"shape": [10**15]}, {"shape": [-1]}, {"shape": [3.5]}, {"shape": "x"}, {"shape": [3] * 99}, {"shape": [3, 3]},
        {"shape": None},
    ],
    ids=str,
)  # fmt: skip
def test_shapes_that_cannot_be(small: Path, said: dict[str, Any]) -> None:
    bend(small, "units/spike_times", **said)
    with pytest.raises(NwbinError, match=r"small\.nwb\.zarr: units"):
        read_all(small)


def test_more_than_the_chunks_hold(small: Path) -> None:
    at, said = metadata(small, "units/spike_times")
    said["shape"] = [10**10]
    if is_3(small):
        said["chunk_grid"]["configuration"]["chunk_shape"] = [10**9]
    else:
        said["chunks"] = [10**9]
    at.write_text(json.dumps(said))
    with nwbin.File(small) as file, pytest.raises(NwbinError, match=r"claims (shape|to hold)"):
        file.spike_trains()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 100_000, '{"shape": [3]}'],
    ids=["", "{", "[]", "null", "deep", "bare"],
)
@pytest.mark.parametrize("path", ["", "units/quality", pytest.param("units", marks=pytest.mark.slow)])
def test_metadata_that_are_none(small: Path, path: str, text: str) -> None:
    at, _ = metadata(small, path)
    at.write_text(text)
    if not path and at.name == ".zgroup" and text not in ("",):
        (small / ".zmetadata").unlink()
    if at.name == ".zgroup" and text == '{"shape": [3]}':
        read_all(small)  # a group of format 2 says nothing but its format
        return
    with pytest.raises(NwbinError):
        read_all(small)


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_lost_metadata(small: Path) -> None:
    """What the gathered metadata list, and is not there, was lost: the table would be short of a column."""
    metadata(small, "units/quality")[0].unlink()
    with pytest.raises(
        FormatError, match="units/quality is listed in its consolidated metadata, but its own are not"
    ):
        read_all(small)


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_neither_a_group_nor_an_array(small: Path) -> None:
    if is_3(small):
        bend(small, "units/quality", node_type="program")
        message = "says node_type 'program', neither a group nor an array"
    else:
        (small / "units/quality/.zgroup").write_text('{"zarr_format": 2}')
        message = r"has the metadata of an array \(\.zarray\) and those of a group"
    with pytest.raises(FormatError, match=message):
        read_all(small)


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_unknown_codecs(small: Path) -> None:
    at, said = metadata(small, "units/rate")
    if is_3(small):
        said["codecs"].append({"name": "secret-sauce"})
    else:
        said["compressor"] = {"id": "secret-sauce"}
    at.write_text(json.dumps(said))
    with pytest.raises(
        FormatError, match="units/rate is stored under 'secret-sauce', which nwbin does not undo"
    ):
        read_all(small)


class Evil:
    ran: list[str]

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ["NWBIN_TEST_EVIL"],)


def test_pickles_are_never_run(small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(small_file, tmp_path / "small.zarr", format=2, text="pickle")
    target = tmp_path / "ran"
    monkeypatch.setenv("NWBIN_TEST_EVIL", str(target))
    for at in path.rglob("*"):
        if at.name == "0" and "pickle" in at.with_name(".zarray").read_text():
            at.write_bytes(pickle.dumps(Evil()))
    with nwbin.File(path) as file:
        with pytest.raises(
            FormatError, match="units/quality is stored as pickles, which are programs; nwbin never runs"
        ):
            _ = file.units
        with pytest.raises(FormatError, match="holds object references"):
            file.unit_table.column("electrode_group")
    check(path)
    assert not target.exists()


# ------------------------------------------------------------------ ways out of the store


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ({"path": "/../../secret"}, "is a link to '/../../secret', which leads out of the store"),
        ({"path": "..\\secret"}, "which leads out of the store"),
        ({"source": "../x.zarr", "path": "/units"}, r"is a link into another store, '\.\./x\.zarr', which is not"),
        ({"source": "/etc", "path": "/units"}, "is a link into another store, '/etc', which is not followed"),
        ({"source": "https://example.org/x.zarr", "path": "/units"}, "is a link into another store"),
        ({"path": "/extra"}, "is a link that leads back to itself"),
        ({"path": 5}, "has a link that is none"),
    ],
    ids=str,
)  # fmt: skip
def test_links_out(small: Path, link: dict[str, Any], message: str) -> None:
    key = "_LINKS" if is_3(small) else "zarr_link"
    attributes(small, "", **{key: [{"name": "extra", "source": ".", **link}]})
    with nwbin.File(small) as file, pytest.raises(FormatError, match=message):
        file.has("extra")


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_links_inside(small: Path) -> None:
    key = "_LINKS" if is_3(small) else "zarr_link"
    told = [
        {"name": "again", "source": ".", "path": "/units"},
        {"name": "gone", "source": ".", "path": "/nowhere"},
    ]
    attributes(small, "", **{key: told})
    with nwbin.File(small) as file:
        assert file.table("again").ids.tolist() == file.unit_ids.tolist()
        assert not file.has("gone")
        assert file._source.link("gone") == ("soft", "/nowhere")
        with pytest.raises(LookupFailure, match="gone is a link that leads to nothing"):
            file._source.attributes("gone")


def test_names_out(small: Path) -> None:
    """Names of columns are the store's: none of them is a way out."""
    (small.parent / "secret").mkdir()
    for name in ("zarr.json", ".zarray", ".zattrs"):
        if (small / "units/quality" / name).exists():
            (small.parent / "secret" / name).write_bytes((small / "units/quality" / name).read_bytes())
    attributes(small, "units", colnames=["../../secret", "..", "/etc/passwd", "quality", "a\0b", "x" * 5000])
    with nwbin.File(small) as file:
        assert "quality" in file.units.columns
        assert not any("secret" in name or "etc" in name for name in file.units.columns)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    at = tmp_path / "outside"
    at.mkdir()
    return at


def test_symbolic_links_out(small: Path, outside: Path) -> None:
    at = small / "units" / "quality"
    at.rename(outside / "quality")
    at.symlink_to(outside / "quality")
    with pytest.raises(
        FileAccessError, match="is a symbolic link, or behind one, that leads out of the store"
    ):
        read_all(small)


def test_a_chunk_that_is_a_link_or_a_pipe(small: Path, outside: Path) -> None:
    at = chunks(small, "units/rate")[0]
    at.rename(outside / "0")
    at.symlink_to(outside / "0")
    with pytest.raises(FileAccessError, match="leads out of the store"):
        read_all(small)
    at.unlink()
    os.mkfifo(at)  # of which nothing would ever come
    with pytest.raises(FileAccessError, match="is no file"):
        read_all(small)
    at.unlink()
    at.mkdir()
    with pytest.raises(FileAccessError, match="is no file"):
        read_all(small)


def test_links_within_the_folder_are_followed(small: Path) -> None:
    at = chunks(small, "units/rate")[0]
    at.rename(small / "kept")
    at.symlink_to(small / "kept")
    read_all(small)


@pytest.mark.parametrize("small", [2, 3], indirect=True)
def test_changed_while_open(small: Path) -> None:
    with nwbin.File(small) as file:
        at = small / ("zarr.json" if is_3(small) else ".zattrs")
        at.write_bytes(at.read_bytes())
        os.utime(at, (1, 1))
        with pytest.raises(FileAccessError, match="its metadata were written to"):
            _ = file.units


def bent_bytes(raw: bytes) -> Iterator[bytes]:
    rng = np.random.default_rng(5)
    for _ in range(2):
        one = bytearray(raw)
        one[int(rng.integers(len(one)))] = int(rng.integers(256))
        yield bytes(one)


@pytest.mark.slow
def test_no_bent_byte_is_more_than_an_error(small: Path) -> None:
    for at in sorted(small.rglob("*")):
        if not at.is_file() or not (raw := at.read_bytes()):
            continue
        for bent in bent_bytes(raw):
            at.write_bytes(bent)
            with suppress(NwbinError):
                read_all(small)
        at.write_bytes(raw)
