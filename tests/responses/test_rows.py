"""Presentations as people hold them: a table, a dictionary of columns, onsets; and labels and groups as lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, NwbinError
from nwbin.responses import (
    AlignedCounts,
    Selection,
    TiledCounts,
    group_statistics,
    mean_rates,
    response_matrix,
)
from nwbin.responses.rows import as_rows

TRAINS = {7: [0.1, 0.2, 1.1], 3: [0.3]}
START = [0.0, 1.0]
TABLE = pd.DataFrame({"start_time": START, "stop_time": [1.0, 2.0], "side": ["l", "r"]})
ONSETS: dict[str, Any] = {
    "table": TABLE,
    "columns": {"start_time": START},
    "arrays": {"start_time": np.array(START), "side": ["l", "r"]},
    "list": START,
    "integers": [0, 1],
    "array": np.array(START, dtype=np.float32),
    "series": TABLE["start_time"],
    "tuple": tuple(START),
}
DOORS: dict[str, Callable[[Any], Any]] = {
    "AlignedCounts": lambda rows: AlignedCounts(TRAINS, rows, [0, 0.5]).to_numpy(),
    "mean_rates": lambda rows: mean_rates(TRAINS, rows, [0, 0.5]).to_numpy(),
    "mean_rates by": lambda rows: mean_rates(TRAINS, rows, [0, 0.5], by=["l", "r"]).to_numpy(),
    "response_matrix": lambda rows: response_matrix(TRAINS, rows, ["l", "r"], (0, 0.5)).X,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_them(door: str) -> None:
    answer = DOORS[door](TABLE)
    assert answer.sum() > 0
    for given in ONSETS.values():
        np.testing.assert_array_equal(DOORS[door](given), answer)


def test_ids_stay_with_what_has_them() -> None:
    ids = pd.Index([5, 9], name="stimulus_presentation_id")
    onsets = pd.Series(START, index=ids)
    assert AlignedCounts(TRAINS, onsets, [0, 0.5]).ids.tolist() == [5, 9]
    assert AlignedCounts(TRAINS, onsets, [0, 0.5]).dims[0] == "stimulus_presentation_id"
    assert AlignedCounts(TRAINS, START, [0, 0.5]).dims[0] == "interval_id"
    assert as_rows({"start_time": onsets, "kind": [1, "a"]})["kind"].tolist() == [1, "a"]


def test_tiles_take_columns() -> None:
    columns = {"start_time": START, "stop_time": [1.0, 2.0]}
    assert TiledCounts(TRAINS, columns, 0.5).to_numpy().tolist() == [[2, 1], [0, 0], [1, 0], [0, 0]]
    with pytest.raises(LookupFailure, match="no column 'stop_time'"):
        TiledCounts(TRAINS, START, 0.5)


def test_labels_in_a_column() -> None:
    gone = TABLE.assign(side=["l", None])
    found = response_matrix(TRAINS, gone, "side", (0, 0.5))
    assert (found.X.tolist(), found.y.tolist()) == ([[2, 1]], ["l"])
    assert mean_rates(TRAINS, gone, [0, 0.5], by="side").condition.to_numpy().tolist() == ["l"]
    with pytest.raises(LookupFailure, match="no column 'sid'; did you mean 'side'"):
        response_matrix(TRAINS, gone, "sid", (0, 0.5))


def test_groups_of_windows() -> None:
    spans = [[0, 0.5], [1, 1.5], [2, 2.5]]
    answer = group_statistics(TRAINS, np.asarray(spans), np.array([1.0, 2.0, np.nan]))
    assert answer.total.tolist() == [[1, 2], [0, 1]]
    table = pd.DataFrame(spans, columns=["start_time", "stop_time"]).assign(kind=[1, 2, None])
    for windows, groups in (
        (spans, [1, 2, None]),
        (table, [1, 2, None]),
        (table, "kind"),
        (dict(table), "kind"),
    ):
        for one, other in zip(group_statistics(TRAINS, windows, groups), answer, strict=True):
            np.testing.assert_array_equal(one, other)
    named = group_statistics(TRAINS, spans, ["b", "a", "b"], durations=[0.5, 0.5, 0.5])
    assert (named.groups.tolist(), named.mean.tolist()) == (["a", "b"], [[0, 2], [1, 2]])
    one = named.of_units([7])
    assert (one.unit_ids.tolist(), one.mean.tolist()) == ([7], [[2], [2]])
    assert named.of_units(named.unit_ids == 7).total.tolist() == one.total.tolist()
    with pytest.raises(LookupFailure, match="there is no unit 8"):
        named.of_units([7, 8])


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        (lambda: as_rows(3.0), ArgumentTypeError, "presentations must be a table .*; not float"),
        (lambda: as_rows("flashes"), ArgumentTypeError, "or an array of onsets in s; not str"),
        (lambda: as_rows(["a"]), ArgumentTypeError, "onsets must be numbers in seconds"),
        (lambda: as_rows([[0, 1], [1, 2]]), ArgumentError, "onsets must have one dimension, not shape"),
        (lambda: as_rows([[0, 1], [1]]), ArgumentError, "onsets must be numbers in seconds"),
        (lambda: as_rows({"start_time": [0, 1], "a": [1]}), ArgumentError, "of one length, not 'start_time' 2, 'a' 1"),
        (lambda: as_rows({"start_time": 3}), ArgumentError, "'start_time' of presentations must have one value a row"),
        (lambda: as_rows({"start_time": [[0], [1, 2]]}), ArgumentError, "'start_time' .* must have one value a row"),
        (lambda: AlignedCounts(TRAINS, {"onset": [0]}, [0, 1]), LookupFailure, "has no column 'start_time'"),
        (lambda: AlignedCounts(TRAINS, {"start_time": ["x"]}, [0, 1]), ArgumentError, "'start_time' .* numbers in sec"),
        (lambda: mean_rates(TRAINS, START, [0, 1], by=["a"]), ArgumentError, "one value a trial"),
        (lambda: mean_rates(TRAINS, START, [0, 1], by=[None, None]), ArgumentError, "no presentation has a value$"),
        (lambda: group_statistics(TRAINS, START, [1, 2]), ArgumentError, r"of shape \(windows, 2\), not \(2,\)"),
        (lambda: group_statistics(TRAINS, [[0, 1]], [1, 2]), ArgumentError, "groups must have one value for each of 1"),
        (lambda: group_statistics(TRAINS, [[0, 1]], [1], durations=[1, 1]), ArgumentError, "durations must have one"),
        (lambda: group_statistics(TRAINS, [[0, 1], [1, 2]], [1, "a"]), ArgumentError, "text and numbers at once"),
        (lambda: group_statistics(TRAINS, TABLE, "sid"), LookupFailure, "no column 'sid'; did you mean 'side'"),
        (lambda: Selection(3.5), ArgumentTypeError, "stimulus must be names or ids, one or a list of them, not float"),
        (lambda: Selection(units=np.array([True])), ArgumentTypeError, "units must be .*, not a mask"),
        (lambda: Selection(units=[[1, 2]]), ArgumentTypeError, "units must be names or ids, and .* is neither"),
        (lambda: Selection(presentations=["a"]), ArgumentTypeError, "presentations must be a condition.*, not list"),
    ],
)  # fmt: skip
def test_what_is_none_of_these(asked: Callable[[], object], kind: type[NwbinError], said: str) -> None:
    with pytest.raises(kind, match=said):
        asked()
