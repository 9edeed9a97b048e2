"""Is it more, or less, than before? Tests of paired differences, for all units at once."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.errors import ArgumentError
from nwbin.estimates.resampling import exact_product, generator, resamples_of

__all__ = ["Paired", "PairedTest", "false_discovery", "paired_test", "sign_flip_test"]

Floats = npt.NDArray[np.float64]
PairedTest: TypeAlias = Literal["wilcoxon", "t"]

_DECIMALS = 9  # of Hz: what divisions by the windows' lengths leave, 1e-13 or so, is no difference
_ROWS = 1024  # sign flips at a time


class Paired(NamedTuple):
    """A test of each unit's differences.

    Attributes
    ----------
    statistic
        Student's t, or z of the signed-rank sum: float64 (units,).
    p_value
        Two-sided: float64 (units,).
    effect_size
        The mean of the differences over their standard deviation (n - 1), Cohen's d_z: float64 (units,).
    """

    statistic: Floats
    p_value: Floats
    effect_size: Floats


def paired_test(differences: npt.ArrayLike, test: PairedTest = "wilcoxon") -> Paired:
    """Test whether differences lie around 0.

    Parameters
    ----------
    differences
        float64 (trials, units).
    test
        "wilcoxon": the signed-rank test; zeros are dropped, ties take their mean rank, and p is by the normal
        approximation with the variance of the ranks there are and no correction for continuity, which is SciPy's
        ``wilcoxon(..., method="asymptotic")``. "t": Student's t of the mean, SciPy's ``ttest_1samp(..., 0)``.

    Returns
    -------
    Paired
        Units without any difference in any trial have statistic 0 and p 1, and no effect size (NaN). With fewer
        than two trials everything is NaN.

    Raises
    ------
    MissingDependencyError
        SciPy is not installed (extra "metrics").
    """
    need("scipy", "metrics", "a paired test")
    from scipy.special import ndtr, stdtr
    from scipy.stats import rankdata

    if test not in ("wilcoxon", "t"):
        raise ArgumentError(f"test must be 'wilcoxon' or 't', not {test!r}")
    values = np.round(np.asarray(differences, dtype=np.float64), _DECIMALS)
    trials, units = values.shape
    if trials < 2:
        nothing = np.full(units, np.nan)
        return Paired(nothing, nothing.copy(), nothing.copy())
    same = ~values.any(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
        # Of equal differences the spread is 0, whatever rounding makes of it.
        spread[(values == values[0]).all(axis=0)] = 0.0
        effect = mean / spread
        if test == "t":
            statistic = effect * math.sqrt(trials)
            p = 2.0 * stdtr(trials - 1, -np.abs(statistic))
        else:
            size = np.abs(values)
            ranks = rankdata(size, axis=0)
            ranks -= (size == 0).sum(axis=0)  # zeros take the first ranks: without them the others begin at 1
            ranks[size == 0] = 0.0
            # Under random signs the sum has this variance, ties or none.
            statistic = (np.sign(values) * ranks).sum(axis=0) / np.sqrt(np.square(ranks).sum(axis=0))
            p = 2.0 * ndtr(-np.abs(statistic))
    statistic[same], p[same] = 0.0, 1.0
    return Paired(np.asarray(statistic), np.asarray(p), np.asarray(effect))


def sign_flip_test(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    lengths: tuple[float, float],
    *,
    permutations: int,
    seed: int,
) -> Floats:
    """Test by permutation: in each trial the two windows change places, or not.

    Parameters
    ----------
    first, second
        Counts in the one window and in the other, whole numbers: float64 (trials, units).
    lengths
        Of the two windows, s; the difference of the mean rates is the statistic.
    permutations, seed
        How many are drawn, and of which seed. Where there are no more than so many ways of changing places, all
        are gone through instead.

    Returns
    -------
    numpy.ndarray
        Two-sided p: float64 (units,). Of drawn permutations (1 + number at or beyond) / (1 + number), so never 0;
        of all, the share at or beyond, of which the data as they are is one. NaN without trials.
    """
    trials, units = first.shape
    permutations = resamples_of(permutations, 1, "permutations")
    if not trials:
        return np.full(units, np.nan)
    every = trials < 60 and 2**trials <= permutations
    number = 2**trials if every else permutations
    found = np.abs(_rate(first.sum(axis=0), second.sum(axis=0), lengths)) * (1.0 - 1e-9)
    beyond = np.zeros(units, np.int64)
    rng = generator(seed, "sign flips")
    for at in range(0, number, _ROWS):
        rows = min(_ROWS, number - at)
        if every:
            ways = (np.arange(at, at + rows)[:, None] >> np.arange(trials)) & 1
        else:
            ways = rng.integers(2, size=(rows, trials), dtype=np.int8)
        signs: npt.NDArray[Any] = (2 * ways - 1).astype(np.float32)
        drawn = _rate(exact_product(signs, first), exact_product(signs, second), lengths)
        beyond += (np.abs(drawn) >= found).sum(axis=0)
    return beyond / number if every else (1 + beyond) / (1 + number)


def _rate(first: Floats, second: Floats, lengths: tuple[float, float]) -> Floats:
    return first / lengths[0] - second / lengths[1]


def false_discovery(p_values: npt.ArrayLike) -> Floats:
    """Correct for the number of tests, by Benjamini and Hochberg; NaN is no test, and stays NaN.

    Parameters
    ----------
    p_values
        float64 (tests,).

    Returns
    -------
    numpy.ndarray
        float64 (tests,): the smallest false discovery rate at which each is still called.
    """
    need("scipy", "metrics", "the correction for many tests")
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, dtype=np.float64)
    found = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    if tested.any():
        found[tested] = false_discovery_control(p[tested], method="bh")
    return found
