"""The section about responses: for each stimulus the units that answer best, and their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._names import safe_name
from nwbin._wording import counted
from nwbin.allen.meanings import BLANK_FRAME
from nwbin.plot import plot_rates, plot_tuning_sheet
from nwbin.plot.answers import fitting_width, names_in, tuning_of
from nwbin.report._best import best_units, parameter_of, window_of
from nwbin.report._fields import places_in
from nwbin.report._parts import Code, Heading, Note, Part, Table
from nwbin.report._pictures import picture
from nwbin.report._text import cell
from nwbin.responses.time_axes import median_duration, time_axis

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.report._recording import Recording

__all__ = ["responses"]

_BEST = 4  # units of a stimulus that are shown
_FRAME = "frame"
_MOVIE = 0.1  # s; frames of a movie are shorter than this, and images longer
_MOST_BINS = 300
_WIDTHS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class _Stimulus:
    """A stimulus, as its pictures need it."""

    name: str
    rows: pd.DataFrame
    by: str | None
    units: list[Any]
    names: dict[Any, str]
    duration: float
    labels: str  # of the units, for captions

    @property
    def named(self) -> str:
        """What values are called, as an argument of the code; "" for nothing."""
        names = {value: name for value, name in self.names.items() if (value, name) != (None, "blank")}
        return f", names={names!r}" if names else ""


def responses(recording: Recording) -> list[Part]:
    """For each stimulus the units that answer best, by a criterion that is said."""
    parts: list[Part] = []
    if not recording.has_units or not recording.passing:
        why = "no unit passes the filters" if recording.has_units else "the file has no units"
        return [Note(f"There are no responses: {why}.", "missing")]
    if not recording.stimuli:
        return [Note("There are no responses: the file has no stimuli and no other intervals.", "missing")]
    parts.append(
        Note(
            "The best units of a stimulus are those with the largest F: the variance of their mean rates between the "
            "values of its parameter, over that of single trials about these means (analysis of variance: about 1 "
            "where the value does not matter). They are among those that pass the filters; rates are of the "
            "presentation. F ranks units, and proves nothing: of many, the best is large by chance, too."
        )
    )
    for name in recording.stimuli:
        parts.append(Heading(f"stimulus-{safe_name(name)}", cell(name, longest=80)))
        with recording.saying(parts, f"Responses to {cell(name, longest=80)}"):
            _of_stimulus(recording, name, parts)
        recording.step()
    return parts


def _of_stimulus(recording: Recording, name: str, parts: list[Part]) -> None:
    session = recording.session
    rows = recording.rows(name)
    if places_in(rows):
        parts.append(Note("Shown at many places: see the receptive fields, below."))
        return
    by = parameter_of(rows, name)
    window = window_of(rows)
    best = best_units(session, name, by, window=window)
    best = best[best["f_ratio"].notna().to_numpy()].head(_BEST)
    if not len(best):
        parts.append(Note("No unit's rate varies, or no value was shown twice.", "missing"))
        return
    names = names_in(rows, by)
    _table(recording, name, by, best, names, parts)
    parts.append(Code(f"nwbin.report.best_units(session, {name!a}, {by!a}, window={window!r}).head({_BEST})"))
    units = best.index.tolist()
    labels = ", ".join(
        f"{unit} ({recording.areas[unit]})" if unit in recording.areas else str(unit) for unit in units
    )
    shown = _Stimulus(name, rows, by, units, names, median_duration(rows), labels)
    if by == _FRAME and shown.duration < _MOVIE:
        _movie(recording, shown, parts)
        return
    _psth(recording, shown, parts)
    if by is not None:
        _tuning(recording, shown, window, parts)


def _table(
    recording: Recording,
    name: str,
    by: str | None,
    best: pd.DataFrame,
    names: dict[Any, str],
    parts: list[Part],
) -> None:
    at = [cell(names.get(one, one)) for one in best["highest_at"].tolist()]
    rows = [
        [cell(unit), cell(recording.areas.get(unit)), cell(f), cell(high), where, cell(low)]
        for unit, f, high, where, low in zip(
            best.index.tolist(), best["f_ratio"].tolist(), best["highest_rate"].tolist(), at,
            best["lowest_rate"].tolist(), strict=True,
        )
    ]  # fmt: skip
    over = f"over values of {by}" if by else "during presentations against as long before them"
    columns = [
        "Unit",
        "Area",
        "F",
        "Highest rate (Hz)",
        f"At {cell(by, longest=40)}" if by else "When",
        "Lowest rate (Hz)",
    ]
    parts.append(
        Table(f"best-{safe_name(name)}", f"{counted(len(best), 'unit')} with the largest F {cell(over)}", columns, rows,
              frozenset({0, 2, 3, 5}))
    )  # fmt: skip


def _width(recording: Recording, shown: _Stimulus) -> float:
    """A width of bins, s, that fits how many spikes the unit with the fewest has."""
    start, stop, width = time_axis(shown.duration)
    trains = recording.session.file.spike_trains(shown.units)
    widths = [
        fitting_width(trains.select([unit]), shown.rows, (start, stop), by=shown.by, least=width)
        for unit in shown.units
    ]
    return min(max(widths), shown.duration / 5) if shown.duration > 0 else max(widths)


def _psth(recording: Recording, shown: _Stimulus, parts: list[Part]) -> None:
    width = _width(recording, shown)
    rates = recording.session.psth(shown.name, shown.units, by=shown.by, bin_width=width)
    conditions = rates.sizes["condition"]
    duration = round(shown.duration, 3) if shown.duration > 0 else None
    blank = BLANK_FRAME in shown.names and "blank" in shown.names[BLANK_FRAME]
    blank = blank and BLANK_FRAME in rates["condition"].to_numpy().tolist()
    of_each = f" for each of {conditions - blank} values of {cell(shown.by)}" if shown.by else ""
    of_each += " and blank" if blank else ""
    figure = plot_rates(
        rates, per_unit=True, duration=duration, names=shown.names, unit_labels=recording.areas
    )
    highest = float(np.nanmax(rates["firing_rate"].to_numpy()))
    parts += [
        picture(
            figure,
            f"Firing rate over time from onset{of_each}, of units {shown.labels}; at most {highest:.3g} Hz.",
            f"Mean rates around the onset of {cell(shown.name, longest=80)}{of_each}: units {shown.labels}.",
            dense=True,
        ),
        Code(
            f"rates = session.psth({shown.name!a}, {shown.units}, by={shown.by!a}, bin_width={width:g})\n"
            f"nwbin.plot.plot_rates(rates, per_unit=True, duration={duration}{shown.named}{recording.labelling})"
        ),
    ]


def _tuning(recording: Recording, shown: _Stimulus, window: tuple[float, float], parts: list[Part]) -> None:
    by = str(shown.by)
    found = tuning_of(recording.session.file.spike_trains(shown.units), shown.rows, [by], window)
    figure = plot_tuning_sheet(
        found.values, found.mean, found.sem, by=by, unit_ids=found.unit_ids, blank=found.blank, names=shown.names,
        unit_labels=recording.areas,
    )  # fmt: skip
    best = found.values[np.argmax(found.mean, axis=0)].tolist()
    preferred = ", ".join(
        f"{unit} at {cell(shown.names.get(one, one))}" for unit, one in zip(shown.units, best, strict=True)
    )
    dashed = ""
    if found.blank is not None:
        rates = ", ".join(cell(float(one)) for one in found.blank)
        no_value = shown.names.get(None, "blank")
        preferred = f"{preferred}. {no_value.capitalize()}: {rates} Hz"
        said = (
            "the rate without a stimulus"
            if no_value == "blank"
            else f"the rate of presentations without {cell(by)}"
        )
        dashed = f"; dashed: {no_value}, {said}"
    parts += [
        picture(
            figure,
            f"Mean rate over {len(found.values)} values of {cell(by)}, with its standard error. Highest: {preferred}.",
            f"Mean rates over {cell(by)}, ± s.e.m. over trials{dashed}: units {shown.labels}.",
        ),
        Code(
            "from nwbin.export import tidy\nfrom nwbin.plot.answers import tuning_of\n"
            f"trains = session.file.spike_trains({shown.units})\n"
            f"found = tuning_of(trains, tidy(session.get_stimulus_table({shown.name!a})), [{by!a}], {window!r})\n"
            f"nwbin.plot.plot_tuning_sheet(found.values, found.mean, found.sem, by={by!a}, unit_ids=found.unit_ids, "
            f"blank=found.blank{shown.named}{recording.labelling})"
        ),
    ]


def _movie(recording: Recording, shown: _Stimulus, parts: list[Part]) -> None:
    """A movie's repeats, each from its first frame on; of frames in no order there is none."""
    frames = shown.rows[_FRAME].to_numpy(np.float64)
    first = float(np.nanmin(frames))
    if np.mean(np.diff(frames) == 1) < 0.9:
        parts.append(Note("Its frames were shown in no order: there is no rate over the movie's time."))
        return
    length = (float(np.nanmax(frames)) - first + 1) * shown.duration
    width = next((one for one in _WIDTHS if length / one <= _MOST_BINS), _WIDTHS[-1])
    bins = max(1, int(length / width))
    stop = float(f"{bins * width:.6g}")
    where = f"{_FRAME} == {first:g}"
    rates = recording.session.psth(shown.name, shown.units, where=where, window=(0.0, stop), bin_width=width)
    repeats = int(rates["presentations"].to_numpy().sum())
    parts += [
        picture(
            plot_rates(rates, per_unit=True, unit_labels=recording.areas),
            f"Firing rate over the {stop:g} s of the movie, mean of {repeats} repeats, of units {shown.labels}.",
            f"Mean rates over the movie ({repeats} repeats, bins of {width:g} s): units {shown.labels}.",
        ),
        Code(
            f"rates = session.psth({shown.name!a}, {shown.units}, where={where!a}, window=(0, {stop:g}), "
            f"bin_width={width:g})\nnwbin.plot.plot_rates(rates, per_unit=True{recording.labelling})"
        ),
    ]
