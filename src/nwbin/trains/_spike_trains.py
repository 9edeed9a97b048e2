"""SpikeTrains: the spike times of many units, checked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin import _threads
from nwbin._memory import taking
from nwbin.errors import ArgumentTypeError, FormatError, LookupFailure, nearest
from nwbin.trains._given import as_ids, as_offsets, as_times, frozen

__all__ = ["SpikeTrains"]

# Spikes compared at a time while checking: the scratch and the spikes stay in the second-level cache.
_CHECK_BLOCK = 1 << 15


class SpikeTrains(Mapping[Hashable, NDArray[np.float64]]):
    """Spike times of units: a read-only mapping from unit id to times.

    Parameters
    ----------
    times
        Spike times in seconds, one unit after the other, ascending within each unit and finite. Taken as
        float64; an array that is float64 already is not copied, and must not be changed afterwards.
    offsets
        Integers, one more than there are units: unit ``i`` owns ``times[offsets[i]:offsets[i + 1]]``. The
        first is 0, the last ``len(times)``, and none is less than the one before.
    unit_ids
        One id a unit, integers or strings, no two alike.

    Raises
    ------
    FormatError
        Lengths, offsets or ids do not fit together; or a unit's times are out of order or not finite. The
        message names the unit and the spike.
    ArgumentTypeError
        Something is not of the right kind: times that are not real numbers, offsets that are not integers.

    See Also
    --------
    from_dict : the same from a mapping of arrays.

    Examples
    --------
    >>> trains = SpikeTrains([0.1, 0.5, 0.2], [0, 2, 3], [17, 4])
    >>> trains
    SpikeTrains(2 units, 3 spikes, 0.1 to 0.5 s)
    >>> trains[17]
    array([0.1, 0.5])
    >>> list(trains.select([4, 17, 4]))
    [4, 17, 4]
    """

    __slots__ = (
        "_home", "_intact", "_offsets", "_positions", "_source", "_starts", "_stops", "_times", "_unit_ids"
    )  # fmt: skip

    _home: NDArray[np.float64]
    _intact: Callable[[], None] | None
    _starts: NDArray[np.int64]
    _stops: NDArray[np.int64]
    _unit_ids: NDArray[Any]
    _source: str
    _times: NDArray[np.float64] | None
    _offsets: NDArray[np.int64] | None
    _positions: dict[Hashable, int] | None

    def __init__(self, times: ArrayLike, offsets: ArrayLike, unit_ids: ArrayLike) -> None:
        source = "SpikeTrains"
        values = as_times(times, source)
        ends = as_offsets(offsets, values.size, source)
        self._set(values, ends[:-1], ends[1:], unit_ids, source, check=True)

    def _set(
        self,
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        unit_ids: ArrayLike,
        source: str,
        check: bool,
        intact: Callable[[], None] | None = None,
    ) -> None:
        self._home = frozen(values)
        self._intact = intact
        self._starts = frozen(np.ascontiguousarray(starts, np.int64))
        self._stops = frozen(np.ascontiguousarray(stops, np.int64))
        self._unit_ids = frozen(as_ids(unit_ids, source))
        self._source = source
        self._times = self._offsets = self._positions = None
        n_units = self._starts.size
        if self._unit_ids.size != n_units:
            raise FormatError(
                f"{source}: {self._unit_ids.size} unit ids for {n_units} units; give one id for each unit"
                " (offsets has one entry more than there are units)"
            )
        if check:
            if len(self._index()) != n_units:
                ids = self._unit_ids.tolist()
                twice = next(i for n, i in enumerate(ids) if i in ids[:n])
                raise FormatError(
                    f"{source}: unit id {twice!r} stands there twice; each unit needs its own id"
                )
            self._check_times()
            self._check()

    @classmethod
    def _from_slices(
        cls,
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        unit_ids: ArrayLike,
        *,
        source: str,
        check: bool,
        intact: Callable[[], None] | None = None,
    ) -> SpikeTrains:
        """Trains that lie anywhere in `values`: for a file layer that maps a column and reads on touch.

        `values` is float64, 1-D, C-contiguous and in native byte order; ``0 <= starts <= stops <=
        values.size`` (both int64). `source` begins every error message, such as "session.nwb:
        units/spike_times". With `check` False the ids may repeat and the times are not looked at: the caller
        vouches for them. `intact` is called before and after the values are used, and raises if they are no
        longer what they were.
        """
        new = cls.__new__(cls)
        new._set(values, starts, stops, unit_ids, source, check, intact)
        return new

    @classmethod
    def from_dict(cls, trains: Mapping[Any, ArrayLike]) -> SpikeTrains:
        """Make spike trains from a mapping of unit id to spike times (seconds, ascending).

        Examples
        --------
        >>> SpikeTrains.from_dict({"a": [0.1, 0.2], "b": []}).counts
        array([2, 0])
        """
        if isinstance(trains, SpikeTrains):
            return trains
        if not isinstance(trains, Mapping):
            raise ArgumentTypeError(
                f"expected a mapping of unit id to spike times, not {type(trains).__name__}; of a File that is"
                " file.spike_trains(), of a session session.spike_times, of one unit {0: times}, of flat arrays"
                " SpikeTrains(times, offsets, unit_ids)"
            )
        arrays = [as_times(times, f"unit {unit!r}") for unit, times in trains.items()]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([array.size for array in arrays], out=offsets[1:])
        values = np.concatenate(arrays) if arrays else np.empty(0)
        return cls(values, offsets, list(trains))

    # What it holds

    @property
    def _values(self) -> NDArray[np.float64]:
        """The array that the trains lie in, about to be used; what comes of it holds if :meth:`_check` then passes."""
        self._check()
        return self._home

    def _check(self) -> None:
        """Raise whatever says that the values are no longer what they were, as those of a changed file are."""
        if self._intact is not None:
            self._intact()

    @property
    def unit_ids(self) -> NDArray[Any]:
        """Ids in order, (units,), read-only; repeated where a selection repeats them."""
        return self._unit_ids

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of spikes of each unit, int64 (units,)."""
        return self._stops - self._starts

    @property
    def times(self) -> NDArray[np.float64]:
        """All times in seconds, one unit after the other, read-only; put together on first use."""
        self._compact()
        assert self._times is not None
        return self._times

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each unit's times begin and end in `times`, int64 (units + 1,), read-only."""
        self._compact()
        assert self._offsets is not None
        return self._offsets

    def _compact(self) -> None:
        values = self._values
        if self._times is not None:
            return
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.counts, out=offsets[1:])
        if len(self) == 0:
            times = values[:0]
        elif (self._starts[1:] == self._stops[:-1]).all():  # already one after the other
            times = values[self._starts[0] : self._stops[-1]]
        else:
            size = int(offsets[-1])
            with taking(
                8 * size, f"{self._source}: {size:,} spike times in one array", "take fewer units at a time"
            ):
                times = np.concatenate([self._slice(i) for i in range(len(self))])
            self._check()
        self._offsets = frozen(offsets)
        self._times = frozen(times)

    def _slice(self, position: int) -> NDArray[np.float64]:
        return self._values[self._starts[position] : self._stops[position]]

    def _index(self) -> dict[Hashable, int]:
        if self._positions is None:
            ids = self._unit_ids.tolist()
            self._positions = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1), strict=True))
        return self._positions

    def _position(self, unit_id: object) -> int:
        try:
            return self._index()[unit_id]
        except (KeyError, TypeError):
            raise LookupFailure(
                f"{self._source}: no unit {unit_id!r}; {nearest(unit_id, dict.fromkeys(self._unit_ids.tolist()))}"
            ) from None

    # As a mapping

    def __getitem__(self, unit_id: Hashable) -> NDArray[np.float64]:
        return self._slice(self._position(unit_id))

    def __len__(self) -> int:
        return int(self._starts.size)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._unit_ids.tolist())

    def __contains__(self, unit_id: object) -> bool:
        try:
            return unit_id in self._index()
        except TypeError:
            return False

    def select(self, unit_ids: ArrayLike) -> SpikeTrains:
        """The trains of these units, in this order, repeated where an id is repeated. No spike is copied.

        Raises
        ------
        LookupFailure
            There is no unit of some id; the message names the nearest.
        """
        ids = as_ids(unit_ids, "select")
        positions = np.fromiter((self._position(i) for i in ids.tolist()), np.int64, ids.size)
        return SpikeTrains._from_slices(
            self._home,
            self._starts[positions],
            self._stops[positions],
            self._unit_ids[positions],
            source=self._source,
            check=False,
            intact=self._intact,
        )

    # As a value

    def __eq__(self, other: object) -> bool:
        """Same ids in the same order, each with the same times."""
        if not isinstance(other, SpikeTrains):
            return NotImplemented
        same = (
            self._unit_ids.tolist() == other._unit_ids.tolist()
            and np.array_equal(self.counts, other.counts)
            and all(np.array_equal(self._slice(i), other._slice(i)) for i in range(len(self)))
        )
        self._check()
        other._check()
        return same

    def __reduce__(self) -> tuple[Callable[..., SpikeTrains], tuple[Any, ...]]:
        # Only what is selected travels to another process, not the file behind it.
        return _restore, (np.asarray(self.times), self.offsets, self._unit_ids, self._source)

    def __repr__(self) -> str:
        n, spikes = len(self), int(self.counts.sum())
        words = f"{n:,} unit{'' if n == 1 else 's'}, {spikes:,} spike{'' if spikes == 1 else 's'}"
        some = self.counts > 0
        if some.any():
            first = np.min(self._values[self._starts[some]])
            last = np.max(self._values[self._stops[some] - 1])
            self._check()
            words += f", {first:.6g} to {last:.6g} s"
        return f"SpikeTrains({words})"

    # Checks

    def _check_times(self) -> None:
        threads = _threads.as_threads(None) if self.counts.sum() > 1_000_000 else 1
        cuts = np.linspace(0, len(self), min(len(self), 8 * threads) + 1).astype(int)
        tasks = [partial(self._first_bad_unit, a, b) for a, b in pairwise(cuts.tolist())]
        for bad in _threads.run(tasks, threads):
            if bad is not None:
                self._check()
                raise FormatError(self._say_what_is_wrong(bad))

    def _first_bad_unit(self, begin: int, end: int) -> int | None:
        """One streaming pass, in pieces that stay in cache: NumPy is as fast as memory here."""
        ascending = np.empty(_CHECK_BLOCK, np.bool_)
        for position in range(begin, end):
            train = self._slice(position)
            if train.size == 0:
                continue
            # NaN compares as false, so once the order is right, only the two ends can be other than finite.
            if not (np.isfinite(train[0]) and np.isfinite(train[-1])):
                return position
            for i in range(0, train.size - 1, _CHECK_BLOCK):
                n = min(_CHECK_BLOCK, train.size - 1 - i)
                if not np.less_equal(train[i : i + n], train[i + 1 : i + n + 1], out=ascending[:n]).all():
                    return position
        return None

    def _say_what_is_wrong(self, position: int) -> str:
        train, unit = self._slice(position), self._unit_ids.tolist()[position]
        where = f"{self._source}: unit {unit!r}"
        finite = np.isfinite(train)
        if not finite.all():
            i = int(np.argmin(finite))
            return (
                f"{where}: spike {i} of {train.size} is at {train[i]} s; spike times must be finite:"
                f" drop those that are not (times[np.isfinite(times)])"
            )
        i = int(np.argmax(train[1:] < train[:-1])) + 1
        return (
            f"{where}: spike {i} of {train.size}, at {float(train[i])!r} s, comes after one at"
            f" {float(train[i - 1])!r} s; spike times must ascend within a unit: sort them (np.sort(times))"
        )


def _restore(times: Any, offsets: Any, unit_ids: Any, source: str) -> SpikeTrains:
    return SpikeTrains._from_slices(times, offsets[:-1], offsets[1:], unit_ids, source=source, check=False)
