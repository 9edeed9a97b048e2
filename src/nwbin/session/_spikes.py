"""The spikes of a session: by unit, by presentation, by condition, and as a matrix for decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._threads import share
from nwbin.allen import invalid, responses, units
from nwbin.allen.waveforms import UnitMapping, amplitudes_of, waveform_reader
from nwbin.binning import Closed
from nwbin.errors import FormatError, InvalidSpikesWarning, warn
from nwbin.nwb import schema
from nwbin.responses.matrix import ResponseMatrix, check_window, response_matrix
from nwbin.session._tables import Ids, SessionTables

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["SessionSpikes"]


class SessionSpikes(SessionTables):
    """What the units of a session did."""

    def _unit_ids(self, ids: Ids) -> npt.NDArray[Any]:
        return self._units.index[self._rows(self._units.index, ids, "unit")].to_numpy()

    def _placed(self, shown: pd.DataFrame, *, to_stop: bool = True) -> pd.DataFrame:
        """Be sure that presentations have a place in time."""
        start, stop = (shown[name].to_numpy(np.float64) for name in ("start_time", "stop_time"))
        bad = ~np.isfinite(start)
        if to_stop:
            bad |= ~(stop >= start)
        if bad.any():
            at = int(np.argmax(bad))
            raise FormatError(
                f"{self.file.name}: stimulus presentation {shown.index[at]} runs from {start[at]} to {stop[at]} s; "
                f"leave it out ({int(bad.sum())} of {len(shown)} are so), or download the file again"
            )
        return shown

    @cached_property
    def _told(self) -> dict[str, set[Any]]:
        """What was warned of already, by what was asked for."""
        return {}

    @cached_property
    def _spike_tags(self) -> list[str]:
        return invalid.spike_tags(self.probes["description"])

    @cached_property
    def _invalid_spikes(self) -> pd.DataFrame:
        """The invalid times of the spikes of any probe."""
        return invalid.tagged(self.invalid_times, self._spike_tags)

    def _first_time(self, asked: str, what: Any) -> bool:
        """Say whether something has not been warned of yet; from then on it has."""
        told = self._told.setdefault(asked, set())
        new = what not in told
        told.add(what)
        return new

    def warn_of_invalid_spikes(
        self,
        asked: str,
        unit_ids: npt.NDArray[Any],
        start: npt.NDArray[np.float64],
        stop: npt.NDArray[np.float64],
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
        """
        told = self._told.setdefault(asked, set())
        if not len(unit_ids) or told.issuperset(self._invalid_spikes.index):
            return
        bad = invalid.touched(start, stop, self._invalid_spikes)
        if told.issuperset(bad.index):
            return
        tags, column = self._spike_tags, "probe_description"
        if column in self._units.columns:  # else nobody knows whose units they are
            chosen = self._units[column][self._units.index.isin(unit_ids)]
            tags = invalid.spike_tags(chosen.unique().tolist())
            bad = invalid.tagged(bad, tags)
            if told.issuperset(bad.index):
                return
        told.update(bad.index)
        hit = int(invalid.overlapping(start, stop, bad).sum())
        warn(
            f"{self.file.name}: {hit:,} of {len(start):,} presentation{'s' * (len(start) != 1)} overlap"
            f"{'s' * (hit == 1)} times during which spikes of some probes are invalid "
            f"({invalid.ranges(bad, tags)}; see invalid_times); they are not left out: exclude such presentations "
            "where they matter",
            InvalidSpikesWarning,
        )

    @cached_property
    def _unit_order(self) -> npt.NDArray[np.int64]:
        """All unit ids in the order that AllenSDK's dictionaries have."""
        stored = self.file.table(schema.UNITS)
        if "peak_channel_id" not in stored or "probe_id" not in self.channels.columns:
            return stored.ids
        return stored.ids[units.unit_order(self.file, stored.column("peak_channel_id"), self.probes)]

    @cached_property
    def _kept_in_order(self) -> npt.NDArray[np.int64]:
        return self._unit_order[np.isin(self._unit_order, self._units.index.to_numpy())]

    @cached_property
    def _spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        return UnitMapping(self._kept_in_order, self._times_of, "spike times", self._no_unit)

    # These have names, so that the mappings can be pickled: the session is, and reads anew.

    def _times_of(self, unit: int) -> npt.NDArray[np.float64]:
        return self.file.spike_trains([unit])[unit]

    def _amplitudes_of(self, unit: int) -> npt.NDArray[np.float64]:
        return self._read_amplitudes(unit)

    def _waveform_of(self, unit: int) -> xr.DataArray:
        return self._read_waveform(unit)

    def _no_unit(self, one: Any, known: Iterable[int]) -> str:
        return self._unknown(one, "unit", known)

    @cached_property
    def _read_amplitudes(self) -> Callable[[int], npt.NDArray[np.float64]]:
        return amplitudes_of(self.file)

    @cached_property
    def _read_waveform(self) -> Callable[[int], xr.DataArray]:
        return waveform_reader(self.file, self._units, self.channels, self.probes)

    @property
    def spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> spike times in s, float64, ascending; a unit is read when asked for.

        The units are in AllenSDK's order, probe by probe, which is not that of :attr:`units`: go by the id, or take
        ``session.file.spike_trains(session.units.index)``, which has that order.
        Working set: that of :meth:`nwbin.File.spike_trains`.
        """
        if self._first_time("spike_times", "any") and len(self._invalid_spikes):
            warn(
                f"{self.file.name}: has times during which spikes of some probes are invalid "
                f"({invalid.ranges(self._invalid_spikes, self._spike_tags)}; see invalid_times); they are not left "
                "out: exclude those stretches where they matter",
                InvalidSpikesWarning,
            )
        return self._spike_times

    @cached_property
    def spike_amplitudes(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> amplitude of each spike in V; of all units in the file, whatever the filters.

        A unit is read when asked for, and kept. Working set: the units read (nothing where the file lets them be
        mapped), and of amplitudes in chunks the last ones decoded, up to 64 MB (one chunk where it is larger).
        """
        self._read_amplitudes  # noqa: B018  now: a file that has none says so
        return UnitMapping(self._unit_order, self._amplitudes_of, "spike amplitudes", self._no_unit)

    @cached_property
    def mean_waveforms(self) -> Mapping[int, xr.DataArray]:
        """Unit id -> mean waveform, dims (channel_id, time in s); only channels that passed the filters.

        Read and kept as :attr:`spike_amplitudes` are; a waveform takes 8 bytes a channel and sample.
        """
        self._read_waveform  # noqa: B018  now: a file that has none says so
        return UnitMapping(self._kept_in_order, self._waveform_of, "mean waveforms", self._no_unit)

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
        """
        shown = self._placed(self._presentations(stimulus_presentation_ids), to_stop=False)
        chosen = self._unit_ids(unit_ids)
        with share(threads):
            trains = self.file.spike_trains(chosen)
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
        self.warn_of_invalid_spikes("presentationwise_spike_counts", chosen, *counts.windows.T)
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
        """
        shown = self._placed(self._presentations(stimulus_presentation_ids))
        chosen = self._unit_ids(unit_ids)
        self.warn_of_invalid_spikes(
            "presentationwise_spike_times", chosen, *responses.presentation_windows(shown).T
        )
        return responses.spike_table(self.file.spike_trains(chosen), shown, closed=closed)

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
        """
        shown = self._placed(self._presentations(stimulus_presentation_ids))
        chosen = self._unit_ids(unit_ids)
        self.warn_of_invalid_spikes(
            "conditionwise_spike_statistics", chosen, *responses.presentation_windows(shown).T
        )
        with share(threads):
            trains = self.file.spike_trains(chosen)
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
            The trials. Those whose label is "null" or missing (blank sweeps, invalid presentations) are left out.
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
        """
        first, last = check_window(window, rate)
        shown, labels = responses.labelled_trials(
            self._presentations(presentation_ids),
            label,
            self.file.name,
            lambda label: self._first_time("one label", label),
        )
        shown, chosen = self._placed(shown, to_stop=False), self._unit_ids(unit_ids)
        onsets = shown["start_time"].to_numpy(np.float64)
        self.warn_of_invalid_spikes("response_matrix", chosen, onsets + first, onsets + last)
        with share(threads):
            trains = self.file.spike_trains(chosen)
        return response_matrix(
            trains, shown, labels, (first, last), closed=closed, rate=rate, threads=threads
        )
