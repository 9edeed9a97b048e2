"""How often, and how long after one another, a request is tried."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from nwbin.storage.remote._faults import RETRIED, Fault, error_of
from nwbin.storage.remote._side_by_side import of_each

__all__ = ["TRIES", "pause", "tried"]

T = TypeVar("T")

TRIES = 5
FIRST_PAUSE = 0.2  # s before the second try; twice as long before each further one, 3 s in all


def pause(tries: int) -> None:
    """Wait after so many tries; not everywhere equally long, so that not all come back at once."""
    time.sleep(FIRST_PAUSE * 2 ** (tries - 1) * random.uniform(0.9, 1.1))


def tried(request: Callable[[], T], name: str) -> T:
    """Make a request, again where that may help; raises nwbin's error where it does not."""
    for tries in range(1, TRIES + 1):
        try:
            return _answer_of(request)
        except Fault as fault:
            if fault.kind not in RETRIED or tries == TRIES:
                raise error_of(fault, name, tries) from None
        pause(tries)
    raise AssertionError  # not reached


def _answer_of(request: Callable[[], T]) -> T:
    """Make a request. Ctrl-C is seen by the main thread alone, and by that not while it waits itself."""
    if threading.current_thread() is not threading.main_thread():
        return request()
    return of_each(lambda one: one(), [request])[0]
