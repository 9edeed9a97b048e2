"""The one place that reads HDF5.

:class:`H5Source` answers questions about an open file in terms of paths inside it ("units/spike_times"), plain
NumPy arrays and plain Python values. Whatever HDF5 or h5py complains about leaves here as an
:class:`~nwbin.errors.NwbinError` that names the file and the object in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import h5py
import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError, FormatError, LookupFailure, MissingFileError, nearest

__all__ = ["H5Source", "Layout", "StrPath"]

StrPath = str | os.PathLike[str]

# gzip cannot shrink data more than 1032 times: a dataset that claims to be larger than that is not there.
_MOST_COMPRESSED = 1100


class Layout(NamedTuple):
    """How a dataset is stored."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str  # "number", "bool", "text", "reference", "compound" or "other"
    chunks: tuple[int, ...] | None
    offset: int | None  # first byte in the file, for contiguous data


def _is_text(dtype: np.dtype[Any]) -> bool:
    return h5py.check_string_dtype(dtype) is not None or dtype.kind == "S"


def _kind(dtype: np.dtype[Any]) -> str:
    if h5py.check_ref_dtype(dtype) is not None:
        return "reference"
    if _is_text(dtype):
        return "text"
    if dtype.names is not None:
        return "compound"
    if dtype == np.bool_:
        return "bool"
    return "number" if dtype.kind in "iuf" else "other"


