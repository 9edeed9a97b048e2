"""Arrays that a file's bytes belong into, and which of them some bytes belong to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.storage.remote._ranges import Span

__all__ = ["Target", "Targets"]

Target = tuple[int, "npt.NDArray[np.uint8]"]


class Targets:
    """What is to be filled.

    Parameters
    ----------
    targets
        Where in the file, and what to fill: uint8 (n,), contiguous. They may overlap; empty ones are left out.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._all = sorted(((at, out) for at, out in targets if len(out)), key=lambda target: target[0])
        self._starts = [at for at, _ in self._all]
        ends = np.array([at + len(out) for at, out in self._all], dtype=np.int64)
        # How far those up to each reach: where that lies before some bytes, so do all of them.
        self._reach: list[int] = np.maximum.accumulate(ends).tolist()

    def __bool__(self) -> bool:
        return bool(self._all)

    @property
    def start(self) -> int:
        """The first byte of all."""
        return self._starts[0]

    @property
    def stop(self) -> int:
        """The byte behind the last of all."""
        return self._reach[-1]

    @property
    def spans(self) -> list[Span]:
        """Which bytes each is for, in order."""
        return [Span(at, at + len(out)) for at, out in self._all]

    def put(self, at: int, data: Any) -> None:
        """Copy bytes that lie from `at` on in the file into the arrays that they belong to."""
        fresh = np.frombuffer(data, np.uint8)
        end = at + len(fresh)
        for begin, out in self._all[bisect_right(self._reach, at) : bisect_left(self._starts, end)]:
            low, high = max(at, begin), min(end, begin + len(out))
            if low < high:
                out[low - begin : high - begin] = fresh[low - at : high - at]

    def apart(self) -> Targets:
        """Others like these, in memory of their own."""
        return Targets((at, np.empty(len(out), np.uint8)) for at, out in self._all)

    def copy_to(self, others: Targets) -> None:
        """Copy what these hold into others like them."""
        for (_, mine), (_, theirs) in zip(self._all, others._all, strict=True):
            theirs[:] = mine
