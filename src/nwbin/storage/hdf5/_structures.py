"""HDF5's own structures, read only to know where others lie: what a file on a server will be asked for next.

libhdf5 goes from object to object, some hundred small reads one after the other, and each of them would be a round
trip. Here the same way is gone for many objects side by side. A step says which bytes it needs, and is taken up
again once they are there; so all steps share one fetch (:class:`Waves`). Nothing that
is found here becomes an answer: libhdf5 reads the same bytes again, and what was missed, singly. So whatever is not
understood is passed over, and numbers that lead astray only fetch what nobody needs.

    superblock                  where the root is: version 0 and 1 at byte 56 or 60 (an entry), 2 and 3 at byte 36
    entry        40 bytes       name (8), object (8), 1 if it is a group (4), (4), its B-tree (8), its heap (8)
    B-tree       "TREE"         kind (1), level (1), entries (2), left (8), right (8); key, child, key, child, ..., key
    symbols      "SNOD"         (2), entries (2); entries
    local heap   "HEAP"         (4), size (8), (8), where its names are (8)
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nwbin.storage.hdf5._headers import first_block

__all__ = ["Member", "Spans", "Steps", "Waves", "chunk_places", "header", "members", "root"]

T = TypeVar("T")
Spans = list[tuple[int, int]]  # first byte, and the one behind the last
Steps = Generator[Spans, None, T]
Data = npt.NDArray[np.uint8]

_ENTRY = 40  # bytes
_NODE = 544  # bytes of a group's B-tree node, and of a node of symbols less, as libhdf5 makes them by default
_HEADER = 512  # bytes of an object's header that are asked for at first
_CONTINUATION, _SYMBOLS, _LINK = 0x10, 0x11, 0x06  # kinds of messages
# What is looked through, so that damaged structures that lead back to themselves come to an end.
_MOST = 1 << 12  # nodes, messages, blocks
_MOST_BYTES = 1 << 20  # of one structure
_NOWHERE = (1 << 64) - 1


class Member(NamedTuple):
    """What a group has under a name."""

    name: bytes
    address: int
    symbols: tuple[int, int] | None  # of a group: its B-tree and its heap, where that is said


def _int(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _at(data: Data, address: int, size: int) -> bytes:
    return data[address : address + size].tobytes() if 0 < address < data.size else b""


class Waves:
    """Takes steps side by side: fetches at once what all of them need, then lets each go on.

    Parameters
    ----------
    has
        Whether bytes are there already.
    need
        Fetches what is not.
    """

    def __init__(self, has: Callable[[int, int], bool], need: Callable[[Spans], None]) -> None:
        self._has, self._need = has, need
        self._going: list[Steps[Any]] = []

    def add(self, step: Steps[Any]) -> None:
        """Take up another step, before or while they are run."""
        self._going.append(step)

    def run(self) -> None:
        """Take all steps to their end."""
        while self._going:
            wanted: Spans = []
            waiting = []
            while self._going:  # steps that need nothing new go on, and may add others
                step = self._going.pop()
                for spans in step:
                    missing = [span for span in spans if not self._has(*span)]
                    if missing:
                        wanted += missing
                        waiting.append(step)
                        break
            self._going = waiting
            if wanted:
                self._need(wanted)


def root(data: Data) -> Member | None:
    """Return the root group by what the superblock says; None where addresses are of another size, or do not count
    from the file's first byte. The first 128 bytes are looked at."""
    head = data[:128].tobytes()
    if head[:8] != b"\x89HDF\r\n\x1a\n" or len(head) < 128:
        return None
    version = head[8]
    if version in (0, 1):
        base = 24 if version == 0 else 28
        if head[13:15] != b"\x08\x08" or _int(head[base : base + 8]):
            return None
        return _entry(head[base + 32 : base + 32 + _ENTRY], b"")
    if version in (2, 3) and head[9:11] == b"\x08\x08" and not _int(head[12:20]):
        return Member(b"", _int(head[36:44]), None)
    return None


def _entry(raw: bytes, name: bytes) -> Member:
    is_group = _int(raw[16:20]) == 1
    return Member(name, _int(raw[8:16]), (_int(raw[24:32]), _int(raw[32:40])) if is_group else None)


