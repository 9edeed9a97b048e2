"""Times during which spikes are invalid, and who was told of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen import invalid
from nwbin.errors import InvalidSpikesWarning, warn
from nwbin.session._part_of_session import Part
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InvalidSpikes"]


@dataclass(eq=False, repr=False)
class InvalidSpikes(Part):
    """Warns of invalid spikes, once of each invalid time."""

    tables: SessionTables

    @cached_property
    def _told(self) -> dict[str, set[Any]]:
        """What was warned of already, by what was asked for."""
        return {}

    @cached_property
    def tags(self) -> list[str]:
        return invalid.spike_tags(self.tables.probes["description"])

    @cached_property
    def times(self) -> pd.DataFrame:
        """The invalid times of the spikes of any probe."""
        return invalid.tagged(self.tables.invalid_times, self.tags)

    def first_time(self, asked: str, what: Any) -> bool:
        """Say whether something has not been warned of yet; from then on it has."""
        told = self._told.setdefault(asked, set())
        new = what not in told
        told.add(what)
        return new

    def warn_of_any(self, asked: str) -> None:
        """Warn, once, if there are any invalid times at all."""
        if self.first_time(asked, "any") and len(self.times):
            warn(
                f"{self.tables.file.name}: has times during which spikes of some probes are invalid "
                f"({invalid.ranges(self.times, self.tags)}; see invalid_times); they are not left out: exclude those "
                "stretches where they matter",
                InvalidSpikesWarning,
            )

    def warn_of_invalid_spikes(
        self,
        asked: str,
        unit_ids: npt.NDArray[Any],
        start: npt.NDArray[np.float64],
        stop: npt.NDArray[np.float64],
        *,
        what: str = "presentation",
    ) -> None:
        """Warn where spikes are asked for that are invalid.

        Of an invalid time once for each kind of question: a loop over presentations is told of it in the call that
        meets it first.

        Parameters
        ----------
        asked
            The kind of question, such as the method's name.
        unit_ids
            The units: only their probes' invalid times matter.
        start, stop
            From when to when, in s: float64 (presentations,).
        what
            What these are, such as an interval.

        Examples
        --------
        >>> session.warn_of_invalid_spikes("my_counts", session.units.index, [10.0], [20.0])
        """
        told = self._told.setdefault(asked, set())
        if not len(unit_ids) or told.issuperset(self.times.index):
            return
        bad = invalid.touched(start, stop, self.times)
        if told.issuperset(bad.index):
            return
        tags, column = self.tags, "probe_description"
        units = self.tables.units
        if column in units.columns:  # else nobody knows whose units they are
            chosen = units[column][units.index.isin(unit_ids)]
            tags = invalid.spike_tags(chosen.unique().tolist())
            bad = invalid.tagged(bad, tags)
            if told.issuperset(bad.index):
                return
        told.update(bad.index)
        hit = int(invalid.overlapping(start, stop, bad).sum())
        warn(
            f"{self.tables.file.name}: {hit:,} of {len(start):,} {what}{'s' * (len(start) != 1)} overlap"
            f"{'s' * (hit == 1)} times during which spikes of some probes are invalid "
            f"({invalid.ranges(bad, tags)}; see invalid_times); they are not left out: exclude such {what}s where "
            "they matter",
            InvalidSpikesWarning,
        )
