"""A session as its metrics see it, and the presentations of one of its stimuli."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.null import NULL
from nwbin.binning import count_in_windows
from nwbin.errors import FormatError
from nwbin.metrics.common._conventions import Convention
from nwbin.metrics.common._levels import Levels, levels_of
from nwbin.metrics.common._overlaps import as_allensdk_counts
from nwbin.metrics.common._stimuli import STIMULUS_KINDS, StimulusKind
from nwbin.metrics.common._trials import OwnTrials, psth_edges
from nwbin.tables.missing import missing

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.trains import SpikeTrains

__all__ = ["SessionView", "StimulusView"]

Floats = npt.NDArray[np.float64]
_BLOCK = 128  # units that are counted at a time


@dataclass(eq=False, repr=False)
class SessionView:
    """What metrics need of a session. Rows and arrays by unit are in the order of `trains`, everywhere.

    Attributes
    ----------
    name
        Of the file, for messages.
    presentations
        The stimulus table with all parameters: index stimulus_presentation_id.
    conditions
        The distinct conditions, by stimulus_condition_id 0, 1, ...
    trains
        The spikes of the units that are asked for.
    read_running
        Returns the running speed (start_time, velocity), or None where there is none.
    convention
        By whose rules.
    """

    name: str
    presentations: pd.DataFrame
    conditions: pd.DataFrame
    trains: SpikeTrains
    read_running: Callable[[], pd.DataFrame | None]
    convention: Convention = "corrected"
    _stimuli: dict[str, StimulusView | None] = field(default_factory=dict, init=False)

    @property
    def unit_ids(self) -> npt.NDArray[Any]:
        """(units,)."""
        return self.trains.unit_ids

    @cached_property
    def stimulus_names(self) -> list[str]:
        """In order of appearance."""
        names: list[str] = self.presentations["stimulus_name"].unique().tolist()
        return names

    @cached_property
    def running(self) -> pd.DataFrame | None:
        """The running speed: start_time (s), velocity (cm/s); None where there is none."""
        return self.read_running()

    def stimulus(self, suffix: str) -> StimulusView | None:
        """Return the presentations of a kind of stimulus, by its columns' suffix ("dg"); None if it was not shown."""
        if suffix not in self._stimuli:
            kind = STIMULUS_KINDS[suffix]
            name = kind.found_in(self.stimulus_names)
            self._stimuli[suffix] = None if name is None else self.named(name, kind)
        return self._stimuli[suffix]

    def forget(self, suffix: str) -> None:
        """Let go of what was counted for a kind of stimulus."""
        self._stimuli.pop(suffix, None)

    def named(self, name: str, kind: StimulusKind) -> StimulusView:
        """Return the presentations of a stimulus by its name in the session, to be seen as one of some kind."""
        # Masked presentations have another name, and are left out by it.
        shown = self.presentations[(self.presentations["stimulus_name"] == name).to_numpy(bool)]
        return StimulusView(self, kind, name, shown)


