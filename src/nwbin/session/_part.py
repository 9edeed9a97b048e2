"""What every part of a session has in common."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

__all__ = ["Part"]


class Part:
    """A dataclass that reads at first use, and keeps what it read.

    Pickled, it is what it was made of: whoever loads it reads anew.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: self.__dict__[field.name] for field in fields(self)}  # type: ignore[arg-type]  # a dataclass
