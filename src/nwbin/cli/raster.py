"""``nwbin raster``: spikes around presentations, as ticks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument
from nwbin.cli._json import JsonOption
from nwbin.cli._parse import window_of
from nwbin.cli._pictures import MaxPanelsOption, PictureOption, picture_to, write_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nwbin.cli._chosen import Chosen

__all__ = ["raster"]

_MOST_TICKS = 2_000_000  # more are a black area, and take minutes to draw


@expanded
def raster(
    *,
    file: FileArgument,
    out: PictureOption = None,
    presentations: PresentationOptions,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="COLUMN", show_default=False,
            help="Of single units: presentations in groups, by the values of a column.",
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="FROM,TO", show_default=False,
            help="Seconds from onset. Default: a little more than a presentation; of many units, some presentations.",
        ),
    ] = None,
    per_unit: Annotated[
        bool, typer.Option("--per-unit", help="A panel for each unit, not all of them at once.")
    ] = False,
    max_panels: MaxPanelsOption = 16,
    as_json: JsonOption = False,
    units: UnitOptions,
) -> None:  # fmt: skip
    """Draw spikes as ticks: one unit over presentations, or all units at once.

    Of one unit (--units 950910007) each presentation has a row, and --by puts
    those of a condition together. Of several units each has a row, over the
    first presentations that are meant; --per-unit gives each a panel of its own.

    \b
    Examples:
      nwbin raster session.nwb --stimulus drifting_gratings --by orientation \\
          --structures VISp --per-unit -o raster.pdf
      nwbin raster session.nwb --stimulus flashes -o population.png
    """  # fmt: skip
    from nwbin.cli._chosen import chosen_from
    from nwbin.plot.canvas import head
    from nwbin.responses.time_axes import time_axis

    out = picture_to(out, "raster", presentations)
    with chosen_from(file, presentations, units) as chosen:
        chosen.check_one_column(by)
        alone = len(chosen.units) == 1
        asked = None if window is None else window_of(window)
        if alone or per_unit:
            start, stop, _ = time_axis(chosen.duration(), asked)
            picture, said, numbers = _of_units(chosen, by, (start, stop), max_panels)
        else:
            picture, said, numbers = _of_population(chosen, by, asked)
        head(picture, chosen.title(presentations, said))
    write_picture(picture, out, said, as_json=as_json, **numbers)


def _of_units(
    chosen: Chosen, by: str | None, window: tuple[float, float], most: int
) -> tuple[Figure, str, dict[str, Any]]:
    """A panel for each unit, of many for those whose rate changes most, for what it is."""
    import numpy as np

    from nwbin.plot import plot_raster
    from nwbin.plot.answers import changes_around, names_in, raster_of, spikes_around
    from nwbin.plot.canvas import sheet, unit_title
    from nwbin.plot.ranking import LARGEST_CHANGE, most_changing

    chosen.warn_of("raster", window)
    number = len(chosen.units)
    spikes = spikes_around(
        chosen.trains, chosen.rows, window
    )  # counted, and only those that are shown are listed
    shown = np.arange(number)
    if number > most:
        shown = most_changing(changes_around(chosen.trains, chosen.rows, window, by=by), most)
    _refuse_more(
        int(spikes[shown].sum()), "choose fewer presentations (--where), fewer units, or a shorter --window"
    )
    ids, names, structures = chosen.units.index.to_numpy(), names_in(chosen.rows, by), chosen.structures
    found = raster_of(chosen.trains.select(ids[shown]), chosen.rows, window, by=by)
    figure, panels = sheet(len(shown), 3, 4.0 if number > 1 else 7.0, 3.4 if number > 1 else 6.0)
    for place, (axes, unit) in enumerate(zip(panels, shown, strict=True)):
        own = found.unit == place
        plot_raster(
            found.presentation[own], found.time[own], presentations=len(chosen.rows), window=window, by=by or "",
            conditions=found.conditions, duration=chosen.duration() or None, names=names, ax=axes,
        )  # fmt: skip
        axes.set_title(f"{unit_title(ids[unit], structures)}, {spikes[unit]:,} spikes", fontsize=9)
        axes.label_outer(remove_inner_ticks=False)
    said = f"{counted(len(shown), 'unit')}, {counted(len(chosen.rows), 'presentation')}"
    if len(shown) < number:
        said = f"{len(shown)} of {counted(number, 'unit')}, {counted(len(chosen.rows), 'presentation')}; "
        said += LARGEST_CHANGE.replace("those", "the units", 1)
    numbers = {"units": ids[shown].tolist(), "presentations": len(chosen.rows), "window": list(window),
               "spikes": int(spikes[shown].sum())}  # fmt: skip
    return figure, said, numbers


def _refuse_more(spikes: int, instead: str) -> None:
    from nwbin.errors import ArgumentError

    if spikes > _MOST_TICKS:
        raise ArgumentError(f"{spikes:,} spikes would be a black area: {instead}")


def _of_population(
    chosen: Chosen, by: str | None, window: tuple[float, float] | None
) -> tuple[Figure, str, dict[str, Any]]:
    """Every unit a row, over the first of the presentations."""
    import numpy as np

    from nwbin.errors import ArgumentError
    from nwbin.plot import plot_population_raster
    from nwbin.plot.answers import raster_of, spikes_around
    from nwbin.plot.canvas import figure_of
    from nwbin.session.selectable import SelectableSession

    if by is not None:
        raise ArgumentError(
            f"--by {by} puts the presentations of one unit in groups: choose it (--units "
            f"{chosen.units.index[0]}, say), or give --per-unit for a panel each"
        )
    starts = chosen.presentations["start_time"].to_numpy(np.float64)
    stops = starts + chosen.duration()
    if "stop_time" in chosen.presentations.columns:
        stops = chosen.presentations["stop_time"].to_numpy(np.float64)
    first, last = window or _some(starts, stops)
    column = next((one for one in SelectableSession.structure_columns if one in chosen.units.columns), None)
    table, depth = chosen.units, "probe_vertical_position"
    sort = [str(one) for one in (column, depth) if one in table.columns]
    if sort:  # the upper units of a structure first
        table = table.sort_values(sort, ascending=[name != depth for name in sort], kind="stable")
    # Only what is drawn is spoken of: the time from the first presentation on.
    replace(chosen, presentations=chosen.presentations.iloc[:1]).warn_of("raster", (first, last))
    trains, first_row = chosen.trains.select(table.index.to_numpy()), chosen.rows.iloc[:1]
    _refuse_more(
        int(spikes_around(trains, first_row, (first, last)).sum()),
        "choose fewer units, or a shorter --window",
    )
    found = raster_of(trains, first_row, (first, last))
    within = (starts < starts[0] + last) & (stops > starts[0] + first)
    axes = plot_population_raster(
        found.unit, found.time, units=len(table), window=(first, last),
        groups=table[column].tolist() if column else None,
        shown=np.stack([starts, stops], axis=1)[within] - starts[0],
        xlabel=f"time from the start of presentation {chosen.rows.index[0]} (s); shaded: presentations",
    )  # fmt: skip
    said = f"{counted(len(table), 'unit')}, {last - first:g} s from {starts[0] + first:.6g} s on"
    numbers = {"units": table.index.tolist(), "window": [first, last], "from": starts[0] + first,
               "spikes": len(found.time)}  # fmt: skip
    return figure_of(axes), said, numbers


def _some(starts: Any, stops: Any) -> tuple[float, float]:
    """A stretch that holds the first few presentations, 4 s at most, and a little before them."""
    length = float(stops[min(len(stops), 8) - 1] - starts[0])
    length = min(max(length, float(stops[0] - starts[0])), max(4.0, min(20.0, float(stops[0] - starts[0]))))
    if not 0 < length < 1e6:
        length = 1.0
    return float(f"{-0.1 * length:.3g}"), float(f"{1.1 * length:.3g}")
