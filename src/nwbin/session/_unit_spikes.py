"""What was recorded of each unit of a session: spike times, amplitudes, waveforms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.units import unit_order
from nwbin.allen.waveforms import UnitMapping, amplitudes_of, waveform_reader
from nwbin.nwb import schema
from nwbin.session._invalid_spikes import InvalidSpikes
from nwbin.session._lookup import Lookup
from nwbin.session._part_of_session import Part
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import xarray as xr

    from nwbin.session._lookup import Ids
    from nwbin.trains import SpikeTrains

__all__ = ["UnitSpikes"]


@dataclass(eq=False, repr=False)
class UnitSpikes(Part):
    """Mappings from unit id to that unit's data."""

    tables: SessionTables
    lookup: Lookup
    invalid_spikes: InvalidSpikes

    @cached_property
    def _unit_order(self) -> npt.NDArray[np.int64]:
        """All unit ids in the order that AllenSDK's dictionaries have."""
        stored = self.tables.file.table(schema.UNITS)
        if "peak_channel_id" not in stored or "probe_id" not in self.tables.channels.columns:
            return stored.ids
        return stored.ids[unit_order(self.tables.file, stored.column("peak_channel_id"), self.tables.probes)]

    @cached_property
    def _kept_in_order(self) -> npt.NDArray[np.int64]:
        return self._unit_order[np.isin(self._unit_order, self.tables.units.index.to_numpy())]

    @cached_property
    def _spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        return UnitMapping(self._kept_in_order, self._times_of, "spike times", self._no_unit)

    # These have names, so that the mappings can be pickled: the parts are, and read anew.

    def _times_of(self, unit: int) -> npt.NDArray[np.float64]:
        return self.tables.file.spike_trains([unit])[unit]

    def _amplitudes_of(self, unit: int) -> npt.NDArray[np.float64]:
        return self._read_amplitudes(unit)

    def _waveform_of(self, unit: int) -> xr.DataArray:
        return self._read_waveform(unit)

    def _no_unit(self, one: Any, known: Iterable[int]) -> str:
        return self.lookup.unknown(one, "unit", known)

    @cached_property
    def _read_amplitudes(self) -> Callable[[int], npt.NDArray[np.float64]]:
        return amplitudes_of(self.tables.file)

    @cached_property
    def _read_waveform(self) -> Callable[[int], xr.DataArray]:
        return waveform_reader(self.tables.file, self.tables.units, self.tables.channels, self.tables.probes)

    @property
    def spike_times(self) -> Mapping[int, npt.NDArray[np.float64]]:
        self.invalid_spikes.warn_of_any("spike_times")
        return self._spike_times

    def spike_trains(self, unit_ids: Ids = None) -> SpikeTrains:
        """Return the spike times of the session's units, in the order of its `units`, or of some of them in theirs.

        This is what functions of arrays take where a session is given for trains, as ``nwbin.bin_spikes(session,
        onsets, edges)``. Otherwise as :meth:`nwbin.File.spike_trains`.

        Examples
        --------
        >>> session.spike_trains(session.units.index[:3])
        SpikeTrains(3 units, ... spikes, ... s)
        """
        self.invalid_spikes.warn_of_any("spike_times")
        return self.tables.file.spike_trains(self.lookup.unit_ids(unit_ids))

    @cached_property
    def spike_amplitudes(self) -> Mapping[int, npt.NDArray[np.float64]]:
        self._read_amplitudes  # noqa: B018 - now: a file that has none says so
        return UnitMapping(self._unit_order, self._amplitudes_of, "spike amplitudes", self._no_unit)

    @cached_property
    def mean_waveforms(self) -> Mapping[int, xr.DataArray]:
        self._read_waveform  # noqa: B018 - now: a file that has none says so
        return UnitMapping(self._kept_in_order, self._waveform_of, "mean waveforms", self._no_unit)
