"""Response against baseline, and latencies: against SciPy, plain loops, and units whose truth is known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("scipy")

from nwbin import SpikeTrains
from nwbin.errors import ArgumentError
from nwbin.estimates import (
    bootstrap_weights,
    false_discovery,
    first_spikes,
    generator,
    half_height_times,
    median_interval,
    paired_test,
    sign_flip_test,
    smoothing_matrix,
)
from nwbin.responses import latency, responsive
from tests.answers.made import counts_of, noise, trials

stats = pytest.importorskip("scipy.stats")

ROWS, TRAINS = trials(40), noise()
WINDOW, BEFORE = (0.0, 0.5), (-0.25, 0.0)


def answering(lag: float = 0.05, number: int = 60, seed: int = 0) -> tuple[SpikeTrains, pd.DataFrame]:
    """Unit 1 answers `lag` s after onset, to a millisecond; unit 2 stops for 0.2 s; unit 3 never fires."""
    rng = np.random.default_rng(seed)
    onsets = 1.0 + 2.0 * np.arange(number)
    one = np.sort(np.concatenate([onsets + lag + rng.uniform(0, 0.001, number), onsets + lag + 0.02]))
    two = np.sort(rng.uniform(0, 2.0 * number, 60 * number))
    since = (two - 1.0) % 2.0
    return SpikeTrains.from_dict({1: one, 2: two[since > 0.2], 3: []}), pd.DataFrame({"start_time": onsets})


def test_what_is_found_of_known_units() -> None:
    trains, rows = answering()
    found = responsive(trains, rows, (0.0, 0.2), (-0.2, 0.0), permutations=500)
    assert found["responsive"].values.tolist() == [True, True, False]
    assert found["response_rate"].values.tolist() == [10.0, 0.0, 0.0]
    assert found["baseline_rate"].values[0] == 0
    assert found["effect_size"].values[1] < -1
    assert_allclose(found["p_permutation"], [1 / 501, 1 / 501, 1.0])
    assert (found["p_value"].values[2], found["statistic"].values[2]) == (1.0, 0.0)
    assert np.isnan(found["effect_size"].values[2])


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_tests_are_scipys(test: Any) -> None:
    counts = counts_of(TRAINS, ROWS, [WINDOW, BEFORE])
    differences = counts[:, 0] / 0.5 - counts[:, 1] / 0.25
    found = responsive(TRAINS, ROWS, WINDOW, BEFORE, test=test, permutations=0)
    for unit in range(4):
        if test == "t":
            truth = stats.ttest_rel(counts[:, 0, unit] / 0.5, counts[:, 1, unit] / 0.25)
            assert found["statistic"].values[unit] == pytest.approx(truth.statistic)
            p = truth.pvalue
        else:
            p = stats.wilcoxon(differences[:, unit], correction=False, method="approx").pvalue
        assert found["p_value"].values[unit] == pytest.approx(p, rel=1e-9)
        spread = differences[:, unit].std(ddof=1)
        assert found["effect_size"].values[unit] == pytest.approx(differences[:, unit].mean() / spread)
    tested = found["p_value"].values
    assert_allclose(found["q_value"], stats.false_discovery_control(tested))
    assert found["responsive"].values.tolist() == (found["q_value"].values <= 0.05).tolist()
    assert "p_permutation" not in found


def test_correction_by_hand() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    # p times 4 over its rank, then the smallest from there on.
    assert_allclose(false_discovery(p), [0.04, np.nan, 0.16 / 3, 0.16 / 3, 0.5])
    assert np.isnan(false_discovery([np.nan])).all()


def test_every_sign_flip_where_they_are_few() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.integers(0, 6, (2, 8, 3)).astype(float)
    found = sign_flip_test(first, second, (0.5, 0.25), permutations=1000, seed=0)
    for unit in range(3):
        differences = first[:, unit] / 0.5 - second[:, unit] / 0.25
        truth = abs(differences.sum()) * (1 - 1e-9)
        # Changing places: the counts, each divided by the other window's length.
        ways = [
            abs(sum(s * (a / 0.5 - b / 0.25) for s, a, b in zip(signs, first[:, unit], second[:, unit], strict=True)))
            for signs in itertools.product([-1, 1], repeat=8)
        ]  # fmt: skip
        assert found[unit] == pytest.approx(np.mean(np.asarray(ways) >= truth))
    exact, drawn = (
        sign_flip_test(first, second, (0.5, 0.25), permutations=number, seed=0) for number in (256, 255)
    )
    assert_allclose(exact, drawn, atol=0.15)
    assert (exact != drawn).any()


def test_permutations_hold_their_level() -> None:
    """Of units that do not answer, five in a hundred have p below 0.05."""
    rng = np.random.default_rng(0)
    first, second = rng.poisson(3, (2, 30, 2000)).astype(float)
    p = sign_flip_test(first, second, (1.0, 1.0), permutations=400, seed=1)
    assert 0.03 < (p <= 0.05).mean() < 0.065
    assert p.min() >= 1 / 401
    wilcoxon = paired_test(first - second).p_value
    assert 0.035 < (wilcoxon <= 0.05).mean() < 0.065


def test_a_unit_is_tested_alike_whatever_units_are_asked_for() -> None:
    names = ["p_permutation", "p_value", "effect_size", "statistic"]
    whole = responsive(TRAINS, ROWS, WINDOW, BEFORE, permutations=300, seed=5)[names]
    for some in ([12], [99, 11], [13, 10]):
        again = responsive(TRAINS.select(some), ROWS, WINDOW, BEFORE, permutations=300, seed=5)[names]
        xr.testing.assert_allclose(again, whole.sel(unit_id=some), rtol=1e-12)
        assert_array_equal(again["p_permutation"], whole["p_permutation"].sel(unit_id=some))


def test_one_presentation_says_nothing() -> None:
    found = responsive(TRAINS, ROWS.iloc[:1], WINDOW, BEFORE)
    assert np.isnan(found["p_value"]).all()
    assert np.isnan(found["q_value"]).all()
    assert (found["p_permutation"] == 1).all()
    assert not found["responsive"].any()
    assert found["presentations"] == 1


def test_differences_that_are_only_rounding_are_none() -> None:
    first, second = np.full((10, 1), 3.0), np.full((10, 1), 1.0)
    differences = first / 0.3 - second / 0.1
    differences[0] += 1e-13
    assert paired_test(differences).p_value.tolist() == [1.0]


# ---------------------------------------------------------------- latency


def test_latency_of_a_known_unit() -> None:
    trains, rows = answering(0.05)
    found = latency(trains, rows, (0.0, 0.2), baseline=(-0.2, 0.0), resamples=200)
    assert 0.05 <= found["first_spike"].values[0] <= 0.051
    assert found["first_spike_low"].values[0] <= found["first_spike"].values[0]
    assert found["first_spike_high"].values[0] < 0.051
    assert found["half_height"].values[0] == pytest.approx(0.05, abs=0.006)
    assert (
        found["half_height_low"].values[0]
        <= found["half_height"].values[0]
        <= found["half_height_high"].values[0]
    )
    assert found["half_height_found"].values[0] == 1
    assert np.isnan(found["half_height"].values[1:]).all(), "no rise: one stops, the other never fires"
    assert np.isnan(found["first_spike"].values[2])
    assert found["first_spike_presentations"].values.tolist() == [60, 0, 0]
    assert found["half_height"].attrs["units"] == "s"
    sharp = latency(trains, rows, (0.0, 0.2), bin_width=0.001, smooth=0.0005, resamples=0)
    assert sharp["half_height"].values[0] == pytest.approx(0.05, abs=0.001)
    assert "half_height_low" not in sharp


def test_later_units_are_later() -> None:
    for lag in (0.03, 0.08, 0.15):
        trains, rows = answering(lag)
        found = latency(trains, rows, (0.0, 0.25), resamples=0).sel(unit_id=1)
        assert found["half_height"] == pytest.approx(lag, abs=0.006)


@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_first_spikes_by_hand(closed: Any) -> None:
    onsets = ROWS["start_time"].to_numpy()
    trains = SpikeTrains.from_dict(
        {1: np.sort(np.r_[onsets[:20], onsets[10:30] + 0.25]), 2: [], 3: TRAINS[11]}
    )
    found = first_spikes(trains, onsets, (0.0, 0.25), closed)
    for u, times in enumerate(trains.values()):
        for t, onset in enumerate(onsets):
            lo, hi = onset, onset + 0.25
            inside = [
                x - onset
                for x in times
                if (x > lo or (x == lo and closed != "right")) and (x < hi or (x == hi and closed != "left"))
            ]
            assert found[t, u] == inside[0] if inside else np.isnan(found[t, u])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.sampled_from([0.5, 0.9, 0.95]))
def test_the_interval_of_a_median_is_that_of_its_bootstrap(values: list[int], confidence: float) -> None:
    """The exact percentiles of odd numbers of values are those that many draws tend to."""
    n = len(values)
    given_values = np.array([values, [np.nan] * n], float).T
    found = median_interval(given_values, confidence)
    assert found.median[0] == np.median(values)
    assert np.isnan([found.median[1], found.low[1], found.high[1]]).all()
    assert found.number.tolist() == [n, 0]
    assert found.low[0] <= found.median[0] <= found.high[0]
    if n % 2:
        drawn = np.random.default_rng(0).choice(values, (4000, n))
        medians = np.median(drawn, axis=1)
        share = (1 - confidence) / 2
        # Beside each end lies about as much as it should, though values are few and far between.
        assert (medians < found.low[0]).mean() <= share + 0.04
        assert (medians <= found.low[0]).mean() >= share - 0.04
        assert (medians > found.high[0]).mean() <= share + 0.04
        assert (medians >= found.high[0]).mean() >= share - 0.04


def test_half_height_by_hand() -> None:
    centers = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    rates = np.array(
        [[0, 4, 1, 5, 2], [6, 6, 6, 8, 0], [0, 0, 0, 0, 0], [9, 1, 1, 1, 1], [0, 2, 3, 4, 4]], float
    )
    found = half_height_times(rates.T[None], np.array([[0.0, 4.0, 0.0, 0.0, 2.0]]), centers)[0]
    # On the last rise to the peak: from 1 (at 3) to 5 (at 4) half of 5 is passed at 3 + 1.5 / 4.
    assert found[0] == pytest.approx(3.375)
    assert np.isnan(found[1]), "it was never below the middle, 6"
    assert np.isnan(found[2])
    assert np.isnan(found[3]), "the peak comes first"
    assert found[4] == pytest.approx(3.0)


def test_the_interval_of_half_heights_by_a_loop() -> None:
    trains, rows = answering(0.05, 20)
    mixed = SpikeTrains.from_dict({1: trains[1], 5: np.sort(np.r_[trains[1][::2] + 0.01, TRAINS[10]])})
    found = latency(mixed, rows, (0.0, 0.2), baseline=(-0.2, 0.0), resamples=30, seed=2, confidence=0.8)
    edges = np.arange(0, 101) * 0.002
    windows = [*itertools.pairwise(edges.tolist()), (-0.2, 0.0)]
    counts = counts_of(mixed, rows, windows)
    smooth, centers = smoothing_matrix(edges, 0.005), edges[:-1] + 0.001
    weights = bootstrap_weights(20, 30, generator(2, "bootstrap"))
    for unit in range(2):
        times = []
        for weight in weights:
            mean = np.average(counts[:, :, unit], axis=0, weights=weight)
            rate, base = (smooth @ (mean[:100] / 0.002)), mean[100] / 0.2
            times.append(half_height_times(rate[None, :, None], np.array([[base]]), centers)[0, 0])
        low, high = np.nanquantile(times, [0.1, 0.9])
        assert found["half_height_low"].values[unit] == pytest.approx(low, abs=2e-5)
        assert found["half_height_high"].values[unit] == pytest.approx(high, abs=2e-5)
        assert found["half_height_found"].values[unit] == np.mean(~np.isnan(times))


def test_latencies_are_the_same_whatever_units_are_asked_for() -> None:
    whole = latency(TRAINS, ROWS, (0.0, 0.2), resamples=100, seed=1)
    for some in ([12], [99, 11, 10]):
        again = latency(TRAINS.select(some), ROWS, (0.0, 0.2), resamples=100, seed=1)
        xr.testing.assert_identical(again, whole.sel(unit_id=some))


def test_what_makes_no_sense() -> None:
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (responsive, {"baseline": (0, 0)}, "rates need a window of a length"),
        (responsive, {"baseline": BEFORE, "test": "u"}, "test must be 'wilcoxon' or 't'"),
        (responsive, {"baseline": BEFORE, "alpha": 5}, "alpha must be between 0 and 1"),
        (responsive, {"baseline": BEFORE, "permutations": 1.5}, "permutations must be a whole number"),
        (responsive, {"baseline": BEFORE, "presentations": ROWS.iloc[:0]}, "there are no presentations"),
        (latency, {"window": (0.0, 0.2501)}, "make it a whole number"),
        (latency, {"confidence": 95}, "confidence must be between 0 and 1"),
        (latency, {"presentations": ROWS.iloc[:0]}, "there are no presentations"),
        (latency, {"seed": True}, "seed must be a whole number"),
    ]
    for function, asked, message in cases:
        arguments: dict[str, Any] = {"presentations": ROWS, "window": WINDOW, **asked}
        with pytest.raises(ArgumentError, match=message):
            function(TRAINS, **arguments)
