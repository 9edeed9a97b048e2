"""Requests to a server, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

__all__ = ["Job", "of_each", "side_by_side"]

S = TypeVar("S")
T = TypeVar("T")

CONNECTIONS = 8
_LOOK = 0.1  # s between looks at whether it is still wanted; on Windows Ctrl-C, too, is seen then alone

Job = Callable[[threading.Event], None]  # it makes no further request once that is set


def side_by_side(
    jobs: Sequence[Job], connections: int = CONNECTIONS, stop: threading.Event | None = None
) -> None:
    """Do pieces of work side by side: this thread only waits, so that Ctrl-C is seen at once.

    Where one fails, Ctrl-C comes, or `stop` is set, those under way are left alone: they hold the arrays that they
    write into, and do not keep the program from ending.

    Parameters
    ----------
    jobs
        The pieces, begun in this order.
    connections
        So many at a time.
    stop
        Once it is set, no further one is begun, and this returns.
    """
    todo, over, ended = deque(jobs), threading.Event(), SimpleQueue[BaseException | None]()

    def work() -> None:
        try:
            while not over.is_set():
                try:
                    job = todo.popleft()
                except IndexError:
                    break
                job(over)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    threads = [
        # In this thread's context, in which warnings may be kept back; of a copy each: one is one thread's.
        threading.Thread(target=copy_context().run, args=(work,), name="nwbin-remote", daemon=True)
        for _ in range(min(connections, len(jobs)))
    ]
    try:
        for thread in threads:
            thread.start()
        left = len(threads)
        while left and not (stop is not None and stop.is_set()):
            try:
                error = ended.get(timeout=_LOOK)
            except Empty:
                continue
            left -= 1
            if error is not None:
                raise error
    finally:
        over.set()


def of_each(work: Callable[[S], T], what: Sequence[S]) -> list[T]:
    """Return what some work gives for each of some things, done side by side."""
    found: dict[int, T] = {}

    def job(number: int, _: threading.Event) -> None:
        found[number] = work(what[number])

    side_by_side([partial(job, number) for number in range(len(what))])
    return [found[number] for number in range(len(what))]
