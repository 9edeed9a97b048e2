"""Results of a function in files: what comes back is what went in, to the type; and no code comes with it."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nwbin
from nwbin.dataset._value_files import read_value, write_value
from nwbin.errors import FormatError

xr = pytest.importorskip("xarray")


def frame() -> pd.DataFrame:
    columns = {
        "whole": np.array([3, 1, 2], np.int16),
        "real": [0.1, np.nan, -0.0],
        "mixed": pd.Series(["null", 0.5, None], dtype=object, index=[7, 8, 9]),
        "text": pd.Series(["a", "b", "c"], dtype="string", index=[7, 8, 9]),
        "kind": pd.Categorical(["x", "y", "x"], categories=["y", "x"], ordered=True),
        "when": pd.to_datetime(["2020-01-01", "2021-01-01", None]),
    }
    return pd.DataFrame(columns, index=pd.Index([7, 8, 9], name="unit_id"))


def labelled() -> Any:
    coords = {
        "unit": [5, 3],
        "bin": [0.1, 0.2, 0.3],
        "area": ("unit", np.array(["VISp", "x"], object)),
        "n": 4,
    }
    return xr.DataArray(
        np.arange(6, dtype=np.uint8).reshape(2, 3), coords, ("unit", "bin"), "counts", {"k": (1, 2)}
    )


def matrix() -> nwbin.ResponseMatrix:
    y = np.array([1.0, "x"], object)
    return nwbin.ResponseMatrix(np.ones((2, 3)), y, y, np.arange(2), np.arange(3))


several = pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("b", 3)], names=["area", None])
SAFE: dict[str, tuple[str, Any]] = {
    "nothing": (".json", None),
    "plain": (".json", {"a": [1, 2.5, True, None, "é\ud800"], "b": {"!": 1}, "big": 10**30}),
    "tuple": (".json", (1, [(2,)], {3: "x", (4, 5): {}})),
    "not finite": (".json", [float("inf"), float("-inf"), -0.0]),
    "numbers of NumPy": (".json", {7: np.float64(0.1), 8: np.int32(4), "w": np.datetime64(3, "s")}),
    "text of NumPy": (".json", np.str_("VISp")),
    "arrays": (".npz", {"a": np.arange(6).reshape(2, 3), "b": np.array([1.5], ">f8"), "c": np.zeros((0, 2), bool)}),
    "Fortran": (".npz", np.asfortranarray(np.ones((2, 3), np.complex64))),
    "text arrays": (".npz", (np.array(["a", "bcd"]), np.array([b"x"]), np.array("0d"))),
    "objects": (".json", np.array([["null", 0.5], [None, np.float32(1)]], dtype=object)),
    "frame": (".npz", frame()),
    "frame of several levels": (".npz", pd.DataFrame({"x": [1, 2, 3]}, index=several)),
    "columns of one name": (".npz", pd.DataFrame([[1, 2.5]], columns=["x", "x"])),
    "empty frame": (".json", pd.DataFrame()),
    "series": (".npz", pd.Series([1.0, 2.0], index=["a", "b"], name=("rate", "Hz"))),
    "index": (".npz", pd.Index([3, 1], name="unit_id")),
    "array with labels": (".npz", labelled()),
    "data set": (".npz", xr.Dataset({"counts": labelled(), "one": 1.0}, attrs={"about": "x"})),
    "matrix": (".npz", matrix()),
    "in one another": (".npz", {"tables": [frame(), labelled()], "n": (np.arange(3), frame())}),
}  # fmt: skip


def same(one: Any, other: Any) -> None:
    """Equal with all types, as no library's == says it."""
    assert type(one) is type(other)
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            same(mine, theirs)
    elif isinstance(one, dict):
        same(list(one), list(other))
        same(list(one.values()), list(other.values()))
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        same(one.tolist(), other.tolist())
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True, check_column_type="exact")
        same(
            [type(x) for x in one.iloc[:, 2:3].to_numpy().ravel()],
            [type(x) for x in other.iloc[:, 2:3].to_numpy().ravel()],
        )
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_exact=True)
    elif isinstance(one, pd.Index):
        pd.testing.assert_index_equal(one, other, exact=True)
    elif isinstance(one, xr.DataArray | xr.Dataset):
        assert one.identical(other)
        for name in one.coords:
            same(one[name].values, other[name].values)
            assert one[name].dtype == other[name].dtype
        same(one.attrs, other.attrs)
    elif isinstance(one, nwbin.ResponseMatrix):
        same(vars(one), vars(other))
    elif isinstance(one, float | np.generic):
        assert repr(one) == repr(other)
    else:
        assert one == other


@pytest.mark.parametrize("name", list(SAFE))
def test_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    ending, value = SAFE[name]
    path = write_value(tmp_path / "x", value)
    assert path.suffix == ending
    same(read_value(path), value)


class Own:
    """A class that only the user knows."""


def with_frequency() -> pd.DataFrame:
    return pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2020", periods=2))


@pytest.mark.parametrize(
    "value",
    [
        {1, 2}, b"bytes", Own, collections.OrderedDict(a=1), pd.Series([1, None], dtype="Int64"), with_frequency(),
        np.ma.masked_array([1, 2], [True, False]), np.array([{1}], object), [1, Own], np.zeros(2, "i4,f8"),
        pd.DataFrame({"x": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")}), labelled().chunk({"unit": 1}),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_no_such_file_holds_exactly_is_pickled(value: Any, tmp_path: Path) -> None:
    path = write_value(tmp_path / "x", value)
    assert path.suffix == ".pkl"
    assert type(pickle.loads(path.read_bytes())) is type(value)


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(st.one_of(st.text(), st.integers()), inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_any_plain_value(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = write_value(tmp_path_factory.mktemp("x") / "x", value)
    assert path.suffix == ".json"
    same(read_value(path), value)


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    path = write_value(tmp_path / "x", np.arange(5))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"x\.npz: is damaged"):
        read_value(path)


def test_a_list_that_holds_itself_is_pickled(tmp_path: Path) -> None:
    itself: list[Any] = []
    itself.append(itself)
    assert write_value(tmp_path / "x", itself).suffix == ".pkl"
