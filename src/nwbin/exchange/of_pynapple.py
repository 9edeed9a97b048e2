"""Pynapple's objects: units as a TsGroup, stimuli as IntervalSets, running as a Tsd."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._kept_back import others_left_out
from nwbin._optional import need
from nwbin._wording import counted
from nwbin.errors import ArgumentError, warn
from nwbin.exchange._held import ENDS, Held, held, of_one_kind, times_of
from nwbin.responses.rows import Rows
from nwbin.trains import SpikeTrains, Trains

__all__ = ["Pynapple", "time_series", "to_interval_set", "to_pynapple"]

_DIGITS = 9  # of a second: pynapple's own resolution of intervals


@dataclass(frozen=True, eq=False)
class Pynapple:
    """A session in pynapple's objects.

    Attributes
    ----------
    units
        TsGroup: the spike times, with what is known of the units as metadata.
    stimuli
        Name -> IntervalSet: the presentations of each stimulus (or another table of intervals), with their parameters
        as metadata.
    running_speed
        Tsd, cm/s; None where none was recorded.

    Examples
    --------
    >>> data = session.to_pynapple(stimuli="flashes")
    >>> flashes = data.stimuli["flashes"]
    >>> counts = data.units.restrict(flashes[flashes.color == 1]).count(0.05)
    """

    units: Any
    stimuli: Mapping[str, Any]
    running_speed: Any

    def __repr__(self) -> str:
        return (
            f"<nwbin.exchange.Pynapple: {counted(len(self.units), 'unit')}, {len(self.stimuli)} stimuli or tables of "
            f"intervals, {'no ' if self.running_speed is None else ''}running speed>"
        )


def to_pynapple(
    given: Trains, unit_ids: Any = None, *, stimuli: str | Iterable[str] | None = None
) -> Pynapple:
    """Make pynapple's objects of a session.

    Parameters
    ----------
    given
        A Session, a File, or whatever else is taken for spike trains (then there are units only).
    unit_ids
        Which units; None for all.
    stimuli
        Names of stimuli, or of the tables of intervals of other files; None for all, () for none.

    Returns
    -------
    Pynapple
        `units`, `stimuli`, `running_speed`.

    Raises
    ------
    MissingDependencyError
        Pynapple is not installed (extra "pynapple").
    LookupFailure
        There is no such unit or stimulus.

    Notes
    -----
    Spike times are those of the file to the last bit, and not copied; what pynapple makes of them afterwards (a part of
    a group, `restrict`) it copies, and rounds to nanoseconds. A TsGroup is ordered by id, whatever the order of the
    units, and its ids are whole numbers: of other ids the units are numbered, and "unit_id" is among the metadata. The
    time support is from the first to the last spike, interval or sample of everything asked for, and 2 ns more.

    An IntervalSet has no intervals that touch or overlap: where one runs up to the next or beyond, its end is put 1 ns
    before the next one's start, with a warning where that is more than 1 us; the file's own times are among the
    metadata. Pynapple's intervals are closed, [start, end].

    The running speed stands at the middle of each sample.

    Examples
    --------
    >>> data = to_pynapple(session, stimuli="flashes")
    >>> busy = data.units[data.units.firing_rate > 1].restrict(data.stimuli["flashes"])
    >>> type(busy).__name__
    'TsGroup'
    """
    need("pynapple", "pynapple", "to_pynapple")
    all_of_it = held(given, unit_ids, stimuli)
    running = all_of_it.running
    return Pynapple(
        _group(all_of_it),
        {name: to_interval_set(table, name=name) for name, table in all_of_it.intervals.items()},
        None if running is None else time_series(*running),
    )


def _group(all_of_it: Held) -> Any:
    import pynapple as nap

    trains = all_of_it.trains
    # Pynapple's ids are int64.
    numbered = trains.unit_ids.dtype.kind in "iu" and all(one < 2**63 for one in trains.unit_ids.tolist())
    keys = trains.unit_ids.astype(np.int64) if numbered else np.arange(len(trains))
    if len(set(keys.tolist())) < len(keys):
        raise ArgumentError("a TsGroup has each unit once; a unit is asked for twice")
    first, last = all_of_it.span()
    # By its resolution wider, so that none of the spikes lies outside for being rounded.
    step = _step(first, last)
    support = nap.IntervalSet(start=first - 2 * step, end=last + 2 * step)
    order = np.argsort(keys, kind="stable")
    members = {int(keys[n]): _timestamps(trains, int(n), support) for n in order}
    group = nap.TsGroup(members, time_support=support, bypass_check=True)
    units = all_of_it.units.iloc[order]
    known: list[tuple[str, npt.NDArray[Any]]] = [] if numbered else [("unit_id", trains.unit_ids[order])]
    known += [(str(name), units[name].to_numpy()) for name in units.columns]
    _set_metadata(group, known)
    return group


def _step(*times: float) -> float:
    """The least time apart, s: pynapple's resolution, or what float64 has where times are years from 0."""
    return max([10.0**-_DIGITS, *(2 * float(np.spacing(abs(one))) for one in times)])


