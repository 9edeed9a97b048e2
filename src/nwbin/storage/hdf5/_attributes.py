"""Attributes of objects, as plain Python values and NumPy arrays."""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np

from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._headers import attribute_places
from nwbin.storage.hdf5._heap import REFERENCE, DamagedTextError
from nwbin.storage.hdf5._storage_layout import is_heap_text, kind_of
from nwbin.storage.hdf5._strings import HeapStrings, decode
from nwbin.storage.hdf5._text import FileText

__all__ = ["Attributes"]

_HARMLESS = 1 << 20  # bytes that an attribute may claim beyond those of the whole file


class Attributes:
    """The attributes of an open file's objects."""

    def __init__(self, file: OpenFile, text: FileText) -> None:
        self._file, self._text = file, text
        self._places: dict[int, dict[bytes, tuple[int, int]]] = {}  # by the object's address

    def read(self, node: Any, key: str) -> Any:
        """Read one: text decoded, a single value as Python's; None for references and what else is not read."""
        found = node.attrs.get_id(key)
        shape, dtype = found.shape, found.dtype  # asked for once: h5py makes them anew each time
        kind = kind_of(dtype)
        if kind in ("reference", "compound") or (kind == "other" and dtype.hasobject):
            return None
        if found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return None
        if math.prod(shape) * dtype.itemsize > _HARMLESS + self._file.size:
            raise ValueError(f"its attribute {key} claims to have shape {shape}")
        if kind in ("number", "bool"):
            number = np.zeros(shape, dtype)
            found.read(number)
            return number if shape else number.item()
        value = self._heap_text(node, key, shape) if is_heap_text(dtype) else node.attrs[key]
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        if isinstance(value, np.ndarray):
            return decode(value) if kind == "text" else value
        return value.item() if isinstance(value, np.generic) else value

    def _heap_text(self, node: Any, key: str, shape: tuple[int, ...]) -> Any:
        strings = self._text.strings
        place = None if strings is None else self._place(strings, node, key)
        if strings is None or place is None:
            self._text.trust_libhdf5()
            return node.attrs[key]
        start, room = place
        count = math.prod(shape)
        try:
            if count * REFERENCE.itemsize > room:
                raise DamagedTextError
            text = strings.read(strings.references(start, count))
        except DamagedTextError as error:
            raise ValueError(f"the text of its attribute {key} is not where it should be") from error
        return text.reshape(shape) if shape else text[0]

    def _place(self, strings: HeapStrings, node: Any, key: str) -> tuple[int, int] | None:
        """Return where an attribute's value begins and how many bytes it may have; None where that is not known."""
        if not self._file.holds(node):
            return None
        address = h5py.h5o.get_info(node.id).addr
        if address not in self._places:
            if self._file.ahead is not None:
                self._file.ahead.header(address)
            self._places[address] = attribute_places(strings.data, address)
        return self._places[address].get(key.encode("utf-8", "surrogateescape"))
