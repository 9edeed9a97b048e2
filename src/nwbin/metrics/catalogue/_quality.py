"""The quality of a unit's spikes, and the shape of its waveform: what nwbin works out itself."""

from __future__ import annotations

from nwbin.metrics.catalogue._entry import COMPUTED, Metric

__all__ = ["QUALITY", "WAVEFORM"]

_TWO_VALUES = (
    "Files and nwbin units have the value that was stored (in synthetic sessions drawn at random); "
    "session.quality_metrics() and nwbin metrics work it out anew."
)
_SORTING = "ecephys_spike_sorting (Allen Institute), Siegle et al. 2021, doi:10.1038/s41586-020-03171-x"
_JIA = "Jia et al. 2019, J Neurophysiol 121:1831, doi:10.1152/jn.00680.2018"
_HILL = "Hill, Mehta & Kleinfeld 2011, J Neurosci 31:8699, doi:10.1523/JNEUROSCI.0971-11.2011"

QUALITY = (
    Metric(
        "firing_rate", "quality", "Spikes per second over the whole recording.", "Hz", "0 and more", "",
        "number of spikes / time from the first to the last spike of the probe. SpikeInterface: / duration of the "
        "recording", _SORTING, COMPUTED,
        note="Of all that happened, stimuli and gray screen alike: rates under one stimulus are firing_rate_dg and "
        "the like.",
    ),
    Metric(
        "presence_ratio", "quality",
        "The share of the recording during which the unit fired at all. Low where it drifted away from the probe, was "
        "lost, or fires rarely.", "", "0 to 0.99 (SpikeInterface: to 1)", "higher",
        "the time from the first to the last spike of the probe, cut by 100 evenly spaced edges into 99 bins; bins "
        "with a spike / 100. SpikeInterface: whole bins of 60 s with a spike / number of such bins",
        _SORTING, COMPUTED, "at least 0.95",
        note="99 bins are divided by 100: a unit that never pauses has 0.99.",
    ),
    Metric(
        "isi_violations", "quality",
        "How much of the unit's firing is likely to be other cells': spikes follow one another too closely, within "
        "the refractory period, as those of one cell cannot. 0 is a clean unit; 0.5 means that contaminating spikes "
        "come at about half the unit's own rate; above 1 there are more of theirs than a single cell explains.",
        "", "0 and more, above 1 too", "lower",
        "n T / (2 N^2 0.0015 s): n intervals shorter than 1.5 ms, N spikes, T the time from the first to the last "
        "spike of the probe; a spike at exactly the time of the one before is dropped first. SpikeInterface: T is the "
        "recording's duration, and such spikes stay and count as violations",
        f"{_HILL}, in the approximation of {_SORTING}", COMPUTED, "at most 0.5",
        note="A ratio of rates, no share of spikes. Of units with few spikes it is coarse: one violation may be much, "
        f"and none proves little. {_TWO_VALUES}",
    ),
    Metric(
        "amplitude_cutoff", "quality",
        "The share of the unit's spikes that were probably missed, being too small to be detected: how far the "
        "distribution of amplitudes is cut off at its low end.", "", "0 to 0.5", "lower",
        "500 bins from the least to the largest amplitude, smoothed by a Gaussian of 3 bins; where the upper flank "
        "comes down to the height of the lowest bin, the tail above it is what a symmetric distribution would lack "
        "below: its area, at most 0.5. SpikeInterface (from 0.104 on): 100 bins; m spikes lie beyond the last bin that "
        "is as high as the lowest: m / (N + m), and NaN of fewer than 500 spikes",
        f"{_HILL}, as in {_SORTING}", COMPUTED, "at most 0.1",
        note="Takes amplitudes to be spread symmetrically, which drift and bursts spoil. 0.5 stands for half or more. "
        f"{_TWO_VALUES}",
    ),
)  # fmt: skip

_BY_PEAK = "of the mean waveform on the peak channel, 82 samples resampled to 200 by Fourier transform"
_STORED_MEANS = (
    "Stored values were worked out before each channel's first sample was subtracted from the means that the file "
    "has, so what is worked out from these differs a little."
)

WAVEFORM = (
    Metric(
        "waveform_duration", "waveform",
        "From the trough to the peak after it. Short ones (below about 0.4 ms) are mostly those of fast-spiking "
        "inhibitory cells.", "ms", "0 to 2.7", "",
        f"{_BY_PEAK}: from the trough to the highest point after it; where the peak is larger than the trough is "
        "deep, from the peak to the lowest point after it", _JIA, COMPUTED, also=("duration",),
    ),
    Metric(
        "waveform_halfwidth", "waveform", "How wide the spike is at half its height.", "ms", "0 to 2.7", "",
        f"{_BY_PEAK}: from where it first goes below half the trough to where it first comes back (of a positive "
        "spike, above half the peak)", _JIA, COMPUTED, note=_STORED_MEANS, also=("halfwidth",),
    ),
    Metric(
        "waveform_PT_ratio", "waveform", "How high the peak is as against the depth of the trough.", "", "0 and more",
        "", f"{_BY_PEAK}: |maximum / minimum|", _JIA, COMPUTED, note=_STORED_MEANS, also=("PT_ratio",),
    ),
    Metric(
        "waveform_repolarization_slope", "waveform", "How fast the voltage returns after the spike's extreme.", "V/s",
        "mostly 0 and more", "",
        f"{_BY_PEAK}, turned so that its extreme points down: slope of a straight line through the 20 points from the "
        "extreme on (0.27 ms)", _JIA, COMPUTED, note=_STORED_MEANS, also=("repolarization_slope",),
    ),
    Metric(
        "waveform_recovery_slope", "waveform", "How fast the voltage falls back to rest after the peak.", "V/s",
        "mostly 0 and less", "",
        f"{_BY_PEAK}, turned so that its extreme points down: slope of a straight line through the 20 points from the "
        "highest point after the extreme on", _JIA, COMPUTED, note=_STORED_MEANS, also=("recovery_slope",),
    ),
    Metric(
        "waveform_amplitude", "waveform", "How large the spike is, from trough to peak.", "uV", "0 and more", "higher",
        "largest peak-to-trough of the mean waveforms on every second channel up to 16 below and above the peak "
        "channel", _JIA, COMPUTED, also=("amplitude",),
    ),
    Metric(
        "waveform_spread", "waveform", "Over what length of the probe the spike is seen.", "um", "10 to 170", "",
        "number of those channels (every second one up to 16 away) on which it has more than 12 % of the amplitude, "
        "those far from the others left out (modified z-score of their number above 1.5), x 10 um", _JIA, COMPUTED,
        also=("spread",),
    ),
    *(
        Metric(
            f"waveform_velocity_{side}", "waveform",
            f"How the spike travels along the probe {where} the cell body: the inverse of its speed, so 0 is "
            "simultaneous; positive where the trough comes later the further up the probe.", "s/m",
            "any number; NaN with fewer than 2 channels", "",
            "slope of a straight line through the times of the trough on the channels counted for the spread that "
            f"are at or {where} the peak channel, over their number, / 10 um", _JIA, COMPUTED,
            note="Trough times are looked up on the axis of the 200 resampled points by the number of the sample among "
            "82, as in the program that made the stored values: all of them are 82/199, about 0.41, of what they "
            "would be. Units that span few channels have wild values.",
            also=(f"velocity_{side}",),
        )
        for side, where in (("above", "above"), ("below", "below"))
    ),
)  # fmt: skip
