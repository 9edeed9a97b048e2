"""Counting spikes, arrays in and arrays out: checks, memory, dtypes, threads, choice of kernel; no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbin._lazily import loaded_when_asked
from nwbin.binning._counts import Progress, bin_spikes, count_in_windows, iter_bin_spikes
from nwbin.binning._dtypes import count_type
from nwbin.binning._request import CLOSED_RULES, Closed, as_seconds
from nwbin.binning._work import counting_by
from nwbin.binning.edges import as_window, bin_centers, bin_edges

if TYPE_CHECKING:
    from nwbin.binning._aligned import AlignedSpikes, align_spikes
    from nwbin.binning._correlograms import Correlograms, correlograms
    from nwbin.binning._own_windows import (
        OwnSpikes,
        numbers_in_own_windows,
        spike_ranks,
        spikes_in_own_windows,
    )
    from nwbin.binning._sparse import SparseCounts, bin_spikes_sparse
    from nwbin.binning._table import SpikeColumns, spikes_in_order_of_time

__all__ = [
    "CLOSED_RULES",
    "AlignedSpikes",
    "Closed",
    "Correlograms",
    "OwnSpikes",
    "Progress",
    "SparseCounts",
    "SpikeColumns",
    "align_spikes",
    "as_seconds",
    "as_window",
    "bin_centers",
    "bin_edges",
    "bin_spikes",
    "bin_spikes_sparse",
    "correlograms",
    "count_in_windows",
    "count_type",
    "counting_by",
    "iter_bin_spikes",
    "numbers_in_own_windows",
    "spike_ranks",
    "spikes_in_order_of_time",
    "spikes_in_own_windows",
]

if not TYPE_CHECKING:  # what counts in bins need not load
    __getattr__ = loaded_when_asked(
        __name__,
        {
            "_aligned": ("AlignedSpikes", "align_spikes"),
            "_correlograms": ("Correlograms", "correlograms"),
            "_own_windows": ("OwnSpikes", "numbers_in_own_windows", "spike_ranks", "spikes_in_own_windows"),
            "_sparse": ("SparseCounts", "bin_spikes_sparse"),
            "_table": ("SpikeColumns", "spikes_in_order_of_time"),
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
