"""Does a unit answer, and how soon: the response against the baseline, latencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.binning import Closed, bin_edges
from nwbin.errors import ArgumentError
from nwbin.estimates import (
    Kernel,
    PairedTest,
    bootstrap_weights,
    exact_product,
    false_discovery,
    first_spikes,
    generator,
    half_height_times,
    median_interval,
    paired_test,
    pieces_of,
    resamples_of,
    sign_flip_test,
    smoothed,
    smoothing_matrix,
    unit_blocks,
)
from nwbin.responses.labelling import UNIT, Labelled, dataset, ids_of
from nwbin.responses.matrix import check_window
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["latency", "responsive"]

Floats = npt.NDArray[np.float64]

_WEIGHT = 1 << 20  # kernels are rounded to multiples of its inverse, so that smoothing sums is exact


def responsive(
    trains: Trains,
    presentations: Any,
    window: tuple[float, float],
    baseline: tuple[float, float],
    *,
    test: PairedTest = "wilcoxon",
    permutations: int = 10_000,
    alpha: float = 0.05,
    seed: int = 0,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Test for each unit whether its rate in a response window differs from that in a baseline window.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s, or onsets in s. Each gives one pair.
    window, baseline
        The two windows, from and to, s from start_time; they may be of different lengths, and rates are compared.
    test
        "wilcoxon", the signed-rank test (zeros dropped, normal approximation), or "t"; both paired and two-sided; see
        :func:`nwbin.estimates.paired_test`.
    permutations
        Of the second test, in which the two windows of each presentation change places by lot and the difference of
        mean rates is compared. All ways are gone through where they are no more than these. 0 leaves it out.
    alpha
        The false discovery rate at which `responsive` is said.
    seed
        Of the permutations, which are the same for all units.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.Dataset
        By unit_id, all float64 but the last:

        - response_rate, baseline_rate: means, Hz.
        - effect_size: mean difference over the standard deviation of differences (Cohen's d_z); NaN without spread.
        - statistic, p_value: of the test; p_permutation: of the permutations.
        - q_value, q_permutation: these p corrected for the number of units by Benjamini and Hochberg: they do hang on
          which units are asked for.
        - responsive: bool, q_value at most `alpha`; False where p is NaN.

        `presentations` says how many pairs there were.

    Raises
    ------
    MissingDependencyError
        SciPy is not installed (extra "metrics").
    ArgumentError
        There are no presentations, or a window has no length.

    Notes
    -----
    A unit whose two rates are the same in every presentation, as one without spikes, has p 1. With one presentation
    p_value is NaN and p_permutation 1: nothing can be said. Working set: 128 MB, and the permutations of 1,024 at a
    time.

    Examples
    --------
    >>> onsets = np.arange(20.0)
    >>> found = responsive({7: onsets + 0.1}, onsets, (0, 0.5), (-0.5, 0)).sel(unit_id=7)
    >>> bool(found.responsive), float(found.response_rate)
    (True, 2.0)
    """
    need("scipy", "metrics", "responsive()")
    rows, units = as_rows(presentations), as_trains(trains)
    windows = np.asarray([check_window(window, rate=True), check_window(baseline, rate=True)])
    if not 0 < alpha < 1:
        raise ArgumentError(f"alpha must be between 0 and 1, not {alpha!r}")
    resamples_of(permutations, 0, "permutations")
    if not len(rows):
        raise ArgumentError("there are no presentations")
    warn_of_windows(rows, [windows.min(), windows.max()])
    long, short = (float(last - first) for first, last in windows)
    found = np.full((6, len(units)), np.nan)
    blocks = unit_blocks(units, times_of(rows, "start_time"), windows, closed=closed, threads=threads)
    for block, counts in blocks:
        after, before = counts[:, 0], counts[:, 1]
        tested = paired_test(after / long - before / short, test)
        found[0, block] = after.sum(axis=0) / len(rows) / long
        found[1, block] = before.sum(axis=0) / len(rows) / short
        found[2:5, block] = tested.effect_size, tested.statistic, tested.p_value
        if permutations:
            found[5, block] = sign_flip_test(
                after, before, (long, short), permutations=permutations, seed=seed
            )
    q_value = false_discovery(found[4])
    one = {"units": "1"}
    values: dict[str, Labelled] = {
        "response_rate": ((UNIT,), found[0], {"units": "Hz"}),
        "baseline_rate": ((UNIT,), found[1], {"units": "Hz"}),
        "effect_size": ((UNIT,), found[2], {**one, "long_name": "mean difference / standard deviation"}),
        "statistic": (
            (UNIT,),
            found[3],
            {**one, "long_name": "t" if test == "t" else "z of the signed ranks"},
        ),
        "p_value": ((UNIT,), found[4], one),
        "q_value": ((UNIT,), q_value, {**one, "long_name": "p corrected by Benjamini and Hochberg"}),
        "responsive": ((UNIT,), np.nan_to_num(q_value, nan=1.0) <= alpha, {}),
        "presentations": ((), np.asarray(len(rows)), {}),
    }
    if permutations:
        values["p_permutation"] = ((UNIT,), found[5], one)
        values["q_permutation"] = ((UNIT,), false_discovery(found[5]), one)
    attributes = {
        "window": windows[0].tolist(), "baseline": windows[1].tolist(), "test": test, "alpha": alpha, "closed": closed,
        "permutations": permutations, "seed": seed,
    }  # fmt: skip
    return dataset(values, ids_of(units), attributes)


