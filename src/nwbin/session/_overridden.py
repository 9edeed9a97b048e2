"""Tables that a subclass of the session shows in its own way: what its other methods then go by.

AllenSDK's session asks itself for its tables, so that a subclass with other units counts other units. The parts of
nwbin's hold the tables; where a subclass has a property of its own in place of one of these, they hold this instead.
A plain session has none of it, and no part of it refers to the session.
"""

from __future__ import annotations

from inspect import getattr_static
from typing import TYPE_CHECKING, Any, cast

from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session._session import Session

__all__ = ["tables_seen_by"]

# Public properties of the session that are tables its other answers are made from.
_TABLES = ("probes", "channels", "units", "invalid_times", "stimulus_presentations", "stimulus_names")


def tables_seen_by(session: Session, base: type, own: SessionTables) -> SessionTables:
    """Return the tables that the parts of a session go by.

    Parameters
    ----------
    session
        The session.
    base
        The class whose properties show `own`.
    own
        The session's tables.

    Returns
    -------
    SessionTables
        `own`; where the session's class has other properties than `base`, what those return.
    """
    made = type(session)
    others = {name for name in _TABLES if getattr_static(made, name) is not base.__dict__[name]}
    if others:
        own.see(cast(SessionTables, _OverriddenTables(session, own, others)))
    return own.seen


def _of(session: Session) -> SessionTables:
    return session._tables.seen


class _OverriddenTables:
    """Stands for the tables: some are asked of the session, the others are as they were."""

    def __init__(self, session: Session, own: SessionTables, others: set[str]) -> None:
        self._session, self._own, self._others = session, own, others

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session if name in self._others else self._own, name)

    @property
    def detailed_presentations(self) -> pd.DataFrame:
        """Those that the session shows, with the columns that it leaves out."""
        own = self._own.detailed_presentations
        if "stimulus_presentations" not in self._others:
            return own
        shown = self._session.stimulus_presentations
        kept = self._own.stimulus_presentations.columns
        return shown.join(own[[name for name in own.columns if name not in {*kept, *shown.columns}]])

    def __reduce__(self) -> tuple[Any, ...]:
        # The session is its path, and has its tables anew where it is loaded.
        return _of, (self._session,)
