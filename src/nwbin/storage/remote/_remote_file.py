"""A file on a server, read in many ranges at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nwbin.errors import FileAccessError
from nwbin.storage.remote._faults import RETRIED, Fault, Kind, error_of
from nwbin.storage.remote._image import Image, ImageFile
from nwbin.storage.remote._index import Index
from nwbin.storage.remote._kept import Shelf, kept
from nwbin.storage.remote._ranges import THROWN_AWAY, Span, merged, pieces, share_of, union
from nwbin.storage.remote._retries import TRIES, pause, tried
from nwbin.storage.remote._segments import Put, Segment
from nwbin.storage.remote._side_by_side import side_by_side
from nwbin.storage.remote._targets import Target, Targets
from nwbin.storage.remote._transport import State, Transport

__all__ = ["RemoteFile"]

_FIRST = 1 << 16  # bytes that are asked for when the file is opened
_AHEAD = 1 << 16  # bytes that are fetched at the least where HDF5 asks for some that nobody foresaw


class RemoteFile:
    """A file on a server, as it was when it was opened: if it changes, reading raises.

    Parameters
    ----------
    transport
        What asks the server.
    address
        As it was given.
    name
        For messages: the address without what is secret in it.
    index
        What was fetched of it, and of others, at another time.

    Attributes
    ----------
    size
        In bytes.
    state
        By what it is known to be still the same.
    image
        What was fetched of it, where :meth:`Image.need` was called.
    requests, fetched, recalled
        How many there were, how many bytes came by them, and how many were taken from what is kept on the disk.
    file
        The file object for HDF5.

    Raises
    ------
    MissingFileError, FileAccessError
        It is not there, or cannot be read. Where that may help, a request is tried 5 times, over 3 s and what the
        tries themselves take.
    """

    def __init__(self, transport: Transport, address: str, name: str, index: Index | None = None) -> None:
        self.address, self.name = address, name
        self._transport = transport
        self._counting = threading.Lock()
        self.requests = self.fetched = self.recalled = 0
        self.state: State = State(-1, None, None)
        start = self._start()
        self.size = self.state.size
        if not self.size:
            raise FileAccessError(f"{name}: is empty (0 bytes); check the address")
        self._shelf = self._found_shelf()
        self.image = Image(self.size, self._fill, name, self._recall)
        self.image.put(0, start)
        if index is not None:
            index.put_into(self.image, self._place, self.state, name)
        self.file = ImageFile(self.image, _AHEAD, name)

    def let_go(self) -> None:
        """Give back the memory; nothing can be read any more."""
        self.image.let_go()

    # ---------------------------------------------------------------- what is kept on the disk

    @property
    def _place(self) -> str | None:
        # A transport need not have it: what lies at an address that nobody can name without secrets is not kept.
        return getattr(self._transport, "place", None)

    def _found_shelf(self) -> Shelf | None:
        if self._place is None:
            return None
        whole = kept()
        return None if whole is None else whole.shelf(self._place, self.name, self.state)

    def _recall(self, spans: list[Span], put: Put) -> list[Span]:
        """Hand on what is kept of some bytes; returns which are not."""
        if self._shelf is None:
            return spans

        def counted(at: int, data: Any) -> None:
            put(at, data)
            self._count(recalled=len(data))

        return self._shelf.load(spans, counted)

    # ---------------------------------------------------------------- reading

    def read_into(self, targets: Sequence[Target], *, alone: bool = False) -> None:
        """Fill arrays with the file's bytes, all at once; what is in the image is taken from there.

        Parameters
        ----------
        targets
            Where in the file, and what to fill: uint8 (n,), contiguous.
        alone
            One request after the other: where other files are read side by side with this one.
        """
        left = []
        for at, out in targets:
            if self.image.has(at, at + len(out)) and 0 <= at <= self.size - len(out):
                out[:] = self.image.bytes[at : at + len(out)]
            else:
                left.append((at, out))
        self._fill(left, alone, share_of(sum(len(out) for _, out in left), self.image.ahead))

    def _fill(self, targets: Sequence[Target], alone: bool, share: float = THROWN_AWAY) -> None:
        wanted = Targets(targets)
        if not wanted:
            return
        if wanted.start < 0 or wanted.stop > self.size:
            raise FileAccessError(
                f"{self.name}: ends at byte {self.size:,}, before what should be read; it is truncated or damaged"
            )
        if self._transport.checked_afterwards:
            # What comes is kept apart until it is known to be of the same file as what is there already.
            fresh = wanted.apart()
            self._get(fresh, alone, share)
            fresh.copy_to(wanted)
        else:
            self._get(wanted, alone, share)

    def _get(self, wanted: Targets, alone: bool, share: float) -> None:
        jobs = pieces(merged(self._recall(union(wanted.spans), wanted.put), share=share))
        if not jobs:
            return
        work = [partial(self._fetch, job, wanted) for job in jobs]
        if alone:
            for one in work:
                one(threading.Event())
        else:
            side_by_side(work)
        if self._transport.checked_afterwards:
            tried(lambda: self._transport.check(self.state), self.name)

    def _start(self) -> bytes:
        """Fetch the first bytes, and learn what the file is like."""
        found: list[bytes] = []

        def once(_: int) -> int:
            found.clear()
            answer = self._transport.get(0, _FIRST, None)
            self.state = answer.state
            came = 0
            for part in answer.parts:
                came += len(part)
                if came > _FIRST:
                    raise Fault(Kind.OTHER, "it sent more than was asked for")
                found.append(bytes(part))
            if answer.start or sum(map(len, found)) != min(_FIRST, self.state.size):
                raise Fault(Kind.SHORT)
            return _FIRST

        side_by_side([partial(self._trying, once, Span(0, _FIRST))])
        return b"".join(found)

    def _fetch(self, span: Span, targets: Targets, stop: threading.Event) -> None:
        """Fetch one piece, put what is wanted of it where it belongs, and keep it."""
        segment = None if self._shelf is None else self._shelf.keep(span)
        try:
            self._fetch_into(span, targets, segment, stop)
            if self._shelf is not None and segment is not None:
                self._shelf.kept(segment, span)
        finally:
            if segment is not None:
                segment.abandon()

    def _fetch_into(
        self, span: Span, targets: Targets, segment: Segment | None, stop: threading.Event
    ) -> None:

        def once(begin: int) -> int:
            answer = self._transport.get(begin, span.stop, self.state)
            if self.state.differs(answer.state):
                raise Fault(Kind.CHANGED)
            if answer.start != begin:
                raise Fault(Kind.OTHER, f"asked for byte {begin:,}, it sent byte {answer.start:,}")
            at = begin
            try:
                for part in answer.parts:
                    data = memoryview(part).cast("B")
                    if at + len(data) > span.stop:
                        raise Fault(Kind.OTHER, "it sent more than was asked for")
                    targets.put(at, data)
                    if segment is not None:
                        segment.add(data)
                    at += len(data)
            except Fault as fault:
                if fault.kind not in RETRIED or at == begin:
                    raise
                return at  # it goes on from there
            if at < span.stop and at == begin:
                raise Fault(Kind.SHORT)
            return at

        self._trying(once, span, stop)

    def _count(self, requests: int = 0, fetched: int = 0, recalled: int = 0) -> None:
        with self._counting:
            self.requests += requests
            self.fetched += fetched
            self.recalled += recalled

    def _trying(self, once: Callable[[int], int], span: Span, stop: threading.Event) -> None:
        """Ask until all bytes of a span came: `once` is given the first that is missing, and returns the next."""
        at, tries = span.start, 0
        while at < span.stop and not stop.is_set():
            tries += 1
            self._count(requests=1)
            try:
                reached = once(at)
            except Fault as fault:
                if fault.kind not in RETRIED or tries >= TRIES:
                    raise error_of(fault, self.name, tries) from None
                reached = at
            self._count(fetched=reached - at)
            if reached < span.stop:
                if tries >= TRIES:
                    raise error_of(Fault(Kind.SHORT), self.name, tries)
                pause(tries)
            at = reached
