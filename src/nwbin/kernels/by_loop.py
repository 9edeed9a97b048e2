"""Many spikes compared by loops, in words that every version and setting of Numba understands.

The same answers as :mod:`nwbin.kernels.by_vector`, slower; see there what each function does.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np

from nwbin.kernels.options import FEW, FOUR, HALF, LANES, helper

__all__ = ["below", "below_both", "copy_few", "four_counts", "half_below_both", "half_four_counts"]


@helper
def below(values, pos, x):
    n = 0
    for k in range(LANES):
        if values[pos + k] < x:
            n += 1
    return n


@helper
def below_both(values, pos, x, y):
    return below(values, pos, x), below(values, pos, y)


@helper
def half_below_both(values, pos, x, y):
    n, m = below_both(values, pos, x, y)
    return min(n, HALF), min(m, HALF)


def _four_counts(width):
    @helper
    def count(values, pos, lo, hi, at):
        n = np.zeros(FOUR, np.int64)
        start = end = 0
        for k in range(width):
            for c in range(FOUR):
                n[c] += lo[at + c] <= values[pos + k] < hi[at + c]
            start += values[pos + k] < lo[at + FOUR - 1]
            end += values[pos + k] < hi[at + FOUR - 1]
        return n[0], n[1], n[2], n[3], start, end

    return count


half_four_counts = _four_counts(HALF)
four_counts = _four_counts(LANES)


@helper
def copy_few(values, pos, less, target, at):
    for k in range(FEW):
        target[at + k] = values[pos + k] - less
