"""Tables in files, mean rates as tables; extras that are missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import (
    ArgumentError,
    LookupFailure,
    MissingDependencyError,
)
from nwbin.export import tidy, write_counts, write_table
from nwbin.responses.counts import AlignedCounts
from nwbin.responses.decode import decode
from nwbin.responses.rate_tables import mean_rates, rates_table
from tests.export.counting import EDGES, MIXED, expected


def test_missing_extras_are_named(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, extra in (("x.nc", "netcdf"), ("x.parquet", "parquet")):
        with pytest.raises(MissingDependencyError, match=rf"pip install 'nwbin\[{extra}\]'"):
            write_counts(tmp_path / name, AlignedCounts(trains, shown, EDGES))
    with pytest.raises(MissingDependencyError, match=r"nwbin\[parquet\]"):
        write_table(shown, tmp_path / "x.parquet")
    with pytest.raises(MissingDependencyError, match=r"nwbin\[decode\]"):
        decode([[1.0]], [1])


def test_tidy_has_one_kind_a_column() -> None:
    plain = tidy(MIXED)
    np.testing.assert_array_equal(plain["orientation"].to_numpy(), [0, 90, np.nan, 45, np.nan])
    assert plain["name"].tolist() == ["gabors", "flashes", None, "gabors", "natural movie"]
    assert plain["good"].dtype == bool
    assert plain["tags"].tolist() == ["wake", "", "wake; nrem", "rem", "nrem"]
    assert plain.index.equals(MIXED.index)


def test_tables_read_back(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name in ("x.csv", "x.json", "x.parquet"):
        write_table(MIXED, tmp_path / name, provenance={"a": 1})
    frames = [
        pd.read_csv(tmp_path / "x.csv"),
        pd.DataFrame(json.loads((tmp_path / "x.json").read_text())),
        pd.read_parquet(tmp_path / "x.parquet"),
    ]
    for frame in frames:
        assert frame["stimulus_presentation_id"].tolist() == MIXED.index.tolist()
        np.testing.assert_array_equal(frame["orientation"].astype(float), [0, 90, np.nan, 45, np.nan])
        assert frame["good"].tolist() == MIXED["good"].tolist()
    with pytest.raises(ArgumentError, match=r"ends in '\.txt'"):
        write_table(MIXED, tmp_path / "x.txt")


def test_ids_are_whole_numbers_in_text(tmp_path: Path) -> None:
    columns = {"peak_channel_id": [3.0, np.nan, 850.0], "probe_id": [1.0, 2.0, 3.0], "other_id": [0.5, 1.0, np.nan],
               "none_id": [np.nan] * 3, "rate": [1.0, 2.0, 3.0]}  # fmt: skip
    table = pd.DataFrame(columns, index=pd.Index([5, 6, 7], name="unit_id"))
    lines = write_table(table, tmp_path / "x.csv").read_text().splitlines()
    assert lines == [
        "unit_id,peak_channel_id,probe_id,other_id,none_id,rate",
        "5,3,1,0.5,,1.0", "6,,2,1.0,,2.0", "7,850,3,,,3.0",
    ]  # fmt: skip
    records = write_table(table, tmp_path / "x.json").read_text()
    assert '"peak_channel_id": 3,' in records
    assert json.loads(records)[1]["peak_channel_id"] is None
    trains = nwbin.SpikeTrains.from_dict({1: np.arange(9.0)})
    rows = pd.DataFrame({"start_time": [1.0, 2.0], "block_id": [12.0, np.nan]})
    path = write_counts(tmp_path / "y.csv", AlignedCounts(trains, rows, [0.0, 1.0], closed="left"))
    assert [line.split(",")[-2] for line in path.read_text().splitlines()] == ["block_id", "12", ""]


def test_mean_rates(trains: Any, shown: pd.DataFrame) -> None:
    truth = expected(trains, shown, "left")
    rates = mean_rates(trains, tidy(shown), EDGES, by="orientation")
    assert rates["condition"].to_numpy().tolist() == [0.0, 45.0, 90.0]
    assert rates["presentations"].to_numpy().tolist() == [10, 10, 10]
    for k in range(3):
        np.testing.assert_allclose(rates[k], truth[k::4].mean(axis=0) / np.diff(EDGES)[:, None])
    table = rates_table(rates)
    np.testing.assert_allclose(table["firing_rate"], rates.to_numpy().mean(axis=2).reshape(-1))
    assert len(rates_table(rates, per_unit=True)) == rates.size
    assert mean_rates(trains, shown, EDGES).shape == (1, 3, 3)
    assert mean_rates(trains, tidy(shown), EDGES, by="note")["condition"].to_numpy().tolist() == ["a", "ü"]
    with pytest.raises(LookupFailure, match="did you mean 'orientation'"):
        mean_rates(trains, tidy(shown), EDGES, by="orientatio")