def latency(
    trains: Trains,
    presentations: Any,
    window: tuple[float, float],
    *,
    baseline: tuple[float, float] | None = None,
    bin_width: float = 0.002,
    smooth: float = 0.005,
    kernel: Kernel = "gaussian",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Say how soon after the start of presentations each unit answers: by its first spike, and by its rate.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s, or onsets in s.
    window
        Where the answer is looked for: from and to, s from start_time, a whole number of bins.
    baseline
        From and to, s from start_time: the rate there is what the rate rises from. By default 0.
    bin_width, smooth, kernel
        Of the rate over time: bins, s, and the kernel, its sigma in s; see :func:`nwbin.estimates.smoothing_matrix`.
        A Gaussian moves a sharp rise forward by less than its sigma, a causal kernel moves it back.
    resamples
        How often presentations are drawn anew, with replacement, for the interval of the half height; 0 for none.
    confidence
        Of the intervals.
    seed
        Of the draws, which are the same for all units.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    xarray.Dataset
        By unit_id, float64, s from start_time but where said:

        - first_spike: the median time of the first spike in the window, over the presentations that have one
          (first_spike_presentations, how many, int64); first_spike_low, first_spike_high: the percentiles of its
          bootstrap, worked out exactly. Spikes that come anyway count too: of a unit with a high rate this says how
          long one waits for any.
        - half_height: when the mean rate, smoothed, on the rise to its peak passes the middle between baseline and
          peak, linear between the centers of bins; half_height_low, half_height_high: percentiles of the bootstrap
          over presentations; half_height_found: the share of resamples that have such a time. NaN where the peak is
          not above the baseline, as for a unit without spikes, or no rise is seen in the window.

    Raises
    ------
    MissingDependencyError
        SciPy is not installed (extra "metrics").
    ArgumentError
        There are no presentations, a window makes no sense, or it is not a whole number of bins.

    Notes
    -----
    Resampling is one matrix product for all bins and units of a block. Working set: 256 MB.

    Examples
    --------
    >>> onsets = np.arange(20.0)
    >>> found = latency({7: onsets + 0.05}, onsets, (0, 0.1)).sel(unit_id=7)
    >>> round(float(found.first_spike), 6), int(found.first_spike_presentations)
    (0.05, 20)
    """
    need("scipy", "metrics", "latency()")
    rows, units = as_rows(presentations), as_trains(trains)
    bounds = bin_edges(None, window, bin_width)
    resamples_of(resamples)
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence must be between 0 and 1, not {confidence!r}")
    if not len(rows):
        raise ArgumentError("there are no presentations")
    before = None if baseline is None else check_window(baseline, rate=True)
    ends = [bounds[0], bounds[-1], *(before or ())]
    warn_of_windows(rows, [min(ends), max(ends)])
    onsets = times_of(rows, "start_time")
    median = median_interval(first_spikes(units, onsets, (bounds[0], bounds[-1]), closed), confidence)
    weights = np.ones((1 + resamples, len(rows)), np.float32)
    weights[1:] = bootstrap_weights(len(rows), resamples, generator(seed, "bootstrap"))
    smoother = smoothing_matrix(bounds, smooth, kernel)
    half = _half_heights(
        units, onsets, bounds, before, weights, smoother, {"closed": closed, "threads": threads}
    )
    times: dict[str, Floats] = {
        "first_spike": median.median, "first_spike_low": median.low, "first_spike_high": median.high,
        "half_height": half[0],
    }  # fmt: skip
    values: dict[str, Labelled] = {}
    if resamples:
        there = (~np.isnan(half[1:])).mean(axis=0)
        ends_at = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
        times["half_height_low"], times["half_height_high"] = _percentiles(half[1:], ends_at)
        values["half_height_found"] = ((UNIT,), there, {"units": "1", "long_name": "share of resamples"})
    values |= {name: ((UNIT,), found, {"units": "s"}) for name, found in times.items()}
    values["first_spike_presentations"] = ((UNIT,), median.number, {})
    values["presentations"] = ((), np.asarray(len(rows)), {})
    attributes = {
        "window": [float(bounds[0]), float(bounds[-1])], "bin_width": bin_width, "kernel": kernel, "sigma": smooth,
        "confidence": confidence, "resamples": resamples, "seed": seed, "closed": closed,
    }  # fmt: skip
    if before is not None:
        attributes["baseline"] = list(before)
    return dataset(values, ids_of(units), attributes)


def _half_heights(
    units: SpikeTrains,
    onsets: Floats,
    bounds: Floats,
    before: tuple[float, float] | None,
    weights: npt.NDArray[np.float32],
    smoother: Floats,
    counting: dict[str, Any],
) -> Floats:
    """Times of half height, of each row of weights over trials: (rows, units), s."""
    windows = np.stack([bounds[:-1], bounds[1:]], axis=1)
    if before is not None:
        windows = np.concatenate([windows, [before]])
    bins = len(bounds) - 1
    # Whole numbers, so that products are exact: else which of two equal bins is the peak would hang on the units that
    # are asked for together.
    whole = np.rint(smoother * _WEIGHT)
    pieces = pieces_of(whole)
    width = np.diff(bounds)
    scale = 1.0 / (whole.sum(axis=1) * width)[None, :, None]
    found = np.full((len(weights), len(units)), np.nan)
    blocks = unit_blocks(
        units, onsets, windows, dtype=np.float32, beside=5 * 8 * len(weights) * len(windows), max_bytes=256 << 20,
        **counting,
    )  # fmt: skip
    for block, counts in blocks:
        trials, number, some = counts.shape
        sums = exact_product(weights, counts.reshape(trials, -1)).reshape(-1, number, some)
        rates = smoothed(pieces, sums[:, :bins])
        rates *= scale / trials
        base = np.zeros((len(weights), some))
        if before is not None:
            base = sums[:, bins] / trials / (before[1] - before[0])
        found[:, block] = half_height_times(rates, base, bounds[:-1] + width / 2)
    return found


def _percentiles(values: Floats, shares: Floats) -> Floats:
    """Percentiles down the rows of what is there: (shares, columns), NaN for columns with nothing."""
    found = np.full((len(shares), values.shape[1]), np.nan)
    some = ~np.isnan(values).all(axis=0)
    if some.any():
        found[:, some] = np.nanquantile(values[:, some], shares, axis=0)
    return found
