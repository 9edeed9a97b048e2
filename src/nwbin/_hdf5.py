"""The one place that reads HDF5.

:class:`H5Source` answers questions about an open file in terms of paths inside it ("units/spike_times"), plain
NumPy arrays and plain Python values. Whatever HDF5 or h5py complains about leaves here as an
:class:`~nwbin.errors.NwbinError` that names the file and the object in it.

An open file does not change: what was found at a path is remembered, so that asking again costs a look-up.
"""

from __future__ import annotations

import math
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from nwbin._chunks import DEFLATE, SHUFFLE, ChunkTable, DamagedChunkError, decode_into
from nwbin._headers import attribute_places
from nwbin._map import FileMap
from nwbin._open import StrPath, check_path, why_not
from nwbin._strings import REF_SIZE, HeapStrings, decode, endless_collection, text_of
from nwbin.errors import FileAccessError, FormatError, LookupFailure, NwbinError, nearest

__all__ = ["H5Source", "Layout", "StrPath"]

# gzip cannot shrink data more than 1032 times. What claims more than that of its bytes is damaged, or holds nothing
# but fill values, or was shrunk by another filter: all three look alike, so it is read in amounts that do no harm.
_MOST_COMPRESSED = 1100
_HARMLESS = 1 << 28  # bytes
_SMALL, _FEW = 1 << 20, 1 << 10  # bytes and chunks up to which they are left to libhdf5
_MOST_HOPS = 32  # soft links followed on the way to one object
_MOST_CHUNKS = 1 << 20
_TEXT_BLOCK = 1 << 14  # rows of text that libhdf5 hands over at a time

# Text that libhdf5 has to follow into the heap (see H5Source._trust_heap) is first looked through for what it would
# hang on, in files up to this size.
_SCANNED = 1 << 25

_CORRUPT = "the file is probably damaged: download it again"


