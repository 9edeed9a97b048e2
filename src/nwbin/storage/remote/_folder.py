"""A folder of many small files on a server, each fetched whole, several at a time."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from nwbin.errors import FileAccessError, MissingFileError
from nwbin.storage.remote._faults import Fault, Kind, is_too_long
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._retries import tried
from nwbin.storage.remote._side_by_side import of_each
from nwbin.storage.remote._transport import State, Transport

__all__ = ["RemoteFolder"]

T = TypeVar("T")

_ABSENT = (Kind.MISSING, Kind.REFUSED)  # S3 says the latter of it to whom may not list what is there


class RemoteFolder:
    """A folder on a server.

    Parameters
    ----------
    transport
        What asks the server for what is below the folder.
    name
        For messages.

    Attributes
    ----------
    requests, fetched
        So many files were asked for, and so many bytes came.
    """

    def __init__(self, transport: Transport, name: str) -> None:
        self.name = name
        self._transport = transport
        self._counting = threading.Lock()
        self.requests = self.fetched = 0

    def get_many(self, keys: Sequence[str], most: int) -> list[bytes | None]:
        """Fetch files by their paths in the folder; None for those that are not there.

        Parameters
        ----------
        keys
            The paths.
        most
            A file of more bytes is an error.

        Raises
        ------
        FileAccessError
            One cannot be had; where that may help, it was tried 5 times. Those under way are left alone.
        """
        return of_each(lambda key: self._get(key, most), keys)

    def get_short(self, keys: Sequence[str], most: int, room: int) -> dict[str, bytes | None]:
        """Fetch files as :meth:`get_many` does, by their paths, as long as they are short and there is room.

        Those that turn out to be longer than `most` are left out, and those that come after so many bytes in all.
        """
        found: dict[str, bytes | None] = {}
        before = self.fetched

        def one(key: str) -> None:
            if self.fetched - before >= room:
                return
            try:
                found[key] = self._get(key, most)
            except FileAccessError as error:
                if not is_too_long(error):
                    raise

        of_each(one, keys)
        return found

    def each(self, keys: Sequence[str], work: Callable[[str, RemoteFile | None], T]) -> list[T]:
        """Do some work with each of some files, side by side: it may read parts of it; None for one that is not there.

        Each is as it was when its turn began: if it changes meanwhile, reading it raises.
        """

        def one(key: str) -> T:
            try:
                file = RemoteFile(self._transport.below(key), "", f"{self.name}: {key}")
            except MissingFileError:
                with self._counting:
                    self.requests += 1
                return work(key, None)
            try:
                return work(key, file)
            finally:
                file.let_go()
                with self._counting:
                    self.requests += file.requests
                    self.fetched += file.fetched

        return of_each(one, keys)

    def mark(self, key: str, most: int, *, known: bool = False) -> State | bytes | None:
        """Ask by what a file is known to be the same; None where it is not there.

        Of a server that tells its size alone, or that gives no parts of files, this takes all its bytes.

        Parameters
        ----------
        key, most
            As for :meth:`get_many`.
        known
            Whether it was read before: a server that does not let it be read any more is then an error.
        """
        absent = (Kind.MISSING,) if known else _ABSENT

        def once() -> State | None:
            try:
                with self._counting:
                    self.requests += 1
                return self._transport.below(key).get(0, 1, None).state
            except Fault as fault:
                if fault.kind not in (*absent, Kind.NO_RANGES, Kind.OUTSIDE):
                    raise
                return None if fault.kind in absent else State(-1, None, None)

        state = tried(once, f"{self.name}: {key}")
        if state is None or state.tag is not None or state.time is not None:
            return state
        data = self._get(key, most)
        return None if data is None else hashlib.sha256(data).digest()

    def _get(self, key: str, most: int) -> bytes | None:
        def once() -> bytes | None:
            with self._counting:
                self.requests += 1
            data = bytearray()
            try:
                for part in self._transport.below(key).whole():
                    data += part
                    if len(data) > most:
                        raise Fault(
                            Kind.TOO_LONG, f"it is longer than the {most:,} bytes that can belong there"
                        )
            except Fault as fault:
                if fault.kind is Kind.MISSING:
                    return None
                raise
            return bytes(data)

        data = tried(once, f"{self.name}: {key}")
        with self._counting:
            self.fetched += len(data or b"")
        return data
