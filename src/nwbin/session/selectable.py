"""A session, as it is asked which of its presentations and units are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from nwbin._kept_back import own_kept_back
from nwbin.allen.left_out import LeftOut, why_left_out
from nwbin.allen.null import NULL
from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import NothingChosen
from nwbin.nwb import schema

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session._session import Session

__all__ = ["SelectableSession"]


class SelectableSession:
    """A session for :class:`nwbin.responses.selection.Selection`: a :class:`nwbin.responses.recording.Selectable`.

    Parameters
    ----------
    session
        The session.

    Examples
    --------
    >>> chosen = nwbin.responses.Selection("flashes", units="snr > 2")
    >>> rows = chosen.presentations_of(SelectableSession(session))
    """

    missing_text = NULL
    # Of a cache's tables, of the file's electrodes, and of other labs' units.
    structure_columns = ("ecephys_structure_acronym", "structure_acronym", "location")

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def name(self) -> str:
        """The file's name."""
        return self._session.file.name

    @property
    def stimulus_names(self) -> list[str]:
        """See :attr:`nwbin.Session.stimulus_names`."""
        return self._session.stimulus_names

    def stimulus_table(self, names: Sequence[str] | None) -> pd.DataFrame:
        """See :meth:`nwbin.Session.get_stimulus_table`."""
        return self._session.get_stimulus_table(names)

    @property
    def intervals(self) -> Mapping[str, pd.DataFrame]:
        """See :attr:`nwbin.File.intervals`."""
        return self._session.file.intervals

    @property
    def units(self) -> pd.DataFrame:
        """See :attr:`nwbin.Session.units`; a file without any has nothing to choose from."""
        if not self._session.file.has(schema.UNITS):
            raise NothingChosen(f"{self.name}: has no units; it may hold LFP or behaviour only")
        return self._session.units

    @property
    def unit_ids(self) -> npt.NDArray[Any]:
        """See :attr:`nwbin.File.unit_ids`."""
        return self._session.file.unit_ids

    def every_unit(self) -> pd.DataFrame:
        """The table of units if no filter leaves any out."""
        with own_kept_back():  # said already, of the table that is filtered
            return replace(self._session._tables, filters=UnitFilters.none()).units

    def why_left_out(
        self, unit_ids: Sequence[Any], bound_as: Callable[[str, float], str]
    ) -> Sequence[LeftOut]:
        """See :func:`nwbin.allen.left_out.why_left_out`."""
        session = self._session
        return why_left_out(
            session.file,
            session.filters,
            unit_ids,
            session._tables.external_channel_columns,
            bound_as=bound_as,
        )

    def filters_applied(self) -> dict[str, Any] | str:
        """Name the unit filters that were applied: those whose column the file has; "none"."""
        filters, stored = self._session.filters, self._session.file.table(schema.UNITS)
        bounds = {
            "amplitude_cutoff": ("amplitude_cutoff_maximum", filters.amplitude_cutoff_maximum),
            "presence_ratio": ("presence_ratio_minimum", filters.presence_ratio_minimum),
            "isi_violations": ("isi_violations_maximum", filters.isi_violations_maximum),
        }
        applied: dict[str, Any] = {
            name: value
            for column, (name, value) in bounds.items()
            if filters.filter_by_metrics and column in stored
        }
        if filters.filter_by_validity and "quality" in stored:
            applied["quality"] = "good"
        placed = {"probe_id", "structure_acronym"} <= set(self._session.channels.columns)
        if filters.filter_out_of_brain_units and "peak_channel_id" in stored and placed:
            applied["in_brain"] = True
        return applied or "none"
