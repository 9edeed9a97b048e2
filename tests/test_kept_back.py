"""Warnings that are kept back: in one thread, whatever the others do meanwhile."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from nwbin import _threads
from nwbin._kept_back import others_left_out, own_kept_back
from nwbin.errors import InvalidSpikesWarning, NwbinWarning, warn
from nwbin.storage.remote._side_by_side import side_by_side


def test_in_this_thread_and_those_that_read_for_it() -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        warnings.catch_warnings(record=True) as given,
        own_kept_back() as heard,
    ):
        warnings.simplefilter("always")
        warn("here", InvalidSpikesWarning)
        with own_kept_back() as within:
            warn("further in")
        side_by_side([lambda _: warn("for this one")])
        together = threading.Barrier(2)  # one of them is another thread's
        _threads.run([lambda: (together.wait(60), warn("with this one"))] * 2, 2)
        pool.submit(warn, "elsewhere").result()
    assert [(type(one), str(one)) for one in heard] == [
        (InvalidSpikesWarning, "here"), (NwbinWarning, "for this one"),
        *[(NwbinWarning, "with this one")] * 2,
    ]  # fmt: skip
    assert [str(one) for one in within] == ["further in"]
    assert [str(one.message) for one in given] == ["elsewhere"]
    with pytest.warns(NwbinWarning, match="^afterwards$"):
        warn("afterwards")


def test_other_libraries_by_one_thread_at_a_time() -> None:
    """Two that are in catch_warnings at once would each put back the filters that it found: one those of the other."""
    entered = threading.Event()

    def enter() -> None:
        with others_left_out("of theirs"):
            entered.set()

    with ThreadPoolExecutor(1) as pool, warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        with others_left_out("of theirs", category=UserWarning):
            warnings.warn("of theirs, and not ours", stacklevel=1)
            warnings.warn("another", stacklevel=1)
            later = pool.submit(enter)
            assert not entered.wait(0.1)
        later.result(10)
        assert warnings.filters == before
    assert [str(one.message) for one in given] == ["another"]
