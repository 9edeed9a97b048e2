"""What was fetched of a remote file, kept where it lies in the file.

The image is as long as the file, in memory that the system hands out page by page where something is put: so what
reads a mapped file reads this too, at the same offsets, once it has made sure that the bytes are there.
"""

from __future__ import annotations

import io
import mmap
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin.errors import FileAccessError, NotEnoughMemoryError
from nwbin.storage.remote._ranges import Span, merged, union

__all__ = ["BLOCK", "Image", "ImageFile"]

BLOCK = 1 << 12  # bytes: what is fetched at the least, and a page of memory
_LARGE = (
    1 << 20
)  # bytes that HDF5 asks for at once and that are handed on without being kept: values, no structures
_SMALL = 1 << 13  # bytes of what structures consist of
MOST_MISSES = (
    4096  # of those, one after the other, for one answer: minutes of round trips; whole files take a thousand
)

Fill = Callable[[list[tuple[int, "npt.NDArray[np.uint8]"]], bool], None]
Put = Callable[[int, Any], None]
Recall = Callable[[list[Span], Put], object]


def _room(size: int, name: str) -> Any:
    try:
        if hasattr(mmap, "MAP_ANONYMOUS"):
            # Nothing is set aside for what is never fetched: files larger than the memory are opened too.
            without_reserve = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)
            return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | without_reserve)
        return mmap.mmap(-1, size)
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise NotEnoughMemoryError(
            f"{name}: there is no room for a file of {size:,} bytes among the addresses of this process; use a "
            "machine, or a limit, with more"
        ) from error


