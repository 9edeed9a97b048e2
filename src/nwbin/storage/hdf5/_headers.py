"""Where an attribute's value lies in the file: HDF5's object headers, looked through as far as that needs.

libhdf5 hands out the text of an attribute only by following it into the heap, where damaged bytes can crash it,
hang it, or make it set aside gigabytes; and unlike a dataset's, the place of an attribute's value cannot be
asked for. An object's header is messages, in one block or more:

    older   version 1, 7 bytes, size of the block (4), 4 bytes;  messages
            a message: kind (2)  size (2)  4 bytes, and what it says
    newer   "OHDR"  version  flags (1), times (16) and limits (4) if flagged, size (1, 2, 4 or 8);  messages
            a message: kind (1)  size (2)  flags (1), order (2) if flagged, and what it says

A message of a certain kind leads to another block, which in the newer format stands between a signature and a
checksum of 4 bytes each. Arrays in, places out: no HDF5 library takes part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["attribute_places", "first_block"]

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10  # numbers of the kinds of message
# What is looked through for one object, so that a damaged header that leads back to itself comes to an end.
_MOST_MESSAGES = 1 << 16
_MOST_BYTES = 1 << 24


def _int(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


class FirstBlock(NamedTuple):
    """Where an object's messages begin, and how wide what stands before each is, in bytes.

    Attributes
    ----------
    begin, size
        Of the header's first block.
    of_kind, prefix
        Of a message's kind, and of all that stands before what it says.
    frame
        Of what stands around any other block, on each side.
    """

    begin: int
    size: int
    of_kind: int
    prefix: int
    frame: int


def first_block(head: bytes, address: int) -> FirstBlock | None:
    """Where the messages of an object begin, by the first 32 bytes of its header; None where they are of none."""
    if head[:4] == b"OHDR":
        flags = head[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 0x03)
        return FirstBlock(address + at + width, _int(head[at : at + width]), 1, 6 if flags & 0x04 else 4, 4)
    if head[:1] == b"\1":
        return FirstBlock(address + 16, _int(head[8:12]), 2, 8, 0)
    return None


def _messages(data: npt.NDArray[np.uint8], address: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the kind, the place and the bytes of each message in the header of the object at an address."""
    first = first_block(data[address : address + 32].tobytes().ljust(32, b"\0"), address)
    if first is None:
        return
    begin, size, of_kind, prefix, frame = first
    blocks = [(begin, size)]
    seen, left = 0, _MOST_BYTES
    for begin, size in blocks:  # grows on the way
        block = data[begin : begin + max(0, min(size, left))].tobytes()
        left -= len(block)
        at = 0
        while at + prefix <= len(block):
            kind = _int(block[at : at + of_kind])
            start = at + prefix
            end = start + _int(block[at + of_kind : at + of_kind + 2])
            seen += 1
            if end > len(block) or seen > _MOST_MESSAGES:
                break
            if kind == _CONTINUATION:
                where, length = _int(block[start : start + 8]), _int(block[start + 8 : start + 16])
                blocks.append((where + frame, length - 2 * frame))
            yield kind, begin + start, block[start:end]
            at = end


def attribute_places(data: npt.NDArray[np.uint8], address: int) -> dict[bytes, tuple[int, int]]:
    """Find the values of an object's attributes.

    Parameters
    ----------
    data
        The file's bytes, uint8 (size,). Addresses count from its first byte, and are 8 bytes wide.
    address
        Of the object.

    Returns
    -------
    dict
        The attribute's name -> its value's first byte, and how many bytes it has at most. Those that do not
        stand in the object's header are left out: libhdf5 puts the attributes of an object that has many of
        them elsewhere, in its newer format.
    """
    found: dict[bytes, tuple[int, int]] = {}
    for kind, place, body in _messages(data, address):
        version = body[0] if len(body) >= 9 else 0
        if kind != _ATTRIBUTE or version not in (1, 2, 3):
            continue
        # Name, datatype and dataspace stand before the value; in version 1 each is filled up to 8 bytes.
        sizes = [_int(body[i : i + 2]) for i in (2, 4, 6)]
        at = 9 if version == 3 else 8
        name = body[at : at + sizes[0]].split(b"\0", 1)[0]
        at += sum((size + 7) & -8 if version == 1 else size for size in sizes)
        if at <= len(body):
            found.setdefault(name, (place + at, len(body) - at))
    return found
