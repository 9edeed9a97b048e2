"""Counts, matrices and tables of every session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.binning import bin_edges
from nwbin.errors import (
    ArgumentError,
    InvalidSpikesWarning,
)
from tests.dataset.jobs import IDS, OPEN
from tests.small_files import write_small

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


def test_spike_counts(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    xarray = pytest.importorskip("xarray")
    data = nwbin.Dataset(trees["allen"])
    store = tmp_path / "counts.zarr"
    job: dict[str, Any] = {
        "window": (0, 0.25),
        "bin_width": 0.05,
        "presentations": "orientation != 'null'",
        **OPEN,
    }
    found = data.spike_counts(store, "static_gratings", **job, workers=0)
    assert found.report["status"].tolist() == ["done", "done", "nothing"]
    assert "has no stimulus 'static_gratings'" in found.passed_over[IDS[2]]
    with data.get_session_data(IDS[0], **OPEN) as session:
        table = session.get_stimulus_table("static_gratings")
        shown = table.index[(table["orientation"] != "null").to_numpy()]
        edges = bin_edges(window=(0, 0.25), bin_width=0.05)
        truth = session.presentationwise_spike_counts(edges, shown, None)
        units = session.units
    counts = xarray.open_zarr(store, group=f"session_{IDS[0]}", chunks=None)
    assert counts["spike_counts"].dims == (
        "stimulus_presentation_id",
        "time_relative_to_stimulus_onset",
        "unit_id",
    )
    np.testing.assert_array_equal(counts["spike_counts"], truth)
    np.testing.assert_array_equal(counts["stimulus_presentation_id"], shown)
    np.testing.assert_array_equal(counts["unit_id"], units.index)
    np.testing.assert_array_equal(counts["bin_start"], edges[:-1])
    assert counts["ecephys_structure_acronym"].values.tolist() == units["ecephys_structure_acronym"].tolist()
    assert counts.attrs["session_id"] == IDS[0]
    assert counts.attrs["nwbin"]["stamp"]["spec"]["stimulus"] == ["static_gratings"]
    both = xarray.open_datatree(store, engine="zarr", chunks=None)
    assert list(both.children) == [f"session_{one}" for one in IDS[:2]]
    again = data.spike_counts(store, "static_gratings", **job, workers=0)
    assert again.report["status"].tolist() == ["kept", "kept", "nothing"]
    np.testing.assert_array_equal(again[IDS[1]]["spike_counts"], found[IDS[1]]["spike_counts"])
    with pytest.raises(ArgumentError, match=r"another job \(.*edges .* there, "):
        data.spike_counts(
            store,
            "static_gratings",
            window=(0, 0.1),
            workers=0,
            **{k: v for k, v in job.items() if k in OPEN},
        )


def test_counts_of_bins_that_do_not_fit_one_chunk(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    from nwbin.export._zarr import chunks_of

    for shape in ((5811, 250, 523), (70390, 1, 523), (1, 1, 1), (10, 5000, 3), (0, 4, 0), (600, 2000, 600)):
        chunks, shards = chunks_of(shape, 2)
        assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunks, strict=True))
        assert np.prod(chunks) * 2 <= 1 << 20
        assert chunks[0] <= 1024
        assert chunks[2] <= 64


@pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning")
@pytest.mark.slow
def test_response_matrices(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["folder"])
    found = data.response_matrices("static_gratings", structures=["VISp"], workers=0, **OPEN)
    stored = data.response_matrices(
        "static_gratings", structures="VISp", workers=0, out=tmp_path / "m", **OPEN
    )
    with data.get_session_data(IDS[0], **OPEN) as session:
        units = session.units.query("structure_acronym == 'VISp'").index
        truth = session.response_matrix(session.get_stimulus_table("static_gratings").index, units)
    for matrix in (found[IDS[0]], stored[IDS[0]]):
        for name in ("X", "y", "classes", "presentation_ids", "unit_ids"):
            np.testing.assert_array_equal(getattr(matrix, name), getattr(truth, name))
    # 0.08 of static gratings is a number and that of gabors text: in a file they are the same label.
    mixed = data.response_matrices(
        ["static_gratings", "gabors"], label="spatial_frequency", workers=0, out=tmp_path / "mixed", **OPEN
    )
    assert mixed[IDS[0]].classes.tolist() == sorted(set(mixed[IDS[0]].y))


@pytest.mark.filterwarnings("ignore::nwbin.errors.LateWindowsWarning")
@pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters")
def test_labels_of_any_name(tmp_path: Path) -> None:
    """Also those that a table of counts calls something else."""
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as file:
        file["intervals/trials/count"] = np.array([1.0, 2.0, 1.0, np.nan])
        file["intervals/trials"].attrs["colnames"] = ["start_time", "stop_time", "contrast", "count"]
    data = nwbin.Dataset(tmp_path)
    job: dict[str, Any] = {"window": (0.0, 1.0), "align": "stop_time", "workers": 0}
    found = data.response_matrices("trials", label="count", **job)
    found.raise_if_failed()
    (matrix,) = found.values()
    assert matrix.y.tolist() == [1, 2, 1]
    (why,) = data.response_matrices("trials", label="cuont", **job).failed.values()
    assert why == f"{path}: the stimulus table has no column 'cuont'; did you mean 'count'?"


def test_defaults_are_those_of_a_session(trees: dict[str, Path]) -> None:
    import inspect

    of_data = inspect.signature(nwbin.Dataset.response_matrices).parameters
    of_session = inspect.signature(nwbin.Session.response_matrix).parameters
    for name in ("window", "label", "closed", "rate"):
        assert of_data[name].default == of_session[name].default, name
    assert inspect.signature(nwbin.Dataset.spike_counts).parameters["closed"].default == "both"


def test_spike_tables(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    data = nwbin.Dataset(trees["folder"])
    job: dict[str, Any] = {"units": "firing_rate > 5", "workers": 0}
    found = data.spike_tables(tmp_path / "spikes", "flashes", **job, **OPEN)
    table = pd.read_parquet(tmp_path / "spikes")
    assert set(table["session_id"]) <= set(IDS)
    with data.get_session_data(IDS[0], **OPEN) as session:
        shown = session.get_stimulus_table("flashes").index
        units = session.units.query("firing_rate > 5").index
        truth = session.presentationwise_spike_times(shown, units).reset_index()
    mine = found[IDS[0]]
    for name in truth.columns:
        np.testing.assert_array_equal(mine[name], truth[name])
    assert data.spike_tables(tmp_path / "spikes", "flashes", **job, **OPEN)[IDS[0]].equals(mine)
    window = data.spike_tables(tmp_path / "near", "flashes", window=(-0.1, 0.1), sessions=IDS[:1], **job)
    offset = window[IDS[0]]["time_since_stimulus_presentation_onset"]
    assert -0.1 <= offset.min() < offset.max() <= 0.1 + 1e-9


@pytest.mark.usefixtures("workers_here")
@pytest.mark.slow
def test_results_say_where_spikes_were_invalid(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["folder"])
    for stimulus, there in (("flashes", []), ("gabors", list(data.session_ids))):
        for done in (
            data.spike_tables(tmp_path / stimulus, stimulus, workers=1),
            data.response_matrices(stimulus=stimulus, label="stimulus_name", workers=1),
        ):
            assert done.warned(InvalidSpikesWarning) == there
            assert [("are invalid" in text) for text in done.report["notes"]] == [bool(there)] * len(done)
    done = data.spike_tables(tmp_path / "ms", "flashes", window=(0, 250), sessions=IDS[:1], workers=1)
    assert "the window is 250 s long and the longest presentation" in done.report["notes"].item()
