"""A file on a server, read in many ranges at once."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError
from nwbin.storage.remote._faults import RETRIED, Fault, Kind, error_of
from nwbin.storage.remote._image import Image, ImageFile
from nwbin.storage.remote._ranges import Span, merged, pieces
from nwbin.storage.remote._retries import TRIES, pause
from nwbin.storage.remote._transport import State, Transport

__all__ = ["RemoteFile"]

CONNECTIONS = 8
_FIRST = 1 << 16  # bytes that are asked for when the file is opened
_AHEAD = 1 << 16  # bytes that are fetched at the least where HDF5 asks for some that nobody foresaw

Target = tuple[int, "npt.NDArray[np.uint8]"]
Job = Callable[[threading.Event], None]  # it makes no further request once that is set


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

    Attributes
    ----------
    size
        In bytes.
    state
        By what it is known to be still the same.
    image
        What was fetched of it, where :meth:`Image.need` was called.
    file
        The file object for HDF5.

    Raises
    ------
    MissingFileError, FileAccessError
        It is not there, or cannot be read. Where that may help, a request is tried 5 times, over 3 s and what the
        tries themselves take.
    """

    def __init__(self, transport: Transport, address: str, name: str) -> None:
        self.address, self.name = address, name
        self._transport = transport
        self._counting = threading.Lock()
        self.requests = self.fetched = 0  # so many, and bytes
        self.state: State = State(-1, None, None)
        start = self._start()
        self.size = self.state.size
        if not self.size:
            raise FileAccessError(f"{name}: is empty (0 bytes); check the address")
        self.image = Image(self.size, self._fill, name)
        self.image.put(0, start)
        self.file = ImageFile(self.image, _AHEAD)

    # ---------------------------------------------------------------- reading

    def read_into(self, targets: Sequence[Target]) -> None:
        """Fill arrays with the file's bytes, all at once; what is in the image is taken from there.

        Parameters
        ----------
        targets
            Where in the file, and what to fill: uint8 (n,), contiguous.
        """
        left = []
        for at, out in targets:
            if self.image.has(at, at + len(out)) and 0 <= at <= self.size - len(out):
                out[:] = self.image.bytes[at : at + len(out)]
            else:
                left.append((at, out))
        self._fill(left, False)

    def _fill(self, targets: Sequence[Target], alone: bool) -> None:
        wanted = sorted(((at, out) for at, out in targets if len(out)), key=lambda target: target[0])
        if not wanted:
            return
        if wanted[0][0] < 0 or max(at + len(out) for at, out in wanted) > self.size:
            raise FileAccessError(
                f"{self.name}: ends at byte {self.size:,}, before what should be read; it is truncated or damaged"
            )
        if self._transport.checked_afterwards:
            # What comes is kept apart until it is known to be of the same file as what is there already.
            fresh = [(at, np.empty(len(out), np.uint8)) for at, out in wanted]
            self._get(fresh, alone)
            for (_, out), (_, data) in zip(wanted, fresh, strict=True):
                out[:] = data
        else:
            self._get(wanted, alone)

    def _get(self, wanted: Sequence[Target], alone: bool) -> None:
        jobs = pieces(merged(((at, at + len(out)) for at, out in wanted)))
        work = [partial(self._fetch, job, wanted) for job in jobs]
        if alone:
            for one in work:
                one(threading.Event())
        else:
            self._together(work)
        try:
            self._transport.check(self.state)
        except Fault as fault:
            raise error_of(fault, self.name) from None

    def _together(self, jobs: Sequence[Job]) -> None:
        """Do pieces of work side by side: this thread only waits, so that Ctrl-C is seen at once.

        Where one fails, or Ctrl-C comes, those under way are left alone: they hold the arrays that they write into, and
        do not keep the program from ending.
        """
        todo, stop, ended = deque(jobs), threading.Event(), SimpleQueue[BaseException | None]()

        def work() -> None:
            try:
                while not stop.is_set():
                    try:
                        job = todo.popleft()
                    except IndexError:
                        break
                    job(stop)
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)

        threads = [
            threading.Thread(target=work, name="nwbin-remote", daemon=True)
            for _ in range(min(CONNECTIONS, len(jobs)))
        ]
        try:
            for thread in threads:
                thread.start()
            for _ in threads:
                error = ended.get()
                if error is not None:
                    raise error
        finally:
            stop.set()

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

        self._together([partial(self._trying, once, Span(0, _FIRST))])
        return b"".join(found)

    def _fetch(self, span: Span, targets: Sequence[Target], stop: threading.Event) -> None:
        """Fetch one piece, and put what is wanted of it where it belongs."""
        starts = [at for at, _ in targets]

        def once(begin: int) -> int:
            answer = self._transport.get(begin, span.stop, self.state)
            if self.state.differs(answer.state):
                raise Fault(Kind.CHANGED)
            if answer.start != begin:
                raise Fault(Kind.OTHER, f"asked for byte {begin:,}, it sent byte {answer.start:,}")
            at = begin
            try:
                for part in answer.parts:
                    data = np.frombuffer(part, np.uint8)
                    if at + len(data) > span.stop:
                        raise Fault(Kind.OTHER, "it sent more than was asked for")
                    _put(targets, starts, at, data)
                    at += len(data)
            except Fault as fault:
                if fault.kind not in RETRIED or at == begin:
                    raise
                return at  # it goes on from there
            if at < span.stop and at == begin:
                raise Fault(Kind.SHORT)
            return at

        self._trying(once, span, stop)

    def _count(self, requests: int = 0, fetched: int = 0) -> None:
        with self._counting:
            self.requests += requests
            self.fetched += fetched

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


def _put(targets: Sequence[Target], starts: list[int], at: int, data: npt.NDArray[np.uint8]) -> None:
    """Copy bytes that lie from `at` on in the file into the targets that they belong to."""
    end = at + len(data)
    for begin, out in targets[: bisect_right(starts, end)]:
        low, high = max(at, begin), min(end, begin + len(out))
        if low < high:
            out[low - begin : high - begin] = data[low - at : high - at]
