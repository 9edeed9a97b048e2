"""Tuning curves: a rate for each value of a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import MANY, axes_or_new, bare, below, head, name_of, sheet, unit_title
from nwbin.plot.colors import DASHES, MARKERS, condition_colors, forms_of, is_angle, titled
from nwbin.plot.ranking import LARGEST_CHANGE, most_changing, variance_over_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_tuning", "plot_tuning_sheet"]

_BLANK = "blank"
_RANKED = 24  # more values that are no quantities stand by rank
_NO_QUANTITY = ("frame", "image", "stimulus_condition_id", "stimulus_block", "color")


def plot_tuning(
    values: npt.ArrayLike,
    mean: npt.ArrayLike,
    sem: npt.ArrayLike | None = None,
    *,
    by: str,
    blank: float | None = None,
    others: Sequence[Any] | npt.NDArray[Any] | None = None,
    other: str = "",
    names: Mapping[Any, str] | None = None,
    ylabel: str = "firing rate (Hz)",
    ax: Axes | None = None,
) -> Axes:
    """Draw a unit's tuning curve.

    Parameters
    ----------
    values
        The parameter's values, numbers or names: (values,). Numbers whose steps grow, such as spatial frequencies,
        stand on a logarithmic axis; more than 24 names, or numbers that are none (images), by rank.
    mean
        Mean rate at each, Hz: (values,), or (others, values) for a curve for each value of a second parameter.
    sem
        Its standard error over trials, of the same shape.
    by
        The parameter; what it is measured in is put on the axis.
    blank
        The rate without a stimulus, Hz: a dashed line, which is called "blank" or what `names` has for None.
    others, other
        The second parameter's values, and its name.
    names
        What some values are called, such as ``{-1: "-1 (blank)"}``.
    ylabel
        What `mean` is.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        The shapes do not go together.

    Examples
    --------
    >>> ax = plot_tuning([0, 45, 90, 135], [2.0, 9.5, 3.0, 1.5], by="orientation")
    >>> ax.get_xlabel()
    'orientation (°)'
    """
    levels = np.asarray(values)
    rates = np.atleast_2d(np.asarray(mean, dtype=np.float64))
    errors = None if sem is None else np.atleast_2d(np.asarray(sem, dtype=np.float64))
    if rates.shape[1] != len(levels) or (errors is not None and errors.shape != rates.shape):
        given = "" if errors is None else f", and sem {errors.shape}"
        raise ArgumentError(
            f"{len(levels)} values take a mean for each, (values,) or (others, values), not {rates.shape}{given}"
        )
    seconds = np.asarray(others if others is not None else [None] * len(rates), dtype=object)
    if len(seconds) != len(rates):
        raise ArgumentError(f"{len(rates)} curves take as many values of others, not {len(seconds)}")
    axes = axes_or_new(ax, 4.6, 3.4)
    numbers = _are_quantities(levels, by)
    if not numbers and len(levels) > _RANKED:
        _ranked(axes, levels, rates[0], None if errors is None else errors[0], by, names)
    else:
        place = levels.astype(np.float64) if numbers else np.arange(len(levels), dtype=np.float64)
        _curves(axes, place, rates, errors, seconds, other, joined=numbers)
        _scale(axes, levels, by, numbers, names)
    at_rest = name_of(None, {None: _BLANK, **(names or {})})
    if blank is not None:
        _blank(axes, blank, at_rest, beside=len(rates) == 1)
    if len(rates) > 1:
        held = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=lambda one: one[1] == at_rest)
        if held:  # of many values by rank there is no curve that has a name
            axes.legend(
                *zip(*held, strict=True),
                title=titled(other), fontsize=8, title_fontsize=8, frameon=False, loc="upper left",
                bbox_to_anchor=(1, 1),
            )  # fmt: skip
    if np.nanmin(rates, initial=0.0) >= 0:
        above = 0.0 if errors is None else np.nan_to_num(errors)
        axes.set_ylim(0, 1.08 * max(float(np.nanmax(rates + above, initial=0.0)), blank or 0.0) or 1.0)
    axes.set_ylabel(ylabel)
    bare(axes)
    return axes


def _are_quantities(levels: npt.NDArray[Any], by: str) -> bool:
    """Whether values stand where they are on an axis: numbers, but not those that are names (of images, say)."""
    return levels.dtype.kind in "iuf" and by.lower() not in _NO_QUANTITY


def _blank(axes: Axes, rate: float, name: str, *, beside: bool) -> None:
    """The rate without a stimulus, named beside the line, or in the legend where there is one."""
    axes.axhline(
        rate, color="0.35", linestyle=(0, (4, 3)), linewidth=1.0, zorder=1, label=None if beside else name
    )
    if beside:
        axes.annotate(
            f" {name}", (1.0, rate), xycoords=("axes fraction", "data"), fontsize=7, ha="left", va="center",
            annotation_clip=False,
        )  # fmt: skip


def _curves(
    axes: Axes, place: npt.NDArray[np.float64], rates: npt.NDArray[np.float64], errors: Any,
    seconds: npt.NDArray[Any], other: str, *, joined: bool,
) -> None:  # fmt: skip
    several = len(rates) > 1
    kinds = np.asarray(seconds.tolist()) if several else np.asarray([0])
    colors = condition_colors(kinds, other) if several else ["#0072B2"]
    forms = forms_of(kinds, other) if is_angle(other) else list(range(len(rates)))
    for k, (row, color) in enumerate(zip(rates, colors, strict=True)):
        axes.errorbar(
            place, row, None if errors is None else errors[k], color=color, capsize=2, markersize=4,
            marker=MARKERS[k % len(MARKERS)], linestyle=DASHES[forms[k] % len(DASHES)] if joined else "none",
            linewidth=1.3, elinewidth=1.0, label=name_of(seconds[k]) if several else None,
        )  # fmt: skip


def _scale(
    axes: Axes, levels: npt.NDArray[Any], by: str, numbers: bool, names: Mapping[Any, str] | None
) -> None:
    """The axis of values: each named, where they are few enough."""
    if numbers:
        steps = np.diff(np.sort(levels.astype(np.float64)))
        grows = len(steps) > 1 and levels.min() > 0 and steps.max() > 1.9 * steps.min()
        if grows and not is_angle(by):
            axes.set_xscale("log", base=2)
        if len(levels) <= MANY:
            axes.set_xticks(levels, [name_of(one, names) for one in levels], minor=False)
            axes.set_xticks([], minor=True)
    else:
        called = [name_of(one, names) for one in levels]
        turned = 90 if max(map(len, called)) * len(called) > 40 else 0
        axes.set_xticks(range(len(levels)), called, rotation=turned, fontsize=8)
        axes.set_xlim(-0.6, len(levels) - 0.4)
    axes.set_xlabel(titled(by))


def _ranked(
    axes: Axes, levels: npt.NDArray[Any], rates: npt.NDArray[np.float64], errors: Any, by: str,
    names: Mapping[Any, str] | None,
) -> None:  # fmt: skip
    """Many values that are no quantities, such as images: by rank, the first of them named."""
    order = np.argsort(-rates, kind="stable")
    place = np.arange(len(order)) + 1
    axes.errorbar(
        place, rates[order], None if errors is None else errors[order], color="#0072B2", linestyle="none",
        marker="o", markersize=2.5, elinewidth=0.6,
    )  # fmt: skip
    best = ", ".join(name_of(one, names) for one in levels[order[:3]])
    axes.text(0.98, 0.95, f"best: {best}", transform=axes.transAxes, ha="right", va="top", fontsize=8)
    axes.set_xlim(0, len(order) + 1)
    axes.set_xlabel(f"{titled(by)}, by rank ({len(order)} values)")


def plot_tuning_sheet(
    values: npt.ArrayLike,
    mean: npt.ArrayLike,
    sem: npt.ArrayLike | None = None,
    *,
    by: str,
    unit_ids: npt.ArrayLike,
    blank: npt.ArrayLike | None = None,
    names: Mapping[Any, str] | None = None,
    most: int = 16,
    title: str = "",
    unit_labels: Mapping[Any, str] | None = None,
) -> Figure:
    """Draw the tuning curves of many units, of those whose rate varies most for what it is.

    Parameters
    ----------
    values
        The parameter's values: (values,).
    mean, sem
        Hz, (values, units); the standard error may be left out.
    by, names
        As for :func:`plot_tuning`.
    unit_ids
        (units,).
    blank
        The rate without a stimulus, Hz: (units,).
    most
        How many units at most. Of more, those with the largest variance of the rate, over the values, over its mean:
        the largest first.
    title
        Put above.
    unit_labels
        What is written beside a unit's id, such as its brain structure: id to text.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        There are no units, or shapes do not go together.

    Examples
    --------
    >>> figure = plot_tuning_sheet([0, 90], [[1.0, 4.0], [3.0, 4.5]], by="orientation", unit_ids=[7, 9])
    >>> len(figure.axes)
    2
    """
    rates = np.asarray(mean, dtype=np.float64)
    ids = np.asarray(unit_ids)
    if rates.ndim != 2 or rates.shape != (len(np.asarray(values)), len(ids)) or not len(ids):
        raise ArgumentError(
            f"a sheet takes means of (values, units), {len(ids)} units here, not {rates.shape}"
        )
    shown = most_changing(variance_over_mean(rates), most)
    figure, panels = sheet(len(shown), 4, 2.7, 2.2, sharex=True)
    for axes, unit in zip(panels, shown, strict=True):
        plot_tuning(
            values, rates[:, unit], None if sem is None else np.asarray(sem)[:, unit], by=by, names=names,
            blank=None if blank is None else float(np.asarray(blank)[unit]), ax=axes,
        )  # fmt: skip
        axes.set_title(unit_title(ids[unit], unit_labels), fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("")
        axes.set_ylabel("")
    rest = f" ({len(shown)} of {len(ids)} units: {LARGEST_CHANGE})" if len(shown) < len(ids) else ""
    levels = np.asarray(values)
    ranked = not _are_quantities(levels, by) and len(levels) > _RANKED
    rank = f", by rank in each ({len(levels)} values)" if ranked else ""
    below(figure, f"{titled(by)}{rank}{rest}")
    figure.supylabel("firing rate (Hz)", fontsize=9)
    if title:
        head(figure, title)
    return figure
