"""Counts against the definition; dtypes; outputs; messages."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nwbin
from nwbin.binning import SparseCounts, bin_spikes_sparse, counting_by, iter_bin_spikes
from nwbin.errors import (
    ArgumentError,
    ArgumentTypeError,
    CountOverflowError,
    MissingDependencyError,
    NotEnoughMemoryError,
)
from tests import naive
from tests.strategies import Case, cases, closed_rules

PATHS: list[Any] = ["auto", "plain", "walk", "scatter"]
threads = st.sampled_from([None, 1, 2, 3])


def trains_of(case: Case) -> nwbin.SpikeTrains:
    return nwbin.SpikeTrains.from_dict(case.trains).select(case.units)


# Against the definition


@given(cases(bins=True), closed_rules, threads)
def test_bins(case: Case, closed: Any, threads: int | None) -> None:
    expected = naive.count(case.times, case.onsets, naive.windows_of(case.windows, len(case.onsets)), closed)
    for path in PATHS:
        with counting_by(path):
            found = nwbin.bin_spikes(
                trains_of(case), case.onsets, case.windows, closed=closed, threads=threads
            )
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, expected, err_msg=str(path))


@given(cases(bins=False), closed_rules, threads)
def test_windows(case: Case, closed: Any, threads: int | None) -> None:
    windows = np.broadcast_to(case.windows, (len(case.onsets), *case.windows.shape[-2:]))
    expected = naive.count(case.times, case.onsets, windows, closed)
    for path in PATHS[:3]:
        with counting_by(path):
            found = nwbin.count_in_windows(
                trains_of(case), case.onsets, case.windows, closed=closed, threads=threads
            )
        np.testing.assert_array_equal(found, expected, err_msg=str(path))


@given(cases(bins=True), st.sampled_from(["left", "right"]))
def test_half_open_counts_over_adjoining_bins_add_up(case: Case, closed: Any) -> None:
    whole = case.windows[..., [0, -1]]
    for path in PATHS:
        with counting_by(path):
            counts = nwbin.bin_spikes(trains_of(case), case.onsets, case.windows, closed=closed)
            total = nwbin.bin_spikes(trains_of(case), case.onsets, whole, closed=closed)
        np.testing.assert_array_equal(counts.sum(axis=1), total[:, 0])


@given(cases(bins=True), closed_rules, threads)
def test_sparse(case: Case, closed: Any, threads: int | None) -> None:
    expected = naive.count(case.times, case.onsets, naive.windows_of(case.windows, len(case.onsets)), closed)
    for path in PATHS[:3]:
        with counting_by(path):
            found = bin_spikes_sparse(
                trains_of(case), case.onsets, case.windows, closed=closed, threads=threads
            )
        assert found.shape == expected.shape
        assert (found.count > 0).all()
        np.testing.assert_array_equal(found.toarray(), expected)
        order = np.lexsort((found.bin, found.unit, found.presentation))
        np.testing.assert_array_equal(order, np.arange(order.size))
        assert found.count.size == (expected > 0).sum()


@given(cases(bins=False), closed_rules, threads)
def test_align(case: Case, closed: Any, threads: int | None) -> None:
    window = case.windows[0] if case.windows.ndim == 2 else case.windows[:, 0]
    rows = np.broadcast_to(window, (len(case.onsets), 2))
    expected = naive.align(case.times, case.onsets, rows, closed)
    for path in PATHS[:3]:
        with counting_by(path):
            found = nwbin.align_spikes(trains_of(case), case.onsets, window, closed=closed, threads=threads)
        assert (found.presentation.dtype, found.unit.dtype, found.time.dtype) == ("i8", "i8", "f8")
        assert list(zip(*(a.tolist() for a in found), strict=True)) == expected


@given(cases(bins=True), closed_rules, st.integers(0, 400))
def test_blocks(case: Case, closed: Any, spare: int) -> None:
    arguments = trains_of(case), case.onsets, case.windows
    expected = nwbin.bin_spikes(*arguments, closed=closed)
    row_bytes = expected.shape[1] * expected.shape[2] * 2
    for reuse in (False, True):
        seen: list[tuple[int, int]] = []
        found = np.full_like(expected, 999)
        for rows, block in iter_bin_spikes(
            *arguments,
            closed=closed,
            max_bytes=row_bytes + spare,
            reuse=reuse,
            progress=lambda *a: seen.append(a),  # noqa: B023
        ):
            assert block.nbytes <= row_bytes + spare
            found[rows] = block
        np.testing.assert_array_equal(found, expected)
        assert seen == sorted(set(seen))
        assert [n for n, _ in seen][-1:] == ([len(expected)] if len(expected) else [])


KINDS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "?", ">u2", ">i4", "g"]
# What the kernels write for these is compiled for them alone, which takes seconds each; test_overflow has two of them.
LATER = {"u4", "i4", "u8", "i8", "f4", ">i4"}


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param(path, kind, marks=[pytest.mark.slow] * (path != "plain" and kind in LATER))
        for path in ("plain", "walk", "scatter")
        for kind in KINDS
    ],
)
def test_dtypes(path: Any, kind: str, binarize: bool) -> None:
    rng = np.random.default_rng(5)
    trains = {u: np.sort(rng.uniform(0, 10, 200)) for u in range(5)}
    onsets, edges = rng.uniform(0, 9, 20), np.linspace(0, 1, 6)
    expected = naive.count(list(trains.values()), onsets, naive.windows_of(edges, 20), "left")
    if binarize or kind == "?":
        expected = np.minimum(expected, 1)
    with counting_by(path):
        found = nwbin.bin_spikes(trains, onsets, edges, dtype=kind, binarize=binarize)
        assert found.dtype == np.dtype(kind)
        np.testing.assert_array_equal(found, expected)
        sparse = bin_spikes_sparse(trains, onsets, edges, dtype=kind, binarize=binarize)
        assert sparse.count.dtype == np.dtype(kind)
        np.testing.assert_array_equal(sparse.toarray(), expected)
        for block in iter_bin_spikes(trains, onsets, edges, dtype=kind, binarize=binarize, max_bytes=10_000):
            np.testing.assert_array_equal(block[1], expected[block[0]])


def test_binarized_counts_are_uint8() -> None:
    assert nwbin.bin_spikes({1: [0.5, 0.6]}, [0], [0, 1], binarize=True).tolist() == [[[1]]]
    assert nwbin.bin_spikes({1: [0.5]}, [0], [0, 1], binarize=True).dtype == np.uint8


# Counts too large


@pytest.mark.parametrize("path", ["plain", "walk", "scatter"])
@pytest.mark.parametrize(
    ("kind", "limit", "next_kind"),
    [("u1", 255, "uint16"), ("i1", 127, "int16"), ("u2", 65535, "uint32"), ("f2", 2048, "float32")],
)
def test_overflow(path: Any, kind: str, limit: int, next_kind: str) -> None:
    trains = {"quiet": [0.5], "loud": np.sort(np.append(np.full(limit, 1.5), [0.1, 2.5, 2.5]))}
    onsets, edges = [10.0, 0.0], [0, 1, 2, 3]
    with counting_by(path):
        full = nwbin.bin_spikes(trains, onsets, edges, dtype=kind)
        assert full[1, 1, 1] == limit
        trains["loud"] = np.sort(np.append(trains["loud"], 1.5))
        message = (
            f"presentation 1, bin 1, unit 'loud': {limit + 1:,} spikes are more than {np.dtype(kind)} holds"
            f" ({limit:,}); dtype='{next_kind}' holds every count of this request"
        )
        for count in (nwbin.bin_spikes, bin_spikes_sparse):
            with pytest.raises(CountOverflowError, match=re.escape(message)) as caught:
                count(trains, onsets, edges, dtype=kind)
            assert isinstance(caught.value, OverflowError)
        assert nwbin.bin_spikes(trains, onsets, edges, dtype=next_kind)[1, 1, 1] == limit + 1
        assert nwbin.bin_spikes(trains, onsets, edges, dtype=kind, binarize=True)[1, 1, 1] == 1
        with pytest.raises(CountOverflowError, match="presentation 0, window 0, unit 'loud'"):
            nwbin.count_in_windows(trains, [0.0], [[0, 9]], dtype=kind)
        blocks = iter_bin_spikes(trains, onsets, edges, dtype=kind, max_bytes=6 * np.dtype(kind).itemsize)
        next(blocks)
        with pytest.raises(CountOverflowError, match=r"presentation 1, bin 1.*holds it"):
            next(blocks)


def test_closed_bins_that_count_a_spike_twice_do_not_overflow_early() -> None:
    trains = {1: np.full(200, 1.0)}
    for path in PATHS:
        with counting_by(path):
            found = nwbin.bin_spikes(trains, [0], [0, 1, 1, 2], closed="both", dtype="u1")
        assert found.ravel().tolist() == [200, 200, 200]


# Where the counts go


def request() -> tuple[dict[int, Any], Any, Any]:
    rng = np.random.default_rng(8)
    trains = {u: np.sort(rng.uniform(0, 10, 100)) for u in range(7)}
    return trains, rng.uniform(0, 9, 30), np.linspace(0, 1, 11)


@pytest.mark.parametrize("path", ["plain", "walk", "scatter"])
@pytest.mark.parametrize("kind", ["u2", "i2", "f2", ">u2", "?"])
def test_out(path: Any, kind: str, tmp_path: Path) -> None:
    expected = nwbin.bin_spikes(*request(), dtype=kind)
    shape = expected.shape
    wide = np.full((shape[0], shape[1], 2 * shape[2]), 1, kind)
    byte_by_byte = np.zeros(expected.nbytes + 1, np.uint8)[1:].view(kind).reshape(shape)
    outs = {
        "plain": np.ones(shape, kind),
        "strided": wide[:, :, ::2],
        "backwards": np.ones(shape, kind)[::-1],
        "fortran": np.ones(shape, kind, order="F"),
        "memmap": np.memmap(tmp_path / "out", kind, "w+", shape=shape),
        "unaligned": byte_by_byte,
    }
    with counting_by(path):
        for name, out in outs.items():
            assert nwbin.bin_spikes(*request(), out=out) is out
            np.testing.assert_array_equal(out, expected, err_msg=name)
    assert (wide[:, :, 1::2] == 1).all()


def test_out_may_be_anything_that_takes_slices() -> None:
    class Store:
        def __init__(self, shape: tuple[int, ...]) -> None:
            self.shape, self.dtype, self.array, self.writes = shape, np.dtype("u2"), np.ones(shape, "u2"), 0

        def __setitem__(self, key: slice, value: Any) -> None:
            self.writes += 1
            self.array[key] = value

    expected = nwbin.bin_spikes(*request())
    store = Store(expected.shape)
    done: list[tuple[int, int]] = []
    assert nwbin.bin_spikes(*request(), out=store, progress=lambda *a: done.append(a)) is store
    np.testing.assert_array_equal(store.array, expected)
    assert store.writes == 1
    assert done == [(30, 30)]


def test_progress_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from nwbin.binning import _counts

    monkeypatch.setattr(_counts, "_BLOCK_BYTES", 10 * 7 * 2 * 8)
    done: list[tuple[int, int]] = []
    found = nwbin.bin_spikes(*request(), progress=lambda *a: done.append(a))
    assert done == [(8, 30), (16, 30), (24, 30), (30, 30)]
    np.testing.assert_array_equal(found, nwbin.bin_spikes(*request()))
    done.clear()
    nwbin.bin_spikes({}, [], [0, 1], progress=lambda *a: done.append(a))
    assert done == [(0, 0)]


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (
            np.zeros((30, 10, 6), "u2"),
            None,
            r"out has shape \(30, 10, 6\), but the counts have \(30, 10, 7\)",
        ),
        (np.zeros((30, 10, 7), "u2"), "u4", "dtype is uint32, but out is of uint16"),
        (np.broadcast_to(np.zeros(7, "u2"), (30, 10, 7)), None, "out is read-only"),
    ],
)
def test_bad_out(out: Any, kind: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        nwbin.bin_spikes(*request(), out=out, dtype=kind)


def test_out_of_the_wrong_kind() -> None:
    with pytest.raises(ArgumentTypeError, match=r"out must be an array with shape.*not list"):
        nwbin.bin_spikes(*request(), out=[])
    with pytest.raises(ArgumentTypeError, match="counts cannot be of dtype complex128"):
        nwbin.bin_spikes(*request(), out=np.zeros((30, 10, 7), complex))


# What may be given


def test_friendly_arguments() -> None:
    pd = pytest.importorskip("pandas")
    trains = {1: [0.5, 1.5]}
    assert nwbin.bin_spikes(trains, 0, (0, 1, 2)).tolist() == [[[1], [1]]]
    frame = pd.DataFrame({"start": [0.0, 1.0]}, index=[5, 6])
    assert nwbin.bin_spikes(trains, frame["start"], pd.Index([0, 1])).tolist() == [[[1]], [[1]]]
    assert nwbin.bin_spikes(trains, np.array([0, 1], object), [0, 1]).ravel().tolist() == [1, 1]
    assert nwbin.count_in_windows(trains, [0], (0, 2)).tolist() == [[[2]]]
    assert nwbin.align_spikes(trains, [1], (-1, 1)).time.tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 3, 0), (0, 1, 0)])
def test_nothing_to_count(shape: tuple[int, int, int]) -> None:
    rows, bins, units = shape
    trains = {u: [0.5] for u in range(units)}
    onsets = np.zeros(rows)
    for edges in (np.arange(bins + 1), np.zeros((rows, bins + 1))):
        assert nwbin.bin_spikes(trains, onsets, edges).shape == shape
        assert bin_spikes_sparse(trains, onsets, edges).toarray().shape == shape
    assert nwbin.count_in_windows(trains, onsets, np.zeros((bins, 2))).shape == shape
    assert nwbin.count_in_windows(trains, onsets, np.zeros((0, 2))).shape == (rows, 0, units)
    for window in ([0, 1], np.zeros((rows, 2))):
        assert nwbin.align_spikes(trains, onsets, window).time.size == 0
    assert list(iter_bin_spikes({}, [], [0, 1])) == []


def test_infinite_edges_mean_from_the_first_and_to_the_last_spike() -> None:
    trains = {1: [-5.0, 0.5, 7.0]}
    for path in PATHS:
        for closed in ("left", "right", "both"):
            with counting_by(path):
                found = nwbin.bin_spikes(trains, [0], [-np.inf, 0, 1, np.inf], closed=closed)  # type: ignore[arg-type]
            assert found.ravel().tolist() == [1, 1, 1]


def test_edges_are_added_not_divided() -> None:
    # 0.1 * 3 and 0.3 differ in the last bit, as do onset + edge and the nearest decimal.
    edges, onset = np.arange(1001) * 0.001, 1234.567
    trains = {1: onset + edges}
    for path in PATHS:
        with counting_by(path):
            assert (nwbin.bin_spikes(trains, [onset], edges, closed="left") == 1).all()
            assert (nwbin.bin_spikes(trains, [onset], edges, closed="right") == 1).all()
            assert (nwbin.bin_spikes(trains, [onset], edges, closed="both") == 2).all()


GOOD: dict[str, Any] = {"trains": {1: [0.5]}, "onsets": [0.0, 1.0], "edges": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"onsets": [0, np.nan]}, ArgumentError, "onset 1 of 2 is nan; onsets must be finite: drop the"),
        ({"onsets": [np.inf]}, ArgumentError, "onset 0 of 1 is inf"),
        ({"onsets": [[0]]}, ArgumentError, r"onsets must have one dimension.*not shape \(1, 1\)"),
        ({"onsets": ["a"]}, ArgumentTypeError, "onsets must be numbers in seconds, not <U1 values"),
        ({"onsets": [None, {}]}, ArgumentTypeError, "onsets must be numbers in seconds: "),
        ({"onsets": [True]}, ArgumentTypeError, "onsets must be numbers in seconds, not bool values"),
        ({"edges": [0]}, ArgumentError, r"at least two edges; not shape \(1,\)"),
        ({"edges": 0.5}, ArgumentError, r"not shape \(\)"),
        ({"edges": np.zeros((1, 2, 2))}, ArgumentError, r"not shape \(1, 2, 2\)"),
        ({"edges": [[0, 1]] * 3}, ArgumentError, "edges has 3 rows for 2 presentations"),
        ({"edges": [0, np.nan]}, ArgumentError, r"edges\[1\] is NaN; use -inf or inf"),
        ({"edges": [[0, 1], [np.nan, 1]]}, ArgumentError, r"edges\[1, 0\] is NaN"),
        ({"edges": [0, 2, 1]}, ArgumentError, r"but edge 1 is 2.0 and edge 2 is 1.0; sort them, or use"),
        ({"edges": [[0, 1], [1, 0.5]]}, ArgumentError, r"but in row 1 edge 0 is 1.0 and edge 1 is 0.5"),
        ({"closed": "neither"}, ArgumentError, r"closed must be 'left' for \[a, b\).*not 'neither'"),
        ({"threads": 0}, ArgumentError, "threads must be at least 1, not 0; None means all cores"),
        ({"threads": 1.5}, ArgumentTypeError, "threads must be a whole number or None, not 1.5"),
        ({"dtype": complex}, ArgumentTypeError, "counts cannot be of dtype complex128; use an integer"),
        ({"dtype": object}, ArgumentTypeError, "counts cannot be of dtype object"),
        ({"dtype": "U3"}, ArgumentTypeError, "counts cannot be of dtype <U3"),
        (
            {"trains": [0.5]},
            ArgumentTypeError,
            "a list of trains must hold an array of spike times for each unit, not float",
        ),
        ({"trains": {1: ["x"]}}, ArgumentTypeError, "unit 1: spike times must be real numbers"),
    ],
)
def test_bad_arguments(changed: dict[str, Any], kind: type[Exception], message: str) -> None:
    for count in (nwbin.bin_spikes, iter_bin_spikes, bin_spikes_sparse):
        with pytest.raises(kind, match=message):
            count(**(GOOD | changed))


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ([0, 1, 2], r"windows must be \(windows, 2\).*not shape \(3,\)"),
        ([[0, 1, 2]], r"not shape \(1, 3\)"),
        (np.zeros((3, 1, 2)), "windows has 3 rows for 2 presentations"),
        ([[0, 1], [1, 0.5]], r"window 1 stops before it starts: \[1.0, 0.5\]; give \[start, stop\]"),
        ([[[0, 1]], [[1, 0]]], r"window 0 of presentation 1 stops before it starts: \[1.0, 0.0\]"),
        ([[0, np.nan]], r"windows\[0, 1\] is NaN"),
        ([[[0, 1]], [[1, np.nan]]], r"windows\[1, 0, 1\] is NaN"),
    ],
)
def test_bad_windows(windows: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        nwbin.count_in_windows({1: [0.5]}, [0.0, 1.0], windows)


def test_bad_align_window() -> None:
    with pytest.raises(ArgumentError, match=r"window must be \(2,\), start and stop.*not shape \(3,\)"):
        nwbin.align_spikes({1: [0.5]}, [0.0], [0, 1, 2])


def test_budgets() -> None:
    with pytest.raises(
        ArgumentError, match=r"max_bytes=10 is less than one presentation takes \(10 bins of 7"
    ):
        iter_bin_spikes(*request(), max_bytes=10)
    for path in ("plain", "walk"):
        with (
            counting_by(path),
            pytest.raises(ArgumentError, match=r"bins hold a spike, which takes .* more than"),
        ):
            bin_spikes_sparse(*request(), max_bytes=100)


# Sparse results


def test_sparse_conversions() -> None:
    dense = nwbin.bin_spikes(*request())
    found = bin_spikes_sparse(*request())
    assert isinstance(found, SparseCounts)
    assert re.fullmatch(
        r"SparseCounts\([\d,]+ of 30 x 10 x 7 bins \([\d.]+%\), uint16, [\d.]+ MB\)", repr(found)
    )
    assert found.nbytes == found.count.size * 26
    pytest.importorskip("scipy")
    flat = found.to_scipy()
    assert flat.shape == (30, 70)
    np.testing.assert_array_equal(flat.toarray(), dense.reshape(30, 70))


def test_sparse_package() -> None:
    found = bin_spikes_sparse(*request())
    try:
        import sparse  # noqa: F401
    except ImportError:
        with pytest.raises(MissingDependencyError, match="needs the package sparse: pip install"):
            found.to_sparse()
    else:
        np.testing.assert_array_equal(found.to_sparse().todense(), nwbin.bin_spikes(*request()))


@pytest.mark.parametrize("edges", [[-np.inf] * 3, [np.inf] * 3, [-np.inf, -np.inf, 0, np.inf, np.inf]])
def test_edges_without_end_and_the_choice_of_kernel(edges: Any) -> None:
    importlib.import_module("nwbin.kernels.compiled")  # so that there is a choice for so little work
    trains = [np.array([-1.0, 0.0, 0.5])] * 20
    for closed in ("left", "right", "both"):
        expected = naive.count(trains, [0.0, 1.0], naive.windows_of(edges, 2), closed)
        found = nwbin.bin_spikes(dict(enumerate(trains)), [0.0, 1.0], edges, closed=closed)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected)


def test_too_large_for_memory_says_how_large() -> None:
    # More than can be addressed, however freely the system promises memory.
    trains = {unit: [0.5] for unit in range(100)}
    with pytest.raises(
        NotEnoughMemoryError,
        match=r"1,000,000 presentations x 1,000,000 bins x 100 units of uint64 take 8e\+05 GB",
    ) as e:
        nwbin.bin_spikes(trains, np.zeros(10**6), np.arange(10**6 + 1.0), dtype="uint64")
    assert isinstance(e.value, MemoryError)
    for word in ("nwbin.iter_bin_spikes", "out=", "uint8"):
        assert word in str(e.value)
