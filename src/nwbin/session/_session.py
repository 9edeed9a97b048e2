"""The session itself: a face of the parts that it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from nwbin.allen import behavior, lfp, stimuli
from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure
from nwbin.nwb.file import File
from nwbin.session._about import METADATA, About
from nwbin.session._answers import Answers
from nwbin.session._arguments import DEFAULTS, FILTERS, known_arguments
from nwbin.session._delegation import shown
from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Lookup
from nwbin.session._opened import OPENED_BY, as_opened
from nwbin.session._other_tools import OtherTools
from nwbin.session._overridden import tables_seen_by
from nwbin.session._population_answers import PopulationAnswers
from nwbin.session._presentation_spikes import PresentationSpikes
from nwbin.session._quality import UnitQuality
from nwbin.session._receptive_fields import ReceptiveFields
from nwbin.session._session_tables import SessionTables
from nwbin.session._signals import SessionApi, Signals
from nwbin.session._stimulus_metrics import StimulusMetrics
from nwbin.session._stimulus_queries import StimulusQueries
from nwbin.session._structures import Structures
from nwbin.session._unit_spikes import UnitSpikes
from nwbin.session.chosen import select as _select
from nwbin.storage.addresses import shown_path
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Session"]


class Session:
    """A Visual Coding - Neuropixels session. Use :func:`nwbin.open` to make one.

    Every attribute and method of AllenSDK's EcephysSession is here under its name; tables are read at first use
    and kept. It is a context manager. Pickled, as on its way to a worker process, it is its file's path and how it
    was opened: tables are read anew there, and what was changed in them stays behind.

    Parameters
    ----------
    file
        The session's file.
    filters, probe_lfp_paths, external_channel_columns, additional_unit_metrics
        Which units to keep, and what else is known of the recording; see :func:`nwbin.open`.

    Examples
    --------
    >>> session.num_units == len(session.units) == len(session.spike_times)
    True
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
        if not isinstance(file, File):
            raise ArgumentTypeError(
                f"a Session is made of an nwbin.File, not of {type(file).__name__}; nwbin.open(path) makes both"
            )
        self._about = About(file)
        self._tables = SessionTables(
            file, filters or UnitFilters(), external_channel_columns, additional_unit_metrics
        )
        seen = tables_seen_by(self, Session, self._tables)
        lookup = Lookup(seen)
        self._structures = Structures(seen, lookup)
        self._stimuli = StimulusQueries(seen, lookup)
        self._invalid_spikes = InvalidSpikes(seen)
        self._unit_spikes = UnitSpikes(seen, lookup, self._invalid_spikes)
        self._presented = PresentationSpikes(seen, lookup, self._invalid_spikes)
        self._quality = UnitQuality(seen, lookup, self._invalid_spikes)
        self._signals = Signals(seen, lookup, probe_lfp_paths)
        self._stimulus_metrics = StimulusMetrics(seen, lookup, self._signals, self._invalid_spikes)

    @classmethod
    def from_nwb_path(
        cls,
        path: StrPath | BinaryIO,
        nwb_version: int = 2,
        api_kwargs: Mapping[str, Any] | None = None,
        test: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Open a session as AllenSDK's EcephysSession.from_nwb_path does; :func:`nwbin.open` is the plain way.

        Parameters
        ----------
        path
            The session's NWB file: its path, its address on a server, or a binary file object.
        nwb_version
            2 or more.
        api_kwargs, **kwargs
            Arguments of :func:`nwbin.open`, in a dictionary or by name; where both have one, the latter counts.
        test
            Of no effect: a file that cannot be read is refused in any case.

        Returns
        -------
        Session
            Of the class that it is called on.
        """
        if int(nwb_version) < 2:
            raise ArgumentError(
                f"{shown_path(path)}: nwbin reads NWB 2 files only, not nwb_version={nwb_version}"
            )
        how = DEFAULTS | known_arguments(api_kwargs) | known_arguments(kwargs)
        filters = UnitFilters(**{name: how.pop(name) for name in FILTERS})
        return cls(File(path, mmap=how.pop("mmap"), index=how.pop("index")), filters, **how)

    @property
    def file(self) -> File:
        """The session's file."""
        return self._tables.file

    @property
    def filters(self) -> UnitFilters:
        """Which units are kept. To keep others, open the session again: tables are read once."""
        return self._tables.filters

    def __getstate__(self) -> dict[str, Any]:
        return as_opened(self, self._tables, self._signals)

    def __setstate__(self, state: dict[str, Any]) -> None:
        Session.__init__(self, **{name: state[name] for name in OPENED_BY})
        more = {name: value for name, value in state.items() if name not in OPENED_BY}
        self.__dict__.update(more)  # a subclass's

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self._about.text(self._tables)

    # ---------------------------------------------------------------- metadata

    @property
    def ecephys_session_id(self) -> Any:
        """The session's number, int; the file's identifier as it is where that is no number."""
        return self._about.session_id

    @property
    def session_start_time(self) -> datetime | None:
        """When the session began."""
        return self.file.session_start_time

    @property
    def specimen_name(self) -> str | None:
        """The animal's name, with its genotype."""
        return self._about.subject.get("specimen_name")

    @property
    def age_in_days(self) -> float | None:
        """The animal's age in days."""
        return self._about.subject.get("age_in_days")

    @property
    def sex(self) -> str | None:
        """The animal's sex."""
        return self._about.subject.get("sex")

    @property
    def full_genotype(self) -> str | None:
        """The animal's genotype."""
        return self._about.subject.get("genotype")

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
        """What the session is, in one dictionary; None for what the file does not say."""
        return {name: self._or_none(name) for name in METADATA}

    def _or_none(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except LookupFailure:  # such as num_units of a file that has no units
            return None

    # ---------------------------------------------------------------- probes, channels, units

    @property
    def probes(self) -> pd.DataFrame:
        """Probes by id: description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
        return self._tables.probes

    @property
    def channels(self) -> pd.DataFrame:
        """Channels by id: structure, CCF coordinates and position on the probe (um)."""
        return self._tables.channels

    @property
    def units(self) -> pd.DataFrame:
        """Units that passed the filters, by unit_id, with the columns of their peak channel and probe."""
        return self._tables.units.copy()

    @property
    def num_units(self) -> int:
        """How many units passed the filters."""
        return len(self._tables.seen.units)

    @property
    def num_channels(self) -> int:
        """How many channels there are."""
        return len(self.channels)

    @property
    def num_probes(self) -> int:
        """How many probes there are."""
        return len(self.probes)

    @property
    def structure_acronyms(self) -> list[str]:
        """The structures that channels lie in, in the order of channels; NaN if there are any outside the brain."""
        return self._structures.acronyms

    @property
    def structurewise_unit_counts(self) -> pd.Series[int]:
        """How many units lie in each structure, most first."""
        return self._structures.unit_counts

    channel_structure_intervals = shown("_structures", Structures.channel_structure_intervals)

    # ---------------------------------------------------------------- stimuli

    @property
    def invalid_times(self) -> pd.DataFrame:
        """Intervals of invalid data by id: start_time, stop_time (s), tags (scope, its id, label)."""
        return self._tables.invalid_times

    def get_invalid_times(self) -> pd.DataFrame:
        """Return :attr:`invalid_times`."""
        return self.invalid_times

    @property
    def stimulus_presentations(self) -> pd.DataFrame:
        """Every presentation by stimulus_presentation_id; times in s; "null" where a parameter does not apply.

        Neither ``>`` nor ``sort_values`` work on a column with "null" among numbers: :func:`nwbin.export.tidy` puts
        NaN there, and :func:`nwbin.export.select` takes conditions such as ``"orientation > 45"`` as it is.
        """
        return self._tables.stimulus_presentations

    @property
    def _stimulus_presentations(self) -> pd.DataFrame:
        """With all parameters; scripts know it by AllenSDK's private name."""
        return self._tables.seen.detailed_presentations

    @property
    def stimulus_conditions(self) -> pd.DataFrame:
        """The distinct combinations of parameters, by stimulus_condition_id."""
        return self._tables.stimuli.conditions.copy()

    @property
    def num_stimulus_presentations(self) -> int:
        """How many presentations there were."""
        return len(self._tables.seen.detailed_presentations)

    @property
    def stimulus_names(self) -> list[str]:
        """The stimuli shown, in order of appearance."""
        return self._tables.stimulus_names

    @property
    def inter_presentation_intervals(self) -> pd.DataFrame:
        """The time from the end of each presentation to the start of the next, in s."""
        return self._stimuli.inter_presentation_intervals

    get_stimulus_table = shown("_stimuli", StimulusQueries.get_stimulus_table)
    get_stimulus_epochs = shown("_stimuli", StimulusQueries.get_stimulus_epochs)
    get_stimulus_parameter_values = shown("_stimuli", StimulusQueries.get_stimulus_parameter_values)
    get_parameter_values_for_stimulus = shown("_stimuli", StimulusQueries.get_parameter_values_for_stimulus)
    get_inter_presentation_intervals_for_stimulus = shown(
        "_stimuli", StimulusQueries.get_inter_presentation_intervals_for_stimulus
    )

    # ---------------------------------------------------------------- spikes

    @property
    def spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> spike times in s, float64, ascending; a unit is read when asked for.

        Probe by probe, as in AllenSDK, which is not the order of :attr:`units`: :meth:`spike_trains` has that.
        """
        return self._unit_spikes.spike_times

    spike_trains = shown("_unit_spikes", UnitSpikes.spike_trains)

    @property
    def spike_amplitudes(self) -> Mapping[int, npt.NDArray[np.float64]]:
        """Unit id -> amplitude of each spike in V; of all units in the file, whatever the filters.

        A unit is read when asked for, and kept. Working set: the units read (nothing where the file lets them be
        mapped), and the last chunks decoded, up to 64 MB (one chunk where it is larger).
        """
        return self._unit_spikes.spike_amplitudes

    @property
    def mean_waveforms(self) -> Mapping[int, xr.DataArray]:
        """Unit id -> mean waveform, dims (channel_id, time in s); only channels that passed the filters.

        Read and kept as :attr:`spike_amplitudes` are.
        """
        return self._unit_spikes.mean_waveforms

    warn_of_invalid_spikes = shown("_invalid_spikes", InvalidSpikes.warn_of_invalid_spikes)
    presentationwise_spike_counts = shown("_presented", PresentationSpikes.presentationwise_spike_counts)
    presentationwise_spike_times = shown("_presented", PresentationSpikes.presentationwise_spike_times)
    conditionwise_spike_statistics = shown("_presented", PresentationSpikes.conditionwise_spike_statistics)
    response_matrix = shown("_presented", PresentationSpikes.response_matrix)
    _answers, _populations = property(Answers), property(PopulationAnswers)
    _receptive_fields, _tools = property(ReceptiveFields), property(OtherTools)
    psth = shown("_answers", Answers.psth)
    tuning = shown("_answers", Answers.tuning)
    responsive = shown("_answers", Answers.responsive)
    latency = shown("_answers", Answers.latency)
    noise_correlations = shown("_populations", PopulationAnswers.noise_correlations)
    signal_correlations = shown("_populations", PopulationAnswers.signal_correlations)
    reliability = shown("_populations", PopulationAnswers.reliability)
    fano_factor = shown("_populations", PopulationAnswers.fano_factor)
    decode_over_time = shown("_populations", PopulationAnswers.decode_over_time)
    decode_over_neurons = shown("_populations", PopulationAnswers.decode_over_neurons)
    receptive_fields = shown("_receptive_fields", ReceptiveFields.receptive_fields)
    stimulus_metrics = shown("_stimulus_metrics", StimulusMetrics.stimulus_metrics)
    quality_metrics = shown("_quality", UnitQuality.quality_metrics)
    select = _select
    to_pynapple, to_neo = shown("_tools", OtherTools.to_pynapple), shown("_tools", OtherTools.to_neo)
    to_spikeinterface = shown("_tools", OtherTools.to_spikeinterface)
    to_polars, to_torch = shown("_tools", OtherTools.to_polars), shown("_tools", OtherTools.to_torch)
    to_torch_dataset = shown("_tools", OtherTools.to_torch_dataset)
    count_grid = shown("_tools", OtherTools.count_grid)

    # ---------------------------------------------------------------- signals

    @property
    def api(self) -> SessionApi:
        """The few reading methods that AllenSDK scripts call as ``session.api.get_...``."""
        return SessionApi(self.file)

    @property
    def running_speed(self) -> pd.DataFrame:
        """start_time, end_time (s), velocity (cm/s)."""
        return self._signals.running_speed

    @property
    def optogenetic_stimulation_epochs(self) -> pd.DataFrame:
        """Optogenetic stimuli by id: times (s), condition, level (V), stimulus_name, duration (s)."""
        return self._signals.optogenetic_stimulation_epochs

    @property
    def probe_lfp_paths(self) -> Mapping[int, lfp.LfpSource]:
        """Probe id -> its LFP file: those given to :func:`nwbin.open`, or found beside the session file."""
        return self._signals.lfp_paths

    get_pupil_data = shown("_signals", Signals.get_pupil_data)
    get_screen_gaze_data = shown("_signals", Signals.get_screen_gaze_data)
    presentationwise_running_speed = shown("_signals", Signals.presentationwise_running_speed)
    presentationwise_pupil_data = shown("_signals", Signals.presentationwise_pupil_data)
    get_lfp = shown("_signals", Signals.get_lfp)
    get_current_source_density = shown("_signals", Signals.get_current_source_density)
