"""Receptive fields: what units answer to small stimuli, by where these stand on the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin._wording import be, counted
from nwbin.binning import Closed, Progress, iter_bin_spikes
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.responses.counts import UNIT
from nwbin.responses.matrix import check_window
from nwbin.responses.windows import times_of, warn_if_too_long, what_rows_are
from nwbin.tables.missing import as_numbers
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Positions", "positions_of", "receptive_fields", "sums_by_position"]

X, Y, ORIENTATION = "x_position", "y_position", "orientation"
_BLOCK = 32 << 20


class Positions(NamedTuple):
    """Where on the screen stimuli were shown: a grid, and the place of each presentation on it.

    Attributes
    ----------
    y, x
        The distinct positions in degrees, ascending: float64 (rows,) and (columns,).
    cell
        Of each presentation, ``row * columns + column``; -1 where it has no position: int64 (presentations,).
    """

    y: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    cell: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return len(self.y), len(self.x)

    @property
    def presentations(self) -> npt.NDArray[np.int64]:
        """How many there are at each position: int64 (rows, columns)."""
        counts = np.bincount(self.cell[self.cell >= 0], minlength=math.prod(self.shape))
        return counts.astype(np.int64).reshape(self.shape)


def positions_of(rows: pd.DataFrame) -> Positions:
    """Find the grid on which stimuli were shown.

    Parameters
    ----------
    rows
        Presentations with x_position and y_position in degrees. Where one is missing, or is no number, the
        presentation has no position (a blank sweep, say).

    Returns
    -------
    Positions

    Raises
    ------
    LookupFailure
        The table has no such column.
    ArgumentError
        No presentation has a position.
    """
    for name in (X, Y):
        if name not in rows.columns:
            raise LookupFailure(
                f"the presentations have no column {name!r}, and receptive fields go by x_position and "
                f"y_position; {nearest(name, rows.columns)}"
            )
    x, y = (as_numbers(rows[name].to_numpy()) for name in (X, Y))
    there = np.isfinite(x) & np.isfinite(y)
    if not there.any():
        raise ArgumentError(
            f"none of the {len(rows):,} {what_rows_are(rows)}s has an x_position and a y_position, by which "
            "receptive fields go; gabors have them"
        )
    across, column = np.unique(x[there], return_inverse=True)
    up, row = np.unique(y[there], return_inverse=True)
    cell = np.full(len(rows), -1, dtype=np.int64)
    cell[there] = row * len(across) + column
    return Positions(up, across, cell)


def sums_by_position(
    counts: npt.NDArray[np.integer], cell: npt.NDArray[np.int64], cells: int
) -> npt.NDArray[np.int64]:
    """Add up counts of presentations that share a cell.

    Parameters
    ----------
    counts
        (presentations, units).
    cell
        Of each presentation, from 0 to `cells` - 1; what is -1 is left out: (presentations,).
    cells
        How many there are.

    Returns
    -------
    numpy.ndarray
        int64 (cells, units).
    """
    total = np.zeros((cells, counts.shape[1]), dtype=np.int64)
    order = np.argsort(cell, kind="stable")
    order = order[np.searchsorted(cell[order], 0) :]
    if order.size:
        known, first = np.unique(cell[order], return_index=True)
        total[known] = np.add.reduceat(counts[order], first, axis=0, dtype=np.int64)
    return total


def receptive_fields(
    trains: Trains,
    presentations: pd.DataFrame,
    window: tuple[float, float] = (0.0, 0.25),
    *,
    by_orientation: bool = False,
    closed: Closed = "left",
    threads: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Average each unit's spikes over the presentations at each position of a small stimulus (gabors).

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        With `start_time` in s, x_position and y_position in degrees, on any grid. Those that have no position
        are left out, with a warning.
    window
        From and to, in s from start_time. One far longer than the presentations brings a warning.
    by_orientation
        A map for each orientation (degrees), in place of one over all. Presentations without one are then left
        out too.
    closed, threads
        As in :func:`nwbin.bin_spikes`; "left" is [from, to).
    progress
        Called with (presentations done, presentations in all), once at least.

    Returns
    -------
    xarray.Dataset
        Dims (unit_id, y_position, x_position), then orientation where it is asked for; positions ascend, so that
        row 0 is the lowest on the screen. `spike_count`, int64, the sum over presentations; `mean_count`, float64,
        spikes a presentation; `firing_rate`, float64, Hz; `presentations`, int64, how many, without unit_id. Where
        none was shown the mean and the rate are NaN. Positions are those of the table; the metrics azimuth_rf and
        elevation_rf are x_position + 50 and y_position + 10, as AllenSDK counts.

    Raises
    ------
    LookupFailure
        The table lacks a column.
    ArgumentError
        No presentation has a position; the window is none.
    NotEnoughMemoryError
        The maps do not fit in memory.

    Notes
    -----
    Working set: the result, 24 bytes a unit and position, and up to 100 MB for counts.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = pd.DataFrame({"start_time": [0.0, 1.0], "x_position": [-10.0, 10.0], "y_position": [0.0, 0.0]})
    >>> maps = receptive_fields({7: [0.1, 0.2, 1.1]}, shown)
    >>> maps["mean_count"].sel(unit_id=7).to_numpy().tolist()
    [[2.0, 1.0]]
    """
    trains = as_trains(trains)
    first, last = check_window(window, True)
    warn_if_too_long(presentations, (first, last))
    positions = positions_of(presentations)
    cell, angles = positions.cell, None
    if by_orientation:
        cell, angles = _with_orientation(presentations, cell)
    _note_left_out(presentations, cell, by_orientation)
    shape = (*positions.shape, *(() if angles is None else (len(angles),)))
    cells, units = math.prod(shape), len(trains)
    what = f"receptive fields of {units:,} units at {cells:,} positions"
    with taking(4 * 8 * cells * units, what, "ask for fewer units at a time"):
        total = np.zeros((cells, units), dtype=np.int64)
    onsets = times_of(presentations, "start_time")
    blocks = iter_bin_spikes(
        trains, onsets[cell >= 0], (first, last), closed=closed, dtype=np.uint32, threads=threads,
        max_bytes=max(_BLOCK, 4 * units), reuse=True, progress=progress,
    )  # fmt: skip
    kept = cell[cell >= 0]
    for rows, block in blocks:
        total += sums_by_position(block[:, 0, :], kept[rows], cells)
    shown = np.bincount(kept, minlength=cells).astype(np.int64)
    return _labelled(total.T, shown, shape, positions, angles, trains.unit_ids, (first, last), closed)


