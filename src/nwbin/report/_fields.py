"""The section about receptive fields: a sheet of those that stand out most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbin._wording import counted
from nwbin.plot import plot_receptive_fields
from nwbin.plot.ranking import variance_over_mean
from nwbin.report._best import window_of
from nwbin.report._parts import Code, Note, Part, Table
from nwbin.report._pictures import picture
from nwbin.report._text import cell
from nwbin.tables.missing import missing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from nwbin.report._recording import Recording

__all__ = ["places_in", "receptive_fields"]

_PLACES = ("x_position", "y_position")
_MOST = 24
_LISTED = 6


def places_in(rows: pd.DataFrame) -> bool:
    """Whether presentations, tidy, were at several places of the screen."""
    return all(
        name in rows.columns
        and rows[name].dtype.kind in "iuf"
        and len(np.unique(rows[name][~missing(rows[name].to_numpy())])) > 1
        for name in _PLACES
    )


def receptive_fields(recording: Recording) -> list[Part]:
    """A sheet of the receptive fields that stand out most, and the first of them in numbers."""
    parts: list[Part] = []
    if not recording.has_units or not recording.passing:
        why = "no unit passes the filters" if recording.has_units else "the file has no units"
        return [Note(f"There are no receptive fields: {why}.", "missing")]
    with recording.saying(parts, "Receptive fields"):
        shown = [name for name in recording.stimuli if places_in(recording.rows(name))]
        if not shown:
            parts.append(
                Note(
                    "There are no receptive fields: nothing was shown at several places (x_position, y_position).",
                    "missing",
                )
            )
            return parts
        _sheet(recording, shown[0], parts)
    return parts


def _sheet(recording: Recording, name: str, parts: list[Part]) -> None:
    session = recording.session
    window = window_of(recording.rows(name))
    fields = session.receptive_fields(name, window=window)["firing_rate"]
    figure = plot_receptive_fields(fields, most=_MOST, unit_labels=recording.areas)
    most = min(_MOST, len(fields))
    grid = f"{fields.sizes['x_position']} by {fields.sizes['y_position']} places"
    criterion = "by the variance of the rate over places, over its mean"
    parts += [
        picture(
            figure,
            f"Receptive fields of {counted(most, 'unit')}, {grid}: those that stand out most, {criterion}. "
            "The table below has the first of them in numbers.",
            f"The {counted(most, 'unit')} of {len(fields):,} that pass whose fields stand out most, {criterion}; each "
            "from its own lowest to its own highest rate.",
            dense=True,
        ),
        Code(
            f'fields = session.receptive_fields({name!a}, window={window!r})["firing_rate"]\n'
            f"nwbin.plot.plot_receptive_fields(fields, most={_MOST}{recording.labelling})"
            f"{recording.command('nwbin rf FILE')}"
        ),
        _table(recording, fields),
    ]


def _table(recording: Recording, fields: xr.DataArray) -> Table:
    rates = fields.transpose("unit_id", "y_position", "x_position").to_numpy()
    flat = rates.reshape(len(rates), -1)
    spread = variance_over_mean(flat.T)
    order = np.argsort(-spread, kind="stable")[:_LISTED]
    x, y = (fields[name].to_numpy() for name in _PLACES)
    ids = fields["unit_id"].to_numpy().tolist()
    rows = []
    for k in order.tolist():
        row, column = divmod(int(np.nanargmax(flat[k])), len(x))
        rows.append(
            [cell(ids[k]), cell(recording.areas.get(ids[k])), cell(float(spread[k])), cell(float(np.nanmax(flat[k]))),
             cell(float(x[column])), cell(float(y[row]))]
        )  # fmt: skip
    columns = ["Unit", "Area", "Variance over mean (Hz)", "Highest rate (Hz)", "Azimuth (°)", "Elevation (°)"]
    return Table(
        "fields-table",
        "Where on the screen the first of them have their highest rate: x_position and y_position, to which the "
        "metrics azimuth_rf and elevation_rf add 50 and 10, as AllenSDK counts",
        columns, rows, frozenset({0, 2, 3, 4, 5}),
    )  # fmt: skip
