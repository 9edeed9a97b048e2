"""How sharply a unit is tuned: selectivity over angles and images, modulation by a grating's cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.metrics.common import OwnTrials, StimulusView

__all__ = ["angular_selectivity", "f1_f0", "f1_f0_in_bins", "image_selectivity", "modulation_index"]

Floats = npt.NDArray[np.float64]
_THRESHOLDS = 1000
_RATE = 1000.0  # bins a second


def angular_selectivity(tuning: Floats, degrees: npt.NDArray[Any], harmonic: int) -> Floats:
    """Return |sum of r exp(i h angle)| / sum of r: global orientation (h = 2) or direction (h = 1) selectivity.

    Parameters
    ----------
    tuning
        Responses by angle: (units, angles).
    degrees
        (angles,).
    harmonic
        2 or 1.

    Returns
    -------
    numpy.ndarray
        float64 (units,); NaN where all responses are 0.
    """
    radians = (degrees.astype(np.float64) / 180 * np.pi).astype(np.complex128)
    total = tuning.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        turned = tuning * np.exp(1j * harmonic * radians)
        return np.where(total == 0.0, np.nan, np.abs(turned.sum(axis=1)) / total)


def image_selectivity(responses: Floats) -> Floats:
    """Return how few images a unit answers, from the shares of images above 1,000 thresholds (Quian Quiroga 2007).

    Parameters
    ----------
    responses
        Mean responses: (units, images).

    Returns
    -------
    numpy.ndarray
        float64 (units,); 0 where all responses are alike, NaN of fewer than two images.
    """
    images = responses.shape[1]
    if images < 2:
        return np.full(len(responses), np.nan)
    least, most = responses.min(axis=1)[:, None], responses.max(axis=1)[:, None]
    step = (most - least) / _THRESHOLDS
    with np.errstate(invalid="ignore", divide="ignore"):
        # How many thresholds lie below each response: guessed by division, settled by comparison.
        below = np.nan_to_num(np.floor((responses - least) / step))
    below = np.clip(below, 0, _THRESHOLDS)
    for _ in range(2):
        below = below - ((below > 0) & (least + (below - 1) * step >= responses))
        below = below + ((below < _THRESHOLDS) & (least + below * step < responses))
    shares = below.sum(axis=1) / (images * _THRESHOLDS)
    return np.where(least[:, 0] == most[:, 0], 0.0, 1 - 2 * shares)


def _locking(trials: OwnTrials, trial: npt.NDArray[np.int64], phase: Floats) -> Floats:
    """Average F1/F0 over each unit's trials that have a spike; phases in radians: float64 (units,)."""
    size = len(trials.unit)
    number = np.bincount(trial, minlength=size)
    cosine = np.bincount(trial, weights=np.cos(phase), minlength=size)
    sine = np.bincount(trial, weights=np.sin(phase), minlength=size)
    some = number > 0
    ratio = np.divide(2 * np.hypot(cosine, sine), number, out=np.zeros(size), where=some)
    with np.errstate(invalid="ignore", divide="ignore"):
        return trials.per_unit(ratio) / trials.per_unit(some.astype(np.float64))


