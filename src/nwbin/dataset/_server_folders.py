"""Where the sessions lie in a folder on a server: which there are, and copies of the tables that lie among them.

S3 and the DANDI archive say what a folder holds. A web server does not: there the ``sessions.csv`` of AllenSDK's cache
says which sessions there may be, and of each it is asked whether its file is there, or else its Zarr store. Nothing
else that a file says leads to a request.

The tables of AllenSDK's cache are small. They are copied, when the first of them is needed, into a folder on this
machine that has the marks and sizes of all of them in its name: it is never changed, and shared by all processes. When
others are copied, those go that nobody has used for a week, if they are of the same data set, or for a month. Where a
server gives a table no mark, nobody could tell an old copy: there the folder is one Dataset's, and goes with it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from nwbin._atomic import atomic_write
from nwbin.errors import ArgumentError, FileAccessError, FormatError, MissingFileError
from nwbin.storage.addresses import scheme_of, shown
from nwbin.storage.remote import Listed, content_of, listing, of_each, state_now

__all__ = ["ServerFile", "copy_folder", "copy_tables", "files_on_server", "state_on_server", "tables_among"]

_LARGEST = 1 << 29  # bytes of a table
_MOST_SESSIONS = 10_000  # of a web server's folder, which are asked for one by one
_COPIES = re.compile(r"[0-9a-f]{24}-[0-9a-f]{24}")  # a folder of copies: of which data set, in which state
_WEEK, _MONTH = 7 * 86_400, 30 * 86_400  # s
_TABLES = (
    "sessions.csv", "probes.csv", "channels.csv", "units.csv", "brain_observatory_1.1_analysis_metrics.csv",
    "functional_connectivity_analysis_metrics.csv",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class ServerFile:
    """A file, or a Zarr store, on a server; it has the names of its parts as a path has.

    Attributes
    ----------
    path
        Below the data set's folder.
    address
        To open it by; it holds nothing secret.
    size
        Bytes; 0 of a Zarr store, of which nobody says but the DANDI archive.
    tag, time
        By what it is known to be the same: see :func:`nwbin.storage.remote.state_now`.
    listed
        Another one each time that it is listed: where there is neither, it is never known to be the same.
    """

    path: PurePosixPath
    address: str
    size: int
    tag: str | None = None
    time: str | None = None
    listed: str = field(default_factory=lambda: uuid4().hex, compare=False)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def parent(self) -> PurePosixPath:
        return self.path.parent

    def __str__(self) -> str:
        return self.address

    @property
    def state(self) -> dict[str, Any]:
        """Its size, and what else tells whether it is the same."""
        if not self.marked:
            return {"size": self.size, "listed": self.listed}
        return _state(self.size, self.tag, self.time)

    @property
    def marked(self) -> bool:
        """Whether the server says anything but its size by which a change would be seen."""
        return self.tag is not None or self.time is not None


def _state(size: int, tag: str | None, time: str | None) -> dict[str, Any]:
    return {"size": size, **({"time": time} if tag is None else {"etag": tag.strip('"')})}


def _like(before: Mapping[str, Any], size: int, tag: str | None, time: str | None) -> dict[str, Any]:
    if "listed" in before:
        return {"size": size, "listed": before["listed"]}  # within one Dataset the size alone tells
    return _state(size, tag, time)


def state_on_server(address: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """What a file is like now, to be compared with an earlier :attr:`ServerFile.state`."""
    return _like(before, *state_now(address))


def files_on_server(address: str) -> list[ServerFile]:
    """Return the files of a data set on a server, by path: sessions, LFP, tables.

    Raises
    ------
    ArgumentError
        A data set cannot lie at such an address.
    MissingFileError, FileAccessError
        There is none, or the server fails.
    """
    name, scheme = shown(address), scheme_of(address)
    if scheme in ("s3", "dandi"):
        found = [_file(one) for one in listing(address)]
    elif scheme in ("http", "https"):
        if name != address:
            raise ArgumentError(
                f"{name}: a data set is not read at an address with a name, a password or arguments, which do not hold "
                "for all its files; its single files are, by nwbin.open(address)"
            )
        found = _of_web_folder(address.rstrip("/"), name)
    else:
        raise ArgumentError(
            f"{name}: a Dataset is a folder on this machine, or at s3://bucket/folder/, dandi://000021, or "
            "https://server/folder/; single files are read where they lie, by nwbin.open(address)"
        )
    return sorted(one for one in found if not any(part.startswith(".") for part in one.path.parts))


def _file(one: Listed) -> ServerFile:
    return ServerFile(PurePosixPath(one.path), one.address, one.size, one.tag)


def _of_web_folder(base: str, name: str) -> list[ServerFile]:
    try:
        text = content_of(f"{base}/sessions.csv", _LARGEST)[0].decode("utf-8")
    except MissingFileError:
        raise MissingFileError(
            f"{name}: a folder on a web server is a data set if sessions.csv of AllenSDK's cache lies in it, and there "
            "is none; single files are read where they lie, by nwbin.open(address)"
        ) from None
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}/sessions.csv: cannot be read as a table ({error})") from None
    try:
        ids = dict.fromkeys(int(row["id"]) for row in _rows(text))
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise FormatError(
            f"{name}/sessions.csv: cannot be read as a table with a column 'id' of numbers"
        ) from error
    if len(ids) > _MOST_SESSIONS:
        raise FileAccessError(
            f"{name}/sessions.csv: lists {len(ids):,} sessions, more than the {_MOST_SESSIONS:,} that a web server is "
            "asked for one by one; download the folder and give its path"
        )
    paths = list(_TABLES)
    for one in ids:
        paths += [f"session_{one}/session_{one}.nwb", f"session_{one}/session_{one}_analysis_metrics.csv"]

    def there(path: str) -> ServerFile | None:
        try:
            return ServerFile(PurePosixPath(path), f"{base}/{path}", *state_now(f"{base}/{path}"))
        except MissingFileError:
            return there(f"{path}.zarr") if path.endswith(".nwb") else None

    return [one for one in of_each(there, paths) if one is not None]


def _rows(text: str) -> csv.DictReader[str]:
    rows = csv.DictReader(io.StringIO(text))
    if "id" not in (rows.fieldnames or ()):
        raise KeyError("id")
    return rows


# ---------------------------------------------------------------- tables


_TABLE = re.compile(
    r"(?:sessions|probes|channels|units|[A-Za-z0-9_.-]+_analysis_metrics|(session_\d+)/\1_analysis_metrics)\.csv"
)


def tables_among(files: Sequence[ServerFile]) -> list[ServerFile]:
    """The tables of AllenSDK's cache: of all sessions, and the metrics of each."""
    return [one for one in files if _TABLE.fullmatch(str(one.path))]


