"""``nwbin rf``: receptive fields."""

from __future__ import annotations

from shlex import quote

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileArgument
from nwbin.cli._json import JsonOption
from nwbin.cli._parse import window_of
from nwbin.cli._pictures import MaxPanelsOption, PictureOption, WindowOption, picture_to, write_picture

__all__ = ["rf"]

_GABORS = "gabors"


@expanded
def rf(
    *,
    file: FileArgument,
    out: PictureOption = None,
    presentations: PresentationOptions,
    window: WindowOption = None,
    max_panels: MaxPanelsOption = 36,
    as_json: JsonOption = False,
    units: UnitOptions,
) -> None:
    """Draw receptive fields: each unit's mean rate at each place on the screen.

    Of one unit its field, of several a sheet of those that stand out most;
    colors go from a unit's own lowest rate to its highest, and p says how likely
    a map as uneven is by chance (with SciPy): noise has its highest rate, too.
    By default of gabors, during the presentation; any presentations with
    x_position and y_position will do. Places are these; the metrics azimuth_rf
    and elevation_rf are x_position + 50 and y_position + 10, as AllenSDK counts.

    \b
    Examples:
      nwbin rf session.nwb --structures VISp -o fields.pdf
      nwbin rf session.nwb --stimulus gabors --window 0.03,0.2 \\
          --max-panels 64 -o many.png
    """  # fmt: skip
    from nwbin.cli._chosen import chosen_from
    from nwbin.errors import MissingDependencyError
    from nwbin.metrics.receptive_fields import position_p_values
    from nwbin.plot import plot_receptive_field, plot_receptive_fields
    from nwbin.plot.answers import receptive_fields_of
    from nwbin.plot.canvas import figure_of, head, unit_title

    if presentations.stimulus is None and presentations.intervals is None:
        presentations = PresentationOptions([_GABORS], None, presentations.where)
    numbers = (
        f"nwbin metrics {quote(str(file))} --stimulus --stimuli gabors -o fields.csv (where each unit's field is, how "
        "large, its p_value_rf); the maps themselves in Python: nwbin.open(...).receptive_fields()"
    )
    out = picture_to(out, "rf", presentations, numbers=numbers)
    with chosen_from(file, presentations, units) as chosen:
        ends = (0.0, chosen.duration() or 0.25) if window is None else window_of(window)
        chosen.warn_of("rf", ends)
        fields = receptive_fields_of(chosen.trains, chosen.rows, ends)
        try:
            found = position_p_values(chosen.trains, chosen.rows, ends).tolist()
            likely = dict(zip(fields["unit_id"].to_numpy().tolist(), found, strict=True))
        except MissingDependencyError:  # the picture can do without
            likely = None
        title = chosen.title(presentations, f"{ends[0]:.3g} to {ends[1]:.3g} s")
        labels = chosen.structures
    if len(fields) == 1:
        axes = plot_receptive_field(fields[0])
        unit = int(fields["unit_id"].to_numpy()[0])
        by_chance = "" if likely is None else f" (as uneven by chance: p {likely[unit]:.2g})"
        axes.set_title(f"{unit_title(unit, labels)}{by_chance}", fontsize=10)
        figure = figure_of(axes)
        head(figure, title)
    else:
        figure = plot_receptive_fields(
            fields, most=max_panels, title=title, unit_labels=labels, p_values=likely
        )
    grid = f"{fields.sizes['x_position']} x {fields.sizes['y_position']} places"
    said = f"{counted(len(fields), 'unit')}, {grid}, {counted(len(chosen.rows), 'presentation')}"
    write_picture(
        figure, out, said, as_json=as_json, units=len(fields), presentations=len(chosen.rows), window=list(ends),
        x_position=fields["x_position"].to_numpy().tolist(), y_position=fields["y_position"].to_numpy().tolist(),
    )  # fmt: skip
