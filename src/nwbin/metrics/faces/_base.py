"""AllenSDK's way of asking for the metrics of one stimulus, over nwbin's functions: what all stimuli share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from nwbin._keywords import refuse_unknown
from nwbin.allen.null import NULL
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.metrics.common import (
    STIMULUS_KINDS,
    Convention,
    SessionView,
    StimulusKind,
    StimulusView,
    as_convention,
)
from nwbin.metrics.faces import _tables
from nwbin.metrics.faces._source import check_session, trains_of
from nwbin.tables.frames import frame_of
from nwbin.tables.missing import as_numbers, missing
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["StimulusAnalysis"]

Columns = tuple[tuple[str, type], ...]
RESOLUTION = 0.001  # s, of PSTHs
_OWN = (
    "filter", "params", "stimulus_key", "psth_resolution", "spontaneous_threshold", "nwb_version",
    "stimulus_step_size",
)  # fmt: skip


class StimulusAnalysis:
    """The metrics of one stimulus, asked as AllenSDK's class of this name is.

    Names, arguments and results are AllenSDK's; what is computed is nwbin's, for all units at once, at first use.
    Tables by unit have the units in the session's order.

    Parameters
    ----------
    ecephys_session
        The session: nwbin's, or AllenSDK's.
    trial_duration
        How long a presentation is taken to last, in s.
    convention
        "allen", AllenSDK's numbers with its faults; or "corrected".
    seed
        Of resampling.
    **kwargs
        filter (unit ids, or a dictionary of columns of `units` and the values wanted), params (a dictionary by
        stimulus, of which stimulus_key counts), stimulus_key (the stimulus's name in the session), psth_resolution (s,
        0.001), spontaneous_threshold (s, 100). nwb_version and stimulus_step_size are taken and mean nothing.

    Raises
    ------
    ArgumentTypeError
        What is given is no session, or an argument is not known.
    """

    SUFFIX: ClassVar[str] = ""
    NAME: ClassVar[str] = ""
    PARAMS: ClassVar[str] = ""
    COLUMNS: ClassVar[Columns] = ()

    def __init__(
        self,
        ecephys_session: Any,
        trial_duration: float | None = None,
        *,
        convention: str = "allen",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        refuse_unknown(kwargs, _OWN, type(self).__name__)
        self._session = check_session(ecephys_session)
        self._trial_duration = trial_duration
        self._convention: Convention = as_convention(convention)
        self._seed = seed
        self._unit_filter = kwargs.get("filter")
        params = kwargs.get("params")
        if not isinstance(params, Mapping | None):
            raise ArgumentTypeError(f"params must be a dictionary, not {type(params).__name__}")
        of_mine = (params or {}).get(self.PARAMS, {})
        self._stimulus_key = of_mine.get("stimulus_key") if params else kwargs.get("stimulus_key")
        self._psth_resolution = float(kwargs.get("psth_resolution", RESOLUTION))
        self._spontaneous_threshold = float(kwargs.get("spontaneous_threshold", 100.0))

    def __repr__(self) -> str:
        return f"<nwbin.metrics.{type(self).__name__} of {self._session!r}>"

    # ---------------------------------------------------------------- what is asked

    @property
    def ecephys_session(self) -> Any:
        """The session."""
        return self._session

    @property
    def name(self) -> str:
        """What the stimulus is called."""
        return self.NAME

    @property
    def convention(self) -> str:
        """By whose rules: "allen" or "corrected"."""
        return self._convention

    @property
    def trial_duration(self) -> float:
        """How long a presentation is taken to last, in s."""
        if self._trial_duration is None or self._trial_duration < 0:
            raise ArgumentTypeError(
                f"trial_duration must be a time in s, not {self._trial_duration!r}; give trial_duration="
            )
        return self._trial_duration

    @classmethod
    def known_stimulus_keys(cls) -> list[str]:
        """Names under which sessions have this stimulus."""
        return list(STIMULUS_KINDS[cls.SUFFIX].names) if cls.SUFFIX else []

    @property
    def known_spontaneous_keys(self) -> list[str]:
        """Names under which sessions have spontaneous activity."""
        return ["spontaneous", "spontaneous_activity"]

    @cached_property
    def unit_ids(self) -> npt.NDArray[Any]:
        """The units: (units,)."""
        return _tables.chosen_units(self._session.units, self._unit_filter)

    @property
    def unit_count(self) -> int:
        """How many units there are."""
        return len(self.unit_ids)

    @cached_property
    def stimulus_key(self) -> Any:
        """The stimulus's name in the session, or several."""
        if self._stimulus_key is not None:
            return self._stimulus_key
        names = self._session.stimulus_presentations["stimulus_name"].unique().tolist()
        found = self._kind.found_in(names)
        if found is None:
            raise LookupFailure(
                f"the session has no {self.NAME or 'stimulus of this kind'}; give stimulus_key=, of stimuli "
                f"{nearest(self.NAME, names)}"
            )
        return found

    # ---------------------------------------------------------------- presentations and conditions

    @cached_property
    def stim_table(self) -> pd.DataFrame:
        """The presentations, by stimulus_presentation_id; masked ones left out."""
        names = self.stimulus_key
        table = self._session.get_stimulus_table([names] if isinstance(names, str) else names)
        if not len(table):
            raise LookupFailure(f"the session has no presentation of stimulus_key={names!r}")
        return table

    @property
    def total_presentations(self) -> int:
        """How many presentations there are."""
        return len(self.stim_table)

    @cached_property
    def stim_table_spontaneous(self) -> pd.DataFrame:
        """Stretches of spontaneous activity longer than spontaneous_threshold."""
        names = self._session.stimulus_presentations["stimulus_name"].unique()
        known = [name for name in self.known_spontaneous_keys if name in names]
        table = self._session.get_stimulus_table(known or self.known_spontaneous_keys)
        return table[table["duration"] > self._spontaneous_threshold]

    @cached_property
    def stimulus_conditions(self) -> pd.DataFrame:
        """The conditions that were shown, by stimulus_condition_id."""
        table = self._session.stimulus_conditions
        return table[table.index.isin(self.stim_table["stimulus_condition_id"].unique())]

    @property
    def null_condition(self) -> Any:
        """The conditions that are blank sweeps; -1 where the stimulus has none."""
        return -1

    def _values(self, column: str) -> npt.NDArray[Any]:
        """The values that a parameter takes, ascending; blank sweeps have none."""
        if column not in self.stimulus_conditions.columns:
            names = self.stimulus_conditions.columns
            raise LookupFailure(f"the conditions have no column {column!r}; {nearest(column, names)}")
        found = self.stimulus_conditions[column].to_numpy()
        known = found[~missing(found, NULL)]
        numbers = as_numbers(known)
        return np.unique(known.astype(str) if np.isnan(numbers).any() else numbers)

    def _where_null(self, column: str) -> pd.Index[Any]:
        """The conditions to which a parameter does not apply."""
        table = self.stimulus_conditions
        found: pd.Index[Any] = table.index[table[column].to_numpy() == NULL]
        return found

    # ---------------------------------------------------------------- responses

    @cached_property
    def _trains(self) -> SpikeTrains:
        return trains_of(self._session, self.unit_ids)

    @property
    def spikes(self) -> dict[Any, npt.NDArray[np.float64]]:
        """Unit id -> spike times in s."""
        return {one: self._trains[one] for one in self.unit_ids.tolist()}

    @cached_property
    def conditionwise_statistics(self) -> pd.DataFrame:
        """Spikes in (start, stop] by unit and condition; as the session's conditionwise_spike_statistics."""
        return self._session.conditionwise_spike_statistics(self.stim_table.index.values, self.unit_ids)

    @cached_property
    def presentationwise_spike_times(self) -> pd.DataFrame:
        """Every spike during the presentations, by time; as the session's presentationwise_spike_times."""
        return self._session.presentationwise_spike_times(
            stimulus_presentation_ids=self.stim_table.index.values, unit_ids=self.unit_ids
        )

    @cached_property
    def running_speed(self) -> pd.DataFrame:
        """The mean running speed of each presentation, in cm/s, by stimulus_presentation_id."""
        import pandas as pd

        index = self.stim_table.index.rename("stimulus_presentation_id")
        return pd.DataFrame({"running_speed": self._view.speed}, index=index)

    @cached_property
    def presentationwise_statistics(self) -> pd.DataFrame:
        """Spikes of each presentation and unit in [0, trial_duration]; the condition and the mean running speed."""
        return _tables.by_presentation(self._view, self.unit_ids)

    @cached_property
    def conditionwise_psth(self) -> xr.DataArray:
        """Mean spikes by condition, bin and unit: bins of psth_resolution, closed at both ends, to trial_duration.

        Dims (stimulus_condition_id, time_relative_to_stimulus_onset, unit_id). Of all units of a session it takes
        hundreds of MB; :func:`nwbin.responses.psth` has wider bins.
        """
        return _tables.psth_by_condition(
            self._trains, self.stim_table, self.trial_duration, self._psth_resolution
        )

    # ---------------------------------------------------------------- metrics

    @cached_property
    def _session_view(self) -> SessionView:
        return SessionView(
            name=getattr(getattr(self._session, "file", None), "name", "session"),
            presentations=self._renamed(self._session.stimulus_presentations),
            conditions=self._renamed(self._session.stimulus_conditions),
            trains=self._trains,
            read_running=self._running,
            convention=self._convention,
        )

    def _running(self) -> pd.DataFrame | None:
        try:
            return self._session.running_speed
        except LookupFailure:
            return None

    @property
    def _kind(self) -> StimulusKind:
        return STIMULUS_KINDS.get(self.SUFFIX) or StimulusKind(self.SUFFIX, "stimulus", (), None)

    @cached_property
    def _view(self) -> StimulusView:
        kind = replace(self._kind, trial_duration=self._trial_duration)
        view = StimulusView(self._session_view, kind, str(self.stimulus_key), self._renamed(self.stim_table))
        if self._psth_resolution != RESOLUTION and self._trial_duration is not None:
            view.edges = np.arange(0, self._trial_duration, self._psth_resolution)
        return view

    def _renamed(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with nwbin's names for the parameters, where others were given."""
        return table.rename(
            columns={theirs: ours for ours, theirs in self._parameters.items() if ours != theirs}
        )

    @property
    def _parameters(self) -> dict[str, str]:
        """The name of a parameter -> what it is called in this session's tables."""
        return {}

    @property
    def METRICS_COLUMNS(self) -> list[tuple[str, type]]:
        """Names and types of the metrics."""
        return list(self.COLUMNS)

    @property
    def metrics_names(self) -> list[str]:
        """Names of the metrics."""
        return [name for name, _ in self.METRICS_COLUMNS]

    @property
    def metrics_dtypes(self) -> list[type]:
        """Types of the metrics."""
        return [kind for _, kind in self.METRICS_COLUMNS]

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The metrics, by unit_id."""
        import pandas as pd

        found = self._computed()
        names = [name for name in dict.fromkeys([*self.metrics_names, *found]) if name in found]
        index = pd.Index(self.unit_ids, name="unit_id")
        return frame_of({name: found[name] for name in names}, index)

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        raise ArgumentError(f"{type(self).__name__} has no metrics; take one of its subclasses")

    def _of_unit(self, name: str, unit_id: Any) -> Any:
        """One value of the table of metrics."""
        if unit_id not in self.metrics.index:
            raise LookupFailure(
                f"{unit_id!r} is not the id of a unit here; {nearest(unit_id, self.unit_ids)}"
            )
        return self.metrics.at[unit_id, name]

    # ---------------------------------------------------------------- single units

    @cached_property
    def _preferred(self) -> dict[Any, Any]:
        view = self._view
        ids = [view.condition_ids[at].item() if at >= 0 else None for at in view.preferred.tolist()]
        return dict(zip(self.unit_ids.tolist(), ids, strict=True))

    def get_preferred_condition(self, unit_id: Any) -> Any:
        """The stimulus_condition_id with most spikes a presentation, blank sweeps left out; the first of equals.

        Raises
        ------
        LookupFailure
            The unit is not among :attr:`unit_ids`.
        """
        if unit_id not in self._preferred:
            raise LookupFailure(
                f"{unit_id!r} is not the id of a unit here; {nearest(unit_id, self.unit_ids)}"
            )
        return self._preferred[unit_id]

    _get_preferred_condition = get_preferred_condition

    def _check_multiple_pref_conditions(
        self, unit_id: Any, stim_cond_col: str, valid_conditions: Any
    ) -> bool:
        """Whether more than one of some values of a parameter has exactly the largest mean response."""
        found = self.stimulus_conditions[stim_cond_col]
        mean = self.conditionwise_statistics.loc[unit_id]["spike_mean"]
        means = [mean.loc[found.index[found == value]].mean() for value in valid_conditions]
        return sum(bool(one == max(means)) for one in means) > 1

    def _get_time_to_peak(self, unit_id: Any, preferred_condition: Any) -> float:
        """The centre of the first largest bin of the PSTH of a condition, in s."""
        psth = self.conditionwise_psth.sel(unit_id=unit_id, stimulus_condition_id=preferred_condition)
        return float(psth["time_relative_to_stimulus_onset"][int(psth.to_numpy().argmax())])

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, where that stands among all conditions of the stimulus."""
        raise ArgumentError(f"{type(self).__name__} has no raster")

    def plot_conditionwise_raster(self, unit_id: Any) -> None:
        """Draw the spikes of a unit during every condition."""
        for condition in self.stimulus_conditions.index:
            self.plot_raster(condition, unit_id)
