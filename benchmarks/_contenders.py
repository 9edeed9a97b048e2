"""Who else can do the work, each at its best and in its own words. All give (presentations, windows, units).

None of them is nwbin's code, and nwbin has none of theirs: these are their public functions, or the algorithm
as one reads of it, written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from _data import Work


def allensdk(work: Work) -> Any:
    """AllenSDK's algorithm: for each unit, search its train for both ends of every bin."""
    lo, hi = work.ends()
    out = np.zeros(work.shape, np.uint16)
    start: Any = "right" if work.closed == "right" else "left"
    stop: Any = "left" if work.closed == "left" else "right"
    for u, unit in enumerate(work.trains):
        train = work.trains[unit]
        out[:, :, u] = np.searchsorted(train, hi, side=stop) - np.searchsorted(train, lo, side=start)
    return out


def numpy_best(work: Work) -> Any:
    """NumPy: search each edge once; for many bins, put the spikes of each presentation into bins instead."""
    if work.edges is None or work.edges.size < 16:
        return allensdk(work)
    n_rows, n_bins, _ = work.shape
    order = np.argsort(work.onsets, kind="stable")
    onsets = work.onsets[order]
    out = np.zeros(work.shape, np.uint16)
    for u, unit in enumerate(work.trains):
        train = work.trains[unit]
        first = np.searchsorted(train, onsets + work.edges[0])
        sizes = np.searchsorted(train, onsets + work.edges[-1]) - first
        row = np.repeat(np.arange(n_rows), sizes)
        spikes = train[np.arange(row.size) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)]
        bins = np.searchsorted(work.edges, spikes - onsets[row], side="right") - 1
        # The onset taken off rounds otherwise than the edge added: settle by comparing.
        bins = np.clip(bins, 0, n_bins - 1)
        bins -= spikes < onsets[row] + work.edges[bins]
        bins += spikes >= onsets[row] + work.edges[bins + 1]
        counts = np.bincount(order[row] * n_bins + bins, minlength=n_rows * n_bins)
        out[:, :, u] = counts.reshape(n_rows, n_bins)
    return out


def pynapple(work: Work) -> Any:
    """pynapple: TsGroup.count in an IntervalSet, or in bins inside it."""
    import pynapple as nap

    lo, hi = work.ends()
    if work.edges is None or (lo[1:, 0] <= hi[:-1, -1]).any():
        return None  # an IntervalSet joins what overlaps and sorts what is not sorted
    widths = np.diff(work.edges)
    if np.ptp(widths) > 1e-9:
        return None  # one bin width
    group = _group(nap, work)
    intervals = nap.IntervalSet(lo[:, 0], hi[:, -1])
    if work.shape[1] == 1:
        return lambda: np.asarray(group.count(ep=intervals)).reshape(work.shape)
    return lambda: np.asarray(group.count(float(widths[0]), ep=intervals)).reshape(work.shape)


def brainbox(work: Work) -> Any:
    """brainbox (ibllib): get_spike_counts_in_bins."""
    from brainbox.population.decode import get_spike_counts_in_bins

    lo, hi = work.ends()
    if work.shape[1] > 1 or (lo[1:, 0] <= hi[:-1, -1]).any():
        return None
    trains = work.trains
    times = np.concatenate([trains[u] for u in trains])
    units = np.repeat(np.arange(len(trains)), trains.counts)
    order = np.argsort(times, kind="stable")
    times, units = times[order], units[order]
    intervals = np.stack([lo[:, 0], hi[:, 0]], axis=1)
    return lambda: get_spike_counts_in_bins(times, units, intervals)[0].T[:, None, :]


def _group(nap: Any, work: Work) -> Any:
    support = nap.IntervalSet(-1.0, 1e6)
    trains = work.trains
    return nap.TsGroup({i: nap.Ts(trains[u]) for i, u in enumerate(trains)}, time_support=support)


# elephant has no counts around events: BinnedSpikeTrain bins a whole recording evenly, and a SpikeTrain
# object for each presentation and unit would take hours.
PACKAGES: dict[str, tuple[str, Callable[[Work], Any]]] = {
    "pynapple": ("pynapple", pynapple),
    "brainbox": ("ibllib", brainbox),
}


def present() -> dict[str, tuple[str, Callable[[Work], Any]]]:
    """The packages that are installed here: name -> (version, how to prepare the call)."""
    found = {}
    for name, (package, prepare) in PACKAGES.items():
        try:
            found[name] = (version(package), prepare)
        except PackageNotFoundError:
            continue
    return found
