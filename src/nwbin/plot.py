"""Pictures, with matplotlib (extra "plot"): decoded trials, firing rates over time."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._atomic import atomic_write, check_target
from nwbin._optional import need
from nwbin._plain_text import printable
from nwbin.errors import ArgumentError
from nwbin.responses.counts import TIME

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nwbin.responses.decode import Decoding

__all__ = ["PICTURE_ENDINGS", "plot_decoding", "plot_rates", "save_picture"]

MANY = 12  # more conditions than these have no legend, and a row of colors in place of a line
PICTURE_ENDINGS = (".png", ".pdf", ".svg")


def _figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window and to no global state."""
    return _plain_figure()(figsize=(width, height), layout="constrained")


@contextmanager
def _without_tex() -> Iterator[None]:
    """Whatever the user's matplotlibrc says: a file's names are no TeX, which would fail on them or obey them."""
    need("matplotlib", "plot", "a picture")
    import matplotlib as mpl

    with mpl.rc_context({"text.usetex": False}):
        yield


@cache
def _plain_figure() -> type[Figure]:
    from matplotlib.figure import Figure

    class PlainFigure(Figure):
        """A figure that is drawn without TeX, whenever that is: the numbers at its axes are only made then."""

        @_without_tex()
        def draw(self, renderer: Any) -> None:
            super().draw(renderer)

    PlainFigure.__module__, PlainFigure.__qualname__ = __name__, "PlainFigure"  # by which pickles find it
    return PlainFigure


def __getattr__(name: str) -> Any:
    if name == "PlainFigure":
        return _plain_figure()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _head(figure: Figure, title: str) -> None:
    """Give a figure its title, on as many lines as it needs."""
    letters = int(figure.get_figwidth() * 13)  # of this size that an inch holds, and some to spare
    figure.suptitle(textwrap.fill(_words(title), letters), fontsize=11)


