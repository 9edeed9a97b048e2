"""Counts in files of every format, read back and compared with NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import nwbin
from nwbin.errors import (
    ArgumentError,
    LookupFailure,
)
from nwbin.export import tidy, write_counts, write_table
from nwbin.responses.counts import TIME, AlignedCounts
from nwbin.responses.rate_tables import mean_rates
from nwbin.responses.tiles import TiledCounts
from nwbin.tables.frames import frame_of
from nwbin.tables.tidy import escape_text
from tests.export.counting import EDGES, counted, expected

UNITS = pd.DataFrame(
    {"structure_acronym": ["VISp", None, "LGd"], "rate": [1.0, 2.0, np.nan]}, index=[7, 3, 12]
)


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize("closed", ["left", "right", "both"])
@pytest.mark.slow
def test_windows_in_every_format(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, closed: str, block: int
) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    truth = expected(trains, shown, closed)
    plan = AlignedCounts(trains, tidy(shown), EDGES, closed=closed)
    said = {"made_by": "a test", "where": "orientation > 0", "binarize": False, "window": [0, 0.5]}
    seen: list[tuple[int, int]] = []

    def write(name: str, **more: Any) -> Path:
        return write_counts(tmp_path / name, plan, units=UNITS, provenance=said, max_bytes=block, **more)

    path = write("x.npz", progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 40)
    assert seen[-1] == (40, 40)
    with np.load(path, allow_pickle=False) as z:
        np.testing.assert_array_equal(z["counts"], truth)
        assert z["counts"].dtype == np.uint16
        assert z["unit_ids"].tolist() == [7, 3, 12]
        assert z["presentation_ids"].tolist() == shown.index.tolist()
        assert z["bin_edges"].tolist() == EDGES
        np.testing.assert_array_equal(z["labels"]["orientation"], [0.0, 45.0, 90.0, np.nan] * 10)
        assert z["labels"]["note"].tolist() == ["a", "", "ü", ""] * 10
        assert z["units"]["structure_acronym"].tolist() == ["VISp", "", "LGd"]
        assert json.loads(str(z["provenance"])) == said
    with np.load(write("small.npz", compress=True)) as z:
        np.testing.assert_array_equal(z["counts"], truth)

    with xr.open_dataset(write("x.nc"), engine="h5netcdf") as data:
        array = data["spike_counts"]
        assert array.dims == ("stimulus_presentation_id", "time_relative_to_stimulus_onset", "unit_id")
        np.testing.assert_array_equal(array.to_numpy(), truth)
        assert array.dtype == np.uint16
        assert data["bin_start"].to_numpy().tolist() == EDGES[:-1]
        assert data["bin_stop"].to_numpy().tolist() == EDGES[1:]
        assert array["note"].to_numpy().tolist() == ["a", "", "ü", ""] * 10
        np.testing.assert_array_equal(array["orientation"], [0.0, 45.0, 90.0, np.nan] * 10)
        assert array["structure_acronym"].to_numpy().tolist() == ["VISp", "", "LGd"]
        assert data.attrs["made_by"] == "a test"
        assert (data.attrs["binarize"], data.attrs["window"]) == ("false", "[0, 0.5]")
        assert data.attrs["closed"] == closed

    for table in (pd.read_csv(write("x.csv")), pd.read_parquet(write("x.parquet"))):
        np.testing.assert_array_equal(table[["7", "3", "12"]].to_numpy(), truth.reshape(-1, 3))
        assert table["stimulus_presentation_id"].tolist() == np.repeat(shown.index, 3).tolist()
        assert table["bin_start"].tolist() == EDGES[:-1] * 40
        assert table["note"][:12:3].fillna("-").tolist() == ["a", "-", "ü", "-"]
    for table in (
        pd.read_csv(write("long.csv", layout="long")),
        pd.read_parquet(write("long.parquet", layout="long")),
    ):
        assert len(table) == truth.size
        np.testing.assert_array_equal(table["count"].to_numpy(), truth.reshape(-1))
        assert table["unit_id"].tolist() == [7, 3, 12] * 120
    import pyarrow.parquet as pq

    metadata = pq.read_schema(tmp_path / "x.parquet").metadata
    assert json.loads(metadata[b"nwbin"]) == said
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["x.npz", "small.npz", "x.nc", "x.csv", "x.parquet", "long.csv", "long.parquet"]
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", ">u2"])
def test_dtypes_are_kept(tmp_path: Path, trains: Any, shown: pd.DataFrame, dtype: str) -> None:
    pytest.importorskip("h5netcdf")
    truth = expected(trains, shown, "both").astype(dtype)
    plan = AlignedCounts(trains, shown, EDGES, closed="both", dtype=dtype)
    with np.load(write_counts(tmp_path / "x.npz", plan)) as z:
        assert z["counts"].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(z["counts"], truth)
    with xr.open_dataset(write_counts(tmp_path / "x.nc", plan), engine="h5netcdf") as data:
        np.testing.assert_array_equal(data["spike_counts"].to_numpy(), truth)


def test_nothing_to_count(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    for name in ("x.npz", "x.nc", "x.csv", "x.parquet"):
        for rows, units in ((shown[:0], trains), (shown, trains.select([]))):
            write_counts(tmp_path / name, AlignedCounts(units, rows, EDGES))
    with np.load(write_counts(tmp_path / "x.npz", AlignedCounts(trains, shown[:0], EDGES))) as z:
        assert z["counts"].shape == (0, 3, 3)


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
@pytest.mark.parametrize("closed", ["left", "right", "both"])
@pytest.mark.slow
def test_tiles(tmp_path: Path, trains: Any, closed: str, block: int) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    rows = pd.DataFrame(
        {"start_time": [0.0, 2.0, 1.0, 9.03, 12.0], "stop_time": [1.0, 2.34, 1.05, 15.0, 12.4]},
        index=pd.Index([5, 1, 8, 2, 9], name="id"),
    )
    rows["tags"] = [["wake"], ["rem", "nrem"], [], ["wake"], []]
    with pytest.warns(nwbin.NwbinWarning, match="1 interval shorter than a bin, without any counts"):
        plan = TiledCounts(trains, rows, 0.1, closed=closed)
    assert plan.bins.tolist() == [10, 3, 0, 59, 4]
    begin = np.concatenate(
        [a + np.arange(n) * 0.1 for a, n in zip(rows["start_time"], plan.bins, strict=True)]
    )
    end = np.concatenate(
        [a + np.arange(1, n + 1) * 0.1 for a, n in zip(rows["start_time"], plan.bins, strict=True)]
    )
    truth = counted(trains, begin, end, closed)
    with np.load(write_counts(tmp_path / "x.npz", plan, max_bytes=block)) as z:
        np.testing.assert_array_equal(z["counts"], truth)
        np.testing.assert_array_equal(z["bin_edges"], np.stack([begin, end], axis=1))
        assert z["interval_ids"].tolist() == np.repeat([5, 1, 8, 2, 9], plan.bins).tolist()
        assert z["labels"]["tags"].tolist() == ["wake", "rem; nrem", "", "wake", ""]
        assert z["labels"]["interval_id"].tolist() == [5, 1, 8, 2, 9]
    with xr.open_dataset(write_counts(tmp_path / "x.nc", plan, max_bytes=block), engine="h5netcdf") as data:
        assert data["spike_counts"].dims == ("bin", "unit_id")
        np.testing.assert_array_equal(data["spike_counts"].to_numpy(), truth)
        np.testing.assert_array_equal(data["bin_start"].to_numpy(), begin)
    table = pd.read_csv(write_counts(tmp_path / "x.csv", plan, max_bytes=block))
    np.testing.assert_array_equal(table[["7", "3", "12"]].to_numpy(), truth)
    # What is written is exact; older pandas reads the last digit only nearly.
    np.testing.assert_allclose(table["bin_stop"].to_numpy(), end, rtol=1e-15)
    long = pd.read_parquet(write_counts(tmp_path / "x.parquet", plan, max_bytes=block, layout="long"))
    np.testing.assert_array_equal(long["count"].to_numpy(), truth.reshape(-1))
    assert long["interval_id"].tolist() == np.repeat(table["interval_id"].to_numpy(), 3).tolist()


def test_tiles_lose_no_spike(trains: Any) -> None:
    rows = pd.DataFrame({"start_time": [0.0], "stop_time": [21.0]})
    total = sum(block.sum(axis=0) for _, block in TiledCounts(trains, rows, 0.05).blocks(100))
    assert total.tolist() == [900, 0, 300]


def test_tiles_need_times(trains: Any) -> None:
    rows = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [1.0, np.nan]}, index=[3, 4])
    with pytest.raises(ArgumentError, match="interval 4 has no start_time or no stop_time"):
        TiledCounts(trains, rows, 0.1)
    with pytest.raises(LookupFailure, match="no column 'stop_time'"):
        TiledCounts(trains, rows[["start_time"]], 0.1)
    with pytest.raises(ArgumentError, match="more than 0 s"):
        TiledCounts(trains, rows, 0.0)


OWN = [
    "count",
    "unit_id",
    "bin",
    "bin_start",
    "bin_stop",
    "spike_counts",
    TIME,
    "interval_id",
    "7",
]


@pytest.mark.parametrize("tiled", [False, True])
def test_labels_named_as_an_outputs_own_are_named_alike_in_all(
    tmp_path: Path, trains: Any, tiled: bool
) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    rows = pd.DataFrame({"start_time": [1.0, 2.0, 5.0], "stop_time": [1.5, 2.5, 5.5]}, index=[4, 5, 6])
    for number, name in enumerate(OWN):
        rows[name] = np.arange(3.0) + 10 * number
    rows["count_"] = "taken too"
    names = {name: "count__" if name == "count" else f"{name}_" for name in OWN}
    with pytest.warns(nwbin.NwbinWarning) as said:
        plan = TiledCounts(trains, rows, 0.25) if tiled else AlignedCounts(trains, rows, [0.0, 0.25, 0.5])
    warned = [str(one.message) for one in said]
    assert warned == [
        f"the column {a!r} is written as {b!r}: outputs have a {a!r} of their own" for a, b in names.items()
    ]

    labels = {other: rows[name].to_numpy() for name, other in names.items()}
    units = pd.DataFrame(
        {"unit_id": [1, 2, 3], "count_": [4, 5, 6], "spike_counts": [7, 8, 9]}, index=trains.unit_ids
    )

    def write(name: str, layout: str = "matrix") -> Path:
        with pytest.warns(nwbin.NwbinWarning, match="'unit_id' is written as 'unit_id_'"):
            return write_counts(tmp_path / name, plan, units=units, layout=layout)

    with np.load(write("x.npz")) as stored:
        counts = stored["counts"].reshape(6, 3)
        for name, values in labels.items():
            assert stored["labels"][name].tolist() == values.tolist()
        assert stored["units"]["unit_id"].tolist() == [7, 3, 12]
        assert stored["units"]["unit_id_"].tolist() == [1, 2, 3]
    with xr.open_dataset(write("x.nc"), engine="h5netcdf") as data:
        np.testing.assert_array_equal(data["spike_counts"].to_numpy().reshape(6, 3), counts)
        assert data["unit_spike_counts"].to_numpy().tolist() == [7, 8, 9]
        assert data["count_" if tiled else "unit_count_"].to_numpy().tolist() == [4, 5, 6]
        for name, values in labels.items() if not tiled else ():
            assert data[name].to_numpy().tolist() == values.tolist()
    for ending in (".csv", ".parquet"):
        read = pd.read_csv if ending == ".csv" else pd.read_parquet
        matrix, long = read(write(f"x{ending}")), read(write(f"y{ending}", "long"))
        np.testing.assert_array_equal(matrix[["7", "3", "12"]], counts)
        np.testing.assert_array_equal(long["count"], counts.reshape(-1))
        assert long["unit_id"].tolist() == [7, 3, 12] * 6
        for name, values in labels.items():
            assert matrix[name].tolist() == np.repeat(values, 2).tolist()
            assert long[name].tolist() == np.repeat(values, 6).tolist()


BAD = b"caf\xe9".decode("utf-8", "surrogateescape")  # Latin-1 in a file that says UTF-8, as h5py reads it


def test_text_that_is_no_utf_8_is_escaped_alike_in_all(tmp_path: Path, trains: Any) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    assert [escape_text(one) for one in ("café", BAD, "\ud800", BAD + "\ud800")] == [
        "café", r"caf\xe9", r"\ud800", r"caf\udce9\ud800"
    ]  # fmt: skip
    tags = np.empty(2, object)
    tags[:] = [[BAD, "b"], []]
    columns = {"start_time": np.asarray([1.0, 2.0]), "note": np.asarray(["ü", BAD], object), "tags": tags}
    rows = frame_of({**columns, BAD: np.asarray([1, 2])}, pd.RangeIndex(2))  # as nwbin makes them from files
    units = frame_of({"area": np.asarray([BAD, "b", None], object)}, pd.Index(trains.unit_ids))
    plan, shown = AlignedCounts(trains, rows, [0.0, 1.0]), r"caf\xe9"
    found = {}
    for name in ("x.npz", "x.nc", "x.csv", "x.parquet"):
        path = write_counts(tmp_path / name, plan, units=units, provenance={"where": BAD})
        if name == "x.npz":
            with np.load(path) as stored:
                found[name] = stored["labels"]
                assert stored["units"]["area"].tolist() == [shown, "b", ""]
        elif name == "x.nc":
            with xr.open_dataset(path, engine="h5netcdf") as data:
                found[name] = data.load()
                assert data["area"].to_numpy().tolist() == [shown, "b", ""]
                assert data.attrs["where"] == shown
        else:
            found[name] = pd.read_csv(path) if name == "x.csv" else pd.read_parquet(path)
    for ending in ("csv", "parquet", "json"):
        path = write_table(rows.set_index("note"), tmp_path / f"t.{ending}")
        read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}[ending]
        found[path.name] = read(path)
    for name, table in found.items():
        assert np.asarray(table["note"]).tolist() == ["ü", shown], name
        assert np.asarray(table[shown]).tolist() == [1, 2], name
        assert np.asarray(table["tags"]).tolist()[0] == f"{shown}; b", name
    assert mean_rates(trains, rows, [0.0, 1.0], by="note")["condition"].to_numpy().tolist() == [shown, "ü"]
