"""What a unit does under each stimulus: the columns of the data set's published tables, and those that nwbin adds."""

from __future__ import annotations

from typing import NamedTuple

from nwbin.metrics.catalogue._entry import COMPUTED, Metric

__all__ = ["STIMULUS_METRICS"]

_ALLEN = "Siegle et al. 2021, doi:10.1038/s41586-020-03171-x; AllenSDK's stimulus_analysis"
_RINGACH = "Ringach, Shapley & Hawken 2002, J Neurosci 22:5639, doi:10.1523/JNEUROSCI.22-13-05639.2002"
_MATTEUCCI = "Matteucci et al. 2019, J Neurosci 39:1649, doi:10.1523/JNEUROSCI.1938-18.2018"
_SKOTTUN = "Skottun et al. 1991, Vision Res 31:1079, doi:10.1016/0042-6989(91)90033-2"
_VINJE = "Vinje & Gallant 2000, Science 287:1273, doi:10.1126/science.287.5456.1273"
_QUIROGA = "Quian Quiroga et al. 2007, J Neurophysiol 98:1997, doi:10.1152/jn.00125.2007"


class _Stimulus(NamedTuple):
    group: str
    keys: str
    seconds: str  # of a presentation


_DG = _Stimulus("drifting gratings", "drifting_gratings, drifting_gratings_75_repeats", "2 s")
_SG = _Stimulus("static gratings", "static_gratings", "0.25 s")
_NS = _Stimulus("natural scenes", "natural_scenes", "0.25 s")
_FL = _Stimulus("flashes", "flashes", "0.25 s")
_RF = _Stimulus("receptive field", "gabors", "0.25 s")
_DM = _Stimulus("dot motion", "dot_motion", "1 s")
_NM1 = _Stimulus("natural movie one", "natural_movie_one, natural_movie_one_more_repeats", "33 ms a frame")
_NM3 = _Stimulus("natural movie three", "natural_movie_three", "33 ms a frame")
_STIMULI = {"dg": _DG, "sg": _SG, "ns": _NS, "fl": _FL, "rf": _RF, "dm": _DM}

_PREFERRED = "the condition with most spikes a presentation"
_AT_TF = "over the conditions at the preferred temporal frequency"
_AT_SF = "over the conditions at the preferred spatial frequency and phase"


def _metric(
    name: str, of: _Stimulus, meaning: str, *more: str, note: str = "", also: tuple[str, ...] = ()
) -> Metric:
    """An entry; ``more`` is measure, bounds, better, formula and source."""
    measure, bounds, better, formula, source = more
    return Metric(
        name, of.group, meaning, measure, bounds, better, formula, source, COMPUTED, stimulus=of.keys, note=note,
        also=also,
    )  # fmt: skip


def _in_common(key: str, of: _Stimulus) -> tuple[Metric, ...]:
    sparse_note = (
        "AllenSDK's is of sums over presentations: bent where conditions have unlike numbers of them."
    )
    return (
        _metric(
            f"firing_rate_{key}", of, f"Spikes per second while {of.group} were shown." if key != "rf" else
            "Spikes per second while gabors were shown.", "Hz", "0 and more", "",
            "spikes / time of the stimulus's blocks; a new block begins where two presentations start more than twice "
            f"their length ({of.seconds}) apart", _ALLEN,
            note="Gray screen between presentations counts where it lies within a block." if key == "dg" else "",
        ),
        _metric(
            f"fano_{key}", of, "How much the count varies from trial to trial: 1 is as a Poisson process does.", "",
            "0 and more; NaN without spikes", "",
            f"variance / mean of the counts in the presentations of {_PREFERRED}",
            "Fano 1947, Phys Rev 72:26, doi:10.1103/PhysRev.72.26",
            note="Of the published values 42, over all stimuli, exceed 100: counts that wrapped around.",
        ),
        _metric(
            f"lifetime_sparseness_{key}", of,
            "How few of the conditions the unit answers: 0 if all alike, 1 if only one.", "", "0 to 1", "",
            "(1 - (sum r)^2 / (n sum r^2)) / (1 - 1/n) over the mean responses r to n conditions, blanks left out",
            f"{_VINJE}; Olsen & Wilson 2008, Nature 452:956, doi:10.1038/nature06864", note=sparse_note,
        ),
        _metric(
            f"run_mod_{key}", of,
            "Whether the unit fires more when the animal runs (positive) or stands (negative).", "", "-1 to 1", "",
            f"in {_PREFERRED}, mean count of presentations with running (1 cm/s or more on average) and of those "
            "without: (running - standing) / the larger of the two", _ALLEN,
            note="NaN with fewer than 2 presentations of either, or without running speed.",
        ),
        _metric(
            f"run_pval_{key}", of, "How likely such a difference is by chance, were running of no influence.", "",
            "0 to 1", "lower", "Welch's t-test of the same two groups of counts",
            "Welch 1947, Biometrika 34:28, doi:10.1093/biomet/34.1-2.28", note="Not corrected for the number of units.",
        ),
        *(
            ()
            if key == "dg"
            else (
                _metric(
                    f"time_to_peak_{key}", of, "How long after onset the unit fires most.", "s",
                    f"0 to {of.seconds}", "", f"middle of the highest 1 ms bin of the mean response to {_PREFERRED}",
                    _ALLEN, note="0.0005 for a unit without spikes. Of noisy responses a single bin says little.",
                ),
            )
        ),
    )  # fmt: skip


