"""What the compiled functions share: how they are declared, comparing many spikes at once, and searches.

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
from types import FunctionType
from typing import Any

from nwbin.errors import warn
from nwbin.kernels import by_loop
from nwbin.kernels.cache import kept
from nwbin.kernels.options import CHECKED, EIGHT, FEW, HALF, LANES, TILE, compiled, helper
from nwbin.kernels.settings import numba

__all__ = [
    "EIGHT",
    "FEW",
    "HALF",
    "LANES",
    "TILE",
    "advance_far",
    "ask_for_cell",
    "below",
    "below_both",
    "copy_few",
    "count_run",
    "ends_far",
    "half_below_both",
    "helper",
    "kernel",
    "search",
]


def _fastest() -> Any:
    """Who compares many spikes at once: vectors, where they do what they say with this Numba, else loops."""
    if CHECKED:
        return by_loop
    try:
        from nwbin.kernels import by_vector

        why = by_vector.unusable()
    except (ImportError, AttributeError, TypeError) as error:  # of a name that it takes as it is imported
        why = f"{type(error).__name__}: {error}"
    if not why:
        return by_vector
    _say(why)
    return by_loop


_said: list[str] = []


def _say(why: str) -> None:
    """Say, once, that there are no vectors."""
    if _said:
        return
    _said.append(why)
    warn(
        f"the quickest kernels cannot be used with Numba {numba.__version__} ({why}): slower ones are, which count"
        " the same; a later nwbin may know this Numba, or install an earlier Numba"
    )


_fast = _fastest()
ask_for_cell = _fast.ask_for_cell
below = _fast.below
below_both = _fast.below_both
half_below_both = _fast.half_below_both
count_run = _fast.count_run
copy_few = _fast.copy_few


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call, with Numba's options; by loops where it cannot be compiled with vectors."""
    if CHECKED:
        # A compiled function with bounds checks must neither be taken from the cache of one without nor be left
        # there: the cache's key does not know the difference.
        return compiled(function)
    if _fast is by_loop:
        return kept(function, compiled, by=by_loop.__name__)

    def otherwise(error: Exception) -> Any:
        # What tried the vectors may have come from the cache, and been compiled when all was well.
        _say(_fast.why(error))
        return kept(_with_loops(function, {}), compiled, by=by_loop.__name__)

    return kept(function, compiled, otherwise, by=_fast.__name__)


def _with_loops(function: Any, made: dict[Any, Any]) -> Any:
    """The same function, and whatever helpers it calls, with loops in the place of vectors."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        called: Any = names.get(name)
        if name in by_loop.__all__:
            names[name] = getattr(by_loop, name)
        elif hasattr(called, "py_func"):
            if called not in made:
                made[called] = helper(_with_loops(called.py_func, made))
            names[name] = made[called]
    again = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    again.__qualname__, again.__module__ = function.__qualname__, function.__module__
    return again


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
