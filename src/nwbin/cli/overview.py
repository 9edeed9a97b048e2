"""``nwbin overview``: a session at a glance, and how good its units are."""

from __future__ import annotations

from typing import Annotated

import typer

from nwbin._wording import counted
from nwbin.cli._files import FileArgument
from nwbin.cli._json import JsonOption
from nwbin.cli._pictures import PictureOption, picture_to, write_picture

__all__ = ["overview"]


def overview(
    file: FileArgument,
    out: PictureOption = None,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", help="In place of that: how each quality metric is distributed, and its threshold."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw a session at a glance: stimuli, running, rate, invalid times, probes by depth and area.

    \b
    Examples:
      nwbin overview session.nwb -o overview.pdf
      nwbin overview session.nwb --quality -o quality.png
    """
    import nwbin
    from nwbin.cli._totals import units_of_how_many
    from nwbin.plot import plot_quality, plot_session
    from nwbin.plot.sessions import overview_of, quality_of, title_of

    out = picture_to(out, "quality" if quality else "overview")
    with nwbin.open(file) as session:
        if quality:
            units, bounds = quality_of(session)
            passing = session.num_units
            said = f"{counted(len(units), 'unit')}, {passing:,} of them pass the default filters"
            figure = plot_quality(units, bounds=bounds, title=title_of(session, said))
            write_picture(figure, out, said, as_json=as_json, units=len(units), passing=passing,
                          thresholds={name: f"{sign} {at:g}" for name, (sign, at) in bounds.items()})  # fmt: skip
            return
        found = overview_of(session)
        figure = plot_session(found, title=title_of(session, session.session_type or ""))
        units_said = units_of_how_many(session) if found.units else counted(0, "unit")
    blocks, probes = counted(len(found.blocks), "stimulus block"), counted(len(found.probes), "probe")
    said = f"{blocks}, {probes}, {counted(len(found.invalid), 'invalid time')}; {units_said}"
    write_picture(
        figure, out, said, as_json=as_json, blocks=len(found.blocks), probes=len(found.probes), units=found.units,
        invalid_times=len(found.invalid),
    )  # fmt: skip
