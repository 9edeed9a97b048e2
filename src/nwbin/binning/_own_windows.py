"""Spikes of each unit in windows of its own: where what is looked at differs from unit to unit."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin._memory import taking
from nwbin.binning._aligned import FEWER
from nwbin.binning._request import Closed, Trains, as_seconds
from nwbin.errors import ArgumentError
from nwbin.trains import SpikeTrains, as_trains

__all__ = ["OwnSpikes", "numbers_in_own_windows", "spike_ranks", "spikes_in_own_windows"]


class OwnSpikes(NamedTuple):
    """Every spike in every window, ordered by window, then time.

    Attributes
    ----------
    window
        int64 (spikes,), the number of the window that each spike lies in.
    time
        float64 (spikes,), on the trains' clock, in s.
    number
        int64 (windows,), how many spikes each window holds.

    Examples
    --------
    >>> found = spikes_in_own_windows({7: [0.1, 0.2, 0.3]}, [0, 0], [[0.0, 0.25], [0.25, 1.0]])
    >>> found.number.tolist()
    [2, 1]
    """

    window: NDArray[np.int64]
    time: NDArray[np.float64]
    number: NDArray[np.int64]


def spike_ranks(
    trains: Trains, units: ArrayLike, times: ArrayLike, side: Literal["left", "right"] = "left"
) -> NDArray[np.int64]:
    """Say how many of a unit's spikes come before a time, for pairs of unit and time.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    units
        Indices into `trains`: integers (pairs,), or what broadcasts with `times`.
    times
        In s, on the trains' clock; not NaN.
    side
        "left" counts the spikes before a time, "right" those at it as well.

    Returns
    -------
    numpy.ndarray
        int64 (pairs,), of the shape that `units` and `times` broadcast to.

    Examples
    --------
    >>> spike_ranks({7: [0.1, 0.2, 0.3], 8: [0.2]}, [0, 0, 1], [0.2, 0.25, 0.1])
    array([1, 2, 0])
    """
    found = as_trains(trains)
    at, when = np.broadcast_arrays(np.asarray(units, dtype=np.int64), as_seconds(times, "times"))
    ranks: NDArray[np.int64] = _places(found, at, when, right=side == "right") - found._starts[at]
    return ranks


def _places(
    trains: SpikeTrains, units: NDArray[np.int64], times: NDArray[np.float64], *, right: bool
) -> NDArray[np.int64]:
    """Where a time stands among a unit's spikes, as a place in the array of all: all pairs halve together."""
    values = trains._values
    low, high = trains._starts[units], trains._stops[units]
    while (searching := low < high).any():
        middle = (low + high) >> 1
        # Those that have found their place may point past the last spike.
        spike = values[np.minimum(middle, values.size - 1)]
        before = searching & ((spike <= times) if right else (spike < times))
        low = np.where(before, middle + 1, low)
        high = np.where(searching & ~before, middle, high)
    trains._check()
    return low


def spikes_in_own_windows(
    trains: Trains, units: ArrayLike, windows: ArrayLike, *, closed: Closed = "left"
) -> OwnSpikes:
    """List the spikes in windows, each window of one unit.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    units
        Of each window, the index of its unit in `trains`: integers (windows,).
    windows
        (windows, 2), start and stop on the trains' clock, in s; in any order, of any overlap. A window that stops
        before it starts holds nothing.
    closed
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    OwnSpikes
        Named tuple of window, time (s) and number.

    Raises
    ------
    ArgumentError
        The shapes do not fit together.
    NotEnoughMemoryError
        The result does not fit in memory.

    Examples
    --------
    >>> found = spikes_in_own_windows({7: [0.1, 0.2, 0.3], 8: [0.2]}, [0, 1], [[0.15, 1.0], [0.0, 0.2]])
    >>> found.window, found.time, found.number
    (array([0, 0]), array([0.2, 0.3]), array([2, 0]))
    """
    found = as_trains(trains)
    first, number = _first_and_number(found, units, windows, closed)
    total = int(number.sum())
    with taking(4 * 8 * total, f"{total:,} spikes in {number.size:,} windows", FEWER):
        window = np.repeat(np.arange(number.size), number)
        begins = np.cumsum(number) - number
        place = np.arange(total) + np.repeat(first - begins, number)
        time = found._values[place]
    found._check()
    return OwnSpikes(window, time, number)


def numbers_in_own_windows(
    trains: Trains, units: ArrayLike, windows: ArrayLike, *, closed: Closed = "left"
) -> NDArray[np.int64]:
    """Count the spikes in windows, each window of one unit: int64 (windows,).

    Parameters and errors are those of :func:`spikes_in_own_windows`.

    Examples
    --------
    >>> numbers_in_own_windows({7: [0.1, 0.2, 0.3], 8: [0.2]}, [0, 1], [[0.15, 1.0], [0.0, 0.2]])
    array([2, 0])
    """
    return _first_and_number(as_trains(trains), units, windows, closed)[1]


def _first_and_number(
    trains: SpikeTrains, units: ArrayLike, windows: ArrayLike, closed: Closed
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the first spike of each window lies among all, and how many there are."""
    at = np.asarray(units, dtype=np.int64)
    bounds = as_seconds(windows, "windows")
    if at.ndim != 1 or bounds.shape != (at.size, 2):
        raise ArgumentError(
            f"windows must be (windows, 2), and units (windows,); not of shapes {bounds.shape} and {at.shape}"
        )
    first = _places(trains, at, bounds[:, 0], right=closed == "right")
    last = _places(trains, at, bounds[:, 1], right=closed != "left")
    return first, np.maximum(last - first, 0)
