"""Gaussians fitted to maps: AllenSDK's way, one map after another, and all maps at once within bounds.

A stack of maps is float64 (units, rows, columns); parameters are (units, 5): height, centre row, centre column, and
the standard deviations along rows and along columns, in positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

from nwbin.kernels import gaussian

__all__ = ["Fits", "bounded_fits", "unbounded_fits"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], object]

_STEPS = 200  # of the bounded fit, at most
_SETTLED = 1e-10  # of the last step's length, relative to the parameters' ranges
_NARROWEST = 0.1  # positions: narrower than that, one position's height says nothing of the width
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-12, 1e12


class Fits(NamedTuple):
    """Gaussians.

    Attributes
    ----------
    height, row, column, along_rows, along_columns
        Float64 (units,). `along_rows` is the width in the direction in which the row's number grows.
    settled
        Whether the fit came to an end inside its bounds: bool (units,).
    """

    height: Floats
    row: Floats
    column: Floats
    along_rows: Floats
    along_columns: Floats
    settled: npt.NDArray[np.bool_]


def _fits(parameters: Floats, settled: npt.NDArray[np.bool_]) -> Fits:
    height, row, column, down, across = np.ascontiguousarray(parameters.T)
    return Fits(height, row, column, down, across, settled)


# ---------------------------------------------------------------- AllenSDK's


def _allens_start(one: Floats) -> tuple[float, float, float, float, float] | None:
    """Height, centre and widths to start from, as AllenSDK takes them.

    Its widths are mixed up: that along the rows is made of the row through the centre. A fit that settles does not
    hang on that, one that does not ends where it began, so it is kept.
    """
    rows, columns = np.indices(one.shape)
    total = one.sum()
    row, column = (rows * one).sum() / total, (columns * one).sum() / total
    if not (np.isfinite(row) and np.isfinite(column)):
        return None
    through_column, through_row = one[:, int(column)], one[int(row), :]
    down = np.sqrt(np.abs((np.arange(through_row.size) - row) ** 2 * through_row).sum() / through_row.sum())
    across = np.sqrt(
        np.abs((np.arange(through_column.size) - column) ** 2 * through_column).sum() / through_column.sum()
    )
    return one.max(), row, column, down, across


def _residuals(one: Floats) -> tuple[Callable[..., Floats], tuple[Floats, ...]]:
    """The Gaussian less a map, added up in AllenSDK's order so that a fit takes its steps; and its arguments."""
    if gaussian.COMPILED:  # calling it is the most of a fit, and this takes a quarter of NumPy's time
        return gaussian.residuals, (one,)
    rows, columns = (np.arange(n, dtype=np.float64) for n in one.shape)
    rows = rows[:, None]
    exp = np.exp

    def of(parameters: Floats) -> Floats:
        height, row, column, down, across = parameters.tolist()
        vertical, horizontal = rows - row, columns - column
        vertical /= down
        horizontal /= across
        vertical *= vertical
        horizontal *= horizontal
        values = vertical + horizontal  # fresh at every call: MINPACK keeps what it was given
        values *= -0.5
        exp(values, values)
        values *= height
        values -= one
        flat: Floats = values.reshape(-1)
        return flat

    return of, ()


def unbounded_fits(maps: Floats, progress: Progress | None = None) -> Fits:
    """Fit each map without bounds by MINPACK's Levenberg-Marquardt, from AllenSDK's start: its answers, to the step.

    Where a map has no centre (no spikes) everything is NaN. AllenSDK uses a fit whether it settled or not.
    """
    found = np.full((len(maps), 5), np.nan)
    settled = np.zeros(len(maps), dtype=bool)
    with np.errstate(all="ignore"):
        for unit, one in enumerate(np.ascontiguousarray(maps)):
            start = _allens_start(one)
            if start is not None:
                function, more = _residuals(one)
                # Asked for all that it knows, it does not warn of each fit that does not settle.
                found[unit], *_, how = optimize.leastsq(function, start, args=more, full_output=True)
                settled[unit] = how < 5
            if progress is not None and ((unit + 1) % 50 == 0 or unit + 1 == len(maps)):
                progress(unit + 1, len(maps))
    return _fits(found, settled)


# ---------------------------------------------------------------- within bounds, all at once


def _start(maps: Floats) -> Floats:
    """Each map's height, and its centre of mass and spread."""
    rows, columns = (np.arange(n, dtype=np.float64) for n in maps.shape[1:])
    total = maps.sum(axis=(1, 2))
    down, across = maps.sum(axis=2) / total[:, None], maps.sum(axis=1) / total[:, None]
    row, column = down @ rows, across @ columns
    spread_down = np.sqrt((down * (rows - row[:, None]) ** 2).sum(axis=1))
    spread_across = np.sqrt((across * (columns - column[:, None]) ** 2).sum(axis=1))
    return np.stack([maps.max(axis=(1, 2)), row, column, spread_down, spread_across], axis=1)


def _bounds(maps: Floats) -> tuple[Floats, Floats]:
    """From and to: a height above 0, a centre on the grid (its outermost positions' outer sides), widths up to it."""
    rows, columns = maps.shape[1:]
    low = np.array([0.0, -0.5, -0.5, _NARROWEST, _NARROWEST])
    high = np.array([np.inf, rows - 0.5, columns - 0.5, rows, columns])
    return low, high


