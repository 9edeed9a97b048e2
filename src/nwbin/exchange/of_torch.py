"""PyTorch's objects: counts of trials as tensors, dense or sparse, or as a Dataset that counts when it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from nwbin._atomic import one_of
from nwbin._kept_back import others_left_out
from nwbin._optional import need
from nwbin.binning import Closed, bin_edges, bin_spikes, bin_spikes_sparse
from nwbin.errors import LookupFailure, nearest
from nwbin.responses.matrix import labels_by_row
from nwbin.responses.rows import Rows, as_rows
from nwbin.responses.windows import times_of, warn_of_windows
from nwbin.tables.missing import is_number, missing
from nwbin.trains import SpikeTrains, Trains, as_trains

if TYPE_CHECKING:
    from nwbin.exchange.torch_trials import TrialCounts

__all__ = ["Layout", "TorchTrials", "to_torch", "to_torch_dataset"]

Layout = Literal["dense", "coo", "csr"]


@dataclass(frozen=True, eq=False)
class TorchTrials:
    """Counts of trials as a tensor.

    Attributes
    ----------
    X
        torch.Tensor: counts (trials, bins, units); of layout "csr" (trials, bins * units), bins outside.
    y
        torch.Tensor, int64 (trials,): each trial's label as its place in `classes`; None without labels.
    classes
        The distinct labels, numbers in order, then text in order; None without labels.
    presentation_ids, unit_ids
        Of the trials and the units.
    edges
        (bins + 1,) s from onset.

    Examples
    --------
    >>> trials = session.to_torch("drifting_gratings", edges=[0, 0.1, 0.2], label="orientation")
    >>> trials.X.shape[1:] == (2, session.num_units), len(trials.X) == len(trials.y)
    (True, True)
    """

    X: Any
    y: Any
    classes: npt.NDArray[Any] | None
    presentation_ids: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]
    edges: npt.NDArray[np.float64]

    def __repr__(self) -> str:
        classes = "" if self.classes is None else f", {len(self.classes):,} classes"
        return (
            f"<nwbin.exchange.TorchTrials: X {tuple(self.X.shape)} {self.X.dtype}, {self.X.layout}{classes}>"
        )


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is to be counted: checked, with the trials that have a label."""

    trains: SpikeTrains
    onsets: npt.NDArray[np.float64]
    ids: npt.NDArray[Any]
    edges: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int64] | None
    classes: npt.NDArray[Any] | None


def to_torch(
    trains: Trains,
    rows: Rows,
    edges: npt.ArrayLike,
    *,
    label: str | npt.ArrayLike | None = None,
    layout: Layout = "dense",
    dtype: npt.DTypeLike = "float32",
    closed: Closed = "left",
    threads: int | None = None,
) -> TorchTrials:
    """Count spikes in bins around the start of each trial, into a tensor.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    rows
        The trials by id, with `start_time` in s; see :class:`nwbin.responses.AlignedCounts`.
    edges
        (bins + 1,) s from start_time.
    label
        A column of `rows`, or a value for each trial; trials without one (None, NaN) are left out.
    layout
        "dense"; "coo": sparse, of the same shape; "csr": sparse, (trials, bins * units), as
        ``X.reshape(trials, -1)`` would be. Sparse ones are counted as such, and never are dense in memory.
    dtype
        Of the counts, as NumPy calls it.
    closed, threads
        As in :func:`nwbin.bin_spikes`.

    Returns
    -------
    TorchTrials
        On the CPU. A dense `X` is the memory that was counted into, not a copy.

    Raises
    ------
    MissingDependencyError
        PyTorch is not installed (extra "torch").
    LookupFailure
        There is no such column.
    CountOverflowError
        A count does not fit the dtype.

    Notes
    -----
    Working set: dense, the result; sparse, 72 bytes for each bin that holds a spike.

    Examples
    --------
    >>> found = to_torch({7: [0.1, 1.1]}, {"start_time": [0, 1]}, [0, 0.5, 1])
    >>> found.X.shape
    torch.Size([2, 2, 1])
    """
    one_of("layout", layout, get_args(Layout))
    need("torch", "torch", "to_torch")
    import torch

    asked = _asked(trains, rows, edges, label)
    kind = np.dtype(dtype).newbyteorder("=")
    if layout == "dense":
        counts = bin_spikes(
            asked.trains, asked.onsets, asked.edges, closed=closed, dtype=kind, threads=threads
        )
        tensor = torch.from_numpy(counts)
    else:
        tensor = _sparse(asked, layout, kind, closed, threads)
    y = None if asked.codes is None else torch.from_numpy(asked.codes)
    return TorchTrials(tensor, y, asked.classes, asked.ids, np.asarray(asked.trains.unit_ids), asked.edges)


