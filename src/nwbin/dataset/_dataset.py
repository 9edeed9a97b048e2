"""Dataset: many sessions in one folder, with AllenSDK's names for what they have in common."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin import _schema as schema
from nwbin._hdf5 import StrPath
from nwbin.allen.units import UnitFilters
from nwbin.dataset import _catalogue
from nwbin.dataset._catalogue import without
from nwbin.dataset._index import Index, cache_folder
from nwbin.dataset._jobs import Jobs
from nwbin.dataset._layouts import SessionFile, as_id, by_id, find_sessions
from nwbin.dataset._tables import CsvTables, FileTables, Tables
from nwbin.dataset._task import Opening
from nwbin.errors import ArgumentError, LookupFailure, MissingFileError, NwbinError, NwbinWarning, nearest
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["Dataset"]


class Dataset(Jobs):
    """Many sessions in one folder: an AllenSDK cache, a DANDI download, or any folder of NWB files.

    Nothing is read until it is asked for. Tables of an AllenSDK cache come from its CSV files; elsewhere from the
    session files themselves, which are read once: what they say is kept in a cache folder until they change.

    Parameters
    ----------
    directory
        The folder, or AllenSDK's manifest.json in it.
    cache
        Folder for what was read from the files. By default NWBIN_CACHE or the user's cache folder; False for
        none. One that cannot be written is no error.

    Raises
    ------
    MissingFileError
        There is no such folder (also a ``FileNotFoundError``).
    FileAccessError
        It may not be read, or is a file.

    Examples
    --------
    >>> data = nwbin.Dataset("ecephys_cache_dir")                                      # doctest: +SKIP
    >>> data.get_session_table()                                                       # doctest: +SKIP
    >>> session = data.get_session_data(715093703)                                     # doctest: +SKIP
    >>> rates = data.map(lambda session: session.units["firing_rate"].mean())          # doctest: +SKIP
    >>> data.spike_counts("counts.zarr", "static_gratings", window=(0, 0.25), bin_width=0.05)  # doctest: +SKIP
    """

    def __init__(self, directory: StrPath, *, cache: StrPath | bool | None = None) -> None:
        self._layout = find_sessions(Path(os.fspath(directory)))
        if cache is False:
            folder = None
        elif cache is None or cache is True:
            folder = cache_folder() / "index"
        else:
            folder = Path(cache)
        self._index = Index(folder)

    def __repr__(self) -> str:
        # Which files are sessions may be known by looking into them only, which a repr does not do.
        known = "_files" in self.__dict__ or all(file.session_id is not None for file in self._layout.files)
        number = len(self._files if known else self._layout.files)
        what = f"{'session' if known else 'NWB'} file{'s' * (number != 1)}"
        return f"<nwbin.Dataset {str(self.root)!r} ({self.kind}), {number} {what}>"

    # ---------------------------------------------------------------- files

    @property
    def root(self) -> Path:
        """The folder."""
        return self._layout.root

    @property
    def kind(self) -> str:
        """What kind of folder it is: "allen", "dandi" or "folder"."""
        return self._layout.kind

    @cached_property
    def _files(self) -> dict[Any, SessionFile]:
        """Session id -> its file. Where names do not say, the files do; NWB files without units are left out."""
        named: list[tuple[Any, SessionFile]] = []
        said = [file.session_id for file in self._layout.files]
        for file in self._layout.files:
            if file.session_id is not None:
                if said.count(file.session_id) > 1 and _lacks_units(file.path):
                    continue  # DANDI may have a session's behaviour or images in a file beside it
                named.append((file.session_id, file))
                continue
            try:
                record = self._index.record(file.path)
            except LookupFailure:
                continue  # no units table: behaviour, imaging, or an LFP file under another name
            except (NwbinError, OSError):
                named.append((file.path.stem, file))  # the job that meets it says what is wrong
                continue
            named.append((as_id(record.identifier), file))
        return by_id(self.root, named)

    @property
    def session_ids(self) -> list[Any]:
        """Ids of the sessions whose files are there. A cache's tables may list more."""
        return list(self._files)

    @property
    def files(self) -> pd.DataFrame:
        """The session files by session id: `path`, `size` (bytes), `lfp_files` (how many)."""
        import pandas as pd

        files = list(self._files.values())
        columns = {
            "path": [str(one.path) for one in files],
            "size": [one.path.stat().st_size for one in files],
            "lfp_files": [len(one.lfp) for one in files],
        }
        return pd.DataFrame(columns, index=pd.Index(self.session_ids, name="session_id"))

    # ---------------------------------------------------------------- tables

    @cached_property
    def _csv(self) -> CsvTables | None:
        if self.kind != "allen":
            return None
        missing = CsvTables.missing(self.root)
        if not missing:
            return CsvTables(self.root)
        if len(missing) < 4:
            warnings.warn(
                f"{self.root}: lacks {', '.join(missing)}, so that its tables are made from the session files",
                NwbinWarning,
                stacklevel=4,
            )
        return None

    @cached_property
    def _tables(self) -> Tables:
        return self._csv or FileTables(self._index, lambda: self._files)

    def get_session_table(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all sessions by id, with their numbers of units, channels and probes, and their structures.

        Parameters
        ----------
        suppress
            Columns to leave out; by default those that AllenSDK leaves out.
        """
        return without(
            self._tables.sessions(), _catalogue.SUPPRESS_FROM_SESSION_TABLE if suppress is None else suppress
        )

    def get_probes(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all probes by id. `suppress`: see :meth:`get_session_table`."""
        return without(
            self._tables.probes(), _catalogue.SUPPRESS_FROM_PROBES if suppress is None else suppress
        )

    def get_channels(self, suppress: Iterable[str] | None = None) -> pd.DataFrame:
        """Return all channels by id. `suppress`: see :meth:`get_session_table`."""
        table = self._tables.channels()
        hidden = [one for one in _catalogue.SUPPRESS_FROM_CHANNELS if one != "valid_data"]
        return without(table, hidden if suppress is None else suppress).rename(columns={"name": "probe_name"})

    def get_units(
        self,
        suppress: Iterable[str] | None = None,
        filter_by_validity: bool = True,
        *,
        amplitude_cutoff_maximum: float | None = 0.1,
        presence_ratio_minimum: float | None = 0.95,
        isi_violations_maximum: float | None = 0.5,
        filter_out_of_brain_units: bool = True,
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

        Returns
        -------
        pandas.DataFrame
            Index: unit id, which is unique in Allen's data; other labs number their units anew in each file.
        """
        filters = UnitFilters(
            amplitude_cutoff_maximum,
            presence_ratio_minimum,
            isi_violations_maximum,
            filter_by_validity,
            filter_out_of_brain_units,
        )
        return without(
            self._tables.units(filters), _catalogue.SUPPRESS_FROM_UNITS if suppress is None else suppress
        )

    def _metrics_tables(self) -> CsvTables:
        if self._csv is None:
            raise LookupFailure(
                f"{self.root}: has no tables of analysis metrics; they come with an AllenSDK cache, as "
                "<session_type>_analysis_metrics.csv beside sessions.csv, probes.csv, channels.csv and units.csv"
            )
        return self._csv

    def get_unit_analysis_metrics_for_session(
        self,
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
        """
        metrics = self._metrics_tables().session_metrics(session_id)
        if not annotate:
            return metrics
        units = self.get_units(filter_by_validity=filter_by_validity, **unit_filter_kwargs)
        return _annotated(units[(units["ecephys_session_id"] == session_id).to_numpy()], metrics)

    def get_unit_analysis_metrics_by_session_type(
        self,
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
        """
        tables = self._metrics_tables()
        known = self.get_all_session_types()
        if session_type not in known:
            raise ArgumentError(
                f"{self.root}: has no sessions of type {session_type!r}; {nearest(session_type, known)}"
            )
        metrics = tables.type_metrics(session_type)
        if not annotate:
            return metrics
        return _annotated(
            self.get_units(filter_by_validity=filter_by_validity, **unit_filter_kwargs), metrics
        )

    def get_all_session_types(self, **session_kwargs: Any) -> list[Any]:
        """Return the distinct session types."""
        return self._distinct(self.get_session_table(**session_kwargs), "session_type")

    def get_all_full_genotypes(self, **session_kwargs: Any) -> list[Any]:
        """Return the distinct genotypes."""
        return self._distinct(self.get_session_table(**session_kwargs), "full_genotype")

    def get_all_ages(self, **session_kwargs: Any) -> list[Any]:
        """Return the distinct ages in days."""
        return self._distinct(self.get_session_table(**session_kwargs), "age_in_days")

    def get_all_sexes(self, **session_kwargs: Any) -> list[Any]:
        """Return the distinct sexes."""
        return self._distinct(self.get_session_table(**session_kwargs), "sex")

    def get_structure_acronyms(self, **channel_kwargs: Any) -> list[Any]:
        """Return the distinct structures that channels lie in."""
        return self._distinct(self.get_channels(**channel_kwargs), "ecephys_structure_acronym")

    def _distinct(self, table: pd.DataFrame, column: str) -> list[Any]:
        if column not in table.columns:
            raise LookupFailure(f"{self.root}: no session says its {column}")
        found: list[Any] = table[column].unique().tolist()
        return found

    # ---------------------------------------------------------------- sessions

    def get_session_data(
        self,
        session_id: int | str,
        filter_by_validity: bool = True,
        *,
        amplitude_cutoff_maximum: float | None = 0.1,
        presence_ratio_minimum: float | None = 0.95,
        isi_violations_maximum: float | None = 0.5,
        filter_out_of_brain_units: bool = True,
        filter_by_metrics: bool = True,
    ) -> Session:
        """Open a session, with what the cache's tables add to it: structures of channels, metrics of units.

        Parameters
        ----------
        session_id
            One of :attr:`session_ids`.
        filter_by_validity, amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum, \
filter_out_of_brain_units, filter_by_metrics
            See :func:`nwbin.open`.

        Raises
        ------
        MissingFileError
            The cache lists the session, but its file is not there.
        LookupFailure
            There is no such session.
        """
        filters = {
            "amplitude_cutoff_maximum": amplitude_cutoff_maximum,
            "presence_ratio_minimum": presence_ratio_minimum,
            "isi_violations_maximum": isi_violations_maximum,
            "filter_by_validity": filter_by_validity,
            "filter_out_of_brain_units": filter_out_of_brain_units,
            "filter_by_metrics": filter_by_metrics,
        }
        return self._opening(session_id, filters).open(self._csv)

    def _opening(self, session_id: Any, filters: dict[str, Any]) -> Opening:
        file = self._files.get(session_id)
        if file is None:
            if self._csv is not None and session_id in self._csv.sessions().index:
                where = self.root / f"session_{session_id}" / f"session_{session_id}.nwb"
                raise MissingFileError(
                    f"{where}: session {session_id} is in sessions.csv but was not downloaded"
                )
            raise LookupFailure(
                f"{self.root}: has no session {session_id!r}; {nearest(session_id, self._files)}"
            )
        lfp = {probe: str(path) for probe, path in file.lfp.items()}
        cache = None if self._csv is None else str(self.root)
        if self._csv is not None and session_id not in self._csv.sessions().index:
            cache = None  # a file that was added by hand: the tables know nothing of its channels
        return Opening(str(file.path), session_id, lfp, filters, cache)

    def _openings(self, sessions: Any, filters: dict[str, Any]) -> dict[Any, Opening]:
        """How to open the sessions that are meant: ids, a condition on the session table, or a function of it."""
        return {one: self._opening(one, filters) for one in self._chosen(sessions)}

    def _chosen(self, sessions: str | Sequence[Any] | Callable[[pd.DataFrame], Any] | None) -> list[Any]:
        if sessions is None:
            return self.session_ids
        if (isinstance(sessions, str) and sessions not in self._files) or callable(sessions):
            table = self.get_session_table(suppress=())
            if callable(sessions):
                chosen = table[np.asarray(sessions(table), dtype=bool)]
            else:
                from nwbin.export import select

                chosen = select(table, sessions)
            return [one for one in self.session_ids if one in chosen.index]
        if isinstance(sessions, str | int | np.integer):
            sessions = [sessions]
        return list(dict.fromkeys(one.item() if isinstance(one, np.generic) else one for one in sessions))


def _lacks_units(path: Path) -> bool:
    try:
        with File(path) as file:
            return not file.has(schema.UNITS)
    except (NwbinError, OSError):
        return False  # the job that meets it says what is wrong


def _annotated(units: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    table = units.merge(metrics, left_index=True, right_index=True, how="inner")
    table.index.name = "ecephys_unit_id"
    return table
