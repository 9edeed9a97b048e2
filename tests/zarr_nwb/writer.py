"""NWB in Zarr as hdmf-zarr writes it, made of an HDF5 file by zarr-python alone: both formats of Zarr.

Of format 2 as hdmf-zarr did before its 0.14 (zarr-python 2 wrote, to which all chunks were worth writing; references
were pickled), of format 3 as it does since. ``.ci/zarr_nwb`` compares it with what hdmf-zarr itself writes.
"""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - what is copied is not read by nwbin
import numpy as np
import zarr

__all__ = ["write_zarr"]

CHUNK = 2000  # rows, of arrays that are not chunked in the HDF5 file


def write_zarr(
    source: Path,
    target: Path,
    *,
    format: int = 3,
    consolidated: bool = True,
    text: str = "vlen-utf8",
    shards: int = 0,
) -> Path:
    """Copy a file.

    Parameters
    ----------
    format
        Zarr's.
    text
        Of format 2: "vlen-utf8", "json2" or "pickle".
    shards
        Of format 3: so many chunks in a file, one behind the other; 0 for each in a file of its own.
    """
    files: dict[str, Any] = {}  # in memory first: zarr-python writes to the disk by many small steps
    with warnings.catch_warnings(), zarr.config.set({"array.write_empty_chunks": format == 2}):
        warnings.simplefilter("ignore")  # on text and compound values: format 3 had no specification of them
        store = zarr.storage.MemoryStore(files)
        with h5py.File(source) as file:
            copy = _Copy(file, format, text, shards)
            copy.group(
                file, zarr.create_group(store, zarr_format=format, attributes=copy.said_of_group(file))
            )
        if consolidated and format == 3:
            zarr.consolidate_metadata(store)
    for key, content in [*((key, one.to_bytes()) for key, one in files.items()), *copy.by_hand.items()]:
        at = target / key
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content)
    if consolidated and format == 2:
        gather(target)
    return target


def gather(target: Path) -> None:
    """Write consolidated metadata of format 2 by hand: zarr-python 3 does not know of arrays of objects."""
    names = (".zarray", ".zgroup", ".zattrs")
    found = {
        str(one.relative_to(target)): json.loads(one.read_text())
        for one in sorted(target.rglob(".z*"))
        if one.name in names
    }
    (target / ".zmetadata").write_text(json.dumps({"zarr_consolidated_format": 1, "metadata": found}))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


