"""nwbin.File: spike trains as they stand in the file."""

from __future__ import annotations

import pickle
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
    FormatError,
    LookupFailure,
)
from tests.small_files import ENDS, IDS, TIMES, TRAINS, label, table, write_small


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
        counts = nwbin.bin_spikes(f, [0.0], [0, 1])  # a file is taken for its spike trains
        assert counts.tolist() == nwbin.bin_spikes(f.spike_trains(), [0.0], [0, 1]).tolist()
        with pytest.raises(
            ArgumentTypeError, match=r"onsets must be .* not a table; give one column: table\.start_time"
        ):
            nwbin.bin_spikes(f.spike_trains(), f.intervals["trials"], [0, 1])


# -------------------------------------------------------------------- real recordings


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
