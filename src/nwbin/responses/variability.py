"""How responses vary from trial to trial, alone and together, and what of them repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin._memory import taking
from nwbin._wording import counted
from nwbin.binning import Closed, as_seconds, bin_edges
from nwbin.errors import ArgumentError, warn
from nwbin.estimates import (
    condition_means,
    correlations,
    mean_and_spread,
    moments_of,
    pairwise_reliability,
    resamples_of,
    residuals,
    split_half_reliability,
    unit_blocks,
)
from nwbin.responses.groups import By, Conditions, conditions_by
from nwbin.responses.labelling import TIME, UNIT, Labelled, data_array, dataset, ids_of
from nwbin.responses.matrix import check_window
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["fano_factor", "noise_correlations", "reliability", "signal_correlations"]

Method: TypeAlias = Literal["split_half", "pairwise"]
Floats = npt.NDArray[np.float64]

OTHER = "other_unit_id"


def noise_correlations(
    trains: Trains,
    presentations: Any,
    window: tuple[float, float],
    *,
    by: By = None,
    scaled: bool = True,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.DataArray:
    """Correlate what units do beyond what the stimulus explains, from presentation to presentation.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s and a column for each of `by`; or, without `by`, onsets in s.
    window
        From and to, s from start_time, in which spikes are counted.
    by
        What makes a condition: a column, or several. By default all presentations are one. Those without a value, and
        conditions with one presentation, are left out.
    scaled
        True: counts of a condition, less their mean, are divided by their standard deviation, so that conditions weigh
        alike; where that is 0 they say nothing. False: only the mean is taken off.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.DataArray
        "noise_correlation", float64, dims (unit_id, other_unit_id): Pearson's coefficient over the presentations of
        all conditions together; symmetric, 1 on the diagonal, NaN for units that do not vary. `presentations` (how
        many took part) is an attribute.

    Raises
    ------
    ArgumentError
        No condition has two presentations, or the window has no length.

    Examples
    --------
    >>> found = noise_correlations({1: [0.1, 2.1], 2: [0.2, 2.2], 3: [1.1]}, [0.0, 1.0, 2.0], (0, 0.5))
    >>> found.sel(unit_id=1).values.round(3).tolist()
    [1.0, 1.0, -1.0]
    """
    rows, units = as_rows(presentations), as_trains(trains)
    shown = conditions_by(rows, by)
    counts = _counts(units, rows, window, {"closed": closed, "threads": threads})
    left = residuals(counts, shown.code, len(shown), scaled=scaled)
    if not len(left):
        raise ArgumentError("no condition has two presentations, so that there is nothing to vary")
    attributes = {
        "by": ", ".join(shown.names), "window": list(map(float, window)), "presentations": len(left), "closed": closed,
        "scaled": int(scaled), "units": "1",
    }  # fmt: skip
    values: Labelled = ((UNIT, OTHER), correlations(left), attributes)
    return data_array("noise_correlation", values, {**ids_of(units), **ids_of(units, OTHER)})


def signal_correlations(
    trains: Trains,
    presentations: Any,
    window: tuple[float, float],
    by: By,
    *,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.DataArray:
    """Correlate the mean responses of units over conditions: are they tuned alike?

    Parameters
    ----------
    trains, presentations, window, by, closed, threads
        As in :func:`noise_correlations`; `by` has to be given.

    Returns
    -------
    xarray.DataArray
        "signal_correlation", float64, dims (unit_id, other_unit_id): Pearson's coefficient over conditions, of means
        over presentations; symmetric, 1 on the diagonal, NaN for units whose means are all the same. Of few
        presentations means carry noise: what units share of that from presentation to presentation is in here too.

    Raises
    ------
    ArgumentError
        There are fewer than two conditions, or the window has no length.

    Examples
    --------
    >>> rows = {"start_time": [0.0, 1.0, 2.0], "color": [-1, 1, 0]}
    >>> found = signal_correlations({1: [0.1, 1.1, 1.2], 2: [1.1]}, rows, (0, 0.5), "color")
    >>> round(float(found[0, 1]), 3)
    0.866
    """
    rows, units = as_rows(presentations), as_trains(trains)
    shown = conditions_by(rows, by)
    if len(shown) < 2:
        raise ArgumentError(
            "a correlation over conditions needs two conditions at least; by says what they are"
        )
    counts = _counts(units, rows, window, {"closed": closed, "threads": threads})
    means = condition_means(counts, shown.code, len(shown))
    attributes = {
        "by": ", ".join(shown.names), "window": list(map(float, window)), "conditions": len(shown), "closed": closed,
        "units": "1",
    }  # fmt: skip
    values: Labelled = ((UNIT, OTHER), correlations(means), attributes)
    return data_array("signal_correlation", values, {**ids_of(units), **ids_of(units, OTHER)})


def reliability(
    trains: Trains,
    presentations: Any,
    window: tuple[float, float],
    by: By,
    *,
    bin_width: float | None = None,
    method: Method = "split_half",
    splits: int = 100,
    spearman_brown: bool = True,
    seed: int = 0,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Say how much of each unit's response repeats when the same is shown again.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s and a column for each of `by`.
    window
        From and to, s from start_time.
    by
        What makes a condition: a column, or several; "frame" of a movie.
    bin_width
        Divide the window into bins of this width, s. By default it is one bin.
    method
        "split_half": each condition's presentations are divided by lot into two halves, and the means of the halves
        are correlated (Pearson) over conditions and bins. "pairwise": the n-th presentations of all conditions make
        the n-th repeat (of a movie: once through), and the correlations of every pair of repeats, over conditions and
        bins, are averaged. Conditions shown less often than most are left out of it, with a warning.
    splits, seed
        How many divisions are averaged over, and the seed of the lot, which is the same for all units.
    spearman_brown
        Of split halves: 2 r / (1 + r), what the correlation would be of means over twice the presentations, all;
        r itself where it is not above 0.
        Repeats are compared as they are.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    xarray.Dataset
        By unit_id, float64: `reliability`; of split halves `split_half` (the mean correlation as it is) and
        `split_half_std` (its standard deviation over divisions); of repeats `repeats` (how many vary, int64). NaN
        for units whose response never varies over conditions and bins, as without spikes.

    Raises
    ------
    ArgumentError
        No condition, or fewer than two places (conditions times bins), has two presentations.

    Examples
    --------
    >>> onsets = np.arange(8.0)
    >>> rows = {"start_time": onsets, "frame": [0, 1, 2, 3] * 2}
    >>> found = reliability({7: onsets[[1, 5]] + 0.1}, rows, (0, 0.5), "frame", method="pairwise")
    >>> round(float(found.reliability.sel(unit_id=7)), 9)
    1.0
    """
    rows, units = as_rows(presentations), as_trains(trains)
    if method not in ("split_half", "pairwise"):
        raise ArgumentError(f"method must be 'split_half' or 'pairwise', not {method!r}")
    resamples_of(splits, 1, "splits")
    bounds = bin_edges(None, check_window(window, rate=True), bin_width)
    shown = conditions_by(rows, by)
    warn_of_windows(rows, bounds)
    windows = np.stack([bounds[:-1], bounds[1:]], axis=1)
    order = _repeats(shown) if method == "pairwise" else None
    if order is None:
        enough = int((np.bincount(shown.code[shown.code >= 0]) >= 2).sum())
    else:
        enough = order.shape[1] if len(order) >= 2 else 0
    if enough * len(windows) < 2:
        raise ArgumentError(
            "reliability needs two conditions or bins with two presentations each; there are "
            f"{enough * len(windows)}"
        )
    found = np.full((3, len(units)), np.nan)
    for block, counts in unit_blocks(
        units, times_of(rows, "start_time"), windows, closed=closed, threads=threads
    ):
        if order is None:
            halves = split_half_reliability(counts, shown.code, len(shown), splits=splits, seed=seed)
            found[0, block], found[1, block] = halves.mean, halves.spread
            continue
        repeats = counts[order].reshape(order.shape[0], -1, counts.shape[2])
        found[0, block], found[2, block] = pairwise_reliability(repeats)
    one = {"units": "1"}
    if order is None:
        whole = found[0].copy()
        if spearman_brown:  # of what is not alike, twice as many trials are no more alike
            alike = whole > 0
            whole[alike] = 2 * whole[alike] / (1 + whole[alike])
        values: dict[str, Labelled] = {
            "reliability": ((UNIT,), whole, one),
            "split_half": ((UNIT,), found[0], one),
            "split_half_std": ((UNIT,), found[1], one),
        }
    else:
        values = {
            "reliability": ((UNIT,), found[0], one),
            "repeats": ((UNIT,), found[2].astype(np.int64), {}),
        }
    attributes = {
        "by": ", ".join(shown.names), "window": [float(bounds[0]), float(bounds[-1])], "method": method,
        "conditions": enough, "closed": closed,
    }  # fmt: skip
    if order is None:
        attributes |= {"splits": splits, "seed": seed, "spearman_brown": int(spearman_brown)}
    return dataset(values, ids_of(units), attributes)


