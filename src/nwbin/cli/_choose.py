"""Which units, which presentations: options that several commands share, and what they mean."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.errors import ArgumentError, FormatError, LookupFailure, NwbinWarning, nearest

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session
    from nwbin.trains import SpikeTrains

__all__ = [
    "Quality",
    "chosen_presentations",
    "chosen_units",
    "ids_of",
    "note_dropped",
    "numbers",
    "open_session",
    "window_of",
]

_UNITS = "Which units"
_SHOWN = 3  # units of which is said why they are left out
UNITS_HELP = (
    "Only units that meet a condition, such as \"structure_acronym == 'VISp' and firing_rate > 1\"; "
    "or these, in this order: 950910007,950930110."
)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="An NWB file.", show_default=False)]
FileOrFolderArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="An NWB file, or a folder of sessions.", show_default=False)
]
UnitsOption = Annotated[
    str | None,
    typer.Option(
        "--units", metavar="CONDITION|IDS", rich_help_panel=_UNITS, show_default=False,
        help=UNITS_HELP,
    ),
]  # fmt: skip
StructuresOption = Annotated[
    str | None,
    typer.Option(
        "--structures", metavar="A,B", rich_help_panel=_UNITS, show_default=False,
        help="Only units in these brain structures, such as VISp,LGd.",
    ),
]  # fmt: skip
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", show_default=False,
        help="Only presentations or intervals that meet a condition, such as "
        "\"orientation != 'null' and contrast > 0.5\".",
    ),
]  # fmt: skip


def _no_bound_with_all(ctx: typer.Context, param: typer.CallbackParam, value: float) -> float:
    """Refuse a bound beside --all, under which it would not be applied; 0, no bound, says the same."""
    source = ctx.get_parameter_source(str(param.name))
    if value and ctx.params.get("everything") and source is not None and source.name == "COMMANDLINE":
        raise ArgumentError(f"{param.opts[0]} {value:g} is a quality filter, and --all is for none: give one")
    return value


AllOption = Annotated[
    bool,
    typer.Option(  # eager: known when the bounds are looked at
        "--all", rich_help_panel=_UNITS, is_eager=True, help="All units of the file: no quality filters."
    ),
]
AmplitudeOption = Annotated[
    float,
    typer.Option(
        "--amplitude-cutoff-maximum",
        rich_help_panel=_UNITS,
        callback=_no_bound_with_all,
        help="Only units whose amplitude_cutoff is at most this; 0 for no bound.",
    ),
]
PresenceOption = Annotated[
    float,
    typer.Option(
        "--presence-ratio-minimum",
        rich_help_panel=_UNITS,
        callback=_no_bound_with_all,
        help="Only units whose presence_ratio is at least this; 0 for no bound.",
    ),
]
IsiOption = Annotated[
    float,
    typer.Option(
        "--isi-violations-maximum",
        rich_help_panel=_UNITS,
        callback=_no_bound_with_all,
        help="Only units whose isi_violations is at most this; 0 for no bound.",
    ),
]
StimulusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stimulus", metavar="NAME", show_default=False, help="A stimulus; may be given several times."
    ),
]
IntervalsOption = Annotated[
    str | None,
    typer.Option(
        "--intervals", metavar="TABLE", show_default=False,
        help="Instead of a stimulus, any table of intervals: trials, epochs.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """Which units to keep before any condition; the defaults are AllenSDK's."""

    everything: bool = False
    amplitude_cutoff_maximum: float = 0.1
    presence_ratio_minimum: float = 0.95
    isi_violations_maximum: float = 0.5
    said: dict[str, Any] = field(default_factory=dict)

    def provenance(self, session: Session) -> dict[str, Any]:
        """The filters that were applied: those whose column the file has."""
        if self.everything:
            return {"unit_filters": "none"}
        filters = {
            "amplitude_cutoff_maximum": ("amplitude_cutoff", self.amplitude_cutoff_maximum),
            "presence_ratio_minimum": ("presence_ratio", self.presence_ratio_minimum),
            "isi_violations_maximum": ("isi_violations", self.isi_violations_maximum),
            "quality": ("quality", "good"),
        }
        stored = session.file.table("units")
        applied = {name: value for name, (column, value) in filters.items() if column in stored}
        if "peak_channel_id" in stored and {"probe_id", "structure_acronym"} <= set(session.channels.columns):
            applied["in_brain"] = True
        return {"unit_filters": applied or "none"}


def is_folder(path: Path) -> bool:
    """Whether many sessions are meant: a folder, or the manifest.json by which AllenSDK opens its cache."""
    return path.is_dir() or (path.name == "manifest.json" and path.is_file())


