"""Edges of bins, and bins of edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwbin.binning.edges import bin_edges, multiples, whole_bins
from nwbin.errors import (
    ArgumentError,
)


@given(
    st.integers(-2000, 2000),
    st.integers(1, 300),
    st.integers(1, 200),
    st.sampled_from([1, 10, 100, 1000, 10000]),
)
def test_regular_edges_are_those_of_numpy(first: int, step: int, bins: int, unit: int) -> None:
    edges = bin_edges(window=(first / unit, (first + step * bins) / unit), bin_width=step / unit)
    assert len(edges) == bins + 1
    stop = (first + step * bins) / unit + step / unit / 2
    assert edges.tolist() == np.arange(first / unit, stop, step / unit).tolist()


def test_regular_edges_of_odd_widths() -> None:
    np.testing.assert_allclose(
        bin_edges(window=(0.0, 1.0), bin_width=1 / 3), [0, 1 / 3, 2 / 3, 1], rtol=1e-15
    )
    for window, width, message in [
        ((0.0, 1.0), 0.3, "whole number"),
        ((0.0, 1.0), -0.1, "more than 0 s"),
        ((0.0, 0.0), 0.1, "end after it starts"),
        ((1.0, 0.0), 0.1, "from not more than to"),
        ((0.0, np.inf), 0.1, "finite"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            bin_edges(window=window, bin_width=width)


@given(st.floats(-10, 1e4), st.floats(0, 50), st.sampled_from([0.001, 0.05, 0.1, 1 / 3, 2.0]))
def test_whole_bins(start: float, length: float, width: float) -> None:
    stop = start + length
    bins = whole_bins(start, stop, width)
    edges = start + multiples(0.0, width, bins + 1)
    rounding = 1e-6 * width
    assert (edges[: bins + 1] <= stop + rounding).all() or bins == 0
    assert edges[bins + 1] > stop


def test_whole_bins_forgive_rounding() -> None:
    assert whole_bins(0.0, 0.3, 0.1) == 3  # 3 * 0.1 is a hair more than 0.3
    assert whole_bins(2.0, 2.3, 0.1) == 3  # 2.3 - 2.0 is a hair less
    assert whole_bins(0.0, 0.29, 0.1) == 2
