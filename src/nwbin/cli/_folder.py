"""``nwbin count FOLDER``: the same, over all sessions of a data set."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.cli._choose import Quality, are, counted, first_of, ids_of, names_of
from nwbin.errors import ArgumentError, InvalidSpikesWarning, LookupFailure, NwbinWarning

if TYPE_CHECKING:
    import numpy as np

    from nwbin.dataset import Dataset, Results

__all__ = ["count_folder"]


def _client(scheduler: str) -> Any:
    from nwbin.dataset._sinks import need

    need("distributed", "dask", f"--scheduler {scheduler}: a Dask cluster")
    import distributed

    client: Any = distributed.Client
    try:
        if Path(scheduler).is_file():
            return client(scheduler_file=scheduler)
        return client(scheduler, timeout=30)
    except (OSError, ValueError) as error:  # nobody answers there, or it is no address
        raise ArgumentError(f"--scheduler {scheduler}: cannot be reached: {error}") from error


def count_folder(
    folder: Path,
    out: Path,
    *,
    stimulus: list[str] | None,
    edges: np.ndarray[Any, Any] | None,
    quality: Quality,
    sessions: str | None,
    structures: str | None,
    units: str | None,
    workers: int | None,
    scheduler: str | None,
    overwrite: bool,
    **how: Any,
) -> None:
    """Count into a Zarr store, and say what became of each session."""
    from nwbin.cli._app import say
    from nwbin.cli._console import output
    from nwbin.dataset import Dataset
    from nwbin.dataset._results import JobError
    from nwbin.dataset._run import OtherJobError

    if out.suffix.lower() != ".zarr":
        raise ArgumentError(
            f"{out}: the counts of a whole folder go to a Zarr store: give a name that ends in .zarr"
        )
    if edges is None:
        raise ArgumentError(
            "over a folder, bins lie around the start of each presentation: give --window or --edges"
        )
    filters: dict[str, Any] = {
        "amplitude_cutoff_maximum": quality.amplitude_cutoff_maximum,
        "presence_ratio_minimum": quality.presence_ratio_minimum,
        "isi_violations_maximum": quality.isi_violations_maximum,
    }
    if quality.everything:
        names = ("filter_by_metrics", "filter_by_validity", "filter_out_of_brain_units")
        filters = dict.fromkeys(names, False)
    areas = None if structures is None else names_of(structures)
    ids = ids_of(units)
    data = Dataset(folder)
    if not data.session_ids:
        raise ArgumentError(f"{folder}: holds no NWB files with units")
    existed = out.exists()
    chosen: Any = sessions
    if sessions is not None and all(one.strip().isdecimal() for one in sessions.split(",")):
        chosen = [int(one) for one in sessions.split(",")]
    client = None if scheduler is None else _client(scheduler)
    try:
        results = data.spike_counts(
            out, stimulus, edges=edges, structures=areas, units=ids or units, sessions=chosen,
            client=client, workers=workers, overwrite=overwrite, **how, **filters,
        )  # fmt: skip
    except KeyboardInterrupt:
        done = len(list(out.glob("session_*")))
        if done:
            say("note", f"{out}: has {counted(done, 'session')}; the same command goes on from there")
        raise
    except OtherJobError as error:
        raise ArgumentError(str(error).replace("overwrite=True", "--overwrite")) from error
    finally:
        if client is not None:
            client.close()
    if not len(results) and not existed:
        shutil.rmtree(out, ignore_errors=True)  # a store of nothing
    number = len(results.report)
    if not number:
        raise LookupFailure(f"{folder}: none of its {len(data.session_ids)} sessions meets {sessions!r}")
    lost = [] if ids is None or results.failed else _in_no_session(data, results, ids)
    if len(results.passed_over) == number:
        said = "has one session, which" if number == 1 else f"of its {number:,} sessions, each"
        raise LookupFailure("; ".join([f"{folder}: {said} {_together(results.passed_over, number)}", *lost]))
    for one in lost:
        warnings.warn(one, NwbinWarning, stacklevel=2)
    _say_of_all(results)
    console = output()
    status = results.report["status"].value_counts().to_dict()
    words = {"done": "counted", "kept": "there already", "nothing": "without any of it", "failed": "failed"}
    said = ", ".join(f"{status[name]} {word}" for name, word in words.items() if name in status)
    console.print(f"{out}: {counted(number, 'session')}: {said or 'none'}")
    if results.failed:
        raise JobError(
            f"{len(results.failed)} of {counted(number, 'session')} failed (the same command tries only them again): "
            f"{_together(results.failed, number)}"
        )


def _in_no_session(data: Dataset, results: Results, ids: list[int]) -> list[str]:
    """Say which of the units that were named are in no result, and whether any session of the job has them."""
    import nwbin

    missing = set(ids).difference(*(results[key]["unit"].to_numpy().tolist() for key in results))
    if not missing:
        return []
    stored: set[int] = set()
    for path in data.files.loc[list(results.report.index), "path"]:
        with nwbin.File(path) as file:
            if file.has("units"):
                stored.update(file.unit_ids.tolist())
    unknown, out = ([one for one in ids if one in part] for part in (missing - stored, missing & stored))
    said = []
    if unknown:
        said.append(
            f"no session has {'unit' if len(unknown) == 1 else 'units'} {first_of(map(str, unknown))}"
        )
    if out:
        said.append(
            f"{'unit' if len(out) == 1 else 'units'} {first_of(map(str, out))} {are(len(out))} left out everywhere, "
            "by the filters (--all is for none of them) or what else was asked for"
        )
    return said


def _together(reasons: dict[Any, str], number: int) -> str:
    """Why sessions failed or have nothing; what is true of several is said once."""
    sessions: dict[str, list[str]] = {}
    for key, why in reasons.items():
        # Before the first ": " there may be the session's own file.
        begin, colon, rest = why.partition(": ")
        sessions.setdefault(rest if colon and begin.endswith(".nwb") else why, []).append(str(key))
    if len(sessions) == 1 and len(reasons) == number:
        return next(iter(sessions))
    return "; ".join(f"{', '.join(keys)}: {why}" for why, keys in sessions.items())


def _say_of_all(results: Results) -> None:
    """Say once what was noted of sessions: names that none of them knows, times of invalid spikes."""
    report = results.report
    done = report["notes"][report["status"] == "done"]
    notes = [{note for note in text.split("; ") if note.startswith("has no ")} for text in done]
    if notes and len(notes) == len(results):
        for note in sorted(set.intersection(*notes)):
            warnings.warn(f"every session {note}", NwbinWarning, stacklevel=2)
    invalid = len(results.warned(InvalidSpikesWarning))
    if invalid:
        warnings.warn(
            f"{invalid} of {counted(len(done), 'session')} {'has' if invalid == 1 else 'have'} times during which "
            "spikes of some probes are invalid (see invalid_times); they are not left out",
            InvalidSpikesWarning,
            stacklevel=2,
        )
