"""A file as it is: tables and spike trains as stored, typed, nothing filtered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nwbin._plain_text import printable
from nwbin.errors import ArgumentTypeError, FileAccessError, LookupFailure, nearest
from nwbin.nwb import schema
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.general import start_time, stated_text, stated_version, subject
from nwbin.nwb.groups import stated_in, table_of_groups
from nwbin.nwb.intervals import Intervals
from nwbin.nwb.spike_store import SpikeStore
from nwbin.nwb.time_series import TimeSeries, timestamps
from nwbin.storage.opened import open_source
from nwbin.storage.opening import StrPath
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["File", "TimeSeries"]


def _reopened(
    source: Path | str, follow_external_links: bool, mmap: bool, stamp: tuple[Any, ...] | None
) -> File:
    """Open a file that another process had open; it must not have changed."""
    file = File(source, follow_external_links=follow_external_links, mmap=mmap)
    if file._stamp != stamp:
        file.close()
        raise FileAccessError(
            f"{file.name}: is not the file that was opened first: it has changed; open it anew"
        )
    return file


class File:
    """An NWB 2 file, open for reading: any with units, trials or stimulus tables, from any lab.

    Nothing is read until it is asked for, and only what is asked for. Tables are read anew at each access;
    spike times are read, and checked, once. Pickled, as on its way to another process, it is its path: whoever
    loads it opens the same file there, and nothing that was read travels. A file on a server is its address, as it was
    given: with the signature, say, that it holds, which is not shown anywhere.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        The file: its path, or its address on a server, as text: ``https://``, ``s3://bucket/key``,
        ``dandi://000021/path``, or any that fsspec knows; of that only what is used is fetched. A Zarr store: its
        folder, its .zip file, or an address that ends in ``.zarr``. A file object must be seekable; it stays open.
    follow_external_links : bool, default False
        Follow HDF5 links into other files.
    mmap : bool, default True
        Map the file into memory where that can be done, so that only what is used comes off the disk. False: copy
        whatever is read, which takes the memory, and the time, of all spikes that are asked for; text is read more
        slowly too. See the notes.

    Raises
    ------
    MissingFileError
        No such file (also a ``FileNotFoundError``).
    FileAccessError
        It cannot be read: a folder, no permission, empty, truncated, neither HDF5 nor Zarr (also an ``OSError``).
    FormatError
        It is HDF5 or Zarr, but not NWB 2 (also a ``ValueError``).

    Notes
    -----
    A file must stay as it is while it is open, and as long as spike trains that are mapped from it are used. nwbin
    compares its length and its time of change before and after each reading and counting, and raises
    FileAccessError from then on if it was written to or cut; one that was put in its place under its name does no
    harm. Of a Zarr store only the topmost metadata are compared, on a server too: chunks that are written anew while
    those stay as they are go unseen. Two things cannot be kept from happening where a file is mapped: if it is cut
    *during* a count, the system ends the process (SIGBUS); and an array that was taken out of the trains
    (``trains[unit]``) shows what the file now holds, and may end the process too, when NumPy uses it later. Where
    others may write to the file, or it lies on a disk that may go away, pass ``mmap=False``.

    Examples
    --------
    >>> with nwbin.File("sub-1_ses-2.nwb") as f:  # "trials", in most files
    ...     counts = nwbin.bin_spikes(f, f.intervals["flashes_presentations"]["start_time"], [0, 0.1, 0.2])
    """

    def __init__(
        self,
        source: StrPath | BinaryIO,
        *,
        follow_external_links: bool = False,
        mmap: bool = True,
        index: StrPath | None = None,
    ) -> None:
        self._source = open_source(
            source, follow_external_links=follow_external_links, mmap=mmap, index=index,
            ahead=schema.AT_OPENING, whole=schema.WHOLE,
        )  # fmt: skip
        self._pynwb_io: Any = None
        try:
            path = self._source.path
            self._stamp = self._source.stamp
            # Now: the working folder may change.
            self._place = self._source.address if path is None else path.absolute()
            self._version = stated_version(self._source)
        except BaseException:
            self._source.close()
            raise

    # ---------------------------------------------------------------- life

    def __reduce__(self) -> tuple[Any, ...]:
        if self._place is None:
            raise ArgumentTypeError(
                f"{self.name}: was opened from a file object, which no other process has; open it by its path"
            )
        if self._source.closed:
            raise FileAccessError(
                f"{self.name}: is closed, and cannot be sent to another process; send its path"
            )
        return _reopened, (
            self._place, self._source.follow_external_links, self._source.mmap, self._stamp,
        )  # fmt: skip

    def close(self) -> None:
        """Close the file. Spike trains that were read stay usable.

        Where they are mapped, the system keeps the file open until the last of them is gone: until then a file that
        was deleted takes its place on the disk, and Windows does not let it be replaced.
        """
        self._pynwb_io = None
        self._source.close()

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = " (closed)" if self._source.closed else ""
        return printable(f"<nwbin.File {self.name!r}{closed}, NWB {self._version}>")

    # ---------------------------------------------------------------- general

    @property
    def name(self) -> str:
        """The path, the address without what is secret in it, or the file object's name, as messages have it."""
        return self._source.name

    @property
    def path(self) -> Path | None:
        """The file's path; None where it was given by an address or as a file object."""
        return self._source.path

    @property
    def size(self) -> int:
        """The file's size in bytes, when it was opened; 0 where nobody knows (a Zarr store on a server)."""
        return self._source.size

    @property
    def mmap(self) -> bool:
        """Whether it may be mapped into memory."""
        return self._source.mmap

    @property
    def nwb_version(self) -> str:
        """The version of NWB that the file states, such as "2.2.2"."""
        return self._version

    @property
    def identifier(self) -> str | None:
        """The file's identifier; in Visual Coding files the session's number."""
        return stated_text(self._source, "identifier")

    @property
    def session_id(self) -> str | None:
        """The lab's name or number for the session; None where the file gives none."""
        return stated_text(self._source, "session_id")

    @property
    def session_description(self) -> str | None:
        """What the file says it holds."""
        return stated_text(self._source, "session_description")

    @property
    def stimulus_notes(self) -> str | None:
        """Notes on the stimulus; in Visual Coding files the stimulus set, such as "brain_observatory_1.1"."""
        return stated_text(self._source, "stimulus_notes")

    @property
    def institution(self) -> str | None:
        """Where the recording was made."""
        return stated_text(self._source, "institution")

    @property
    def session_start_time(self) -> datetime | None:
        """When the session began, as a datetime; None where the file does not say."""
        return start_time(self._source)

    @property
    def subject(self) -> dict[str, Any]:
        """What the file says of the animal: subject_id, species, sex, age, genotype, ...; {} if nothing."""
        return subject(self._source)

    # ---------------------------------------------------------------- tables

    def table(self, path: str) -> DynamicTable:
        """Return any table of the file, to read column by column.

        Parameters
        ----------
        path
            Its path, such as ``"processing/eye_tracking/pupil_ellipse_fits"``.
        """
        return DynamicTable(self._source, path)

    @cached_property
    def unit_table(self) -> DynamicTable:
        """The units table, to read column by column."""
        if self._source.kind(schema.UNITS) != "group":
            raise LookupFailure(f"{self.name}: has no units table; it may hold LFP or behaviour only")
        return self.table(schema.UNITS)

    @property
    def unit_ids(self) -> npt.NDArray[np.int64]:
        """The ids of all units in the file's order, int64 (units,)."""
        return self.unit_table.ids.copy()

    @property
    def units(self) -> pd.DataFrame:
        """The units table: index ``id``, every column with one value a unit, in the file's order.

        Working set: the table.
        """
        return self.unit_table.frame()

    @property
    def electrodes(self) -> pd.DataFrame:
        """The electrodes (channels): index ``id``, every column with one value an electrode."""
        return self.table(schema.ELECTRODES).frame()

    @cached_property
    def intervals(self) -> Mapping[str, pd.DataFrame]:
        """The tables of intervals (stimulus presentations, trials, epochs, ...) by name, read when asked for.

        Each has index ``id`` and columns ``start_time``, ``stop_time`` (s) and the table's own; ragged
        columns such as ``tags`` hold lists. The ``timeseries`` column is left out. Working set: one table.
        """
        return Intervals(self)

    @property
    def devices(self) -> pd.DataFrame:
        """The recording devices (probes): index ``device``, a column for each attribute."""
        return table_of_groups(self._source, schema.DEVICES, "device")

    @property
    def electrode_groups(self) -> pd.DataFrame:
        """The electrode groups (one a probe): index ``group``, a column for each attribute."""
        return table_of_groups(self._source, schema.ELECTRODE_GROUPS, "group")

    def device_of(self, group: str) -> str:
        """Return the name of the device that an electrode group belongs to."""
        target = self._source.link(f"{schema.ELECTRODE_GROUPS}/{group}/device")[1]
        return target.rpartition("/")[2] or group

    # ---------------------------------------------------------------- signals and spikes

    def has(self, path: str) -> bool:
        """Whether there is an object at a path of the file."""
        return self._source.kind(path) is not None

    def names(self, path: str) -> list[str]:
        """Return the names in a group of the file; none where there is no such group."""
        return self._source.children(path)

    def read_ahead(self, groups: Iterable[str], leave: Collection[str] = (), *, dense: bool = False) -> None:
        """Fetch tables of a file on a server in a few round trips, before they are read; else do nothing.

        ``*`` in the groups' paths stands for any name; `leave` names columns that will not be read, as ragged ones are
        not in any case; `dense` says that little else lies among them in the file.
        """
        self._source.ahead(groups, {*schema.NEVER_READ, *leave}, dense=dense)

    def attributes(self, path: str) -> dict[str, Any]:
        """Return an object's attributes, references left out."""
        return self._source.attributes(path)

    def stated(self, path: str, name: str) -> Any:
        """Return what a group states under a name: a single value in it, or else an attribute; None if neither."""
        return stated_in(self._source, path, name)

    def measurement(self, path: str) -> tuple[npt.NDArray[Any], str]:
        """Read a dataset with the unit of measure that it states ("" if none)."""
        return self._source.read(path), str(self._source.attributes(path).get("unit", ""))

    def time_series(self, path: str) -> TimeSeries:
        """Read a time series whole: its timestamps (or start and rate) and its samples.

        Parameters
        ----------
        path
            Its path, such as ``"processing/running/running_speed"``.

        Notes
        -----
        Working set: the result; :meth:`samples` reads a part.
        """
        return TimeSeries(self.timestamps(path), self._source.read(f"{path}/data"))

    def timestamps(self, path: str) -> npt.NDArray[np.float64]:
        """Read only the timestamps of a time series, in seconds, float64 (samples,)."""
        return timestamps(self._source, path)

    def samples(self, path: str, rows: slice) -> npt.NDArray[Any]:
        """Read some samples of a time series: ``data[rows]``, as stored."""
        return self._source.read(f"{path}/data", rows)

    @cached_property
    def _spikes(self) -> SpikeStore:
        return SpikeStore(self.unit_table)

    def spike_trains(self, unit_ids: Sequence[Any] | npt.NDArray[Any] | None = None) -> SpikeTrains:
        """Return the spike times of some or all units; other units' spikes are not touched.

        Parameters
        ----------
        unit_ids : int, array-like of int, or mask, optional
            Which units, in this order, repeats kept; also a table of units, for its index. By default all, in the
            file's order.

        Returns
        -------
        SpikeTrains
            Seconds, float64, ascending in each unit. Contiguous spike times are mapped: only the pages that
            are used come off the disk.

        Raises
        ------
        LookupFailure
            A unit id is not in the file (also a ``KeyError``).
        FormatError
            The spike times of a unit are unsorted or not finite, or ``spike_times_index`` points past them.
        FileAccessError
            They cannot be read, or the file has changed since it was opened. Trains that are mapped raise this
            later too, when they are used.
        NotEnoughMemoryError
            They are not mapped, and do not fit in memory (also a ``MemoryError``).

        Notes
        -----
        Working set: nothing where they are mapped, but pages of the file that the system may take back. Else 8
        bytes a spike of the chunks that the units touch, kept until the file and all trains are gone; and three
        chunks a thread while they are decoded.
        """
        return self._spikes.trains(unit_ids)

    def unit_column(self, name: str, unit_id: int) -> Any:
        """Read one unit's value in any column of the units table, ragged ones included.

        Parameters
        ----------
        name
            The column, such as ``"spike_amplitudes"`` or ``"waveform_mean"``.
        unit_id
            The unit.

        Returns
        -------
        numpy.ndarray, list of numpy.ndarray, or a scalar
            ``spike_amplitudes``: (spikes,); ``waveform_mean``: (channels, samples); of a doubly ragged column
            such as ``waveforms``, a list.

        Notes
        -----
        Working set: the result. Of numbers in chunks also the last ones decoded, up to 64 MB (one chunk where it is
        larger), kept for the next unit.
        """
        rows = np.flatnonzero(self.unit_table.ids == unit_id)
        if rows.size != 1:
            raise LookupFailure(
                f"{self.name}: no unit has the id {unit_id!r}; {nearest(unit_id, self.unit_table.ids.tolist())}"
            )
        return self.unit_table.ragged(name, int(rows[0]))

    def pynwb(self) -> Any:
        """Return the file as a ``pynwb.NWBFile``, for whatever nwbin does not read itself.

        It shares this object's open file: use it before :meth:`close`. What pynwb reads, libhdf5 reads by itself:
        on a damaged file it may crash, hang or take any amount of memory, from which nwbin keeps its own reading.
        """
        if self._pynwb_io is None:
            self._pynwb_io = self._source.pynwb_io()
        return self._pynwb_io.read()
