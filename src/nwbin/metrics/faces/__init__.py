"""AllenSDK's own classes of stimulus metrics, by their names and arguments, over nwbin's functions.

A script moves by its imports: ``from nwbin.metrics import DriftingGratings, ReceptiveFieldMapping``; its functions of
single arrays are in :mod:`nwbin.metrics.faces.functions`. A face computes what AllenSDK does, faults included, unless
it is given ``convention="corrected"``.
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
