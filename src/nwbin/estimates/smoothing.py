"""Kernels that rates over time are smoothed by."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nwbin.binning import bin_centers, bin_edges
from nwbin.errors import ArgumentError

__all__ = ["KERNELS", "Kernel", "Pieces", "pieces_of", "smoothed", "smoothing_matrix"]

Kernel: TypeAlias = Literal["gaussian", "half_gaussian"]
KERNELS: tuple[Kernel, ...] = get_args(Kernel)
# Rows of a matrix, the columns in which they have anything, and what.
Pieces: TypeAlias = list[tuple[slice, slice, npt.NDArray[np.float64]]]

_ROWS = 32


def smoothing_matrix(
    edges: npt.ArrayLike, sigma: float, kernel: Kernel = "gaussian"
) -> npt.NDArray[np.float64]:
    """Make the matrix that smooths rates in bins.

    Parameters
    ----------
    edges
        (bins + 1,) s, finite; bins may be of any widths.
    sigma
        The kernel's standard deviation, s; of the half Gaussian that of the whole one that it is half of.
    kernel
        "gaussian", or "half_gaussian", whose weight lies on what was before only (causal): a rate there is never
        moved forward in time.

    Returns
    -------
    numpy.ndarray
        float64 (bins, bins): in row i the kernel's mass over each bin, when it stands at the center of bin i,
        divided by its mass over all bins, so that each row sums to 1 and a rate that does not change stays as it is
        up to the ends.

    Raises
    ------
    ArgumentError
        Sigma is not more than 0, the kernel is not known, or an edge is not finite.

    Examples
    --------
    >>> smoothing_matrix([0.0, 0.1, 0.2, 0.3], 0.1).round(2).tolist()
    [[0.56, 0.35, 0.09], [0.28, 0.44, 0.28], [0.09, 0.35, 0.56]]
    """
    bounds = bin_edges(edges)
    if kernel not in KERNELS:
        raise ArgumentError(f"kernel must be one of {', '.join(map(repr, KERNELS))}, not {kernel!r}")
    if not (isinstance(sigma, int | float | np.number) and 0 < sigma < math.inf):
        raise ArgumentError(f"the kernel's sigma must be more than 0 s, not {sigma!r}")
    if not np.isfinite(bounds).all():
        raise ArgumentError("smoothing needs bins that end: an edge is not finite")
    away = (bounds[None, :] - bin_centers(bounds)[:, None]) / float(sigma)
    if kernel == "half_gaussian":
        np.minimum(away, 0.0, out=away)
    below = np.vectorize(math.erf, otypes=[np.float64])(away / math.sqrt(2.0))
    mass: npt.NDArray[np.float64] = np.diff(below, axis=1)
    # A bin without width, or far narrower than its neighbours, keeps its own rate.
    alone = mass.sum(axis=1) <= 0
    mass[alone, np.flatnonzero(alone)] = 1.0
    found: npt.NDArray[np.float64] = mass / mass.sum(axis=1, keepdims=True)
    return found


def pieces_of(matrix: npt.NDArray[np.float64]) -> Pieces:
    """Cut a matrix into rows that are zero but for some columns: a kernel is far narrower than the window."""
    found: Pieces = []
    for first in range(0, len(matrix), _ROWS):
        rows = slice(first, min(first + _ROWS, len(matrix)))
        some = np.flatnonzero(matrix[rows].any(axis=0))
        columns = slice(int(some[0]), int(some[-1]) + 1) if some.size else slice(0, 0)
        found.append((rows, columns, np.ascontiguousarray(matrix[rows, columns])))
    return found


def smoothed(pieces: Pieces, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Multiply by a matrix from the left: float64 (..., bins, units)."""
    found = np.empty_like(values)
    for rows, columns, part in pieces:
        np.matmul(part, values[..., columns, :], out=found[..., rows, :])
    return found