def header(data: Data, address: int) -> Steps[list[tuple[int, bytes]]]:
    """Need an object's header, all its blocks; returns its messages: kind and body."""
    yield [(address, address + _HEADER)]
    first = first_block(_at(data, address, 32).ljust(32, b"\0"), address)
    if first is None:
        return []
    begin, size, of_kind, prefix, frame = first
    blocks = [(begin, size)]
    found: list[tuple[int, bytes]] = []
    for begin, size in blocks:  # grows on the way
        if size > _MOST_BYTES or len(found) > _MOST or len(blocks) > _MOST:
            break
        yield [(begin, begin + size + frame)]
        block = _at(data, begin, size)
        at = 0
        while at + prefix <= len(block):
            kind = _int(block[at : at + of_kind])
            end = at + prefix + _int(block[at + of_kind : at + of_kind + 2])
            body = block[at + prefix : end]
            if end > len(block):
                break
            if kind == _CONTINUATION and len(body) >= 16:
                blocks.append((_int(body[:8]) + frame, max(0, _int(body[8:16]) - 2 * frame)))
            found.append((kind, body))
            at = end
    return found


def members(
    data: Data, messages: list[tuple[int, bytes]], symbols: tuple[int, int] | None = None
) -> Steps[list[Member]]:
    """Need what lists a group's members, and return them.

    `messages` are those of its header; where `symbols` are known already, none are needed. Members that are links to
    paths have no address, and are left out; so are those of groups with very many in HDF5's newer format.
    """
    found = []
    for kind, body in messages:
        if kind == _SYMBOLS and len(body) >= 16:
            symbols = symbols or (_int(body[:8]), _int(body[8:16]))
        elif kind == _LINK:
            found += _link(body)
    if symbols is not None:
        found += yield from _symbols(data, *symbols)
    return found


def _link(body: bytes) -> list[Member]:
    """Return what a link message leads to, where that is an object."""
    if len(body) < 4 or body[0] != 1:
        return []
    flags, at = body[1], 2
    if flags & 0x08:
        if body[at] != 0:
            return []
        at += 1
    at += (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 0x03)
    length = _int(body[at : at + width])
    at += width
    return [Member(body[at : at + length], _int(body[at + length : at + length + 8]), None)]


def _symbols(data: Data, tree: int, heap: int) -> Steps[list[Member]]:
    yield [(tree, tree + _NODE), (heap, heap + 32)]
    names_at, n_bytes = _int(_at(data, heap + 24, 8)), _int(_at(data, heap + 8, 8))
    nodes = yield from _leaves(data, [tree], _NODE, 8)
    n_bytes = min(n_bytes, _MOST_BYTES)
    yield [(at, at + _NODE) for _, at in nodes] + [(names_at, names_at + n_bytes)]
    names = _at(data, names_at, n_bytes)
    found = []
    for _, at in nodes:
        head = _at(data, at, 8)
        if head[:4] != b"SNOD":
            continue
        entries = _at(data, at + 8, min(_int(head[6:8]) * _ENTRY, _NODE - 8))
        for begin in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            entry = entries[begin : begin + _ENTRY]
            begins = _int(entry[:8])
            name = names[begins : max(begins, names.find(b"\0", begins))]
            member = _entry(entry, name)
            if 0 < member.address < data.size:
                found.append(member)
    return found


def _leaves(data: Data, nodes: list[int], size: int, key: int) -> Steps[list[tuple[bytes, int]]]:
    """Go down a B-tree, level by level; returns what its leaves lead to, each with its key."""
    seen = set(nodes)
    for _ in range(64):  # levels
        yield [(at, at + size) for at in nodes]
        below: list[tuple[bytes, int]] = []
        level = 0
        for at in nodes:
            head = _at(data, at, 24)
            if head[:4] != b"TREE":
                continue
            level = max(level, head[5])
            step = key + 8
            raw = _at(data, at + 24, min(_int(head[6:8]) * step, size - 24))
            below += [
                (raw[begin : begin + key], _int(raw[begin + key : begin + step]))
                for begin in range(0, len(raw) - step + 1, step)
            ]
        if level == 0 or not below:
            return below
        nodes = [at for at in dict.fromkeys(at for _, at in below) if at not in seen][: 1 << 16]
        seen.update(nodes)
    return []


def chunk_places(data: Data, tree: int, n_dimensions: int) -> Steps[list[tuple[int, int]]]:
    """Need the index of a dataset's chunks; returns where each lies: its first byte, and the one behind its last."""
    key = 8 + 8 * (n_dimensions + 1)
    size = 24 + 64 * (key + 8) + key  # as libhdf5 makes them by default
    found = yield from _leaves(data, [tree], size, key)
    return [(at, at + _int(raw[:4])) for raw, at in found if at != _NOWHERE]
