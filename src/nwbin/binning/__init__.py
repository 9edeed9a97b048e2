"""Counting spikes, arrays in and arrays out: checks, memory, dtypes, threads, choice of kernel; no file."""

from __future__ import annotations

from nwbin.binning._aligned import AlignedSpikes, align_spikes
from nwbin.binning._counts import bin_spikes, count_in_windows, iter_bin_spikes
from nwbin.binning._sparse import SparseCounts, bin_spikes_sparse
from nwbin.binning._work import counting_by

__all__ = [
    "AlignedSpikes",
    "SparseCounts",
    "align_spikes",
    "bin_spikes",
    "bin_spikes_sparse",
    "count_in_windows",
    "counting_by",
    "iter_bin_spikes",
]
