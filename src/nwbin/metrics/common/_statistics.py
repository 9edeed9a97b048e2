"""Statistics of responses, for all units at once: arrays in, arrays out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.binning import spike_ranks
from nwbin.metrics.common._trials import OwnTrials
from nwbin.trains import SpikeTrains

__all__ = [
    "fano",
    "firing_rate",
    "first_of_largest",
    "lifetime_sparseness",
    "running_modulation",
    "time_to_peak",
    "welch_p",
]

Floats = npt.NDArray[np.float64]
RUNNING = 1.0  # cm/s, from which on an animal is said to run


def firing_rate(trains: SpikeTrains, starts: Floats, stops: Floats, trial_duration: float) -> Floats:
    """Return each unit's mean rate over the blocks of a stimulus, gray between presentations included.

    A new block starts where one presentation starts more than twice the trial's duration after the one before it. A
    block's spikes are those in [start of the first, stop of the last).

    Parameters
    ----------
    trains
        The spikes.
    starts, stops
        Of the presentations, in order of time, in s: (presentations,).
    trial_duration
        In s.

    Returns
    -------
    numpy.ndarray
        Hz, float64 (units,); 0 for a unit without spikes, NaN where the blocks last no time.
    """
    units = np.arange(len(trains))
    gap = np.flatnonzero(np.diff(starts) > trial_duration * 2)
    begin, end = starts[np.append(0, gap + 1)], stops[np.append(gap, len(starts) - 1)]
    total = np.sum(end - begin)
    if not total > 0:
        return np.where(trains.counts == 0, 0.0, np.nan)
    inside = spike_ranks(trains, units[:, None], end) - spike_ranks(trains, units[:, None], begin)
    return np.asarray(inside.sum(axis=1) / total, dtype=np.float64)


def fano(counts: npt.NDArray[np.integer], trials: OwnTrials) -> Floats:
    """Return variance by mean of the counts in each unit's trials.

    Parameters
    ----------
    counts
        Of each trial: (trials,).
    trials
        Those of each unit.

    Returns
    -------
    numpy.ndarray
        float64 (units,); the variance divides by n. NaN where there is no spike, or no trial.
    """
    found = np.full(len(trials.number), np.nan)
    for units, places in trials.by_number():
        mine = counts[places]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[units] = np.var(mine, axis=1) / np.mean(mine, axis=1)
    return found


def lifetime_sparseness(responses: npt.NDArray[np.floating] | npt.NDArray[np.integer]) -> Floats:
    """Return how few conditions a unit answers: 0 for all alike, 1 for a single one (Vinje and Gallant 2000).

    Parameters
    ----------
    responses
        (units, conditions), not negative.

    Returns
    -------
    numpy.ndarray
        float64 (units,); NaN of fewer than two conditions, and where all responses are 0.
    """
    number = responses.shape[1]
    if number <= 1:
        return np.full(len(responses), np.nan)
    share = 1.0 / number
    with np.errstate(invalid="ignore", divide="ignore"):
        even = np.power(responses.sum(axis=1), 2) / np.power(responses, 2).sum(axis=1)
        return np.asarray((1.0 - share * even) / (1.0 - share), dtype=np.float64)


def running_modulation(
    counts: npt.NDArray[np.integer], speed: Floats, trials: OwnTrials
) -> tuple[Floats, Floats]:
    """Compare each unit's trials during running with those at rest.

    Parameters
    ----------
    counts
        Of each trial: (trials,).
    speed
        Mean running speed of each presentation, in cm/s; from 1 cm/s on the animal runs, NaN counts as rest:
        (presentations,).
    trials
        Those of each unit.

    Returns
    -------
    tuple
        p of Welch's t-test, and the difference of the means by the larger of them, positive where running is the
        larger: float64 (units,) each. NaN with fewer than 2 trials of either kind, or without spikes.
    """
    runs = speed[trials.row] >= RUNNING
    x = counts.astype(np.float64)
    number, mean, square = [], [], []
    with np.errstate(invalid="ignore", divide="ignore"):
        for side in (runs, ~runs):
            n = trials.per_unit(side.astype(np.float64))
            m = trials.per_unit(np.where(side, x, 0.0)) / n
            number.append(n)
            mean.append(m)
            square.append(trials.per_unit(np.where(side, (x - m[trials.unit]) ** 2, 0.0)))
        (run, rest), enough = mean, (number[0] > 1) & (number[1] > 1)
        known = enough & ~((run == 0) & (rest == 0))
        change = np.where(run > rest, (run - rest) / run, -1 * (rest - run) / rest)
        p = welch_p(run, square[0] / (number[0] - 1), number[0], rest, square[1] / (number[1] - 1), number[1])
    return np.where(known, p, np.nan), np.where(known, change, np.nan)


def welch_p(mean1: Floats, var1: Floats, n1: Floats, mean2: Floats, var2: Floats, n2: Floats) -> Floats:
    """Return the two-sided p of Welch's t-test from means, variances (of n - 1) and numbers; arrays of one shape."""
    need("scipy", "metrics", "the t-test of running modulation")
    from scipy.special import stdtr

    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = var1 / n1, var2 / n2
        freedom = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))
        # Without any variance the degrees of freedom are not defined; t is infinite, or not defined either.
        freedom = np.where(np.isnan(freedom), 1.0, freedom)
        t = (mean1 - mean2) / np.sqrt(a + b)
        return np.asarray(2 * stdtr(freedom, -np.abs(t)), dtype=np.float64)


def first_of_largest(histogram: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Return each unit's first largest bin: (units, bins) to intp (units,)."""
    return histogram.argmax(axis=1)


def time_to_peak(histogram: npt.NDArray[np.integer], edges: Floats, trials: OwnTrials) -> Floats:
    """Return the center of the first largest bin of each unit's PSTH, in s.

    Parameters
    ----------
    histogram
        Spikes by bin, over the unit's trials: (units, bins).
    edges
        (bins + 1,), s from onset.
    trials
        Of each unit.

    Returns
    -------
    numpy.ndarray
        float64 (units,); the center of the first bin for a unit that is silent, NaN for one without trials.
    """
    if not histogram.shape[1]:
        return np.full(len(histogram), np.nan)
    centers = edges[:-1] + np.diff(edges) / 2
    return np.where(trials.number > 0, centers[first_of_largest(histogram)], np.nan)
