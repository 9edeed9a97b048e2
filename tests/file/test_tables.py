"""nwbin.File: tables as they stand in the file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pytest

import nwbin
from nwbin.errors import (
    FormatError,
    LookupFailure,
)
from tests.small_files import IDS, TEXT, label, table, write_small


def plain(node: Any) -> Any:
    """A dataset as h5py alone reads it."""
    values = node[()]
    if h5py.check_string_dtype(node.dtype) is not None:
        return np.array([value.decode() for value in values], dtype=object)
    return values


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
