"""The catalogue: what each metric and each column of a table of units means. One entry each, and all of it data."""

from __future__ import annotations

from nwbin.metrics.catalogue._entry import Metric
from nwbin.metrics.catalogue._look import (
    all_entries,
    catalogue,
    describe,
    entries_of,
    entry_named,
    glossary,
    meaning_of,
)

__all__ = [
    "Metric",
    "all_entries",
    "catalogue",
    "describe",
    "entries_of",
    "entry_named",
    "glossary",
    "meaning_of",
]
