"""What counts say and how surely: moments, resampling, paired tests, latencies, correlations; arrays in, arrays out.

Resampling is by whole trials, seeded, and a matrix product for all units at once. Wherever products are of whole
numbers they are exact, so that what comes out for a unit is the same to the last bit whatever other units are asked
for.
"""

from __future__ import annotations

from nwbin.estimates.correlations import (
    condition_means,
    correlations,
    pairwise_reliability,
    residuals,
    split_half_reliability,
)
from nwbin.estimates.latencies import first_spikes, half_height_times, median_interval
from nwbin.estimates.moments import Moments, binned_moments, mean_and_spread, moments_of, unit_blocks
from nwbin.estimates.paired import PairedTest, false_discovery, paired_test, sign_flip_test
from nwbin.estimates.resampling import (
    as_seed,
    bootstrap_means,
    bootstrap_weights,
    exact_product,
    generator,
    resamples_of,
)
from nwbin.estimates.smoothing import KERNELS, Kernel, pieces_of, smoothed, smoothing_matrix

__all__ = [
    "KERNELS",
    "Kernel",
    "Moments",
    "PairedTest",
    "as_seed",
    "binned_moments",
    "bootstrap_means",
    "bootstrap_weights",
    "condition_means",
    "correlations",
    "exact_product",
    "false_discovery",
    "first_spikes",
    "generator",
    "half_height_times",
    "mean_and_spread",
    "median_interval",
    "moments_of",
    "paired_test",
    "pairwise_reliability",
    "pieces_of",
    "resamples_of",
    "residuals",
    "sign_flip_test",
    "smoothed",
    "smoothing_matrix",
    "split_half_reliability",
    "unit_blocks",
]
