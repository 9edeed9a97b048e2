"""Tuning: responses over one or more parameters of a stimulus, which value is preferred, and how surely."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin.binning import Closed
from nwbin.errors import ArgumentError
from nwbin.estimates import binned_moments, bootstrap_means, mean_and_spread, resamples_of, unit_blocks
from nwbin.responses.groups import By, Conditions, conditions_by
from nwbin.responses.labelling import UNIT, Labelled, dataset, ids_of, plain
from nwbin.responses.matrix import check_window
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Preferred", "tuning"]

Preferred: TypeAlias = Literal["marginal", "joint"]
Floats = npt.NDArray[np.float64]


def tuning(
    trains: Trains,
    presentations: Any,
    by: By,
    window: tuple[float, float],
    *,
    preferred: Preferred = "marginal",
    resamples: int = 1000,
    seed: int = 0,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Average responses over the presentations of each combination of parameters, and find the preferred values.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s and a column for each of `by`. Presentations without a value (None, NaN: blank
        sweeps) are left out.
    by
        The parameters: a column, or several.
    window
        From and to, s from start_time.
    preferred
        "marginal": of each parameter the value with the largest mean over the combinations that have it, each of
        which counts alike, as in the published tables of Visual Coding. "joint": the values of the one combination
        with the largest mean. Of equal means the first value is taken, as in those tables.
    resamples
        How often each combination's presentations are drawn anew, with replacement, for the confidence; 0 for none.
    seed
        Of the draws, which are the same for all units: what comes out for a unit does not hang on the others.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.Dataset
        - firing_rate, sem: float64, Hz, dims (parameters in the order of `by`, unit_id); the mean over presentations
          and its standard error, NaN for one presentation. A combination that was not shown is NaN.
        - presentations: int64, dims (parameters).
        - preferred_NAME for each parameter (unit_id): one of its values; NaN (of text None) where all means are the
          same, as of a unit without spikes.
        - confidence_NAME (unit_id): the share of resamples in which the same value is preferred; `confidence`: in
          which those of all parameters are. NaN where none is preferred.

    Raises
    ------
    LookupFailure
        There is no such column.
    ArgumentError
        No parameter is named, no presentation has values of all of them, or the window has no length.

    Notes
    -----
    Resampling is a matrix product for each combination and all units at once. Working set: the result, and 128 MB.

    Examples
    --------
    >>> rows = {"start_time": [0.0, 1.0, 2.0, 3.0], "orientation": [0, 90, 0, 90]}
    >>> found = tuning({7: [0.1, 1.1, 1.2, 3.1, 3.2]}, rows, "orientation", (0, 0.5)).sel(unit_id=7)
    >>> found.firing_rate.values.tolist()
    [1.0, 4.0]
    >>> float(found.preferred_orientation), float(found.confidence_orientation)
    (90.0, 1.0)
    """
    rows, units = as_rows(presentations), as_trains(trains)
    first, last = check_window(window, rate=True)
    shown = conditions_by(rows, by)
    if not shown.names:
        raise ArgumentError("by must name a column of the presentations, or several")
    if clash := sorted({UNIT, "firing_rate", "sem", "presentations", "confidence"} & set(shown.names)):
        raise ArgumentError(f"by: a result has a {clash[0]!r} of its own; rename that column")
    if preferred not in ("marginal", "joint"):
        raise ArgumentError(f"preferred must be 'marginal' or 'joint', not {preferred!r}")
    resamples = resamples_of(resamples)
    warn_of_windows(rows, (first, last))
    onsets = times_of(rows, "start_time")
    number = int(np.prod(shown.shape))
    moments = binned_moments(units, onsets, [first, last], shown.grid, number, closed=closed, threads=threads)
    grid = (*shown.shape, len(units))
    trials = moments.trials.reshape(shown.shape)
    rates, sem = mean_and_spread(moments, np.full((1, 1), 1.0 / (last - first)))
    assert sem is not None
    rates, sem = rates.reshape(grid), sem.reshape(grid)
    dims = (*shown.names, UNIT)
    values: dict[str, Labelled] = {
        "firing_rate": (dims, rates, {"units": "Hz", "long_name": "firing rate"}),
        "sem": (dims, sem, {"units": "Hz", "long_name": "standard error of the mean"}),
        "presentations": (tuple(shown.names), trials, {}),
    }
    best = _preferred(rates.reshape(number, 1, -1), shown, preferred)[:, 0]
    values |= _values_at(best, shown)
    if resamples:
        windows = [[first, last]]
        agree = _agreement(
            units,
            onsets,
            windows,
            shown,
            best,
            preferred,
            resamples,
            seed,
            {"closed": closed, "threads": threads},
        )
        for name, share in zip(
            [*(f"confidence_{one}" for one in shown.names), "confidence"], agree, strict=True
        ):
            values[name] = ((UNIT,), share, {"units": "1", "long_name": "share of resamples that agree"})
    levels: dict[str, Labelled] = {
        name: ((name,), plain(found), {}) for name, found in zip(shown.names, shown.levels, strict=True)
    }
    attributes: dict[str, Any] = {"window": [first, last], "closed": closed, "preferred": preferred}
    if resamples:
        attributes |= {"resamples": resamples, "seed": seed}
    return dataset(values, {**levels, **ids_of(units)}, attributes)


