"""How the sessions of a data set are opened, with what its tables add to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._keywords import names_checked
from nwbin.dataset._allen_tables import DatasetTables
from nwbin.dataset._opening import Opening
from nwbin.dataset._server_folders import ServerFile
from nwbin.dataset._session_files import SessionFiles
from nwbin.errors import LookupFailure, MissingFileError

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["Opener"]


@dataclass(eq=False, repr=False)
class Opener:
    """Opens sessions, and says how others are to."""

    files: SessionFiles
    tables: DatasetTables

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

        Examples
        --------
        >>> with data.get_session_data(715093703, isi_violations_maximum=0.1) as session:
        ...     session.num_units
        """
        filters = {
            "amplitude_cutoff_maximum": amplitude_cutoff_maximum,
            "presence_ratio_minimum": presence_ratio_minimum,
            "isi_violations_maximum": isi_violations_maximum,
            "filter_by_validity": filter_by_validity,
            "filter_out_of_brain_units": filter_out_of_brain_units,
            "filter_by_metrics": filter_by_metrics,
        }
        return self.of_session(session_id, filters).open(self.tables.csv)

    def of_session(self, session_id: Any, filters: dict[str, Any]) -> Opening:
        """How to open a session."""
        root, csv, file = self.files.root, self.tables.csv, self.files.by_id.get(session_id)
        if file is None:
            if csv is not None and session_id in csv.sessions().index:
                if self.files.layout.address is not None:
                    raise MissingFileError(
                        f"{self.files.name}: session {session_id} is in sessions.csv, but its file does not lie there"
                    )
                where = root / f"session_{session_id}" / f"session_{session_id}.nwb"
                raise MissingFileError(
                    f"{where}: session {session_id} is in sessions.csv but was not downloaded, and nwbin downloads "
                    "nothing by itself; nwbin.download(id, folder) puts it there, or AllenSDK's get_session_data"
                )
            raise LookupFailure(
                f"{self.files.name}: has no session {session_id!r}; {self.files.hint(session_id)}"
            )
        lfp = {probe: str(path) for probe, path in file.lfp.items()}
        cache = None if csv is None else str(root)
        if csv is not None and session_id not in csv.sessions().index:
            cache = None  # a file that was added by hand: the tables know nothing of its channels
        state = file.path.state if isinstance(file.path, ServerFile) else None
        return Opening(str(file.path), session_id, lfp, filters, cache, state)

    def of_sessions(self, sessions: Any, filters: dict[str, Any]) -> dict[Any, Opening]:
        """How to open the sessions that are meant: ids, a condition on the session table, or a function of it."""
        return {one: self.of_session(one, filters) for one in self._chosen(sessions)}

    def _chosen(self, sessions: str | Sequence[Any] | Callable[[pd.DataFrame], Any] | None) -> list[Any]:
        files = self.files.by_id
        if sessions is None:
            return list(files)
        if (isinstance(sessions, str) and sessions not in files) or callable(sessions):
            table = self.tables.face.get_session_table(suppress=())
            if callable(sessions):
                chosen = table[np.asarray(sessions(table), dtype=bool)]
            else:
                from nwbin.allen.null import select

                chosen = select(table, sessions)
            return [one for one in files if one in chosen.index]
        if isinstance(sessions, str | int | np.integer):
            sessions = [sessions]
        return list(dict.fromkeys(one.item() if isinstance(one, np.generic) else one for one in sessions))
