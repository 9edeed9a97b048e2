"""Comparing metrics with published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure
from nwbin.metrics import compare_metrics


def table(index: str, units: list[int], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.Index(units, name=index))


def test_column_by_column() -> None:
    mine = table(
        "unit_id", [1, 2, 3, 4, 5, 6],
        fano_dg=[1.0, 2.0, 3.0, np.nan, np.nan, 6.0],
        waveform_PT_ratio=[0.5] * 6,
        on_screen_rf=[True, False, True, True, False, True],
        only_mine=[0] * 6,
        name=list("abcdef"),
    )  # fmt: skip
    theirs = table(
        "ecephys_unit_id", [9, 5, 4, 3, 2, 1],
        fano_dg=[0.0, 1.0, np.nan, 3.5, 2.0 + 1e-7, 1.0],
        PT_ratio=[0.0, 0.5, 0.5, 0.5, 0.5, 0.5],
        on_screen_rf=[True, False, True, np.nan, True, True],
        only_theirs=[0] * 6,
        name=list("abcdef"),
    )  # fmt: skip
    found = compare_metrics(mine, theirs)
    assert found.index.tolist() == ["fano_dg", "waveform_PT_ratio", "on_screen_rf"]
    fano = found.loc["fano_dg"]
    assert fano[["units", "equal", "close", "differ", "missing"]].tolist() == [5, 2, 1, 2, 1]
    assert fano["largest_difference"] == 0.5
    assert fano["examples"] == "5, 3"  # missing in one of them first, then the largest difference
    assert found.loc["waveform_PT_ratio", ["equal", "differ"]].tolist() == [5, 0]
    assert found.loc["waveform_PT_ratio", "examples"] == ""
    assert found.loc["on_screen_rf", ["equal", "differ", "missing"]].tolist() == [3, 2, 1]
    assert (found["equal"] + found["close"] + found["differ"] == found["units"]).all()
    loose = compare_metrics(mine, theirs, rtol=0.2)
    assert loose.loc["fano_dg", ["equal", "close", "differ"]].tolist() == [2, 2, 1]


def test_tolerances_are_of_the_published_value() -> None:
    mine, theirs = table("unit_id", [1, 2], x=[1.1, 1e-10]), table("unit_id", [1, 2], x=[1.0, 0.0])
    assert compare_metrics(mine, theirs, rtol=0.1001)["close"].tolist() == [2]
    assert compare_metrics(mine, theirs, rtol=0.1001, atol=0)["close"].tolist() == [1]
    assert compare_metrics(mine, theirs, rtol=0, atol=0)["close"].tolist() == [0]
    with pytest.raises(ArgumentError, match="tolerances must be 0 or more"):
        compare_metrics(mine, theirs, rtol=-1)


def test_examples_are_few_and_the_worst() -> None:
    mine = table("unit_id", list(range(50)), x=[float(k) for k in range(50)])
    theirs = table("unit_id", list(range(50)), x=[0.0] * 50)
    found = compare_metrics(mine, theirs).loc["x"]
    assert found["examples"] == "49, 48, 47"
    assert found["differ"] == 49


def test_what_cannot_be_compared() -> None:
    mine = table("unit_id", [1, 2], x=[1.0, 2.0])
    with pytest.raises(
        LookupFailure, match="none of the 2 units: their ids are such as 8, and these such as 1"
    ):
        compare_metrics(mine, table("unit_id", [8], x=[1.0]))
    with pytest.raises(LookupFailure, match="none of the columns"):
        compare_metrics(mine, table("unit_id", [1], y=[1.0]))
    with pytest.raises(LookupFailure, match="no column of unit ids"):
        compare_metrics(mine, pd.DataFrame({"a": [1]}))
    with pytest.raises(ArgumentError, match="unit 1 more than once"):
        compare_metrics(mine, table("unit_id", [1, 1], x=[1.0, 2.0]))
    with pytest.raises(ArgumentTypeError, match="whole numbers"):
        compare_metrics(mine, pd.DataFrame({"unit_id": ["a"], "x": [1.0]}))
