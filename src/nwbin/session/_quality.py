"""How good the units of a session are, worked out from what the file has of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.metrics.quality import Convention, Duration, Progress

__all__ = ["UnitQuality"]


@dataclass(eq=False, repr=False)
class UnitQuality:
    """Works out quality metrics."""

    tables: SessionTables
    lookup: Lookup
    invalid_spikes: InvalidSpikes

    def quality_metrics(
        self,
        unit_ids: Ids = None,
        *,
        convention: Convention = "allen",
        duration: Duration = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Work out the quality of units: how clean, how complete, how steady, and the shape of their waveforms.

        Columns have the names that they have in :attr:`units`, whose values were stored by those who made the file;
        :func:`nwbin.metrics.describe` says what each means, and :func:`nwbin.metrics.quality_metrics`, which also
        takes files and plain spike trains, how it is worked out.

        Parameters
        ----------
        unit_ids
            Which ones, in this order, repeats kept; None for all that passed the filters.
        convention : {"allen", "spikeinterface"}
            Whose definitions.
        duration
            When the recording began and ended, (start, stop) in s, or how long it lasted; by default it is from the
            first to the last spike of all units of the same probe, whatever the filters.
        threads
            How many; None means one for each core this process may use.
        progress
            Called as ``progress(units done, units in all)``.

        Returns
        -------
        pandas.DataFrame
            Index unit_id; float64. NaN in the columns of what the file lacks (amplitudes, waveforms), with a warning.

        Examples
        --------
        >>> found = session.quality_metrics()
        >>> found["isi_violations"].corr(session.units["isi_violations"])
        """
        from nwbin.metrics.quality import as_convention, as_duration, quality_of_file

        how, span = as_convention(convention), as_duration(duration)
        ids = self.lookup.unit_ids(unit_ids)
        self.invalid_spikes.warn_of_any("quality_metrics")
        return quality_of_file(
            self.tables.file, ids, convention=how, duration=span, threads=threads, progress=progress
        )
