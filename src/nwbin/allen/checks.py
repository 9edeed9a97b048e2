"""What a Visual Coding session can be checked for besides: places of its units, times that it calls invalid."""

from __future__ import annotations

import numpy as np

from nwbin.allen.invalid import invalid_times, ranges
from nwbin.allen.places import probe_table
from nwbin.allen.units import unit_order
from nwbin.errors import NwbinError
from nwbin.nwb import schema
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.file import File
from nwbin.nwb.file_checks import Checked
from nwbin.nwb.findings import NOTE, WARNING, Findings, counted, have

__all__ = ["check_session"]


def check_session(file: File, findings: Findings, checked: Checked) -> None:
    """Look at what a session takes from a file that was checked for what any file has.

    Parameters
    ----------
    file
        The file.
    findings
        Where what is found goes.
    checked
        What :func:`nwbin.nwb.file_checks.check_file` found there to be.
    """
    if checked.units is not None and checked.electrodes is not None:
        _check_places(file, findings, checked.units, checked.electrodes)
    if "invalid_times" in checked.intervals:
        _check_invalid_times(file, findings)


def _check_places(file: File, findings: Findings, units: DynamicTable, electrodes: DynamicTable) -> None:
    """Check that the units' peak channels are electrodes of the file, and those on probes that it has."""
    peak = "peak_channel_id"
    try:
        if peak not in units.columns or "probe_id" not in electrodes.columns:
            return
        channels, probe_of = units.column(peak), electrodes.column("probe_id")
    except NwbinError:
        return  # found with the columns
    if any(values.ndim != 1 or values.dtype.kind not in "iu" for values in (channels, probe_of)):
        return
    try:
        probes = probe_table(file)
    except NwbinError as error:
        findings.caught(schema.ELECTRODE_GROUPS, error)
        return
    if probes.empty:  # then nothing is left out
        return
    no_channel = ~np.isin(channels, electrodes.ids)
    kept = np.zeros(len(channels), dtype=bool)
    kept[unit_order(file, channels, probes)] = True
    for wrong, what in (
        (no_channel, "a peak channel that is no electrode of the file"),
        (~kept & ~no_channel, "a peak channel on a probe that the file does not have"),
    ):
        ids = units.ids[wrong].tolist()
        if ids:
            findings.add(
                WARNING,
                f"{schema.UNITS}/{peak}",
                f"{len(ids)} of {counted(len(units), 'unit')} {have(len(ids))} {what}: {findings.some(ids)}",
                "session.units leaves them out; nwbin.File reads their spikes",
            )


def _check_invalid_times(file: File, findings: Findings) -> None:
    """Note which times the file itself calls invalid."""
    try:
        invalid = invalid_times(file)
        start, stop = (invalid[name].to_numpy(np.float64) for name in ("start_time", "stop_time"))
    except (NwbinError, KeyError, ValueError, TypeError):
        return  # found with its columns
    known = np.isfinite(start) & np.isfinite(stop)
    if not known.any():
        return
    # Together: those of several probes may overlap.
    order = np.argsort(start[known])
    start, stop = start[known][order], np.maximum.accumulate(stop[known][order])
    begin = np.maximum(start, np.concatenate([[-np.inf], stop[:-1]]))
    said = f"{counted(len(invalid), 'row')}, which cover {np.maximum(stop - begin, 0).sum():.6g} s"
    if "tags" in invalid.columns and all(len(tags) for tags in invalid["tags"]):
        said += f": {ranges(invalid)}"
    else:
        said += f" from {start[0]:.6g} to {stop[-1]:.6g} s"
    findings.add(
        NOTE,
        f"{schema.INTERVALS}/invalid_times",
        said,
        "spikes in them are not left out: exclude them where they matter",
    )
