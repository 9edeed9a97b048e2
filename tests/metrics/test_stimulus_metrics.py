"""Session.stimulus_metrics: which columns there are, what is missing, what is asked for."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - a file is changed behind nwbin's back
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, MissingDependencyError
from nwbin.metrics.stimulus import COLUMNS, PUBLISHED
from nwbin.testing import write_session
from tests.metrics.made import metrics, presented, session_of, spikes_of

SMALL = {"size": "tiny", "invalid_times": False, "channels": 16, "samples": 4, "probes": 1, "repeats": 0.5}


def written(folder: Path, **options: Any) -> nwbin.Session:
    path = write_session(folder / "session_1.nwb", **{**SMALL, "seed": 3, "units_per_probe": 6, **options})
    return nwbin.open(path, filter_by_metrics=False, filter_by_validity=False)


@pytest.fixture(scope="module", params=sorted(PUBLISHED))
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> nwbin.Session:
    return written(tmp_path_factory.mktemp("metrics"), stimulus_set=request.param)


def test_columns_are_the_published_ones(session: nwbin.Session) -> None:
    found = session.stimulus_metrics(convention="allen")
    of_set = PUBLISHED[str(session.session_type)]
    assert set(found.columns) == {name for suffix in of_set for name in COLUMNS[suffix]}
    assert (
        len(found.columns)
        == {"brain_observatory_1.1": 57, "functional_connectivity": 45}[str(session.session_type)]
    )
    assert list(found.columns) == sorted(found.columns, key=lambda name: (len(name), name))
    assert found.index.tolist() == session.units.index.tolist()
    assert found.index.name == "unit_id"


def test_types(session: nwbin.Session) -> None:
    found = session.stimulus_metrics()
    for name, dtype in found.dtypes.items():
        said = "_multi_" in str(name) or name in ("on_screen_rf", "suppressed_rf")
        # Receptive fields may not be there.
        assert dtype == (bool if said and not found[name].isna().all() else np.float64), name


def test_a_units_values_do_not_hang_on_the_others(session: nwbin.Session) -> None:
    every = session.stimulus_metrics(seed=5)
    some = every.index[[4, 1]]
    pd.testing.assert_frame_equal(session.stimulus_metrics(unit_ids=some, seed=5), every.loc[some])
    mask = session.units.index.isin(some)
    pd.testing.assert_frame_equal(session.stimulus_metrics(unit_ids=mask, seed=5), every[mask])


def test_some_stimuli(session: nwbin.Session) -> None:
    every = session.stimulus_metrics()
    told: list[tuple[int, int]] = []
    found = session.stimulus_metrics(["flashes", "dg", "fl"], progress=lambda *one: told.append(one))
    assert set(found.columns) == {*COLUMNS["fl"], *COLUMNS["dg"]}
    pd.testing.assert_frame_equal(found, every[found.columns])
    assert told == [(1, 2), (2, 2)]
    assert set(session.stimulus_metrics("flashes").columns) == set(COLUMNS["fl"])


def test_what_makes_no_sense(session: nwbin.Session) -> None:
    with pytest.raises(ArgumentError, match="did you mean 'flashes'"):
        session.stimulus_metrics("flashs")
    with pytest.raises(ArgumentTypeError, match="a list of names"):
        session.stimulus_metrics(7)
    with pytest.raises(ArgumentError, match="did you mean 'allen'"):
        session.stimulus_metrics(convention="alen")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ArgumentError, match="convention='corrected' has them"):
        session.stimulus_metrics("natural_movie_one", convention="allen")
    with pytest.raises(LookupFailure, match="is not the id of a unit"):
        session.stimulus_metrics(unit_ids=[-5])


def test_without_scipy(session: nwbin.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else find(name))
    with pytest.raises(MissingDependencyError, match=r"pip install 'nwbin\[metrics\]'"):
        session.stimulus_metrics()


def test_what_is_missing_is_nan_and_said_once(tmp_path: Path) -> None:
    """A session without running speed, flashes and gabors."""
    session = written(tmp_path)
    path = tmp_path / "session_1.nwb"
    every = session.stimulus_metrics()
    session.close()
    with h5py.File(path, "r+") as file:
        del file["processing/running"]
        del file["intervals/flashes_presentations"]
        del file["intervals/gabors_presentations"]
    session = nwbin.open(path, filter_by_metrics=False, filter_by_validity=False)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found = session.stimulus_metrics()
    assert [str(one.message) for one in given] == [
        f"{path}: has no flashes, no gabors, no running speed; the columns that need it are NaN"
    ]
    assert list(found.columns) == list(every.columns)
    gone = [*COLUMNS["fl"], *COLUMNS["rf"], *(name for name in found if name.startswith("run_"))]
    assert found[gone].isna().all(axis=None)
    kept = [name for name in found if name not in gone and name != "suppressed_rf"]
    # Conditions have other numbers now, and ties go to the lowest: those of one stimulus keep their order.
    pd.testing.assert_frame_equal(found[kept], every[kept])


def test_a_file_that_shows_nothing_known(tmp_path: Path) -> None:
    table = presented("noise", [{"frame": 0.0}] * 3)
    assert session_of(table, {1: [10.1]}).stimulus("fl") is None


@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_masked_presentations_are_left_out(tmp_path: Path) -> None:
    """By what is kept of them, the columns are the same as without them."""
    session = written(tmp_path, invalid_times=True, quirks=True, units_per_probe=8)
    shown = session.stimulus_presentations
    assert (shown["stimulus_name"] == "invalid_presentation").any()
    view = session._stimulus_metrics.view()
    for suffix in ("dg", "sg", "ns", "fl", "rf", "nm1"):
        stimulus = view.stimulus(suffix)
        assert stimulus is not None
        assert stimulus.presentations["stimulus_condition_id"].notna().all()
        statistics = session.conditionwise_spike_statistics(stimulus.presentations.index, view.unit_ids)[
            "spike_mean"
        ]
        by_unit = statistics.unstack("stimulus_condition_id").loc[view.unit_ids]
        assert by_unit.columns.tolist() == stimulus.condition_ids.tolist()
        np.testing.assert_allclose(by_unit.to_numpy(), stimulus.spike_mean, rtol=1e-12)


# ---------------------------------------------------------------- movies


def movie(frames: int, repeats: int) -> pd.DataFrame:
    rows = [{"frame": float(one)} for one in range(frames)] * repeats
    table = presented("natural_movie_one", rows, duration=1 / 30)
    table["start_time"] = 10 + np.arange(len(rows)) / 30
    table["stop_time"] = 10 + (1 + np.arange(len(rows))) / 30
    return table


def test_a_movies_columns_are_those_of_its_frames() -> None:
    frames, repeats = 20, 4
    table = movie(frames, repeats)
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.where(np.arange(frames) == 7, 6.0, 0.5), (repeats, frames))
    trains = {
        1: spikes_of(table, lambda row, at: np.linspace(0.01, 0.02, counts.reshape(-1)[at])),
        2: spikes_of(table, lambda row, at: [0.01, 0.02] if row["frame"] == 3 else []),
        3: [],
    }
    found = metrics(table, trains, "nm1")
    assert found["pref_frame_nm1"].tolist()[:2] == [counts.mean(axis=0).argmax(), 3.0]
    pairs = [np.corrcoef(counts[a], counts[b])[0, 1] for a in range(repeats) for b in range(a)]
    assert found.loc[1, "reliability_nm1"] == pytest.approx(np.mean(pairs))
    assert found.loc[2, "reliability_nm1"] == pytest.approx(1.0)
    assert found.loc[2, "lifetime_sparseness_nm1"] == pytest.approx(1.0)
    mean = counts.mean(axis=0)
    sparse = (1 - mean.sum() ** 2 / (mean**2).sum() / frames) / (1 - 1 / frames)
    assert found.loc[1, "lifetime_sparseness_nm1"] == pytest.approx(sparse)
    assert found.loc[1, "firing_rate_nm1"] == pytest.approx(counts.sum() / (frames * repeats / 30))
    assert np.isnan(found.loc[3, "reliability_nm1"])
    assert np.isnan(found.loc[3, "pref_frame_nm1"])  # no spikes: none, not the first


def test_repeats_that_lack_a_frame_and_repeats_without_spikes() -> None:
    table = movie(6, 4)
    first = table["start_time"].iloc[12]  # of the third repeat, in which the unit is silent
    silent = (table["start_time"] >= first) & (table["start_time"] < table["start_time"].iloc[18])
    train = spikes_of(table[~silent], lambda row, at: [0.01] * int(row["frame"] % 3))
    assert metrics(table, {1: train}, "nm1").loc[1, "reliability_nm1"] == pytest.approx(1.0)
    shorter = table.drop(index=[2, 21]).reset_index(drop=True)  # of the first and the last
    assert metrics(shorter, {1: train}, "nm1").loc[1, "reliability_nm1"] == pytest.approx(1.0)


def test_repeats_are_compared_over_the_frames_that_both_have() -> None:
    frames, repeats = 12, 5
    table = movie(frames, repeats)
    rng = np.random.default_rng(5)
    counts = rng.poisson(2.0, (repeats, frames))
    counts[4, 3:] = 0  # what is left of the last, once its first frames are gone, does not vary
    trains = {
        1: spikes_of(table, lambda row, at: np.linspace(0.01, 0.02, counts.reshape(-1)[at])),
        2: spikes_of(table.iloc[:1], lambda row, at: [0.01]),
        3: [],
    }
    gone = [(0, 3), (0, 4), (1, 0), (2, 11), (3, 5), (4, 0), (4, 1), (4, 2)]  # each repeat lacks a frame
    left = table.drop(index=[repeat * frames + frame for repeat, frame in gone]).reset_index(drop=True)
    there = np.ones((repeats, frames), bool)
    there[tuple(np.transpose(gone))] = False
    pairs = []
    for a in range(repeats - 1):
        for b in range(a):
            both = there[a] & there[b]
            pairs.append(np.corrcoef(counts[a, both], counts[b, both])[0, 1])
    found = metrics(left, trains, "nm1")["reliability_nm1"]
    assert found[1] == pytest.approx(np.mean(pairs), rel=1e-12)
    assert found[[2, 3]].isna().all()


def test_one_repeat_has_no_reliability() -> None:
    table = movie(6, 1)
    found = metrics(table, {1: spikes_of(table, lambda row, at: [0.01])}, "nm1")
    assert np.isnan(found.loc[1, "reliability_nm1"])
    assert found.loc[1, "lifetime_sparseness_nm1"] == pytest.approx(0.0, abs=1e-12)
