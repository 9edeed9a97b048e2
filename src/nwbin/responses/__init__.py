"""What units did around presentations and other intervals: spike trains and a table in, labelled answers out.

Tables are tidy here: where something is missing they have None or NaN (:func:`nwbin.export.tidy` sees to that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbin._lazily import loaded_when_asked

if TYPE_CHECKING:
    from nwbin.responses.changes import latency, responsive
    from nwbin.responses.counts import AlignedCounts, LabelledCounts
    from nwbin.responses.matrix import ResponseMatrix, response_matrix
    from nwbin.responses.populations import (
        PseudoPopulation,
        decode_over_neurons,
        decode_over_time,
        pseudo_population,
    )
    from nwbin.responses.position_maps import receptive_fields
    from nwbin.responses.rate_tables import mean_rates, rates_table
    from nwbin.responses.rates import psth
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

if not TYPE_CHECKING:  # a process that counts needs no bootstrap and no decoder
    __getattr__ = loaded_when_asked(
        __name__,
        {
            "changes": ("latency", "responsive"),
            "counts": ("AlignedCounts", "LabelledCounts"),
            "matrix": ("ResponseMatrix", "response_matrix"),
            "populations": (
                "PseudoPopulation",
                "decode_over_neurons",
                "decode_over_time",
                "pseudo_population",
            ),
            "rate_tables": ("mean_rates", "rates_table"),
            "rates": ("psth",),
            "position_maps": ("receptive_fields",),
            "selection": ("Selection",),
            "sliding": ("sliding_windows",),
            "statistics": ("GroupStatistics", "group_statistics"),
            "tiles": ("TiledCounts",),
            "tuning_curves": ("tuning",),
            "variability": ("fano_factor", "noise_correlations", "reliability", "signal_correlations"),
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
