"""The tables of a session: its probes, channels, units, stimuli and invalid times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin import _schema as schema
from nwbin.allen import invalid, places, queries, stimuli, units
from nwbin.allen.left_out import why_left_out
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.session._about import SessionAbout

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ids", "SessionTables"]

_PRESENTATION = "stimulus presentation"
_SAME_TIME = 1e-3  # s: what float32 keeps of a time late in a session
# What the index of another table is called.
_OF_OTHERS = {"unit": ("stimulus_presentation_id",), _PRESENTATION: ("unit_id",)}

Ids = Any  # an id, or array-like of ids, or a boolean mask over the table's rows; None for all


class SessionTables(SessionAbout):
    """A session's tables, read at first use and kept."""

    # ---------------------------------------------------------------- probes, channels, units

    @cached_property
    def probes(self) -> pd.DataFrame:
        """Probes by id: description, location, sampling_rate, lfp_sampling_rate (Hz), has_lfp_data."""
        return places.probe_table(self.file)

    @cached_property
    def channels(self) -> pd.DataFrame:
        """Channels by id: structure, CCF coordinates and position on the probe (um)."""
        return places.channel_table(
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
        name = places.structure_column(table)
        if name is not None:
            return table[name]
        if table is not self.channels and "structure_acronym" in self.channels.columns:
            raise LookupFailure(
                f"{self.file.name}: does not say which structures its units lie in (they have no peak_channel_id)"
            )
        raise LookupFailure(
            f"{self.file.name}: says nothing of brain structures (its electrodes have no location)"
        )

    @property
    def structure_acronyms(self) -> list[str]:
        """The structures that channels lie in, in the order of channels; NaN if there are any outside the brain."""
        found = self._structure_column(self.channels)
        # None in a file, NaN in a cache's table: one and the same, by AllenSDK's word for it.
        return found.where(found.notna(), np.nan).unique().tolist()

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
            warn("structure boundaries are sought across several probes")
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
        """Every presentation by stimulus_presentation_id; times in s; "null" where a parameter does not apply.

        Neither ``>`` nor ``sort_values`` work on a column with "null" among numbers: :func:`nwbin.export.tidy` puts
        NaN there, and :func:`nwbin.export.select` takes conditions such as ``"orientation > 45"`` as it is.
        """
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
        wanted = [names] if isinstance(names, str | bytes) or not isinstance(names, Iterable) else list(names)
        known = self.stimulus_names
        for name in wanted:
            if name not in known:
                warn(f"no stimulus is called {name!r}; {nearest(name, known)}")
        return self._stimulus_presentations["stimulus_name"].isin(wanted).to_numpy()

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

    def get_inter_presentation_intervals_for_stimulus(
        self, stimulus_names: str | Iterable[str]
    ) -> pd.DataFrame:
        """Return the intervals between neighbouring presentations that both belong to some stimuli."""
        table = self._stimulus_presentations
        return queries.inter_presentation_intervals(table, table.index[self._of_stimulus(stimulus_names)])

    # ---------------------------------------------------------------- selection

    def _rows(self, index: pd.Index[Any], ids: Ids, what: str) -> npt.NDArray[np.intp]:
        """Return the rows of a table that ids name: one id, a list, a boolean mask, or all."""
        import pandas as pd

        if ids is None:
            return np.arange(len(index))
        if isinstance(ids, pd.DataFrame):  # the table itself, for its index
            ids = ids.index
        elif hasattr(ids, "dims"):  # a labelled array's coordinate, whose parts are labelled arrays again
            ids = pd.Index(np.ravel(ids.values), name=ids.name)
        conditions = isinstance(ids, pd.Series) and ids.name == "stimulus_condition_id"
        if (
            conditions and what == _PRESENTATION and not pd.api.types.is_bool_dtype(ids)
        ):  # a mask keeps the name
            warn(
                "conditions are taken for presentations: each stimulus_condition_id as the id of one presentation"
            )
        if isinstance(ids, pd.Index) and ids.name in _OF_OTHERS.get(what, ()):
            raise LookupFailure(
                f"{self.file.name}: {what} ids were expected, and these are {ids.name}s: presentations come first, "
                "then units; are they swapped?"
            )
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            ids = [ids]
        elif not isinstance(ids, pd.Series | pd.Index | np.ndarray):
            ids = list(ids)
        try:
            rows: npt.NDArray[np.intp] = (
                pd.Series(np.arange(len(index)), index=index).loc[ids].to_numpy(np.intp)
            )
        except (IndexError, TypeError, ValueError, pd.errors.IndexingError) as error:
            if isinstance(ids, pd.Series) and ids.dtype == bool:
                raise ArgumentError(
                    f"a mask of {what}s must have one value for each of the table's {len(index)} rows, this one has "
                    f"{len(ids)}, perhaps of another table; the ids that it means are mask.index[mask]"
                ) from error
            raise ArgumentError(
                f"{what} ids must be an id, a list of ids, or a mask with one value for each of the table's "
                f"{len(index)} rows: {error}"
            ) from error
        except KeyError as error:
            wanted = np.asarray(ids, dtype=object).ravel().tolist()
            unknown = next((one for one in wanted if one not in index), wanted[0])
            raise LookupFailure(f"{self.file.name}: {self._unknown(unknown, what, index)}") from error
        if rows.size == 0:
            warn(f"no {what} was chosen: the result is empty")
        return rows

    def _unknown(self, one: Any, what: str, known: Iterable[Any]) -> str:
        """Say of something that is not an id of this kind what it is instead, or which ids there are."""
        one = one.item() if isinstance(one, np.generic) else one
        if not isinstance(one, int | float | str):  # NA, for one, cannot even be compared
            return f"{one!r} is not the id of a {what}; {nearest(one, known)}"
        of_file = self.file.unit_ids if self.file.has(schema.UNITS) else np.empty(0, np.int64)
        is_unit = bool(np.any(of_file == one))
        if what == "unit" and is_unit:
            why = why_left_out(self.file, self.filters, [int(one)], self._channel_columns)[0]
            read = f"; session.file.spike_trains([{int(one)}]) reads it all the same"
            return (
                f"{one!r} is not the id of a unit that passed the filters; {why}"
                f"{read if why.lacks_place else ''}"
            )
        said = f"{one!r} is not the id of a {what}"
        if what == _PRESENTATION:
            if isinstance(one, str) and one in self.stimulus_names:
                return f"{said}; for all of that stimulus: get_stimulus_table({one!r}).index"
            if is_unit:
                return f"{said}, but of a unit: presentations come first, then units; are they swapped?"
            if isinstance(one, float) and not one.is_integer():
                return f"{said}; ids are the stimulus table's index, not times, and come after bin edges"
        elif what == "unit" and one in self._stimulus_presentations.index:
            said += ", but of a stimulus presentation"
        elif what == "unit" and isinstance(one, str):
            for column in reversed(places.STRUCTURE):  # the shorter name, where both hold it
                if column in self._units.columns and one in set(self._units[column]):
                    return f"{said}; for the units in it: units.index[units.{column} == {one!r}]"
        elif what == "probe" and one in self.probes["description"].tolist():
            found = self.probes.index[self.probes["description"] == one].tolist()[0]
            return f"{said}; that of the probe of this name is {found}"
        if isinstance(one, str) and one.strip().isdecimal():
            return f"{said}: ids are whole numbers, and this is text"
        return f"{said}; {nearest(one, known)}"

    def _presentations(self, ids: Ids) -> pd.DataFrame:
        import pandas as pd

        table = self.stimulus_presentations
        if ids is None:
            return table
        shown = table.iloc[self._rows(table.index, ids, _PRESENTATION)]
        if isinstance(ids, pd.DataFrame) and "start_time" in ids.columns:
            # A table of the file numbers its rows anew, and would be taken for the first presentations. Times that
            # went through text or float32 are the same.
            given = pd.to_numeric(ids["start_time"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
            known = shown["start_time"].to_numpy(np.float64)
            other = np.flatnonzero(np.abs(given - known) > _SAME_TIME)
            if other.size:
                at = int(other[0])
                raise ArgumentError(
                    f"{self.file.name}: the table given is not of these presentations: by it {ids.index[at]} starts at "
                    f"{given[at]:.3f} s, as a presentation at {known[at]:.3f} s; give part of stimulus_presentations, "
                    "or the ids alone if its times were changed (onsets of your own: nwbin.bin_spikes)"
                )
        return shown
