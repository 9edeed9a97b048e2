"""Correlograms: exact counts against every difference compared with every edge, and the mean under jitter."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import nwbin
from nwbin import _memory
from nwbin.binning import _stream
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, NotEnoughMemoryError
from nwbin.responses.correlograms import to_xarray

Floats = NDArray[np.float64]


# The slow, plainly right answers


def differences(a: Floats, b: Floats, same: bool) -> Floats:
    """``t_b - t_a`` of every pair of spikes, none with itself."""
    all_ = b[None, :] - a[:, None]
    return all_[~np.eye(len(a), dtype=bool)] if same else all_.ravel()


def histogram(values: Floats, edges: Floats) -> list[int]:
    return [int(((values >= a) & (values < b)).sum()) for a, b in itertools.pairwise(edges)]


def naive(trains: dict[Any, Floats], pairs: Any, edges: Floats, spans: Any = ((-np.inf, np.inf),)) -> Any:
    total = np.zeros((len(pairs), len(edges) - 1), np.int64)
    for begin, end in spans:
        inside = {unit: times[(times >= begin) & (times < end)] for unit, times in trains.items()}
        for row, (a, b) in enumerate(pairs):
            total[row] += histogram(differences(inside[a], inside[b], a == b), edges)
    return total


def triangle(lag: float, cell: float, edges: Floats) -> Floats:
    """How the difference of two spikes, each anywhere in its cell, spreads over bins; cells `lag` apart."""
    middles = (np.arange(500) + 0.5) / 500
    x = edges[:-1, None] + np.diff(edges)[:, None] * middles
    density = np.maximum(0.0, 1.0 - np.abs(x / cell - lag)) / cell
    share: Floats = density.mean(axis=1) * np.diff(edges)
    return share


def naive_interval_jitter(trains: dict[Any, Floats], pairs: Any, edges: Floats, jitter: float) -> Floats:
    out = np.zeros((len(pairs), len(edges) - 1))
    for row, (a, b) in enumerate(pairs):
        window = {unit: np.floor(trains[unit] / jitter) for unit in (a, b)}
        for apart, often in zip(
            *np.unique(differences(window[a], window[b], a == b), return_counts=True), strict=True
        ):
            out[row] += often * triangle(apart, jitter, edges)
    return out


def naive_pattern_jitter(
    trains: dict[Any, Floats],
    pairs: Any,
    edges: Floats,
    onsets: Floats,
    length: float,
    width: float,
    cells: int,
) -> Floats:
    """As github.com/jiaxx/jitter has it: PSTH times the spikes in the window over the PSTH's sum there."""
    n = round(length / width)
    steps = np.arange(n + 1) * width
    binned = {u: np.array([np.histogram(t, o + steps)[0] for o in onsets]) for u, t in trains.items()}

    def windows(array: Floats) -> Floats:
        return np.repeat(np.add.reduceat(array, np.arange(0, n, cells), axis=-1), cells, axis=-1)[..., :n]

    out = np.zeros((len(pairs), len(edges) - 1))
    spread = {lag: triangle(lag, width, edges) for lag in range(-len(edges), len(edges) + 1)}
    share = {}
    for u, counts in binned.items():
        mean = counts.mean(axis=0)
        share[u] = np.divide(mean, windows(mean), out=np.zeros(n), where=mean > 0)
    for row, (a, b) in enumerate(pairs):
        one, two = (share[u] * windows(binned[u].astype(float)) for u in (a, b))
        both = np.einsum("ps,pt->st", one, two)
        if a == b:  # no spike with itself
            own = windows(binned[a].sum(axis=0).astype(float))
            for s, t in itertools.product(range(n), repeat=2):
                if s // cells == t // cells:
                    both[s, t] -= own[s] * share[a][s] * share[a][t]
        for s, t in itertools.product(range(n), repeat=2):
            if t - s in spread:
                out[row] += both[s, t] * spread[t - s]
    return out


def every_pair(units: Any) -> list[tuple[Any, Any]]:
    return list(itertools.combinations_with_replacement(units, 2))


# Counts

