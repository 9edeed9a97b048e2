"""Edges of bins of one width."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError

__all__ = ["multiples", "regular_edges", "whole_bins"]

_EXACT = 1 << 53  # float64 holds every integer up to here


def _as_written(value: float, name: str) -> Fraction:
    """The number that was written: 0.1 is one tenth, not the double beside it."""
    number = float(value)
    if not np.isfinite(number):
        raise ArgumentError(f"{name} must be a finite number of seconds, not {number}")
    return Fraction(repr(number))


def multiples(start: float, width: float, count: int) -> npt.NDArray[np.float64]:
    """Return start, start + width, ..., start + count * width, each the double nearest to the decimal number.

    0.1 * 3 is 0.30000000000000004; here the third multiple of 0.1 is 0.3, as one would write it by hand, so
    that a spike at 0.3 s lies on the edge.
    """
    first, step = _as_written(start, "the window"), _as_written(width, "the bin width")
    common = lcm(first.denominator, step.denominator)
    a, b = int(first * common), int(step * common)
    if max(abs(a), abs(a + b * count), common) > _EXACT:
        return np.asarray(float(start) + np.arange(count + 1) * float(width), dtype=np.float64)
    return np.asarray((a + b * np.arange(count + 1, dtype=np.int64)) / common, dtype=np.float64)


def regular_edges(start: float, stop: float, width: float) -> npt.NDArray[np.float64]:
    """Return the edges of adjoining bins of one width.

    Parameters
    ----------
    start, stop
        The first and the last edge, in s.
    width
        Of a bin, in s. ``stop - start`` must be a whole number of bins.

    Returns
    -------
    numpy.ndarray
        float64 (bins + 1,), each edge the double nearest to the decimal number that one would write.

    Examples
    --------
    >>> regular_edges(-0.1, 0.3, 0.1).tolist()
    [-0.1, 0.0, 0.1, 0.2, 0.3]
    """
    first, last, step = (
        _as_written(start, "the window"),
        _as_written(stop, "the window"),
        _as_written(width, "the bin width"),
    )
    if step <= 0:
        raise ArgumentError(f"the bin width must be more than 0 s, not {float(width):g}")
    if last <= first:
        raise ArgumentError(f"the window must end after it starts, not go from {start:g} to {stop:g} s")
    number = (last - first) / step
    if abs(number - round(number)) > Fraction(1, 10**6) or round(number) < 1:
        raise ArgumentError(
            f"the window from {start:g} to {stop:g} s is {float(number):.6g} bins of {width:g} s; make it a whole"
            " number, or give the edges themselves"
        )
    return multiples(start, width, round(number))


def whole_bins(start: float, stop: float, width: float) -> int:
    """How many whole bins of a width fit between two times on the session's clock, counted as they are compared."""
    if not stop > start:
        return 0
    count = int((stop - start) / width)
    while start + multiples(0.0, width, count + 1)[-1] <= stop:
        count += 1
    while count and start + multiples(0.0, width, count)[-1] > stop:
        count -= 1
    return count
