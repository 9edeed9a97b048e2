"""Dataset: many sessions in one folder, with AllenSDK's names for what they have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from nwbin._delegation import shown_by
from nwbin._keywords import names_checked
from nwbin.allen import project_tables
from nwbin.dataset._allen_cache import Gone, Templates
from nwbin.dataset._allen_tables import DatasetTables
from nwbin.dataset._folder_layouts import find_on_server, find_sessions, manifest_folder
from nwbin.dataset._index import Index, cache_folder
from nwbin.dataset._jobs import Jobs
from nwbin.dataset._metric_jobs import MetricJobs
from nwbin.dataset._opener import Opener
from nwbin.dataset._session_files import SessionFiles
from nwbin.errors import ArgumentTypeError
from nwbin.storage.addresses import is_address
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset"]

_MANIFEST = "ecephys_project_manifest.json"  # in the current folder, where AllenSDK is told of no other

P = ParamSpec("P")
Owner = TypeVar("Owner")
R = TypeVar("R")


def _shown(part: str, method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Dataset, P], R]:
    return shown_by("nwbin.dataset.Dataset", part, method)


class Dataset:
    """Many sessions in one folder, here or on a server: an AllenSDK cache, DANDI's tree, or any folder of NWB files.

    Nothing is read until it is asked for. Tables of an AllenSDK cache come from its CSV files; elsewhere from the
    session files themselves, which are read once: what they say is kept in a cache folder until they change.

    Parameters
    ----------
    directory
        The folder, or AllenSDK's manifest.json in it; or, as text, the address of a folder on a server: see the notes.
    manifest
        In place of the folder, as for AllenSDK's EcephysProjectCache.
    cache
        Folder for what was read from the files. By default NWBIN_CACHE or the user's cache folder; False for
        none. One that cannot be written is no error.
    fetch_api, fetch_tries, stream_writer, version
        Of no effect: by these AllenSDK's cache downloads, and nwbin does not.

    Raises
    ------
    MissingFileError
        There is no such folder (also a ``FileNotFoundError``).
    FileAccessError
        It may not be read, or is a file.

    Notes
    -----
    Every job (:meth:`map`, :meth:`spike_counts`, :meth:`response_matrices`, :meth:`spike_tables`) takes these arguments
    besides its own:

    sessions
        Which sessions: ids, or a condition on :meth:`get_session_table` such as
        ``"session_type == 'functional_connectivity'"``, or a function of that table that returns a mask.
    client : dask.distributed.Client
        A Dask cluster to work on. Its workers need nwbin and the same paths to the files.
    workers : int
        Without a client: how many processes on this machine; by default one for each core; 0 works in this one.
    threads : int
        In each worker, to read and to count; by default the cores are shared out, and on Dask it is 1.
    overwrite : bool
        Do everything again, whatever results are there. What no job wrote is left alone all the same.
    progress : bool or function
        Show a bar (by default where standard error is a terminal), or call ``progress(done, all, outcome)``.
    amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum, filter_by_validity, \
