"""Correlations, reliability and Fano factors against NumPy's own and plain loops, and of units whose truth is known."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nwbin import SpikeTrains
from nwbin.errors import ArgumentError, LookupFailure, NwbinWarning
from nwbin.estimates import correlations, generator, pairwise_reliability, residuals, split_half_reliability
from nwbin.responses import fano_factor, noise_correlations, reliability, signal_correlations, sliding_windows
from tests.answers.made import Floats, counts_of, noise, trials

ROWS, TRAINS = trials(60), noise(seconds=130)
WINDOW = (0.0, 0.5)
SHOWN = ROWS[ROWS["orientation"].notna()]
COUNTS = counts_of(TRAINS, SHOWN, [WINDOW])[:, 0]
LEVELS = SHOWN["orientation"].to_numpy()


def firing(counts: Floats) -> tuple[SpikeTrains, pd.DataFrame]:
    """Units with these counts (trials, units) in the half second from each onset."""
    onsets = 1.0 + np.arange(len(counts))
    times = {
        u: np.concatenate(
            [onset + 0.4 * np.arange(n) / max(n, 1) for onset, n in zip(onsets, own, strict=True)]
        )
        for u, own in enumerate(counts.T.astype(int))
    }
    return SpikeTrains.from_dict(times), pd.DataFrame({"start_time": onsets})


@pytest.mark.parametrize("scaled", [True, False])
def test_noise_correlations_by_hand(scaled: bool) -> None:
    found = noise_correlations(TRAINS, ROWS, WINDOW, by="orientation", scaled=scaled)
    left = []
    for level in np.unique(LEVELS):
        own = COUNTS[level == LEVELS]
        less = own - own.mean(axis=0)
        left.append(less[:, :4] / own.std(axis=0, ddof=1)[:4] if scaled else less[:, :4])
    assert_allclose(found[:4, :4], np.corrcoef(np.concatenate(left).T), atol=1e-12)
    assert np.isnan(found.sel(unit_id=99)).all()
    assert np.isnan(found.sel(other_unit_id=99)).all()
    assert found.attrs["presentations"] == len(SHOWN)
    assert_allclose(found, found.T)


def test_signal_correlations_by_hand() -> None:
    found = signal_correlations(TRAINS, ROWS, WINDOW, "orientation")
    means = np.array([COUNTS[level == LEVELS].mean(axis=0) for level in np.unique(LEVELS)])
    assert_allclose(found[:4, :4], np.corrcoef(means[:, :4].T), atol=1e-12)
    assert np.isnan(found.sel(unit_id=99)).all()


def test_signal_and_noise_are_told_apart() -> None:
    """Two units with the same tuning and orthogonal noise; a third shares the first one's noise, and no tuning."""
    tuning, one, other = np.repeat([2, 10], 8), np.tile([1, -1, 1, -1], 4), np.tile([1, 1, -1, -1], 4)
    trains, rows = firing(np.stack([tuning + one, tuning + other, 5 + one], axis=1))
    rows["side"] = np.repeat(["left", "right"], 8)
    noise_found = noise_correlations(trains, rows, WINDOW, by="side")
    assert_allclose(noise_found, [[1, 0, 1], [0, 1, 0], [1, 0, 1]], atol=1e-12)
    signal = signal_correlations(trains, rows, WINDOW, "side")
    assert_allclose(signal, [[1, 1, np.nan], [1, 1, np.nan], [np.nan] * 3], atol=1e-12)
    # Without conditions tuning is taken for noise.
    assert noise_correlations(trains, rows, WINDOW)[0, 1] > 0.8


def test_conditions_of_one_presentation_are_left_out() -> None:
    left = residuals(np.array([[1.0], [3.0], [100.0], [7.0]]), np.array([0, 0, 1, -1]), 2, scaled=False)
    assert left.tolist() == [[-1.0], [1.0]]
    rows = pd.DataFrame({"start_time": [1.0, 3.0], "k": [1, 2]})
    with pytest.raises(ArgumentError, match="no condition has two presentations"):
        noise_correlations(TRAINS, rows, WINDOW, by="k")


@given(st.integers(0, 2**16), st.integers(2, 12), st.integers(1, 5))
def test_correlations_hang_on_no_order(seed: int, rows: int, units: int) -> None:
    values = np.random.default_rng(seed).poisson(2.0, (rows, units)).astype(float)
    found = correlations(values)
    assert_allclose(correlations(values[:, ::-1])[::-1, ::-1], found, atol=1e-12)
    assert_allclose(correlations(values[::-1]), found, atol=1e-12)
    assert_allclose(correlations(7 * values + 3), found, atol=1e-9)
    flat = values.std(axis=0) == 0
    assert (np.isnan(np.diag(found)) == flat).all()
    assert (np.diag(found)[~flat] == 1).all()
    assert (np.abs(found[~flat][:, ~flat]) <= 1).all()


