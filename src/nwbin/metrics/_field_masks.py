"""Where on the screen a unit answers: maps smoothed, cut at a threshold, and what is left measured.

A stack of maps is float64 or int64 (units, rows, columns), row 0 at the top of the screen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["Masks", "inverted", "masks", "smoothed"]

_SIGMA = 1.0  # of the smoothing, in positions


class Masks(NamedTuple):
    """The part of each map that stands out.

    Attributes
    ----------
    mask
        Whether a position belongs to it: bool (units, rows, columns).
    pixels
        How many do: int64 (units,).
    row, column
        Their centre of mass, NaN where there are none: float64 (units,).
    """

    mask: npt.NDArray[np.bool_]
    pixels: npt.NDArray[np.int64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]

    @property
    def covers_edge(self) -> npt.NDArray[np.bool_]:
        """Whether it holds more than half of the outermost positions, as where a unit is silenced by the stimulus."""
        edge = np.ones(self.mask.shape[1:], dtype=bool)
        edge[1:-1, 1:-1] = False
        return np.asarray((self.mask & edge).sum(axis=(1, 2)) > edge.sum() / 2)


def smoothed(maps: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Smooth each map by a Gaussian of one position.

    Whole numbers stay whole: of an int64 stack the fraction is cut off after each of the two directions, which is how
    AllenSDK smooths.
    """
    found = ndimage.gaussian_filter(maps, sigma=(0.0, _SIGMA, _SIGMA))
    return np.asarray(found, dtype=np.float64)


def inverted(
    maps: npt.NDArray[np.float64], which: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    """Turn maps upside down: each one's largest value less its values. Of all, or of some."""
    turned = maps.max(axis=(1, 2), keepdims=True) - maps
    return turned if which is None else np.where(which[:, None, None], turned, maps)


def masks(filtered: npt.NDArray[np.float64], deviations: float) -> Masks:
    """Cut smoothed maps at their largest value less some of their standard deviations, and keep what holds that value.

    Parameters
    ----------
    filtered
        Smoothed maps: float64 (units, rows, columns).
    deviations
        How many standard deviations (n in the denominator) below the largest value a position may lie. One that lies
        exactly there does not belong.

    Returns
    -------
    Masks
        Of positions that touch by a side. Where the largest value is in several such pieces, the one whose first
        position comes first by rows.
    """
    units, rows, columns = filtered.shape
    flat = filtered.reshape(units, rows * columns)
    top = flat.max(axis=1, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        bound = top - flat.std(axis=1) * deviations
        above = filtered > bound[:, None, None]
    # All maps at once: positions touch within a map, never from one map to the next.
    touching = np.zeros((3, 3, 3), dtype=bool)
    touching[1] = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(above, touching)
    # AllenSDK looks for the piece among the labels that there are: without any background it finds none.
    has_background = ~above.all(axis=(1, 2))
    at_top = above & (filtered == top[:, None, None])
    none = np.iinfo(labels.dtype).max
    first = np.where(at_top, labels, none).min(axis=(1, 2), initial=none)
    mask = (labels == first[:, None, None]) & above & has_background[:, None, None]
    pixels = mask.sum(axis=(1, 2), dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        row = (mask.sum(axis=2) * np.arange(rows)).sum(axis=1) / pixels
        column = (mask.sum(axis=1) * np.arange(columns)).sum(axis=1) / pixels
    return Masks(mask, pixels, row, column)