def _values_at(best: npt.NDArray[np.int64], shown: Conditions) -> dict[str, Labelled]:
    """The preferred values by their places among the levels, -1 for none: (parameters, units)."""
    found: dict[str, Labelled] = {}
    for name, levels, at in zip(shown.names, shown.levels, best, strict=True):
        known = plain(levels)
        if known.dtype == object:
            values: npt.NDArray[Any] = np.where(at >= 0, known[at], np.asarray(None, object))
        else:
            values = np.where(at >= 0, known[at].astype(np.float64), np.nan)
        found[f"preferred_{name}"] = ((UNIT,), values, {})
    return found


def _preferred(means: Floats, shown: Conditions, how: Preferred) -> npt.NDArray[np.int64]:
    """The place of the preferred value among each parameter's levels: (parameters, resamples, units).

    Means are (places of the grid, resamples, units); -1 where those of all combinations that were shown are the same.
    One is compared after the other: how NumPy adds along an axis hangs on the number of units, and with it which of
    two equal means is the larger.
    """
    parts = np.unravel_index(shown.places, shown.shape)
    found = np.empty((len(parts), *means.shape[1:]), np.int64)
    if how == "joint":
        best = shown.places[_first_largest(means[place] for place in shown.places)]
        found[:] = np.stack(np.unravel_index(best, shown.shape))
    else:
        for one, part in enumerate(parts):
            levels = range(shown.shape[one])
            found[one] = _first_largest(_mean_of(means, shown.places[part == level]) for level in levels)
    low, high = means[shown.places[0]].copy(), means[shown.places[0]].copy()
    for place in shown.places[1:]:
        np.minimum(low, means[place], out=low)
        np.maximum(high, means[place], out=high)
    found[:, low == high] = -1
    return found


def _mean_of(means: Floats, places: npt.NDArray[np.int64]) -> Floats:
    """The mean over some combinations, which count alike: (resamples, units)."""
    total: Floats = means[places[0]].copy()
    for place in places[1:]:
        total += means[place]
    total /= len(places)
    return total


def _first_largest(values: Iterable[Floats]) -> npt.NDArray[np.int64]:
    """Which of some arrays is the largest, place by place; of equal ones the first."""
    parts = iter(values)
    best = next(parts).copy()
    at = np.zeros(best.shape, np.int64)
    for number, part in enumerate(parts, 1):
        better = part > best
        np.copyto(best, part, where=better)
        at[better] = number
    return at


def _agreement(
    units: SpikeTrains,
    onsets: Floats,
    windows: npt.ArrayLike,
    shown: Conditions,
    best: npt.NDArray[np.int64],
    how: Preferred,
    resamples: int,
    seed: int,
    counting: dict[str, Any],
) -> Floats:
    """The share of resamples that prefer the same value: (parameters and all of them together, units)."""
    number = int(np.prod(shown.shape))
    found = np.full((len(shown.names) + 1, len(units)), np.nan)
    for block, counts in unit_blocks(units, onsets, windows, **counting):
        drawn = bootstrap_means(counts[:, 0], shown.grid, number, resamples=resamples, seed=seed)
        for part, means in drawn:
            at = slice(block.start + part.start, block.start + part.stop)
            same = _preferred(means, shown, how) == best[:, None, at]
            shares = np.concatenate([same, same.all(axis=0, keepdims=True)]).mean(axis=1)
            found[:, at] = np.where(best[0, at] >= 0, shares, np.nan)
    return found
