"""``nwbin psth``: firing rates around the onset of presentations, as a picture or a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions, require_times, selection_of
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument
from nwbin.cli._parse import window_of
from nwbin.errors import ArgumentError

__all__ = ["psth"]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT", show_default=False,
        help="A picture (.png, .pdf, .svg) or a table (.csv, .parquet, .json; - for CSV on standard output). "
        "Default: psth-STIMULUS.png.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class RateOptions:
    """Which rates."""

    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMN", show_default=False,
            help="One mean for each value of a column, such as orientation.",
        ),
    ] = None  # fmt: skip
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="FROM,TO", show_default=False,
            help="Seconds from onset. Default: a little more than a presentation.",
        ),
    ] = None  # fmt: skip
    bin_width: Annotated[
        float | None,
        typer.Option("--bin", metavar="WIDTH", show_default=False, help="Width of a bin, s. Default: by window."),
    ] = None  # fmt: skip
    per_unit: Annotated[
        bool, typer.Option("--per-unit", help="Each unit by itself, not the mean over units.")
    ] = False
    closed: Annotated[
        str,
        typer.Option(
            "--closed", metavar="left|right|both",
            help="Which ends belong to a bin. Both: a spike on an inner edge counts twice.",
        ),
    ] = "left"  # fmt: skip


def _target(out: Path | None, asked: PresentationOptions, csv_as_is: bool) -> tuple[Path, bool]:
    """Where the rates go, and whether as a picture: what would be missing at the end is said before any work."""
    from nwbin._atomic import check_target
    from nwbin._names import safe_name
    from nwbin._optional import need
    from nwbin.export import TABLE_ENDINGS
    from nwbin.plot import PICTURE_ENDINGS

    if out is None:
        what = "-".join([*(asked.stimulus or []), *([asked.intervals] if asked.intervals else [])])
        out = Path(f"psth-{safe_name(what or 'none')}.png")
    ending = ".csv" if str(out) == "-" else check_target(out, [*PICTURE_ENDINGS, *TABLE_ENDINGS])[1]
    refuse_as_is(csv_as_is, out)
    pictured = ending in PICTURE_ENDINGS
    if pictured:
        need("matplotlib", "plot", f"{out}: a picture")
    return out, pictured


@expanded
def psth(
    *,
    file: FileArgument,
    out: OutOption = None,
    presentations: PresentationOptions,
    rates: RateOptions,
    csv_as_is: CsvAsIsOption = False,
    units: UnitOptions,
) -> None:
    """Average firing rates over presentations, from before their onset to after their end.

    \b
    Examples:
      nwbin psth session.nwb --stimulus flashes --by color -o flashes.png
      nwbin psth session.nwb --stimulus drifting_gratings --by orientation \\
          --structures VISp --per-unit -o units.csv
    """  # fmt: skip
    import nwbin
    from nwbin._atomic import one_of
    from nwbin.allen.null import tidy
    from nwbin.binning import CLOSED_RULES, bin_edges
    from nwbin.cli._console import output
    from nwbin.cli._provenance import provenance, provenance_of_units
    from nwbin.export import write_table
    from nwbin.plot import plot_rates, save_picture
    from nwbin.responses.psth import mean_rates, median_duration, rates_table, time_axis
    from nwbin.responses.windows import windows_around
    from nwbin.session.chosen import warn_of_recording

    out, pictured = _target(out, presentations, csv_as_is)
    if rates.bin_width is not None and not 0 < rates.bin_width < math.inf:
        raise ArgumentError(f"--bin must be more than 0 s, not {rates.bin_width:g}")
    closed = one_of("--closed", rates.closed, CLOSED_RULES)
    replaced = " (replaced)" if out.exists() else ""
    with nwbin.open(file, **units.filters()) as session:
        require_times(session, presentations)
        meant = session.select(selection_of(presentations, units))
        rows, chosen = meant
        duration = median_duration(rows)
        window = None if rates.window is None else window_of(rates.window)
        start, stop, width = time_axis(duration, window, rates.bin_width)
        trains = session.file.spike_trains(chosen.index.to_numpy())
        warn_of_recording(session, "psth", rows, windows_around(rows, (start, stop)), trains)
        means = mean_rates(
            trains, tidy(rows), bin_edges(None, (start, stop), width), by=rates.by, closed=closed
        )
        how = provenance(
            session.file, **presentations.provenance(), **provenance_of_units(meant.source, units), by=rates.by,
            window=[start, stop], bin=width, closed=closed,
        )  # fmt: skip
    averaged = counted(int(means["presentations"].sum()), "presentation")
    if pictured:
        name = ", ".join(presentations.stimulus or [str(presentations.intervals)])
        title = f"{name}: {averaged}, session {how['session_id']}"
        save_picture(plot_rates(means, per_unit=rates.per_unit, duration=duration, title=title), out)
    elif str(out) == "-":
        print_csv(rates_table(means, per_unit=rates.per_unit), as_is=csv_as_is)
        return
    else:
        write_table(rates_table(means, per_unit=rates.per_unit), out, provenance=how, csv_as_is=csv_as_is)
    conditions, bins, number = means.shape
    output().print(
        f"{out}{replaced}: {counted(number, 'unit')}, {counted(conditions, 'condition')}, {counted(bins, 'bin')} of "
        f"{width:g} s from {start:g} to {stop:g} s, {averaged}"
    )
