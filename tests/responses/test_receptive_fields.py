"""Receptive fields against loops over presentations; any grid, any window."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nwbin
from nwbin import testing
from nwbin.errors import ArgumentError, LookupFailure, NothingChosen, NwbinWarning
from nwbin.responses.position_maps import positions_of, receptive_fields

PLACES = itertools.product((5.0, -5.0, 0.0), (2.0, 1.0), (0, 90))  # y, x, orientation
GRID = pd.DataFrame(
    [(i * 0.5, x, y, angle) for i, (y, x, angle) in enumerate(PLACES)],
    columns=["start_time", "x_position", "y_position", "orientation"],
)


def naive(
    times: list[float], rows: pd.DataFrame, window: tuple[float, float], x: float, y: float
) -> list[int]:
    return [
        sum(row.start_time + window[0] <= t < row.start_time + window[1] for t in times)
        for row in rows.itertuples()
        if (row.x_position, row.y_position) == (x, y)
    ]


@settings(max_examples=30)
@given(
    times=st.lists(st.floats(0, 7, width=32).map(float), max_size=30).map(sorted),
    window=st.sampled_from([(0.0, 0.25), (-0.3, 0.1), (0.1, 1.2)]),
    order=st.permutations(range(len(GRID))),
)
def test_maps_are_what_loops_find(times: list[float], window: tuple[float, float], order: list[int]) -> None:
    rows = GRID.iloc[order]
    maps = receptive_fields({"a": [3.0], "b": times}, rows, window)
    assert maps["mean_count"].dims == ("unit_id", "y_position", "x_position")
    assert maps["y_position"].values.tolist() == [-5, 0, 5]
    assert maps["x_position"].values.tolist() == [1, 2]
    for x, y in itertools.product((1.0, 2.0), (-5.0, 0.0, 5.0)):
        counts = naive(times, rows, window, x, y)
        here = maps.sel(unit_id="b", x_position=x, y_position=y)
        assert here["spike_count"] == sum(counts)
        assert here["presentations"] == len(counts)
        assert here["mean_count"] == np.mean(counts)
        assert here["firing_rate"] == np.mean(counts) / (window[1] - window[0])
    whole = receptive_fields({"b": times}, rows, window, by_orientation=True)
    assert whole["mean_count"].dims == ("unit_id", "y_position", "x_position", "orientation")
    assert whole["orientation"].values.tolist() == [0, 90]
    assert whole["spike_count"].sum("orientation").equals(maps["spike_count"].sel(unit_id=["b"]))


def test_units_of_measure_and_attributes() -> None:
    maps = receptive_fields({1: [0.1]}, GRID, (0, 0.2), closed="right")
    assert maps.attrs == {"window_start": 0, "window_stop": 0.2, "closed": "right"}
    assert maps["firing_rate"].attrs["units"] == "Hz"
    assert maps["x_position"].attrs["units"] == maps["y_position"].attrs["units"] == "degrees"
    assert (maps["spike_count"].dtype, maps["mean_count"].dtype) == (np.int64, np.float64)


def test_a_spike_on_an_edge_goes_by_the_rule() -> None:
    rows = GRID.iloc[:1]
    assert int(receptive_fields({1: [0.25]}, rows)["spike_count"].sum()) == 0
    assert int(receptive_fields({1: [0.25]}, rows, closed="both")["spike_count"].sum()) == 1


def test_a_position_that_was_not_shown_has_no_mean() -> None:
    maps = receptive_fields({1: [0.1]}, GRID.iloc[[0, 2, 4]])  # (2, 5), (1, 5), (2, -5)
    lacking = maps.sel(unit_id=1, x_position=1, y_position=-5)
    assert lacking["presentations"] == lacking["spike_count"] == 0
    assert np.isnan(lacking["mean_count"])
    assert np.isnan(lacking["firing_rate"])


def test_rows_without_a_position_are_left_out() -> None:
    rows = GRID.astype(object)
    rows.loc[0, "x_position"] = "null"
    rows.loc[1, "y_position"] = np.nan
    rows.loc[2, "orientation"] = None
    with pytest.warns(NwbinWarning, match="2 intervals without position are left out"):
        maps = receptive_fields({1: [0.1]}, rows)
    assert int(maps["presentations"].sum()) == len(rows) - 2
    with pytest.warns(NwbinWarning, match="3 intervals without position or orientation"):
        maps = receptive_fields({1: [0.1]}, rows, by_orientation=True)
    assert int(maps["presentations"].sum()) == len(rows) - 3


def test_what_makes_no_sense_is_said() -> None:
    with pytest.raises(LookupFailure, match="no column 'y_position'"):
        receptive_fields({1: [0.1]}, GRID.drop(columns="y_position"))
    with pytest.raises(ArgumentError, match="none of the 12 intervals has an x_position"):
        receptive_fields({1: [0.1]}, GRID.assign(x_position=np.nan))
    with pytest.raises(LookupFailure, match="no column 'orientation'"):
        receptive_fields({1: [0.1]}, GRID.drop(columns="orientation"), by_orientation=True)
    with pytest.raises(ArgumentError, match="no interval at a position has an orientation"):
        receptive_fields({1: [0.1]}, GRID.assign(orientation="null"), by_orientation=True)
    with pytest.raises(ArgumentError):
        receptive_fields({1: [0.1]}, GRID, (0.2, 0.2))


def test_progress_and_no_units() -> None:
    told: list[tuple[int, int]] = []
    receptive_fields({1: [0.1]}, GRID, progress=lambda *at: told.append(at))
    assert told[-1] == (len(GRID), len(GRID))
    assert receptive_fields({}, GRID)["spike_count"].shape == (0, 3, 2)


def test_positions_number_the_cells_of_a_grid() -> None:
    found = positions_of(GRID)
    assert found.shape == (3, 2)
    assert found.presentations.tolist() == [[2, 2]] * 3
    assert [(found.y[c // 2], found.x[c % 2]) for c in found.cell.tolist()] == list(
        zip(GRID["y_position"], GRID["x_position"], strict=True)
    )


# ---------------------------------------------------------------- of a session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> nwbin.Session:
    path: Path = testing.write_session(
        tmp_path_factory.mktemp("rf") / "session_1.nwb",
        size="tiny",
        seed=5,
        session_id=1,
        invalid_times=False,
    )
    return nwbin.open(path)


def test_a_session_finds_its_gabors(session: nwbin.Session) -> None:
    shown = session.get_stimulus_table("gabors")
    maps = session.receptive_fields(window=(0, 0.2))
    assert maps["unit_id"].values.tolist() == session.units.index.tolist()
    counts = session.presentationwise_spike_counts([0, 0.2], shown.index, session.units.index, closed="left")
    assert int(maps["spike_count"].sum()) == int(counts.sum())
    for given_as in ("gabors", shown.index, shown):
        assert session.receptive_fields(given_as, window=(0, 0.2)).equals(maps)
    some = session.units.index[[3, 1]]
    assert session.receptive_fields(unit_ids=some)["unit_id"].values.tolist() == some.tolist()
    assert session.receptive_fields("gabors", some, (0, 0.2)).equals(maps.sel(unit_id=some.to_numpy()))


def test_a_condition_on_the_presentations(session: nwbin.Session) -> None:
    one = session.receptive_fields(where="orientation == 45", window=(0, 0.2))
    maps = session.receptive_fields(by_orientation=True, window=(0, 0.2)).sel(orientation=45)
    known = one["presentations"] > 0
    assert one["spike_count"].equals(
        maps["spike_count"].drop_vars("orientation").sel(one["x_position"].coords)
    )
    assert int(known.sum()) > 0
    with pytest.raises(NothingChosen, match="meets 'orientation == 46'"):
        session.receptive_fields(where="orientation == 46")


def test_a_session_says_what_has_no_positions(session: nwbin.Session) -> None:
    with pytest.raises(LookupFailure, match="did you mean 'gabors'"):
        session.receptive_fields("gabor")
    with pytest.raises(LookupFailure, match="no column 'x_position', and receptive fields go by"):
        session.receptive_fields("static_gratings")
