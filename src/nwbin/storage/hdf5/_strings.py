"""Text from a file's bytes: each distinct string made once.

libhdf5 follows references to strings (see :mod:`nwbin.storage.hdf5._heap`) one at a time, and h5py makes a Python
object of each, though a column of 70,000 rows holds a handful of values. Here the strings' places are found for all
rows at once, their bytes compared as 64-bit words, and only the distinct ones decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.storage.hdf5._heap import HEADER, REFERENCE, DamagedTextError, Heap, padded
from nwbin.tables.frames import numbered

__all__ = ["HeapStrings", "decode", "text_of"]

_NEXT = np.uint64(1 << 32)  # from one reference to that of the next object, in their second 8 bytes
_SHORT = 16  # objects: shorter stretches of one string are not worth comparing by themselves
_PIECE = 4  # rows: where pieces are shorter than that, taken together, a column repeats nothing
_LONGEST = 128  # bytes: longer strings are rare, and are not compared
_BLOCK = 1 << 16  # rows at a time: the working set stays below 10 MB
# Masks of a word that keep its first 0, 1, ..., 8 bytes (the lowest ones).
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


def _rows(references: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(references).view(REFERENCE).reshape(-1)


def _beginnings(pairs: npt.NDArray[np.uint64], count: npt.NDArray[np.intp] | int) -> npt.NDArray[np.intp]:
    """Say which references do not go on where the one before ends, so many (`count`) objects further: intp (m,)."""
    lengths, numbers = pairs[:, 0], pairs[:, 1]
    goes_on = (lengths[1:] == lengths[:-1]) & (numbers[1:] - numbers[:-1] == _NEXT * np.uint64(count))
    return np.concatenate([[0], np.flatnonzero(~goes_on) + 1])


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


class HeapStrings:
    """The strings of variable length in a file.

    Parameters
    ----------
    data
        The file's bytes, uint8 (size,), usually a map of it.
    """

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self._heap = Heap(data)

    def references(self, place: int, count: int) -> npt.NDArray[np.uint8]:
        """Return the references that stand in the file from a byte on, uint8 (count * 16,)."""
        found = self.data[place : place + count * REFERENCE.itemsize]
        if len(found) < count * REFERENCE.itemsize:
            raise DamagedTextError
        return found

    def read(self, references: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_]:
        """Return a few strings, found one by one: dtype object, (n,), of str; else as :meth:`codes`."""
        rows = _rows(references)
        text = np.full(len(rows), "", dtype=object)
        for row, (length, address, number) in enumerate(rows.tolist()):
            if length:
                text[row] = _text(self._bytes(self._heap.place(address, number, length), length))
        return text

    def codes(self, references: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], list[str]]:
        """Number strings.

        Parameters
        ----------
        references
            What a dataset stores: uint8 (n * 16,).

        Returns
        -------
        codes, values
            For each reference the number of its string, intp (n,), and the distinct strings.

        Raises
        ------
        DamagedTextError
            A reference leads to no string.
        """
        rows = _rows(references)
        codes = np.empty(len(rows), dtype=np.intp)
        known: dict[bytes, int] = {}
        values: dict[str, int] = {}  # different bytes can be the same text: see _text

        def code_of(raw: bytes) -> int:
            if raw not in known:
                known[raw] = values.setdefault(_text(raw), len(values))
            return known[raw]

        for begin in range(0, len(rows), _BLOCK):
            some, out = rows[begin : begin + _BLOCK], codes[begin : begin + _BLOCK]
            written = some["length"] > 0
            if written.all():
                out[:] = self._number(some, code_of)
                continue
            out[~written] = code_of(b"")
            if written.any():
                out[written] = self._number(some[written], code_of)
        return codes, list(values)

    def _bytes(self, at: int, length: int) -> bytes:
        return self.data[at : at + length].tobytes()

    def _found(self, at: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> None:
        """Make sure that strings are at hand, where only a part of the file is."""

    def _number(self, rows: npt.NDArray[Any], code_of: Callable[[bytes], int]) -> npt.NDArray[np.intp]:
        """Number strings, none of them empty: intp (n,)."""
        codes = self._number_repeated(rows, code_of)
        rest = codes < 0
        if rest.any():
            codes[rest] = self._number_any(rows[rest], code_of)
        return codes

    # ---------------------------------------------------------------- stretches of one string

    def _number_repeated(
        self, rows: npt.NDArray[Any], code_of: Callable[[bytes], int]
    ) -> npt.NDArray[np.intp]:
        """Number the strings that many objects in a row repeat: intp (n,), -1 for those that are left.

        Most columns repeat one value for thousands of rows, and strings written together stand one behind the
        other, numbered upwards. But libhdf5 writes a column in pieces, the last rows first: it is in the order of
        their numbers that pieces make a stretch of objects, a matrix of words in the file, compared where it lies.
        """
        pairs = rows.view("<u8").reshape(-1, 2)  # length and low half of the address, high half and number
        first = _beginnings(pairs, 1)  # row of each piece
        if len(first) * _PIECE > len(rows):
            return np.full(len(rows), -1, dtype=np.intp)
        pieces, count = pairs[first], np.diff(first, append=len(rows))
        order = np.lexsort((pieces[:, 1], pieces[:, 0]))
        begins = _beginnings(pieces[order], count[order][:-1])  # first piece of each stretch
        n_objects = np.add.reduceat(count[order], begins)
        codes = np.full(len(begins), -1, dtype=np.intp)
        starts = rows[first[order[begins]]].tolist()
        for stretch in np.flatnonzero(n_objects >= _SHORT).tolist():
            length, address, number = starts[stretch]
            raw = self._repeated(address, number, length, int(n_objects[stretch]))
            if raw is not None:
                codes[stretch] = code_of(raw)
        of_piece = np.empty(len(first), dtype=np.intp)
        of_piece[order] = np.repeat(codes, np.diff(begins, append=len(order)))
        return np.repeat(of_piece, count)

    def _repeated(self, address: int, number: int, length: int, count: int) -> bytes | None:
        """Return the one string that so many objects hold from this one on; None where they do not."""
        if length > _LONGEST:
            return None
        at = self._heap.likely(address, number)
        step = HEADER + padded(length)
        if not 0 < at <= self.data.size - count * step:
            return None
        words = step // 8  # of an object
        stretch: npt.NDArray[np.uint64] = np.ndarray((count * words,), "<u8", self.data, at)
        if stretch.item(0) & 0xFFFF != number or stretch.item(1) != length:
            return None
        # From each object to the next one the number goes up by one, and nothing else changes: not the size, nor
        # the string with the zeros behind it.
        changes = stretch[words:] - stretch[:-words]
        if (changes[::words] != 1).any() or np.count_nonzero(changes) != count - 1:
            return None
        self._heap.passed(address, number + count - 1, at + count * step)
        return self._bytes(at + HEADER, length)

    # ---------------------------------------------------------------- any strings

    def _number_any(self, rows: npt.NDArray[Any], code_of: Callable[[bytes], int]) -> npt.NDArray[np.intp]:
        """Number any strings but empty ones: intp (n,)."""
        length = rows["length"].astype(np.int64)
        at = self._heap.places(rows["address"].astype(np.int64), rows["number"].astype(np.int64), length)
        self._found(at, length)
        group, first = self._grouped(at, length)
        ends = zip(at[first].tolist(), (at + length)[first].tolist(), strict=True)
        # Two loops: going from bytes to code and back to bytes is slower.
        strings = [self.data[begin:end].tobytes() for begin, end in ends]
        return np.asarray([code_of(string) for string in strings], dtype=np.intp)[group]

    def _grouped(
        self, at: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Put rows with the same string into a group: the group of each row, and the first row of each group."""
        longest = int(length.max())
        parts: Iterable[npt.NDArray[Any]]
        if longest <= _LONGEST and int(at.max()) + longest + 8 <= self.data.size:
            # The string word by word; of its last word, and those behind it, the bytes that belong to it.
            belongs = (_FIRST_BYTES[np.clip(length - k, 0, 8)] for k in range(0, longest, 8))
            parts = (self._heap.words[at + 8 * i] & mask for i, mask in enumerate(belongs))
        else:
            parts = [at]  # where it lies: groups with the same string are merely decoded twice
        group = numbered(length)
        for part in parts:
            if (part == part[0]).all():
                continue
            number = numbered(part)
            group = numbered(group * (int(number.max()) + 1) + number)
        # Groups are numbered as they are met: where the highest number so far rises, a new one begins.
        return group, np.flatnonzero(np.diff(np.maximum.accumulate(group), prepend=-1))