_times = st.one_of(
    st.integers(-40, 40).map(lambda i: i / 4),
    st.integers(-100, 100).map(lambda i: i / 10),
    st.integers(-100, 100).map(lambda i: i * 0.1),
    st.floats(-10, 10),
)


@st.composite
def requests(draw: Any) -> tuple[dict[int, Floats], float, int]:
    """Spikes on edges, alike, and a hair beside."""
    width = draw(st.sampled_from([0.1, 0.25, 0.3, 1.0]))
    bins = draw(st.integers(1, 9))
    pool = draw(st.lists(_times, min_size=1, max_size=12))
    near = [t + k * width / 2 for t in pool for k in range(-4, 5)]
    near += [np.nextafter(t, np.inf) for t in near] + [np.nextafter(t, -np.inf) for t in near]
    trains = {}
    for unit in range(draw(st.integers(1, 4))):
        some = draw(st.lists(st.sampled_from(near), max_size=15))
        trains[3 * unit + 2] = np.sort(np.array(some, float))
    return trains, width, bins


@given(requests(), st.integers(1, 3), st.sampled_from([1, 5, 1 << 22]))
def test_counts_are_those_of_every_difference(asked: Any, threads: int, block: int) -> None:
    trains, width, bins = asked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "BLOCK", block)
        patch.setattr(_stream, "_PIECE", 2)
        found = nwbin.correlograms(trains, bins * width, width, threads=threads)
    edges = (np.arange(bins + 1) - bins / 2) * width
    assert found.edges.tolist() == edges.tolist()
    assert found.counts.dtype == np.int64
    assert found.pairs.tolist() == [list(pair) for pair in every_pair(trains)]
    assert found.counts.tolist() == naive(trains, every_pair(trains), edges).tolist()


@given(requests(), st.data())
def test_any_pairs_within_any_presentations(asked: Any, data: Any) -> None:
    trains, width, bins = asked
    pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(list(trains))] * 2), max_size=8))
    onsets = np.array(data.draw(st.lists(_times, max_size=5)), float)
    within = np.sort(data.draw(st.lists(_times, min_size=2, max_size=2, unique=True)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "BLOCK", data.draw(st.sampled_from([1, 5, 1 << 22])))
        patch.setattr(_stream, "_PIECE", 2)
        found = nwbin.correlograms(trains, bins * width, width, pairs, onsets, within=within, threads=2)
    spans = [(onset + within[0], onset + within[1]) for onset in onsets]
    assert found.pairs.tolist() == [list(pair) for pair in pairs]
    assert found.counts.tolist() == naive(trains, pairs, found.edges, spans).tolist()


def test_mirrored_pairs_are_exact_too() -> None:
    # A difference on an edge falls to its right: for the mirrored pair, into the bin that is no mirror image.
    found = nwbin.correlograms([[0.0], [0.25]], 1.0, 0.25, pairs=[(0, 1), (1, 0), (0, 1)])
    assert found.counts.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]]


def test_no_spike_is_paired_with_itself() -> None:
    assert nwbin.correlograms([[1.0]], 1.0, 0.5).counts.tolist() == [[0, 0]]
    assert nwbin.correlograms([[1.0, 1.0]], 1.5, 0.5).counts.tolist() == [[0, 2, 0]]


def test_presentations_last_until_the_next() -> None:
    trains = {"a": [0.1, 1.1, 1.9], "b": [0.9, 1.2, 2.05]}
    shown = nwbin.correlograms(trains, 2.0, 1.0, onsets=[2.0, 0.0, 1.0])
    same = nwbin.correlograms(trains, 2.0, 1.0, onsets=[0.0, 1.0, 2.0], within=(0, 1))
    assert shown.counts.tolist() == same.counts.tolist()
    assert shown.counts[1].tolist() == [1, 2]


def test_nothing_to_count() -> None:
    for trains in ({}, {"a": []}, {"a": [], "b": [1.0]}):
        for onsets, jitter in itertools.product((None, [0.0, 1.0], []), (None, 0.5)):
            found = nwbin.correlograms(trains, 1.0, 0.25, onsets=onsets, jitter=jitter)
            assert found.counts.shape == (len(every_pair(trains)), 4)
            assert found.counts.sum() == 0
            assert (found.expected is None) == (jitter is None)
    assert nwbin.correlograms([[1.0]], 1.0, 0.25, pairs=[]).counts.shape == (0, 4)