def f1_f0(view: StimulusView, frequency: Floats) -> Floats:
    """Return F1/F0: by how much spikes follow the grating's cycles, from 0 (not at all) to 2 (all at one phase).

    Parameters
    ----------
    view
        Drifting gratings.
    frequency
        Of each unit's preferred condition, in Hz: (units,).

    Returns
    -------
    numpy.ndarray
        float64 (units,): 2 |sum of exp(-2 pi i f t)| / N of each trial with N spikes, over the whole cycles that a
        trial holds; a mean over those trials. NaN without spikes, or where no whole cycle fits.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        # So that 15 Hz x 2 s are 30 cycles, however the product is rounded.
        end = np.floor(frequency * view.trial_duration + 1e-9) / frequency
    trial, time = view.trials.spikes(view.trains, view.starts, (0.0, view.trial_duration))
    unit = view.trials.unit[trial]
    inside = time < end[unit]
    trial, time, unit = trial[inside], time[inside], unit[inside]
    return _locking(view.trials, trial, 2 * np.pi * frequency[unit] * time)


def f1_f0_in_bins(view: StimulusView, frequency: Floats) -> Floats:
    """Return F1/F0 as AllenSDK has it: from 1 ms bins, each cycle cut to a whole number of them.

    So many bins are no cycle of the grating: of 1, 2, 4, 8 and 15 Hz it looks at about 0.50, 1.50, 3.51, 7.52 and
    14.7 Hz. Parameters and what is returned are those of :func:`f1_f0`.
    """
    edges = view.edges
    bins = len(edges) - 1
    centers = edges[:-1] + np.diff(edges) / 2
    cycles = np.nan_to_num(frequency * centers.max()).astype(np.int64)
    width = np.where(cycles > 0, bins // np.maximum(cycles, 1), 0)
    trial, place = view.trials.binned(view.trains, view.starts, edges)
    unit = view.trials.unit[trial]
    inside = (place < (cycles * width)[unit]) & (width[unit] > 1)
    trial, place, unit = trial[inside], place[inside], unit[inside]
    return _locking(view.trials, trial, 2 * np.pi * (place % width[unit]) / width[unit])


def _power(signals: Floats, length: int) -> Floats:
    """Return Welch's spectrum: (signals, samples) to (signals, length // 2 + 1), in no unit of measure.

    A Hann window, segments that overlap by half, each less its mean: SciPy's defaults. SciPy's own is not used, since
    it loads for a second.
    """
    step = length // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    power = np.zeros((len(signals), step + 1))
    for begin in range(0, signals.shape[1] - length + 1, step):
        segment = signals[:, begin : begin + length]
        spectrum = np.fft.rfft((segment - segment.mean(axis=1, keepdims=True)) * window, axis=1)
        power += spectrum.real**2 + spectrum.imag**2
    power[:, 1:-1] *= 2  # negative frequencies; the last has none, since the length is even
    return power


def modulation_index(view: StimulusView, frequency: Floats) -> Floats:
    """Return by how many standard deviations the PSTH's power at the grating's frequency differs from the mean.

    Source: Matteucci et al. (2019), J Neurosci 39: 1649. Power is Welch's, of 1 ms bins, in segments of 1,000 bins, so
    that each whole frequency is one of its own; of 1,024 by AllenSDK's convention, where the frequency looked at is the
    next above.

    Parameters
    ----------
    view
        Drifting gratings.
    frequency
        Of each unit's preferred condition, in Hz: (units,).

    Returns
    -------
    numpy.ndarray
        float64 (units,); 0 without spikes, NaN where the spectrum does not reach the frequency.
    """
    allen = view.session.convention == "allen"
    length, rate = 1000, _RATE
    with np.errstate(invalid="ignore", divide="ignore"):
        psth = np.nan_to_num(view.histogram / view.trials.number[:, None])
    if allen:
        centers = view.edges[:-1] + np.diff(view.edges) / 2
        length, rate = 1024, float(1 / np.mean(np.diff(centers)))
    steps = np.fft.rfftfreq(length, 1 / rate)
    power = _power(psth, length)
    if allen:
        place = np.searchsorted(steps, frequency)
    else:
        place = np.nan_to_num(np.rint(frequency * length / rate), nan=len(steps)).astype(np.intp)
    reached = (place < len(steps)) & (view.trials.number > 0)
    at = np.take_along_axis(power, np.where(reached, place, 0)[:, None], axis=1)[:, 0]
    mean = power.mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.abs((at - mean) / np.sqrt(np.mean(power**2, axis=1) - mean**2))
    return np.where(~reached, np.nan, np.where(mean == 0.0, 0.0, index)).astype(np.float64)
