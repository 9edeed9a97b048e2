"""Text from a file's bytes: variable-length strings found in HDF5's global heap, each distinct one made once.

HDF5 stores a variable-length string as 16 bytes: its length, the address of a heap collection and a number in
it. libhdf5 follows these one at a time, and h5py makes a Python object of each, though a column of 70,000 rows
holds a handful of values. Here the strings' places are found for all rows at once, their bytes compared as
64-bit words, and only the distinct ones decoded. Arrays in, arrays out: no HDF5 library takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HeapStrings", "decode", "endless_collection", "text_of"]

REF_SIZE = 16
_REF = np.dtype([("length", "<u4"), ("address", "<u8"), ("number", "<u4")])
_NEXT = np.uint64(1 << 32)  # from one reference to that of the next object, in their second 8 bytes
_SHORT = 16  # references: shorter runs of the same string are not worth looking at one by one

# Words compared at a time: longer strings are rare, and are looked at one by one.
_LONGEST = 128
_BLOCK = 1 << 16  # rows at a time: the working set stays below 10 MB
_KEEP = 256  # heap collections whose contents are remembered
_LARGEST = 1 << 26  # bytes of a heap collection: libhdf5 makes them of kilobytes


def _text(raw: bytes) -> str:
    # HDF5's strings end at a NUL, wherever it stands. Bytes that are no UTF-8 survive as surrogates.
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def decode(raw: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Turn an array of bytes (dtype object or S) into one of str, each distinct value decoded once."""
    seen: dict[Any, str] = {}
    text = np.empty(raw.shape, dtype=object)
    flat = text.reshape(-1)
    for index, value in enumerate(raw.reshape(-1).tolist()):
        known = seen.get(value)
        if known is None:
            known = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
            seen[value] = known
        flat[index] = known
    return text


def text_of(codes: npt.NDArray[np.intp], values: list[str]) -> npt.NDArray[np.object_]:
    """Lay out numbered strings: dtype object, (n,), of str."""
    table = np.empty(len(values), dtype=object)
    table[:] = values
    return table[codes]


def endless_collection(data: bytes) -> int | None:
    """Return the address of a heap collection in which libhdf5 would go round for ever, None if there is none.

    It walks from object to object by their sizes, and believes a size of 0: a file with zeros written over its
    heap would hang the program at the first attribute.
    """
    address = data.find(b"GCOL")
    while address >= 0:
        end = address + int.from_bytes(data[address + 8 : address + 16], "little")
        at = address + 16
        while at + 16 <= min(end, len(data)):
            number = int.from_bytes(data[at : at + 2], "little")
            size = int.from_bytes(data[at + 8 : at + 16], "little")
            step = 16 + ((size + 7) & -8) if number else size
            if step == 0:
                return address
            at += step
        address = data.find(b"GCOL", address + 4)
    return None


