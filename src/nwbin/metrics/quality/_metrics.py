"""The quality metrics of a file's units, or of plain spike trains: what is given, gathered, and worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nwbin._threads import as_threads, run
from nwbin._wording import first_of
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest, warn
from nwbin.metrics.quality._amplitudes import amplitude_cutoff
from nwbin.metrics.quality._convention import Convention, as_convention
from nwbin.metrics.quality._recorded import RecordedUnits, span_of
from nwbin.metrics.quality._spikes import spike_quality
from nwbin.metrics.quality._waveforms import WAVEFORM_METRICS, MeanWaveforms, waveform_metrics
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of
from nwbin.trains import SpikeTrains, as_trains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["QUALITY_COLUMNS", "Duration", "Progress", "as_duration", "quality_metrics", "quality_of_file"]

Floats = NDArray[np.float64]
Progress = Callable[[int, int], object]
Duration: TypeAlias = float | tuple[float, float] | None

_OF_SPIKES = ("firing_rate", "presence_ratio", "isi_violations")
# The columns by whose definitions they are worked out.
QUALITY_COLUMNS: dict[Convention, tuple[str, ...]] = {
    "allen": (*_OF_SPIKES, "amplitude_cutoff", *WAVEFORM_METRICS),
    "spikeinterface": (*_OF_SPIKES, "amplitude_cutoff"),
}
_AT_ONCE = 1 << 22  # amplitudes that are held at a time: 32 MB


def quality_metrics(
    source: Any,
    unit_ids: Any = None,
    *,
    convention: Convention = "allen",
    duration: Duration = None,
    amplitudes: Mapping[Any, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Work out the quality of units: how clean, how complete, how steady, and the shape of their waveforms.

    :func:`nwbin.metrics.describe` says what each of the columns means.

    Parameters
    ----------
    source
        A :class:`nwbin.Session` (the units that passed its filters), a :class:`nwbin.File` (all its units), or spike
        trains in any form that :func:`nwbin.bin_spikes` takes.
    unit_ids
        Which units, in this order; None for all.
    convention : {"allen", "spikeinterface"}
        Whose definitions. Allen's are those of the data set's own values; SpikeInterface's are those of its versions
        from 0.104 on, and have no waveforms.
    duration
        When the recording began and ended, (start, stop) in s, or how long it lasted from 0 on. By default it is from
        the first to the last spike: of all units of the file on the same probe, or of all trains that are given.
    amplitudes
        Of plain trains: unit id -> one amplitude a spike, in any unit of measure.
    threads
        How many; None means one for each core this process may use.
    progress
        Called as ``progress(units done, units in all)``.

    Returns
    -------
    pandas.DataFrame
        Index unit_id. Columns, float64: `firing_rate` (Hz), `presence_ratio`, `isi_violations`, `amplitude_cutoff`;
        and with Allen's definitions `waveform_duration`, `waveform_halfwidth` (ms), `waveform_PT_ratio`,
        `waveform_repolarization_slope`, `waveform_recovery_slope` (V/s), `waveform_amplitude` (uV),
        `waveform_spread` (um), `waveform_velocity_above`, `waveform_velocity_below` (s/m), as in
        :attr:`nwbin.Session.units`. NaN where a file has no amplitudes or waveforms (one warning says so), and where
        a unit has too little for a metric.

    Raises
    ------
    LookupFailure
        There is no unit of some id (also a ``KeyError``).
    ArgumentError, ArgumentTypeError
        An argument makes no sense; the message says which and what to give.
    FormatError
        A unit has not as many amplitudes as spikes.

    Notes
    -----
    With Allen's definitions only spikes after 0 s count, as in the program that made the stored values: a file's
    spikes before that were never aligned to the clock. Values equal the stored ones where these were made of the
    spikes that the file holds. Waveforms were measured before each channel's first sample was taken away from its
    mean: halfwidth, PT_ratio and the slopes differ a little from the stored ones.

    Working set: a unit's spikes and 32 MB of amplitudes, or those of one unit; waveforms on 18 channels of each unit.

    Sources: the programs (github.com/AllenInstitute/ecephys_spike_sorting, SpikeInterface), after Hill, Mehta &
    Kleinfeld 2011 (doi:10.1523/JNEUROSCI.0971-11.2011) and Jia et al. 2019 (doi:10.1152/jn.00680.2018).

    Examples
    --------
    >>> found = quality_metrics({7: [1.0, 2.0, 2.001, 3.0], 8: [0.5, 4.5]})
    >>> found["firing_rate"].tolist()
    [1.0, 0.5]
    >>> float(found.loc[7, "isi_violations"].round(3))
    83.333
    """
    how = as_convention(convention)
    span = as_duration(duration)
    if isinstance(source, File) or callable(getattr(source, "quality_metrics", None)):
        if amplitudes is not None:
            raise ArgumentError("amplitudes are for plain spike trains; of a file they are those that it has")
        if not isinstance(source, File):
            found: pd.DataFrame = source.quality_metrics(
                unit_ids, convention=how, duration=duration, threads=threads, progress=progress
            )
            return found
        chosen = source.spike_trains(unit_ids).unit_ids
        return quality_of_file(
            source, chosen, convention=how, duration=span, threads=threads, progress=progress
        )
    trains = as_trains(source)
    chosen_trains = trains if unit_ids is None else trains.select(unit_ids)
    return _of_trains(
        chosen_trains,
        how,
        span or span_of(trains, 0.0 if how == "allen" else -np.inf),
        amplitudes,
        as_threads(threads),
        progress,
    )