def _with_orientation(
    rows: pd.DataFrame, cell: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Cells told apart by orientation too, and the orientations."""
    if ORIENTATION not in rows.columns:
        raise LookupFailure(
            f"the presentations have no column {ORIENTATION!r}; {nearest(ORIENTATION, rows.columns)}"
        )
    found = as_numbers(rows[ORIENTATION].to_numpy())
    there = np.isfinite(found) & (cell >= 0)
    if not there.any():
        raise ArgumentError(f"no {what_rows_are(rows)} at a position has an orientation")
    angles, place = np.unique(found[there], return_inverse=True)
    finer = np.full(len(cell), -1, dtype=np.int64)
    finer[there] = cell[there] * len(angles) + place
    return finer, angles


def _note_left_out(rows: pd.DataFrame, cell: npt.NDArray[np.int64], by_orientation: bool) -> None:
    out = int((cell < 0).sum())
    if out:
        lacks = "position or orientation" if by_orientation else "position"
        warn(f"{counted(out, what_rows_are(rows))} without {lacks} {be(out)} left out of receptive fields")


def _labelled(
    total: npt.NDArray[np.int64],
    shown: npt.NDArray[np.int64],
    shape: tuple[int, ...],
    positions: Positions,
    angles: npt.NDArray[np.float64] | None,
    unit_ids: npt.ArrayLike,
    window: tuple[float, float],
    closed: Closed,
) -> xr.Dataset:
    import xarray as xr

    dims = (Y, X, *(() if angles is None else (ORIENTATION,)))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / shown
    rate = mean / (window[1] - window[0])

    def over_units(values: npt.NDArray[Any], **attributes: str) -> xr.Variable:
        # Else xarray looks whether this is an array of Dask's, and loads all of Dask for that.
        return xr.Variable((UNIT, *dims), values.reshape(-1, *shape), attributes, fastpath=True)

    degrees = {"units": "degrees"}
    found = {
        "spike_count": over_units(
            np.ascontiguousarray(total), long_name="number of spikes, over all presentations"
        ),
        "mean_count": over_units(mean, long_name="spikes a presentation"),
        "firing_rate": over_units(rate, long_name="mean firing rate", units="Hz"),
        "presentations": xr.Variable(dims, shown.reshape(shape), {"long_name": "number of presentations"}),
    }
    coords = {
        UNIT: np.asarray(unit_ids),
        Y: (Y, positions.y, degrees | {"long_name": "vertical position, upwards"}),
        X: (X, positions.x, degrees | {"long_name": "horizontal position"}),
    }
    if angles is not None:
        coords[ORIENTATION] = (ORIENTATION, angles, degrees)
    attributes = {"window_start": window[0], "window_stop": window[1], "closed": closed}
    return xr.Dataset(found, coords=coords, attrs=attributes)
