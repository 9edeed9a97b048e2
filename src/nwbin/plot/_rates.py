"""Firing rates over time from the start of presentations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.plot._rate_arrays import Rates, taken_from
from nwbin.plot._tuning import plot_tuning, plot_tuning_sheet
from nwbin.plot.canvas import MANY, axes_or_new, bare, below, head, new_figure, sheet, words
from nwbin.plot.colors import titled
from nwbin.plot.ranking import LARGEST_CHANGE, most_changing, variance_over_mean

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_psth", "plot_rates"]

_SHADED = 4  # conditions up to which their spread is shaded: more would hide one another


def plot_rates(
    rates: xr.DataArray | xr.Dataset,
    *,
    per_unit: bool = False,
    duration: float | None = None,
    title: str = "",
    most: int = 16,
    sem: xr.DataArray | None = None,
    names: Mapping[Any, str] | None = None,
    unit_labels: Mapping[Any, str] | None = None,
) -> Figure:
    """Draw firing rates over time from the start of presentations.

    Parameters
    ----------
    rates
        From :func:`nwbin.responses.psth`, with its standard errors, or from :func:`nwbin.responses.mean_rates`: Hz,
        dims (condition, time_relative_to_stimulus_onset, unit_id).
    per_unit
        A small plot for each unit, of more than `most` for those with the largest variance of the rate, over time
        and conditions, over its mean, the largest first: with a line for each condition or, where they are
        many (more than 12), a row of colors; otherwise the mean over units, and below it every
        unit as a row of colors. One unit gets one plot in either case. Of a single bin, tuning curves.
    duration
        How long a presentation lasts, in s: shaded.
    title
        Put above.
    most
        How many units at most with `per_unit`.
    sem
        Standard error of `rates` over trials, of the same dims: shaded where one unit, or each, is drawn.
    names
        What some conditions are called, such as ``{-1: "-1 (blank)"}``.
    unit_labels
        What is written beside a unit's id, such as its brain structure: id to text.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        There are no rates, or only one for each unit: one bin of one condition.

    Examples
    --------
    >>> figure = plot_rates(session.psth("drifting_gratings", window=(0, 2), by="orientation"))
    """
    if most < 1:
        raise ArgumentError(f"most must be 1 panel or more, not {most}")
    taken = taken_from(rates, sem, duration, names, unit_labels)
    if taken.values.shape[1] == 1:
        figure = _one_bin(taken, most)
    elif taken.values.shape[2] == 1:
        figure = _one_unit(taken)
    else:
        figure = _per_unit(taken, most) if per_unit else _population(taken)
    if title:
        head(figure, title)
    return figure


def plot_psth(
    rates: xr.DataArray | xr.Dataset,
    *,
    sem: xr.DataArray | None = None,
    duration: float | None = None,
    names: Mapping[Any, str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the firing rate of one unit, or the mean of several, over time from the start of presentations.

    Parameters
    ----------
    rates
        Hz, dims (condition, time_relative_to_stimulus_onset, unit_id), with coordinates bin_start and bin_stop (s).
    sem
        Of the same dims: shaded, with up to 4 conditions. Of several units, by default that over units.
    duration
        How long a presentation lasts, in s: shaded.
    names
        What some conditions are called.
    legend
        Name the conditions.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        A step from edge to edge for each bin; with more than 12 conditions a row of colors for each.

    Raises
    ------
    ArgumentError
        There are no rates, or they have other dims.

    Examples
    --------
    >>> ax = plot_psth(rates.isel(unit_id=[0]))
    """
    return _drawn(taken_from(rates, sem, duration, names), legend, ax)


def _drawn(taken: Rates, legend: bool, ax: Axes | None) -> Axes:
    axes = axes_or_new(ax, 6.0, 3.8)
    units = taken.values.shape[2]
    means = taken.values.mean(axis=2)
    if taken.many:
        image = _rows(axes, means, taken, MANY)
        axes.figure.colorbar(image, ax=axes, label="firing rate (Hz)")
    else:
        spread = None
        if units == 1 and taken.sem is not None:
            spread = taken.sem[:, :, 0]
        elif units > 1:
            spread = taken.values.std(axis=2, ddof=1) / np.sqrt(units)
        _lines(axes, means, spread, taken)
        axes.set_ylabel("firing rate (Hz)")
        if legend:
            _legend(axes, taken)
    _when(axes, taken)
    axes.set_xlabel("time from onset (s)")
    bare(axes)
    return axes


