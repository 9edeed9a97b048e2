"""What a file says of its session: the animal, the day, the rig."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nwbin._plain_text import printable
from nwbin._wording import counted
from nwbin.allen.stimuli import presentation_tables
from nwbin.errors import NwbinError
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.session._part_of_session import Part

if TYPE_CHECKING:
    from nwbin.session._session_tables import SessionTables

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

    def text(self, tables: SessionTables) -> str:
        """What a session says of itself: sizes only, of what lies here; of a server nothing that is not read yet."""
        file, here, read = self.file, self.file.path is not None, vars(tables)
        named, units, presentations = "", list[str](), list[str]()
        with suppress(NwbinError):  # a file that is closed, or damaged, has a name all the same
            named = f" {self.session_id}" if here else ""
        if "units" in read:
            units.append(counted(len(read["units"]), "unit"))
        with suppress(NwbinError):
            if here and file.has(schema.UNITS):
                stored = len(file.unit_table)
                units.append(f"{stored:,} in the file" if units else f"{counted(stored, 'unit')} in the file")
        with suppress(NwbinError):
            if "stimuli" in read:
                presentations.append(counted(len(read["stimuli"].presentations), "presentation"))
            elif here:
                shown = [file.table(f"{schema.INTERVALS}/{name}") for name in presentation_tables(file)]
                presentations.append(counted(sum(map(len, shown)), "presentation"))
        said = ", ".join(filter(None, [" of ".join(units), *presentations]))
        return printable(f"<nwbin.Session{named}{': ' if said else ''}{said}, of {file!r}>")
