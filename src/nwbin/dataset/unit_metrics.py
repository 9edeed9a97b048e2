"""Metrics of one session's units: of their quality, of their responses to stimuli, or both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nwbin.dataset._result_files import ValueFolder
from nwbin.errors import ArgumentError, NwbinError
from nwbin.metrics.common import Convention as StimulusConvention
from nwbin.metrics.quality import Convention
from nwbin.responses.selection import Selection
from nwbin.session.selectable import SelectableSession
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.binning import Progress
    from nwbin.dataset._results import Results
    from nwbin.session import Session

__all__ = ["UnitMetrics", "clear"]

_OF_QUALITY = (
    20  # hundredths of the time that the quality of units takes, where their responses are asked for too
)


@dataclass(frozen=True)
class UnitMetrics:
    """Work out metrics of a session's units: of their quality, of their responses to stimuli, or both.

    Attributes
    ----------
    selection
        Which units.
    quality, stimulus
        By whose definitions; None: not those.
    stimuli
        Whose metrics; None for those of the published tables.
    seed
        Of what is drawn at random.
    """

    selection: Selection
    quality: Convention | None = None
    stimulus: StimulusConvention | None = None
    stimuli: tuple[str, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.quality is None and self.stimulus is None:
            raise ArgumentError("no metrics are asked for: neither of quality nor of responses to stimuli")

    def spec(self) -> dict[str, Any]:
        units = {name: self.selection.spec()[name] for name in ("structures", "units")}
        return {
            "job": "metrics",
            **units,
            "quality": self.quality,
            "stimulus": self.stimulus,
            "stimuli": None if self.stimuli is None else sorted(self.stimuli),
            "seed": None if self.stimulus is None else self.seed,
        }

    def run(self, session: Session, threads: int | None, progress: Progress) -> pd.DataFrame:
        """Work them out: index unit_id; the attribute "unit_filters" names the filters that were applied."""
        table = self.of_units(session, self.units_of(session, partly=True).index, threads, progress)
        # What is made of all sessions in the end says them, and opens none of the files again.
        table.attrs["unit_filters"] = SelectableSession(session).filters_applied()
        return table

    def units_of(self, session: Session, *, partly: bool) -> pd.DataFrame:
        """The units that are meant; `partly` where the session is one of many, and need not have all of them."""
        return self.selection.units_of(SelectableSession(session), partly=partly)

    def of_units(
        self, session: Session, units: pd.Index[Any], threads: int | None, progress: Progress | None = None
    ) -> pd.DataFrame:
        """Work them out for these units: first those of quality, then those of responses.

        Of both at once, `progress` is told the share of the whole in hundredths.
        """
        parts = []
        first, rest = progress, progress
        if progress is not None and self.quality is not None and self.stimulus is not None:
            first, rest = _part(progress, 0, _OF_QUALITY), _part(progress, _OF_QUALITY, 100)
        if self.quality is not None:
            parts.append(
                session.quality_metrics(units, convention=self.quality, threads=threads, progress=first)
            )
        if self.stimulus is not None:
            stimuli = None if self.stimuli is None else list(self.stimuli)
            parts.append(
                session.stimulus_metrics(
                    stimuli, units, convention=self.stimulus, seed=self.seed, progress=rest
                )
            )
        columns = {name: part[name].to_numpy() for part in parts for name in part.columns}
        return frame_of(columns, parts[0].index)


def _part(progress: Progress, begin: int, end: int) -> Progress:
    """Tell of a part of a work that it goes from one share of the whole to another, in hundredths."""

    def advanced(done: int, total: int) -> None:
        progress(begin + (end - begin) * done // max(1, total), 100)

    return advanced


def clear(results: Results) -> None:
    """Remove the sessions' own results, once they are in one table; and their folder, if nothing else is in it.

    What no job wrote, and results that were changed, stay.
    """
    if results.path is None:
        return
    folder = ValueFolder(results.path)
    for key in results.report.index.tolist():
        with suppress(NwbinError):
            folder.remove(key)
    folder.remove_if_empty()
