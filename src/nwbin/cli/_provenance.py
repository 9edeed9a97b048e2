"""What outputs say about how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nwbin.cli._choosing import UnitOptions
    from nwbin.nwb.file import File
    from nwbin.session.selectable import SelectableSession

__all__ = ["provenance", "provenance_of_units"]


def provenance(file: File, **arguments: Any) -> dict[str, Any]:
    """Name the program, the file and what was asked for; nothing that changes from run to run."""
    from nwbin import __version__

    asked = {name: value for name, value in arguments.items() if value is not None}
    return {
        "made_by": f"nwbin {__version__}",
        "source_file": Path(file.name).name,
        "session_id": str(file.session_id or file.identifier or ""),
        **asked,
    }


def provenance_of_units(source: SelectableSession, asked: UnitOptions) -> dict[str, Any]:
    """Name the unit filters that were applied, and what else was asked of units."""
    return {
        "unit_filters": source.filters_applied(),
        "units": asked.units,
        "structures": asked.structures,
    }
