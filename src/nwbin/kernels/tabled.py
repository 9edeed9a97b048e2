"""The compiled function that lists spikes in order of time.

The words and preconditions are those of :mod:`nwbin.kernels.common`.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from nwbin.kernels.common import helper, kernel

__all__ = ["fill_in_order_of_time"]

# A bucket with more spikes than this would be slow to sort by insertion: the row is left to the caller.
CROWDED = 64


@helper
def _first_at_or_above(values, pos, stop, x):
    """First index in [pos, stop) whose value is at least x: steps that double, then halve."""
    step = 1
    low = pos
    while low < stop and values[low] < x:
        low += step
        step *= 2
    high = min(low, stop)
    low = max(pos, low - step // 2)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def fill_in_order_of_time(
    values, starts, stops, onsets, lo, hi, places, row_ids, unit_ids, time, row_id, unit_id, since, left
):
    """List the spikes of each window in order of time, those at one time in the order of the units.

    lo, hi, onsets : float64 (rows,). Windows come one after another: lo[r + 1] >= hi[r] - so that in order of
    time within each row is in order of time altogether. places : int64 (rows + 1,), where each row's spikes
    go.
    time, since : float64 (spikes,). row_id, unit_id : int64 (spikes,). left : bool (rows,), set where a row's
    spikes lie too close together to be sorted here; they are then in the order of the units.
    """
    cursors = starts.copy()
    most = 0
    for r in range(lo.size):
        most = max(most, places[r + 1] - places[r])
    times = np.empty(most, np.float64)
    owners = np.empty(most, np.int64)
    counts = np.empty(most + 2, np.int64)
    for r in range(lo.size):
        begin = places[r]
        n = 0
        for u in range(starts.size):
            i = _first_at_or_above(values, cursors[u], stops[u], lo[r])
            while i < stops[u] and values[i] < hi[r]:
                times[n] = values[i]
                owners[n] = u
                n += 1
                i += 1
            cursors[u] = i
        if n == 0:
            continue
        least = times[0]
        largest = times[0]
        for k in range(n):
            least = min(least, times[k])
            largest = max(largest, times[k])
        # As many buckets as spikes: a spike's bucket grows with its time, so buckets are in order already.
        scale = (n - 1) / (largest - least) if largest > least else 0.0
        if not scale < 1e300:
            scale = 0.0
        counts[: n + 1] = 0
        for k in range(n):
            counts[int((times[k] - least) * scale) + 1] += 1
        crowd = 0
        for k in range(1, n + 1):
            crowd = max(crowd, counts[k])
            counts[k] += counts[k - 1]
        left[r] = crowd > CROWDED
        for k in range(n):
            place = k
            if not left[r]:
                bucket = int((times[k] - least) * scale)
                place = counts[bucket]
                counts[bucket] += 1
            time[begin + place] = times[k]
            unit_id[begin + place] = owners[k]
        if not left[r]:
            for k in range(begin + 1, begin + n):
                t = time[k]
                if time[k - 1] > t:
                    owner = unit_id[k]
                    at = k
                    while at > begin and time[at - 1] > t:
                        time[at] = time[at - 1]
                        unit_id[at] = unit_id[at - 1]
                        at -= 1
                    time[at] = t
                    unit_id[at] = owner
        for k in range(begin, begin + n):
            unit_id[k] = unit_ids[unit_id[k]]
            row_id[k] = row_ids[r]
            since[k] = time[k] - onsets[r]
