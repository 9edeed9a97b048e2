"""What the compiled functions share: Numba's options, comparing many spikes at once, and searches.

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
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numba import config, njit, types
from numba.extending import intrinsic

from nwbin.kernels.cache import kept

__all__ = [
    "FEW",
    "FOUR",
    "HALF",
    "LANES",
    "TILE",
    "advance",
    "below",
    "below_both",
    "copy_few",
    "ends_far",
    "four_counts",
    "half_below_both",
    "half_four_counts",
    "helper",
    "kernel",
    "search",
]

# Spikes compared at once: two vectors of 8 where there is AVX-512, and as good elsewhere. Loads are not checked,
# so whoever compares LANES, or HALF, from a position on must know that as many are left.
LANES = 16
HALF = LANES // 2

# Windows counted together, where they hold few spikes.
FOUR = 4

# Units handled together by the walking kernels: enough independent searches in flight to hide one's latency,
# few enough that their spikes stream and their cursors stay in the first-level cache.
TILE = 16

# Spikes of a unit that are put into bins together with the other units'; a unit with more is done by itself.
FEW = 8

# How many spikes ahead of its cursor each unit's train is asked for: far enough for memory to answer in time.
AHEAD = 64

_SETTINGS: Any = config
_PLAIN_LOADS = bool(_SETTINGS.BOUNDSCHECK or _SETTINGS.DISABLE_JIT)

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call; the one place for Numba's options."""
    compile_ = partial(njit, **_OPTIONS)
    # A compiled function with bounds checks must neither be taken from the cache of one without nor be left
    # there: the cache's key does not know the difference.
    return compile_(function) if _PLAIN_LOADS else kept(function, compile_)


# For what a loop does in every turn: a call of a compiled function, array arguments and all, takes longer
# than it.
_inlined = njit(inline="always", **_OPTIONS)

# For what only kernels call. It is part of them in their cache, and needs no cache of its own.
helper = njit(**_OPTIONS)

if _PLAIN_LOADS:

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
            # As below, in words that every setting understands; and which care about no zero's sign.
            n = np.zeros(FOUR, np.int64)
            last = 0
            for k in range(width):
                for c in range(FOUR):
                    n[c] += lo[at + c] <= values[pos + k] < hi[at + c]
                last += values[pos + k] < hi[at + FOUR - 1]
            return n[0], n[1], n[2], n[3], last

        return count

    @helper
    def copy_few(values, pos, less, target, at):
        for k in range(FEW):
            target[at + k] = values[pos + k] - less

