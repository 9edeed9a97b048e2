"""What units share, and what repeats: correlations over trials and over conditions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.estimates.resampling import exact_product, generator

__all__ = [
    "SplitHalf",
    "condition_means",
    "correlations",
    "pairwise_reliability",
    "residuals",
    "split_half_reliability",
]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_BLOCK = 64 << 20


def condition_means(values: Floats, code: Codes, conditions: int) -> Floats:
    """Average over the trials of each condition.

    Parameters
    ----------
    values
        float64 (trials, ...).
    code
        Each trial's condition; -1 for those that are left out: int64 (trials,).

    Returns
    -------
    numpy.ndarray
        float64 (conditions, ...); NaN for a condition without trials.
    """
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    found = np.full((conditions, *values.shape[1:]), np.nan)
    if not order.size:
        return found
    shown, first, trials = np.unique(code[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(values[order], first, axis=0)
    found[shown] = sums / trials.reshape(-1, *(1 for _ in values.shape[1:]))
    return found


def residuals(values: Floats, code: Codes, conditions: int, *, scaled: bool) -> Floats:
    """Take each condition's mean from its trials.

    Parameters
    ----------
    values
        float64 (trials, units).
    code, conditions
        As in :func:`condition_means`.
    scaled
        Divide by the standard deviation (n - 1) over the condition's trials; where that is 0, residuals are 0.

    Returns
    -------
    numpy.ndarray
        float64 (trials of conditions that have two or more, units).
    """
    number = np.bincount(code[code >= 0], minlength=conditions)
    kept = (code >= 0) & (number[code] >= 2)
    left, of = values[kept], code[kept]
    centered = left - condition_means(left, of, conditions)[of]
    # Equal counts may leave 1e-16 of their mean, which dividing would blow up.
    centered[np.abs(centered) < 1e-9] = 0.0
    if scaled:
        spread = np.sqrt(
            condition_means(np.square(centered), of, conditions)
            * (number / np.maximum(number - 1.0, 1.0))[:, None]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            centered = np.where(spread[of] > 0, centered / spread[of], 0.0)
    return centered


def correlations(values: Floats) -> Floats:
    """Correlate (Pearson) every column with every other.

    Parameters
    ----------
    values
        float64 (rows, units).

    Returns
    -------
    numpy.ndarray
        float64 (units, units), symmetric, 1 on the diagonal; NaN for columns that do not vary, or fewer than two
        rows.
    """
    centered = values - values.mean(axis=0) if len(values) else values
    centered = np.where(np.abs(centered) < 1e-12 * np.abs(values).max(axis=0, initial=1.0), 0.0, centered)
    length = np.sqrt(np.square(centered).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = centered / length
    found: Floats = np.clip(unit.T @ unit, -1.0, 1.0)
    flat = ~(length > 0)
    found[flat], found[:, flat] = np.nan, np.nan
    np.fill_diagonal(found, np.where(flat, np.nan, 1.0))
    return found


class SplitHalf(NamedTuple):
    """Correlations of halves.

    Attributes
    ----------
    mean, spread
        Over the splits in which it can be computed: float64 (units,), NaN where there are none.
    conditions
        How many have two trials or more, and so took part.
    """

    mean: Floats
    spread: Floats
    conditions: int


def split_half_reliability(
    counts: Floats, code: Codes, conditions: int, *, splits: int, seed: int
) -> SplitHalf:
    """Correlate responses, averaged over one half of each condition's trials, with those of the other half.

    Parameters
    ----------
    counts
        Whole numbers: float64 (trials, bins, units).
    code, conditions
        As in :func:`condition_means`.
    splits, seed
        How often each condition's trials are divided by lot into two halves (of an odd number one trial more in the
        second), which are the same for all units.

    Notes
    -----
    The vectors that are correlated have a place for each condition and bin.
    """
    rng = generator(seed, "halves")
    _, bins, units = counts.shape
    members = [rows for one in range(conditions) if len(rows := np.flatnonzero(code == one)) >= 2]
    masks = [_halves(len(rows), splits, rng) for rows in members]
    mean, spread = np.full(units, np.nan), np.full(units, np.nan)
    step = max(1, _BLOCK // max(1, 16 * splits * bins * len(members)))
    for first in range(0, units if members else 0, step):
        block = slice(first, min(first + step, units))
        width = block.stop - block.start
        halves = np.empty((2, splits, len(members), bins * width))
        for at, (rows, mask) in enumerate(zip(members, masks, strict=True)):
            part = counts[rows, :, block].reshape(len(rows), -1)
            one = exact_product(mask, part)
            halves[0, :, at] = one / (len(rows) // 2)
            halves[1, :, at] = (part.sum(axis=0) - one) / (len(rows) - len(rows) // 2)
        vectors = halves.reshape(2, splits, len(members) * bins, width)
        found = _along(vectors[0], vectors[1])
        # Of units with too few NumPy would warn: they are given what they do not keep.
        known = (~np.isnan(found)).sum(axis=0)
        mean[block] = np.where(known > 0, np.nanmean(np.where(known > 0, found, 0.0), axis=0), np.nan)
        if splits > 1:
            several = np.where(known > 1, found, 0.0)
            spread[block] = np.where(known > 1, np.nanstd(several, axis=0, ddof=1), np.nan)
    return SplitHalf(mean, spread, len(members))


def _halves(trials: int, splits: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Which trials are in the first half: float32 (splits, trials), 0 or 1."""
    order = rng.permuted(np.tile(np.arange(trials), (splits, 1)), axis=1)
    return (order < trials // 2).astype(np.float32)


def _along(first: Floats, second: Floats) -> Floats:
    """Correlate over the second of three axes; NaN where one side does not vary."""
    one, other = (part - part.mean(axis=1, keepdims=True) for part in (first, second))
    for part, whole in ((one, first), (other, second)):
        part[np.broadcast_to((whole == whole[:, :1]).all(axis=1, keepdims=True), part.shape)] = 0.0
    product = (one * other).sum(axis=1)
    lengths = np.sqrt(np.square(one).sum(axis=1) * np.square(other).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(lengths > 0, np.clip(product / lengths, -1.0, 1.0), np.nan)


def pairwise_reliability(repeats: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Average the correlations of every pair of repeats.

    Parameters
    ----------
    repeats
        float64 (repeats, places, units): what a unit did at each place (frame, condition, bin) of each repeat.

    Returns
    -------
    mean : numpy.ndarray
        float64 (units,); NaN where fewer than two repeats vary.
    used : numpy.ndarray
        How many repeats vary, so that they can be correlated: int64 (units,).

    Notes
    -----
    The sum over pairs is that of all repeats' normalised vectors, squared, less what each makes with itself.
    """
    centered = repeats - repeats.mean(axis=1, keepdims=True)
    centered[np.broadcast_to((repeats == repeats[:, :1]).all(axis=1, keepdims=True), repeats.shape)] = 0.0
    length = np.sqrt(np.square(centered).sum(axis=1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(length > 0, centered / length, 0.0)
    used = (length[:, 0] > 0).sum(axis=0).astype(np.int64)
    together = np.square(unit.sum(axis=0)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(used >= 2, (together - used) / (used * (used - 1.0)), np.nan)
    return mean, used
