"""What every part of a session has in common."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["Part"]


class Part:
    """A dataclass that reads at first use, and keeps what it read.

    Pickled, it is what it was made of: whoever loads it reads anew.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}
