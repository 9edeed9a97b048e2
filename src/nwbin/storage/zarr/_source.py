"""An open store in terms of paths inside it ("units/spike_times"), plain arrays and plain values."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.errors import (
    FileAccessError,
    FormatError,
    MissingDependencyError,
    NotEnoughMemoryError,
    NwbinError,
)
from nwbin.storage.file_map import FileMap
from nwbin.storage.source import few_values
from nwbin.storage.zarr._arrays import array_info
from nwbin.storage.zarr._chunks import ChunkReader
from nwbin.storage.zarr._dataset import Dataset, Layout
from nwbin.storage.zarr._documents import Documents
from nwbin.storage.zarr._objects import RESERVED, Objects, plain
from nwbin.storage.zarr._stores import RemoteStore, open_store

__all__ = ["ZarrSource"]

_SMALL = 1 << 21  # bytes: longer arrays are not fetched ahead
_SMALL_FILE = 1 << 22  # bytes, of a text that is longer than its values tell
_MOST_AHEAD = 1 << 28


class ZarrSource:
    """A Zarr store in hdmf-zarr's layout, open for reading; what :class:`nwbin.storage.hdf5.H5Source` is for HDF5.

    A chunk that is not there stands, in Zarr, for as many fill values, and a writer may leave out chunks that hold
    nothing else; a chunk that was lost cannot be told from it. It is taken as Zarr says, and told of by :meth:`absent`,
    but for datasets of which `whole` knows better. Files of a store are read when they are asked for: only its topmost
    metadata are watched for changes while it is open.

    Parameters
    ----------
    source
        The path of a folder or of a .zip file, or the address of a folder on a server.
    follow_external_links
        Of no effect: links into other stores are not followed.
    mmap
        Of no effect.
    ahead
        Groups that are fetched at once when a store on a server is opened.
    whole
        Name of a dataset, such as ``"spike_times"``: a chunk of so many values or more must not be absent, wherever the
        dataset is.

    Raises
    ------
    MissingFileError, FileAccessError, FormatError
        It is not there, or is not a readable Zarr store.
    MissingDependencyError
        The package zarr is not installed.
    """

    format = "Zarr"
    map: FileMap | None = None

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        follow_external_links: bool = False,
        mmap: bool = True,
        ahead: Iterable[str] = (),
        whole: Mapping[str, int] | None = None,
    ) -> None:
        self.follow_external_links, self.mmap = follow_external_links, mmap
        self._store = open_store(source)
        need("zarr", "zarr", f"{self._store.name}: a Zarr store")
        self._closed = False
        self._whole = dict(whole or {})
        self._datasets: dict[str, Dataset] = {}
        self._fetched: dict[str, bytes | None] = {}  # ahead
        self._long: set[str] = set()  # what turned out to be too long for that, or too much
        try:
            with self._reading(""):
                self._documents = Documents(self._store)
                self._objects = Objects(self._store, self._documents)
                self.ahead(ahead)
        except BaseException:
            self._store.close()
            raise

    @property
    def name(self) -> str:
        """The path, or the address without what is secret in it."""
        return self._store.name

    @property
    def path(self) -> Path | None:
        """The store's path; None where it lies on a server."""
        return self._store.path

    @property
    def address(self) -> str | None:
        """The store's address as it was given; None where it was given by its path."""
        return self._store.address

    @property
    def size(self) -> int:
        """The bytes of all its files; 0 where it lies on a server."""
        return int(self._store.state()[0])

    @property
    def is_remote(self) -> bool:
        """Whether it lies on a server."""
        return self._store.is_remote

    @property
    def stamp(self) -> tuple[Any, ...] | None:
        """By what the store is known to be the same when it is opened again; on a server, its metadata alone."""
        return (*self._store.state(), self._documents.digest)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Close it."""
        self._closed = True
        self._fetched.clear()
        self._store.close()

    def check(self) -> None:
        """Raise FileAccessError if the topmost metadata have changed since it was opened."""
        if not self._closed:
            self._store.check()

    def take_as_said(self, path: str) -> None:
        """Do nothing: no warnings are given of objects."""

    def pynwb_io(self) -> Any:
        """Open pynwb's reader on the same store; it needs hdmf-zarr."""
        if find_spec("hdmf_zarr") is None:
            raise MissingDependencyError(
                f"{self.name}: pynwb reads Zarr stores through hdmf-zarr, which is not installed: pip install hdmf-zarr"
            )
        import hdmf_zarr.nwb as of_zarr

        with self._reading(""):
            kind: Any = of_zarr.NWBZarrIO
            if self._documents.format == 2:
                kind = getattr(of_zarr, "NWBZarrV2IO", kind)
            return kind(str(self.path or self.address), mode="r")

    @contextmanager
    def _reading(self, path: str, *, values: bool = False) -> Iterator[None]:
        """Turn whatever is raised into an error that names the store and the object at a path in it."""
        if self._closed:
            raise FileAccessError(
                f"{self.name}: is closed; {path or 'nothing'} can no longer be read from it"
            )
        try:
            yield
            if values:
                self._store.check()  # what was read is of one store only if that has not changed meanwhile
        except NwbinError:
            raise
        except MemoryError as error:
            raise NotEnoughMemoryError(
                f"{self.name}: there is not enough memory to read {path}; read fewer rows or units at a time"
            ) from error
        except (
            OSError,
            RuntimeError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            SyntaxError,  # NumPy's, of a dtype
        ) as error:
            why = f"it says nothing of {error}" if isinstance(error, KeyError) else str(error)
            raise FormatError(
                f"{self.name}: {path} cannot be read ({why}); the store is probably damaged: copy it again"
            ) from error

    # ---------------------------------------------------------------- objects

    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is (a dangling link included)."""
        with self._reading(path):
            return self._objects.kind(path)

    def children(self, path: str) -> list[str]:
        """Return the names in a group, in order; empty where there is no group."""
        with self._reading(path):
            return self._objects.children(path)

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""
        with self._reading(path):
            return self._objects.link(path)

    def identity(self, path: str) -> int:
        """Return a number that is the same for all the names of one object."""
        with self._reading(path):
            return hash(self._objects.need(path)[0])

    def attribute(self, path: str, key: str) -> Any:
        """Return one attribute of an object (or of the store, path ""), None where it is not there."""
        return self.attributes(path).get(key)

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes; lists as arrays, references left out."""
        with self._reading(path):
            node = self._objects.need(path)[1]
            # In the order of their names, as HDF5 has them.
            found = {
                key: plain(node.attributes[key]) for key in sorted(node.attributes) if key not in RESERVED
            }
            return {key: value for key, value in found.items() if value is not None}

    # ---------------------------------------------------------------- datasets

    def _dataset(self, path: str) -> Dataset:
        path = path.strip("/")
        if path not in self._datasets:
            with self._reading(path):
                real, node = self._objects.need(path)
                if node.kind != "dataset":
                    raise FormatError(f"{self.name}: {path} is a group where a dataset was expected")
                info = array_info(node)
                least = self._whole.get(path.rpartition("/")[2], math.inf)
                chunks = ChunkReader(self._store, real, info, least, self._fetched)
                layout = Layout(info, lambda: self._store.sizes(real))
                self._datasets[path] = Dataset(self.name, path, layout, chunks)
        return self._datasets[path]

    def layout(self, path: str) -> Layout:
        """Return a dataset's shape, dtype and storage without reading it."""
        return self._dataset(path).layout

    def allow(self, path: str, n_rows: int | None = None) -> None:
        """Raise FormatError if so many rows of a dataset (by default all) are more than the chunks that are there."""
        with self._reading(path):
            self._dataset(path).allow(n_rows)

    def absent(self, path: str) -> int:
        """Return how many chunks were not there, of what was read of a dataset: they count as its fill value."""
        return len(self._dataset(path).chunks.absent)

    def read(self, path: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """Read a dataset, or some of its rows; text comes as an object array of str.

        The working set is the result, and two chunks a thread.
        """
        dataset = self._dataset(path)
        with self._reading(path, values=True):
            return dataset.read(rows)

    def read_many_into(self, path: str, spans: list[slice], outs: list[npt.NDArray[np.float64]]) -> None:
        """Read spans of rows of a one-dimensional dataset, each straight into an array, converting as needed."""
        dataset = self._dataset(path)
        with self._reading(path, values=True):
            dataset.read_many_into(spans, outs)

    def text_codes(self, path: str) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Return a text column as numbers (intp) into its distinct values; None where it is no list of text."""
        dataset = self._dataset(path)
        with self._reading(path, values=True):
            return dataset.text_codes()

    def value(self, path: str, default: Any = None) -> Any:
        """Return a scalar dataset, or one of a few values, as a Python value; `default` where it is not there."""
        return few_values(self, path, default)

    def mapped(self, path: str) -> npt.NDArray[Any] | None:
        """Return None: chunks are in files of their own."""
        return None

    # ---------------------------------------------------------------- a server's

    def ahead(self, groups: Iterable[str], leave: Collection[str] = (), *, dense: bool = False) -> None:
        """Fetch from a server the short arrays that are directly in some groups, all at once; of others nothing.

        Parameters
        ----------
        groups
            Their paths; ``*`` stands for any name. What is not there is passed over.
        leave
            Names of datasets that are not fetched. Ragged ones are not either.
        dense
            Of no effect.
        """
        store = self._store
        if not isinstance(store, RemoteStore):
            return
        keys = [
            key
            for group in groups
            for path in self._meant(group)
            for key in self._short(path, leave)
            if key not in self._fetched and key not in self._long
        ]
        room = _MOST_AHEAD - sum(len(raw or b"") for raw in self._fetched.values())
        if keys and room > 0:
            with self._reading(""):
                self._fetched.update(store.get_short(keys, _SMALL_FILE, room))
                self._long.update(set(keys) - self._fetched.keys())

    def _meant(self, group: str) -> list[str]:
        before, star, after = group.partition("*")
        if not star:
            return [group]
        before = before.rstrip("/")
        return [f"{before}/{name}{after}".strip("/") for name in self.children(before)]

    def _short(self, group: str, leave: Collection[str]) -> list[str]:
        """Return the keys of what is worth fetching of a group before it is asked for."""
        found: list[str] = []
        names = set(self.children(group))
        for name in names:
            path = f"{group}/{name}"
            try:
                if name in leave or f"{name}_index" in names or self.kind(path) != "dataset":
                    continue
                dataset = self._dataset(path)
            except NwbinError:
                continue  # whoever asks for it is told
            layout = dataset.layout
            rows = layout.shape[0] if layout.shape else 1
            if layout.kind in ("number", "bool", "text") and layout.n_bytes(rows) <= _SMALL and rows:
                found += dataset.chunks.keys(slice(0, rows))
        return found
