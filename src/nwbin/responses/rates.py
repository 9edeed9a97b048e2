"""Firing rates around the start of presentations, by condition: peri-stimulus time histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from nwbin.binning import Closed, bin_edges
from nwbin.errors import ArgumentError
from nwbin.estimates import Kernel, binned_moments, mean_and_spread, smoothing_matrix
from nwbin.responses.groups import By, Conditions, conditions_by
from nwbin.responses.labelling import TIME, UNIT, Labelled, dataset, ids_of, times_of_bins
from nwbin.responses.matrix import check_window
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Normalize", "psth"]

Normalize: TypeAlias = Literal["subtract", "zscore"]
Floats = npt.NDArray[np.float64]


def psth(
    trains: Trains,
    presentations: Any,
    edges: npt.ArrayLike,
    *,
    by: By = None,
    baseline: tuple[float, float] | None = None,
    normalize: Normalize | None = None,
    smooth: float | None = None,
    kernel: Kernel = "gaussian",
    spread: bool = True,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Average firing rates over the presentations of each condition, in bins around their start.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s and a column for each of `by`; or, without `by`, onsets alone, in s.
    edges
        (bins + 1,) s from start_time, of bins of any widths. A spike on an edge belongs to the later bin; `closed`
        changes that.
    by
        A column, or several: a condition is a combination of their values that was shown. Presentations without a
        value (None, NaN) are left out. By default all presentations are one condition, "all".
    baseline
        From and to, s from start_time: a window before it, say. Each unit's rate there, its mean and standard
        deviation (n - 1) over all the presentations that are averaged, whatever their condition, is returned, and
        rates are normalised by it.
    normalize
        "subtract" (the default with a baseline): the baseline's mean is subtracted. "zscore": and the difference is
        divided by the baseline's standard deviation. Such values hang on no width of bin; they are NaN for units
        whose rate in the baseline is the same in every presentation.
    smooth
        Sigma of the kernel that each presentation's rates are smoothed by, s; see
        :func:`nwbin.estimates.smoothing_matrix`. The s.e.m. is that of smoothed rates.
    kernel
        "gaussian", or "half_gaussian", which is causal.
    spread
        False leaves out the s.e.m., for half the memory.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    xarray.Dataset
        Dims (condition, time_relative_to_stimulus_onset, unit_id).

        - firing_rate: float64, Hz (`units` "1" for z-scores).
        - sem: the standard error of that mean over presentations, NaN for a condition with only one.
        - presentations: int64 (condition,).
        - baseline_rate, baseline_std: float64 (unit_id,), Hz, with a baseline.

        Coordinates: condition (the values of `by`; of several columns numbers, with a coordinate for each column),
        the centers of bins, bin_start and bin_stop, all s from start_time; unit_id.

    Raises
    ------
    LookupFailure
        There is no such column.
    ArgumentError
        There are no presentations, or none with a value; edges, windows or the kernel make no sense.
    NotEnoughMemoryError
        The result does not fit in memory.

    Warns
    -----
    NwbinWarning
        Windows of neighbouring presentations overlap, so that a spike counts for both; or they are far longer than
        the presentations.

    Notes
    -----
    Working set: the result, 16 bytes a condition, bin and unit, and 64 MB of counts at a time.

    Examples
    --------
    >>> rows = {"start_time": [0.0, 1.0, 2.0], "contrast": [0.2, 0.8, 0.8]}
    >>> found = psth({7: [0.1, 1.1, 1.2, 2.1]}, rows, [0.0, 0.25, 0.5], by="contrast")
    >>> found.firing_rate.sel(unit_id=7).values.tolist()
    [[4.0, 0.0], [6.0, 0.0]]
    >>> found.presentations.values.tolist()
    [1, 2]
    """
    rows, units = as_rows(presentations), as_trains(trains)
    bounds = bin_edges(edges)
    shown = conditions_by(rows, by)
    if baseline is None and normalize is not None:
        raise ArgumentError(f"normalize={normalize!r} needs a baseline: a window, such as (-0.5, 0)")
    normalize = "subtract" if normalize is None and baseline is not None else normalize
    if normalize not in (None, "subtract", "zscore"):
        raise ArgumentError(f"normalize must be 'subtract', 'zscore' or None, not {normalize!r}")
    counting: dict[str, Any] = {"closed": closed, "threads": threads}
    rates, sem = _rates(units, rows, bounds, shown, smooth, kernel, spread, counting)
    values: dict[str, Labelled] = {}
    measure = {"units": "Hz", "long_name": "firing rate"}
    if baseline is not None:
        mean, std = _baseline(units, rows, baseline, shown, counting)
        rates -= mean
        if normalize == "zscore":
            scale = np.where(std > 0, std, np.nan)
            rates /= scale
            if sem is not None:
                sem /= scale
        measure = {
            "zscore": {"units": "1", "long_name": "z-score of the firing rate"},
            "subtract": {"units": "Hz", "long_name": "firing rate less that of the baseline"},
        }[normalize or "subtract"]
        values["baseline_rate"] = ((UNIT,), mean, {"units": "Hz"})
        values["baseline_std"] = ((UNIT,), std, {"units": "Hz", "long_name": "over presentations"})
    dims = ("condition", TIME, UNIT)
    values["firing_rate"] = (dims, rates, measure)
    if sem is not None:
        values["sem"] = (dims, sem, {"units": measure["units"], "long_name": "standard error of the mean"})
    values["presentations"] = (("condition",), np.bincount(shown.code[shown.code >= 0]), {})
    attributes: dict[str, Any] = {"by": ", ".join(shown.names), "closed": closed}
    if smooth is not None:
        attributes |= {"kernel": kernel, "sigma": float(smooth)}
    if baseline is not None:
        attributes |= {"baseline": [float(one) for one in baseline], "normalized": str(normalize)}
    return dataset(values, {**shown.labels(), **times_of_bins(bounds), **ids_of(units)}, attributes)


def _rates(
    units: SpikeTrains,
    rows: pd.DataFrame,
    bounds: Floats,
    shown: Conditions,
    smooth: float | None,
    kernel: Kernel,
    spread: bool,
    counting: dict[str, Any],
) -> tuple[Floats, Floats | None]:
    """Means and standard errors, Hz: (conditions, bins, units)."""
    with np.errstate(divide="ignore"):
        scale = 1.0 / np.diff(bounds)[:, None]
    smoother = None
    if smooth is not None:
        if not (np.diff(bounds) > 0).all():
            raise ArgumentError("smoothing needs bins of a width: two edges are the same")
        smoother = smoothing_matrix(bounds, smooth, kernel) * scale.T
        scale = np.ones((1, 1))
    warn_of_windows(rows, bounds)
    moments = binned_moments(
        units, times_of(rows, "start_time"), bounds, shown.code, len(shown), squares=spread, smoother=smoother,
        **counting,
    )  # fmt: skip
    return mean_and_spread(moments, scale)


def _baseline(
    units: SpikeTrains,
    rows: pd.DataFrame,
    window: tuple[float, float],
    shown: Conditions,
    counting: dict[str, Any],
) -> tuple[Floats, Floats]:
    """The mean and the standard deviation of each unit's rate in a window, over all presentations: (units,)."""
    first, last = check_window(window, rate=True)
    together = np.where(shown.code >= 0, 0, -1)
    moments = binned_moments(units, times_of(rows, "start_time"), [first, last], together, 1, **counting)
    mean, variance = mean_and_spread(moments, np.full((1, 1), 1.0 / (last - first)), of_mean=False)
    assert variance is not None
    return mean[0, 0], np.sqrt(variance[0, 0])
