"""Put the list of differences into the README: `python -m tests.parity.table`."""

from __future__ import annotations

from pathlib import Path

from tests.parity.cache_differences import CACHE_DIFFERENCES, CACHE_EVERYWHERE
from tests.parity.differences import DIFFERENCES, EVERYWHERE

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- differences: python -m tests.parity.table -->\n", "<!-- end of differences -->"


def table() -> str:
    """Return the differences as a Markdown table."""
    rows = [(d.name, d.allensdk, d.nwbin) for d in DIFFERENCES] + list(EVERYWHERE)
    rows += [(d.name, d.allensdk, d.nwbin) for d in CACHE_DIFFERENCES] + list(CACHE_EVERYWHERE)
    lines = ["| | AllenSDK | nwbin |", "|---|---|---|", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines) + "\n"


def readme_with_table(text: str) -> str:
    """Return the README's text with the table as it should be."""
    before, rest = text.split(START)
    return before + START + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(readme_with_table(README.read_text()))
