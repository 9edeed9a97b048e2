"""What units did around presentations and other intervals: spike trains and a table in, labelled answers out.

Tables are tidy here: where something is missing they have None or NaN (:func:`nwbin.export.tidy` sees to that).
"""

from __future__ import annotations

from nwbin.responses.changes import latency, responsive
from nwbin.responses.counts import AlignedCounts, LabelledCounts
from nwbin.responses.matrix import ResponseMatrix, response_matrix
from nwbin.responses.populations import (
    PseudoPopulation,
    decode_over_neurons,
    decode_over_time,
    pseudo_population,
)
from nwbin.responses.psth import mean_rates, rates_table
from nwbin.responses.rates import psth
from nwbin.responses.receptive_fields import receptive_fields
from nwbin.responses.selection import Selection
from nwbin.responses.sliding import sliding_windows
from nwbin.responses.statistics import GroupStatistics, group_statistics
from nwbin.responses.tiles import TiledCounts
from nwbin.responses.tuning_curves import tuning
from nwbin.responses.variability import (
    fano_factor,
    noise_correlations,
    reliability,
    signal_correlations,
)

__all__ = [
    "AlignedCounts",
    "GroupStatistics",
    "LabelledCounts",
    "PseudoPopulation",
    "ResponseMatrix",
    "Selection",
    "TiledCounts",
    "decode_over_neurons",
    "decode_over_time",
    "fano_factor",
    "group_statistics",
    "latency",
    "mean_rates",
    "noise_correlations",
    "pseudo_population",
    "psth",
    "rates_table",
    "receptive_fields",
    "reliability",
    "response_matrix",
    "responsive",
    "signal_correlations",
    "sliding_windows",
    "tuning",
]