# What is to be expected


@given(requests(), st.sampled_from([0.25, 0.5, 0.7, 3.0]), st.sampled_from([4, 1 << 22]))
def test_interval_jitter_is_the_mean_over_windows(asked: Any, jitter: float, block: int) -> None:
    trains, width, bins = asked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "BLOCK", block)
        found = nwbin.correlograms(trains, bins * width, width, jitter=jitter, threads=2)
    # A spike on the start of a window, as it is written: the reference may divide where it lies elsewhere.
    trains = {u: t[np.abs(t / jitter - np.round(t / jitter)) > 1e-9] for u, t in trains.items()}
    found = nwbin.correlograms(trains, bins * width, width, jitter=jitter)
    expected = naive_interval_jitter(trains, every_pair(trains), found.edges, jitter)
    assert found.expected is not None
    np.testing.assert_allclose(found.expected, expected, atol=1e-4 * max(1, expected.max()))
    assert (found.corrected == found.counts - found.expected).all()


def test_windows_of_jitter_begin_where_they_say() -> None:
    # 3 * 0.1 is 0.30000000000000004: a spike at 0.3 is in the window before, and the other's, too.
    alike = nwbin.correlograms([[0.3], [0.25]], 0.2, 0.1, jitter=0.1).expected
    apart = nwbin.correlograms([[0.30000000000000004], [0.25]], 0.2, 0.1, jitter=0.1).expected
    assert alike is not None
    assert apart is not None
    np.testing.assert_allclose(alike[1], [0.5, 0.5])
    np.testing.assert_allclose(apart[1], [0.5, 0.0], atol=1e-12)


def test_interval_jitter_is_the_mean_of_resamples() -> None:
    rng = np.random.default_rng(4)
    trains = {u: np.sort(rng.uniform(0, 20, 60)) for u in range(2)}
    found = nwbin.correlograms(trains, 0.6, 0.1, jitter=0.25)
    draws = []
    for _ in range(400):
        moved = {u: np.sort((np.floor(t / 0.25) + rng.random(t.size)) * 0.25) for u, t in trains.items()}
        draws.append(nwbin.correlograms(moved, 0.6, 0.1).counts)
    assert found.expected is not None
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(found.expected - np.mean(draws, axis=0)) < 5 * error + 1e-9).all()


@given(
    st.integers(0, 2**16), st.sampled_from([(8, 2), (9, 3), (12, 4), (12, 12), (10, 4)]), st.integers(1, 9)
)
def test_pattern_jitter_is_that_of_the_papers(seed: int, shape: tuple[int, int], bins: int) -> None:
    n, cells = shape
    rng = np.random.default_rng(seed)
    onsets = np.arange(4) * 16.0
    trains = {}
    for unit in range(3):
        places = rng.choice(n, rng.integers(0, 9)) + rng.choice([0.0, 0.25, 0.5], 1)
        trains[unit] = np.sort(rng.choice(onsets, places.size) + places)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream, "BLOCK", int(rng.choice([3, 1 << 22])))
        found = nwbin.correlograms(
            trains, float(bins), 1.0, onsets=onsets, jitter=float(cells), within=(0, n), threads=2
        )
    expected = naive_pattern_jitter(trains, every_pair(trains), found.edges, onsets, n, 1.0, cells)
    assert found.expected is not None
    np.testing.assert_allclose(found.expected, expected, atol=1e-4 * max(1.0, expected.max()))


def test_pattern_jitter_keeps_what_every_presentation_shares() -> None:
    # Both units answer 3 ms apart, always: that comes of the stimulus, and is expected.
    onsets = np.arange(50) * 1.0
    locked = nwbin.correlograms(
        [onsets + 0.1005, onsets + 0.1035], 0.041, 0.001, [(0, 1)], onsets, jitter=0.025, within=(0, 0.25)
    )
    assert locked.expected is not None
    assert locked.expected[0].sum() == pytest.approx(50)
    assert locked.expected[0, 20 + 3] == pytest.approx(50 * 0.75)
    # The same spikes, at places that differ from one presentation to the next: that is not.
    moving = onsets + 0.1005 + np.linspace(0, 0.024, 50)
    free = nwbin.correlograms(
        [moving, moving + 0.003], 0.041, 0.001, [(0, 1)], onsets, jitter=0.025, within=(0, 0.25)
    )
    assert free.counts[0, 23] == 50
    assert free.corrected[0, 23] > 45


