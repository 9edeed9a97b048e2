"""Text from a file's bytes: variable-length strings found in HDF5's global heap, each distinct one made once.

HDF5 stores a variable-length string as 16 bytes: its length, the address of a heap collection and a number in
it. libhdf5 follows these one at a time, and h5py makes a Python object of each, though a column of 70,000 rows
holds a handful of values. Here the strings' places are found for all rows at once, their bytes compared as
64-bit words, and only the distinct ones decoded. Arrays in, arrays out: no HDF5 library takes part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["HeapStrings", "decode", "endless_collection", "text_of"]

REF_SIZE = 16
_REF = np.dtype([("length", "<u4"), ("address", "<u8"), ("number", "<u4")])

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
        self._contents: dict[int, dict[int, int]] = {}

    def read(self, refs: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_] | None:
        """Return a few strings, one by one: dtype object, (n,), of str. Takes and returns None as :meth:`codes`."""
        rows = np.ascontiguousarray(refs).view(_REF).reshape(-1)
        text = np.full(len(rows), "", dtype=object)
        filled = np.flatnonzero(rows["length"])
        if not filled.size:
            return text
        length = rows["length"][filled].astype(np.int64)
        address, number = rows["address"][filled].astype(np.int64), rows["number"][filled].astype(np.int64)
        at = self._places(address, number, length)
        if at is None:
            return None
        for row, begin, size in zip(filled.tolist(), at.tolist(), length.tolist(), strict=True):
            text[row] = _text(self.data[begin : begin + size].tobytes())
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
        for begin in range(0, len(rows), _BLOCK):
            some = rows[begin : begin + _BLOCK]
            length = some["length"].astype(np.int64)
            filled = length > 0
            out = codes[begin : begin + _BLOCK]
            if not filled.all():
                out[~filled] = values.setdefault("", len(values))
                if not filled.any():
                    continue
                some, length = some[filled], length[filled]
            at = self._places(some["address"].astype(np.int64), some["number"].astype(np.int64), length)
            if at is None:
                return None
            local, first = self._distinct(at, length)
            numbers = np.empty(len(first), dtype=np.intp)
            for code, row in enumerate(first.tolist()):
                raw = self.data[at[row] : at[row] + length[row]].tobytes()
                if raw not in known:
                    known[raw] = values.setdefault(_text(raw), len(values))
                numbers[code] = known[raw]
            out[filled] = numbers[local]
        return codes, list(values)

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

    def _look_up(self, address: int, number: int) -> int | None:
        """Return where in a collection an object's header stands, by walking through it (once)."""
        contents = self._contents.get(address)
        if contents is None:
            contents = self._walk(address)
            if len(self._contents) >= _KEEP:
                self._contents.clear()
            self._contents[address] = contents
        return contents.get(number)

    def _walk(self, address: int) -> dict[int, int]:
        """Find the objects of a collection: from each, its size leads to the next.

        The step from every place is worked out at once, and steps of 2, 4, 8, ... from those: a collection has
        thousands of objects.
        """
        head = self.data[address : address + 16].tobytes()
        if len(head) < 16 or head[:4] != b"GCOL":
            return {}
        end = int.from_bytes(head[8:16], "little")
        if not 32 <= end <= min(self.data.size - address, _LARGEST):
            return {}
        words = self.data[address : address + (end & -8)].view("<u8")
        here = np.arange(len(words), dtype=np.int64)
        number = (words & np.uint64(0xFFFF)).astype(np.int64)
        size = np.zeros(len(words), dtype=np.uint64)
        size[:-1] = words[1:]
        fits = (number != 0) & (size <= end) & (here < len(words) - 1)  # number 0: the rest is free
        after = here + 2 + ((np.where(fits, size, np.uint64(0)).astype(np.int64) + 7) >> 3)
        fits &= after <= len(words)
        # One place beyond the last stands for "no object here" and leads to itself.
        jump = np.append(np.where(fits, np.minimum(after, len(words)), len(words)), len(words))
        chain = np.array([2], dtype=np.int64)
        while chain[-1] < len(words):
            chain = np.concatenate([chain, jump[chain]])
            jump = jump[jump]
        chain = chain[chain < len(words)]
        chain = chain[fits[chain]][::-1]  # backwards, so that the first of a number is the one that stays
        return dict(zip(number[chain].tolist(), (chain * 8).tolist(), strict=True))

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