class _Copy:
    def __init__(self, file: h5py.File, format: int, text: str, shards: int) -> None:
        self.file, self.format, self.text, self.shards = file, format, text, shards
        self.by_hand: dict[str, bytes] = {}

    def reference(self, value: Any) -> dict[str, str]:
        return {"source": ".", "path": self.file[value].name}

    def attributes(self, node: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.attrs.items():
            if isinstance(value, h5py.Reference):
                said = self.reference(value)
                found[key] = (
                    {"_REFERENCE": said} if self.format == 3 else {"zarr_dtype": "object", "value": said}
                )
            elif not isinstance(value, h5py.Empty):
                found[key] = _plain(value)
        return found

    def said_of_group(self, node: h5py.Group) -> dict[str, Any]:
        links = [
            {"name": name, "source": ".", "path": link.path}
            for name, link in ((name, node.get(name, getlink=True)) for name in node)
            if isinstance(link, h5py.SoftLink)
        ]
        said = self.attributes(node)
        return {**said, "_LINKS" if self.format == 3 else "zarr_link": links} if links else said

    def group(self, node: h5py.Group, out: zarr.Group) -> None:
        for name in node:
            if isinstance(node.get(name, getlink=True), h5py.SoftLink):
                continue
            if isinstance(node[name], h5py.Group):
                self.group(node[name], out.create_group(name, attributes=self.said_of_group(node[name])))
            else:
                self.dataset(node[name], name, out)

    def dataset(self, node: h5py.Dataset, name: str, out: zarr.Group) -> None:
        said = self.attributes(node)
        chunks = node.chunks or tuple(
            min(CHUNK, max(1, n)) if i == 0 else n for i, n in enumerate(node.shape)
        )
        is_text = h5py.check_string_dtype(node.dtype) is not None or node.dtype.kind == "S"
        if h5py.check_ref_dtype(node.dtype) is not None:
            values = np.array([self.reference(one) for one in node[:]], dtype=object)
            if self.format == 2:
                self.objects(values, f"{out.path}/{name}", "pickle", {**said, "zarr_dtype": "object"})
                return
            values = np.array([one["path"] for one in values], dtype=object)
            said["_DTYPE"] = "object_reference"
        elif node.dtype.names is not None:
            self.compound(node, name, out, said)
            return
        elif is_text:
            raw = [one.decode() if isinstance(one, bytes) else one for one in np.ravel(node[()]).tolist()]
            if self.format == 2 and self.text != "vlen-utf8":
                kind = "scalar" if node.shape == () else "object_"
                self.objects(
                    np.array(raw, dtype=object), f"{out.path}/{name}", self.text, {**said, "zarr_dtype": kind}
                )
                return
            values = np.array(raw, dtype=object).reshape(node.shape)
            said["_DTYPE" if self.format == 3 else "zarr_dtype"] = "str"
        else:
            values = np.asarray(node[()])
            said["_DTYPE" if self.format == 3 else "zarr_dtype"] = values.dtype.name
        if node.shape == () and self.format == 2:
            values, chunks, said["zarr_dtype"] = values.reshape(1), (1,), "scalar"
        chunks = chunks if values.ndim else ()
        array = out.create_array(
            name,
            shape=values.shape,
            chunks=chunks,
            shards=(chunks[0] * self.shards, *chunks[1:]) if self.shards and chunks else None,
            dtype=str if values.dtype == object else values.dtype,
            attributes=said,
        )
        array[...] = values

    def compound(self, node: h5py.Dataset, name: str, out: zarr.Group, said: dict[str, Any]) -> None:
        names = node.dtype.names
        refs = [one for one in names if h5py.check_ref_dtype(node.dtype[one]) is not None]
        rows = [
            tuple(self.reference(row[one]) if one in refs else row[one].item() for one in names)
            for row in node[:]
        ]
        if self.format == 2:
            kinds = [(one, "O" if one in refs else node.dtype[one].str) for one in names]
            meant = [
                {"name": one, "dtype": "object" if one in refs else node.dtype[one].name} for one in names
            ]
            values = np.array(rows, dtype=kinds)
            self.objects(values, f"{out.path}/{name}", "pickle", {**said, "zarr_dtype": meant})
            return
        kinds = [(one, "U64" if one in refs else node.dtype[one].str) for one in names]
        values = np.array(
            [tuple(one["path"] if isinstance(one, dict) else one for one in row) for row in rows], dtype=kinds
        )
        array = out.create_array(
            name,
            shape=values.shape,
            chunks=values.shape,
            dtype=values.dtype,
            attributes={**said, "_REFERENCE_FIELDS": refs},
        )
        array[...] = values

    def objects(
        self, values: np.ndarray[Any, Any], path: str, codec: str, attributes: dict[str, Any]
    ) -> None:
        """Write an array of objects in format 2, which zarr-python 3 does not: by hand."""
        path = path.strip("/")
        dtype = "|O" if values.dtype.names is None else [list(one) for one in values.dtype.descr]
        said = {
            "zarr_format": 2, "shape": list(values.shape), "chunks": list(values.shape), "dtype": dtype,
            "compressor": None, "filters": [{"id": codec}], "fill_value": None if codec == "pickle" else 0,
            "order": "C",
        }  # fmt: skip
        self.by_hand[f"{path}/.zarray"] = json.dumps(said).encode()
        self.by_hand[f"{path}/.zattrs"] = json.dumps(attributes).encode()
        as_json = (
            json.dumps([*np.ravel(values).tolist(), "|O", list(values.shape)]) if codec == "json2" else ""
        )
        self.by_hand[f"{path}/0"] = pickle.dumps(values) if codec == "pickle" else as_json.encode()