def fano_factor(
    trains: Trains,
    presentations: Any,
    windows: npt.ArrayLike,
    *,
    by: By = None,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Divide the variance of counts over presentations by their mean, window by window.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s and a column for each of `by`; or, without `by`, onsets in s.
    windows
        (windows, 2) or (2,): from and to, s from start_time; they may overlap, as :func:`sliding_windows` do.
    by
        What makes a condition: a column, or several. By default all presentations are one: then what the stimulus
        changes counts as variance too.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.Dataset
        Dims (condition, time_relative_to_stimulus_onset, unit_id), float64: fano_factor, variance (n - 1) and
        mean_count, spikes; presentations by condition. The factor is NaN where the mean is 0 and for a condition with
        one presentation. Coordinates as in :func:`psth`: the middle of each window, bin_start, bin_stop.

    Examples
    --------
    >>> found = fano_factor({7: [0.1, 1.1, 1.2, 1.3]}, [0.0, 1.0], (0, 0.5))
    >>> float(found.mean_count[0, 0, 0]), float(found.variance[0, 0, 0]), float(found.fano_factor[0, 0, 0])
    (2.0, 2.0, 1.0)
    """
    rows, units = as_rows(presentations), as_trains(trains)
    spans = as_seconds(windows, "windows")
    spans = spans[None] if spans.ndim == 1 else spans
    if spans.ndim != 2 or spans.shape[1] != 2 or not len(spans):
        raise ArgumentError(f"windows must be (from, to) in s, one or more; not of shape {spans.shape}")
    shown = conditions_by(rows, by)
    warn_of_windows(rows, [spans.min(), spans.max()])
    shape = (len(shown), len(spans), len(units))
    mean, variance = np.empty(shape), np.empty(shape)
    trials = np.zeros(len(shown), np.int64)
    for block, counts in unit_blocks(
        units, times_of(rows, "start_time"), spans, closed=closed, threads=threads
    ):
        moments = moments_of(counts, shown.code, len(shown))
        trials = moments.trials
        total, spread = mean_and_spread(moments, np.ones((1, 1)), of_mean=False)
        assert spread is not None
        mean[..., block], variance[..., block] = total, spread
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(mean > 0, variance / mean, np.nan)
    dims = ("condition", TIME, UNIT)
    values: dict[str, Labelled] = {
        "fano_factor": (dims, factor, {"units": "1"}),
        "mean_count": (dims, mean, {"units": "1", "long_name": "spikes"}),
        "variance": (dims, variance, {"units": "1", "long_name": "spikes squared"}),
        "presentations": (("condition",), trials, {}),
    }
    middle = spans[:, 0] + (spans[:, 1] - spans[:, 0]) / 2
    times: dict[str, Labelled] = {
        TIME: ((TIME,), middle, {"units": "s", "long_name": "middle of the window"}),
        "bin_start": ((TIME,), spans[:, 0], {"units": "s"}),
        "bin_stop": ((TIME,), spans[:, 1], {"units": "s"}),
    }
    attributes = {"by": ", ".join(shown.names), "closed": closed}
    return dataset(values, {**shown.labels(), **times, **ids_of(units)}, attributes)


def _counts(
    units: SpikeTrains, rows: pd.DataFrame, window: tuple[float, float], counting: dict[str, Any]
) -> Floats:
    """Counts of every presentation and unit in one window: float64 (rows, units)."""
    first, last = check_window(window, rate=True)
    warn_of_windows(rows, (first, last))
    onsets = times_of(rows, "start_time")
    what = f"counts of {len(rows):,} presentations x {len(units):,} units, and what is left of them,"
    with taking(4 * 8 * len(rows) * len(units), what, "take fewer units or presentations"):
        found = np.empty((len(rows), len(units)))
    for block, counts in unit_blocks(units, onsets, [(first, last)], **counting):
        found[:, block] = counts[:, 0]
    return found


def _repeats(shown: Conditions) -> npt.NDArray[np.intp]:
    """The rows of the n-th presentation of each condition: (repeats, conditions)."""
    number = np.bincount(shown.code[shown.code >= 0], minlength=len(shown))
    usual = int(np.bincount(number).argmax())
    kept = np.flatnonzero(number >= usual)
    if len(kept) < len(shown):
        less = len(shown) - len(kept)
        warn(
            f"{counted(less, 'condition')} of {len(shown):,} shown less often than most, {usual} times, and left out"
        )
    by_condition = np.argsort(shown.code, kind="stable")
    first = np.searchsorted(shown.code[by_condition], np.arange(len(shown)))
    found: npt.NDArray[np.intp] = by_condition[first[kept][None, :] + np.arange(usual)[:, None]]
    return found
