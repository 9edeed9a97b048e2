"""Pieces of work side by side, on one pool of threads for the whole process.

The kernels release the GIL, so plain threads are enough, and they work where a parallel runtime of a compiler
does not: in forked children, in Dask's workers, inside other threads.
"""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import TypeVar

import numpy as np

from nwbin.errors import ArgumentError, ArgumentTypeError

__all__ = ["as_threads", "available", "run", "share"]

T = TypeVar("T")

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def available() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


# A variable of the context, not of the process: Dask's workers do tasks side by side in one process.
_share: ContextVar[int | None] = ContextVar("nwbin_threads", default=None)


def as_threads(threads: int | None) -> int:
    """How many threads to use: unless told, those of the share that this is part of, or all cores."""
    if threads is None:
        return _share.get() or available()
    try:
        number = operator.index(threads)
    except TypeError:
        raise ArgumentTypeError(f"threads must be a whole number or None, not {threads!r}") from None
    if number < 1:
        raise ArgumentError(f"threads must be at least 1, not {number}; None means all cores")
    return number


@contextmanager
def share(threads: int | None) -> Iterator[None]:
    """Read and count inside with so many threads where nothing else is said; None changes nothing."""
    if threads is None:
        yield
        return
    before = _share.set(as_threads(threads))
    try:
        yield
    finally:
        _share.reset(before)


def _forget_pool() -> None:
    # A forked child has the parent's pool object but none of its threads.
    global _lock, _pool
    _lock = threading.Lock()
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def _submit(function: Callable[[], None], helpers: int) -> list[Future[None]]:
    global _pool
    futures: list[Future[None]] = []
    with _lock:
        if _pool is None or _pool._max_workers < helpers:
            # An older, smaller pool finishes what it has and is collected.
            _pool = ThreadPoolExecutor(max(helpers, available()), thread_name_prefix="nwbin")
        # While the interpreter shuts down nothing can be submitted: the caller's own thread does the work.
        with suppress(RuntimeError):
            # In the caller's context, in which warnings may be kept back; a copy each: one is one thread's.
            futures.extend(_pool.submit(copy_context().run, function) for _ in range(helpers))
    return futures


def run(tasks: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """Run all tasks on up to `threads` threads, the calling one among them; returns their results in order.

    The caller takes tasks like any other worker, so a busy pool (a call from within a task, or from many
    threads) delays nothing, and Ctrl-C is seen between two tasks. The first error stops the taking of further
    tasks and is raised once those under way have ended.
    """
    results: list[T | None] = [None] * len(tasks)
    taken = iter(range(len(tasks)))
    failed: list[BaseException] = []
    guard = threading.Lock()

    def work() -> None:
        # Far-off edges may overflow to infinity, which is what they mean; no warning for that.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while not failed:
                with guard:
                    index = next(taken, None)
                if index is None:
                    return
                try:
                    results[index] = tasks[index]()
                except BaseException as error:
                    failed.append(error)

    helpers = _submit(work, min(threads, len(tasks)) - 1) if min(threads, len(tasks)) > 1 else []
    try:
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    except BaseException as error:  # Ctrl-C outside a task
        failed.append(error)
        for helper in helpers:
            helper.cancel()
        raise
    if failed:
        raise failed[0]
    return results  # type: ignore[return-value]  # each has its own: none failed
