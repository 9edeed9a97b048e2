"""What a page is made of: sections of notes, facts, tables, pictures and lines of code. A template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

__all__ = ["Code", "Facts", "Heading", "Link", "Note", "Part", "Picture", "Section", "Table"]


class Part:
    """Anything that stands in a section; the template has a form for each kind."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Note(Part):
    """A paragraph. `tone`: "plain", "missing" (the file does not hold it), "good" or "bad"."""

    kind: ClassVar[str] = "note"
    text: str
    tone: str = "plain"


@dataclass(frozen=True)
class Heading(Part):
    """A heading within a section."""

    kind: ClassVar[str] = "heading"
    id: str
    text: str


@dataclass(frozen=True)
class Facts(Part):
    """Names and values; `large` for the few numbers that a page begins with."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, str]]
    large: bool = False


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere: a page beside this one, a place in it."""

    text: str
    href: str


@dataclass(frozen=True)
class Table(Part):
    """A table.

    Attributes
    ----------
    id
        Distinct within the page.
    caption
        What it shows.
    columns
        Names; the first column's cells are the headings of their rows.
    rows
        Cells: text, or a :class:`Link`.
    numeric
        Which columns hold numbers: these stand to the right, and are sorted as such.
    searched
        A field to search it, with what its rows are called: "units". A table that is not searched is not sorted
        either: it is short.
    choice
        Beside that, a box that leaves only the rows whose second cell is this; "" for none.
    """

    kind: ClassVar[str] = "table"
    id: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Link]]
    numeric: frozenset[int] = frozenset()
    searched: str = ""
    choice: str = ""


@dataclass(frozen=True)
class Picture(Part):
    """A picture, within the page.

    Attributes
    ----------
    uri
        The picture itself, as ``data:``.
    width, height
        CSS pixels.
    alt
        What it shows, for those who do not see it.
    caption
        Below it.
    """

    kind: ClassVar[str] = "picture"
    uri: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Code(Part):
    """The lines of nwbin that give what stands above; they work when pasted, after those that open the session."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass
class Section:
    """A part of the page with a heading of its own, and a line in its table of contents."""

    id: str
    title: str
    parts: list[Part] = field(default_factory=list)

    @property
    def headings(self) -> list[Any]:
        """Its headings, for the table of contents."""
        return [one for one in self.parts if isinstance(one, Heading)]
