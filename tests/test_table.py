"""Spikes in order of time: the sorting kernel against a plain sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwbin.binning import spikes_in_order_of_time
from nwbin.trains import SpikeTrains
from tests import naive


def by_hand(
    trains: SpikeTrains, windows: np.ndarray, ids: np.ndarray, closed: str
) -> list[tuple[float, int, int, float]]:
    """Sorted by time, then by the order of windows, then of units: Python's sort is stable."""
    rows = []
    for window, row_id in zip(windows, ids, strict=True):
        for unit in trains.unit_ids:
            times = trains[unit]
            inside = times[naive.inside(times, window[0], window[1], closed)]
            rows += [(time, int(row_id), int(unit), time - window[0]) for time in inside.tolist()]
    return sorted(rows, key=lambda row: row[0])


def found(
    trains: SpikeTrains, windows: np.ndarray, ids: np.ndarray, closed: str, threads: int
) -> list[tuple[float, ...]]:
    table = spikes_in_order_of_time(trains, windows, ids, closed=closed, threads=threads)
    return list(zip(*(column.tolist() for column in table), strict=True))


# Few distinct times, so that spikes fall together and on the ends of windows.
times = st.lists(st.integers(0, 40).map(lambda n: n / 8), max_size=30).map(sorted)


@given(
    trains=st.lists(times, max_size=4),
    edges=st.lists(st.integers(0, 40).map(lambda n: n / 8), min_size=2, max_size=8).map(sorted),
    closed=st.sampled_from(["left", "right", "both"]),
    path=st.sampled_from(["walk", "plain"]),
    threads=st.integers(1, 3),
    shuffled=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_windows(
    trains: list[list[float]],
    edges: list[float],
    closed: str,
    path: str,
    threads: int,
    shuffled: bool,
    seed: int,
) -> None:
    some = SpikeTrains.from_dict({10 * n: times for n, times in enumerate(trains)})
    windows = np.column_stack([edges[:-1], edges[1:]])
    if shuffled:
        rng = np.random.default_rng(seed)
        windows = windows[rng.integers(0, len(windows), 2 * len(windows))]
    ids = np.arange(len(windows), dtype=np.int64) + 100
    with naive.forced(path):
        assert found(some, windows, ids, closed, threads) == by_hand(some, windows, ids, closed)


@pytest.mark.parametrize("far", [1e3, 1e300])
def test_crowded_spikes(far: float) -> None:
    """Hundreds of spikes within a microsecond, and one far off: buckets by time are of no use."""
    rng = np.random.default_rng(0)
    close = [np.sort(1 + 1e-6 * rng.random(300)) for _ in range(3)]
    trains = SpikeTrains.from_dict({n: np.append(times, far) for n, times in enumerate(close)})
    windows = np.asarray([[0.0, 2.0 * far], [2.0 * far, 3.0 * far]])
    ids = np.asarray([7, 8], dtype=np.int64)
    with naive.forced("walk"):
        assert found(trains, windows, ids, "right", 2) == by_hand(trains, windows, ids, "right")


def test_windows_without_end() -> None:
    trains = SpikeTrains.from_dict({1: [0.5, 1.5, 2.5], 2: [1.0, 2.0]})
    windows = np.asarray([[-np.inf, 1.0], [1.0, np.inf]])
    ids = np.asarray([3, 4], dtype=np.int64)
    with naive.forced("walk"):
        table = spikes_in_order_of_time(trains, windows, ids, closed="right")
    assert table.time.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert table.row_id.tolist() == [3, 3, 4, 4, 4]
    assert table.unit_id.tolist() == [1, 2, 1, 2, 1]
