"""What a session's file says of itself, kept in a cache folder: read once, and again when the file changes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._names import safe_name
from nwbin._unfinished import clear_unfinished, unfinished_name
from nwbin.allen.places import channel_table, probe_table
from nwbin.allen.project_tables import Catalogue
from nwbin.dataset._server_folders import ServerFile
from nwbin.nwb.file import File
from nwbin.storage.stores import state_of
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Index", "Record", "cache_folder"]

# Raised when records hold something else than before: older ones are then not read.
_VERSION = 1

# Column of a session's channels -> its name in AllenSDK's channels.csv.
_CHANNEL_NAMES = {
    "probe_id": "ecephys_probe_id",
    "probe_channel_number": "local_index",
    "probe_horizontal_position": "probe_horizontal_position",
    "probe_vertical_position": "probe_vertical_position",
    "anterior_posterior_ccf_coordinate": "anterior_posterior_ccf_coordinate",
    "dorsal_ventral_ccf_coordinate": "dorsal_ventral_ccf_coordinate",
    "left_right_ccf_coordinate": "left_right_ccf_coordinate",
    "structure_acronym": "ecephys_structure_acronym",
    "valid_data": "valid_data",
}


@dataclass(frozen=True)
class Record:
    """A file's own tables, in the form of AllenSDK's CSV files.

    Attributes
    ----------
    identifier
        The file's identifier: the session's id in Allen's files.
    tables
        "sessions" (one row), "probes", "channels" and "units", each with index id.
    """

    identifier: str
    tables: dict[str, pd.DataFrame]

    def catalogue(self, session_id: int | str) -> Catalogue:
        """Make the tables of one session known by an id."""
        import pandas as pd

        found = {name: table.copy() for name, table in self.tables.items()}
        found["sessions"].index = pd.Index([session_id], name="id")
        owned = ("probes", "units") if "ecephys_channel_id" not in found["units"].columns else ("probes",)
        for name in owned:
            found[name]["ecephys_session_id"] = np.full(len(found[name]), session_id, dtype=object)
            if isinstance(session_id, int):
                found[name]["ecephys_session_id"] = np.full(len(found[name]), session_id, dtype=np.int64)
        return Catalogue(
            *(found[name] for name in ("sessions", "probes", "channels", "units")), from_file=True
        )


def read_record(path: Path | ServerFile) -> Record:
    """Read a session file's own tables; its spikes are not touched."""
    import pandas as pd

    with File(str(path)) as file:
        subject = file.subject
        started = file.session_start_time
        said = {
            "date_of_acquisition": None if started is None else started.isoformat(),
            "session_type": file.stimulus_notes,
            "age_in_days": float(subject["age_in_days"]) if "age_in_days" in subject else np.nan,
            "sex": subject.get("sex"),
            "genotype": subject.get("genotype"),
        }
        sessions = frame_of(
            {
                name: np.asarray([value], dtype=np.float64 if name == "age_in_days" else object)
                for name, value in said.items()
            },
            pd.Index([0], name="id"),
        )
        probes = probe_table(file).rename(columns={"description": "name"}).drop(columns="location")
        channels = channel_table(file, valid_only=False)
        placed = "probe_id" in channels.columns and len(probes) > 0
        named = {old: new for old, new in _CHANNEL_NAMES.items() if old in channels.columns}
        channels = channels[list(named)].rename(columns=named) if placed else channels.iloc[:0, :0]
        if not placed:
            channels = channels.assign(ecephys_probe_id=np.empty(0, np.int64))
        units = file.units
        units = units[[name for name in units.columns if name not in ("group", "device")]]
        units = units.rename(columns={"waveform_duration": "duration", "waveform_halfwidth": "halfwidth"})
        if placed and "peak_channel_id" in units.columns:
            units = units.rename(columns={"peak_channel_id": "ecephys_channel_id"})
        tables = {"sessions": sessions, "probes": probes, "channels": channels, "units": units}
        return Record(file.identifier or "", tables)


