"""A job from beginning to end: what is there already, what is missing, who does it, and how it went."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nwbin._kernels.threads import available
from nwbin.dataset._pool import run_here, run_on_dask, run_on_processes
from nwbin.dataset._results import Results
from nwbin.dataset._sinks import Sink
from nwbin.dataset._task import Opening, Outcome, Task
from nwbin.dataset._work import Work
from nwbin.errors import ArgumentError, FileAccessError, MissingFileError
from nwbin.export._whole import writing

__all__ = ["OtherJobError", "Progress", "run_job"]


class OtherJobError(ArgumentError):
    """Where results are to go, there are those of another job."""


Progress = Callable[[int, int, Outcome | None], object]


def _stamp(spec: Mapping[str, Any], opening: Opening) -> dict[str, Any]:
    """Everything that a result hangs on, in plain values."""
    try:
        stat = Path(opening.path).stat()
        file = [stat.st_size, stat.st_mtime_ns]
    except OSError:
        file = []
    said = {"spec": {**spec, "filters": opening.spec()}, "file": file}
    stamp: dict[str, Any] = json.loads(json.dumps(said))
    return stamp


def _kept(sink: Sink, tasks: Sequence[Task], overwrite: bool) -> set[Any]:
    """Which sessions have their result already."""
    kept = set()
    for task in tasks:
        found = sink.stamp(sink.target(task.key))
        if found is None or overwrite:
            continue
        if found.get("spec") != task.stamp["spec"]:
            mine, theirs = task.stamp["spec"], found.get("spec") or {}
            differ = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
            shown = "; ".join(
                f"{name} {theirs.get(name)!r} there, {mine.get(name)!r} now" for name in differ[:3]
            )
            raise OtherJobError(
                f"{sink.root}: holds the results of another job ({shown}); give another path, or overwrite=True"
            )
        if found == task.stamp:
            kept.add(task.key)
    return kept


@contextmanager
def _parts(sink: Sink | None) -> Iterator[str]:
    """A folder for results that are not finished, which also keeps a second run off the same results."""
    if sink is None:
        yield ""
        return
    root = sink.root
    if not root.parent.is_dir():
        raise MissingFileError(f"{root}: there is no folder {str(root.parent)!r}; make it first")
    if root.exists() and not root.is_dir():
        raise FileAccessError(f"{root}: is a file, and a job's results are a folder; give another path")
    parts = root.with_name(f".{root.name}.parts")
    owner = parts / "owner.json"
    me = {"host": socket.gethostname(), "pid": os.getpid(), "run": uuid.uuid4().hex}
    # The folder gets its name with its owner already in it: at no moment does it look like nobody's.
    fresh = parts.with_name(f"{parts.name}-{me['run']}")
    try:
        fresh.mkdir()
        (fresh / owner.name).write_text(json.dumps(me), encoding="utf-8")
        if parts.exists() and not _alive(owner):  # what a run left that was killed
            left = fresh.with_name(f"{fresh.name}-left")
            with suppress(FileNotFoundError):  # another run was quicker
                parts.rename(left)
                shutil.rmtree(left)
        fresh.rename(parts)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if not parts.exists():
            raise FileAccessError(f"{root}: cannot be written: {error.strerror or error}") from error
        raise FileAccessError(
            f"{root}: another run is writing to it ({owner.read_text().strip()}); wait for it, or if it is no "
            f"more, remove {parts}"
        ) from None
    try:
        yield str(parts)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def _alive(owner: Path) -> bool:
    try:
        said = json.loads(owner.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if said.get("host") != socket.gethostname():
        return True  # another machine's processes cannot be seen from here
    if said.get("pid") == os.getpid():
        return True
    try:
        os.kill(int(said["pid"]), 0)
    except ProcessLookupError:
        return False
    except (OSError, KeyError, ValueError):
        return os.name != "nt"
    return True


@contextmanager
def _shown(progress: bool | Progress | None, title: str) -> Iterator[Progress]:
    """Give what is called after each session: a bar on a terminal, the caller's own, or nothing."""
    if callable(progress):
        yield progress
        return
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda done, total, outcome: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[said]}"),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True)) as bar:
        number = bar.add_task(title, total=None, said="")
        count = {"kept": 0, "failed": 0, "nothing": 0}

        def show(done: int, total: int, outcome: Outcome | None) -> None:
            if outcome is not None:
                count[outcome.status] = count.get(outcome.status, 0) + 1
                if outcome.status == "failed":
                    # A file's words are no markup.
                    bar.console.print(Text.assemble(("failed", "red"), f" {outcome.key}: {outcome.error}"))
            names = {"kept": "kept", "failed": "failed", "nothing": "without any"}
            said = ", ".join(f"{count[status]} {name}" for status, name in names.items() if count[status])
            bar.update(number, completed=done, total=total, said=said)

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
    with _parts(sink) as parts, _shown(progress, title) as show:
        spec = {} if sink is None else work.spec()  # of what is not kept, nobody asks whether it is the same
        tasks = [
            Task(opening, work, sink, parts, _stamp(spec, opening) if spec else {}, threads, limit)
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
            stream: Iterator[Outcome] = iter(())
        elif client is not None:
            stream = run_on_dask(missing, client)
        elif many == 0:
            stream = run_here(missing)
        else:
            stream = run_on_processes(missing, many)
        for outcome in stream:
            outcomes[outcome.key] = outcome
            show(len(outcomes), total, outcome)
        if sink is not None:
            with writing(sink.root):
                sink.finish()
    return Results([outcomes[key] for key in openings], sink)
