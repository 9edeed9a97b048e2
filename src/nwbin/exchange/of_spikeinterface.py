"""SpikeInterface's objects: a session's units as a sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._optional import need
from nwbin.errors import ArgumentError
from nwbin.exchange._held import held
from nwbin.tables.tidy import text_of_objects
from nwbin.trains import Trains

if TYPE_CHECKING:
    from nwbin.exchange._spikeinterface_sorting import TrainsSorting

__all__ = ["to_spikeinterface"]


def to_spikeinterface(
    given: Trains, unit_ids: Any = None, *, sampling_frequency: float = 30_000.0, t_start: float = 0.0
) -> TrainsSorting:
    """Make a sorting of SpikeInterface of a session's units.

    Parameters
    ----------
    given
        A Session, a File, or whatever else is taken for spike trains.
    unit_ids
        Which units, in this order; None for all.
    sampling_frequency
        Frames in a second, Hz: 30,000 as of Neuropixels probes. The times in the files are those of all probes on one
        clock, so that they need not be whole frames.
    t_start
        Where frame 0 lies on the session's clock, s.

    Returns
    -------
    spikeinterface.core.BaseSorting
        Of one segment. What is known of the units are its properties. Ids that are not all numbers become text.

    Raises
    ------
    MissingDependencyError
        SpikeInterface is not installed (extra "spikeinterface").
    ArgumentError
        A spike lies before `t_start` (frames are counted from 0), a frequency that is none, or a unit twice.
    LookupFailure
        There is no such unit.

    Notes
    -----
    A spike at t seconds lies in frame ``rint((t - t_start) * sampling_frequency)``, computed in float64: the nearest,
    the even one of two. So ``frame / sampling_frequency + t_start`` differs from t by half a frame at most. Spikes of
    a unit within the same frame stay as many as they are.

    ``get_unit_spike_train_in_seconds`` (and ``return_times=True``) gives the file's times to the last bit and not
    copied; frames are computed when they are asked for. What SpikeInterface copies a sorting into (``save``, a
    SortingAnalyzer) has frames only.

    Examples
    --------
    >>> sorting = to_spikeinterface({7: [0.1, 0.20001]})
    >>> sorting.get_unit_spike_train(7).tolist(), sorting.get_unit_spike_train_in_seconds(7).tolist()
    ([3000, 6000], [0.1, 0.20001])
    """
    need("spikeinterface", "spikeinterface", "to_spikeinterface")
    from nwbin.exchange._spikeinterface_sorting import TrainsSorting

    rate, start = float(sampling_frequency), float(t_start)
    if not 0 < rate < np.inf:
        raise ArgumentError(
            f"sampling_frequency must be a number of Hz, more than 0, not {sampling_frequency!r}"
        )
    if not np.isfinite(start):
        raise ArgumentError(f"t_start must be a time in s, not {t_start!r}")
    all_of_it = held(given, unit_ids, stimuli=())
    if len(set(map(str, all_of_it.trains))) < len(all_of_it.trains):
        raise ArgumentError("a sorting has each unit once; two units have the same id")
    for unit, times in all_of_it.trains.items():
        if len(times) and np.rint((times[0] - start) * rate) < 0:
            raise ArgumentError(
                f"unit {unit!r}: its first spike, at {times[0]:.6f} s, lies before frame 0, at {start:g} s; give an "
                "earlier t_start"
            )
    sorting = TrainsSorting(all_of_it.trains, rate, start)
    units = all_of_it.units
    for name in units.columns:
        sorting.set_property(str(name), text_of_objects(units[name].to_numpy(), str(name)))
    return sorting
