"""A whole session, or none: everything is written under other names first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py

from nwbin._unfinished import clear_unfinished, unfinished_name
from nwbin.errors import ArgumentError, FileAccessError
from nwbin.testing import _behaviour, _table_writer
from nwbin.testing._lfp import write_lfp
from nwbin.testing._object_writer import CHUNK_ROWS, Storage
from nwbin.testing._plan import BRAIN_OBSERVATORY, Plan, make_plan
from nwbin.testing._spikes import Spikes, edge_spikes
from nwbin.testing._stimuli import Presentations, make_presentations
from nwbin.testing._tuning import Drive
from nwbin.testing._units import Probe, Unit, make_probe, make_units


def write_session(
    path: str | os.PathLike[str],
    *,
    size: str = "small",
    stimulus_set: str = BRAIN_OBSERVATORY,
    seed: int = 0,
    layout: str = "released",
    bare: bool = False,
    invalid_times: bool = True,
    lfp: bool = False,
    quirks: bool = False,
    session_id: int | None = None,
    probes: int | Sequence[str] | None = None,
    units_per_probe: int | Sequence[int] | None = None,
    channels: int | None = None,
    samples: int | None = None,
    firing_rate: float | None = None,
    repeats: float = 1.0,
    chunk_rows: int = CHUNK_ROWS,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Write a synthetic Visual Coding - Neuropixels session.

    The file has the tables, columns, types and storage of a released session, and nwbin, pynwb and AllenSDK
    read it. Units in visual areas are tuned to what is shown, those in the visual thalamus a little, others
    not at all; about half of the units pass AllenSDK's default filters. The same arguments and the same
    version of nwbin write the same bytes.

    Parameters
    ----------
    path
        The file to write. Its folder must exist.
    size
        ``"tiny"`` (2.5 MB, 2 probes, 34 units), ``"small"`` (40 MB, 130 units, enough to decode well),
        ``"medium"`` (250 MB, 200 units, the whole stimulus table) or ``"full"`` (1.7 GB, 1,005 units, 83 million
        spikes, as large as a released one).
    stimulus_set
        ``"brain_observatory_1.1"`` or ``"functional_connectivity"``.
    seed
        Decides every random draw; from 0.
    layout
        ``"released"``: contiguous arrays and int64 index columns, as people download them. ``"chunked"``:
        gzip and shuffle, the smallest unsigned index types, `probe_channel_number` in place of
        `local_index`, as newer writers leave them.
    bare
        Leave out what some released sessions lack: invalid times, eye tracking, rig geometry, optotagging.
    invalid_times
        Mark a few short intervals as invalid (for the stimulus, for probes, for optotagging).
    lfp
        Write `probe_<id>_lfp.nwb` beside the session for every probe, current source density included.
    quirks
        Add what strains a reader: overlapping presentations, gaps of a nanosecond, a presentation of no
        length, shuffled channels, and as first units of the first probe those that ``nwbin.testing.QUIRKS``
        names: spikes exactly on the edges of presentations and bins, no spikes, metrics exactly on the
        thresholds.
    session_id
        The session's number, from which probe, channel and unit ids follow. Default: from size, stimulus set
        and seed.
    probes
        How many probes (V1 first), or their names among probeA to probeF.
    units_per_probe
        One number, or one for each probe in the order of their names.
    channels, samples
        Channels of a probe (at least 16); samples of a mean waveform.
    firing_rate
        Mean rate of a unit in Hz when nothing is shown.
    repeats
        Multiplies the number of presentations of each stimulus (at least 2 are left).
    chunk_rows
        In the chunked layout, how many values of a one-dimensional array make a chunk.
    overwrite
        Replace files that are there already. Otherwise that is an error.
    progress
        Called with (units done, units) as they are written, and once before the first.

    Returns
    -------
    pathlib.Path
        The session file.

    Raises
    ------
    ArgumentError
        An argument makes no sense; it is a ValueError too.
    FileAccessError
        There is a file already, or it cannot be written; it is an OSError too. On any failure nothing is
        left behind, and a file that was there before is as it was.

    Examples
    --------
    >>> import nwbin.testing
    >>> path = nwbin.testing.write_session("synthetic.nwb", size="tiny", seed=1)
    """
    plan = make_plan(
        size=size, stimulus_set=stimulus_set, seed=seed, layout=layout, bare=bare,
        invalid_times=invalid_times, lfp=lfp, quirks=quirks, session_id=session_id, probes=probes,
        units_per_probe=units_per_probe, channels=channels, samples=samples, firing_rate=firing_rate,
        repeats=repeats,
    )  # fmt: skip
    if chunk_rows < 1:
        raise ArgumentError(f"chunk_rows={chunk_rows} must be at least 1")
    target = Path(path)
    made = [make_probe(plan, order, name) for order, name in enumerate(plan.probes)]
    beside = [target.with_name(f"probe_{probe.id}_lfp.nwb") for probe in made] if lfp else []
    if not target.parent.is_dir():
        raise FileAccessError(f"cannot write {target}: there is no folder {target.parent}")
    for file in [*beside, target]:
        if file.is_dir() or (file.exists() and not overwrite):
            raise FileAccessError(
                f"{file} exists already; give another path, or overwrite=True to replace it"
            )

    table = make_presentations(plan)
    with _all_or_nothing([*beside, target]) as parts:
        for probe, part in zip(made, parts[:-1], strict=True) if lfp else ():
            with h5py.File(part, "w") as file:
                key = f"{plan.session_id}/{plan.seed}/{probe.id}"
                write_lfp(Storage(file, layout=layout, key=key, chunk_rows=chunk_rows), plan, probe, table)
        with h5py.File(parts[-1], "w") as file:
            store = Storage(file, layout=layout, key=f"{plan.session_id}/{plan.seed}", chunk_rows=chunk_rows)
            _write_file(store, plan, table, made, progress)
    return target


