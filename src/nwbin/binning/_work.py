"""The choice of kernel by the shape of the request, and its spread over threads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin.binning._dtypes import CountType
from nwbin.binning._request import RULES, Request
from nwbin.kernels import plain
from nwbin.trains import SpikeTrains

__all__ = ["Way", "compiled_is_worth_it", "count", "counting_by", "kernels", "spans"]

Way: TypeAlias = Literal["auto", "plain", "walk", "scatter"]
# Counts the rows from one up to another; says whether a count is too large.
Piece: TypeAlias = Callable[[int, int], bool]

_way: ContextVar[Way] = ContextVar("nwbin_way", default="auto")

# Output that a walking kernel goes over several times, for tile after tile of units; a quarter of a second-level
# cache, which the spikes go through as well.
_CACHE_BYTES = 256 << 10
# Windows with more spikes than this, if not of one length, are counted length by length.
_FAR = 32
# Windows that window_counts counts together.
_TOGETHER = 8
# Loading numba takes half of this, in nanoseconds, and a first kernel from the cache, with all that Numba then
# loads (SciPy too), the other half; on one thread. So much may be spent on NumPy instead.
_LOADING_NS = 0.5e9
_spent_ns = 0.0
# Units whose counts NumPy makes as one piece of work: between two of them Ctrl-C is seen, and few are held twice.
_PLAIN_UNITS = 16


@contextmanager
def counting_by(way: Way) -> Iterator[None]:
    """Count in one way whatever the request, in this thread or task: to compare them; all give the same.

    Parameters
    ----------
    way
        "plain" is NumPy alone, "walk" goes along the spikes window after window, "scatter" puts each spike into
        its bin. "auto", which is the rule, takes what is quickest.

    Examples
    --------
    >>> with counting_by("plain"):
    ...     nwbin.bin_spikes({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], [0.0, 0.5]).ravel()
    array([2, 1], dtype=uint16)
    """
    before = _way.set(way)
    try:
        yield
    finally:
        _way.reset(before)


def kernels() -> ModuleType:
    """The compiled functions, imported when first needed: numba takes longer to load than most of nwbin."""
    from nwbin.kernels import compiled

    return compiled


def compiled_is_worth_it(searches: int, units: int, threads: int = 1) -> bool:
    """Whether to load numba for so many searches by NumPy, in all units together, shared by so many threads.

    Until loading it would have paid for itself, a process stays with NumPy; from then on, compiled code is
    there and wins except for a handful of windows.
    """
    global _spent_ns
    if _way.get() != "auto":
        return _way.get() != "plain"
    cost = 50.0 * searches + 12_000.0 * units
    if "nwbin.kernels.compiled" in sys.modules:
        return cost > 200_000.0
    cost /= min(threads, 4)  # of what NumPy does, the interpreter lets no more be done side by side
    if _spent_ns + cost < _LOADING_NS:
        _spent_ns += cost
        return False
    return True


def spans(rows: int, cells: int, units: int, threads: int) -> list[tuple[int, int]]:
    """Cut `rows` into pieces of work, at least one a thread.

    Each piece begins with a search in every unit, so pieces are long enough to make up for it (`cells`
    windows a unit in all); and short enough, and as many for each thread, that threads end together and Ctrl-C is
    seen.
    """
    if rows == 0:
        return []
    at_least = max(threads if cells * units > 20_000 else 1, cells * units // 50_000_000)
    pieces = max(at_least, min(4 * threads, cells // 16_000))
    if pieces > threads:  # as many for each: of three pieces, one of two threads would wait for half its time
        pieces = -(-pieces // threads) * threads
    pieces = min(rows, pieces)
    return list(pairwise(np.linspace(0, rows, pieces + 1).astype(int).tolist()))


def count(request: Request, out: NDArray[Any], kind: CountType, threads: int, zeroed: bool) -> bool:
    """Count into out (presentations, windows, units), C-contiguous, of dtype kind.kernel.

    `zeroed` says that out holds zeros. Returns whether a count is larger than kind.limit.
    """
    n_rows, n_windows, n_units = request.shape
    if out.size == 0:
        return False
    # Times that are far off overflow to infinity, which is what they mean.
    with np.errstate(over="ignore", invalid="ignore"):
        if not compiled_is_worth_it(2 * n_rows * n_windows * n_units, n_units, threads):
            over = _count_plainly(request, out, kind, threads)
        else:
            scattered = request.edges is not None and _many_bins(request)
            piece = _scatter(request, out, kind, zeroed) if scattered else _walk(request, out, kind)
            cuts = spans(n_rows, n_rows * n_windows, n_units, threads)
            over = any(_threads.run([partial(piece, *cut) for cut in cuts], threads))
    request.trains._check()
    return over


def _count_plainly(request: Request, out: NDArray[Any], kind: CountType, threads: int) -> bool:
    trains = request.trains
    values, starts, stops = trains._values, trains._starts, trains._stops
    lo, hi = request.boundaries()

    def some(first: int) -> bool:
        units = slice(first, first + _PLAIN_UNITS)
        counts = plain.counts(values, starts[units], stops[units], lo, hi)
        np.minimum(counts, 1 if kind.binarize else kind.limit, out=out[:, :, units], casting="unsafe")
        return not kind.binarize and bool((counts > kind.limit).any())

    pieces = [partial(some, first) for first in range(0, starts.size, _PLAIN_UNITS)]
    return any(_threads.run(pieces, threads if lo.size * starts.size > 20_000 else 1))


def _many_bins(request: Request) -> bool:
    """Whether putting spikes into bins is less work than finding each bin's ends."""
    if _way.get() != "auto":
        return _way.get() == "scatter"
    n_rows, n_bins, n_units = request.shape
    if n_bins == 1:
        return False
    rows = request._rows(np.unique(np.linspace(0, n_rows - 1, 16).astype(np.int64)))
    lo, hi = rows.boundaries()
    trains = request.trains
    units = np.unique(np.linspace(0, n_units - 1, 16).astype(np.int64))
    spikes = plain.counts(
        trains._values, trains._starts[units], trains._stops[units], lo[:, :1], hi[:, -1:]
    ).mean()
    # Measured, in nanoseconds: a row of a unit begun and its spikes put into bins; a bin's ends found.
    return bool(9.0 + 4.5 * spikes < 1.75 * n_bins)