def _timestamps(trains: SpikeTrains, position: int, support: Any) -> Any:
    """One unit's Ts over the times as they lie in memory."""
    import pynapple as nap
    from pynapple.core.time_index import TsIndex

    times = trains[trains.unit_ids.tolist()[position]]
    made = nap.Ts(t=np.empty(0))
    # Given a time support, or an array, a Ts copies the times and rounds them to nanoseconds; they are in order and
    # within the support already.
    for name, value in {
        "index": times.view(TsIndex),
        "time_support": support,
        "rate": len(times) / float(support.tot_length()),
    }.items():
        object.__setattr__(made, name, value)
    return made


def time_series(times: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> Any:
    """A Tsd of samples whose times ascend; those without a time are left out."""
    import pynapple as nap

    there = np.isfinite(times)
    # Of one sample, that its support has no length.
    with others_left_out("Some epochs have no duration"), np.errstate(divide="ignore"):
        return nap.Tsd(t=times[there], d=values[there])


def to_interval_set(table: Rows, *, name: str = "intervals") -> Any:
    """Make an IntervalSet of a table of intervals, with all of its columns as metadata.

    Parameters
    ----------
    table
        By id, with start_time and stop_time in s: presentations, trials, epochs; or a dictionary of such columns.
    name
        What they are called in warnings.

    Returns
    -------
    pynapple.IntervalSet
        In order of time. Intervals without a start, an end or a length are left out, and so is one that starts with
        another, each with a warning; see :func:`to_pynapple` for those that touch or overlap.

    Raises
    ------
    MissingDependencyError
        Pynapple is not installed (extra "pynapple").
    LookupFailure
        There is no start_time, or no stop_time.
    ArgumentError
        These are no numbers of seconds, or two columns have one name.

    Examples
    --------
    >>> made = to_interval_set({"start_time": [0.0, 1.0], "stop_time": [0.5, 1.25], "color": [-1, 1]})
    >>> made.end.tolist(), made.color.tolist()
    ([0.5, 1.25], [-1, 1])
    """
    need("pynapple", "pynapple", "to_interval_set")
    import pynapple as nap

    rows = of_one_kind(table, name)
    start, stop = (np.around(times_of(rows, one), _DIGITS) for one in ENDS)
    order = np.argsort(start, kind="stable")
    order = order[(np.isfinite(start) & np.isfinite(stop) & (stop > start))[order]]
    order = order[np.append(True, np.diff(start[order]) > 0)[: len(order)]]
    if left_out := len(rows) - len(order):
        warn(f"{name}: {counted(left_out, 'interval')} without a length, or starting with another, left out")
    begin, end = start[order], stop[order]
    step = _step(*begin[-1:], *end[-1:])
    limit = np.append(np.around(begin[1:] - step, _DIGITS), np.inf)[: len(end)]
    if overlapping := int((end > limit + 1e-6).sum()):
        warn(f"{name}: {counted(overlapping, 'interval')} cut short, which overlap the next one")
    made = nap.IntervalSet(start=begin, end=np.minimum(end, limit))
    shown = rows.iloc[order]
    ids = str(rows.index.name or "id")
    ids += "_" * (ids in shown.columns)
    _set_metadata(
        made, [(ids, shown.index.to_numpy()), *((str(one), shown[one].to_numpy()) for one in shown)]
    )
    return made


def _set_metadata(made: Any, columns: Iterable[tuple[str, npt.NDArray[Any]]]) -> None:
    """Set columns as metadata, by names that pynapple takes and has none of its own by."""
    taken = {*dir(made), "start", "end", "rate", "index", "columns", "values"}
    named: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if plain.strip("_") else "column"
        plain = plain if plain[:1].isalpha() else f"_{plain}"
        while plain in taken or plain in named:
            plain += "_"
        named[plain] = values
    if named:
        made.set_info(named)