# What is refused


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"window": 0.1, "bin": 0.03},
            ArgumentError,
            "window=0.1 s is 3.33333 bins of 0.03 s; make it a whole",
        ),
        ({"window": 0.1, "bin": 0.0}, ArgumentError, "bin must be more than 0 s and finite, not 0.0"),
        ({"window": np.inf, "bin": 0.1}, ArgumentError, "window must be more than 0 s and finite, not inf"),
        ({"window": [0.1, 0.2]}, ArgumentError, r"window must be one number of seconds, not of shape \(2,\)"),
        ({"bin": "x"}, ArgumentTypeError, "bin must be numbers in seconds"),
        ({"pairs": [(0, 5)]}, LookupFailure, "no unit 5; there are: 0, 1"),
        ({"pairs": [(0, 1, 1)]}, ArgumentError, r"pairs must be \(pairs, 2\), two unit ids each; one is"),
        ({"pairs": [0, 1]}, ArgumentError, r"two unit ids each; one is \(0,\)"),
        ({"jitter": -1.0}, ArgumentError, "jitter must be more than 0 s and finite"),
        ({"jitter": 0.025, "onsets": [0, 1]}, ArgumentError, "jitter=0.025 s is 2.5 bins of 0.01 s"),
        ({"within": (0, 1)}, ArgumentTypeError, "within is of presentations: give onsets with it"),
        ({"onsets": [1.0, 1.0]}, ArgumentTypeError, r"give within=\(start, stop\)"),
        ({"onsets": [0, 1], "within": (1, 0)}, ArgumentError, r"the start before the stop; not \[1.0, 0.0\]"),
        ({"onsets": [np.nan]}, ArgumentError, "onset 0 of 1 is nan"),
        ({"threads": 0}, ArgumentError, "threads must be at least 1"),
    ],
)
def test_refuses_what_makes_no_sense(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        nwbin.correlograms([[0.1], [0.2]], **{"window": 0.1, "bin": 0.01, **arguments})


def test_refuses_what_does_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "room", lambda root=None: _memory.Room(10**8, 10**9, "this machine"))
    with pytest.raises(
        NotEnoughMemoryError, match=r"correlograms of 125,250 pairs x 200 bins take 0\.2004 GB"
    ):
        nwbin.correlograms([[]] * 500, 0.2, 0.001)


def test_has_no_correction_without_jitter() -> None:
    found = nwbin.correlograms([[0.1]], 0.1, 0.05)
    assert repr(found) == "Correlograms(1 pairs x 2 bins, -0.05 to 0.05 s)"
    assert found.lags.tolist() == [-0.025, 0.025]
    with pytest.raises(ArgumentError, match="ask for them with jitter"):
        found.corrected  # noqa: B018


# With names


def test_labelled() -> None:
    found = nwbin.correlograms({"a": [0.1, 0.3], "b": [0.2]}, 0.5, 0.25, jitter=0.25)
    labelled = to_xarray(found)
    assert labelled.counts.dims == labelled.expected.dims == ("pair", "lag")
    assert np.shares_memory(labelled.counts.values, found.counts)
    ab = labelled.set_index(pair=["first_unit_id", "second_unit_id"]).sel(pair=("a", "b"))
    assert ab.counts.values.tolist() == found.counts[1].tolist() == [1, 1]
    assert found.expected is not None
    assert ab.expected.sum() == pytest.approx(found.expected[1].sum())
    assert labelled.lag.values.tolist() == [-0.125, 0.125]
    assert (labelled.lag_start < labelled.lag_stop).all()
    assert "expected" not in to_xarray(nwbin.correlograms([[0.1]], 0.5, 0.25))
