"""Requests side by side: so many at a time."""

from __future__ import annotations

import threading
from functools import partial

from nwbin.storage.remote._side_by_side import side_by_side


def test_so_many_ranges_at_a_time_and_no_more() -> None:
    under_way, most = set[int](), 0

    def job(number: int, over: threading.Event) -> None:
        nonlocal most
        under_way.add(number)
        most = max(most, len(under_way))
        over.wait(0.01)
        under_way.discard(number)

    side_by_side([partial(job, number) for number in range(20)], 2)
    assert most == 2
