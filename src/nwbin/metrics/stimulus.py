"""The data set's table of stimulus metrics, computed: one row a unit, columns as published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.estimates import as_seed
from nwbin.metrics._gratings import drifting_gratings, static_gratings
from nwbin.metrics._scenes import dot_motion, flashes, natural_movie, natural_scenes
from nwbin.metrics.common import STIMULUS_KINDS, SessionView, StimulusView, common_columns
from nwbin.metrics.receptive_fields import receptive_field_metrics
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.binning import Progress

__all__ = [
    "COLUMNS",
    "PUBLISHED",
    "StimulusChoice",
    "checked_stimuli",
    "chosen_stimuli",
    "stimulus_metrics_table",
]

Columns = dict[str, npt.NDArray[Any]]
StimulusChoice = str | Iterable[str] | None

_COMMON = ("firing_rate", "fano", "lifetime_sparseness", "run_pval", "run_mod")
_OWN: dict[str, tuple[str, ...]] = {
    "dg": (
        "pref_ori", "pref_ori_multi", "pref_tf", "pref_tf_multi", "c50", "f1_f0", "mod_idx", "g_osi", "g_dsi",
        *_COMMON,
    ),
    "sg": (
        "pref_sf", "pref_sf_multi", "pref_ori", "pref_ori_multi", "pref_phase", "pref_phase_multi", "g_osi",
        "time_to_peak", *_COMMON,
    ),
    "ns": ("pref_image", "pref_images_multi", "image_selectivity", "time_to_peak", *_COMMON),
    "dm": ("pref_speed", "pref_speed_multi", "pref_dir", "pref_dir_multi", "time_to_peak", *_COMMON),
    "fl": ("on_off_ratio", "sustained_idx", "time_to_peak", *_COMMON),
    "rf": (
        "azimuth", "elevation", "width", "height", "area", "p_value", "on_screen", "time_to_peak", *_COMMON,
    ),
    "nm1": ("firing_rate", "lifetime_sparseness", "pref_frame", "reliability"),
    "nm3": ("firing_rate", "lifetime_sparseness", "pref_frame", "reliability"),
}  # fmt: skip
# Suffix -> the columns of that stimulus.
COLUMNS: dict[str, tuple[str, ...]] = {
    suffix: tuple(f"{name}_{suffix}" for name in names) for suffix, names in _OWN.items()
}
# Stimulus set -> the stimuli whose columns the published table of such sessions has.
PUBLISHED: dict[str, tuple[str, ...]] = {
    "brain_observatory_1.1": ("dg", "sg", "ns", "fl", "rf"),
    "functional_connectivity": ("dg", "dm", "fl", "rf"),
}
_MOVIES = ("nm1", "nm3")
_COMPUTE: dict[str, Callable[[StimulusView], Columns]] = {
    "dg": drifting_gratings,
    "sg": static_gratings,
    "ns": natural_scenes,
    "dm": dot_motion,
    "fl": flashes,
    "nm1": natural_movie,
    "nm3": natural_movie,
}


def chosen_stimuli(given: StimulusChoice, view: SessionView, stimulus_set: str | None) -> list[str]:
    """Say which stimuli's columns are meant, by suffix.

    Parameters
    ----------
    given
        Names of stimuli ("drifting_gratings") or suffixes of columns ("dg"), one or several. None: those of the
        published table for this stimulus set, or for a set that nobody knows those that were shown; and the movies
        that were shown, but by AllenSDK's convention, which has none.
    view
        The session.
    stimulus_set
        "brain_observatory_1.1", "functional_connectivity", another, or None.
    """
    if given is None:
        shown = [suffix for suffix in STIMULUS_KINDS if view.stimulus(suffix) is not None]
        of_set = PUBLISHED.get(stimulus_set or "", tuple(one for one in shown if one not in _MOVIES))
        movies = [] if view.convention == "allen" else [one for one in _MOVIES if one in shown]
        return [*of_set, *movies]
    return checked_stimuli(given, view.convention)


def checked_stimuli(given: str | Iterable[str], convention: str) -> list[str]:
    """Say which stimuli's columns are meant by names or suffixes, whatever a session has shown: by suffix, each once.

    Raises
    ------
    ArgumentError
        No such stimulus, or none that has metrics by this convention.
    """
    if not hasattr(given, "__iter__"):
        raise ArgumentTypeError(
            f"stimuli must be a name or a list of names, such as 'drifting_gratings', not {type(given).__name__}"
        )
    wanted: dict[str, None] = {}
    for name in [given] if isinstance(given, str) else given:
        found = next((k.suffix for k in STIMULUS_KINDS.values() if name == k.suffix or name in k.names), None)
        if found is None:
            known = [kind.name for kind in STIMULUS_KINDS.values()]
            raise ArgumentError(f"there are no metrics of the stimulus {name!r}; {nearest(name, known)}")
        if found in _MOVIES and convention == "allen":
            raise ArgumentError(
                "AllenSDK cannot compute metrics of natural movies: convention='corrected' has them"
            )
        wanted[found] = None
    return list(wanted)


def stimulus_metrics_table(
    view: SessionView, stimuli: list[str], *, seed: int = 0, progress: Progress | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Compute the columns of some stimuli.

    Parameters
    ----------
    view
        The session.
    stimuli
        Suffixes.
    seed
        Of what is drawn at random.
    progress
        Called with (stimuli done, stimuli in all).

    Returns
    -------
    tuple
        The table, index unit_id in the order of ``view.trains``, columns by length of name, then alphabet; and what
        is missing in the session, in words: such columns are NaN.
    """
    import pandas as pd

    columns: Columns = {}
    lacking: list[str] = []
    seed = as_seed(seed)
    nothing = np.full(len(view.trains), np.nan)
    for done, suffix in enumerate(stimuli, 1):
        shown = view.stimulus(suffix)
        found = None if shown is None else _of_stimulus(suffix, shown, seed)
        if found is None:
            found = dict.fromkeys(_names(suffix, view), nothing)
            lacking.append(STIMULUS_KINDS[suffix].name)
        columns |= found
        view.forget(suffix)
        if progress is not None:
            progress(done, len(stimuli))
    if view.running is None and any(one not in _MOVIES for one in stimuli):
        lacking.append("running speed")
    in_order = sorted(columns, key=lambda name: (len(name), name))
    table = frame_of({name: columns[name] for name in in_order}, pd.Index(view.unit_ids, name="unit_id"))
    return table, lacking


def _names(suffix: str, view: SessionView) -> tuple[str, ...]:
    more = ("suppressed_rf",) if suffix == "rf" and view.convention == "corrected" else ()
    return COLUMNS[suffix] + more


def _of_stimulus(suffix: str, shown: StimulusView, seed: int) -> Columns | None:
    """Its columns; None where it has the name of gabors, and no places on an even grid."""
    if suffix != "rf":
        return _COMPUTE[suffix](shown)
    try:
        return _receptive_fields(shown, seed)
    except (ArgumentError, LookupFailure):
        return None


def _receptive_fields(view: StimulusView, seed: int) -> Columns:
    table = receptive_field_metrics(view.session, seed=seed)
    return {str(name): table[name].to_numpy() for name in table.columns} | common_columns(view)
