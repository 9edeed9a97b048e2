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

from nwbin.kernels.cache import kept
from nwbin.kernels.settings import config, intrinsic, njit, types

__all__ = [
    "FEW",
    "FOUR",
    "HALF",
    "LANES",
    "TILE",
    "advance_far",
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
_CHECKED = bool(_SETTINGS.BOUNDSCHECK or _SETTINGS.DISABLE_JIT)

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call; the one place for Numba's options."""
    compile_ = partial(njit, **_OPTIONS)
    # A compiled function with bounds checks must neither be taken from the cache of one without nor be left
    # there: the cache's key does not know the difference.
    return compile_(function) if _CHECKED else kept(function, compile_, plain_loads=_PLAIN_LOADS)


# For what only kernels call. It is part of them in their cache, and needs no cache of its own.
helper = njit(**_OPTIONS)


def _ask_for(builder, place):
    """Have memory brought near. Past the end this is no access, and does no harm."""
    ir: Any = import_module("llvmlite.ir")
    byte = ir.IntType(8).as_pointer()
    number = ir.IntType(32)
    prefetch = builder.module.declare_intrinsic(
        "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    )
    builder.call(prefetch, [builder.bitcast(place, byte), number(0), number(3), number(1)])


def _data(context, builder, signature, args, i):
    """Where the numbers of an array begin that is the i-th argument."""
    return context.make_array(signature.args[i])(context, builder, args[i]).data


def _load(builder, data, pos, width=LANES):
    """``width`` spikes from pos on as a vector, and a function that counts those below a time."""
    ir: Any = import_module("llvmlite.ir")
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


def _can_compare() -> bool:
    """Whether llvmlite has the words for comparing vectors: those of typed pointers are going to leave it."""
    try:
        ir: Any = import_module("llvmlite.ir")
        number, double = ir.IntType(64), ir.DoubleType()
        kind = ir.FunctionType(ir.VoidType(), [double.as_pointer(), number, double])
        function = ir.Function(ir.Module(), kind, "probe")
        data, pos, x = function.args
        _load(ir.IRBuilder(function.append_basic_block()), data, pos)(x)
    except (ImportError, AttributeError, TypeError):
        return False
    return True


# In words that every version and setting understands; slower, but the same.
_PLAIN_LOADS = _CHECKED or not _can_compare()

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
            n = np.zeros(FOUR, np.int64)
            start = end = 0
            for k in range(width):
                for c in range(FOUR):
                    n[c] += lo[at + c] <= values[pos + k] < hi[at + c]
                start += values[pos + k] < lo[at + FOUR - 1]
                end += values[pos + k] < hi[at + FOUR - 1]
            return n[0], n[1], n[2], n[3], start, end

        return count

    @helper
    def copy_few(values, pos, less, target, at):
        for k in range(FEW):
            target[at + k] = values[pos + k] - less

else:

    @intrinsic
    def below(typingctx, values, pos, x):
        """How many of ``values[pos:pos + LANES]`` are below x: one comparison of vectors, no bounds check."""

        def codegen(context, builder, signature, args):
            return _load(builder, _data(context, builder, signature, args, 0), args[1])(args[2])

        return types.int64(values, types.int64, types.float64), codegen

    @intrinsic
    def below_both(typingctx, values, pos, x, y):
        """The same for two times at once."""

        def codegen(context, builder, signature, args):
            below = _load(builder, _data(context, builder, signature, args, 0), args[1])
            return context.make_tuple(builder, signature.return_type, [below(args[2]), below(args[3])])

        return types.UniTuple(types.int64, 2)(values, types.int64, types.float64, types.float64), codegen

    @intrinsic
    def half_below_both(typingctx, values, pos, x, y):
        """The same for HALF as many spikes."""

        def codegen(context, builder, signature, args):
            below = _load(builder, _data(context, builder, signature, args, 0), args[1], HALF)
            return context.make_tuple(builder, signature.return_type, [below(args[2]), below(args[3])])

        return types.UniTuple(types.int64, 2)(values, types.int64, types.float64, types.float64), codegen

    def _four_counts(width):
        @intrinsic
        def count(typingctx, values, pos, lo, hi, at):
            """Of the first ``width`` spikes from pos on: how many lie in each of FOUR windows from ``at`` on, and
            how many below the start and the end of the last.
            """

            def codegen(context, builder, signature, args):
                ir: Any = import_module("llvmlite.ir")
                below = _load(builder, _data(context, builder, signature, args, 0), args[1], width)

                def four_below(i):
                    data = _data(context, builder, signature, args, i)
                    places = [builder.add(args[4], ir.IntType(64)(c)) for c in range(FOUR)]
                    return [below(builder.load(builder.gep(data, [place]))) for place in places]

                starts, ends = four_below(2), four_below(3)
                found = [builder.sub(end, start) for start, end in zip(starts, ends, strict=True)]
                return context.make_tuple(builder, signature.return_type, [*found, starts[-1], ends[-1]])

            return types.UniTuple(types.int64, FOUR + 2)(values, types.int64, lo, hi, types.int64), codegen

        return count

    @intrinsic
    def copy_few(typingctx, values, pos, less, target, at):
        """``target[at:at + FEW] = values[pos:pos + FEW] - less``, as one vector, no bounds check."""

        def codegen(context, builder, signature, args):
            ir: Any = import_module("llvmlite.ir")
            vector = ir.VectorType(ir.DoubleType(), FEW)
            source, to = (
                builder.bitcast(
                    builder.gep(_data(context, builder, signature, args, i), [args[i + 1]]),
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
def advance_far(values, pos, stop, x):
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


@helper
def ends_far(values, pos, stop, x, y):
    """Where a window begins and ends, for answers that may be far from pos."""
    a = advance_far(values, pos, stop, x)
    return a, advance_far(values, a, stop, y)
