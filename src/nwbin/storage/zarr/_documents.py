"""A store's metadata: which groups and arrays there are, and what each says of itself.

On the disk the document of each is read by itself when it is asked for: those gathered at the store's top
("consolidated metadata") may be older than what they tell of. On a server only the gathered ones are read, in one go;
where there are none, and the server lists folders (S3), those of each, level by level. What the gathered ones list and
is not on the disk is said to be lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.remote import is_refusal, names_in
from nwbin.storage.zarr._stores import KeyStore, nothing_there, refuse_page, steps

__all__ = ["Documents", "Node"]

_LARGEST = 1 << 26  # bytes of one document; gathered ones of a session take 2 MB
_MOST = 100_000  # groups and arrays of a store on a server that gathers none; a session has some hundreds


class Node(NamedTuple):
    """A group or an array.

    Attributes
    ----------
    kind
        "group" or "dataset".
    format
        Zarr's, 2 or 3.
    attributes
        As they stand in the store.
    array
        What is said of an array; of a group nothing.
    """

    kind: str
    format: int
    attributes: dict[str, Any]
    array: dict[str, Any]


class Documents:
    """The metadata of a store.

    Attributes
    ----------
    format
        Zarr's, 2 or 3.
    digest
        SHA-256 of the topmost document; where the others were read too since it gathers none, of all of them.
    """

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._nodes: dict[str, Node | None] = {}
        self._names: dict[str, list[str]] = {}
        self.format, top, first = self._top()
        self._digest = hashlib.sha256(first)
        self._gathered = self._gather(top)
        if store.is_remote and not self._gathered:
            self._gathered = self._looked_through()
        if store.is_remote and not self._gathered:
            raise FormatError(
                f"{store.name}: has no consolidated metadata, and its server does not list what is in a folder: have "
                "zarr.consolidate_metadata run on the store, or download it and give its path"
            )
        # A folder of each gathered document, and what is in it.
        self._below: dict[str, dict[str, None]] = {}
        for path in self._gathered:
            parent, _, name = path.rpartition("/")
            if name:
                self._below.setdefault(parent, {})[name] = None

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def _top(self) -> tuple[int, dict[str, Any], bytes]:
        """Read the topmost document: Zarr's format, what it says, its bytes."""
        found = self._any_of(("zarr.json", ".zmetadata", ".zgroup"))
        if (raw := found.get("zarr.json")) is not None:
            return 3, self._parsed(raw, "zarr.json"), raw
        if (raw := found.get(".zmetadata")) is not None:
            return 2, self._parsed(raw, ".zmetadata"), raw
        if (raw := found.get(".zgroup")) is not None:
            return 2, {}, raw
        raise nothing_there(self._store.name)

    def _any_of(self, keys: tuple[str, ...]) -> dict[str, bytes | None]:
        """Read the first documents: one of them is enough."""
        try:
            return dict(zip(keys, self._store.get_many(keys, _LARGEST), strict=True))
        except FileAccessError as error:
            # S3 says of what is not there that it may not be read, to whom may not list what is.
            for key in keys if is_refusal(error) else ():
                with suppress(FileAccessError):
                    if (raw := self._store.get(key, _LARGEST)) is not None:
                        return {key: raw}
            raise error from None

    def _gather(self, top: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the gathered documents by their objects' paths: one of format 3, up to three names' of format 2."""
        if self.format == 3:
            found = top.get("consolidated_metadata")
            found = found.get("metadata") if isinstance(found, dict) else None
            if not isinstance(found, dict):
                return {}
            return {"": top} | {path.strip("/"): self._object(said, path) for path, said in found.items()}
        found = top.get("metadata")
        gathered: dict[str, dict[str, Any]] = {}
        for key, said in found.items() if isinstance(found, dict) else ():
            path, _, name = key.rpartition("/")
            gathered.setdefault(path, {})[name] = self._object(said, key)
        return gathered

    def _looked_through(self) -> dict[str, dict[str, Any]]:
        """Read the documents of every group and array, those of a level side by side; none where none are listed.

        In arrays, which hold their chunks, nothing is looked for.
        """
        found: dict[str, dict[str, Any]] = {}
        level = [""]
        while level:
            if len(found) + len(level) > _MOST:
                raise FormatError(f"{self._store.name}: holds more than {_MOST:,} groups and arrays")
            read = self._read_many(level)
            found |= read
            groups = [path for path, said in read.items() if self._is_group(said)]
            inside = names_in(self._store.address or "", groups)
            if inside is None:
                return {}
            level = []
            for path, (files, folders) in zip(groups, inside, strict=True):
                self._check_list(path, files)
                # Names come from outside: one that could lead elsewhere is no name of the store's.
                names = [name for name in folders if steps(name) == [name]]
                level += [f"{path}/{name}" if path else name for name in names]
        return found

    def _check_list(self, path: str, files: list[str]) -> None:
        """Raise if a list of what is in a group lacks the group's own document: it is no list, or an old one."""
        if ("zarr.json" if self.format == 3 else ".zgroup") not in files:
            raise FileAccessError(
                f"{self._store.name}: the server's list of what is in {path or 'the top'} lacks metadata that are "
                "there: a proxy or a login page answers in its place, or it is being written; try later, or download "
                "the store and give its path"
            )

    def _read_many(self, paths: list[str]) -> dict[str, dict[str, Any]]:
        """Read the documents of some objects, as :meth:`_gather` has them; of what is none of Zarr's, nothing."""
        names = ("zarr.json",) if self.format == 3 else (".zarray", ".zgroup", ".zattrs")
        keys = [f"{path}/{name}" if path else name for path in paths for name in names]
        raws = dict(zip(keys, self._store.get_many(keys, _LARGEST), strict=True))
        found: dict[str, dict[str, Any]] = {}
        for key, raw in raws.items():
            if raw is not None:
                self._digest.update(f"{key} {len(raw)} ".encode() + raw)
                path, _, name = key.rpartition("/")
                said = self._parsed(raw, key)
                if self.format == 3:
                    found[path] = said
                else:
                    found.setdefault(path, {})[name] = said
        return found

    def _is_group(self, said: dict[str, Any]) -> bool:
        return said.get("node_type") == "group" if self.format == 3 else ".zgroup" in said

    def _parsed(self, raw: bytes, key: str) -> dict[str, Any]:
        try:
            said = json.loads(raw)
        except (ValueError, RecursionError) as error:
            refuse_page(self._store, key, raw)
            raise FormatError(
                f"{self._store.name}: {key} is no JSON ({error}); the store is damaged: copy it again"
            ) from None
        return self._object(said, key)

    def _object(self, said: Any, key: str) -> dict[str, Any]:
        if not isinstance(said, dict):
            raise FormatError(
                f"{self._store.name}: {key} should be a JSON object, found {type(said).__name__}; the store is "
                "damaged: copy it again"
            )
        return said

    # ---------------------------------------------------------------- objects

    def node(self, path: str) -> Node | None:
        """Return what is at a path, links aside; None where nothing is."""
        if path not in self._nodes:
            found = None if self._store.is_remote else self._read(path)
            if found is None and path in self._gathered:
                if not self._store.is_remote:
                    raise FormatError(
                        f"{self._store.name}: {path or 'the top'} is listed in its consolidated metadata, but its own "
                        "are not there; the store was copied in part, or changed since: copy it again, or have "
                        "zarr.consolidate_metadata run on it"
                    )
                found = self._gathered[path]
                found = {"zarr.json": found} if self.format == 3 else found
            self._nodes[path] = None if not found else self._node(path, found)
        return self._nodes[path]

    def _read(self, path: str) -> dict[str, dict[str, Any]] | None:
        """Read what stands in the documents of one object, by their names."""
        names = ("zarr.json",) if self.format == 3 else (".zarray", ".zgroup", ".zattrs")
        found = {}
        for name in names:
            key = f"{path}/{name}" if path else name
            raw = self._store.get(key, _LARGEST)
            if raw is not None:
                found[name] = self._parsed(raw, key)
            elif name == ".zgroup" and not found:
                return None
        return found or None

    def _node(self, path: str, found: Mapping[str, dict[str, Any]]) -> Node | None:
        if self.format == 3:
            said = found["zarr.json"]
            kind = {"group": "group", "array": "dataset"}.get(str(said.get("node_type")))
            attributes = said.get("attributes", {})
        else:
            if ".zarray" in found and ".zgroup" in found:
                raise FormatError(
                    f"{self._store.name}: {path} has the metadata of an array (.zarray) and those of a group "
                    "(.zgroup); the store is damaged: copy it again"
                )
            kind = "dataset" if ".zarray" in found else "group" if ".zgroup" in found else None
            said = found.get(".zarray", {})
            attributes = found.get(".zattrs", {})
            if kind is None:
                return None
        if kind is None:
            raise FormatError(
                f"{self._store.name}: {path or 'the top'} says node_type {said.get('node_type')!r}, neither a group "
                "nor an array; the store is damaged: copy it again"
            )
        attributes = self._object(attributes if attributes is not None else {}, f"{path} (its attributes)")
        return Node(kind, self.format, attributes, said if kind == "dataset" else {})

    def names(self, path: str) -> list[str]:
        """Return the names of what is in a group, links aside."""
        if path not in self._names:
            found = dict(self._below.get(path, {}))
            if not self._store.is_remote:
                found |= dict.fromkeys(self._store.folders(path) or ())
            inside = f"{path}/" if path else ""
            self._names[path] = [name for name in found if self.node(inside + name) is not None]
        return self._names[path]
