"""``nwbin psth``: firing rates around the onset of presentations, as a picture or a table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from nwbin.cli._choose import (
    AllOption,
    AmplitudeOption,
    FileArgument,
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
    note_windows,
    open_session,
    window_of,
)
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.errors import ArgumentError

__all__ = ["psth"]


def _time_axis(
    lasting: float, window: tuple[float, float] | None, width: float | None
) -> tuple[float, float, float]:
    """Start, stop and width of bins, in s: around a presentation that lasts so long, in 40 to 100 bins."""
    if not lasting > 0:  # events, or ends that nobody knows
        lasting = 1.0
    start, stop = window or (-min(0.4 * lasting, 0.5), min(1.5 * lasting, 3.0))
    if width is None:
        # 1, 2 or 5 times a power of ten
        steps = [round(m * 10.0**k, 6) for k in range(-4, 2) for m in (1, 2, 5)]
        width = next((one for one in steps if (stop - start) / one <= 100), steps[-1])
        if window is not None:
            fits = [one for one in steps if one >= width / 2 and abs((stop - start) / one % 1) < 1e-9]
            width = fits[0] if fits else (stop - start) / 80
    if window is None:
        start, stop = -max(1, round(-start / width)) * width, max(1, round(stop / width)) * width
    return float(f"{start:.12g}"), float(f"{stop:.12g}"), float(f"{width:.12g}")


def psth(
    file: FileArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            show_default=False,
            help="A picture (.png, .pdf, .svg) or a table (.csv, .parquet, .json; - for CSV on standard output). "
            "Default: psth-STIMULUS.png.",
        ),
    ] = None,
    stimulus: StimulusOption = None,
    intervals: IntervalsOption = None,
    where: WhereOption = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            show_default=False,
            help="One mean for each value of a column, such as orientation.",
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="FROM,TO",
            show_default=False,
            help="Seconds from onset. Default: a little more than a presentation.",
        ),
    ] = None,
    bin_width: Annotated[
        float | None,
        typer.Option(
            "--bin", metavar="WIDTH", show_default=False, help="Width of a bin, s. Default: by window."
        ),
    ] = None,
    per_unit: Annotated[
        bool, typer.Option("--per-unit", help="Each unit by itself, not the mean over units.")
    ] = False,
    closed: Annotated[
        str,
        typer.Option(
            "--closed",
            metavar="left|right|both",
            help="Which ends belong to a bin. Both: a spike on an inner edge counts twice.",
        ),
    ] = "left",
    csv_as_is: CsvAsIsOption = False,
    units: UnitsOption = None,
    structures: StructuresOption = None,
    everything: AllOption = False,
    amplitude_cutoff_maximum: AmplitudeOption = 0.1,
    presence_ratio_minimum: PresenceOption = 0.95,
    isi_violations_maximum: IsiOption = 0.5,
) -> None:
    """Average firing rates over presentations, from before their onset to after their end.

    \b
    Examples:
      nwbin psth session.nwb --stimulus flashes --by color -o flashes.png
      nwbin psth session.nwb --stimulus drifting_gratings --by orientation \\
          --structures VISp --per-unit -o units.csv
    """  # fmt: skip
    from nwbin._names import safe_name
    from nwbin.cli._console import output
    from nwbin.cli._provenance import provenance
    from nwbin.export import mean_rates, rates_table, regular_edges, write_table
    from nwbin.export._table import TABLE_ENDINGS
    from nwbin.export._whole import check_target, need, one_of
    from nwbin.plot import PICTURE_ENDINGS, plot_rates, save_picture

    if out is None:
        what = "-".join([*(stimulus or []), *([intervals] if intervals else [])])
        out = Path(f"psth-{safe_name(what or 'none')}.png")
    printed = str(out) == "-"
    ending = ".csv" if printed else check_target(out, [*PICTURE_ENDINGS, *TABLE_ENDINGS])[1]
    refuse_as_is(csv_as_is, out)
    if ending in PICTURE_ENDINGS:
        need("matplotlib", "plot", f"{out}: a picture")
    if bin_width is not None and not 0 < bin_width < math.inf:
        raise ArgumentError(f"--bin must be more than 0 s, not {bin_width:g}")
    one_of("--closed", closed, ("left", "right", "both"))
    quality = Quality(everything, amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum)
    replaced = " (replaced)" if out.exists() else ""
    with open_session(file, quality) as session:
        rows, said = chosen_presentations(session, stimulus, intervals, where)
        chosen = chosen_units(session, units, structures)
        lasting = 0.0
        if "stop_time" in rows.columns:
            lasting = float((rows["stop_time"] - rows["start_time"]).dropna().median())
        start, stop, width = _time_axis(lasting, None if window is None else window_of(window), bin_width)
        edges = regular_edges(start, stop, width)
        trains = session.file.spike_trains(chosen.index.to_numpy())
        note_windows(session, chosen, trains, rows, (start, stop))
        rates = mean_rates(trains, rows, edges, by=by, closed=closed)
        how = provenance(
            session.file,
            **said,
            **quality.provenance(session),
            units=units,
            structures=structures,
            by=by,
            window=[start, stop],
            bin=width,
            closed=closed,
        )
        name = ", ".join(stimulus or [str(intervals)])
        if ending in PICTURE_ENDINGS:
            title = f"{name}: {counted(int(rates['presentations'].sum()), 'presentation')}, session {how['session_id']}"
            save_picture(plot_rates(rates, per_unit=per_unit, duration=lasting, title=title), out)
        else:
            table = rates_table(rates, per_unit=per_unit)
            if printed:
                print_csv(table, as_is=csv_as_is)
                return
            write_table(table, out, provenance=how, csv_as_is=csv_as_is)
    conditions, bins, number = rates.shape
    output().print(
        f"{out}{replaced}: {counted(number, 'unit')}, {counted(conditions, 'condition')}, {counted(bins, 'bin')} of "
        f"{width:g} s from {start:g} to {stop:g} s, {counted(int(rates['presentations'].sum()), 'presentation')}"
    )
