"""What a kind of server has to do for a file to be read from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

__all__ = ["Answer", "State", "Transport"]


class State(NamedTuple):
    """By what a file on a server is known to be still the same."""

    size: int
    tag: str | None  # the server's mark for its content (HTTP's ETag); None where it gives none
    time: str | None  # of its last change, where that is told

    def differs(self, other: State) -> bool:
        """Whether two states are of different contents; what only one of them tells is not compared.

        Two marks that are the same speak for the whole file: copies on several machines have times of their own.
        """
        if self.size == other.size and self.tag is not None and self.tag == other.tag:
            return not _for_every_byte(self.tag) and self._later(other)
        pairs = ((self.tag, other.tag), (self.time, other.time))
        return self.size != other.size or any(a != b for a, b in pairs if a is not None and b is not None)

    def _later(self, other: State) -> bool:
        return self.time is not None and other.time is not None and self.time != other.time


def _for_every_byte(tag: str) -> bool:
    """Whether an ETag is a strong one, which no other content shares."""
    return not tag.startswith("W/")


class Answer(NamedTuple):
    """What a server says to one request."""

    state: State
    start: int  # of the bytes that follow, in the file
    parts: Iterator[Any]  # buffers, one behind the other


class Transport(Protocol):
    """A file on a server. Used from several threads."""

    # Where it lies, without secrets; None where nothing may be kept of it between programs.
    place: str | None
    checked_afterwards: (
        bool  # whether only :meth:`check` tells that bytes are of another file than those before
    )

    def get(self, start: int, stop: int, state: State | None) -> Answer:
        """Ask for bytes of the file, fewer where it ends before `stop`.

        Parameters
        ----------
        start, stop
            Which.
        state
            What the file must be like; None if that is not known yet.

        Raises
        ------
        Fault
            They do not come; so may the iterator of the answer.
        """

    def check(self, state: State) -> None:
        """Raise Fault if the file is not in this state any more; asked after reading, where answers do not say so."""

    def below(self, path: str) -> Transport:
        """Return what reads the file at a path below this one, which is then a folder."""

    def whole(self) -> Iterator[Any]:
        """Ask for all of the file: buffers, one behind the other. Raises Fault, the iterator too."""
