"""Many spikes compared at once, by vectors: written in LLVM's words, which Numba compiles into the kernels.

Those words (`llvmlite.ir`, its builder, the context that Numba hands to an intrinsic's code) are not Numba's
documented interface, and a version to come may lack them or mean something else by them. :func:`unusable` says
whether this one does; :mod:`nwbin.kernels.by_loop` does without.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from nwbin.kernels.cache import kept
from nwbin.kernels.options import FEW, FOUR, HALF, LANES, compiled
from nwbin.kernels.settings import intrinsic, types

__all__ = [
    "below",
    "below_both",
    "copy_few",
    "four_counts",
    "half_below_both",
    "half_four_counts",
    "unusable",
]

# How many spikes ahead of its cursor each unit's train is asked for: far enough for memory to answer in time.
AHEAD = 64


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


half_four_counts = _four_counts(HALF)
four_counts = _four_counts(LANES)


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


# ---------------------------------------------------------------- whether all of this does what it says


def _try_all(values, lo, hi, target):
    copy_few(values, 1, 0.5, target, 2)
    return (
        below(values, 1, 7.5),
        below_both(values, 2, 4.0, 17.0),
        half_below_both(values, 3, 5.0, 99.0),
        half_four_counts(values, 1, lo, hi, 1),
        four_counts(values, 1, lo, hi, 1),
    )


_tried = kept(_try_all, compiled)


def why(error: Exception) -> str:
    """What went wrong, in a line."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[-1].strip()[:200]}" if said else type(error).__name__


def unusable() -> str:
    """Say why these functions cannot be used with the installed Numba; empty if they compile and give what is right.

    Once compiled this comes from the kernels' cache, and takes a few milliseconds.
    """
    values = np.arange(100.0)
    values.flags.writeable = False  # as spikes are
    lo, hi = np.array([90.0, 0.0, 2.5, 4.0, 6.0, 91.0]), np.array([92.0, 3.0, 9.0, 4.0, 15.5, 93.0])
    target, copied = np.zeros(FEW + 4), np.zeros(FEW + 4)
    copied[2 : 2 + FEW] = values[1 : 1 + FEW] - 0.5

    def four(width):
        block = values[1 : 1 + width]
        starts, ends = (np.searchsorted(block, edge[1 : 1 + FOUR]) for edge in (lo, hi))
        return (*(ends - starts).tolist(), int(starts[-1]), int(ends[-1]))

    right = (7, (2, 15), (2, HALF), four(HALF), four(LANES))
    try:
        found = _tried(values, lo, hi, target)
    except Exception as error:  # whatever a version to come may raise
        return why(error)
    return "" if found == right and (target == copied).all() else "they give other numbers"
