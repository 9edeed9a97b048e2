"""What a file says of its session: the animal, the day, the rig."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nwbin.nwb.file import File
from nwbin.session._part_of_session import Part

__all__ = ["METADATA", "About"]

# What Session.metadata says, in AllenSDK's order.
METADATA = (
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


@dataclass(eq=False, repr=False)
class About(Part):
    """A session's metadata."""

    file: File

    @property
    def session_id(self) -> Any:
        identifier = self.file.identifier or ""
        return int(identifier) if identifier.isdecimal() else identifier

    @cached_property
    def subject(self) -> dict[str, Any]:
        return self.file.subject
