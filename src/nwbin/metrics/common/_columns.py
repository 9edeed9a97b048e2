"""The columns that every stimulus has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy.typing as npt

from nwbin.metrics.common._statistics import (
    fano,
    firing_rate,
    lifetime_sparseness,
    running_modulation,
    time_to_peak,
)
from nwbin.metrics.common._view import StimulusView

__all__ = ["COMMON", "common_columns"]

COMMON = ("firing_rate", "fano", "lifetime_sparseness", "run_pval", "run_mod", "time_to_peak")


def common_columns(view: StimulusView, names: Iterable[str] = COMMON) -> dict[str, npt.NDArray[Any]]:
    """Compute the columns that every stimulus has, for all units.

    Parameters
    ----------
    view
        The presentations.
    names
        Which, of firing_rate (Hz, over the stimulus's blocks), fano (of the preferred condition's trials),
        lifetime_sparseness (over conditions, blanks left out: of sums of spikes by AllenSDK's convention, else of
        means), run_pval, run_mod (the preferred condition's trials, running against rest), time_to_peak (s, of the
        preferred condition's PSTH).

    Returns
    -------
    dict
        Name with the stimulus's suffix ("fano_dg") -> float64 (units,), in the order of ``view.trains``.
    """
    wanted = set(names)
    found: dict[str, npt.NDArray[Any]] = {}
    if "firing_rate" in wanted:
        found["firing_rate"] = firing_rate(view.trains, view.starts, view.stops, view.trial_duration)
    if "fano" in wanted:
        found["fano"] = fano(view.own_counts, view.trials)
    if "lifetime_sparseness" in wanted:
        responses = view.spike_sum if view.session.convention == "allen" else view.spike_mean
        found["lifetime_sparseness"] = lifetime_sparseness(responses[:, ~view.blank])
    if wanted & {"run_pval", "run_mod"}:
        found["run_pval"], found["run_mod"] = running_modulation(view.own_counts, view.speed, view.trials)
    if "time_to_peak" in wanted:
        found["time_to_peak"] = time_to_peak(view.histogram, view.edges, view.trials)
    return {f"{name}_{view.kind.suffix}": values for name, values in found.items() if name in wanted}
