"""What each kind of broken file gets: one error that names file, object, finding and remedy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent
import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError, FormatError, LookupFailure
from tests.small_files import ENDS, TEXT, TIMES, write_small


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


def bend(path: Path, name: str, values: Any, **options: Any) -> None:
    with h5py.File(path, "a") as f:
        del f[name]
        if values is not None:
            f.create_dataset(name, data=values, **options)


# ------------------------------------------------------------------ spikes

WRONG_SPIKES: dict[str, tuple[Callable[[Path], None], str]] = {
    "past the end": (
        lambda p: bend(p, "units/spike_times_index", np.array([4, 4, 8], np.uint8)),
        r"units/spike_times_index\[2\] is 8, but units/spike_times holds only 7 values: .*download it again",
    ),
    "decreasing": (
        lambda p: bend(p, "units/spike_times_index", np.array([4, 2, 7], np.uint8)),
        r"units/spike_times_index\[1\] is 2, less than the 4 before it; .*download the file again",
    ),
    "negative": (
        lambda p: bend(p, "units/spike_times_index", np.array([-1, 4, 7])),
        r"units/spike_times_index\[0\] is -1, less than the 0 before it",
    ),
    "wider than int64": (
        lambda p: bend(p, "units/spike_times_index", np.array([4, 4, 2**64 - 1], np.uint64)),
        r"units/spike_times_index\[2\] is 18446744073709551615",
    ),
    "index of floats": (
        lambda p: bend(p, "units/spike_times_index", np.array([4.0, 4.0, 7.0])),
        "units/spike_times_index should be a list of integers, found float64",
    ),
    "index too short": (
        lambda p: bend(p, "units/spike_times_index", np.array([4, 7])),
        "units/spike_times_index has 2 values, but the table has 3 rows",
    ),
    "no index": (
        lambda p: bend(p, "units/spike_times_index", None),
        "units/spike_times_index is missing: without it no spike can be given to a unit",
    ),
    "no spikes": (lambda p: bend(p, "units/spike_times", None), "units/spike_times is not in this file"),
    "text": (
        lambda p: bend(p, "units/spike_times", np.array(["a"] * 7, TEXT)),
        "units/spike_times should be a list of seconds, found object",
    ),
    "a matrix": (
        lambda p: bend(p, "units/spike_times", np.zeros((7, 2))),
        r"units/spike_times should be a list of seconds, found float64 \(7, 2\)",
    ),
    "NaN": (
        lambda p: bend(p, "units/spike_times", np.where(np.arange(7) == 5, np.nan, TIMES)),
        "units/spike_times: unit 11: spike 1 of 3 is at nan s; spike times must be finite: drop those",
    ),
    "infinite": (
        lambda p: bend(p, "units/spike_times", np.where(np.arange(7) == 6, np.inf, TIMES)),
        "unit 11: spike 2 of 3 is at inf s; spike times must be finite",
    ),
    "unsorted": (
        lambda p: bend(p, "units/spike_times", TIMES[[1, 0, 2, 3, 4, 5, 6]]),
        r"unit 7: spike 1 of 4, at 0\.1 s, comes after one at 0\.2 s; spike times must ascend .*sort them",
    ),
    "the same id twice": (
        lambda p: bend(p, "units/id", [7, 3, 7]),
        r"units/id holds 7 more than once, in rows \[0, 2\]",
    ),
    "no ids": (lambda p: bend(p, "units/id", None), "units/id is missing: every NWB table has an id column"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(WRONG_SPIKES))
def test_wrong_spikes(small: Path, what: str) -> None:
    spoil, message = WRONG_SPIKES[what]
    spoil(small)
    with nwbin.File(small) as f, pytest.raises(nwbin.NwbinError, match=rf"small\.nwb: .*{message}"):
        f.spike_trains()


def test_a_sound_unit_of_a_bad_file_can_be_read(small: Path) -> None:
    WRONG_SPIKES["NaN"][0](small)
    with nwbin.File(small) as f:
        assert f.spike_trains([7]).times.tolist() == TIMES[:4].tolist()


def test_negative_spike_times_are_counted(small: Path) -> None:
    with nwbin.File(small) as f:
        assert nwbin.bin_spikes(f.spike_trains([11]), [-1.0], [0, 1]).ravel().tolist() == [1]


# ------------------------------------------------------------------ shapes, links, tables


@pytest.mark.parametrize("claimed", [10**8, 10**12, 2**60])
@pytest.mark.parametrize("name", ["spike_times", "big", "id", "spike_times_index"])
def test_absurd_shapes(small: Path, claimed: int, name: str) -> None:
    with h5py.File(small, "a") as f:
        del f[f"units/{name}"]
        f.create_dataset(f"units/{name}", (claimed,), "i8" if name != "spike_times" else "f8", chunks=(1000,))
    with (
        nwbin.File(small) as f,
        pytest.raises(
            FormatError, match=rf"units/{name} (claims shape \({claimed},\) of|has {claimed} values)"
        ),
    ):
        _ = (f.spike_trains(), f.units)


def test_an_absurd_chunk(small: Path) -> None:
    """libhdf5 sets aside a whole chunk, and fills it, for one value."""
    with h5py.File(small, "a") as f:
        f.create_dataset("acquisition/wide", (3,), "f8", maxshape=(None,), chunks=(400_000_000,))
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match="reading 3,200,000,000 bytes of that is refused"),
    ):
        f.measurement("acquisition/wide")


def test_columns_that_take_no_room_in_the_file(small: Path) -> None:
    """Chunks never written, parts of other datasets, and filters that shrink more than gzip: all may be."""
    n = 1_000_000
    with h5py.File(small, "a") as f:
        group = f["acquisition"]
        group.create_dataset("unwritten", (n,), "f8", chunks=(1000,), fillvalue=-1.0)
        group.create_dataset("unwritten_text", (n,), TEXT, chunks=(1000,))
        layout = h5py.VirtualLayout((n,), "f8")
        layout[:7] = h5py.VirtualSource(f["units/spike_times"])
        group.create_virtual_dataset("virtual", layout, fillvalue=2.0)
        group.create_dataset("lzf", data=np.full(n, 3.0), chunks=(n,), compression="lzf")
        group.create_dataset("huge", (10**12,), "f8", chunks=(1000,))
    with nwbin.File(small) as f:
        assert (f.measurement("acquisition/unwritten")[0] == -1).all()
        assert set(f.measurement("acquisition/unwritten_text")[0]) == {""}
        virtual = f.measurement("acquisition/virtual")[0]
        assert virtual[:7].tolist() == TIMES.tolist()
        assert (virtual[7:] == 2).all()
        assert (f.measurement("acquisition/lzf")[0] == 3).all()
        source = f._source
        assert source.read("acquisition/huge", slice(10**11, 10**11 + 5)).tolist() == [0] * 5
        with pytest.raises(FormatError, match=r"only 0 are stored .* download it again, or read fewer rows"):
            f.measurement("acquisition/huge")


def test_tiny_chunks(small: Path) -> None:
    """libhdf5 takes kilobytes for each chunk of a read, and has no end of them where none was written."""
    with h5py.File(small, "a") as f:
        flags = h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, basetype="i1")
        f.create_dataset("acquisition/tiny", (20_000,), flags, chunks=(1,), fillvalue=1)
        f["acquisition/tiny"][5000:5010] = 0
        f.create_dataset("acquisition/endless", (20_000_000,), flags, chunks=(1,))
    with nwbin.File(small) as f:
        values = f.measurement("acquisition/tiny")[0]
        assert np.flatnonzero(~values.astype(bool)).tolist() == list(range(5000, 5010))
        assert f._source.read("acquisition/tiny", slice(3000, 5003)).sum() == 2000
        with pytest.raises(FormatError, match=r"endless claims shape .* or read fewer rows"):
            f.measurement("acquisition/endless")


@pytest.mark.parametrize("chunked", [False, True])
def test_without_room_for_a_map(tmp_path: Path, chunked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small(tmp_path / "small.nwb", chunked=chunked)
    with nwbin.File(path) as f:
        expected = f.units, f.spike_trains(), f.subject

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("nwbin.storage.file_map.mmap.mmap", refuse)
    with nwbin.File(path) as f:
        assert f.units.equals(expected[0])
        assert f.spike_trains() == expected[1]
        assert f.subject == expected[2]


def test_a_file_cut_while_it_is_open(small: Path) -> None:
    """Touching a page that the file no longer has would end the process."""
    with h5py.File(small, "a", alignment_threshold=1, alignment_interval=8) as h5:  # so that they are mapped
        for name in ("spike_times", "waveforms"):
            values = h5["units"].pop(name)[()]
            h5["units"][name] = values
    whole = small.stat().st_size
    message = rf"small\.nwb: was cut from {whole:,} bytes to 4,096 while it was open; .* open it again"
    with nwbin.File(small) as f:
        trains, some = f.spike_trains(), f.table("units")
        assert f._spikes.is_mapped
        assert some.rows("waveforms", slice(0, 2)).shape == (2, 2)
        few = trains.select([7])
        os.truncate(small, 4096)
        for touch in (
            lambda: trains[7], lambda: trains.times, lambda: few[7], lambda: repr(trains),
            lambda: nwbin.bin_spikes(trains, [0.0], [0.0, 1.0]),
            lambda: nwbin.bin_spikes(few, np.zeros(10_000), [0.0, 1.0]),
            lambda: nwbin.align_spikes(trains, [0.0], (0.0, 1.0)),
            lambda: nwbin.bin_spikes_sparse(trains, [0.0], [0.0, 1.0]),
            lambda: some.rows("waveforms", slice(0, 2)),
            lambda: some.column("quality"), lambda: f.attributes("general/subject"), lambda: f.session_id,
        ):  # fmt: skip
            with pytest.raises(FileAccessError, match=message):
                touch()
    with pytest.raises(FileAccessError, match=message):  # trains outlive the file, and so does the danger
        trains[7]


def test_a_file_put_in_the_place_of_an_open_one(small: Path) -> None:
    """What was opened goes on being read, also what is first asked for afterwards."""
    with nwbin.File(small) as f:
        other = write_small(small.with_name("other.nwb"))
        bend(other, "units/spike_times", TIMES + 1)
        other.replace(small)
        assert f.spike_trains().times.tolist() == TIMES.tolist()


def test_a_map_longer_than_the_file(small: Path) -> None:
    """libhdf5 believes the header; a map beyond the file's end would end the process."""
    with h5py.File(small) as f:
        offset = f["units/spike_times"].id.get_offset()
    data = bytearray(small.read_bytes())
    at = data.find(offset.to_bytes(8, "little") + (56).to_bytes(8, "little"))
    assert at > 0
    data[at : at + 8] = (len(data) - 16).to_bytes(8, "little")
    small.write_bytes(bytes(data))
    with nwbin.File(small) as f, pytest.raises(FileAccessError, match=r"truncated|cannot be read"):
        f.spike_trains()