def _walk(request: Request, out: NDArray[Any], kind: CountType) -> Piece:
    """Prepare to find the ends of every window among the spikes, for some rows at a time."""
    trains = request.trains
    _, n_windows, n_units = request.shape
    ordered, rows = request.in_order_of_time()
    cells = out.reshape(-1, n_units)
    within = np.arange(n_windows)
    limit, cap = _limits(kind)
    block = max(16, _CACHE_BYTES // (n_units * out.itemsize) // _TOGETHER * _TOGETHER)
    rates = _rates(trains)
    by_rate = np.argsort(rates).astype(np.uint64)

    def one_pass(lo: NDArray[np.float64], hi: NDArray[np.float64], here: NDArray[np.int64]) -> bool:
        if not (lo[1:] >= lo[:-1]).all():
            order = np.argsort(lo, kind="stable")
            lo, hi, here = lo[order], hi[order], here[order]
        reach, ways = _ways(lo, hi, rates[by_rate])
        return bool(
            kernels().window_counts(
                trains._values, trains._starts, trains._stops, lo, hi, reach, here, cells, limit, cap, block,
                by_rate, ways,
            )
        )  # fmt: skip

    def piece(first: int, last: int) -> bool:
        lo, hi = ordered.part(first, last).boundaries()
        here = rows[first:last, None] * n_windows + within
        # Every window by itself, in order of time; but long ones of several lengths by their lengths, for ends that
        # are not in order have to be looked for each from its start.
        if n_windows > 1 and float((hi - lo).mean() * rates.mean()) > _FAR:
            columns = [[np.ascontiguousarray(array[:, w]) for array in (lo, hi, here)] for w in within]
        else:
            columns = [[array.ravel() for array in (lo, hi, here)]]
        return any(one_pass(*column) for column in columns)

    return piece


def _ways(
    lo: NDArray[np.float64], hi: NDArray[np.float64], rates: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Say of window_counts' windows how far each eight reach, and which way suits units of these rates.

    By the spikes to be expected until the next window's start. Measured: eight windows go together up to 30, where
    they share most of their spikes up to 60; one by one, 8 are mostly enough up to 4.5; up to 14, 16 or 32.
    """
    whole = lo.size // _TOGETHER * _TOGETHER
    reach = hi[:whole].reshape(-1, _TOGETHER).max(axis=1)
    if reach.size < 2:
        return np.full(reach.size, np.inf), np.full(rates.size, 2)
    follows = np.append(lo[_TOGETHER:whole:_TOGETHER], reach[-1])
    before = np.append(lo[0], lo[_TOGETHER - 1 : whole - 1 : _TOGETHER])
    spans = np.maximum(reach, follows) - before
    eight = np.median(spans)
    # Where eight windows lie on both sides of a long pause, the spikes in it are not to be gone through one by one.
    reach[(spans > 3 * eight) & (spans * np.median(rates) > 30.0)] = np.inf
    one = np.median(np.maximum(hi[:-1], lo[1:]) - lo[:-1])
    # NaN, where windows have no start, is as good as far.
    crowded = 60.0 if eight < 3 * one else 30.0
    return reach, np.where(eight * rates < crowded, 0, 1 + np.digitize(one * rates, (4.5, 14.0)))


def _rates(trains: SpikeTrains) -> NDArray[np.float64]:
    """Spikes per second of each unit, from the first spike of all to the last."""
    sizes = trains._stops - trains._starts
    some = sizes > 0
    if not some.any():
        return np.zeros(sizes.size)
    first = trains._values[trains._starts[some]].min()
    last = trains._values[trains._stops[some] - 1].max()
    return sizes / max(last - first, 1e-9)


def _scatter(request: Request, out: NDArray[Any], kind: CountType, zeroed: bool) -> Piece:
    """Prepare to put every spike into its bin, for some rows at a time."""
    trains = request.trains
    n_bins = request.shape[1]
    ordered, rows = request.in_order_of_time()
    disjoint = rows_are_disjoint(ordered)
    limit, _ = _limits(kind)
    kernel = kernels().scatter_counts

    def piece(first: int, last: int) -> bool:
        part = ordered.part(first, last)
        assert part.edges is not None
        return bool(
            kernel(
                trains._values, trains._starts, trains._stops, part.onsets, part.edges, rows[first:last],
                out.reshape(-1), RULES[part.closed], disjoint, kind.binarize, not zeroed, limit, *workspace(n_bins),
            )
        )  # fmt: skip

    return piece


def workspace(bins: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Memory for a row's edges, and the same memory as integers: made here, it need not be compiled."""
    edges = np.empty(bins + 2)
    return edges, edges.view(np.int64)


def rows_are_disjoint(ordered: Request) -> bool:
    """Whether each presentation's first bin starts where the last of the one before stops, or later."""
    ends = Request(
        ordered.trains, ordered.onsets, ordered.begin[:, :1], ordered.end[:, -1:], None, ordered.closed, ""
    )
    lo, hi = ends.boundaries()
    return bool((lo[1:, 0] >= hi[:-1, 0]).all())


def _limits(kind: CountType) -> tuple[int, int | None]:
    """Which counts are too large; and 1 if all are to be written as 0 or 1, else None."""
    return (int(np.iinfo(np.int64).max), 1) if kind.binarize else (kind.limit, None)
