"""Receptive fields: a rate for each place on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import axes_or_new, below, edges_between, figure_of, head, sheet, words
from nwbin.plot.ranking import variance_over_mean

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_receptive_field", "plot_receptive_fields"]

_PLACES = ("y_position", "x_position")


def _checked(field: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray:
    if set(field.dims) != set(dims):
        raise ArgumentError(
            f"a receptive field has the dimensions {', '.join(dims)}, not {', '.join(map(str, field.dims)) or 'none'}"
        )
    if not field.size:
        raise ArgumentError("there is no receptive field to draw: it has no positions, or no units")
    return field.transpose(*dims).sortby([*_PLACES])


def plot_receptive_field(
    field: xr.DataArray,
    *,
    label: str = "firing rate (Hz)",
    vmin: float | None = None,
    vmax: float | None = None,
    colorbar: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw one unit's receptive field.

    Parameters
    ----------
    field
        A rate (or a count, or a score) at each place: dims (y_position, x_position), whose coordinates are degrees
        of elevation and azimuth; any grid. NaN is where nothing was shown.
    label
        What `field` is, with what it is measured in.
    vmin, vmax
        Ends of the scale; None: the field's own lowest and highest. With 0 as its lower end the scale shows how
        much of the rate depends on the place at all, of a unit that fires all the time little.
    colorbar
        Draw the scale, with what it begins at where that is not 0.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        Up is up on the screen, and right is right.

    Raises
    ------
    ArgumentError
        It has other dims, or no place at all.

    Examples
    --------
    >>> import xarray as xr
    >>> places = {"y_position": [-10.0, 0.0, 10.0], "x_position": [0.0, 10.0]}
    >>> ax = plot_receptive_field(xr.DataArray(np.ones((3, 2)), dims=list(places), coords=places))
    >>> ax.get_xlabel()
    'azimuth (°)'
    """
    field = _checked(field, _PLACES)
    axes = axes_or_new(ax, 4.4, 3.6)
    x, y = (field[name].to_numpy().astype(np.float64) for name in ("x_position", "y_position"))
    mesh = axes.pcolormesh(
        edges_between(x), edges_between(y), field.to_numpy(), cmap="viridis", vmin=vmin, vmax=vmax, rasterized=True
    )  # fmt: skip
    axes.set_aspect("equal")
    axes.set_facecolor("0.85")
    axes.set_xlabel("azimuth (°)")
    axes.set_ylabel("elevation (°)")
    if colorbar:
        begins = mesh.get_clim()[0]
        said = f"{label}; colors begin at {begins:.3g}" if begins else label
        figure_of(axes).colorbar(mesh, ax=axes, label=said, shrink=0.85)
    return axes


def plot_receptive_fields(
    fields: xr.DataArray,
    *,
    most: int = 36,
    title: str = "",
    unit_labels: dict[int, str] | None = None,
    p_values: Mapping[int, float] | None = None,
) -> Figure:
    """Draw a sheet of receptive fields: those that stand out most from their own noise.

    Parameters
    ----------
    fields
        Hz, dims (unit_id, y_position, x_position), places in degrees.
    most
        How many at most. A field stands out by its spread over places, for the rate that it has: the variance
        over the mean, which is one number for noise of any rate.
    title
        Put above.
    unit_labels
        What is written beside a unit's id, such as its brain structure.
    p_values
        How likely a map as uneven as each unit's is by chance, by unit id: written beside it, since noise that goes
        from its own lowest to its own highest rate looks like fields, too. Such as the metric p_value_rf.

    Returns
    -------
    matplotlib.figure.Figure
        Each from its own lowest to its own highest rate, which are written above it.

    Raises
    ------
    ArgumentError
        It has other dims, or no unit, or no place.

    Examples
    --------
    >>> figure = plot_receptive_fields(session.receptive_fields().firing_rate, most=16)
    """
    fields = _checked(fields, ("unit_id", *_PLACES))
    if most < 1:
        raise ArgumentError(f"most must be 1 panel or more, not {most}")
    rates = fields.to_numpy().reshape(len(fields), -1)
    shown = np.argsort(-variance_over_mean(rates.T), kind="stable")[:most]
    columns = int(np.clip(np.ceil(np.sqrt(len(shown) * 1.3)), 1, 8))
    figure, panels = sheet(len(shown), columns, 1.45, 1.6, sharex=True, sharey=True)
    mesh = None
    for axes, unit in zip(panels, shown, strict=True):
        field = fields[unit]
        lowest, highest = float(field.min()), float(field.max())
        share = (field - lowest) / (highest - lowest or 1.0)  # from 0, a unit of 50 Hz is of one color
        plot_receptive_field(share, vmin=0.0, vmax=1.0, colorbar=False, ax=axes)
        mesh = axes.collections[0]
        name = int(fields["unit_id"].to_numpy()[unit])
        label = (unit_labels or {}).get(name)
        beside = label if isinstance(label, str) else ""
        likely = "" if p_values is None else f", p {p_values[name]:.2g}"
        axes.set_title(
            f"{name}{likely}\n{words(beside)}{', ' if beside else ''}{lowest:.3g} to {highest:.3g} Hz",
            fontsize=7,
        )
        axes.set_xlabel("")
        axes.set_ylabel("")
        axes.tick_params(labelsize=6)
    if mesh is not None:
        bar = figure.colorbar(mesh, ax=panels, shrink=0.5, ticks=[0, 1])
        bar.ax.set_yticklabels(["the unit's\nlowest rate", "the unit's\nhighest rate"], fontsize=8)
    rest = (
        f"; {len(shown)} of {len(fields)} units, those that stand out most"
        if len(shown) < len(fields)
        else ""
    )
    chance = "; p: of a map as uneven by chance" if p_values is not None else ""
    below(figure, f"azimuth (°){rest}{chance}")
    figure.supylabel("elevation (°)", fontsize=9)
    if title:
        head(figure, title)
    return figure
