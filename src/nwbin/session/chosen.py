"""Part of a session: the presentations and the units that are meant, by the one way in which everything asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nwbin.responses.selection import Selection, as_selection
from nwbin.responses.windows import warn_of_late, what_rows_are
from nwbin.session.selectable import SelectableSession

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from nwbin.session._session import Session
    from nwbin.trains import SpikeTrains

__all__ = ["Chosen", "select", "warn_of_recording"]


class Chosen:
    """What :meth:`nwbin.Session.select` chose. Each of its tables is made when it is asked for, and kept.

    It can be given for trains, as ``nwbin.bin_spikes(chosen, chosen.presentations.start_time, edges)``, and taken
    apart: ``presentations, units = session.select(...)``.

    Attributes
    ----------
    selection
        What was asked for.
    source
        The session, as it is asked.

    Examples
    --------
    >>> chosen = session.select("flashes", structures="VISp")
    >>> presentations, units = chosen
    >>> nwbin.bin_spikes(chosen, presentations.start_time, [0, 0.1, 0.2])
    """

    def __init__(self, session: Session, selection: Selection, *, partly: bool = False) -> None:
        self.selection, self.source = selection, SelectableSession(session)
        self._session, self._partly = session, partly

    def __repr__(self) -> str:
        return f"<nwbin.session.Chosen of {self.source.name!r}: {self.selection}>"

    @cached_property
    def presentations(self) -> pd.DataFrame:
        """See :meth:`nwbin.responses.Selection.presentations_of`."""
        return self.selection.presentations_of(self.source, partly=self._partly)

    @cached_property
    def units(self) -> pd.DataFrame:
        """See :meth:`nwbin.responses.Selection.units_of`."""
        return self.selection.units_of(self.source, partly=self._partly)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return iter((self.presentations, self.units))

    def spike_trains(self) -> SpikeTrains:
        """The spike times of the units, in their order; see :meth:`nwbin.Session.spike_trains`."""
        return self._session.spike_trains(self.units.index)


def select(
    self: Session,
    stimulus: str | Sequence[str] | Selection | None = None,
    *,
    presentations: str | None = None,
    structures: str | Sequence[str] | None = None,
    units: str | Sequence[Any] | None = None,
    align: str = "start_time",
    intervals: str | None = None,
    partly: bool = False,
) -> Chosen:
    """Choose presentations and units by their names and by conditions, as every job and command does.

    Parameters
    ----------
    stimulus, presentations, structures, units, align, intervals
        Which presentations (or rows of another table of intervals) and units; see :class:`nwbin.responses.Selection`.
        One of these may be given in place of them all.
    partly
        The session is one of many, and need not have all that is asked for: what it lacks is noted, and an error
        only where nothing is left.

    Returns
    -------
    Chosen
        `presentations` and `units`, tables by id.

    Raises
    ------
    LookupFailure
        There is nothing of such a name, or nothing that meets the conditions. Errors come when a table is made.

    Examples
    --------
    >>> chosen = session.select("flashes", presentations="color == 1", structures="VISp")
    >>> session.presentationwise_spike_counts([0, 0.25], chosen.presentations, chosen.units)
    """
    selection = as_selection(stimulus, presentations, structures, units, align, intervals)
    return Chosen(self, selection, partly=partly)


select.__qualname__ = "Session.select"


def warn_of_recording(
    session: Session, asked: str, rows: pd.DataFrame, windows: npt.NDArray[np.float64], trains: SpikeTrains
) -> None:
    """Say of windows what the recording makes of them: spikes in them are invalid, or they begin after the last.

    Parameters
    ----------
    session
        The session.
    asked
        The kind of question; see :meth:`nwbin.Session.warn_of_invalid_spikes`.
    rows
        Presentations or other intervals.
    windows
        Of each, on the clock of the spikes, in s: (rows, 2).
    trains
        The units.
    """
    session.warn_of_invalid_spikes(asked, trains.unit_ids, *windows.T, what=what_rows_are(rows))
    warn_of_late(rows, windows, trains)
