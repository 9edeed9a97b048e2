"""A console that obeys nothing of what it is given to show. Imported only where something is shown: rich is slow."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console
from rich.text import Text

from nwbin._plain_text import printable

__all__ = ["PlainConsole"]


class PlainConsole(Console):
    """A console for which text is text: a line, a cell, a heading.

    No markup (``[red]``), no emoji codes (``:cat:``), and what a terminal would obey is spelt out, before the widths of
    columns are measured. Every text that rich prints or lays out comes through :meth:`render_str`.
    """

    def __init__(self, **how: Any) -> None:
        if os.environ.get("NO_COLOR"):  # rich itself would keep bold and dim
            how["color_system"] = None
        super().__init__(markup=False, emoji=False, highlight=False, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text of plain characters."""
        return super().render_str(printable(text), **{**how, "markup": False, "emoji": False})
