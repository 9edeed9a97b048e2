"""What the units of a session did during presentations: by presentation, by condition, as a matrix for decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin._threads import share
from nwbin.allen import responses
from nwbin.binning import Closed
from nwbin.responses.matrix import ResponseMatrix, check_window, response_matrix
from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["PresentationSpikes"]


@dataclass(eq=False, repr=False)
class PresentationSpikes:
    """Counts and lists spikes of presentations."""

    tables: SessionTables
    lookup: Lookup
    invalid_spikes: InvalidSpikes

    def presentationwise_spike_counts(
        self,
        bin_edges: npt.ArrayLike,
        stimulus_presentation_ids: Ids,
        unit_ids: Ids,
        binarize: bool = False,
        dtype: npt.DTypeLike | None = None,
        large_bin_size_threshold: float = 0.001,
        time_domain_callback: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None = None,
        *,
        closed: Closed = responses.CLOSED_BINS,
        threads: int | None = None,
    ) -> xr.DataArray:
        """Count spikes in bins around the onset of each presentation.

        Parameters
        ----------
        bin_edges
            Bin edges in s from onset, (bins + 1,), not decreasing.
        stimulus_presentation_ids, unit_ids
            Which ones, in this order, repeats kept; None for all.
        binarize
            1 where there was any spike.
        dtype
            Of the result: uint16 by default, uint8 when binarized.
        large_bin_size_threshold
            Warn when binarizing bins wider than this, in s.
        time_domain_callback
            Changes the edges of all presentations on the session's clock, (presentations, bins + 1).
        closed
            "both" (AllenSDK's rule: a spike on an inner edge counts in both bins), "left" [a, b), "right" (a, b].
        threads
            Threads to use, in reading too; all cores by default.

        Returns
        -------
        xarray.DataArray
            "spike_counts", dims (stimulus_presentation_id, time_relative_to_stimulus_onset, unit_id), the second
            labelled by the centers of the bins in s.

        Raises
        ------
        LookupFailure
            An id is not known, or the unit did not pass the filters.
        CountOverflowError
            A count does not fit the dtype.

        Notes
        -----
        Working set: the result, presentations x bins x units of its dtype. :func:`nwbin.iter_bin_spikes` counts
        what does not fit in memory.

        Examples
        --------
        >>> flashes = session.get_stimulus_table("flashes")
        >>> counts = session.presentationwise_spike_counts([0, 0.05, 0.1], flashes.index, session.units.index[:3])
        >>> counts.dims, counts.sizes["unit_id"]
        (('stimulus_presentation_id', 'time_relative_to_stimulus_onset', 'unit_id'), 3)
        """
        shown = self.lookup.placed(self.lookup.presentations(stimulus_presentation_ids), to_stop=False)
        chosen = self.lookup.unit_ids(unit_ids)
        with share(threads):
            trains = self.tables.file.spike_trains(chosen)
        counts = responses.aligned_counts(
            trains,
            shown,
            bin_edges,
            binarize=binarize,
            dtype=dtype,
            large_bin_size_threshold=large_bin_size_threshold,
            time_domain_callback=time_domain_callback,
            closed=closed,
            threads=threads,
        )
        self.invalid_spikes.warn_of_invalid_spikes("presentationwise_spike_counts", chosen, *counts.windows.T)
        return counts.to_xarray(labels=False)

    def presentationwise_spike_times(
        self,
        stimulus_presentation_ids: Ids = None,
        unit_ids: Ids = None,
        *,
        closed: Closed = responses.CLOSED_SPIKES,
    ) -> pd.DataFrame:
        """List every spike during the chosen presentations, in order of time.

        A spike belongs to a presentation if start < spike <= stop (`closed` changes that), whatever the order
        of presentations; one that lies in several of them is listed once for each.

        Returns
        -------
        pandas.DataFrame
            Index spike_time (s); stimulus_presentation_id, unit_id, time_since_stimulus_presentation_onset (s).

        Notes
        -----
        Working set: the result, 32 bytes a spike; three times that where presentations overlap or are not in order
        of time.

        Examples
        --------
        >>> flashes = session.get_stimulus_table("flashes")
        >>> session.presentationwise_spike_times(flashes.index).columns.tolist()
        ['stimulus_presentation_id', 'unit_id', 'time_since_stimulus_presentation_onset']
        """
        shown = self.lookup.placed(self.lookup.presentations(stimulus_presentation_ids))
        chosen = self.lookup.unit_ids(unit_ids)
        self.invalid_spikes.warn_of_invalid_spikes(
            "presentationwise_spike_times", chosen, *responses.presentation_windows(shown).T
        )
        return responses.spike_table(self.tables.file.spike_trains(chosen), shown, closed=closed)

    def conditionwise_spike_statistics(
        self,
        stimulus_presentation_ids: Ids = None,
        unit_ids: Ids = None,
        use_rates: bool = False,
        *,
        threads: int | None = None,
    ) -> pd.DataFrame:
        """Summarise spikes by unit and stimulus condition: count, mean, standard deviation and error.

        Spikes count in start < spike <= stop. Invalid presentations are left out. With ``unit_ids=None`` the
        units that spiked at all.

        Parameters
        ----------
        stimulus_presentation_ids, unit_ids
            Which ones; None for all.
        use_rates
            Rates in Hz (count by duration) in place of counts.
        threads
            Threads to use, in reading too; all cores by default.

        Returns
        -------
        pandas.DataFrame
            Index (unit_id, stimulus_condition_id), in order of condition, then unit; spike_count (not with
            rates), stimulus_presentation_count, spike_mean, spike_std (n - 1), spike_sem.

        Notes
        -----
        Working set: three times the result, and 130 MB for the counts of some units at a time.

        Examples
        --------
        >>> gratings = session.get_stimulus_table("drifting_gratings")
        >>> found = session.conditionwise_spike_statistics(gratings.index, use_rates=True)
        >>> found.loc[session.units.index[0], ["spike_mean", "spike_sem"]]
        """
        shown = self.lookup.placed(self.lookup.presentations(stimulus_presentation_ids))
        chosen = self.lookup.unit_ids(unit_ids)
        self.invalid_spikes.warn_of_invalid_spikes(
            "conditionwise_spike_statistics", chosen, *responses.presentation_windows(shown).T
        )
        with share(threads):
            trains = self.tables.file.spike_trains(chosen)
        return responses.condition_statistics(
            trains,
            shown,
            use_rates=use_rates,
            spiking_only=unit_ids is None,
            threads=threads,
        )

    def response_matrix(
        self,
        presentation_ids: Ids,
        unit_ids: Ids = None,
        window: tuple[float, float] = (0.01, 0.25),
        label: str | npt.ArrayLike = "orientation",
        *,
        closed: Closed = responses.CLOSED_BINS,
        rate: bool = False,
        threads: int | None = None,
    ) -> ResponseMatrix:
        """Build the matrix X (trials, neurons) and labels y of a decoding analysis.

        Parameters
        ----------
        presentation_ids
            The trials, or the name of a stimulus. Those whose label is "null" or missing (blank sweeps, invalid
            presentations) are left out.
        unit_ids
            The neurons; all by default.
        window
            From and to, in s from onset.
        label
            A column of :attr:`stimulus_presentations`, or an array with a label for each trial (a Series indexed by
            presentation is put into the order of the trials). A column that has no value in the trials, or the same
            one in all (flashes differ by "color", natural scenes by "frame"), brings a warning that names those with
            several.
        closed
            The interval rule; as in :meth:`presentationwise_spike_counts`.
        rate
            Rates in Hz in place of counts.
        threads
            Threads to use, in reading too; all cores by default.

        Returns
        -------
        ResponseMatrix
            X (trials, units), y (trials,), and which trials and units those are.

        Raises
        ------
        LookupFailure
            An id, or the column of the labels, is not known.
        ArgumentError, ArgumentTypeError
            The window or the labels make no sense.

        Notes
        -----
        Working set: X, 8 bytes a trial and neuron.

        Examples
        --------
        >>> gratings = session.get_stimulus_table("static_gratings")
        >>> matrix = session.response_matrix(gratings, window=(0.01, 0.25), label="orientation")
        >>> matrix.classes.tolist()
        [0.0, 30.0, 60.0, 90.0, 120.0, 150.0]
        """
        first, last = check_window(window, rate)
        shown, labels = responses.labelled_trials(
            self.lookup.presentations(presentation_ids),
            label,
            self.tables.file.name,
            lambda label: self.invalid_spikes.first_time("one label", label),
        )
        shown, chosen = self.lookup.placed(shown, to_stop=False), self.lookup.unit_ids(unit_ids)
        onsets = shown["start_time"].to_numpy(np.float64)
        self.invalid_spikes.warn_of_invalid_spikes("response_matrix", chosen, onsets + first, onsets + last)
        with share(threads):
            trains = self.tables.file.spike_trains(chosen)
        return response_matrix(
            trains, shown, labels, (first, last), closed=closed, rate=rate, threads=threads
        )
