"""Writing NWB objects with h5py, in the storage of released files or in that of newer ones."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwbin.testing import _extension

TEXT = h5py.string_dtype()
DATE = h5py.string_dtype("ascii")
REFERENCE = h5py.ref_dtype
SERIES_REFERENCE = np.dtype([("idx_start", "<i4"), ("count", "<i4"), ("timeseries", REFERENCE)])

CHUNK_ROWS = 1 << 17  # 1 MiB of float64
_SMALLEST = 256  # shorter arrays stay contiguous, as other writers leave them
_IDS = uuid.UUID("5f0d4c3e-8f0f-5d53-9c51-6a0a4b1f7f10")


class Storage:
    """An open file, and how its arrays are to be stored.

    Object ids are derived from `key` and the object's path, so that the same call writes the same bytes.
    A chunk holds `chunk_rows` of a one-dimensional array.
    """

    def __init__(self, file: Any, *, layout: str, key: str, chunk_rows: int = CHUNK_ROWS) -> None:
        self.file = file
        self.chunked = layout == "chunked"
        self._chunk_rows = chunk_rows
        self._ids = uuid.uuid5(_IDS, key)

    def label(self, thing: Any, kind: str, namespace: str, **attributes: Any) -> Any:
        """Give an object its NWB type, a unique id and further attributes."""
        values = {
            "neurodata_type": kind,
            "namespace": namespace,
            "object_id": str(uuid.uuid5(self._ids, thing.name)),
            **attributes,
        }
        for name, value in values.items():
            thing.attrs[name] = value
        return thing

    def group(self, path: str, kind: str, namespace: str = "core", **attributes: Any) -> Any:
        return self.label(self.file.require_group(path), kind, namespace, **attributes)

    def text(self, path: str, value: str, dtype: Any = TEXT, **attributes: Any) -> None:
        dataset = self.file.create_dataset(path, data=value, dtype=dtype)
        for name, item in attributes.items():
            dataset.attrs[name] = item

    def array(self, path: str, data: Any, dtype: Any = None, **attributes: Any) -> Any:
        """A whole array at once."""
        values = np.asarray(data, dtype=object if dtype in (TEXT, DATE, REFERENCE) else dtype)
        options = self._options(values.shape, values.dtype if dtype is None else dtype)
        dataset = self.file.create_dataset(path, data=values, dtype=dtype, **options)
        for name, value in attributes.items():
            dataset.attrs[name] = value
        return dataset

    def appender(self, path: str, shape: tuple[int, ...]) -> Appender:
        """A float64 array that is written piece by piece; its final shape is known before."""
        options = self._options(shape, np.dtype(np.float64))
        return Appender(self.file.create_dataset(path, shape=shape, dtype=np.float64, **options))

    def _options(self, shape: tuple[int, ...], dtype: Any) -> dict[str, Any]:
        numeric = np.dtype(dtype).kind in "fiu"
        if not (self.chunked and numeric and int(np.prod(shape)) >= _SMALLEST):
            return {}
        rows = max(1, self._chunk_rows // int(np.prod(shape[1:], initial=1)))
        return {
            "chunks": (min(shape[0], rows), *shape[1:]),
            "maxshape": (None, *shape[1:]),
            "compression": "gzip",
            "compression_opts": 4,
            "shuffle": True,
        }

    def table(
        self,
        path: str,
        kind: str,
        ids: Any,
        columns: Sequence[str],
        *,
        namespace: str = "core",
        description: str,
    ) -> Any:
        """A DynamicTable with its ids; the columns are added one by one."""
        names = np.array(list(columns), dtype=object)
        group = self.group(path, kind, namespace, description=description)
        group.attrs.create("colnames", names, dtype=TEXT)
        self.label(self.array(f"{path}/id", np.asarray(ids, np.int64)), "ElementIdentifiers", "hdmf-common")
        return group

    def column(
        self, path: str, data: Any, dtype: Any = None, *, description: str = "no description",
        kind: str = "VectorData", namespace: str = "hdmf-common", **attributes: Any,
    ) -> Any:  # fmt: skip
        return self.label(
            self.array(path, data, dtype), kind, namespace, description=description, **attributes
        )

    def index(self, path: str, ends: NDArray[np.int64]) -> None:
        """The cumulative ends that make the column at `path` ragged."""
        ends = np.asarray(ends, np.int64)
        if self.chunked:  # newer writers take the smallest type that holds the last end
            ends = ends.astype(np.min_scalar_type(int(ends[-1]) if len(ends) else 0))
        name = path.rsplit("/", 1)[1]
        dataset = self.array(f"{path}_index", ends)
        self.label(
            dataset,
            "VectorIndex",
            "hdmf-common",
            description=f"Index for VectorData '{name}'",
            target=self.file[path].ref,
        )

    def interval_links(self, path: str, tags: Sequence[str], first: NDArray[np.int64], series: Any) -> None:
        """The two ragged columns that every table of presentations has: one tag and one series a row."""
        rows = len(tags)
        ends = np.arange(1, rows + 1)
        self.column(f"{path}/tags", list(tags), TEXT, description="user-defined tags")
        self.index(f"{path}/tags", ends)
        links = np.empty(rows, dtype=SERIES_REFERENCE)
        links["idx_start"] = first
        links["count"] = 1
        links["timeseries"] = series.ref
        dataset = self.file.create_dataset(f"{path}/timeseries", data=links, dtype=SERIES_REFERENCE)
        self.label(
            dataset, "TimeSeriesReferenceVectorData", "core", description="index into a TimeSeries object"
        )
        self.index(f"{path}/timeseries", ends)

    def module(self, name: str, description: str) -> str:
        path = f"processing/{name}"
        self.group(path, "ProcessingModule", description=description)
        return path

    def series(
        self, path: str, data: Any, timestamps: Any, unit: str, *, kind: str = "TimeSeries",
        dtype: Any = np.float64,
    ) -> Any:  # fmt: skip
        """A TimeSeries; `timestamps` is an array, or the path of another series' timestamps."""
        group = self.group(path, kind, comments="no comments", description="no description")
        values = np.asarray(data, dtype)
        self.array(f"{path}/data", values, conversion=1.0, offset=0.0, resolution=-1.0, unit=unit)
        if isinstance(timestamps, str):
            group["timestamps"] = h5py.SoftLink("/" + timestamps)
        else:
            seconds = np.asarray(timestamps, np.float64)
            self.array(f"{path}/timestamps", seconds, interval=1, unit="seconds")
        return group

    def header(self, *, identifier: str, description: str, started: str) -> None:
        """What every NWB file has at its root, and the extension's specification."""
        root = self.label(self.file, "NWBFile", "core", nwb_version="2.7.0")
        for name, specification in _extension.cached_specification().items():
            self.text(f"specifications/{name}", specification)
        root.attrs[".specloc"] = self.file["specifications"].ref
        self.text("identifier", identifier)
        self.text("session_description", description)
        self.text("session_start_time", started, DATE)
        self.text("timestamps_reference_time", started, DATE)
        self.array("file_create_date", [started], DATE)  # not today's: the same call writes the same bytes
        for name in ("acquisition", "analysis", "general", "processing", "stimulus/presentation"):
            self.file.require_group(name)
        self.file.require_group("stimulus/templates")


class Appender:
    """Rows one after another into an array of known shape; compressed chunks are written once each."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._at = 0
        self._rows = dataset.chunks[0] if dataset.chunks else 0
        self._waiting: list[NDArray[np.float64]] = []
        self._held = 0

    def append(self, rows: NDArray[np.float64]) -> None:
        if not self._rows:
            self._write(rows)
            return
        self._waiting.append(rows)
        self._held += len(rows)
        if self._held >= self._rows:
            held = np.concatenate(self._waiting)
            whole = len(held) - len(held) % self._rows
            self._write(held[:whole])
            self._waiting, self._held = [held[whole:]], len(held) - whole

    def close(self) -> Any:
        if self._held:
            self._write(np.concatenate(self._waiting))
            self._waiting, self._held = [], 0
        if self._at != self.dataset.shape[0]:
            raise AssertionError(f"{self.dataset.name}: {self._at} rows written of {self.dataset.shape[0]}")
        return self.dataset

    def _write(self, rows: NDArray[np.float64]) -> None:
        if len(rows):
            self.dataset[self._at : self._at + len(rows)] = rows
            self._at += len(rows)
