"""What was got of a file so far: its bytes, hidden beside the place where it will be, and a journal of them.

``.<name>.nwbin-part`` is as long as the file will be; ``.<name>.nwbin.json`` says by whom, from where, by which mark
and size of the server's, and which bytes are there. Bytes come before the journal that names them, on the disk too: a
process may be killed, or the machine may stop, at any moment, and the next one goes on from what the journal says.
When the file is whole it gets its name, and the journal becomes its record: size, time, digest, by which it is known
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nwbin._unfinished import clear_unfinished, unfinished_name
from nwbin.errors import FileAccessError
from nwbin.storage.remote._ranges import Span, union
from nwbin.storage.remote._transport import State

__all__ = ["KeptPart", "digest_of", "file_record", "is_of", "recorded", "write_record"]

_MADE_BY = "nwbin download"
_READ = 1 << 22
SAVED_EVERY = 2.0  # s: so much is got again, at the most, after a process was killed


def _journal(target: Path) -> Path:
    return target.with_name(f".{target.name}.nwbin.json")


def recorded(target: Path) -> dict[str, Any] | None:
    """Return what a journal of nwbin's says of a file; None where there is none."""
    try:
        said = json.loads(_journal(target).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and said.get("made_by") == _MADE_BY else None


def write_record(target: Path, said: dict[str, Any]) -> None:
    """Write a journal, whole or not at all."""
    journal = _journal(target)
    part = unfinished_name(journal)
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump({"made_by": _MADE_BY, **said}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(journal)
    finally:
        with suppress(OSError):
            part.unlink()


def digest_of(path: Path, stop: threading.Event, told: Callable[[int], object] = lambda _: None) -> str:
    """Return the SHA-256 of a file's bytes; "" if it was stopped."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while not stop.is_set() and (data := file.read(_READ)):
            found.update(data)
            told(len(data))
    return "" if stop.is_set() else found.hexdigest()


def is_of(said: dict[str, Any], address: str, state: State) -> bool:
    """Whether a journal is of the file at an address in this very state; of a size alone that cannot be said."""
    tag, when = said.get("etag"), said.get("time")
    if said.get("address") != address or State(said.get("size", -1), tag, when).differs(state):
        return False
    return (tag is not None and state.tag is not None) or (when is not None and state.time is not None)


class KeptPart:
    """The unfinished part of a file, held by one process at a time. Safe to use from several threads.

    Parameters
    ----------
    target
        Where the file will be.
    address
        Where it comes from, without what is secret in it.
    state
        What it is like there. A part of another state is thrown away, and so is one of which only a size is known.

    Raises
    ------
    FileAccessError
        Another process is at it; or what is there is not known to be nwbin's, and is left alone.
    """

    def __init__(self, target: Path, address: str, state: State) -> None:
        self.target, self.state, self._address = target, state, address
        self.path = target.with_name(f".{target.name}.nwbin-part")
        self._lock = threading.Lock()
        self._closed = False
        self._saved = 0.0
        clear_unfinished(_journal(target))
        self._file = self._held()
        try:
            self.done = self._taken_up()
            # The journal comes first: an earlier file's may say that all is there, and the new length is of zeros.
            self._save()
            _sync_folder(target.parent)
            self._file.truncate(state.size)
        except BaseException:
            self._file.close()
            raise

    def _held(self) -> Any:
        for _ in range(3):
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
                raise self._in_the_way()
            descriptor = os.open(
                self.path,
                os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0),
                0o666,
            )
            file = os.fdopen(descriptor, "r+b", buffering=0)
            if not _locked(descriptor):
                file.close()
                raise FileAccessError(f"{self.target}: another process is downloading it; wait for that")
            if _is_at(descriptor, self.path):
                if os.fstat(descriptor).st_nlink < 2 or not _is_at(descriptor, self.target):
                    return file
                self.path.unlink()  # whoever finished it was killed while it had both names: it is the file itself
            file.close()  # whoever had it has finished just now, and the file has its name
        raise FileAccessError(f"{self.target}: other processes are downloading it; wait for them")

    def _in_the_way(self) -> FileAccessError:
        return FileAccessError(
            f"{self.path}: is there, and nothing says that nwbin's download made it; it is left alone: move it away"
        )

    def _taken_up(self) -> list[Span]:
        """What of the part is of this very file."""
        said, length = recorded(self.target), os.fstat(self._file.fileno()).st_size
        if said is None and length:
            raise self._in_the_way()
        if said is None or not length or not is_of(said, self._address, self.state):
            self._file.truncate(0)
            return []
        spans = said.get("done")
        pairs = spans if isinstance(spans, list) else []
        found = [Span(*pair) for pair in pairs if _is_span(pair) and pair[1] <= min(self.state.size, length)]
        return union(found)

    @property
    def missing(self) -> list[Span]:
        """Which bytes are not there yet."""
        with self._lock:
            edges = [0, *(edge for span in self.done for edge in span), self.state.size]
        return [Span(*pair) for pair in zip(edges[::2], edges[1::2], strict=True) if pair[0] < pair[1]]

    def write(self, at: int, data: Any) -> None:
        """Put in bytes that lie at a place in the file."""
        view = memoryview(data).cast("B")
        with self._lock:
            if self._closed:
                return  # somebody who was not waited for
            self._file.seek(at)
            left = view
            while len(left):
                left = left[self._file.write(left) :]
            self.done = union([*self.done, Span(at, at + len(view))])
            if time.monotonic() - self._saved > SAVED_EVERY:
                self._save()

    def _save(self) -> None:
        os.fsync(self._file.fileno())
        write_record(self.target, {**self._of_the_server(), "done": [list(span) for span in self.done]})
        self._saved = time.monotonic()

    def _of_the_server(self) -> dict[str, Any]:
        return {
            "address": self._address,
            "size": self.state.size,
            "etag": self.state.tag,
            "time": self.state.time,
        }

    def finish(self, sha256: str, checked: str, *, overwrite: bool) -> None:
        """Give the file its name, and record by what it is known again.

        Without `overwrite` what has got that name in the meantime is left alone (FileAccessError), and the part stays.
        """
        with self._lock:
            os.fsync(self._file.fileno())
            self._closed = True
            if sys.platform == "win32":
                self._file.close()  # else it could not be renamed
            try:
                # First the record, which holds under either name: so all is known to be there between the two, too.
                record = {**file_record(self.path, sha256), "checked": checked}
                whole = {"done": [[0, self.state.size]]}
                write_record(self.target, {**self._of_the_server(), **whole, **record})
                if overwrite:
                    self.path.replace(self.target)
                else:
                    _rename_to_new(self.path, self.target)
            except FileExistsError:
                raise FileAccessError(
                    f"{self.target}: was put there by something else during the download, and is left alone; what came "
                    f"is whole, in {self.path.name} beside it: move the file away and download it again, or download "
                    "over it with overwrite=True (--overwrite)"
                ) from None
            finally:
                self._file.close()
            _sync_folder(self.target.parent)

    def throw_away(self) -> None:
        """Remove what is there: it is not what it should be."""
        with self._lock:
            self._closed = True
            for path in (self.path, _journal(self.target)):
                with suppress(OSError):
                    path.unlink()
            self._file.close()

    def close(self) -> None:
        """Write down what is there, for the next time; of a finished file do nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            try:
                self._save()
            finally:
                self._file.close()


def file_record(path: Path, sha256: str) -> dict[str, Any]:
    """By what a file is known again without being read, and its digest."""
    stat = path.stat()
    return {"sha256": sha256, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _is_span(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(one, int) for one in pair)
        and 0 <= pair[0] < pair[1]
    )


def _locked(descriptor: int) -> bool:
    """Hold a file against other processes, until it is closed or this process ends, however it ends."""
    if sys.platform == "win32":
        return True  # there, two at once are not kept apart
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one of a name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _rename_to_new(path: Path, target: Path) -> None:
    """Give a file another name, unless there is something of that name: then FileExistsError."""
    if sys.platform == "win32":
        path.rename(target)  # there, this never replaces
        return
    try:
        os.link(path, target)  # nor does this, where renaming would
    except FileExistsError:
        raise
    except OSError:  # a file system on which files have one name only
        if os.path.lexists(target):
            raise FileExistsError(str(target)) from None
        path.replace(target)
    else:
        path.unlink()


def _sync_folder(folder: Path) -> None:
    """Have a new name on the disk before anything is said of it."""
    with suppress(OSError):  # Windows has no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
