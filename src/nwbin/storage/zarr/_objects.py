"""Finding objects by their paths, links followed inside the store and no further.

Zarr has no links. hdmf-zarr keeps them among a group's attributes, each with a name, the store that it leads into
("source") and a path there. All three are data of the store's: a link into another store, or along a path that leads
out of this one, is not followed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nwbin.errors import FormatError
from nwbin.storage.absent import nothing_at
from nwbin.storage.zarr._documents import Documents, Node
from nwbin.storage.zarr._stores import KeyStore, steps

__all__ = ["RESERVED", "Objects", "plain"]

_LINKS = ("_LINKS", "zarr_link")  # since hdmf-zarr 0.14, and before
# Attributes that hdmf-zarr keeps for itself, or xarray: HDF5 has no such.
RESERVED = frozenset({*_LINKS, "_DTYPE", "_REFERENCE_FIELDS", "_ARRAY_DIMENSIONS", "zarr_dtype", ".specloc"})
_MOST_HOPS = 32


class Link(NamedTuple):
    """Where a link leads: the other store ("" for this one), and the path."""

    store: str
    path: str


class Objects:
    """The objects of an open store. Paths are as in :class:`nwbin.storage.hdf5.H5Source`."""

    def __init__(self, store: KeyStore, documents: Documents) -> None:
        self._store, self._documents = store, documents
        self._found: dict[str, str | None] = {}  # the path of what is meant, None where nothing is
        self._links: dict[str, dict[str, Link]] = {}

    def find(self, path: str) -> tuple[str, Node] | None:
        """Return what is at a path, and its own path, without links in it; None where nothing is."""
        asked = steps(path)
        if asked is None:
            return None
        real = self._follow("/".join(asked), 0)
        node = None if real is None else self._documents.node(real)
        return None if real is None or node is None else (real, node)

    def need(self, path: str) -> tuple[str, Node]:
        """Return the same; raises LookupFailure where nothing is."""
        found = self.find(path)
        if found is not None:
            return found
        raise nothing_at(path, self, self._store.name, "store")

    def kind(self, path: str) -> str | None:
        found = self.find(path)
        return None if found is None else found[1].kind

    def children(self, path: str) -> list[str]:
        """Return the names in a group, in HDF5's order, which is that of their bytes; none where there is no group."""
        found = self.find(path)
        if found is None or found[1].kind != "group":
            return []
        names = {*self._documents.names(found[0]), *self._links_in(found[0])}
        return sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""
        parent, _, name = path.strip("/").rpartition("/")
        group = self.find(parent)
        if group is None or group[1].kind != "group":
            return "none", ""
        if name in self._documents.names(group[0]):
            return "hard", ""
        link = self._links_in(group[0]).get(name)
        if link is None:
            return "none", ""
        return ("external", f"{link.store}:{link.path}") if link.store else ("soft", link.path)

    # ---------------------------------------------------------------- links

    def _links_in(self, path: str) -> dict[str, Link]:
        """Return the links of a group, by name."""
        if path not in self._links:
            node = self._documents.node(path)
            told: Any = next((node.attributes[key] for key in _LINKS if node and key in node.attributes), [])
            self._links[path] = {}
            for one in told if isinstance(told, list) else [told]:
                name = one.get("name") if isinstance(one, dict) else None
                where = one.get("path") if isinstance(one, dict) else None
                source = one.get("source", ".") if isinstance(one, dict) else None
                if not all(isinstance(said, str) for said in (name, where, source)):
                    raise FormatError(
                        f"{self._store.name}: {path or 'the top'} has a link that is none: {one!r:.80}; the store is "
                        "damaged: copy it again"
                    )
                own = source in (".", "", "./") or source == self._store.name.rstrip("/").rpartition("/")[2]
                self._links[path][str(name)] = Link("" if own else str(source), str(where))
        return self._links[path]

    def _follow(self, path: str, hops: int) -> str | None:
        """Find the path without links of what is at a path."""
        if path in self._found:
            return self._found[path]
        if hops > _MOST_HOPS:
            raise FormatError(
                f"{self._store.name}: {path} is a link that leads back to itself; it is not read: have it mended"
            )
        self._found[path] = found = self._behind(path, hops)
        return found

    def _behind(self, path: str, hops: int) -> str | None:
        if not path:
            return "" if self._documents.node("") is not None else None
        parent, _, name = path.rpartition("/")
        group = self._follow(parent, hops)
        node = None if group is None else self._documents.node(group)
        if group is None or node is None or node.kind != "group":
            return None
        inside = f"{group}/{name}" if group else name
        if self._documents.node(inside) is not None:
            return inside
        link = self._links_in(group).get(name)
        if link is None:
            return None
        if link.store:
            raise FormatError(
                f"{self._store.name}: {path} is a link into another store, {link.store!r}, which is not followed; open "
                "that store itself"
            )
        target = steps(link.path)
        if target is None:
            raise FormatError(
                f"{self._store.name}: {path} is a link to {link.path!r}, which leads out of the store; it is not "
                "followed: ask whoever made it"
            )
        return self._follow("/".join(target), hops + 1)


def plain(value: Any) -> Any:
    """Return an attribute as HDF5 has it: lists as arrays; None for references and for what nwbin does not read."""
    if isinstance(value, dict):  # a reference, or something that HDF5 does not know
        return None
    if not isinstance(value, list):
        return value
    flat = _flattened(value, 0)
    if flat is None:
        return None
    if all(isinstance(one, str) for one in flat):
        return np.array(value, dtype=object)
    if not all(isinstance(one, bool | int | float) for one in flat):
        return None
    try:
        found = np.array(value)
    except (ValueError, OverflowError):  # lists that are not as long as one another
        return None
    return found if found.dtype.kind in "biuf" else None


def _flattened(value: list[Any], depth: int) -> list[Any] | None:
    found: list[Any] = []
    for one in value:
        inner = _flattened(one, depth + 1) if isinstance(one, list) and depth < 4 else [one]
        if inner is None or isinstance(one, dict):
            return None
        found += inner
    return found
