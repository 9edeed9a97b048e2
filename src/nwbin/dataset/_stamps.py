"""Stamps: what a result hangs on and what it consists of, as JSON.

A job takes a result up again only where all that it hangs on is the same, and where the result is whole. Both are
in its stamp, which is written last. In a Zarr store it is the attribute ``nwbin`` of a session's group; of results
in single files it is ``.nwbin/session_<name>.json`` in their folder::

    {
      "version": "0.1.0",              of nwbin, for people
      "stamp": {
        "meaning": 1,                  MEANING, below
        "spec": {...},                 what was asked for: the job, its arguments, the unit filters
        "session": {"size": ..., "mtime_ns": ...},                     of the session's file: see state_of, ServerFile
        "tables": {"channels.csv": "<sha256>", "units.csv": null, ...} of an AllenSDK cache; null: not there
      },
      "content": {"files": {"unit_id/c/0": 123, ...},           of a group: its files and their bytes, and the digests
                  "sha256": {"unit_id/zarr.json": "...", ...}}, of those that describe the others
      "result": {"name": "session_5.npz", "bytes": 123, "sha256": "..."}           of a file; the digest is of its bytes
    }

What is there and is not what the stamp says is nothing that a job can be shown to have written: it is left alone.
Only what is missing is made again: what a stamp lists, and of which there is nothing.

Whatever a stamp says is data: names in it are compared, never followed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, TypeGuard

import nwbin
from nwbin.dataset._server_folders import state_on_server
from nwbin.storage.stores import state_of

if TYPE_CHECKING:
    from nwbin.dataset._opening import Opening

__all__ = [
    "MEANING",
    "Stamp",
    "content_of",
    "digest_of",
    "entries",
    "file_entry",
    "inputs_of",
    "is_content",
    "is_entry",
    "is_lost_file",
    "is_same_file",
    "read_json",
    "stamp_entry",
    "stamp_of",
    "strange_in",
]  # fmt: skip

# Raise it when the same request on the same files gives another answer than before, or the same answer in another
# form: a corrected count, other units behind the same filters, a renamed or added label. Results of an older meaning
# are then made again, and never stand beside new ones. A quicker way to the same numbers is no reason.
# 2: dimensions are named as AllenSDK names them, and units have ecephys_structure_acronym.
# 3: tables of metrics say which unit filters were applied.
MEANING = 3

Stamp = dict[str, Any]


def stamp_of(spec: Mapping[str, Any], opening: Opening) -> Stamp:
    """Everything that a session's result hangs on, in plain values."""
    said = {"meaning": MEANING, "spec": {**spec, "filters": opening.spec()}, **inputs_of(opening)}
    stamp: Stamp = json.loads(json.dumps(said))
    return stamp


def inputs_of(opening: Opening, *, now: bool = False) -> dict[str, Any]:
    """The state of the files that a session is read from: its own, and the tables that decide on its units.

    Of a file on a server it is what the data set's listing said, or, if `now` matters, what the server says.
    """
    if opening.state is not None:
        session = state_on_server(opening.path, opening.state) if now else dict(opening.state)
    else:
        try:
            session = state_of(Path(opening.path))
        except OSError:
            session = {}
    return {"session": session, "tables": {name: digest_of(path) for name, path in opening.tables().items()}}


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file's bytes; None where there is none that can be read."""
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, mtime: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------- what a result consists of


def stamp_entry(stamp: Stamp) -> dict[str, Any]:
    """What stands beside a result, but for what it consists of."""
    return {"version": nwbin.__version__, "stamp": stamp}


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None where there is no such file, or something else in it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def content_of(folder: Path, described_by: str, described: Mapping[str, Any]) -> dict[str, Any]:
    """What a folder consists of: the size of each file, and the digest of each that describes the others.

    Parameters
    ----------
    folder
        Links in it are not followed: they count as what is of no size.
    described_by
        The name of the files of JSON that describe the others.
    described
        What the one at the top says, the stamp aside, which is in it and cannot list itself.
    """
    files = {name: size for name, size in entries(folder) if size is not None and name != described_by}
    digests = {name: _digest_now(folder / name) for name in files if name.rpartition("/")[2] == described_by}
    top = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return {"files": files, "sha256": {**digests, described_by: top}}


def strange_in(folder: Path, listed: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Names in a folder that its stamp does not list, or not as they are; what is missing or empty is not strange.

    `listed` and `found` are of :func:`content_of`, the former as the stamp says it.
    """
    sizes, digests = dict(listed["files"]), dict(listed["sha256"])
    folders = {name[:at] for name in sizes for at in range(len(name)) if name[at] == "/"}
    strange = {name for name, size in entries(folder) if size is None and name not in folders}
    strange.update(name for name, size in found["files"].items() if size != sizes.get(name))
    strange.update(name for name, digest in found["sha256"].items() if digest != digests.get(name))
    empty = {name for name, size in found["files"].items() if not size and name in sizes}
    return sorted(strange - empty)


def is_content(said: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a stamp says what a folder consists of; one that does not proves nothing."""
    return (
        isinstance(said, dict)
        and all(isinstance(said.get(part), dict) and said[part] for part in ("files", "sha256"))
        and all(isinstance(size, int) for size in said["files"].values())
    )


def entries(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Yield (name, bytes) of what is in a folder; None instead of bytes for folders, links and whatever is no file."""

    def unreadable(error: OSError) -> None:
        raise error  # what cannot be seen is not taken for missing

    for at, folders, files in os.walk(folder, onerror=unreadable):
        for name in (*folders, *files):
            path = Path(at, name)
            stat = path.lstat()
            yield path.relative_to(folder).as_posix(), stat.st_size if S_ISREG(stat.st_mode) else None


def file_entry(path: Path) -> dict[str, Any]:
    """What a result in one file is."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def is_entry(said: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a stamp says what file a result is; one without size or digest proves nothing."""
    return (
        isinstance(said, dict) and isinstance(said.get("bytes"), int) and isinstance(said.get("sha256"), str)
    )


def is_lost_file(path: Path) -> bool:
    """Whether of a file nothing is there: it is missing, or empty."""
    try:
        return not path.lstat().st_size
    except FileNotFoundError:
        return True


def is_same_file(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file is the one that its stamp says, to the byte."""
    try:
        return bool(path.stat().st_size == entry["bytes"]) and _digest_now(path) == entry["sha256"]
    except OSError:
        return False


def _digest_now(path: Path) -> str | None:
    """As :func:`digest_of`, and nothing remembered: a result may be exchanged within one tick of the clock."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
