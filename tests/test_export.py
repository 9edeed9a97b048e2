"""Conditions on rows; counts and tables in files, read back and compared with NumPy; whole or absent."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from nwbin.export._table import sound

import nwbin
from nwbin.binning.edges import multiples, whole_bins
from nwbin.errors import (
    ArgumentError,
    CountOverflowError,
    FileAccessError,
    LookupFailure,
    MissingDependencyError,
    MissingFileError,
)
from nwbin.export import (
    Tiles,
    Windows,
    matches,
    mean_rates,
    rates_table,
    regular_edges,
    select,
    tidy,
    whole,
    write_counts,
    write_table,
)
from nwbin.export import _writers as writers
from nwbin.export._steady import undisturbed
from nwbin.responses.decode import decode
from nwbin.tables.frames import frame_of
from tests.disks import FileSizeLimit

MIXED = pd.DataFrame(
    {
        "orientation": [0.0, 90.0, "null", 45.0, None],
        "contrast": [0.8, 0.2, 0.8, np.nan, 0.5],
        "name": ["gabors", "flashes", "null", "gabors", "natural movie"],
        "good": [True, False, True, True, False],
        "tags": [["wake"], [], ["wake", "nrem"], ["rem"], ["nrem"]],
        "two words": [1, 2, 3, 4, 5],
    },
    index=pd.Index([10, 11, 12, 13, 14], name="stimulus_presentation_id"),
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("orientation > 30", [1, 3]),
        ("orientation <= 45", [0, 3]),
        ("orientation != 'null'", [0, 1, 3]),
        ("orientation == 'null'", [2, 4]),
        ("orientation != 'null' and contrast > 0.5", [0]),
        ("orientation == 90", [1]),
        ("orientation in [0, 45]", [0, 3]),
        ("orientation not in [0, 45]", [1, 2, 4]),
        ("orientation.isna()", [2, 4]),
        ("orientation.between(45, 90)", [1, 3]),
        ("orientation.isin([0])", [0]),
        ("0 <= orientation < 90", [0, 3]),
        ("-orientation < -50", [1]),
        ("orientation % 90 == 0", [0, 1]),
        ("orientation / 45 > contrast + 1", [1]),
        ("abs(orientation - 60) < 20", [3]),
        ("contrast != 'null'", [0, 1, 2, 4]),
        ("contrast.notna()", [0, 1, 2, 4]),
        ("name == 'gabors'", [0, 3]),
        ('name == "gabors" & contrast > 0.5', [0]),
        ("(name == 'gabors') | (name == 'flashes')", [0, 1, 3]),
        ("name == 'natural movie' or name == 'a & b'", [4]),
        ("name.str.startswith('natural')", [4]),
        ("name.str.contains('ab')", [0, 3]),
        ("good", [0, 2, 3]),
        ("not good", [1, 4]),
        ("~good & contrast > 0.3", [4]),
        ("good == True", [0, 2, 3]),
        ("'wake' in tags", [0, 2]),
        ("'wake' not in tags", [1, 3, 4]),
        ("`two words` >= 4", [3, 4]),
        ("stimulus_presentation_id < 12", [0, 1]),
        ("index in (10, 14)", [0, 4]),
        ("True", [0, 1, 2, 3, 4]),
    ],
)
def test_conditions(condition: str, rows: list[int]) -> None:
    assert np.flatnonzero(matches(MIXED, condition)).tolist() == rows
    assert select(MIXED, condition).index.tolist() == MIXED.index[rows].tolist()


@pytest.mark.parametrize(
    "condition",
    [
        "a > 3",
        "a == 2 and b < 0",
        "a in [1, 2] or b >= 2.5",
        "not (a > b)",
        "a != 2 & b == b",
        "1 < a <= 3",
        "a + b > 3",
    ],
)
def test_conditions_agree_with_pandas(condition: str) -> None:
    table = pd.DataFrame({"a": [0, 1, 2, 3, 4], "b": [2.5, np.nan, -1.0, 3.0, 0.0]})
    pd.testing.assert_frame_equal(select(table, condition), table.query(condition, engine="python"))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("contrast >", "invalid syntax"),
        ("contrast = 1", "write == and not ="),
        ("contrst > 1", "no column 'contrst'; did you mean 'contrast'"),
        ("name == gabors", "text needs quotes: name == 'gabors'"),
        ("contrast == '0.8'", "contrast holds numbers"),
        ("orientation == '90'", "orientation holds numbers"),
        ("name > 3", "name holds text, which has no order"),
        ("name < 'h'", "holds text"),
        ("contrast < 'h'", "is not a number"),
        ("contrast", "neither true nor false"),
        ("orientation == [0, 90]", "in [...]"),
        ("3 in contrast", "holds no lists"),
        ("contrast is None", "not allowed"),
        ("contrast.mean() > 1", "is not allowed"),
        ("contrast.__class__", "is not allowed"),
        ("().__class__", "is not allowed"),
        ("__import__('os').system('true')", "is not allowed"),
        ("@pd.io", "cannot use the condition"),
        ("[x for x in contrast]", "is not allowed"),
        ("(lambda: True)()", "is not allowed"),
        ("f'{contrast}' == 'a'", "is not allowed"),
        ("good := True", "cannot use the condition"),
        ("(" * 5000 + "good" + ")" * 5000, "cannot use the condition"),
    ],
)
def test_conditions_that_cannot_be_used(condition: str, message: str) -> None:
    with pytest.raises((ArgumentError, LookupFailure)) as raised:
        matches(MIXED, condition)
    assert message in str(raised.value)


def test_columns_of_arrays() -> None:
    """As the structures of a session table are."""
    areas = np.empty(3, object)
    areas[:] = [np.array(["VISp", "LGd"], object), np.array([], object), np.array(["VISp"], object)]
    table = pd.DataFrame({"areas": areas})
    assert matches(table, "'VISp' in areas").tolist() == [True, False, True]
    assert matches(table, "'LGd' not in areas").tolist() == [False, True, True]
    with pytest.raises(LookupFailure, match="there is no column 'area'; did you mean 'areas'"):
        matches(table, "area == 1")


def test_no_condition_is_all_rows() -> None:
    assert select(MIXED, None) is MIXED
    assert select(MIXED, "  ") is MIXED


# -------------------------------------------------------------------- bins


@given(
    st.integers(-2000, 2000),
    st.integers(1, 300),
    st.integers(1, 200),
    st.sampled_from([1, 10, 100, 1000, 10000]),
)
def test_regular_edges_are_those_of_numpy(first: int, step: int, bins: int, unit: int) -> None:
    edges = regular_edges(first / unit, (first + step * bins) / unit, step / unit)
    assert len(edges) == bins + 1
    stop = (first + step * bins) / unit + step / unit / 2
    assert edges.tolist() == np.arange(first / unit, stop, step / unit).tolist()


def test_regular_edges_of_odd_widths() -> None:
    np.testing.assert_allclose(regular_edges(0.0, 1.0, 1 / 3), [0, 1 / 3, 2 / 3, 1], rtol=1e-15)
    for args, message in [
        ((0.0, 1.0, 0.3), "whole number"),
        ((0.0, 1.0, -0.1), "more than 0 s"),
        ((1.0, 0.0, 0.1), "end after it starts"),
        ((0.0, np.inf, 0.1), "finite"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            regular_edges(*args)


@given(st.floats(-10, 1e4), st.floats(0, 50), st.sampled_from([0.001, 0.05, 0.1, 1 / 3, 2.0]))
def test_whole_bins(start: float, length: float, width: float) -> None:
    stop = start + length
    bins = whole_bins(start, stop, width)
    edges = start + multiples(0.0, width, bins + 1)
    rounding = 1e-6 * width
    assert (edges[: bins + 1] <= stop + rounding).all() or bins == 0
    assert edges[bins + 1] > stop


def test_whole_bins_forgive_rounding() -> None:
    assert whole_bins(0.0, 0.3, 0.1) == 3  # 3 * 0.1 is a hair more than 0.3
    assert whole_bins(2.0, 2.3, 0.1) == 3  # 2.3 - 2.0 is a hair less
    assert whole_bins(0.0, 0.29, 0.1) == 2


# -------------------------------------------------------------------- counts


@pytest.fixture(scope="module")
def trains() -> nwbin.SpikeTrains:
    rng = np.random.default_rng(1)
    # Many spikes on multiples of 10 ms, where edges are.
    times = {
        unit: np.sort(np.round(rng.uniform(0, 20, size), 2)) for unit, size in ((7, 900), (3, 0), (12, 300))
    }
    return nwbin.SpikeTrains.from_dict(times)


@pytest.fixture(scope="module")
def shown() -> pd.DataFrame:
    starts = np.arange(40) * 0.5
    return pd.DataFrame(
        {
            "start_time": starts,
            "stop_time": starts + 0.25,
            "orientation": [0.0, 45.0, 90.0, "null"] * 10,
            "note": ["a", None, "ü", "null"] * 10,
        },
        index=pd.Index(np.arange(100, 140), name="stimulus_presentation_id"),
    )


EDGES = [-0.1, 0.0, 0.05, 0.25]


def counted(trains: nwbin.SpikeTrains, begin: np.ndarray, end: np.ndarray, closed: str) -> np.ndarray:
    """Windows x units, by comparing every spike with every window."""
    columns = []
    for unit in trains:
        spikes = trains[unit][None, :]
        above = spikes > begin[:, None] if closed == "right" else spikes >= begin[:, None]
        below = spikes < end[:, None] if closed == "left" else spikes <= end[:, None]
        columns.append((above & below).sum(axis=1))
    return np.stack(columns, axis=1)


def expected(trains: nwbin.SpikeTrains, shown: pd.DataFrame, closed: str) -> np.ndarray:
    edges = shown["start_time"].to_numpy()[:, None] + np.asarray(EDGES)[None, :]
    flat = counted(trains, edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), closed)
    return flat.reshape(len(shown), len(EDGES) - 1, len(trains))


UNITS = pd.DataFrame(
    {"structure_acronym": ["VISp", None, "LGd"], "rate": [1.0, 2.0, np.nan]}, index=[7, 3, 12]
)


@pytest.mark.parametrize("block", [1, 1 << 20])
@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_windows_in_every_format(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, closed: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    monkeypatch.setattr(writers, "_ARRAY_BLOCK", block)
    monkeypatch.setattr(writers, "_TABLE_VALUES", block)
    truth = expected(trains, shown, closed)
    plan = Windows(trains, shown, EDGES, closed=closed)
    said = {"made_by": "a test", "where": "orientation > 0", "binarize": False, "window": [0, 0.5]}
    seen: list[tuple[int, int]] = []

    def write(name: str, **more: Any) -> Path:
        return write_counts(tmp_path / name, plan, units=UNITS, provenance=said, **more)

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
    plan = Windows(trains, shown, EDGES, dtype=dtype)
    with np.load(write_counts(tmp_path / "x.npz", plan)) as z:
        assert z["counts"].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(z["counts"], truth)
    with xr.open_dataset(write_counts(tmp_path / "x.nc", plan), engine="h5netcdf") as data:
        np.testing.assert_array_equal(data["spike_counts"].to_numpy(), truth)


def test_nothing_to_count(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    for name in ("x.npz", "x.nc", "x.csv", "x.parquet"):
        for rows, units in ((shown[:0], trains), (shown, trains.select([]))):
            write_counts(tmp_path / name, Windows(units, rows, EDGES))
    with np.load(write_counts(tmp_path / "x.npz", Windows(trains, shown[:0], EDGES))) as z:
        assert z["counts"].shape == (0, 3, 3)


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_tiles(tmp_path: Path, trains: Any, closed: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("h5netcdf")
    monkeypatch.setattr(writers, "_ARRAY_BLOCK", block)
    monkeypatch.setattr(writers, "_TABLE_VALUES", block)
    rows = pd.DataFrame(
        {"start_time": [0.0, 2.0, 1.0, 9.03, 12.0], "stop_time": [1.0, 2.34, 1.05, 15.0, 12.4]},
        index=pd.Index([5, 1, 8, 2, 9], name="id"),
    )
    rows["tags"] = [["wake"], ["rem", "nrem"], [], ["wake"], []]
    plan = Tiles(trains, rows, 0.1, closed=closed)
    assert plan.bins.tolist() == [10, 3, 0, 59, 4]
    begin = np.concatenate(
        [a + np.arange(n) * 0.1 for a, n in zip(rows["start_time"], plan.bins, strict=True)]
    )
    end = np.concatenate(
        [a + np.arange(1, n + 1) * 0.1 for a, n in zip(rows["start_time"], plan.bins, strict=True)]
    )
    truth = counted(trains, begin, end, closed)
    with np.load(write_counts(tmp_path / "x.npz", plan)) as z:
        np.testing.assert_array_equal(z["counts"], truth)
        np.testing.assert_array_equal(z["bin_edges"], np.stack([begin, end], axis=1))
        assert z["interval_ids"].tolist() == np.repeat([5, 1, 8, 2, 9], plan.bins).tolist()
        assert z["labels"]["tags"].tolist() == ["wake", "rem; nrem", "", "wake", ""]
        assert z["labels"]["interval_id"].tolist() == [5, 1, 8, 2, 9]
    with xr.open_dataset(write_counts(tmp_path / "x.nc", plan), engine="h5netcdf") as data:
        assert data["spike_counts"].dims == ("bin", "unit_id")
        np.testing.assert_array_equal(data["spike_counts"].to_numpy(), truth)
        np.testing.assert_array_equal(data["bin_start"].to_numpy(), begin)
    table = pd.read_csv(write_counts(tmp_path / "x.csv", plan))
    np.testing.assert_array_equal(table[["7", "3", "12"]].to_numpy(), truth)
    # What is written is exact; older pandas reads the last digit only nearly.
    np.testing.assert_allclose(table["bin_stop"].to_numpy(), end, rtol=1e-15)
    long = pd.read_parquet(write_counts(tmp_path / "x.parquet", plan, layout="long"))
    np.testing.assert_array_equal(long["count"].to_numpy(), truth.reshape(-1))
    assert long["interval_id"].tolist() == np.repeat(table["interval_id"].to_numpy(), 3).tolist()


def test_tiles_lose_no_spike(trains: Any) -> None:
    rows = pd.DataFrame({"start_time": [0.0], "stop_time": [21.0]})
    total = sum(block.sum(axis=0) for _, block in Tiles(trains, rows, 0.05).blocks(100))
    assert total.tolist() == [900, 0, 300]


def test_tiles_need_times(trains: Any) -> None:
    rows = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [1.0, np.nan]}, index=[3, 4])
    with pytest.raises(ArgumentError, match="interval 4 has no start_time or no stop_time"):
        Tiles(trains, rows, 0.1)
    with pytest.raises(LookupFailure, match="no column 'stop_time'"):
        Tiles(trains, rows[["start_time"]], 0.1)
    with pytest.raises(ArgumentError, match="more than 0 s"):
        Tiles(trains, rows, 0.0)


OWN = [
    "count",
    "unit_id",
    "bin",
    "bin_start",
    "bin_stop",
    "spike_counts",
    "unit",
    "presentation",
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
        plan = Tiles(trains, rows, 0.25) if tiled else Windows(trains, rows, [0.0, 0.25, 0.5])
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
    assert [sound(one) for one in ("café", BAD, "\ud800", BAD + "\ud800")] == [
        "café", r"caf\xe9", r"\ud800", r"caf\udce9\ud800"
    ]  # fmt: skip
    tags = np.empty(2, object)
    tags[:] = [[BAD, "b"], []]
    columns = {"start_time": np.asarray([1.0, 2.0]), "note": np.asarray(["ü", BAD], object), "tags": tags}
    rows = frame_of({**columns, BAD: np.asarray([1, 2])}, pd.RangeIndex(2))  # as nwbin makes them from files
    units = frame_of({"area": np.asarray([BAD, "b", None], object)}, pd.Index(trains.unit_ids))
    plan, shown = Windows(trains, rows, [0.0, 1.0]), r"caf\xe9"
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


# -------------------------------------------------------------------- whole or absent


@pytest.mark.parametrize("ending", [".npz", ".nc", ".csv", ".parquet"])
def test_what_fails_leaves_nothing(tmp_path: Path, trains: Any, shown: pd.DataFrame, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_text("what was there before")
    rows = pd.DataFrame({"start_time": [0.0, 0.0], "stop_time": [20.0, 20.0]})
    plan = Windows(trains, rows, [0.0, 20.0], dtype=np.uint8)  # 900 spikes
    with pytest.raises(CountOverflowError, match="uint16"):
        write_counts(path, plan)

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_counts(path, Windows(trains, shown, EDGES), progress=stop)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "what was there before"


@pytest.mark.parametrize(
    ("ending", "bins", "room"),
    [
        (".npz", 50, 16384),
        (".csv", 50, 16384),
        (".parquet", 50, 16384),
        (".nc", 50, 4096),  # HDF5 crashes where its first pages cannot be written,
        (".nc", 5000, 1_060_000),  # and now and then where others cannot
    ],
)
def test_a_full_disk_is_one_error_and_leaves_nothing(
    tmp_path: Path, ending: str, bins: int, room: int
) -> None:
    if ending == ".nc":
        pytest.importorskip("h5netcdf")
    elif ending == ".parquet":
        pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({k: np.sort(rng.uniform(0, 20, 20_000)) for k in range(50)})
    plan = Windows(trains, pd.DataFrame({"start_time": np.arange(19.0)}), np.linspace(0, 1, bins + 1))
    path = tmp_path / f"x{ending}"
    path.write_text("what was there before")
    with FileSizeLimit(room), pytest.raises(FileAccessError) as caught:
        write_counts(path, plan)
    said = f"{path}: cannot be written: File too large; make room, or give a name on another disk"
    assert str(caught.value) == said
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "what was there before"
    write_counts(path, plan)  # nothing is left open that stands in the way
    assert path.stat().st_size > room


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX signals")
# Between a file's opening and the block that closes it an error leaves it to the garbage collector, which complains.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_wait_for_the_end_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error from a handler in the midst of HDF5's writing would leave HDF5 in pieces."""

    class Stop(BaseException):
        pass

    disk_is_used: list[bool] = []
    inside = False

    def handler(number: int, frame: Any) -> None:
        disk_is_used.append(inside)
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(3):
            with pytest.raises(Stop), undisturbed():  # noqa: PT012
                inside = True
                signal.raise_signal(signal.SIGALRM)
                signal.raise_signal(signal.SIGALRM)
                inside = False
        assert signal.getsignal(signal.SIGALRM) is handler
        trains = nwbin.SpikeTrains.from_dict(dict.fromkeys(range(50), np.arange(20.0)))
        plan = Windows(trains, pd.DataFrame({"start_time": np.arange(19.0)}), np.linspace(0, 1, 2001))
        counts = np.random.default_rng(0).integers(0, 9, plan.shape, np.uint16)
        # Not counted: what is interrupted is to be the writing, and not the kernels' first import.
        monkeypatch.setattr(
            plan, "blocks", lambda most: ((slice(k, k + 1), counts[k : k + 1]) for k in range(19))
        )
        pytest.importorskip("h5netcdf")
        write_counts(tmp_path / "x.nc", plan)  # warm
        for delay in np.linspace(0.002, 0.15, 12):
            signal.setitimer(signal.ITIMER_REAL, delay)
            with contextlib.suppress(Stop):
                write_counts(tmp_path / "y.nc", plan)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(disk_is_used) > 3
    assert not any(disk_is_used)
    assert {p.name for p in tmp_path.iterdir()} <= {"x.nc", "y.nc"}


