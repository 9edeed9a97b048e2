"""The tables that all of a session goes by, read at first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nwbin.allen.invalid import invalid_times
from nwbin.allen.places import channel_table, probe_table
from nwbin.allen.queries import without_detail
from nwbin.allen.stimuli import StimulusTables, stimulus_tables
from nwbin.allen.unit_filters import UnitFilters
from nwbin.allen.units import unit_table
from nwbin.errors import ArgumentTypeError
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.session._part_of_session import Part

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionTables"]


@dataclass(eq=False, repr=False)
class SessionTables(Part):
    """A file's probes, channels, units, invalid times and stimuli, as a session was opened to have them."""

    file: File
    filters: UnitFilters
    external_channel_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None
    additional_unit_metrics: Callable[[], pd.DataFrame] | pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for name in ("external_channel_columns", "additional_unit_metrics"):
            table = getattr(self, name)
            if not (table is None or callable(table) or hasattr(table, "columns")):
                raise ArgumentTypeError(
                    f"{name} must be a pandas.DataFrame or a function that returns one, not {type(table).__name__}"
                )

    @property
    def seen(self) -> SessionTables:
        """What tables are made from, and what the session's parts go by: these, or those of a subclass."""
        found: SessionTables = self.__dict__.get("_seen", self)
        return found

    def see(self, others: SessionTables) -> None:
        """Go by other tables, which may be made from these; see :mod:`nwbin.session._overridden`."""
        self.__dict__["_seen"] = others

    @cached_property
    def probes(self) -> pd.DataFrame:
        return probe_table(self.file)

    @cached_property
    def channels(self) -> pd.DataFrame:
        return channel_table(
            self.file,
            valid_only=self.filters.filter_by_validity,
            external_columns=self.external_channel_columns,
        )

    @cached_property
    def units(self) -> pd.DataFrame:
        seen = self.seen
        return unit_table(self.file, seen.channels, seen.probes, self.filters, self.additional_unit_metrics)

    @cached_property
    def invalid_times(self) -> pd.DataFrame:
        return invalid_times(self.file)

    @cached_property
    def stimuli(self) -> StimulusTables:
        # All at once: each by itself would be as many round trips.
        self.file.read_ahead([f"{schema.INTERVALS}/*"], leave=("tags", "stimulus_index"), dense=True)
        return stimulus_tables(self.file, self.seen.invalid_times)

    @property
    def detailed_presentations(self) -> pd.DataFrame:
        """With mask, opacity and the like, which hardly anybody asks for."""
        return self.stimuli.presentations

    @property
    def stimulus_presentations(self) -> pd.DataFrame:
        """A copy, without them."""
        return without_detail(self.detailed_presentations)

    @property
    def stimulus_names(self) -> list[str]:
        return self.seen.detailed_presentations["stimulus_name"].unique().tolist()
