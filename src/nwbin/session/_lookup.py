"""Which rows of a session's tables are meant by ids, and what to say of ids that are none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen import places
from nwbin.allen.left_out import why_left_out
from nwbin.errors import ArgumentError, FormatError, LookupFailure, nearest, warn
from nwbin.nwb import schema
from nwbin.responses.structure_names import acronym_of
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ids", "Lookup"]

_PRESENTATION = "stimulus presentation"
_SAME_TIME = 1e-3  # s: what float32 keeps of a time late in a session
# What the index of another table is called.
_OF_OTHERS = {"unit": ("stimulus_presentation_id",), _PRESENTATION: ("unit_id",)}

# An id, or array-like of ids, or a boolean mask over the table's rows; None for all.
# Of presentations the name of a stimulus, too.
Ids = Any


@dataclass(eq=False, repr=False)
class Lookup:
    """Finds units, presentations, channels and probes by id."""

    tables: SessionTables

    def rows(self, index: pd.Index[Any], ids: Ids, what: str) -> npt.NDArray[np.intp]:
        """Return the rows of a table that ids name: one id, a list, a boolean mask, or all."""
        import pandas as pd

        if ids is None:
            return np.arange(len(index))
        if isinstance(ids, pd.DataFrame):  # the table itself, for its index
            ids = ids.index
        elif hasattr(ids, "dims"):  # a labelled array's coordinate, whose parts are labelled arrays again
            ids = pd.Index(np.ravel(ids.values), name=ids.name)
        conditions = isinstance(ids, pd.Series) and ids.name == "stimulus_condition_id"
        if (
            conditions and what == _PRESENTATION and not pd.api.types.is_bool_dtype(ids)
        ):  # a mask keeps the name
            warn(
                "conditions are taken for presentations: each stimulus_condition_id as the id of one presentation"
            )
        if isinstance(ids, pd.Index) and ids.name in _OF_OTHERS.get(what, ()):
            raise LookupFailure(
                f"{self.tables.file.name}: {what} ids were expected, and these are {ids.name}s: presentations come "
                "first, then units; are they swapped?"
            )
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            ids = [ids]
        elif not isinstance(ids, pd.Series | pd.Index | np.ndarray):
            ids = list(ids)
        try:
            rows: npt.NDArray[np.intp] = (
                pd.Series(np.arange(len(index)), index=index).loc[ids].to_numpy(np.intp)
            )
        except (IndexError, TypeError, ValueError, pd.errors.IndexingError) as error:
            if isinstance(ids, pd.Series) and ids.dtype == bool:
                raise ArgumentError(
                    f"a mask of {what}s must have one value for each of the table's {len(index)} rows, this one has "
                    f"{len(ids)}, perhaps of another table; the ids that it means are mask.index[mask]"
                ) from error
            raise ArgumentError(
                f"{what} ids must be an id, a list of ids, or a mask with one value for each of the table's "
                f"{len(index)} rows: {error}"
            ) from error
        except KeyError as error:
            wanted = np.asarray(ids, dtype=object).ravel().tolist()
            unknown = next((one for one in wanted if one not in index), wanted[0])
            raise LookupFailure(f"{self.tables.file.name}: {self.unknown(unknown, what, index)}") from error
        if rows.size == 0:
            warn(f"no {what} was chosen: the result is empty")
        return rows

    def unknown(self, one: Any, what: str, known: Iterable[Any]) -> str:
        """Say of something that is not an id of this kind what it is instead, or which ids there are."""
        one = one.item() if isinstance(one, np.generic) else one
        if not isinstance(one, int | float | str):  # NA, for one, cannot even be compared
            return f"{one!r} is not the id of a {what}; {nearest(one, known)}"
        of_file = self.tables.file.unit_ids if self.tables.file.has(schema.UNITS) else np.empty(0, np.int64)
        is_unit = bool(np.any(of_file == one))
        if what == "unit" and is_unit:
            why = why_left_out(
                self.tables.file, self.tables.filters, [int(one)], self.tables.external_channel_columns
            )[0]
            read = f"; session.file.spike_trains([{int(one)}]) reads it all the same"
            return (
                f"{one!r} is not the id of a unit that passed the filters; {why}"
                f"{read if why.lacks_place else ''}"
            )
        said = f"{one!r} is not the id of a {what}"
        if what == _PRESENTATION:
            if isinstance(one, str) and one in self.tables.stimulus_names:
                return (
                    f"{said}; a stimulus is given by its name alone, or by get_stimulus_table({one!r}).index"
                )
            if is_unit:
                return f"{said}, but of a unit: presentations come first, then units; are they swapped?"
            if isinstance(one, float) and not one.is_integer():
                return f"{said}; ids are the stimulus table's index, not times, and come after bin edges"
        elif what == "unit" and one in self.tables.detailed_presentations.index:
            said += ", but of a stimulus presentation"
        elif what == "unit" and isinstance(one, str):
            for column in reversed(places.STRUCTURE):  # the shorter name, where both hold it
                if column not in self.tables.units.columns:
                    continue
                there = {name for name in self.tables.units[column] if isinstance(name, str) and name}
                if names := [one] if one in there else acronym_of(one, sorted(there)):
                    called = "" if names == [one] else f"{one} is {', '.join(names)} here; "
                    inside = f".isin({names!r})" if len(names) > 1 else f" == {names[0]!r}"
                    return f"{said}; {called}for the units in it: units.index[units.{column}{inside}]"
        elif what == "probe" and one in self.tables.probes["description"].tolist():
            found = self.tables.probes.index[self.tables.probes["description"] == one].tolist()[0]
            return f"{said}; that of the probe of this name is {found}"
        if isinstance(one, str) and one.strip().isdecimal():
            return f"{said}: ids are whole numbers, and this is text"
        return f"{said}; {nearest(one, known)}"

    def unit_ids(self, ids: Ids) -> npt.NDArray[Any]:
        return self.tables.units.index[self.rows(self.tables.units.index, ids, "unit")].to_numpy()

    def presentations(self, ids: Ids) -> pd.DataFrame:
        import pandas as pd

        table = self.tables.stimulus_presentations
        if ids is None:
            return table
        if isinstance(ids, str) and ids in self.tables.stimulus_names:
            return table[table["stimulus_name"] == ids]
        shown = table.iloc[self.rows(table.index, ids, _PRESENTATION)]
        if isinstance(ids, pd.DataFrame) and "start_time" in ids.columns:
            # A table of the file numbers its rows anew, and would be taken for the first presentations. Times that
            # went through text or float32 are the same.
            given = pd.to_numeric(ids["start_time"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
            known = shown["start_time"].to_numpy(np.float64)
            other = np.flatnonzero(np.abs(given - known) > _SAME_TIME)
            if other.size:
                at = int(other[0])
                raise ArgumentError(
                    f"{self.tables.file.name}: the table given is not of these presentations: by it {ids.index[at]} "
                    f"starts at {given[at]:.3f} s, as a presentation at {known[at]:.3f} s; give part of "
                    "stimulus_presentations, or the ids alone if its times were changed (onsets of your own: "
                    "nwbin.bin_spikes)"
                )
        return shown

    def placed(self, shown: pd.DataFrame, *, to_stop: bool = True) -> pd.DataFrame:
        """Be sure that presentations have a place in time."""
        start, stop = (shown[name].to_numpy(np.float64) for name in ("start_time", "stop_time"))
        bad = ~np.isfinite(start)
        if to_stop:
            bad |= ~(stop >= start)
        if bad.any():
            at = int(np.argmax(bad))
            raise FormatError(
                f"{self.tables.file.name}: stimulus presentation {shown.index[at]} runs from {start[at]} to {stop[at]} "
                f"s; leave it out ({int(bad.sum())} of {len(shown)} are so), or download the file again"
            )
        return shown
