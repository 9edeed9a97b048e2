"""Tuning against plain loops; preferred values and how surely they are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from nwbin import SpikeTrains
from nwbin.errors import ArgumentError, LookupFailure
from nwbin.estimates import bootstrap_means, bootstrap_weights, exact_product, generator
from nwbin.responses import tuning
from tests.answers.made import counts_of, noise, trials

ROWS, TRAINS = trials(80), noise(seconds=170)
WINDOW = (0.05, 0.45)
BY = ["orientation", "frequency"]


def tuned() -> tuple[SpikeTrains, pd.DataFrame]:
    """Unit 1 fires most at 90 and frequency 2, unit 2 once at each, unit 3 never."""
    rows = trials(80)
    wanted = 1 + 3 * (rows["orientation"] == 90) + (rows["frequency"] == 2)
    one = np.concatenate(
        [t + 0.1 + 0.01 * np.arange(n) for t, n in zip(rows["start_time"], wanted, strict=True)]
    )
    return SpikeTrains.from_dict({1: one, 2: rows["start_time"].to_numpy() + 0.2, 3: []}), rows


def test_means_errors_and_numbers() -> None:
    found = tuning(TRAINS, ROWS, BY, WINDOW, resamples=0)
    assert found["firing_rate"].dims == found["sem"].dims == (*BY, "unit_id")
    rates = counts_of(TRAINS, ROWS, [WINDOW])[:, 0] / 0.4
    for orientation in (0.0, 45.0, 90.0, 135.0):
        for frequency in (1, 2):
            own = rates[((ROWS["orientation"] == orientation) & (ROWS["frequency"] == frequency)).to_numpy()]
            at = {"orientation": orientation, "frequency": frequency}
            assert found["presentations"].sel(at) == len(own)
            assert_allclose(found["firing_rate"].sel(at), own.mean(axis=0))
            assert_allclose(found["sem"].sel(at), own.std(axis=0, ddof=1) / np.sqrt(len(own)))
    assert not [name for name in found if str(name).startswith("confidence")]


def test_preferred_values_of_known_units() -> None:
    trains, rows = tuned()
    for how in ("marginal", "joint"):
        found = tuning(trains, rows, BY, WINDOW, preferred=how, resamples=200)  # type: ignore[arg-type] # one of them
        assert found["preferred_orientation"].values.tolist()[0] == 90
        assert found["preferred_frequency"].values.tolist()[0] == 2
        assert found["confidence"].values.tolist()[0] == 1.0
        assert np.isnan(found["preferred_orientation"][1:]).all(), (
            "none where all means are the same, or nothing"
        )
        assert np.isnan(found["confidence_orientation"][1:]).all()
        assert np.isnan(found["confidence"][1:]).all()


def test_marginal_and_joint_differ_where_one_combination_stands_out() -> None:
    rows = pd.DataFrame({"start_time": np.arange(4.0), "a": [0, 0, 1, 1], "b": [0, 1, 0, 1]})
    counts = [5, 0, 3, 3]
    trains = {1: np.concatenate([t + 0.01 * np.arange(n) for t, n in enumerate(counts)])}
    joint = tuning(trains, rows, ["a", "b"], (0, 0.5), preferred="joint", resamples=0)
    marginal = tuning(trains, rows, ["a", "b"], (0, 0.5), resamples=0)
    assert (joint["preferred_a"].item(), joint["preferred_b"].item()) == (0, 0)
    assert (marginal["preferred_a"].item(), marginal["preferred_b"].item()) == (1, 0)


def test_marginal_means_count_combinations_alike_and_skip_those_not_shown() -> None:
    rows = pd.DataFrame({"start_time": np.arange(5.0), "a": [0, 0, 0, 1, 0], "b": [0, 0, 0, 0, 1]})
    counts = [3, 3, 3, 2, 0]
    trains = {1: np.concatenate([t + 0.01 * np.arange(n) for t, n in enumerate(counts)])}
    found = tuning(trains, rows, ["a", "b"], (0, 0.5), resamples=20)
    assert np.isnan(found["firing_rate"].sel(a=1, b=1)).all()
    assert found["presentations"].sel(a=1, b=1) == 0
    # a = 0: (3 + 0) / 2 over its combinations, though 9 / 4 over its presentations.
    assert found["preferred_a"].item() == 1


def test_text_values_and_one_trial() -> None:
    rows = pd.DataFrame({"start_time": [0.0, 1.0, 2.0], "image": ["tree", None, "bear"]})
    found = tuning({1: [0.1, 0.2, 2.1], 2: []}, rows, "image", (0, 0.5), resamples=10)
    assert found["image"].values.tolist() == ["bear", "tree"]
    assert found["preferred_image"].values.tolist() == ["tree", None]
    assert np.isnan(found["sem"]).all()
    assert found["confidence_image"].values.tolist()[0] == 1.0, "drawing one trial anew changes nothing"


def test_confidence_is_the_share_of_resamples() -> None:
    """Each resample by a loop, from the same draws."""
    rows = ROWS[ROWS["orientation"].notna()].reset_index(drop=True)
    found = tuning(TRAINS, ROWS, "orientation", WINDOW, resamples=50, seed=3)
    counts = counts_of(TRAINS, rows, [WINDOW])[:, 0]
    rng = generator(3, "bootstrap")
    weights = {}
    for level in (0.0, 45.0, 90.0, 135.0):
        weights[level] = bootstrap_weights(int((rows["orientation"] == level).sum()), 50, rng)
    for unit in range(4):
        best = []
        for resample in range(50):
            means = []
            for level, weight in weights.items():
                own = counts[(rows["orientation"] == level).to_numpy(), unit]
                drawn = np.repeat(own, weight[resample].astype(int))
                assert len(drawn) == len(own)
                means.append(drawn.mean())
            best.append(float(np.argmax(means)) * 45)
        share = np.mean(np.asarray(best) == found["preferred_orientation"].values[unit])
        assert found["confidence_orientation"].values[unit] == pytest.approx(share)


@pytest.mark.parametrize("how", ["marginal", "joint"])
def test_a_unit_is_the_same_whatever_units_are_asked_for(how: Any) -> None:
    whole = tuning(TRAINS, ROWS, BY, WINDOW, preferred=how, resamples=300, seed=1)
    ids = TRAINS.unit_ids.tolist()
    for some in ([12], ids[::-1], [99, 13]):
        xr.testing.assert_identical(
            tuning(TRAINS.select(some), ROWS, BY, WINDOW, preferred=how, resamples=300, seed=1),
            whole.sel(unit_id=some),
        )
    other = tuning(TRAINS, ROWS, BY, WINDOW, preferred=how, resamples=300, seed=2)
    assert (other["confidence"] != whole["confidence"]).any()


def test_products_are_exact() -> None:
    rng = np.random.default_rng(0)
    weights, values = rng.integers(0, 9, (30, 200)), rng.integers(0, 2**20, (200, 7)).astype(float)
    assert_array_equal(exact_product(weights.astype(np.float32), values), weights @ values.astype(np.int64))
    assert exact_product(np.ones((3, 0), np.float32), np.ones((0, 2))).tolist() == [[0, 0]] * 3


def test_resamples_keep_conditions_apart() -> None:
    counts = np.array([[1.0], [1.0], [5.0], [5.0], [99.0]])
    ((_, means),) = bootstrap_means(counts, np.array([0, 0, 1, 1, -1]), 3, resamples=20, seed=0)
    assert (means[0] == 1).all()
    assert (means[1] == 5).all()
    assert np.isnan(means[2]).all()


def test_what_makes_no_sense() -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"by": None}, ArgumentError, "by must name a column"),
        ({"by": "contrast"}, LookupFailure, "no column 'contrast'"),
        (
            {"by": "sem", "presentations": ROWS.assign(sem=1)},
            ArgumentError,
            "a result has a 'sem' of its own",
        ),
        ({"window": (0.1, 0.1)}, ArgumentError, "rates need a window of a length"),
        ({"preferred": "best"}, ArgumentError, "must be 'marginal' or 'joint'"),
        ({"resamples": -1}, ArgumentError, "resamples must be a whole number, 0 or more"),
        ({"seed": -1}, ArgumentError, "seed must be a whole number"),
    ]
    for asked, kind, message in cases:
        arguments: dict[str, Any] = {"presentations": ROWS, "by": "orientation", "window": WINDOW, **asked}
        with pytest.raises(kind, match=message):
            tuning(TRAINS, **arguments)
