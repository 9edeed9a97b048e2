"""What a session, a file or bare spike trains have to hand over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.null import tidy
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import times_of
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENDS", "Held", "held", "of_one_kind", "plain_value", "times_of", "trains_of"]

Floats = npt.NDArray[np.float64]

ENDS = ("start_time", "stop_time")  # of an interval, s


@dataclass(frozen=True, eq=False)
class Held:
    """What there is.

    Attributes
    ----------
    name
        Of the file; "" where there is none.
    trains
        The spikes.
    units
        What is known of the units, tidied: a row a unit, in the order of `trains`. No columns where nothing is.
    intervals
        Name -> presentations of a stimulus, or another table of intervals, tidied: by id, start_time
        and stop_time in s.
    running
        Times (s, the middle of each sample) and speed (cm/s); None where there is none.
    """

    name: str
    trains: SpikeTrains
    units: pd.DataFrame
    intervals: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    running: tuple[Floats, Floats] | None = None

    def span(self) -> tuple[float, float]:
        """From the first to the last spike, interval or sample, s; (0, 0) where there is nothing."""
        ends: list[float] = []
        for times in self.trains.values():
            if len(times):
                ends += [float(times[0]), float(times[-1])]
        for table in self.intervals.values():
            for name in ENDS:
                times = times_of(table, name)
                ends += [float(one) for one in times[np.isfinite(times)]]
        if self.running is not None and len(self.running[0]):
            ends += [float(self.running[0][0]), float(self.running[0][-1])]
        return (min(ends), max(ends)) if ends else (0.0, 0.0)


def trains_of(given: Trains, unit_ids: Any = None) -> SpikeTrains:
    """The spikes of all units, or of these."""
    if unit_ids is None:
        return as_trains(given)
    duck: Any = given
    if callable(getattr(duck, "spike_trains", None)):
        return as_trains(duck.spike_trains(unit_ids))  # only these are read
    return as_trains(given).select(unit_ids)


def held(given: Trains, unit_ids: Any = None, stimuli: str | Iterable[str] | None = None) -> Held:
    """Gather what a session or a file holds; of anything else the spikes.

    Parameters
    ----------
    given
        A Session, a File, or what is taken for spike trains.
    unit_ids
        Which units, in this order; None for all.
    stimuli
        Names of stimuli or of tables of intervals; None for all, () for none.

    Raises
    ------
    LookupFailure
        There is no such unit, stimulus or table.
    """
    duck: Any = given
    trains = trains_of(given, unit_ids)
    tables = _tables(duck, [stimuli] if isinstance(stimuli, str) else stimuli)
    source = getattr(duck, "file", duck)
    name = str(source.name) if callable(getattr(source, "spike_trains", None)) else ""
    return Held(name, trains, _units(duck, trains), tables, _running(duck))


def _units(duck: Any, trains: SpikeTrains) -> pd.DataFrame:
    import pandas as pd

    table = getattr(duck, "units", None)
    if not isinstance(table, pd.DataFrame):
        return pd.DataFrame(index=pd.Index(trains.unit_ids))
    return tidy(table.loc[trains.unit_ids])


def _tables(duck: Any, names: Iterable[str] | None) -> dict[str, pd.DataFrame]:
    read: Any
    known: list[str] = []
    if callable(getattr(duck, "get_stimulus_table", None)):
        known, read = list(duck.stimulus_names), duck.get_stimulus_table
    if not known:  # a plain file, or a session of another lab's
        intervals = getattr(getattr(duck, "file", duck), "intervals", None)
        if isinstance(intervals, Mapping):
            known, read = list(intervals), intervals.__getitem__
    chosen = known if names is None else list(names)
    for name in chosen:
        if name not in known:
            raise LookupFailure(
                f"there is no stimulus or table of intervals {name!r}; {nearest(name, known)}"
            )
    found = {name: read(name) for name in chosen}
    if names is None:
        for name in [name for name, table in found.items() if not set(ENDS) <= set(table.columns)]:
            warn(f"{name}: no intervals, for want of the columns {' and '.join(ENDS)}; left out")
            del found[name]
    return {name: of_one_kind(table, name) for name, table in found.items()}


def of_one_kind(given: Rows, name: str) -> pd.DataFrame:
    """A table of intervals, whatever it is given as, with one kind of value a column; `name` is for messages."""
    table = as_rows(given)
    named = [str(column) for column in table.columns]
    if twice := next((one for n, one in enumerate(named) if one in named[:n]), None):
        raise ArgumentError(f"{name}: two columns are called {twice!r}; give one another name")
    return tidy(table)


def _running(duck: Any) -> tuple[Floats, Floats] | None:
    try:
        table = getattr(duck, "running_speed", None)
    except LookupFailure:  # none was recorded
        return None
    if table is None:
        return None
    start, stop = (table[name].to_numpy(np.float64) for name in ("start_time", "end_time"))
    return start + (stop - start) / 2, table["velocity"].to_numpy(np.float64)


def plain_value(one: Any) -> Any:
    """A cell of a table as a plain Python value; None for what is missing, in text or number."""
    value = one.item() if isinstance(one, np.generic) else one
    return None if isinstance(value, float) and value != value else value
