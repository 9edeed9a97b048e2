"""Trials by units, and the labels of trials."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, LookupFailure, OverlapWarning
from nwbin.responses.statistics import group_statistics


def test_response_matrix(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    units = session.units.index[::-1]
    matrix = session.response_matrix(table.index, units, window=(0.01, 0.2), label="orientation")
    shown = table[table["orientation"] != "null"]
    assert len(shown) < len(table), "a blank sweep has no orientation and is left out"
    assert matrix.presentation_ids.tolist() == shown.index.tolist()
    assert matrix.unit_ids.tolist() == units.tolist()
    assert matrix.y.tolist() == shown["orientation"].tolist()
    assert matrix.y.dtype == np.float64
    assert matrix.classes.tolist() == sorted(set(shown["orientation"]))
    assert matrix.X.shape == (len(shown), len(units))
    assert matrix.X.dtype == np.float64
    assert (
        repr(matrix)
        == f"<nwbin.ResponseMatrix: {len(shown)} trials x {len(units)} units, {len(matrix.classes)} classes>"
    )
    for column, unit in enumerate(units):
        times = session.spike_times[unit]
        by_hand = [((times >= t + 0.01) & (times <= t + 0.2)).sum() for t in shown["start_time"]]
        assert matrix.X[:, column].tolist() == by_hand
    rates = session.response_matrix(table.index, units, window=(0.01, 0.2), rate=True)
    np.testing.assert_allclose(rates.X, matrix.X / 0.19)


def test_tables_with_null_can_be_compared(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    with pytest.raises(TypeError):
        table[table["orientation"] > 45]
    tidy = nwbin.export.tidy(table)
    some = tidy[tidy["orientation"] > 45]
    assert 0 < len(some) < len(table)
    assert nwbin.export.select(table, "orientation > 45").index.equals(some.index)


@pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning")
def test_response_matrix_says_what_was_hardly_meant(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    with pytest.warns(
        nwbin.NwbinWarning, match=r"240 s long and the longest presentation 0\.25\d* s; .* seconds"
    ):
        session.response_matrix(table.index, window=(10, 250))
    with pytest.warns(
        nwbin.NwbinWarning,
        match=r"none of the [\d,]+ presentations has a value of 'color': .* values: orientation, phase, spatial_f",
    ):
        assert session.response_matrix(table.index, label="color").X.shape == (0, len(session.units))
    flashes = session.get_stimulus_table("flashes")
    with pytest.warns(
        nwbin.NwbinWarning, match=r"all \d+ presentations have the same 'orientation', 0\.0: .* values: color"
    ):
        assert session.response_matrix(flashes).classes.tolist() == [0.0]
    with pytest.warns(nwbin.NwbinWarning, match=r"the window is 250 s long .* times are in seconds"):
        session.presentationwise_spike_counts([0, 50, 250], flashes.index[:1], None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", OverlapWarning)
        session.presentationwise_spike_counts([-np.inf, 0, np.inf], flashes.index[:1], None)
        frame = session.get_stimulus_table("natural_movie_one").index[:1]
        session.presentationwise_spike_counts(
            np.arange(0, 12.01, 0.1), frame, None
        )  # a clip from its first frame
        session.response_matrix(table.index, window=(-5, 5))  # the surroundings, in whole seconds
    with pytest.raises(ArgumentError, match=r"window must be \(from, to\) in seconds from onset, not 0\.25"):
        session.response_matrix(table.index, window=0.25)  # type: ignore[arg-type]
    with pytest.raises(
        ArgumentError, match=r"window must be \(from, to\) in seconds from onset, not \[\[0\], 1\]"
    ):
        session.response_matrix(table.index, window=[[0], 1])  # type: ignore[arg-type]


def test_one_label_is_said_once(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    with pytest.warns(nwbin.NwbinWarning, match="have the same 'stimulus_name', 'flashes'"):
        session.response_matrix(flashes, label="stimulus_name")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.response_matrix(flashes[1:], label="stimulus_name")  # a loop over parts is not told again


def test_missing_labels_are_left_out(session: nwbin.Session) -> None:
    shown = session.get_stimulus_table("static_gratings").index
    labels = [pd.NA, None, np.nan, "null", *range(len(shown) - 4)]
    assert session.response_matrix(shown, label=labels).presentation_ids.tolist() == shown[4:].tolist()


@pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning")
def test_response_matrix_of_mixed_labels(session: nwbin.Session) -> None:
    matrix = session.response_matrix(None, label="spatial_frequency")
    numbers = [one for one in matrix.classes if not isinstance(one, str)]
    text = [one for one in matrix.classes if isinstance(one, str)]
    assert matrix.classes.tolist() == [*sorted(numbers), *sorted(text)]
    assert numbers
    assert text


def test_text_that_says_none_is_a_value(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("flashes", include_detailed_parameters=True)
    assert set(table["mask"]) == {"None"}


@pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning")
def test_labels_of_a_series_are_those_of_its_presentations(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("flashes")
    backwards = table.index[::-1]
    by_name = session.response_matrix(backwards, label="color")
    for series in (table["color"], session.stimulus_presentations["color"]):
        assert session.response_matrix(backwards, label=series).y.tolist() == by_name.y.tolist()
    unnamed = pd.Series(table["color"].tolist())  # it does not say: then one after the other
    assert session.response_matrix(backwards, label=unnamed).y.tolist() == table["color"].tolist()


def test_response_matrix_labels(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    names = np.asarray(["a", "b"] * len(flashes))[: len(flashes)]
    matrix = session.response_matrix(flashes, label=names)
    assert matrix.y.tolist() == names.tolist()
    assert matrix.classes.tolist() == ["a", "b"]
    with pytest.raises(LookupFailure, match="no column 'orientaton'; did you mean 'orientation'"):
        session.response_matrix(flashes, label="orientaton")
    with pytest.raises(ArgumentError, match="one value a trial"):
        session.response_matrix(flashes, label=["a"])


@pytest.mark.filterwarnings("ignore::nwbin.errors.NwbinWarning")
@pytest.mark.parametrize("use_rates", [False, True])
@pytest.mark.parametrize("units", [slice(None), slice(None, None, -1)])
def test_statistics_are_the_same_whatever_units_are_counted_together(
    masked: Path, use_rates: bool, units: slice
) -> None:
    with nwbin.open(masked) as session:
        shown = session.stimulus_presentations
        ask = partial(
            group_statistics,
            session.file.spike_trains(session.units.index[units]),
            shown[["start_time", "stop_time"]].to_numpy(),
            shown["stimulus_condition_id"].to_numpy(),
            durations=shown["duration"].to_numpy() if use_rates else None,
            closed="right",
        )
        for by_three, whole in zip(ask(max_bytes=3 * 8 * len(shown)), ask(), strict=True):
            np.testing.assert_array_equal(by_three, whole)
