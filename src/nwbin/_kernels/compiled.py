"""Every compiled function of nwbin, all in this one file.

One file, because a cached kernel does not notice a changed helper in another one.

Words and preconditions shared by all kernels
---------------------------------------------
values
    float64, read-only, finite. Unit ``u`` owns ``values[starts[u]:stops[u]]``, ascending. Units may share
    spikes.
starts, stops
    int64 (units,), read-only, ``0 <= starts <= stops <= values.size``.
lo, hi
    A window holds the spikes with ``lo <= t < hi``, whatever the interval rule: a caller that wants ``t <=
    x`` passes the next float64 above ``x`` as ``hi``, and one that wants ``t > x`` passes it as ``lo``. For
    finite ``t`` this is the same comparison exactly, so there is one comparison to compile, and no rounding.
rows
    int64: where row ``r`` of the work goes in the output, so that work can be done in order of time.

Rows are sorted by their first ``lo``. No kernel checks any of this; ``nwbin.binning`` does. All release the
GIL and write to disjoint rows of ``out``, so that any number of threads may share an output.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numba import config, njit, types  # noqa: TID251
from numba.extending import intrinsic  # noqa: TID251

__all__ = [
    "count_rows",
    "fill_aligned",
    "pass_counts",
    "scatter_counts",
    "search_counts",
    "sparse_cells",
]

# Spikes compared at once: two vectors of 8 where there is AVX-512, and as good elsewhere.
LANES = 16

# Units handled together by the walking kernels: enough independent searches in flight to hide one's latency,
# few enough that their spikes stream and their cursors stay in the first-level cache.
TILE = 16

# Spikes of a unit that are put into bins together with the other units'; a unit with more is done by itself.
FEW = 8

# How many spikes ahead of its cursor each unit's train is asked for: far enough for memory to answer in time.
AHEAD = 64

# A compiled function with bounds checks must neither be taken from the cache of one without nor be left
# there: the cache's key does not know the difference.
_SETTINGS: Any = config
_CACHE = not _SETTINGS.BOUNDSCHECK
_PLAIN_LOADS = bool(_SETTINGS.BOUNDSCHECK or _SETTINGS.DISABLE_JIT)


def _kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call; the one place for Numba's options."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if _CACHE:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # "no locator available": no folder to write a cache to
            pass
    return njit(**options)(function)


# For what a loop does in every turn: a call of a compiled function, array arguments and all, takes longer
# than it.
_inlined = njit(nogil=True, error_model="numpy", inline="always")

if _PLAIN_LOADS:

    @_kernel
    def _below(values, pos, x):
        n = 0
        for k in range(LANES):
            if values[pos + k] < x:
                n += 1
        return n

    @_kernel
    def _below_both(values, pos, x, y):
        return _below(values, pos, x), _below(values, pos, y)

else:

    def _load(context, builder, array_type, array, pos):
        """LANES spikes from pos on as a vector, and a function that counts those below a time."""
        ir: Any = import_module("llvmlite.ir")
        data = context.make_array(array_type)(context, builder, array).data
        lanes = ir.VectorType(ir.DoubleType(), LANES)
        # A mapped file may hold its doubles at any byte, so promise no alignment.
        block = builder.load(builder.bitcast(builder.gep(data, [pos]), lanes.as_pointer()), align=1)
        all_first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

        def below(x):
            one = builder.insert_element(ir.Constant(lanes, ir.Undefined), x, ir.IntType(32)(0))
            spread = builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), all_first)
            bits = builder.bitcast(builder.fcmp_ordered("<", block, spread), ir.IntType(LANES))
            return builder.zext(builder.ctpop(bits), ir.IntType(64))

        # Asking for memory past the end is no access, and does no harm.
        byte = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        later = builder.gep(data, [builder.add(pos, ir.IntType(64)(AHEAD))])
        builder.call(prefetch, [builder.bitcast(later, byte), number(0), number(3), number(1)])
        return below

    @intrinsic
    def _below(typingctx, values, pos, x):
        """How many of ``values[pos:pos + LANES]`` are below x: one comparison of vectors, no bounds check."""

        def codegen(context, builder, signature, args):
            return _load(context, builder, signature.args[0], args[0], args[1])(args[2])

        return types.int64(values, types.int64, types.float64), codegen

    @intrinsic
    def _below_both(typingctx, values, pos, x, y):
        """The same for two times at once."""

        def codegen(context, builder, signature, args):
            below = _load(context, builder, signature.args[0], args[0], args[1])
            return context.make_tuple(builder, signature.return_type, [below(args[2]), below(args[3])])

        return types.UniTuple(types.int64, 2)(values, types.int64, types.float64, types.float64), codegen


@_kernel
def _search(values, pos, stop, x):
    """First index in [pos, stop] whose spike is not below x, by halving."""
    n = stop - pos
    while n > 0:
        half = n >> 1
        if values[pos + half] < x:
            pos += half + 1
            n -= half + 1
        else:
            n = half
    return pos


@_kernel
def _advance_far(values, pos, stop, x):
    """The same, for an answer that is probably not far from pos: steps, then doubling steps, then halving."""
    for _ in range(16):
        if pos + LANES > stop:
            while pos < stop and values[pos] < x:
                pos += 1
            return pos
        n = _below(values, pos, x)
        pos += n
        if n < LANES:
            return pos
    step = 4 * LANES
    while pos + step <= stop and values[pos + step - 1] < x:
        pos += step
        step *= 2
    return _search(values, pos, min(stop, pos + step), x)


@_inlined
def _advance(values, pos, stop, x):
    """The same, for an answer that is probably within LANES spikes of pos."""
    if pos + LANES <= stop:
        n = _below(values, pos, x)
        if n < LANES:
            return pos + n
    return _advance_far(values, pos, stop, x)


@_kernel
def _ends_far(values, pos, stop, x, y):
    """Where a window begins and ends, for answers that may be far from pos."""
    a = _advance_far(values, pos, stop, x)
    return a, _advance_far(values, a, stop, y)


@_kernel
def pass_counts(values, starts, stops, lo, hi, rows, out, limit, cap, block):
    """Count in one pass over the spikes, for windows in order that do not overlap.

    lo, hi : float64 (C,); each lo is not below the hi before it.
    out : (N, units), written at ``out[rows[c]]``, every cell. limit : the largest count that out can hold,
    not below LANES. cap : what a larger count is written as (1 to say only whether there is a spike).
    block : rows whose output fits in cache.
    Returns whether a count was larger than limit.
    """
    n_cells = lo.size
    n_units = starts.size
    over = False
    if n_cells == 0:
        return over
    here = np.empty(n_units, np.int64)
    near = np.empty(n_units, np.int64)  # up to here LANES spikes can be loaded
    for u in range(n_units):
        here[u] = _search(values, starts[u], stops[u], lo[0])
        near[u] = stops[u] - LANES
    for c0 in range(0, n_cells, block):
        c1 = min(c0 + block, n_cells)
        for u0 in range(0, n_units, TILE):
            u1 = min(u0 + TILE, n_units)
            for c in range(c0, c1):
                x = lo[c]
                y = hi[c]
                # Unsigned, so that no index is checked for being negative: a third of this loop's
                # instructions.
                row = np.uint64(rows[c])
                for u in range(np.uint64(u0), np.uint64(u1)):
                    pos = here[u]
                    n = 0
                    m = LANES
                    if pos <= near[u]:
                        n, m = _below_both(values, pos, x, y)
                    if m < LANES:
                        here[u] = pos + m
                        out[row, u] = min(m - n, cap)
                    else:
                        a, b = _ends_far(values, pos, near[u] + LANES, x, y)
                        here[u] = b
                        over |= b - a > limit
                        out[row, u] = min(b - a, cap)
    return over


@_kernel
def search_counts(values, starts, stops, lo, hi, rows, out, limit, cap, block):
    """Count by a search for each window from where the one before it starts, for windows that may overlap.

    lo, hi : float64 (C,); lo is non-decreasing. Everything else as in pass_counts.
    """
    n_cells = lo.size
    n_units = starts.size
    over = False
    if n_cells == 0:
        return over
    here = np.empty(n_units, np.int64)
    for u in range(n_units):
        here[u] = _search(values, starts[u], stops[u], lo[0])
    for c0 in range(0, n_cells, block):
        c1 = min(c0 + block, n_cells)
        for u0 in range(0, n_units, TILE):
            u1 = min(u0 + TILE, n_units)
            for c in range(c0, c1):
                row = rows[c]
                for u in range(u0, u1):
                    a = _advance(values, here[u], stops[u], lo[c])
                    b = _advance(values, a, stops[u], hi[c])
                    here[u] = a
                    over |= b - a > limit
                    out[row, u] = min(b - a, cap)
    return over


@_kernel
def _step_up(edges):
    """Each edge to the next float64 above it, in place; infinity stays."""
    bits = edges.view(np.int64)
    for j in range(edges.size):
        x = edges[j]
        if x > 0:
            if x < np.inf:
                bits[j] += 1
        elif x < 0:
            bits[j] -= 1
        else:
            bits[j] = 1


@_kernel
def _bin_of(edges, t, origin, scale, last):
    """The last k up to `last` with edges[k] <= t, for edges[0] <= t: a guess, settled by comparison."""
    k = min(int((t - origin) * scale), last)
    if edges[k] <= t:
        while k < last and edges[k + 1] <= t:
            if k + 2 <= last and edges[k + 2] <= t:  # not even nearly right: uneven bins
                return _last_at_or_below(edges, k + 2, last, t)
            k += 1
        return k
    if edges[k - 1] <= t:
        return k - 1
    return _last_at_or_below(edges, 0, k - 1, t)


@_kernel
def _last_at_or_below(edges, first, last, t):
    """The last k in [first, last] with edges[k] <= t, given edges[first] <= t, by halving."""
    while first < last:
        middle = (first + last + 1) >> 1
        if edges[middle] <= t:
            first = middle
        else:
            last = middle - 1
    return first


@_kernel
def _lay_edges(edges, row, onset, rule, absolute):
    """A row's edges in session time, made half-open; returns the last one's end and the guess's terms.

    rule : 0 [a, b), 1 (a, b], 2 [a, b].
    """
    n_bins = edges.shape[1] - 1
    for j in range(n_bins + 1):
        absolute[j] = onset + edges[row, j]
    absolute[n_bins + 1] = np.inf
    end = absolute[n_bins]
    if rule == 1:
        _step_up(absolute)
        end = absolute[n_bins]
    elif rule == 2:
        one = np.empty(1, np.float64)
        one[0] = end
        _step_up(one)
        end = one[0]
    origin = 0.0
    scale = 0.0  # no guess
    if absolute[0] > -1e300 and absolute[n_bins] < 1e300 and absolute[n_bins] - absolute[0] > 1e-280:
        origin = absolute[0]
        scale = n_bins / (absolute[n_bins] - origin)
    return end, origin, scale


@_kernel
def scatter_counts(values, starts, stops, onsets, edges, rows, out, rule, disjoint, binarize, zero, limit):
    """Count by putting each spike into its bin. For many bins with few spikes each.

    onsets : float64 (R,). edges : float64 (1 or R, B + 1), non-decreasing in each row, seconds from onset.
    out : (N, B, units), written at ``out[rows[r]]``; rows go outside and units inside, so that the part being
    written stays in cache. zero : clear those rows first (else they are all zero already).
    rule : 0 [a, b), 1 (a, b], 2 [a, b]. disjoint : no row starts before the one before it stops.
    limit : the largest count that out can hold, not below LANES.
    Returns whether a count was larger than limit (limit is then written for it).
    """
    n_units = starts.size
    n_bins = edges.shape[1] - 1
    over = False
    if onsets.size == 0:
        return over
    absolute = np.empty(n_bins + 2, np.float64)
    here = np.empty(n_units, np.int64)
    near = np.empty(n_units, np.int64)  # up to here LANES spikes can be compared, and FEW more be read
    # The spikes of a row, of one unit after the other. Each unit's are copied FEW at a time, whether there
    # are as many or not, and the next unit's written over what is too much: no branch hangs on a number of
    # spikes, and none is mispredicted.
    times = np.empty(n_units * FEW + FEW, np.float64)
    units = np.empty(n_units * FEW + FEW, np.int64)
    for r in range(onsets.size):
        row = np.uint64(rows[r])
        end, origin, scale = _lay_edges(edges, r if edges.shape[0] > 1 else 0, onsets[r], rule, absolute)
        begin = absolute[0]
        if r == 0:
            for u in range(n_units):
                here[u] = _search(values, starts[u], stops[u], begin)
                near[u] = min(stops[u] - LANES, values.size - LANES - FEW)
        if zero:
            for j in range(n_bins):
                for u in range(n_units):
                    out[row, j, u] = 0
        size = np.uint64(0)
        for u in range(np.uint64(n_units)):
            pos = here[u]
            n = 0
            m = LANES
            if pos <= near[u]:
                n, m = _below_both(values, pos, begin, end)
            if m < LANES and m - n <= FEW:
                for k in range(np.uint64(FEW)):
                    times[size + k] = values[np.uint64(pos + n) + k]
                    units[size + k] = u
                size += np.uint64(m - n)
                here[u] = pos + (m if disjoint else n)
            else:
                a, b = _ends_far(values, pos, stops[u], begin, end)
                here[u] = b if disjoint else a
                over |= _scatter_train(
                    values, a, b, absolute, rule, origin, scale, out, row, u, binarize, limit
                )
        for i in range(size):
            t = times[i]
            k = int((t - origin) * scale)
            # A guess by division, settled by comparison; beyond the last edge stands infinity.
            if not (k <= n_bins and absolute[k] <= t and t < absolute[k + 1]):
                k = _bin_of(absolute, t, origin, scale, n_bins)
            edge = rule == 2 and absolute[k] == t  # then it belongs to the bin before, too
            if k == n_bins:
                k -= 1
            while True:
                if binarize:
                    out[row, np.uint64(k), np.uint64(units[i])] = 1
                else:
                    out[row, np.uint64(k), np.uint64(units[i])] += 1
                if not edge or k == 0 or absolute[k] != t:
                    break
                k -= 1
    return over


@_kernel
def _scatter_train(values, first, stop, absolute, rule, origin, scale, out, row, u, binarize, limit):
    """The same for one unit's spikes [first, stop) of a row, however many, by every rule and with care."""
    n_bins = out.shape[1]
    over = False
    for i in range(first, stop):
        t = values[i]
        k = _bin_of(absolute, t, origin, scale, n_bins)
        edge = rule == 2 and absolute[k] == t
        if k == n_bins:
            k -= 1
        while True:
            if binarize:
                out[row, k, u] = 1
            elif out[row, k, u] >= limit:
                over = True
            else:
                out[row, k, u] += 1
            if not edge or k == 0 or absolute[k] != t:
                break
            k -= 1
    return over