class HeapStrings:
    """The variable-length strings of a file.

    Parameters
    ----------
    data
        The file's bytes, uint8 (size,), usually a map of it. Addresses count from its first byte.
    """

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        # The 8 bytes from each byte on, as one number: strings start anywhere.
        words = max(0, data.size - 7)
        self._words: npt.NDArray[np.uint64] = np.ndarray((words,), "<u8", data, strides=(1,))
        self._contents: dict[int, npt.NDArray[np.intp]] = {}

    def read(self, refs: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_] | None:
        """Return a few strings, one by one: dtype object, (n,), of str. Takes and returns None as :meth:`codes`."""
        rows = np.ascontiguousarray(refs).view(_REF).reshape(-1)
        text = np.full(len(rows), "", dtype=object)
        for row, (length, address, number) in enumerate(rows.tolist()):
            at = self._place(address, number, length) if length else 0
            if at is None:
                return None
            text[row] = _text(self.data[at : at + length].tobytes())
        return text

    def codes(self, refs: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Number the strings that references point to.

        Parameters
        ----------
        refs
            What the dataset holds: uint8 (n * 16,).

        Returns
        -------
        codes, values
            For each reference the number of its string, intp (n,), and the distinct strings. None where anything
            is not as the format says it must be: then libhdf5 shall say what is wrong.
        """
        rows = np.ascontiguousarray(refs).view(_REF).reshape(-1)
        codes = np.empty(len(rows), dtype=np.intp)
        known: dict[bytes, int] = {}
        values: dict[str, int] = {}

        def code_of(raw: bytes) -> int:
            if raw not in known:
                known[raw] = values.setdefault(_text(raw), len(values))
            return known[raw]

        for begin in range(0, len(rows), _BLOCK):
            some, out = rows[begin : begin + _BLOCK], codes[begin : begin + _BLOCK]
            rest = self._repeated(some, out, code_of)
            if rest.any():
                found = self._various(some[rest])
                if found is None:
                    return None
                local, strings = found
                out[rest] = np.asarray([code_of(raw) for raw in strings], dtype=np.intp)[local]
        return codes, list(values)

    def _repeated(
        self, rows: npt.NDArray[Any], out: npt.NDArray[np.intp], code_of: Callable[[bytes], int]
    ) -> npt.NDArray[np.bool_]:
        """Number the strings that stand in long runs of the same one; return which rows are left.

        Most columns repeat one value for thousands of rows, and strings written together stand one behind the
        other, numbered upwards. Such a run is a matrix of words in the file, compared where it lies.
        """
        rest = rows["length"] > 0
        if not rest.all():
            out[~rest] = code_of(b"")
        pairs = rows.view("<u8").reshape(-1, 2)  # length and low address, high address and number
        low, high = pairs[:, 0], pairs[:, 1]
        follows = (low[1:] == low[:-1]) & (high[1:] - high[:-1] == _NEXT)
        bounds = np.concatenate([[0], np.flatnonzero(~follows) + 1, [len(rows)]])
        for run in np.flatnonzero(np.diff(bounds) >= _SHORT).tolist():
            first, last = int(bounds[run]), int(bounds[run + 1])
            length, address, number = rows[first].tolist()
            raw = self._same(address, number, length, last - first) if length else None
            if raw is not None:
                out[first:last] = code_of(raw)
                rest[first:last] = False
        return rest

    def _same(self, address: int, number: int, length: int, count: int) -> bytes | None:
        """Return the one string that so many objects hold from this one on; None where it is not as simple."""
        if not 0 < address < self.data.size or length > _LONGEST:
            return None
        place = 16 if number == 1 else self._look_up(address, number)
        step = 16 + ((length + 7) & -8)
        if place is None or address + place + count * step > self.data.size:
            return None
        at = address + place
        objects: npt.NDArray[np.uint64] = np.ndarray(
            (count, step // 8), "<u8", self.data, at, strides=(step, 8)
        )
        header, size = objects[0, :2].tolist()
        if header & 0xFFFF != number or size != length or (np.diff(objects[:, 0]) != 1).any():
            return None
        for word in objects.T[1:]:  # the size is one of them
            if (word != word[0]).any():
                return None
        return self.data[at + 16 : at + 16 + length].tobytes()

    def _various(self, rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], list[bytes]] | None:
        """Number any strings but empty ones: a code for each row, and each code's string."""
        length = rows["length"].astype(np.int64)
        at = self._places(rows["address"].astype(np.int64), rows["number"].astype(np.int64), length)
        if at is None:
            return None
        codes, first = self._distinct(at, length)
        return codes, [self.data[at[row] : at[row] + length[row]].tobytes() for row in first.tolist()]

    # ---------------------------------------------------------------- where the strings lie

    def _headers(self, at: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return number and size as they stand in the heap objects' headers; -1 where none can be."""
        inside = (at >= 16) & (at <= self.data.size - 24)
        safe = np.where(inside, at, 0)
        number = (self._words[safe] & np.uint64(0xFFFF)).astype(np.int64)
        size = self._words[safe + 8].astype(np.int64)
        number[~inside] = -1
        return number, size

    def _places(
        self, address: npt.NDArray[np.int64], number: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64] | None:
        """Find each string's first byte, int64 (n,).

        Strings written together stand one behind the other, numbered upwards. So the first of such a run is
        looked up and the others follow by adding sizes; each guess is checked against the header found there.
        """
        if self.data.size < 64 or (address <= 0).any() or (address > self.data.size - 16).any():
            return None
        fresh = np.ones(len(address), dtype=bool)
        fresh[1:] = (address[1:] != address[:-1]) | (number[1:] != number[:-1] + 1)
        starts = np.flatnonzero(fresh)
        base = np.empty(len(starts), dtype=np.int64)
        for i, row in enumerate(starts.tolist()):
            place = 16 if number[row] == 1 else self._look_up(int(address[row]), int(number[row]))
            if place is None:
                return None
            base[i] = address[row] + place
        steps = np.zeros(len(address), dtype=np.int64)
        np.cumsum(16 + ((length[:-1] + 7) & -8), out=steps[1:])
        run = np.cumsum(fresh) - 1
        header = base[run] + steps - steps[starts][run]
        found, size = self._headers(header)
        for row in np.flatnonzero((found != number) | (size != length)).tolist():
            place = self._look_up(int(address[row]), int(number[row]))
            if place is None:
                return None
            header[row] = address[row] + place
        found, size = self._headers(header)
        bad = (found != number) | (size < length) | (header + 16 + length > self.data.size)
        return None if bad.any() else header + 16

    def _place(self, address: int, number: int, length: int) -> int | None:
        """Find one string's first byte."""
        place = self._look_up(address, number) if 0 < address <= self.data.size - 16 else None
        if place is None:
            return None
        header = self.data[address + place : address + place + 16].tobytes()
        if int.from_bytes(header[8:], "little") < length or address + place + 16 + length > self.data.size:
            return None
        return address + place + 16

    def _look_up(self, address: int, number: int) -> int | None:
        """Return where in a collection an object's header stands, by walking through it (once)."""
        contents = self._contents.get(address)
        if contents is None:
            contents = self._walk(address)
            if len(self._contents) >= _KEEP:
                self._contents.clear()
            self._contents[address] = contents
        place = int(contents[number]) if number < len(contents) else 0
        return place or None

    def _walk(self, address: int) -> npt.NDArray[np.intp]:
        """Find the objects of a collection: for each number the place of its object, 0 where there is none.

        From each object its size leads to the next. The step from every place is worked out at once, and steps
        of 2, 4, 8 and 16 from those: a collection has thousands of objects.
        """
        head = self.data[address : address + 16].tobytes()
        end = int.from_bytes(head[8:16], "little")
        if head[:4] != b"GCOL" or not 32 <= end <= min(self.data.size - address, _LARGEST):
            return np.empty(0, np.intp)
        words = self.data[address : address + (end & -8)].view("<u8")
        count = len(words)
        # Number 0 means that the rest is free.
        here = np.flatnonzero((words[:-1] & np.uint64(0xFFFF) != 0) & (words[1:] <= end))
        after = here + 2 + ((words[here + 1].astype(np.intp) + 7) >> 3)
        whole = after <= count
        # One place beyond the last stands for "no object here" and leads to itself.
        jump = np.full(count + 1, count, dtype=np.intp)
        jump[here[whole]] = after[whole]
        fits = np.zeros(count + 1, dtype=bool)
        fits[here[whole]] = True
        jumps = []
        for _ in range(4):
            jumps.append(jump)
            jump = jump[jump]
        at, every = 2, []
        while at < count:
            every.append(at)
            at = jump.item(at)
        chain = np.asarray(every, dtype=np.intp)
        for jump in reversed(jumps):
            chain = np.concatenate([chain, jump[chain]])
        chain = np.sort(chain[fits[chain]])[
            ::-1
        ]  # backwards, so that the first of a number is the one that stays
        numbers = (words[chain] & np.uint64(0xFFFF)).astype(np.intp)
        places = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.intp)
        places[numbers] = chain * 8
        return places

    # ---------------------------------------------------------------- which are the same

    def _distinct(
        self, at: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Number the distinct strings: a code for each row, and a row for each code."""
        import pandas as pd

        codes: npt.NDArray[np.intp]
        longest = int(length.max())
        if longest > _LONGEST or int(at.max()) + longest + 8 > self.data.size:
            # Where a string lies tells it apart too; values that occur twice are merely decoded twice.
            place, size = pd.factorize(at)[0], pd.factorize(length)[0]
            codes = np.asarray(pd.factorize(place * (int(size.max()) + 1) + size)[0], dtype=np.intp)
        else:
            codes = np.asarray(pd.factorize(length)[0], dtype=np.intp)
            for k in range(0, longest, 8):
                # A word holds min(8, length - k) bytes of the string; the rest is masked away.
                bits = np.clip(length - k, 0, 8).astype(np.uint64) * np.uint64(8)
                mask = np.where(
                    bits == 64, ~np.uint64(0), (np.uint64(1) << (bits & np.uint64(63))) - np.uint64(1)
                )
                word = self._words[at + k] & mask
                if (word == word[0]).all():
                    continue
                part = np.asarray(pd.factorize(word)[0], dtype=np.intp)
                codes = np.asarray(pd.factorize(codes * (int(part.max()) + 1) + part)[0], dtype=np.intp)
        first = np.empty(int(codes.max()) + 1, dtype=np.intp)
        first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
        return codes, first
