"""The structures that a session's channels and units lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen import places, queries
from nwbin.errors import LookupFailure, warn
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables
from nwbin.tables.missing import distinct

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Structures"]


@dataclass(eq=False, repr=False)
class Structures:
    """Where channels and units lie."""

    tables: SessionTables
    lookup: Lookup

    def _column(self, table: pd.DataFrame, *, of_units: bool = False) -> pd.Series[Any]:
        name = places.structure_column(table)
        if name is not None:
            return table[name]
        if of_units and "structure_acronym" in self.tables.channels.columns:
            raise LookupFailure(
                f"{self.tables.file.name}: does not say which structures its units lie in (they have no "
                "peak_channel_id)"
            )
        raise LookupFailure(
            f"{self.tables.file.name}: says nothing of brain structures (its electrodes have no location)"
        )

    @property
    def acronyms(self) -> list[str]:
        # AllenSDK has NaN for what lies in no structure: None in a file, NaN in a cache's table.
        return distinct(self._column(self.tables.channels))

    @property
    def unit_counts(self) -> pd.Series[int]:
        return self._column(self.tables.units, of_units=True).value_counts()

    def channel_structure_intervals(self, channel_ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        """Find the stretches of channels that lie in one structure.

        Returns
        -------
        labels, intervals
            A structure for each stretch; where each begins among `channel_ids`, and their number at the end.

        Examples
        --------
        >>> channels = session.channels.query("probe_id == probe_id.min()")
        >>> structures, bounds = session.channel_structure_intervals(channels.index)
        >>> len(bounds) == len(structures) + 1
        True
        """
        table = self.tables.channels.iloc[
            self.lookup.rows(self.tables.channels.index, channel_ids, "channel")
        ]
        if table["probe_id"].nunique() > 1:
            warn("structure boundaries are sought across several probes")
        labels = self._column(table).to_numpy(dtype=object)
        key = "ecephys_structure_id"
        bounds = queries.runs(table[key].to_numpy() if key in table.columns else labels)
        return labels[bounds[:-1]], bounds
