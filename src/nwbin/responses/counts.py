"""Labelled counts: what is to be counted and how its axes are called; counted when it is asked for, block by block."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin.binning import Closed, Progress, bin_centers, bin_edges, bin_spikes, count_type, iter_bin_spikes
from nwbin.responses.labelling import TIME, UNIT, variable
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import times_of, warn_of_windows, windows_around
from nwbin.tables.labels import names_without_clashes
from nwbin.tables.tidy import escape_text, tidy, tidy_index
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["TIME", "UNIT", "AlignedCounts", "Blocks", "Coordinate", "LabelledCounts"]

Blocks: TypeAlias = Iterator[tuple[slice, npt.NDArray[Any]]]

_BLOCK_BYTES = 32 << 20
# What some output calls its own. Labels of these names are renamed in every one of them, so that all agree.
_OWN = ("bin", "bin_start", "bin_stop", "count", "spike_counts", TIME, UNIT)
# Columns of times and durations in tables of intervals; what others are measured in, NWB does not say.
_SECONDS = ("start_time", "stop_time", "duration")


class Coordinate(NamedTuple):
    """Labels along some dimensions.

    Attributes
    ----------
    dims
        Along which.
    values
        A label for each place.
    attributes
        `units`, which are units of measure, where they have any; and `long_name`.
    """

    dims: tuple[str, ...]
    values: npt.NDArray[Any]
    attributes: dict[str, str]


class LabelledCounts(ABC):
    """Counts that are not made yet, with the names of their dimensions and the labels along them.

    They become an array (:meth:`to_numpy`), an ``xarray.DataArray`` (:meth:`to_xarray`) or blocks
    (:meth:`blocks`), and files by :func:`nwbin.export.write_counts`.

    Attributes
    ----------
    dims
        Names of the dimensions; the last is "unit_id".
    shape, dtype
        Of the counts.
    unit_ids
        Of the last dimension: (units,).
    closed
        Which ends belong to a bin.
    ids
        Of the presentations or other intervals that were asked for.
    windows
        From the start of each row's first bin to the end of its last, on the clock of the spikes, in s: (rows, 2).
        Where bins tile intervals, the intervals themselves.
    row
        What the ids are called: "stimulus_presentation_id", or "interval_id" of any other table.

    Examples
    --------
    >>> counts = nwbin.responses.AlignedCounts({7: [0.1, 1.1, 1.2]}, [0.0, 1.0], [0.0, 0.25, 0.5])
    >>> counts
    <nwbin.responses.AlignedCounts: 2 interval_id x 2 time_relative_to_stimulus_onset x 1 unit_id, uint16, ...>
    >>> for rows, block in counts.blocks():
    ...     print(rows, block.sum())
    slice(0, 2, None) 3
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    windows: npt.NDArray[np.float64]

    def __init__(
        self,
        trains: Trains,
        rows: pd.DataFrame,
        closed: Closed,
        binarize: bool,
        dtype: npt.DTypeLike | None,
        threads: int | None,
    ) -> None:
        self._trains = as_trains(trains)
        self.closed = closed
        self.unit_ids = np.asarray(self._trains.unit_ids)
        self.dtype = count_type(dtype, binarize).dtype
        self._binarize, self._threads = binarize, threads
        presented = rows.index.name == "stimulus_presentation_id"
        self.row = "stimulus_presentation_id" if presented else "interval_id"
        self.ids = tidy_index(rows.index).to_numpy()
        self._rows = rows.copy(deep=False)
        names = [escape_text(str(name)) for name in rows.columns]
        taken = {*_OWN, self.row, *map(str, self.unit_ids.tolist())}
        self._renamed = names_without_clashes(names, taken)

    def __repr__(self) -> str:
        size = " x ".join(f"{n:,} {name}" for n, name in zip(self.shape, self.dims, strict=True))
        return f"<nwbin.responses.{type(self).__name__}: {size}, {self.dtype}, closed {self.closed!r}>"

    @abstractmethod
    def blocks(self, max_bytes: int = _BLOCK_BYTES, *, progress: Progress | None = None) -> Blocks:
        """Count: slices along the first dimension, in order, and their counts.

        Use or copy each block before asking for the next, which may be counted into the same memory.
        """

    @abstractmethod
    def bins_of(
        self, rows: slice
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Of these rows of a table with one for each bin: the place of its interval, the bin's start and stop (s)."""

    @abstractmethod
    def _places(self) -> dict[str, Coordinate]:
        """The ids and the bins' times."""

    @cached_property
    def labels(self) -> pd.DataFrame:
        """What is known of the presentations or other intervals, by id, tidied.

        Columns named as something of an output's own (`count`, `unit_id`, `bin_start`, a unit's id, ...) have "_"
        after their name in every format.
        """
        return tidy(self._rows).rename(columns=self._renamed).rename_axis(index=self.row)

    def coordinates(self) -> dict[str, Coordinate]:
        """Name -> labels: the ids, the bins' times, what is known of the presentations, the units."""
        found = self._places()
        if self.row in self.dims:  # else every interval has many places
            for name in self.labels.columns:
                attributes = {"units": "s"} if name in _SECONDS else {}
                found[name] = Coordinate((self.row,), self.labels[name].to_numpy(), attributes)
        found[UNIT] = Coordinate((UNIT,), self.unit_ids, {})
        return found

    def keys(self, rows: slice) -> pd.DataFrame:
        """What stands before the counts in a table with one row for each bin, of these rows of it."""
        place, begin, end = self.bins_of(rows)
        frame = self.labels.iloc[place].copy()
        frame.insert(0, "bin_start", begin)
        frame.insert(1, "bin_stop", end)
        return frame.reset_index()

    def to_numpy(self, out: Any = None) -> Any:
        """Count into an array, `out` where it is given (a NumPy or Zarr array of this shape)."""
        if out is None:
            what = f"{' x '.join(f'{n:,}' for n in self.shape)} counts of {self.dtype}"
            size = math.prod(self.shape) * self.dtype.itemsize
            with taking(size, what, "give out= with an array on the disk, or take blocks()"):
                out = np.empty(self.shape, self.dtype)
        for rows, block in self.blocks():
            out[rows] = block
        return out

    def to_xarray(self, *, labels: bool = True) -> xr.DataArray:
        """Count, and label the counts.

        Parameters
        ----------
        labels
            Whether to have all coordinates and attributes of the counts, or only the coordinates of the dimensions,
            as AllenSDK has.

        Returns
        -------
        xarray.DataArray
            "spike_counts", with these dimensions.
        """
        import xarray as xr

        attributes: dict[str, str] = {}
        if labels:
            known = self.coordinates()
            attributes = {"long_name": "number of spikes", "closed": self.closed}
        else:
            places = {**self._places(), UNIT: Coordinate((UNIT,), self.unit_ids, {})}
            known = {name: places[name] for name in self.dims}
        # Quick: else xarray looks whether this is an array of Dask's, and loads all of Dask for that.
        counts = xr.Variable(self.dims, self.to_numpy(), attributes, fastpath=True)
        coords = {name: variable(name, one) for name, one in known.items()}
        return xr.DataArray(counts, coords=coords, name="spike_counts")


class AlignedCounts(LabelledCounts):
    """Counts in bins around the start of each row of a table: (rows, bins, units).

    Windows that overlap, and those far longer than what they are around, bring a warning.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    rows
        Presentations or other intervals by id, with `start_time` in s; other columns become labels. A table, or a
        dictionary of its columns, or onsets alone: see :func:`nwbin.responses.rows.as_rows`.
    edges
        (bins + 1,) s from start_time.
    clock_edges
        The same bins where each row has others, on the clock of the spikes, in s: (rows, bins + 1). Then `edges`
        are only their labels.
    closed, binarize, dtype, threads
        As in :func:`nwbin.bin_spikes`.

    Attributes
    ----------
    edges
        (bins + 1,) s from start_time.

    Examples
    --------
    >>> import pandas as pd
    >>> from nwbin import SpikeTrains
    >>> rows = pd.DataFrame({"start_time": [0.0, 1.0], "contrast": [0.2, 0.8]})
    >>> counts = AlignedCounts(SpikeTrains.from_dict({7: [0.1, 0.2, 1.1]}), rows, [0.0, 0.15, 0.3])
    >>> counts.to_numpy()[:, :, 0].tolist()
    [[1, 1], [1, 0]]
    >>> counts.to_xarray().sel(unit_id=7, interval_id=1).to_numpy().tolist()
    [1, 0]
    """

    def __init__(
        self,
        trains: Trains,
        rows: Rows,
        edges: npt.ArrayLike,
        *,
        clock_edges: npt.NDArray[np.float64] | None = None,
        closed: Closed = "left",
        binarize: bool = False,
        dtype: npt.DTypeLike | None = None,
        threads: int | None = None,
    ) -> None:
        rows = as_rows(rows)
        super().__init__(trains, rows, closed, binarize, dtype, threads)
        self.edges = bin_edges(edges)
        self._onsets, self._bins = times_of(rows, "start_time"), self.edges
        self.windows = windows_around(rows, self.edges)
        if clock_edges is not None:
            self._onsets, self._bins = np.zeros(len(rows)), clock_edges
            self.windows = clock_edges[:, [0, -1]]
        self._dtype_given = dtype is not None
        self.dims = (self.row, TIME, UNIT)
        self.shape = (len(rows), self.edges.size - 1, len(self.unit_ids))
        warn_of_windows(rows, self.edges, self.windows)

    def blocks(self, max_bytes: int = _BLOCK_BYTES, *, progress: Progress | None = None) -> Blocks:
        least = self.shape[1] * self.shape[2] * max(self.dtype.itemsize, 1)
        return iter_bin_spikes(
            self._trains, self._onsets, self._bins, closed=self.closed, binarize=self._binarize, dtype=self.dtype,
            threads=self._threads, max_bytes=max(max_bytes, least), reuse=True, progress=progress,
        )  # fmt: skip

    def to_numpy(self, out: Any = None) -> Any:
        """Count into an array, `out` where it is given; see :func:`nwbin.bin_spikes`."""
        dtype = self.dtype if out is None or self._dtype_given else None
        return bin_spikes(
            self._trains, self._onsets, self._bins, closed=self.closed, binarize=self._binarize, dtype=dtype,
            out=out, threads=self._threads,
        )  # fmt: skip

    def _places(self) -> dict[str, Coordinate]:
        row, time = (self.row,), (TIME,)
        return {
            self.row: Coordinate(row, self.ids, {}),
            TIME: Coordinate(time, bin_centers(self.edges), {"units": "s", "long_name": "center of the bin"}),
            "bin_start": Coordinate(time, self.edges[:-1], {"units": "s"}),
            "bin_stop": Coordinate(time, self.edges[1:], {"units": "s"}),
        }

    def bins_of(
        self, rows: slice
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        place, number = divmod(np.arange(rows.start, rows.stop), max(1, self.shape[1]))
        return place, self.edges[number], self.edges[number + 1]
