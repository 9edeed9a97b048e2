"""AllenSDK's own classes of stimulus metrics, by their names and arguments, over nwbin's functions.

A script moves by its imports: ``from nwbin.metrics import DriftingGratings, ReceptiveFieldMapping``; its functions of
single arrays are in :mod:`nwbin.metrics.faces.functions`. A face computes what AllenSDK does, faults included, unless
it is given ``convention="corrected"``.

What differs from AllenSDK's classes: metrics of all units are computed at once, and numbers are numbers (pref_phase_sg
of sessions whose phases are text excepted); p_value_rf is seeded; tables are not changed by being looked at (its
`stim_table` has other elevations once `receptive_fields` was asked for); a spike exactly 0.1245 s after onset counts
once in a map; spike times that are out of order are sorted; unknown arguments, units and columns are errors that name
the nearest; a path is no session (nwbin.open makes one); NaturalMovies works.
"""

from __future__ import annotations

from nwbin.metrics.faces._base import StimulusAnalysis
from nwbin.metrics.faces._fields import ReceptiveFieldMapping
from nwbin.metrics.faces._gratings import DriftingGratings, StaticGratings
from nwbin.metrics.faces._scenes import DotMotion, Flashes, NaturalMovies, NaturalScenes

__all__ = [
    "DotMotion",
    "DriftingGratings",
    "Flashes",
    "NaturalMovies",
    "NaturalScenes",
    "ReceptiveFieldMapping",
    "StaticGratings",
    "StimulusAnalysis",
]
