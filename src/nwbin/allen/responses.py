"""What units did during presentations: counts, spike tables, statistics by condition."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from nwbin._memory import require
from nwbin._tables import frame_of
from nwbin.binning import bin_spikes, count_in_windows
from nwbin.binning._request import as_floats
from nwbin.binning._table import spikes_in_order_of_time
from nwbin.errors import ArgumentError, warn
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "Closed",
    "as_window",
    "condition_statistics",
    "presentation_windows",
    "spike_counts",
    "spike_table",
    "too_long",
]

# A spike on an edge: [a, b), (a, b] or [a, b].
Closed = Literal["left", "right", "both"]

_BLOCK = 1 << 25  # bytes of counts that are summarised at a time
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


def _warn_of_overlap(first: npt.NDArray[np.float64], last: npt.NDArray[np.float64]) -> None:
    """Say when the window of a presentation begins before that of the one before it ends."""
    early = np.flatnonzero(first[1:] < last[:-1])
    if not early.size:
        return
    # Rows that are merely not in order of time do not share any spikes.
    real = early[last[1:][early] > first[:-1][early]]
    what = f"overlap for {real.size} pairs of rows" if real.size else "are not in order of time"
    at = int(real[0] if real.size else early[0])
    warn(
        f"the time windows of neighbouring presentations {what} (the first: rows {at} and {at + 1}); a spike counts "
        "in every window that it lies in"
    )


def spike_counts(
    trains: SpikeTrains,
    presentation_ids: npt.NDArray[Any],
    onsets: npt.NDArray[np.float64],
    bin_edges: Any,
    *,
    binarize: bool,
    dtype: Any,
    large_bin_size_threshold: float,
    time_domain_callback: Callable[[Domain], Domain] | None,
    lasting: npt.NDArray[np.float64],
    told_windows: Callable[[Domain, Domain], None],
    closed: Closed,
    threads: int | None,
) -> xr.DataArray:
    """Count spikes and label the result as AllenSDK does; see Session.presentationwise_spike_counts.

    `lasting` is how long each presentation is, in s, float64 (presentations,). `told_windows` is called before
    counting with the begin and end of each one's bins, float64 (presentations,), in s on the session's clock.
    """
    import xarray as xr

    edges = as_floats(bin_edges, "bin_edges")
    if edges.ndim != 1 or len(edges) < 2:
        raise ArgumentError(
            f"bin_edges must be a list of two or more times in seconds, got shape {edges.shape}"
        )
    with np.errstate(invalid="ignore"):  # infinite edges have no center: NaN
        widths = np.diff(edges)
        centers = edges[:-1] + widths / 2
    if binarize and widths.max() > large_bin_size_threshold:
        warn(
            f"counts are binarized in bins up to {widths.max():.5g} s wide, more than large_bin_size_threshold "
            f"({large_bin_size_threshold:.5g} s): several spikes in one bin will count as one"
        )
    if note := too_long(edges, lasting, "presentation"):
        warn(note)
    domain = _time_domain(edges, onsets, time_domain_callback)
    first = onsets + edges[0] if domain is None else domain[:, 0]
    last = onsets + edges[-1] if domain is None else domain[:, -1]
    _warn_of_overlap(first, last)
    told_windows(first, last)
    if domain is None:
        # An integer time would lose the fraction of the onset: nwbin computes onset + edge in float64 throughout.
        counts = bin_spikes(
            trains, onsets, edges, closed=closed, binarize=binarize, dtype=dtype, threads=threads
        )
    else:
        zero = np.zeros(len(onsets))
        counts = bin_spikes(
            trains, zero, domain, closed=closed, binarize=binarize, dtype=dtype, threads=threads
        )
    return xr.DataArray(
        counts,
        name="spike_counts",
        dims=["stimulus_presentation_id", "time_relative_to_stimulus_onset", "unit_id"],
        coords={
            "stimulus_presentation_id": presentation_ids,
            "time_relative_to_stimulus_onset": centers,
            "unit_id": trains.unit_ids,
        },
    )


def as_window(window: Any) -> tuple[float, float]:
    """Check a window: from and to, in s."""
    try:
        two = np.shape(window) == (2,)
    except ValueError:  # lists within lists, of several lengths
        two = False
    if not two:
        raise ArgumentError(f"window must be (from, to) in seconds from onset, not {window!r}")
    first, last = as_floats(window, "window").tolist()
    if not first <= last:
        raise ArgumentError(f"window must be (from, to), and from not more than to; not {window!r}")
    return first, last


def presentation_windows(presentations: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return start and stop of each presentation on the session's clock, in s: float64 (presentations, 2)."""
    return np.stack(
        [presentations["start_time"].to_numpy(np.float64), presentations["stop_time"].to_numpy(np.float64)],
        axis=1,
    )