@_kernel
def count_rows(values, starts, stops, lo, hi, disjoint, totals):
    """How many spikes of all units lie in each row's window. lo, hi : float64 (R,). totals : int64 (R,)."""
    n_units = starts.size
    if lo.size == 0:
        return
    totals[:] = 0
    for u0 in range(0, n_units, TILE):
        u1 = min(u0 + TILE, n_units)
        base = np.empty(u1 - u0, np.int64)
        for u in range(u0, u1):
            base[u - u0] = _search(values, starts[u], stops[u], lo[0])
        for r in range(lo.size):
            n = 0
            for u in range(u0, u1):
                a = _advance(values, base[u - u0], stops[u], lo[r])
                b = _advance(values, a, stops[u], hi[r])
                base[u - u0] = b if disjoint else a
                n += b - a
            totals[r] += n


@_kernel
def fill_aligned(values, starts, stops, onsets, lo, hi, disjoint, rows, places, presentation, unit, time):
    """Write every spike in each row's window, by unit and time, from index ``places[r]`` on.

    onsets, lo, hi : float64 (R,). presentation, unit : int64; time : float64; long enough.
    """
    n_units = starts.size
    if lo.size == 0:
        return
    base = np.empty(n_units, np.int64)
    for u in range(n_units):
        base[u] = _search(values, starts[u], stops[u], lo[0])
    for r in range(lo.size):
        at = places[r]
        row = rows[r]
        onset = onsets[r]
        for u in range(n_units):
            stop = stops[u]
            i = _advance(values, base[u], stop, lo[r])
            first = i
            while i < stop and values[i] < hi[r]:
                presentation[at] = row
                unit[at] = u
                time[at] = values[i] - onset
                at += 1
                i += 1
            base[u] = i if disjoint else first