def test_a_damaged_chunk(tmp_path: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    rng = np.random.default_rng(0)
    times = np.sort(rng.random(400_000))
    bend(path, "units/spike_times", times, chunks=(50_000,), compression="gzip", shuffle=True)
    bend(path, "units/spike_times_index", np.array([100_000, 200_000, 400_000]))
    with nwbin.File(path) as f:
        np.testing.assert_array_equal(f.spike_trains().times, times)
    with h5py.File(path) as f:
        where = f["units/spike_times"].id.get_chunk_info(3)
    data = bytearray(path.read_bytes())
    data[where.byte_offset + 1000 : where.byte_offset + 1100] = bytes(100)
    path.write_bytes(bytes(data))
    with nwbin.File(path) as f:
        assert len(f.spike_trains([7])[7]) == 100_000
        with pytest.raises(
            FileAccessError,
            match=r"units/spike_times: the chunk that starts at \(150000,\): .*download it again",
        ):
            f.spike_trains()


def test_links_to_elsewhere_are_not_followed(small: Path) -> None:
    other = small.with_name("other.h5")
    with h5py.File(other, "w") as f:
        f["times"] = TIMES
    with h5py.File(small, "a") as f:
        del f["units/spike_times"]
        f["units/spike_times"] = h5py.ExternalLink("other.h5", "/times")
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match=r"link to another file, 'other\.h5'.*if you trust it"),
    ):
        f.spike_trains()
    with nwbin.File(small, follow_external_links=True) as f:
        assert f.spike_trains().times.tolist() == TIMES.tolist()