def to_torch_dataset(
    trains: Trains,
    rows: Rows,
    edges: npt.ArrayLike,
    *,
    label: str | npt.ArrayLike | None = None,
    dtype: npt.DTypeLike = "float32",
    closed: Closed = "left",
    threads: int | None = 1,
) -> TrialCounts:
    """Make a ``torch.utils.data.Dataset`` of trials, which counts those that it is asked for.

    Parameters
    ----------
    trains, rows, edges, label, dtype, closed, threads
        As in :func:`to_torch`. One thread by default: a DataLoader has processes of its own.

    Returns
    -------
    nwbin.exchange.torch_trials.TrialCounts
        ``dataset[i]`` is the tensor of counts (bins, units) of the i-th trial, with labels the pair of that and the
        label's place in ``dataset.classes``. A DataLoader's batch is counted at once.

    Raises
    ------
    MissingDependencyError, LookupFailure
        As :func:`to_torch`.

    Notes
    -----
    Working set: a batch. Workers of a DataLoader that are not forked are sent the spikes of these units.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> shown = session.get_stimulus_table("flashes")
    >>> trials = to_torch_dataset(session, shown, [0, 0.1, 0.2], label="color")
    >>> for counts, labels in DataLoader(trials, batch_size=64, shuffle=True):
    ...     assert counts.shape[1:] == (2, session.num_units)
    """
    need("torch", "torch", "to_torch_dataset")
    from nwbin.exchange.torch_trials import TrialCounts

    asked = _asked(trains, rows, edges, label)
    kind = np.dtype(dtype).newbyteorder("=")
    return TrialCounts(
        asked.trains, asked.onsets, asked.edges, asked.codes, asked.classes, asked.ids, kind, closed, threads
    )


def _asked(trains: Trains, rows: Rows, edges: npt.ArrayLike, label: str | npt.ArrayLike | None) -> _Asked:
    taken, table, bounds = as_trains(trains), as_rows(rows), bin_edges(edges)
    codes = classes = None
    if label is not None:
        if isinstance(label, str):
            if label not in table.columns:
                raise LookupFailure(f"the trials have no column {label!r}; {nearest(label, table.columns)}")
            labels = table[label].to_numpy(dtype=object)
        else:
            labels = labels_by_row(table, label)
        there = ~missing(labels)
        table = table[there]
        classes, codes = _coded(labels[there])
    warn_of_windows(table, bounds)
    return _Asked(taken, times_of(table, "start_time"), table.index.to_numpy(), bounds, codes, classes)


def _coded(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The distinct labels in order, and the place of each label among them."""
    if all(is_number(one) for one in labels):
        classes, codes = np.unique(labels.astype(np.float64), return_inverse=True)
        return classes, codes.astype(np.int64)
    listed = sorted(set(labels.tolist()), key=lambda one: (isinstance(one, str), one))
    place = {one: n for n, one in enumerate(listed)}
    return np.asarray(listed, dtype=object), np.asarray([place[one] for one in labels.tolist()], np.int64)


def _sparse(asked: _Asked, layout: Layout, kind: np.dtype[Any], closed: Closed, threads: int | None) -> Any:
    import torch

    found = bin_spikes_sparse(
        asked.trains, asked.onsets, asked.edges, closed=closed, dtype=kind, threads=threads
    )
    # PyTorch wants them by row, then column: a trial's bins, each with its units.
    order = np.lexsort((found.unit, found.bin, found.presentation))
    values = torch.from_numpy(found.count[order])
    if layout == "coo":
        places = np.stack([found.presentation[order], found.bin[order], found.unit[order]])
        return torch.sparse_coo_tensor(
            torch.from_numpy(places), values, found.shape, is_coalesced=True, check_invariants=False
        )
    trials, bins, units = found.shape
    first = np.zeros(trials + 1, np.int64)
    np.cumsum(np.bincount(found.presentation, minlength=trials), out=first[1:])
    column = (found.bin * units + found.unit)[order]
    with others_left_out("Sparse CSR tensor support is in beta"):
        return torch.sparse_csr_tensor(
            torch.from_numpy(first),
            torch.from_numpy(column),
            values,
            (trials, bins * units),
            check_invariants=False,
        )
