"""The presentations and units that a command is about, and what is odd about them said once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.cli._choosing import PresentationOptions, UnitOptions, require_times, selection_of
from nwbin.cli._parse import names_of
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session
    from nwbin.session.selectable import SelectableSession
    from nwbin.trains import SpikeTrains

__all__ = ["Chosen", "chosen_from"]


@dataclass(frozen=True)
class Chosen:
    """What was chosen of a session: presentations as they stand and tidy, units, and their spikes."""

    session: Session
    source: SelectableSession
    presentations: pd.DataFrame
    rows: pd.DataFrame
    units: pd.DataFrame
    trains: SpikeTrains

    def warn_of(self, asked: str, window: tuple[float, float]) -> None:
        """Say which windows around presentations are in invalid times, after the last spike, or in milliseconds."""
        from nwbin.responses.windows import warn_if_too_long, windows_around
        from nwbin.session.chosen import warn_of_recording

        warn_if_too_long(self.presentations, window)
        windows = windows_around(self.presentations, window)
        warn_of_recording(self.session, asked, self.presentations, windows, self.trains)

    def check_one_column(self, by: str | None) -> None:
        """Raise where --by names several columns, and no column has that name."""
        if by is not None and "," in by and by not in self.rows.columns:
            several = ", ".join(repr(one) for one in names_of(by, "--by", "orientation"))
            raise ArgumentError(
                f"--by {by}: takes one column here; in Python session.psth(..., by=[{several}]) takes several"
            )

    def duration(self) -> float:
        """How long a presentation lasts, in s: the median."""
        from nwbin.responses.time_axes import median_duration

        return median_duration(self.presentations)

    @property
    def structures(self) -> dict[Any, str]:
        """Each unit's brain structure, where the file says."""
        column = next((one for one in self.source.structure_columns if one in self.units.columns), None)
        if column is None:
            return {}
        named = zip(self.units.index.tolist(), self.units[column].tolist(), strict=True)
        return {unit: one for unit, one in named if isinstance(one, str)}

    def title(self, asked: PresentationOptions, *parts: str) -> str:
        """A picture's title."""
        from nwbin.plot.sessions import title_of

        name = ", ".join(asked.stimulus or [str(asked.intervals)])
        return title_of(self.session, name, *parts)

    def provenance(self, asked: PresentationOptions, units: UnitOptions, **how: Any) -> dict[str, Any]:
        """How an output was made."""
        from nwbin.cli._provenance import provenance, provenance_of_units

        return provenance(
            self.session.file, **asked.provenance(), **provenance_of_units(self.source, units), **how
        )


@contextmanager
def chosen_from(file: Path, asked: PresentationOptions, units: UnitOptions) -> Iterator[Chosen]:
    """Open a session, and choose what is meant of it."""
    import nwbin
    from nwbin.allen.null import tidy

    with nwbin.open(file, **units.filters()) as session:
        require_times(session, asked)
        meant = session.select(selection_of(asked, units))
        rows, chosen = meant
        trains = session.file.spike_trains(chosen.index.to_numpy())
        yield Chosen(session, meant.source, rows, tidy(rows), chosen, trains)