@_kernel
def sparse_cells(
    values, starts, stops, onsets, edges, rows, rule, disjoint, fill, places, presentation, bins, unit, counts
):
    """The cells that hold a spike, by unit and bin. Arguments as in scatter_counts.

    With fill False, write each row's number of cells to ``places[r]`` (int64). With fill True, write the
    cells from index ``places[r]`` on to presentation, bins, unit, counts (int64, long enough).
    """
    n_units = starts.size
    n_bins = edges.shape[1] - 1
    if onsets.size == 0:
        return
    absolute = np.empty(n_bins + 2, np.float64)
    base = np.empty(n_units, np.int64)
    for r in range(onsets.size):
        end, origin, scale = _lay_edges(edges, r if edges.shape[0] > 1 else 0, onsets[r], rule, absolute)
        begin = absolute[0]
        if r == 0:
            for u in range(n_units):
                base[u] = _search(values, starts[u], stops[u], begin)
        start = places[r] if fill else 0
        at = start - 1  # the cell being counted; cells come in ascending order of bin within a unit
        for u in range(n_units):
            stop = stops[u]
            first = _advance(values, base[u], stop, begin)
            i = first
            current = -1
            while i < stop and values[i] < end:
                t = values[i]
                same = 1
                while i + same < stop and values[i + same] == t:
                    same += 1
                k1 = _bin_of(absolute, t, origin, scale, n_bins)
                k0 = k1
                if rule == 2:  # an edge belongs to the bins on both its sides
                    while k0 > 0 and absolute[k0] == t:
                        k0 -= 1
                    k1 = min(k1, n_bins - 1)
                for k in range(k0, k1 + 1):
                    if k != current:
                        at += 1
                        current = k
                        if fill:
                            presentation[at] = rows[r]
                            bins[at] = k
                            unit[at] = u
                            counts[at] = 0
                    if fill:
                        counts[at] += same
                i += same
            base[u] = i if disjoint else first
        if not fill:
            places[r] = at + 1