def quality_of_file(
    file: File,
    unit_ids: NDArray[Any],
    *,
    convention: Convention = "allen",
    duration: Duration = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Do it for units of a file, which are known to be in it; see :func:`quality_metrics`."""
    distinct, place = np.unique(np.asarray(unit_ids, dtype=np.int64), return_inverse=True)
    units, number = RecordedUnits(file, distinct), as_threads(threads)
    span = as_duration(duration)
    spans = units.spans() if span is None else np.tile(np.asarray(span, dtype=np.float64), (len(distinct), 1))
    trains = file.spike_trains(distinct)
    found = vars(spike_quality(trains, spans, convention, number))
    read = units.amplitude_reader()
    found["amplitude_cutoff"] = np.full(len(distinct), np.nan)
    if read is not None:
        order = np.argsort(units.rows, kind="stable")
        found["amplitude_cutoff"] = _cutoffs(trains, read, spans, convention, order, number, progress)
    means = units.waveforms(None) if convention == "allen" else None
    if means is not None:
        found |= waveform_metrics(means)
    _say_what_is_missing(file, convention, read is not None, means)
    return _frame({name: values[place] for name, values in found.items()}, distinct[place], convention)


def _of_trains(
    trains: SpikeTrains,
    convention: Convention,
    span: tuple[float, float],
    amplitudes: Mapping[Any, Any] | None,
    threads: int,
    progress: Progress | None,
) -> pd.DataFrame:
    spans = np.tile(np.asarray(span, dtype=np.float64), (len(trains), 1))
    found = vars(spike_quality(trains, spans, convention, threads))
    if amplitudes is not None:
        given = amplitudes

        def read(unit: Any) -> Floats:
            return _given_amplitudes(given, unit, trains[unit].size)

        order = np.arange(len(trains))
        found["amplitude_cutoff"] = _cutoffs(trains, read, spans, convention, order, threads, progress)
    return _frame(found, trains.unit_ids, convention)


def _given_amplitudes(given: Mapping[Any, Any], unit: Any, spikes: int) -> Floats:
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"amplitudes must be a dictionary, unit id -> those of its spikes, not {type(given).__name__}"
        )
    if unit not in given:
        raise LookupFailure(f"amplitudes: there are none of unit {unit!r}; {nearest(unit, given)}")
    values = np.asarray(given[unit])
    if values.dtype.kind not in "iuf" or values.ndim != 1:
        raise ArgumentTypeError(f"amplitudes: those of unit {unit!r} must be a list of numbers, one a spike")
    if values.size != spikes:
        raise ArgumentError(
            f"amplitudes: unit {unit!r} has {spikes:,} spikes, and {values.size:,} amplitudes"
        )
    return values.astype(np.float64, copy=False)


def as_duration(duration: Any) -> tuple[float, float] | None:
    """When a recording began and ended, s; None where that is not said."""
    if duration is None:
        return None
    ends = (0.0, duration) if np.ndim(duration) == 0 else tuple(duration)
    if len(ends) != 2 or not all(isinstance(one, int | float | np.number) for one in ends):
        raise ArgumentTypeError(f"duration must be seconds, or (start, stop) in seconds, not {duration!r}")
    start, stop = float(ends[0]), float(ends[1])
    if not (np.isfinite([start, stop]).all() and start < stop):
        raise ArgumentError(
            f"duration must be more than 0 s: a number, or start before stop; not {duration!r}"
        )
    return start, stop


def _cutoffs(
    trains: SpikeTrains,
    read: Callable[[Any], Floats],
    spans: Floats,
    convention: Convention,
    order: NDArray[np.intp],
    threads: int,
    progress: Progress | None,
) -> Floats:
    """The amplitude cutoffs of all units. Amplitudes are read in this thread, some units' at a time."""
    found, ids = np.full(len(trains), np.nan), trains.unit_ids.tolist()

    def of_one(at: int, amplitudes: Floats) -> None:
        times = trains[ids[at]]
        # As for spike times: only spikes that count.
        first, last = 0, times.size
        if np.isfinite(spans[at]).all():
            first = int(np.searchsorted(times, spans[at, 0], "left"))
            last = int(np.searchsorted(times, spans[at, 1], "right"))
        if convention == "allen":
            first = max(first, int(np.searchsorted(times, 0.0, "right")))
        found[at] = amplitude_cutoff(amplitudes[first:last], convention)

    done = 0
    for group in _in_groups(trains.counts[order].tolist(), _AT_ONCE):
        members = order[group].tolist()
        run([partial(of_one, at, read(ids[at])) for at in members], threads)
        done += len(members)
        if progress is not None:
            progress(done, len(ids))
    return found


def _in_groups(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Cut a list into stretches that are of so much in all, at most, or of one."""
    begin = total = 0
    for at, size in enumerate(sizes):
        if at > begin and total + size > most:
            yield slice(begin, at)
            begin, total = at, 0
        total += size
    if begin < len(sizes):
        yield slice(begin, len(sizes))


def _say_what_is_missing(
    file: File, convention: Convention, amplitudes: bool, means: MeanWaveforms | None
) -> None:
    """Warn once of all columns that are NaN because the file lacks what they are made of."""
    lacks = [] if amplitudes else [f"{schema.SPIKE_AMPLITUDES} (amplitude_cutoff)"]
    if convention == "allen" and means is None:
        lacks.append(f"{schema.WAVEFORM_MEAN} of the form (channels, samples) for each unit (waveform_...)")
    elif means is not None and not (means.rates > 0).any():
        lacks.append("sampling rate of waveforms (waveform_...)")
    if lacks:
        warn(f"{file.name}: has no {first_of(lacks)}: these metrics are NaN")


def _frame(found: Mapping[str, Floats], unit_ids: NDArray[Any], convention: Convention) -> pd.DataFrame:
    import pandas as pd

    nothing = np.full(len(unit_ids), np.nan)
    columns = {name: found.get(name, nothing) for name in QUALITY_COLUMNS[convention]}
    return frame_of(columns, pd.Index(unit_ids, name="unit_id"))
