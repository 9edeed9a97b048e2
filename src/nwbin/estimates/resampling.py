"""Bootstrap over trials, as matrix products of whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError

__all__ = ["as_seed", "bootstrap_means", "bootstrap_weights", "exact_product", "generator", "resamples_of"]

_EXACT_SINGLE = 1 << 24  # up to here float32 holds every whole number
_EXACT_DOUBLE = 1 << 53
_BLOCK = 64 << 20

# A stream of its own for each purpose, so that one more draw of one does not change the others.
_PURPOSES = ("bootstrap", "sign flips", "halves", "neurons", "trials")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Make the generator of a seed for one purpose: the draws hang on nothing else, units least of all."""
    return np.random.default_rng([as_seed(seed), _PURPOSES.index(purpose)])


def as_seed(seed: Any) -> int:
    """Return a seed that fits."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"seed must be a whole number, 0 or more, not {seed!r}")
    return int(seed)


def resamples_of(resamples: Any, least: int = 0, name: str = "resamples") -> int:
    """Return how often is resampled."""
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < least:
        raise ArgumentError(f"{name} must be a whole number, {least} or more, not {resamples!r}")
    return int(resamples)


def bootstrap_weights(trials: int, resamples: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw resamples of so many trials with replacement: how often each has each trial.

    Returns
    -------
    numpy.ndarray
        float32 (resamples, trials), whole numbers; each row sums to `trials`.
    """
    drawn = rng.integers(trials, size=(resamples, trials)) if trials else np.empty((resamples, 0), np.int64)
    drawn += trials * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * trials)
    return counts.astype(np.float32).reshape(resamples, trials)


def exact_product(weights: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Multiply matrices of whole numbers exactly: no sum hangs on the order of its terms.

    Parameters
    ----------
    weights
        (resamples, trials).
    values
        (trials, units).

    Returns
    -------
    numpy.ndarray
        float64 (resamples, units).
    """
    return _product(weights, values).astype(np.float64, copy=False)


def _product(weights: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same in float32, where that holds the sums."""
    if not weights.size or not values.size:
        return np.zeros((len(weights), values.shape[1]))
    bound = float(np.abs(weights).max()) * float(np.abs(values).sum(axis=0).max())
    kind = np.float32 if bound < _EXACT_SINGLE else np.float64
    assert bound < _EXACT_DOUBLE, "sums of counts beyond 2**53"
    found: npt.NDArray[Any] = weights.astype(kind, copy=False) @ values.astype(kind, copy=False)
    return found


def bootstrap_means(
    counts: npt.NDArray[np.float64],
    code: npt.NDArray[np.int64],
    conditions: int,
    *,
    resamples: int,
    seed: int,
) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    """Draw each condition's trials anew, with replacement, and average counts over what was drawn.

    Parameters
    ----------
    counts
        Whole numbers: float64 (trials, units).
    code
        Each trial's condition; -1 for trials that are left out: int64 (trials,).
    conditions, resamples, seed
        How many conditions and resamples there are, and the seed of the draws, which are the same for all units.

    Yields
    ------
    units : slice
        Which units: as many as fit a block of 64 MB, one at least.
    means : numpy.ndarray
        float64 (conditions, resamples, units); NaN for a condition without trials.
    """
    rng = generator(seed, "bootstrap")
    members = [np.flatnonzero(code == one) for one in range(conditions)]
    weights = [bootstrap_weights(len(one), resamples, rng) for one in members]
    step = max(1, _BLOCK // max(1, 8 * resamples * conditions))
    for first in range(0, counts.shape[1], step):
        block = slice(first, min(first + step, counts.shape[1]))
        means = np.empty((conditions, resamples, block.stop - block.start))
        for at, (rows, drawn) in enumerate(zip(members, weights, strict=True)):
            sums = _product(drawn, counts[rows, block])
            np.divide(sums, len(rows) or np.nan, out=means[at], dtype=np.float64)
        yield block, means
