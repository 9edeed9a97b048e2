"""The compiled functions that count coincidences: of pairs of spikes, how far apart in time they are.

Words and preconditions
-----------------------
A stream holds the spikes of many units, one segment after the other, ascending in time within each: a whole
recording is one segment, and each presentation is one, where coincidences across presentations do not count.

times
    float64 (spikes,), finite: seconds, or whatever ascends with them and is to be subtracted.
units
    uint32 (spikes,): of each spike, below U.
stops
    int64 (segments,): where each segment ends; the last is no less than the number of spikes.
places, begins
    int64: ``places[begins[u]:begins[u + 1]]`` are the positions of unit ``u``'s spikes, ascending; begins has
    U + 1 entries. Spikes whose positions are left out are only met by others, from which the walk begins.
slots, sides
    int64 and uint8, (U, U). ``slots[a, b] == slots[b, a]`` is the row of the pair of a and b, -1 for none.
    ``sides[a, b]`` is 0 where that row is of ``times of b - times of a``, 1 where it is of the opposite. 0 for
    units with themselves.

No kernel checks any of this; ``nwbin.binning`` does. All release the GIL.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np

from nwbin.kernels.common import helper, kernel

__all__ = ["count_coincidences", "count_patterns", "fill_places"]

# Cells that are done at once.
TOGETHER = 5
# Products of shares, one at a time, that take no longer than those of all cells.
FEW_PRODUCTS = 200


@kernel
def fill_places(units, begins, places):
    """Fill places, by `begins`, with the positions of the first ``places.size`` spikes."""
    here = begins.copy()
    for i in range(places.size):
        u = np.uint64(units[i])
        places[here[u]] = i
        here[u] += 1


@helper
def _bin_of(d, edges, side, inverse, shift, last):
    """The bin of a difference: guessed, and the guess settled by comparison, so that no rounding is seen."""
    k = np.uint64(min(int(d * inverse + shift), last))
    k += np.uint64(edges[side, k + np.uint64(1)] <= d)
    k -= np.uint64(d < edges[side, k])
    return k


@kernel
def count_coincidences(
    times, units, stops, places, begins, first, last, slots, sides, edges, inverse, shifts, reach, slab,
    counts, middle,
):  # fmt: skip
    """Add to each pair's counts the coincidences from each spike of units [first, last) on, forward in time.

    Each pair of spikes is met once, from the earlier one, so its difference d, of the later less the earlier,
    is never negative. On side 0 it falls into bins from the middle one up, on side 1, as -d, from the middle
    one down; the middle bin is the one that holds 0.

    edges : float64 (2, width + 1), ascending, infinite at the end: on each side, counted from the middle bin,
    bin k holds the differences with ``edges[side, k] <= d < edges[side, k + 1]``. Bins of one width, of which
    ``inverse`` is the inverse and ``int(d * inverse + shifts[side])`` a guess that is at most one off.
    reach : no d from here on is in a bin. slab : int64 (U * width), to work in: what is counted from one unit
    stays in cache.
    counts : int64 (rows, bins). middle : int64 (U, U): what is met from a of the pair with b in its middle
    bin, which alone is met from both, is added to ``middle[a, b]`` and not to counts, so that calls for other
    units may run at the same time.
    """
    n_units = slots.shape[0]
    width = np.uint64(edges.shape[1] - 1)
    trash = edges.shape[1] - 2
    n_bins = counts.shape[1]
    mid = n_bins // 2
    for a in range(first, last):
        for c in range(slab.size):
            slab[c] = 0
        own = slots[a, a]
        segment = 0
        for p in range(begins[a], begins[a + 1]):
            i = places[p]
            while stops[segment] <= i:
                segment += 1
            t = times[i]
            for j in range(np.uint64(i + 1), np.uint64(min(stops[segment], times.size))):
                d = times[j] - t
                if d >= reach:
                    break
                b = np.uint64(units[j])
                side = np.uint64(sides[np.uint64(a), b])
                slab[b * width + _bin_of(d, edges, side, inverse, shifts[side], trash)] += 1
                if b == np.uint64(a) and own >= 0:
                    # Of two spikes of one unit, each comes before the other.
                    k = np.int64(_bin_of(d, edges, np.uint64(1), inverse, shifts[1], trash))
                    if k == 0:
                        middle[a, a] += 1
                    elif k <= mid:
                        counts[own, mid - k] += 1
        for other in range(n_units):
            row = slots[a, other]
            if row < 0:
                continue
            at = other * (trash + 1)
            middle[a, other] += slab[at]
            if sides[a, other] == 0:
                for bin_ in range(1, n_bins - mid):
                    counts[row, mid + bin_] += slab[at + bin_]
            else:
                for bin_ in range(1, mid + 1):
                    counts[row, mid - bin_] += slab[at + bin_]


@kernel
def count_patterns(
    windows, units, stops, places, begins, first, last, slots, sides, shares, filled, begin_filled, cells, most,
    found, lags,
):  # fmt: skip
    """Add the coincidences to be expected between cells of time, each spike anywhere that its unit's spikes are.

    windows : int64 (spikes,), the jitter window of each, from 0 up to W; each has `cells` cells.
    shares : float64 (U, W * cells): of a spike of the unit in the cell's window, how likely it is in the cell.
    filled, begin_filled : int64; the cells with a share of unit u in window w are ``filled[begin_filled[u * W + w]:
    begin_filled[u * W + w + 1]]``.
    most : lags are counted up to so many cells. found : float64 (U * W * (2 * R + 1)), to work in, with R the
    windows that so many cells may reach.
    lags : float64 (rows, 2 * most + 1), the middle one is 0: units' rows on side 0, of which no other call has
    any, are added to.
    """
    n_units = slots.shape[0]
    many = shares.shape[1] // cells
    reach = (most - 1) // cells + 1
    span = 2 * reach + 1
    # Both with zeros after them, so that TOGETHER cells are done at once, whether there are as many or not.
    own = np.zeros(cells + TOGETHER - 1)
    other = np.zeros(span * cells + TOGETHER - 1)
    sums = np.empty(2 * most + 1)
    for a in range(first, last):
        _windows_met(windows, units, stops, places, begins, a, sides, many, reach, found)
        for b in range(n_units):
            row = slots[a, b]
            if row < 0 or sides[a, b] != 0:
                continue
            sums[:] = 0.0
            for w in range(many):
                at = (b * many + w) * span
                theirs = 0
                for r in range(span):
                    if found[at + r] > 0.0:
                        here = b * many + w - reach + r
                        theirs += begin_filled[here + 1] - begin_filled[here]
                if theirs == 0:
                    continue
                here = a * many + w
                if theirs * (begin_filled[here + 1] - begin_filled[here]) < FEW_PRODUCTS:
                    _add_few(shares, filled, begin_filled, a, b, w, many, reach, most, found, sums)
                else:
                    _add_all(shares, a, b, w, many, reach, cells, most, found, own, other, sums)
            for k in range(sums.size):
                lags[row, k] += sums[k]


@helper
def _add_few(shares, filled, begin_filled, a, b, w, many, reach, most, found, sums):
    """Add what is to be expected between a's spikes in a window and b's around it, by the cells with a share."""
    span = 2 * reach + 1
    mine = a * many + w
    for r in range(span):
        n = found[(b * many + w) * span + r]
        if n == 0.0:
            continue
        theirs = b * many + w - reach + r
        for i in range(begin_filled[theirs], begin_filled[theirs + 1]):
            share = n * shares[b, filled[i]]
            for j in range(begin_filled[mine], begin_filled[mine + 1]):
                lag = filled[i] - filled[j] + most
                if 0 <= lag <= 2 * most:
                    sums[lag] += share * shares[a, filled[j]]


@helper
def _add_all(shares, a, b, w, many, reach, cells, most, found, own, other, sums):
    """The same, by all cells, each with all others that are near."""
    span = 2 * reach + 1
    # The other unit's spikes to be expected around this window, for each spike that lies in it.
    for r in range(span):
        n = found[(b * many + w) * span + r]
        to = np.uint64(r * cells)
        if n > 0.0:
            begin = np.uint64((w - reach + r) * cells)
            for c in range(np.uint64(cells)):
                other[to + c] = n * shares[np.uint64(b), begin + c]
        else:
            for c in range(np.uint64(cells)):
                other[to + c] = 0.0
    begin = np.uint64(w * cells)
    for c in range(np.uint64(cells)):
        own[c] = shares[np.uint64(a), begin + c]
    for c in range(0, cells, TOGETHER):
        s0, s1, s2, s3, s4 = own[c], own[c + 1], own[c + 2], own[c + 3], own[c + 4]
        if s0 + s1 + s2 + s3 + s4 == 0.0:
            continue
        # Of cell c, lag 0 is where the other's cell is this one; lag -most, where this begins.
        low = np.uint64(reach * cells + c - most)
        for k in range(np.uint64(sums.size)):
            sums[k] += (
                s0 * other[low + k]
                + s1 * other[low + k + np.uint64(1)]
                + s2 * other[low + k + np.uint64(2)]
                + s3 * other[low + k + np.uint64(3)]
                + s4 * other[low + k + np.uint64(4)]
            )


@helper
def _windows_met(windows, units, stops, places, begins, a, sides, many, reach, found):
    """Count, for unit a: the spikes of others in the windows up to `reach` before and after each of its own."""
    span = 2 * reach + 1
    for c in range(found.size):
        found[c] = 0.0
    segment = 0
    start = 0
    for p in range(begins[a], begins[a + 1]):
        i = places[p]
        while stops[segment] <= i:
            start = stops[segment]
            segment += 1
        w = windows[i]
        while windows[start] < w - reach:  # the next spike of a in this segment is in no earlier window
            start += 1
        for j in range(np.uint64(start), np.uint64(stops[segment])):
            apart = windows[j] - w
            if apart > reach:
                break
            b = np.uint64(units[j])
            if j != np.uint64(i) and sides[np.uint64(a), b] == 0:
                found[np.uint64((np.int64(b) * many + w) * span + apart + reach)] += 1.0
