"""An open file in terms of paths inside it ("units/spike_times"), plain arrays and plain values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nwbin.errors import FileAccessError, FormatError
from nwbin.storage.file_map import FileMap
from nwbin.storage.hdf5._attributes import Attributes
from nwbin.storage.hdf5._dataset_reader import Dataset
from nwbin.storage.hdf5._file import OpenFile
from nwbin.storage.hdf5._limits import USUAL, Limits
from nwbin.storage.hdf5._objects import Objects
from nwbin.storage.hdf5._storage_layout import Layout
from nwbin.storage.hdf5._text import FileText
from nwbin.storage.opening import StrPath
from nwbin.storage.source import few_values

__all__ = ["H5Source"]


class H5Source:
    """An HDF5 file, open for reading.

    Whatever HDF5 or h5py complains about leaves here as an :class:`~nwbin.errors.NwbinError` that names the file
    and the object in it. A file that changes while it is open is refused from then on: so what was found at a path
    is remembered, and asking again costs a look-up.

    Parameters
    ----------
    source
        A path, an address (see :func:`nwbin.storage.remote.open_remote`), or a seekable binary file object (which
        stays the caller's to close).
    follow_external_links
        Follow links into other files. Off by default: a downloaded file should not be able to make a program
        read whatever else lies on the disk.
    mmap
        Map the file into memory where that can be done. If not, whatever is read is copied.
    limits
        What is taken for usual in a file.
    ahead
        Groups that are fetched at once when a file on a server is opened: see :meth:`ahead`.
    index
        The path of an index that knows a file on a server: see :mod:`nwbin.storage.remote._index`.

    Raises
    ------
    MissingFileError, FileAccessError
        The file is not there, or is not a readable HDF5 file.
    """

    def __init__(
        self,
        source: StrPath | BinaryIO,
        *,
        follow_external_links: bool = False,
        mmap: bool = True,
        limits: Limits = USUAL,
        ahead: Iterable[str] = (),
        index: StrPath | None = None,
    ) -> None:
        self.follow_external_links, self.mmap = follow_external_links, mmap
        self._file = OpenFile(
            source,
            follow_external=follow_external_links,
            mapped=mmap,
            limits=limits,
            ahead=ahead,
            index=index,
        )
        self._objects = Objects(self._file)
        self._text = FileText(self._file)
        self._attributes = Attributes(self._file, self._text)
        self._datasets: dict[str, Dataset] = {}

    @property
    def format(self) -> str:
        """What it is, for messages."""
        return "HDF5"

    @property
    def name(self) -> str:
        """The path, or the file object's name, as it stands in messages."""
        return self._file.name

    @property
    def path(self) -> Path | None:
        """The file's path; None where it was given as a file object."""
        return self._file.path

    @property
    def address(self) -> str | None:
        """The file's address as it was given, secrets included; None where it was given otherwise."""
        return None if self._file.remote is None else self._file.remote.address

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return int(self._file.size)

    @property
    def is_remote(self) -> bool:
        """Whether the file lies on a server."""
        return self._file.remote is not None

    @property
    def stamp(self) -> tuple[Any, ...] | None:
        """By what the file is known to be the same when it is opened again; None for a file object."""
        if self._file.remote is not None:
            return tuple(self._file.remote.state)
        return None if self.path is None else (self.path.stat().st_size, self.path.stat().st_mtime_ns)

    def ahead(self, groups: Iterable[str], leave: Collection[str] = (), *, dense: bool = False) -> None:
        """Fetch from a server what is directly in some groups, in a few round trips; of any other file nothing.

        Parameters
        ----------
        groups
            Their paths; ``*`` stands for any name. What is not there is passed over.
        leave
            Names of datasets of which only the header is fetched. Of ragged and of very long ones no more is either.
        dense
            Whether most of what lies among them in the file is likely to belong to them: it is then fetched too.
        """
        if self._file.ahead is not None:
            with self._file.reading(""):
                self._file.ahead.objects(groups, leave, dense=dense)

    def close(self) -> None:
        """Close the file. Arrays that were mapped from it stay readable."""
        self._objects.forget()
        self._datasets.clear()  # they keep open what links led to
        self._file.close()
        self._text.forget()

    @property
    def closed(self) -> bool:
        """Whether the file was closed."""
        return self._file.closed

    @property
    def map(self) -> FileMap | None:
        """The file's bytes; None where they cannot or may not be mapped, or the source is no path."""
        return self._file.map

    def check(self) -> None:
        """Raise FileAccessError if the file has changed since it was opened: what was taken from a map may be wrong."""
        if self._file.held is not None and not self.closed:
            self._file.held.check()

    def take_as_said(self, path: str) -> None:
        """Give no warning when an object is read: what it would say is told in another way."""
        self._file.said.add(path.strip("/"))

    def pynwb_io(self) -> Any:
        """Open pynwb's reader on the same HDF5 handle."""
        from pynwb import NWBHDF5IO

        if self.closed:
            raise FileAccessError(f"{self.name}: is closed; open it again for pynwb")
        with self._file.reading(""):
            return NWBHDF5IO(file=self._file.h5, mode="r", load_namespaces=True)

    # ---------------------------------------------------------------- objects

    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is (a dangling link included)."""
        return self._objects.kind(path)

    def children(self, path: str) -> list[str]:
        """Return the names in a group, in the file's order; empty where there is no group."""
        return self._objects.children(path)

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""
        return self._objects.link(path)

    def identity(self, path: str) -> int:
        """Return a number that is the same for all the names of one object."""
        node = self._objects.need(path)
        with self._file.reading(path):
            return hash(node)

    def attribute(self, path: str, key: str) -> Any:
        """Return one attribute of an object (or of the file, path ""), None where it is not there."""
        node = self._objects.need(path)
        with self._file.reading(f"{path}@{key}"):
            return self._attributes.read(node, key) if key in node.attrs else None

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes; text decoded, scalars as Python values, references left out."""
        node = self._objects.need(path)
        with self._file.reading(path):
            found = {key: self._attributes.read(node, key) for key in node.attrs}
        return {key: value for key, value in found.items() if value is not None}

    # ---------------------------------------------------------------- datasets

    def _dataset(self, path: str) -> Dataset:
        path = path.strip("/")
        if path not in self._datasets:
            node = self._objects.need(path)
            if self.kind(path) != "dataset":
                raise FormatError(f"{self.name}: {path} is a group where a dataset was expected")
            self._datasets[path] = Dataset(self._file, self._text, path, node)
        return self._datasets[path]

    def layout(self, path: str) -> Layout:
        """Return a dataset's shape, dtype and storage without reading it."""
        return self._dataset(path).layout

    def allow(self, path: str, n_rows: int | None = None) -> None:
        """Raise FormatError if so many rows of a dataset (by default all) are more than can sensibly be read.

        A damaged header may claim any shape, and chunks that were never written take no room in the file: see
        :mod:`nwbin.storage.hdf5._storage_layout`.
        """
        self._dataset(path).allow(n_rows)

    def absent(self, path: str) -> int:
        """Return 0: chunks that were never written are HDF5's own way to save room, and not files that can be lost."""
        return 0

    def read(self, path: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """Read a dataset, or some of its rows; text comes as an object array of str.

        The working set is the result; for chunked data also three chunks a thread, for text 16 bytes a row.
        """
        return self._dataset(path).read(rows)

    def read_into(self, path: str, rows: slice, out: npt.NDArray[np.float64]) -> None:
        """Read some rows of a one-dimensional dataset straight into an array, converting as needed."""
        self._dataset(path).read_into(rows, out)

    def read_many_into(self, path: str, spans: list[slice], outs: list[npt.NDArray[np.float64]]) -> None:
        """Read spans of rows, each into an array as :meth:`read_into` does; from a server all at once."""
        self._dataset(path).read_many_into(spans, outs)

    def text_codes(self, path: str) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Return a text column as numbers (intp) into its distinct values; None where only :meth:`read` can."""
        return self._dataset(path).text_codes()

    def value(self, path: str, default: Any = None) -> Any:
        """Return a scalar dataset, or one of a few values, as a Python value; `default` where it is not there."""
        return few_values(self, path, default)

    def mapped(self, path: str) -> npt.NDArray[Any] | None:
        """Map a contiguous numeric dataset into memory, so that only the pages touched are ever read.

        Returns
        -------
        numpy.ndarray or None
            A read-only array, or None where the data are chunked, compressed, in foreign byte order, not in
            this file, or the file cannot be mapped.
        """
        return self._dataset(path).mapped()
