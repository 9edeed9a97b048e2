"""Metrics of how a session's units answer its stimuli."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nwbin._optional import need
from nwbin.binning import Progress
from nwbin.errors import LookupFailure, warn
from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables
from nwbin.session._signals import Signals

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.metrics.common import Convention, SessionView
    from nwbin.metrics.stimulus import StimulusChoice

__all__ = ["StimulusMetrics"]


@dataclass(eq=False, repr=False)
class StimulusMetrics:
    """Computes the data set's table of stimulus metrics."""

    tables: SessionTables
    lookup: Lookup
    signals: Signals
    invalid_spikes: InvalidSpikes

    def stimulus_metrics(
        self,
        stimuli: StimulusChoice = None,
        unit_ids: Ids = None,
        *,
        convention: Convention = "corrected",
        seed: int = 0,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Compute how units answer the stimuli: the data set's published table of metrics, from the file.

        Parameters
        ----------
        stimuli
            Names of stimuli, or suffixes of columns: drifting_gratings (dg; drifting_gratings_75_repeats too),
            static_gratings (sg), natural_scenes (ns), dot_motion (dm), flashes (fl), gabors (rf), natural_movie_one
            (nm1), natural_movie_three (nm3). By default those of the published table of such sessions, and the movies.
        unit_ids
            Which units; all by default.
        convention
            "corrected", or "allen" for what AllenSDK 2.16.2 computes, its faults included. They differ in the columns
            of ``nwbin.metrics.corrections.CORRECTIONS``, which says why; movies are only in the first.
        seed
            Of the permutations of p_value_rf. A unit's value is the same whichever others are asked for.
        progress
            Called with (stimuli done, stimuli in all).

        Returns
        -------
        pandas.DataFrame
            Index unit_id; columns by length of name, then alphabet, as published. float64, but bool where it is said
            whether (``pref_ori_multi_dg``); preferred values are in the stimulus table's units of measure, rates in
            Hz, times in s, positions and sizes in degrees. Columns of stimuli that were not shown, and of running
            where it was not recorded, are NaN, and one warning says so.

        Raises
        ------
        LookupFailure
            A unit is not known, or did not pass the filters.
        ArgumentError
            No such stimulus or convention.
        MissingDependencyError
            SciPy is not installed: ``pip install 'nwbin[metrics]'``.

        Notes
        -----
        The definitions are AllenSDK's (brain_observatory/ecephys/stimulus_analysis), which computes one unit after
        another; here all units are done at once. Working set: the counts of one stimulus, 8 bytes a presentation and
        unit (290 MB for 36,000 frames of a movie and 1,000 units), and a few times 16 kB a unit.

        Examples
        --------
        >>> session = nwbin.open("session_715093703.nwb")
        >>> session.stimulus_metrics("drifting_gratings")["pref_ori_dg"]
        """
        from nwbin.metrics.common import as_convention
        from nwbin.metrics.stimulus import chosen_stimuli, stimulus_metrics_table

        as_convention(convention)
        need("scipy", "metrics", "stimulus_metrics")
        chosen = self.lookup.unit_ids(unit_ids)
        self.invalid_spikes.warn_of_any("stimulus_metrics")
        view = self.view(chosen, convention)
        wanted = chosen_stimuli(stimuli, view, self.tables.file.stimulus_notes)
        table, lacking = stimulus_metrics_table(view, wanted, seed=seed, progress=progress)
        if not wanted:
            warn(f"{self.tables.file.name}: shows none of the stimuli that have metrics: no columns")
        elif lacking:
            warn(f"{self.tables.file.name}: has no {', no '.join(lacking)}; the columns that need it are NaN")
        return table.loc[chosen]

    def view(self, unit_ids: Ids = None, convention: Convention = "corrected") -> SessionView:
        """Return the session as metrics see it. Its units are in the order of the file, each once."""
        from nwbin.metrics.common import SessionView, as_convention

        stored = self.tables.file.unit_ids
        return SessionView(
            self.tables.file.name,
            self.tables.detailed_presentations,
            self.tables.stimuli.conditions,
            # In this order, in which their spikes lie there, nothing need be copied.
            self.tables.file.spike_trains(stored[np.isin(stored, self.lookup.unit_ids(unit_ids))]),
            self._running,
            as_convention(convention),
        )

    def _running(self) -> pd.DataFrame | None:
        try:
            return self.signals.running_speed
        except LookupFailure:
            return None