else:

    def _ask_for(builder, place):
        """Have memory brought near. Past the end this is no access, and does no harm."""
        ir: Any = import_module("llvmlite.ir")
        byte = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        builder.call(prefetch, [builder.bitcast(place, byte), number(0), number(3), number(1)])

    def _load(context, builder, array_type, array, pos, width=LANES):
        """``width`` spikes from pos on as a vector, and a function that counts those below a time."""
        ir: Any = import_module("llvmlite.ir")
        data = context.make_array(array_type)(context, builder, array).data
        lanes = ir.VectorType(ir.DoubleType(), width)
        # A mapped file may hold its doubles at any byte, so promise no alignment.
        block = builder.load(builder.bitcast(builder.gep(data, [pos]), lanes.as_pointer()), align=1)
        all_first = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)

        def below(x):
            one = builder.insert_element(ir.Constant(lanes, ir.Undefined), x, ir.IntType(32)(0))
            spread = builder.shuffle_vector(one, ir.Constant(lanes, ir.Undefined), all_first)
            bits = builder.bitcast(builder.fcmp_ordered("<", block, spread), ir.IntType(width))
            return builder.zext(builder.ctpop(bits), ir.IntType(64))

        _ask_for(builder, builder.gep(data, [builder.add(pos, ir.IntType(64)(AHEAD))]))
        return below

    @intrinsic
    def below(typingctx, values, pos, x):
        """How many of ``values[pos:pos + LANES]`` are below x: one comparison of vectors, no bounds check."""

        def codegen(context, builder, signature, args):
            return _load(context, builder, signature.args[0], args[0], args[1])(args[2])

        return types.int64(values, types.int64, types.float64), codegen

    @intrinsic
    def below_both(typingctx, values, pos, x, y):
        """The same for two times at once."""

        def codegen(context, builder, signature, args):
            below = _load(context, builder, signature.args[0], args[0], args[1])
            return context.make_tuple(builder, signature.return_type, [below(args[2]), below(args[3])])

        return types.UniTuple(types.int64, 2)(values, types.int64, types.float64, types.float64), codegen

    @intrinsic
    def half_below_both(typingctx, values, pos, x, y):
        """The same for HALF as many spikes."""

        def codegen(context, builder, signature, args):
            below = _load(context, builder, signature.args[0], args[0], args[1], HALF)
            return context.make_tuple(builder, signature.return_type, [below(args[2]), below(args[3])])

        return types.UniTuple(types.int64, 2)(values, types.int64, types.float64, types.float64), codegen

    def _four_counts(width):
        @intrinsic
        def count(typingctx, values, pos, lo, hi, at):
            """Of the first ``width`` spikes from pos on: how many lie in each of FOUR windows from ``at`` on, and
            how many below the end of the last.

            Each spike is compared with all ends at once, by the sign of ``t - x``, which is set exactly where
            ``t < x``; provided that every zero in lo and hi is -0.0, for -0.0 - 0.0 is -0.0. Comparing as
            such would go through mask registers, of which fewer can be handled at a time.
            """

            def codegen(context, builder, signature, args):
                ir: Any = import_module("llvmlite.ir")
                number, whole, double = ir.IntType(32), ir.IntType(64), ir.DoubleType()
                times, counts = ir.VectorType(double, 2 * FOUR), ir.VectorType(whole, 2 * FOUR)

                def pointer(i, at):
                    data = context.make_array(signature.args[i])(context, builder, args[i]).data
                    return builder.gep(data, [at])

                def lanes(vector, *which):
                    return builder.shuffle_vector(
                        vector, vector, ir.Constant(ir.VectorType(number, len(which)), list(which))
                    )

                four = ir.VectorType(double, FOUR).as_pointer()
                begin, end = (
                    builder.load(builder.bitcast(pointer(i, args[4]), four), align=8) for i in (2, 3)
                )
                ends = builder.shuffle_vector(
                    begin, end, ir.Constant(ir.VectorType(number, 2 * FOUR), list(range(2 * FOUR)))
                )
                spikes = pointer(0, args[1])
                for k in range(0, width, 8):
                    _ask_for(builder, builder.gep(spikes, [number(AHEAD + k)]))
                below = ir.Constant(counts, [0] * 2 * FOUR)
                sign = ir.Constant(counts, [63] * 2 * FOUR)
                for k in range(width):
                    spike = builder.load(builder.gep(spikes, [number(k)]), align=1)
                    one = builder.insert_element(ir.Constant(times, ir.Undefined), spike, number(0))
                    less = builder.fsub(lanes(one, *[0] * 2 * FOUR), ends)
                    below = builder.add(below, builder.lshr(builder.bitcast(less, counts), sign))
                inside = builder.sub(lanes(below, *range(FOUR, 2 * FOUR)), lanes(below, *range(FOUR)))
                found = [builder.extract_element(inside, number(c)) for c in range(FOUR)]
                found.append(builder.extract_element(below, number(2 * FOUR - 1)))
                return context.make_tuple(builder, signature.return_type, found)

            return types.UniTuple(types.int64, FOUR + 1)(values, types.int64, lo, hi, types.int64), codegen

        return count

    @intrinsic
    def copy_few(typingctx, values, pos, less, target, at):
        """``target[at:at + FEW] = values[pos:pos + FEW] - less``, as one vector, no bounds check."""

        def codegen(context, builder, signature, args):
            ir: Any = import_module("llvmlite.ir")
            vector = ir.VectorType(ir.DoubleType(), FEW)
            source, to = (
                builder.bitcast(
                    builder.gep(
                        context.make_array(signature.args[i])(context, builder, args[i]).data, [args[i + 1]]
                    ),
                    vector.as_pointer(),
                )
                for i in (0, 3)
            )
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), args[2], ir.IntType(32)(0))
            all_first = ir.Constant(ir.VectorType(ir.IntType(32), FEW), [0] * FEW)
            spread = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), all_first)
            builder.store(builder.fsub(builder.load(source, align=1), spread), to, align=1)
            return context.get_dummy_value()

        return types.void(values, types.int64, types.float64, target, types.int64), codegen


half_four_counts = _four_counts(HALF)
four_counts = _four_counts(LANES)


@helper
def search(values, pos, stop, x):
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


@helper
def _advance_far(values, pos, stop, x):
    """The same, for an answer that is probably not far from pos: steps, then doubling steps, then halving."""
    for _ in range(16):
        if pos + LANES > stop:
            while pos < stop and values[pos] < x:
                pos += 1
            return pos
        n = below(values, pos, x)
        pos += n
        if n < LANES:
            return pos
    step = 4 * LANES
    while pos + step <= stop and values[pos + step - 1] < x:
        pos += step
        step *= 2
    return search(values, pos, min(stop, pos + step), x)


@_inlined
def advance(values, pos, stop, x):
    """The same, for an answer that is probably within LANES spikes of pos."""
    if pos + LANES <= stop:
        n = below(values, pos, x)
        if n < LANES:
            return pos + n
    return _advance_far(values, pos, stop, x)


@helper
def ends_far(values, pos, stop, x, y):
    """Where a window begins and ends, for answers that may be far from pos."""
    a = _advance_far(values, pos, stop, x)
    return a, _advance_far(values, a, stop, y)
