"""What a writer of counts is given, and what several of them need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nwbin.binning import Progress
from nwbin.export.csv_text import CsvText
from nwbin.responses.counts import UNIT, Coordinate, LabelledCounts
from nwbin.tables.labels import unit_columns
from nwbin.tables.tidy import text_of_objects

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MatVersion", "Output", "labels_with_units"]

MatVersion = Literal["7.3", "5"]


@dataclass(frozen=True, eq=False)
class Output:
    """Counts on their way to a file; the attributes are the arguments of :func:`nwbin.export.write_counts`."""

    counts: LabelledCounts
    units: pd.DataFrame | None
    layout: str
    provenance: Mapping[str, Any]
    compress: bool
    csv: CsvText
    max_bytes: int
    progress: Progress | None
    mat_version: MatVersion = "7.3"


def labels_with_units(counts: LabelledCounts, units: pd.DataFrame | None) -> dict[str, Coordinate]:
    """Name -> labels of everything that counts have, columns about units among them; text of fixed width."""
    found = counts.coordinates()
    if units is not None:
        for name, values in unit_columns(units, [*found, "spike_counts"]).items():
            found[name] = Coordinate((UNIT,), values, {})
    return {name: one._replace(values=text_of_objects(one.values, name)) for name, one in found.items()}