# ---------------------------------------------------------------- reliability


def test_split_halves_by_hand() -> None:
    found = reliability(TRAINS, ROWS, WINDOW, "orientation", bin_width=0.25, splits=20, seed=4)
    counts = counts_of(TRAINS, SHOWN, [(0.0, 0.25), (0.25, 0.5)])
    rng = generator(4, "halves")
    halves: list[list[list[Floats]]] = [[[], []] for _ in range(20)]
    for level in np.unique(LEVELS):
        own = counts[level == LEVELS]
        order = rng.permuted(np.tile(np.arange(len(own)), (20, 1)), axis=1)
        for split in range(20):
            first = order[split] < len(own) // 2
            assert first.sum() == len(own) // 2
            halves[split][0].append(own[first].mean(axis=0))
            halves[split][1].append(own[~first].mean(axis=0))
    for unit in range(4):
        each = [
            np.corrcoef(*(np.concatenate([part[:, unit] for part in half]) for half in halves[split]))[0, 1]
            for split in range(20)
        ]
        assert found["split_half"].values[unit] == pytest.approx(np.mean(each))
        assert found["split_half_std"].values[unit] == pytest.approx(np.std(each, ddof=1))
        r = found["split_half"].values[unit]
        assert found["reliability"].values[unit] == pytest.approx(2 * r / (1 + r) if r > 0 else r)
    assert np.isnan(found["reliability"].sel(unit_id=99))
    plain = reliability(TRAINS, ROWS, WINDOW, "orientation", splits=5, spearman_brown=False)
    xr.testing.assert_equal(plain["reliability"], plain["split_half"].rename("reliability"))


def test_known_reliability() -> None:
    """A unit that does the same every time, one that does what it likes, one that never changes."""
    rng = np.random.default_rng(0)
    frames = np.tile(np.arange(50), 8)
    same, random = rng.poisson(3, 50)[frames], rng.poisson(3, 400)
    trains, rows = firing(np.stack([same, random, np.full(400, 2)], axis=1))
    rows["frame"] = frames
    for method in ("split_half", "pairwise"):
        found = reliability(trains, rows, WINDOW, "frame", method=method, splits=20)["reliability"].values  # type: ignore[arg-type] # one of them
        assert found[0] == pytest.approx(1.0)
        assert abs(found[1]) < 0.4
        assert np.isnan(found[2])


def test_repeats_by_hand() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(2, (60, 3)).astype(float)
    counts[:10, 2] = 1.0  # nothing varies in the first repeat
    trains, rows = firing(counts)
    rows["frame"] = np.tile(np.arange(10), 6)
    found = reliability(trains, rows, WINDOW, "frame", method="pairwise")
    repeats = counts.reshape(6, 10, 3)
    for unit in range(3):
        used = [one[:, unit] for one in repeats if one[:, unit].std() > 0]
        each = [np.corrcoef(a, b)[0, 1] for a, b in combinations(used, 2)]
        assert found["reliability"].values[unit] == pytest.approx(np.mean(each))
        assert found["repeats"].values[unit] == len(used)
    again = reliability(trains.select([2, 0]), rows, WINDOW, "frame", method="pairwise")
    xr.testing.assert_allclose(again, found.sel(unit_id=[2, 0]))


def test_frames_shown_less_often_are_left_out() -> None:
    trains, rows = firing(np.tile(np.arange(1, 6), 4)[:, None].astype(float))
    rows["frame"] = np.tile(np.arange(5), 4)
    with pytest.warns(
        NwbinWarning, match="1 condition of 5 shown less often than most, 4 times, and left out"
    ):
        found = reliability(trains, rows.drop(index=7), WINDOW, "frame", method="pairwise")
    assert (found["repeats"] == 4).all()
    assert found.attrs["conditions"] == 4


def test_repeats_that_do_not_vary() -> None:
    mean, used = pairwise_reliability(np.ones((3, 4, 2)))
    assert np.isnan(mean).all()
    assert used.tolist() == [0, 0]
    halves = split_half_reliability(np.ones((4, 1, 1)), np.zeros(4, np.int64), 1, splits=3, seed=0)
    assert np.isnan(halves.mean).all()


