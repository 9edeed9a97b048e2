"""Indexes: what of files on servers says where things lie, in one file that can be handed on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from nwbin._kept_back import own_kept_back
from nwbin.errors import (
    ArgumentError,
    FileAccessError,
    FormatError,
    LookupFailure,
    MissingFileError,
)
from nwbin.session import Session
from nwbin.session import open as open_session
from nwbin.storage.addresses import is_address, shown, shown_path
from nwbin.storage.remote import Index, Kept, Part, Shelf, State, keeping_in, kept, write_index_file
from nwbin.storage.stores import is_store

__all__ = ["add_index", "write_index"]

_UNBOUNDED = 1 << 60  # bytes


class _Noting(Kept):
    """A folder that remembers of which files something is kept in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _UNBOUNDED)
        self.parts: list[Part] = []

    def shelf(self, place: str, address: str, state: State) -> Shelf | None:
        found = super().shelf(place, address, state)
        if found is not None:
            self.parts.append(Part(address, place, state, found))
        return found

    def wrote(self, n_bytes: int) -> None:
        """Look after nothing: what is for the index must stay until it is in there, however full the disk is."""


def write_index(
    addresses: str | Iterable[str],
    path: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write an index of files on servers: their structure, tables of units, intervals and presentations.

    Parameters
    ----------
    addresses : str, or iterable of str
        Of the files.
    path : str or os.PathLike
        Of the index: one zip file. It appears whole or not at all.
    progress : callable, optional
        Called with how many files are done, and of how many.

    Returns
    -------
    int
        How many bytes of the files are in it.

    Raises
    ------
    FileAccessError
        A file cannot be read, or its server names no ETag by which one would know it again.
    ArgumentError
        There is no address, or one is none; or one is of a Zarr store.

    Notes
    -----
    ``nwbin.open(address, index=path)`` and :class:`nwbin.File` take it, and :func:`add_index` puts it where every
    command and job finds it. It holds for a file as long as its server names the same ETag and size. A false index is
    believed, as a false file is: take one only from where you would take the data.

    Working set: a few megabytes of each file on the disk for temporary files.

    Examples
    --------
    >>> nwbin.cache.write_index(["s3://bucket/a.nwb", "s3://bucket/b.nwb"], "sessions.index")      # doctest: +SKIP
    >>> session = nwbin.open("s3://bucket/a.nwb", index="sessions.index")                          # doctest: +SKIP
    """
    wanted = [addresses] if isinstance(addresses, str) else list(dict.fromkeys(addresses))
    if not wanted:
        raise ArgumentError("there is no address to make an index of")
    for one in wanted:
        if not is_address(one):
            raise ArgumentError(
                f"{shown_path(one)}: is no address; an index is of files on servers, files on the disk need none"
            )
        if is_store(one):
            raise ArgumentError(
                f"{shown(one)}: is a Zarr store, whose metadata are in one piece already; an index is of HDF5 files: "
                "open the store without"
            )
    target = Path(path)
    if target.is_dir():
        raise FileAccessError(f"{target}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise MissingFileError(f"{target}: there is no folder {str(target.parent)!r}; make it first")
    with tempfile.TemporaryDirectory(prefix="nwbin-index-") as folder:
        return write_index_file(target, _parts(wanted, Path(folder), progress))


def _parts(addresses: list[str], folder: Path, progress: Callable[[int, int], None] | None) -> Iterator[Part]:
    for done, address in enumerate(addresses):
        whole = _Noting(folder)
        with keeping_in(whole), own_kept_back(), open_session(address) as session:
            if not whole.parts:
                raise FileAccessError(
                    f"{shown(address)}: its server names no ETag that speaks for every byte, or the address has "
                    "arguments of its own: it would not be known again, and no index can be made of it"
                )
            _look_through(session)
        yield whole.parts[0]
        for entry in whole.entries():
            whole.remove(entry)
        if progress is not None:
            progress(done + 1, len(addresses))


def _look_through(session: Session) -> None:
    """Read what says where things lie, and the tables; not the spikes, nor what is measured all the time."""
    file = session.file
    steps: tuple[Callable[[], object], ...] = (
        lambda: session.units,
        lambda: session.stimulus_presentations,
        lambda: [file.intervals[name] for name in file.intervals],
        lambda: (file.electrodes, file.electrode_groups, file.devices, file.subject),
        lambda: (file.identifier, file.session_id, file.session_start_time, file.institution),
        lambda: file.spike_trains([]),  # where each unit's lie
    )
    for look in steps:
        with suppress(LookupFailure, FormatError):  # other labs' files may lack them
            look()


def add_index(path: str | os.PathLike[str]) -> int:
    """Put what an index has where this disk's parts of files on servers are kept, so that all that open them find it.

    Parameters
    ----------
    path : str or os.PathLike
        Of the index.

    Returns
    -------
    int
        Of how many files all that it has is kept now.

    Raises
    ------
    MissingFileError, FileAccessError
        There is none, or it is no index; or nothing is kept on this disk, or nothing of it has room.

    Examples
    --------
    >>> nwbin.cache.add_index("sessions.index")                                 # doctest: +SKIP
    """
    index, whole = Index(path), kept()
    if whole is None:
        raise FileAccessError(
            f"{Path(path)}: nothing is kept of files on servers here (NWBIN_CACHE_SIZE, NWBIN_CACHE_DIR); give it to "
            "nwbin.open as index="
        )
    for one in index.files.values():
        shelf = whole.shelf(one.place, one.address, one.state)
        if shelf is not None:
            index.keep(one, shelf)
    # Only now: what comes later can push out what was put in before.
    shelves = [(one, whole.shelf(one.place, one.address, one.state)) for one in index.files.values()]
    whole_ones = [one for one, shelf in shelves if shelf is not None and index.is_kept(one, shelf)]
    # Of small files it has nothing: they come whole with the first request.
    if any(one.runs for one in index.files.values()) and not any(one.runs for one in whole_ones):
        raise FileAccessError(
            f"{Path(path)}: of none of its files all that it has could be kept, as there is too little room "
            "(NWBIN_CACHE_SIZE, or on the disk); make some, or give it to nwbin.open as index="
        )
    return len(whole_ones)
