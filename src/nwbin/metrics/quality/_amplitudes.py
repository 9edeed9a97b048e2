"""How many spikes a sorter has probably missed, by the amplitudes of those that it found."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nwbin.metrics.quality._convention import Convention

__all__ = ["amplitude_cutoff"]

Floats = NDArray[np.float64]

_BINS = 500
_BINS_OF_SPIKEINTERFACE = 100
_FEWEST = 5 * _BINS_OF_SPIKEINTERFACE  # spikes: of fewer SpikeInterface says nothing
_MOST = 0.5
_BLOCK = 1 << 14  # values at a time: they and what is made of them stay in the second-level cache

_SIGMA, _REACH = 3.0, 12  # bins: the Gaussian is cut at 4 sigma
_WEIGHTS = np.exp(-0.5 / (_SIGMA * _SIGMA) * np.arange(-_REACH, _REACH + 1) ** 2)
_WEIGHTS /= _WEIGHTS.sum()


def amplitude_cutoff(amplitudes: Floats, convention: Convention) -> float:
    """Estimate the share of spikes that are missing.

    Parameters
    ----------
    amplitudes
        (spikes,), in any unit of measure.
    convention
        Whose definition.

    Returns
    -------
    float
        From 0 to 0.5; NaN without amplitudes, or where one of them is not finite.
    """
    if amplitudes.size == 0:
        return np.nan
    ends = float(np.min(amplitudes)), float(np.max(amplitudes))
    if not np.isfinite(ends).all():
        return np.nan
    return _of_density(amplitudes, ends) if convention == "allen" else _of_counts(amplitudes, ends)


def _of_density(amplitudes: Floats, ends: tuple[float, float]) -> float:
    """The area of the upper flank from where it comes nearest to the height of the lowest bin."""
    counts, edges = histogram(amplitudes, ends, _BINS)
    widths = np.diff(edges)
    smooth = smoothed(counts / widths / counts.sum(), "symmetric")
    peak = int(np.argmax(smooth))
    nearest = peak + int(np.argmin(np.abs(smooth[peak:] - smooth[0])))
    return min(float(smooth[nearest:].sum() * np.mean(widths[:-1])), _MOST)


def _of_counts(amplitudes: Floats, ends: tuple[float, float]) -> float:
    """The spikes beyond the last bin that is as high as the lowest, as against all and as many again."""
    if amplitudes.size < _FEWEST:
        return np.nan
    if np.median(amplitudes) < 0:  # of troughs the least is the largest
        amplitudes, ends = -amplitudes, (-ends[1], -ends[0])
    counts, _ = histogram(amplitudes, ends, _BINS_OF_SPIKEINTERFACE)
    smooth = smoothed(counts, "edge").astype(np.int64)  # a filter of whole numbers
    last = int(np.flatnonzero(smooth >= smooth[0])[-1])
    missed = int(smooth[last + 1 :].sum())
    return min(missed / (amplitudes.size + missed), _MOST)


def histogram(values: Floats, ends: tuple[float, float], bins: int) -> tuple[NDArray[np.int64], Floats]:
    """Count values in bins of one width: as ``numpy.histogram(values, bins)`` does, in a third of its time.

    A bin is guessed by division; only values so near to an edge that rounding might matter are compared with it.

    Parameters
    ----------
    values
        (values,), finite, one at least.
    ends
        The least and the largest of them.
    bins
        How many bins there are.
    """
    low, high = ends if ends[0] < ends[1] else (ends[0] - 0.5, ends[1] + 0.5)
    edges = np.linspace(low, high, bins + 1)
    counts = np.zeros(bins, np.int64)
    scale = bins / (high - low)
    if not np.isfinite(scale) or np.any(np.diff(edges) <= 0):  # closer together than numbers are
        return np.histogram(values, bins, range=ends)[0], edges
    # What rounding may do to a guess: to a value, to what is taken from it, and to an edge.
    unsure = 16 * np.finfo(np.float64).eps * (max(abs(low), abs(high)) * scale + bins)
    guess, whole = np.empty(_BLOCK), np.empty(_BLOCK, np.intp)
    for first in range(0, values.size, _BLOCK):
        block = values[first : first + _BLOCK]
        at, number = guess[: block.size], whole[: block.size]
        np.subtract(block, low, out=at)
        at *= scale
        number[:] = at
        at -= number
        near = np.flatnonzero((at < unsure) | (at > 1 - unsure))
        if near.size:
            number[near] = np.searchsorted(edges[1:-1], block[near], "right")
        counts += np.bincount(number, minlength=bins)
    return counts, edges


def smoothed(height: NDArray[Any], beyond: Literal["symmetric", "edge"]) -> Floats:
    """Smooth by a Gaussian; beyond its ends the histogram goes on as its mirror image, or as its last bin.

    Pairs of bins at the same distance are added first, the farthest first: then the sums are SciPy's to the last bit.
    """
    padded = np.pad(height, _REACH, mode=beyond)
    size = height.size
    total: Floats = height * _WEIGHTS[_REACH]
    for k in range(_REACH):
        total += (padded[k : k + size] + padded[2 * _REACH - k : 2 * _REACH - k + size]) * _WEIGHTS[k]
    return total