def test_split_halves_are_the_same_whatever_units_are_asked_for() -> None:
    whole = reliability(TRAINS, ROWS, WINDOW, "orientation", splits=30, seed=1)
    again = reliability(TRAINS.select([13, 10]), ROWS, WINDOW, "orientation", splits=30, seed=1)
    xr.testing.assert_allclose(again, whole.sel(unit_id=[13, 10]), rtol=1e-12)


# ---------------------------------------------------------------- Fano factor


@pytest.mark.parametrize("closed", ["left", "both"])
def test_fano_factors_by_hand(closed: Any) -> None:
    windows = sliding_windows((-0.2, 0.4), 0.2, 0.1)
    assert_allclose(windows[:, 0], [-0.2, -0.1, 0.0, 0.1, 0.2])
    found = fano_factor(TRAINS, ROWS, windows, by=["orientation", "frequency"], closed=closed)
    assert found["fano_factor"].dims == ("condition", "time_relative_to_stimulus_onset", "unit_id")
    counts = counts_of(TRAINS, ROWS, windows, closed)
    for k in range(found.sizes["condition"]):
        at = (ROWS["orientation"] == found["orientation"].values[k]) & (
            ROWS["frequency"] == found["frequency"].values[k]
        )
        own = counts[at.to_numpy()]
        assert found["presentations"].values[k] == len(own)
        assert_allclose(found["mean_count"][k], own.mean(axis=0), atol=1e-12)
        assert_allclose(found["variance"][k], own.var(axis=0, ddof=1), atol=1e-12)
        mean = np.where(own.mean(axis=0) > 0, own.mean(axis=0), np.nan)
        truth = own.var(axis=0, ddof=1)[:, :4] / mean[:, :4]
        assert_allclose(found["fano_factor"][k, :, :4], truth, atol=1e-12)
    assert np.isnan(found["fano_factor"].sel(unit_id=99)).all()


def test_known_fano_factors() -> None:
    rng = np.random.default_rng(0)
    counts = np.stack([np.full(500, 4), rng.poisson(4, 500), 2 * rng.poisson(4, 500)], axis=1)
    trains, rows = firing(counts)
    found = fano_factor(trains, rows, WINDOW)["fano_factor"].values[0, 0]
    assert found[0] == 0
    assert found[1] == pytest.approx(1, abs=0.15)
    assert found[2] == pytest.approx(2, abs=0.3)
    assert np.isnan(fano_factor(trains, rows.iloc[:1], WINDOW)["fano_factor"]).all()


def test_sliding_windows_stay_inside() -> None:
    assert sliding_windows((0, 1), 0.1, 0.1).shape == (10, 2)
    assert sliding_windows((0, 0.25), 0.25, 0.1).tolist() == [[0, 0.25]]
    assert sliding_windows((0, 1), 0.3, 0.25)[-1].tolist() == [0.5, 0.8]
    for asked in ((0.3, 0.1), (0.1, 0), (np.inf, 1)):
        with pytest.raises(ArgumentError, match=r"must be more than 0 s|is shorter than"):
            sliding_windows((0, 0.2), *asked)


def test_what_makes_no_sense() -> None:
    one = ROWS.assign(k=1)
    cases: list[tuple[Any, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        (noise_correlations, (ROWS, WINDOW), {"by": "nope"}, LookupFailure, "no column 'nope'"),
        (noise_correlations, (ROWS, (0, 0)), {}, ArgumentError, "a window of a length"),
        (signal_correlations, (one, WINDOW, "k"), {}, ArgumentError, "needs two conditions"),
        (signal_correlations, (one, WINDOW, None), {}, ArgumentError, "needs two conditions"),
        (reliability, (ROWS, WINDOW, "orientation"), {"method": "half"}, ArgumentError, "'split_half' or 'pairwise'"),
        (reliability, (ROWS, WINDOW, "orientation"), {"splits": 0}, ArgumentError, "splits must be a whole number, 1"),
        (reliability, (one, WINDOW, "k"), {}, ArgumentError, "needs two conditions or bins .* there are 1"),
        (reliability, (ROWS.iloc[:3], WINDOW, "start_time"), {}, ArgumentError, "there are 0"),
        (reliability, (ROWS.iloc[:3], WINDOW, "start_time"), {"method": "pairwise"}, ArgumentError, "there are 0"),
        (fano_factor, (ROWS, np.zeros((0, 2))), {}, ArgumentError, "windows must be"),
        (fano_factor, (ROWS, [[0.2, 0.1]]), {}, ArgumentError, "stop"),
    ]  # fmt: skip
    for function, arguments, more, kind, message in cases:
        with pytest.raises(kind, match=message):
            function(TRAINS, *arguments, **more)
