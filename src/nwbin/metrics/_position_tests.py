"""Does a unit answer by position at all? Chi-square against trials that were dealt to positions anew.

All units at once: how often a trial was dealt to a position is one sparse matrix, and its product with the counts
are the counts by position of every resample and unit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from nwbin._threads import as_threads, run

__all__ = ["chi_square", "p_values"]

Progress = Callable[[int, int], object]

RESAMPLES = 1000
_BLOCK = 2 << 20  # bytes of counts by position at a time: they stay in the second-level cache
_UNITS = 256  # at a time: so do their counts of all trials
# What is added up in another order differs by less than this, relatively, where it is the same.
_SAME = 1e-11


def chi_square(observed: npt.NDArray[Any], trials: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Pearson's chi-square of counts by position against the same rate at all of them.

    Parameters
    ----------
    observed
        Spikes at each position: (..., positions). Added up position by position as AllenSDK does, whose ties hang on
        rounding.
    trials
        How many presentations each position has, all at least 1: (positions,).

    Returns
    -------
    numpy.ndarray
        float64 (...); 0 without spikes.
    """
    rate = observed.sum(axis=-1) / trials.sum()
    expected = trials * rate[..., None]
    found = observed - expected
    found *= found
    with np.errstate(invalid="ignore", divide="ignore"):
        found /= expected
    return np.where(rate > 0, found.sum(axis=-1), 0.0)


def p_values(
    counts: npt.NDArray[np.integer],
    position: npt.NDArray[np.integer],
    *,
    replace: bool,
    seed: int,
    resamples: int = RESAMPLES,
    threads: int | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """Say how likely each unit's chi-square over positions is if position means nothing.

    Parameters
    ----------
    counts
        Spikes of each trial: (trials, units).
    position
        A number for each trial's position: (trials,).
    replace
        Deal trials with replacement and give the share of resamples that are strictly above (AllenSDK's rule, which
        can give 0); else deal each trial once, and give (1 + number at or above) / (1 + resamples).
    seed
        Of the dealing, which is the same for all units: a unit's value does not hang on the other units.
    resamples
        How many.
    threads, progress
        As in :func:`nwbin.bin_spikes`; progress is of blocks.

    Returns
    -------
    numpy.ndarray
        float64 (units,).

    Notes
    -----
    Working set: a copy of the counts, 4 bytes a trial and resample, and some 10 MB a thread.
    """
    distinct, place = np.unique(position, return_inverse=True)
    trials = np.bincount(place, minlength=len(distinct))
    by_position = np.argsort(place, kind="stable")
    units = counts.shape[1]
    drawn = _dealt(len(place), resamples, replace, seed)[:, by_position]
    blocks = [slice(begin, begin + _UNITS) for begin in range(0, units, _UNITS)]
    done: list[int] = []

    def of_block(some: slice) -> npt.NDArray[np.float64]:
        found = _p_values(counts[:, some], by_position, trials, drawn, replace)
        done.append(1)
        if progress is not None:
            progress(len(done), len(blocks))
        return found

    parts = run([partial(of_block, some) for some in blocks], as_threads(threads))
    return np.concatenate([np.empty(0), *parts])


def _dealt(trials: int, resamples: int, replace: bool, seed: int) -> npt.NDArray[np.int32]:
    """Which trial comes to each slot: (resamples, trials)."""
    random = np.random.default_rng(seed)
    if replace:
        return random.integers(0, max(trials, 1), (resamples, trials), dtype=np.int32)
    return random.permuted(np.tile(np.arange(trials, dtype=np.int32), (resamples, 1)), axis=1)


def _p_values(
    counts: npt.NDArray[np.integer],
    by_position: npt.NDArray[np.intp],
    trials: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.int32],
    replace: bool,
) -> npt.NDArray[np.float64]:
    # The smallest integers that hold what a position may add up to: half the bytes are half the time.
    most = int(counts.max(initial=0)) * int(trials.max(initial=0))
    values = np.ascontiguousarray(
        counts, dtype=np.int16 if most < 2**15 else np.int32 if most < 2**31 else np.int64
    )
    ends = np.append(0, np.cumsum(trials))
    by_trial = np.add.reduceat(values[by_position], ends[:-1], axis=0, dtype=np.int64)
    actual = chi_square(np.ascontiguousarray(by_trial.T), trials)
    margin = _SAME * (1 + actual)
    at_a_time = max(1, _BLOCK // max(1, 8 * len(trials) * values.shape[1]))
    above = np.zeros(values.shape[1], dtype=np.int64)
    for begin in range(0, len(drawn), at_a_time):
        some = drawn[begin : begin + at_a_time]
        starts = (np.arange(len(some))[:, None] * ends[-1] + ends[:-1]).ravel()
        pointers = np.append(starts, some.size).astype(np.int32)
        dealing = sparse.csr_matrix(
            (np.ones(some.size, values.dtype), some.ravel(), pointers),
            shape=(len(some) * len(trials), len(values)),
        )
        dealt = (dealing @ values).reshape(len(some), len(trials), -1).transpose(0, 2, 1)
        found = chi_square(np.ascontiguousarray(dealt, dtype=np.float64), trials)
        above += (found > actual if replace else found >= actual - margin).sum(axis=0)
    return above / len(drawn) if replace else (1 + above) / (1 + len(drawn))
