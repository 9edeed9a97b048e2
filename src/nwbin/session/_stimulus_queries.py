"""What is asked of a session's stimuli."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen import queries
from nwbin.errors import nearest, warn
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StimulusQueries"]


@dataclass(eq=False, repr=False)
class StimulusQueries:
    """Presentations of some stimuli, their epochs, parameters and intervals."""

    tables: SessionTables
    lookup: Lookup

    def _of_stimulus(self, names: str | Iterable[str]) -> npt.NDArray[np.bool_]:
        wanted = [names] if isinstance(names, str | bytes) or not isinstance(names, Iterable) else list(names)
        shown = self.tables.detailed_presentations["stimulus_name"]
        found = shown.isin(wanted).to_numpy()
        there = shown[found].unique().tolist()
        for name in wanted:
            if name not in there:
                warn(f"no stimulus is called {name!r}; {nearest(name, self.tables.stimulus_names)}")
        return found

    def get_stimulus_table(
        self,
        stimulus_names: str | Iterable[str] | None = None,
        include_detailed_parameters: bool = False,
        include_unused_parameters: bool = False,
    ) -> pd.DataFrame:
        """Return the presentations of some stimuli, with the parameters that apply to them.

        "null" may stand among numbers, as in :attr:`stimulus_presentations`.

        Parameters
        ----------
        stimulus_names
            One or more names from :attr:`stimulus_names`; all by default.
        include_detailed_parameters
            Keep mask, opacity, units and the like.
        include_unused_parameters
            Keep columns that have no value in any of these presentations.

        Examples
        --------
        >>> session.get_stimulus_table("static_gratings").columns.tolist()
        ['stimulus_block', 'start_time', 'stop_time', 'stimulus_name', 'contrast', ...]
        """
        names = self.tables.stimulus_names if stimulus_names is None else stimulus_names
        table = self.tables.detailed_presentations[self._of_stimulus(names)]
        if not include_detailed_parameters:
            table = queries.without_detail(table)
        return table if include_unused_parameters else queries.without_unused(table)

    def get_stimulus_epochs(self, duration_thresholds: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the stretches during which one stimulus block was shown; see :func:`nwbin.allen.queries.epochs`.

        Parameters
        ----------
        duration_thresholds
            Stimulus name -> seconds: shorter epochs of that stimulus are left out.

        Examples
        --------
        >>> session.get_stimulus_epochs(duration_thresholds={"spontaneous": 60.0})["stimulus_name"].tolist()
        [...'flashes'...]
        """
        return queries.epochs(self.tables.stimulus_presentations, duration_thresholds or {})

    def get_stimulus_parameter_values(
        self, stimulus_presentation_ids: Ids = None, drop_nulls: bool = True
    ) -> dict[str, npt.NDArray[Any]]:
        """Return each parameter's distinct values over some presentations (all by default).

        Examples
        --------
        >>> session.get_stimulus_parameter_values()["orientation"]
        """
        return queries.parameter_values(
            self.lookup.presentations(stimulus_presentation_ids), drop_nulls=drop_nulls
        )

    def get_parameter_values_for_stimulus(
        self, stimulus_name: str, drop_nulls: bool = True
    ) -> dict[str, npt.NDArray[Any]]:
        """Return each parameter's distinct values over the presentations of a stimulus.

        Examples
        --------
        >>> sorted(session.get_parameter_values_for_stimulus("flashes")["color"].tolist())
        [-1.0, 1.0]
        """
        shown = self.tables.stimulus_presentations[self._of_stimulus(stimulus_name)]
        return queries.parameter_values(shown, drop_nulls=drop_nulls)

    @property
    def inter_presentation_intervals(self) -> pd.DataFrame:
        return queries.inter_presentation_intervals(self.tables.detailed_presentations)

    def get_inter_presentation_intervals_for_stimulus(
        self, stimulus_names: str | Iterable[str]
    ) -> pd.DataFrame:
        """Return the intervals between neighbouring presentations that both belong to some stimuli.

        Examples
        --------
        >>> session.get_inter_presentation_intervals_for_stimulus("flashes")["interval"].min()
        """
        table = self.tables.detailed_presentations
        return queries.inter_presentation_intervals(table, table.index[self._of_stimulus(stimulus_names)])
