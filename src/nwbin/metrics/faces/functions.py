"""AllenSDK's functions of one unit's numbers, by their names: scripts call them beside its classes.

What they compute is what AllenSDK computes; nwbin's own are of all units at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.errors import warn
from nwbin.metrics import _tuning, common
from nwbin.metrics._contrast import half_contrast

__all__ = [
    "c50",
    "dsi",
    "fano_factor",
    "fit_2d_gaussian",
    "image_selectivity",
    "lifetime_sparseness",
    "osi",
    "overall_firing_rate",
    "running_modulation",
    "threshold_rf",
]

Floats = npt.NDArray[np.float64]


def _row(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


def _selectivity(orivals: npt.ArrayLike, tuning: npt.ArrayLike, harmonic: int) -> float:
    radians, responses = np.real(np.asarray(orivals)), _row(tuning)
    if not radians.size or radians.size != responses.size:
        warn("a response is needed for each angle, and at least one")
        return math.nan
    return float(_tuning.angular_selectivity(responses, np.degrees(radians), harmonic)[0])


def osi(orivals: npt.ArrayLike, tuning: npt.ArrayLike) -> float:
    """Global orientation selectivity of responses at some angles, in radians; NaN without responses."""
    return _selectivity(orivals, tuning, 2)


def dsi(orivals: npt.ArrayLike, tuning: npt.ArrayLike) -> float:
    """Global direction selectivity of responses at some angles, in radians; NaN without responses."""
    return _selectivity(orivals, tuning, 1)


def fano_factor(spike_counts: npt.ArrayLike) -> float:
    """Variance (of n) over mean of the counts of some trials; NaN where the mean is 0."""
    counts = np.asarray(spike_counts)
    mean = counts.mean()
    return float(counts.var() / mean) if mean != 0 else math.nan


def lifetime_sparseness(responses: npt.ArrayLike) -> float:
    """Say how few of some responses are large: 0 where all are alike, 1 of a single one; NaN of fewer than two."""
    return float(common.lifetime_sparseness(_row(responses))[0])


def image_selectivity(spike_means: npt.ArrayLike, num_steps: int = 1000) -> float:
    """Say how few images are answered, by the shares of images above 1,000 thresholds; NaN of fewer than two."""
    if num_steps != 1000:
        warn(f"image_selectivity takes 1,000 thresholds, not num_steps={num_steps}")
    return float(_tuning.image_selectivity(_row(spike_means))[0])


def c50(contrasts: npt.ArrayLike, responses: npt.ArrayLike) -> float:
    """The contrast of half the range of a curve fitted to responses; NaN where that fails."""
    x, y = np.asarray(contrasts, dtype=np.float64), _row(responses)
    if not x.size or x.size != y.size:
        warn("a response is needed for each contrast, and at least one")
        return math.nan
    return float(half_contrast(x, y)[0])


def running_modulation(
    spike_counts: npt.ArrayLike, running_speeds: npt.ArrayLike, speed_threshold: float = 1.0
) -> tuple[float, float]:
    """Compare trials during running with those at rest.

    Parameters
    ----------
    spike_counts, running_speeds
        Of each trial; speeds in cm/s.
    speed_threshold
        From which speed on the animal is said to run.

    Returns
    -------
    tuple
        p of Welch's t-test, and the difference of the means over the larger; NaN with fewer than two trials of
        either kind, or without spikes.
    """
    counts, speed = np.asarray(spike_counts), np.asarray(running_speeds, dtype=np.float64)
    if counts.shape != speed.shape:
        warn("a running speed is needed for each count")
        return math.nan, math.nan
    trials = common.OwnTrials(
        np.zeros(len(counts), np.int64), np.arange(len(counts)), np.array([len(counts)])
    )
    runs = np.where(speed >= speed_threshold, np.inf, -np.inf)
    p, change = common.running_modulation(counts, runs, trials)
    return float(p[0]), float(change[0])


def overall_firing_rate(
    start_times: npt.ArrayLike, stop_times: npt.ArrayLike, spike_times: npt.ArrayLike
) -> float:
    """Spikes in [start, stop) of some blocks over their total time, in Hz; NaN where that is not more than 0."""
    starts, stops, spikes = (
        np.asarray(one, dtype=np.float64) for one in (start_times, stop_times, spike_times)
    )
    if starts.shape != stops.shape:
        warn("a stop is needed for each start")
        return math.nan
    if not spikes.size:
        return 0.0
    total = float((stops - starts).sum())
    if not total > 0:
        warn(f"the blocks last {total:g} s in all")
        return math.nan
    return float((spikes.searchsorted(stops) - spikes.searchsorted(starts)).sum() / total)


def threshold_rf(rf: npt.ArrayLike, threshold: float) -> tuple[npt.NDArray[np.int64], float, float, float]:
    """Cut a smoothed map at its maximum less some standard deviations, and keep the piece that holds the maximum.

    Parameters
    ----------
    rf
        Spikes by position: (rows, columns). Whole numbers are smoothed as such, their fraction cut off.
    threshold
        How many standard deviations.

    Returns
    -------
    tuple
        The mask, 1 and 0: int64 (rows, columns); column and row of its centre, rounded to 4 decimals, NaN without
        one; how many positions it has.
    """
    need("scipy", "metrics", "measuring receptive fields")
    from nwbin.metrics._field_masks import masks, smoothed

    values = np.asarray(rf)
    whole = values.dtype.kind in "iub"
    found = masks(smoothed(values[None].astype(np.int64 if whole else np.float64)), threshold)
    column, row = (float(np.around(one[0], 4)) for one in (found.column, found.row))
    return found.mask[0].astype(np.int64), column, row, float(found.pixels[0])


def fit_2d_gaussian(matrix: npt.ArrayLike) -> tuple[Any, bool]:
    """Fit a Gaussian to a map, without bounds.

    Parameters
    ----------
    matrix
        Spikes by position: (rows, columns).

    Returns
    -------
    tuple
        Height, centre row, centre column, and the standard deviations along rows and along columns, float64 (5,), NaN
        without spikes; and whether the fit settled.
    """
    need("scipy", "metrics", "fitting receptive fields")
    from nwbin.metrics._field_fits import unbounded_fits

    fit = unbounded_fits(np.asarray(matrix, dtype=np.float64)[None])
    return np.array([one[0] for one in fit[:5]]), bool(fit.settled[0])
