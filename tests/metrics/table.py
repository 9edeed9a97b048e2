"""Put the list of corrected metrics into the README: `python -m tests.metrics.table`."""

from __future__ import annotations

from pathlib import Path

from nwbin.metrics.corrections import OVERLAPS, corrections_table

README = Path(__file__).parents[2] / "README.md"
START, END = "<!-- corrections: python -m tests.metrics.table -->\n", "<!-- end of corrections -->"


def readme_with_table(text: str) -> str:
    """Return the README's text with the table as it should be."""
    before, rest = text.split(START)
    return f"{before}{START}{corrections_table()}\n\n{OVERLAPS}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(readme_with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
