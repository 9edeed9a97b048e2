"""One session, as its page asks it: what several sections need is found once, and what goes wrong is said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._kept_back import own_kept_back
from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import InvalidSpikesWarning, LookupFailure, NwbinError, OverlapWarning
from nwbin.export import tidy
from nwbin.nwb import schema
from nwbin.plot.sessions import is_synthetic, overview_of, quality_of
from nwbin.report._parts import Note, Part
from nwbin.report._text import file_name, without_path
from nwbin.session.overview import summary
from nwbin.session.selectable import SelectableSession

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.plot import Overview
    from nwbin.session import Session

__all__ = ["Recording", "as_arguments"]

_NOTHING = frozenset({"spontaneous", "invalid_presentation"})  # stimuli that are none


def as_arguments(named: Mapping[str, Any]) -> str:
    """Arguments by name, as they stand in code after others."""

    def code(value: Any) -> str:  # a bound that bounds nothing: "inf" alone is no Python
        return f"float('{value}')" if isinstance(value, float) and not np.isfinite(value) else repr(value)

    return "".join(f", {name}={code(value)}" for name, value in named.items())


@dataclass(eq=False)
class Recording:
    """A session whose page is made.

    Attributes
    ----------
    session
        The session.
    step
        Called whenever a part of the page is done.
    opened
        The lines of code that set `path` and open the session with its filters. Given, they are without filters; by
        default :func:`nwbin.open` of the file's own name.
    unfiltered
        The code of the session with all its units.
    """

    session: Session
    step: Callable[[], object]
    opened: str = ""
    _said: set[str] = field(default_factory=set)
    _rows: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = "" if self.session.file.path is None else "  # the file: its path on your machine"
        self.opened = self.opened or f"path = {self.name!a}{where}\nsession = nwbin.open(path)"
        self.unfiltered = self._opening(UnitFilters.none()).splitlines()[-1].removeprefix("session = ")
        self.opened = self._opening(self.session.filters)

    def _opening(self, filters: UnitFilters) -> str:
        return f"{self.opened.removesuffix(')')}{as_arguments(filters.changed())})"

    def command(self, line: str) -> str:
        """A remark on what a command does alike; "" where it does not, as its filters are the default ones."""
        return "" if self.session.filters.changed() else f"  # {line}"

    @property
    def name(self) -> str:
        """The file's own name."""
        return file_name(self.session.file)

    @property
    def number(self) -> str:
        """What the session is called."""
        number = self.session.ecephys_session_id
        return str(number if isinstance(number, int) else self.session.file.session_id or number or self.name)

    @cached_property
    def synthetic(self) -> bool:
        """Whether the file says that its data were made up."""
        return is_synthetic(self.session)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """See :func:`nwbin.session.overview.summary`."""
        return summary(self.session)

    @cached_property
    def overview(self) -> Overview:
        """See :func:`nwbin.plot.sessions.overview_of`."""
        return overview_of(self.session)

    @property
    def has_units(self) -> bool:
        """Whether there is a table of units."""
        return self.session.file.has(schema.UNITS)

    @cached_property
    def every_unit(self) -> tuple[pd.DataFrame, dict[str, tuple[str, float]]]:
        """All units, none filtered, and the thresholds: see :func:`nwbin.plot.sessions.quality_of`."""
        return quality_of(self.session)

    @cached_property
    def passing(self) -> set[Any]:
        """Ids of the units that pass the filters."""
        return set(self.session.units.index.tolist())

    @cached_property
    def area_column(self) -> str | None:
        """The column that says where a unit lies."""
        columns = self.every_unit[0].columns
        return next((one for one in SelectableSession.structure_columns if one in columns), None)

    @cached_property
    def areas(self) -> dict[Any, str]:
        """Unit id -> where it lies; units of which nothing is said are not in it."""
        units = self.every_unit[0]
        if self.area_column is None:
            return {}
        named = zip(units.index.tolist(), units[self.area_column].tolist(), strict=True)
        return {unit: area for unit, area in named if isinstance(area, str) and area}

    @property
    def labelling(self) -> str:
        """Where units lie, as an argument of the code of pictures; "" where that is not known."""
        return f", unit_labels=dict(session.units[{self.area_column!a}])" if self.areas else ""

    @cached_property
    def besides(self) -> list[str]:
        """Names in the table of presentations that are no stimuli: times without one."""
        try:
            return [name for name in self.session.stimulus_names if name in _NOTHING]
        except NwbinError:
            return []

    @cached_property
    def stimuli(self) -> list[str]:
        """Names of what was shown, of which responses can be asked; none of a file whose intervals cannot be read."""
        try:
            return [name for name in self.session.stimulus_names if name not in _NOTHING]
        except NwbinError:  # the section of stimuli says why
            return []

    def spikes_of(self) -> dict[Any, int]:
        """How many spikes each unit of the file has."""
        bounds = self.session.file.table(schema.UNITS).bounds(schema.SPIKE_TIMES)
        numbers = np.asarray(bounds.stops) - np.asarray(bounds.starts)
        return dict(zip(self.session.file.unit_ids.tolist(), numbers.tolist(), strict=True))

    def rows(self, stimulus: str) -> pd.DataFrame:
        """The presentations of a stimulus, tidy."""
        if stimulus not in self._rows:
            self._rows[stimulus] = tidy(self.session.get_stimulus_table(stimulus))
        return self._rows[stimulus]

    @contextmanager
    def saying(self, parts: list[Part], what: str) -> Iterator[None]:
        """Have what is warned of, and what cannot be worked out, said on the page, each once."""
        with own_kept_back() as heard:
            try:
                yield
            except LookupFailure as error:
                parts.append(Note(f"{what}: {self._words(error)}", "missing"))
            except NwbinError as error:
                parts.append(Note(f"{what} could not be worked out: {self._words(error)}", "bad"))
        for one in heard:
            if not isinstance(one, OverlapWarning):  # each picture of onsets has some
                self._warned(parts, type(one), str(one))

    def _warned(self, parts: list[Part], kind: type[Warning], text: str) -> None:
        if issubclass(kind, InvalidSpikesWarning):
            text = (
                "Some of these presentations overlap times during which spikes of some probes are invalid (see the "
                "invalid times); they are not left out."
            )
        text = without_path(text, self.session.file)
        if text not in self._said:
            self._said.add(text)
            parts.append(Note(f"nwbin notes: {text}"))

    def _words(self, error: NwbinError) -> str:
        return without_path(str(error), self.session.file)