def _lines(axes: Axes, means: npt.NDArray[Any], spread: npt.NDArray[Any] | None, taken: Rates) -> None:
    """A line of steps for each condition: a rate is that of its bin, and rises at its edge."""
    for k, (condition, color, dash) in enumerate(
        zip(taken.conditions, taken.colors, taken.dashes(), strict=True)
    ):
        axes.stairs(
            means[k], taken.edges, color=color, linewidth=1.3, baseline=None, label=taken.called(condition),
            linestyle=dash,
        )  # fmt: skip
        if spread is not None and len(taken.conditions) <= _SHADED:
            low, high = (np.append(part, part[-1:]) for part in (means[k] - spread[k], means[k] + spread[k]))
            axes.fill_between(taken.edges, low, high, step="post", color=color, alpha=0.22, linewidth=0)
    axes.set_ylim(bottom=0)


def _legend(axes: Axes, taken: Rates, beside: Axes | None = None) -> None:
    """Name the lines of `axes`: beside it, or in an empty place kept for that. Many are told by no color."""
    place, x = (beside, -0.08) if beside is not None else (axes, 1.0)
    if taken.by and taken.many:
        said = f"{len(taken.conditions)} values of {words(taken.by)}"
        place.text(x, 1.0, said, fontsize=8, va="top", transform=place.transAxes)
    elif taken.by:
        lines, names = axes.get_legend_handles_labels()
        place.legend(
            lines, names, title=titled(taken.by), fontsize=8, title_fontsize=8, frameon=False, loc="upper left",
            bbox_to_anchor=(x, 1.02),
        )  # fmt: skip


def _when(axes: Axes, taken: Rates) -> None:
    """Mark onset and end of a presentation."""
    edges, duration = taken.edges, taken.duration
    if edges[0] <= 0 <= edges[-1]:
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    if duration is not None:
        if axes.collections and taken.many:  # nothing shows behind rows of colors
            axes.axvline(min(duration, edges[-1]), color="0.6", linewidth=0.8, linestyle="--")
        axes.axvspan(max(0.0, edges[0]), min(duration, edges[-1]), color="0.94", zorder=-1, linewidth=0)
    axes.set_xlim(edges[0], edges[-1])


