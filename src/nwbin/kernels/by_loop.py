"""Many spikes compared by loops, in words that every version and setting of Numba understands.

The same answers as :mod:`nwbin.kernels.by_vector`, slower; see there what each function does.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from nwbin.kernels.options import EIGHT, FEW, HALF, LANES, helper

__all__ = ["ask_for_cell", "below", "below_both", "copy_few", "count_run", "half_below_both"]


@helper
def ask_for_cell(out, at):
    pass


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


@helper
def count_run(values, pos, last, lo, hi, at, end, after, counts):
    for c in range(EIGHT):
        counts[c] = 0
    n = seen = 0
    while True:
        for k in range(HALF):
            t = values[pos + seen + k]
            for c in range(EIGHT):
                counts[c] += lo[at + c] <= t < hi[at + c]
            n += t < after
        seen += HALF
        if t >= end:
            return n, seen
        if pos + seen > last:
            return n, -1


@helper
def copy_few(values, pos, less, target, at):
    for k in range(FEW):
        target[at + k] = values[pos + k] - less
