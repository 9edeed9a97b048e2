"""Warnings that are kept back, so that no other thread's are: :func:`warnings.catch_warnings` is the process's.

Two threads that are in it at once may leave the filters of one behind, for good. nwbin's own warnings are kept back in
one thread alone; those of other libraries, which know of no such thing, by one thread at a time.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["others_left_out", "own_kept_back", "taken"]

_heard: ContextVar[list[Warning] | None] = ContextVar("nwbin_warnings", default=None)
_lock = threading.RLock()


def _forget_lock() -> None:
    # In a forked child, a thread of the parent that held it is gone.
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


@contextmanager
def own_kept_back() -> Iterator[list[Warning]]:
    """Give no warning of nwbin's inside, in this thread and those that it has read for it: gather them."""
    heard: list[Warning] = []
    before = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(before)


def taken(warning: Warning) -> bool:
    """Whether a warning of nwbin's is kept back, and so not to be given."""
    heard = _heard.get()
    if heard is None:
        return False
    heard.append(warning)
    return True


@contextmanager
def others_left_out(*messages: str, category: type[Warning] = Warning, module: str = "") -> Iterator[None]:
    """Leave out warnings of another library's that no argument of its own leaves out.

    Parameters
    ----------
    *messages
        How they begin, as regular expressions: whatever other threads are warned of meanwhile is given to them.
    category, module
        As for :func:`warnings.filterwarnings`.
    """
    with _lock, warnings.catch_warnings():
        for message in messages:
            warnings.filterwarnings("ignore", message, category, module)
        yield