def open_session(path: Path, quality: Quality) -> Session:
    """Open a file with these filters; with none of them, also units whose metrics are missing."""
    import nwbin

    if not quality.everything:
        return nwbin.open(
            path,
            amplitude_cutoff_maximum=quality.amplitude_cutoff_maximum,
            presence_ratio_minimum=quality.presence_ratio_minimum,
            isi_violations_maximum=quality.isi_violations_maximum,
        )
    return nwbin.open(
        path, filter_by_metrics=False, filter_by_validity=False, filter_out_of_brain_units=False
    )


def names_of(text: str) -> list[str]:
    """Read "VISp,LGd"."""
    names = [one.strip() for one in text.split(",") if one.strip()]
    if not names:
        raise ArgumentError(f"--structures needs names with a comma between, such as VISp,LGd; not {text!r}")
    return names


def in_structures(session: Session, units: pd.DataFrame, structures: str) -> pd.DataFrame:
    """The units in some structures ("VISp,LGd"); a structure without any unit of the session is an error."""
    names, column = names_of(structures), structure_column(session.units)
    if column is None:
        raise LookupFailure(f"{session.file.name}: does not say which structures its units lie in")
    known = sorted({one for one in session.units[column] if isinstance(one, str) and one})
    for name in names:
        if name not in known:
            out = _left_out(session, f"`{column}` == {name!r}")
            hint = f"{counted(out, 'unit')} in it {are(out)} left out by the filters: --all" if out else ""
            for one in known:
                if one.casefold() == name.casefold():
                    hint = f"did you mean {one!r}?"
            raise LookupFailure(
                f"{session.file.name}: none of its {counted(len(session.units), 'unit')} is in {name!r}; "
                f"{hint or nearest(name, known)}"
            )
    return units[units[column].isin(names).to_numpy()]


def _left_out(session: Session, condition: str) -> int:
    """How many units meet a condition if no filter leaves any out."""
    from nwbin.export import select

    if len(session.units) == len(session.file.unit_ids):
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NwbinWarning)
        with open_session(Path(session.file.name), Quality(everything=True)) as whole:
            return len(select(whole.units, condition))


def structure_column(units: pd.DataFrame) -> str | None:
    """The column that says where units lie, in files that have one."""
    names = ("ecephys_structure_acronym", "structure_acronym", "location")
    return next((name for name in names if name in units.columns), None)


def ids_of(text: str | None) -> list[int] | None:
    """Read "950910007,950930110", with commas, blanks or both between; None where it is a condition."""
    # A condition names a column, or compares; what is of digits and signs alone was meant as ids.
    if text is None or not re.fullmatch(r"[\s\d.,;+\-()\[\]]*\d[\s\d.,;+\-()\[\]]*", text):
        return None
    listed, such = text.strip(), "such as 950910007,950930110"
    if listed[0] in "([" or listed[-1] in ")]":
        if listed[0] + listed[-1] not in ("()", "[]"):
            raise ArgumentError(f"the unit ids {text!r} have a bracket without its other; write them {such}")
        listed = listed[1:-1]
    named = [one for one in re.split(r"[\s,;]+", listed) if one]
    if wrong := [one for one in named if not one.isdecimal()]:
        raise ArgumentError(
            f"there is no unit {first_of(wrong, _SHOWN)}: the ids of units are whole numbers, {such}"
        )
    ids = [int(one) for one in named]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ArgumentError(f"the unit ids {text!r} name {first_of(map(str, twice), _SHOWN)} more than once")
    return ids


def selected_units(session: Session, wanted: str | None) -> pd.DataFrame:
    """The units that meet a condition, or those of some ids in their order; an id that is not there is an error."""
    from nwbin.export import select

    ids = ids_of(wanted)
    if ids is None:
        return select(session.units, wanted)
    name, units = session.file.name, session.units
    stored = set(session.file.unit_ids.tolist())
    if unknown := [one for one in ids if one not in stored]:
        raise LookupFailure(
            f"{name}: has no {'unit' if len(unknown) == 1 else 'units'} {first_of(map(str, unknown))}; "
            "for its ids: nwbin units FILE --all"
        )
    kept = set(units.index.tolist())
    if out := [one for one in ids if one not in kept]:
        raise LookupFailure(f"{name}: {_why_left_out(session, out)}")
    return units.loc[ids]


