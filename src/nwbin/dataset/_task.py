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
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._atomic import writing
from nwbin._threads import share
from nwbin.allen.unit_filters import UnitFilters
from nwbin.binning import Progress
from nwbin.dataset._claim import Claim
from nwbin.dataset._session_work import Work
from nwbin.dataset._sinks import Sink
from nwbin.dataset._stamps import inputs_of
from nwbin.dataset._table_sources import CsvTables, csv_tables, tables_of
from nwbin.errors import FileAccessError, NothingChosen, NwbinError, NwbinWarning

if TYPE_CHECKING:
    from nwbin.session import Session

__all__ = ["Advance", "Opening", "Outcome", "Task", "perform"]


@dataclass(frozen=True)
class Opening:
    """How to open a session, wherever the worker is: it reads the file, and the cache's tables, by itself.

    Attributes
    ----------
    path, lfp
        The session file, and the LFP file of each probe.
    session_id
        The session.
    filters
        Arguments of :func:`nwbin.open`.
    cache
        The AllenSDK cache whose tables give channels their structures and units their metrics; None if none.
    """

    path: str
    session_id: int | str
    lfp: Mapping[int, str] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    cache: str | None = None

    def spec(self) -> dict[str, Any]:
        """Say which units are kept, alike whether a default is written out or not."""
        filters = UnitFilters(**self.filters)
        said: dict[str, Any] = {}
        for column, side, bound in filters.bounds():
            none = (
                np.inf if side == "<=" else -np.inf
            )  # what 0 and None mean; the other infinity keeps nothing
            said[column] = None if bound == none else float(bound) if np.isfinite(bound) else str(bound)
        said["filter_by_validity"] = bool(filters.filter_by_validity)
        said["filter_out_of_brain_units"] = bool(filters.filter_out_of_brain_units)
        return said

    def tables(self) -> dict[str, Path]:
        """The files, by name, that decide with the session's own which units and channels it has."""
        return {} if self.cache is None else tables_of(Path(self.cache), self.session_id)

    def open(self, tables: CsvTables | None = None) -> Session:
        """Open it."""
        from nwbin.session import open

        more: dict[str, Any] = {}
        if self.cache is not None:
            known = tables if tables is not None else csv_tables(self.cache)
            more["external_channel_columns"] = partial(known.channel_columns, self.session_id)
            if known.has_metrics(self.session_id):
                more["additional_unit_metrics"] = partial(known.session_metrics, self.session_id)
        # With none given, the session looks beside its file by itself and says what is missing.
        return open(self.path, probe_lfp_paths=dict(self.lfp) or None, **self.filters, **more)


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
        value = task.work.run(session, task.threads)
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
    now = inputs_of(task.opening)
    changed = [name for name in ("session", "tables") if now[name] != task.stamp[name]]
    if changed:
        what = task.opening.path if "session" in changed else f"{task.opening.cache}: one of its tables"
        raise FileAccessError(f"{what} was changed while the job read it; run the job again")