def copy_folder(base: Path, address: str, tables: Sequence[ServerFile]) -> Path:
    """The folder for copies of tables in this state."""
    state = "\n".join(f"{one.path} {one.state}" for one in tables)
    parts = [hashlib.sha256(part.encode()).hexdigest()[:24] for part in (shown(address).rstrip("/"), state)]
    return base / "-".join(parts)


def _clear_copies(latest: Path) -> None:
    """Remove copies beside the latest ones that nobody uses any more."""
    now, of = time.time(), latest.name.partition("-")[0]
    with suppress(OSError), os.scandir(latest.parent) as found:
        for one in found:
            if one.name == latest.name or _COPIES.fullmatch(one.name) is None:
                continue
            with suppress(OSError):
                unused = now - one.stat(follow_symlinks=False).st_mtime
                same = one.name.partition("-")[0] == of
                if one.is_dir(follow_symlinks=False) and unused > (_WEEK if same else _MONTH):
                    shutil.rmtree(one.path, ignore_errors=True)


def copy_tables(folder: Path, tables: Sequence[ServerFile]) -> None:
    """Copy the tables that are not there yet."""

    def copy(one: ServerFile) -> None:
        target = folder.joinpath(*one.path.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        content, state = content_of(one.address, _LARGEST)
        if len(content) != one.size or _like(one.state, *state) != one.state:
            raise FileAccessError(f"{one.address}: has changed on the server; make the Dataset anew")
        with atomic_write(target) as unfinished:
            unfinished.write_bytes(content)

    with suppress(OSError):  # it is not there yet, or cannot be written
        os.utime(folder)  # before they are looked for: so nobody takes them away meanwhile
    missing = [one for one in tables if not folder.joinpath(*one.path.parts).is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        of_each(copy, missing)
        _clear_copies(folder)
