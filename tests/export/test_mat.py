"""MATLAB's files, read back: 7.3 by h5py as the format is laid out, and by mat73; 5 by SciPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - what was written is looked at with nothing of nwbin's between
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, CountOverflowError, MissingDependencyError
from nwbin.export import tidy, write_counts, write_table
from nwbin.export._mat import mat_columns
from nwbin.responses.counts import AlignedCounts
from nwbin.responses.tiles import TiledCounts
from nwbin.tables.frames import frame_of
from nwbin.testing import write_session
from tests.cli.asking import good
from tests.export.counting import EDGES, MIXED, expected

UNITS = pd.DataFrame(
    {"structure_acronym": ["VISp", None, "LGd"], "rate": [1.0, 2.0, np.nan], "2nd": [1, 2, 3]},
    index=[7, 3, 12],
)
CLASSES = {
    "float64": "double", "float32": "single", "float16": "single", "bool": "logical", "uint8": "uint8",
    "int8": "int8", "uint16": "uint16", ">u2": "uint16", "int64": "int64",
}  # fmt: skip


def value(node: Any) -> Any:
    """A variable as MATLAB shows it: its first dimension first."""
    kind = node.attrs["MATLAB_class"].decode()
    if kind == "struct":
        fields = ["".join(one.astype(str)) for one in node.attrs["MATLAB_fields"]]
        assert set(fields) == set(node)
        return {name: value(node[name]) for name in fields}
    if node.attrs.get("MATLAB_empty", 0):
        return np.empty(tuple(int(n) for n in node[()]))
    array = node[()].T
    if kind == "char":
        assert node.attrs["MATLAB_int_decode"] == 2
        return [row.astype("<u2").tobytes().decode("utf-16-le").rstrip(" ") for row in array]
    if kind == "logical":
        assert node.attrs["MATLAB_int_decode"] == 1
        return array.astype(bool)
    assert np.dtype({"double": "f8", "single": "f4"}.get(kind, kind)) == array.dtype
    return array


def read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        head = file.read(512)
    assert head.startswith(b"MATLAB 7.3 MAT-file, Platform: ")
    assert head[116:124] == bytes(8)
    assert head[124:128] == b"\x00\x02IM"
    assert not any(head[128:])
    with h5py.File(path) as file:
        assert file.userblock_size == 512
        return {name: value(file[name]) for name in file}


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_counts(tmp_path: Path, trains: Any, shown: pd.DataFrame, block: int) -> None:
    plan = AlignedCounts(trains, tidy(shown), EDGES, closed="both")
    said = {"made_by": "a test", "window": [0, 0.5], "ü": "日"}
    path = write_counts(tmp_path / "x.mat", plan, units=UNITS, provenance=said, max_bytes=block)
    found = read(path)
    np.testing.assert_array_equal(found["counts"], expected(trains, shown, "both"))
    assert found["counts"].dtype == np.uint16
    assert found["unit_ids"].tolist() == [[7], [3], [12]]
    assert found["presentation_ids"][:, 0].tolist() == shown.index.tolist()
    assert found["bin_edges"][:, 0].tolist() == EDGES
    assert found["dims"] == list(plan.dims)
    assert json.loads(found["provenance"][0]) == said
    labels = found["labels"]
    assert list(labels) == ["stimulus_presentation_id", "start_time", "stop_time", "orientation", "note"]
    np.testing.assert_array_equal(labels["orientation"][:, 0], [0.0, 45.0, 90.0, np.nan] * 10)
    assert labels["note"] == ["a", "", "ü", ""] * 10
    assert found["units"]["structure_acronym"] == ["VISp", "", "LGd"]
    assert found["units"]["x_2nd"][:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("dtype", CLASSES)
def test_dtypes(tmp_path: Path, trains: Any, shown: pd.DataFrame, dtype: str) -> None:
    path = write_counts(tmp_path / "x.mat", AlignedCounts(trains, shown, EDGES, closed="both", dtype=dtype))
    with h5py.File(path) as file:
        assert file["counts"].attrs["MATLAB_class"] == CLASSES[dtype].encode()
    np.testing.assert_array_equal(read(path)["counts"], expected(trains, shown, "both").astype(dtype))


def test_many_chunks(tmp_path: Path) -> None:
    """More units, bins and rows than a chunk or a block holds; the chunks are read whole again."""
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({k: np.sort(rng.uniform(0, 70, 200)) for k in range(70)})
    plan = AlignedCounts(trains, {"start_time": np.arange(70.0)}, np.linspace(0, 1, 301), dtype="float64")
    path = write_counts(tmp_path / "x.mat", plan, max_bytes=4 << 20)
    with h5py.File(path) as file:
        chunks, shape = file["counts"].chunks, file["counts"].shape
        assert shape == (70, 300, 70)
        assert all(chunk < size for chunk, size in zip(chunks, shape, strict=True))
        np.testing.assert_array_equal(file["counts"][()].T, plan.to_numpy())


def test_tiles_and_nothing(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    rows = {"start_time": [0.0, 5.0], "stop_time": [1.0, 7.0]}
    plan = TiledCounts(trains, rows, 0.5)
    found = read(write_counts(tmp_path / "x.mat", plan))
    np.testing.assert_array_equal(found["counts"], plan.to_numpy())
    assert found["interval_ids"][:, 0].tolist() == [0, 0, 1, 1, 1, 1]
    assert found["bin_edges"].tolist() == [[0, 0.5], [0.5, 1], [5, 5.5], [5.5, 6], [6, 6.5], [6.5, 7]]
    for some, units in ((shown[:0], trains), (shown, trains.select([]))):
        plan = AlignedCounts(units, some, EDGES)
        assert read(write_counts(tmp_path / "x.mat", plan))["counts"].shape == plan.shape


def test_tables(tmp_path: Path) -> None:
    found = read(write_table(MIXED, tmp_path / "x.mat"))
    assert set(found) == {
        "stimulus_presentation_id", "orientation", "contrast", "name", "good", "tags", "two_words"
    }  # fmt: skip
    assert found["stimulus_presentation_id"][:, 0].tolist() == [10, 11, 12, 13, 14]
    np.testing.assert_array_equal(found["orientation"][:, 0], [0, 90, np.nan, 45, np.nan])
    assert found["name"] == ["gabors", "flashes", "", "gabors", "natural movie"]
    assert found["good"][:, 0].tolist() == MIXED.good.tolist()
    assert found["tags"] == ["wake", "", "wake; nrem", "rem", "nrem"]
    assert read(write_table(MIXED[:0], tmp_path / "x.mat"))["contrast"].shape == (0, 1)
    emoji = frame_of({"text": ["a\U0001f600", "b\xff", "", "\udcff"]})
    assert read(write_table(emoji, tmp_path / "x.mat"))["text"] == ["a\U0001f600", "b\xff", "", "\\xff"]


def test_names() -> None:
    given = ["a b", "a_b", "2nd", "_x", "end", "ü", "x" * 70, "x" * 80, ""]
    made = list(mat_columns({name: np.zeros(1) for name in given}))
    assert made[:6] == ["a_b", "a_b_2", "x_2nd", "x__x", "x_end", "x__"]
    assert made[6] == "x" * 63
    assert all(len(name) <= 63 for name in made)
    assert len(set(made)) == len(given)
    assert all(name.isidentifier() and name.isascii() for name in made)


def test_mat73_reads_it(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    mat73 = pytest.importorskip("mat73")
    plan = AlignedCounts(trains, shown, EDGES)
    found = mat73.loadmat(str(write_counts(tmp_path / "x.mat", plan, units=UNITS)))
    np.testing.assert_array_equal(found["counts"], plan.to_numpy())
    np.testing.assert_array_equal(found["labels"]["start_time"], shown.start_time)
    np.testing.assert_array_equal(found["unit_ids"], [7, 3, 12])


def test_version_5(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    io = pytest.importorskip("scipy.io")
    plan = AlignedCounts(trains, tidy(shown), EDGES)
    path = write_counts(tmp_path / "x.mat", plan, units=UNITS, mat_version="5", provenance={"a": 1})
    found = io.loadmat(path, simplify_cells=False)
    np.testing.assert_array_equal(found["counts"], plan.to_numpy())
    assert found["counts"].dtype == np.uint16
    assert found["unit_ids"].tolist() == [[7], [3], [12]]
    labels = found["labels"][0, 0]
    np.testing.assert_array_equal(labels["orientation"][:, 0], [0.0, 45.0, 90.0, np.nan] * 10)
    assert [one.strip() for one in labels["note"].tolist()] == ["a", "", "ü", ""] * 10
    assert json.loads(found["provenance"][0]) == {"a": 1}
    table = io.loadmat(write_table(MIXED, tmp_path / "y.mat", mat_version="5"))
    assert table["two_words"].tolist() == [[1], [2], [3], [4], [5]]
    assert [one.strip() for one in table["name"].tolist()] == [
        "gabors",
        "flashes",
        "",
        "gabors",
        "natural movie",
    ]


def test_what_is_refused(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = AlignedCounts(trains, shown, EDGES)
    with pytest.raises(ArgumentError, match=r"mat_version is '7.3' or '5', not '6'"):
        write_counts(tmp_path / "x.mat", plan, mat_version="6")  # type: ignore[arg-type] # on purpose
    with pytest.raises(ArgumentError, match="long layout is for tables"):
        write_counts(tmp_path / "x.mat", plan, layout="long")
    pytest.importorskip("scipy")
    large = AlignedCounts(trains, {"start_time": np.arange(30_000) * 30.0}, np.arange(25_000) / 1e3)
    with pytest.raises(
        ArgumentError, match=r"version 5 of .mat holds 2 GB a variable; take mat_version='7.3'"
    ):
        write_counts(tmp_path / "x.mat", large, mat_version="5")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingDependencyError, match=r"version 5 of .mat needs scipy.*pip install 'nwbin\[matlab\]'"
    ):
        write_table(MIXED, tmp_path / "x.mat", mat_version="5")
    assert list(tmp_path.iterdir()) == []


def test_a_count_that_overflows_leaves_nothing(tmp_path: Path, trains: Any) -> None:
    plan = AlignedCounts(trains, [0.0], [0.0, 20.0], dtype="uint8")
    with pytest.raises(CountOverflowError):
        write_counts(tmp_path / "x.mat", plan)
    assert list(tmp_path.iterdir()) == []


def test_commands(tmp_path: Path) -> None:
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=2)
    good("count", path, "--stimulus", "flashes", "--edges", "0,0.1,0.25", "-o", tmp_path / "counts.mat")
    found = read(tmp_path / "counts.mat")
    session = nwbin.open(path)
    shown = session.get_stimulus_table("flashes")
    counts = session.presentationwise_spike_counts([0, 0.1, 0.25], shown.index, None)
    np.testing.assert_array_equal(found["counts"], counts)
    assert found["labels"]["color"][:, 0].tolist() == shown.color.tolist()
    good("units", path, "-o", tmp_path / "units.mat")
    table = read(tmp_path / "units.mat")
    assert table["unit_id"][:, 0].tolist() == session.units.index.tolist()
    assert table["structure_acronym"] == session.units.structure_acronym.tolist()
