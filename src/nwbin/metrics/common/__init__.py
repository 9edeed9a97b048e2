"""What all stimuli's metrics have in common: presentations of one stimulus, and the columns that every stimulus has."""

from __future__ import annotations

from nwbin.metrics.common._columns import common_columns
from nwbin.metrics.common._conventions import CONVENTIONS, Convention, as_convention
from nwbin.metrics.common._levels import Levels, levels_of
from nwbin.metrics.common._statistics import (
    fano,
    firing_rate,
    first_of_largest,
    lifetime_sparseness,
    running_modulation,
    time_to_peak,
    welch_p,
)
from nwbin.metrics.common._stimuli import STIMULUS_KINDS, StimulusKind
from nwbin.metrics.common._trials import OwnTrials
from nwbin.metrics.common._view import SessionView, StimulusView

__all__ = [
    "CONVENTIONS",
    "STIMULUS_KINDS",
    "Convention",
    "Levels",
    "OwnTrials",
    "SessionView",
    "StimulusKind",
    "StimulusView",
    "as_convention",
    "common_columns",
    "fano",
    "firing_rate",
    "first_of_largest",
    "levels_of",
    "lifetime_sparseness",
    "running_modulation",
    "time_to_peak",
    "welch_p",
]
