"""Of how many units some were chosen, in the same words wherever a number of them is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbin._wording import counted

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["units_of_how_many"]


def units_of_how_many(session: Session, chosen: int | None = None) -> str:
    """How many units were chosen, by default all that pass the filters; of how many that pass, and that there are."""
    from nwbin.allen.unit_filters import UnitFilters

    passing, stored = len(session.units), len(session.file.unit_ids)
    chosen = passing if chosen is None else chosen
    units = counted(chosen, "unit")
    if passing == stored:
        return f"{units} of {stored:,} in the file"
    filters = "the default filters" if session.filters == UnitFilters() else "the filters given"
    if chosen == passing:
        return f"{units} that {'passes' if passing == 1 else 'pass'} {filters}, of {stored:,} in the file"
    return f"{units} of {passing:,} that pass {filters} ({stored:,} in the file)"
