"""Finding objects by their paths: link by link, and no further than asked."""

from __future__ import annotations

from typing import Any

import h5py

from nwbin.errors import FormatError
from nwbin.storage.absent import nothing_at
from nwbin.storage.hdf5._file import OpenFile

__all__ = ["Objects"]

_MOST_HOPS = 32  # soft links followed on the way to one object


def _stored(name: str) -> bytes:
    """Return a name as it stands in the file: what is no UTF-8 came as surrogates."""
    return name.encode("utf-8", "surrogateescape")


def _opened(group: Any, key: bytes) -> Any:
    # What group[key] gives, which asks the file for its mode and name first each time.
    found = h5py.h5o.open(group.id, key)
    if isinstance(found, h5py.h5d.DatasetID):
        return h5py.Dataset(found, readonly=True)
    return h5py.Group(found) if isinstance(found, h5py.h5g.GroupID) else h5py.Datatype(found)


class Objects:
    """The objects of an open file, each opened once.

    Paths are without a slash at either end, such as ``"units/spike_times"``; ``""`` is the file itself.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._found: dict[str, Any] = {"": file.h5}  # None where nothing is
        self._names: dict[str, dict[str, None]] = {}  # of each group; a dict keeps their order

    def forget(self) -> None:
        """Let go of the objects, so that the file can close."""
        self._found.clear()
        self._names.clear()

    def find(self, path: str) -> Any | None:
        """Return the h5py object at a path, None if there is none."""
        if path in self._found:
            return self._found[path]
        path = "/".join(part for part in path.split("/") if part)
        parent, _, name = path.rpartition("/")
        if parent in self._names and name not in self._names[parent]:
            return None
        with self._file.reading(path):
            return self._follow(path, 0)

    def need(self, path: str) -> Any:
        """Return the h5py object at a path; raises LookupFailure if there is none."""
        found = self.find(path)
        if found is not None:
            return found
        raise nothing_at(path, self, self._file.name, "file")

    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is (a dangling link included)."""
        found = self.find(path)
        if isinstance(found, h5py.Dataset):
            return "dataset"
        return "group" if isinstance(found, h5py.Group) else None

    def children(self, path: str) -> list[str]:
        """Return the names in a group, in the file's order; empty where there is no group."""
        found = self.find(path)
        if not isinstance(found, h5py.Group):
            return []
        with self._file.reading(path):
            return list(self._members(path, found))

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""
        parent, _, name = path.strip("/").rpartition("/")
        group = self.find(parent)
        if not isinstance(group, h5py.Group):
            return "none", ""
        with self._file.reading(path):
            if name not in self._members(parent, group):
                return "none", ""
            link = group.get(_stored(name), getlink=True)
        if isinstance(link, h5py.SoftLink):
            return "soft", link.path
        if isinstance(link, h5py.ExternalLink):
            return "external", f"{link.filename}:{link.path}"
        return "hard", ""

    def _members(self, path: str, group: Any) -> dict[str, None]:
        if path not in self._names:
            # h5py leaves names that are no UTF-8 as bytes.
            self._names[path] = dict.fromkeys(
                name if isinstance(name, str) else name.decode("utf-8", "surrogateescape") for name in group
            )
        return self._names[path]

    def _follow(self, path: str, hops: int) -> Any | None:
        """Find an object link by link, so that no link leads out of the file or round in a circle."""
        if path in self._found:
            return self._found[path]
        if hops > _MOST_HOPS:
            raise FormatError(
                f"{self._file.name}: {path} is a soft link that leads back to itself; it is not read: "
                "have it mended"
            )
        parent, _, name = path.rpartition("/")
        group = self._follow(parent, hops)
        there = isinstance(group, h5py.Group) and name in self._members(parent, group)
        self._found[path] = found = self._behind_link(path, group, hops) if there else None
        return found

    def _behind_link(self, path: str, group: Any, hops: int) -> Any | None:
        """Return what the link at a path leads to; it is one of those in `group`."""
        parent, _, name = path.rpartition("/")
        key = _stored(name)
        kind = group.id.links.get_info(key).type
        if kind == h5py.h5l.TYPE_HARD:
            return _opened(group, key)
        link = group.get(key, getlink=True)
        if kind == h5py.h5l.TYPE_SOFT:
            base = "" if link.path.startswith("/") else parent
            steps = [step for step in f"{base}/{link.path}".split("/") if step not in ("", ".")]
            return self._follow("/".join(steps), hops + 1)
        if not self._file.follow_external:
            raise FormatError(
                f"{self._file.name}: {path} is a link to another file, {link.filename!r}, which "
                "is not followed; open that file itself, or pass follow_external_links=True if you trust it"
            )
        return group[key]  # not get(): a damaged object is not a missing one
