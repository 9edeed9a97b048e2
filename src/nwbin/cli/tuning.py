"""``nwbin tuning``: rates over the values of a stimulus parameter."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument
from nwbin.cli._json import JsonOption
from nwbin.cli._parse import names_of, window_of
from nwbin.cli._pictures import MaxPanelsOption, PictureOption, WindowOption, picture_to, write_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nwbin.plot.answers import Tuning

__all__ = ["tuning"]


@expanded
def tuning(
    *,
    file: FileArgument,
    out: PictureOption = None,
    presentations: PresentationOptions,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="COLUMN[,COLUMN]", show_default=False,
            help="The parameter, such as orientation; of one unit also two: a curve for each value of the second.",
        ),
    ],
    window: WindowOption = None,
    max_panels: MaxPanelsOption = 16,
    as_json: JsonOption = False,
    units: UnitOptions,
) -> None:  # fmt: skip
    """Draw tuning curves: each unit's mean rate, +- s.e.m. over trials, for each value of a parameter.

    The rate without a stimulus (blank sweeps, frame -1) is a dashed line, in
    other recordings that of presentations without a value ("missing").

    \b
    Examples:
      nwbin tuning session.nwb --stimulus drifting_gratings --by orientation \\
          --structures VISp -o tuning.pdf
      nwbin tuning session.nwb --stimulus static_gratings \\
          --by spatial_frequency --window 0.03,0.25 -o sf.png
    """  # fmt: skip
    from nwbin.cli._chosen import chosen_from
    from nwbin.errors import ArgumentError
    from nwbin.plot.answers import names_in, tuning_of
    from nwbin.responses.windows import overlap_unsaid

    columns = names_of(by, "--by", "orientation")
    table = (
        f"nwbin psth {quote(str(file))} {presentations.as_options()} --by {quote(columns[0])} "
        f"--edges={window or '0,0.25'} --per-unit -o tuning.csv (--edges: the window, s from onset); "
        "in Python nwbin.open(...).tuning()"
    )
    out = picture_to(out, "tuning", presentations, numbers=table)
    with chosen_from(file, presentations, units) as chosen:
        if len(columns) > 1 and len(chosen.units) > 1:
            raise ArgumentError(
                f"--by {by}: curves over two parameters are for one unit, and {counted(len(chosen.units), 'unit')} "
                "are meant: choose it (--units 950910007), or give one parameter"
            )
        ends = (0.0, chosen.duration() or 1.0) if window is None else window_of(window)
        chosen.warn_of("tuning", ends)
        with overlap_unsaid(window is None):
            found = tuning_of(chosen.trains, chosen.rows, columns, ends)
        said = f"{counted(len(chosen.units), 'unit')}, {counted(len(found.values), 'value')} of {columns[0]}"
        title = chosen.title(presentations, f"{ends[0]:.3g} to {ends[1]:.3g} s")
        figure = _draw(
            found, columns, names_in(chosen.rows, columns[0]), max_panels, title, chosen.structures
        )
    numbers: dict[str, Any] = {"units": len(found.unit_ids), "values": found.values.tolist(),
                               "trials": found.trials.tolist(), "window": list(ends)}  # fmt: skip
    write_picture(figure, out, said, as_json=as_json, **numbers)


def _draw(
    found: Tuning, by: list[str], names: dict[Any, str], most: int, title: str, structures: dict[Any, str]
) -> Figure:
    from nwbin.plot import plot_tuning, plot_tuning_sheet
    from nwbin.plot.canvas import figure_of, head, unit_title

    if len(found.unit_ids) > 1:
        return plot_tuning_sheet(
            found.values, found.mean, found.sem, by=by[0], unit_ids=found.unit_ids, blank=found.blank, names=names,
            most=most, title=title, unit_labels=structures,
        )  # fmt: skip
    axes = plot_tuning(
        found.values, found.mean[..., 0], found.sem[..., 0], by=by[0], names=names, others=found.others,
        blank=None if found.blank is None else float(found.blank[0]), other=by[-1] if len(by) > 1 else "",
    )  # fmt: skip
    axes.set_title(f"{unit_title(found.unit_ids[0], structures)}: mean ± s.e.m. over trials", fontsize=9)
    head(figure_of(axes), title)
    return figure_of(axes)
