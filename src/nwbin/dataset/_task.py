"""One session's share of a job, as it travels to a worker, and what comes back."""

from __future__ import annotations

import gc
import os
import pickle
import socket
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

from nwbin._atomic import writing
from nwbin._threads import share
from nwbin.binning import Progress
from nwbin.dataset._claim import Claim
from nwbin.dataset._opening import Opening
from nwbin.dataset._session_work import Work
from nwbin.dataset._sinks import Sink
from nwbin.dataset._stamps import inputs_of
from nwbin.errors import FileAccessError, NothingChosen, NwbinError, NwbinWarning
from nwbin.storage.addresses import shown_path

__all__ = ["Advance", "Outcome", "Task", "perform"]


@dataclass(frozen=True)
class Task:
    """What to do with one session."""

    opening: Opening
    work: Work
    sink: Sink | None
    claim: Claim | None
    stamp: dict[str, Any]
    threads: int | None = None
    limit: int = 64 << 20  # bytes of a result that is sent back

    @property
    def key(self) -> int | str:
        """The session's id."""
        return self.opening.session_id


@dataclass(frozen=True)
class Advance:
    """How much of a session is done: from 0 to 1."""

    key: int | str
    share: float


@dataclass(frozen=True)
class Outcome:
    """What became of a session.

    Attributes
    ----------
    key
        The session's id.
    status
        "done", "nothing" (it has none of what was asked for), "failed", or "kept" from an earlier run.
    value
        The result, pickled, where it is not in a file.
    error, trace
        Why it failed, or has nothing; where.
    seconds, memory
        What it took; the most memory the worker process has had so far, bytes.
    worker
        Host and process id.
    notes
        Warnings given on the way.
    kinds
        Their kinds.
    """

    key: int | str
    status: str
    value: bytes | None = None
    error: str = ""
    trace: str = ""
    seconds: float = 0.0
    memory: int = 0
    worker: str = ""
    notes: tuple[str, ...] = ()
    kinds: tuple[type[Warning], ...] = ()


def peak_memory() -> int:
    """Return the most memory this process has had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _unheard(done: int, total: int) -> None:
    """Where nobody wants to know how far a session has come."""


def perform(task: Task, *, listen: bool = False, advanced: Progress = _unheard) -> Outcome:
    """Do a task. Errors are part of the outcome; `listen` gathers warnings (not where threads work side by side).

    `advanced` is called with (done, in all) as it goes on.
    """
    started = time.perf_counter()
    status, value, error, trace = "done", None, "", ""
    notes: tuple[str, ...] = ()
    kinds: tuple[type[Warning], ...] = ()
    try:
        if listen:
            # The process's: that is a worker, which does one task at a time.
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                value = _result(task, advanced)
            notes = tuple(dict.fromkeys(str(one.message) for one in heard))
            kinds = tuple(
                dict.fromkeys(one.category for one in heard if issubclass(one.category, NwbinWarning))
            )
        else:
            value = _result(task, advanced)
    except NothingChosen as reason:
        status, error = "nothing", str(reason)
    except Exception as problem:
        known = isinstance(problem, NwbinError | OSError)
        status, error = "failed", str(problem) if known else f"{type(problem).__name__}: {problem}"
        trace = traceback.format_exc(limit=-12)
    # A session and its parts refer to one another: until they are collected, its pages stay mapped.
    gc.collect()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    seconds = time.perf_counter() - started
    return Outcome(task.key, status, value, error, trace, seconds, peak_memory(), worker, notes, kinds)


def _result(task: Task, advanced: Progress) -> bytes | None:
    with share(task.threads), task.opening.open() as session:
        value = task.work.run(session, task.threads, advanced)
        if task.sink is None:
            sent = pickle.dumps(value, protocol=5)
            if len(sent) > task.limit:
                raise ValueError(
                    f"the result is {len(sent) / 2**20:,.0f} MB, more than the {task.limit / 2**20:,.0f} MB that are "
                    "sent back from workers; have them write it: give out="
                )
            return sent
        assert task.claim is not None
        with writing(task.sink.place(task.key)):
            task.sink.save(task.claim, task.key, value, task.stamp, partial(_unchanged, task), advanced)
    return None


def _unchanged(task: Task) -> None:
    """Raise where the stamp does not hold any more: a file was changed while it was read."""
    now = inputs_of(task.opening, now=True)
    changed = [name for name in ("session", "tables") if now[name] != task.stamp[name]]
    if changed:
        what = (
            shown_path(task.opening.path)
            if "session" in changed
            else f"{task.opening.cache}: one of its tables"
        )
        raise FileAccessError(f"{what} was changed while the job read it; run the job again")
