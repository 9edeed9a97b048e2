"""Rates by condition against plain loops, their baseline, and smoothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nwbin import SpikeTrains
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, NwbinWarning
from nwbin.estimates import binned_moments, mean_and_spread, smoothing_matrix
from nwbin.responses import mean_rates, psth
from tests.answers.made import counts_of, noise, trials
from tests.strategies import Case, cases

ROWS, TRAINS = trials(), noise()
EDGES = [-0.5, -0.2, 0.0, 0.05, 0.3, 0.9]
DIMS = ("condition", "time_relative_to_stimulus_onset", "unit_id")


def by_hand(closed: str = "left") -> tuple[dict[tuple[float, int], Any], Any]:
    """The rates of each condition's presentations: (presentations, bins, units)."""
    counts = counts_of(TRAINS, ROWS, list(pairwise(EDGES)), closed) / np.diff(EDGES)[None, :, None]
    found: dict[tuple[float, int], Any] = {}
    for row, (orientation, frequency) in enumerate(zip(ROWS["orientation"], ROWS["frequency"], strict=True)):
        if orientation == orientation:
            found.setdefault((orientation, frequency), []).append(counts[row])
    return {key: np.asarray(found[key]) for key in sorted(found)}, counts


@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_rates_errors_and_numbers(closed: Any) -> None:
    truth, _ = by_hand(closed)
    found = psth(TRAINS, ROWS, EDGES, by=["orientation", "frequency"], closed=closed)
    assert found["firing_rate"].dims == found["sem"].dims == DIMS
    assert list(zip(found["orientation"].values, found["frequency"].values, strict=True)) == list(truth)
    assert found["presentations"].values.tolist() == [len(one) for one in truth.values()]
    assert found["unit_id"].values.tolist() == [10, 11, 12, 13, 99]
    for k, one in enumerate(truth.values()):
        assert_allclose(found["firing_rate"][k], one.mean(axis=0), atol=1e-12)
        assert_allclose(found["sem"][k], one.std(axis=0, ddof=1) / np.sqrt(len(one)), atol=1e-9)
    assert found["firing_rate"].attrs["units"] == found["sem"].attrs["units"] == "Hz"
    assert found[DIMS[1]].attrs["units"] == found["bin_start"].attrs["units"] == "s"
    assert found["bin_start"].values.tolist() == EDGES[:-1]
    assert (found.sel(unit_id=99)["firing_rate"] == 0).all()


def test_one_column_names_conditions_by_its_values() -> None:
    found = psth(TRAINS, ROWS, EDGES, by="orientation")
    assert found["condition"].values.tolist() == [0.0, 45.0, 90.0, 135.0]
    assert found["presentations"].sum() == len(ROWS) - 1
    text = ROWS.assign(name=[f"n{k % 2}" for k in range(len(ROWS))])
    assert psth(TRAINS, text, EDGES, by="name")["condition"].values.tolist() == ["n0", "n1"]
    together = psth(TRAINS, ROWS, EDGES)
    assert together["condition"].values.tolist() == ["all"]
    onsets = psth(TRAINS, ROWS["start_time"].to_numpy(), EDGES)
    xr.testing.assert_equal(together, onsets)
    assert psth(TRAINS, {"start_time": [1.0, 3.0], "k": [2, 2]}, EDGES, by="k")["condition"].values == [2]


def test_it_is_one_answer_with_mean_rates() -> None:
    whole = psth(TRAINS, ROWS, EDGES, by="orientation")
    assert_array_equal(mean_rates(TRAINS, ROWS, EDGES, by="orientation"), whole["firing_rate"])
    without = psth(TRAINS, ROWS, EDGES, by="orientation", spread=False)
    assert "sem" not in without
    xr.testing.assert_equal(without, whole.drop_vars("sem"))


def test_one_presentation_has_no_error() -> None:
    rows = pd.DataFrame({"start_time": [1.0, 3.0, 5.0], "k": ["a", "b", "b"]})
    found = psth(TRAINS, rows, EDGES, by="k")
    assert np.isnan(found["sem"][0]).all()
    assert not np.isnan(found["sem"][1]).any()
    assert not np.isnan(found["firing_rate"]).any()


