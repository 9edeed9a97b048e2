"""A sorting over spike trains as they are; imported only where SpikeInterface is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from spikeinterface.core import BaseSorting, BaseSortingSegment

from nwbin.trains import SpikeTrains

__all__ = ["TrainsSorting"]


class TrainsSorting(BaseSorting):  # type: ignore[misc] # SpikeInterface has no types
    """A sorting whose times are nwbin's; see :func:`nwbin.exchange.to_spikeinterface`, which makes it.

    Parameters
    ----------
    trains
        The spikes.
    sampling_frequency
        Frames in a second, Hz.
    t_start
        Time of frame 0, s.
    """

    def __init__(self, trains: SpikeTrains, sampling_frequency: float, t_start: float) -> None:
        ids = trains.unit_ids.tolist()
        # NumPy, and so SpikeInterface, would make text of numbers beside text.
        names = ids if trains.unit_ids.dtype.kind in "iu" else [str(one) for one in ids]
        super().__init__(sampling_frequency, names)
        for name in ("_serializability", "_serializablility"):  # as it is spelt now, and was
            if hasattr(self, name):
                getattr(self, name)["json"] = False
        known = dict(zip(names, ids, strict=True))
        self.add_sorting_segment(_Segment(trains, known, sampling_frequency, t_start))
        self._kwargs = {"trains": trains, "sampling_frequency": sampling_frequency, "t_start": t_start}


class _Segment(BaseSortingSegment):  # type: ignore[misc] # SpikeInterface has no types
    def __init__(self, trains: SpikeTrains, ids: dict[Any, Any], rate: float, t_start: float) -> None:
        super().__init__(t_start=t_start)
        self._trains, self._ids, self._rate, self._first = trains, ids, rate, t_start

    def get_unit_spike_train(
        self, unit_id: Any, start_frame: int | None = None, end_frame: int | None = None
    ) -> npt.NDArray[np.int64]:
        frames = np.rint((self._trains[self._ids[unit_id]] - self._first) * self._rate).astype(np.int64)
        first = 0 if start_frame is None else np.searchsorted(frames, start_frame)
        last = len(frames) if end_frame is None else np.searchsorted(frames, end_frame)
        return frames[first:last]

    def get_unit_spike_train_in_seconds(
        self, unit_id: Any, start_time: float | None = None, end_time: float | None = None
    ) -> npt.NDArray[np.float64]:
        times = self._trains[self._ids[unit_id]]
        first = 0 if start_time is None else np.searchsorted(times, start_time)
        last = len(times) if end_time is None else np.searchsorted(times, end_time)
        return times[first:last]
