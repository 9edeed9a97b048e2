"""C50: the compiled fit goes SciPy's way, and finds the contrast that a curve was made with."""

from __future__ import annotations

import numpy as np
import pytest

from nwbin.kernels import contrast
from nwbin.metrics import _contrast
from nwbin.metrics._contrast import half_contrast
from tests.metrics.made import metrics, presented, spikes_of

CONTRASTS = np.asarray([0.01, 0.02, 0.04, 0.08, 0.13, 0.2, 0.35, 0.6, 1.0])


def curve(c50: float, steep: float, low: float, high: float) -> np.ndarray:
    return low + (high - low) / (1 + (CONTRASTS / c50) ** -steep)


@pytest.mark.parametrize("c50", [0.05, 0.11, 0.3])
def test_the_contrast_of_half_the_response_is_found(c50: float) -> None:
    """A curve steep enough to reach both of its ends inside the grid, whose points are 0.43 % of contrast apart."""
    found = half_contrast(CONTRASTS, curve(c50, 6.0, 1.0, 5.0)[None])
    assert found[0] == pytest.approx(c50, abs=0.005)


def test_the_compiled_fit_goes_scipys_way() -> None:
    """Same parameters, same end, from curves with noise: those that settle."""
    rng = np.random.default_rng(4)
    responses = np.asarray(
        [
            rng.poisson(15 * curve(rng.uniform(0.05, 0.5), rng.uniform(1.5, 4), 1.0, 8.0)) / 15
            for _ in range(12)
        ]
    )
    log = np.log(CONTRASTS)
    mine, settled = _contrast._fitted(log, responses)
    theirs, also = _contrast._fitted_by_scipy(log, responses)
    good = settled & also
    assert good.sum() >= 10
    error = [
        np.sqrt(np.mean((_contrast._curve(one.T[:, :, None], log) - responses) ** 2, axis=1))[good]
        for one in (mine, theirs)
    ]
    np.testing.assert_allclose(*error, rtol=1e-6)
    close = np.isclose(mine[good], theirs[good], rtol=1e-5).all(axis=1)
    assert close.mean() > 0.8  # what hardly changes the curve need not be the same


def test_what_cannot_be_fitted() -> None:
    assert np.isnan(half_contrast(CONTRASTS[:3], np.ones((2, 3)))).all()
    assert half_contrast(CONTRASTS, np.empty((0, 9))).shape == (0,)
    # A flat response is its own middle everywhere: some contrast of the grid, as AllenSDK has it.
    flat = half_contrast(CONTRASTS, np.zeros((1, 9)))
    assert 0.009 <= flat[0] <= 1.1


@pytest.mark.skipif(not contrast.COMPILED, reason="without the compiler SciPy makes the fit")
def test_many_units_are_the_same_as_each_by_itself() -> None:
    rng = np.random.default_rng(8)
    responses = rng.poisson(3.0, (9, 9)) / 3.0
    together = half_contrast(CONTRASTS, responses)
    alone = [half_contrast(CONTRASTS, one[None])[0] for one in responses]
    np.testing.assert_array_equal(together, alone)


def test_only_contrasts_at_the_preferred_orientation_count() -> None:
    gratings = presented(
        "drifting_gratings_75_repeats",
        [{"orientation": ori, "temporal_frequency": 2.0, "contrast": 0.8} for ori in (0.0, 90.0)] * 2,
    )
    rows = [
        {"orientation": ori, "temporal_frequency": 2.0, "contrast": float(one)}
        for ori in (0.0, 45.0)
        for one in CONTRASTS
    ]
    shown = presented("drifting_gratings_contrast", rows, first=100.0)
    number = np.round(20 * curve(0.11, 6.0, 0.5, 4.0)).astype(int)

    def answer(row: dict[str, float], at: int) -> np.ndarray:
        many = number[at % 9] if row["orientation"] == 0.0 else 3
        return 0.01 + 0.001 * np.arange(many)

    trains = {}
    for unit, best in ((1, 0.0), (2, 90.0)):
        own = spikes_of(gratings, lambda row, at, best=best: [0.1] if row["orientation"] == best else [])  # type: ignore[misc]  # bound now
        trains[unit] = np.concatenate([own, spikes_of(shown, answer)])
    found = metrics([gratings, shown], trains, "dg")
    assert found.loc[1, "c50_dg"] == pytest.approx(0.11, abs=0.01)
    assert np.isnan(found.loc[2, "c50_dg"])  # at 90 degrees no contrasts were shown