def _why_left_out(session: Session, ids: Sequence[int]) -> str:
    """Say of some units which filters leave them out, and which options would keep them."""
    from nwbin.allen.left_out import why_left_out

    found = why_left_out(
        session.file, session.filters, ids, bound_as=lambda name, value: f"{_option(name)} {value:g}"
    )
    said = [
        f"unit {one} is left out: {'; '.join(why.reasons)}"
        for one, why in zip(ids[:_SHOWN], found, strict=False)
    ]
    if len(ids) > _SHOWN:
        more = len(ids) - _SHOWN
        said.append(f"{counted(more, 'more unit')} {are(more)} left out")
    kept = [why for why in found if not why.lacks_place]
    if kept:
        keep = "to keep it" if len(ids) == 1 else "to keep them"
        if len(kept) < len(ids):
            keep = f"to keep {len(kept)} of them"
        names = list(dict.fromkeys(name for why in kept for name in why.keeping))
        no_option = any(name.startswith("filter_") for name in names)
        lifted = " ".join(f"{_option(name)} 0" for name in names)
        said.append(
            f"{keep}: --all"
            if no_option or len(ids) > _SHOWN
            else f"{keep}: {lifted}, or --all for no filters"
        )
    if len(kept) < len(ids):
        said.append("no option keeps a unit without its channel or probe")
    return "; ".join(said)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def chosen_units(session: Session, wanted: str | None, structures: str | None = None) -> pd.DataFrame:
    """The units in some structures ("VISp,LGd") that meet a condition or have these ids; none is an error."""
    units = session.units
    name = session.file.name
    if not len(units) and ids_of(wanted) is None:
        raise LookupFailure(
            f"{name}: none of its {counted(len(session.file.unit_ids), 'unit')} passes the filters; try --all"
        )
    chosen = selected_units(session, wanted)
    if structures is not None:
        units, chosen = (in_structures(session, table, structures) for table in (units, chosen))
    if len(chosen):
        note_dropped(ids_of(wanted), chosen, f"among units in {structures}")
        return chosen
    assert wanted is not None
    if ids_of(wanted) is not None:
        raise LookupFailure(f"{name}: none of the units {wanted} is in {structures}")
    raise LookupFailure(none_meets(session, units, wanted))


def note_dropped(ids: Sequence[int] | None, chosen: pd.DataFrame, why: str) -> None:
    """Note units that were named by their ids and are not among those that another option chose."""
    if dropped := [str(one) for one in ids or () if one not in chosen.index]:
        one = len(dropped) == 1
        warnings.warn(
            f"{'unit' if one else 'units'} {first_of(dropped)} {are(len(dropped))} not {why}, and left out",
            NwbinWarning,
            stacklevel=2,
        )


def none_meets(session: Session, units: pd.DataFrame, wanted: str) -> str:
    """Say that no unit meets a condition, which values there are, and how many the filters left out."""
    out = _left_out(session, wanted)
    hint = (
        f"; {counted(out, 'unit')} left out by the filters {'does' if out == 1 else 'do'}: --all"
        if out
        else ""
    )
    return (
        f"{session.file.name}: none of {counted(len(units), 'unit')} meets {wanted!r}"
        f"{_what_there_is(units, wanted)}{hint}"
    )


