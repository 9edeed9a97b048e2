"""Edges of bins of one width."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError

__all__ = ["bins_in", "multiples", "regular_edges", "whole_bins"]

# Of a bin: times of a few thousand seconds are known to 1e-12 s, bins are milliseconds or more.
_ROUNDING = 1e-7


def _as_written(value: float, name: str) -> Fraction:
    """The number that was written: 0.1 is one tenth, not the double beside it."""
    number = float(value)
    if not np.isfinite(number):
        raise ArgumentError(f"{name} must be a finite number of seconds, not {number}")
    return Fraction(repr(number))


def multiples(start: float, width: float, count: int) -> npt.NDArray[np.float64]:
    """Return the edges of `count` bins as ``np.arange`` computes them, so that they are those of a script.

    They are not always the numbers that one would write by hand: the third multiple of 0.1 is
    0.30000000000000004. Whoever needs a spike at 0.3 s to lie on that edge gives the edges themselves.
    """
    return np.arange(start, start + (count + 0.5) * width, width, dtype=np.float64)[: count + 1]


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
        float64 (bins + 1,), as ``np.arange`` computes them.

    Examples
    --------
    >>> regular_edges(0, 0.5, 0.125).tolist()
    [0.0, 0.125, 0.25, 0.375, 0.5]
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
    if not _is_whole(number):
        raise ArgumentError(
            f"the window from {start:g} to {stop:g} s is {float(number):.6g} bins of {width:g} s; make it a whole"
            " number, or give the edges themselves"
        )
    return multiples(start, width, round(number))


def _is_whole(number: Fraction) -> bool:
    return abs(number - round(number)) <= Fraction(1, 10**6) and round(number) >= 1


def bins_in(span: float, width: float, name: str) -> int:
    """How many bins of a width a span of time is, which must be a whole number; `name` is what it is called."""
    number = _as_written(span, name) / _as_written(width, "bin")
    if not _is_whole(number):
        raise ArgumentError(
            f"{name}={span:g} s is {float(number):.6g} bins of {width:g} s; make it a whole number of bins"
        )
    return round(number)


def whole_bins(start: float, stop: float, width: float) -> int:
    """How many whole bins of a width fit between two times; a bin that ends past the stop by rounding alone fits."""
    if not stop > start:
        return 0
    return int((stop - start) / width + _ROUNDING)
