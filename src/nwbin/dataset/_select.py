"""Which presentations and which units of a session a job is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.allen.tables import select
from nwbin.errors import LookupFailure, nearest, warn
from nwbin.nwb import schema

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["NothingToDo", "Selection"]

_STRUCTURE = ("ecephys_structure_acronym", "structure_acronym")


class NothingToDo(Exception):
    """A session has none of what a job is about. It is passed over, which is no failure."""


def _condition(text: str | None) -> str | None:
    """A condition, or None where it says nothing."""
    return (text or "").strip() or None


def _listed(values: Any) -> tuple[Any, ...] | None:
    """Distinct plain values in the order given; None for all. One name, or one id, is a list of one."""
    if values is None:
        return None
    if isinstance(values, str | int | np.integer):
        values = [values]
    plain = [one.item() if isinstance(one, np.generic) else one for one in values]
    # 3.0 is the unit 3, as in pandas.
    return tuple(
        dict.fromkeys(int(one) if isinstance(one, float) and one.is_integer() else one for one in plain)
    )


@dataclass(frozen=True)
class Selection:
    """Part of a session.

    Attributes
    ----------
    stimulus
        A stimulus, or several; or another table of intervals in the file, such as "trials" or "epochs".
        None for every presentation.
    presentations
        A condition on their table, such as ``"contrast > 0.5"``; see :func:`nwbin.export.matches`.
    structures
        Brain structures whose units are taken, such as ``("VISp", "LGd")``.
    units
        A condition on the table of units, such as ``"snr > 2"``, or unit ids.
    align
        The column of the presentations' (or trials') table that is time zero, in s. Rows where it is missing
        are left out.
    """

    stimulus: str | Sequence[str] | None = None
    presentations: str | None = None
    structures: str | Sequence[str] | None = None
    units: str | Sequence[Any] | None = None
    align: str = "start_time"

    def __post_init__(self) -> None:
        for name in ("stimulus", "structures"):
            object.__setattr__(self, name, _listed(getattr(self, name)))
        object.__setattr__(self, "presentations", _condition(self.presentations))
        units = _condition(self.units) if isinstance(self.units, str) else _listed(self.units)
        object.__setattr__(self, "units", units)

    def spec(self) -> dict[str, Any]:
        """Say the same in plain values, alike for all ways to say it: order and repeats mean nothing."""

        def plain(value: Any) -> Any:
            if value is None or isinstance(value, str):
                return value
            return sorted(value, key=lambda one: (type(one).__name__, one))

        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}

    def presentation_table(self, session: Session) -> pd.DataFrame:
        """Return the presentations that are meant, by id; time zero is `start_time`."""
        wanted = None if self.stimulus is None else list(self.stimulus)
        if wanted is None:
            table = session.get_stimulus_table()
        else:
            shown = session.stimulus_names
            here = [name for name in wanted if name in shown]
            tables = session.file.intervals
            for name in wanted if here else ():
                if name not in here:
                    warn(f"has no stimulus {name!r}")  # into the report's notes
            if here:
                table = session.get_stimulus_table(here)
            elif len(wanted) == 1 and wanted[0] in tables:
                table = tables[wanted[0]].rename_axis(index="interval_id")
            else:
                known = dict.fromkeys([*shown, *tables])
                raise NothingToDo(f"has no stimulus or intervals {list(wanted)}; {nearest(wanted[0], known)}")
        table = select(table, self.presentations)
        if self.align != "start_time":
            if self.align not in table.columns:
                raise LookupFailure(
                    f"{session.file.name}: there is no column {self.align!r} to align to; "
                    f"{nearest(self.align, table.columns)}"
                )
            table = table.assign(start_time=table[self.align].to_numpy(np.float64))
        timed: pd.DataFrame = table[np.isfinite(table["start_time"].to_numpy(np.float64))]
        if not len(timed):
            raise NothingToDo("has no presentations that meet the conditions")
        return timed

    def unit_table(self, session: Session) -> pd.DataFrame:
        """Return the units that are meant, by id."""
        if not session.file.has(schema.UNITS):
            raise NothingToDo("has no units; it may hold LFP or behaviour only")
        table = session.units
        if self.structures is not None:
            wanted = list(self.structures)
            column = next((name for name in _STRUCTURE if name in table.columns), None)
            if column is None:
                raise NothingToDo("does not say which structures its units lie in")
            inside = table[column].isin(wanted).to_numpy()
            known = sorted({one for one in table[column] if isinstance(one, str)})
            if not inside.any() and len(table):
                raise NothingToDo(f"has no units in {', '.join(wanted)}; {nearest(wanted[0], known)}")
            for name in wanted:
                if name not in known:
                    warn(f"has no units in {name!r}")  # into the report's notes
            table = table[inside]
        if isinstance(self.units, str):
            table = select(table, self.units)
        elif self.units is not None:
            table = table[table.index.isin(list(self.units))]
        if not len(table):
            raise NothingToDo("has no units that pass the filters and meet the conditions")
        return table
