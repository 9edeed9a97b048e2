"""Where the sessions lie in a folder: AllenSDK's cache, DANDI's tree, or any folder of NWB files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from nwbin.allen.lfp import lfp_of_sessions, probe_in
from nwbin.dataset._server_folders import ServerFile, copy_folder, copy_tables, files_on_server, tables_among
from nwbin.errors import FileAccessError, MissingFileError, warn
from nwbin.storage.addresses import shown
from nwbin.storage.stores import is_nwb_store, is_store

__all__ = [
    "CSV_TABLES",
    "Layout",
    "Passing",
    "SessionFile",
    "as_id",
    "by_id",
    "find_on_server",
    "find_sessions",
    "manifest_folder",
    "not_permitted",
]

# The tables of an AllenSDK cache that list everything in it.
CSV_TABLES = ("sessions", "probes", "channels", "units")

STORE = ".zarr"  # the end of the name of a session that is a Zarr store, behind that of a file

# Names that say which session a file holds; the first group is the session's id.
_SESSION_NAMES = (
    re.compile(r"session_(\d+)\.nwb"),  # AllenSDK, Visual Coding
    re.compile(r"ecephys_session_(\d+)\.nwb"),  # AllenSDK, Visual Behavior
    re.compile(r"sub-[^_]+(?:_[a-z]+-[^_]+)*?_ses-([^_.]+)(?:_[^.]*)?\.nwb"),  # DANDI
)


@dataclass(frozen=True)
class SessionFile:
    """A session's file, and the files of its probes' LFP.

    Attributes
    ----------
    path
        The session file.
    session_id
        As its name says: a number where it is one; None where the name says nothing.
    lfp
        Probe id -> LFP file.
    """

    path: Path | ServerFile
    session_id: int | str | None = None
    lfp: dict[int, Path | ServerFile] = field(default_factory=dict)


class Passing:
    """A folder that is removed when nothing holds this any more, at the latest when the program ends."""

    def __init__(self, folder: Path) -> None:
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


@dataclass(frozen=True)
class Layout:
    """What kind of folder it is, and the sessions in it.

    Attributes
    ----------
    kind
        "allen", "dandi" or "folder".
    root
        The folder; of one on a server, the one on this machine for copies of its tables.
    files
        By path.
    address
        Of a folder on a server, without what is secret in it.
    tables
        The tables that lie there.
    passing
        Held by all who read the copies of its tables, if these are not to stay; else None.
    """

    kind: str
    root: Path
    files: tuple[SessionFile, ...]
    address: str | None = None
    tables: tuple[ServerFile, ...] = ()
    passing: Passing | None = None

    @property
    def name(self) -> str:
        """The folder, for messages."""
        return str(self.root) if self.address is None else self.address

    def copy_tables(self) -> None:
        """Have the tables of a folder on a server where those of another lie."""
        if self.address is not None:
            copy_tables(self.root, self.tables)


def as_id(text: str) -> int | str:
    """Return an id as a number where it is one that fits 64 bits."""
    return int(text) if text.isdecimal() and len(text) <= 18 else text


def by_id(root: Path, named: list[tuple[int | str, SessionFile]]) -> dict[int | str, SessionFile]:
    """Give each file an id of its own.

    Two files of one session (or of a lab that calls all its files the same) go by their names, and no two ids read
    alike: a number and its digits as text would be one result.
    """
    texts = [str(one) for one, _ in named]
    alone = {one for one in texts if one and texts.count(one) == 1}
    found: dict[int | str, SessionFile] = {}
    for one, file in named:
        name = one
        if str(one) not in alone:
            inner = file.path.path if isinstance(file.path, ServerFile) else file.path.relative_to(root)
            shortened = PurePath(inner.as_posix().removesuffix(STORE)).with_suffix("")
            name = shortened.as_posix().replace("/", "_")
            while name in found or name in alone:  # "a/b.nwb" and "a_b.nwb"
                name = f"{name}_"
        found[name] = file
    return found


def _session_id(path: Path | ServerFile) -> int | str | None:
    for pattern in _SESSION_NAMES:
        match = pattern.fullmatch(path.name.removesuffix(STORE))
        if match:
            return as_id(match[1])
    return None


def _kind(root: Path, paths: list[Path]) -> str:
    csv = [(root / f"{name}.csv").is_file() for name in CSV_TABLES]
    if any(csv) or (root / "manifest.json").is_file():
        return "allen"
    if any(path.parent.name == path.stem and path.name.startswith("session_") for path in paths):
        return "allen"
    if any(path.name.startswith("sub-") and path.parent.name.startswith("sub-") for path in paths):
        return "dandi"
    return "folder"


def manifest_folder(manifest: str | Path) -> Path:
    """Return the folder of the cache that AllenSDK opens by a manifest.

    What the manifest says is not read: in a cache everything has a place of its own. Where there is none, but data
    beside it (copied, say, which AllenSDK would write a manifest for), those are what is meant.
    """
    path = Path(manifest)
    try:
        found = _manifest_folder(path)
    except PermissionError as error:
        raise not_permitted(Path(error.filename or path)) from error
    if found is not None:
        return found
    raise MissingFileError(
        f"{path}: there is no such manifest, nor any data in its folder; where AllenSDK would write it and download, "
        "nwbin reads what is on the disk: give the manifest.json, or the folder, of a cache that was downloaded; "
        "nwbin.download(id, folder), or nwbin download ID --to FOLDER, fetches sessions there"
    )


def _manifest_folder(path: Path) -> Path | None:
    if path.is_dir():
        return path
    folder = path.parent
    copied = (
        any(folder.glob(pattern)) for pattern in ("*.nwb", "*/*.nwb", *map("{}.csv".format, CSV_TABLES))
    )
    if path.is_file() or (folder.is_dir() and any(copied)):
        return folder
    return None


def find_sessions(directory: str | Path) -> Layout:
    """Look through a folder for session files; no file is opened.

    Parameters
    ----------
    directory
        The folder, or AllenSDK's manifest.json in it. Folders in it are looked through as well, hidden ones not.
    """
    try:
        return _found(Path(directory))
    except PermissionError as error:
        raise not_permitted(Path(error.filename or directory)) from error


def not_permitted(path: Path) -> FileAccessError:
    """The error of a file or folder that may not be read."""
    return FileAccessError(
        f"{path}: no permission to read it; ask its owner for that (chmod u+rX), or give a folder of your own"
    )


def _walk(root: Path) -> Iterator[Path]:
    """NWB files and stores in a folder and in those in it, hidden ones not; a folder that may not be read is said."""

    def refused(error: OSError) -> None:
        if error.filename is None or Path(error.filename) == root:
            raise error
        warn(f"{error.filename}: {error.strerror or error}: what is in it is left out")

    for folder, folders, files in os.walk(root, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".")]
        stores = [name for name in folders if name.endswith(STORE)]
        # Nothing in a store is a file of the folder's, whatever the store holds: results are such stores too.
        folders[:] = [name for name in folders if name not in stores]
        yield from (Path(folder, name) for name in stores if is_nwb_store(Path(folder, name)))
        for name in files:
            if name.endswith(".nwb") and not name.startswith("."):
                yield Path(folder, name)


def _found(root: Path) -> Layout:
    if root.suffix == ".json" and not root.is_dir():
        root = manifest_folder(root)  # what AllenSDK's cache is opened by
    if not root.exists():
        raise MissingFileError(f"{root}: there is no such folder")
    if not root.is_dir():
        raise FileAccessError(
            f"{root}: is a file; nwbin.open reads one session, a Dataset is a folder of them"
        )
    if is_store(root):
        raise _one_session(str(root))
    root = root.resolve()
    paths = sorted(_walk(root))
    sessions, files = _grouped(paths)
    return Layout(_kind(root, sessions), root, tuple(files))


def _one_session(name: str) -> FileAccessError:
    return FileAccessError(
        f"{name}: is a Zarr store; nwbin.open reads one session, a Dataset is a folder of them"
    )


def _grouped(paths: Sequence[Any]) -> tuple[list[Any], list[SessionFile]]:
    """Session files among NWB files, and each with the LFP files that belong to it."""
    sessions = [path for path in paths if probe_in(path.name) is None]
    folders: dict[PurePath, dict[str, Any]] = {}
    for path in paths:
        folders.setdefault(path.parent, {})[path.name] = path
    lfp = {folder: lfp_of_sessions(beside) for folder, beside in folders.items()}
    files = [
        SessionFile(
            path,
            _session_id(path),
            {probe: folders[path.parent][name] for probe, name in lfp[path.parent][path.name].items()},
        )
        for path in sessions
    ]
    return sessions, files


def find_on_server(address: str, copies: Path | None) -> Layout:
    """Ask a server for the session files of a folder; none is opened.

    Parameters
    ----------
    address
        See :class:`nwbin.Dataset`.
    copies
        The folder on this machine for copies of tables; None for one that goes with those who read them.
    """
    name = shown(address)
    if is_store(address):
        raise _one_session(name)
    found = files_on_server(address)
    sessions, files = _grouped([one for one in found if one.name.endswith((".nwb", f".nwb{STORE}"))])
    if not files:
        raise MissingFileError(
            f"{name}: holds neither .nwb files of sessions nor Zarr stores (*.nwb{STORE}); check the address"
        )
    tables = tables_among(found)
    kind = "folder"
    if any(str(one.path) == f"{table}.csv" for one in tables for table in CSV_TABLES) or any(
        one.parent.name == one.stem and one.name.startswith("session_") for one in sessions
    ):
        kind = "allen"
    elif any(one.name.startswith("sub-") for one in sessions):
        kind = "dandi"
    passing = None
    if copies is None:
        copies = Path(tempfile.mkdtemp(prefix="nwbin-"))
        passing = Passing(copies)
    root = copy_folder(copies, address, tables)
    if passing is None and not all(one.marked for one in tables):
        passing = Passing(root)
    return Layout(kind, root, tuple(files), name, tuple(tables), passing)
