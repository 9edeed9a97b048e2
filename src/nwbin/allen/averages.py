"""Running speed and pupil, averaged over each presentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["mean_of_intervals", "means_of_samples"]


def mean_of_intervals(
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    windows: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Average a signal that is constant over each of its samples' intervals, weighted by time.

    Parameters
    ----------
    start, end, values
        The samples: (samples,) each, times in s and ascending. NaN and infinite values count as no data.
    windows
        (windows, 2) in s.

    Returns
    -------
    numpy.ndarray
        (windows,); NaN where the window holds no data, or has no start or stop.
    """
    windows = np.where(np.isnan(windows).any(axis=1, keepdims=True), np.nan, windows)
    if not len(values):
        return np.full(len(windows), np.nan)
    there = np.isfinite(values)
    knots = np.stack([start, end], axis=1).reshape(-1)
    width = np.where(there, end - start, 0.0)
    # Time with data, and the signal's integral, up to each knot: linear between knots.
    covered = np.repeat(np.concatenate([[0.0], np.cumsum(width)]), 2)[1:-1]
    integral = np.repeat(np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0) * width)]), 2)[1:-1]
    time = np.diff(np.interp(windows, knots, covered), axis=1)[:, 0]
    total = np.diff(np.interp(windows, knots, integral), axis=1)[:, 0]
    mean = np.full(len(windows), np.nan)
    np.divide(total, time, out=mean, where=time > 0)
    return mean


def means_of_samples(
    samples: pd.DataFrame, windows: npt.NDArray[np.float64], index: pd.Index
) -> pd.DataFrame:
    """Average the samples of each column in each window [start, stop]; NaN and infinite ones are left out.

    Parameters
    ----------
    samples
        A column for each signal, indexed by time in s, ascending.
    windows
        (windows, 2) in s.
    index
        Labels of the windows.
    """
    times = samples.index.to_numpy(np.float64)
    first, last = (
        np.searchsorted(times, windows[:, 0], "left"),
        np.searchsorted(times, windows[:, 1], "right"),
    )
    last = np.where(np.isnan(windows).any(axis=1), first, np.maximum(first, last))
    columns = {}
    for name in samples.columns:
        values = samples[name].to_numpy(np.float64)
        there = np.isfinite(values)
        total = np.concatenate([[0.0], np.cumsum(np.where(there, values, 0.0))])
        number = np.concatenate([[0], np.cumsum(there)])
        count = number[last] - number[first]
        columns[name] = np.divide(
            total[last] - total[first], count, out=np.full(len(windows), np.nan), where=count > 0
        )
    return frame_of(columns, index)