def cache_folder() -> Path:
    """Return the folder for what can be made anew: NWBIN_CACHE, or the user's cache folder of the system."""
    if os.environ.get("NWBIN_CACHE"):
        return Path(os.environ["NWBIN_CACHE"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "nwbin"


class Index:
    """Records of files, in memory and in a folder.

    Parameters
    ----------
    folder
        Where to keep them; None for memory only. A folder that cannot be written is no error.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._known: dict[Path | ServerFile, tuple[dict[str, Any], Record]] = {}

    def record(self, path: Path | ServerFile) -> Record:
        """Return a file's record: from memory, from the folder, or by reading the file."""
        stamp = {"version": _VERSION, "path": str(path), **_state(path)}
        if path in self._known and self._known[path][0] == stamp:
            return self._known[path][1]
        record = self._stored(path, stamp)
        if record is None:
            record = read_record(path)
            self._store(path, stamp, record)
        self._known[path] = (stamp, record)
        return record

    def _at(self, path: Path | ServerFile) -> Path | None:
        if self.folder is None:
            return None
        return (
            self.folder
            / f"{safe_name(path.stem)[:60]}-{hashlib.sha256(os.fsencode(str(path))).hexdigest()[:16]}.npz"
        )

    def _stored(self, path: Path | ServerFile, stamp: dict[str, Any]) -> Record | None:
        at = self._at(path)
        if at is None:
            return None
        try:
            with at.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                said = json.loads(str(stored["said"]))
                if said["stamp"] != stamp:
                    return None
                tables = {name: _unpacked(stored, name, columns) for name, columns in said["tables"].items()}
                return Record(said["identifier"], tables)
        except Exception:  # absent, or damaged in whatever way: the file is read instead
            return None

    def _store(self, path: Path | ServerFile, stamp: dict[str, Any], record: Record) -> None:
        at = self._at(path)
        if at is None:
            return
        arrays: dict[str, Any] = {}
        said: dict[str, Any] = {"stamp": stamp, "identifier": record.identifier, "tables": {}}
        for name, table in record.tables.items():
            said["tables"][name] = _packed(arrays, name, table)
        part = unfinished_name(at)
        try:
            at.parent.mkdir(parents=True, exist_ok=True)
            clear_unfinished(at)
            with part.open("wb") as file:
                np.savez_compressed(file, said=np.asarray(json.dumps(said)), **arrays)
            part.replace(at)
        except OSError:
            return  # a read-only or full disk costs time, nothing else
        finally:
            if part.exists():
                part.unlink()


def _state(path: Path | ServerFile) -> dict[str, Any]:
    if isinstance(path, ServerFile):
        return path.state
    return state_of(path)


def _packed(arrays: dict[str, Any], name: str, table: pd.DataFrame) -> list[str]:
    """Lay a table's columns into arrays without pickle: text as JSON."""
    arrays[f"{name}/"] = table.index.to_numpy()
    for column in table.columns:
        values = table[column].to_numpy()
        if values.dtype.kind == "O":
            plain = [None if v is None or v != v else v for v in values.tolist()]
            plain = [v if v is None or isinstance(v, bool | int | float) else str(v) for v in plain]
            values = np.frombuffer(json.dumps(plain).encode(), np.uint8)
            column = f"json:{column}"
        arrays[f"{name}/{column}"] = values
    return [str(column) for column in table.columns]


def _unpacked(stored: Any, name: str, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    found: dict[str, Any] = {}
    for column in columns:
        if f"{name}/json:{column}" in stored:
            found[column] = np.asarray(json.loads(stored[f"{name}/json:{column}"].tobytes()), dtype=object)
        else:
            found[column] = stored[f"{name}/{column}"]
    return frame_of(found, pd.Index(stored[f"{name}/"], name="id"))
