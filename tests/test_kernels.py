"""Where and how the kernels run: choice, threads, processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_all_start_methods, get_context
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import _threads as threads
from nwbin.binning import _work, counting_by
from nwbin.kernels import compiled
from tests import naive

# Without a compiler the same loops are Python's own, a hundred times slower.
INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def request() -> tuple[nwbin.SpikeTrains, Any, Any]:
    rng = np.random.default_rng(3)
    trains = nwbin.SpikeTrains.from_dict({u: np.sort(rng.uniform(0, 100, 2000)) for u in range(20)})
    return trains, rng.uniform(0, 99, 50 if INTERPRETED else 500), np.linspace(0, 1, 5)


def count_compiled(number: int = 2) -> int:
    with counting_by("walk"):
        return int(nwbin.bin_spikes(*request(), threads=number).sum())


# Threads


def test_tasks_run_in_order_of_results() -> None:
    for number in (1, 2, 5):
        assert threads.run([lambda i=i: i * i for i in range(20)], number) == [i * i for i in range(20)]  # type: ignore[misc]
    assert threads.run([], 3) == []
    assert threads.available() >= 1


def test_an_error_in_a_task_is_raised_and_stops_the_rest() -> None:
    started: list[int] = []

    def task(i: int) -> None:
        started.append(i)
        if i == 2:
            raise ValueError("two")

    for number in (1, 2):
        started.clear()
        with pytest.raises(ValueError, match="two"):
            threads.run([lambda i=i: task(i) for i in range(100)], number)  # type: ignore[misc]
        assert len(started) < 100


def test_ctrl_c_stops_between_tasks() -> None:
    started: list[int] = []

    def task(i: int) -> None:
        started.append(i)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threads.run([lambda i=i: task(i) for i in range(10_000)], 1)  # type: ignore[misc]
    assert started == [0]


def test_a_task_may_run_tasks() -> None:
    def outer(i: int) -> int:
        return sum(threads.run([lambda j=j: i * j for j in range(4)], 4))  # type: ignore[misc]

    assert threads.run([lambda i=i: outer(i) for i in range(16)], 8) == [6 * i for i in range(16)]  # type: ignore[misc]


def test_many_threads_may_count_at_once() -> None:
    expected = count_compiled()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(count_compiled, [1, 2, 3, 4] * 8)) == {expected}


def test_works_without_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        _max_workers = 99

        def submit(self, *_: Any) -> Any:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    expected = count_compiled()
    monkeypatch.setattr(threads, "_pool", Closed())
    assert count_compiled() == expected


def test_without_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads.available() == (os.cpu_count() or 1)


# Processes


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.slow
def test_in_worker_processes(method: str) -> None:
    if method not in get_all_start_methods():
        pytest.skip(f"no {method} here")
    expected = count_compiled()  # the parent's pool is up when it forks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forking beside threads
        with get_context(method).Pool(2) as pool:
            assert pool.map_async(count_compiled, [1, 2, 3]).get(timeout=120) == [expected] * 3


SCRIPT = """
import sys
import numpy as np, nwbin
trains = nwbin.SpikeTrains.from_dict({u: np.arange(0, 100, 0.1) for u in range(5)})
print(nwbin.bin_spikes(trains, np.arange(50.0), [0, 0.5, 1]).sum(), "numba" in sys.modules)
"""


def test_a_small_request_does_not_load_numba() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("2500 False", "")


# The choice


def test_numpy_until_loading_numba_would_have_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_work, "_spent_ns", 0.0)
    monkeypatch.delitem(sys.modules, "nwbin.kernels.compiled", raising=False)
    choices = [_work.compiled_is_worth_it(1_000_000, 10) for _ in range(12)]
    assert not choices[0]
    assert choices[-1]
    assert choices == sorted(choices)
    assert _work.compiled_is_worth_it(100_000_000, 500)


def test_pieces_of_work_cover_all_rows_once() -> None:
    for rows in (0, 1, 7, 5811, 70_000):
        for cells in (rows, 250 * rows):
            for number in (1, 2, 7):
                cuts = _work.spans(rows, cells, 500, number)
                assert [i for a, b in cuts for i in range(a, b)] == list(range(rows))
                assert all(a < b for a, b in cuts)
                # No thread waits while another counts one piece more.
                assert len(cuts) % number == 0 or len(cuts) in (1, rows)


def test_large_counts_by_every_kernel_are_equal() -> None:
    size = 12 if INTERPRETED else 300
    rng = np.random.default_rng(1)
    trains = nwbin.SpikeTrains.from_dict(
        {u: np.sort(rng.uniform(0, size, size * u)) for u in range(0, 40, 3)}
    )
    onsets = np.sort(rng.uniform(0, size, 10 * size))
    for edges in (np.linspace(0, 0.25, 51), np.geomspace(1e-3, 20, 30), [0, 0.05], [-1, 0, 10]):
        for starts in (onsets, rng.permutation(onsets), np.arange(0, size, 0.5)):
            with counting_by("plain"):
                expected = nwbin.bin_spikes(trains, starts, edges)
            for path in ("auto", "walk", "scatter"):
                with counting_by(path):
                    np.testing.assert_array_equal(nwbin.bin_spikes(trains, starts, edges), expected)


@pytest.mark.parametrize("kernel", ["plain", "walk", "scatter"])
def test_times_as_far_apart_as_can_be(kernel: Any) -> None:
    most = float(np.finfo(float).max)
    trains = {1: [-most, 0.5, most], 2: [most]}
    with counting_by(kernel):  # overflow is no warning, which would be an error here
        assert nwbin.bin_spikes(trains, [0.0], [-most, 0.0, most], closed="both")[0].T.tolist() == [
            [1, 2],
            [0, 1],
        ]
        found = nwbin.bin_spikes(trains, [-most, most], [-np.inf, -1e308, 1e308, np.inf])
    assert found.sum(axis=1).tolist() == [[3, 1], [3, 1]]


def test_windows_that_overlap_many_others() -> None:
    rng = np.random.default_rng(4)
    trains = nwbin.SpikeTrains.from_dict({u: np.sort(rng.uniform(0, 20, 100 * u)) for u in range(6)})
    onsets = rng.uniform(0, 20, 60)
    windows = np.array([[0.0, 0.1], [-3.0, 2.0], [0.5, 0.5], [1.0, 9.0], [-1.0, 0.0]])
    for closed in ("left", "right", "both"):
        expected = naive.count(list(trains.values()), onsets, np.broadcast_to(windows, (60, 5, 2)), closed)
        for some in ([0], [0, 4], [1, 3], [0, 1, 2, 3, 4]):
            with counting_by("walk"):
                found = nwbin.count_in_windows(trains, onsets, windows[some], closed=closed)  # type: ignore[arg-type]
            np.testing.assert_array_equal(found, expected[:, some])


@pytest.mark.parametrize("length", [0.05, 0.1, 0.7])
def test_presentations_with_long_pauses(length: float) -> None:
    # Pauses at, before and within a group of windows that are counted together.
    rng = np.random.default_rng(8)
    trains = [np.sort(rng.uniform(0, 260, n)) for n in (0, 3, 40, 400, 4000, 12_000)]
    units = nwbin.SpikeTrains.from_dict(dict(enumerate(trains)))
    onsets = np.concatenate(
        [block + 0.1 * np.arange(n) for block, n in ((5, 24), (70, 13), (150, 3), (240, 29))]
    )
    with counting_by("walk"):
        found = nwbin.bin_spikes(units, onsets, [0.0, length])
    pairs = np.broadcast_to([[0.0, length]], (onsets.size, 1, 2))
    np.testing.assert_array_equal(found, naive.count(trains, onsets, pairs, "left"))


@pytest.mark.parametrize("cap", [None, 1])
@pytest.mark.parametrize("way", [0, 1, 2, 3, None])
@pytest.mark.parametrize("shape", ["apart", "deep", "nested"])
def test_every_way_of_counting_windows(shape: str, way: int | None, cap: int | None) -> None:
    rng = np.random.default_rng(2)
    ends = np.round(rng.uniform(-20, 20, 74), 1)
    ends = np.sort(np.concatenate([[-0.0, 0.0], ends]))
    lo, hi = ends[::2].copy(), ends[1::2].copy()
    if shape == "deep":  # ends in order, of windows up to 20 deep
        hi = lo + 11.3
    elif shape == "nested":  # ends in no order
        hi = rng.permutation(lo + rng.choice([0.0, 0.5, 30.0], lo.size))
        hi = np.maximum(lo, hi)
    trains = []
    for rate in np.geomspace(0.05, 40, 33):
        times = rng.uniform(-25, 25, rng.poisson(50 * rate))
        # Spikes on the ends of windows, zero of either sign among them, and bursts.
        burst = np.full(rng.integers(0, 50), rng.choice(ends))
        trains.append(np.sort(np.concatenate([times, rng.choice(ends, 9), burst, [0.0, -0.0]])))
    offsets = np.cumsum([0, *map(len, trains)])
    order = rng.permutation(len(trains)).astype(np.uint64)
    ways = np.full(order.size, way) if way is not None else np.arange(order.size) // 7
    rows = rng.permutation(lo.size)
    reach = hi[: lo.size // 8 * 8].reshape(-1, 8).max(axis=1)
    reach[1] = np.inf  # one by one, whatever the way
    out = np.empty((lo.size, len(trains)), np.uint16)
    over = compiled.window_counts(
        np.concatenate(trains), offsets[:-1], offsets[1:], lo, hi, reach, rows, out, 50, cap, 8, order, ways
    )
    expected = naive.count(trains, [0.0], np.stack([lo, hi], axis=-1)[None], "left")[0]
    if cap is None:
        assert over == (expected > 50).any()
        expected = np.where(expected > 50, out[rows], expected)
    np.testing.assert_array_equal(out[rows], expected if cap is None else expected > 0)


@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_any_number_of_spikes_in_a_window(closed: Any) -> None:
    # The kernels compare 8, 16 or 32 spikes at once and copy 8: all numbers about these, up to the last
    # spike, of units with few and with many, with and without a gap between the windows.
    rng = np.random.default_rng(5)
    sizes = [0, 1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 70, 0, 2]
    trains = [np.sort(np.concatenate([rng.uniform(w, w + 1, n) for w, n in enumerate(np.roll(sizes, k))]))
              for k in range(0, 15, 2)]  # fmt: skip
    trains += [trains[0][:5], trains[1][-3:], np.empty(0)]
    units = nwbin.SpikeTrains.from_dict(dict(enumerate(trains)))
    onsets = np.arange(15.0)
    for windows in ([[0.0, 1.0]], [[0.25, 0.75]], [[0.5, 1.5]], [[0.0, 0.5], [0.5, 1.0]]):
        pairs = np.broadcast_to(windows, (15, len(windows), 2))
        with counting_by("walk"):
            found = nwbin.count_in_windows(units, onsets, windows, closed=closed)
            aligned = nwbin.align_spikes(units, onsets, windows[0], closed=closed)
        np.testing.assert_array_equal(found, naive.count(trains, onsets, pairs, closed))
        listed = list(zip(*(column.tolist() for column in aligned), strict=True))
        assert listed == naive.align(trains, onsets, pairs[:, 0], closed)


@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_uneven_bins(closed: Any) -> None:
    # Bins are guessed from a table of even cells: hold it to spikes on every edge and beside it.
    rng = np.random.default_rng(6)
    log = np.geomspace(1e-4, 2, 25)
    many_edges = [
        log,
        -log[::-1],
        np.concatenate([[0.0], log]),
        np.concatenate([np.full(5, -1.0), [0.0], np.full(4, 1.0)]),
        np.concatenate([np.linspace(0, 1e-9, 9), [1e6]]),
        np.array([-1e300, 0, 1e-300, 1e300]),
        np.array([-np.inf, 0.1, 0.2, 0.7, np.inf]),
        np.sort(rng.uniform(0, 1, (6, 9))),
        np.sort(np.round(rng.uniform(0, 1, (6, 9)), 1)),
    ]
    onsets = np.array([0.0, 0.3, 1.1, 1.7, -2.0, 1e3])
    for edges in many_edges:
        finite = (onsets[:, None] + edges).ravel()
        near = np.concatenate([finite, np.nextafter(finite, np.inf), np.nextafter(finite, -np.inf)])
        near = near[np.isfinite(near)]
        trains = [np.sort(near), np.sort(rng.uniform(-3, 3, 200)), np.sort(near[::7])]
        units = nwbin.SpikeTrains.from_dict(dict(enumerate(trains)))
        expected = naive.count(trains, onsets, naive.windows_of(edges, onsets.size), closed)
        with counting_by("scatter"):
            for threads_ in (1, 2):
                found = nwbin.bin_spikes(units, onsets, edges, closed=closed, threads=threads_)
                np.testing.assert_array_equal(found, expected)
            sparse = nwbin.binning.bin_spikes_sparse(units, onsets, edges, closed=closed)
            np.testing.assert_array_equal(sparse.toarray(), expected)
