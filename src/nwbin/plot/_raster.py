"""Spikes as ticks: one unit over presentations, and many units at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import axes_or_new, bare, name_of
from nwbin.plot.colors import titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_population_raster", "plot_raster"]

_NAMED = 24  # groups whose names fit beside the rows
_INKS = ("0.1", "#0072B2")
_VECTOR = 20_000  # ticks that are lines in a .pdf or .svg; more are points of an image in it


def _ticks(axes: Axes, time: npt.NDArray[Any], row: npt.NDArray[Any], color: Any, rows: int) -> None:
    axes.vlines(
        time, row + 0.05, row + 0.95, color=color, linewidth=0.9 if rows <= 200 else 0.6,
        rasterized=len(time) > _VECTOR,
    )  # fmt: skip


def _of_one_length(*arrays: npt.NDArray[Any]) -> None:
    if len({len(one) for one in arrays}) > 1 or any(one.ndim != 1 for one in arrays):
        raise ArgumentError(
            f"a raster takes a row and a time for each spike, (spikes,), not shapes {[one.shape for one in arrays]}"
        )


def plot_raster(
    presentation: npt.ArrayLike,
    time: npt.ArrayLike,
    *,
    presentations: int,
    window: tuple[float, float],
    conditions: npt.ArrayLike | None = None,
    by: str = "",
    duration: float | None = None,
    names: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one unit's spikes around the start of presentations, those of a condition together.

    Parameters
    ----------
    presentation
        Which presentation each spike belongs to, int (spikes,): such as ``nwbin.align_spikes(...).presentation``.
    time
        Each spike's time from its presentation's start, s: (spikes,).
    presentations
        How many there are; those without a spike have an empty row.
    window
        From and to, in s from onset.
    conditions
        Each presentation's condition, numbers or text: (presentations,). None and NaN, of no condition, come last,
        as "missing" or what `names` has for None. By default they stand in the order given.
    by
        What the conditions are.
    duration
        How long a presentation lasts, in s: shaded.
    names
        What some conditions are called, such as ``{-1: "-1 (blank)"}``, and None, such as ``{None: "blank"}``.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        The first condition, and in it the first presentation, at the top.

    Raises
    ------
    ArgumentError
        The arrays do not go together.

    Examples
    --------
    >>> ax = plot_raster([0, 0, 2], [0.01, 0.2, 0.1], presentations=3, window=(0, 0.25))
    >>> ax.get_ylabel()
    'presentation'
    """
    which, when = np.asarray(presentation, dtype=np.int64), np.asarray(time, dtype=np.float64)
    _of_one_length(which, when)
    if which.size and not 0 <= which.min() <= which.max() < presentations:
        raise ArgumentError(
            f"spikes belong to presentations 0 to {presentations - 1}, not {which.min()} to {which.max()}"
        )
    levels, code = _grouped(conditions, presentations)
    order = np.argsort(code, kind="stable")
    row_of = np.empty(presentations, np.int64)
    row_of[order] = np.arange(presentations)
    axes = axes_or_new(ax, 6.0, float(np.clip(1.2 + presentations * 0.02, 3.0, 9.0)))
    bounds = np.searchsorted(code[order], np.arange(len(levels) + 1))
    for k in range(len(levels)):
        # Neighbours in black and blue: conditions are named beside, and pale colors make no ticks.
        own = code[which] == k
        _ticks(axes, when[own], row_of[which[own]], _INKS[k % 2], presentations)
        if k:
            axes.axhline(bounds[k], color="0.8", linewidth=0.5, zorder=0)
    _frame(axes, window, presentations, duration)
    axes.set_ylabel("presentation")
    if by:
        step = max(1, -(-len(levels) // _NAMED))
        named = {None: "missing", **(names or {})}
        middle = (bounds[:-1] + bounds[1:])[::step] / 2
        axes.set_yticks(middle, [name_of(one, named) for one in levels[::step]], fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.set_ylabel(f"{titled(by)}, each presentation a row")
    return axes


def _grouped(conditions: npt.ArrayLike | None, number: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The distinct conditions in order, those without one last, and each presentation's number among them."""
    if conditions is None:
        return np.asarray(["all"], dtype=object), np.zeros(number, np.int64)
    given = np.asarray(conditions, dtype=object)
    if given.shape != (number,):
        raise ArgumentError(f"{number} presentations take as many conditions, not {given.shape}")
    there = np.asarray([one is not None and one == one for one in given], dtype=bool)
    found = set(given[there].tolist())
    levels = sorted(found, key=lambda one: (isinstance(one, str), one))
    place = {one: k for k, one in enumerate(levels)}
    code = np.asarray(
        [place.get(one, len(levels)) if ok else len(levels) for one, ok in zip(given, there, strict=True)]
    )
    return np.asarray(levels if there.all() else [*levels, None], dtype=object), code.astype(np.int64)


def _frame(axes: Axes, window: tuple[float, float], rows: int, duration: float | None) -> None:
    axes.set_xlim(*window)
    axes.set_ylim(max(rows, 1), 0)
    if duration is not None and window[0] < duration and window[1] > 0:
        axes.axvspan(max(0.0, window[0]), min(duration, window[1]), color="0.94", zorder=-1, linewidth=0)
    if window[0] < 0 < window[1]:
        axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xlabel("time from onset (s)")
    bare(axes)


def plot_population_raster(
    unit: npt.ArrayLike,
    time: npt.ArrayLike,
    *,
    units: int,
    window: tuple[float, float],
    groups: Sequence[Any] | None = None,
    shown: npt.ArrayLike | None = None,
    xlabel: str = "time (s)",
    ax: Axes | None = None,
) -> Axes:
    """Draw the spikes of many units over one stretch of time, a row a unit.

    Parameters
    ----------
    unit
        Which unit each spike belongs to, int (spikes,): such as ``nwbin.align_spikes(...).unit``.
    time
        Each spike's time, s: (spikes,).
    units
        How many there are; silent ones have an empty row.
    window
        From and to, in s.
    groups
        Each unit's group, such as its brain structure: (units,). Neighbours of a group are marked as such, so sort
        units by it.
    shown
        From when to when something was presented, s: (stretches, 2), shaded.
    xlabel
        What the time is.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        The first unit at the top.

    Raises
    ------
    ArgumentError
        The arrays do not go together.

    Examples
    --------
    >>> ax = plot_population_raster([0, 1, 1], [0.1, 0.2, 0.7], units=2, window=(0, 1), groups=["VISp", "LGd"])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['VISp', 'LGd']
    """
    which, when = np.asarray(unit, dtype=np.int64), np.asarray(time, dtype=np.float64)
    _of_one_length(which, when)
    if which.size and not 0 <= which.min() <= which.max() < units:
        raise ArgumentError(f"spikes belong to units 0 to {units - 1}, not {which.min()} to {which.max()}")
    axes = axes_or_new(ax, 7.5, float(np.clip(1.2 + units * 0.015, 3.0, 9.0)))
    if groups is not None and len(groups) != units:
        raise ArgumentError(f"{units} units take as many groups, not {len(groups)}")
    named = [
        str(one) if one == one and one is not None else "?" for one in ([] if groups is None else groups)
    ]
    begins = [k for k in range(len(named)) if k == 0 or named[k] != named[k - 1]]
    _frame(axes, window, units, None)
    for first, last in np.asarray(shown if shown is not None else np.empty((0, 2)), dtype=np.float64):
        axes.axvspan(max(first, window[0]), min(last, window[1]), color="0.93", zorder=-1, linewidth=0)
    if begins:
        ends = [*begins[1:], units]
        code = np.searchsorted(begins, which, side="right") - 1
        for k, first in enumerate(begins):
            own = code == k
            _ticks(axes, when[own], which[own], _INKS[k % 2], units)
            if first:
                axes.axhline(first, color="0.75", linewidth=0.5, zorder=0)
        room = [k for k, (a, b) in enumerate(zip(begins, ends, strict=True)) if b - a >= units / 70]
        axes.set_yticks([(begins[k] + ends[k]) / 2 for k in room], [name_of(named[begins[k]]) for k in room],
                        fontsize=8)  # fmt: skip
        axes.tick_params(axis="y", length=0)
    else:
        _ticks(axes, when, which, "0.1", units)
    axes.set_ylabel("unit" if not begins else "unit, by structure")
    axes.set_xlabel(xlabel)
    return axes
