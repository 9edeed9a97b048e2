"""How soon: the first spike of each trial, and where a rate has risen by half."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin._optional import need
from nwbin.binning import Closed
from nwbin.trains import SpikeTrains

__all__ = ["Median", "first_spikes", "half_height_times", "median_interval"]

Floats = npt.NDArray[np.float64]


def first_spikes(
    trains: SpikeTrains, onsets: Floats, window: tuple[float, float], closed: Closed = "left"
) -> Floats:
    """Find each unit's first spike in a window of each trial.

    Parameters
    ----------
    trains
        The spikes.
    onsets
        float64 (trials,), s.
    window
        From and to, s from onset; `closed` says which of them belongs to it.

    Returns
    -------
    numpy.ndarray
        Seconds from onset, NaN where there is no spike: float64 (trials, units).
    """
    begin, end = onsets + window[0], onsets + window[1]
    what = f"first spikes of {len(onsets):,} trials x {len(trains):,} units"
    with taking(8 * len(onsets) * len(trains), what, "take fewer units or trials at a time"):
        found = np.full((len(onsets), len(trains)), np.nan)
    for unit, times in enumerate(trains.values()):
        at = np.searchsorted(times, begin, side="right" if closed == "right" else "left")
        there = np.flatnonzero(at < len(times))
        spike = np.asarray(times[at[there]], dtype=np.float64)
        inside = spike < end[there] if closed == "left" else spike <= end[there]
        there = there[inside]
        found[there, unit] = spike[inside] - onsets[there]
    return found


class Median(NamedTuple):
    """A median of each unit's values.

    Attributes
    ----------
    median, low, high
        And the ends of its interval: float64 (units,), NaN for units without values.
    number
        How many values each unit has: int64 (units,).
    """

    median: Floats
    low: Floats
    high: Floats
    number: npt.NDArray[np.int64]


def median_interval(values: Floats, confidence: float) -> Median:
    """Take medians over trials, and their bootstrap intervals, worked out and not drawn.

    The m-th of n values drawn with replacement is at most the k-th of the values with the probability that a Beta
    variable with m and n - m + 1 is at most k / n, so that the percentiles of the bootstrap are known exactly. Of an
    even number of values the median is the mean of two, and so are the ends.

    Parameters
    ----------
    values
        float64 (trials, units), NaN where there is none.
    confidence
        Of the interval, 0.95 say.
    """
    need("scipy", "metrics", "the interval of a median")
    from scipy.special import betaincinv

    ordered = np.sort(values, axis=0)  # NaN last
    number = (~np.isnan(values)).sum(axis=0)
    found = np.full((3, values.shape[1]), np.nan)
    some = np.flatnonzero(number)
    n = number[some]
    for middle in ((n + 1) // 2, n // 2 + 1):  # the same where n is odd
        for row, share in enumerate((None, (1 - confidence) / 2, (1 + confidence) / 2)):
            rank = middle
            if share is not None:
                rank = np.ceil(n * betaincinv(middle, n - middle + 1, share)).astype(np.int64)
            there = ordered[np.clip(rank, 1, n) - 1, some]
            found[row, some] = np.where(np.isnan(found[row, some]), there, (found[row, some] + there) / 2)
    return Median(found[0], found[1], found[2], number.astype(np.int64))


def half_height_times(rates: Floats, base: Floats, centers: Floats) -> Floats:
    """Find when rates, on the rise to their peak, pass the middle between base and peak.

    Parameters
    ----------
    rates
        float64 (resamples, bins, units).
    base
        The rate to rise from: float64 (resamples, units).
    centers
        Of the bins, s: float64 (bins,).

    Returns
    -------
    numpy.ndarray
        float64 (resamples, units), s, linear between the centers of bins: the last passing before the (first) peak.
        NaN where the peak is not above the base, or the rate was above the middle from the first bin on.
    """
    peak_at = rates.argmax(axis=1)[:, None]
    peak = np.take_along_axis(rates, peak_at, axis=1)
    middle = base[:, None] + (peak - base[:, None]) / 2
    bins = rates.shape[1]
    low = (rates < middle) & (np.arange(bins)[:, None] < peak_at)
    before = bins - 1 - low[:, ::-1].argmax(axis=1)[:, None]
    found = low.any(axis=1) & (peak > base[:, None])[:, 0]
    before = np.where(found[:, None], before, 0)
    after = np.minimum(before + 1, bins - 1)
    below, above = (np.take_along_axis(rates, at, axis=1) for at in (before, after))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (middle - below) / (above - below)
        times: Floats = (centers[before] + share * (centers[after] - centers[before]))[:, 0]
    times[~found] = np.nan
    return times
