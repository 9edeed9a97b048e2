"""Receptive fields of a session's units."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nwbin import responses
from nwbin.binning import Closed, as_window
from nwbin.errors import LookupFailure, nearest
from nwbin.session._asked import Asked
from nwbin.session._lookup import Ids

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ReceptiveFields"]

# How stimuli made for this are called in sessions.
_NAMES = ("gabor", "receptive_field_mapping")


class ReceptiveFields(Asked):
    """Maps of where on the screen units answer."""

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
            degrees and ascend; the metrics azimuth_rf and elevation_rf are x_position + 50 and y_position + 10. See
            :func:`nwbin.responses.receptive_fields`.

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
        >>> maps = session.receptive_fields(window=(0.03, 0.15))
        >>> nwbin.plot.plot_receptive_field(maps["firing_rate"][0])
        """
        rows, ids = self._asked(self._gabors() if presentations is None else presentations, unit_ids, where)
        trains = self._trains("receptive_fields", rows, ids, [as_window(window)], threads)
        return responses.receptive_fields(
            trains,
            rows,
            window,
            by_orientation=by_orientation,
            closed=closed,
            threads=threads,
            progress=progress,
        )

    def _gabors(self) -> str:
        """The stimulus that was made for this."""
        known = self._session.stimulus_names
        for name in known:
            if str(name).lower().startswith(_NAMES):
                return name
        raise LookupFailure(
            f"{self._session.file.name}: has no gabors; give presentations that have an x_position and a y_position. "
            f"Of stimuli {nearest('gabors', known)}"
        )
