"""``nwbin units`` and ``nwbin stimuli``: tables to look at, or whole in a file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions, WhereOption, selection_of
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument, given
from nwbin.cli._json import JsonOption, refuse_json, say_written
from nwbin.cli._parse import ids_of, names_of
from nwbin.cli._totals import units_of_how_many
from nwbin.errors import ArgumentError, LookupFailure, NothingChosen, nearest, warn

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["stimuli", "units"]

# What one wants to see of a unit first, by the names of sessions and of plain files.
_FIRST = (
    "structure_acronym", "location", "probe_description", "firing_rate", "snr", "presence_ratio",
    "amplitude_cutoff", "isi_violations", "waveform_duration", "quality", "group", "peak_channel_id",
)  # fmt: skip

OutOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT", show_default=False,
        help="Write the whole table to a .csv, .parquet, .json or .mat file; - for CSV on standard output.",
    ),
]  # fmt: skip
HeadOption = Annotated[
    int | None,
    typer.Option(
        "--head", metavar="N", min=1, show_default=False,
        help="Print only the first N rows, and say how many there are.",
    ),
]  # fmt: skip
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", show_default=False, help="Only these columns, in this order."),
]


def _with_columns(table: pd.DataFrame, columns: str | None) -> pd.DataFrame:
    from nwbin.tables.labels import columns_named

    return columns_named(
        table, None if columns is None else names_of(columns, "--columns"), asked="--columns"
    )


def _give(
    table: pd.DataFrame, out: Path | None, what: str, provenance: dict[str, Any], *, csv_as_is: bool = False,
    as_json: bool = False, head: int | None = None, said: str,
) -> None:  # fmt: skip
    """Print a table, or its head, or write it; `said` is how many rows it has, in words."""
    from nwbin.cli._console import put
    from nwbin.export import write_table
    from nwbin.export.table_files import to_json

    if out is None and as_json:
        put(to_json(table.iloc[:head]))
        _note_what_is_left(len(table), head, said)
    elif out is None:
        _print(table, what, head, said)
    elif str(out) == "-":
        print_csv(table.iloc[:head], as_is=csv_as_is)
        _note_what_is_left(len(table), head, said)
    elif head is not None:
        raise ArgumentError(
            f"--head is for what is printed, and {out} gets the whole table: give one of them"
        )
    else:
        replaced = out.exists()
        write_table(table, out, provenance=provenance, csv_as_is=csv_as_is)
        size = f"{counted(len(table.columns), 'column')} of {said}"
        say_written(
            out, size, replaced=replaced, as_json=as_json, rows=len(table), columns=[str(c) for c in table.columns]
        )  # fmt: skip


def _note_what_is_left(rows: int, head: int | None, said: str) -> None:
    """Say on stderr, as another program has the rows, of how many they are the first."""
    from nwbin.cli._app import say

    if head is not None and head < rows:
        say("note", f"the first {head:,} of {said}")


def _print(table: pd.DataFrame, what: str, head: int | None, said: str) -> None:
    """Show a table, or its first rows, and how many there are."""
    from nwbin.cli._console import frame_table, output

    console = output()
    file = "units.csv" if what == "units" else "table.csv"
    whole = "in a pipe, | cat" if what == "stimuli" else f"-o {file}"
    frame_table(table.iloc[:head], console, for_all=whole)
    if not len(table):
        console.print(f"no {what}")
    if not console.is_terminal:
        _note_what_is_left(len(table), head, said)
    elif head is not None and head < len(table):
        console.print(f"the first {head:,} of {said}", style="dim")
    elif what == "units":
        console.print(said, style="dim")


def _meant(session: Session, asked: UnitOptions) -> pd.DataFrame:
    """The units that are meant; where none is, a note says why."""
    meant = session.select(selection_of(PresentationOptions(), asked))
    try:
        return meant.units
    except NothingChosen as nothing:
        units = meant.source.units
        if len(units):  # else it was said of the filters
            warn(str(nothing))
        return units.iloc[:0]


def _of_both(session: Session, asked: UnitOptions, where: str) -> pd.DataFrame:
    """The units that --units means and --where means too, as it could be written of old."""
    from nwbin.responses.selection import note_dropped

    warn(
        "--where is for presentations, as in the other commands; of units it is --units now, and still understood"
    )
    # Ids first: their order is kept.
    both = sorted(
        (one for one in (asked.units, where) if one is not None), key=lambda one: ids_of(one) is None
    )
    table, *others = (_meant(session, replace(asked, units=one)) for one in both)
    for other in others:
        table = table[table.index.isin(other.index)]
        conditions = [f"of {one!r}" for one in both if ids_of(one) is None]
        for ids in filter(None, map(ids_of, both)):
            note_dropped(ids, table, f"among units {' and '.join(conditions) or 'of both lists'}")
    return table


def _shown_first(table: pd.DataFrame) -> pd.DataFrame:
    """The table with what one wants to see first; of a pipe nothing else, where there is any of that."""
    first = [name for name in _FIRST if name in table.columns]
    if "structure_acronym" in first and "location" in first:
        first.remove("location")  # Visual Coding files only point elsewhere there
    rest = [name for name in table.columns if name not in first]
    return table[first + (rest if sys.stdout.isatty() or not first else [])]


def _describe(file: Any, names: list[str], out: Path | None, *, as_json: bool) -> None:
    """Say what columns mean: the first argument may be one, too, instead of a file."""
    from nwbin.cli._describing import describe_all, describe_columns, describe_file

    if out is not None:
        raise ArgumentError(
            "--describe prints; the catalogue as a table is nwbin.metrics.catalogue() in Python"
        )
    if file is None:
        describe_all(as_json=as_json)
    elif isinstance(file, str) or file.exists() or file.suffix == ".nwb":
        describe_file(file, names, as_json=as_json)
    else:
        describe_columns([str(file), *names], as_json=as_json)


@expanded
def units(
    *,
    file: Annotated[
        Any,
        typer.Argument(
            metavar="FILE", help="An NWB file, or its address on a server.", show_default=False, parser=given
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN", help="With --describe: columns.", show_default=False),
    ] = None,
    columns: ColumnsOption = None,
    head: HeadOption = None,
    out: OutOption = None,
    csv_as_is: CsvAsIsOption = False,
    as_json: JsonOption = False,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe", help="Say what columns mean: one that is named, those of a file, or all there are."
        ),
    ] = False,
    asked: UnitOptions,
    where: Annotated[str | None, typer.Option("--where", hidden=True, help="The same as --units.")] = None,
) -> None:
    """Show the units that pass AllenSDK's quality filters, or write their table to a file.

    With --describe, say what the columns of that table and of the published
    tables of metrics mean; no file is needed for that.

    \b
    Examples:
      nwbin units session.nwb \\
          --units "structure_acronym == 'VISp' and firing_rate > 1"
      nwbin units session.nwb --head 10
      nwbin units session.nwb --all -o units.csv
      nwbin units --describe isi_violations
    """
    import nwbin
    from nwbin.cli._provenance import provenance, provenance_of_units

    if describe:
        _describe(file, names or [], out, as_json=as_json)
        return
    if file is None or names:
        raise ArgumentError(
            "give one FILE; or for what a column means, its name: nwbin units --describe isi_violations"
        )
    refuse_as_is(csv_as_is, out)
    refuse_json(as_json, out)
    with nwbin.open(file, **asked.filters()) as session:
        table = _meant(session, asked) if where is None else _of_both(session, asked, where)
        how = provenance(session.file, **provenance_of_units(session.select().source, asked), where=where)
        if columns is None and out is None and not as_json:
            table = _shown_first(table)
        _give(
            _with_columns(table, columns), out, "units", how, csv_as_is=csv_as_is, as_json=as_json, head=head,
            said=units_of_how_many(session, len(table)),
        )  # fmt: skip


def stimuli(
    file: FileArgument,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A stimulus: show its presentations.", show_default=False),
    ] = None,
    where: WhereOption = None,
    columns: ColumnsOption = None,
    head: HeadOption = None,
    out: OutOption = None,
    csv_as_is: CsvAsIsOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the stimuli of a session; with a name (or --where, or -o), the presentations themselves.

    \b
    Examples:
      nwbin stimuli session.nwb
      nwbin stimuli session.nwb drifting_gratings \\
          --where "temporal_frequency == 2" -o gratings.csv
    """
    import nwbin
    from nwbin.allen.null import select
    from nwbin.cli._provenance import provenance
    from nwbin.session.overview import stimulus_overview

    refuse_as_is(csv_as_is, out)
    refuse_json(as_json, out)
    with nwbin.open(file) as session:
        known = session.stimulus_names
        if name is not None and name not in known:
            raise LookupFailure(f"{session.file.name}: has no stimulus {name!r}; {nearest(name, known)}")
        if name is None and where is None and out is None and columns is None:
            found = stimulus_overview(session)
            _give(found, None, "stimuli", {}, as_json=as_json, head=head, said=f"{len(found)} stimuli")
            return
        table = select(session.get_stimulus_table(name), where)
        how = provenance(session.file, stimulus=name, where=where)
        _give(
            _with_columns(table, columns), out, "presentations", how, csv_as_is=csv_as_is, as_json=as_json, head=head,
            said=counted(len(table), "presentation"),
        )  # fmt: skip
