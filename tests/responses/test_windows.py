"""What is odd about windows: where nobody chose them it is left unsaid, and nothing else changes for that."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pandas as pd
import pytest

from nwbin.errors import ArgumentError, OverlapWarning
from nwbin.responses.windows import overlap_unsaid, times_of, warn_of_windows

ROWS = pd.DataFrame({"start_time": [0.0, 1.0]})
_PATIENCE = 60  # s until a thread is taken to hang


def test_overlap_is_said_unless_it_is_to_be_left_unsaid() -> None:
    with pytest.warns(OverlapWarning):
        warn_of_windows(ROWS, (0, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with overlap_unsaid(True), overlap_unsaid(False):
            warn_of_windows(ROWS, (0, 2))
    with overlap_unsaid(False), pytest.warns(OverlapWarning):
        warn_of_windows(ROWS, (0, 2))


def test_threads_that_leave_it_unsaid_leave_the_filters_of_warnings_alone() -> None:
    """One ends while the other is at it, as two answers do that are asked from two threads."""
    before = list(warnings.filters)
    begun, both, ended = Event(), Event(), Event()

    def first() -> None:
        with overlap_unsaid(True):
            begun.set()
            assert both.wait(_PATIENCE)
        ended.set()

    def second() -> None:
        assert begun.wait(_PATIENCE)
        with overlap_unsaid(True):
            both.set()
            assert ended.wait(_PATIENCE)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(first), pool.submit(second)]:
            one.result(2 * _PATIENCE)
    assert list(warnings.filters) == before


def test_a_column_that_is_there_twice_is_refused() -> None:
    twice = pd.DataFrame(np.zeros((2, 2)), columns=["start_time", "start_time"])
    with pytest.raises(ArgumentError, match="two columns of the table of intervals are called 'start_time'"):
        times_of(twice, "start_time")
