"""The compiled functions that walk along the trains, window after window; and the way to all the others.

Words and preconditions are those of :mod:`nwbin.kernels.common`.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np

from nwbin.kernels.common import (
    EIGHT,
    FEW,
    HALF,
    LANES,
    TILE,
    advance_far,
    ask_for_cell,
    below,
    below_both,
    copy_few,
    count_run,
    ends_far,
    half_below_both,
    helper,
    kernel,
    search,
)
from nwbin.kernels.scatter import scatter_counts, sparse_cells

__all__ = [
    "count_rows",
    "fill_aligned",
    "scatter_counts",
    "sparse_cells",
    "window_counts",
]


@helper
def _count_singly(values, here, there, near, units, u0, u1, lo, hi, rows, c0, c1, out, limit, cap, way):
    """Count as window_counts does, window by window: windows [c0, c1) of units[u0], ..., units[u1 - 1].

    here : where each unit's next window is looked for, brought up to date. there : no later than where it ends,
    if no end is before that of an earlier window; else -1. near : LANES spikes before each unit's end.
    """
    over = False
    for c in range(c0, c1):
        x = lo[c]
        y = hi[c]
        apart = c + 1 < lo.size and y <= lo[c + 1]
        row = np.uint64(rows[c])
        for i in range(np.uint64(u0), np.uint64(u1)):
            u = units[i]
            pos = here[u]
            # Of so many spikes compared, how many are below the window's start and below its end. If all are
            # below the end, more have to be compared.
            compared = n = m = 0
            if pos <= near[u]:
                if way < 2:
                    n, m = half_below_both(values, pos, x, y)
                    compared = HALF
                elif way == 2:
                    n, m = below_both(values, pos, x, y)
                    compared = LANES
            a = pos + n
            b = pos + m
            if m == compared:
                if n == compared:
                    n = below(values, a, x) if a <= near[u] else LANES
                    a = a + n if n < LANES else advance_far(values, a, near[u] + LANES, x)
                b = max(a, b, there[u])
                m = below(values, b, y) if b <= near[u] else LANES
                b = b + m if m < LANES else advance_far(values, b, near[u] + LANES, y)
                there[u] = b if there[u] >= 0 else -1
            here[u] = b if apart else a
            over |= b - a > limit
            out[row, u] = b - a if cap is None else min(b - a, cap)
    return over


@kernel
def window_counts(values, starts, stops, lo, hi, reach, rows, out, limit, cap, block, order, ways):
    """Count in windows in one pass over the spikes, however much the windows overlap.

    lo, hi : float64 (C,); lo is non-decreasing. reach : float64 (C // EIGHT,), the last end of each EIGHT
    windows; infinite where these, or what is between them and those before, are so long that they are better
    counted one by one.
    out : (N, units), written at ``out[rows[c]]``, every cell. limit : the largest count that out can hold,
    not below LANES. cap : None, or 1 to say only whether there is a spike. block : rows whose output fits
    in cache, a multiple of EIGHT.
    order : uint64 (units,), the units in ascending order of how many spikes they have. ways : int64 (units,),
    how best to count the unit that stands there in the order; all ways count right. 0: EIGHT windows together,
    each spike compared with all of them. 1, 2: one by one, where a window and what is between it and the next
    hold mostly fewer than HALF, LANES. 3: its start and its end apart. TILE units go the way of the last of them.
    Returns whether a count was larger than limit (any number is then written for it).
    """
    n_cells = lo.size
    n_units = starts.size
    over = False
    if n_cells == 0:
        return over
    # Ends in order are each looked for from the one before; else each from its start.
    climbing = True
    for c in range(1, n_cells):
        climbing &= hi[c - 1] <= hi[c]
    here = np.empty(n_units, np.int64)
    there = np.empty(n_units, np.int64)
    near = np.empty(n_units, np.int64)  # up to here LANES spikes can be loaded
    for u in range(n_units):
        here[u] = search(values, starts[u], stops[u], lo[0])
        there[u] = here[u] if climbing else -1
        near[u] = stops[u] - LANES
    left = np.empty(TILE, np.uint64)
    counts = np.empty(EIGHT, np.int64)
    places = np.empty(EIGHT, np.uint64)
    cells = out.reshape(-1)
    for c0 in range(0, n_cells, block):
        c1 = min(c0 + block, n_cells)
        for u0 in range(0, n_units, TILE):
            u1 = min(u0 + TILE, n_units)
            way = ways[u1 - 1]
            singly_from = c0 if way > 0 else c1 - (c1 - c0) % EIGHT
            for c in range(c0, singly_from, EIGHT):
                for k in range(EIGHT):
                    places[k] = rows[c + k] * n_units
                    # The next block's output, which no one has touched: each tile asks for its own part of it.
                    if c + block + k < n_cells:
                        ask_for_cell(cells, rows[c + block + k] * n_units + u0)
                end = reach[c // EIGHT]
                after = lo[c + EIGHT] if c + EIGHT < n_cells else end
                n_left = 0
                # Unsigned, so that no index is checked for being negative: a third of this loop's
                # instructions.
                for i in range(np.uint64(u0), np.uint64(u1)):
                    u = order[i]
                    pos = here[u]
                    n = np.int64(0)
                    seen = np.int64(-1)
                    if pos <= near[u] and end < np.inf:
                        n, seen = count_run(values, pos, near[u], lo, hi, c, end, after, counts)
                    if seen < 0 or seen > limit:
                        left[np.uint64(n_left)] = u
                        n_left += 1
                        continue
                    here[u] = pos + n
                    for k in range(np.uint64(EIGHT)):
                        cells[places[k] + u] = counts[k] if cap is None else min(counts[k], cap)
                if n_left > 0:
                    over |= _count_singly(
                        values, here, there, near, left, 0, n_left, lo, hi, rows, c, c + EIGHT, out, limit, cap, 1
                    )  # fmt: skip
            over |= _count_singly(
                values, here, there, near, order, u0, u1, lo, hi, rows, singly_from, c1, out, limit, cap,
                max(way, 1),
            )  # fmt: skip
    return over


@kernel
def count_rows(values, starts, stops, lo, hi, disjoint, totals):
    """How many spikes of all units lie in each row's window. lo, hi : float64 (R,). totals : int64 (R,)."""
    n_units = starts.size
    if lo.size == 0:
        return
    totals[:] = 0
    here = np.empty(n_units, np.int64)
    near = np.empty(n_units, np.int64)  # up to here LANES spikes can be loaded
    for u in range(n_units):
        here[u] = search(values, starts[u], stops[u], lo[0])
        near[u] = stops[u] - LANES
    for u0 in range(0, n_units, TILE):
        u1 = min(u0 + TILE, n_units)
        for r in range(lo.size):
            x = lo[r]
            y = hi[r]
            total = 0
            for u in range(np.uint64(u0), np.uint64(u1)):
                pos = here[u]
                n = 0
                m = LANES
                if pos <= near[u]:
                    n, m = below_both(values, pos, x, y)
                if m < LANES:
                    here[u] = pos + (m if disjoint else n)
                    total += m - n
                else:
                    a, b = ends_far(values, pos, near[u] + LANES, x, y)
                    here[u] = b if disjoint else a
                    total += b - a
            totals[r] += total


@kernel
def fill_aligned(
    values, starts, stops, onsets, lo, hi, disjoint, rows, places, totals, presentation, unit, time
):
    """Write every spike in each row's window, by unit and time, to ``places[r]:places[r] + totals[r]``.

    onsets, lo, hi : float64 (R,). totals : as count_rows finds them. presentation, unit : int64; time :
    float64; long enough.
    """
    n_units = starts.size
    if lo.size == 0:
        return
    here = np.empty(n_units, np.int64)
    near = np.empty(n_units, np.int64)  # up to here LANES spikes can be compared, and FEW more be read
    for u in range(n_units):
        here[u] = search(values, starts[u], stops[u], lo[0])
        near[u] = min(stops[u] - LANES, values.size - LANES - FEW)
    for r in range(lo.size):
        at = places[r]
        end = at + totals[r]
        row = rows[r]
        onset = onsets[r]
        x = lo[r]
        y = hi[r]
        for u in range(np.uint64(n_units)):
            pos = here[u]
            n = 0
            m = LANES
            if pos <= near[u]:
                n, m = below_both(values, pos, x, y)
            if m < LANES and m - n <= FEW and at + FEW <= end:
                # FEW whatever their number, and the next unit's over what is too much: no branch to
                # mispredict. All within this row's own part, for another thread may be writing the next.
                copy_few(values, pos + n, onset, time, at)
                for k in range(np.uint64(FEW)):
                    presentation[np.uint64(at) + k] = row
                for k in range(np.uint64(FEW)):
                    unit[np.uint64(at) + k] = u
                at += m - n
                here[u] = pos + (m if disjoint else n)
            else:
                a = pos + n
                b = pos + m
                if m == LANES:
                    a, b = ends_far(values, pos, stops[u], x, y)
                here[u] = b if disjoint else a
                for i in range(a, b):
                    presentation[at] = row
                    unit[at] = u
                    time[at] = values[i] - onset
                    at += 1
