"""The choice of kernel by the shape of the request, and its spread over threads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin.binning._dtypes import CountType
from nwbin.binning._request import RULES, Request
from nwbin.kernels import plain
from nwbin.trains import SpikeTrains

__all__ = ["compiled_is_worth_it", "count", "kernels", "spans"]

# Counts the rows from one up to another; says whether a count is too large.
Piece = Callable[[int, int], bool]

# For tests: "plain" or the name of a kernel, to have that one whatever the request.
force: Literal["plain", "walk", "scatter"] | None = None

# Output that a walking kernel goes over several times, for tile after tile of units; a quarter of a second-level
# cache, which the spikes go through as well.
_CACHE_BYTES = 256 << 10
# Windows that overlap are counted in so many passes at most; those that overlap more, by searches.
_MOST_TURNS = 6
# Loading numba and the cached kernels takes about this long, in nanoseconds. So much may be spent on NumPy
# instead.
_LOADING_NS = 0.25e9
_spent_ns = 0.0


def kernels() -> ModuleType:
    """The compiled functions, imported when first needed: numba takes longer to load than most of nwbin."""
    from nwbin.kernels import compiled

    return compiled


def compiled_is_worth_it(searches: int, units: int) -> bool:
    """Whether to load numba for so many searches by NumPy, in all units together.

    Until loading it would have paid for itself, a process stays with NumPy; from then on, compiled code is
    there and wins except for a handful of windows.
    """
    global _spent_ns
    if force is not None:
        return force != "plain"
    cost = 60.0 * searches + 12_000.0 * units
    if "nwbin.kernels.compiled" in sys.modules:
        return cost > 200_000.0
    if _spent_ns + cost < _LOADING_NS:
        _spent_ns += cost
        return False
    return True


def spans(rows: int, cells: int, units: int, threads: int) -> list[tuple[int, int]]:
    """Cut `rows` into pieces of work, at least one a thread.

    Each piece begins with a search in every unit, so pieces are long enough to make up for it (`cells`
    windows a unit in all); and short enough that threads end together and Ctrl-C is seen.
    """
    if rows == 0:
        return []
    at_least = max(threads if cells * units > 20_000 else 1, cells * units // 50_000_000)
    pieces = min(rows, max(at_least, min(4 * threads, cells // 16_000)))
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
        if not compiled_is_worth_it(2 * n_rows * n_windows * n_units, n_units):
            over = _count_plainly(request, out, kind)
        else:
            scattered = request.edges is not None and _many_bins(request)
            piece = _scatter(request, out, kind, zeroed) if scattered else _walk(request, out, kind)
            cuts = spans(n_rows, n_rows * n_windows, n_units, threads)
            over = any(_threads.run([partial(piece, *cut) for cut in cuts], threads))
    request.trains._check()
    return over


def _count_plainly(request: Request, out: NDArray[Any], kind: CountType) -> bool:
    trains = request.trains
    lo, hi = request.boundaries()
    counts = plain.counts(trains._values, trains._starts, trains._stops, lo, hi)
    np.minimum(counts, 1 if kind.binarize else kind.limit, out=out, casting="unsafe")
    return not kind.binarize and bool((counts > kind.limit).any())


def _many_bins(request: Request) -> bool:
    """Whether putting spikes into bins is less work than finding each bin's ends."""
    if force is not None:
        return force == "scatter"
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
    # Measured, in nanoseconds: a row of a unit begun and its spikes put into bins; a bin's ends found, in
    # passes where presentations overlap little, by searches where they overlap much.
    width = float((hi[:, -1] - lo[:, 0]).mean())
    overlap = width * n_rows / max(float(np.ptp(request.onsets)), 1e-9)
    a_bin = 1.25 if overlap < _MOST_TURNS else 20.0
    return bool(9.0 + 4.5 * spikes < a_bin * n_bins)


def _walk(request: Request, out: NDArray[Any], kind: CountType) -> Piece:
    """Prepare to find the ends of every window among the spikes, for some rows at a time."""
    trains = request.trains
    _, n_windows, n_units = request.shape
    ordered, rows = request.in_order_of_time()
    arrays = trains._values, trains._starts, trains._stops
    # Every window by itself, in order of time.
    cells = out.reshape(-1, n_units)
    within = np.arange(n_windows)
    limit, cap = _limits(kind)
    block = _block(n_units, out.itemsize)
    rates = _rates(trains)
    by_rate = np.argsort(rates).astype(np.uint64)
    rates = rates[by_rate]

    def piece(first: int, last: int) -> bool:
        lo, hi = (ends.ravel() for ends in ordered.part(first, last).boundaries())
        here = (rows[first:last, None] * n_windows + within).ravel()
        if not (lo[1:] >= lo[:-1]).all():
            order = np.argsort(lo, kind="stable")
            lo, hi, here = lo[order], hi[order], here[order]
        # Of windows that overlap at most so many others that follow, every so many-th do not overlap at all.
        turns = max(1, int((np.searchsorted(lo, hi) - np.arange(lo.size)).max()))
        if turns > _MOST_TURNS:
            return bool(kernels().search_counts(*arrays, lo, hi, here, cells, limit, cap, block))
        # Each turn is a pass over the spikes, which takes less time than a search for each window.
        over = False
        for turn in range(turns):
            part = [np.ascontiguousarray(array[turn::turns]) for array in (lo, hi, here)]
            for ends in part[:2]:  # this piece's own, even where nothing was copied
                ends[ends == 0.0] = -0.0  # as pass_counts wants it
            ways = _ways(part[0], rates)
            over |= bool(kernels().pass_counts(*arrays, *part, cells, limit, cap, block, by_rate, ways))
        return over

    return piece


def _ways(lo: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which way of pass_counts suits each unit, by the spikes to be expected in four windows and between them.

    Measured: up to 4.5, 8 spikes are mostly enough for four windows; up to 9.5, 16; up to 18, 8 for one.
    """
    span = np.median(lo[4:] - lo[:-4]) if lo.size > 4 else np.inf  # NaN without a start: any way is right
    return np.digitize(span * rates, (4.5, 9.5, 18.0))


def _rates(trains: SpikeTrains) -> NDArray[np.float64]:
    """Spikes per second of each unit, from the first spike of all to the last."""
    sizes = trains._stops - trains._starts
    some = sizes > 0
    if not some.any():
        return np.zeros(sizes.size)
    first = trains._values[trains._starts[some]].min()
    last = trains._values[trains._stops[some] - 1].max()
    return sizes / max(last - first, 1e-9)


def _block(cells: int, itemsize: int) -> int:
    return max(16, _CACHE_BYTES // (cells * itemsize))


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
