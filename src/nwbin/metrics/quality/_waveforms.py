"""The shape of mean waveforms, of all units at once. Arrays in, arrays out; names as in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["REACH", "WAVEFORM_METRICS", "MeanWaveforms", "waveform_metrics"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# Points that a waveform of the recording system's 82 samples is resampled to.
_POINTS, _SAMPLES = 200, 82
_SLOPE_POINTS = 20
REACH, _STEP = 16, 2  # channels: how far from the peak channel, and every which one
_LEAST_SHARE = 0.12  # of the amplitude, for a channel to count as one that the spike is seen on
_OUTLIER = 1.5  # modified z-score (Iglewicz & Hoaglin 1993)
_PITCH = 10.0  # um from one channel to the next, along the probe

WAVEFORM_METRICS = (
    "waveform_duration",
    "waveform_halfwidth",
    "waveform_PT_ratio",
    "waveform_repolarization_slope",
    "waveform_recovery_slope",
    "waveform_amplitude",
    "waveform_spread",
    "waveform_velocity_above",
    "waveform_velocity_below",
)


@dataclass(frozen=True, eq=False)
class MeanWaveforms:
    """Mean waveforms of units, as the metrics take them.

    Attributes
    ----------
    peak
        (units, samples): on the peak channel, uV.
    around
        (units, sites, samples): on every second channel from 16 before to 16 after it; NaN where there is none.
    rates
        (units,): samples per second, Hz.
    """

    peak: Floats
    around: Floats
    rates: Floats

    @staticmethod
    def offsets() -> Integers:
        """Which channels `around` has, counted from the peak channel: (sites,)."""
        return np.arange(-REACH, REACH + 1, _STEP)


def waveform_metrics(means: MeanWaveforms) -> dict[str, Floats]:
    """Work out every metric of the waveforms, (units,) each; NaN where a waveform is NaN."""
    units, samples = means.peak.shape
    points = samples * _POINTS // _SAMPLES
    found = {name: np.full(units, np.nan) for name in WAVEFORM_METRICS}
    known = np.isfinite(means.peak).all(axis=1) & (means.rates > 0)
    if not known.any() or points < 2:
        return found
    # The axis of the resampled points; its last is the time at which a further sample would follow.
    times = np.linspace(0.0, samples / means.rates[known], points).T
    shapes = {
        **_of_peak(_resampled(means.peak[known], points), times),
        **_over_channels(means.around[known], times[:, :samples]),
    }
    for name, values in shapes.items():
        found[name][known] = values
    return found


def _resampled(waveforms: Floats, points: int) -> Floats:
    """Resample by Fourier transform: no frequency is added."""
    samples = waveforms.shape[1]
    spectrum = np.fft.rfft(waveforms, axis=1)
    wide = np.zeros((len(waveforms), points // 2 + 1), complex)
    kept = min(samples, points) // 2 + 1
    wide[:, :kept] = spectrum[:, :kept]
    if min(samples, points) % 2 == 0 and points != samples:
        # The highest frequency of an even number of samples stands for two, of either sign.
        wide[:, kept - 1] *= 0.5 if points > samples else 2.0
    found: Floats = np.fft.irfft(wide, points, axis=1) * (points / samples)
    return found


# ---------------------------------------------------------------- on the peak channel


def _of_peak(waves: Floats, times: Floats) -> dict[str, Floats]:
    trough, peak = np.argmin(waves, axis=1), np.argmax(waves, axis=1)
    low, high = _at(waves, trough), _at(waves, peak)
    upward = high > np.abs(low)
    # Of spikes that point upward everything is as of those that point downward, upside down.
    turned = np.where(upward[:, None], -waves, waves)
    extreme = np.where(upward, peak, trough)
    after = _first_largest(turned, extreme)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(high / low)
    return {
        "waveform_duration": (_at(times, after) - _at(times, extreme)) * 1e3,
        "waveform_halfwidth": _halfwidth(turned, extreme, times) * 1e3,
        "waveform_PT_ratio": ratio,
        **_slopes(waves, times),
    }


def _at(values: Floats, where: Integers) -> Floats:
    found: Floats = np.take_along_axis(values, where[:, None], axis=1)[:, 0]
    return found


def _first_largest(waves: Floats, begin: Integers) -> Integers:
    """Where each waveform is largest from a point on; the first such point."""
    before = np.arange(waves.shape[1]) < begin[:, None]
    found: Integers = np.argmax(np.where(before, -np.inf, waves), axis=1)
    return found


def _halfwidth(waves: Floats, trough: Integers, times: Floats) -> Floats:
    """From the first point before the trough below half its depth to the first one after it above, s."""
    half = (_at(waves, trough) * 0.5)[:, None]
    number = np.arange(waves.shape[1])
    into = (waves < half) & (number < trough[:, None])
    out = (waves > half) & (number >= trough[:, None])
    width = _at(times, np.argmax(out, axis=1)) - _at(times, np.argmax(into, axis=1))
    return np.where(into.any(axis=1) & out.any(axis=1), width, np.nan)


def _slopes(waves: Floats, times: Floats) -> dict[str, Floats]:
    """Slopes from the extreme on, and from the peak after it on, V/s of uV."""
    extreme = np.argmax(np.abs(waves), axis=1)
    turned = -waves * np.sign(_at(waves, extreme))[:, None]
    recovery = _first_largest(turned, extreme)
    return {
        "waveform_repolarization_slope": _slope_from(turned, times, extreme) * 1e-6,
        "waveform_recovery_slope": _slope_from(turned, times, recovery) * 1e-6,
    }


def _slope_from(waves: Floats, times: Floats, begin: Integers) -> Floats:
    where = begin[:, None] + np.arange(_SLOPE_POINTS)
    there = where < waves.shape[1]
    where = np.minimum(where, waves.shape[1] - 1)
    return _slope(np.take_along_axis(times, where, axis=1), np.take_along_axis(waves, where, axis=1), there)


def _slope(x: Floats, y: Floats, there: NDArray[np.bool_]) -> Floats:
    """Slope of the straight line of least squares through some points of each row; NaN of fewer than two."""
    number = there.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = [(np.where(there, one, 0.0).sum(axis=1) / number)[:, None] for one in (x, y)]
        from_x, from_y = (np.where(there, one - mid, 0.0) for one, mid in zip((x, y), centre, strict=True))
        found: Floats = (from_x * from_y).sum(axis=1) / (from_x * from_x).sum(axis=1)
    return np.where(number > 1, found, np.nan)


# ---------------------------------------------------------------- along the probe


def _over_channels(around: Floats, times: Floats) -> dict[str, Floats]:
    """`times` is what the program that made the stored values takes for the time of each sample."""
    there = np.isfinite(around).all(axis=2)
    filled = np.where(there[:, :, None], around, 0.0)
    trough = np.argmin(filled, axis=2)
    size = np.where(there, filled.max(axis=2) - filled.min(axis=2), -np.inf)
    largest = np.argmax(size, axis=1)
    amplitude = size.max(axis=1)
    seen = there & (size > amplitude[:, None] * _LEAST_SHARE)
    seen &= _near_others(seen)
    offsets = np.broadcast_to(MeanWaveforms.offsets().astype(np.float64), seen.shape)
    late = np.take_along_axis(times, trough, axis=1)
    late = late - _at(late, largest)[:, None]
    pitch = _PITCH * 1e-6
    return {
        "waveform_amplitude": np.where(there.any(axis=1), amplitude, np.nan),
        "waveform_spread": np.where(there.any(axis=1), seen.sum(axis=1) * _PITCH, np.nan),
        "waveform_velocity_above": _slope(offsets, late, seen & (offsets >= 0)) / pitch,
        "waveform_velocity_below": _slope(offsets, late, seen & (offsets <= 0)) / pitch,
    }


def _near_others(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which channels are not far from the others: by their number's distance from the median, in terms of its own."""
    number = np.where(seen, np.arange(seen.shape[1], dtype=np.float64), np.nan)
    several = seen.sum(axis=1) > 1
    near = np.ones_like(seen)
    if several.any():
        away = np.abs(number[several] - np.nanmedian(number[several], axis=1)[:, None])
        usual = np.nanmedian(away, axis=1)[:, None]
        near[several] = ~(0.6745 * away / usual > _OUTLIER)
    return near
