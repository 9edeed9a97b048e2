"""The tables of a data set under the names of AllenSDK's EcephysProjectCache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin._keywords import names_checked, refuse_unknown
from nwbin.allen import project_tables
from nwbin.allen.project_tables import without
from nwbin.allen.unit_filters import UnitFilters
from nwbin.dataset._session_files import SessionFiles
from nwbin.dataset._table_sources import CsvTables, FileTables, Tables
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.tables.missing import distinct

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.dataset._dataset import Dataset

__all__ = ["DatasetTables"]

_UNIT_FILTERS = (
    "amplitude_cutoff_maximum", "presence_ratio_minimum", "isi_violations_maximum", "filter_out_of_brain_units",
)  # fmt: skip


@dataclass(eq=False, repr=False)
class DatasetTables:
    """What the sessions of a data set have in common.

    Attributes
    ----------
    files
        The session files.
    face
        The data set: what a subclass makes of its tables is what others are made from.
    """

    files: SessionFiles
    face: Dataset

    @property
    def root(self) -> Path:
        return self.files.root

    @property
    def csv(self) -> CsvTables | None:
        if self.files.layout.kind == "allen":
            self.files.layout.copy_tables()  # each time: so those of a server count as used, and are there
        return self._csv

    @cached_property
    def _csv(self) -> CsvTables | None:
        if self.files.layout.kind != "allen":
            return None
        missing = CsvTables.missing(self.root)
        if not missing:
            return CsvTables(self.root, self.files.layout.passing)
        if len(missing) < 4:
            warn(
                f"{self.files.name}: lacks {', '.join(missing)}, so that its tables are made from the session files"
            )
        return None

    @cached_property
    def _tables(self) -> Tables:
        return self.csv or FileTables(self.files.index, self.files.all_by_id)

    @names_checked
    def get_session_table(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all sessions by id, with their numbers of units, channels and probes, and their structures.

        Parameters
        ----------
        suppress
            Columns to leave out; by default those that AllenSDK leaves out. `full_genotype` also goes by its name in
            the cache, `genotype`.

        Examples
        --------
        >>> data.get_session_table().index.tolist()
        [715093703]
        """
        hidden = project_tables.SUPPRESS_FROM_SESSION_TABLE if suppress is None else suppress
        return without(self._tables.sessions(), hidden, {"genotype": "full_genotype"})

    @names_checked
    def get_probes(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all probes by id. `suppress`: see :meth:`get_session_table`.

        Examples
        --------
        >>> data.get_probes().groupby("ecephys_session_id").size().tolist()
        [2]
        """
        return without(
            self._tables.probes(), project_tables.SUPPRESS_FROM_PROBES if suppress is None else suppress
        )

    @names_checked
    def get_channels(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all channels by id. `suppress`: see :meth:`get_session_table`.

        Examples
        --------
        >>> data.get_channels()["ecephys_structure_acronym"].value_counts()
        """
        table = self._tables.channels()
        hidden = [one for one in project_tables.SUPPRESS_FROM_CHANNELS if one != "valid_data"]
        return without(table, hidden if suppress is None else suppress, {"name": "probe_name"})

    @names_checked
    def get_units(
        self,
        suppress: Iterable[str] | None = None,
        filter_by_validity: bool = True,
        *,
        amplitude_cutoff_maximum: float | None = 0.1,
        presence_ratio_minimum: float | None = 0.95,
        isi_violations_maximum: float | None = 0.5,
        filter_out_of_brain_units: bool = True,
        filter_by_metrics: bool = True,
    ) -> pd.DataFrame:
        """Return all units that pass the filters, with the columns of their channel, probe and session.

        Parameters
        ----------
        suppress
            Columns to leave out; by default those that AllenSDK leaves out.
        filter_by_validity
            Only units of quality "good".
        amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum
            Bounds, inclusive; None for none.
        filter_out_of_brain_units
            Only units in the brain. AllenSDK's CSV files do not say which those are: as in AllenSDK, this is
            of no effect on them.
        filter_by_metrics
            False: none of these bounds, and units stay whose metric is NaN, as in :func:`nwbin.open`.

        Returns
        -------
        pandas.DataFrame
            Index: unit id, which is unique in Allen's data; other labs number their units anew in each file.

        Examples
        --------
        >>> units = data.get_units(presence_ratio_minimum=0.99)
        >>> units.groupby("ecephys_structure_acronym").size()
        """
        filters = UnitFilters(
            amplitude_cutoff_maximum,
            presence_ratio_minimum,
            isi_violations_maximum,
            filter_by_validity,
            filter_out_of_brain_units,
            filter_by_metrics,
        )
        return without(
            self._tables.units(filters), project_tables.SUPPRESS_FROM_UNITS if suppress is None else suppress
        )

    def _metrics_tables(self) -> CsvTables:
        if self.csv is None:
            raise LookupFailure(
                f"{self.files.name}: has no tables of analysis metrics; they come with an AllenSDK cache, as "
                "<session_type>_analysis_metrics.csv beside sessions.csv, probes.csv, channels.csv and units.csv"
            )
        return self.csv

    def get_unit_analysis_metrics_for_session(
        self,
        /,
        session_id: int,
        annotate: bool = True,
        filter_by_validity: bool = True,
        **unit_filter_kwargs: Any,
    ) -> pd.DataFrame:
        """Return the published metrics of the responses of one session's units.

        Parameters
        ----------
        session_id
            The session.
        annotate
            Add the columns of :meth:`get_units`, and keep only units that pass its filters.
        filter_by_validity, **unit_filter_kwargs
            See :meth:`get_units`.

        Returns
        -------
        pandas.DataFrame
            Index ecephys_unit_id. From the session's own file or, where there is none, its session type's.

        Examples
        --------
        >>> data.get_unit_analysis_metrics_for_session(715093703, annotate=False)["g_osi_sg"].median()
        """
        refuse_unknown(unit_filter_kwargs, _UNIT_FILTERS, "get_unit_analysis_metrics_for_session")
        metrics = self._metrics_tables().session_metrics(session_id)
        if not annotate:
            return metrics
        units = self.face.get_units(filter_by_validity=filter_by_validity, **unit_filter_kwargs)
        return _annotated(units[(units["ecephys_session_id"] == session_id).to_numpy()], metrics)

    def get_unit_analysis_metrics_by_session_type(
        self,
        /,
        session_type: str,
        annotate: bool = True,
        filter_by_validity: bool = True,
        **unit_filter_kwargs: Any,
    ) -> pd.DataFrame:
        """Return the published metrics of the responses of all units in sessions of one type.

        Parameters
        ----------
        session_type
            "brain_observatory_1.1" or "functional_connectivity".
        annotate, filter_by_validity, **unit_filter_kwargs
            See :meth:`get_unit_analysis_metrics_for_session`.

        Examples
        --------
        >>> data.get_unit_analysis_metrics_by_session_type("brain_observatory_1.1")["g_osi_sg"].median()
        """
        refuse_unknown(unit_filter_kwargs, _UNIT_FILTERS, "get_unit_analysis_metrics_by_session_type")
        tables = self._metrics_tables()
        known = self.face.get_all_session_types()
        if session_type not in known:
            raise ArgumentError(
                f"{self.files.name}: has no sessions of type {session_type!r}; {nearest(session_type, known)}"
            )
        metrics = tables.type_metrics(session_type)
        if not annotate:
            return metrics
        return _annotated(
            self.face.get_units(filter_by_validity=filter_by_validity, **unit_filter_kwargs), metrics
        )

    def get_all_session_types(self, /, **session_kwargs: Any) -> list[Any]:
        """Return the distinct session types.

        Examples
        --------
        >>> data.get_all_session_types()
        ['brain_observatory_1.1']
        """
        return self._distinct(self.face.get_session_table(**session_kwargs), "session_type")

    def get_all_full_genotypes(self, /, **session_kwargs: Any) -> list[Any]:
        """Return the distinct genotypes.

        Examples
        --------
        >>> data.get_all_full_genotypes()
        """
        return self._distinct(self.face.get_session_table(**session_kwargs), "full_genotype")

    def get_all_ages(self, /, **session_kwargs: Any) -> list[Any]:
        """Return the distinct ages in days.

        Examples
        --------
        >>> data.get_all_ages()
        """
        return self._distinct(self.face.get_session_table(**session_kwargs), "age_in_days")

    def get_all_sexes(self, /, **session_kwargs: Any) -> list[Any]:
        """Return the distinct sexes.

        Examples
        --------
        >>> data.get_all_sexes()
        """
        return self._distinct(self.face.get_session_table(**session_kwargs), "sex")

    def get_structure_acronyms(self, /, **channel_kwargs: Any) -> list[Any]:
        """Return the distinct structures that channels lie in.

        Examples
        --------
        >>> "VISp" in data.get_structure_acronyms()
        True
        """
        return self._distinct(self.face.get_channels(**channel_kwargs), "ecephys_structure_acronym")

    def _distinct(self, table: pd.DataFrame, column: str) -> list[Any]:
        if column not in table.columns:
            raise LookupFailure(f"{self.files.name}: no session says its {column}")
        return distinct(table[column])


def _annotated(units: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    table = units.merge(metrics, left_index=True, right_index=True, how="inner")
    table.index.name = "ecephys_unit_id"
    return table
