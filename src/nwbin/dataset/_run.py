"""A job from beginning to end: what is there already, what is missing, who does it, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

from nwbin._atomic import writing
from nwbin._progress import progress_display
from nwbin._threads import available
from nwbin.dataset._claim import claimed
from nwbin.dataset._opening import Opening
from nwbin.dataset._pool import run_here, run_on_dask, run_on_processes
from nwbin.dataset._results import Results
from nwbin.dataset._session_work import Work
from nwbin.dataset._sinks import Sink
from nwbin.dataset._stamps import stamp_of
from nwbin.dataset._task import Advance, Outcome, Task
from nwbin.errors import ArgumentError

__all__ = ["OtherJobError", "Progress", "run_job"]


class OtherJobError(ArgumentError):
    """Where results are to go, there are those of another job.

    Examples
    --------
    >>> data.response_matrices("flashes", label="color", window=(0, 0.1), out="matrices")
    >>> data.response_matrices("flashes", label="color", window=(0, 0.2), out="matrices")
    Traceback (most recent call last):
    nwbin.dataset._run.OtherJobError: ...: holds the results of another job (...
    """


Progress = Callable[[int, int, Outcome | None], object]


def _kept(sink: Sink, tasks: Sequence[Task], overwrite: bool) -> set[Any]:
    """Which sessions have their result already."""
    kept = set()
    for task in tasks:
        found = sink.written(
            task.key, older=overwrite
        )  # also of what is overwritten: what is no result is left alone
        if found is None or overwrite:
            continue
        if found.stamp.get("spec") != task.stamp["spec"]:
            mine, theirs = task.stamp["spec"], found.stamp.get("spec")
            theirs = theirs if isinstance(theirs, dict) else {}
            differ = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
            shown = "; ".join(
                f"{name} {theirs.get(name)!r} there, {mine.get(name)!r} now" for name in differ[:3]
            )
            raise OtherJobError(
                f"{sink.root}: holds the results of another job ({shown}); give another path, or overwrite=True"
            )
        if found.whole and found.stamp == task.stamp:
            kept.add(task.key)
    return kept


_STATUSES = {"kept": "kept", "failed": "failed", "nothing": "without any"}


class _Show(Protocol):
    """How many sessions are done, of how many, and of those begun as much as makes so many more."""

    def __call__(self, done: int, total: int, outcome: Outcome | None, within: float = 0.0) -> None: ...


@contextmanager
def _shown(progress: bool | Progress | None, title: str) -> Iterator[_Show]:
    """Give what is called after each session: the caller's own function, or one that moves a bar on a terminal."""
    if callable(progress):
        called = progress

        def of_sessions(done: int, total: int, outcome: Outcome | None, within: float = 0.0) -> None:
            if not within:  # a user's function is told of whole sessions
                called(done, total, outcome)

        yield of_sessions
        return
    count = dict.fromkeys(_STATUSES, 0)
    with progress_display(title, wanted=progress, stays=True) as display:

        def show(done: int, total: int, outcome: Outcome | None, within: float = 0.0) -> None:
            if outcome is not None and outcome.status in count:
                count[outcome.status] += 1
                if outcome.status == "failed":
                    display.failed(f"{outcome.key}: {outcome.error}")
            remark = ", ".join(
                f"{count[status]} {said}" for status, said in _STATUSES.items() if count[status]
            )
            display.update(done + within, total, remark)

        yield show


def run_job(
    openings: Mapping[Any, Opening],
    work: Work,
    sink: Sink | None = None,
    *,
    client: Any = None,
    workers: int | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool | Progress | None = None,
    title: str = "sessions",
    limit: int = 64 << 20,
) -> Results:
    """Do the same work with many sessions; see :meth:`nwbin.Dataset.map` for the arguments."""
    if workers is not None and (not isinstance(workers, int) or workers < 0):
        raise ArgumentError(f"workers must be a number of processes (0: work in this one), not {workers!r}")
    many = min(available() if workers is None else workers, max(1, len(openings)))
    if threads is None:
        # On a cluster each worker's threads are Dask's to fill; here the cores are shared out.
        threads = 1 if client is not None else max(1, available() // max(1, many))
    outcomes: dict[Any, Outcome] = {}
    total = len(openings)
    with nullcontext() if sink is None else claimed(sink.root) as claim, _shown(progress, title) as show:
        spec = {} if sink is None else work.spec()  # of what is not kept, nobody asks whether it is the same
        tasks = [
            Task(opening, work, sink, claim, stamp_of(spec, opening) if spec else {}, threads, limit)
            for opening in openings.values()
        ]
        if sink is not None:
            for key in _kept(sink, tasks, overwrite):
                outcomes[key] = Outcome(key, "kept")
            with writing(sink.root):
                sink.begin(spec)
        show(len(outcomes), total, None)
        for one in list(outcomes.values()):
            show(len(outcomes), total, one)
        missing = [task for task in tasks if task.key not in outcomes]
        if not missing:
            stream: Iterator[Outcome | Advance] = iter(())
        elif client is not None:
            stream = run_on_dask(missing, client)
        elif many == 0:
            stream = run_here(missing)
        else:
            stream = run_on_processes(missing, many)
        begun: dict[Any, float] = {}
        for said in stream:
            if isinstance(said, Advance):
                # Of a session that is not there yet; all of it only counts once it is.
                begun[said.key] = min(said.share, 0.99)
                show(len(outcomes), total, None, sum(begun.values()))
                continue
            outcomes[said.key] = said
            begun.pop(said.key, None)
            show(len(outcomes), total, said)
        if sink is not None:
            with writing(sink.root):
                sink.finish()
    return Results([outcomes[key] for key in openings], sink)