@pytest.mark.parametrize("way", ["external", "virtual"])
def test_data_kept_elsewhere_are_not_followed(small: Path, way: str) -> None:
    other = small.with_name("other.bin")
    other.write_bytes(TIMES.tobytes())
    with h5py.File(small.with_name("other.h5"), "w") as f:
        f["times"] = TIMES
    with h5py.File(small, "a") as f:
        del f["units/spike_times"]
        if way == "external":
            f.create_dataset("units/spike_times", (7,), "f8", external=[(str(other), 0, h5py.h5f.UNLIMITED)])
        else:
            layout = h5py.VirtualLayout((7,), "f8")
            layout[:] = h5py.VirtualSource(str(small.with_name("other.h5")), "times", (7,))
            f.create_virtual_dataset("units/spike_times", layout)
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match=r"keeps its data in another file, .*if you trust it"),
    ):
        f.spike_trains()
    with nwbin.File(small, follow_external_links=True) as f:
        assert f.spike_trains().times.tolist() == TIMES.tolist()


@pytest.mark.parametrize(
    ("name", "value"), [("start_time", np.nan), ("stop_time", 0.5), ("stop_time", np.nan)]
)
def test_presentations_without_a_place_in_time(small: Path, name: str, value: float) -> None:
    with h5py.File(small, "a") as f:
        f[f"intervals/trials/{name}"][2] = value
    with nwbin.open(small) as session:
        calls: list[Callable[[Any], Any]] = [
            session.presentationwise_spike_times, session.conditionwise_spike_statistics,
        ]  # fmt: skip
        if name == "start_time":
            calls.append(lambda ids: session.presentationwise_spike_counts([0, 1], ids, None))
            calls.append(lambda ids: session.response_matrix(ids, label="contrast"))
        for call in calls:
            with pytest.raises(
                FormatError,
                match=r"small\.nwb: stimulus presentation \d runs from .*leave it out .1 of [34] are so",
            ):
                call(None)


