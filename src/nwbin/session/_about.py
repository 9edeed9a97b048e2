"""What a session is made of, and what its file says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nwbin.allen import behavior, lfp, stimuli
from nwbin.allen.units import UnitFilters
from nwbin.errors import ArgumentTypeError, LookupFailure
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionAbout"]


class SessionAbout:
    """A session's file, how it was opened, and its metadata."""

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
        tables = {
            "external_channel_columns": external_channel_columns,
            "additional_unit_metrics": additional_unit_metrics,
        }
        for name, table in tables.items():
            if not (table is None or callable(table) or hasattr(table, "columns")):
                raise ArgumentTypeError(
                    f"{name} must be a pandas.DataFrame or a function that returns one, not {type(table).__name__}"
                )
        if not isinstance(probe_lfp_paths, Mapping | None):
            raise ArgumentTypeError(
                f"probe_lfp_paths must map probe ids to paths, {{probe_id: path}}, not {type(probe_lfp_paths).__name__}"
            )
        self.file = file
        self.filters = filters or UnitFilters()
        self._lfp_paths = probe_lfp_paths
        self._channel_columns = external_channel_columns
        self._unit_metrics = additional_unit_metrics

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
        """What the session is, in one dictionary; None for what the file does not say."""
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
        return {name: self._said(name) for name in names}

    def _said(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except LookupFailure:  # such as num_units of a file that has no units
            return None
