"""What a file says of its session: the animal, the day, the rig."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nwbin.nwb.file import File
from nwbin.session._part import Part

__all__ = ["About"]


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