def _preferred(
    stem: str, key: str, of: _Stimulus, what: str, measure: str, bounds: str, note: str = ""
) -> tuple[Metric, ...]:
    multi = {"pref_image": "pref_images"}.get(stem, stem)
    also = ("pref_image_multi_ns",) if multi == "pref_images" else ()
    return (
        _metric(
            f"{stem}_{key}", of, f"The {what} that drives the unit most.", measure, bounds, "",
            f"largest mean of spikes a presentation over the conditions that share a {what}; the smallest of equals"
            if stem != "pref_image" else f"that of {_PREFERRED}, blank left out", _ALLEN, note=note,
        ),
        _metric(
            f"{multi}_multi_{key}", of, f"Whether several values of the {what} drive the unit equally, and most.", "",
            "true or false", "", "more than one mean is exactly the largest", _ALLEN, also=also,
            note="True for units without spikes: all are equal.",
        ),
    )  # fmt: skip


def _selectivity(key: str, of: _Stimulus, at: str) -> Metric:
    return _metric(
        f"g_osi_{key}", of, "How selective the unit is for orientation: 0 if all alike, 1 if only one.", "", "0 to 1",
        "", f"|sum r exp(2i theta)| / sum r {at}", _RINGACH,
        note="In functional_connectivity sessions AllenSDK's is NaN throughout; nwbin takes the highest contrast."
        if key == "dg" else "",
    )  # fmt: skip


_DRIFTING = (
    *_preferred("pref_ori", "dg", _DG, "direction of motion", "degrees", "0 to 315 in steps of 45"),
    *_preferred("pref_tf", "dg", _DG, "temporal frequency", "Hz", "1, 2, 4, 8, 15"),
    _selectivity("dg", _DG, _AT_TF),
    _metric(
        "g_dsi_dg", _DG, "How selective the unit is for the direction of motion: 0 if all alike, 1 if only one.", "",
        "0 to 1", "", f"|sum r exp(i theta)| / sum r {_AT_TF}", _RINGACH,
        note="In functional_connectivity sessions AllenSDK's is NaN throughout; nwbin takes the highest contrast.",
    ),
    _metric(
        "c50_dg", _DG, "The contrast at which the response is half way between its least and its largest.", "contrast",
        "0 to 1; NaN without contrasts", "", "a logistic curve over the logarithm of contrast, fitted to the mean "
        "responses at the preferred direction", _ALLEN,
        note="Needs drifting_gratings_contrast. Where responses do not rise with contrast it means nothing.",
    ),
    _metric(
        "f1_f0_dg", _DG, "How strongly the unit follows the grating's bars: above 1 a simple cell, below 1 a complex "
        "one.", "", "0 to 2", "", f"in {_PREFERRED}: amplitude of the response at the grating's temporal frequency / "
        "mean response; mean over presentations with spikes", _SKOTTUN,
        note="AllenSDK's, and the published one, looks at about half the grating's frequency.",
    ),
    _metric(
        "mod_idx_dg", _DG, "How far the power at the grating's temporal frequency stands out of the spectrum.",
        "standard deviations", "0 and more", "", f"of Welch's spectrum of the mean response to {_PREFERRED}: "
        "|power there - mean power| / standard deviation of the power", _MATTEUCCI,
        note="AllenSDK's, and the published one, reads the next frequency up.",
    ),
    _metric(
        "time_to_peak_dg", _DG, "How long after onset the unit fires most.", "s", "0 to 2 s", "",
        f"middle of the highest 1 ms bin of the mean response to {_PREFERRED}", _ALLEN,
        note="Not in the published tables.",
    ),
)  # fmt: skip
_STATIC = (
    *_preferred("pref_ori", "sg", _SG, "orientation", "degrees", "0 to 150 in steps of 30"),
    *_preferred("pref_sf", "sg", _SG, "spatial frequency", "cycles/degree", "0.02 to 0.32"),
    *_preferred("pref_phase", "sg", _SG, "phase", "cycles", "0, 0.25, 0.5, 0.75", note="AllenSDK's is text."),
    _selectivity("sg", _SG, _AT_SF),
)
_SCENES = (
    *_preferred(
        "pref_image", "ns", _NS, "image", "", "0 to 117",
        note="The image's number (`frame`). AllenSDK's, and the published one, is the number of a stimulus condition.",
    ),
    _metric(
        "image_selectivity_ns", _NS, "How few images drive the unit strongly: 0 if all alike, near 1 if very few.", "",
        "0 to 1", "", "1 - 2 times the area under the share of images above a threshold that goes from the least to "
        "the largest mean response in 1,000 steps", _QUIROGA, note="0 for a unit that answers all images alike.",
    ),
)  # fmt: skip
_FLASHED = (
    _metric(
        "on_off_ratio_fl", _FL, "Whether white flashes drive the unit more than black ones (above 1).", "",
        "0 and more; NaN where black ones drive it not at all", "", "mean count of white / mean count of black flashes",
        _ALLEN, note="NaN for every unit of the published table.",
    ),
    _metric(
        "sustained_idx_fl", _FL, "Whether the response lasts (near 1) or is short (near 0).", "", "0 to 1", "",
        f"mean / maximum of the mean response, in 1 ms bins, to {_PREFERRED}", _ALLEN,
        note="Of 1 ms bins the maximum is mostly noise, so that small values are the rule.",
    ),
)  # fmt: skip
_MOTION = (
    *_preferred("pref_dir", "dm", _DM, "direction of motion", "degrees", "0 to 135"),
    *_preferred("pref_speed", "dm", _DM, "speed", "as stored in the stimulus table", "0 to 0.04"),
)

