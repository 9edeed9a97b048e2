"""Sparse counts: only the bins that hold a spike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nwbin import _threads
from nwbin._memory import taking
from nwbin.binning import _work
from nwbin.binning._aligned import FEWER, places_of
from nwbin.binning._counts import bin_spikes
from nwbin.binning._dtypes import count_type, smallest
from nwbin.binning._request import RULES, Closed, Trains, as_threads, request_of_edges
from nwbin.errors import ArgumentError, CountOverflowError, MissingDependencyError

__all__ = ["SparseCounts", "bin_spikes_sparse"]

_CELL_BYTES = 4 * 8  # while counting: three coordinates and a count


@dataclass(frozen=True, eq=False)
class SparseCounts:
    """Counts of the bins that hold a spike, ordered by presentation, then unit, then bin; no bin twice.

    Attributes
    ----------
    presentation, bin, unit
        int64, where each count stands in the dense array.
    count
        The counts, never 0.
    shape
        (presentations, bins, units) of the dense array.

    Examples
    --------
    >>> found = nwbin.bin_spikes_sparse({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], [0.0, 0.25, 0.5])
    >>> found.toarray()[:, :, 0].tolist()
    [[2, 0], [1, 0]]
    """

    presentation: NDArray[np.int64]
    bin: NDArray[np.int64]
    unit: NDArray[np.int64]
    count: NDArray[Any]
    shape: tuple[int, int, int]

    @property
    def nbytes(self) -> int:
        """Bytes of the four arrays."""
        return self.presentation.nbytes + self.bin.nbytes + self.unit.nbytes + self.count.nbytes

    def toarray(self) -> NDArray[Any]:
        """As a dense array of `shape`."""
        what = f"{' x '.join(f'{n:,}' for n in self.shape)} counts of {self.count.dtype}"
        with taking(math.prod(self.shape) * self.count.dtype.itemsize, what, "keep them sparse"):
            dense = np.zeros(self.shape, self.count.dtype)
        dense[self.presentation, self.bin, self.unit] = self.count
        return dense

    def to_scipy(self) -> Any:
        """As a ``scipy.sparse.coo_array`` (presentations, bins * units), bins outside and units inside."""
        coo_array = _need("scipy.sparse", "scipy", "to_scipy").coo_array
        n_rows, n_bins, n_units = self.shape
        column = self.bin * n_units + self.unit
        return coo_array((self.count, (self.presentation, column)), shape=(n_rows, n_bins * n_units))

    def to_sparse(self) -> Any:
        """As a ``sparse.COO`` of `shape`."""
        coo = _need("sparse", "sparse", "to_sparse").COO
        where = np.stack([self.presentation, self.bin, self.unit])
        return coo(where, self.count, shape=self.shape, has_duplicates=False)

    def __repr__(self) -> str:
        share = self.count.size / max(1, int(np.prod(self.shape, dtype=object)))
        return (
            f"SparseCounts({self.count.size:,} of {' x '.join(f'{n:,}' for n in self.shape)} bins"
            f" ({share:.3%}), {self.count.dtype}, {self.nbytes / 1e6:,.1f} MB)"
        )


def bin_spikes_sparse(
    trains: Trains,
    onsets: ArrayLike,
    edges: ArrayLike,
    *,
    closed: Closed = "left",
    binarize: bool = False,
    dtype: DTypeLike | None = None,
    threads: int | None = None,
    max_bytes: int | None = None,
) -> SparseCounts:
    """Count as `nwbin.bin_spikes` does, but keep only the bins that hold a spike.

    Memory goes with the spikes in the bins, not with the number of bins: 32 bytes for each bin that holds
    one.

    Parameters
    ----------
    trains, onsets, edges, closed, binarize, dtype, threads
        As in `nwbin.bin_spikes`.
    max_bytes
        The most that the result may take while it is made; None for no limit. It is known, and refused,
        before anything large is allocated.

    Returns
    -------
    SparseCounts
        Coordinates and counts; see its ``to_scipy``, ``to_sparse``, ``toarray``.

    Raises
    ------
    CountOverflowError, ArgumentError, ArgumentTypeError
        As in `nwbin.bin_spikes`.

    Examples
    --------
    >>> found = bin_spikes_sparse({7: [0.1, 0.2, 1.1]}, [0.0, 1.0], [0.0, 0.25, 0.5])
    >>> found.presentation, found.bin, found.unit, found.count
    (array([0, 1]), array([0, 0]), array([0, 0]), array([2, 1], dtype=uint16))
    """
    request = request_of_edges(trains, onsets, edges, closed)
    kind = count_type(dtype, bool(binarize))
    number = as_threads(threads)
    units = request.trains
    n_rows, n_bins, n_units = request.shape
    if not _work.compiled_is_worth_it(2 * n_rows * n_bins * n_units, n_units):
        dense = bin_spikes(units, request.onsets, edges, closed=closed, dtype=np.int64, threads=1)
        row, unit, bin_ = (axis.astype(np.int64) for axis in np.nonzero(dense.transpose(0, 2, 1)))
        _refuse_too_large(row.size, max_bytes)
        counts = dense[row, bin_, unit]
    else:
        ordered, rows = request.in_order_of_time()
        kernel = _work.kernels().sparse_cells
        cuts = _work.spans(n_rows, n_rows, n_units, number)
        disjoint = _work.rows_are_disjoint(ordered)
        nothing = np.empty(0, np.int64)

        def go(
            first: int, last: int, fill: bool, where: NDArray[np.int64], *found: NDArray[np.int64]
        ) -> None:
            part = ordered.part(first, last)
            kernel(
                units._values, units._starts, units._stops, part.onsets, part.edges, rows[first:last],
                RULES[closed], disjoint, fill, *_work.workspace(n_bins), where[first:last], *found,
            )  # fmt: skip

        totals = np.zeros(n_rows, np.int64)
        _threads.run([partial(go, *cut, False, totals, *[nothing] * 4) for cut in cuts], number)
        places, size = places_of(totals, rows)
        _refuse_too_large(size, max_bytes)
        what = f"{size:,} bins that hold a spike, while they are found,"
        with taking((_CELL_BYTES + kind.dtype.itemsize) * size, what, FEWER):
            row, bin_, unit, counts = (np.empty(size, np.int64) for _ in range(4))
        _threads.run([partial(go, *cut, True, places, row, bin_, unit, counts) for cut in cuts], number)
        units._check()
    if kind.binarize:
        np.minimum(counts, 1, out=counts)
    elif counts.size and int(counts.max()) > kind.limit:
        i = int(np.argmax(counts > kind.limit))
        raise CountOverflowError(
            f"presentation {row[i]}, bin {bin_[i]}, unit {units.unit_ids.tolist()[unit[i]]!r}:"
            f" {counts[i]:,} spikes are more than {kind.dtype} holds ({kind.limit:,});"
            f" dtype={smallest(int(counts.max()), kind.dtype).name!r} holds every count of this request"
        )
    return SparseCounts(row, bin_, unit, counts.astype(kind.dtype), request.shape)


def _need(module: str, package: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(f"{name} needs the package {package}: pip install {package}") from error


def _refuse_too_large(cells: int, max_bytes: int | None) -> None:
    if max_bytes is not None and cells * _CELL_BYTES > max_bytes:
        raise ArgumentError(
            f"{cells:,} bins hold a spike, which takes {cells * _CELL_BYTES:,} bytes, more than"
            f" max_bytes={max_bytes:,}; allow more, or count fewer presentations at a time"
        )
