"""What a unit's receptive field is like, in numbers: where it is, how large, and whether there is any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.binning import Closed, count_in_windows
from nwbin.errors import ArgumentError
from nwbin.responses.position_maps import Positions, positions_of, sums_by_position
from nwbin.responses.windows import times_of
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.metrics._field_fits import Fits
    from nwbin.metrics.common import Convention, SessionView

__all__ = ["FieldOptions", "field_columns", "field_maps", "position_p_values", "receptive_field_metrics"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], object]

COLUMNS = (
    "azimuth_rf", "elevation_rf", "width_rf", "height_rf", "area_rf", "p_value_rf", "on_screen_rf", "suppressed_rf",
)  # fmt: skip
FLAGS = ("on_screen_rf", "suppressed_rf")

# In degrees: what AllenSDK takes the middle of the screen for, where x_position and y_position are 0.
_AZIMUTH, _ELEVATION = 50.0, 10.0
_ALLEN_STEP, _ALLEN_LEFT, _ALLEN_BOTTOM, _ALLEN_ROWS = 10.0, 10.0, -30.0, 9
# s from onset, both ends included. AllenSDK halves it, and a spike exactly at 0.1245 s then counts twice; no recorded
# spike lies there, but spikes that were laid out from counts do, in many presentations, and the counts are right.
_MAP = (0.0, 0.249)
_DECIMALS = 4  # of centres, in positions


@dataclass(frozen=True)
class FieldOptions:
    """How receptive fields are measured; the defaults are those of the published tables.

    Attributes
    ----------
    trial_duration
        Spikes from 0 to this, both included, decide whether there is a receptive field, in s.
    minimum_spikes
        Units with fewer in all trials together have none.
    deviations
        How many standard deviations below a smoothed map's maximum a position may lie and belong.
    resamples
        Of trials, for p_value_rf.
    """

    trial_duration: float = 0.25
    minimum_spikes: float = 10
    deviations: float = 1.0
    resamples: int = 1000


def receptive_field_metrics(
    session_view: SessionView,
    unit_ids: npt.ArrayLike | None = None,
    *,
    convention: Convention | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Measure the receptive fields of a session's units.

    Parameters
    ----------
    session_view
        The session.
    unit_ids
        Which of its units, in this order; all by default.
    convention
        By whose rules; those of the view by default.
    seed
        Of the resampling of trials.
    progress
        Called with (parts of the work done, parts in all).

    Returns
    -------
    pandas.DataFrame
        By unit_id, the columns of :func:`field_columns`; NaN and False where no gabors were shown.
    """
    import pandas as pd

    chosen = session_view.unit_ids if unit_ids is None else np.asarray(unit_ids)
    by = convention or session_view.convention
    trains = session_view.trains.select(chosen)
    index = pd.Index(trains.unit_ids, name="unit_id")
    view = session_view.stimulus("rf")
    if view is None:
        names = COLUMNS if by == "corrected" else COLUMNS[:-1]
        nothing = {name: np.full(len(index), False if name in FLAGS else np.nan) for name in names}
        return pd.DataFrame(nothing, index=index)
    found = field_columns(trains, view.presentations, convention=by, seed=seed, progress=progress)
    return pd.DataFrame(found, index=index)


def field_maps(trains: Trains, onsets: Floats, positions: Positions) -> npt.NDArray[np.int64]:
    """Add up spikes in 0.249 s from onset by position, both ends included.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    onsets
        In s: (presentations,).
    positions
        Where they were.

    Returns
    -------
    numpy.ndarray
        int64 (units, rows, columns), row 0 at the top of the screen.
    """
    return _maps(count_in_windows(trains, onsets, _MAP, closed="both")[:, 0], positions)


def _maps(counts: npt.NDArray[np.integer], positions: Positions) -> npt.NDArray[np.int64]:
    rows, columns = positions.shape
    sums = sums_by_position(counts, positions.cell, rows * columns).T.reshape(-1, rows, columns)
    return np.ascontiguousarray(sums[:, ::-1])


