"""nwbin.File: tables and spike trains as they stand in the file."""

from __future__ import annotations

import io
import os
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileAccessError,
    FormatError,
    LookupFailure,
    MissingFileError,
)
from tests.small_files import ENDS, IDS, TEXT, TIMES, TRAINS, label, table, write_small


@pytest.fixture(params=[False, True], ids=["contiguous", "chunked"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb", chunked=request.param)


@pytest.fixture(scope="module", params=["released", "chunked"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "session.nwb"
    nwbin.testing.write_session(path, size="tiny", layout=request.param, seed=3)
    return path


def plain(node: Any) -> Any:
    """A dataset as h5py alone reads it."""
    values = node[()]
    if h5py.check_string_dtype(node.dtype) is not None:
        return np.array([value.decode() for value in values], dtype=object)
    return values


# ------------------------------------------------------------------ tables


def test_units_keep_their_dtypes_and_order(small: Path) -> None:
    with nwbin.File(small) as f:
        units = f.units
    assert units.index.name == "id"
    assert units.index.tolist() == IDS
    assert list(units.columns) == ["quality", "code", "rate", "big", "kept"]
    assert units["quality"].tolist() == ["good", "noise", "gööd"]
    assert units["code"].tolist() == ["ab", "c", ""]
    assert units["big"].tolist() == [2**40, -1, 0]
    assert [str(units[c].dtype) for c in units] == ["object", "object", "float64", "int64", "bool"]
    np.testing.assert_array_equal(units["rate"], [1, 2, np.nan])


def enum_column(parent: Any, name: str, codes: Any, terms: list[str]) -> None:
    """A column of hdmf's EnumData, as pynwb's add_column(enum=...) writes it."""
    parent[f"{name}_elements"] = np.array(terms, dtype=TEXT)
    parent[name] = np.asarray(codes)
    label(parent[name], neurodata_type="EnumData", elements=parent[f"{name}_elements"].ref)
    parent.attrs["colnames"] = np.array([*parent.attrs["colnames"], name], dtype=object)


def test_ragged_columns_of_terms(small: Path) -> None:
    with h5py.File(small, "r+") as f:
        enum_column(f["units"], "kinds", np.array([2, 0, 1, 0], np.uint8), ["fs", "rs", "?"])
        f["units/kinds_index"] = np.array([1, 1, 4], np.uint8)
        enum_column(f["units"], "parts", np.array([1, 0, 1, 1], np.uint8), ["a", "b"])
        f["units/parts_index"] = np.array([1, 3, 4], np.uint8)
        f["units/parts_index_index"] = np.array([2, 2, 3], np.uint8)
    with nwbin.File(small) as f:
        assert [f.unit_column("kinds", unit).tolist() for unit in IDS] == [["?"], [], ["fs", "rs", "fs"]]
        assert f.unit_table.lists("kinds") == [["?"], [], ["fs", "rs", "fs"]]
        assert f.unit_table.frame(lists=True)["kinds"].tolist() == [["?"], [], ["fs", "rs", "fs"]]
        parts = [[part.tolist() for part in f.unit_column("parts", unit)] for unit in IDS]
        assert parts == [[["b"], ["a", "b"]], [], [["b"]]]
        assert not {"kinds_elements", "parts_elements"} & set(f.unit_table.columns)
    with h5py.File(small, "r+") as f:
        f["units/kinds"][2] = 3
    with nwbin.File(small) as f, pytest.raises(FormatError, match=r"units/kinds\[2\] is 3, but .* 3 terms"):
        f.unit_column("kinds", IDS[2])


def test_columns_of_terms(small: Path) -> None:
    with h5py.File(small, "r+") as f:
        enum_column(f["intervals/trials"], "side", np.array([1, 0, 0, 1], np.uint8), ["left", "right"])
        enum_column(f["units"], "kind", [2, 0, 0], ["fs", "rs", "?"])
        f["units"]["rate_elements"] = np.arange(3)  # no terms: its rate are plain numbers
    with nwbin.File(small) as f:
        trials, units = f.intervals["trials"], f.units
        assert f.unit_column("kind", IDS[0]) == "?"
    assert trials["side"].tolist() == ["right", "left", "left", "right"]
    assert "side_elements" not in trials
    assert units["kind"].tolist() == ["?", "fs", "fs"]
    assert units["rate_elements"].tolist() == [0, 1, 2]
    with (
        nwbin.open(small) as session,
        pytest.warns(nwbin.NwbinWarning, match="no columns for some unit filters"),
    ):
        matrix = session.response_matrix(None, window=(0, 0.5), label="side")
    assert matrix.classes.tolist() == ["left", "right"]
    with h5py.File(small, "r+") as f:
        f["intervals/trials/side"][2] = 2
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match=r"trials/side\[2\] is 2, but side_elements holds 2"),
    ):
        f.intervals["trials"]


def test_every_column_of_a_session_equals_plain_h5py(session: Path) -> None:
    with nwbin.File(session) as f, h5py.File(session) as plain_file:
        frames = {"units": f.units, "general/extracellular_ephys/electrodes": f.electrodes}
        frames |= {f"intervals/{name}": f.intervals[name] for name in f.intervals}
        compared = 0
        for path, frame in frames.items():
            assert frame.index.tolist() == plain_file[path]["id"][:].tolist()
            for name in frame:
                if f"{name}_index" not in plain_file[path]:
                    np.testing.assert_array_equal(frame[name].to_numpy(), plain(plain_file[path][name]))
                    compared += 1
            for name, node in plain_file[path].items():
                flat = (
                    node.ndim == 1 and f"{name}_index" not in plain_file[path] and not name.endswith("_index")
                )
                if flat and name not in ("id", "timeseries") and h5py.check_ref_dtype(node.dtype) is None:
                    assert name in frame, f"{path}/{name} was left out"
    assert compared > 100


def test_intervals(small: Path) -> None:
    with nwbin.File(small) as f:
        assert list(f.intervals) == ["trials"]
        assert len(f.intervals) == 1
        trials = f.intervals["trials"]
        with pytest.raises(LookupFailure, match=r"has no intervals table 'trails'; did you mean 'trials'\?"):
            f.intervals["trails"]
    assert list(trials.columns) == ["start_time", "stop_time", "contrast"]  # no timeseries
    assert trials["contrast"].tolist() == ["high", "low", "high", ""]


def test_ragged_text_comes_as_lists(tmp_path: Path) -> None:
    path = write_small(tmp_path / "x.nwb")
    with h5py.File(path, "a") as f:
        f["intervals/trials/tags"] = np.array(["a", "b", "c"], dtype=TEXT)
        f["intervals/trials/tags_index"] = np.array([1, 1, 2, 3], np.uint8)
    with nwbin.File(path) as f:
        assert f.intervals["trials"]["tags"].tolist() == [["a"], [], ["b"], ["c"]]


def test_electrodes_devices_groups(small: Path) -> None:
    with nwbin.File(small) as f:
        electrodes = f.electrodes
        assert electrodes.index.tolist() == [100, 101]
        assert list(electrodes.columns) == ["x", "location", "valid_data"]  # no references
        assert electrodes["valid_data"].tolist() == [True, False]
        assert electrodes["x"].dtype == np.float32
        assert f.devices.loc["probeA"].to_dict() == {"description": "a probe", "manufacturer": "nobody"}
        assert f.electrode_groups.loc["groupA", "location"] == "V1"
        assert f.device_of("groupA") == "probeA"


def test_general(small: Path) -> None:
    with nwbin.File(small) as f:
        assert (f.identifier, f.session_id, f.nwb_version) == ("small", "s-1", "2.6.0")
        assert f.session_start_time == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert f.subject == {"species": "Mus musculus", "strain": "wild"}
        assert f.institution is None
        assert f.stimulus_notes is None
        assert f.path == small
        assert repr(f) == f"<nwbin.File '{small}', NWB 2.6.0>"
    assert "(closed)" in repr(f)


def test_missing_optional_parts(tmp_path: Path) -> None:
    path = tmp_path / "bare.nwb"
    with h5py.File(path, "w") as f:
        f.attrs["nwb_version"] = "2.0b"
    with nwbin.File(path) as f:
        assert f.subject == {}
        assert f.session_id is None
        assert f.session_start_time is None
        assert list(f.intervals) == []
        assert f.devices.empty
        assert f.electrode_groups.empty
        with pytest.raises(LookupFailure, match="has no units table; it may hold LFP or behaviour only"):
            f.units  # noqa: B018
        with pytest.raises(LookupFailure, match="electrodes"):
            f.electrodes  # noqa: B018


def test_time_series(small: Path) -> None:
    with nwbin.File(small) as f:
        series = f.time_series("acquisition/wheel")
        np.testing.assert_allclose(series.timestamps, [2.0, 2.1, 2.2, 2.3, 2.4])
        assert series.data.dtype == np.int16
        assert f.samples("acquisition/wheel", slice(1, 3)).tolist() == [1, 2]
        assert f.measurement("acquisition/wheel/data")[1] == "cm/s"


# ------------------------------------------------------------------ spikes


@pytest.mark.parametrize(
    "index", [np.uint8, np.uint16, np.uint32, np.uint64, np.int32, np.int64, ">i4", ">u8"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_index_columns_of_any_integer_type(tmp_path: Path, index: Any, chunked: bool) -> None:
    path = write_small(tmp_path / "x.nwb", chunked=chunked, index=index)
    with nwbin.File(path) as f:
        trains = f.spike_trains()
        assert trains.unit_ids.tolist() == IDS
        for unit, times in zip(IDS, TRAINS, strict=True):
            np.testing.assert_array_equal(trains[unit], times)
        some = f.spike_trains([11, 7, 11])
        assert some.unit_ids.tolist() == [11, 7, 11]
        np.testing.assert_array_equal(some.times, np.concatenate([TRAINS[2], TRAINS[0], TRAINS[2]]))
        assert len(f.spike_trains([])) == 0
        with pytest.raises(LookupFailure, match="no unit has the id 8; there are: 3, 7, 11"):
            f.spike_trains([8])


def test_units_are_chosen_by_whatever_holds_ids(tmp_path: Path) -> None:
    with nwbin.File(write_small(tmp_path / "x.nwb")) as f:
        trains, table = f.spike_trains(), f.units
        for given in (
            {7, 11},
            {7: 0, 11: 0}.keys(),
            (unit for unit in (7, 11)),
            trains.select([7, 11]).keys(),
        ):
            assert sorted(f.spike_trains(given).unit_ids.tolist()) == [7, 11]  # type: ignore[arg-type]
        mask = table.index == 7
        for given in (mask, mask.astype(object), mask.tolist(), pd.Series(mask, table.index, dtype=object)):
            assert f.spike_trains(given).unit_ids.tolist() == [7]
        with pytest.raises(
            LookupFailure, match="no unit has the id '7'; ids are whole numbers, and this is text"
        ):
            f.spike_trains(["7"])


@pytest.mark.parametrize("dtype", [np.float32, ">f8", np.int64])
def test_spike_times_of_other_types_become_float64(tmp_path: Path, dtype: Any) -> None:
    path = write_small(tmp_path / "x.nwb")
    with h5py.File(path, "a") as f:
        del f["units/spike_times"]
        f["units/spike_times"] = np.arange(7).astype(dtype)
    with nwbin.File(path) as f:
        assert f.spike_trains().times.tolist() == list(range(7))
        assert f.spike_trains().times.dtype == np.float64


def test_a_file_behind_a_user_block(tmp_path: Path) -> None:
    path = write_small(tmp_path / "x.nwb")
    shifted = tmp_path / "shifted.nwb"
    shifted.write_bytes(b"\0" * 512 + path.read_bytes())
    with nwbin.File(shifted) as f:
        np.testing.assert_array_equal(f.spike_trains().times, TIMES)
        assert f.units["quality"].tolist() == ["good", "noise", "gööd"]


def test_spike_times_at_an_odd_address(tmp_path: Path) -> None:
    """Contiguous data may start at any byte; compiled code takes only whole multiples of the item size."""
    odd = 0
    for shift in range(8):
        path = tmp_path / f"{shift}.nwb"
        with h5py.File(path, "w") as f:
            label(f, nwb_version="2.6.0")
            f.create_dataset("before", data=np.zeros(9 + shift, np.uint8))
            units = table(
                f, "units", IDS, {"spike_times": TIMES, "spike_times_index": np.array(ENDS, np.uint8)}
            )
            odd += units["spike_times"].id.get_offset() % 8 != 0
        with nwbin.File(path) as f:
            assert f.spike_trains().times.tolist() == TIMES.tolist()
            assert nwbin.bin_spikes(f.spike_trains(), [0.0], [0, 1]).ravel().tolist() == [4, 0, 1]
    assert odd


def test_spike_trains_of_a_session_equal_h5py(session: Path) -> None:
    with h5py.File(session) as f:
        times, ends = f["units/spike_times"][:], f["units/spike_times_index"][:].astype(int)
        ids = f["units/id"][:]
    with nwbin.File(session) as f:
        trains = f.spike_trains()
        for i, unit in enumerate(ids):
            np.testing.assert_array_equal(trains[unit], times[ends[i - 1] if i else 0 : ends[i]])
        picked = ids[[5, 2]]
        assert f.spike_trains(picked) == trains.select(picked)


def test_multiply_indexed_columns(small: Path) -> None:
    with nwbin.File(small) as f:
        first = f.unit_column("waveforms", 7)
        assert [part.tolist() for part in first] == [[[0, 1], [2, 3]]]
        assert f.unit_column("waveforms", 3) == []
        assert [len(part) for part in f.unit_column("waveforms", 11)] == [1, 3]
        assert f.unit_column("tags", 11).tolist() == ["b", "c"]
        assert f.unit_column("quality", 3) == "noise"
        assert f.unit_column("pair", 3).tolist() == [2, 3]
        with pytest.raises(LookupFailure, match="no unit has the id 8"):
            f.unit_column("tags", 8)


def test_trains_outlive_the_file(small: Path) -> None:
    with nwbin.File(small) as f:
        trains = f.spike_trains()
    np.testing.assert_array_equal(trains.times, TIMES)
    assert pickle.loads(pickle.dumps(trains)) == trains


# ------------------------------------------------------------------ HDF5's ways of storing


def test_soft_links(small: Path) -> None:
    with h5py.File(small, "a") as f:
        f["units/same"] = h5py.SoftLink("/units/big")
        f["units/relative"] = h5py.SoftLink("rate")
        f["units/gone"] = h5py.SoftLink("/nowhere")
        f["units/round"] = h5py.SoftLink("/units/round")
        f["intervals/also"] = h5py.SoftLink("/intervals/trials")
    with nwbin.File(small) as f:
        f.spike_trains()  # a broken link elsewhere is no one's business
        assert f.table("units").column("same").tolist() == [2**40, -1, 0]
        np.testing.assert_array_equal(f.table("units").column("relative"), [1, 2, np.nan])
        assert len(f.intervals["also"]) == 4
        assert not f.has("units/gone")
        with pytest.raises(FormatError, match="units/round is a soft link that leads back to itself"):
            f.table("units").column("round")


def test_empty_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.nwb"
    with h5py.File(path, "w") as f:
        label(f, nwb_version="2.6.0")
        units = table(f, "units", np.zeros(0, np.int64), {"rate": np.zeros(0), "quality": np.zeros(0, TEXT)})
        units["spike_times"] = np.zeros(0)
        units["spike_times_index"] = np.zeros(0, np.uint8)
        table(f.create_group("intervals"), "trials", np.zeros(0, int), {"start_time": np.zeros(0)})
    with nwbin.File(path) as f:
        assert f.units.shape == (0, 2)
        assert f.units["quality"].dtype == object
        assert len(f.spike_trains()) == 0
        assert len(f.spike_trains([])) == 0
        assert len(f.intervals["trials"]) == 0
        assert nwbin.bin_spikes(f.spike_trains(), [0.0], [0, 1]).shape == (1, 1, 0)


def test_empty_tables_whose_lists_are_float(tmp_path: Path) -> None:
    """As some writers make lists that hold nothing."""
    path = tmp_path / "x.nwb"
    nothing = np.zeros(0)
    with h5py.File(path, "w") as f:
        label(f, nwb_version="2.6.0")
        columns = ("peak_channel_id", "quality", "amplitude_cutoff", "spike_times", "spike_times_index")
        table(f, "units", nothing, dict.fromkeys(columns, nothing))
    with nwbin.File(path) as f:
        assert f.units.shape == (0, 3)
        assert f.units.index.dtype == np.int64
        assert len(f.spike_trains()) == 0
    session = nwbin.open(path, presence_ratio_minimum=None, isi_violations_maximum=None)
    with pytest.warns(nwbin.NwbinWarning, match="0 of 0 units are kept"):
        assert session.units.empty


@pytest.mark.parametrize("name", ["id", "spike_times_index"])
def test_numbers_that_do_not_fit_are_refused(small: Path, name: str) -> None:
    with h5py.File(small, "a") as f:
        del f["units"][name]
        f["units"][name] = np.array([4, 2**63 + 5, 7], dtype=np.uint64)
    match = rf"units/{name}\[1\] is 9223372036854775813, more than the 9223372036854775807 that fits"
    with nwbin.File(small) as f, pytest.raises(FormatError, match=match):
        f.spike_trains()


def test_odd_columns_are_left_out(small: Path) -> None:
    with h5py.File(small, "a") as f:
        units = f["units"]
        units["scalar"] = 3.0
        units["null"] = h5py.Empty("f8")
        units["compound"] = np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])
        units["opaque"] = np.zeros(3, dtype="V5")
        units["complex"] = np.zeros(3, dtype=complex)
        units["unlisted"] = np.arange(3)
    with nwbin.File(small) as f:
        assert list(f.units.columns) == ["quality", "code", "rate", "big", "kept", "unlisted"]
        for name in ("compound", "opaque"):
            with pytest.raises(FormatError, match=rf"units/{name} holds .*pynwb\(\)"):
                f.table("units").column(name)


def test_text_ids_are_refused(small: Path) -> None:
    with h5py.File(small, "a") as f:
        del f["units/id"]
        f["units/id"] = np.array(["a", "b", "c"], dtype=TEXT)
    with (
        nwbin.File(small) as f,
        pytest.raises(FormatError, match="units/id should be a list of integers, found object"),
    ):
        f.units  # noqa: B018


# ------------------------------------------------------------------ sources and life


def test_file_objects_of_a_session(session: Path) -> None:
    with nwbin.File(io.BytesIO(session.read_bytes())) as memory, nwbin.File(session) as f:
        assert memory.spike_trains() == f.spike_trains()
        assert memory.units.equals(f.units)


def test_units_are_chosen_by_id_table_or_mask(small: Path) -> None:
    with nwbin.File(small) as f:
        units = f.units
        assert f.spike_trains(IDS[2]).unit_ids.tolist() == IDS[2:]
        assert f.spike_trains(units[::-1]).unit_ids.tolist() == IDS[::-1]
        wanted = [IDS[0], IDS[2]]
        for mask in (units["kept"], units["kept"].to_numpy(), units["kept"].tolist()):
            assert f.spike_trains(mask).unit_ids.tolist() == wanted
        # A mask of other units in another order says whose it is.
        assert f.spike_trains(units["kept"].iloc[[2, 1]]).unit_ids.tolist() == [IDS[2]]
        with pytest.raises(ArgumentError, match=r"one value for each of 3 units, not shape \(2,\)"):
            f.spike_trains([True, False])
        with pytest.raises(LookupFailure, match="no unit has the id 'VISp'; there are: "):
            f.spike_trains("VISp")
        with pytest.raises(
            LookupFailure, match="has nothing at 'acquisition/whel'; in acquisition, did you mean 'wheel'"
        ):
            f.time_series("acquisition/whel")
        with pytest.raises(LookupFailure, match="units has no column 'waveform_mean'; did you mean"):
            f.unit_table.spans("waveform_mean")
        with pytest.raises(
            ArgumentTypeError, match=r"not File; of a File that is file\.spike_trains\(\), of a session"
        ):
            nwbin.bin_spikes(f, [0.0], [0, 1])  # type: ignore[arg-type]
        with pytest.raises(
            ArgumentTypeError, match=r"onsets must be .* not a table; give one column: table\.start_time"
        ):
            nwbin.bin_spikes(f.spike_trains(), f.intervals["trials"], [0, 1])


def test_closed(small: Path) -> None:
    f = nwbin.File(small)
    f.close()
    f.close()
    for ask in (lambda: f.units, lambda: f.spike_trains(), lambda: f.session_id, lambda: f.pynwb()):
        with pytest.raises(FileAccessError, match=r"small\.nwb: is closed"):
            ask()


def test_nothing_is_read_until_asked(session: Path) -> None:
    class Counting(io.BytesIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            n = super().readinto(buffer)
            self.taken += n
            return n

    stream = Counting(session.read_bytes())
    with nwbin.File(stream) as f:
        opened = stream.taken
        assert opened < 100_000
        unit = int(f.unit_ids[0])
        before = stream.taken
        own = f.spike_trains([unit]).counts.sum() * 8
        assert stream.taken - before < own * 3 + 400_000


def test_pickled_it_is_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small(tmp_path / "small.nwb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with nwbin.File("small.nwb") as file:
        monkeypatch.chdir(tmp_path / "elsewhere")
        sent = pickle.dumps(file)
    assert len(sent) < 1000
    with pickle.loads(sent) as again:
        assert again.path == path
        assert again.unit_ids.tolist() == IDS
    with pytest.raises(FileAccessError, match=r"small\.nwb: is closed, and cannot be sent .*; send its path"):
        pickle.dumps(file)
    with (
        path.open("rb") as handle,
        nwbin.File(handle) as file,
        pytest.raises(ArgumentTypeError, match="file object"),
    ):
        pickle.dumps(file)
    os.utime(path, ns=(0, 0))
    with pytest.raises(
        FileAccessError, match=r"small\.nwb: is not the file that was opened first: it has changed"
    ):
        pickle.loads(sent)
    path.unlink()
    with pytest.raises(MissingFileError, match=r"small\.nwb"):
        pickle.loads(sent)


@pytest.mark.filterwarnings("ignore")  # pynwb's own, about how the file was written
def test_pynwb(session: Path) -> None:
    with nwbin.File(session) as f:
        held = f.pynwb()
        assert held.identifier == f.identifier
        assert len(held.units) == len(f.unit_ids)
        assert f.pynwb() is held


# ------------------------------------------------------------------ real recordings


def test_pseudo_population(shared: Path) -> None:
    with np.load(shared / "data" / "vcn_drifting_gratings_pseudo_population_truth.npz") as stored_truth:
        truth = {name: stored_truth[name] for name in stored_truth.files}
    with nwbin.File(shared / "data" / "vcn_drifting_gratings_pseudo_population.nwb") as f:
        trials = f.intervals["drifting_gratings_presentations"]
        counts = nwbin.bin_spikes(f.spike_trains(), trials["start_time"], [0, 0.1], closed="both")
    assert truth["window"].tolist() == [0, 0.1]
    np.testing.assert_array_equal(trials["start_time"], truth["onset"])
    np.testing.assert_array_equal(counts[:, 0, :], truth["counts"])


def test_another_lab(shared: Path) -> None:
    path = shared / "data" / "neuropixels_A8604-211122.nwb"
    with h5py.File(path) as plain_file:
        times, ends = plain_file["units/spike_times"][:], plain_file["units/spike_times_index"][:].astype(int)
    with nwbin.File(path) as f:
        epochs = f.intervals["epochs"]
        trains = f.spike_trains()
        compared = 0
        for start, stop in zip(epochs["start_time"], epochs["stop_time"], strict=True):
            edges = np.arange(0, stop - start, 0.05)
            if len(edges) < 2:
                continue
            counts = nwbin.bin_spikes(trains, [start], edges)
            for unit in range(3):
                own = times[ends[unit - 1] if unit else 0 : ends[unit]]
                expected = np.diff(np.searchsorted(own, start + edges, side="left"))
                np.testing.assert_array_equal(counts[0, :, unit], expected)
                compared += 1
    assert compared >= 3
    assert len(ends) == 3
    assert len(ENDS) == 3


def test_a_file_cut_to_ten_rows(shared: Path) -> None:
    with nwbin.File(shared / "data" / "vcn_760693773_first_10_rows.nwb") as f:
        assert len(f.units) == 10
        assert len(f.electrodes) == 10
        for name in f.intervals:
            assert len(f.intervals[name]) <= 10
        with pytest.raises(
            FormatError,
            match=r"units/spike_times_index\[0\] is 32415, but units/spike_times holds only 10 values",
        ):
            f.spike_trains()
