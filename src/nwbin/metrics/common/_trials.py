"""The trials that each unit is looked at in: those of its preferred condition, others for every unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nwbin.binning import numbers_in_own_windows, spikes_in_own_windows
from nwbin.trains import SpikeTrains

__all__ = ["OwnTrials", "psth_edges"]

_BIN = 0.001  # s


def psth_edges(trial_duration: float) -> npt.NDArray[np.float64]:
    """Return the edges of 1 ms bins, in s from onset; the last bin is the last that ends before the trial does."""
    return np.arange(0, trial_duration, _BIN)


@dataclass(frozen=True, eq=False, repr=False)
class OwnTrials:
    """Pairs of unit and presentation, in order of unit, then of presentation.

    Attributes
    ----------
    unit
        int64 (trials,), index of the unit.
    row
        int64 (trials,), index of the presentation.
    number
        int64 (units,), how many each unit has.
    """

    unit: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]

    @classmethod
    def of_conditions(
        cls, wanted: npt.NDArray[np.intp], condition: npt.NDArray[np.intp], conditions: int
    ) -> OwnTrials:
        """Find the presentations of one condition for each unit.

        Parameters
        ----------
        wanted
            (units,), the place of each unit's condition; -1 for none.
        condition
            (presentations,), the place of each presentation's condition.
        conditions
            How many there are.
        """
        order = np.argsort(condition, kind="stable")
        repeats = np.bincount(condition, minlength=conditions)
        first = np.cumsum(repeats) - repeats
        number = np.where(wanted >= 0, np.append(repeats, 0)[wanted], 0)
        unit = np.repeat(np.arange(len(wanted)), number)
        within = np.arange(len(unit)) - np.repeat(np.cumsum(number) - number, number)
        return cls(unit, order[first[wanted[unit]] + within], number)

    def by_number(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield the units that have equally many trials, (units,), and the places of these, (units, trials)."""
        begins = np.cumsum(self.number) - self.number
        for number in np.unique(self.number[self.number > 0]).tolist():
            units = np.flatnonzero(self.number == number)
            yield units, begins[units][:, None] + np.arange(number)

    def counts(
        self, trains: SpikeTrains, onsets: npt.NDArray[np.float64], duration: float
    ) -> npt.NDArray[np.int64]:
        """Count the spikes in [onset, onset + duration] of each trial: int64 (trials,)."""
        windows = onsets[self.row][:, None] + np.asarray([0.0, duration])
        return numbers_in_own_windows(trains, self.unit, windows, closed="both")

    def per_unit(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Add up a value for each trial by unit: float64 (units,)."""
        return np.bincount(self.unit, weights=values, minlength=len(self.number))

    def spikes(
        self, trains: SpikeTrains, onsets: npt.NDArray[np.float64], window: tuple[float, float]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """List the spikes in [onset + window[0], onset + window[1]) of each trial.

        Returns
        -------
        tuple
            Index of the trial, int64 (spikes,); time from its onset in s, float64 (spikes,).
        """
        at = onsets[self.row]
        found = spikes_in_own_windows(trains, self.unit, at[:, None] + np.asarray(window), closed="left")
        return found.window, found.time - at[found.window]

    def binned(
        self, trains: SpikeTrains, onsets: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """List the spikes of each trial by bin; bins are closed at both ends, so a spike on an edge is listed twice.

        Parameters
        ----------
        trains
            The spikes; `unit` are indices into them.
        onsets
            Of all presentations, in s: (presentations,).
        edges
            (bins + 1,), s from onset, ascending and evenly spaced.

        Returns
        -------
        tuple
            Index of the trial and number of the bin: int64 (spikes,) each.
        """
        if len(edges) < 2:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        at = onsets[self.row]
        found = spikes_in_own_windows(trains, self.unit, at[:, None] + edges[[0, -1]], closed="both")
        trial, start, last = found.window, at[found.window], len(edges) - 2
        # Guessed by division, settled by comparison: the edge is what onset and edge add up to.
        width = (edges[-1] - edges[0]) / (last + 1)
        place = np.clip(((found.time - start - edges[0]) / width).astype(np.int64), 0, last)
        place -= found.time < start + edges[place]
        np.clip(place, 0, last, out=place)
        place += (found.time >= start + edges[place + 1]) & (place < last)
        twice = (found.time == start + edges[place]) & (place > 0)
        return np.concatenate([trial, trial[twice]]), np.concatenate([place, place[twice] - 1])

    def histogram(
        self, trains: SpikeTrains, onsets: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        """Count each unit's spikes by bin, over all its trials: int64 (units, bins); bins as in :meth:`binned`."""
        trial, place = self.binned(trains, onsets, edges)
        shape = len(self.number), max(0, len(edges) - 1)
        flat = np.bincount(self.unit[trial] * shape[1] + place, minlength=shape[0] * shape[1])
        return flat.reshape(shape)
