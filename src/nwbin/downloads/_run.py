"""Many files at a time, and how far they have come."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from nwbin._atomic import one_of, size_text
from nwbin._keywords import names_checked
from nwbin._progress import progress_display
from nwbin._wording import counted
from nwbin.downloads._manifest import write_manifest
from nwbin.downloads._one_file import Counter, How, get
from nwbin.downloads._results import Downloaded, Downloads
from nwbin.downloads._wanted import SOURCES, Source, Wanted, wanted_files
from nwbin.errors import ArgumentError, FileAccessError, MissingFileError
from nwbin.storage.opening import StrPath
from nwbin.storage.remote import recorded

__all__ = ["download"]

Progress = Callable[[int, int], object]

_CONNECTIONS = 8  # of all files together, but no fewer than 2 of each
_LOOK = 0.2  # s between looks at how far they have come
_PATIENCE = 3.0  # s that those at work are waited for when it was interrupted


@names_checked
def download(
    what: int | str | Iterable[int | str],
    folder: StrPath,
    *,
    lfp: bool = False,
    source: Source = "s3",
    tables: bool = True,
    jobs: int = 2,
    verify: bool = False,
    overwrite: bool = False,
    progress: bool | Progress | None = None,
) -> Downloads:
    """Download session files: whole, checked, and taken up again where they were interrupted.

    Parameters
    ----------
    what
        Ids of released Visual Coding sessions (:func:`nwbin.files` lists them), "all" for all 58, or addresses as
        :class:`nwbin.File` takes them.
    folder
        Where they go; it is made if the folder that it lies in is there. Sessions given by id go to the places that
        AllenSDK's cache has for them, ``session_<id>/session_<id>.nwb``, with a ``manifest.json`` if there is none,
        so that both :class:`nwbin.Dataset` and AllenSDK's EcephysProjectCache use them. Whatever else goes to
        ``folder/<name>``, where the name is the last part of the address, made safe.
    lfp
        Of sessions given by id also the files of their probes' LFP, 2 GB each.
    source : {"s3", "dandi"}
        Of sessions given by id: the Allen Institute's bucket, or the DANDI archive.
    tables
        Of sessions given by id, from "s3": also the tables of the data set (``sessions.csv``, ``units.csv``, ...), of
        which those that are there are left as they are.
    jobs
        Files at a time; of each, several ranges at a time, 8 in all.
    verify
        Read files that are there already, and compare their digest. By default a file counts as there if it has the
        size, and the time of change, that it had when it was checked.
    overwrite
        Replace files that are there, or appear meanwhile, and are not those that were asked for. By default these
        are left alone.
    progress : bool or function
        Show a bar (by default where standard error is a terminal), or call ``progress(bytes there, bytes in all)``.

    Returns
    -------
    Downloads
        What became of each file. One that failed does not stop the others: see
        :meth:`~nwbin.downloads.Downloads.raise_if_failed`.

    Raises
    ------
    LookupFailure, ArgumentError
        There is no such session; something is neither an id nor an address.
    FileAccessError
        The disk has no room for all.
    MissingDependencyError
        obstore, of the extra ``remote``, is not installed.

    Notes
    -----
    A file has its name once all of it is there, on the disk, and right: its size and SHA-256 are compared with the
    list of the data set, or with what the DANDI archive says. Of other addresses only the length is known, and that the
    server's mark (ETag) stayed the same; ``checked`` says which it was.

    Until then it is ``.<name>.nwbin-part``, and ``.<name>.nwbin.json`` says what of it is there, so that the same call
    goes on after any interruption, be it a kill or a failure of power. It begins anew where the file has changed on the
    server. Requests that fail are tried again as for files that are read from servers.

    Examples
    --------
    >>> nwbin.download([715093703, 766640955], "ecephys_cache_dir").raise_if_failed()     # doctest: +SKIP
    >>> nwbin.download("dandi://000021/sub-1/sub-1_ses-2.nwb", ".")                       # doctest: +SKIP
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ArgumentError(f"jobs must be a number of files, 1 or more, not {jobs!r}")
    source = one_of("source", source, SOURCES)
    place = Path(os.path.abspath(os.fspath(folder)))  # noqa: PTH100 - a link in the path stays what it is
    wanted = wanted_files(what, place, lfp=lfp, source=source, tables=tables)
    _check_folder(place, wanted)
    place.mkdir(exist_ok=True)
    if any(one.target.parent != place for one in wanted):
        write_manifest(place)
    how = How(max(2, _CONNECTIONS // jobs), verify, overwrite, threading.Event())
    with _shown(progress) as show:
        return _all(wanted, how, jobs, show)


def _check_folder(place: Path, wanted: list[Wanted]) -> None:
    """Refuse a folder that cannot be, and one whose disk has no room for what is known to be missing."""
    if not place.parent.is_dir():
        raise MissingFileError(f"{place}: there is no folder {str(place.parent)!r}; make it first")
    if place.exists() and not place.is_dir():
        raise FileAccessError(f"{place}: is a file; give a folder")
    missing = sum(_missing(one) for one in wanted)
    disk = shutil.disk_usage(place if place.exists() else place.parent)
    if missing > disk.free and disk.total:  # some network file systems say 0 of everything
        raise FileAccessError(
            f"{place}: {size_text(missing)} are to be downloaded, and its disk has {size_text(disk.free)} free; choose "
            "fewer sessions, or a folder on another disk"
        )


def _missing(one: Wanted) -> int:
    """Bytes that are known to be missing of a file."""
    if one.size is None or one.target.exists():
        return 0
    spans: Any = (recorded(one.target) or {}).get("done")
    there = 0
    for pair in spans if isinstance(spans, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(edge, int) for edge in pair):
            there += max(0, pair[1] - pair[0])
    return max(0, one.size - there)


def _all(wanted: list[Wanted], how: How, jobs: int, show: Callable[[int, int, str], None]) -> Downloads:
    todo = deque(enumerate(wanted))
    counters = [Counter(one.size or 0) for one in wanted]
    ended = SimpleQueue[tuple[int, Downloaded | BaseException | None]]()

    def work() -> None:
        while not how.stop.is_set():
            try:
                at, one = todo.popleft()
            except IndexError:
                return
            try:
                ended.put((at, get(one, how, counters[at])))
            except BaseException as error:
                ended.put((at, error))

    threads = [threading.Thread(target=work, name="nwbin-files", daemon=True) for _ in range(jobs)]
    found: dict[int, Downloaded] = {}
    began = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        while len(found) < len(wanted):
            _say(counters, len(found), began, show)
            try:
                at, outcome = ended.get(timeout=_LOOK)
            except Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is not None:
                found[at] = outcome
        _say(counters, len(found), began, show)
    finally:
        how.stop.set()
        over = time.monotonic() + _PATIENCE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, over - time.monotonic()))
    return Downloads([found[at] for at in range(len(wanted))])


def _say(counters: list[Counter], done: int, began: float, show: Callable[[int, int, str], None]) -> None:
    there, size, got = (sum(getattr(one, name) for one in counters) for name in ("there", "size", "got"))
    rate = got / max(1e-3, time.monotonic() - began)
    show(there, size, f"{size_text(rate)}/s, {done} of {counted(len(counters), 'file')}")


@contextmanager
def _shown(progress: bool | Progress | None) -> Iterator[Callable[[int, int, str], None]]:
    if callable(progress):
        called = progress

        def tell(there: int, size: int, remark: str) -> None:
            called(there, size)

        yield tell
        return
    with progress_display("downloading (MB)", wanted=progress, stays=True) as display:
        yield lambda there, size, remark: display.update(there / 1e6, round(size / 1e6), remark)