def chosen_presentations(
    session: Session, stimulus: list[str] | None, intervals: str | None, condition: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The presentations of a stimulus, or the rows of a table of intervals, and how they were chosen."""
    from nwbin.export import select

    if bool(stimulus) == bool(intervals):
        both = "either --stimulus or --intervals, not both" if stimulus else "say which times"
        others = [name for name in session.file.intervals if not name.endswith("_presentations")]
        raise ArgumentError(
            f"{both}: --stimulus NAME ({first_of(session.stimulus_names)}), or --intervals TABLE for another table "
            f"({first_of(others)})"
        )
    if stimulus:
        known = session.stimulus_names
        for name in stimulus:
            if name not in known:
                parts = [part.strip() for part in name.split(",")]
                hint = nearest(name, known)
                if len(parts) > 1 and set(parts) <= set(known):
                    hint = f"for several, write {' '.join(f'--stimulus {part}' for part in parts)}"
                raise LookupFailure(f"{session.file.name}: has no stimulus {name!r}; {hint}")
        table, what = session.get_stimulus_table(stimulus), f"stimulus {', '.join(stimulus)}"
        said: dict[str, Any] = {"stimulus": stimulus}
    else:
        assert intervals is not None
        tables = session.file.intervals
        if intervals not in tables and intervals in session.stimulus_names:
            raise LookupFailure(
                f"{session.file.name}: has no intervals table {intervals!r}; it is a stimulus: --stimulus {intervals}"
            )
        table, what = tables[intervals], f"table {intervals!r}"
        said = {"intervals": intervals}
    chosen = select(table, condition)
    if condition:
        said["where"] = condition
    if not len(chosen):
        if condition is None:
            raise LookupFailure(f"{session.file.name}: {what} has no rows")
        raise LookupFailure(
            f"{session.file.name}: none of {counted(len(table), 'row')} of {what} meets {condition!r}"
            f"{_what_there_is(table, condition)}"
        )
    if "start_time" not in chosen.columns:
        raise FormatError(f"{session.file.name}: {what} has no start_time; its rows cannot be placed in time")
    absent = chosen["start_time"].isna().to_numpy()
    number = int(absent.sum())
    if number == len(chosen):
        raise LookupFailure(f"{session.file.name}: no row of {what} that was chosen has a start_time")
    if number:
        warnings.warn(
            f"{counted(number, 'row')} of {what} {'has' if number == 1 else 'have'} no start_time and "
            f"{are(number)} left out",
            NwbinWarning,
            stacklevel=2,
        )
        chosen = chosen[~absent]
    return chosen, said


def note_windows(
    session: Session,
    units: pd.DataFrame,
    trains: SpikeTrains,
    rows: pd.DataFrame,
    window: tuple[float, float] | None,
) -> None:
    """Note windows (s from each start; None: the intervals) in invalid times, past the end, or far too long."""
    import numpy as np

    from nwbin.allen.invalid import overlapping, tagged
    from nwbin.allen.responses import too_long

    start = rows["start_time"].to_numpy(np.float64)
    lasting = np.zeros(0)
    if "stop_time" in rows.columns:
        lasting = rows["stop_time"].to_numpy(np.float64) - start
    if window is None:
        stop = start + lasting
    else:
        start, stop = start + window[0], start + window[1]
    said = []
    number = len(rows)
    what = "presentation" if rows.index.name == "stimulus_presentation_id" else "interval"
    column = "probe_description"
    probes = units[column].unique() if column in units.columns else session.probes["description"]
    hit = int(overlapping(start, stop, tagged(session.invalid_times, ["all_probes", *probes])).sum())
    if hit:
        said.append(
            f"{hit:,} of {counted(number, what)} overlap{'s' * (hit == 1)} times during which spikes of "
            "these units' probes are invalid (see invalid_times); they are not left out"
        )
    if window is not None and (note := too_long(window, lasting, what)):
        said.append(note)
    last = max((float(spikes[-1]) for spikes in trains.values() if len(spikes)), default=None)
    late = 0 if last is None else int((start > last).sum())
    if late:
        said.append(
            f"{late:,} of {counted(number, 'window')} start{'s' * (late == 1)} after the last spike of these units "
            f"({last:.6g} s)"
        )
    for one in said:
        warnings.warn(one, NwbinWarning, stacklevel=2)


def how_many_units(session: Session, units: pd.DataFrame) -> str:
    """How many units were chosen, and of how many."""
    passing, stored = len(session.units), len(session.file.unit_ids)
    of_file = f"{stored:,} in the file"
    if passing < stored:
        of_file = f"{passing:,} that pass the filters ({of_file})"
    return f"{counted(len(units), 'unit')} of {of_file}"


def counted(number: int, what: str) -> str:
    """A number and its noun, such as "1 session"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def are(number: int) -> str:
    """The verb after a number."""
    return "is" if number == 1 else "are"


def first_of(names: Iterable[str], most: int = 12) -> str:
    """Names, and how many more there are."""
    known = list(names)
    more = f", … ({len(known) - most} more)" if len(known) > most else ""
    return ", ".join(known[:most]) + more or "none"


def _what_there_is(table: pd.DataFrame, condition: str) -> str:
    """The values of the columns that a condition names, where they are few; else their range."""
    from nwbin.export import tidy

    found = []
    for name in table.columns:
        if not re.search(rf"\b{re.escape(str(name))}\b", condition):
            continue
        values = tidy(table[[name]])[str(name)].dropna()
        distinct = sorted(values.unique().tolist())
        if not distinct:
            found.append(f"{name} has no values")
        elif len(distinct) <= 10:
            found.append(f"{name} has {', '.join(f'{v!r}' for v in distinct)}")
        elif values.dtype.kind in "iuf":
            found.append(f"{name} is {distinct[0]:.6g} to {distinct[-1]:.6g}")
    return f"; {'; '.join(found)}" if found else ""


def numbers(text: str, name: str, least: int = 2) -> list[float]:
    """Read "0,0.05,0.1"."""
    try:
        values = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        raise ArgumentError(f"{name} must be numbers in seconds with commas between, not {text!r}") from None
    if len(values) < least:
        raise ArgumentError(f"{name} needs at least {least} numbers with a comma between, got {text!r}")
    return values


def window_of(text: str, name: str = "--window") -> tuple[float, float]:
    """Read "0,0.5"."""
    values = numbers(text, name)
    if len(values) == 2 and not values[0] < values[1]:
        raise ArgumentError(f"{name} must be from and to, and from less than to, in seconds; not {text!r}")
    if len(values) != 2:
        raise ArgumentError(
            f"{name} must be two numbers, from and to in seconds, such as 0,0.5; not {text!r}"
        )
    return values[0], values[1]