filter_out_of_brain_units, filter_by_metrics
        Unit filters, as for :func:`nwbin.open`.

    A session that fails does not stop the others: see :attr:`.Results.failed`. Where results are written, each
    session's is there whole or not at all; the same job on the same place does only what is missing, in all or in
    part, what failed, and what has a changed file: the session's own or a table of the cache. What is there and was
    not written by such a job is left alone, with an error that names it: also a result that was changed, and what
    was put into a session's group. Of a result in one file the digest (SHA-256) is compared, here and whenever it is
    loaded; of a group the names and sizes of its files and the digests of those that describe the others, while its
    chunks have a checksum (CRC-32C) each, which Zarr compares when it reads them.

    On a server the folder is ``s3://bucket/folder/``; ``dandi://000021``, ``dandi://000021@version/folder/`` (the
    newest published version, or the draft where there is none); or ``https://server/folder/`` of a web server, which
    cannot list it: there AllenSDK's sessions.csv says which sessions to look for, and LFP files are not found. Sessions
    may be Zarr stores (``*.nwb.zarr``, outside S3 with consolidated metadata; on a web server one is looked for where
    the .nwb file is not). The list is taken once, when the data set is opened. The tables of AllenSDK's cache are
    copied into the cache folder when they are first needed; of session files each worker reads what it needs. A result
    hangs on a file's ETag and size (of an asset of DANDI: on its number) in place of its time; on a Zarr store's
    checksum where DANDI says it, else on the ETag and size of its consolidated metadata, which stay the same where only
    values in its chunks are replaced: after that, give ``overwrite=True``. On a store without them it hangs on the
    names, sizes and ETags of all its files, chunks too, up to 100,000. Where a server tells neither mark nor time, and
    of a store of more files, nothing is known to be unchanged, and tables and results are made anew by each Dataset.
    Workers of a `client` need the same cache folder.

    Examples
    --------
    >>> data = nwbin.Dataset("ecephys_cache_dir")
    >>> data.get_session_table()
    >>> session = data.get_session_data(715093703)
    >>> rates = data.map(lambda session: session.units["firing_rate"].mean())
    >>> data.spike_counts("counts.zarr", "static_gratings", window=(0, 0.25), bin_width=0.05)
    """

    SUPPRESS_FROM_UNITS = project_tables.SUPPRESS_FROM_UNITS
    SUPPRESS_FROM_CHANNELS = project_tables.SUPPRESS_FROM_CHANNELS
    SUPPRESS_FROM_PROBES = project_tables.SUPPRESS_FROM_PROBES
    SUPPRESS_FROM_SESSION_TABLE = project_tables.SUPPRESS_FROM_SESSION_TABLE

    get_sessions = Gone("get_session_table()")
    get_all_stimulus_sets = Gone("get_all_session_types()")
    get_all_genotypes = Gone("get_all_full_genotypes()")
    get_all_recorded_structures = Gone("get_structure_acronyms()")

    @names_checked
    def __init__(
        self,
        directory: StrPath | None = None,
        *,
        cache: StrPath | bool | None = None,
        manifest: StrPath | None = None,
        fetch_api: Any = None,
        fetch_tries: int = 2,
        stream_writer: Any = None,
        version: str | None = None,
    ) -> None:
        if (directory is None) == (manifest is None):
            raise ArgumentTypeError(
                "a Dataset needs either a folder of session files, or an AllenSDK manifest="
            )
        if manifest is not None:
            directory = manifest_folder(os.fspath(manifest))
        elif not isinstance(directory, str | os.PathLike):
            raise ArgumentTypeError(
                f"a Dataset needs the path of a folder, or its address, not {type(directory).__name__}; nothing is "
                "downloaded, by whatever fetch_api"
            )
        if cache is False:
            folder = None
        elif cache is None or cache is True:
            folder = cache_folder() / "index"
        else:
            folder = Path(cache)
        if isinstance(directory, str) and is_address(directory):
            layout = find_on_server(directory, None if folder is None else folder / "tables")
        else:
            layout = find_sessions(Path(os.fspath(directory)))
        self._files = SessionFiles(layout, Index(folder))
        self._tables = DatasetTables(self._files, self)
        self._opener = Opener(self._files, self._tables)
        self._jobs = Jobs(self._opener)
        self._metric_jobs = MetricJobs(self._jobs)
        self._templates = Templates(layout.root, layout.address)

    # AllenSDK's constructors. What it needs to download is taken, and of no effect.

    @classmethod
    def _by_manifest(cls, manifest: StrPath | None, cache: StrPath | bool | None) -> Self:
        make: Callable[..., Self] = cls
        return make(manifest=_MANIFEST if manifest is None else manifest, cache=cache)

    @classmethod
    @names_checked
    def from_warehouse(
        cls,
        scheme: str | None = None,
        host: str | None = None,
        asynchronous: bool = False,
        manifest: StrPath | None = None,
        version: str | None = None,
        cache: StrPath | bool | None = True,
        fetch_tries: int = 2,
        timeout: float = 1200,
    ) -> Self:
        """Open a cache that AllenSDK's EcephysProjectCache.from_warehouse has downloaded into.

        Parameters
        ----------
        manifest
            The manifest.json in the cache's folder; as in AllenSDK, "ecephys_project_manifest.json" by default.
        cache
            See :class:`Dataset`.
        scheme, host, asynchronous, version, fetch_tries, timeout
            Of no effect: nothing is downloaded.

        Raises
        ------
        MissingFileError
            There is no such manifest, and no data in its folder.

        Examples
        --------
        >>> from nwbin import Dataset as EcephysProjectCache
        >>> cache = EcephysProjectCache.from_warehouse(manifest="ecephys_cache_dir/manifest.json")
        """
        return cls._by_manifest(manifest, cache)

    @classmethod
    @names_checked
    def from_lims(
        cls,
        lims_credentials: Any = None,
        scheme: str | None = None,
        host: str | None = None,
        asynchronous: bool = False,
        manifest: StrPath | None = None,
        version: str | None = None,
        cache: StrPath | bool | None = True,
        fetch_tries: int = 2,
    ) -> Self:
        """Open a cache that EcephysProjectCache.from_lims has downloaded into; see :meth:`from_warehouse`.

        Raises
        ------
        ArgumentTypeError
            Without `manifest`: then the Allen Institute's own database is meant, and no folder.
        """
        if manifest is None:
            raise ArgumentTypeError(
                "from_lims asks a database of the Allen Institute, which nwbin does not: it reads what was downloaded; "
                "give manifest=, or use Dataset(folder)"
            )
        return cls._by_manifest(manifest, cache)

    @classmethod
    @names_checked
    def fixed(cls, manifest: StrPath | None = None, version: str | None = None) -> Self:
        """Open a cache of which all is there; see :meth:`from_warehouse`."""
        return cls._by_manifest(manifest, None)

    def __repr__(self) -> str:
        # Which files are sessions may be known by looking into them only, which a repr does not do.
        number, known = self._files.counted
        what = f"{'session' if known else 'NWB'} file{'s' * (number != 1)}"
        return f"<nwbin.Dataset {self._files.name!r} ({self.kind}), {number} {what}>"

    # ---------------------------------------------------------------- files

    @property
    def root(self) -> Path:
        """The folder; of one on a server, the one on this machine for copies of its tables."""
        return self._files.root

    @property
    def address(self) -> str | None:
        """The folder's address, without what is secret in it; None of one on this machine."""
        return self._files.layout.address

    @property
    def kind(self) -> str:
        """What kind of folder it is: "allen", "dandi" or "folder"."""
        return self._files.layout.kind

    @property
    def session_ids(self) -> list[Any]:
        """Ids of the sessions whose files are there. A cache's tables may list more."""
        return list(self._files.by_id)

    @property
    def files(self) -> pd.DataFrame:
        """The session files by session id: `path` (or address), `size` (bytes), `lfp_files` (how many)."""
        return self._files.table

    # ---------------------------------------------------------------- tables and sessions

    get_session_table = _shown("_tables", DatasetTables.get_session_table)
    get_probes = _shown("_tables", DatasetTables.get_probes)
    get_channels = _shown("_tables", DatasetTables.get_channels)
    get_units = _shown("_tables", DatasetTables.get_units)
    get_unit_analysis_metrics_for_session = _shown(
        "_tables", DatasetTables.get_unit_analysis_metrics_for_session
    )
    get_unit_analysis_metrics_by_session_type = _shown(
        "_tables", DatasetTables.get_unit_analysis_metrics_by_session_type
    )
    get_all_session_types = _shown("_tables", DatasetTables.get_all_session_types)
    get_all_full_genotypes = _shown("_tables", DatasetTables.get_all_full_genotypes)
    get_all_ages = _shown("_tables", DatasetTables.get_all_ages)
    get_all_sexes = _shown("_tables", DatasetTables.get_all_sexes)
    get_structure_acronyms = _shown("_tables", DatasetTables.get_structure_acronyms)
    get_session_data = _shown("_opener", Opener.get_session_data)
    get_natural_scene_template = _shown("_templates", Templates.get_natural_scene_template)
    get_natural_movie_template = _shown("_templates", Templates.get_natural_movie_template)

    # ---------------------------------------------------------------- jobs

    map = _shown("_jobs", Jobs.map)
    spike_counts = _shown("_jobs", Jobs.spike_counts)
    response_matrices = _shown("_jobs", Jobs.response_matrices)
    spike_tables = _shown("_jobs", Jobs.spike_tables)
    quality_metrics = _shown("_metric_jobs", MetricJobs.quality_metrics)
    stimulus_metrics = _shown("_metric_jobs", MetricJobs.stimulus_metrics)
    unit_metrics = _shown("_metric_jobs", MetricJobs.unit_metrics)
