"""One file: what is there of it already, what is missing, and whether it is the right one in the end."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nwbin._atomic import size_text, writing
from nwbin.downloads._results import Downloaded
from nwbin.downloads._wanted import Wanted
from nwbin.errors import FileAccessError, MissingFileError, NwbinError
from nwbin.storage.addresses import shown
from nwbin.storage.remote import (
    KeptPart,
    WholeFile,
    digest_of,
    fetch,
    file_record,
    is_of,
    look_up,
    recorded,
    write_record,
)
from nwbin.storage.stores import is_store

__all__ = ["Counter", "How", "get"]

Told = Callable[[int], object]


@dataclass
class Counter:
    """How much is there of a file, and how much came now, for whoever shows it."""

    size: int = 0
    there: int = 0
    got: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def came(self, number: int) -> None:
        """Count bytes that came over the network."""
        with self.lock:
            self.there += number
            self.got += number


@dataclass(frozen=True)
class How:
    """How files are downloaded.

    Attributes
    ----------
    connections
        Ranges of one file at a time.
    verify
        Read what is there already, and compare its digest.
    overwrite
        Download in place of what is there and is not the file.
    stop
        Set once nothing further is wanted.
    """

    connections: int
    verify: bool
    overwrite: bool
    stop: threading.Event


class Stopped(Exception):
    """It was stopped; what came is kept."""


def get(wanted: Wanted, how: How, counter: Counter) -> Downloaded | None:
    """Download a file, unless it is there; None where it was stopped. Errors of nwbin's and the disk's become part."""
    began, name = time.monotonic(), shown(wanted.address)
    try:
        status, checked = _got(wanted, how, counter)
        error = ""
    except Stopped:
        return None
    except MissingFileError as problem:
        status, checked, error = ("absent" if wanted.is_table else "failed"), "", str(problem)
    except (NwbinError, OSError) as problem:
        status, checked, error = "failed", "", str(problem)
    size = wanted.target.stat().st_size if status in ("done", "kept") else counter.size
    seconds = time.monotonic() - began
    return Downloaded(wanted.target, name, status, size, counter.got, seconds, checked, error)


def _got(wanted: Wanted, how: How, counter: Counter) -> tuple[str, str]:
    if is_store(wanted.address):
        raise FileAccessError(
            f"{shown(wanted.address)}: is the address of a Zarr store, a folder of many files, and folders are not "
            "downloaded; read it where it is (nwbin.File takes the address), or copy it with a tool that copies folders"
        )
    wanted.target.parent.mkdir(exist_ok=True)
    counter.size = wanted.size or 0
    file: WholeFile | None = None
    if os.path.lexists(wanted.target):
        checked, file = _there(wanted, how, counter)
        if checked is not None:
            counter.size = counter.there = wanted.target.stat().st_size
            return "kept", checked
    file = look_up(wanted.address) if file is None else file
    counter.size = file.state.size
    if wanted.size is not None and wanted.size != file.state.size:
        raise FileAccessError(
            f"{file.name}: has {file.state.size:,} bytes, and the list of the data set says {wanted.size:,}: it is "
            "another version; try the other source (s3, dandi)"
        )
    with writing(wanted.target), closing(KeptPart(wanted.target, file.name, file.state)) as part:
        missing = sum(stop - start for start, stop in part.missing)
        counter.there = file.state.size - missing
        _check_room(wanted.target, missing)
        fetch(file, part, how.connections, how.stop, counter.came)
        if how.stop.is_set():
            raise Stopped
        return "done", _finished(part, wanted.sha256 or file.sha256, file.name, how)


def _finished(part: KeptPart, sha256: str | None, name: str, how: How) -> str:
    """Compare what came with what it should be, and give it its name."""
    found = digest_of(part.path, how.stop)
    if not found:
        raise Stopped
    if sha256 is not None and found != sha256:
        part.throw_away()
        raise FileAccessError(
            f"{name}: what came has another digest (SHA-256 {found}) than it should have ({sha256}): it was damaged on "
            "the way or on the server, or is another version; nothing of it is kept: try again, or another source"
        )
    checked = "size" if sha256 is None else "sha256"
    part.finish(found, checked, overwrite=how.overwrite)
    return checked


def _there(wanted: Wanted, how: How, counter: Counter) -> tuple[str | None, WholeFile | None]:
    """How what is there was checked, if it is the file; None where it is to be replaced. Else raises.

    Also what the server says, if it was asked.
    """
    target = wanted.target
    if target.is_symlink() or not target.is_file():
        raise FileAccessError(f"{target}: is no plain file, and is left alone; move it away")
    if wanted.is_table and not how.overwrite:
        return "", None
    said, stat = recorded(target) or {}, target.stat()
    untouched = (said.get("bytes"), said.get("mtime_ns")) == (stat.st_size, stat.st_mtime_ns)
    if wanted.sha256 is not None:
        if untouched and said.get("sha256") == wanted.sha256 and not how.verify:
            return "sha256", None
        counter.size = stat.st_size
        found = digest_of(target, how.stop) if stat.st_size == wanted.size else "another"
        if not found:
            raise Stopped
        if found == wanted.sha256:
            _remember(target, found, said)
            return "sha256", None
        why = (
            f"has {stat.st_size:,} bytes of {wanted.size:,}"
            if stat.st_size != wanted.size
            else f"has another digest (SHA-256 {found}) than it should have"
        )
        _replaced_or_not(target, why, how)
        return None, None
    file = look_up(wanted.address)
    same = is_of(said, file.name, file.state)
    if same and how.verify:
        untouched = digest_of(target, how.stop) == said.get("sha256")
    if how.stop.is_set():
        raise Stopped
    if same and untouched:
        return str(said.get("checked", "size")), file
    why = "is there, and is not known to be the file that lies on the server"
    _replaced_or_not(target, why, how)
    return None, file


def _replaced_or_not(target: Path, why: str, how: How) -> None:
    if not how.overwrite:
        raise FileAccessError(
            f"{target}: {why}; it is left alone: move it away, or download over it with overwrite=True (--overwrite)"
        )


def _remember(target: Path, sha256: str, said: dict[str, Any]) -> None:
    """Record that a file was read and is right, so that it need not be read the next time."""
    kept: dict[str, Any] = {name: said[name] for name in ("address", "size", "etag", "time") if name in said}
    write_record(target, {**kept, **file_record(target, sha256), "checked": "sha256"})


def _check_room(target: Path, missing: int) -> None:
    disk = shutil.disk_usage(target.parent)
    if missing > disk.free and disk.total:  # some network file systems say 0 of everything
        raise FileAccessError(
            f"{target}: {size_text(missing)} are missing, and the disk has {size_text(disk.free)} free; make room, or "
            "give a folder on another disk"
        )
