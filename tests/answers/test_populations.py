"""Decoding over time, over neurons, and from neurons of several sessions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")

from nwbin import SpikeTrains
from nwbin.decode import PseudoPopulation, decode, decode_over_neurons, decode_over_time, pseudo_population
from nwbin.errors import ArgumentError, ArgumentTypeError, NwbinWarning
from nwbin.responses import ResponseMatrix, response_matrix, sliding_windows


def answering(
    lag: float, number: int = 60, units: int = 6
) -> tuple[SpikeTrains, pd.DataFrame, np.ndarray[Any, Any]]:
    """Units that fire more to label 1 from `lag` s after onset on, and until 0.1 s later."""
    rng = np.random.default_rng(0)
    onsets, labels = 1.0 + np.arange(number), np.arange(number) % 2
    times = {}
    for u in range(units):
        more = [onset + lag + rng.uniform(0, 0.1, 4) for onset in onsets[labels == 1]]
        times[u] = np.sort(np.concatenate([rng.uniform(0, number, 5 * number), *more]))
    return SpikeTrains.from_dict(times), pd.DataFrame({"start_time": onsets}), labels


def test_decoding_follows_the_answer() -> None:
    trains, rows, labels = answering(0.2)
    windows = sliding_windows((-0.1, 0.5), 0.1, 0.1)
    found = decode_over_time(trains, rows, labels, windows)
    assert found["accuracy"].dims == ("time_relative_to_stimulus_onset", "fold")
    assert found["accuracy"].shape == (6, 5)
    assert found["chance"] == 0.5
    mean = found["accuracy"].mean("fold").values
    assert mean[3] > 0.95
    assert (mean[[0, 1, 2, 4, 5]] < 0.75).all()
    for at, window in enumerate(windows.tolist()):
        matrix = response_matrix(trains, rows, labels, tuple(window))  # type: ignore[arg-type] # of two
        np.testing.assert_array_equal(found["accuracy"][at], decode(matrix.X, matrix.y).scores)


def test_a_window_without_spikes_has_no_accuracy() -> None:
    onsets = 1.0 + np.arange(20)
    trains = SpikeTrains.from_dict({1: np.sort(np.r_[onsets[::2] + 0.3, onsets[::4] + 0.31])})
    found = decode_over_time(trains, onsets, np.arange(20) % 2, [[0.0, 0.1], [0.25, 0.35]])
    assert np.isnan(found["accuracy"][0]).all()
    assert (found["accuracy"][1] == 1).all()
    with pytest.raises(ArgumentError, match="all trials have the same counts"):
        decode_over_time(trains, onsets, np.arange(20) % 2, [0.0, 0.1])
    with pytest.raises(ArgumentError, match="one value a trial"):
        decode_over_time(trains, onsets, [1, 2], [0.25, 0.35])
    with pytest.raises(ArgumentError, match="windows must be"):
        decode_over_time(trains, onsets, np.arange(20) % 2, np.zeros((1, 3)))


def test_more_neurons_say_more() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 12)) + 0.6 * rng.normal(size=(2, 12))[y]
    found = decode_over_neurons(X, y, draws=3, seed=2, folds=2)
    assert found["neurons"].values.tolist() == [1, 2, 5, 10, 12]
    mean = found["accuracy"].mean("draw").values
    assert mean[0] < mean[-1] - 0.1
    assert (found["accuracy"][-1] == decode(X, y, folds=2).accuracy).all()
    again = decode_over_neurons(X, y, [5, 2], draws=3, seed=2, folds=2)
    np.testing.assert_array_equal(again["accuracy"], found["accuracy"].sel(neurons=[5, 2]))
    assert (
        decode_over_neurons(X, y, [5], draws=3, seed=3, folds=2)["accuracy"] != again["accuracy"][:1]
    ).any()
    for numbers in ([0], [13], []):
        with pytest.raises(ArgumentError, match="number"):
            decode_over_neurons(X, y, numbers)
    silent = np.stack([X[:, 0], np.zeros(40)], axis=1)
    some = decode_over_neurons(silent, y, [1], draws=8, folds=2)["accuracy"].values
    assert 0 < np.isnan(some).sum() < 8, "of a set that says nothing there is no accuracy"


def matrix_of(y: Any, units: int, first_id: int, seed: int) -> ResponseMatrix:
    labels = np.asarray(y)
    if labels.dtype.kind in "iu":
        labels = labels.astype(float)
    counts = np.random.default_rng(seed).poisson(5, (len(labels), units)).astype(float)
    return ResponseMatrix(
        counts,
        labels,
        np.unique(labels),
        100 * first_id + np.arange(len(labels)),
        first_id + np.arange(units),
    )


def test_trials_of_one_label_are_put_together() -> None:
    given = {"a": matrix_of([0, 1, 0, 1, 0, 1, 1], 2, 1, 0), "b": matrix_of([1, 1, 0, 0, 0, 0], 3, 7, 1)}
    found = pseudo_population(given)
    assert isinstance(found, PseudoPopulation)
    assert found.X.shape == (4, 5), "two of each label, which is all that b has of 1"
    assert found.y.tolist() == [0, 1, 0, 1]
    assert found.unit_ids.tolist() == [1, 2, 7, 8, 9]
    assert found.sessions.tolist() == [0, 0, 1, 1, 1]
    assert found.names == ("a", "b")
    for seed in range(20):
        drawn = pseudo_population(given, seed=seed).presentation_ids
        assert all(len(set(one)) == 4 for one in drawn.tolist()), "no trial is taken twice"
    for session, (name, own) in enumerate(given.items()):
        used = found.presentation_ids[session]
        assert len(set(used)) == 4, f"{name}: no trial is taken twice"
        rows = np.searchsorted(own.presentation_ids, used)
        np.testing.assert_array_equal(own.y[rows], found.y)
        np.testing.assert_array_equal(own.X[rows], found.X[:, found.sessions == session])
        for label in (0, 1):
            assert (np.diff(used[found.y == label]) > 0).all(), "in order of time"
    assert repr(found).endswith("4 trials x 5 units of 2 sessions, 2 classes>")
    first = pseudo_population(given, seed=None)
    assert first.presentation_ids[0].tolist() == [100, 101, 102, 103]
    assert (pseudo_population(given, seed=1).X == pseudo_population(given, seed=1).X).all()
    assert pseudo_population(given.values(), trials_per_class=1).X.shape == (2, 5)


def test_a_pseudo_population_decodes_what_its_sessions_say() -> None:
    """Each session tells one pair of labels apart; only both together tell all four."""
    y = np.arange(80) % 4
    rng = np.random.default_rng(0)
    one = ResponseMatrix(
        rng.normal(size=(80, 4)) + 4.0 * (y[:, None] // 2),
        y.astype(float),
        np.arange(4.0),
        np.arange(80),
        np.arange(4),
    )
    other = ResponseMatrix(
        rng.normal(size=(80, 4)) + 4.0 * (y[:, None] % 2),
        y.astype(float),
        np.arange(4.0),
        np.arange(80),
        np.arange(4),
    )
    assert decode(one.X, one.y).accuracy < 0.7
    together = pseudo_population([one, other])
    assert decode(together.X, together.y).accuracy > 0.9


def test_labels_that_not_all_have() -> None:
    given = [matrix_of(["x", "y", "z", "x", "y", "z"], 1, 1, 0), matrix_of(["x", "y", "x", "y"], 1, 2, 0)]
    with pytest.warns(NwbinWarning, match=r"1 label \(z\) that not all sessions have, left out"):
        found = pseudo_population(given)
    assert found.classes.tolist() == ["x", "y"]
    cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        ([], {}, ArgumentError, "there are no response matrices"),
        ([given[0].X], {}, ArgumentTypeError, "matrices must be ResponseMatrix, .* not ndarray"),
        ([matrix_of([1, 2], 1, 1, 0), matrix_of([3, 4], 1, 1, 0)], {}, ArgumentError, "no label is in all .* 1.0, 2.0"),
        (given[1:], {"trials_per_class": 3}, ArgumentError, "has 2 trials of label 'x', too few for trials_per"),
        (given[1:], {"trials_per_class": 0}, ArgumentError, "trials_per_class must be a whole number"),
    ]  # fmt: skip
    for matrices, more, kind, message in cases:
        with pytest.raises(kind, match=message):
            pseudo_population(matrices, **more)
