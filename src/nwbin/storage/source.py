"""What whoever reads NWB asks of an open file, whatever its bytes are: HDF5 and Zarr answer alike."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nwbin.errors import FormatError
from nwbin.storage.file_map import FileMap

__all__ = ["Layout", "Source", "few_values"]

_MOST_VALUES = 1 << 12  # that general information may have: keywords, experimenters


class Layout(Protocol):
    """How a dataset is stored."""

    @property
    def shape(self) -> tuple[int, ...]:
        """() for a single value."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its values; of text of any length, object."""

    @property
    def kind(self) -> str:
        """Is "number", "bool", "text", "reference", "compound" or "other"."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """None where it is not chunked."""

    @property
    def stored(self) -> int:
        """Bytes that there are for it, before anything is decompressed; 0 where nobody knows."""

    @property
    def growth(self) -> float:
        """How many times more bytes it claims than there are for it; 0 where that does no harm."""

    @property
    def not_compared(self) -> tuple[str, ...]:
        """The filters by which nobody knows whether its chunks decode to as much as they should."""


class Source(Protocol):
    """A file, open for reading: paths inside it ("units/spike_times"), plain arrays and plain values."""

    follow_external_links: bool
    mmap: bool

    @property
    def format(self) -> str:
        """What it is, for messages: "HDF5" or "Zarr"."""

    @property
    def name(self) -> str:
        """As it stands in messages."""

    @property
    def path(self) -> Path | None:
        """Its path; None where it was given otherwise."""

    @property
    def address(self) -> str | None:
        """Its address as it was given, secrets included; None where it was given otherwise."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def is_remote(self) -> bool:
        """Whether it lies on a server."""

    @property
    def stamp(self) -> tuple[Any, ...] | None:
        """By what it is known to be the same when it is opened again; None where it cannot be."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""

    @property
    def map(self) -> FileMap | None:
        """Its bytes, mapped into memory; None where they are not."""

    def ahead(self, groups: Iterable[str], leave: Collection[str] = (), *, dense: bool = False) -> None:
        """Fetch from a server what is directly in some groups, in few round trips."""

    def close(self) -> None:
        """Close it."""

    def check(self) -> None:
        """Raise FileAccessError if it has changed since it was opened."""

    def take_as_said(self, path: str) -> None:
        """Give no warning when an object is read: what it would say is told in another way."""

    def pynwb_io(self) -> Any:
        """Open pynwb's reader on the same file."""

    def kind(self, path: str) -> str | None:
        """Return "group", "dataset", or None where nothing is (a dangling link included)."""

    def children(self, path: str) -> list[str]:
        """Return the names in a group; none where there is no group."""

    def link(self, path: str) -> tuple[str, str]:
        """Return how an object hangs in its group: "hard", "soft", "external" or "none", and where a link leads."""

    def identity(self, path: str) -> int:
        """Return a number that is the same for all the names of one object."""

    def attribute(self, path: str, key: str) -> Any:
        """Return one attribute of an object, None where it is not there."""

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes; references left out."""

    def layout(self, path: str) -> Layout:
        """Return a dataset's shape, dtype and storage without reading it."""

    def allow(self, path: str, n_rows: int | None = None) -> None:
        """Raise FormatError if so many rows of a dataset (by default all) are more than can sensibly be read."""

    def absent(self, path: str) -> int:
        """Return how many chunks were not there, of what was read of a dataset: they count as its fill value."""

    def read(self, path: str, rows: slice | None = None) -> npt.NDArray[Any]:
        """Read a dataset, or some of its rows; text comes as an object array of str."""

    def read_many_into(self, path: str, spans: list[slice], outs: list[npt.NDArray[np.float64]]) -> None:
        """Read spans of rows of a one-dimensional dataset, each straight into an array, converting as needed."""

    def text_codes(self, path: str) -> tuple[npt.NDArray[np.intp], list[str]] | None:
        """Return a text column as numbers (intp) into its distinct values; None where only :meth:`read` can."""

    def value(self, path: str, default: Any = None) -> Any:
        """Return a scalar dataset, or one of a few values, as a Python value; `default` where it is not there."""

    def mapped(self, path: str) -> npt.NDArray[Any] | None:
        """Map a numeric dataset into memory; None where that cannot be done."""


def few_values(source: Source, path: str, default: Any = None) -> Any:
    """Return a scalar dataset, or one of a few values, as a Python value; `default` where it is not there.

    Raises
    ------
    FormatError
        It has more than that: as Python's they would take gigabytes, and a message them all.
    """
    if source.kind(path) != "dataset":
        return default
    shape = source.layout(path).shape
    if math.prod(shape) > _MOST_VALUES:
        raise FormatError(
            f"{source.name}: {path} has shape {shape} where a single value, or a few, should be; it is not read: ask "
            "whoever wrote it"
        )
    raw = source.read(path)
    return raw.item() if raw.size == 1 else raw.tolist()
