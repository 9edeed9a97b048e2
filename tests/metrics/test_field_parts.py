"""Smoothing, thresholds, fits and resampling against plain loops and against SciPy, one map at a time."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("scipy")

from scipy import optimize

from nwbin.kernels import gaussian as gaussian_kernel
from nwbin.metrics._field_fits import bounded_fits, unbounded_fits
from nwbin.metrics._field_masks import inverted, masks, smoothed
from nwbin.metrics._position_tests import chi_square, p_values

Floats = npt.NDArray[np.float64]
MAPS = arrays(np.int64, st.tuples(st.integers(1, 3), st.just(9), st.just(9)), elements=st.integers(0, 60))


# ---------------------------------------------------------------- smoothing and thresholds


def naive_smoothing(one: npt.NDArray[np.int64], whole: bool) -> Floats:
    """Along rows, then along columns; beyond an edge the map goes on mirrored, the edge's own value first."""
    kernel = np.exp(-0.5 * np.arange(-4, 5) ** 2)
    kernel /= kernel.sum()
    found = one.astype(float)
    for axis in (0, 1):
        padded = np.pad(found, [(4, 4) if axis == one else (0, 0) for one in (0, 1)], mode="symmetric")
        parts = [k * np.take(padded, range(i, i + 9), axis) for i, k in enumerate(kernel)]
        found = np.sum(parts, axis=0)
        if whole:
            found = np.floor(found + 1e-9)
    return found


@given(MAPS)
def test_smoothing(maps: npt.NDArray[np.int64]) -> None:
    exact = smoothed(maps.astype(float))
    for one, found in zip(maps, exact, strict=True):
        np.testing.assert_allclose(found, naive_smoothing(one, False), rtol=1e-12, atol=1e-12)
    whole = smoothed(maps)
    assert (whole == np.floor(whole)).all()
    for one, found in zip(maps, whole, strict=True):
        # A value that is whole but for rounding may be cut to either side.
        assert np.abs(found - naive_smoothing(one, True)).max() <= 2


def naive_mask(one: Floats, deviations: float) -> set[tuple[int, int]]:
    """Flood the pieces in order, keep the first that holds the largest value."""
    bound = one.max() - one.std() * deviations
    left = [at for at in itertools.product(range(9), range(9)) if one[at] > bound]
    if len(left) == one.size:
        return set()
    while left:
        piece, edge = set(), {left[0]}
        while edge:
            r, c = edge.pop()
            piece.add((r, c))
            edge |= {at for at in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)) if at in left} - piece
        if any(one[at] == one.max() for at in piece):
            return piece
        left = [at for at in left if at not in piece]
    return set()


@given(MAPS, st.sampled_from([0.05, 0.5, 1.0, 2.0, 4.0]))
def test_masks(maps: npt.NDArray[np.int64], deviations: float) -> None:
    found = masks(maps.astype(float), deviations)
    for at, one in enumerate(maps.astype(float)):
        piece = naive_mask(one, deviations)
        assert set(zip(*map(np.ndarray.tolist, np.nonzero(found.mask[at])), strict=True)) == piece
        assert found.pixels[at] == len(piece)
        if piece:
            assert found.row[at] == pytest.approx(np.mean([r for r, _ in piece]))
            assert found.column[at] == pytest.approx(np.mean([c for _, c in piece]))
        edge = sum(r in (0, 8) or c in (0, 8) for r, c in piece)
        assert found.covers_edge[at] == (edge > 16)


def test_flat_maps_have_no_mask() -> None:
    found = masks(np.stack([np.zeros((9, 9)), np.full((9, 9), 7.0)]), 1.0)
    assert found.pixels.tolist() == [0, 0]
    assert np.isnan(found.row).all()
    assert np.isnan(found.column).all()


def test_maps_turned_upside_down() -> None:
    maps = np.array([[[1.0, 3.0]], [[2.0, 0.0]]])
    assert inverted(maps).tolist() == [[[2, 0]], [[0, 2]]]
    assert inverted(maps, np.array([False, True])).tolist() == [[[1, 3]], [[0, 2]]]


# ---------------------------------------------------------------- fits


def gaussian(height: float, row: float, column: float, down: float, across: float) -> Floats:
    rows, columns = np.indices((9, 9))
    return height * np.exp(-(((rows - row) / down) ** 2 + ((columns - column) / across) ** 2) / 2)


TRUTHS = [
    (40.0, 4.0, 4.0, 1.5, 1.5), (7.0, 2.3, 5.1, 1.0, 2.0), (300.0, 6.5, 1.2, 0.7, 1.4), (1.0, 0.4, 7.7, 2.5, 0.8),
]  # fmt: skip


@pytest.mark.parametrize("fit", [bounded_fits, unbounded_fits])
def test_a_gaussian_is_found_again(fit: object) -> None:
    found = fit(np.stack([gaussian(*truth) for truth in TRUTHS]))  # type: ignore[operator]
    assert found.settled.all()
    for at, truth in enumerate(TRUTHS):
        assert [float(one[at]) for one in found[:5]] == pytest.approx(truth, rel=1e-6)


