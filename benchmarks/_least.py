"""The least that must be done for each presentation of each unit by whoever looks at it at all.

The bound is what moving the bytes takes. Between it and any counting lies this: eight spikes are loaded, compared with
both ends of the window, and a number is written, with as little around it as can be. The numbers are wrong where more
than eight spikes lie before a window's end; counting has to see that, too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from _data import Work, afresh

from nwbin.kernels.common import HALF, compiled, half_below_both

UNITS, ROWS = 64, 128  # handled together: of several tried, the quickest


@compiled
def _look_at_each(values: Any, here: Any, near: Any, lo: Any, hi: Any, out: Any) -> None:
    """Out (windows, units). here : where each unit begins; near : from where on HALF can no longer be loaded."""
    for r0 in range(0, lo.size, ROWS):
        for u0 in range(0, here.size, UNITS):
            for r in range(r0, min(r0 + ROWS, lo.size)):
                x = lo[r]
                y = hi[r]
                for u in range(np.uint64(u0), np.uint64(min(u0 + UNITS, here.size))):
                    n, m = half_below_both(values, here[u], x, y)
                    out[np.uint64(r), u] = m - n
                    here[u] = min(here[u] + n, near[u])


def least(work: Work, threads: int) -> Callable[[], None] | None:
    """What does it, in an output written afresh; None unless there is one window a presentation."""
    trains = work.trains
    starts, stops = trains._starts, trains._stops
    if work.shape[1] != 1 or trains._values.size < HALF:
        return None
    lo, hi = (ends[:, 0] for ends in work.ends())
    order = np.argsort(lo, kind="stable")
    lo, hi = lo[order], hi[order]
    near = np.maximum(stops - HALF, 0)
    pool = ThreadPoolExecutor(threads)
    cuts = list(pairwise(np.linspace(0, lo.size, threads + 1).astype(int)))

    def some(cut: tuple[int, int], out: Any) -> None:
        begin = [
            a + np.searchsorted(trains._values[a:b], lo[cut[0]]) for a, b in zip(starts, stops, strict=True)
        ]
        part = slice(*cut)
        _look_at_each(trains._values, np.minimum(begin, near), near, lo[part], hi[part], out[part])

    def run() -> None:
        out = afresh(2 * lo.size * starts.size).view(np.uint16).reshape(lo.size, -1)
        for share in [pool.submit(some, cut, out) for cut in cuts]:
            share.result()

    return run
