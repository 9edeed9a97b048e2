"""Plain references of the quality metrics: one unit, one step after another, as the definitions read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def smoothed(values, beyond):
    """A Gaussian of 3 bins, cut at 12, over a histogram that goes on beyond its ends in some way."""
    weights = np.exp(-0.5 * (np.arange(-12, 13) / 3.0) ** 2)
    wide = np.pad(np.asarray(values, float), 12, mode=beyond)
    return np.convolve(wide, weights / weights.sum(), mode="valid")


def allen(times, amplitudes, first, last):
    """firing_rate, presence_ratio, isi_violations, amplitude_cutoff of a unit, by Allen's definitions."""
    counts = times > 0
    times, amplitudes = times[counts], amplitudes[counts]
    length = last - first
    rate = len(times) / length
    filled, _ = np.histogram(times, np.linspace(first, last, 100))
    apart = np.unique(times)
    short = sum(b - a < 0.0015 for a, b in pairwise(apart))
    violations = short * length / (2 * len(apart) ** 2 * 0.0015)
    height, edges = np.histogram(amplitudes, 500, density=True)
    height = smoothed(height, "symmetric")
    peak = np.argmax(height)
    begin = peak + np.argmin(np.abs(height[peak:] - height[0]))
    cutoff = min(0.5, height[begin:].sum() * (edges[1] - edges[0]))
    return rate, np.count_nonzero(filled) / 100, violations, cutoff


def spikeinterface(times, amplitudes, start, stop):
    """The same by SpikeInterface's."""
    times = times[(times >= start) & (times <= stop)]
    whole = int((stop - start) // 60)
    filled = [np.any((times >= start + 60 * k) & (times < start + 60 * (k + 1))) for k in range(whole)]
    short = sum(b - a < 0.0015 for a, b in pairwise(times))
    violations = short * (stop - start) / (2 * len(times) ** 2 * 0.0015)
    cutoff = np.nan
    if len(amplitudes) >= 500:
        height = np.floor(smoothed(np.histogram(amplitudes, 100)[0], "edge") + 1e-9)
        missed = height[np.flatnonzero(height >= height[0])[-1] + 1 :].sum()
        cutoff = min(0.5, missed / (len(amplitudes) + missed))
    return len(times) / (stop - start), np.mean(filled) if whole else np.nan, violations, cutoff


def slope(x, y):
    return np.polyfit(x, y, 1)[0] if len(x) > 1 else np.nan


def resampled(wave, points):
    """By the sum of its Fourier series at each point."""
    n = len(wave)
    spectrum = np.fft.fft(wave)
    at = np.arange(points) * n / points
    total = np.zeros(points)
    for k in range(-(n // 2), n // 2 + 1):
        share = 0.5 if n % 2 == 0 and abs(k) == n // 2 else 1.0
        total += share * np.real(spectrum[k % n] * np.exp(2j * np.pi * k * at / n)) / n
    return total


def waveforms(means, peak, rate):
    """The nine metrics of a unit's mean waveforms, (channels, samples)."""
    points = means.shape[1] * 200 // 82
    wave, times = resampled(means[peak], points), np.linspace(0, means.shape[1] / rate, points)
    low, high = int(np.argmin(wave)), int(np.argmax(wave))
    upward = wave[high] > abs(wave[low])
    down, extreme = (-wave, high) if upward else (wave, low)
    after = extreme + int(np.argmax(down[extreme:]))
    half = down[extreme] / 2
    into = [k for k in range(extreme) if down[k] < half]
    out = [k for k in range(extreme, points) if down[k] > half]
    turn = int(np.argmax(np.abs(wave)))
    turned = -wave * np.sign(wave[turn])
    again = turn + int(np.argmax(turned[turn:]))
    found = {
        "waveform_duration": 1e3 * (times[after] - times[extreme]),
        "waveform_halfwidth": 1e3 * (times[out[0]] - times[into[0]]) if into and out else np.nan,
        "waveform_PT_ratio": abs(wave[high] / wave[low]),
        "waveform_repolarization_slope": 1e-6 * slope(times[turn : turn + 20], turned[turn : turn + 20]),
        "waveform_recovery_slope": 1e-6 * slope(times[again : again + 20], turned[again : again + 20]),
    }
    sites = [peak + k for k in range(-16, 17, 2) if 0 < peak + k < len(means)]
    sizes = np.array([np.ptp(means[site]) for site in sites])
    seen = [k for k in range(len(sites)) if sizes[k] > 0.12 * sizes.max()]
    if len(seen) > 1:
        away = np.abs(np.array(seen) - np.median(seen))
        seen = [k for k, z in zip(seen, 0.6745 * away / np.median(away), strict=True) if z <= 1.5]
    troughs = [times[np.argmin(means[site])] for site in sites]
    late = [one - troughs[int(np.argmax(sizes))] for one in troughs]
    above, below = ([k for k in seen if side * (sites[k] - peak) >= 0] for side in (1, -1))
    return found | {
        "waveform_amplitude": sizes.max(),
        "waveform_spread": 10.0 * len(seen),
        **{
            f"waveform_velocity_{name}": slope([sites[k] - peak for k in some], [late[k] for k in some])
            / 1e-5
            for name, some in (("above", above), ("below", below))
        },
    }