def test_dangling_link(small: Path) -> None:
    with h5py.File(small, "a") as f:
        del f["units/big"]
        f["units/big"] = h5py.SoftLink("/nowhere")
    with nwbin.File(small) as f, pytest.raises(LookupFailure, match="units has no column 'big'"):
        f.table("units").column("big")


def test_columns_of_the_wrong_length(small: Path) -> None:
    bend(small, "units/big", np.arange(5))
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match="units/big has 5 values, but the table has 3 rows"),
    ):
        f.units  # noqa: B018


def test_a_table_that_is_none(small: Path) -> None:
    bend(small, "units", np.arange(3))
    with nwbin.File(small) as f, pytest.raises(LookupFailure, match="has no units table"):
        f.spike_trains()


def test_a_wrong_date(small: Path) -> None:
    bend(small, "session_start_time", "yesterday")
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match="session_start_time is 'yesterday', not an ISO 8601"),
    ):
        f.session_start_time  # noqa: B018


def test_the_fixture_is_sound(small: Path) -> None:
    with nwbin.File(small) as f:
        assert f.spike_trains().counts.tolist() == np.diff([0, *ENDS]).tolist()
    assert sys.maxsize > 2**32


def test_numbers_whose_parts_lie_outside_them(tmp_path: Path) -> None:
    """Older releases of HDF5 read whatever lies behind the number then; newer ones refuse the type."""
    path = write_small(tmp_path / "small.nwb")
    raw = path.read_bytes()
    float64 = bytes.fromhex("203f0008000000000040 00340b0034ff030000")  # how HDF5 describes one
    assert float64 in raw
    path.write_bytes(raw.replace(float64, float64[:13] + b"\xd9" + float64[14:]))
    with nwbin.File(path) as f, pytest.raises((FormatError, FileAccessError), match="download it again"):
        f.spike_trains()
