"""Fetching ahead: what tables of a file on a server consist of, in a few waves instead of some hundred round trips."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nwbin.storage.hdf5._heap import REFERENCE
from nwbin.storage.hdf5._structures import Member, Spans, Steps, Waves, chunk_places, header, members, root

if TYPE_CHECKING:
    from nwbin.storage.remote import RemoteFile

__all__ = ["ReadAhead", "collections_of"]

_SPACE, _TYPE, _LAYOUT, _ATTRIBUTE = 0x01, 0x03, 0x08, 0x0C  # kinds of messages
_STRINGS = 9  # class of data of variable length
_LARGEST = 1 << 23  # bytes of a column that is fetched ahead
_COLLECTION = 1 << 12  # bytes of a heap's collection, as libhdf5 makes them
_MOST_HEAP = 1 << 26
# Bytes that are fetched though nothing that is known needs them, for fewer requests: before and behind what is needed,
# as structures that lead to one another often lie together; between it, also where the walk is for tables that fill
# what lies between; and the file's end, where all lies that was added late.
_AROUND = 3 << 14
_BETWEEN, _BETWEEN_DENSE = 1 << 20, 24 << 20
_END = 3 << 20
# Bytes that are fetched because of what a file says of itself, for one request of tables: one that lies about that is
# then read by libhdf5 alone.
_MOST_AHEAD = 1 << 28

Names = dict[str, Any]  # what is wanted below a group: names, or "*" for all, and what is wanted below those


class Stored(NamedTuple):
    """Where a dataset's values are."""

    place: int
    n_bytes: int  # 0 where they are in chunks
    n_dimensions: int  # of a chunk
    is_text: bool


