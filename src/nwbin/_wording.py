"""Numbers, nouns and lists in messages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["be", "counted", "first_of"]


def counted(number: int, what: str) -> str:
    """A number and its noun, such as "1 session"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def be(number: int) -> str:
    """The verb after a number: "is", or "are"."""
    return "is" if number == 1 else "are"


def first_of(names: Iterable[object], most: int = 12) -> str:
    """Names with commas between, and how many more there are."""
    known = [str(one) for one in names]
    more = f", … ({len(known) - most} more)" if len(known) > most else ""
    return ", ".join(known[:most]) + more or "none"
