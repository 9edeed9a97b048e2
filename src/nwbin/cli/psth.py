"""``nwbin psth``: firing rates around the onset of presentations, as a picture or a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument
from nwbin.cli._json import JsonOption, refuse_json, say_written
from nwbin.cli._parse import numbers_of, window_of
from nwbin.cli._pictures import MaxPanelsOption, named_after
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from nwbin.cli._chosen import Chosen

__all__ = ["psth"]

OutOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT", show_default=False,
        help="A picture (.png, .pdf, .svg) or a table (.csv, .parquet, .json, .mat; - for CSV on standard output). "
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
    edges: Annotated[
        str | None,
        typer.Option("--edges", metavar="A,B,...", show_default=False, help="Edges of bins, s from onset."),
    ] = None
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="FROM,TO", show_default=False,
            help="Seconds from onset. Default: a little more than a presentation.",
        ),
    ] = None  # fmt: skip
    bin_width: Annotated[
        float | None,
        typer.Option(
            "--bin", metavar="WIDTH", show_default=False,
            help="Width of a bin, s. Default: by window; of single units (one, or --per-unit), as wide as "
            "their spikes need.",
        ),
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

    def check(self) -> None:
        """Refuse what makes no sense, before anything is read."""
        if self.edges is not None and (self.window is not None or self.bin_width is not None):
            raise ArgumentError("give --edges, or --bin and --window, not both")
        if self.bin_width is not None and not 0 < self.bin_width < math.inf:
            raise ArgumentError(f"--bin must be more than 0 s, not {self.bin_width:g}")

    def bins(self, chosen: Chosen) -> tuple[np.ndarray[Any, Any], float | None]:
        """The edges of the bins, s from onset, and their width where it is one."""
        from nwbin.binning import bin_edges
        from nwbin.plot.answers import fitting_width
        from nwbin.responses.time_axes import time_axis

        if self.edges is not None:
            return bin_edges(numbers_of(self.edges, "--edges")), None
        duration = chosen.duration()
        window = None if self.window is None else window_of(self.window)
        start, stop, width = time_axis(duration, window, self.bin_width)
        if self.bin_width is None and (self.per_unit or len(chosen.units) == 1):
            fits = fitting_width(chosen.trains, chosen.rows, (start, stop), by=self.by, least=width)
            if fits > width:
                # Bins of that width tile a window of the user's where they can.
                start, stop, width = time_axis(duration, window, fits if window is None else None)
                tiles = window is None or abs((stop - start) / fits % 1) < 1e-9
                width = fits if tiles else width
        return bin_edges(None, (start, stop), width), width


def _target(out: Path | None, asked: PresentationOptions, csv_as_is: bool) -> tuple[Path, bool]:
    """Where the rates go, and whether as a picture: what would be missing at the end is said before any work."""
    from nwbin._atomic import check_target
    from nwbin._optional import need
    from nwbin.export import TABLE_ENDINGS
    from nwbin.plot import PICTURE_ENDINGS

    out = out or named_after("psth", asked)
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
    max_panels: MaxPanelsOption = 16,
    csv_as_is: CsvAsIsOption = False,
    as_json: JsonOption = False,
    units: UnitOptions,
) -> None:
    """Average firing rates over presentations, from before their onset to after their end.

    A table's sem is the standard error over units; of one unit, and of each
    with --per-unit, over trials.

    \b
    Examples:
      nwbin psth session.nwb --stimulus flashes --by color -o flashes.png
      nwbin psth session.nwb --stimulus drifting_gratings --by orientation \\
          --structures VISp --per-unit -o units.csv
    """  # fmt: skip
    from nwbin._atomic import one_of
    from nwbin.binning import CLOSED_RULES
    from nwbin.cli._chosen import chosen_from
    from nwbin.export import write_table
    from nwbin.plot.answers import rates_of
    from nwbin.responses.rate_tables import rates_table
    from nwbin.responses.windows import overlap_unsaid

    refuse_json(as_json, out)
    out, pictured = _target(out, presentations, csv_as_is)
    rates.check()
    closed = one_of("--closed", rates.closed, CLOSED_RULES)
    replaced = out.exists()
    with chosen_from(file, presentations, units) as chosen:
        chosen.check_one_column(rates.by)
        edges, width = rates.bins(chosen)
        ends = (float(edges[0]), float(edges[-1]))
        chosen.warn_of("psth", ends)
        with overlap_unsaid(rates.edges is None and rates.window is None):
            each = rates.per_unit and not pictured
            means, sem = rates_of(chosen.trains, chosen.rows, edges, by=rates.by, closed=closed, spread=each)
        averaged = _presentations(means["presentations"].to_numpy().tolist())
        how = chosen.provenance(
            presentations, units, by=rates.by, window=list(ends), closed=closed,
            bin=width,
            edges=edges.tolist() if width is None else None,
        )  # fmt: skip
        if pictured:
            _draw(chosen, presentations, rates, means, sem, averaged, max_panels, out)
    if not pictured:
        table = rates_table(means, per_unit=rates.per_unit, sem=sem)
        if str(out) == "-":
            print_csv(table, as_is=csv_as_is)
            return
        write_table(table, out, provenance=how, csv_as_is=csv_as_is)
    conditions, bins, number = means.shape
    of_width = "" if width is None else f" of {width:g} s"
    say_written(
        out,
        f"{counted(number, 'unit')}, {counted(conditions, 'condition')}, {counted(bins, 'bin')}{of_width} from "
        f"{ends[0]:g} to {ends[1]:g} s, {averaged}",
        replaced=replaced, as_json=as_json, units=number, conditions=means["condition"].to_numpy().tolist(),
        edges=edges.tolist(), presentations=means["presentations"].to_numpy().tolist(), closed=closed,
    )  # fmt: skip


def _presentations(of_each: list[int]) -> str:
    """How many presentations were averaged over: in all, and for each of several conditions."""
    said = counted(sum(of_each), "presentation")
    if len(of_each) < 2:
        return said
    few, many = min(of_each), max(of_each)
    return f"{said} ({f'{few:,}' if few == many else f'{few:,} to {many:,}'} each)"


def _draw(
    chosen: Chosen, presentations: PresentationOptions, rates: RateOptions, means: xr.DataArray,
    sem: xr.DataArray | None, averaged: str, most: int, out: Path,
) -> None:  # fmt: skip
    from nwbin.plot import plot_rates, save_picture
    from nwbin.plot.answers import names_in

    figure = plot_rates(
        means, per_unit=rates.per_unit, duration=chosen.duration(), title=chosen.title(presentations, averaged),
        most=most, sem=sem, names=names_in(chosen.rows, rates.by), unit_labels=chosen.structures,
    )  # fmt: skip
    save_picture(figure, out)
