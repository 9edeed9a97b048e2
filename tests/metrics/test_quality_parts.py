"""The parts of the quality metrics: histograms and filters as NumPy and SciPy have them; SpikeInterface itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nwbin
from nwbin.metrics import quality_metrics
from nwbin.metrics.quality import QUALITY_COLUMNS
from nwbin.metrics.quality._amplitudes import histogram, smoothed
from nwbin.metrics.quality._metrics import _in_groups
from nwbin.metrics.quality._waveforms import MeanWaveforms, _resampled, waveform_metrics
from tests.metrics import naive_quality

values = arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e9, 1e9, width=64))
on_edges = st.lists(st.integers(0, 1000), min_size=2, max_size=300).map(lambda n: np.array(n) / 1000.0)
close = st.tuples(st.floats(-1e6, 1e6), st.lists(st.integers(-40, 40), min_size=1, max_size=50)).map(
    lambda one: one[0] + np.array(one[1]) * np.spacing(one[0])
)


@given(values | on_edges | close, st.sampled_from([1, 7, 100, 500]))
def test_histogram_is_numpys(given_values: np.ndarray, bins: int) -> None:
    ends = float(given_values.min()), float(given_values.max())
    try:
        with np.errstate(over="ignore"):  # of the smallest numbers there are, NumPy 1.26 says so itself
            truth, edges = np.histogram(given_values, bins)
    except ValueError:  # more bins than there are numbers in between
        with pytest.raises(ValueError, match=r"[Tt]oo many bins"):
            histogram(given_values, ends, bins)
        return
    with np.errstate(over="ignore"):
        counts, mine = histogram(given_values, ends, bins)
    np.testing.assert_array_equal(counts, truth)
    np.testing.assert_array_equal(mine, edges)


@given(arrays(np.int64, st.integers(30, 120), elements=st.integers(0, 5000)))
def test_filter_is_scipys(counts: np.ndarray) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    density = counts / 7.0
    np.testing.assert_array_equal(smoothed(density, "symmetric"), ndimage.gaussian_filter1d(density, 3))
    whole = ndimage.gaussian_filter1d(counts, 3, mode="nearest")
    np.testing.assert_array_equal(smoothed(counts, "edge").astype(np.int64), whole)
    np.testing.assert_allclose(smoothed(density, "edge"), naive_quality.smoothed(density, "edge"), atol=1e-9)


@pytest.mark.parametrize(
    ("samples", "points"), [(82, 200), (20, 48), (21, 51), (81, 197), (60, 60), (30, 20)]
)
def test_resampling_is_scipys(samples: int, points: int) -> None:
    signal = pytest.importorskip("scipy.signal")
    waves = np.random.default_rng(samples).normal(size=(5, samples))
    np.testing.assert_allclose(_resampled(waves, points), signal.resample(waves, points, axis=1), atol=1e-12)


@given(st.lists(st.integers(0, 50)), st.integers(1, 60))
def test_groups_are_whole_and_bounded(sizes: list[int], most: int) -> None:
    groups = [sizes[one] for one in _in_groups(sizes, most)]
    assert [one for group in groups for one in group] == sizes
    assert all(len(one) == 1 or sum(one) <= most for one in groups)
    assert all(groups)


def shapes(means: np.ndarray, peaks: list[int], rate: float = 30000.0) -> dict[str, np.ndarray]:
    """The metrics of (units, channels, samples)."""
    around = np.full((len(means), 17, means.shape[2]), np.nan)
    for unit, peak in enumerate(peaks):
        for at, site in enumerate(peak + MeanWaveforms.offsets()):
            if 0 < site < means.shape[1]:
                around[unit, at] = means[unit, site]
    peak_waves = np.stack([one[peak] for one, peak in zip(means, peaks, strict=True)])
    return waveform_metrics(MeanWaveforms(peak_waves, around, np.full(len(means), rate)))


def test_shapes_of_every_kind() -> None:
    """Upright and upside-down spikes, at either end of the probe, noise, one channel only, late extremes."""
    rng = np.random.default_rng(8)
    t = np.arange(82)
    spike = -np.exp(-(((t - 20) / 3.0) ** 2)) + 0.5 * np.exp(-(((t - 34) / 6.0) ** 2))
    peaks, means = [], []
    for unit in range(60):
        peak = int(rng.integers(0, 60)) if unit % 4 else [0, 1, 59, 30][unit // 4 % 4]
        fall = np.exp(-np.abs(np.arange(60) - peak) / rng.uniform(0.3, 8))
        one = np.roll(spike, int(rng.integers(-18, 60))) * (-1 if unit % 3 == 0 else 1)
        noise = rng.normal(0, 0.0 if unit % 5 == 0 else 4.0 if unit % 5 == 1 else 0.02, (60, 82))
        peaks.append(peak)
        means.append(100 * (fall[:, None] * one + noise))
    found = shapes(np.stack(means), peaks)
    truth = [naive_quality.waveforms(one, peak, 30000.0) for one, peak in zip(means, peaks, strict=True)]
    for name, got in found.items():
        expected = np.array([one[name] for one in truth])
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9, err_msg=name)
        assert np.isfinite(got).sum() > 20, name


def test_waveforms_that_say_nothing() -> None:
    means = np.zeros((4, 5, 82))
    means[1] = np.nan
    means[2, :, 81] = -1.0  # the extreme is the last point: there is no line through it
    found = shapes(means, [2, 2, 2, 2], rate=30000.0)
    assert all(np.isnan(one[1]) for one in found.values())
    assert found["waveform_amplitude"][[0, 3]].tolist() == [0.0, 0.0]
    assert np.isnan(found["waveform_halfwidth"][0])
    unknown = shapes(means, [2, 2, 2, 2], rate=np.nan)
    assert all(np.isnan(one).all() for one in unknown.values())


# ---------------------------------------------------------------- SpikeInterface

RATE, LONG = 30000.0, 345.6


def sorted_units() -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Numbers of samples, and amplitudes, of units of many kinds."""
    rng = np.random.default_rng(11)
    last = int(LONG * RATE)
    samples = {
        number: np.sort(rng.integers(0, last, size)) for number, size in enumerate([1, 40, 499, 500, 6000])
    }
    samples[5] = np.sort(rng.integers(0, last // 3, 3000))
    samples[6] = np.sort(np.concatenate([samples[4], samples[4][:50], samples[4][50:200] + 30]))
    amplitudes = {unit: rng.gamma(20.0, 5.0, one.size) for unit, one in samples.items()}
    cut = rng.normal(100.0, 10.0, 20000)
    amplitudes[4] = cut[cut > 90][:6000]
    amplitudes[5] = -amplitudes[5]
    return samples, amplitudes


def of_nwbin() -> Any:
    samples, amplitudes = sorted_units()
    trains = {unit: one / RATE for unit, one in samples.items()}
    return quality_metrics(trains, convention="spikeinterface", duration=LONG, amplitudes=amplitudes)


def test_spikeinterfaces_definitions() -> None:
    samples, amplitudes = sorted_units()
    found = of_nwbin()
    assert list(found.columns) == list(QUALITY_COLUMNS["spikeinterface"])
    for unit, one in samples.items():
        truth = naive_quality.spikeinterface(one / RATE, np.abs(amplitudes[unit]), 0.0, LONG)
        np.testing.assert_allclose(found.loc[unit], truth, rtol=1e-12, err_msg=str(unit))
    assert found["amplitude_cutoff"].isna().tolist() == [True, True, True, False, False, False, False]
    short = quality_metrics({1: [3.0]}, convention="spikeinterface", duration=(0, 59.0))
    assert np.isnan(short.loc[1, "presence_ratio"])
    silent = quality_metrics({1: [], 2: [100.0]}, convention="spikeinterface", duration=(0, 90.0))
    assert silent.isna().all(axis=None)  # of units without spikes in the recording it says nothing


@pytest.mark.filterwarnings("ignore")
def test_spikeinterface_itself() -> None:
    pytest.importorskip("spikeinterface", minversion="0.104")
    import spikeinterface.core as core
    from spikeinterface.metrics.quality import misc_metrics as theirs
    from spikeinterface.metrics.spiketrain.metrics import compute_firing_rates

    samples, amplitudes = sorted_units()
    recording = core.generate_recording(num_channels=2, sampling_frequency=RATE, durations=[LONG])
    sorting = core.NumpySorting.from_unit_dict([samples], RATE)
    analyzer = core.create_sorting_analyzer(sorting, recording, sparse=False)
    found = of_nwbin()
    assert found["firing_rate"].to_dict() == pytest.approx(compute_firing_rates(analyzer))
    presence = theirs.compute_presence_ratios(analyzer)
    assert found["presence_ratio"].to_dict() == pytest.approx(presence)
    violations = theirs.compute_isi_violations(analyzer).isi_violations_ratio
    assert found["isi_violations"].to_dict() == pytest.approx(violations)
    for unit, one in amplitudes.items():
        upright = -one if np.median(one) < 0 else one
        assert found.loc[unit, "amplitude_cutoff"] == pytest.approx(
            theirs.amplitude_cutoff(upright), nan_ok=True
        )
    # The sorting itself is taken for trains, too.
    again = quality_metrics(sorting, convention="spikeinterface", duration=LONG, amplitudes=amplitudes)
    assert again["isi_violations"].to_dict() == pytest.approx(violations)
    assert isinstance(nwbin.bin_spikes(sorting, [0.0], [0.0, 1.0]), np.ndarray)
