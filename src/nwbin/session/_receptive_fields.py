"""Receptive fields of a session's units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nwbin._threads import share
from nwbin.allen.null import NULL
from nwbin.binning import Closed
from nwbin.errors import LookupFailure, NothingChosen, nearest
from nwbin.responses.receptive_fields import receptive_fields
from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables
from nwbin.tables.conditions import select

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["ReceptiveFields"]

# How stimuli made for this are called in sessions.
_NAMES = ("gabor", "receptive_field_mapping")


@dataclass(eq=False, repr=False)
class ReceptiveFields:
    """Maps of where on the screen units answer."""

    tables: SessionTables
    lookup: Lookup
    invalid_spikes: InvalidSpikes

    def receptive_fields(
        self,
        presentations: str | Ids = None,
        unit_ids: Ids = None,
        window: tuple[float, float] = (0.0, 0.25),
        *,
        where: str | None = None,
        by_orientation: bool = False,
        closed: Closed = "left",
        threads: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> xr.Dataset:
        """Average each unit's spikes over the presentations at each position of the gabors.

        Parameters
        ----------
        presentations
            Presentations that have an x_position and a y_position, or the name of their stimulus; the session's
            gabors by default. Those without a position (invalid presentations) are left out.
        unit_ids
            Which units, in this order; all by default.
        window
            From and to, in s from onset.
        where
            A condition on the presentations, such as "orientation == 45"; see :func:`nwbin.export.select`.
        by_orientation
            A map for each orientation, in place of one over all.
        closed
            Which ends belong to the window: "left" is [from, to).
        threads
            Threads to use, in reading too; all cores by default.
        progress
            Called with (presentations done, presentations in all).

        Returns
        -------
        xarray.Dataset
            `spike_count`, `mean_count` (spikes a presentation), `firing_rate` (Hz), dims (unit_id, y_position,
            x_position), then orientation where it is asked for; and `presentations`, how many. Positions are in
            degrees and ascend. See :func:`nwbin.responses.receptive_fields`.

        Raises
        ------
        LookupFailure
            The session has no gabors; an id is not known.
        NothingChosen
            No presentation is left.
        ArgumentError
            No presentation has a position; the window makes no sense.

        Examples
        --------
        >>> maps = session.receptive_fields(window=(0.03, 0.15))                       # doctest: +SKIP
        >>> maps["firing_rate"].sel(unit_id=950910095).plot()                          # doctest: +SKIP
        """
        shown = self.lookup.placed(self._presentations(presentations, where), to_stop=False)
        chosen = self.lookup.unit_ids(unit_ids)
        onsets = shown["start_time"].to_numpy(np.float64)
        self.invalid_spikes.warn_of_invalid_spikes(
            "receptive_fields", chosen, onsets + window[0], onsets + window[1]
        )
        with share(threads):
            trains = self.tables.file.spike_trains(chosen)
        return receptive_fields(
            trains, shown, window, by_orientation=by_orientation, closed=closed, threads=threads,
            progress=progress,
        )  # fmt: skip

    def _presentations(self, ids: str | Ids, where: str | None) -> pd.DataFrame:
        known = self.tables.stimulus_names
        if ids is None:
            ids = next((name for name in known if str(name).lower().startswith(_NAMES)), None)
            if ids is None:
                raise LookupFailure(
                    f"{self.tables.file.name}: has no gabors; give presentations that have an x_position and a "
                    f"y_position. Of stimuli {nearest('gabors', known)}"
                )
        elif isinstance(ids, str) and ids not in known:
            raise LookupFailure(f"{self.tables.file.name}: has no stimulus {ids!r}; {nearest(ids, known)}")
        table = self.tables.stimulus_presentations
        shown = (
            table[table["stimulus_name"] == ids] if isinstance(ids, str) else self.lookup.presentations(ids)
        )
        chosen = select(shown, where, missing_text=NULL)
        if not len(chosen):
            raise NothingChosen(
                f"{self.tables.file.name}: no presentation is left"
                f"{'' if where is None else f' of which {where!r} holds'}"
            )
        return chosen
