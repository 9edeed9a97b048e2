"""Tables and counts as data frames of polars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import ArgumentTypeError
from nwbin.exchange import of_polars
from nwbin.responses.counts import AlignedCounts
from nwbin.responses.tiles import TiledCounts

pl: Any = pytest.importorskip("polars")
pytest.importorskip("pyarrow")

ROWS = pd.DataFrame(
    {"start_time": [0.0, 1.0], "note": ["b", None], "contrast": [np.nan, 0.1]},
    index=pd.Index([10, 11], name="stimulus_presentation_id"),
)
EDGES = [0.0, 0.25, 0.5]
TRAINS = {7: [0.1, 0.2, 0.3], 3: [1.3]}


def address(series: Any) -> int:
    (buffer,) = [one for one in series.to_arrow().buffers()[1:] if one is not None]
    return int(buffer.address)


def test_tables() -> None:
    table = pd.DataFrame(
        {
            "start_time": [0.5, np.nan, 2.0],
            "count": np.array([1, 2, 3], np.uint16),
            "orientation": np.array([45.0, "null", None], dtype=object),
            "name": np.array(["a", "null", None], dtype=object),
            "none": np.array([None] * 3, dtype=object),
            "good": [True, False, True],
            "tags": [["x", "y"], [], ["z"]],
            "id": [7, 8, 9],
            "big": np.array([1, 2, 3], ">i8"),
            "half": np.array([1, 2, 3], np.float16),
        }
    )
    found = exchange.to_polars(table)
    assert found.columns == ["id_", *table.columns]
    assert found["id_"].to_list() == [0, 1, 2]
    assert found["start_time"].to_list() == [0.5, None, 2.0]
    assert (found["count"].dtype, found["count"].to_list()) == (pl.UInt16, [1, 2, 3])
    assert found["orientation"].to_list() == [45.0, None, None]
    assert found["name"].to_list() == ["a", None, None]
    assert found["none"].to_list() == [None] * 3
    assert (found["good"].dtype, found["good"].to_list()) == (pl.Boolean, [True, False, True])
    assert found["tags"].to_list() == ["x; y", "", "z"]
    assert found["big"].to_list() == found["half"].to_list() == [1, 2, 3]


def test_numbers_are_not_copied() -> None:
    for values in (
        np.arange(1000.0),
        np.arange(1000),
        np.where(np.arange(1000) % 7, np.arange(1000.0), np.nan),
    ):
        table = pd.DataFrame({"a": values}, copy=False)
        held = table["a"].to_numpy()
        series = exchange.to_polars(table)["a"]
        assert address(series) == held.__array_interface__["data"][0]
        assert series.null_count() == int(np.isnan(values).sum())


def test_tables_of_a_session(session: nwbin.Session) -> None:
    units = exchange.to_polars(session.units)
    assert units.columns == ["unit_id", *session.units.columns]
    assert units["unit_id"].to_list() == session.units.index.tolist()
    shown = exchange.to_polars(session.stimulus_presentations)
    assert len(shown) == len(session.stimulus_presentations)
    kept = shown.filter(pl.col("stimulus_name") == "flashes")["start_time"].to_numpy()
    np.testing.assert_array_equal(kept, session.get_stimulus_table("flashes").start_time)


def naive(counts: Any, ids: list[int], zeros: bool) -> list[tuple[Any, ...]]:
    rows = []
    for p, row in enumerate(ids):
        for b in range(2):
            for u, unit in enumerate(TRAINS):
                if zeros or counts[p, b, u]:
                    rows.append((row, EDGES[b], EDGES[b + 1], unit, int(counts[p, b, u])))
    return rows


@pytest.mark.parametrize("zeros", [True, False])
def test_counts(zeros: bool) -> None:
    plan = AlignedCounts(TRAINS, ROWS, EDGES)
    found = exchange.counts_to_polars(plan, zeros=zeros)
    names = ["stimulus_presentation_id", "bin_start", "bin_stop", "unit_id", "count"]
    assert found.select(names).rows() == naive(plan.to_numpy(), [10, 11], zeros)
    assert found["count"].dtype == pl.UInt16
    labels = {10: ("b", None), 11: (None, 0.1)}
    shown = found.select("stimulus_presentation_id", "note", "contrast").rows()
    assert all(labels[row] == (note, contrast) for row, note, contrast in shown)


def test_counts_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = AlignedCounts(TRAINS, ROWS, EDGES)
    counted = plan.to_numpy()
    monkeypatch.setattr(plan, "to_numpy", lambda: counted)
    found = of_polars.counts_to_polars(plan)
    assert address(found["count"]) == counted.__array_interface__["data"][0]


def test_other_counts() -> None:
    tiles = TiledCounts(TRAINS, {"start_time": [0.0, 1.0], "stop_time": [0.5, 1.5]}, 0.25)
    found = exchange.counts_to_polars(tiles)
    assert found["count"].to_list() == tiles.to_numpy().reshape(-1).tolist()
    assert found["bin_start"].unique(maintain_order=True).to_list() == [0.0, 0.25, 1.0, 1.25]
    for rows, trains in ((ROWS[:0], TRAINS), (ROWS, {})):
        empty = exchange.counts_to_polars(AlignedCounts(trains, rows, EDGES))
        assert len(empty) == 0
        assert set(empty.columns) >= {"stimulus_presentation_id", "bin_start", "unit_id", "count", "note"}


def test_a_session(session: nwbin.Session) -> None:
    ids = session.units.index[:4]
    shown = session.get_stimulus_table("flashes")
    edges = [0.0, 0.1, 0.2]
    expected = session.presentationwise_spike_counts(edges, shown.index, ids, closed="left").to_numpy()
    found = session.to_polars("flashes", ids, edges=edges)
    np.testing.assert_array_equal(found["count"].to_numpy().reshape(expected.shape), expected)
    by = found.group_by("color", "unit_id").agg(pl.col("count").sum())
    for color, unit, total in by.rows():
        at = expected[(shown.color == color).to_numpy()][:, :, ids.get_loc(unit)]
        assert total == at.sum()


def test_names_that_are_there_twice() -> None:
    table = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", "a_", "id"])
    assert exchange.to_polars(table).columns == ["id_", "a", "a__", "a_", "id"]
    with pytest.raises(ArgumentTypeError, match=r"a table of pandas, such as session\.units, not dict"):
        exchange.to_polars({"a": [1]})
