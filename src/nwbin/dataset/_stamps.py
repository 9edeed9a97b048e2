"""Stamps: what a result hangs on and what it consists of, as JSON.

A job takes a result up again only where all that it hangs on is the same, and where the result is whole. Both are
in its stamp, which is written last. In a Zarr store it is the attribute ``nwbin`` of a session's group; of results
in single files it is ``.nwbin/session_<name>.json`` in their folder::

    {
      "version": "0.1.0",              of nwbin, for people
      "stamp": {
        "meaning": 1,                  MEANING, below
        "spec": {...},                 what was asked for: the job, its arguments, the unit filters
        "session": {"size": ..., "mtime_ns": ...},                     of the session's file
        "tables": {"channels.csv": "<sha256>", "units.csv": null, ...} of an AllenSDK cache; null: not there
      },
      "content": {"files": 57, "bytes": 123, "sha256": "..."},  of a group: its files, their bytes, and the digest of
                                                                all their names and sizes
      "result": {"name": "session_5.npz", "bytes": 123, "sha256": "..."}           of a file; the digest is of its bytes
    }

Whatever a stamp says is data: names in it are compared, never followed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nwbin

if TYPE_CHECKING:
    from nwbin.dataset._task import Opening

__all__ = [
    "MEANING",
    "Stamp",
    "content_of",
    "digest_of",
    "file_entry",
    "inputs_of",
    "is_whole_file",
    "is_whole_folder",
    "read_json",
    "stamp_entry",
    "stamp_of",
]  # fmt: skip

# Raise it when the same request on the same files gives another answer than before, or the same answer in another
# form: a corrected count, other units behind the same filters, a renamed or added label. Results of an older meaning
# are then made again, and never stand beside new ones. A quicker way to the same numbers is no reason.
# 2: dimensions are named as AllenSDK names them, and units have ecephys_structure_acronym.
MEANING = 2

Stamp = dict[str, Any]


def stamp_of(spec: Mapping[str, Any], opening: Opening) -> Stamp:
    """Everything that a session's result hangs on, in plain values."""
    said = {"meaning": MEANING, "spec": {**spec, "filters": opening.spec()}, **inputs_of(opening)}
    stamp: Stamp = json.loads(json.dumps(said))
    return stamp


def inputs_of(opening: Opening) -> dict[str, Any]:
    """The state of the files that a session is read from: its own, and the tables that decide on its units."""
    try:
        stat = Path(opening.path).stat()
        session = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
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


def content_of(folder: Path, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """What a folder consists of: how many files, their bytes, and a digest of all names and sizes."""
    left_out = set(leave_out)
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
    kept = sorted(item for item in sizes.items() if item[0] not in left_out)
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()
    return {"files": len(kept), "bytes": sum(size for _, size in kept), "sha256": digest}


def is_whole_folder(folder: Path, content: Any, leave_out: Iterable[str] = ()) -> bool:
    """Whether a folder holds what its stamp says."""
    try:
        return isinstance(content, dict) and content_of(folder, leave_out) == content
    except OSError:
        return False


def file_entry(path: Path) -> dict[str, Any]:
    """What a result in one file is."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def is_whole_file(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file is there with the size that its stamp says."""
    try:
        return path.is_file() and path.stat().st_size == entry.get("bytes")
    except OSError:
        return False