def _rows(axes: Axes, values: npt.NDArray[Any], taken: Rates, most: int) -> Any:
    """A row of colors for each condition, and the names of `most` of them."""
    number = len(values)
    mesh = axes.pcolormesh(
        taken.edges, np.arange(number + 1) - 0.5, values, cmap="viridis", vmin=0, rasterized=True
    )
    step = -(-number // most)
    axes.set_yticks(
        range(0, number, step), [taken.called(one) for one in taken.conditions[::step]], fontsize=8
    )
    axes.set_ylabel(titled(taken.by))
    return mesh


def _one_bin(taken: Rates, most: int) -> Figure:
    """One bin: a rate for each condition, which is a tuning curve."""
    if not taken.by or len(taken.conditions) == 1:
        raise ArgumentError(
            "one bin of one condition is a single number for each unit, and no picture: ask for narrower bins "
            "(--bin), for a tuning curve over the values of a column (--by), or for a table (-o rates.csv)"
        )
    rates = taken.values[:, 0, :]
    errors = None if taken.sem is None else taken.sem[:, 0, :]
    if len(taken.unit_ids) > 1:
        return plot_tuning_sheet(
            taken.conditions,
            rates,
            errors,
            by=taken.by,
            unit_ids=taken.unit_ids,
            names=taken.names,
            most=most,
            unit_labels=taken.labels,
        )
    figure = new_figure(6.0, 4.0)
    axes = plot_tuning(
        taken.conditions, rates[:, 0], None if errors is None else errors[:, 0], by=taken.by, names=taken.names,
        ax=figure.subplots(),
    )  # fmt: skip
    axes.set_title(f"{taken.titled(0)}: mean of {taken.trials}", fontsize=10)
    return figure


def _one_unit(taken: Rates) -> Figure:
    figure = new_figure(7.5, 5.0 if taken.many else 4.0)
    axes = _drawn(taken, legend=True, ax=figure.subplots())
    shaded = ", ± s.e.m. over trials" if taken.sem is not None and len(taken.conditions) <= _SHADED else ""
    axes.set_title(f"{taken.titled(0)}: mean of {taken.trials}{shaded}", fontsize=10)
    return figure


def _population(taken: Rates) -> Figure:
    figure = new_figure(8.5, 6.5)
    places = figure.add_gridspec(2, 2, height_ratios=[1.25, 1.0], width_ratios=[7.0, 1.25])
    top = figure.add_subplot(places[0, 0])
    below = figure.add_subplot(places[1, 0], sharex=top)
    top.tick_params(labelbottom=False)
    beside, scale = figure.add_subplot(places[0, 1]), figure.add_subplot(places[1, 1])
    beside.axis("off")
    scale.axis("off")
    units = taken.values.shape[2]
    means = taken.values.mean(axis=2)
    shaded = len(taken.conditions) <= _SHADED
    if taken.many:  # lines that cannot be told apart: a row of colors each
        shown = _rows(top, means, taken, MANY)
        figure.colorbar(shown, cax=beside.inset_axes((0.05, 0.1, 0.16, 0.75)), label="firing rate (Hz)")
    else:
        _lines(top, means, taken.values.std(axis=2, ddof=1) / np.sqrt(units) if shaded else None, taken)
        top.set_ylabel("firing rate (Hz)")
    spread = ", ± s.e.m. over units" if shaded else ""
    top.set_title(f"mean of {units:,} units{spread}", fontsize=10)
    _when(top, taken)
    _legend(top, taken, beside)
    bare(top)
    _changes(below, scale, taken)
    return figure


def _changes(axes: Axes, scale: Axes, taken: Rates) -> None:
    """Every unit relative to its own rate over time: rates span orders of magnitude.

    Sorted by how much it changes after onset, and not by when it peaks, which makes a diagonal out of noise.
    """
    values, edges = taken.values, taken.edges
    time = edges[:-1] + np.diff(edges) / 2
    units = values.shape[2]
    overall = np.average(values, axis=0, weights=taken.presentations)
    spread_of = overall.std(axis=0)
    score = (overall - overall.mean(axis=0)) / np.where(spread_of > 0, spread_of, 1)
    after = (time > 0) & (time < (taken.duration or np.inf))
    change = score[after].mean(axis=0) if after.any() else np.zeros(units)
    if (time < 0).any():
        change = change - score[time < 0].mean(axis=0)
    order = np.argsort(change, kind="stable")
    limit = max(1.0, float(np.percentile(np.abs(score), 99)))
    image = axes.pcolormesh(
        edges,
        np.arange(units + 1),
        score[:, order].T,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        rasterized=True,
    )
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_xlabel("time from onset (s)")
    axes.locator_params(axis="y", integer=True)
    axes.set_ylabel("unit, by change after onset")
    axes.figure.colorbar(
        image, cax=scale.inset_axes((0.05, 0.1, 0.16, 0.8)), label="rate (z, all presentations)"
    )


def _per_unit(taken: Rates, most: int) -> Figure:
    values = taken.values
    units = values.shape[2]
    shown = most_changing(variance_over_mean(values.reshape(-1, units)), most)
    figure, panels = sheet(len(shown), 4, 2.6, 2.3 if taken.many else 1.9, sharex=True, sharey=taken.many)
    image = None
    for axes, unit in zip(panels, shown, strict=True):
        name = taken.titled(unit)
        if taken.many:  # a row of colors for each condition, from 0 to the unit's own highest rate
            highest = float(values[:, :, unit].max())
            image = _rows(axes, values[:, :, unit] / (highest or 1.0), taken, 6)
            image.set_clim(0, 1)
            axes.set_ylabel("")
            name = f"{name}, to {highest:.3g} Hz"
        else:
            _lines(axes, values[:, :, unit], None if taken.sem is None else taken.sem[:, :, unit], taken)
        axes.set_title(name, fontsize=9)
        _when(axes, taken)
        bare(axes)
        axes.tick_params(labelsize=8)
    if image is not None:
        figure.colorbar(
            image, ax=panels, label="share of the unit's highest rate", shrink=0.5, ticks=[0, 0.5, 1]
        )
    else:
        _legend(panels[min(3, len(panels) - 1)], taken)
    rest = f" ({len(shown)} of {units} units: {LARGEST_CHANGE})" if len(shown) < units else ""
    below(figure, f"time from onset (s){rest}")
    figure.supylabel(titled(taken.by) if taken.many else "firing rate (Hz)", fontsize=9)
    return figure
