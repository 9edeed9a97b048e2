"""Of which presentations and units an answer is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._threads import share
from nwbin.allen.null import NULL, tidy
from nwbin.allen.stimuli import INVALID
from nwbin.binning import as_window
from nwbin.errors import ArgumentError, NothingChosen
from nwbin.responses.groups import By, parameters_of
from nwbin.responses.hints import Hints
from nwbin.responses.selection import Selection
from nwbin.responses.time_axes import median_duration
from nwbin.responses.windows import what_rows_are
from nwbin.session._lookup import Ids, Lookup
from nwbin.session.selectable import SelectableSession
from nwbin.tables.conditions import select, values_named
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session._session import Session

__all__ = ["Asked", "Window"]

Window = tuple[float, float]
_HINTS = Hints(
    of_units="unit_ids=session.select(units=...).units"
)  # these methods take no conditions on units


class Asked:
    """What a part of a session that gives answers from counts is asked. Made anew each time: it holds the session.

    In all of its methods:

    - `presentations` are the name of a stimulus, several names, or (where no stimulus has it) that of another table
      of intervals, such as "trials"; or ids, a mask or a table as in
      :meth:`Session.presentationwise_spike_counts`, whose own columns can be named too; None for all. Invalid
      presentations are left out.
    - `unit_ids` are units in this order; None for all.
    - `where` is a condition on the table of presentations, such as "contrast > 0.5".
    - A window is from and to, s from onset; where it may be None it is the presentations', from 0 to their median
      duration.
    - Spikes count in [a, b), as everywhere in :mod:`nwbin.responses`; `closed` changes that.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _asked(
        self, presentations: Any, unit_ids: Ids, where: str | None
    ) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        """The presentations by id, and the ids of the units."""
        lookup = Lookup(self._session._tables.seen)
        if _named(presentations):
            chosen = Selection(presentations, presentations=where, hints=_HINTS)
            rows = chosen.presentations_of(SelectableSession(self._session))
        else:
            rows = self._by_id(lookup, presentations, where)
        if "stimulus_name" in rows.columns:
            rows = rows[(rows["stimulus_name"] != INVALID).to_numpy()]
        if not len(rows):
            raise NothingChosen(f"{self._session.file.name}: no presentation is left to answer from")
        return rows, lookup.unit_ids(unit_ids)

    def _by_id(self, lookup: Lookup, presentations: Any, where: str | None) -> pd.DataFrame:
        rows = lookup.placed(lookup.presentations(presentations), to_stop=False)
        if hasattr(presentations, "columns"):
            # What somebody noted of each presentation: the speed of running, say.
            own = [name for name in presentations.columns if name not in rows.columns]
            rows = rows.assign(**{str(name): presentations[name].to_numpy() for name in own})
        chosen = select(rows, where, missing_text=NULL)
        if len(rows) and not len(chosen):
            raise NothingChosen(
                f"{self._session.file.name}: none of {len(rows):,} presentations meets {where!r}"
                f"{values_named(rows, str(where), missing_text=NULL)}"
            )
        return chosen

    def _tidy(self, rows: pd.DataFrame, by: By) -> pd.DataFrame:
        """The presentations' times and parameters, with NaN or None for what does not apply."""
        names = parameters_of(by)
        if not set(names) <= set(rows.columns):  # of which the nearest are said
            return rows
        return tidy(rows[[one for one in rows.columns if one in {"start_time", "stop_time", *names}]])

    def _window(self, rows: pd.DataFrame, window: Window | None) -> Window:
        """A window, by default as long as a presentation, s from onset."""
        if window is not None:
            return as_window(window)
        lasting = median_duration(rows)
        if not lasting > 0:
            raise ArgumentError(
                f"{self._session.file.name}: these {what_rows_are(rows)}s do not say how long they last; give a window"
            )
        return 0.0, lasting

    def _trains(
        self,
        asked: str,
        rows: pd.DataFrame,
        unit_ids: npt.NDArray[Any],
        windows: Sequence[npt.ArrayLike | None],
        threads: int | None,
    ) -> SpikeTrains:
        """The spikes of units, once it was said which of the windows around presentations hold invalid ones."""
        times = np.concatenate([np.asarray(one, np.float64).ravel() for one in windows if one is not None])
        onsets = rows["start_time"].to_numpy(np.float64)
        self._session.warn_of_invalid_spikes(
            asked, unit_ids, onsets + times.min(), onsets + times.max(), what=what_rows_are(rows)
        )
        with share(threads):
            return self._session.file.spike_trains(unit_ids)


def _named(presentations: Any) -> bool:
    """Whether these are names of stimuli, or of a table of intervals."""
    if isinstance(presentations, str):
        return True
    return (
        isinstance(presentations, list | tuple)
        and len(presentations) > 0
        and all(isinstance(one, str) for one in presentations)
    )