def _int(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def stored(messages: list[tuple[int, bytes]]) -> Stored | None:
    """Return where a dataset's values are by its header; None where they are elsewhere, or not found."""
    is_text, found = False, None
    for kind, body in messages:
        if kind == _TYPE and body:
            is_text = body[0] & 0x0F == _STRINGS
        elif kind == _LAYOUT and len(body) >= 18 and body[0] in (3, 4):
            if body[1] == 1:
                found = (_int(body[2:10]), _int(body[10:18]), 0)
            elif body[1] == 2 and body[0] == 3:
                found = (_int(body[3:11]), 0, body[2] - 1)
    return None if found is None else Stored(*found, is_text)


def collections_of(references: Any, data: Any) -> Steps[None]:
    """Need the heap's collections that references to strings lead to."""
    rows = np.ascontiguousarray(references).view(REFERENCE).reshape(-1)
    places = np.unique(rows["address"][rows["length"] > 0].astype(np.int64))
    places = places[(places > 0) & (places < data.size - 16)]
    if not len(places):
        return
    # Written one behind the other, most end where the next begins.
    ends = np.append(places[1:], places[-1] + _COLLECTION)
    ends = np.minimum(ends, places + 16 * _COLLECTION)
    yield list(zip(places.tolist(), ends.tolist(), strict=True))
    sizes = [_int(data[at + 8 : at + 16].tobytes()) for at in places.tolist()]
    yield [(at, at + min(size, _MOST_HEAP)) for at, size in zip(places.tolist(), sizes, strict=True)]


def _text_attributes(messages: list[tuple[int, bytes]]) -> bytes:
    """Return the references to strings that a group's attributes hold; of a table's, only its columns' names."""
    found: dict[bytes, bytes] = {}
    for kind, body in messages:
        if kind != _ATTRIBUTE or len(body) < 9 or body[0] not in (1, 2, 3):
            continue
        name, type_, space = (_int(body[i : i + 2]) for i in (2, 4, 6))
        at = 9 if body[0] == 3 else 8
        if body[0] == 1:
            name, type_, space = (size + 7 & -8 for size in (name, type_, space))
        if body[at + name : at + name + 1] and body[at + name] & 0x0F == _STRINGS:
            values = body[at + name + type_ + space :]
            key = body[at : at + name].split(b"\0", 1)[0]
            found[key] = values[: len(values) // REFERENCE.itemsize * REFERENCE.itemsize]
    return found.get(b"colnames") or b"".join(found.values())


def _covers(done: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return len(done) == len(names) and all(a in ("*", b) for a, b in zip(done, names, strict=True))


class ReadAhead:
    """Fetches ahead what a remote file will be asked for.

    Parameters
    ----------
    remote
        The file.
    """

    def __init__(self, remote: RemoteFile) -> None:
        self._remote, self._image = remote, remote.image
        self._root = root(remote.image.bytes)
        self._done: set[tuple[str, ...]] = set()

    def _waves(self, *, dense: bool = False, most: float | None = None) -> Waves:
        left, room = _BETWEEN_DENSE if dense else 0, _MOST_AHEAD if most is None else most

        def allowed(span: tuple[int, int]) -> bool:
            nonlocal room
            size = max(0, min(span[1], self._image.size) - max(0, span[0]))
            fits = size <= room
            room -= size if fits else 0
            return fits

        def need(spans: Spans) -> None:
            nonlocal left
            spans = [span for span in spans if allowed(span)]
            before = self._remote.fetched
            late = self._image.size - _END
            spans = [(start, self._image.size if late <= start else stop) for start, stop in spans]
            self._image.need(spans, spare=max(left, _BETWEEN), around=_AROUND)
            needed = sum(stop - start for start, stop in spans)
            left -= max(0, min(left, self._remote.fetched - before - needed))

        return Waves(self._image.has, need)

    def header(self, address: int) -> None:
        """Fetch an object's header."""
        waves = self._waves()
        waves.add(header(self._image.bytes, address))
        waves.run()

    def chunk_index(self, address: int) -> None:
        """Fetch what says where the chunks of the dataset at an address lie."""
        waves = self._waves()
        waves.add(self._chunk_index(address))
        waves.run()

    def _chunk_index(self, address: int) -> Steps[None]:
        messages = yield from header(self._image.bytes, address)
        where = stored(messages)
        if where is not None and where.n_dimensions:
            yield from chunk_places(self._image.bytes, where.place, where.n_dimensions)

    def strings(self, references: Any) -> None:
        """Fetch the strings that references lead to, however many: what was not fetched cannot be told from zeros."""
        waves = self._waves(most=math.inf)
        waves.add(collections_of(references, self._image.bytes))
        waves.run()

    def objects(self, paths: Iterable[str], leave: Collection[str] = (), *, dense: bool = False) -> None:
        """Fetch objects, and of groups what is directly in them; of datasets also the values, of ragged ones not.

        Parameters
        ----------
        paths
            Of groups or datasets; ``*`` stands for any name.
        leave
            Names of datasets whose values are not fetched.
        dense
            Whether most of what lies among them in the file is likely to belong to them.
        """
        if self._root is None:
            return
        wanted: Names = {}
        for path in paths:
            names = tuple(path.split("/"))
            if any(_covers(done, names) for done in self._done):
                continue
            self._done.add(names)
            below = wanted
            for name in names:
                below = below.setdefault(name, {})
            below["*"] = None
        if wanted:
            wanted.pop("", None)  # the root's own members, which come in any case
            waves = self._waves(dense=dense)
            waves.add(self._group(waves, self._root, wanted, frozenset(leave)))
            waves.run()

    def _group(self, waves: Waves, group: Member, wanted: Names, leave: frozenset[str]) -> Steps[None]:
        """Need a group, and add steps for those of its members that are wanted."""
        data = self._image.bytes
        if group.symbols is not None:  # at once with its header
            waves.add(members(data, [], group.symbols))
        messages = yield from header(data, group.address)
        waves.add(collections_of(np.frombuffer(_text_attributes(messages), np.uint8), data))
        found = yield from members(data, messages, group.symbols)
        names = {member.name.decode("utf-8", "surrogateescape"): member for member in found}
        for name, member in names.items():
            below = wanted.get(name, wanted.get("*", ()))
            if below == ():
                continue
            if below is not None or member.symbols is not None:
                # Members of a group that was asked for are fetched, but nothing in them.
                waves.add(self._group(waves, member, below or {}, leave))
            else:
                ragged = f"{name}_index" in names
                waves.add(self._dataset(member, values=not ragged and name not in leave))

    def _dataset(self, member: Member, *, values: bool) -> Steps[None]:
        data = self._image.bytes
        messages = yield from header(data, member.address)
        where = stored(messages)
        if where is None or not values or where.n_bytes > _LARGEST:
            return
        spans: Spans = [(where.place, where.place + where.n_bytes)]
        if where.n_dimensions:
            spans = yield from chunk_places(data, where.place, where.n_dimensions)
            if sum(stop - start for start, stop in spans) > _LARGEST:
                return
        yield spans
        if where.is_text and not where.n_dimensions:
            references = data[
                where.place : where.place + where.n_bytes // REFERENCE.itemsize * REFERENCE.itemsize
            ]
            yield from collections_of(references, data)
