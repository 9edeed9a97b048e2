"""One labelled counts object: what becomes of it, and that its labels join with everybody else's."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import nwbin
from nwbin.allen.responses import CLOSED_BINS, CLOSED_SPIKES
from nwbin.binning import (
    align_spikes,
    bin_centers,
    bin_edges,
    bin_spikes,
    bin_spikes_sparse,
    count_in_windows,
    iter_bin_spikes,
    spikes_in_order_of_time,
)
from nwbin.errors import ArgumentError, FileAccessError, OverlapWarning
from nwbin.export import write_counts, write_zarr_group
from nwbin.responses.counts import AlignedCounts
from nwbin.responses.matrix import response_matrix
from nwbin.responses.rate_tables import mean_rates
from nwbin.responses.statistics import group_statistics
from nwbin.responses.tiles import TiledCounts
from nwbin.responses.windows import overlap_unsaid, warn_of_overlap
from nwbin.testing import write_session

DIMS = ("stimulus_presentation_id", "time_relative_to_stimulus_onset", "unit_id")
# The first bin has another center by (a + b) / 2: a join would lose it.
EDGES = np.arange(0.01, 0.75, 0.1)
TRAINS = nwbin.SpikeTrains.from_dict({7: np.arange(0.0, 9.0, 0.01), 3: [], 12: [1.1, 2.2, 2.25]})
UNITS = pd.DataFrame({"area": ["VISp", None, "LGd"], "start_time": [1.0, 2.0, 3.0]}, index=[7, 3, 12])
ROWS = pd.DataFrame(
    {"start_time": [1.0, 2.0, 3.5], "stop_time": [1.5, 2.5, 4.0], "note": ["a", None, "ü"]},
    index=pd.Index([4, 9, 5], name="stimulus_presentation_id"),
)
SECONDS = {DIMS[1], "bin_start", "bin_stop", "start_time", "stop_time"}


def counts_of(rows: pd.DataFrame = ROWS, **how: Any) -> AlignedCounts:
    return AlignedCounts(TRAINS, rows, EDGES, **how)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("overlap")
    return write_session(folder / "session_5.nwb", seed=5, size="tiny", invalid_times=False, repeats=0.3)


def test_every_form_has_the_same_counts_and_labels(tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf")
    pytest.importorskip("zarr")
    counts = counts_of()
    truth = bin_spikes(TRAINS, ROWS["start_time"], EDGES)
    assert (counts.dims, counts.shape, counts.dtype) == (DIMS, truth.shape, np.uint16)
    np.testing.assert_array_equal(counts.to_numpy(), truth)
    out = np.empty(truth.shape, np.int32)
    assert counts.to_numpy(out=out) is out
    np.testing.assert_array_equal(out, truth)
    for rows, block in counts.blocks(1):
        np.testing.assert_array_equal(block, truth[rows])
    write_counts(tmp_path / "x.nc", counts, units=UNITS)
    write_zarr_group(tmp_path / "x.zarr", counts, units=UNITS)
    forms = [
        counts.to_xarray(),
        xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf")["spike_counts"],
        xr.open_zarr(tmp_path / "x.zarr", chunks=None)["spike_counts"],
    ]
    for array in forms:
        assert array.dims == DIMS
        np.testing.assert_array_equal(array, truth)
        assert array[DIMS[0]].values.tolist() == [4, 9, 5]
        assert array[DIMS[2]].values.tolist() == [7, 3, 12]
        assert array[DIMS[1]].values.tolist() == bin_centers(EDGES).tolist()
        assert array["bin_start"].values.tolist() == EDGES[:-1].tolist()
        assert array["bin_stop"].values.tolist() == EDGES[1:].tolist()
        assert array["start_time"].values.tolist() == [1.0, 2.0, 3.5]
        assert {name for name, one in array.coords.items() if one.attrs.get("units") == "s"} == SECONDS
    for array in forms[1:]:
        assert array["area"].values.tolist() == ["VISp", "", "LGd"]
        assert array["unit_start_time"].values.tolist() == [1.0, 2.0, 3.0]
        assert array["note"].values.tolist() == ["a", "", "ü"]


def test_other_intervals_have_dimensions_of_the_same_names() -> None:
    for name in (None, "id", "trial"):
        counts = counts_of(ROWS.rename_axis(index=name))
        assert counts.dims == ("interval_id", *DIMS[1:])
        assert counts.to_xarray()["interval_id"].values.tolist() == [4, 9, 5]


def test_tiles_become_arrays_too() -> None:
    counts = TiledCounts(TRAINS, ROWS, 0.2)
    array = counts.to_xarray()
    assert array.dims == ("bin", "unit_id")
    assert array["stimulus_presentation_id"].values.tolist() == [4, 4, 9, 9, 5, 5]
    assert array["bin_start"].attrs["units"] == "s"
    truth = bin_spikes(TRAINS, ROWS["start_time"], [0.0, 0.2, 0.4]).reshape(6, 3)
    np.testing.assert_array_equal(array, truth)
    out = np.empty((6, 3), np.int64)
    np.testing.assert_array_equal(counts.to_numpy(out=out), truth)


def test_a_join_loses_no_bin(tmp_path: Path, path: Path) -> None:
    """Whichever door counts and rates came through, their bins have the same centers to the last bit."""
    pytest.importorskip("h5netcdf")
    centers = EDGES[:-1] + np.diff(EDGES) / 2
    assert (centers != (EDGES[:-1] + EDGES[1:]) / 2).any(), "these edges show no difference"
    with nwbin.open(path) as session:
        shown = session.get_stimulus_table("drifting_gratings").iloc[:3]
        trains = session.file.spike_trains(session.units.index)
        doors = [session.presentationwise_spike_counts(EDGES, shown.index, None)]
    counts = AlignedCounts(trains, shown[["start_time", "stop_time"]], EDGES)
    write_counts(tmp_path / "x.nc", counts)
    with xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as data:
        doors += [counts.to_xarray(), data["spike_counts"].load(), mean_rates(trains, shown, EDGES)]
    for joined in xr.align(*(door.drop_vars(door.coords.keys() - set(DIMS)) for door in doors), join="inner"):
        assert joined[DIMS[1]].values.tolist() == centers.tolist()


OVERLAP = "the time windows of neighbouring {}s overlap for 2 pairs of rows"


@pytest.mark.usefixtures("workers_here")
def test_overlapping_windows_are_said_through_every_door(tmp_path: Path, path: Path) -> None:
    pytest.importorskip("zarr")
    from tests.cli.asking import good

    rows, of_table, of_stimulus = (
        ROWS.rename_axis(index=None),
        OVERLAP.format("interval"),
        OVERLAP.format("presentation"),
    )
    doors: list[Callable[[], object]] = [
        lambda: AlignedCounts(TRAINS, rows, [0.0, 2.0]),
        lambda: mean_rates(TRAINS, rows, [0.0, 2.0]),
        lambda: response_matrix(TRAINS, rows, [1, 2, 3], (0.0, 2.0)),
    ]
    for door in doors:
        with pytest.warns(OverlapWarning, match=of_table):
            door()
    with nwbin.open(path) as session:
        table = session.get_stimulus_table("drifting_gratings")
        shown = table.index[table["orientation"] != "null"][:3]
        count, matrix = session.presentationwise_spike_counts, session.response_matrix
        moved = {"time_domain_callback": lambda clock: np.add(clock, [[0.0, 20.0]])}
        for ask in (
            lambda: count([0.0, 20.0], shown, None),
            lambda: count([0.0, 0.1], shown, None, **moved),
            lambda: matrix(shown, None, (0.0, 20.0), np.arange(3)),
        ):
            with pytest.warns(OverlapWarning, match=of_stimulus):
                ask()
    some = f"index in [{', '.join(map(str, shown))}]"
    data, window = nwbin.Dataset(path.parent), {"window": (0.0, 20.0), "workers": 0}
    jobs = {
        "x.zarr": lambda out: data.spike_counts(out, "drifting_gratings", presentations=some, **window),
        "matrices": lambda out: data.response_matrices(
            "drifting_gratings", presentations=some, out=out, **window
        ),
        "tables": lambda out: data.spike_tables(out, "drifting_gratings", presentations=some, **window),
    }
    for name, job in jobs.items():
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            found = job(tmp_path / name)
        noted = [*found.report["notes"], *(str(one.message) for one in heard)]
        assert of_stimulus in "; ".join(noted), name
    where = ("--stimulus", "drifting_gratings", "--window", "0,20", "--where", some, "-o")
    for command, out in (("count", "x.npz"), ("psth", "x.csv")):
        assert of_stimulus in " ".join(good(command, path, *where, tmp_path / out).split())
    of_folder = " ".join(good("count", path.parent, *where, tmp_path / "y.zarr", "--workers", "1").split())
    assert "have time windows of neighbouring rows that overlap" in of_folder.replace(" has ", " have ")


@pytest.mark.parametrize("width", [1e-12, 5e-324])
def test_tiles_beyond_number(width: float) -> None:
    with pytest.raises(ArgumentError, match=r"the time from 1 to 1\.5 s is more than 100,000,000 bins"):
        TiledCounts(TRAINS, ROWS, width)


def test_what_is_unsaid_in_one_thread_is_said_in_others() -> None:
    windows = np.array([[0.0, 2.0], [1.0, 3.0]])
    before = list(warnings.filters)
    with overlap_unsaid(True), ThreadPoolExecutor(1) as pool:
        warn_of_overlap(ROWS, windows)  # would be an error here
        assert list(warnings.filters) == before
        with pytest.raises(OverlapWarning):
            pool.submit(warn_of_overlap, ROWS, windows).result()
    with pytest.raises(OverlapWarning):
        warn_of_overlap(ROWS, windows)


@pytest.mark.parametrize("job", ["spike_counts", "response_matrices", "spike_tables"])
def test_late_windows_are_said_of_folders(tmp_path: Path, path: Path, job: str) -> None:
    pytest.importorskip("zarr")
    out = {"response_matrices": {"label": "color"}}.get(job, {"out": tmp_path / "out"})
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = getattr(nwbin.Dataset(path.parent), job)(
            stimulus="flashes", window=(1e6, 1e6 + 0.2), workers=0, **out
        )
    noted = "; ".join([*found.report["notes"], *(str(one.message) for one in heard)])
    assert "windows start after the last spike of these units (" in noted


@pytest.mark.usefixtures("workers_here")
def test_late_windows_of_a_folder_are_said_by_its_command(tmp_path: Path, path: Path) -> None:
    pytest.importorskip("zarr")
    from tests.cli.asking import good

    asked = (
        "--stimulus",
        "flashes",
        "--window",
        "1000000,1000000.2",
        "--workers",
        "1",
        "-o",
        tmp_path / "x.zarr",
    )
    said = " ".join(good("count", path.parent, *asked).split())
    assert "windows that start after the last spike of these units" in said


@pytest.mark.parametrize(
    "function",
    [
        bin_spikes, bin_spikes_sparse, count_in_windows, iter_bin_spikes, align_spikes, spikes_in_order_of_time,
        AlignedCounts, TiledCounts, response_matrix, mean_rates, group_statistics,
    ],
)  # fmt: skip
def test_arrays_are_counted_in_half_open_bins(function: Any) -> None:
    assert inspect.signature(function).parameters["closed"].default == "left"


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        (nwbin.Session.presentationwise_spike_counts, CLOSED_BINS),
        (nwbin.Session.response_matrix, CLOSED_BINS),
        (nwbin.Session.presentationwise_spike_times, CLOSED_SPIKES),
        (nwbin.Dataset.spike_counts, CLOSED_BINS),
        (nwbin.Dataset.response_matrices, CLOSED_BINS),
        (nwbin.Dataset.spike_tables, CLOSED_SPIKES),
    ],
)
def test_sessions_are_counted_by_allensdks_rule(function: Any, rule: str) -> None:
    assert inspect.signature(function).parameters["closed"].default == rule


def test_one_way_from_what_is_said_to_bins(tmp_path: Path) -> None:
    assert bin_edges([0, 0.1]).tolist() == [0.0, 0.1]
    assert bin_edges(window=(0, 0.3), bin_width=0.1).tolist() == np.arange(0, 0.35, 0.1).tolist()
    # Of a width beside edges a job took no notice.
    for given in (
        {},
        {"edges": [0, 1], "window": (0, 1)},
        {"edges": [0, 1], "bin_width": 0.1},
        {"bin_width": 1},
    ):
        with pytest.raises(ArgumentError, match="either edges, or a window"):
            bin_edges(**given)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match="either edges, or a window"):
            nwbin.Dataset(tmp_path).spike_counts(tmp_path / "x.zarr", **given)  # type: ignore[arg-type]


def test_a_group_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    rows = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [1.0, 2.0]})
    trains = nwbin.SpikeTrains.from_dict({7: [0.1, 1.2]})
    with pytest.raises(FileAccessError, match="is a folder with something in it"):
        write_zarr_group(tmp_path, AlignedCounts(trains, rows, [0.0, 0.5]))
    assert (tmp_path / "thesis.txt").read_text() == "all of it"
    with pytest.raises(ArgumentError, match="by presentation, bin and unit"):
        write_zarr_group(tmp_path / "x", TiledCounts(trains, rows, 0.5))
    assert not (tmp_path / "x").exists()
