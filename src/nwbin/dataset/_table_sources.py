"""The tables of a whole data set: from an AllenSDK cache's CSV files, or from the session files themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nwbin._names import safe_name
from nwbin.allen.project_tables import Catalogue, read_csv, stack
from nwbin.allen.unit_filters import UnitFilters
from nwbin.dataset._folder_layouts import CSV_TABLES, Passing, SessionFile, not_permitted
from nwbin.dataset._index import Index
from nwbin.errors import LookupFailure, NwbinError, warn

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CsvTables", "FileTables", "Tables", "csv_tables", "tables_of"]

_METRICS = "_analysis_metrics.csv"
_CHANNEL_COLUMNS = [
    "ecephys_structure_id",
    "ecephys_structure_acronym",
    "anterior_posterior_ccf_coordinate",
    "dorsal_ventral_ccf_coordinate",
    "left_right_ccf_coordinate",
]


class Tables(Protocol):
    """Tables over sessions."""

    def sessions(self) -> pd.DataFrame:
        """Sessions."""

    def probes(self) -> pd.DataFrame:
        """Probes."""

    def channels(self) -> pd.DataFrame:
        """Channels."""

    def units(self, filters: UnitFilters) -> pd.DataFrame:
        """Units."""


def csv_tables(root: str) -> CsvTables:
    """Return the tables of a cache; kept for the next session of it, until one of them changes."""
    stats = [path.stat() if path.is_file() else None for path in _csv_files(Path(root)).values()]
    state = tuple((one.st_size, one.st_mtime_ns, one.st_ino) if one else None for one in stats)
    return _csv_tables(root, state)


@lru_cache(maxsize=2)
def _csv_tables(root: str, state: tuple[tuple[int, int, int] | None, ...]) -> CsvTables:
    return CsvTables(Path(root))


def _csv_files(root: Path) -> dict[str, Path]:
    return {f"{name}.csv": root / f"{name}.csv" for name in CSV_TABLES}


def tables_of(root: Path, session_id: int | str) -> dict[str, Path]:
    """The files of a cache, by name, that a session's channels, units and metrics come from."""
    own = _own_metrics(root, session_id)
    return {**_csv_files(root), **_typewise_metrics(root), own.name: own}


def _own_metrics(root: Path, session_id: int | str) -> Path:
    name = f"session_{safe_name(session_id)}"
    return root / name / f"{name}{_METRICS}"


def _typewise_metrics(root: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(root.glob(f"*{_METRICS}"))}


class CsvTables:
    """The tables of an AllenSDK cache.

    Sessions hold it for as long as they may read them, and with it, by `passing`, a folder that is not to stay.
    """

    def __init__(self, root: Path, passing: Passing | None = None) -> None:
        self.root = root
        self._passing = passing

    def __reduce__(self) -> tuple[Any, ...]:
        return csv_tables, (str(self.root),)  # read anew by another process, and there once

    @staticmethod
    def missing(root: Path) -> list[str]:
        """Which of the tables are not there."""
        return [f"{name}.csv" for name in CSV_TABLES if not (root / f"{name}.csv").is_file()]

    @cached_property
    def _catalogue(self) -> Catalogue:
        with _permitted(self.root):
            return Catalogue.from_csv(self.root)

    def sessions(self) -> pd.DataFrame:
        return self._catalogue.session_table()

    def probes(self) -> pd.DataFrame:
        return self._catalogue.probe_table()

    def channels(self) -> pd.DataFrame:
        return self._catalogue.channel_table()

    def units(self, filters: UnitFilters) -> pd.DataFrame:
        return self._catalogue.units(filters)

    def channel_columns(self, session_id: int | str) -> pd.DataFrame:
        """What the cache knows of a session's channels, and its file may not."""
        table = self._catalogue.channels
        named = [name for name in _CHANNEL_COLUMNS if name in table.columns]
        return table.loc[(table["ecephys_session_id"] == session_id).to_numpy(), named]

    def _session_type(self, session_id: int | str) -> Any:
        sessions = self._catalogue.sessions
        return sessions["session_type"].get(session_id) if "session_type" in sessions.columns else None

    def _type_file(self, session_type: Any) -> Path | None:
        # What a table says is compared with the names of files, and is never made a path.
        return _typewise_metrics(self.root).get(f"{session_type}{_METRICS}")

    def has_metrics(self, session_id: int | str) -> bool:
        """Whether there are metrics of a session's responses."""
        own = _own_metrics(self.root, session_id)
        return own.is_file() or self._type_file(self._session_type(session_id)) is not None

    def session_metrics(self, session_id: int | str) -> pd.DataFrame:
        """Metrics of a session's units, from its own file or its type's."""
        own, kind = _own_metrics(self.root, session_id), self._session_type(session_id)
        if own.is_file():
            return _read(own, "ecephys_unit_id")
        if self._type_file(kind) is None:
            raise LookupFailure(
                f"{self.root}: has no analysis metrics of session {session_id}: neither {own.relative_to(self.root)} "
                f"nor {kind}{_METRICS} is there; AllenSDK's cache downloads both"
            )
        metrics = self.type_metrics(kind)
        return metrics[metrics.index.isin(self._catalogue.units_of(session_id))]

    def type_metrics(self, session_type: str) -> pd.DataFrame:
        """Metrics of the units of all sessions of a type."""
        path = self._type_file(session_type)
        if path is None:
            raise LookupFailure(
                f"{self.root}: has no analysis metrics of {session_type}: {session_type}{_METRICS} is not there; "
                "AllenSDK's cache downloads it"
            )
        return _read(path, "ecephys_unit_id")


def _read(path: Path, index: str) -> pd.DataFrame:
    with _permitted(path):
        return read_csv(path, index)


@contextmanager
def _permitted(path: Path) -> Iterator[None]:
    """Say of a file that may not be read which it is, and what to do."""
    try:
        yield
    except PermissionError as error:
        raise not_permitted(Path(error.filename or path)) from error


class FileTables:
    """The tables that session files hold themselves; a file that cannot be read is left out, with a warning."""

    def __init__(self, index: Index, files: Callable[[], dict[Any, SessionFile]]) -> None:
        self._index = index
        self._files = files
        self._warned: set[Any] = set()

    def _catalogues(self) -> list[Catalogue]:
        found, wrong = [], {}
        for session_id, file in self._files().items():
            try:
                found.append(self._index.record(file.path).catalogue(session_id))
            except (NwbinError, OSError) as error:
                wrong[session_id] = str(error)
        if set(wrong) - self._warned:
            self._warned |= set(wrong)
            first = next(iter(wrong.values()))
            warn(
                f"{len(wrong)} of {len(wrong) + len(found)} session files cannot be read and are left out of the "
                f"tables: {', '.join(map(str, wrong))}; the first says: {first}"
            )
        return found

    def sessions(self) -> pd.DataFrame:
        return stack([one.session_table() for one in self._catalogues()])

    def probes(self) -> pd.DataFrame:
        return stack([one.probe_table() for one in self._catalogues()])

    def channels(self) -> pd.DataFrame:
        return stack([one.channel_table() for one in self._catalogues()])

    def units(self, filters: UnitFilters) -> pd.DataFrame:
        return stack([one.units(filters) for one in self._catalogues()])
