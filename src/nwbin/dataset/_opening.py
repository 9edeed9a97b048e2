"""How one session of a data set is opened, as plain values: they travel to whoever opens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.allen.unit_filters import UnitFilters
from nwbin.dataset._table_sources import CsvTables, csv_tables, tables_of

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["Opening"]


@dataclass(frozen=True)
class Opening:
    """How to open a session, wherever the worker is: it reads the file, and the cache's tables, by itself.

    Attributes
    ----------
    path, lfp
        The session file, and the LFP file of each probe: paths or addresses.
    session_id
        The session.
    filters
        Arguments of :func:`nwbin.open`.
    cache
        The AllenSDK cache whose tables give channels their structures and units their metrics; None if none.
    state
        Of a session file on a server, as its listing had it: see :attr:`ServerFile.state`; None if it is a path.
    """

    path: str
    session_id: int | str
    lfp: Mapping[int, str] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    cache: str | None = None
    state: Mapping[str, Any] | None = None

    def spec(self) -> dict[str, Any]:
        """Say which units are kept, alike whether a default is written out or not."""
        filters = UnitFilters(**self.filters)
        said: dict[str, Any] = {}
        for column, side, bound in filters.bounds():
            none = (
                np.inf if side == "<=" else -np.inf
            )  # what 0 and None mean; the other infinity keeps nothing
            said[column] = None if bound == none else float(bound) if np.isfinite(bound) else str(bound)
        said["filter_by_validity"] = bool(filters.filter_by_validity)
        said["filter_out_of_brain_units"] = bool(filters.filter_out_of_brain_units)
        return said

    def tables(self) -> dict[str, Path]:
        """The files, by name, that decide with the session's own which units and channels it has."""
        return {} if self.cache is None else tables_of(Path(self.cache), self.session_id)

    def open(self, tables: CsvTables | None = None) -> Session:
        """Open it."""
        from nwbin.session import open

        more: dict[str, Any] = {}
        if self.cache is not None:
            known = tables if tables is not None else csv_tables(self.cache)
            more["external_channel_columns"] = partial(known.channel_columns, self.session_id)
            if known.has_metrics(self.session_id):
                more["additional_unit_metrics"] = partial(known.session_metrics, self.session_id)
        # With none given, the session looks beside its file by itself and says what is missing.
        return open(self.path, probe_lfp_paths=dict(self.lfp) or None, **self.filters, **more)
