"""Counts on a regular grid of time, with what was shown in each bin."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import ArgumentError, LookupFailure
from nwbin.exchange import grids
from tests.naive import inside

SHOWN = pd.DataFrame(
    {
        "start_time": [1.0, 2.0, 3.0, 11.0],
        "stop_time": [2.0, 3.0, 3.5, 12.0],
        "orientation": np.array([45.0, "null", 90.0, 45.0], dtype=object),
        "name": ["b", "a", None, "b"],
    },
    index=pd.Index([100, 101, 102, 103], name="stimulus_presentation_id"),
)
SPANS = [(0.0, 4.0), (11.0, 12.3)]


@pytest.fixture(scope="module")
def trains() -> nwbin.SpikeTrains:
    rng = np.random.default_rng(0)
    return nwbin.SpikeTrains.from_dict({u: np.sort(rng.integers(0, 1300, 200)) / 100 for u in (4, 2, 9)})


@pytest.fixture(scope="module")
def grid(trains: nwbin.SpikeTrains) -> exchange.CountGrid:
    return exchange.count_grid(trains, SPANS, 0.5, presentations=SHOWN)


def test_counts(trains: nwbin.SpikeTrains, grid: exchange.CountGrid) -> None:
    assert grid.start.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 11, 11.5]
    assert grid.span.tolist() == [0] * 8 + [1] * 2
    assert grid.counts.dtype == np.float64
    expected = [[inside(trains[u], a, a + 0.5, "left").sum() for u in trains] for a in grid.start]
    np.testing.assert_array_equal(grid.counts, expected)
    np.testing.assert_array_equal(grid.time, grid.start + 0.25)
    assert grid.unit_ids.tolist() == [4, 2, 9]
    assert repr(grid) == "<nwbin.exchange.CountGrid: 10 bins x 3 units, 2 stretches of time>"


def test_what_was_shown(grid: exchange.CountGrid) -> None:
    assert grid.presentation.tolist() == [-1, -1, 0, 0, 1, 1, 2, -1, 3, 3]
    nan = np.nan
    np.testing.assert_array_equal(grid.values("orientation"), [nan, nan, 45, 45, nan, nan, 90, nan, 45, 45])
    assert grid.values("name").tolist() == [None, None, "b", "b", "a", "a", None, None, "b", "b"]
    X, names = grid.design("orientation", "name")
    assert names == ["orientation=45", "orientation=90", "name=a", "name=b"]
    assert X.dtype == np.float64
    assert X[:, 0].tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 1, 1]
    assert X[:, 1].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert X[:, 2].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert X[:, 3].tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 1, 1]
    assert grid.design()[0].shape == (10, 0)
    with pytest.raises(LookupFailure, match=r"no column 'orient'; .*orientation"):
        grid.design("orient")


def test_signals(grid: exchange.CountGrid) -> None:
    found = grid.mean_of([0.0, 1.25], [1.25, 2.0], [1.0, 3.0])
    np.testing.assert_allclose(found, [1, 1, 2, 3, *[np.nan] * 6])


def test_without_presentations(trains: nwbin.SpikeTrains) -> None:
    bare = exchange.count_grid(trains, (0, 1), 0.25, dtype="uint8")
    assert bare.counts.shape == (4, 3)
    assert bare.counts.dtype == np.uint8
    assert bare.presentation.tolist() == [-1] * 4
    for spans in ([(1.0, 1.0)], [(0.0, np.nan)], [(2.0, 1.0)]):
        with pytest.raises(ArgumentError, match="spans must be from and to"):
            exchange.count_grid(trains, spans, 0.5)


def test_a_session(session: nwbin.Session) -> None:
    ids = session.units.index[:3]
    grid = session.count_grid("flashes", 0.05, ids)
    blocks = session.get_stimulus_epochs()
    blocks = blocks[blocks.stimulus_name == "flashes"]
    np.testing.assert_array_equal(grid.spans, blocks[["start_time", "stop_time"]])
    trains = session.spike_trains(ids)
    for n in range(0, len(grid.start), 7):
        expected = [inside(trains[u], grid.start[n], grid.stop[n], "left").sum() for u in ids]
        assert grid.counts[n].tolist() == expected
    shown = session.get_stimulus_table("flashes")
    colors = grid.values("color")
    for n, time in enumerate(grid.time):
        on = shown[(shown.start_time <= time) & (time < shown.stop_time)]
        assert colors[n] == on.color.iloc[0] if len(on) else np.isnan(colors[n])
    whole = session.count_grid((grid.start[0], grid.stop[9]), 0.05, ids)
    np.testing.assert_array_equal(whole.counts, grid.counts[:10])
    with pytest.raises(LookupFailure, match=r"no stimulus 'flash'; .*flashes"):
        session.count_grid("flash", 0.05)


def test_scikit_learn_takes_it(session: nwbin.Session) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    grid = session.count_grid("flashes", 0.05, session.units.index[:2])
    X, names = grid.design("color")
    model = linear.PoissonRegressor().fit(X, grid.counts[:, 0])
    assert model.coef_.shape == (len(names),)


def test_pynapple_takes_it(grid: exchange.CountGrid) -> None:
    nap: Any = pytest.importorskip("pynapple")
    frame = grid.to_pynapple()
    assert isinstance(frame, nap.TsdFrame)
    np.testing.assert_array_equal(frame.values, grid.counts)
    np.testing.assert_allclose(frame.t, grid.time, rtol=0, atol=1e-9)
    assert frame.columns.tolist() == [4, 2, 9]
    np.testing.assert_allclose(frame.time_support.values, SPANS, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_nemos_takes_it(trains: nwbin.SpikeTrains) -> None:
    """Units that differ by what was shown: the fit finds the mean count of each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say when they are loaded is theirs
        nmo: Any = pytest.importorskip("nemos")
        pytest.importorskip("pynapple")
        grid = exchange.count_grid(trains, SPANS, 0.5, presentations=SHOWN)
        X, _ = grid.design("orientation")
        for y in (grid.counts, grid.to_pynapple()):
            model = nmo.glm.PopulationGLM(solver_kwargs={"tol": 1e-10, "maxiter": 5000}).fit(X, y)
            rates = np.exp(np.asarray(model.intercept_) + np.asarray(model.coef_)[0])
            np.testing.assert_allclose(rates, grid.counts[X[:, 0] == 1].mean(axis=0), rtol=0.02)


