"""Mean waveforms and spike amplitudes, read a unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from nwbin import _schema as schema
from nwbin.errors import ArgumentTypeError, LookupFailure
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["UnitMapping", "amplitudes_of", "waveform_reader"]

T = TypeVar("T")


class UnitMapping(Mapping[int, T]):
    """A mapping from unit id to that unit's data, each read when asked for and then kept.

    Parameters
    ----------
    unit_ids
        The units, in order.
    read
        Reads one unit.
    what
        What is mapped, for messages.
    unknown
        Says of something that is no unit here what it is.

    Notes
    -----
    Pickled, it is its arguments: what was read stays behind.
    """

    def __init__(
        self,
        unit_ids: Iterable[int],
        read: Callable[[int], T],
        what: str,
        unknown: Callable[[Any, Iterable[int]], str],
    ) -> None:
        self._ids = dict.fromkeys(int(unit) for unit in unit_ids)
        self._read = read
        self._what = what
        self._unknown = unknown
        self._kept: dict[int, T] = {}

    def __contains__(self, unit_id: object) -> bool:
        try:
            return unit_id in self._ids
        except TypeError:  # a list, say
            return False

    def get(self, unit_id: int, default: Any = None) -> Any:
        """Return a unit's data, or the default; without finding out why there is no such unit."""
        if unit_id not in self:
            return default
        return self[unit_id]

    def __getitem__(self, unit_id: int) -> T:
        try:
            hash(unit_id)
        except TypeError:
            raise ArgumentTypeError(
                f"{self._what} are read one unit at a time: {{unit: mapping[unit] for unit in ids}}; not by "
                f"{type(unit_id).__name__}"
            ) from None
        if unit_id not in self._ids:
            raise LookupFailure(f"{self._what}: {self._unknown(unit_id, self._ids)}")
        if unit_id not in self._kept:
            self._kept[unit_id] = self._read(unit_id)
        return self._kept[unit_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __reduce__(self) -> tuple[Any, ...]:
        return UnitMapping, (list(self._ids), self._read, self._what, self._unknown)

    def __repr__(self) -> str:
        return f"<{self._what} of {len(self)} units>"


def amplitudes_of(file: File) -> Callable[[int], npt.NDArray[np.float64]]:
    """Return a function that reads one unit's spike amplitudes, in V, one a spike."""
    table = file.table(schema.UNITS)
    bounds = table.spans(schema.SPIKE_AMPLITUDES)
    row = {int(unit): at for at, unit in enumerate(table.ids)}

    def read(unit_id: int) -> npt.NDArray[np.float64]:
        at = row[unit_id]
        return table.rows(schema.SPIKE_AMPLITUDES, slice(int(bounds.starts[at]), int(bounds.stops[at])))

    return read


def waveform_reader(
    file: File, units: pd.DataFrame, channels: pd.DataFrame, probes: pd.DataFrame
) -> Callable[[int], xr.DataArray]:
    """Return a function that reads one unit's mean waveform.

    The result has dims (channel_id, time): time in s from the waveform's start, values as stored (uV in
    released files); only channels that are in `channels` are kept.
    """
    import xarray as xr

    table = file.table(schema.UNITS)
    bounds = table.spans(schema.WAVEFORM_MEAN)
    row = {int(unit): at for at, unit in enumerate(table.ids)}
    probe_of: dict[Any, Any] = dict(zip(units.index, units["probe_id"], strict=True))
    # For each probe: which rows of a waveform are channels that are kept, and their ids.
    kept: dict[Any, tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]] = {}
    for probe, there in channels.groupby("probe_id"):
        number = there["probe_channel_number"].to_numpy().astype(np.intp)
        order = np.argsort(number, kind="stable")
        kept[probe] = number[order], there.index.to_numpy()[order].astype(np.int64)

    def read(unit_id: int) -> xr.DataArray:
        at = row[unit_id]
        values = table.rows(schema.WAVEFORM_MEAN, slice(int(bounds.starts[at]), int(bounds.stops[at])))
        probe = probe_of[unit_id]
        number, ids = kept[probe]
        there = number < len(values)
        found = values[number[there]]
        table.source.check()
        time = np.arange(values.shape[1]) / probes.loc[probe, "sampling_rate"]
        return xr.DataArray(
            found,
            dims=["channel_id", "time"],
            coords={"channel_id": ids[there], "time": time},
        )

    return read