def test_no_units() -> None:
    found = psth(SpikeTrains.from_dict({}), ROWS, EDGES, by="orientation")
    assert found["firing_rate"].shape == (4, 5, 0)


def test_baseline_and_z_score() -> None:
    truth, _ = by_hand()
    shown = ROWS[ROWS["orientation"].notna()]
    before = counts_of(TRAINS, shown, [(-0.4, 0.0)])[:, 0] / 0.4
    mean, std = before.mean(axis=0), before.std(axis=0, ddof=1)
    plain = psth(TRAINS, ROWS, EDGES, by=["orientation", "frequency"])
    less = psth(TRAINS, ROWS, EDGES, by=["orientation", "frequency"], baseline=(-0.4, 0.0))
    scored = psth(
        TRAINS, ROWS, EDGES, by=["orientation", "frequency"], baseline=(-0.4, 0.0), normalize="zscore"
    )
    assert_allclose(less["baseline_rate"], mean)
    assert_allclose(less["baseline_std"], std)
    assert_array_equal(less["sem"], plain["sem"])
    for k, one in enumerate(truth.values()):
        assert_allclose(less["firing_rate"][k], one.mean(axis=0) - mean, atol=1e-12)
        assert_allclose(
            scored["firing_rate"][k, :, :4], (one.mean(axis=0) - mean)[:, :4] / std[:4], atol=1e-12
        )
        assert_allclose(scored["sem"][k, :, :4], plain["sem"][k, :, :4] / std[:4])
    assert np.isnan(scored["firing_rate"].sel(unit_id=99)).all(), "what never varies has no z-score"
    assert (less["firing_rate"].sel(unit_id=99) == 0).all()
    assert (less["firing_rate"].attrs["units"], scored["firing_rate"].attrs["units"]) == ("Hz", "1")


@pytest.mark.parametrize("kernel", ["gaussian", "half_gaussian"])
def test_smoothing_is_of_each_presentation(kernel: Any) -> None:
    edges = np.linspace(-0.5, 1.0, 31)
    counts = counts_of(TRAINS, ROWS, list(pairwise(edges))) / 0.05
    smooth = np.einsum("ij,tju->tiu", smoothing_matrix(edges, 0.08, kernel), counts)
    found = psth(TRAINS, ROWS, edges, smooth=0.08, kernel=kernel)
    assert_allclose(found["firing_rate"][0], smooth.mean(axis=0), atol=1e-9)
    assert_allclose(found["sem"][0], smooth.std(axis=0, ddof=1) / np.sqrt(len(ROWS)), atol=1e-7)
    assert (found.attrs["kernel"], found.attrs["sigma"]) == (kernel, 0.08)


def test_kernels() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    edges = np.linspace(0, 1, 101)
    whole = smoothing_matrix(edges, 0.03)
    assert_allclose(whole.sum(axis=1), 1)
    middle = np.zeros(100)
    middle[50] = 1.0
    # SciPy's kernel is sampled, this one is integrated over bins: alike where sigma is many bins.
    assert_allclose(whole @ middle, ndimage.gaussian_filter1d(middle, 3.0), atol=6e-3)
    causal = smoothing_matrix(edges, 0.03, "half_gaussian")
    assert_allclose(causal.sum(axis=1), 1)
    assert_array_equal(np.triu(causal, 1), 0)
    assert (np.diff(causal[60, 40:60]) >= 0).all(), "the nearer the past, the more weight"
    assert_allclose(smoothing_matrix(edges, 1e-6), np.eye(100))
    uneven = [0.0, 0.1, 0.15, 0.5, 0.9]
    assert_allclose(smoothing_matrix(uneven, 0.2) @ np.full(4, 7.0), 7.0)


