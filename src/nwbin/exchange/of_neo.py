"""Neo's objects, and so Elephant's: a Block with SpikeTrains, Epochs and the running speed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin._wording import counted
from nwbin.errors import warn
from nwbin.exchange._held import ENDS, held, plain_value, times_of
from nwbin.tables.tidy import text_of_objects
from nwbin.trains import Trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_neo"]

# What Neo's objects have by these names themselves; a column of such a name is annotated with "_" after it.
_OWN = {
    "times", "t_start", "t_stop", "units", "dtype", "copy", "sampling_rate", "waveforms", "left_sweep", "name",
    "description", "file_origin", "array_annotations", "durations", "labels", "unit_id",
}  # fmt: skip


def to_neo(given: Trains, unit_ids: Any = None, *, stimuli: str | Iterable[str] | None = None) -> Any:
    """Make a Block of Neo of a session.

    Parameters
    ----------
    given
        A Session, a File, or whatever else is taken for spike trains (then there are spike trains only).
    unit_ids
        Which units, in this order; None for all.
    stimuli
        Names of stimuli, or of the tables of intervals of other files; None for all, () for none.

    Returns
    -------
    neo.Block
        Of one Segment:

        - `spiketrains`, in s, one for each unit, from the first to the last spike, interval or sample of everything
          asked for; annotated with `unit_id` and what is known of the unit.
        - `epochs`, one for each stimulus or table: times and durations in s; its labels are the ids, its array
          annotations the parameters. Intervals without a start or an end, or that end before they start, are left
          out, with a warning.
        - `irregularlysampledsignals`: the running speed, cm/s, at the middle of each sample.

    Raises
    ------
    MissingDependencyError
        Neo is not installed (extra "neo").
    LookupFailure
        There is no such unit or stimulus.

    Notes
    -----
    Spike times are those of the file, to the last bit.

    Examples
    --------
    >>> segment = to_neo(session, stimuli="flashes").segments[0]
    >>> len(segment.spiketrains) == session.num_units
    True
    >>> [epoch.name for epoch in segment.epochs]
    ['flashes']
    """
    need("neo", "neo", "to_neo")
    import neo
    import quantities as pq

    all_of_it = held(given, unit_ids, stimuli)
    first, last = all_of_it.span()
    block = neo.Block(name=all_of_it.name or None, file_origin=all_of_it.name or None)
    segment = neo.Segment(name=all_of_it.name or None)
    ids = all_of_it.trains.unit_ids.tolist()
    for unit, about in zip(ids, _annotations(all_of_it.units), strict=True):
        train = neo.SpikeTrain(
            _seconds(all_of_it.trains[unit]),
            t_start=first,
            t_stop=last,
            name=f"unit {unit}",
            unit_id=unit,
            **about,
        )
        segment.spiketrains.append(train)
    for name, table in all_of_it.intervals.items():
        segment.epochs.append(_epoch(name, table))
    if all_of_it.running is not None:
        times, speed = all_of_it.running
        there = np.isfinite(times)
        segment.irregularlysampledsignals.append(
            neo.IrregularlySampledSignal(
                times[there], speed[there, None], units=pq.cm / pq.s, time_units=pq.s, name="running_speed"
            )
        )
    block.segments.append(segment)
    return block


def _seconds(times: npt.NDArray[np.float64]) -> Any:
    """Times as a quantity over the same memory, where this version of quantities has a way to."""
    import quantities as pq

    made = times.view(pq.Quantity)
    made._dimensionality = pq.s.dimensionality
    return made


def _annotations(units: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each unit, the values of its row by names that Neo has no use for."""
    names = _free(units.columns)
    cells = [units[name].tolist() for name in units.columns]
    return [
        {name: plain_value(value) for name, value in zip(names, row, strict=True)}
        for row in (zip(*cells, strict=True) if cells else [()] * len(units))
    ]


def _epoch(name: str, table: pd.DataFrame) -> Any:
    import neo
    import quantities as pq

    start, stop = (times_of(table, one) for one in ENDS)
    there = np.isfinite(start) & np.isfinite(stop) & (stop >= start)
    if left_out := int((~there).sum()):
        warn(f"{name}: {counted(left_out, 'interval')} without a start or an end, or ending before, left out")
    rows = table[there]
    columns = [column for column in rows.columns if column not in ENDS]
    about = {
        name: text_of_objects(rows[column].to_numpy(), str(column))
        for name, column in zip(_free(columns), columns, strict=True)
    }
    return neo.Epoch(
        times=start[there] * pq.s,
        durations=(stop - start)[there] * pq.s,
        labels=np.asarray([str(one) for one in rows.index.tolist()], dtype=np.str_),
        name=name,
        array_annotations=about,
    )


def _free(columns: Iterable[Any]) -> list[str]:
    """Names that Neo has no use for, no two alike."""
    wanted = [str(column) for column in columns]
    taken = _OWN | {name for name in wanted if name not in _OWN}
    free = []
    for name in wanted:
        if name in _OWN:
            while name in taken:
                name += "_"
            taken.add(name)
        free.append(name)
    return free