class Image:
    """The bytes of a remote file, as far as they were fetched. Safe to use from several threads.

    Parameters
    ----------
    size
        Of the file, more than 0.
    fill
        Fetches: for each place in the file, fills the array that is given with it; where the second argument is True,
        without the help of other threads.
    name
        The file's, for messages.
    recall
        Hands on what is kept elsewhere of some spans, so that it need not be fetched.

    Attributes
    ----------
    bytes
        uint8 (size,); zeros where nothing was fetched. Only what :meth:`need` was called for may be looked at.
    ahead
        So many bytes were fetched that nobody had asked for: they lie between, and near, those that were.
    """

    def __init__(self, size: int, fill: Fill, name: str, recall: Recall | None = None) -> None:
        self.size = size
        self._fill, self._recall, self._name = fill, recall, name
        n_blocks = -(-size // BLOCK)
        self._all: npt.NDArray[np.uint8] = np.frombuffer(_room(n_blocks * BLOCK, name), np.uint8)
        self.bytes: npt.NDArray[np.uint8] = self._all[:size]
        self._there = np.zeros(n_blocks, dtype=bool)
        self._lock = threading.RLock()
        self._let_go = False
        self.ahead = 0

    def let_go(self) -> None:
        """Give back the memory; from then on nothing can be needed any more."""
        self._let_go = True
        with self._lock:
            # Not handed back under whoever is still reading, who would see zeros: it goes with the last who has it.
            self._all = self.bytes = np.empty(0, np.uint8)

    def has(self, start: int, stop: int) -> bool:
        """Whether some bytes were fetched; those before the file and behind its end count as fetched."""
        if self._let_go:
            return False
        first, last = max(0, start) // BLOCK, -(-min(stop, self.size) // BLOCK)
        return bool(self._there[first:last].all())

    def put(self, start: int, data: Any) -> None:
        """Put in what was fetched already; blocks of which it is only a part do not count as fetched."""
        fetched = np.frombuffer(data, np.uint8)
        with self._lock:
            self.bytes[start : start + len(fetched)] = fetched
            self._mark(start, start + len(fetched))

    def need(
        self, spans: Iterable[tuple[int, int]], *, spare: int = 0, around: int = 0, alone: bool = False
    ) -> None:
        """Fetch what is missing of some spans, all at once.

        Parameters
        ----------
        spans
            First byte, and the one behind the last. What lies outside the file is left out.
        spare
            So many bytes that lie between may be fetched too, for fewer requests; they are then there as well.
        around
            So many bytes before and behind what is missing are fetched with it, unless they are there.
        alone
            Fetch on this thread only. Whoever HDF5 has called has its lock, which another thread may come to want when
            it does nothing but collect what nobody refers to.
        """
        self._refuse_let_go()
        spans = list(spans)
        gone = self._gone(spans)
        if gone and self._recall is not None:
            self._require(gone)  # what is recalled takes as much as what is fetched
            self._recall(gone, self.put)
            gone = self._gone(spans)
        if not gone:
            return
        needed = sum(stop - start for start, stop in gone)
        with self._lock:
            if around:
                gone = [span for one in gone for span in self._missing(one.start - around, one.stop + around)]
            missing = merged(gone, spare=spare)
        self._require(missing)
        # Without the lock: a thread that has HDF5's may wait for it. At worst two fetch the same.
        self._fill([(start, self.bytes[start:stop]) for start, stop in missing], alone)
        with self._lock:
            for start, stop in missing:
                self._mark(start, stop)
            # Less than was needed, where another thread fetched some of it meanwhile.
            self.ahead += max(0, sum(stop - start for start, stop in missing) - needed)

    def _require(self, spans: Iterable[Span]) -> None:
        n_bytes = sum(stop - start for start, stop in spans)
        require(n_bytes, f"{self._name}: {n_bytes:,} bytes of the file", "read fewer rows or units at a time")

    def _gone(self, spans: Iterable[tuple[int, int]]) -> list[Span]:
        with self._lock:
            return union(span for one in spans for span in self._missing(*one))

    def _mark(self, start: int, stop: int) -> None:
        last = stop // BLOCK if stop < self.size else len(self._there)
        self._there[-(-start // BLOCK) : last] = True

    def _missing(self, start: int, stop: int) -> Iterator[Span]:
        """Yield what was not fetched of a span, in whole blocks."""
        first, last = max(0, start) // BLOCK, -(-min(stop, self.size) // BLOCK)
        if first >= last:
            return
        gone = np.flatnonzero(~self._there[first:last]) + first
        if not len(gone):
            return
        for run in np.split(gone, np.flatnonzero(np.diff(gone) > 1) + 1):
            yield Span(int(run[0]) * BLOCK, min(self.size, (int(run[-1]) + 1) * BLOCK))

    def need_rows(self, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]) -> None:
        """Fetch what is missing of very many short spans."""
        here = (starts >= 0) & (stops <= self.size) & (stops > starts)
        first, last = starts[here] // BLOCK, (stops[here] - 1) // BLOCK
        whole = self._there[first] & self._there[last] & (last - first <= 1)
        if not whole.all():
            self.need(zip(starts[here][~whole].tolist(), stops[here][~whole].tolist(), strict=True))

    def hand_on(self, start: int, out: npt.NDArray[np.uint8]) -> None:
        """Fetch into an array, on this thread, and keep nothing of it here."""
        self._refuse_let_go()
        self._fill([(start, out)], True)

    def _refuse_let_go(self) -> None:
        if self._let_go:
            raise FileAccessError(f"{self._name}: is closed; nothing can be read from it any more")

    def copy(self, start: int, stop: int) -> bytes:
        """Return some bytes, fetched where they were not."""
        self.need([(start, stop)])
        return self.bytes[max(0, start) : max(0, stop)].tobytes()


class ImageFile(io.RawIOBase):
    """The file object that HDF5 reads through. It asks for little at a time, in no order: each miss fetches more.

    Parameters
    ----------
    image
        What is read.
    ahead
        How much a miss fetches at the least, in bytes.
    name
        The file's, for messages.

    Attributes
    ----------
    look
        Looks at what HDF5 is about to get, given its first byte; raises where HDF5 would never come back with it.
    """

    def __init__(self, image: Image, ahead: int, name: str) -> None:
        super().__init__()
        self._image, self._ahead, self._at, self._name = image, ahead, 0, name
        self.look: Callable[[int], None] | None = None
        self._failed = (
            threading.local()
        )  # what was raised: HDF5 passes on that something was, not always what

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._image.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        start, stop = self._at, min(self._at + len(view), self._image.size)
        if stop <= start:
            return 0
        try:
            if not self._image.has(start, stop):
                if stop - start >= _LARGE:
                    self._image.hand_on(start, np.frombuffer(view[: stop - start], np.uint8))
                    self._at = stop
                    return stop - start
                self._count(stop - start)
                self._image.need([(start, max(stop, start + self._ahead))], alone=True)
            if self.look is not None:
                self.look(start)
        except BaseException as error:
            self._failed.error = error
            raise
        view[: stop - start] = self._image.bytes[start:stop]
        self._at = stop
        return stop - start

    def _count(self, size: int) -> None:
        self._failed.misses = getattr(self._failed, "misses", 0) + (size <= _SMALL)
        if self._failed.misses > MOST_MISSES:
            raise FileAccessError(
                f"{self._name}: HDF5 asks for more than {MOST_MISSES:,} small parts of it one after the other, which "
                "from a server takes minutes and more; it is damaged, or not made to be read there: download it, and "
                "give its path"
            )

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Raise what went wrong while reading inside, whatever HDF5 made of it."""
        self._failed.error = None
        self._failed.misses = 0
        try:
            yield
        except Exception:
            if self._failed.error is not None:
                raise self._failed.error from None
            raise
        if self._failed.error is not None:
            raise self._failed.error
