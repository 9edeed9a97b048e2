"""``nwbin count``: spikes of chosen units in bins of chosen presentations, to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nwbin.cli._choosing import PresentationOptions, UnitOptions, require_times, selection_of
from nwbin.cli._counting import BinOptions, FolderOptions, OutOption, WritingOptions, refuse_standard_output
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileOrFolderArgument, is_folder
from nwbin.cli._json import JsonOption, say_written
from nwbin.cli._totals import units_of_how_many

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from nwbin.responses.counts import LabelledCounts
    from nwbin.trains import SpikeTrains

__all__ = ["count"]


@expanded
def count(
    file: FileOrFolderArgument,
    out: OutOption,
    presentations: PresentationOptions,
    bins: BinOptions,
    units: UnitOptions,
    writing: WritingOptions,
    folder: FolderOptions,
    as_json: JsonOption = False,
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
    refuse_standard_output(out)
    if is_folder(file):
        from nwbin.cli._folder import count_folder

        writing.refuse_for_folder(file)
        count_folder(file, out, presentations, bins, units, writing, folder, as_json=as_json)
        return
    import nwbin
    from nwbin._threads import share
    from nwbin.allen.null import tidy
    from nwbin.cli._console import progress
    from nwbin.cli._provenance import provenance, provenance_of_units
    from nwbin.export import write_counts
    from nwbin.session.chosen import warn_of_recording
    from nwbin.tables.labels import only_labels

    folder.refuse_for_file(file)
    writing.check_for(out)
    edges, dtype = bins.around(onsets=bool(presentations.stimulus)), writing.count_type()
    closed = bins.rule(tiled=edges is None)
    replaced = out.exists()
    with share(writing.threads), nwbin.open(file, **units.filters()) as session:
        require_times(session, presentations)
        meant = session.select(selection_of(presentations, units))
        rows = only_labels(meant.presentations, writing.label_names(), asked="--labels")
        chosen = meant.units
        trains = session.file.spike_trains(chosen.index.to_numpy())
        counts = _counts_in(
            trains, tidy(rows), edges, bins.bin_width, closed=closed, binarize=bins.binarize, dtype=dtype,
            threads=writing.threads,
        )  # fmt: skip
        warn_of_recording(session, "count", rows, counts.windows, trains)
        how = provenance(
            session.file, **presentations.provenance(), **provenance_of_units(meant.source, units),
            **bins.provenance(edges, closed),
        )  # fmt: skip
        with progress("counting") as report:
            write_counts(
                out, counts, units=chosen, layout=writing.layout or "matrix", provenance=how,
                compress=writing.compress, csv_as_is=writing.csv_as_is, progress=report,
            )  # fmt: skip
        written = (
            f"{_shape_of(counts, bool(presentations.stimulus))}; {units_of_how_many(session, len(chosen))}"
        )
    say_written(
        out, written, replaced=replaced, as_json=as_json, shape=list(counts.shape), dimensions=list(counts.dims),
        dtype=str(counts.dtype), closed=counts.closed,
    )  # fmt: skip


def _counts_in(
    trains: SpikeTrains,
    rows: pd.DataFrame,
    edges: np.ndarray[Any, Any] | None,
    width: float | None,
    **how: Any,
) -> LabelledCounts:
    """What is to be counted: in bins between these edges, or in bins of a width that tile the rows."""
    from nwbin.responses.counts import AlignedCounts
    from nwbin.responses.tiles import TiledCounts

    if edges is None:
        return TiledCounts(trains, rows, width or 0.0, **how)
    return AlignedCounts(trains, rows, edges, **how)


def _shape_of(counts: LabelledCounts, presented: bool) -> str:
    shape = " x ".join(f"{n:,}" for n in counts.shape)
    names = ["presentations" if presented else "intervals", "bins", "units"][-len(counts.shape) :]
    brackets = {"left": "[a, b)", "right": "(a, b]", "both": "[a, b]"}[counts.closed]
    return f"{shape} ({', '.join(names)}), {counts.dtype}, bins {brackets}"
