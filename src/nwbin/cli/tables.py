"""``nwbin units`` and ``nwbin stimuli``: tables to look at, or whole in a file."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._choose import (
    AllOption,
    AmplitudeOption,
    FileArgument,
    IsiOption,
    PresenceOption,
    Quality,
    StructuresOption,
    UnitsOption,
    WhereOption,
    counted,
    ids_of,
    in_structures,
    none_meets,
    note_dropped,
    open_session,
    selected_units,
)
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.errors import ArgumentError, LookupFailure, NwbinWarning, nearest

if TYPE_CHECKING:
    import pandas as pd

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
        help="Write the whole table to a .csv, .parquet or .json file; - for CSV on standard output.",
    ),
]  # fmt: skip
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", show_default=False, help="Only these columns, in this order."),
]


def _with_columns(table: pd.DataFrame, columns: str | None) -> pd.DataFrame:
    if columns is None:
        return table
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if not names:
        raise ArgumentError(f"--columns needs names with a comma between, not {columns!r}")
    for name in names:
        if name not in table.columns:
            raise LookupFailure(f"there is no column {name!r}; {nearest(name, table.columns)}")
    return table[names]


def _give(
    table: pd.DataFrame, out: Path | None, what: str, said: dict[str, Any], *, csv_as_is: bool = False
) -> None:
    """Print a table, or write it."""
    from nwbin.cli._console import frame_table, output
    from nwbin.export import write_table

    if out is None:
        console = output()
        file = "units.csv" if what == "units" else "table.csv"
        frame_table(table, console, whole="in a pipe, | cat" if what == "stimuli" else f"-o {file}")
        if not len(table):
            console.print(f"no {what}")
    elif str(out) == "-":
        print_csv(table, as_is=csv_as_is)
    else:
        write_table(table, out, provenance=said, csv_as_is=csv_as_is)
        said_of_it = f"{out}: {counted(len(table), what[:-1])}, {counted(len(table.columns), 'column')}"
        output().print(said_of_it)


def units(
    file: FileArgument,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="CONDITION|IDS",
            show_default=False,
            help="The same as --units; of both, units that both mean.",
        ),
    ] = None,
    wanted: UnitsOption = None,
    columns: ColumnsOption = None,
    out: OutOption = None,
    csv_as_is: CsvAsIsOption = False,
    structures: StructuresOption = None,
    everything: AllOption = False,
    amplitude_cutoff_maximum: AmplitudeOption = 0.1,
    presence_ratio_minimum: PresenceOption = 0.95,
    isi_violations_maximum: IsiOption = 0.5,
) -> None:
    """Show the units that pass AllenSDK's quality filters, or write their table to a file.

    \b
    Examples:
      nwbin units session.nwb \\
          --where "structure_acronym == 'VISp' and firing_rate > 1"
      nwbin units session.nwb --all -o units.csv
    """
    from nwbin.cli._provenance import provenance

    refuse_as_is(csv_as_is, out)
    quality = Quality(everything, amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum)
    with open_session(file, quality) as session:
        # Ids first: their order is kept.
        asked = sorted(
            (one for one in (wanted, where) if one is not None), key=lambda one: ids_of(one) is None
        )
        table = session.units
        for number, one in enumerate(asked):
            found = selected_units(session, one)
            if not len(found) and len(session.units):
                warnings.warn(none_meets(session, session.units, one), NwbinWarning, stacklevel=2)
            table = table[table.index.isin(found.index)] if number else found
        if structures is not None:
            table = in_structures(session, table, structures)
        others = [structures and f"in {structures}", *(f"of {one!r}" for one in asked if ids_of(one) is None)]
        for ids in filter(None, map(ids_of, asked)):
            note_dropped(ids, table, f"among units {' and '.join(filter(None, others)) or 'of both lists'}")
        said = provenance(
            session.file, **quality.provenance(session), units=wanted, where=where, structures=structures
        )
        if columns is None and out is None:
            first = [name for name in _FIRST if name in table.columns]
            if "structure_acronym" in first and "location" in first:
                first.remove("location")  # Visual Coding files only point elsewhere there
            rest = [name for name in table.columns if name not in first]
            table = table[first + (rest if sys.stdout.isatty() or not first else [])]
        _give(_with_columns(table, columns), out, "units", said, csv_as_is=csv_as_is)


def stimuli(
    file: FileArgument,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A stimulus: show its presentations.", show_default=False),
    ] = None,
    where: WhereOption = None,
    columns: ColumnsOption = None,
    out: OutOption = None,
    csv_as_is: CsvAsIsOption = False,
) -> None:
    """List the stimuli of a session; with a name (or --where, or -o), the presentations themselves.

    \b
    Examples:
      nwbin stimuli session.nwb
      nwbin stimuli session.nwb drifting_gratings \\
          --where "temporal_frequency == 2" -o gratings.csv
    """
    import nwbin
    from nwbin.cli._provenance import provenance
    from nwbin.export import select

    refuse_as_is(csv_as_is, out)
    with nwbin.open(file) as session:
        known = session.stimulus_names
        if name is not None and name not in known:
            raise LookupFailure(f"{session.file.name}: has no stimulus {name!r}; {nearest(name, known)}")
        if name is None and where is None and out is None and columns is None:
            _give(_overview(session), None, "stimuli", {})
            return
        table = select(session.get_stimulus_table(name), where)
        said = provenance(session.file, stimulus=name, where=where)
        _give(_with_columns(table, columns), out, "presentations", said, csv_as_is=csv_as_is)


def _overview(session: Any) -> pd.DataFrame:
    """One row a stimulus: how often, when, and which of its parameters vary."""
    import pandas as pd

    rows = []
    nowhen = pd.Series([], dtype=float)  # a column of which no value is known is not there
    epochs = session.get_stimulus_epochs()["stimulus_name"].value_counts()
    for name in session.stimulus_names:
        table = session.get_stimulus_table(name)
        values = session.get_parameter_values_for_stimulus(name)
        start, stop = (table.get(column, nowhen) for column in ("start_time", "stop_time"))
        varying = [f"{key} ({len(found)})" for key, found in values.items() if len(found) > 1]
        rows.append(
            {
                "presentations": len(table),
                "epochs": int(epochs.get(name, 0)),
                "from (s)": round(float(start.min()), 3),
                "to (s)": round(float(stop.max()), 3),
                "duration (s)": round(float((stop - start).dropna().median()), 4),
                "varies in (values)": ", ".join(varying),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(session.stimulus_names, name="stimulus"))
