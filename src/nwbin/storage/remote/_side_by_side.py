"""Requests to a server, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from queue import SimpleQueue

__all__ = ["Job", "side_by_side"]

CONNECTIONS = 8

Job = Callable[[threading.Event], None]  # it makes no further request once that is set


def side_by_side(jobs: Sequence[Job]) -> None:
    """Do pieces of work side by side: this thread only waits, so that Ctrl-C is seen at once.

    Where one fails, or Ctrl-C comes, those under way are left alone: they hold the arrays that they write into, and
    do not keep the program from ending.
    """
    todo, stop, ended = deque(jobs), threading.Event(), SimpleQueue[BaseException | None]()

    def work() -> None:
        try:
            while not stop.is_set():
                try:
                    job = todo.popleft()
                except IndexError:
                    break
                job(stop)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    threads = [
        # In this thread's context, in which warnings may be kept back; of a copy each: one is one thread's.
        threading.Thread(target=copy_context().run, args=(work,), name="nwbin-remote", daemon=True)
        for _ in range(min(CONNECTIONS, len(jobs)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in threads:
            error = ended.get()
            if error is not None:
                raise error
    finally:
        stop.set()