def _decode(raw: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Turn bytes into str, each distinct value once: a table of 70,000 rows has a handful of them."""
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


class H5Source:
    """An HDF5 file, open for reading.

    Parameters
    ----------
    source
        A path, or a seekable binary file object (which stays the caller's to close).
    follow_external_links
        Follow links into other files. Off by default: a downloaded file should not be able to make a program
        read whatever else lies on the disk.

    Raises
    ------
    MissingFileError, FileAccessError
        The file is not there, or is not a readable HDF5 file.
    """

    def __init__(self, source: StrPath | BinaryIO, *, follow_external_links: bool = False) -> None:
        self.path: Path | None = None
        self._follow = follow_external_links
        self._layouts: dict[str, Layout] = {}
        if isinstance(source, str | os.PathLike):
            self.path = Path(source).expanduser()
            self.name = str(self.path)
            self._check_path(self.path)
        else:
            if not (hasattr(source, "read") and hasattr(source, "seek")):
                raise FileAccessError(
                    f"expected a path or an open binary file object, but got {type(source).__name__}"
                )
            self.name = str(getattr(source, "name", None) or f"<{type(source).__name__}>")
        try:
            self._h5 = h5py.File(self.path if self.path is not None else source, "r", locking="best-effort")
        except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
            raise FileAccessError(f"{self.name}: {self._why_not(error)}") from error
        self.size = self._h5.id.get_filesize() if self.path is None else self.path.stat().st_size

    @staticmethod
    def _check_path(path: Path) -> None:
        try:
            if path.is_dir():
                raise FileAccessError(f"{path}: is a folder; give the path of one .nwb file in it")
            if not path.exists():
                folder = path.parent
                there = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
                hint = nearest(path.name, there) if there else f"the folder {folder} is empty or not there"
                raise MissingFileError(f"{path}: no such file; in its folder, {hint}")
            with path.open("rb") as stream:
                start = stream.read(8)
        except PermissionError as error:
            raise FileAccessError(
                f"{path}: no permission to read it; check its owner and mode (or those of its folder)"
            ) from error
        if not start:
            raise FileAccessError(f"{path}: is empty (0 bytes); download it again")

    def _why_not(self, error: Exception) -> str:
        """Say in the user's terms what HDF5's message means."""
        text = str(error)
        if match := re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", text):
            return (
                f"is truncated: it has {int(match[1]):,} bytes of the {int(match[2]):,} that it should have; "
                "download it again"
            )
        if "signature not found" in text:
            start = b""
            if self.path is not None:
                with self.path.open("rb") as stream:
                    start = stream.read(16)
            return f"is not an HDF5 file (it starts with {start!r}); NWB files are HDF5: check the download"
        if "unable to lock" in text:
            return (
                "is locked: another program is writing it; wait for that to end "
                "(or set HDF5_USE_FILE_LOCKING=FALSE if it is not so)"
            )
        if "already open for write" in text or "consistency flags" in text:
            return "is being written, or its writer did not end cleanly; wait, or write it again"
        return f"cannot be opened as HDF5 ({text}); it is probably damaged: download it again"

    def close(self) -> None:
        """Close the file. Arrays that were mapped from it stay readable."""
        self._h5.close()

    @property
    def closed(self) -> bool:
        """Whether the file was closed."""
        return not bool(self._h5)

    # ---------------------------------------------------------------- finding objects

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        if self.closed:
            raise FileAccessError(f"{self.name}: is closed; {path} can no longer be read from it")
        try:
            yield
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError) as error:
            if isinstance(error, FileAccessError | FormatError | LookupFailure):
                raise
            raise FileAccessError(
                f"{self.name}: {path} cannot be read ({error}); the file is probably damaged: download it again"
            ) from error

    def _find(self, path: str) -> Any | None:
        """Return the h5py object at a path, None if there is none; links are followed one step at a time."""
        with self._reading(path):
            node: Any = self._h5
            parts = [part for part in path.split("/") if part]
            hops = 0
            at: list[str] = []
            while parts:
                part = parts.pop(0)
                if not isinstance(node, h5py.Group):
                    return None
                link = node.get(part, getlink=True)
                if link is None:
                    return None
                if isinstance(link, h5py.SoftLink):
                    hops += 1
                    if hops > 32:
                        raise FormatError(f"{self.name}: {path} is a soft link that leads back to itself")
                    target = [piece for piece in link.path.split("/") if piece]
                    parts = target + parts
                    if link.path.startswith("/"):
                        node, at = self._h5, []
                    continue
                if isinstance(link, h5py.ExternalLink) and not self._follow:
                    raise FormatError(
                        f"{self.name}: {'/'.join([*at, part])} is a link to another file, {link.filename!r}, which "
                        "is not followed; open that file itself, or pass follow_external_links=True if you trust it"
                    )
                node = node.get(part)
                if node is None:
                    return None
                at.append(part)
            return node

    def _need(self, path: str) -> Any:
        found = self._find(path)
        if found is None:
            parent, _, name = path.rstrip("/").rpartition("/")
            if parent and self.kind(parent) != "group":
                raise LookupFailure(f"{self.name}: has no {path}: {parent} is not there")
            raise LookupFailure(f"{self.name}: has no {path}; {nearest(name, self.children(parent))}")
        return found

    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is (a dangling link included)."""
        found = self._find(path)
        if isinstance(found, h5py.Dataset):
            return "dataset"
        return "group" if isinstance(found, h5py.Group) else None

    def children(self, path: str) -> list[str]:
        """Return the names in a group, in the file's order; empty where there is no group."""
        found = self._find(path)
        if not isinstance(found, h5py.Group):
            return []
        with self._reading(path):
            return list(found)

    def link_target(self, path: str) -> str | None:
        """Return the last part of the name that a soft link points to, None where it is no soft link."""
        parent, _, name = path.rpartition("/")
        group = self._find(parent)
        if not isinstance(group, h5py.Group):
            return None
        with self._reading(path):
            link = group.get(name, getlink=True)
        return link.path.rpartition("/")[2] if isinstance(link, h5py.SoftLink) else None

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes; text decoded, scalars as Python values, references left out."""
        node = self._need(path) if path else self._h5
        found: dict[str, Any] = {}
        with self._reading(path):
            for key in node.attrs:
                kind = _kind(node.attrs.get_id(key).dtype)
                if kind in ("reference", "compound"):
                    continue
                value = node.attrs[key]
                if isinstance(value, bytes):
                    value = value.decode("utf-8", "surrogateescape")
                elif isinstance(value, np.ndarray):
                    value = _decode(value) if kind == "text" else value
                elif isinstance(value, np.generic):
                    value = value.item()
                found[key] = value
        return found

    def layout(self, path: str) -> Layout:
        """Return a dataset's shape, dtype and storage without reading it."""
        if path not in self._layouts:
            node = self._need(path)
            if not isinstance(node, h5py.Dataset):
                raise FormatError(f"{self.name}: {path} is a group where a dataset was expected")
            with self._reading(path):
                if node.shape is None:
                    shape: tuple[int, ...] = (0,)
                else:
                    shape = tuple(int(n) for n in node.shape)
                layout = Layout(shape, node.dtype, _kind(node.dtype), node.chunks, node.id.get_offset())
                items = int(np.prod(shape, dtype=object)) if shape else 1
                if items * node.dtype.itemsize > _MOST_COMPRESSED * self.size + 2**20:
                    raise FormatError(
                        f"{self.name}: {path} claims shape {shape} of {node.dtype}, more than a file of "
                        f"{self.size:,} bytes can hold; it is damaged: download it again"
                    )
            self._layouts[path] = layout
        return self._layouts[path]

    # ---------------------------------------------------------------- reading values

    def read(self, path: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """Read a dataset, or some of its rows; text comes as an object array of str."""
        kind = self.layout(path).kind
        if kind in ("reference", "compound"):
            raise FormatError(
                f"{self.name}: {path} holds object references, which nwbin does not read; use pynwb()"
            )
        node = self._need(path)
        with self._reading(path):
            if node.shape is None:
                return np.empty(0, dtype=object if kind == "text" else node.dtype)
            raw = np.asarray(node[()] if rows is None or node.shape == () else node[rows])
        if kind == "text":
            return _decode(raw.astype(object))
        return raw.astype(raw.dtype.newbyteorder("="), copy=False)

    def read_into(self, path: str, rows: slice, out: npt.NDArray[np.float64]) -> None:
        """Read some rows of a one-dimensional dataset straight into an array, converting as needed."""
        node = self._need(path)
        with self._reading(path):
            if rows.stop > rows.start:
                node.read_direct(out, np.s_[rows.start : rows.stop], np.s_[0 : rows.stop - rows.start])

    def value(self, path: str, default: Any = None) -> Any:
        """Return a scalar dataset as a Python value, or `default` where it is not there."""
        if self.kind(path) != "dataset":
            return default
        raw = self.read(path)
        return raw.item() if raw.size == 1 else raw.tolist()

    def mapped(self, path: str) -> npt.NDArray[Any] | None:
        """Map a contiguous numeric dataset into memory, so that only the pages touched are ever read.

        Returns
        -------
        numpy.ndarray or None
            A read-only array, or None where the data are chunked, compressed, in foreign byte order, not in
            this file, or the source is not a path.
        """
        layout = self.layout(path)
        if self.path is None or layout.offset is None or layout.kind != "number" or not layout.dtype.isnative:
            return None
        if not layout.shape or 0 in layout.shape:
            return None
        needed = layout.offset + int(np.prod(layout.shape)) * layout.dtype.itemsize
        if needed > self.size:
            raise FileAccessError(
                f"{self.name}: {path} reaches to byte {needed:,}, but the file ends at {self.size:,}; it is "
                "truncated: download it again"
            )
        mapped = np.memmap(self.path, dtype=layout.dtype, mode="r", offset=layout.offset, shape=layout.shape)
        # A plain view: np.memmap's own __getitem__ and __array_finalize__ cost microseconds a slice.
        return cast("npt.NDArray[Any]", mapped.view(np.ndarray))

    def pynwb_io(self) -> Any:
        """Open pynwb's reader on the same HDF5 handle."""
        from pynwb import NWBHDF5IO

        if self.closed:
            raise FileAccessError(f"{self.name}: is closed; open it again for pynwb")
        return NWBHDF5IO(file=self._h5, mode="r", load_namespaces=True)