def _write_file(
    store: Storage, plan: Plan, table: Presentations, probes: list[Probe],
    progress: Callable[[int, int], object] | None,
) -> None:  # fmt: skip
    end = table.end + plan.tail
    units: list[Unit] = []
    for order, (probe, count) in enumerate(zip(probes, plan.units_per_probe, strict=True)):
        units += make_units(plan, order, probe, count, len(units))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(units))

    if progress is not None:
        progress(0, len(units))
    arousal = _behaviour.slow_signal(plan, table.start)
    drive = Drive(table, arousal, begin=1.0, end=end)
    none = arousal[:0]
    edge = edge_spikes(table)
    trains = [Spikes(plan, drive, unit, edge if unit.kind == "edge" else none) for unit in units]

    _table_writer.write_header(
        store, plan, identifier=str(plan.session_id), description="Visual Coding - Neuropixels session"
    )
    _table_writer.write_electrodes(store, plan, probes)
    _table_writer.write_stimuli(store, plan, table)
    _behaviour.write_running(store, plan, end)
    if not plan.bare:
        _behaviour.write_eye(store, plan, end)
        _behaviour.write_rig(store)
        _behaviour.write_optotagging(store, plan, table.end, end)
    if plan.invalid_times:
        _behaviour.write_invalid_times(store, _behaviour.make_invalid_times(plan, table, probes, end))
    _table_writer.write_units(store, plan, units, trains, end, step)


@contextmanager
def _all_or_nothing(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Names to write under; they become `targets` when the block ends well, and vanish when it does not."""
    for target in targets:
        clear_unfinished(target)
    parts = [unfinished_name(target) for target in targets]  # two writers of one path do not meet
    try:
        yield parts
        for part, target in zip(parts, targets, strict=True):  # the session last: with it, all is there
            part.replace(target)
    except OSError as error:  # no permission, no space: HDF5 says so without the name that was asked for
        raise FileAccessError(f"cannot write {targets[-1]}: {error}") from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
