"""Which of many units a picture shows: those whose rate changes most, for the rate that they have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST_CHANGE", "most_changing", "variance_over_mean"]

LARGEST_CHANGE = "those with the largest variance of the rate over its mean"


def variance_over_mean(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Say how much each unit's rate changes: by the Fano factor's ratio, which is one number for noise of any rate.

    Parameters
    ----------
    rates
        Hz, (values, units), means over about as many trials each; NaN where there is none.

    Returns
    -------
    numpy.ndarray
        Hz, float64 (units,); 0 of units without spikes.
    """
    known = ~np.isnan(rates)
    number = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rates, 0.0).sum(axis=0) / number
    variance = np.where(known, np.square(rates - mean), 0.0).sum(axis=0) / number
    return np.asarray(variance / np.where(mean > 0, mean, np.inf))


def most_changing(changes: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.intp]:
    """Which units are shown: as they stand where there is room for all, else those of largest `changes`, that first."""
    if len(changes) <= most:
        return np.arange(len(changes))
    return np.argsort(-changes, kind="stable")[:most]