@dataclass(eq=False, repr=False)
class StimulusView:
    """The presentations of one stimulus, what all units did in them, and the trials of each unit's best condition.

    Attributes
    ----------
    session
        The session.
    kind
        What stimulus this is.
    name
        Its name in the session.
    presentations
        Its rows of the stimulus table, masked ones left out.
    """

    session: SessionView
    kind: StimulusKind
    name: str
    presentations: pd.DataFrame

    def __post_init__(self) -> None:
        bad = ~(np.isfinite(self.starts) & (self.stops >= self.starts))
        if bad.any():
            at = int(np.argmax(bad))
            raise FormatError(
                f"{self.session.name}: stimulus presentation {self.presentations.index[at]} ({self.name}) runs from "
                f"{self.starts[at]} to {self.stops[at]} s; download the file again"
            )

    @property
    def trains(self) -> SpikeTrains:
        """The spikes."""
        return self.session.trains

    @cached_property
    def starts(self) -> Floats:
        """In s: (presentations,)."""
        return self.presentations["start_time"].to_numpy(np.float64)

    @cached_property
    def stops(self) -> Floats:
        """In s: (presentations,)."""
        return self.presentations["stop_time"].to_numpy(np.float64)

    @cached_property
    def trial_duration(self) -> float:
        """How long a trial is taken to last, in s."""
        if self.kind.trial_duration is None:
            return float(np.median(self.stops - self.starts))
        return self.kind.trial_duration

    # ---------------------------------------------------------------- conditions

    @cached_property
    def _by_condition(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
        ids = self.presentations["stimulus_condition_id"].to_numpy(np.float64).astype(np.int64)
        distinct, place = np.unique(ids, return_inverse=True)
        return distinct, place.reshape(-1).astype(np.intp, copy=False)

    @property
    def condition_ids(self) -> npt.NDArray[np.int64]:
        """The stimulus_condition_id of each condition, ascending: (conditions,)."""
        return self._by_condition[0]

    @property
    def condition(self) -> npt.NDArray[np.intp]:
        """The place of each presentation's condition among them: (presentations,)."""
        return self._by_condition[1]

    @cached_property
    def repeats(self) -> npt.NDArray[np.int64]:
        """How often each condition was shown: (conditions,)."""
        return np.bincount(self.condition, minlength=len(self.condition_ids))

    def parameter(self, name: str) -> npt.NDArray[Any]:
        """Return a parameter of each condition, (conditions,): "null" where it does not apply, or there is none."""
        if name not in self.session.conditions.columns:
            return np.full(len(self.condition_ids), np.nan)
        return self.session.conditions[name].to_numpy()[self.condition_ids]

    def levels(self, name: str) -> Levels:
        """Return the distinct values of a parameter."""
        return levels_of(self.parameter(name), self.session.convention)

    @cached_property
    def blank(self) -> npt.NDArray[np.bool_]:
        """Which conditions are blank sweeps: (conditions,)."""
        if self.kind.blank is None:
            return np.zeros(len(self.condition_ids), dtype=bool)
        values = self.parameter(self.kind.blank)
        if self.kind.suffix == "ns":
            return np.asarray([one == -1 for one in values.tolist()], dtype=bool)
        return missing(values, NULL)

    # ---------------------------------------------------------------- spikes

    @cached_property
    def spike_sum(self) -> npt.NDArray[np.int64]:
        """Spikes in (start, stop] over the presentations of each condition: int64 (units, conditions)."""
        order = np.argsort(self.condition, kind="stable")
        first = np.cumsum(self.repeats) - self.repeats
        found = np.empty((len(self.trains), len(first)), dtype=np.int64)
        for begin in range(0, len(found), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            counts = self.counts_to_stop(block)
            found[block] = np.add.reduceat(counts[order], first, axis=0, dtype=np.int64).T
        return found

    @property
    def spike_mean(self) -> Floats:
        """Spikes in (start, stop] by presentation, a mean by condition: float64 (units, conditions)."""
        return self.spike_sum / self.repeats

    def counts_to_stop(self, units: slice = slice(None)) -> npt.NDArray[np.uint32]:
        """Count the spikes in (start, stop] of each presentation: (presentations, units); some units, if asked for so.

        By AllenSDK's convention those that it finds: it loses some where presentations overlap.
        """
        trains = self.trains.select(self.trains.unit_ids[units])
        windows = np.stack([self.starts, self.stops], axis=1)[:, None, :]
        found = count_in_windows(trains, np.zeros(len(windows)), windows, closed="right", dtype=np.uint32)
        counts: npt.NDArray[np.uint32] = found[:, 0, :]
        if self.session.convention == "allen":
            as_allensdk_counts(counts, trains, self.starts, self.stops)
        return counts

    @cached_property
    def trial_counts(self) -> npt.NDArray[np.uint32]:
        """Spikes in [start, start + trial_duration] of each presentation: (presentations, units)."""
        window = [[0.0, self.trial_duration]]
        found = count_in_windows(self.trains, self.starts, window, closed="both", dtype=np.uint32)
        counts: npt.NDArray[np.uint32] = found[:, 0, :]
        return counts

    @cached_property
    def preferred(self) -> npt.NDArray[np.intp]:
        """The place of each unit's best condition, blanks left out, the first of equals; -1 for none: (units,)."""
        candidates = np.flatnonzero(~self.blank)
        if not candidates.size:
            return np.full(len(self.trains), -1, dtype=np.intp)
        return candidates[self.spike_mean[:, candidates].argmax(axis=1)]

    @cached_property
    def trials(self) -> OwnTrials:
        """The trials of each unit's preferred condition."""
        return OwnTrials.of_conditions(self.preferred, self.condition, len(self.condition_ids))

    @cached_property
    def own_counts(self) -> npt.NDArray[np.int64]:
        """Spikes in [start, start + trial_duration] of each unit's own trials: (trials,)."""
        return self.trials.counts(self.trains, self.starts, self.trial_duration)

    @cached_property
    def edges(self) -> Floats:
        """Of the PSTH's 1 ms bins, s from onset: (bins + 1,)."""
        return psth_edges(self.trial_duration)

    @cached_property
    def histogram(self) -> npt.NDArray[np.int64]:
        """Spikes of the preferred condition's trials in 1 ms bins, closed at both ends: int64 (units, bins)."""
        return self.trials.histogram(self.trains, self.starts, self.edges)

    # ---------------------------------------------------------------- running

    @cached_property
    def speed(self) -> Floats:
        """The mean of the running speed's samples that begin in [start, stop), cm/s: (presentations,). NaN for none."""
        running = self.session.running
        if running is None or not len(running):
            return np.full(len(self.starts), np.nan)
        time, velocity = (running[name].to_numpy(np.float64) for name in ("start_time", "velocity"))
        if not (time[1:] >= time[:-1]).all():
            order = np.argsort(time, kind="stable")
            time, velocity = time[order], velocity[order]
        first, last = np.searchsorted(time, self.starts), np.searchsorted(time, self.stops)
        known = ~np.isnan(velocity)
        pairs = np.stack([first, last], axis=1).reshape(-1)
        total = np.add.reduceat(np.append(np.where(known, velocity, 0.0), 0.0), pairs)[::2]
        number = np.append(0, np.cumsum(known))
        count = np.where(last > first, number[last] - number[first], 0)
        speed = np.full(len(count), np.nan)
        np.divide(total, count, out=speed, where=count > 0)
        return speed
