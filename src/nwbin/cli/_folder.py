"""``nwbin count FOLDER``: the same, over all sessions of a data set."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions, selection_of
from nwbin.cli._counting import BinOptions, FolderOptions, WritingOptions
from nwbin.cli._json import put_json
from nwbin.cli._parse import ids_of
from nwbin.errors import ArgumentError, LookupFailure, NwbinError, NwbinWarning

if TYPE_CHECKING:
    from nwbin.dataset import Results

__all__ = ["count_folder", "failure_of", "in_words", "print_passed_over", "statuses_of"]

_STATUSES = {"done": "counted", "kept": "there already", "nothing": "without any of it", "failed": "failed"}
_NAMED = 5  # sessions without any of it that are named


@contextmanager
def _client(scheduler: str | None) -> Iterator[Any]:
    """A client of a Dask cluster, closed at the end; None where there is none."""
    if scheduler is None:
        yield None
        return
    from nwbin._optional import need

    need("distributed", "dask", f"--scheduler {scheduler}: a Dask cluster")
    import distributed

    client: Any = distributed.Client
    try:
        found = (
            client(scheduler_file=scheduler) if Path(scheduler).is_file() else client(scheduler, timeout=30)
        )
    except (OSError, ValueError) as error:  # nobody answers there, or it is no address
        raise ArgumentError(f"--scheduler {scheduler}: cannot be reached: {error}") from error
    try:
        yield found
    finally:
        found.close()


@contextmanager
def _noting_what_is_there(out: Path) -> Iterator[None]:
    """Where the work is interrupted, say how much of it is done."""
    from nwbin.cli._app import say

    try:
        yield
    except KeyboardInterrupt:
        if done := len(list(out.glob("session_*"))):
            say("note", f"{out}: has {counted(done, 'session')}; the same command goes on from there")
        raise


def statuses_of(results: Results) -> dict[str, Any]:
    """What became of each session, for programs."""
    said = ("status", "error", "notes", "seconds")
    table = results.report[[name for name in said if name in results.report.columns]]
    return {str(key): about for key, about in table.to_dict(orient="index").items()}


def in_words(results: Results, words: Mapping[str, str]) -> str:
    """How many sessions each thing became of, in this order."""
    number = results.report["status"].value_counts().to_dict()
    return ", ".join(f"{number[name]} {word}" for name, word in words.items() if name in number)


def print_passed_over(results: Results) -> None:
    """Name the sessions that have nothing of what was asked for, and say why: a line each, of many the first."""
    from nwbin.cli._console import put

    passed = [(str(key), why) for key, why in results.passed_over.items()]
    for key, why in passed[:_NAMED]:
        # Before the first ": " may be the session's own file.
        begin, colon, rest = why.partition(": ")
        put(f"  {key}: {rest if colon and begin.endswith('.nwb') else why}")
    if len(passed) > _NAMED:
        put(f"  and {counted(len(passed) - _NAMED, 'session')} more; of each why: --json")


def failure_of(results: Results) -> NwbinError:
    """What is raised in the end where sessions failed."""
    from nwbin.dataset import JobError
    from nwbin.dataset.explain import reasons_together

    number = len(results.report)
    return JobError(
        f"{len(results.failed)} of {counted(number, 'session')} failed (the same command tries only them again): "
        f"{reasons_together(results.failed, number)}"
    )


def count_folder(
    folder: Path | str,
    out: Path,
    presentations: PresentationOptions,
    bins: BinOptions,
    units: UnitOptions,
    writing: WritingOptions,
    many: FolderOptions,
    *,
    as_json: bool = False,
) -> None:
    """Count into a Zarr store, and say what became of each session."""
    from nwbin.dataset import Dataset
    from nwbin.dataset.explain import units_in_no_session

    selection, edges = selection_of(presentations, units), bins.around(onsets=bool(presentations.stimulus))
    dtype, closed = writing.count_type(), bins.rule(tiled=False)
    if out.suffix.lower() != ".zarr":
        raise ArgumentError(
            f"{out}: the counts of a whole folder go to a Zarr store: give a name that ends in .zarr"
        )
    if edges is None:
        raise ArgumentError(
            "over a folder, bins lie around the start of each presentation: give --window or --edges"
        )
    data = Dataset(folder)
    if not data.session_ids:
        raise ArgumentError(f"{folder}: holds no NWB files with units")
    existed = out.exists()
    with _client(many.scheduler) as client, _noting_what_is_there(out):
        results = data.spike_counts(
            out, selection, edges=edges, closed=closed, binarize=bins.binarize,
            dtype=None if dtype is None else dtype.name, sessions=many.session_ids(), client=client,
            workers=many.workers, threads=writing.threads, overwrite=many.overwrite, **units.filters(),
        )  # fmt: skip
    if not len(results) and not existed:
        shutil.rmtree(out, ignore_errors=True)  # a store of nothing
    if not len(results.report):
        number = len(data.session_ids)
        raise LookupFailure(f"{folder}: none of its {number} sessions meets {many.sessions!r}")
    ids = ids_of(units.units)
    lost = [] if ids is None or results.failed else units_in_no_session(data, results, ids, selection.hints)
    _say(folder, out, results, lost, as_json=as_json)


def _say(folder: Path | str, out: Path, results: Results, lost: list[str], *, as_json: bool) -> None:
    """Say what became of the sessions, and of units that are in no result; raise where nothing, or not all, is done."""
    from nwbin.cli._console import output
    from nwbin.dataset import JobError
    from nwbin.dataset.explain import reasons_together, warn_of_all

    number = len(results.report)
    if len(results.passed_over) == number:
        where = "its one session" if number == 1 else f"any of its {number:,} sessions"
        why = reasons_together(results.passed_over, number)
        raise LookupFailure("; ".join([f"{folder}: nothing to count in {where}: {why}", *lost]))
    if (
        not len(results) and results.passed_over
    ):  # what failed hides nothing of what is wrong with the question
        others = counted(len(results.passed_over), "other session")
        raise JobError(
            f"{folder}: {len(results.failed)} of {counted(number, 'session')} failed: "
            f"{reasons_together(results.failed, number)}; nothing to count in the {others}: "
            f"{reasons_together(results.passed_over, len(results.passed_over))}"
        )
    for one in lost:
        warnings.warn(one, NwbinWarning, stacklevel=2)
    warn_of_all(results)
    if as_json:
        put_json({"output": str(out), "sessions": statuses_of(results)})
    else:
        output().print(f"{out}: {counted(number, 'session')}: {in_words(results, _STATUSES) or 'none'}")
        print_passed_over(results)
    if results.failed:
        raise failure_of(results)
