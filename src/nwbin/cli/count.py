"""``nwbin count``: spikes of chosen units in bins of chosen presentations, to a file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._choose import (
    AllOption,
    AmplitudeOption,
    FileOrFolderArgument,
    IntervalsOption,
    IsiOption,
    PresenceOption,
    Quality,
    StimulusOption,
    StructuresOption,
    UnitsOption,
    WhereOption,
    chosen_presentations,
    chosen_units,
    counted,
    how_many_units,
    is_folder,
    note_windows,
    numbers,
    open_session,
    window_of,
)
from nwbin.cli._csv import CsvAsIsOption, refuse_as_is
from nwbin.errors import ArgumentError, ArgumentTypeError, NwbinWarning

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["count"]

_BINS, _OUT, _MANY = "Which bins", "How to write", "Many sessions"


def _edges(
    edges: str | None, bin_width: float | None, window: str | None, stimulus: bool
) -> np.ndarray[Any, Any] | None:
    """The edges that were asked for; None where bins are to tile each interval."""
    import numpy as np

    from nwbin.export import regular_edges

    if edges is not None:
        if bin_width is not None or window is not None:
            raise ArgumentError("give --edges, or --bin and --window, not both")
        return np.asarray(numbers(edges, "--edges"))
    if window is not None:
        start, stop = window_of(window)
        return regular_edges(start, stop, bin_width) if bin_width is not None else np.asarray([start, stop])
    if bin_width is None:
        raise ArgumentError(
            "say which bins: --edges 0,0.05,0.1, or --window 0,0.25, or --bin 0.05 --window 0,0.5"
        )
    if stimulus:
        raise ArgumentError(
            f"--bin {bin_width:g} needs a window around the onset of each presentation, such as --window 0,0.5"
        )
    return None


def _dtype(name: str | None) -> np.dtype[Any] | None:
    import numpy as np

    if name is None:
        return None
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "iufb":
        raise ArgumentTypeError(
            f"--dtype {name!r} is no kind of number; try uint8, uint16, uint32, float32 or bool"
        )
    return dtype


def _labelled(rows: pd.DataFrame, labels: str | None) -> pd.DataFrame:
    """The rows with only the labels that were asked for, and their times."""
    if labels is None:
        return rows
    from nwbin.errors import LookupFailure, nearest

    names = [one.strip() for one in labels.split(",") if one.strip() and one.strip() != "none"]
    for name in names:
        if name not in rows.columns:
            raise LookupFailure(f"--labels: there is no column {name!r}; {nearest(name, rows.columns)}")
    times = [name for name in ("start_time", "stop_time") if name in rows.columns and name not in names]
    return rows[[*times, *names]]


def _refuse(given: dict[str, Any], why: str) -> None:
    """Raise if any of these options was given: passed over, it would not do what one thinks it did."""
    for option, value in given.items():
        if value is not None:
            raise ArgumentError(f"{option} {why}")


def count(
    file: FileOrFolderArgument,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            show_default=False,
            help="Ends in .npz, .nc, .csv or .parquet; .zarr for a folder of sessions.",
        ),
    ],
    stimulus: StimulusOption = None,
    intervals: IntervalsOption = None,
    where: WhereOption = None,
    edges: Annotated[
        str | None,
        typer.Option(
            "--edges",
            metavar="A,B,...",
            rich_help_panel=_BINS,
            show_default=False,
            help="Edges, s from onset.",
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="FROM,TO",
            rich_help_panel=_BINS,
            show_default=False,
            help="One bin, s from onset; with --bin, as many as fit exactly.",
        ),
    ] = None,
    bin_width: Annotated[
        float | None,
        typer.Option(
            "--bin",
            metavar="WIDTH",
            rich_help_panel=_BINS,
            show_default=False,
            help="Width of a bin, s. With --intervals and no window, bins tile each interval from its start.",
        ),
    ] = None,
    closed: Annotated[
        str | None,
        typer.Option(
            "--closed",
            metavar="left|right|both",
            rich_help_panel=_BINS,
            show_default=False,
            help="Which ends belong to a bin. Default: both around onsets, as in AllenSDK (a spike on an inner edge"
            " counts twice); left where bins tile intervals (every spike counts once).",
        ),
    ] = None,
    binarize: Annotated[
        bool, typer.Option("--binarize", rich_help_panel=_BINS, help="1 where there is any spike.")
    ] = False,
    units: UnitsOption = None,
    structures: StructuresOption = None,
    everything: AllOption = False,
    amplitude_cutoff_maximum: AmplitudeOption = 0.1,
    presence_ratio_minimum: PresenceOption = 0.95,
    isi_violations_maximum: IsiOption = 0.5,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            metavar="TYPE",
            rich_help_panel=_OUT,
            show_default=False,
            help="Of the counts. Default: uint16; uint8 if binarized.",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="matrix|long",
            rich_help_panel=_OUT,
            show_default=False,
            help="Of tables: a column for each unit (matrix, the default), or a row for each count (long).",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="A,B",
            rich_help_panel=_OUT,
            show_default=False,
            help="Columns of the presentations to keep as labels (default: all; none).",
        ),
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress", rich_help_panel=_OUT, help="Compress an .npz: smaller and slower.")
    ] = False,
    csv_as_is: CsvAsIsOption = False,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            metavar="N",
            min=1,
            rich_help_panel=_OUT,
            show_default=False,
            help="Default: one for each core.",
        ),
    ] = None,
    sessions: Annotated[
        str | None,
        typer.Option(
            "--sessions",
            metavar="CONDITION",
            rich_help_panel=_MANY,
            show_default=False,
            help="Of a folder: only sessions that meet a condition (\"session_type == 'functional_connectivity'\"), "
            "or ids with a comma between.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            rich_help_panel=_MANY,
            show_default=False,
            help="Processes on this machine. Default: one for each core.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            rich_help_panel=_MANY,
            show_default=False,
            help="Work on a Dask cluster: tcp://host:port, or a scheduler file.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            rich_help_panel=_MANY,
            help="Of a folder: count every session again, whatever is there.",
        ),
    ] = False,
) -> None:
    """Count spikes in bins around the start of each presentation, for each unit, and write them to a file.

    Where --bin is given with --intervals and no --window, bins tile every
    interval from its start as far as whole bins fit, and those of all
    intervals follow one another: counts are (bins, units), and each bin names
    its interval. Otherwise counts are (presentations, bins, units). The file
    appears whole or not at all; one there is replaced.

    \b
    Examples:
      nwbin count session.nwb --stimulus static_gratings --window 0.01,0.25 \\
          --units "firing_rate > 1" -o x.npz
      nwbin count session.nwb --stimulus flashes --bin 0.001 --window -0.1,0.4 \\
          --where "color == 1" -o flashes.nc
      nwbin count other.nwb --intervals epochs --bin 0.05 -o epochs.csv
      nwbin count ecephys_cache_dir --stimulus flashes --window 0,0.25 \\
          --structures VISp,LGd -o flashes.zarr
    """  # fmt: skip
    from nwbin._kernels.threads import share
    from nwbin.cli._console import output, progress
    from nwbin.cli._provenance import provenance
    from nwbin.export import COUNT_ENDINGS, Tiles, Windows, write_counts
    from nwbin.export._whole import check_target, one_of

    if is_folder(file):
        from nwbin.cli._folder import count_folder

        of_a_file = {"--format": layout, "--labels": labels, "--compress": compress or None,
                     "--csv-as-is": csv_as_is or None}  # fmt: skip
        _refuse(of_a_file, f"is for a single file, and {file} is a folder")
        if stimulus and intervals is not None:
            raise ArgumentError("give --stimulus NAME, or --intervals TABLE for another table, not both")
        named = [stimulus] if isinstance(stimulus, str) else list(stimulus or []) or None
        count_folder(
            file, out, stimulus=[intervals] if intervals is not None else named,
            edges=_edges(edges, bin_width, window, bool(stimulus)), presentations=where, units=units,
            closed=one_of("--closed", closed or "both", ("left", "right", "both")), binarize=binarize,
            dtype=None if dtype is None else str(_dtype(dtype)), threads=threads,
            quality=Quality(everything, amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum),
            sessions=sessions, structures=structures, workers=workers, scheduler=scheduler,
            overwrite=overwrite,
        )  # fmt: skip
        return
    of_a_folder = {"--sessions": sessions, "--workers": workers, "--scheduler": scheduler}
    of_a_folder["--overwrite"] = overwrite or None
    _refuse(of_a_folder, f"is for a folder of sessions, and {file} is not one")
    if out.suffix.lower() == ".zarr":
        raise ArgumentError(
            f"{out}: a Zarr store is for a folder of sessions; of a single file give a name in "
            f"{', '.join(COUNT_ENDINGS)}"
        )
    check_target(out, COUNT_ENDINGS)
    refuse_as_is(csv_as_is, out)
    if compress and out.suffix.lower() != ".npz":
        raise ArgumentError(
            f"--compress is for .npz; {out.suffix.lower()} is compressed by itself, or is text"
        )
    layout = layout or "matrix"
    one_of("--format", layout, ("matrix", "long"))
    bounds, kind = _edges(edges, bin_width, window, bool(stimulus)), _dtype(dtype)
    rule = one_of("--closed", closed or ("left" if bounds is None else "both"), ("left", "right", "both"))
    quality = Quality(everything, amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum)
    replaced = " (replaced)" if out.exists() else ""
    with share(threads), open_session(file, quality) as session:
        rows, said = chosen_presentations(session, stimulus, intervals, where)
        chosen = chosen_units(session, units, structures)
        rows = _labelled(rows, labels)
        trains = session.file.spike_trains(chosen.index.to_numpy())
        plan: Windows | Tiles
        if bounds is None:
            assert bin_width is not None
            plan = Tiles(trains, rows, bin_width, closed=rule, binarize=binarize, dtype=kind, threads=threads)
            short = int((plan.bins == 0).sum())
            if short:
                warnings.warn(
                    f"{counted(short, 'interval')} shorter than a bin, without any counts",
                    NwbinWarning,
                    stacklevel=2,
                )
        else:
            plan = Windows(trains, rows, bounds, closed=rule, binarize=binarize, dtype=kind, threads=threads)
        note_windows(session, chosen, trains, rows, None if bounds is None else (bounds[0], bounds[-1]))
        of_how_many = how_many_units(session, chosen)
        how = provenance(
            session.file, **said, **quality.provenance(session), units=units, structures=structures, closed=rule,
            binarize=binarize or None,
            bin_width=bin_width if bounds is None else None,
            edges=bounds.tolist() if bounds is not None and bounds.size <= 64 else None,
            window=window, bin=bin_width,
        )  # fmt: skip
        with progress("counting") as report:
            write_counts(
                out, plan, units=chosen, layout=layout, provenance=how, compress=compress, csv_as_is=csv_as_is,
                progress=report,
            )  # fmt: skip
    shape = " x ".join(f"{n:,}" for n in plan.shape)
    names = ["presentations" if stimulus else "intervals", "bins", "units"][-len(plan.shape) :]
    brackets = {"left": "[a, b)", "right": "(a, b]", "both": "[a, b]"}[rule]
    output().print(
        f"{out}{replaced}: {shape} ({', '.join(names)}), {plan.dtype}, bins {brackets}; {of_how_many}"
    )
