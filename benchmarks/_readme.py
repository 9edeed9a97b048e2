"""The README's tables, each between two comments, the first of which says how the table is made."""

from __future__ import annotations

from pathlib import Path


class Place:
    """Where in a file a benchmark's table stands.

    To be made before the work is done, which takes minutes: raises where the file has no place for the table.
    """

    def __init__(self, readme: Path, name: str) -> None:
        self.readme, self.name = readme, name
        self._parts()

    def _parts(self) -> tuple[str, str]:
        """What stands before the table, its first comment included, and what stands after it."""
        text = self.readme.read_text(encoding="utf-8")
        start, end = f"<!-- {self.name}: python benchmarks/", f"<!-- end of {self.name} -->"
        begin, stop = text.find(start), text.find(end)
        table = text.find("\n", begin)
        if begin < 0 or not begin < table < stop:
            raise SystemExit(f"{self.readme} has no place for the table between {start}... --> and {end}")
        return text[: table + 1], text[stop:]

    def fill(self, table: str) -> None:
        """Put the table there."""
        before, after = self._parts()
        self.readme.write_text(f"{before}{table.strip()}\n{after}", encoding="utf-8")


def in_words(number: float) -> str:
    """Two digits, or all that stand before the point."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
