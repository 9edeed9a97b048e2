"""What all stimuli have in common, against one unit, one trial at a time."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwbin.binning import spike_ranks, spikes_in_own_windows
from nwbin.metrics.common import (
    OwnTrials,
    StimulusView,
    common_columns,
    fano,
    firing_rate,
    levels_of,
    lifetime_sparseness,
    running_modulation,
    welch_p,
)
from nwbin.trains import SpikeTrains
from tests.metrics.made import metrics, presented, session_of, spikes_of

TIMES = st.lists(st.integers(0, 40).map(lambda n: n / 8), max_size=12).map(sorted)


@given(st.lists(TIMES, min_size=1, max_size=4), TIMES, st.sampled_from(["left", "right"]))
def test_ranks_are_those_of_a_search(trains: list[list[float]], times: list[float], side: str) -> None:
    units = np.arange(len(trains))
    found = spike_ranks(trains, units[:, None], np.asarray(times)[None, :], side)  # type: ignore[arg-type]  # strategy
    expected = [np.searchsorted(np.asarray(one, float), times, side) for one in trains]  # type: ignore[call-overload]  # the same
    np.testing.assert_array_equal(found, np.asarray(expected).reshape(found.shape))


@given(
    st.lists(TIMES, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(-4, 44), st.integers(-4, 20)), max_size=6),
    st.sampled_from(["left", "right", "both"]),
)
def test_spikes_in_windows_of_ones_own(
    trains: list[list[float]], asked: list[tuple[int, int, int]], closed: str
) -> None:
    units = [unit % len(trains) for unit, _, _ in asked]
    windows = np.asarray([(at / 8, (at + length) / 8) for _, at, length in asked]).reshape(-1, 2)
    found = spikes_in_own_windows(trains, units, windows, closed=closed)  # type: ignore[arg-type]  # strategy
    expected = [
        (number, time)
        for number, (unit, (a, b)) in enumerate(zip(units, windows.tolist(), strict=True))
        for time in trains[unit]
        if (a <= time if closed != "right" else a < time) and (time <= b if closed != "left" else time < b)
    ]
    assert list(zip(found.window.tolist(), found.time.tolist(), strict=True)) == expected
    assert found.number.tolist() == [sum(n == k for n, _ in expected) for k in range(len(asked))]


def naive_histogram(times: np.ndarray, onsets: list[float], edges: np.ndarray) -> list[int]:
    return [
        sum(int(((times >= onset + a) & (times <= onset + b)).sum()) for onset in onsets)
        for a, b in pairwise(edges)
    ]


@given(
    st.lists(st.integers(0, 260), max_size=20),
    st.lists(st.floats(0, 500, allow_subnormal=False), min_size=1, max_size=4),
    st.booleans(),
)
def test_bins_are_closed_at_both_ends(places: list[int], onsets: list[float], exact: bool) -> None:
    """Spikes exactly on edges, as onset and edge add up, and beside them."""
    edges = np.arange(0, 0.25, 0.001)
    rng = np.random.default_rng(len(places))
    times = [
        onset + (edges[min(place, 249)] if exact else place / 1000 + rng.choice([0, 1e-13, -1e-13]))
        for place in places
        for onset in onsets
    ]
    trains = SpikeTrains.from_dict({1: np.sort(times), 2: []})
    trials = OwnTrials.of_conditions(np.asarray([0, 0]), np.zeros(len(onsets), np.intp), 1)
    found = trials.histogram(trains, np.asarray(onsets), edges)
    assert found[0].tolist() == naive_histogram(trains[1], onsets, edges)
    assert found[1].sum() == 0


def test_trials_of_conditions() -> None:
    condition = np.asarray([1, 0, 1, 2, 0, 1])
    found = OwnTrials.of_conditions(np.asarray([1, -1, 2, 0]), condition, 3)
    assert found.number.tolist() == [3, 0, 1, 2]
    assert list(zip(found.unit.tolist(), found.row.tolist(), strict=True)) == [
        (0, 0), (0, 2), (0, 5), (2, 3), (3, 1), (3, 4),
    ]  # fmt: skip
    assert [(units.tolist(), rows.tolist()) for units, rows in found.by_number()] == [
        ([2], [[3]]), ([3], [[4, 5]]), ([0], [[0, 1, 2]]),
    ]  # fmt: skip


def test_firing_rate_counts_the_gray_between_but_not_between_blocks() -> None:
    starts = np.asarray([0.0, 3.0, 6.0, 100.0])
    stops = starts + 2.0
    trains = SpikeTrains.from_dict({1: [0.0, 2.5, 8.0, 50.0, 101.0], 2: [], 3: [50.0]})
    # From 0 to 8, its end left out, and from 100 to 102.
    assert firing_rate(trains, starts, stops, 2.0).tolist() == [3 / 10, 0.0, 0.0]
    assert np.isnan(firing_rate(trains, starts, starts, 1.0)).tolist() == [True, False, True]
    assert firing_rate(trains, starts, stops, 1.0)[0] == 2 / 8  # each presentation is a block of its own


def test_fano() -> None:
    trials = OwnTrials.of_conditions(np.asarray([0, 0, 1, -1]), np.asarray([0, 0, 1]), 2)
    found = fano(np.asarray([1, 3, 0, 0, 7]), trials)
    np.testing.assert_array_equal(found, [1 / 2, np.nan, 0.0, np.nan])


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30))
def test_lifetime_sparseness(responses: list[int]) -> None:
    r, n = np.asarray(responses, dtype=float), len(responses)
    found = lifetime_sparseness(np.asarray([responses]))[0]
    if not r.any():
        assert np.isnan(found)
        return
    assert found == pytest.approx((1 - (r.sum() / n) ** 2 / ((r**2).sum() / n)) / (1 - 1 / n), abs=1e-12)
    assert -1e-9 < found < 1 + 1e-9


def test_lifetime_sparseness_of_one_condition_is_not_known() -> None:
    assert np.isnan(lifetime_sparseness(np.asarray([[3]]))).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.99, 1.0, 7.0, np.nan])), max_size=14))
def test_running_modulation_is_scipys(trials: list[tuple[int, float]]) -> None:
    from scipy.stats import ttest_ind

    counts = np.asarray([count for count, _ in trials], dtype=np.uint32)
    speed = np.asarray([v for _, v in trials], dtype=float)
    own = OwnTrials.of_conditions(np.asarray([0]), np.zeros(len(trials), np.intp), 1)
    p, change = (one[0] for one in running_modulation(counts, speed, own))
    run, rest = counts[speed >= 1].astype(float), counts[~(speed >= 1)].astype(float)
    if len(run) < 2 or len(rest) < 2 or not counts.any():
        assert np.isnan(p)
        assert np.isnan(change)
        return
    a, b = run.mean(), rest.mean()
    assert change == pytest.approx((a - b) / a if a > b else (a - b) / b)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ttest_ind(run, rest, equal_var=False).pvalue
    assert p == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_without_any_variance_the_test_is_certain_or_says_nothing() -> None:
    one, two = np.asarray([1.0, 1.0]), np.asarray([2.0, 1.0])
    found = welch_p(two, np.zeros(2), 3 * one, one, np.zeros(2), 4 * one)
    np.testing.assert_array_equal(found, [0.0, np.nan])


def running(*samples: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(list(samples), columns=["start_time", "velocity"])


def view_of(table: pd.DataFrame, trains: dict[int, object], suffix: str, **options: object) -> StimulusView:
    found = session_of(table, trains, **options).stimulus(suffix)  # type: ignore[arg-type]  # passed on
    assert found is not None
    return found


def test_speed_is_the_mean_of_samples_that_begin_in_a_presentation() -> None:
    table = presented("flashes", [{"color": 1.0}] * 4, first=0.0)
    samples = running((0.0, 1.0), (0.2, 3.0), (0.25, np.nan), (0.3, 5.0), (0.5, np.nan), (9.0, 1.0))
    found = view_of(table, {1: []}, "fl", running=samples).speed
    np.testing.assert_array_equal(found, [2.0, 5.0, np.nan, np.nan])
    mixed = view_of(table, {1: []}, "fl", running=samples.iloc[::-1]).speed
    np.testing.assert_array_equal(found, mixed)


def test_conditions_count_to_the_stop_and_trials_from_the_start() -> None:
    """(start, stop] by condition; [start, start + duration] by trial."""
    table = presented("flashes", [{"color": 1.0}, {"color": -1.0}], first=0.0, duration=0.2)
    view = view_of(table, {1: [0.0, 0.1, 0.2, 0.22, 0.25]}, "fl")
    assert view.spike_sum.tolist() == [[2, 0]]
    assert view.trial_counts[:, 0].tolist() == [5, 1]


def test_ties_go_to_the_lowest_condition_and_blanks_do_not_count() -> None:
    rows = [
        {"orientation": "null", "spatial_frequency": "null"},
        *({"orientation": ori, "spatial_frequency": 0.04} for ori in (90.0, 0.0, 30.0)),
    ]
    table = presented("static_gratings", rows * 2)
    answers = {
        1: spikes_of(table, lambda row, at: [0.1] if row["orientation"] in (30.0, 0.0) else []),
        2: spikes_of(table, lambda row, at: [0.1, 0.2] if row["orientation"] == "null" else []),
    }
    view = view_of(table, answers, "sg")
    assert view.blank.tolist() == [True, False, False, False]
    assert view.preferred.tolist() == [2, 1]
    found = metrics(table, answers, "sg")
    assert found["pref_ori_sg"].tolist() == [0.0, 0.0]  # the smallest of equals
    assert found["pref_ori_multi_sg"].tolist() == [True, True]


def test_only_blanks() -> None:
    table = presented("static_gratings", [{"orientation": "null", "spatial_frequency": "null"}] * 3)
    found = metrics(table, {1: spikes_of(table, lambda row, at: [0.1])}, "sg")
    nothing = found.drop(columns=[name for name in found if "multi" in name or name == "firing_rate_sg"])
    assert nothing.isna().all(axis=None)


@pytest.mark.parametrize("convention", ["allen", "corrected"])
def test_a_unit_without_spikes(convention: str) -> None:
    table = presented("flashes", [{"color": 1.0}, {"color": -1.0}] * 3)
    found = metrics(table, {1: [], 2: [10.1]}, "fl", convention=convention).loc[1]
    assert found["firing_rate_fl"] == 0.0
    assert found["time_to_peak_fl"] == 0.0005
    assert found.drop(["firing_rate_fl", "time_to_peak_fl"]).isna().all()


def test_one_trial_of_each_condition() -> None:
    table = presented("flashes", [{"color": 1.0}, {"color": -1.0}])
    found = metrics(table, {1: [10.1, 10.2, 10.3]}, "fl").loc[1]
    assert found["fano_fl"] == 0.0
    assert found["on_off_ratio_fl"] == 2.0
    assert np.isnan(found["run_mod_fl"])


def test_no_units() -> None:
    table = presented("flashes", [{"color": 1.0}, {"color": -1.0}])
    found = metrics(table, {}, "fl")
    assert found.shape == (0, 8)


def test_levels() -> None:
    column = np.asarray([True, "null", 0.5, False, np.nan], dtype=object)
    levels = levels_of(column, "allen")
    assert levels.values.tolist() == [0.0, 0.5, 1.0]
    assert levels.code.tolist() == [2, -1, 1, 0, -1]
    text = np.asarray(["10", "9", "null"], dtype=object)
    assert levels_of(text, "allen").values.tolist() == ["10", "9"]
    assert levels_of(text, "corrected").values.tolist() == [9.0, 10.0]
    assert levels_of(np.asarray(["[1.0, 2.0]", "9"], dtype=object), "corrected").values.tolist() == [
        "9",
        "[1.0, 2.0]",
    ]


def test_columns_can_be_chosen() -> None:
    table = presented("flashes", [{"color": 1.0}, {"color": -1.0}])
    view = view_of(table, {1: [10.1]}, "fl")
    assert list(common_columns(view, ["run_mod", "fano"])) == ["fano_fl", "run_mod_fl"]
