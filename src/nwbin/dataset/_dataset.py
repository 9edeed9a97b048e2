"""Dataset: many sessions in one folder, with AllenSDK's names for what they have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._keywords import names_checked
from nwbin.dataset._allen_cache import AllenCache
from nwbin.dataset._folder_layouts import SessionFile, as_id, by_id, find_sessions, manifest_folder
from nwbin.dataset._index import Index, cache_folder
from nwbin.dataset._metric_jobs import MetricJobs
from nwbin.dataset._task import Opening
from nwbin.errors import ArgumentTypeError, LookupFailure, MissingFileError, NwbinError, nearest
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["Dataset"]


class Dataset(AllenCache, MetricJobs):
    """Many sessions in one folder: an AllenSDK cache, a DANDI download, or any folder of NWB files.

    Nothing is read until it is asked for. Tables of an AllenSDK cache come from its CSV files; elsewhere from the
    session files themselves, which are read once: what they say is kept in a cache folder until they change.

    Parameters
    ----------
    directory
        The folder, or AllenSDK's manifest.json in it.
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

    Examples
    --------
    >>> data = nwbin.Dataset("ecephys_cache_dir")                                      # doctest: +SKIP
    >>> data.get_session_table()                                                       # doctest: +SKIP
    >>> session = data.get_session_data(715093703)                                     # doctest: +SKIP
    >>> rates = data.map(lambda session: session.units["firing_rate"].mean())          # doctest: +SKIP
    >>> data.spike_counts("counts.zarr", "static_gratings", window=(0, 0.25), bin_width=0.05)  # doctest: +SKIP
    """

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
                f"a Dataset needs the path of a folder, not {type(directory).__name__}; nothing is downloaded, by "
                "whatever fetch_api"
            )
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

    # ---------------------------------------------------------------- sessions

    @names_checked
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
                    f"{where}: session {session_id} is in sessions.csv but was not downloaded, and nwbin downloads "
                    "nothing; AllenSDK's get_session_data puts it there, or copy it there"
                )
            raise LookupFailure(f"{self.root}: has no session {session_id!r}; {self._hint(session_id)}")
        lfp = {probe: str(path) for probe, path in file.lfp.items()}
        cache = None if self._csv is None else str(self.root)
        if self._csv is not None and session_id not in self._csv.sessions().index:
            cache = None  # a file that was added by hand: the tables know nothing of its channels
        return Opening(str(file.path), session_id, lfp, filters, cache)

    def _hint(self, session_id: Any) -> str:
        number = as_id(session_id.strip()) if isinstance(session_id, str) else session_id
        if isinstance(session_id, str) and number in self._files and isinstance(number, int):
            return f"ids are whole numbers, and this is text: give {number}"
        return nearest(session_id, self._files)

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
                from nwbin.allen.null import select

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
