"""A session as AllenSDK shows it: the same names, arguments, filters, ids and labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nwbin._hdf5 import StrPath
from nwbin.allen import behavior, invalid, lfp, queries, responses, stimuli, units
from nwbin.allen.averages import mean_of_intervals, means_of_samples
from nwbin.allen.units import UnitFilters
from nwbin.allen.waveforms import UnitMapping, amplitudes_of, waveform_reader
from nwbin.binning import count_in_windows
from nwbin.errors import ArgumentError, LookupFailure, NwbinWarning, nearest
from nwbin.file import File
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["ResponseMatrix", "Session", "open"]

Ids = Any  # an id, or array-like of ids, or a boolean mask over the table's rows; None for all


@dataclass(frozen=True)
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


class Session:
    """A Visual Coding - Neuropixels session. Use :func:`nwbin.open` to make one.

    Every attribute and method of AllenSDK's EcephysSession is here under its name; tables are read at first use
    and kept. It is a context manager.

    Parameters
    ----------
    file
        The session's file.
    filters
        Which units to keep.
    probe_lfp_paths, external_channel_columns, additional_unit_metrics
        See :func:`nwbin.open`.
    """

    DETAILED_STIMULUS_PARAMETERS = stimuli.DETAILED_PARAMETERS

    def __init__(
        self,
        file: File,
        filters: UnitFilters | None = None,
        *,
        probe_lfp_paths: Mapping[int, lfp.LfpSource] | None = None,
        external_channel_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
        additional_unit_metrics: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
    ) -> None:
        self.file = file
        self.filters = filters or UnitFilters()
        self._lfp_paths = probe_lfp_paths
        self._channel_columns = external_channel_columns
        self._unit_metrics = additional_unit_metrics

    @classmethod
    def from_nwb_path(
        cls, path: StrPath, nwb_version: int = 2, api_kwargs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Session:
        """Open a session as AllenSDK's EcephysSession.from_nwb_path does; :func:`nwbin.open` is the plain way."""
        if int(nwb_version) < 2:
            raise ArgumentError(f"{path}: nwbin reads NWB 2 files only, not nwb_version={nwb_version}")
        return open(path, **{**(api_kwargs or {}), **kwargs})

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<nwbin.Session {self.ecephys_session_id} ({self.session_type or 'no stimulus set'}), {self.file.name}>"

    @property
    def api(self) -> SessionApi:
        """The few reading methods that AllenSDK scripts call as ``session.api.get_...``."""
        return SessionApi(self)

    # ---------------------------------------------------------------- metadata

    @property
    def ecephys_session_id(self) -> Any:
        """The session's number, int; the file's identifier as it is where that is no number."""
        identifier = self.file.identifier or ""
        return int(identifier) if identifier.isdecimal() else identifier

    @property
    def session_start_time(self) -> datetime | None:
        """When the session began."""
        return self.file.session_start_time

    @cached_property
    def _subject(self) -> dict[str, Any]:
        return self.file.subject

    @property
    def specimen_name(self) -> str | None:
        """The animal's name, with its genotype."""
        return self._subject.get("specimen_name")

    @property
    def age_in_days(self) -> float | None:
        """The animal's age in days."""
        return self._subject.get("age_in_days")

    @property
    def sex(self) -> str | None:
        """The animal's sex."""
        return self._subject.get("sex")

    @property
    def full_genotype(self) -> str | None:
        """The animal's genotype."""
        return self._subject.get("genotype")

    @property
    def session_type(self) -> str | None:
        """The stimulus set: "brain_observatory_1.1" or "functional_connectivity"."""
        return self.file.stimulus_notes

    @property
    def rig_geometry_data(self) -> pd.DataFrame | None:
        """Positions (mm) and rotations (degrees) of monitor, camera and LED; None if not in the file."""
        return behavior.rig_geometry(self.file)

    @property
    def rig_equipment_name(self) -> str | None:
        """The rig's name; None if not in the file."""
        return behavior.rig_equipment(self.file)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the session is, in one dictionary."""
        names = (
            "specimen_name",
            "session_type",
            "full_genotype",
            "sex",
            "age_in_days",
            "rig_equipment_name",
            "num_units",
            "num_channels",
            "num_probes",
            "num_stimulus_presentations",
            "session_start_time",
            "ecephys_session_id",
            "structure_acronyms",
            "stimulus_names",
        )
        return {name: getattr(self, name) for name in names}

    # ---------------------------------------------------------------- probes, channels, units

    @cached_property
    def probes(self) -> pd.DataFrame:
        """Probes by id: description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
        return units.probe_table(self.file)

    @cached_property
    def channels(self) -> pd.DataFrame:
        """Channels by id: structure, CCF coordinates and position on the probe (um)."""
        return units.channel_table(
            self.file, valid_only=self.filters.filter_by_validity, external_columns=self._channel_columns
        )

    @cached_property
    def _units(self) -> pd.DataFrame:
        return units.unit_table(self.file, self.channels, self.probes, self.filters, self._unit_metrics)

    @property
    def units(self) -> pd.DataFrame:
        """Units that passed the filters, by unit_id, with the columns of their peak channel and probe."""
        return self._units.copy()

    @property
    def num_units(self) -> int:
        """How many units passed the filters."""
        return len(self._units)

    @property
    def num_channels(self) -> int:
        """How many channels there are."""
        return len(self.channels)

    @property
    def num_probes(self) -> int:
        """How many probes there are."""
        return len(self.probes)

    def _structure_column(self, table: pd.DataFrame) -> pd.Series[Any]:
        for name in ("ecephys_structure_acronym", "structure_acronym"):
            if name in table.columns:
                return table[name]
        raise LookupFailure(f"{self.file.name}: says nothing of brain structures (its electrodes have no location)")

    @property
    def structure_acronyms(self) -> list[str]:
        """The structures that channels lie in, in the order of channels."""
        return self._structure_column(self.channels).dropna().unique().tolist()

    @property
    def structurewise_unit_counts(self) -> pd.Series[int]:
        """How many units lie in each structure, most first."""
        return self._structure_column(self._units).value_counts()

    def channel_structure_intervals(self, channel_ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        """Find the stretches of channels that lie in one structure.

        Returns
        -------
        labels, intervals
            A structure for each stretch; where each begins among `channel_ids`, and their number at the end.
        """
        table = self.channels.iloc[self._rows(self.channels.index, channel_ids, "channel")]
        if table["probe_id"].nunique() > 1:
            warnings.warn("structure boundaries are sought across several probes", NwbinWarning, stacklevel=2)
        labels = self._structure_column(table).to_numpy(dtype=object)
        key = "ecephys_structure_id"
        bounds = queries.runs(table[key].to_numpy() if key in table.columns else labels)
        return labels[bounds[:-1]], bounds

    # ---------------------------------------------------------------- stimuli

    @cached_property
    def invalid_times(self) -> pd.DataFrame:
        """Intervals of invalid data by id: start_time, stop_time (s), tags (scope, its id, label)."""
        return invalid.invalid_times(self.file)

    def get_invalid_times(self) -> pd.DataFrame:
        """Return :attr:`invalid_times`."""
        return self.invalid_times

    @cached_property
    def _stimuli(self) -> stimuli.StimulusTables:
        return stimuli.stimulus_tables(self.file, self.invalid_times)

    @property
    def _stimulus_presentations(self) -> pd.DataFrame:
        return self._stimuli.presentations

    @property
    def stimulus_presentations(self) -> pd.DataFrame:
        """Every presentation by stimulus_presentation_id; times in s; "null" where a parameter does not apply."""
        return queries.without_detail(self._stimulus_presentations)

    @property
    def stimulus_conditions(self) -> pd.DataFrame:
        """The distinct combinations of parameters, by stimulus_condition_id."""
        return self._stimuli.conditions.copy()

    @property
    def num_stimulus_presentations(self) -> int:
        """How many presentations there were."""
        return len(self._stimulus_presentations)

    @property
    def stimulus_names(self) -> list[str]:
        """The stimuli shown, in order of appearance."""
        return self._stimulus_presentations["stimulus_name"].unique().tolist()

    def _of_stimulus(self, names: str | Iterable[str]) -> npt.NDArray[np.bool_]:
        wanted = [names] if isinstance(names, str) else list(names)
        known = self.stimulus_names
        for name in wanted:
            if name not in known:
                warnings.warn(f"no stimulus is called {name!r}; {nearest(name, known)}", NwbinWarning, stacklevel=3)
        return self._stimulus_presentations["stimulus_name"].isin(wanted).to_numpy()

    def get_stimulus_table(
        self,
        stimulus_names: str | Iterable[str] | None = None,
        include_detailed_parameters: bool = False,
        include_unused_parameters: bool = False,
    ) -> pd.DataFrame:
        """Return the presentations of some stimuli, with the parameters that apply to them.

        Parameters
        ----------
        stimulus_names
            One or more names from :attr:`stimulus_names`; all by default.
        include_detailed_parameters
            Keep mask, opacity, units and the like.
        include_unused_parameters
            Keep columns that have no value in any of these presentations.
        """
        names = self.stimulus_names if stimulus_names is None else stimulus_names
        table = self._stimulus_presentations[self._of_stimulus(names)]
        if not include_detailed_parameters:
            table = queries.without_detail(table)
        return table if include_unused_parameters else queries.without_unused(table)

    def get_stimulus_epochs(self, duration_thresholds: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the stretches during which one stimulus block was shown; see :func:`nwbin.allen.queries.epochs`.

        Parameters
        ----------
        duration_thresholds
            Stimulus name -> seconds: shorter epochs of that stimulus are left out.
        """
        return queries.epochs(self.stimulus_presentations, duration_thresholds or {})

    def get_stimulus_parameter_values(
        self, stimulus_presentation_ids: Ids = None, drop_nulls: bool = True
    ) -> dict[str, npt.NDArray[Any]]:
        """Return each parameter's distinct values over some presentations (all by default)."""
        return queries.parameter_values(self._presentations(stimulus_presentation_ids), drop_nulls=drop_nulls)

    def get_parameter_values_for_stimulus(
        self, stimulus_name: str, drop_nulls: bool = True
    ) -> dict[str, npt.NDArray[Any]]:
        """Return each parameter's distinct values over the presentations of a stimulus."""
        shown = self.stimulus_presentations[self._of_stimulus(stimulus_name)]
        return queries.parameter_values(shown, drop_nulls=drop_nulls)

    @property
    def inter_presentation_intervals(self) -> pd.DataFrame:
        """The time from the end of each presentation to the start of the next, in s."""
        return queries.inter_presentation_intervals(self._stimulus_presentations)

    def get_inter_presentation_intervals_for_stimulus(self, stimulus_names: str | Iterable[str]) -> pd.DataFrame:
        """Return the intervals between neighbouring presentations that both belong to some stimuli."""
        table = self._stimulus_presentations
        return queries.inter_presentation_intervals(table, table.index[self._of_stimulus(stimulus_names)])

    # ---------------------------------------------------------------- spikes

    def _rows(self, index: pd.Index[Any], ids: Ids, what: str) -> npt.NDArray[np.intp]:
        """Return the rows of a table that ids name: one id, a list, a boolean mask, or all."""
        import pandas as pd

        if ids is None:
            return np.arange(len(index))
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            ids = [ids]
        elif not isinstance(ids, pd.Series | pd.Index | np.ndarray):
            ids = list(ids)
        try:
            rows = pd.Series(np.arange(len(index)), index=index).loc[ids].to_numpy().astype(np.intp)
        except KeyError as error:
            wanted = np.atleast_1d(np.asarray(ids, dtype=object)).tolist()
            unknown = next((one for one in wanted if one not in index), wanted[0])
            note = " that passed the filters" if what == "unit" and unknown in set(self.file.unit_ids.tolist()) else ""
            raise LookupFailure(
                f"{self.file.name}: {unknown!r} is not the id of a {what}{note}; {nearest(unknown, index)}"
            ) from error
        if rows.size == 0:
            warnings.warn(f"no {what} was chosen: the result is empty", NwbinWarning, stacklevel=4)
        return rows

    def _presentations(self, ids: Ids) -> pd.DataFrame:
        table = self.stimulus_presentations
        return table if ids is None else table.iloc[self._rows(table.index, ids, "stimulus presentation")]

    def _trains(self, ids: Ids) -> SpikeTrains:
        chosen = self._units.index[self._rows(self._units.index, ids, "unit")]
        self._warn_of_invalid_spikes()
        return self.file.spike_trains(chosen.to_numpy())

    @cached_property
    def _invalid_spikes(self) -> bool:
        tags = [*self.probes["description"], "all_probes"]
        return not invalid.tagged(self.invalid_times, tags).empty

    def _warn_of_invalid_spikes(self) -> None:
        if self.__dict__.get("_warned") or not self._invalid_spikes:
            return
        self.__dict__["_warned"] = True
        warnings.warn(
            f"{self.file.name}: has times during which spikes of some probes are invalid (see invalid_times); they "
            "are not left out: exclude those stretches where they matter",
            NwbinWarning,
            stacklevel=4,
        )

    @cached_property
    def _unit_order(self) -> npt.NDArray[np.int64]:
        """All unit ids in the order that AllenSDK's dictionaries have."""
        stored = self.file.units
        if "peak_channel_id" in stored.columns and "probe_id" in self.channels.columns:
            stored = stored.iloc[units.unit_order(self.file, stored)]
        return stored.index.to_numpy()

    @cached_property
    def _kept_in_order(self) -> npt.NDArray[np.int64]:
        return self._unit_order[np.isin(self._unit_order, self._units.index.to_numpy())]

    @cached_property
    def _spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        return UnitMapping(self._kept_in_order, lambda unit: self.file.spike_trains([unit])[unit], "spike times")

    @property
    def spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> spike times in s, float64, ascending; a unit is read when asked for."""
        self._warn_of_invalid_spikes()
        return self._spike_times

    @cached_property
    def spike_amplitudes(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> amplitude of each spike in V; of all units in the file, whatever the filters."""
        return UnitMapping(self._unit_order, amplitudes_of(self.file), "spike amplitudes")

    @cached_property
    def mean_waveforms(self) -> Mapping[int, xr.DataArray]:
        """Unit id -> mean waveform, dims (channel_id, time in s); only channels that passed the filters."""
        read = waveform_reader(self.file, self._units, self.channels, self.probes)
        return UnitMapping(self._kept_in_order, read, "mean waveforms")

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
        closed: str = "both",
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
            Threads to use; all cores by default.

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
        """
        shown = self._presentations(stimulus_presentation_ids)
        return responses.spike_counts(
            self._trains(unit_ids),
            shown.index.to_numpy(),
            shown["start_time"].to_numpy(np.float64),
            bin_edges,
            binarize=binarize,
            dtype=dtype,
            large_bin_size_threshold=large_bin_size_threshold,
            time_domain_callback=time_domain_callback,
            closed=closed,
            threads=threads,
        )

    def presentationwise_spike_times(
        self, stimulus_presentation_ids: Ids = None, unit_ids: Ids = None, *, closed: str = "right"
    ) -> pd.DataFrame:
        """List every spike during the chosen presentations, in order of time.

        A spike belongs to a presentation if start < spike <= stop (`closed` changes that), whatever the order
        of presentations; one that lies in several of them is listed once for each.

        Returns
        -------
        pandas.DataFrame
            Index spike_time (s); stimulus_presentation_id, unit_id, time_since_stimulus_presentation_onset (s).
        """
        shown = self._presentations(stimulus_presentation_ids)
        return responses.spike_table(self._trains(unit_ids), shown, closed=closed)

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
            Threads to use; all cores by default.

        Returns
        -------
        pandas.DataFrame
            Index (unit_id, stimulus_condition_id), in order of condition, then unit; spike_count (not with
            rates), stimulus_presentation_count, spike_mean, spike_std (n - 1), spike_sem.
        """
        shown = self._presentations(stimulus_presentation_ids)
        return responses.condition_statistics(
            self._trains(unit_ids), shown, use_rates=use_rates, spiking_only=unit_ids is None, threads=threads
        )

    def response_matrix(
        self,
        presentation_ids: Ids,
        unit_ids: Ids = None,
        window: tuple[float, float] = (0.01, 0.25),
        label: str | npt.ArrayLike = "orientation",
        *,
        closed: str = "both",
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
            A column of :attr:`stimulus_presentations`, or an array with a label for each trial.
        closed
            The interval rule; as in :meth:`presentationwise_spike_counts`.
        rate
            Rates in Hz in place of counts.
        threads
            Threads to use; all cores by default.
        """
        shown = self._presentations(presentation_ids)
        if isinstance(label, str):
            if label not in shown.columns:
                raise LookupFailure(f"the stimulus table has no column {label!r}; {nearest(label, shown.columns)}")
            labels = shown[label].to_numpy(dtype=object)
        else:
            labels = np.asarray(label, dtype=object)
            if labels.shape != (len(shown),):
                raise ArgumentError(f"label must have one value a trial ({len(shown)}), got shape {labels.shape}")
        labelled = np.asarray([one is not None and one == one and one != stimuli.NULL for one in labels], dtype=bool)
        shown, labels = shown[labelled], labels[labelled]
        y: npt.NDArray[Any] = labels
        if all(isinstance(one, int | float | np.number) for one in labels):
            y = labels.astype(np.float64)
        trains = self._trains(unit_ids)
        counts = count_in_windows(
            trains,
            shown["start_time"].to_numpy(np.float64),
            np.asarray([window], dtype=np.float64),
            closed=closed,
            dtype=np.float64,
            threads=threads,
        )[:, 0, :]
        if rate:
            counts /= window[1] - window[0]
        return ResponseMatrix(counts, y, np.unique(y), shown.index.to_numpy(), np.asarray(trains.unit_ids))

    # ---------------------------------------------------------------- behavior

    @cached_property
    def running_speed(self) -> pd.DataFrame:
        """start_time, end_time (s), velocity (cm/s)."""
        return behavior.running_speed(self.file)

    @cached_property
    def optogenetic_stimulation_epochs(self) -> pd.DataFrame:
        """Optogenetic stimuli by id: times (s), condition, level (V), stimulus_name, duration (s)."""
        return behavior.optogenetic_stimulation(self.file)

    def get_pupil_data(self) -> pd.DataFrame | None:
        """Return ellipse fits of eye, pupil and corneal reflection by time; None (and a warning) without eye tracking."""
        return behavior.pupil_data(self.file)

    def get_screen_gaze_data(self, include_filtered_data: bool = False) -> pd.DataFrame | None:
        """Return gaze positions on the screen by time; None (and a warning) without eye tracking."""
        return behavior.screen_gaze_data(self.file, include_filtered_data=include_filtered_data)

    def _windows(self, shown: pd.DataFrame, window: tuple[float, float] | None) -> npt.NDArray[np.float64]:
        if window is None:
            return responses.presentation_windows(shown)
        return shown["start_time"].to_numpy(np.float64)[:, None] + np.asarray(window, dtype=np.float64)[None, :]

    def presentationwise_running_speed(
        self, stimulus_presentation_ids: Ids = None, window: tuple[float, float] | None = None
    ) -> pd.Series[float]:
        """Return the mean running speed during each presentation, in cm/s, weighted by time.

        Parameters
        ----------
        stimulus_presentation_ids
            Which presentations; all by default.
        window
            From and to, in s from onset, in place of the presentation's own start and stop.

        Returns
        -------
        pandas.Series
            By stimulus_presentation_id; NaN where there is no running data.
        """
        import pandas as pd

        shown = self._presentations(stimulus_presentation_ids)
        speed = self.running_speed
        mean = mean_of_intervals(
            speed["start_time"].to_numpy(),
            speed["end_time"].to_numpy(),
            speed["velocity"].to_numpy(np.float64),
            self._windows(shown, window),
        )
        return pd.Series(mean, index=shown.index, name="running_speed")

    def presentationwise_pupil_data(
        self, stimulus_presentation_ids: Ids = None, window: tuple[float, float] | None = None
    ) -> pd.DataFrame | None:
        """Return the mean of each column of :meth:`get_pupil_data` during each presentation, missing samples left out.

        Parameters are those of :meth:`presentationwise_running_speed`. None without eye tracking.
        """
        data = self.get_pupil_data()
        if data is None:
            return None
        shown = self._presentations(stimulus_presentation_ids)
        return means_of_samples(data, self._windows(shown, window), shown.index)

    # ---------------------------------------------------------------- LFP

    @cached_property
    def probe_lfp_paths(self) -> Mapping[int, lfp.LfpSource]:
        """Probe id -> its LFP file: those given to :func:`nwbin.open`, or found beside the session file."""
        if self._lfp_paths is not None:
            return dict(self._lfp_paths)
        return lfp.find_lfp_files(self.file.path, self.probes.index.tolist())

    def get_lfp(
        self,
        probe_id: int,
        mask_invalid_intervals: bool = True,
        *,
        time: tuple[float, float] | None = None,
        channels: Iterable[int] | None = None,
    ) -> xr.DataArray:
        """Read a probe's LFP.

        Parameters
        ----------
        probe_id
            The probe.
        mask_invalid_intervals
            Put NaN where the probe's data are invalid.
        time
            Only samples from here to there, in s: only they are read. A whole probe is gigabytes.
        channels
            Only these channel ids.

        Returns
        -------
        xarray.DataArray
            "LFP" in V, dims (time, channel).
        """
        bad = None
        if mask_invalid_intervals:
            row = int(self._rows(self.probes.index, probe_id, "probe")[0])
            bad = invalid.tagged(self.invalid_times, ["all_probes", self.probes["description"].iloc[row]])
        with lfp.open_lfp(self.probe_lfp_paths, probe_id, self.file.name) as source:
            return lfp.read_lfp(source, probe_id, bad, time, channels)

    def get_current_source_density(self, probe_id: int) -> xr.DataArray:
        """Read a probe's current source density after flashes: dims (virtual_channel_index, time in s)."""
        with lfp.open_lfp(self.probe_lfp_paths, probe_id, self.file.name) as source:
            return lfp.current_source_density(source)


class SessionApi:
    """``session.api``: what AllenSDK scripts read past the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_running_speed(self, include_rotation: bool = False) -> pd.DataFrame:
        """Return the running speed, if asked with the wheel's net_rotation (radians)."""
        return behavior.running_speed(self._session.file, include_rotation=include_rotation)

    def get_raw_running_data(self) -> pd.DataFrame:
        """Return the wheel's raw rotation (radians) and voltages (V) at each frame_time (s)."""
        return behavior.raw_running_data(self._session.file)

    def get_rig_metadata(self) -> dict[str, Any] | None:
        """Return the rig's geometry and equipment; None if not in the file."""
        geometry = self._session.rig_geometry_data
        return None if geometry is None else {"geometry": geometry, "equipment": self._session.rig_equipment_name}


def open(
    path: StrPath | BinaryIO,
    *,
    amplitude_cutoff_maximum: float | None = 0.1,
    presence_ratio_minimum: float | None = 0.95,
    isi_violations_maximum: float | None = 0.5,
    filter_by_validity: bool = True,
    filter_out_of_brain_units: bool = True,
    probe_lfp_paths: Mapping[int, lfp.LfpSource] | None = None,
    external_channel_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
    additional_unit_metrics: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
) -> Session:
    """Open a session file.

    Parameters
    ----------
    path : str, os.PathLike or binary file object
        The session's NWB file. Any NWB 2 file with units works: a filter whose column it lacks is not applied.
    amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum : float or None
        Quality bounds on units, inclusive; None (or 0) for no bound. The defaults are AllenSDK's.
    filter_by_validity : bool
        Keep only units of quality "good" on channels with valid data.
    filter_out_of_brain_units : bool
        Keep only units whose peak channel lies in the brain.
    probe_lfp_paths : mapping, optional
        Probe id -> path of its LFP file. By default files beside the session file are found by themselves.
    external_channel_columns, additional_unit_metrics : pandas.DataFrame or function, optional
        Columns by channel id that replace or add to `channels`; metrics by unit id that are added to `units`.

    Returns
    -------
    Session

    Examples
    --------
    >>> session = nwbin.open("session_715093703.nwb")                             # doctest: +SKIP
    >>> v1 = session.units.query("structure_acronym == 'VISp'").index             # doctest: +SKIP
    >>> gratings = session.get_stimulus_table("static_gratings").index            # doctest: +SKIP
    >>> m = session.response_matrix(gratings, v1, window=(0.01, 0.25))            # doctest: +SKIP
    """
    filters = UnitFilters(
        amplitude_cutoff_maximum,
        presence_ratio_minimum,
        isi_violations_maximum,
        filter_by_validity,
        filter_out_of_brain_units,
    )
    return Session(
        File(path),
        filters,
        probe_lfp_paths=probe_lfp_paths,
        external_channel_columns=external_channel_columns,
        additional_unit_metrics=additional_unit_metrics,
    )
