"""What units did around presentations and other intervals: spike trains and a table in, labelled answers out.

Tables are tidy here: where something is missing they have None or NaN (:func:`nwbin.export.tidy` sees to that).
"""

from __future__ import annotations

from nwbin.responses.counts import AlignedCounts, LabelledCounts
from nwbin.responses.matrix import ResponseMatrix, response_matrix
from nwbin.responses.psth import mean_rates, rates_table
from nwbin.responses.receptive_fields import receptive_fields
from nwbin.responses.statistics import GroupStatistics, group_statistics
from nwbin.responses.tiles import TiledCounts

__all__ = [
    "AlignedCounts",
    "GroupStatistics",
    "LabelledCounts",
    "ResponseMatrix",
    "TiledCounts",
    "group_statistics",
    "mean_rates",
    "rates_table",
    "receptive_fields",
    "response_matrix",
]
