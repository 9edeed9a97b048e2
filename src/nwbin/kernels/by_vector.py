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
from nwbin.kernels.options import EIGHT, FEW, HALF, LANES, compiled
from nwbin.kernels.settings import intrinsic, types

__all__ = [
    "ask_for_cell",
    "below",
    "below_both",
    "copy_few",
    "count_run",
    "half_below_both",
    "unusable",
]

# How many spikes ahead of its cursor each unit's train is asked for: far enough for memory to answer in time.
AHEAD = 64
# The same where the next spikes are needed sooner.
SOON = 32


def _ask_for(builder, place, write=0):
    """Have memory brought near. Past the end this is no access, and does no harm."""
    ir: Any = import_module("llvmlite.ir")
    byte = ir.IntType(8).as_pointer()
    number = ir.IntType(32)
    prefetch = builder.module.declare_intrinsic(
        "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    )
    builder.call(prefetch, [builder.bitcast(place, byte), number(write), number(3), number(1)])


def _data(context, builder, signature, args, i):
    """Where the numbers of an array begin that is the i-th argument."""
    return context.make_array(signature.args[i])(context, builder, args[i]).data


def _vector(builder, data, pos, width):
    """``width`` float64 from pos on."""
    ir: Any = import_module("llvmlite.ir")
    kind = ir.VectorType(ir.DoubleType(), width).as_pointer()
    # A mapped file may hold its doubles at any byte, so promise no alignment.
    return builder.load(builder.bitcast(builder.gep(data, [pos]), kind), align=1)


def _spread(builder, x, width):
    """A vector of one number, ``width`` times."""
    ir: Any = import_module("llvmlite.ir")
    empty = ir.Constant(ir.VectorType(ir.DoubleType(), width), ir.Undefined)
    all_first = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(builder.insert_element(empty, x, ir.IntType(32)(0)), empty, all_first)


def _how_many(builder, compared):
    """How many of a vector's comparisons hold."""
    ir: Any = import_module("llvmlite.ir")
    bits = builder.bitcast(compared, ir.IntType(compared.type.count))
    return builder.zext(builder.ctpop(bits), ir.IntType(64))


def _load(builder, data, pos, width=LANES):
    """``width`` spikes from pos on as a vector, and a function that counts those below a time."""
    ir: Any = import_module("llvmlite.ir")
    block = _vector(builder, data, pos, width)

    def below(x):
        return _how_many(builder, builder.fcmp_ordered("<", block, _spread(builder, x, width)))

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


@intrinsic
def count_run(typingctx, values, pos, last, lo, hi, at, end, after, counts):
    """Count spikes from pos on in each of EIGHT windows from ``at`` on, into counts, int64 (EIGHT,).

    Goes HALF spikes a turn, until one is not below ``end``, where the last window ends, or until it would begin
    past ``last``. Returns how many of the spikes seen are below ``after``, and how many were seen; -1 if end
    was not reached.
    """

    def codegen(context, builder, signature, args):
        ir: Any = import_module("llvmlite.ir")
        place = ir.IntType(64)
        values, lo, hi, counts = (_data(context, builder, signature, args, i) for i in (0, 3, 4, 8))
        starts = _vector(builder, lo, args[5], EIGHT)
        ends = _vector(builder, hi, args[5], EIGHT)
        after = _spread(builder, args[7], HALF)
        none = ir.Constant(ir.VectorType(place, EIGHT), [0] * EIGHT)
        one = ir.Constant(none.type, [1] * EIGHT)

        before, turn, done = (builder.block, *map(builder.append_basic_block, ("turn", "done")))
        builder.branch(turn)
        builder.position_at_end(turn)
        at, found, n = builder.phi(place), builder.phi(none.type), builder.phi(place)
        for what, first in ((at, args[1]), (found, none), (n, place(0))):
            what.add_incoming(first, before)
        _ask_for(builder, builder.gep(values, [builder.add(at, place(SOON))]))
        more = found
        for k in range(HALF):
            time = builder.load(builder.gep(values, [builder.add(at, place(k))]), align=1)
            times = _spread(builder, time, EIGHT)
            within = builder.and_(
                builder.fcmp_ordered("<=", starts, times), builder.fcmp_ordered("<", times, ends)
            )
            more = builder.select(within, builder.add(more, one), more)
        below = _how_many(builder, builder.fcmp_ordered("<", _vector(builder, values, at, HALF), after))
        below, onward = builder.add(n, below), builder.add(at, place(HALF))
        for what, next_ in ((at, onward), (found, more), (n, below)):
            what.add_incoming(next_, turn)
        short = builder.fcmp_ordered("<", time, args[6])
        builder.cbranch(builder.and_(short, builder.icmp_signed("<=", onward, args[2])), turn, done)

        builder.position_at_end(done)
        builder.store(more, builder.bitcast(counts, none.type.as_pointer()), align=1)
        seen = builder.select(short, place(-1), builder.sub(onward, args[1]))
        return context.make_tuple(builder, signature.return_type, [below, seen])

    number, time = types.int64, types.float64
    return types.UniTuple(number, 2)(values, number, number, lo, hi, number, time, time, counts), codegen


@intrinsic
def ask_for_cell(typingctx, out, at):
    """Have ``out[at]`` brought near, to be written soon; no bounds check, and past the end no harm."""

    def codegen(context, builder, signature, args):
        _ask_for(builder, builder.gep(_data(context, builder, signature, args, 0), [args[1]]), 1)
        return context.get_dummy_value()

    return types.void(out, types.int64), codegen


@intrinsic
def copy_few(typingctx, values, pos, less, target, at):
    """``target[at:at + FEW] = values[pos:pos + FEW] - less``, as one vector, no bounds check."""

    def codegen(context, builder, signature, args):
        ir: Any = import_module("llvmlite.ir")
        source, to = (_data(context, builder, signature, args, i) for i in (0, 3))
        less = builder.fsub(_vector(builder, source, args[1], FEW), _spread(builder, args[2], FEW))
        place = builder.bitcast(builder.gep(to, [args[4]]), ir.VectorType(ir.DoubleType(), FEW).as_pointer())
        builder.store(less, place, align=1)
        return context.get_dummy_value()

    return types.void(values, types.int64, types.float64, target, types.int64), codegen


# ---------------------------------------------------------------- whether all of this does what it says


def _try_all(values, lo, hi, counts, target):
    ask_for_cell(target, 2)
    copy_few(values, 1, 0.5, target, 2)
    return (
        below(values, 1, 7.5),
        below_both(values, 2, 4.0, 17.0),
        half_below_both(values, 3, 5.0, 99.0),
        count_run(values, 1, 84, lo, hi, 1, 21.5, 20.0, counts),
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
    lo = np.array([90.0, 0.0, 1.0, 2.5, 4.0, 6.0, 8.5, 10.0, 20.0, 91.0])
    hi = np.array([92.0, 3.0, 1.0, 9.0, 4.0, 15.5, 21.5, 20.0, 20.5, 93.0])
    counts = np.zeros(EIGHT, np.int64)
    target, copied = np.zeros(FEW + 4), np.zeros(FEW + 4)
    copied[2 : 2 + FEW] = values[1 : 1 + FEW] - 0.5
    each = [
        np.count_nonzero((values[1:] >= a) & (values[1:] < b))
        for a, b in zip(lo[1:-1], hi[1:-1], strict=True)
    ]
    right = (7, (2, 15), (2, HALF), (19, 3 * HALF))
    try:
        found = _tried(values, lo, hi, counts, target)
    except Exception as error:  # whatever a version to come may raise
        return why(error)
    good = found == right and counts.tolist() == each and (target == copied).all()
    return "" if good else "they give other numbers"