def save_picture(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Save a figure, whole or not at all; the ending (.png, .pdf, .svg) is the format."""
    target, ending = check_target(path, PICTURE_ENDINGS)
    with atomic_write(target) as unfinished, _without_tex():
        figure.savefig(unfinished, dpi=dpi, format=ending[1:])
    return target


def _is_angle(name: str) -> bool:
    return name.lower() in ("orientation", "direction", "ori", "angle")


def condition_colors(values: npt.NDArray[Any], name: str) -> list[Any]:
    """A color for each condition: around the circle for orientations, along a scale for numbers, else distinct."""
    import matplotlib as mpl
    import matplotlib.colors

    number = len(values)
    if values.dtype.kind in "iuf" and _is_angle(name):
        # An orientation comes back after 180 degrees, a direction of motion after 360.
        period = 360.0 if values.max() > 180 else 180.0
        # Around the circle by name of color, not by hue: green fills a third of the hues and looks all the same.
        turn = values.astype(np.float64) % period / period
        hues = np.interp(turn, np.linspace(0, 1, 9), (0.0, 0.08, 0.16, 0.34, 0.5, 0.6, 0.74, 0.87, 1.0))
        value = 0.88 - 0.18 * np.exp(-(((hues - 0.25) / 0.13) ** 2))  # yellow and green look lighter
        return list(mpl.colors.hsv_to_rgb(np.stack([hues, np.full(number, 0.85), value], axis=1)))
    if values.dtype.kind in "iuf" and number > 1:
        return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.9, number)))
    return [mpl.colormaps["tab10"](k % 10) for k in range(number)]


def _name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else _words(str(value))


def _words(text: str) -> str:
    """Text for a picture: matplotlib takes what stands between two $ for a formula, or fails to."""
    return printable(text).replace("$", r"\$")


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


@_without_tex()
def plot_decoding(
    decoding: Decoding, y: npt.ArrayLike, *, label: str = "orientation", title: str = ""
) -> Figure:
    """Draw trials in the discriminant dimensions, and what was taken for what.

    Parameters
    ----------
    decoding
        From :func:`nwbin.responses.decode.decode`.
    y
        The trials' labels, as they were given to it.
    label
        What the labels are; "orientation" is in degrees.
    title
        Put above.

    Returns
    -------
    matplotlib.figure.Figure
        Left: one point a trial; strong points were held out when the projection was fitted, faint ones were not;
        ringed ones are the means of those held out.
        Right: the cross-validated confusion matrix, in percent of each label's trials.
    """
    figure = _figure(10.5, 5.0)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    labels, classes = np.asarray(y), decoding.classes
    colors = condition_colors(classes, label)
    unit = "°" if _is_angle(label) else ""
    one_dimension = decoding.projection.shape[1] == 1
    number = len(labels)
    paint = np.asarray([colors[k] for k in np.searchsorted(classes, labels)], dtype=object)
    # With two classes there is one dimension: the trial's number then takes the other axis.
    x = decoding.projection[:, 0]
    z = np.arange(number) if one_dimension else decoding.projection[:, 1]
    # All labels together, in order of time, so that none hides the others.
    fitted, held_out = ~decoding.held_out, decoding.held_out
    size = float(np.clip(12000 / number, 5, 36))
    left.scatter(x[fitted], z[fitted], s=size / 2.5, color=paint[fitted], alpha=0.25, linewidth=0, zorder=2)
    left.scatter(
        x[held_out], z[held_out], s=size, color=paint[held_out], edgecolor="white", linewidth=0.3, zorder=3
    )
    for value, color in zip(classes, colors, strict=True):
        own = held_out & (labels == value)
        style = {"s": 110, "color": color, "edgecolor": "black", "linewidth": 1.2, "zorder": 4}
        left.scatter(x[own].mean(), z[own].mean(), label=f"{_name(value)}{unit}", **style)
    left.set_xlabel("discriminant 1")
    left.set_ylabel("trial" if one_dimension else "discriminant 2")
    left.set_title("one point a trial; strong: held out; ringed: their mean", fontsize=10)
    left.legend(
        title=_words(label),
        fontsize=8,
        title_fontsize=8,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )
    if not one_dimension:
        left.set_aspect("equal", adjustable="datalim")
    _bare(left)

    share = 100.0 * decoding.confusion / np.maximum(decoding.confusion.sum(axis=1, keepdims=True), 1)
    image = right.imshow(share, cmap="Greys", vmin=0, vmax=100)
    names = [_name(value) for value in classes]
    few = len(classes) <= 12
    step = 1 if len(classes) <= 20 else len(classes) // 10
    right.set_xticks(range(0, len(classes), step), names[::step], rotation=0 if few else 90)
    right.set_yticks(range(0, len(classes), step), names[::step])
    if few:
        for row, column in np.ndindex(share.shape):
            strong = share[row, column] > 55
            right.text(
                column, row, f"{share[row, column]:.0f}", ha="center", va="center", fontsize=8,
                color="white" if strong else "black",
            )  # fmt: skip
    right.set_xlabel(f"decoded {_words(label)}{f' ({unit})' if unit else ''}")
    right.set_ylabel(f"shown {_words(label)}{f' ({unit})' if unit else ''}")
    right.set_title(f"accuracy {decoding.accuracy:.1%}, chance {decoding.chance:.1%}", fontsize=10)
    figure.colorbar(image, ax=right, label="% of trials", shrink=0.8)
    if title:
        _head(figure, title)
    return figure


@_without_tex()
def plot_rates(
    rates: xr.DataArray,
    *,
    per_unit: bool = False,
    duration: float | None = None,
    title: str = "",
    most: int = 16,
) -> Figure:
    """Draw firing rates over time from the start of presentations.

    Parameters
    ----------
    rates
        From :func:`nwbin.responses.psth.mean_rates`.
    per_unit
        A small plot for each of the units that change most, with a line for each condition or, where they are
        many (more than 12), a row of colors; otherwise the mean over units, and below it every
        unit as a row of colors.
    duration
        How long a presentation lasts, in s: shaded.
    title
        Put above.
    most
        How many units at most with `per_unit`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not rates.size:
        raise ArgumentError("there are no rates to draw")
    by = str(rates.attrs.get("by", ""))
    colors = condition_colors(rates["condition"].to_numpy(), by) if by else ["0.15"]
    draw = _per_unit if per_unit else _population
    figure = draw(rates, by, colors, duration, most)
    if title:
        _head(figure, title)
    return figure


def _edges(rates: xr.DataArray) -> npt.NDArray[np.float64]:
    return np.append(rates["bin_start"].to_numpy(), rates["bin_stop"].to_numpy()[-1:])


def _legend(axes: Axes, by: str, number: int, beside: Axes | None = None) -> None:
    """Name the lines of `axes`: beside it, or in an empty place kept for that. Many are told by no color."""
    if by and number > MANY:
        place, x = (beside, -0.08) if beside is not None else (axes, 1.0)
        place.text(
            x, 1.0, f"{number} values of {_words(by)}", fontsize=8, va="top", transform=place.transAxes
        )
    elif by:
        title = _titled(by)
        place, x = (beside, -0.08) if beside is not None else (axes, 1.0)
        lines, names = axes.get_legend_handles_labels()
        place.legend(
            lines, names, title=title, fontsize=8, title_fontsize=8, frameon=False, loc="upper left",
            bbox_to_anchor=(x, 1.02),
        )  # fmt: skip


def _when(axes: Axes, duration: float | None, edges: npt.NDArray[np.float64]) -> None:
    if edges[0] <= 0 <= edges[-1]:
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    if duration is not None:
        if axes.get_images():  # nothing shows behind them
            axes.axvline(min(duration, edges[-1]), color="0.6", linewidth=0.8, linestyle="--")
        axes.axvspan(max(0.0, edges[0]), min(duration, edges[-1]), color="0.94", zorder=-1, linewidth=0)
    axes.set_xlim(edges[0], edges[-1])


def _titled(by: str) -> str:
    return f"{by} (°)" if _is_angle(by) else _words(by)


def _rows(
    axes: Axes, values: npt.NDArray[Any], rates: xr.DataArray, edges: npt.NDArray[np.float64], most: int
) -> Any:
    """A row of colors for each condition, and the names of `most` of them."""
    number = len(values)
    image = axes.imshow(
        values, aspect="auto", origin="lower", cmap="viridis", vmin=0, interpolation="nearest",
        extent=(edges[0], edges[-1], -0.5, number - 0.5),
    )  # fmt: skip
    step = -(-number // most)
    names = [_name(one) for one in rates["condition"].to_numpy()[::step]]
    axes.set_yticks(range(0, number, step), names, fontsize=8)
    return image


def _population(rates: xr.DataArray, by: str, colors: list[Any], duration: float | None, most: int) -> Figure:
    figure = _figure(8.5, 6.5)
    places = figure.add_gridspec(2, 2, height_ratios=[1.25, 1.0], width_ratios=[7.0, 1.25])
    top = figure.add_subplot(places[0, 0])
    below = figure.add_subplot(places[1, 0], sharex=top)
    top.tick_params(labelbottom=False)
    beside, scale = figure.add_subplot(places[0, 1]), figure.add_subplot(places[1, 1])
    beside.axis("off")
    scale.axis("off")
    values, time, edges = rates.to_numpy(), rates[TIME].to_numpy(), _edges(rates)
    units = values.shape[2]
    many = len(colors) > MANY
    if many:  # lines that cannot be told apart: a row of colors each
        means = values.mean(axis=2)
        shown = _rows(top, means, rates, edges, 12)
        figure.colorbar(shown, cax=beside.inset_axes((0.05, 0.1, 0.16, 0.75)), label="firing rate (Hz)")
    for k, (condition, color) in enumerate(
        zip(rates["condition"].to_numpy(), colors, strict=True) if not many else ()
    ):
        mean = values[k].mean(axis=1)
        top.plot(time, mean, color=color, linewidth=1.4, label=_name(condition))
        if units > 1 and len(colors) <= 4:
            sem = values[k].std(axis=1, ddof=1) / np.sqrt(units)
            top.fill_between(time, mean - sem, mean + sem, color=color, alpha=0.18, linewidth=0)
    spread = ", ± s.e.m. over units" if units > 1 and len(colors) <= 4 else ""
    top.set_ylabel(_titled(by) if many else "firing rate (Hz)")
    top.set_title(f"mean of {units:,} {'unit' if units == 1 else 'units'}{spread}", fontsize=10)
    if not many:
        top.set_ylim(bottom=0)
    _when(top, duration, edges)
    _legend(top, by, len(colors), beside)
    _bare(top)

    # Every unit relative to its own rate over time: rates span orders of magnitude. Sorted by how much it
    # changes after onset, and not by when it peaks, which makes a diagonal out of noise.
    overall = np.average(values, axis=0, weights=rates["presentations"].to_numpy())
    spread_of = overall.std(axis=0)
    score = (overall - overall.mean(axis=0)) / np.where(spread_of > 0, spread_of, 1)
    after = (time > 0) & (time < (duration or np.inf))
    change = score[after].mean(axis=0) if after.any() else np.zeros(units)
    if (time < 0).any():
        change = change - score[time < 0].mean(axis=0)
    order = np.argsort(change, kind="stable")
    limit = max(1.0, float(np.percentile(np.abs(score), 99)))
    image = below.imshow(
        score[:, order].T, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit,
        extent=(edges[0], edges[-1], 0, units), interpolation="nearest",
    )  # fmt: skip
    below.axvline(0, color="0.3", linewidth=0.8)
    below.set_xlabel("time from onset (s)")
    below.locator_params(axis="y", integer=True)
    below.set_ylabel("unit, by change after onset")
    figure.colorbar(image, cax=scale.inset_axes((0.05, 0.1, 0.16, 0.8)), label="rate (z, all presentations)")
    return figure


def _per_unit(rates: xr.DataArray, by: str, colors: list[Any], duration: float | None, most: int) -> Figure:
    values, time, edges = rates.to_numpy(), rates[TIME].to_numpy(), _edges(rates)
    units = values.shape[2]
    # The units that change most, in Hz, over time and conditions.
    shown = np.sort(np.argsort(-values.std(axis=(0, 1)), kind="stable")[:most])
    columns = min(4, len(shown))
    lines = -(-len(shown) // columns)
    many = len(colors) > MANY
    figure = _figure(2.6 * columns + 1.4, (2.3 if many else 1.9) * lines + 0.8)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=many)
    for place, axes in enumerate(grid.flat):
        if place >= len(shown):
            axes.set_visible(False)
            continue
        unit = shown[place]
        name = f"unit {rates['unit_id'].to_numpy()[unit]}"
        if (
            many
        ):  # lines that cannot be told apart: a row of colors each, from 0 to the unit's own highest rate
            highest = float(values[:, :, unit].max())
            image = _rows(axes, values[:, :, unit] / (highest or 1.0), rates, edges, 6)
            name = f"{name}, to {highest:.3g} Hz"
        for k, (condition, color) in enumerate(
            zip(rates["condition"].to_numpy(), colors, strict=True) if not many else ()
        ):
            axes.plot(time, values[k, :, unit], color=color, linewidth=1.0, label=_name(condition))
        axes.set_title(name, fontsize=9)
        if not many:
            axes.set_ylim(bottom=0)
        _when(axes, duration, edges)
        _bare(axes)
        axes.tick_params(labelsize=8)
    if many:
        figure.colorbar(
            image, ax=grid, label="share of the unit's highest rate", shrink=0.5, ticks=[0, 0.5, 1]
        )
    else:
        _legend(grid[0, -1], by, len(colors))
    rest = f" ({len(shown)} of {units} units: those that change most)" if len(shown) < units else ""
    figure.supxlabel(f"time from onset (s){rest}", fontsize=9)
    figure.supylabel(_titled(by) if many else "firing rate (Hz)", fontsize=9)
    return figure
