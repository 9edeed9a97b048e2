"""The section about units: where they lie, how good they are, and the table of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._wording import counted, first_of
from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import NwbinError
from nwbin.plot import plot_probes, plot_quality
from nwbin.report._parts import Code, Heading, Note, Part, Table
from nwbin.report._pictures import picture
from nwbin.report._text import cell
from nwbin.session.selectable import SelectableSession

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.report._recording import Recording

__all__ = ["PASSES", "units"]

PASSES = "passes"
_SHOWN = (
    "firing_rate", "snr", "presence_ratio", "isi_violations", "amplitude_cutoff", "d_prime", "waveform_duration",
)  # fmt: skip
_MOST_OTHERS = 6  # columns of a file that has none of these
_DRAWN = 6  # distributions
_NOWHERE = "not known"


def units(recording: Recording) -> list[Part]:
    """Where units lie, how good they are, and all of them in a table."""
    parts: list[Part] = []
    if not recording.has_units:
        return [Note("The file has no units: it may hold LFP or behaviour only.", "missing")]
    with recording.saying(parts, "The filters of units"):
        parts.append(Note(_what_passes(recording)))
    with recording.saying(parts, "Units by area"):
        _by_area(recording, parts)
    recording.step()
    with recording.saying(parts, "Quality"):
        _quality(recording, parts)
    recording.step()
    with recording.saying(parts, "The table of units"):
        _all(recording, parts)
    return parts


def _what_passes(recording: Recording) -> str:
    """What it takes for a unit to pass, in words."""
    applied = SelectableSession(recording.session).filters_applied()
    if isinstance(applied, str):
        if recording.session.filters == UnitFilters.none():
            return "All units pass: the session was opened without filters."
        return "All units pass: the file has none of the columns by which nwbin would filter."
    signs = {"maximum": "at most", "minimum": "at least"}
    said = []
    for name, value in applied.items():
        column, _, bound = name.rpartition("_")
        if bound in signs:
            # Without a bound a unit is left out, too, whose value is NaN.
            said.append(f"{column} is {signs[bound]} {float(value):g}" if value else f"{column} is known")
        else:
            said.append("it lies in a structure of the brain" if name == "in_brain" else f"{name} is {value}")
    every = " and ".join(one for one in (", ".join(said[:-1]), said[-1]) if one)
    return f"A unit passes if {every}. Responses, receptive fields and rates on this page are of units that pass."


def _by_area(recording: Recording, parts: list[Part]) -> None:
    every, _ = recording.every_unit
    parts.append(Heading("units-by-area", "By area"))
    if not len(every):
        parts.append(Note("The table of units is empty.", "missing"))
        return
    if recording.area_column is None:
        parts.append(Note("The file does not say where units lie.", "missing"))
        return
    areas, passing = recording.areas, recording.passing
    rates = every["firing_rate"] if "firing_rate" in every.columns else None
    of_area: dict[str | None, list[Any]] = {}
    for unit in every.index.tolist():
        of_area.setdefault(areas.get(unit), []).append(unit)
    nowhere = of_area.pop(None, [])
    known = sorted(of_area.items(), key=lambda one: (-len(one[1]), str(one[0])))
    rows = []
    for area, ids in [*known, *([(_NOWHERE, nowhere)] if nowhere else [])]:
        good = [one for one in ids if one in passing]
        rate = (
            cell(float(rates.loc[good].median()) if good else float("nan"))
            if rates is not None
            else cell(None)
        )
        rows.append([cell(area), cell(len(ids)), cell(len(good)), rate])
    columns = ["Area", "Units", "Pass", "Median rate of those that pass (Hz)"]
    caption = (
        f"All {counted(len(every), 'unit')}, whether they pass or not: {len(every) - len(nowhere):,} in "
    )
    caption += f"{counted(len(known), 'area')}, {len(nowhere):,} in none that is known"
    parts += [
        Table("areas", caption, columns, rows, frozenset({1, 2, 3})),
        Code(
            "session.structurewise_unit_counts  # those that pass\n"
            f'session.units.groupby({recording.area_column!a})["firing_rate"].median()'
            if rates is not None
            else "session.structurewise_unit_counts  # those that pass"
        ),
    ]
    probes = recording.overview.probes
    if probes:
        said = ", ".join(f"{probe.name}: {counted(len(probe.unit_depth), 'unit')}" for probe in probes)
        parts += [
            picture(plot_probes(probes), f"Probes by depth, with their structures and units that pass. {said}.",
                    "Where probes and the units that pass lie, by distance from the probe's tip."),
            Code("from nwbin.plot.sessions import overview_of\n"
                 "nwbin.plot.plot_probes(overview_of(session).probes)"),
        ]  # fmt: skip


def _quality(recording: Recording, parts: list[Part]) -> None:
    every, bounds = recording.every_unit
    parts.append(Heading("units-by-quality", "By quality"))
    held = {name: bound for name, bound in bounds.items() if name in every.columns}
    names = [*held, *(name for name in _SHOWN if name in every.columns and name not in held)]
    names = [name for name in names if every[name].dtype.kind in "iuf"][:_DRAWN]
    if not names or not len(every):
        parts.append(Note("The file has no metrics of its units' quality.", "missing"))
        return
    rows = []
    meets_all = np.ones(len(every), bool)
    for name, (sign, at) in held.items():
        values = every[name].to_numpy(np.float64)
        good = values <= at if sign == "<=" else values >= at
        meets_all &= good
        rows.append([cell(name), f"{sign} {at:g}", cell(int(good.sum())), cell(int(np.isnan(values).sum()))])
    if rows:
        caption = f"Of {counted(len(every), 'unit')}, {int(meets_all.sum()):,} meet all of these"
        caption += f", and {len(recording.passing):,} pass all filters"
        parts.append(
            Table("thresholds", caption, ["Metric", "Threshold", "Units that meet it", "Without a value"], rows,
                  frozenset({2, 3}))
        )  # fmt: skip
    medians = "; ".join(
        f"{name} {cell(float(np.nanmedian(every[name])))}" for name in names if every[name].notna().any()
    )
    parts += [
        picture(
            plot_quality(every, bounds=bounds, metrics=names),
            f"Histograms of {first_of(names)} over {counted(len(every), 'unit')}. Medians: {medians}.",
            "How metrics of quality are distributed over all units; dashed: the default thresholds, and paler what "
            "they leave out.",
        ),
        Code(
            "from nwbin.plot.sessions import quality_of\nunits, bounds = quality_of(session)\n"
            f"nwbin.plot.plot_quality(units, bounds=bounds, metrics={names!r})  # what one means: "
            f"nwbin.metrics.describe({names[0]!r})"
        ),
    ]  # fmt: skip


def _all(recording: Recording, parts: list[Part]) -> None:
    every, _ = recording.every_unit
    parts.append(Heading("all-units", "All units"))
    if not len(every):
        parts.append(Note("The table of units is empty.", "missing"))
        return
    ids = every.index.tolist()
    columns = [(PASSES, [cell(one in recording.passing) for one in ids], False)]
    if recording.area_column is not None:
        columns.append(("area", [cell(recording.areas.get(one)) for one in ids], False))
    if "probe_description" in every.columns:
        columns.append(("probe", [cell(one) for one in every["probe_description"].tolist()], False))
    try:
        spikes = recording.spikes_of()
        columns.append(("spikes", [cell(spikes.get(one)) for one in ids], True))
    except NwbinError:
        parts.append(Note("The file has no spike times.", "missing"))
    columns += [
        (name, [cell(one) for one in every[name].tolist()], _is_number(every, name))
        for name in _columns(every)
    ]
    rows = [
        [cell(unit), *cells] for unit, *cells in zip(ids, *(values for _, values, _ in columns), strict=True)
    ]
    numeric = frozenset({0, *(k + 1 for k, (_, _, number) in enumerate(columns) if number)})
    parts += [
        Table(
            "units-table", f"All {counted(len(every), 'unit')}; {len(recording.passing):,} pass the filters",
            ["unit_id", *(name for name, _, _ in columns)], rows, numeric, searched="units", choice="yes",
        ),
        Code(
            f"{recording.unfiltered}.units  # all; session.units: those that pass"
        ),
    ]  # fmt: skip


def _is_number(table: pd.DataFrame, name: str) -> bool:
    return table[name].dtype.kind in "iuf"


def _columns(every: pd.DataFrame) -> list[str]:
    known = [name for name in _SHOWN if name in every.columns]
    if known:
        return known
    plain = [
        str(name)
        for name in every.columns
        if every[name].dtype.kind in "iufb" or all(isinstance(one, str) for one in every[name].tolist())
    ]
    return plain[:_MOST_OTHERS]
