"""Columns of drifting and static gratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.metrics._contrast import contrast_view, half_contrasts
from nwbin.metrics._tuning import angular_selectivity, f1_f0, f1_f0_in_bins, modulation_index
from nwbin.metrics.common import Levels, StimulusView, common_columns
from nwbin.tables.missing import as_numbers

__all__ = ["drifting_gratings", "static_gratings"]

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
_WITHOUT_PEAK = ("firing_rate", "fano", "lifetime_sparseness", "run_pval", "run_mod")


def _preferred(
    view: StimulusView, parameter: str, column: str
) -> tuple[Columns, Levels, npt.NDArray[np.intp]]:
    levels = view.levels(parameter)
    place, several = levels.preferred(view.spike_mean)
    suffix = view.kind.suffix
    named = {f"pref_{column}_{suffix}": levels.of(place), f"pref_{column}_multi_{suffix}": several}
    return named, levels, place


def drifting_gratings(view: StimulusView) -> Columns:
    """Compute the columns of drifting gratings, for all units: name -> (units,)."""
    found, orientations, _ = _preferred(view, "orientation", "ori")
    of_frequency, frequencies, best = _preferred(view, "temporal_frequency", "tf")
    found |= of_frequency
    contrasts = contrast_view(view.session)
    number = len(view.trains)
    found["c50_dg"] = (
        np.full(number, np.nan)
        if contrasts is None
        else half_contrasts(contrasts, as_numbers(found["pref_ori_dg"]))
    )
    frequency = np.append(as_numbers(view.parameter("temporal_frequency")), np.nan)[view.preferred]
    allen = view.session.convention == "allen"
    found["f1_f0_dg"] = (f1_f0_in_bins if allen else f1_f0)(view, frequency)
    found["mod_idx_dg"] = modulation_index(view, frequency)
    for name, harmonic in (("g_osi_dg", 2), ("g_dsi_dg", 1)):
        found[name] = np.full(number, np.nan)
        for level in range(len(frequencies.values)):
            at = frequencies.code == level
            if not allen:
                at = _highest(at, as_numbers(view.parameter("contrast")))
            units = best == level
            found[name][units] = _selectivity(view, orientations, at, units, harmonic)
    return found | common_columns(view, _WITHOUT_PEAK)


def _highest(at: npt.NDArray[np.bool_], contrast: Floats) -> npt.NDArray[np.bool_]:
    """Of some conditions, those of the highest contrast; all where none is given."""
    known = at & ~np.isnan(contrast)
    return known & (contrast == contrast[known].max()) if known.any() else at


def _selectivity(
    view: StimulusView,
    angles: Levels,
    at: npt.NDArray[np.bool_],
    units: npt.NDArray[np.bool_],
    harmonic: int,
) -> Floats:
    """Selectivity over angles of some conditions; NaN unless these are one for each angle."""
    places = np.flatnonzero(at & (angles.code >= 0))
    places = places[np.argsort(angles.code[places], kind="stable")]
    if view.session.convention == "corrected" and len(np.unique(angles.code[places])) < len(places):
        # Conditions that differ by something else than what is asked about are one point of the curve.
        chosen = angles._replace(code=np.where(at, angles.code, -1))
        return _over(chosen.means(view.spike_mean[units]), angles, harmonic)
    if len(places) != len(angles.values) or not len(places):
        return np.full(int(units.sum()), np.nan)
    return _over(np.ascontiguousarray(view.spike_mean[units][:, places]), angles, harmonic)


def _over(tuning: Floats, angles: Levels, harmonic: int) -> Floats:
    return angular_selectivity(tuning, as_numbers(angles.values), harmonic)


def static_gratings(view: StimulusView) -> Columns:
    """Compute the columns of static gratings, for all units: name -> (units,)."""
    found, _, _ = _preferred(view, "spatial_frequency", "sf")
    spatial, phase = view.levels("spatial_frequency"), view.levels("phase")
    of_orientation, orientations, _ = _preferred(view, "orientation", "ori")
    of_phase, _, best_phase = _preferred(view, "phase", "phase")
    found |= of_orientation | of_phase
    best_spatial = spatial.preferred(view.spike_mean)[0]
    osi = np.full(len(view.trains), np.nan)
    for s in range(len(spatial.values)):
        for p in range(len(phase.values)):
            units = (best_spatial == s) & (best_phase == p)
            if units.any():
                at = (spatial.code == s) & (phase.code == p)
                osi[units] = _selectivity(view, orientations, at, units, 2)
    found["g_osi_sg"] = osi
    return found | common_columns(view)