def position_p_values(
    trains: Trains,
    presentations: pd.DataFrame,
    window: tuple[float, float],
    *,
    closed: Closed = "left",
    seed: int = 0,
) -> Floats:
    """Say how likely a map as uneven as each unit's is by chance: p_value_rf, of any window.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        With start_time in s, x_position and y_position in degrees; those without a position are left out.
    window
        From and to, s from start_time.
    closed
        As in :func:`nwbin.count_in_windows`.
    seed
        Of the positions that are dealt to trials anew, 1,000 times, the same for all units.

    Returns
    -------
    numpy.ndarray
        float64 (units,): (1 + number of deals whose chi-square over positions is at or above the unit's) / 1,001.

    Raises
    ------
    LookupFailure
        The table lacks a column.
    ArgumentError
        No presentation has a position.
    MissingDependencyError
        SciPy is not installed.
    """
    need("scipy", "metrics", "how likely receptive fields are by chance")
    from nwbin.metrics._position_tests import p_values

    positions = positions_of(presentations)
    shown = positions.cell >= 0
    onsets = times_of(presentations, "start_time")[shown]
    counts = count_in_windows(trains, onsets, window, closed=closed)[:, 0]
    return p_values(counts, positions.cell[shown], replace=False, seed=seed)


def field_columns(
    trains: Trains,
    presentations: pd.DataFrame,
    *,
    convention: Convention = "corrected",
    seed: int = 0,
    options: FieldOptions | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Measure receptive fields.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        Of gabors, with start_time in s, x_position and y_position in degrees.
    convention
        "corrected", or "allen" (AllenSDK 2.16.2, faults included).
    seed
        Of the resampling of trials, which is the same for all units.
    options
        How they are measured.
    threads
        Threads to use; all cores by default.
    progress
        Called with (parts of the work done, parts in all).

    Returns
    -------
    dict of str to numpy.ndarray
        azimuth_rf, elevation_rf (centre of the thresholded field, degrees: x_position + 50 and y_position + 10, as
        AllenSDK counts), width_rf, height_rf (standard deviations of a fitted Gaussian along azimuth and elevation,
        degrees), area_rf (of the thresholded field, square degrees),
        p_value_rf (chi-square over positions against trials dealt anew), all float64 (units,) and NaN where there is
        no field or no fit; on_screen_rf, bool; and with "corrected" suppressed_rf, bool: whether the map was turned
        upside down because the unit fires less where the stimulus is.

    Raises
    ------
    LookupFailure
        The table lacks a column.
    ArgumentError
        No presentation has a position, or the positions are not on an even grid ("corrected").
    MissingDependencyError
        SciPy is not installed.

    Notes
    -----
    Working set: 12 bytes a presentation and unit, and some 100 MB.
    """
    need("scipy", "metrics", "measuring receptive fields")
    from nwbin.metrics._position_tests import p_values

    chosen = options or FieldOptions()
    trains = as_trains(trains)
    corrected = convention == "corrected"
    positions = positions_of(presentations)
    shown = positions.cell >= 0
    onsets = times_of(presentations, "start_time")[shown]
    positions = positions._replace(cell=positions.cell[shown])
    if corrected:
        positions = _on_a_grid(positions)
    windows = np.array([_MAP, (0.0, chosen.trial_duration)])
    counts = count_in_windows(trains, onsets, windows, closed="both", threads=threads)
    enough = counts[:, 1].sum(axis=0, dtype=np.int64) >= chosen.minimum_spikes
    total = int(enough.sum())

    def at(first: int) -> Progress | None:
        if progress is None:
            return None
        return lambda done, of: progress(first * total + done * total // max(1, of), 2 * total)

    p = p_values(
        counts[:, 1][:, enough], positions.cell, replace=not corrected, seed=seed, resamples=chosen.resamples,
        threads=threads, progress=at(0),
    )  # fmt: skip
    maps = _maps(counts[:, 0][:, enough], positions)
    found = (_corrected if corrected else _allens)(maps, positions, chosen, at(1))
    return _of_all({**found, "p_value_rf": p}, enough)


def _of_all(found: dict[str, npt.NDArray[Any]], enough: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """The values of units that had enough spikes, among all: NaN or False for the others."""
    whole = {}
    for name in COLUMNS:
        if name in found:
            whole[name] = np.full(len(enough), False if name in FLAGS else np.nan)
            whole[name][enough] = found[name]
    return whole


def _on_a_grid(positions: Positions) -> Positions:
    """The same on an even grid of one step, with the positions at which nothing was shown."""
    rows, columns = np.divmod(positions.cell, len(positions.x))
    y, row = _even(positions.y)
    x, column = _even(positions.x)
    return Positions(y, x, row[rows] * len(x) + column[columns])


def _even(levels: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Evenly spaced levels, and the place of each of the given ones among them."""
    if len(levels) < 2:
        return levels, np.zeros(len(levels), np.int64)
    step = float(np.diff(levels).min())
    place = np.rint((levels - levels[0]) / step).astype(np.int64)
    if place[-1] > 1000 or not np.allclose(levels[0] + place * step, levels, rtol=0, atol=1e-3 * step):
        raise ArgumentError(
            f"receptive fields are measured on an even grid, and the positions {levels.tolist()[:12]} degrees are on "
            "none; nwbin.responses.receptive_fields makes maps of any positions"
        )
    return levels[0] + np.arange(place[-1] + 1) * step, place


def _step(levels: Floats) -> float:
    return float(levels[1] - levels[0]) if len(levels) > 1 else 1.0


# ---------------------------------------------------------------- AllenSDK's


def _allens(
    maps: npt.NDArray[np.int64], positions: Positions, options: FieldOptions, progress: Progress | None
) -> dict[str, npt.NDArray[Any]]:
    """By AllenSDK's rules: whole numbers smoothed; a map that is turned upside down is so for the fit only."""
    from nwbin.metrics._field_fits import unbounded_fits
    from nwbin.metrics._field_masks import inverted, masks, smoothed

    gaps = positions.presentations[::-1] == 0
    values = np.where(gaps, np.nan, maps)  # AllenSDK has NaN there, and then no whole numbers
    field = masks(smoothed(values if gaps.any() else maps), options.deviations)
    fits = unbounded_fits(inverted(values, field.covers_edge), progress)
    row, column = np.around(field.row, _DECIMALS), np.around(field.column, _DECIMALS)
    return {
        "azimuth_rf": column * _ALLEN_STEP + _ALLEN_LEFT,
        "elevation_rf": (_ALLEN_ROWS - 1 - row) * _ALLEN_STEP + _ALLEN_BOTTOM,
        "width_rf": fits.along_columns * _ALLEN_STEP,
        "height_rf": fits.along_rows * _ALLEN_STEP,
        "area_rf": field.pixels * _ALLEN_STEP**2,
        "on_screen_rf": _on_screen(fits, maps),
    }


def _on_screen(fits: Fits, maps: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether the fitted centre lies on the screen, by AllenSDK's rule."""
    rows, columns = maps.shape[1:]
    inside = (fits.row > 0) & (fits.row < rows) & (fits.column > 0) & (fits.column < columns)
    return np.asarray(inside)


# ---------------------------------------------------------------- corrected


def _corrected(
    maps: npt.NDArray[np.int64], positions: Positions, options: FieldOptions, progress: Progress | None
) -> dict[str, npt.NDArray[Any]]:
    """Smoothed as they are; a suppressed unit's centre, area and size are all those of its map upside down."""
    from nwbin.metrics._field_fits import bounded_fits
    from nwbin.metrics._field_masks import Masks, inverted, masks, smoothed

    gaps = positions.presentations[::-1] == 0
    values = np.where(gaps, np.nan, maps)
    field = masks(smoothed(values), options.deviations)
    suppressed = field.covers_edge
    values = inverted(values, suppressed)
    turned = masks(smoothed(values[suppressed]), options.deviations)
    field = Masks(*(_put(whole, suppressed, part) for whole, part in zip(field, turned, strict=True)))
    fits = bounded_fits(values)
    if progress is not None:
        progress(1, 1)
    row, column = np.around(field.row, _DECIMALS), np.around(field.column, _DECIMALS)
    up, across = _step(positions.y), _step(positions.x)
    unknown = np.full(len(maps), bool(gaps.any()))
    return {
        "azimuth_rf": column * across + (positions.x[0] + _AZIMUTH),
        "elevation_rf": (len(positions.y) - 1 - row) * up + (positions.y[0] + _ELEVATION),
        "width_rf": fits.along_columns * across,
        "height_rf": fits.along_rows * up,
        "area_rf": np.where(unknown, np.nan, field.pixels * (up * across)),
        "on_screen_rf": _on_screen(fits, maps),
        "suppressed_rf": suppressed,
    }


def _put(whole: npt.NDArray[Any], where: npt.NDArray[np.bool_], part: npt.NDArray[Any]) -> npt.NDArray[Any]:
    whole = whole.copy()
    whole[where] = part
    return whole
