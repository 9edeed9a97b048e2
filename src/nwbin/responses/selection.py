"""Which presentations, or other intervals, and which units of a recording are meant: one answer for every door."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._wording import be, counted, first_of
from nwbin.errors import (
    ArgumentError,
    FormatError,
    LookupFailure,
    NothingChosen,
    NwbinError,
    nearest,
    warn,
)
from nwbin.nwb import schema
from nwbin.responses._asked_values import condition_of, listed
from nwbin.responses.hints import Hints
from nwbin.responses.structure_names import acronym_of
from nwbin.tables.conditions import column_meant, select, values_named
from nwbin.tables.missing import as_numbers

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.responses.recording import Selectable

__all__ = ["Selection", "as_selection", "note_dropped"]

_SHOWN = 3  # units of which is said why they are left out


@dataclass(frozen=True)
class Selection:
    """Part of a recording: which presentations (or other intervals), and which units.

    Attributes
    ----------
    stimulus
        A stimulus, or several; or another table of intervals in the file, such as "trials" or "epochs", where
        there is no stimulus of that name. None for every presentation.
    presentations
        A condition on their table, such as ``"contrast > 0.5"``; see :func:`nwbin.export.matches`.
    structures
        Brain structures whose units are taken, such as ``("VISp", "LGd")``.
    units
        A condition on the table of units, such as ``"snr > 2"``, or unit ids.
    align
        The column of the presentations' (or trials') table that is time zero, in s. Rows where it is missing
        are left out; of `start_time`, which every row should have, a note says how many.
    intervals
        In place of a stimulus a table of intervals, also where a stimulus has the same name.
    hints
        How messages write what would help. It is no part of what is chosen.

    Examples
    --------
    >>> Selection("flashes", presentations="color == 1", structures="VISp").spec()["structures"]
    ['VISp']
    """

    stimulus: str | Sequence[str] | None = None
    presentations: str | None = None
    structures: str | Sequence[str] | None = None
    units: str | Sequence[Any] | None = None
    align: str = "start_time"
    intervals: str | None = None
    hints: Hints = field(default_factory=Hints, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.stimulus is not None and self.intervals is not None:
            raise ArgumentError("give a stimulus, or another table of intervals, not both")
        for name in ("stimulus", "structures"):
            object.__setattr__(self, name, listed(getattr(self, name), name))
        object.__setattr__(self, "presentations", condition_of(self.presentations, "presentations"))
        units = (
            condition_of(self.units, "units") if isinstance(self.units, str) else listed(self.units, "units")
        )
        object.__setattr__(self, "units", units)

    def spec(self) -> dict[str, Any]:
        """Say the same in plain values, alike for all ways to say it: order and repeats mean nothing."""

        def plain(value: Any) -> Any:
            if value is None or isinstance(value, str):
                return value
            return sorted(value, key=lambda one: (type(one).__name__, one))

        said = {name: plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "hints"}
        if said["intervals"] is None:  # as results that are there already say it
            del said["intervals"]
        return said

    # ---------------------------------------------------------------- presentations

    def presentations_of(self, source: Selectable, *, partly: bool = False) -> pd.DataFrame:
        """Return the presentations, or other intervals, that are meant; time zero is `start_time`.

        Parameters
        ----------
        source
            The recording.
        partly
            It is one of many, and need not have all that is asked for: a name that is not there is noted, and an
            error only where nothing is left.

        Returns
        -------
        pandas.DataFrame
            By stimulus_presentation_id, or interval_id of another table.

        Raises
        ------
        NothingChosen
            There are none, or (`partly`) the recording has nothing of these names.
        LookupFailure
            It has no such stimulus, table or column.
        FormatError
            The table does not say when its rows start.
        """
        table, what = self._table(source, partly)
        chosen = select(
            table, self.presentations, missing_text=source.missing_text,
            elsewhere=lambda name: self._of_units(source, name),
        )  # fmt: skip
        if len(chosen):
            return self._timed(source, chosen, what)
        if self.presentations is None:
            raise NothingChosen(f"{source.name}: {what} has no rows")
        raise NothingChosen(
            f"{source.name}: none of {counted(len(table), 'row')} of {what} meets {self.presentations!r}"
            f"{values_named(table, self.presentations, missing_text=source.missing_text)}"
        )

    def _of_units(self, source: Selectable, name: str) -> str:
        """Say of a column that presentations lack that units have it."""
        try:
            meant = column_meant(name, source.units.columns)
        except NwbinError:  # none at all, or they cannot be read: what is wrong is the name, all the same
            return ""
        asked = f": {self.hints.of_units}" if self.hints.of_units else ""
        return f"{meant!r} is a column of units{asked}" if meant else ""

    def _of_presentations(self, source: Selectable, name: str) -> str:
        """Say of a column that units lack that presentations have it."""
        try:
            meant = column_meant(name, self._table(source, partly=False)[0].columns)
        except NwbinError:
            return ""
        asked = f": {self.hints.of_presentations}" if self.hints.of_presentations else ""
        return f"{meant!r} is a column of presentations{asked}" if meant else ""

    def _table(self, source: Selectable, partly: bool) -> tuple[pd.DataFrame, str]:
        """The table whose rows are chosen from, and what it is called."""
        if self.intervals is not None:
            return self._intervals(source, self.intervals, partly)
        if self.stimulus is None:
            return source.stimulus_table(None), "its table of presentations"
        known = list(source.stimulus_names)
        here = [name for name in self.stimulus if name in known]
        others = [name for name in self.stimulus if name not in known]
        if len(self.stimulus) == 1 and others and others[0] in source.intervals:
            return self._intervals(source, others[0], partly)
        if others and not (partly and here):
            names = ", ".join(map(repr, others if partly else others[:1]))
            parts = [part.strip() for part in others[0].split(",")]
            tables = [
                one
                for one in source.intervals
                if one != schema.INVALID_TIMES and not one.endswith(schema.PRESENTATIONS_SUFFIX)
            ]
            hint = nearest(others[0], dict.fromkeys([*known, *tables]))
            if len(parts) > 1 and set(parts) <= set(known):
                hint = f"for several, write {self.hints.of_stimuli(parts)}"
            raise _lacking(partly, f"{source.name}: has no stimulus {names}; {hint}")
        for name in others:
            warn(f"has no stimulus {name!r}")  # into the report's notes
        if not here:
            raise NothingChosen(f"{source.name}: no stimulus is asked for")
        return source.stimulus_table(here), f"stimulus {', '.join(here)}"

    def _intervals(self, source: Selectable, name: str, partly: bool) -> tuple[pd.DataFrame, str]:
        tables = source.intervals
        if name in tables:
            return tables[name].rename_axis(index="interval_id"), f"table {name!r}"
        hint = nearest(name, tables)
        if name in source.stimulus_names:
            hint = f"it is a stimulus: {self.hints.of_stimuli([name])}"
        raise _lacking(partly, f"{source.name}: has no intervals table {name!r}; {hint}")

    def _timed(self, source: Selectable, chosen: pd.DataFrame, what: str) -> pd.DataFrame:
        """The rows that have a place in time."""
        if self.align not in chosen.columns:
            if self.align == "start_time":
                raise FormatError(
                    f"{source.name}: {what} has no start_time; its rows cannot be placed in time"
                )
            raise LookupFailure(
                f"{source.name}: there is no column {self.align!r} to align to; "
                f"{nearest(self.align, chosen.columns)}"
            )
        times = as_numbers(chosen[self.align].to_numpy())
        there = np.isfinite(times)
        absent = len(there) - int(there.sum())
        if absent == len(chosen):
            raise NothingChosen(f"{source.name}: no row of {what} that was chosen has a {self.align}")
        if absent and self.align == "start_time":  # other columns are there for some rows only
            warn(
                f"{counted(absent, 'row')} of {what} {'has' if absent == 1 else 'have'} no start_time and "
                f"{be(absent)} left out"
            )
        if self.align != "start_time":
            chosen = chosen.assign(start_time=times)
        return chosen[there] if absent else chosen

    # ---------------------------------------------------------------- units

    def units_of(self, source: Selectable, *, partly: bool = False) -> pd.DataFrame:
        """Return the units that are meant.

        Parameters
        ----------
        source
            The recording.
        partly
            It is one of many, and need not have all that is asked for; see :meth:`presentations_of`.

        Returns
        -------
        pandas.DataFrame
            By unit id, in the table's order; those that were named by their ids in the order of these, but of
            one recording among many, where order means nothing.

        Raises
        ------
        NothingChosen
            There are none, or (`partly`) the recording has nothing of these names.
        LookupFailure
            It has no such unit, structure or column, or the filters leave the unit out.
        """
        units = source.units
        condition = self.units if isinstance(self.units, str) else None
        ids = None if self.units is None or condition is not None else list(self.units)
        if not len(units) and ids is None:
            raise NothingChosen(self._none_passes(source))
        if ids is None:
            chosen = select(
                units, condition, missing_text=source.missing_text,
                elsewhere=lambda name: self._of_presentations(source, name),
            )  # fmt: skip
        else:
            chosen = self._with_ids(source, units, ids, partly)
        if self.structures is not None:
            inside = self._inside(source, units, partly)
            units, chosen = inside, chosen[chosen.index.isin(inside.index)]
        if len(chosen):
            if self.structures is not None:
                note_dropped(ids or (), chosen, f"among units in {', '.join(self.structures)}")
            return chosen
        if ids is not None:
            where = f" is in {', '.join(self.structures or ())}" if self.structures else " is asked for"
            raise NothingChosen(f"{source.name}: none of the units {first_of(ids)}{where}")
        raise NothingChosen(self._none_meets(source, units, str(condition)))

    def _none_passes(self, source: Selectable) -> str:
        """Say that no unit passes the filters, and how many each of them leaves out."""
        ids = source.unit_ids.tolist()
        found = source.why_left_out(ids, self.hints.of_bound)
        said = self.hints.left_out_by(Counter(name for why in found for name in dict.fromkeys(why.keeping)))
        return (
            f"{source.name}: none of its {counted(len(ids), 'unit')} passes the filters; try "
            f"{self.hints.every_unit}{said}"
        )

    def _with_ids(
        self, source: Selectable, units: pd.DataFrame, ids: list[Any], partly: bool
    ) -> pd.DataFrame:
        stored, kept = set(source.unit_ids.tolist()), set(units.index.tolist())
        unknown = [one for one in ids if one not in stored]
        out = [one for one in ids if one in stored and one not in kept]
        if (unknown and not partly) or len(unknown) == len(ids):
            named = f"{'unit' if len(unknown) == 1 else 'units'} {first_of(unknown)}"
            raise _lacking(partly, f"{source.name}: has no {named}; {self.hints.unit_ids}")
        if out:
            why = self._why_left_out(source, out)
            if not partly or not kept.intersection(ids):
                raise _lacking(partly, f"{source.name}: {why}")
            warn(why)  # into the report's notes
        return units[units.index.isin(ids)] if partly else units.loc[ids]

    def _inside(self, source: Selectable, units: pd.DataFrame, partly: bool) -> pd.DataFrame:
        """The units in the structures."""
        names = list(self.structures or ())
        column = next((name for name in source.structure_columns if name in units.columns), None)
        if column is None:
            raise _lacking(partly, f"{source.name}: does not say which structures its units lie in")
        known = sorted({one for one in units[column] if isinstance(one, str) and one})
        absent = [name for name in names if name not in known]
        if (absent and (not partly or len(absent) == len(names))) or not names:
            raise _lacking(partly, self._no_unit_in(source, column, absent, known))
        for name in absent:
            warn(f"has no units in {name!r}")  # into the report's notes
        return units[units[column].isin(names).to_numpy()]

    def _no_unit_in(self, source: Selectable, column: str, absent: list[str], known: list[str]) -> str:
        if not absent:
            return f"{source.name}: no structure is asked for"
        name = absent[0]
        out = _left_out(source, f"`{column}` == {name!r}")
        hint = nearest(name, known)
        if out:
            hint = f"{counted(out, 'unit')} in it {be(out)} left out by the filters: {self.hints.every_unit}"
        if (called := acronym_of(name, known)) and not out:
            same = [one for one in called if one.casefold() == name.casefold()]
            hint = f"did you mean {same[0]!r}?" if same else f"{name} is {' or '.join(called)} here"
        return f"{source.name}: none of its units is in {name!r}; {hint}"

    def _why_left_out(self, source: Selectable, ids: list[Any]) -> str:
        """Say of some units which filters leave them out, and what would keep them."""
        found = source.why_left_out(ids, self.hints.of_bound)
        said = [
            f"unit {one} is left out: {'; '.join(why.reasons)}"
            for one, why in zip(ids[:_SHOWN], found, strict=False)
        ]
        if len(ids) > _SHOWN:
            more = len(ids) - _SHOWN
            said.append(f"{counted(more, 'more unit')} {be(more)} left out")
        kept = [why for why in found if not why.lacks_place]
        if kept:
            keep = "to keep it" if len(ids) == 1 else "to keep them"
            if len(kept) < len(ids):
                keep = f"to keep {len(kept)} of them"
            names = list(dict.fromkeys(name for why in kept for name in why.keeping))
            lifted = self.hints.every_unit if len(ids) > _SHOWN else self.hints.of_lifting(names)
            said.append(f"{keep}: {lifted}")
        if len(kept) < len(ids):
            said.append("no option keeps a unit without its channel or probe")
        return "; ".join(said)

    def _none_meets(self, source: Selectable, units: pd.DataFrame, condition: str) -> str:
        """Say that no unit meets a condition, which values there are, and how many the filters left out."""
        out = _left_out(source, condition)
        does = "does" if out == 1 else "do"
        hint = (
            f"; {counted(out, 'unit')} left out by the filters {does}: {self.hints.every_unit}" if out else ""
        )
        return (
            f"{source.name}: none of {counted(len(units), 'unit')} meets {condition!r}"
            f"{self._called(source, units, condition)}"
            f"{values_named(units, condition, missing_text=source.missing_text)}{hint}"
        )

    @staticmethod
    def _called(source: Selectable, units: pd.DataFrame, condition: str) -> str:
        """Say of structures in a condition what they are called here."""
        column = next((name for name in source.structure_columns if name in units.columns), None)
        known = [] if column is None else sorted({one for one in units[column] if isinstance(one, str)})
        found = {name: acronym_of(name, known) for name in re.findall(r"['\"]([^'\"]+)['\"]", condition)}
        return "".join(
            f"; {name} is {' or '.join(one)} here" for name, one in found.items() if one and name not in one
        )


def note_dropped(unit_ids: Sequence[Any], chosen: pd.DataFrame, why: str) -> None:
    """Note units that were named by their ids and are not among those that something else chose."""
    if dropped := [one for one in unit_ids if one not in chosen.index]:
        units = "unit" if len(dropped) == 1 else "units"
        warn(f"{units} {first_of(dropped)} {be(len(dropped))} not {why}, and left out")


def _lacking(partly: bool, message: str) -> LookupFailure:
    """The error of a name that is not there: among many recordings that is no failure."""
    return NothingChosen(message) if partly else LookupFailure(message)


def _left_out(source: Selectable, condition: str) -> int:
    """How many units meet a condition if no filter leaves any out."""
    if len(source.units) == len(source.unit_ids):
        return 0
    return len(select(source.every_unit(), condition, missing_text=source.missing_text))


def as_selection(stimulus: Any, *others: Any) -> Selection:
    """What is meant by the arguments of a Selection, or by one given in place of the first, which says all of it."""
    if not isinstance(stimulus, Selection):
        return Selection(stimulus, *others)
    if Selection(None, *others) != Selection():
        raise ArgumentError("a Selection says all of it: give no other argument about presentations or units")
    return stimulus
