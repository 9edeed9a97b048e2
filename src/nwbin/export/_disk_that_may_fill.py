"""A file for HDF5 to write to, which may be on a disk that is full: HDF5 itself brings the process down then."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["SteadyFile", "reserve", "undisturbed"]


def reserve(path: Path, size: int) -> None:
    """Raise an OSError where so many bytes cannot be written; asked by writing them, since disks have quotas too."""
    with path.open("wb") as file:
        for done in range(0, size, 1 << 20):
            file.write(bytes(min(1 << 20, size - done)))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hand signals such as Ctrl-C on only at the end: an error in the midst of HDF5's writing is what must not be."""
    if threading.current_thread() is not threading.main_thread():  # no other runs Python's handlers
        yield
        return
    came: list[tuple[int, Any]] = []
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    python: dict[int, Any] = {number: one for number, one in handlers.items() if callable(one)}
    for number in python:
        signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in python.items():
            signal.signal(number, handler)
    for number, frame in came:
        python[number](number, frame)


class SteadyFile(io.FileIO):
    """Keeps what goes wrong in writing to itself until it is asked by :meth:`check`.

    HDF5 is to use it within :func:`undisturbed` only.

    Parameters
    ----------
    path
        A file that is there; opened for reading and writing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "r+")
        self._failed: OSError | None = None

    def check(self) -> None:
        """Raise the first error that there was; what has been written since is lost."""
        if self._failed is not None:
            raise self._failed

    def _try(self, write: Callable[..., int | None], *arguments: Any) -> int | None:
        if self._failed is None:
            try:
                return write(*arguments)
            except OSError as error:
                self._failed = error
        return None

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:  # the system may take a part
            written = self._try(super().write, left)
            if not written:
                break
            left = left[written:]
        return size

    def truncate(self, size: int | None = None) -> int:
        made = self._try(super().truncate, size)
        return made if made is not None else size or 0
