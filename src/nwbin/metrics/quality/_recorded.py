"""What a file has of each unit that its quality is worked out from: when it was recorded, amplitudes, waveforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nwbin.allen.places import channel_table, probe_table
from nwbin.allen.waveforms import amplitudes_of
from nwbin.errors import FormatError
from nwbin.metrics.quality._waveforms import MeanWaveforms
from nwbin.nwb import schema
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.file import File
from nwbin.trains import SpikeTrains

__all__ = ["RecordedUnits", "span_of"]

Floats = NDArray[np.float64]


def span_of(trains: SpikeTrains, begin: float = 0.0) -> tuple[float, float]:
    """The first and the last spike of several units after `begin`, s; NaN where there is none."""
    first, last = np.inf, -np.inf
    for times in trains.values():
        after = int(np.searchsorted(times, begin, "right"))
        if after < times.size:
            first, last = min(first, float(times[after])), max(last, float(times[-1]))
    return (first, last) if first <= last else (np.nan, np.nan)


@dataclass(eq=False)
class RecordedUnits:
    """Units of a file, each with its row of the units table.

    Parameters
    ----------
    file
        The file.
    unit_ids
        The units, (units,), no two alike.
    """

    file: File
    unit_ids: NDArray[np.int64]

    @cached_property
    def table(self) -> DynamicTable:
        return self.file.unit_table

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Where each unit stands in the units table."""
        order = np.argsort(self.table.ids, kind="stable")
        found: NDArray[np.intp] = order[np.searchsorted(self.table.ids, self.unit_ids, sorter=order)]
        return found

    # ---------------------------------------------------------------- probes

    @cached_property
    def _channels(self) -> Any:
        return channel_table(self.file, valid_only=False)

    @cached_property
    def _peaks(self) -> NDArray[np.intp]:
        """The row of `channels` that each unit of the file has for its peak channel; -1 for none."""
        import pandas as pd

        if "peak_channel_id" not in self.table or not self.table.is_flat("peak_channel_id"):
            return np.full(len(self.table), -1)
        found: NDArray[np.intp] = self._channels.index.get_indexer(
            pd.Index(self.table.column("peak_channel_id"))
        )
        return found

    @cached_property
    def probes(self) -> NDArray[np.int64]:
        """The probe of each unit of the file, in the table's order; -1 where the file does not say."""
        found = np.full(len(self.table), -1, dtype=np.int64)
        if "probe_id" in self._channels.columns:
            there = self._peaks >= 0
            found[there] = self._channels["probe_id"].to_numpy(np.int64)[self._peaks[there]]
        return found

    def spans(self) -> Floats:
        """The first and the last spike of each unit's probe, of all its units in the file: (units, 2), s."""
        spans = np.empty((len(self.unit_ids), 2))
        mine = self.probes[self.rows]
        for probe in np.unique(mine):
            spans[mine == probe] = span_of(self.file.spike_trains(self.table.ids[self.probes == probe]))
        return spans

    # ---------------------------------------------------------------- amplitudes

    def amplitude_reader(self) -> Callable[[int], Floats] | None:
        """What reads one unit's amplitudes, one a spike; None where the file has none."""
        if schema.SPIKE_AMPLITUDES not in self.table:
            return None
        amplitudes, times = (self.table.spans(name) for name in (schema.SPIKE_AMPLITUDES, schema.SPIKE_TIMES))
        unlike = np.flatnonzero((amplitudes.stops - amplitudes.starts) != (times.stops - times.starts))
        if unlike.size:
            at = int(unlike[0])
            numbers = [int(one.stops[at] - one.starts[at]) for one in (amplitudes, times)]
            raise FormatError(
                f"{self.file.name}: {self.table.path}/{schema.SPIKE_AMPLITUDES} has {numbers[0]:,} values for unit "
                f"{self.table.ids[at]}, which has {numbers[1]:,} spikes; the file is damaged: download it again"
            )
        return amplitudes_of(self.file)

    # ---------------------------------------------------------------- waveforms

    def waveforms(self, rate: float | None) -> MeanWaveforms | None:
        """The mean waveforms around each unit's peak channel; None where the file has none of the usual form.

        Only those channels are read. Working set: some 110 kB a chunk, or 12 kB a unit where they lie contiguous.
        """
        name = schema.WAVEFORM_MEAN
        if name not in self.table or self.table.levels(name) != 1:
            return None
        shape = self.table.source.layout(f"{self.table.path}/{name}").shape
        if len(shape) != 2 or shape[1] < 2:
            return None
        bounds, units = self.table.spans(name), len(self.unit_ids)
        peak = np.full((units, shape[1]), np.nan)
        around = np.full((units, len(MeanWaveforms.offsets()), shape[1]), np.nan)
        # In the order of the file, of which chunks then are read once.
        for at in np.argsort(self.rows, kind="stable").tolist():
            row = int(self.rows[at])
            first, last = int(bounds.starts[row]), int(bounds.stops[row])
            channels, here = self._sites(row, last - first, first)
            if here < 0:
                continue
            where = here + MeanWaveforms.offsets()
            # The first channel is none of them in the program that made the stored values, unless there is no other.
            there = (where >= min(1, len(channels) - 1)) & (where < len(channels))
            wanted = channels[where[there]]
            low, high = (int(end(np.append(wanted, channels[here]))) for end in (np.min, np.max))
            found = self.table.rows(name, slice(first + low, first + high + 1))
            peak[at] = found[channels[here] - low]
            around[at, there] = found[wanted - low]
        self.table.source.check()
        return MeanWaveforms(peak, around, self._rates(rate))

    def _sites(self, row: int, size: int, first: int) -> tuple[NDArray[np.intp], int]:
        """Which of a unit's rows of waveforms are channels, from the tip up, and where the peak is; -1 for nowhere."""
        at = int(self._peaks[row])
        numbers = self._numbers.get(int(self.probes[row])) if at >= 0 else None
        if numbers is not None:
            there = numbers[numbers < size]
            place = np.flatnonzero(there == self._number[at])
            return there, int(place[0]) if place.size else -1
        if not size:
            return np.empty(0, np.intp), -1
        whole = self.table.rows(schema.WAVEFORM_MEAN, slice(first, first + size))
        return np.arange(size), int(np.argmax(np.ptp(whole, axis=1)))

    @cached_property
    def _number(self) -> NDArray[np.intp]:
        """The number of each of `channels` on its probe, by which the rows of waveforms go."""
        found: NDArray[np.intp] = self._channels["probe_channel_number"].to_numpy().astype(np.intp)
        return found

    @cached_property
    def _numbers(self) -> dict[int, NDArray[np.intp]]:
        """Probe -> the numbers of its channels, ascending."""
        if not {"probe_id", "probe_channel_number"} <= set(self._channels.columns):
            return {}
        probes = self._channels["probe_id"].to_numpy(np.int64)
        return {int(probe): np.unique(self._number[probes == probe]) for probe in np.unique(probes)}

    def _rates(self, rate: float | None) -> Floats:
        """Samples per second of each unit's waveform; NaN where nothing says it."""
        if rate is not None:
            return np.full(len(self.unit_ids), rate)
        stated = self.table.source.attribute(f"{self.table.path}/{schema.WAVEFORM_MEAN}", "sampling_rate")
        usual = float(stated) if isinstance(stated, int | float | np.number) else np.nan
        table = probe_table(self.file)
        # The stored metrics are those of the nominal rate: that of a probe is measured, 29999.95 Hz for 30000.
        known = dict(
            zip(table.index.tolist(), np.rint(table["sampling_rate"].to_numpy(np.float64)), strict=True)
        )
        return np.asarray(
            [known.get(int(probe), usual) for probe in self.probes[self.rows]], dtype=np.float64
        )
