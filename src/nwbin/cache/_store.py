"""What is kept: to be looked at, emptied, and put elsewhere."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from nwbin.errors import FileAccessError, LookupFailure, nearest
from nwbin.storage.addresses import shown, without_secrets
from nwbin.storage.remote import Kept
from nwbin.storage.remote import cache_folder as place

__all__ = ["Cache", "CachedFile", "clear", "status", "use"]


class CachedFile(NamedTuple):
    """What is kept of one file on a server, in one state.

    Attributes
    ----------
    address
        As it was opened, without names, passwords and arguments; "" where that is not known any more.
    etag, size
        Of the whole file, by the server; bytes.
    n_bytes, n_files
        That are kept, on this disk.
    last_used
        When, to a minute; None if never.

    Examples
    --------
    >>> [(one.address, one.n_bytes) for one in nwbin.cache.status().files]
    []
    """

    address: str
    etag: str
    size: int
    n_bytes: int
    n_files: int
    last_used: datetime | None


class Cache(NamedTuple):
    """What is kept of files on servers.

    Attributes
    ----------
    folder
        Where.
    bound
        Bytes that it may have; 0 if nothing is kept.
    n_bytes, n_files
        That it has.
    files
        Of which files, the one used last first.

    Examples
    --------
    >>> found = nwbin.cache.status()
    >>> found.n_bytes, found.n_files
    (0, 0)
    """

    folder: Path
    bound: int
    n_bytes: int
    n_files: int
    files: list[CachedFile]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        files = [
            one._asdict() | {"last_used": None if one.last_used is None else one.last_used.isoformat()}
            for one in self.files
        ]
        return self._asdict() | {"folder": str(self.folder), "files": files}


def _found() -> Kept | None:
    """Return the folder as it is, whether or not anything may be kept now; None where it is not there."""
    folder = place.folder()
    try:
        if not folder.is_dir():
            return None
        ours = place.is_ours(folder)
    except OSError as error:
        raise FileAccessError(f"{folder}: cannot be looked at ({error.strerror or error})") from error
    if not ours:
        raise FileAccessError(
            f"{folder}: was not made by nwbin, or is empty, and is left alone; set {place.DIR} to the folder that is "
            "meant"
        )
    return Kept(folder, place.size())


def status() -> Cache:
    """Say what is kept on this disk of files on servers.

    Raises
    ------
    FileAccessError
        The folder cannot be looked at, or is not nwbin's.

    Examples
    --------
    >>> found = nwbin.cache.status()
    >>> [(one.address, one.n_bytes) for one in found.files]
    []
    """
    whole = _found()
    files = [] if whole is None else [
        CachedFile(
            one.address, one.tag, one.size, one.n_bytes, one.n_files,
            datetime.fromtimestamp(one.used, UTC) if one.n_files else None,
        )
        for one in whole.entries()
    ]  # fmt: skip
    n_bytes, n_files = sum(one.n_bytes for one in files), sum(one.n_files for one in files)
    return Cache(place.folder(), place.size(), n_bytes, n_files, files)


def clear(address: str | None = None) -> int:
    """Remove what is kept of files on servers: only what nwbin put there.

    Parameters
    ----------
    address
        Of one file; by default all are removed.

    Returns
    -------
    int
        How many bytes were removed.

    Raises
    ------
    LookupFailure
        Nothing is kept of that address.
    FileAccessError
        The folder cannot be looked at, or is not nwbin's.

    Examples
    --------
    >>> nwbin.cache.clear()  # bytes that were removed
    0
    """
    whole = _found()
    entries = [] if whole is None else whole.entries()
    if address is not None:
        name, where = shown(address), without_secrets(address)
        meant = [one for one in entries if one.address == name or (where and one.place == where)]
        if not meant:
            known = sorted({one.address for one in entries if one.address})
            raise LookupFailure(f"{name}: nothing is kept of it; {nearest(name, known)}")
        entries = meant
    for one in entries:
        assert whole is not None
        whole.remove(one)
    return sum(one.n_bytes for one in entries)


def use(folder: str | os.PathLike[str] | None = None, size: int | str | None = None) -> None:
    """Have this program, and those that it starts, keep what they fetch from servers in another folder, or less of it.

    Parameters
    ----------
    folder
        An empty folder, or one that is not there yet, or one that nwbin has used before.
    size
        How many bytes may be kept, or text such as ``"2GB"``; 0 to keep nothing.

    Notes
    -----
    It sets ``NWBIN_CACHE_DIR`` and ``NWBIN_CACHE_SIZE`` in the environment. Files that are open go on as they were.

    Raises
    ------
    ArgumentError
        It is no size (also a ``ValueError``).

    Examples
    --------
    >>> nwbin.cache.use("/scratch/kept", "50GB")                                # doctest: +SKIP
    """
    before = os.environ.get(place.SIZE)
    if size is not None:
        os.environ[place.SIZE] = str(size)
        try:
            place.size()
        except ValueError:
            if before is None:
                del os.environ[place.SIZE]
            else:
                os.environ[place.SIZE] = before
            raise
    if folder is not None:
        os.environ[place.DIR] = str(Path(folder).expanduser().absolute())
