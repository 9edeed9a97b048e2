"""The spikes of a session: by unit, by presentation, by condition, and as a matrix for decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._threads import share
from nwbin.allen import invalid, queries, responses, units
from nwbin.allen.tables import NULL
from nwbin.allen.waveforms import UnitMapping, amplitudes_of, waveform_reader
from nwbin.binning import count_in_windows
from nwbin.errors import ArgumentError, FormatError, InvalidSpikesWarning, LookupFailure, nearest, warn
from nwbin.nwb import schema
from nwbin.session._tables import Ids, SessionTables

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from nwbin.trains import SpikeTrains

__all__ = ["ResponseMatrix", "SessionSpikes"]


@dataclass(frozen=True, eq=False)
class ResponseMatrix:
    """A matrix for decoding: one row a trial, one column a neuron.

    Attributes
    ----------
    X
        Spike counts, or rates in Hz: float64 (trials, units).
    y
        Each trial's label: float64 where all labels are numbers, else object (trials,).
    classes
        The distinct labels, sorted.
    presentation_ids
        The trials: int64 (trials,).
    unit_ids
        The neurons: int64 (units,).
    """

    X: npt.NDArray[np.float64]
    y: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    presentation_ids: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]

    def __repr__(self) -> str:
        trials, neurons = self.X.shape
        return f"<nwbin.ResponseMatrix: {trials:,} trials x {neurons:,} units, {len(self.classes):,} classes>"


def _sorted_distinct(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the distinct labels: numbers in order, then text in order."""
    if labels.dtype != object:
        return np.unique(labels)
    return np.asarray(sorted(set(labels.tolist()), key=lambda one: (isinstance(one, str), one)), dtype=object)


def _is_label(one: Any) -> bool:
    """Say whether a value is one, neither missing nor AllenSDK's word for that."""
    import pandas as pd

    return one is not None and one is not pd.NA and bool(one == one) and bool(one != NULL)


def _others(shown: pd.DataFrame) -> str:
    """Say which columns would make labels: those that have several values, and not each in one row only."""
    found = queries.varied(shown)
    return f"columns with several values: {', '.join(found)}" if found else "no column has several values"


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
        self._warn_of_invalid_times()
        return self._spike_times

    def spike_trains(self, unit_ids: Ids = None) -> SpikeTrains:
        """Return the spike times of the session's units, in the order of :attr:`units`, or of some of them in theirs.

        This is what functions of arrays take where a session is given for trains, as ``nwbin.bin_spikes(session,
        onsets, edges)``. Otherwise as :meth:`nwbin.File.spike_trains`.
        """
        self._warn_of_invalid_times()
        return self.file.spike_trains(self._unit_ids(unit_ids))

    def _warn_of_invalid_times(self) -> None:
        """Say once that spikes are handed out as they are."""
        if self._first_time("spike_times", "any") and len(self._invalid_spikes):
            warn(
                f"{self.file.name}: has times during which spikes of some probes are invalid "
                f"({invalid.ranges(self._invalid_spikes, self._spike_tags)}; see invalid_times); they are not left "
                "out: exclude those stretches where they matter",
                InvalidSpikesWarning,
            )

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
        closed: responses.Closed = "both",
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
        lasting = (shown["stop_time"] - shown["start_time"]).to_numpy(np.float64)
        with share(threads):
            trains = self.file.spike_trains(chosen)
        return responses.spike_counts(
            trains,
            shown.index.to_numpy(),
            shown["start_time"].to_numpy(np.float64),
            bin_edges,
            binarize=binarize,
            dtype=dtype,
            large_bin_size_threshold=large_bin_size_threshold,
            time_domain_callback=time_domain_callback,
            lasting=lasting,
            told_windows=partial(self.warn_of_invalid_spikes, "presentationwise_spike_counts", chosen),
            closed=closed,
            threads=threads,
        )

    def presentationwise_spike_times(
        self,
        stimulus_presentation_ids: Ids = None,
        unit_ids: Ids = None,
        *,
        closed: responses.Closed = "right",
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

    def _given_labels(self, label: Any, shown: pd.DataFrame) -> npt.NDArray[Any]:
        import pandas as pd

        if isinstance(label, pd.Series) and label.index.name == shown.index.name and label.index.is_unique:
            # It says whose labels they are: the trials may be in another order, or fewer.
            without = shown.index[~shown.index.isin(label.index)]
            if len(without):
                raise ArgumentError(
                    f"label has no value for {len(without):,} of {len(shown):,} presentations (the first: {without[0]})"
                )
            label = label.loc[shown.index]
        labels = np.asarray(label, dtype=object)
        if labels.shape != (len(shown),):
            several = labels.ndim == 1 and set(map(str, labels.tolist())) <= set(shown.columns)
            hint = '; label="stimulus_condition_id" tells apart by all columns at once' if several else ""
            raise ArgumentError(
                f"label must be the name of a column, or have one value a trial ({len(shown)}), got shape "
                f"{labels.shape}{hint}"
            )
        return labels

    def response_matrix(
        self,
        presentation_ids: Ids,
        unit_ids: Ids = None,
        window: tuple[float, float] = (0.01, 0.25),
        label: str | npt.ArrayLike = "orientation",
        *,
        closed: responses.Closed = "both",
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
        window = responses.as_window(window)
        if rate and not 0 < window[1] - window[0] < np.inf:
            raise ArgumentError(f"rates need a window of a length, neither none nor endless; not {window!r}")
        shown = self._presentations(presentation_ids)
        if isinstance(label, str):
            if label not in shown.columns:
                raise LookupFailure(
                    f"{self.file.name}: the stimulus table has no column {label!r}; "
                    f"{nearest(label, shown.columns)}"
                )
            labels = shown[label].to_numpy(dtype=object)
        else:
            labels = self._given_labels(label, shown)
        labelled = np.asarray([_is_label(one) for one in labels], dtype=bool)
        if labelled.size and not labelled.any():
            what, more = (
                (f"a value of {label!r}", f"; {_others(shown)}")
                if isinstance(label, str)
                else ("a label", "")
            )
            warn(f"none of the {labelled.size:,} presentations has {what}: the matrix is empty{more}")
        elif (
            isinstance(label, str)
            and int(labelled.sum()) > 1
            and len(set(labels[labelled].tolist())) == 1
            and self._first_time("one label", label)
        ):
            warn(
                f"all {int(labelled.sum()):,} presentations have the same {label!r}, {labels[labelled][0]!r}: there is "
                f"nothing to tell apart; {_others(shown)}"
            )
        shown, labels = self._placed(shown[labelled], to_stop=False), labels[labelled]
        y: npt.NDArray[Any] = labels
        if all(isinstance(one, int | float | np.number) for one in labels):
            y = labels.astype(np.float64)
        lasting = (shown["stop_time"] - shown["start_time"]).to_numpy(np.float64)
        if note := responses.too_long(window, lasting, "presentation"):
            warn(note)
        chosen, onsets = self._unit_ids(unit_ids), shown["start_time"].to_numpy(np.float64)
        self.warn_of_invalid_spikes("response_matrix", chosen, onsets + window[0], onsets + window[1])
        with share(threads):
            trains = self.file.spike_trains(chosen)
        counts = count_in_windows(
            trains,
            onsets,
            np.asarray([window], dtype=np.float64),
            closed=closed,
            dtype=np.float64,
            threads=threads,
        )[:, 0, :]
        if rate:
            counts /= window[1] - window[0]
        return ResponseMatrix(
            counts, y, _sorted_distinct(y), shown.index.to_numpy(), np.asarray(trains.unit_ids)
        )
