"""A file on a server, got whole: several ranges at a time, each into its place, as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, TypeVar

from nwbin._optional import need
from nwbin.errors import FileAccessError
from nwbin.storage.addresses import scheme_of, shown
from nwbin.storage.remote._dandi import described, file_of, is_asset
from nwbin.storage.remote._faults import RETRIED, Fault, Kind, error_of
from nwbin.storage.remote._kept_part import KeptPart
from nwbin.storage.remote._opening import _transport
from nwbin.storage.remote._ranges import Span, pieces
from nwbin.storage.remote._retries import TRIES, pause, tried
from nwbin.storage.remote._side_by_side import side_by_side
from nwbin.storage.remote._transport import State, Transport

__all__ = ["WholeFile", "fetch", "look_up"]

T = TypeVar("T")

_PIECE = 1 << 23  # bytes of one request


class WholeFile(NamedTuple):
    """A file on a server, of which nothing was got yet.

    Attributes
    ----------
    name
        Its address without what is secret in it.
    transport
        What asks the server.
    state
        What it is like there.
    sha256
        Its digest, where the server's archive says it.
    """

    name: str
    transport: Transport
    state: State
    sha256: str | None


def look_up(address: str) -> WholeFile:
    """Ask what a file is like.

    Parameters
    ----------
    address
        As for :func:`nwbin.storage.remote.open_remote`.

    Raises
    ------
    MissingFileError, FileAccessError
        It is not there, cannot be read, or not in parts.
    MissingDependencyError
        A package is needed that is not installed.
    """
    name, sha256, size = shown(address), None, None
    try:
        if scheme_of(address) == "dandi" or is_asset(address):
            need("obstore", "remote", f"{name}: a file on a server")
            asset = file_of(described(address, name), name)
            sha256, size = asset.sha256, asset.size
            transport = _transport(asset.place, name)
        else:
            transport = _transport(address, name)
        state = tried(lambda: _known(lambda: transport.get(0, 1, None).state, name), name)
    except Fault as fault:
        raise _error_of(fault, name) from None
    if size is not None and size != state.size:
        raise FileAccessError(
            f"{name}: has {state.size:,} bytes, and the archive says {size:,}; try later, or another source"
        )
    return WholeFile(name, transport, state, sha256)


def _known(request: Callable[[], T], name: str) -> T:
    """Make a request; what another try would not mend is an error."""
    try:
        return request()
    except Fault as fault:
        if fault.kind in RETRIED:
            raise
        raise _error_of(fault, name) from None


def fetch(
    file: WholeFile, part: KeptPart, connections: int, stop: threading.Event, told: Callable[[int], object]
) -> None:
    """Get all of a file that is missing in a part.

    Parameters
    ----------
    file, part
        Which, and where to.
    connections
        So many ranges at a time.
    stop
        Once it is set, nothing further is got, and this returns.
    told
        Called with numbers of bytes as they come, from several threads.

    Raises
    ------
    FileAccessError
        It does not come: a request that brings nothing is tried 5 times, one that broke off goes on from there.
    """
    todo = [partial(_get, file, part, span, told) for span in pieces(part.missing, _PIECE)]
    side_by_side(todo, connections, stop)
    if not stop.is_set():
        tried(lambda: _known(lambda: file.transport.check(file.state), file.name), file.name)


def _get(
    file: WholeFile,
    part: KeptPart,
    span: Span,
    told: Callable[[int], object],
    over: threading.Event,
) -> None:
    at, tries = span.start, 0
    while at < span.stop and not over.is_set():
        begin = at
        try:
            for data in _answered(file, begin, span.stop):
                if over.is_set():
                    return
                length = memoryview(data).nbytes
                if at + length > span.stop:
                    raise Fault(Kind.OTHER, "it sent more than was asked for")
                part.write(at, data)
                at += length
                told(length)
            if at < span.stop:
                raise Fault(Kind.SHORT)
        except Fault as fault:
            tries = 1 if at > begin else tries + 1
            if fault.kind not in RETRIED or tries >= TRIES:
                raise _error_of(fault, file.name, tries) from None
            pause(tries)


def _answered(file: WholeFile, start: int, stop: int) -> Iterator[Any]:
    answer = file.transport.get(start, stop, file.state)
    if file.state.differs(answer.state):
        raise Fault(Kind.CHANGED)
    if answer.start != start:
        raise Fault(Kind.OTHER, f"asked for byte {start:,}, it sent byte {answer.start:,}")
    return answer.parts


def _error_of(fault: Fault, name: str, tries: int = 1) -> FileAccessError:
    if fault.kind is Kind.CHANGED:
        return FileAccessError(
            f"{name}: has changed on the server while it was got; the same command begins it again"
        )
    if fault.kind is Kind.NO_RANGES:
        return FileAccessError(
            f"{name}: the server gave something whole where a part of the file was asked for: it cannot give parts, or "
            "a proxy or a login page answers in its place; open the address in a browser to see"
        )
    return error_of(fault, name, tries)
