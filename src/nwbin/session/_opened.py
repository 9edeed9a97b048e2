"""How a session was opened, as plain values: what of it travels to another process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.storage.addresses import is_address

if TYPE_CHECKING:
    from nwbin.session._session import Session
    from nwbin.session._session_tables import SessionTables
    from nwbin.session._signals import Signals

__all__ = ["OPENED_BY", "as_opened"]

# The arguments of Session; whatever else is pickled is a subclass's.
OPENED_BY = ("file", "filters", "probe_lfp_paths", "external_channel_columns", "additional_unit_metrics")


def as_opened(session: Session, tables: SessionTables, signals: Signals) -> dict[str, Any]:
    """The arguments that make such a session."""
    paths = signals.given_lfp_paths
    if paths is not None:  # the other process may have another working folder
        paths = {
            one: Path(at).expanduser().absolute() if isinstance(at, str | Path) and not is_address(at) else at
            for one, at in paths.items()
        }
    more = (tables.external_channel_columns, tables.additional_unit_metrics)
    return dict(zip(OPENED_BY, (session.file, session.filters, paths, *more), strict=True))