def test_too_little_space_is_said_before_any_work(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Windows(trains, shown, EDGES)  # 40 x 3 x 3 counts of 2 bytes
    monkeypatch.setattr(Windows, "blocks", None)  # would be an error of another kind

    def disk(free: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=10**12, free=free))

    disk(719)
    for name, layout in [("x.npz", "matrix"), ("x.csv", "matrix"), ("x.csv", "long")]:
        with pytest.raises(FileAccessError, match=r"needs at least .*B, and its disk has 719 B free; choose"):
            write_counts(tmp_path / name, plan, layout=layout)
    disk(720)
    with pytest.raises(TypeError, match="not callable"):
        write_counts(tmp_path / "x.npz", plan)
    assert list(tmp_path.iterdir()) == []


def test_threads_that_write_one_file(tmp_path: Path) -> None:
    # All are at work at the same time: none may touch what another has not finished.
    together = threading.Barrier(4, timeout=30)

    def write(text: str) -> None:
        with whole(tmp_path / "x.txt") as unfinished:
            together.wait()
            unfinished.write_text(text * 1000)
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    written = (tmp_path / "x.txt").read_text()
    assert written in {text * 1000 for text in "abcd"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
    with whole(tmp_path / ("n" * 251 + ".txt")) as unfinished:  # as long as a name may be
        unfinished.write_text("1")


def test_whole_folder(tmp_path: Path) -> None:
    with whole(tmp_path / "store") as unfinished:
        unfinished.mkdir()
        (unfinished / "part").write_text("1")
    assert (tmp_path / "store" / "part").read_text() == "1"

    def fail() -> None:
        with whole(tmp_path / "other") as unfinished:
            unfinished.mkdir()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_targets_are_refused_before_any_work(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    plan = Windows(trains, shown, EDGES)
    (tmp_path / "folder.npz").mkdir()
    for name, kind, message in [
        ("x.mat", ArgumentError, r"ends in '.mat'; .* .npz, .nc, .csv, .parquet"),
        ("x", ArgumentError, "has no ending"),
        ("none/x.npz", MissingFileError, "there is no folder"),
        ("folder.npz", FileAccessError, "is a folder"),
    ]:
        with pytest.raises(kind, match=message):
            write_counts(tmp_path / name, plan)
    with pytest.raises(ArgumentError, match="long layout is for tables"):
        write_counts(tmp_path / "x.npz", plan, layout="long")
    with pytest.raises(ArgumentError, match="layout 'wide' is not known"):
        write_counts(tmp_path / "x.csv", plan, layout="wide")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.npz"]


def test_missing_extras_are_named(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, extra in (("x.nc", "netcdf"), ("x.parquet", "parquet")):
        with pytest.raises(MissingDependencyError, match=rf"pip install 'nwbin\[{extra}\]'"):
            write_counts(tmp_path / name, Windows(trains, shown, EDGES))
    with pytest.raises(MissingDependencyError, match=r"nwbin\[parquet\]"):
        write_table(shown, tmp_path / "x.parquet")
    with pytest.raises(MissingDependencyError, match=r"nwbin\[decode\]"):
        decode([[1.0]], [1])


# -------------------------------------------------------------------- tables


def test_tidy_has_one_kind_a_column() -> None:
    plain = tidy(MIXED)
    np.testing.assert_array_equal(plain["orientation"].to_numpy(), [0, 90, np.nan, 45, np.nan])
    assert plain["name"].tolist() == ["gabors", "flashes", None, "gabors", "natural movie"]
    assert plain["good"].dtype == bool
    assert plain["tags"].tolist() == ["wake", "", "wake; nrem", "rem", "nrem"]
    assert plain.index.equals(MIXED.index)


def test_tables_read_back(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name in ("x.csv", "x.json", "x.parquet"):
        write_table(MIXED, tmp_path / name, provenance={"a": 1})
    frames = [
        pd.read_csv(tmp_path / "x.csv"),
        pd.DataFrame(json.loads((tmp_path / "x.json").read_text())),
        pd.read_parquet(tmp_path / "x.parquet"),
    ]
    for frame in frames:
        assert frame["stimulus_presentation_id"].tolist() == MIXED.index.tolist()
        np.testing.assert_array_equal(frame["orientation"].astype(float), [0, 90, np.nan, 45, np.nan])
        assert frame["good"].tolist() == MIXED["good"].tolist()
    with pytest.raises(ArgumentError, match=r"ends in '\.txt'"):
        write_table(MIXED, tmp_path / "x.txt")


def test_ids_are_whole_numbers_in_text(tmp_path: Path) -> None:
    columns = {"peak_channel_id": [3.0, np.nan, 850.0], "probe_id": [1.0, 2.0, 3.0], "other_id": [0.5, 1.0, np.nan],
               "none_id": [np.nan] * 3, "rate": [1.0, 2.0, 3.0]}  # fmt: skip
    table = pd.DataFrame(columns, index=pd.Index([5, 6, 7], name="unit_id"))
    lines = write_table(table, tmp_path / "x.csv").read_text().splitlines()
    assert lines == [
        "unit_id,peak_channel_id,probe_id,other_id,none_id,rate",
        "5,3,1,0.5,,1.0", "6,,2,1.0,,2.0", "7,850,3,,,3.0",
    ]  # fmt: skip
    records = write_table(table, tmp_path / "x.json").read_text()
    assert '"peak_channel_id": 3,' in records
    assert json.loads(records)[1]["peak_channel_id"] is None
    trains = nwbin.SpikeTrains.from_dict({1: np.arange(9.0)})
    rows = pd.DataFrame({"start_time": [1.0, 2.0], "block_id": [12.0, np.nan]})
    path = write_counts(tmp_path / "y.csv", Windows(trains, rows, [0.0, 1.0], closed="left"))
    assert [line.split(",")[-2] for line in path.read_text().splitlines()] == ["block_id", "12", ""]


# -------------------------------------------------------------------- rates and decoding


def test_mean_rates(trains: Any, shown: pd.DataFrame) -> None:
    truth = expected(trains, shown, "left")
    rates = mean_rates(trains, shown, EDGES, by="orientation")
    assert rates["condition"].to_numpy().tolist() == [0.0, 45.0, 90.0]
    assert rates["presentations"].to_numpy().tolist() == [10, 10, 10]
    for k in range(3):
        np.testing.assert_allclose(rates[k], truth[k::4].mean(axis=0) / np.diff(EDGES)[:, None])
    table = rates_table(rates)
    np.testing.assert_allclose(table["firing_rate"], rates.to_numpy().mean(axis=2).reshape(-1))
    assert len(rates_table(rates, per_unit=True)) == rates.size
    assert mean_rates(trains, shown, EDGES).shape == (1, 3, 3)
    assert mean_rates(trains, shown, EDGES, by="note")["condition"].to_numpy().tolist() == ["a", "ü"]
    with pytest.raises(LookupFailure, match="did you mean 'orientation'"):
        mean_rates(trains, shown, EDGES, by="orientatio")


def test_decode_refuses_at_the_door() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 5)), np.arange(60) % 3
    hole, endless = x.copy(), x.copy()
    hole[7, 2], endless[1, 1] = np.nan, np.inf
    some: Any = y.astype(object)
    some[4] = None
    mixed: Any = y.astype(object)
    mixed[4] = "null"
    wide = rng.normal(size=(60, 100))
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (hole, y, {}, r"X has nan in trial 7, unit 2 \(and 0 more\); counts must be finite"),
        (endless, y, {}, "X has inf in trial 1, unit 1"),
        (x, np.where(y == 1, np.nan, y), {}, "20 of 60 trials have no label, trial 1 first"),
        (x, some, {}, "1 of 60 trials have no label, trial 4 first"),
        (x, mixed, {}, "labels are text and numbers at once"),
        ([["a"]] * 60, y, {}, "X must be numbers"),
        ([[1.0], [1.0, 2.0]], [1, 2], {}, "X must be numbers"),
        (
            wide,
            y,
            {"shrinkage": None},
            "100 units over 48 trials cannot be inverted; .* above 0, such as 0.2, not None",
        ),
        (x[:, [0, 0]], y, {"shrinkage": 0}, "2 units over 48 trials cannot be inverted"),
        *(
            (x, y, {"folds": one}, "folds must be a whole number, 2 or more, not")
            for one in (1, 2.5, True, None)
        ),
        *(
            (x, y, {"components": one}, "components must be a whole number, 1 or more")
            for one in (0, -1, 1.5)
        ),
        *(
            (x, y, {"shrinkage": one}, "shrinkage must be from 0 to 1, 'auto' or None, not")
            for one in (2, -0.1, "atuo")
        ),
        (x, y, {"shrinkage": np.nan}, "shrinkage must be from 0 to 1"),
    ]
    for counts, labels, more, message in cases:
        with pytest.raises(ArgumentError, match=message):
            decode(counts, labels, **more)
    for shrinkage in (0, 1, None, "auto", np.float32(0.5)):
        assert decode(x, y, shrinkage=shrinkage, folds=np.int64(2)).scores.shape == (2,)  # type: ignore[arg-type]


def test_decode() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)
    y = np.repeat([0.0, 22.5, 45.0], 40)[rng.permutation(120)]
    told = decode(rng.normal(size=(120, 10)) + 4 * (y[:, None] == np.asarray([0, 22.5, 45] + [99] * 7)), y)
    assert told.accuracy > 0.95
    assert told.scores.shape == (5,)
    assert told.chance == pytest.approx(1 / 3)
    assert told.confusion.sum() == 120
    assert told.projection.shape == (120, 2)
    assert told.held_out.sum() == 24
    assert (told.predicted == y).mean() == pytest.approx(told.accuracy)
    nothing = decode(rng.normal(size=(120, 10)), y)
    assert nothing.accuracy < 0.55
    one = decode(y[:, None] + rng.normal(size=(120, 1)) / 99, y)
    assert one.projection.shape == (120, 1), "a single unit has a single dimension"
    assert repr(one).startswith(
        "<nwbin.responses.decode.Decoding: accuracy 1.000, chance 0.333; 120 trials, 3 classes, 5 folds"
    )
    two = decode(rng.normal(size=(60, 2)), ["a", "b"] * 30)
    assert two.projection.shape == (60, 1)
    for x, labels, message in [
        (np.ones((6, 2)), [1] * 6, "only one label"),
        (np.ones((6, 2)), [1, 2] * 3, "label 1 has 3 trials, too few for 5 folds"),
        (np.ones((6, 2)), [1, 2, 2, 2, 2, 2], "label 1 has 1 trial, too few for 5 folds"),
        (np.ones((20, 2)), [1, 2] * 10, "same counts"),
        (np.ones((20, 0)), [1, 2] * 10, "no units"),
        (np.ones(20), [1, 2] * 10, "X must be"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            decode(x, labels)
