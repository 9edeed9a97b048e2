"""What units did during presentations, named and ordered as AllenSDK does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin import binning
from nwbin.allen.null import NULL
from nwbin.allen.queries import varied
from nwbin.allen.rules import CLOSED_BINS, CLOSED_SPIKES
from nwbin.binning import Closed
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.responses.counts import AlignedCounts
from nwbin.responses.matrix import labels_by_row
from nwbin.responses.statistics import group_statistics
from nwbin.responses.windows import what_rows_are
from nwbin.tables.frames import frame_of
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CLOSED_BINS",
    "CLOSED_SPIKES",
    "aligned_counts",
    "condition_statistics",
    "labelled_trials",
    "presentation_windows",
    "spike_table",
]

Domain = npt.NDArray[np.float64]


def _time_domain(
    bin_edges: npt.NDArray[np.float64],
    onsets: npt.NDArray[np.float64],
    callback: Callable[[Domain], Domain] | None,
) -> Domain | None:
    """Return the bin edges of each presentation on the session's clock, changed by the caller's function."""
    if callback is None:
        return None
    expected = (len(onsets), len(bin_edges))
    domain = np.asarray(callback(onsets[:, None] + bin_edges[None, :]))
    if domain.shape != expected or domain.dtype.kind not in "fiu":
        raise ArgumentError(
            f"time_domain_callback must return the edges of each presentation, an array of numbers of shape "
            f"{expected}; it returned {domain.dtype} of shape {domain.shape}"
        )
    return domain.astype(np.float64)


def aligned_counts(
    trains: SpikeTrains,
    presentations: pd.DataFrame,
    bin_edges: npt.ArrayLike,
    *,
    binarize: bool,
    dtype: npt.DTypeLike | None,
    large_bin_size_threshold: float,
    time_domain_callback: Callable[[Domain], Domain] | None,
    closed: Closed,
    threads: int | None,
) -> AlignedCounts:
    """Say what is to be counted as AllenSDK is told it; see Session.presentationwise_spike_counts."""
    edges = binning.bin_edges(binning.as_seconds(bin_edges, "bin_edges"))
    widest = np.diff(edges).max()
    if binarize and widest > large_bin_size_threshold:
        warn(
            f"counts are binarized in bins up to {widest:.5g} s wide, more than large_bin_size_threshold "
            f"({large_bin_size_threshold:.5g} s): several spikes in one bin will count as one"
        )
    times = {name: presentations[name].to_numpy(np.float64) for name in ("start_time", "stop_time")}
    rows = frame_of(times, presentations.index)
    domain = _time_domain(edges, times["start_time"], time_domain_callback)
    return AlignedCounts(
        trains,
        rows,
        edges,
        clock_edges=domain,
        closed=closed,
        binarize=binarize,
        dtype=dtype,
        threads=threads,
    )


def presentation_windows(presentations: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return start and stop of each presentation on the session's clock, in s: float64 (presentations, 2)."""
    return np.stack(
        [presentations["start_time"].to_numpy(np.float64), presentations["stop_time"].to_numpy(np.float64)],
        axis=1,
    )


def spike_table(trains: SpikeTrains, presentations: pd.DataFrame, *, closed: Closed) -> pd.DataFrame:
    """List every spike in its presentation, in order of time; see Session.presentationwise_spike_times."""
    import pandas as pd

    found = binning.spikes_in_order_of_time(
        trains,
        presentation_windows(presentations),
        presentations.index.to_numpy().astype(np.int64),
        closed=closed,
    )
    columns = {
        "stimulus_presentation_id": found.row_id,
        "unit_id": found.unit_id,
        "time_since_stimulus_presentation_onset": found.since,
    }
    # Not copied: on a large result, a fifth of the memory, and nobody else has these.
    return frame_of(columns, pd.Index(found.time, name="spike_time", copy=False))


def condition_statistics(
    trains: SpikeTrains,
    presentations: pd.DataFrame,
    *,
    use_rates: bool,
    spiking_only: bool,
    threads: int | None,
) -> pd.DataFrame:
    """Summarise the spikes of each unit in each condition; see Session.conditionwise_spike_statistics."""
    import pandas as pd

    found = group_statistics(
        trains,
        presentation_windows(presentations),
        presentations["stimulus_condition_id"].to_numpy(),
        durations=presentations["duration"].to_numpy(np.float64) if use_rates else None,
        closed=CLOSED_SPIKES,
        threads=threads,
    )
    if spiking_only:
        found = found.of_units(found.spiked)
    conditions, units = found.total.shape
    columns = {
        "spike_count": found.total.reshape(-1),
        "stimulus_presentation_count": np.repeat(found.windows, units),
        "spike_mean": found.mean.reshape(-1),
        "spike_std": found.std.reshape(-1),
        "spike_sem": found.sem.reshape(-1),
    }
    if use_rates:
        del columns["spike_count"]
    index = pd.MultiIndex.from_arrays(
        [np.tile(found.unit_ids, conditions), np.repeat(found.groups, units)],
        names=["unit_id", "stimulus_condition_id"],
    )
    return pd.DataFrame(columns, index=index)


def labelled_trials(
    shown: pd.DataFrame, label: Any, name: str, first_time: Callable[[str], bool] = lambda label: True
) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
    """Return the rows that have a label, neither missing nor "null", and their labels; see Session.response_matrix.

    Parameters
    ----------
    shown
        Presentations, or other intervals.
    label
        The name of a column, or a label for each row.
    name
        Of the file, for messages.
    first_time
        Says whether to warn that all rows have one value of a column.
    """
    if not isinstance(label, str):
        labels = labels_by_row(shown, label)
    elif label in shown.columns:
        labels = shown[label].to_numpy(dtype=object)
    else:
        what = "stimulus table" if shown.index.name == "stimulus_presentation_id" else "table of intervals"
        raise LookupFailure(f"{name}: the {what} has no column {label!r}; {nearest(label, shown.columns)}")
    there = np.asarray([_is_label(one) for one in labels], dtype=bool)
    distinct = set(labels[there].tolist())
    rows = what_rows_are(shown)
    if there.size and not distinct:
        what, more = f"a value of {label!r}", f"; {_others(shown)}"
        if not isinstance(label, str):
            what, more = "a label", ""
        warn(f"none of the {there.size:,} {rows}s has {what}: the matrix is empty{more}")
    elif isinstance(label, str) and len(distinct) == 1 and there.sum() > 1 and first_time(label):
        warn(
            f"all {int(there.sum()):,} {rows}s have the same {label!r}, {labels[there][0]!r}: there is "
            f"nothing to tell apart; {_others(shown)}"
        )
    return shown[there], labels[there]


def _is_label(one: Any) -> bool:
    """Say whether a value is one, neither missing nor AllenSDK's word for that."""
    import pandas as pd

    return one is not None and one is not pd.NA and bool(one == one) and bool(one != NULL)


def _others(shown: pd.DataFrame) -> str:
    """Say which columns would make labels: those that have several values, and not each in one row only."""
    found = varied(shown)
    return f"columns with several values: {', '.join(found)}" if found else "no column has several values"