class Layout(NamedTuple):
    """How a dataset is stored."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str  # "number", "bool", "text", "reference", "compound" or "other"
    chunks: tuple[int, ...] | None
    offset: int | None  # first byte in the file, for contiguous data
    here: bool  # in this file, not in one that a link leads to
    stored: int  # bytes in the file; before filters are undone
    most: int  # bytes that may be read of it at a time

    def chunks_of_all(self) -> int:
        """How many chunks there are when all are written."""
        return math.prod(-(-n // c) for n, c in zip(self.shape, self.chunks or (), strict=True))

    def chunks_of(self, n_rows: int) -> int:
        """How many chunks some rows touch at least."""
        if not self.chunks:
            return 0
        across = math.prod(-(-n // c) for n, c in zip(self.shape[1:], self.chunks[1:], strict=True))
        return n_rows // self.chunks[0] * across


def _kind(dtype: np.dtype[Any]) -> str:
    if h5py.check_ref_dtype(dtype) is not None:
        return "reference"
    if h5py.check_string_dtype(dtype) is not None or dtype.kind == "S":
        return "text"
    if dtype.names is not None:
        return "compound"
    if dtype == np.bool_:
        return "bool"
    return "number" if dtype.kind in "iuf" and dtype.subdtype is None else "other"


def _is_heap_text(dtype: np.dtype[Any]) -> bool:
    info = h5py.check_string_dtype(dtype)
    return info is not None and info.length is None


def _opened(found: Any) -> Any:
    # What group[key] gives, which asks the file for its mode and name first each time.
    if isinstance(found, h5py.h5d.DatasetID):
        return h5py.Dataset(found, readonly=True)
    return h5py.Group(found) if isinstance(found, h5py.h5g.GroupID) else h5py.Datatype(found)


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
        self._nodes: dict[str, Any] = {"": None}
        self._names: dict[str, dict[str, None]] = {}
        self._tables: dict[str, ChunkTable | None] = {}
        self._attribute_places: dict[int, dict[bytes, tuple[int, int]]] = {}
        where: Path | BinaryIO
        if isinstance(source, str | os.PathLike):
            where = self.path = Path(source).expanduser()
            self.name = str(self.path)
            check_path(self.path)
            # Opened once: a file put in this one's place later is not mixed up with it.
            self._descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self._release = weakref.finalize(self, os.close, self._descriptor)
        else:
            if not (hasattr(source, "read") and hasattr(source, "seek")):
                raise FileAccessError(
                    f"expected a path or an open binary file object, but got {type(source).__name__}"
                )
            where = source
            self.name = str(getattr(source, "name", None) or f"<{type(source).__name__}>")
        try:
            self._h5 = h5py.File(where, "r", locking="best-effort")
        except (OSError, ValueError, TypeError, RuntimeError, KeyError, AttributeError) as error:
            if self.path is not None:
                self._release()  # at once: as long as somebody keeps the error, it keeps this object
            raise FileAccessError(f"{self.name}: {why_not(error, where)}") from error
        self._nodes[""] = self._h5
        self.size = self._h5.id.get_filesize() if self.path is None else os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file. Arrays that were mapped from it stay readable."""
        self._nodes.clear()
        self._h5.close()
        if self.path is not None:
            self._release()

    @property
    def closed(self) -> bool:
        """Whether the file was closed."""
        return not bool(self._h5)

    # ---------------------------------------------------------------- finding objects

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        if self.closed:
            raise FileAccessError(
                f"{self.name}: is closed; {path or 'nothing'} can no longer be read from it"
            )
        try:
            yield
        except NwbinError:
            raise
        except MemoryError as error:
            raise FileAccessError(
                f"{self.name}: there is not enough memory to read {path}; read fewer rows or units at a time"
            ) from error
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, AttributeError) as error:
            if self.map is not None:
                self.map.check()  # not damaged, perhaps, but cut meanwhile
            raise FileAccessError(f"{self.name}: {path} cannot be read ({error}); {_CORRUPT}") from error

    def _find(self, path: str) -> Any | None:
        """Return the h5py object at a path, None if there is none."""
        if path in self._nodes:
            return self._nodes[path]
        if path.startswith("/") or path.endswith("/") or "//" in path:
            return self._find("/".join(part for part in path.split("/") if part))
        with self._reading(path):
            return self._follow_links(path, 0)

    def _follow_links(self, path: str, hops: int) -> Any | None:
        """Find an object link by link, so that no link leads out of the file or round in a circle."""
        if path in self._nodes:
            return self._nodes[path]
        if hops > _MOST_HOPS:
            raise FormatError(
                f"{self.name}: {path} is a soft link that leads back to itself; it is not read: have it mended"
            )
        parent, _, name = path.rpartition("/")
        group = self._follow_links(parent, hops)
        found = None
        if isinstance(group, h5py.Group) and name in self._members(parent, group):
            key = name.encode("utf-8", "surrogateescape")
            link = group.id.links.get_info(key).type
            if link == h5py.h5l.TYPE_SOFT:
                target = group.get(key, getlink=True).path
                base = "" if target.startswith("/") else parent
                steps = [step for step in f"{base}/{target}".split("/") if step not in ("", ".")]
                found = self._follow_links("/".join(steps), hops + 1)
            elif link == h5py.h5l.TYPE_EXTERNAL and not self._follow:
                where = group.get(key, getlink=True).filename
                raise FormatError(
                    f"{self.name}: {path} is a link to another file, {where!r}, which "
                    "is not followed; open that file itself, or pass follow_external_links=True if you trust it"
                )
            elif link == h5py.h5l.TYPE_HARD:
                found = _opened(h5py.h5o.open(group.id, key))
            else:
                found = group[key]  # not get(): a damaged object is not a missing one
        self._nodes[path] = found
        return found

    def _members(self, path: str, group: Any) -> dict[str, None]:
        if path not in self._names:
            # h5py leaves names that are no UTF-8 as bytes.
            self._names[path] = dict.fromkeys(
                name if isinstance(name, str) else name.decode("utf-8", "surrogateescape") for name in group
            )
        return self._names[path]

    def _need(self, path: str) -> Any:
        found = self._find(path)
        if found is None:
            parent, _, name = path.rstrip("/").rpartition("/")
            if parent and self.kind(parent) != "group":
                raise LookupFailure(f"{self.name}: has no {path}: {parent} is not there")
            if name in self.children(parent):
                raise LookupFailure(
                    f"{self.name}: {path} is a link that leads to nothing; the file is incomplete: "
                    "ask whoever made it"
                )
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
            return list(self._members(path, found))

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""
        parent, _, name = path.strip("/").rpartition("/")
        group = self._find(parent)
        if not isinstance(group, h5py.Group):
            return "none", ""
        with self._reading(path):
            there = name in self._members(parent, group)
            link = group.get(name.encode("utf-8", "surrogateescape"), getlink=True) if there else None
        if isinstance(link, h5py.SoftLink):
            return "soft", link.path
        if isinstance(link, h5py.ExternalLink):
            return "external", f"{link.filename}:{link.path}"
        return ("none", "") if link is None else ("hard", "")

    def identity(self, path: str) -> int:
        """Return a number that is the same for all the names of one object."""
        node = self._need(path)
        with self._reading(path):
            return hash(node)

    def attribute(self, path: str, key: str) -> Any:
        """Return one attribute of an object (or of the file, path ""), None where it is not there."""
        node = self._need(path)
        with self._reading(f"{path}@{key}"):
            return self._attribute(node, key) if key in node.attrs else None

    def _attribute(self, node: Any, key: str) -> Any:
        info = node.attrs.get_id(key)
        dtype = info.dtype  # asked for once: h5py makes it anew each time
        kind = _kind(dtype)
        if kind in ("reference", "compound") or (kind == "other" and dtype.hasobject):
            return None
        if info.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return None
        shape = info.shape
        if math.prod(shape) * dtype.itemsize > _SMALL + self.size:
            raise ValueError(f"its attribute {key} claims to have shape {shape}")
        if kind in ("number", "bool"):
            number = np.zeros(shape, dtype)
            info.read(number)
            return number if shape else number.item()
        value = self._attribute_text(node, key, shape) if _is_heap_text(dtype) else node.attrs[key]
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        if isinstance(value, np.ndarray):
            return decode(value) if kind == "text" else value
        return value.item() if isinstance(value, np.generic) else value

    def _attribute_text(self, node: Any, key: str, shape: tuple[int, ...]) -> Any:
        about = h5py.h5o.get_info(node.id)
        if self._heap is not None and about.fileno == self._number:
            if about.addr not in self._attribute_places:
                self._attribute_places[about.addr] = attribute_places(self._heap.data, about.addr)
            found = self._attribute_places[about.addr].get(key.encode("utf-8", "surrogateescape"))
            if found is not None:
                place, room = found
                size = math.prod(shape) * REF_SIZE
                text = self._heap.read(self._heap.data[place : place + size]) if size <= room else None
                if text is None:
                    raise ValueError(f"the text of its attribute {key} is not where it should be")
                return text.reshape(shape) if shape else text[0]
        self._trust_heap()
        return node.attrs[key]

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes; text decoded, scalars as Python values, references left out."""
        node = self._need(path)
        with self._reading(path):
            found = {key: self._attribute(node, key) for key in node.attrs}
        return {key: value for key, value in found.items() if value is not None}

    def layout(self, path: str) -> Layout:
        """Return a dataset's shape, dtype and storage without reading it."""
        path = path.strip("/")
        if path not in self._layouts:
            node = self._need(path)
            if not isinstance(node, h5py.Dataset):
                raise FormatError(f"{self.name}: {path} is a group where a dataset was expected")
            with self._reading(path):
                dtype, plist = node.id.dtype, node.id.get_create_plist()
                shape = () if node.shape is None else tuple(int(n) for n in node.shape)
                chunks = plist.get_chunk() if plist.get_layout() == h5py.h5d.CHUNKED else None
                # Addresses mean something in this file only, not in one that a link leads to.
                here = h5py.h5o.get_info(node.id).fileno == self._number
                offset = node.id.get_offset() if here else None
                self._refuse_elsewhere(path, plist)
                stored = int(node.id.get_storage_size())
                most = self._most(stored, plist)
            self._layouts[path] = Layout(shape, dtype, _kind(dtype), chunks, offset, here, stored, most)
        return self._layouts[path]

    def _refuse_elsewhere(self, path: str, plist: Any) -> None:
        """Data may lie in other files too; like links to them, they are only followed when asked."""
        files: list[str] = []
        if plist.get_layout() == h5py.h5d.VIRTUAL:
            names = (plist.get_virtual_filename(i) for i in range(plist.get_virtual_count()))
            files = [name for name in names if name != "."]
        elif plist.get_external_count():
            files = [os.fsdecode(plist.get_external(0)[0])]
        if files and not self._follow:
            raise FormatError(
                f"{self.name}: {path} keeps its data in another file, {files[0]!r}, which is not followed; pass "
                "follow_external_links=True if you trust it"
            )

    def _most(self, stored: int, plist: Any) -> int:
        """Return how many bytes may be read at a time of a dataset for which so many are stored."""
        if self._follow:
            return sys.maxsize
        virtual = plist.get_layout() == h5py.h5d.VIRTUAL
        # The data of a virtual dataset are stored for others in the file.
        there = self.size if virtual else min(stored, self.size)
        return max(_HARMLESS, there * _MOST_COMPRESSED if virtual or plist.get_nfilters() else there)

    def allow(self, path: str, n_rows: int | None = None) -> None:
        """Raise FormatError if so many rows of a dataset (by default all) are more than can sensibly be read.

        A damaged header may claim any shape, and chunks that were never written take no room in the file.
        """
        layout = self.layout(path)
        items = math.prod(layout.shape)
        if n_rows is not None and layout.shape and layout.shape[0]:
            items = items // layout.shape[0] * n_rows
        # libhdf5 sets aside a whole chunk for any part of it.
        chunk = math.prod(layout.chunks) if layout.chunks else 0
        # Of text, too, as much as the file holds of it: the references.
        size = max(items, chunk) * (REF_SIZE if _is_heap_text(layout.dtype) else layout.dtype.itemsize)
        rows = n_rows if n_rows is not None else layout.shape[0] if layout.shape else 0
        # A chunk that is stored takes more than 16 bytes, in the file's index alone.
        many = layout.chunks_of(rows) > _MOST_CHUNKS + self.size // 16 and not self._follow
        if size > layout.most or many:
            raise FormatError(
                f"{self.name}: {path} claims shape {layout.shape} of {layout.dtype}; reading {size:,} bytes of that "
                f"is refused, as only {layout.stored:,} are stored for it in a file of {self.size:,}; it is damaged, "
                "or was never written: download it again, or read fewer rows at a time"
            )

    # ---------------------------------------------------------------- reading values

    def read(self, path: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """Read a dataset, or some of its rows; text comes as an object array of str.

        The working set is the result; for chunked data also three chunks a thread, for text 16 bytes a row.
        """
        layout = self.layout(path)
        if layout.kind in ("reference", "compound"):
            raise FormatError(
                f"{self.name}: {path} holds object references, which nwbin does not read; use pynwb()"
            )
        if layout.kind == "other":
            raise FormatError(
                f"{self.name}: {path} holds {layout.dtype}, neither numbers nor text; read it with pynwb()"
            )
        node = self._need(path)
        with self._reading(path):
            if node.shape is None:
                return np.empty(0, dtype=object if layout.kind == "text" else layout.dtype)
            if layout.shape == ():
                self.allow(path)
                if layout.kind == "text":
                    return self._read_scalar_text(node, layout)
                return np.asarray(node[()])
            start, stop, _ = (rows or slice(None)).indices(layout.shape[0])
            span = slice(start, max(start, stop))
            self.allow(path, span.stop - span.start)
            if layout.kind == "text":
                return self._read_text(path, node, layout, span)
            out = np.empty((span.stop - span.start, *layout.shape[1:]), layout.dtype.newbyteorder("="))
            self._fill(path, node, layout, span, out)
            return out

    def read_into(self, path: str, rows: slice, out: npt.NDArray[np.float64]) -> None:
        """Read some rows of a one-dimensional dataset straight into an array, converting as needed."""
        node = self._need(path)
        self.allow(path, rows.stop - rows.start)
        with self._reading(path):
            self._fill(path, node, self.layout(path), rows, out)

    def _fill(self, path: str, node: Any, layout: Layout, span: slice, out: npt.NDArray[Any]) -> None:
        if not out.size:
            return
        n = span.stop - span.start
        chunks = layout.chunks_of(n)
        table = self._chunk_table(path) if out.nbytes > _SMALL or chunks > _FEW else None
        if table is not None:
            try:
                decode_into(table, self._fetcher(path, node, table), span, out)
            except DamagedChunkError as error:
                raise FileAccessError(f"{self.name}: {path}: {error}; {_CORRUPT}") from error
        elif span == slice(0, layout.shape[0]) and chunks <= _FEW:
            node.id.read(h5py.h5s.ALL, h5py.h5s.ALL, out)
        else:
            step = max(1, n * _FEW // max(1, chunks))  # libhdf5 takes kilobytes for each chunk of one read
            for begin in range(0, n, step):
                end = min(n, begin + step)
                node.read_direct(out, np.s_[span.start + begin : span.start + end], np.s_[begin:end])

    def _read_scalar_text(self, node: Any, layout: Layout) -> npt.NDArray[Any]:
        # Libhdf5 would first set aside as many bytes as the reference says the text is long, up to 4 GB.
        if _is_heap_text(layout.dtype) and self._heap is not None and layout.offset is not None:
            refs = self._heap.data[layout.offset : layout.offset + REF_SIZE]
            found = self._heap.read(refs) if len(refs) == REF_SIZE else None
            if found is None:
                raise ValueError("its text is not where it should be")
            return found.reshape(())
        if _is_heap_text(layout.dtype):
            self._trust_heap()
        return decode(np.asarray(node[()]).astype(object))

    def _read_text(self, path: str, node: Any, layout: Layout, span: slice) -> npt.NDArray[Any]:
        n = span.stop - span.start
        shape = (n, *layout.shape[1:])
        found = self._heap_codes(path, layout, span)
        if found is not None:
            return text_of(*found).reshape(shape)
        if _is_heap_text(layout.dtype):
            self._trust_heap()
        text = np.empty(shape, dtype=object)
        for begin in range(0, n, _TEXT_BLOCK):  # blocks, because libhdf5 makes a copy of every string
            end = min(n, begin + _TEXT_BLOCK)
            raw = np.asarray(node[span.start + begin : span.start + end])
            text[begin:end] = decode(raw.astype(object))
        return text

    def _heap_codes(
        self, path: str, layout: Layout, span: slice
    ) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        if not _is_heap_text(layout.dtype) or self._heap is None:
            return None
        refs = self._raw(path, layout, span) if span.stop > span.start else None
        if refs is None:
            return None
        found = self._heap.codes(refs)
        if found is None:  # libhdf5 is not asked: on a damaged heap it may never answer
            raise ValueError("its text is not where it should be")
        return found

    def text_codes(self, path: str) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Return a text column as numbers (intp) into its distinct values; None where only :meth:`read` can."""
        layout = self.layout(path)
        if layout.kind != "text" or len(layout.shape) != 1:
            return None
        self.allow(path)
        with self._reading(path):
            return self._heap_codes(path, layout, slice(0, layout.shape[0]))

    # ---------------------------------------------------------------- around libhdf5

    @cached_property
    def _number(self) -> Any:
        """The file's number in libhdf5, which its objects bear too."""
        return h5py.h5o.get_info(self._h5.id).fileno

    @cached_property
    def _has_plain_addresses(self) -> bool:
        """Whether addresses in the file are 8 bytes, and count from its first."""
        plist = self._h5.id.get_create_plist()
        return self.path is not None and plist.get_userblock() == 0 and plist.get_sizes() == (8, 8)

    @cached_property
    def map(self) -> FileMap | None:
        """The file's bytes; None where they cannot be mapped, or the source is no path."""
        if self.path is None:
            return None
        try:
            return FileMap(self._descriptor, self.size, self.name)
        except FileAccessError:
            raise
        except (OSError, ValueError, OverflowError):  # addresses are limited, or the file system cannot
            return None

    @cached_property
    def _strings(self) -> HeapStrings | None:
        return HeapStrings(self.map.bytes) if self.map is not None and self._has_plain_addresses else None

    @property
    def _heap(self) -> HeapStrings | None:
        """The file's strings, about to be read. Only pages that are looked at come off the disk."""
        if self.map is not None:
            self.map.check()
        return self._strings

    @cached_property
    def _endless(self) -> int | None:
        if self.map is None or self.size > _SCANNED:
            return None
        return endless_collection(self.map.bytes.tobytes())

    def _trust_heap(self) -> None:
        """Be sure that libhdf5 may follow text, as far as that is possible.

        It crashes, hangs or sets aside gigabytes on some damaged files. So it is not asked where the place of
        the text can be found without it. What is left: text in a file object, under filters other than gzip, in
        virtual datasets and in other files, and the attributes of an object that has more than eight of them in
        HDF5's newer format. There only the hang is kept off, and that in small files.
        """
        if self._endless is not None:
            raise ValueError(f"its text at byte {self._endless:,} is overwritten with zeros")

    def _raw(self, path: str, layout: Layout, span: slice) -> npt.NDArray[np.uint8] | None:
        """Return the stored bytes of references to strings, without libhdf5 following them."""
        shape = (span.stop - span.start, *layout.shape[1:])
        if layout.chunks is None:
            row = REF_SIZE * math.prod(shape[1:])
            if layout.offset is None or layout.offset + layout.shape[0] * row > self.size:
                return None
            begin = layout.offset + span.start * row
            return self._heap.data[begin : begin + shape[0] * row] if self._heap else None
        table = self._chunk_table(path)
        if table is None:
            return None
        out = np.zeros(shape, np.dtype("V16"))
        try:
            decode_into(table, self._fetcher(path, self._need(path), table), span, out)
        except DamagedChunkError:
            return None
        return out.reshape(-1).view(np.uint8)

    def _chunk_table(self, path: str) -> ChunkTable | None:
        """Return where a dataset's chunks lie; None where libhdf5 has to read it."""
        if path not in self._tables:
            self._tables[path] = self._make_chunk_table(self._need(path), self.layout(path))
        return self._tables[path]

    def _make_chunk_table(self, node: Any, layout: Layout) -> ChunkTable | None:
        if (
            layout.chunks is None
            or not layout.shape
            or 0 in layout.shape
            or not layout.here
            or not hasattr(node.id, "chunk_iter")
        ):
            return None
        plist = node.id.get_create_plist()
        filters = tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters()))
        text = _is_heap_text(layout.dtype)
        plain = text or (layout.kind == "number" and layout.dtype.isnative)
        if not plain or len(set(filters)) != len(filters) or not set(filters) <= {SHUFFLE, DEFLATE}:
            return None
        if SHUFFLE in filters[1:]:  # shuffled after compressing: nobody does, so it is left to libhdf5
            return None
        n_chunks = node.id.get_num_chunks()
        if plist.get_layout() != h5py.h5d.CHUNKED or n_chunks > _MOST_CHUNKS:
            return None
        filled = plist.fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED
        if text and filled and n_chunks < layout.chunks_of_all():  # with text that only libhdf5 can find
            return None
        found: list[Any] = []
        node.id.chunk_iter(lambda info: found.append(info))
        first = np.array([info.chunk_offset for info in found], np.int64).reshape(-1, len(layout.shape))
        offset = np.array([info.byte_offset or 0 for info in found], np.int64)
        size = np.array([info.size for info in found], np.int64)
        skipped = np.array([info.filter_mask for info in found], np.int64)
        if len(np.unique(first, axis=0)) != len(first):
            return None
        return ChunkTable(
            layout.shape,
            layout.chunks,
            np.dtype("V16") if text else layout.dtype,
            filters,
            first,
            offset,
            size,
            skipped,
            np.zeros((), "V16")[()] if text else node.fillvalue,
        )

    def _fetcher(self, path: str, node: Any, table: ChunkTable) -> Any:
        """Return a function that fetches a chunk's stored bytes, side by side with others where possible."""
        if not self._has_plain_addresses or not hasattr(os, "pread"):
            places = table.first.tolist()
            return lambda index: node.id.read_direct_chunk(tuple(places[index]))[1]
        descriptor = self._descriptor
        largest = math.prod(table.chunk) * table.dtype.itemsize * 2 + 4096

        def fetch(index: int) -> bytes:
            offset, size = int(table.offset[index]), int(table.size[index])
            if offset <= 0 or size < 0 or offset + size > self.size or size > largest:
                raise DamagedChunkError(f"its {size} bytes at {offset} are not in the file")
            return os.pread(descriptor, size, offset)

        return fetch

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
            this file, or the file cannot be mapped.
        """
        layout = self.layout(path)
        if self.path is None or layout.offset is None or layout.kind != "number" or not layout.dtype.isnative:
            return None
        if not layout.shape or 0 in layout.shape:
            return None
        needed = layout.offset + math.prod(layout.shape) * layout.dtype.itemsize
        if needed > self.size:
            raise FileAccessError(
                f"{self.name}: {path} reaches to byte {needed:,}, but the file ends at {self.size:,}; it is "
                "truncated: download it again"
            )
        if layout.offset % layout.dtype.itemsize:
            return None  # an array at an odd address: compiled code may not take it
        with self._reading(path):
            if self.map is None:
                return None
            self.map.check()
            return np.ndarray(layout.shape, layout.dtype, self.map.bytes, layout.offset)

    def pynwb_io(self) -> Any:
        """Open pynwb's reader on the same HDF5 handle."""
        from pynwb import NWBHDF5IO

        if self.closed:
            raise FileAccessError(f"{self.name}: is closed; open it again for pynwb")
        with self._reading(""):
            return NWBHDF5IO(file=self._h5, mode="r", load_namespaces=True)