def _gaussians(parameters: Floats, shape: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Profiles along rows and along columns, whose outer product is the Gaussian of height 1, and the distances."""
    rows, columns = (np.arange(n, dtype=np.float64) for n in shape)
    down = (rows - parameters[:, 1:2]) / parameters[:, 3:4]
    across = (columns - parameters[:, 2:3]) / parameters[:, 4:5]
    return down, across, np.exp(-(down[:, :, None] ** 2 + across[:, None, :] ** 2) / 2)


def _normal(parameters: Floats, maps: Floats) -> tuple[Floats, Floats, Floats]:
    """Half the squared error, its gradient, and the Gauss-Newton matrix: (units,), (units, 5), (units, 5, 5)."""
    units, pixels = len(maps), maps.shape[1] * maps.shape[2]
    down, across, shape = _gaussians(parameters, (maps.shape[1], maps.shape[2]))
    height, wide_down, wide_across = (parameters[:, at, None, None] for at in (0, 3, 4))
    model = height * shape
    error = (model - maps).reshape(units, pixels)
    down, across = down[:, :, None], across[:, None, :]
    slopes = [
        shape,
        model * down / wide_down,
        model * across / wide_across,
        model * down**2 / wide_down,
        model * across**2 / wide_across,
    ]
    jacobian = np.stack([one.reshape(units, pixels) for one in slopes], axis=1)
    gradient = np.einsum("upk,uk->up", jacobian, error)
    return 0.5 * np.einsum("uk,uk->u", error, error), gradient, jacobian @ jacobian.transpose(0, 2, 1)


def _cost(parameters: Floats, maps: Floats) -> Floats:
    *_, shape = _gaussians(parameters, (maps.shape[1], maps.shape[2]))
    error = parameters[:, 0, None, None] * shape - maps
    half: Floats = 0.5 * np.einsum("urc,urc->u", error, error)
    return half


def bounded_fits(maps: Floats) -> Fits:
    """Fit all maps at once, by Levenberg and Marquardt's steps cut off at bounds.

    The start is a map's largest value, centre of mass and spread. The height is at least 0, the centre on the grid, up
    to the outer sides of its outermost positions, widths from 0.1 positions to the grid's. Steps go on until one is
    shorter than 1e-10 of the parameters' ranges. What ends on a bound, or not within 200 steps, has not settled, nor
    has a map without spikes.

    Returns
    -------
    Fits
        NaN where the fit did not settle.
    """
    units = len(maps)
    found, settled = np.full((units, 5), np.nan), np.zeros(units, dtype=bool)
    top = maps.max(axis=(1, 2), initial=-np.inf)
    some = np.flatnonzero(np.isfinite(maps).all(axis=(1, 2)) & (top > 0) & (maps.sum(axis=(1, 2)) > 0))
    if not some.size:
        return _fits(found, settled)
    scaled = maps[some] / top[some, None, None]
    low, high = _bounds(maps)
    parameters, ended = _levenberg(scaled, np.clip(_start(scaled), low, high), low, high)
    inside = ((parameters > low) & (parameters < high)).all(axis=1)
    good = ended & inside
    parameters[:, 0] *= top[some]
    found[some[good]], settled[some[good]] = parameters[good], True
    return _fits(found, settled)


def _levenberg(
    maps: Floats, start: Floats, low: Floats, high: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Go down from the start; which have come to an end."""
    found, ended = start.copy(), np.zeros(len(start), dtype=bool)
    active = np.arange(len(start))
    state: Any = None
    damping = np.full(len(start), _FIRST_DAMPING)
    reach = np.where(np.isfinite(high), high - low, 1.0)
    for _ in range(_STEPS):
        here, of = found[active], maps[active]
        if state is None:
            state = _normal(here, of)
        cost, gradient, matrix = state
        step = _step(here, gradient, matrix, damping[active], low, high)
        there = np.clip(here + step, low, high)
        moved = there - here
        new = _cost(there, of)
        better = new < cost
        short = (np.abs(moved) <= _SETTLED * reach).all(axis=1)
        found[active[better]] = there[better]
        damping[active] = np.maximum(_LEAST_DAMPING, damping[active] * np.where(better, 0.1, 10.0))
        over = short | (damping[active] > _MOST_DAMPING)
        ended[active[over]] = True
        if over.all():
            break
        going = ~over
        again = going & better
        fresh = _normal(found[active[again]], maps[active[again]])
        for kept, made in zip(state, fresh, strict=True):
            kept[again] = made
        state = tuple(kept[going] for kept in state)
        active = active[going]
    return found, ended


def _step(
    here: Floats, gradient: Floats, matrix: Floats, damping: Floats, low: Floats, high: Floats
) -> Floats:
    """One damped step; parameters on a bound that would leave it stay there."""
    held = ((here <= low) & (gradient > 0)) | ((here >= high) & (gradient < 0))
    free = ~held
    system = np.where(free[:, :, None] & free[:, None, :], matrix, 0.0)
    at = np.arange(system.shape[1])
    # Scaled to a diagonal of ones, so that damping is as strong for each parameter. One that changes nothing (a width
    # of 0.1, the centre between two positions) has no slope at all.
    size = np.sqrt(system[:, at, at])
    size = np.maximum(size, 1e-9 * size.max(axis=1, keepdims=True) + np.finfo(float).tiny)
    system /= size[:, :, None] * size[:, None, :]
    system[:, at, at] += damping[:, None]
    downhill = np.where(free, -gradient, 0.0) / size
    return np.linalg.solve(system, downhill[:, :, None])[:, :, 0] / size