def noisy_maps(number: int, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    truth = zip(
        random.uniform(20, 200, number), random.uniform(1, 7, number), random.uniform(1, 7, number),
        random.uniform(0.8, 2.5, number), random.uniform(0.8, 2.5, number), strict=True,
    )  # fmt: skip
    return np.stack([random.poisson(gaussian(*one)) for one in truth]).astype(float)


def test_bounded_fits_agree_with_scipys() -> None:
    maps = noisy_maps(60, 1)
    found = bounded_fits(maps)
    assert found.settled.all()
    rows, columns = np.indices((9, 9))
    for at, one in enumerate(maps):
        total = one.sum()
        row, column = (rows * one).sum() / total, (columns * one).sum() / total
        start = [
            one.max(),
            row,
            column,
            *(np.sqrt((one * d**2).sum() / total) for d in (rows - row, columns - column)),
        ]
        exact = optimize.least_squares(
            lambda p, one=one: (gaussian(*p) - one).ravel(), start,
            bounds=([0, -0.5, -0.5, 0.1, 0.1], [np.inf, 8.5, 8.5, 9, 9]), x_scale="jac",
            xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=1000,
        )  # fmt: skip
        assert [float(values[at]) for values in found[:5]] == pytest.approx(
            exact.x.tolist(), rel=1e-6, abs=1e-6
        )


def test_unbounded_fits_take_minpacks_steps() -> None:
    maps = noisy_maps(20, 2)
    found = unbounded_fits(maps)
    for at, one in enumerate(maps):
        row, column = (float(values[at]) for values in found[1:3])
        start = [one.max(), row, column, 1.0, 1.0]
        exact, _ = optimize.leastsq(lambda p, one=one: (gaussian(*p) - one).ravel(), start, xtol=1e-12)
        np.testing.assert_allclose([float(values[at]) for values in found[:5]], exact, rtol=1e-5)


def test_compiled_or_not_fits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = noisy_maps(20, 3)
    found = unbounded_fits(maps)
    monkeypatch.setattr(gaussian_kernel, "COMPILED", not gaussian_kernel.COMPILED)
    for mine, other in zip(found, unbounded_fits(maps), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_fits_of_maps_without_anything() -> None:
    maps = np.stack([np.zeros((9, 9)), np.full((9, 9), np.nan), gaussian(*TRUTHS[0])])
    for found in (bounded_fits(maps), unbounded_fits(maps)):
        assert found.settled.tolist() == [False, False, True]
        assert all(np.isnan(values[:2]).all() for values in found[:5])
    assert not bounded_fits(np.empty((0, 9, 9))).settled.size


def test_a_fit_that_ends_on_a_bound_has_not_settled() -> None:
    rows, columns = np.indices((9, 9))
    slope = np.stack([columns + 1.0, np.full((9, 9), 3.0) + 0.01 * rows])  # no peak anywhere on the screen
    found = bounded_fits(slope)
    assert not found.settled.any()
    assert all(np.isnan(values).all() for values in found[:5])


# ---------------------------------------------------------------- resampling


def test_chi_square_is_pearsons() -> None:
    random = np.random.default_rng(0)
    observed = random.poisson(3, (7, 4)).astype(float)
    observed[:, 3] = 0
    trials = np.array([1, 2, 3, 4, 5, 6, 7])
    expected = np.outer(trials, observed.sum(axis=0) / trials.sum())
    with np.errstate(invalid="ignore"):
        parts = (observed - expected) ** 2 / expected
    truth = np.where(expected > 0, parts, 0).sum(axis=0)
    np.testing.assert_allclose(chi_square(observed.T.copy(), trials), truth, rtol=1e-12)


@pytest.mark.parametrize("replace", [True, False])
def test_p_values_are_what_loops_find(replace: bool) -> None:
    random = np.random.default_rng(7)
    position = random.integers(0, 5, 40) * 3 + 1
    counts = random.poisson(0.5 + (position == 4)[:, None] * np.array([0.0, 0.3, 3.0]), (40, 3))
    found = p_values(counts, position, replace=replace, seed=11, resamples=200)
    dealer = np.random.default_rng(11)
    if replace:
        drawn = dealer.integers(0, 40, (200, 40), dtype=np.int32)
    else:
        drawn = dealer.permuted(np.tile(np.arange(40, dtype=np.int32), (200, 1)), axis=1)

    def statistic(values: npt.NDArray[np.int64]) -> float:
        rate = values.mean()
        if rate == 0:
            return 0.0
        by = [(values[position == p].sum(), (position == p).sum() * rate) for p in np.unique(position)]
        return float(sum((o - e) ** 2 / e for o, e in by))

    for unit in range(3):
        actual = statistic(counts[:, unit])
        others = np.array([statistic(counts[deal, unit]) for deal in drawn])
        if replace:
            # Ties are broken by rounding, as AllenSDK breaks them.
            assert np.mean(others > actual + 1e-9) <= found[unit] <= np.mean(others > actual - 1e-9)
        else:
            assert found[unit] == (1 + np.sum(others >= actual - 1e-9)) / 201
    assert found[2] < 0.02 < found[0]


def test_a_units_p_value_hangs_on_no_other_unit() -> None:
    random = np.random.default_rng(3)
    position = np.repeat(np.arange(9), 5)
    counts = random.poisson(0.4, (45, 300)).astype(np.uint16)
    whole = p_values(counts, position, replace=False, seed=2, resamples=100)
    some = [299, 5, 260]
    assert (
        p_values(counts[:, some], position, replace=False, seed=2, resamples=100).tolist()
        == whole[some].tolist()
    )
    assert (
        p_values(counts, position, replace=False, seed=2, resamples=100, threads=1).tolist() == whole.tolist()
    )
    assert p_values(counts, position, replace=False, seed=4, resamples=100).tolist() != whole.tolist()
    assert p_values(counts[:, :0], position, replace=False, seed=2).shape == (0,)


def test_p_values_of_noise_are_even() -> None:
    random = np.random.default_rng(9)
    counts = random.poisson(1.0, (90, 400))
    found = p_values(counts, np.tile(np.arange(9), 10), replace=False, seed=0, resamples=199)
    assert 0 < found.min() < 0.03
    assert abs((found <= 0.1).mean() - 0.1) < 0.05
    assert abs(found.mean() - 0.5) < 0.05
