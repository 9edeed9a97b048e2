"""Conditions on rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nwbin.errors import (
    ArgumentError,
    LookupFailure,
)
from nwbin.export import (
    matches,
    select,
)
from tests.export.counting import MIXED


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("orientation > 30", [1, 3]),
        ("orientation <= 45", [0, 3]),
        ("orientation != 'null'", [0, 1, 3]),
        ("orientation == 'null'", [2, 4]),
        ("orientation != 'null' and contrast > 0.5", [0]),
        ("orientation == 90", [1]),
        ("orientation in [0, 45]", [0, 3]),
        ("orientation not in [0, 45]", [1, 2, 4]),
        ("orientation.isna()", [2, 4]),
        ("orientation.between(45, 90)", [1, 3]),
        ("orientation.isin([0])", [0]),
        ("0 <= orientation < 90", [0, 3]),
        ("-orientation < -50", [1]),
        ("orientation % 90 == 0", [0, 1]),
        ("orientation / 45 > contrast + 1", [1]),
        ("abs(orientation - 60) < 20", [3]),
        ("contrast != 'null'", [0, 1, 2, 4]),
        ("contrast.notna()", [0, 1, 2, 4]),
        ("name == 'gabors'", [0, 3]),
        ('name == "gabors" & contrast > 0.5', [0]),
        ("(name == 'gabors') | (name == 'flashes')", [0, 1, 3]),
        ("name == 'natural movie' or name == 'a & b'", [4]),
        ("name.str.startswith('natural')", [4]),
        ("name.str.contains('ab')", [0, 3]),
        ("good", [0, 2, 3]),
        ("not good", [1, 4]),
        ("~good & contrast > 0.3", [4]),
        ("good == True", [0, 2, 3]),
        ("'wake' in tags", [0, 2]),
        ("'wake' not in tags", [1, 3, 4]),
        ("`two words` >= 4", [3, 4]),
        ("stimulus_presentation_id < 12", [0, 1]),
        ("index in (10, 14)", [0, 4]),
        ("True", [0, 1, 2, 3, 4]),
    ],
)
def test_conditions(condition: str, rows: list[int]) -> None:
    assert np.flatnonzero(matches(MIXED, condition)).tolist() == rows
    assert select(MIXED, condition).index.tolist() == MIXED.index[rows].tolist()


@pytest.mark.parametrize(
    "condition",
    [
        "a > 3",
        "a == 2 and b < 0",
        "a in [1, 2] or b >= 2.5",
        "not (a > b)",
        "a != 2 & b == b",
        "1 < a <= 3",
        "a + b > 3",
    ],
)
def test_conditions_agree_with_pandas(condition: str) -> None:
    table = pd.DataFrame({"a": [0, 1, 2, 3, 4], "b": [2.5, np.nan, -1.0, 3.0, 0.0]})
    pd.testing.assert_frame_equal(select(table, condition), table.query(condition, engine="python"))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("contrast >", "invalid syntax"),
        ("contrast = 1", "write == and not ="),
        ("contrst > 1", "no column 'contrst'; did you mean 'contrast'"),
        ("name == gabors", "text needs quotes: name == 'gabors'"),
        ("contrast == '0.8'", "contrast holds numbers"),
        ("orientation == '90'", "orientation holds numbers"),
        ("name > 3", "name holds text, which has no order"),
        ("name < 'h'", "holds text"),
        ("contrast < 'h'", "is not a number"),
        ("contrast", "neither true nor false"),
        ("orientation == [0, 90]", "in [...]"),
        ("3 in contrast", "holds no lists"),
        ("contrast is None", "not allowed"),
        ("contrast.mean() > 1", "is not allowed"),
        ("contrast.__class__", "is not allowed"),
        ("().__class__", "is not allowed"),
        ("__import__('os').system('true')", "is not allowed"),
        ("@pd.io", "cannot use the condition"),
        ("[x for x in contrast]", "is not allowed"),
        ("(lambda: True)()", "is not allowed"),
        ("f'{contrast}' == 'a'", "is not allowed"),
        ("good := True", "cannot use the condition"),
        ("(" * 5000 + "good" + ")" * 5000, "cannot use the condition"),
    ],
)
def test_conditions_that_cannot_be_used(condition: str, message: str) -> None:
    with pytest.raises((ArgumentError, LookupFailure)) as raised:
        matches(MIXED, condition)
    assert message in str(raised.value)


def test_columns_of_arrays() -> None:
    """As the structures of a session table are."""
    areas = np.empty(3, object)
    areas[:] = [np.array(["VISp", "LGd"], object), np.array([], object), np.array(["VISp"], object)]
    table = pd.DataFrame({"areas": areas})
    assert matches(table, "'VISp' in areas").tolist() == [True, False, True]
    assert matches(table, "'LGd' not in areas").tolist() == [False, True, True]
    with pytest.raises(LookupFailure, match="there is no column 'area'; did you mean 'areas'"):
        matches(table, "area == 1")


def test_no_condition_is_all_rows() -> None:
    assert select(MIXED, None) is MIXED
    assert select(MIXED, "  ") is MIXED
