"""Which folders and files are Zarr stores, and by what one on the disk is known to be still the same."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from nwbin.storage.addresses import chained, is_address

__all__ = ["GATHERED", "METADATA", "gathers", "is_nwb_store", "is_store", "state_of"]

METADATA = ("zarr.json", ".zgroup", ".zattrs", ".zmetadata", ".zarray")  # what a store has at its top
GATHERED = (
    "zarr.json",
    ".zmetadata",
)  # of these, what may gather the metadata of all of it; the first that is there
_ENDING = ".zarr"
_LARGEST = 1 << 26  # bytes of a file of metadata


def is_store(source: str | os.PathLike[str]) -> bool:
    """Whether a Zarr store is meant: a folder with Zarr's metadata, a .zip file, or an address that ends in .zarr.

    A folder whose name ends in .zarr is one too, so that what is damaged there is said.
    """
    if isinstance(source, str) and is_address(source):
        return chained(source)[-1].partition("?")[0].partition("#")[0].rstrip("/").endswith(_ENDING)
    try:
        path = Path(source).expanduser()
        if path.is_dir():
            return path.name.endswith(_ENDING) or any((path / name).is_file() for name in METADATA)
        return path.name.endswith(".zip") and path.is_file() and zipfile.is_zipfile(path)
    except (OSError, ValueError, RuntimeError):
        return False  # whoever opens it says why


def gathers(top: bytes) -> bool:
    """Whether the topmost document of a store of format 3 (zarr.json) has those of all other objects in it."""
    try:
        said = json.loads(top)
    except (ValueError, RecursionError):
        return False  # whoever opens the store says what is wrong with it
    gathered = said.get("consolidated_metadata") if isinstance(said, dict) else None
    return isinstance(gathered, dict) and isinstance(gathered.get("metadata"), dict)


def is_nwb_store(path: Path) -> bool:
    """Whether a folder is a Zarr store that says it is NWB; only its topmost metadata are read."""
    for name in (".zattrs", "zarr.json"):
        try:
            file = path / name
            if not file.is_file() or file.stat().st_size > _LARGEST:
                continue
            said = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        said = said.get("attributes") if name == "zarr.json" and isinstance(said, dict) else said
        if isinstance(said, dict) and "nwb_version" in said:
            return True
    return False


def state_of(path: Path) -> dict[str, Any]:
    """By what a file or a store on the disk is known to be unchanged: plain values, "size" (bytes) among them.

    Of a file its length and time of change. Of a folder the length of all its files, and a digest of their names,
    lengths and times of change: so it changes with any file in it that is written, added or lost; no file is read.

    Raises
    ------
    OSError
        It is not there, or may not be looked at.
    """
    stat = path.stat()
    if not path.is_dir():
        return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    found, size = [], 0
    todo = [""]
    while todo:
        folder = todo.pop()
        with os.scandir(path / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    todo.append(name)
                    continue
                stat = entry.stat(follow_symlinks=False)
                found.append((name, stat.st_size, stat.st_mtime_ns))
                size += stat.st_size
    digest = hashlib.sha256(repr(sorted(found)).encode("utf-8", "surrogateescape"))
    return {"size": size, "files": len(found), "sha256": digest.hexdigest()}
