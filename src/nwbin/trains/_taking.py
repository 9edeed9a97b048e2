"""What people hold in their hands, taken for spike trains: known by what it can do, and by no import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.trains._spike_trains import SpikeTrains

__all__ = ["Trains", "as_trains"]


class HasTrains(Protocol):
    """A File or a Session."""

    def spike_trains(self) -> SpikeTrains:
        """The trains of all its units."""


class Sorting(Protocol):
    """A sorting as SpikeInterface has it."""

    def get_unit_ids(self) -> Any:
        """Ids of its units."""

    def get_unit_spike_train(self, unit_id: Any) -> Any:
        """A unit's spikes: numbers of samples."""


Trains: TypeAlias = SpikeTrains | Mapping[Any, ArrayLike] | Iterable[ArrayLike] | HasTrains | Sorting

_WHAT = (
    "SpikeTrains, a mapping of unit id to spike times in seconds, a list of arrays (one for each unit), a nwbin.File"
    " or Session, a TsGroup of pynapple, a list of Neo's SpikeTrains or a sorting of SpikeInterface"
)


def as_trains(given: Trains) -> SpikeTrains:
    """Take for spike trains whatever holds the spike times of units.

    Parameters
    ----------
    given
        - SpikeTrains, which are returned as they are.
        - A mapping of unit id to spike times, s: a dictionary, a pandas Series of arrays, pynapple's TsGroup.
        - A list, tuple or other sequence of spike times, one for each unit: their ids are 0, 1, ...
        - A File or a Session, or whatever else has a method ``spike_trains()``: all its units.
        - A sorting of SpikeInterface, of one segment: seconds are those that it says itself.

        The times of one unit: an array of seconds; a SpikeTrain of Neo, in any unit of time; a Ts or Tsd of pynapple.

    Returns
    -------
    SpikeTrains
        Seconds.

    Raises
    ------
    ArgumentTypeError
        It is none of these.
    FormatError
        Spike times are out of order or not finite; the message names the unit.

    Examples
    --------
    >>> as_trains([[0.1, 0.2], [0.15]])
    SpikeTrains(2 units, 3 spikes, 0.1 to 0.2 s)
    """
    if isinstance(given, SpikeTrains):
        return given
    if callable(getattr(given, "spike_trains", None)):
        duck: Any = given
        found = duck.spike_trains()
        if not isinstance(found, SpikeTrains):
            raise ArgumentTypeError(
                f"the method spike_trains() of {type(given).__name__} gives {type(found).__name__}, not SpikeTrains"
            )
        return found
    if callable(getattr(given, "get_unit_spike_train", None)):
        return _from_sorting(given)
    if hasattr(given, "columns"):
        raise ArgumentTypeError(f"trains must not be a table; give {_WHAT}")
    if callable(getattr(given, "keys", None)) and callable(getattr(given, "items", None)):
        mapping: Any = given
        return SpikeTrains.from_dict({unit: _times(one, unit) for unit, one in mapping.items()})
    return SpikeTrains.from_dict(dict(enumerate(_times(one, n) for n, one in enumerate(_listed(given)))))


def _listed(given: Any) -> list[Any]:
    if _is_one_unit(given):
        raise ArgumentTypeError(
            "these are the times of one unit, and trains are those of several: give [times], or {unit_id: times}"
        )
    if isinstance(given, str | bytes) or not (hasattr(given, "__len__") and hasattr(given, "__iter__")):
        raise ArgumentTypeError(f"trains must be {_WHAT}; not {type(given).__name__}")
    listed = list(given)
    odd = next((one for one in listed if not _is_of_pynapple(one) and np.ndim(one) == 0), None)
    if odd is not None:
        more = ": give [times], or {unit_id: times}" if isinstance(odd, int | float | np.number) else ""
        raise ArgumentTypeError(
            f"a list of trains must hold an array of spike times for each unit, not {type(odd).__name__}{more}"
        )
    return listed


def _is_one_unit(given: Any) -> bool:
    numbers = isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iufb" and given.size
    return bool(numbers or _is_of_pynapple(given))


def _is_of_pynapple(one: Any) -> bool:
    return isinstance(getattr(one, "t", None), np.ndarray) and callable(getattr(one, "times", None))


def _times(one: Any, unit: Any) -> Any:
    """The spike times of one unit, in s."""
    if _is_of_pynapple(one):
        return one.t
    if callable(getattr(one, "rescale", None)):  # a quantity, as Neo's are
        try:
            return np.asarray(one.rescale("s").magnitude)
        except ValueError as error:
            raise ArgumentError(f"unit {unit!r}: its values are no times: {error}") from None
    return one


def _from_sorting(sorting: Any) -> SpikeTrains:
    ids = sorting.get_unit_ids() if callable(getattr(sorting, "get_unit_ids", None)) else sorting.unit_ids
    segments = sorting.get_num_segments() if callable(getattr(sorting, "get_num_segments", None)) else 1
    if segments != 1:
        raise ArgumentError(
            f"this sorting has {segments} segments, whose times overlap: take one of them, as by"
            " spikeinterface.select_segment_sorting(sorting, [0])"
        )
    seconds = getattr(sorting, "get_unit_spike_train_in_seconds", None)
    if not callable(seconds):
        rate = getattr(sorting, "sampling_frequency", None) or sorting.get_sampling_frequency()

        def seconds(unit: Any) -> Any:
            return np.asarray(sorting.get_unit_spike_train(unit)) / rate

    listed = np.asarray(ids).tolist()
    return SpikeTrains.from_dict(
        {unit: np.asarray(seconds(one)) for unit, one in zip(listed, ids, strict=True)}
    )