def test_what_is_shown_within_something_longer(trains: nwbin.SpikeTrains) -> None:
    """After a short presentation within a longer one it is the longer one's turn again."""
    rows = {"start_time": [2.0, 0.0, 0.5, np.nan], "stop_time": [np.inf, 4.0, 1.0, 3.0]}
    grid = exchange.count_grid(trains, [(2, 5), (0, 2)], 0.5, presentations=rows)
    expected = []
    for time in grid.time:
        on = [n for n in range(3) if rows["start_time"][n] <= time < rows["stop_time"][n]]
        expected.append(max(on, key=lambda n: rows["start_time"][n], default=-1))
    assert grid.presentation.tolist() == expected
    assert grid.presentation[-4:].tolist() == [1, 2, 1, 1]


def test_tables_that_cannot_be_taken(trains: nwbin.SpikeTrains) -> None:
    for rows, wrong, said in (
        ({"start_time": [0.0]}, LookupFailure, "no column 'stop_time'"),
        (pd.DataFrame([[0.0, 1.0, 2, 3]], columns=["start_time", "stop_time", "a", "a"]), ArgumentError,
         "presentations: two columns are called 'a'"),
        ({"start_time": pd.to_timedelta([0], unit="s"), "stop_time": pd.to_timedelta([1], unit="s")},
         ArgumentError, "numbers in seconds, not timedelta64"),
    ):  # fmt: skip
        with pytest.raises(wrong, match=said):
            exchange.count_grid(trains, (0, 1), 0.5, presentations=rows)


def test_a_design_that_cannot_fit(grid: exchange.CountGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(grids, "require", lambda size, what, way_out: asked.append((size, what)))
    grid.design("orientation", "name")
    assert asked == [(8 * 10 * 4, "10 bins x 4 distinct values of orientation, name")]
