"""Counting spikes, arrays in and arrays out: checks, memory, dtypes, threads, choice of kernel; no file."""

from __future__ import annotations

from nwbin.binning._aligned import AlignedSpikes, align_spikes
from nwbin.binning._correlograms import Correlograms, correlograms
from nwbin.binning._counts import bin_spikes, count_in_windows, iter_bin_spikes
from nwbin.binning._sparse import SparseCounts, bin_spikes_sparse

__all__ = [
    "AlignedSpikes",
    "Correlograms",
    "SparseCounts",
    "align_spikes",
    "bin_spikes",
    "bin_spikes_sparse",
    "correlograms",
    "count_in_windows",
    "iter_bin_spikes",
]