@settings(max_examples=40)
@given(cases(bins=True), st.integers(1, 4), st.booleans())
def test_moments_are_those_of_counts(case: Case, conditions: int, small: bool) -> None:
    """Exactly, in whatever blocks, whatever units are asked for together, and in whatever order."""
    if case.windows.ndim != 1:
        case.windows = case.windows[0] if len(case.windows) else np.array([0.0, 1.0])
    units = list(dict.fromkeys(case.units))
    trains = SpikeTrains.from_dict({u: case.trains[u] for u in units})
    code = np.arange(len(case.onsets)) % (conditions + 1) - 1
    found = binned_moments(
        trains, case.onsets, case.windows, code, conditions, max_bytes=1 if small else 1 << 20
    )
    rows = pd.DataFrame({"start_time": case.onsets})
    with np.errstate(over="ignore"):
        counts = counts_of(trains, rows, list(pairwise(case.windows)))
    for one in range(conditions):
        assert_array_equal(found.total[one], counts[code == one].sum(axis=0))
        assert found.squares is not None
        assert_array_equal(found.squares[one], (counts[code == one] ** 2).sum(axis=0))
    backwards = binned_moments(
        SpikeTrains.from_dict({u: case.trains[u] for u in units[::-1]}),
        case.onsets,
        case.windows,
        code,
        conditions,
    )
    assert_array_equal(backwards.total[..., ::-1], found.total)
    assert_array_equal(found.trials, [(code == one).sum() for one in range(conditions)])


def test_more_spikes_than_a_byte_holds() -> None:
    burst = SpikeTrains.from_dict({1: np.sort(np.r_[np.linspace(1.0, 1.01, 300), 3.001]), 2: [1.0, 1.005]})
    found = binned_moments(burst, np.array([1.0, 3.0]), [0.0, 0.02], np.zeros(2, np.int64), 1)
    assert found.total[0, 0].tolist() == [301, 2]
    assert found.squares is not None
    assert found.squares[0, 0].tolist() == [300**2 + 1, 4]
    # What was added before the burst came is not added twice.
    late = binned_moments(burst, np.array([3.0, 1.0]), [0.0, 0.02], np.zeros(2, np.int64), 1, max_bytes=1)
    assert late.squares is not None
    assert (late.total[0, 0].tolist(), late.squares[0, 0].tolist()) == ([301, 2], [300**2 + 1, 4])
    mean, variance = mean_and_spread(found, np.ones((1, 1)), of_mean=False)
    assert variance is not None
    assert mean[0, 0].tolist() == [150.5, 1.0]
    assert variance[0, 0].tolist() == [np.var([300, 1], ddof=1), 2.0]


def test_what_makes_no_sense() -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"by": "orientatio"}, LookupFailure, "did you mean 'orientation'"),
        ({"by": ["orientation", "orientation"]}, ArgumentError, "names a column twice"),
        ({"normalize": "zscore"}, ArgumentError, "needs a baseline"),
        ({"normalize": "z", "baseline": (-0.5, 0)}, ArgumentError, "must be 'subtract', 'zscore' or None"),
        ({"baseline": (0, 0)}, ArgumentError, "rates need a window of a length"),
        ({"smooth": 0.0}, ArgumentError, "sigma must be more than 0"),
        ({"smooth": 0.1, "kernel": "box"}, ArgumentError, "kernel must be one of 'gaussian', 'half_gaussian'"),
        ({"edges": [0.0, np.inf], "smooth": 0.1}, ArgumentError, "an edge is not finite"),
        ({"edges": [0.0, 0.0, 1.0], "smooth": 0.1}, ArgumentError, "two edges are the same"),
        ({"presentations": ROWS.iloc[3:4], "by": "orientation"}, ArgumentError, "has a value of 'orientation'"),
        ({"presentations": ROWS.iloc[:0]}, ArgumentError, "there are no presentations"),
        ({"presentations": "flashes"}, ArgumentTypeError, "presentations must be a table with the column start_time"),
        ({"presentations": np.zeros((2, 2))}, ArgumentError, "onsets must have one dimension"),
        ({"presentations": ROWS[["orientation"]]}, LookupFailure, "no column 'start_time'"),
    ]  # fmt: skip
    for asked, kind, message in cases:
        arguments: dict[str, Any] = {"presentations": ROWS, "edges": EDGES, **asked}
        with pytest.raises(kind, match=message):
            psth(TRAINS, **arguments)


def test_overlap_is_said() -> None:
    with pytest.warns(NwbinWarning, match="overlap for 39 pairs of rows"):
        psth(TRAINS, ROWS, [-1.0, 1.5])
