"""Where the strings of an HDF5 file lie: its global heap, looked through without libhdf5.

What is stored for a string of variable length is a reference of 16 bytes (:data:`REFERENCE`): its length, the
address of a *collection* in the file, and the number of an *object* in that. A collection is

    "GCOL"  version 1  0 (3)  size (8)          its head: the size counts from here
    number (2)  uses (2)  0 (4)  size (8)       a header of 16 bytes; behind it the string, up to a multiple of 8
    number (2)  uses (2)  0 (4)  size (8)       the next header and string, and so on
    0 ...                                       number 0: the rest is free

Arrays in, arrays out: no HDF5 library takes part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "HEADER",
    "LARGEST",
    "REFERENCE",
    "DamagedTextError",
    "Heap",
    "endless_collection",
    "is_endless",
    "padded",
]

REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("number", "<u4")])
HEADER = 16  # bytes, of an object's header and of a collection's head

_FEW = 64  # objects: so many are passed one by one
_KEEP = 256  # collections whose objects are remembered
LARGEST = 1 << 26  # bytes of a collection: libhdf5 makes them of kilobytes
_NUMBER = np.uint64(0xFFFF)  # the bits of a header's first 8 bytes that are the object's number


class DamagedTextError(ValueError):
    """A string is not where a reference says."""

    def __init__(self, message: str = "its text is not where it should be") -> None:
        super().__init__(message)


def padded(size: Any) -> Any:
    """Round bytes up to a multiple of 8."""
    return (size + 7) & -8


def is_endless(collection: bytes) -> bool:
    """Whether libhdf5 would go round in a collection for ever, by its bytes, or as many as there are of them.

    It walks from object to object by their sizes, and believes a size of 0: a file with zeros written over its
    heap would hang the program at the first attribute.
    """
    end = min(len(collection), int.from_bytes(collection[8:16], "little"))
    at = HEADER
    while at + HEADER <= end:
        number = int.from_bytes(collection[at : at + 2], "little")
        size = int.from_bytes(collection[at + 8 : at + 16], "little")
        step = HEADER + padded(size) if number else size
        if step == 0:
            return True
        at += step
    return False


def endless_collection(data: bytes) -> int | None:
    """Return the address of a collection in which libhdf5 would go round for ever, None if there is none."""
    address = data.find(b"GCOL")
    while address >= 0:
        size = int.from_bytes(data[address + 8 : address + HEADER], "little")
        if is_endless(data[address : address + size]):
            return address
        address = data.find(b"GCOL", address + 4)
    return None


class Heap:
    """The heap of a file.

    Parameters
    ----------
    data
        The file's bytes, uint8 (size,), usually a map of it. Addresses count from its first byte.

    Attributes
    ----------
    words
        The 8 bytes from each byte of the file on, as one number, uint64 (size - 7,): strings start anywhere.
    """

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self.words: npt.NDArray[np.uint64] = np.ndarray((max(0, data.size - 7),), "<u8", data, strides=(1,))
        self._collections: dict[int, npt.NDArray[np.intp]] = {}
        self._passed: dict[int, tuple[int, int]] = {}  # of a collection, an object's number and where it ends

    def place(self, address: int, number: int, length: int) -> int:
        """Find one string's first byte; raises DamagedTextError where that fails."""
        header = self._object(address, number)
        size = int.from_bytes(self.data[header + 8 : header + 16].tobytes(), "little")
        if size != length or header + HEADER + length > self.data.size:
            raise DamagedTextError
        return header + HEADER

    def places(
        self, address: npt.NDArray[np.int64], number: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Find many strings' first bytes, int64 (n,); raises DamagedTextError where that fails for any.

        Strings written together stand one behind the other, numbered upwards. So the first of such a run is
        looked up and the others follow by adding sizes. Each guess is compared with the header found there, and
        where they differ, that string is looked up too.
        """
        if self.data.size < 64 or (address <= 0).any() or (address > self.data.size - HEADER).any():
            raise DamagedTextError
        begins = np.ones(len(address), dtype=bool)
        begins[1:] = (address[1:] != address[:-1]) | (number[1:] != number[:-1] + 1)
        first = np.flatnonzero(begins)
        run = np.cumsum(begins) - 1  # of each string
        before = np.zeros(len(address), dtype=np.int64)  # bytes of the objects before, in all runs
        np.cumsum(HEADER + padded(length[:-1]), out=before[1:])
        found = [
            self.likely(*each) for each in zip(address[first].tolist(), number[first].tolist(), strict=True)
        ]
        header: npt.NDArray[np.int64] = np.asarray(found, dtype=np.int64)[run] + before - before[first][run]
        there, size = self._headers(header)
        for row in np.flatnonzero((there != number) | (size != length)).tolist():
            header[row] = self._object(int(address[row]), int(number[row]))
        there, size = self._headers(header)
        if ((there != number) | (size != length) | (header + HEADER + length > self.data.size)).any():
            raise DamagedTextError
        return header + HEADER

    def likely(self, address: int, number: int) -> int:
        """Guess where an object's header is; what stands there is for the caller to look at.

        Number 1 comes first unless it was deleted. Columns are written one behind the other, with their attributes
        between them: so the next one begins a few objects behind those passed.
        """
        if number == 1:
            return address + HEADER
        passed, header = self._passed.get(address, (number, 0))
        if not 0 < number - passed <= _FEW:
            return self._object(address, number)
        for one in range(passed + 1, number):
            if header > self.data.size - 2 * HEADER or self.words.item(header) & 0xFFFF != one:
                return self._object(address, number)
            header += HEADER + padded(self.words.item(header + 8))
        return header if header < self.data.size else self._object(address, number)

    def passed(self, address: int, number: int, end: int) -> None:
        """Say which object of a collection is the last of some that were gone through, and where it ends."""
        if len(self._passed) >= _KEEP:
            self._passed.clear()
        self._passed[address] = number, end

    def _headers(self, at: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return number and size as they stand in the headers at some places; number -1 where none can be."""
        inside = (at >= HEADER) & (at <= self.data.size - HEADER - 8)
        safe = np.where(inside, at, 0)
        number = (self.words[safe] & _NUMBER).astype(np.int64)
        size = self.words[safe + 8].astype(np.int64)
        number[~inside] = -1
        return number, size

    def _object(self, address: int, number: int) -> int:
        """Look up where an object's header is."""
        if not 0 < address <= self.data.size - HEADER:
            raise DamagedTextError
        headers = self._collections.get(address)
        if headers is None:
            headers = self._walk(address)
            if len(self._collections) >= _KEEP:
                self._collections.clear()
            self._collections[address] = headers
        if number >= len(headers) or headers[number] == 0:
            raise DamagedTextError
        return int(headers[number])

    def _walk(self, address: int) -> npt.NDArray[np.intp]:
        """Find a collection's objects: for each number where in the file its header is, 0 where there is none.

        From each object its size leads to the next, of thousands. A loop over them would be slow. So the step
        from every word of the collection is worked out at once, as if a header were there, and from it where 2,
        4, 8 and 16 steps lead. The loop then makes leaps of 16, and the shorter ones fill in what lies between.
        """
        head = self.data[address : address + HEADER].tobytes()
        n_bytes = int.from_bytes(head[8:], "little")
        if head[:4] != b"GCOL" or not 32 <= n_bytes <= min(self.data.size - address, LARGEST):
            return np.empty(0, np.intp)
        words = self.data[address : address + (n_bytes & -8)].view("<u8")
        number, size = words[:-1] & _NUMBER, words[1:]
        headers = np.flatnonzero((number != 0) & (size <= n_bytes))
        after = headers + (HEADER + padded(size[headers].astype(np.intp))) // 8
        whole = after <= len(words)
        # What can be no header leads to itself: there the walk ends.
        step = np.arange(len(words) + 1, dtype=np.intp)
        step[headers[whole]] = after[whole]
        leaps = [step]  # of 1, 2, 4, 8 and 16 steps
        for _ in range(4):
            leaps.append(leaps[-1][leaps[-1]])
        visited = [HEADER // 8]
        while (at := leaps[-1].item(visited[-1])) != visited[-1]:
            visited.append(at)
        objects = np.asarray(visited, dtype=np.intp)
        for leap in reversed(leaps[:-1]):
            objects = np.concatenate([objects, leap[objects]])
        objects = objects[step[objects] != objects]
        numbers = number[objects].astype(np.intp)
        places = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.intp)
        places[numbers] = address + objects * 8
        places[np.bincount(numbers, minlength=1) > 1] = 0  # damaged: which of them is meant cannot be known
        return places
