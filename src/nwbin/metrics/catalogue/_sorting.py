"""What the files store of how well units are told apart and stay in place: it cannot be worked out from them."""

from __future__ import annotations

from nwbin.metrics.catalogue._entry import Metric

__all__ = ["DRIFT", "ISOLATION"]

_SORTING = "ecephys_spike_sorting (Allen Institute), Siegle et al. 2021, doi:10.1038/s41586-020-03171-x"
_SCHMITZER = "Schmitzer-Torbert et al. 2005, Neuroscience 131:1, doi:10.1016/j.neuroscience.2004.09.066"
_CHUNG = "Chung et al. 2017, Neuron 95:1381, doi:10.1016/j.neuron.2017.08.030"
_COMPONENTS = "Needs the principal components of single spikes, which the files do not have."
_SPACE = (
    "the space of principal components of the spikes' waveforms on 13 channels around the peak channel, up to 500 "
    "spikes of each unit"
)

ISOLATION = (
    Metric(
        "snr", "isolation",
        "How large the mean spike is as against what varies from spike to spike on the peak channel.", "", "0 and more",
        "higher",
        "(maximum - minimum of the mean waveform) / (2 standard deviations of what is "
        "left of single waveforms when the mean is taken away)",
        "Suner et al. 2005, IEEE Trans Neural Syst Rehabil Eng 13:524, doi:10.1109/TNSRE.2005.857687",
        note="Needs single waveforms, which the files do not have.",
    ),
    Metric(
        "isolation_distance", "isolation", "How far away the spikes of other units are.", "", "0 and more", "higher",
        f"in {_SPACE}: the squared Mahalanobis distance, from the unit's mean, within which lie as many spikes of "
        "others as the unit has", _SCHMITZER, note=_COMPONENTS,
    ),
    Metric(
        "L_ratio", "isolation", "How much the spikes of other units overlap with the unit's.", "", "0 and more",
        "lower",
        f"in {_SPACE}: over all spikes of others, the probability that one of the unit is as far from its mean or "
        "farther (chi-square of the squared Mahalanobis distance), summed / number of spikes", _SCHMITZER,
        note=f"{_COMPONENTS} The program's division was changed, to the number of the unit's own spikes, in August "
        "2020, after these data were released.", also=("l_ratio",),
    ),
    Metric(
        "d_prime", "isolation", "How well a straight cut tells the unit's spikes from those of others.",
        "standard deviations", "mostly 0 and more", "higher",
        f"in {_SPACE}: along the axis of linear discriminant analysis, the distance between the means / the root of "
        "the mean variance", "Hill, Mehta & Kleinfeld 2011, J Neurosci 31:8699, doi:10.1523/JNEUROSCI.0971-11.2011",
        note=_COMPONENTS,
    ),
    Metric(
        "nn_hit_rate", "isolation", "How often the neighbours of the unit's spikes are the unit's too.", "", "0 to 1",
        "higher", f"in {_SPACE}: mean share of a spike's 3 nearest neighbours that belong to the unit", _CHUNG,
        note=_COMPONENTS,
    ),
    Metric(
        "nn_miss_rate", "isolation", "How often the neighbours of other units' spikes are the unit's.", "", "0 to 1",
        "lower", f"in {_SPACE}: mean share of the 3 nearest neighbours of others' spikes that belong to the unit",
        _CHUNG, note=_COMPONENTS,
    ),
    Metric(
        "silhouette_score", "isolation", "How compact the unit's spikes lie as against the distance to the next unit.",
        "", "-1 to 1", "higher", "in the space of principal components, (b - a) / max(a, b): a the mean distance to "
        "other spikes of its own unit, b to those of the other; mean over the spikes of a pair of "
        "units, the lowest of all pairs",
        "Rousseeuw 1987, J Comput Appl Math 20:53, doi:10.1016/0377-0427(87)90125-7", note=_COMPONENTS,
    ),
)  # fmt: skip

_DEPTH = "median depth of the unit's spikes in pieces of 100 s that have 10 or more"

DRIFT = (
    Metric(
        "max_drift", "drift", "How far along the probe the unit moved at most.", "um", "0 and more", "lower",
        f"{_DEPTH}: largest - smallest", _SORTING, note=_COMPONENTS,
    ),
    Metric(
        "cumulative_drift", "drift", "How far along the probe the unit moved in all, to and fro.", "um", "0 and more",
        "lower", f"{_DEPTH}: sum of the distances from one to the next", _SORTING,
        note=f"{_COMPONENTS} Grows with the length of the recording, and with noise in the depths.",
    ),
)  # fmt: skip
