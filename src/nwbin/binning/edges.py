"""From what is said of bins (edges, or a window and a width) to their edges, and from edges to centers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin.binning._request import as_seconds
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["as_window", "bin_centers", "bin_edges", "bins_in", "multiples", "whole_bins"]

# Of a bin: times of a few thousand seconds are known to 1e-12 s, bins are milliseconds or more.
_ROUNDING = 1e-7
_MOST_BINS = 100_000_000  # of more the edges alone take gigabytes


def _as_written(value: float, name: str) -> Fraction:
    """The number that was written: 0.1 is one tenth, not the double beside it."""
    from fractions import Fraction

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


def as_window(window: npt.ArrayLike) -> tuple[float, float]:
    """Check a window: from and to, in s.

    Examples
    --------
    >>> as_window((0, 0.25))
    (0.0, 0.25)
    """
    try:
        two = np.shape(window) == (2,)
    except ValueError:  # lists within lists, of several lengths
        two = False
    if not two:
        raise ArgumentError(f"window must be (from, to) in seconds from onset, not {window!r}")
    first, last = as_seconds(window, "window").tolist()
    if not first <= last:
        raise ArgumentError(f"window must be (from, to), and from not more than to; not {window!r}")
    return first, last


def bin_edges(
    edges: npt.ArrayLike | None = None,
    window: npt.ArrayLike | None = None,
    bin_width: float | None = None,
) -> npt.NDArray[np.float64]:
    """Return the edges of adjoining bins: those given, or those of bins of one width in a window.

    Parameters
    ----------
    edges
        (bins + 1,) s from onset, not decreasing. Or:
    window
        The first and the last edge, in s from onset.
    bin_width
        Of the bins between them, in s: the window must be a whole number of bins. By default it is one bin.

    Returns
    -------
    numpy.ndarray
        float64 (bins + 1,). Those of one width are as ``np.arange`` computes them, so that they are those of a
        script.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        Neither edges nor a window are given, or both; or they make no sense.

    Examples
    --------
    >>> bin_edges(window=(0, 0.5), bin_width=0.125).tolist()
    [0.0, 0.125, 0.25, 0.375, 0.5]
    >>> bin_edges(window=(0.01, 0.25)).tolist()
    [0.01, 0.25]
    """
    if (edges is None) == (window is None) or (edges is not None and bin_width is not None):
        raise ArgumentError("give either edges, or a window (and the bin_width to divide it by)")
    if edges is not None:
        times = as_seconds(edges, "edges")
        if times.ndim != 1 or times.size < 2:
            raise ArgumentError(
                f"bin edges must be a list of two or more times in s, not of shape {times.shape}"
            )
        return times
    assert window is not None
    start, stop = as_window(window)
    return np.asarray([start, stop]) if bin_width is None else _regular(start, stop, bin_width)


def _regular(start: float, stop: float, width: float) -> npt.NDArray[np.float64]:
    width = float(as_seconds(width, "the bin width"))
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
    _refuse_more(number, f"the window from {start:g} to {stop:g} s", width)
    if not _is_whole(number):
        raise ArgumentError(
            f"the window from {start:g} to {stop:g} s is {float(number):.6g} bins of {width:g} s; make it a whole"
            " number, or give the edges themselves"
        )
    return multiples(start, width, round(number))


def _refuse_more(number: Fraction | float, what: str, width: float) -> None:
    """Raise for more bins than anybody means."""
    if number > _MOST_BINS:
        raise ArgumentError(
            f"{what} is more than {_MOST_BINS:,} bins of {width:g} s; give wider bins, or a shorter window (both "
            "are in seconds)"
        )


def _is_whole(number: Fraction) -> bool:
    return abs(number - round(number)) * 10**6 <= 1 and round(number) >= 1


def bins_in(span: float, width: float, name: str) -> int:
    """How many bins of a width a span of time is, which must be a whole number; `name` is what it is called."""
    number = _as_written(span, name) / _as_written(width, "bin")
    _refuse_more(number, f"{name}={span:g} s", width)
    if not _is_whole(number):
        raise ArgumentError(
            f"{name}={span:g} s is {float(number):.6g} bins of {width:g} s; make it a whole number of bins"
        )
    return round(number)


def bin_centers(edges: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the center of each bin, ``a + (b - a) / 2`` in float64, the one way that gives AllenSDK's bits.

    ``(a + b) / 2`` differs from it in the last bit, and a join in xarray then loses bins. Bins without an end have
    no center: NaN.

    Examples
    --------
    >>> bin_centers([0.0, 0.5, 1.5]).tolist()
    [0.25, 1.0]
    """
    bounds = np.asarray(edges, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return bounds[:-1] + np.diff(bounds) / 2


def whole_bins(start: float, stop: float, width: float) -> int:
    """How many whole bins of a width fit between two times; a bin that ends past the stop by rounding alone fits."""
    if not stop > start:
        return 0
    number = (stop - start) / width
    _refuse_more(number, f"the time from {start:g} to {stop:g} s", width)
    return int(number + _ROUNDING)