_FIELD = (
    "the map of counts at 9 x 9 positions, smoothed; the piece around its peak that is within 1 standard deviation of "
    "it"
)
_SILENT = "NaN with fewer than 10 spikes."
_FIELDS = (
    *(
        _metric(
            f"{name}_rf", _RF, f"Where the centre of the receptive field is on the screen, {way}.", "degrees",
            f"{lowest} to {lowest + 80}", "", f"centre of mass of {_FIELD}", _ALLEN,
            note=f"{_SILENT} In AllenSDK's convention the middle of the screen is at azimuth 50 and elevation 10: this "
            f"is {axis}_position + {middle}, of the {axis}_position in the stimulus table and in receptive_fields().",
        )
        for name, way, axis, middle, lowest in (
            ("azimuth", "from left to right", "x", 50, 10), ("elevation", "from bottom to top", "y", 10, -30),
        )
    ),
    *(
        _metric(
            f"{name}_rf", _RF, f"How far the receptive field reaches along its {axis}.", "degrees", "0 and more", "",
            "standard deviation of a Gaussian fitted to the map, x 10 degrees a position", _ALLEN,
            note=f"{_SILENT} In the published table width and height stand in each other's place.",
        )
        for name, axis in (("width", "azimuth"), ("height", "elevation"))
    ),
    _metric(
        "area_rf", _RF, "How large the receptive field is.", "square degrees", "0 to 8100 in steps of 100", "",
        f"100 square degrees for each position of {_FIELD}", _ALLEN, note=_SILENT,
    ),
    _metric(
        "p_value_rf", _RF, "How likely such a map is by chance, were the unit indifferent to the position.", "",
        "0 to 1", "lower",
        "chi-square of the counts at the 81 positions against that of presentations put in random order",
        _ALLEN, note="The published one is unseeded, drawn with replacement, and can be exactly 0. At most 0.01 is "
        "commonly taken for a receptive field.",
    ),
    _metric(
        "on_screen_rf", _RF, "Whether the fitted centre of the receptive field lies on the screen.", "",
        "true or false", "", "0 < centre < 9 positions, in both directions", _ALLEN,
        note="False for units with fewer than 10 spikes.",
    ),
    _metric(
        "suppressed_rf", _RF, "Whether the unit fires less where its receptive field is: the map was turned over.", "",
        "true or false", "", "the piece around the peak covers more than half of the 32 positions at the edge", "nwbin",
        note="Of convention 'corrected' only.",
    ),
)  # fmt: skip


def _of_movie(key: str, of: _Stimulus) -> tuple[Metric, ...]:
    note = "Not in the published tables: AllenSDK cannot work it out."
    return (
        _metric(f"firing_rate_{key}", of, "Spikes per second while the movie was shown.", "Hz", "0 and more", "",
                "spikes / time of the movie's blocks", _ALLEN, note=note),
        _metric(f"lifetime_sparseness_{key}", of, "How few of the frames the unit answers: 0 if all alike, 1 if only "
                "one.", "", "0 to 1", "", "as for other stimuli, over the frames' mean responses", _VINJE, note=note),
        _metric(f"pref_frame_{key}", of, "The frame during which the unit fires most.", "", "0 to 899" if key == "nm1"
                else "0 to 3599", "", "largest mean count over the repeats; missing of a unit without spikes", "nwbin",
                note=note),
        _metric(f"reliability_{key}", of, "How alike the responses to the repeats of the movie are.", "", "-1 to 1",
                "higher", "mean correlation of every pair of repeats, over the frames that both have", "nwbin",
                note=note),
    )  # fmt: skip


_OWN = {"dg": _DRIFTING, "sg": _STATIC, "ns": _SCENES, "fl": _FLASHED, "rf": _FIELDS, "dm": _MOTION}

STIMULUS_METRICS = (
    *(one for key, of in _STIMULI.items() for one in (*_OWN[key], *_in_common(key, of))),
    *_of_movie("nm1", _NM1),
    *_of_movie("nm3", _NM3),
)  # fmt: skip
