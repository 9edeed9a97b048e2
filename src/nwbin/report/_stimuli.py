"""Sections about time: stimuli, invalid times, running, the population's rate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nwbin._wording import counted, first_of
from nwbin.plot import plot_session
from nwbin.report._parts import Code, Facts, Heading, Note, Part, Table
from nwbin.report._pictures import picture
from nwbin.report._text import cell, stimuli_counted
from nwbin.session.overview import stimulus_overview

if TYPE_CHECKING:
    from nwbin.report._recording import Recording

__all__ = ["population_rate", "running", "stimuli"]

_MOST_ROWS = 200
_RUNS = 1.0  # cm/s; a mouse that is faster runs


def stimuli(recording: Recording) -> list[Part]:
    """What was shown when, how often, and what of it is invalid."""
    parts: list[Part] = []
    with recording.saying(parts, "The time line"):
        _time_line(recording, parts)
    recording.step()
    with recording.saying(parts, "The table of stimuli"):
        _table_of_stimuli(recording, parts)
    with recording.saying(parts, "Invalid times"):
        _invalid_times(recording, parts)
    return parts


def _time_line(recording: Recording, parts: list[Part]) -> None:
    whole = replace(recording.overview, probes=())
    if not whole.blocks and whole.running is None and whole.rate is None:
        parts.append(
            Note("The file has no intervals, no running and no spikes: there is no time line.", "missing")
        )
        return
    names = list(dict.fromkeys(name for name, _, _ in whole.blocks))
    with_running = "" if whole.running is None else ", running speed"
    with_rate = "" if whole.rate is None else f", mean rate of the {counted(whole.units, 'unit')} that pass"
    lacking = [
        what
        for what, there in (
            ("stimuli", bool(names)),
            ("running speed", whole.running),
            ("spikes of units that pass", whole.rate),
        )
        if there is None or there is False
    ]
    lacks = f" The file has no {' and no '.join(lacking)}." if lacking else ""
    alt = (
        f"Time line of the session: {counted(len(whole.blocks), 'block')} of {stimuli_counted(len(names))} "
        f"({first_of(names)}){with_running}{with_rate}; {counted(len(whole.invalid), 'invalid time')} hatched."
    )
    parts.append(
        picture(
            plot_session(whole),
            alt,
            f"What was shown when{with_running}{with_rate}; invalid times are hatched.{lacks}",
        )
    )
    parts.append(
        Code(
            "from dataclasses import replace\nfrom nwbin.plot.sessions import overview_of\n"
            "nwbin.plot.plot_session(replace(overview_of(session), probes=()))"
            f"{recording.command('nwbin overview FILE')}"
        )
    )


def _table_of_stimuli(recording: Recording, parts: list[Part]) -> None:
    session = recording.session
    if not session.stimulus_names:
        parts.append(Note("The file has no stimuli and no other intervals.", "missing"))
        return
    table = stimulus_overview(session)
    shown = session.stimulus_presentations
    conditions = shown.groupby("stimulus_name")["stimulus_condition_id"].nunique()
    names = {
        "presentations": "Presentations", "epochs": "Blocks", "from (s)": "From (s)", "to (s)": "To (s)",
        "duration (s)": "Each lasts (s)", "varies in (values)": "Varies in (values)",
    }  # fmt: skip
    rows = [
        [cell(name), cell(int(conditions.get(name, 0))), *(cell(row[column]) for column in names)]
        for name, row in zip(table.index.tolist(), table.to_dict("records"), strict=True)
    ]
    columns = ["Stimulus", "Conditions", *names.values()]
    apart = f", and {' and '.join(recording.besides)}" if recording.besides else ""
    parts.append(
        Table(
            "stimuli-table",
            f"{counted(len(shown), 'presentation')} of {stimuli_counted(len(recording.stimuli))}{apart}",
            columns, rows, frozenset(range(1, 7)),
        )
    )  # fmt: skip
    parts.append(
        Code(
            "from nwbin.session.overview import stimulus_overview\nstimulus_overview(session)\n"
            'session.stimulus_presentations.groupby("stimulus_name")["stimulus_condition_id"].nunique()'
        )
    )


def _invalid_times(recording: Recording, parts: list[Part]) -> None:
    parts.append(Heading("invalid-times", "Invalid times"))
    table = recording.session.invalid_times
    if not len(table):
        parts.append(Note("The file marks no times as invalid."))
        return
    rows = [
        [cell(key), cell(float(row["start_time"])), cell(float(row["stop_time"])),
         cell(float(row["stop_time"]) - float(row["start_time"])), cell(row.get("tags"))]
        for key, row in list(zip(table.index.tolist(), table.to_dict("records"), strict=True))[:_MOST_ROWS]
    ]  # fmt: skip
    more = f"; {len(table) - len(rows):,} more are not shown" if len(rows) < len(table) else ""
    columns = ["Id", "From (s)", "To (s)", "Length (s)", "What is invalid"]
    caption = f"{counted(len(table), 'invalid time')}{more}"
    parts += [
        Table("invalid-table", caption, columns, rows, frozenset(range(4))),
        Code("session.invalid_times"),
    ]


def running(recording: Recording) -> list[Part]:
    """How fast the animal ran, in all and during each stimulus."""
    parts: list[Part] = []
    with recording.saying(parts, "Running"):
        session = recording.session
        velocity = session.running_speed["velocity"]
        said = velocity.describe()
        names = {
            "count": "Samples", "mean": "Mean (cm/s)", "std": "Standard deviation (cm/s)", "min": "Lowest (cm/s)",
            "25%": "Lower quartile (cm/s)", "50%": "Median (cm/s)", "75%": "Upper quartile (cm/s)",
            "max": "Highest (cm/s)",
        }  # fmt: skip
        facts = [(called, cell(float(said[name]))) for name, called in names.items()]
        facts[0] = (names["count"], f"{int(said['count']):,}")
        share = float((velocity > _RUNS).mean())
        parts.append(Facts([*facts, (f"Samples above {_RUNS:g} cm/s", f"{share:.1%}")]))
        parts.append(
            Code(
                f'session.running_speed["velocity"].describe()\n(session.running_speed["velocity"] > {_RUNS:g}).mean()'
            )
        )
        _by_stimulus(recording, parts)
    return parts


def _by_stimulus(recording: Recording, parts: list[Part]) -> None:
    session = recording.session
    speed = session.presentationwise_running_speed()
    means = speed.groupby(session.stimulus_presentations["stimulus_name"]).mean()
    rows = [[cell(name), cell(float(means.get(name, np.nan)))] for name in session.stimulus_names]
    parts += [
        Table(
            "running-table",
            "Mean speed during presentations",
            ["Stimulus", "Speed (cm/s)"],
            rows,
            frozenset({1}),
        ),
        Code(
            "speed = session.presentationwise_running_speed()\n"
            'speed.groupby(session.stimulus_presentations["stimulus_name"]).mean()'
        ),
    ]


def population_rate(recording: Recording) -> list[Part]:
    """The mean rate of the units that pass over the session, in numbers; its picture is in the time line."""
    parts: list[Part] = []
    with recording.saying(parts, "The population's rate"):
        found = recording.overview.rate
        if found is None:
            why = (
                "no unit passes the filters, or none has spikes"
                if recording.has_units
                else "the file has no units"
            )
            parts.append(Note(f"There is no rate: {why}.", "missing"))
            return parts
        edges, rate = found
        width = float(edges[1] - edges[0])
        parts.append(
            Facts([
                ("Units that pass", f"{recording.overview.units:,}"),
                ("Mean rate of a unit (Hz)", cell(float(rate.mean()))),
                ("Lowest (Hz)", f"{cell(float(rate.min()))}, at {cell(float(edges[int(rate.argmin())]))} s"),
                ("Highest (Hz)", f"{cell(float(rate.max()))}, at {cell(float(edges[int(rate.argmax())]))} s"),
                ("In bins of", f"{cell(width)} s, from {cell(float(edges[0]))} to {cell(float(edges[-1]))} s"),
            ])
        )  # fmt: skip
        parts.append(Note("Its picture is in the time line, above."))
        parts.append(
            Code(
                "from nwbin.plot.sessions import overview_of\n"
                "edges, rate = overview_of(session).rate\nrate.mean(), rate.min(), rate.max()"
            )
        )
    return parts