def spike_table(trains: SpikeTrains, presentations: pd.DataFrame, *, closed: Closed) -> pd.DataFrame:
    """List every spike in its presentation, in order of time; see Session.presentationwise_spike_times."""
    import pandas as pd

    found = spikes_in_order_of_time(
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
    return frame_of(columns, pd.Index(found.time, name="spike_time"))


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

    # By condition, so that the presentations of one lie together; those that are invalid come last.
    masked = presentations["stimulus_condition_id"].isna().to_numpy()
    ids = presentations["stimulus_condition_id"].to_numpy()[~masked]
    by_condition = np.argsort(ids, kind="stable")
    order = np.concatenate([np.flatnonzero(~masked)[by_condition], np.flatnonzero(masked)])
    windows = presentation_windows(presentations)[order, None, :]
    valid = len(ids)
    distinct, first = np.unique(ids[by_condition], return_index=True)
    bounds = np.append(first, valid)
    # A unit asked for twice is one unit; rows come in order of unit id within each condition.
    units = np.unique(np.asarray(trains.unit_ids))
    spiked = np.zeros(len(units), dtype=bool)
    what = f"statistics of {len(units):,} units x {len(distinct):,} conditions, while they are made,"
    require(3 * 6 * 8 * len(units) * len(distinct), what, "choose fewer units or presentations at a time")
    totals = np.zeros((len(distinct), len(units)), dtype=np.int64)
    mean = np.zeros((len(distinct), len(units)))
    spread = np.zeros((len(distinct), len(units)))
    step = max(1, _BLOCK // max(1, 8 * len(order)))
    for begin in range(0, len(units), step):
        block = slice(begin, begin + step)
        counts = count_in_windows(
            trains.select(units[block]),
            np.zeros(len(order)),
            windows,
            closed="right",
            dtype=np.int64,
            threads=threads,
        )[:, 0, :]
        spiked[block] = counts.any(axis=0)
        # (units, presentations), so that each unit's values in a condition lie together: NumPy then adds them up in
        # the same order as it would in an array of their own, and the results are AllenSDK's to the last bit.
        values: npt.NDArray[Any] = np.ascontiguousarray(counts[:valid].T)
        del counts
        for at, (a, b) in enumerate(pairwise(bounds)):
            totals[at, block] = values[:, a:b].sum(axis=1)
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            # One presentation of a condition has no spread: NaN, without a warning for each.
            warnings.simplefilter("ignore", RuntimeWarning)
            if use_rates:
                values = values / presentations["duration"].to_numpy(np.float64)[order[:valid]]
            for at, (a, b) in enumerate(pairwise(bounds)):
                mean[at, block] = values[:, a:b].mean(axis=1)
                spread[at, block] = values[:, a:b].std(axis=1, ddof=1)
    if spiking_only:
        units, totals, mean, spread = units[spiked], totals[:, spiked], mean[:, spiked], spread[:, spiked]
    number = np.diff(bounds)
    columns = {
        "spike_count": totals.reshape(-1),
        "stimulus_presentation_count": np.repeat(number, len(units)).astype(np.int64),
        "spike_mean": mean.reshape(-1),
        "spike_std": spread.reshape(-1),
        "spike_sem": (spread / np.sqrt(number)[:, None]).reshape(-1),
    }
    if use_rates:
        del columns["spike_count"]
    index = pd.MultiIndex.from_arrays(
        [np.tile(units, len(distinct)), np.repeat(distinct, len(units))],
        names=["unit_id", "stimulus_condition_id"],
    )
    return pd.DataFrame(columns, index=index)


def too_long(edges: npt.ArrayLike, lasting: npt.NDArray[np.float64], what: str) -> str | None:
    """Say that a window, or bins (edges in s), are far longer than what they are around: milliseconds, perhaps.

    What they are around lasts so long (s). Around a frame of a movie windows of many frames are nothing odd, nor is
    (-5, 5): only whole numbers, and 30 s or more, look like milliseconds.
    """
    times = np.asarray(edges, dtype=np.float64)
    if not (np.isfinite(times).all() and (times == np.round(times)).all()):
        return None
    longest = float(np.nanmax(lasting)) if np.isfinite(lasting).any() else 0.0
    length = float(times[-1] - times[0])
    if not (length >= 30 and length > 10 * longest > 0):
        return None
    return f"the window is {length:g} s long and the longest {what} {longest:.4g} s; times are in seconds"
