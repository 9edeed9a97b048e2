"""What became of a job, said once for all sessions of which it is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nwbin._wording import be, counted, first_of
from nwbin.errors import InvalidSpikesWarning, LateWindowsWarning, NwbinWarning, OverlapWarning, warn
from nwbin.nwb import schema
from nwbin.nwb.file import File

if TYPE_CHECKING:
    from nwbin.dataset._dataset import Dataset
    from nwbin.dataset._results import Results
    from nwbin.responses.hints import Hints

__all__ = ["reasons_together", "units_in_no_session", "warn_of_all"]

_SHOWN = 3  # reasons that differ; of more, only how many

# What is said of the sessions that were warned of something, in few words: each of them has its own.
_KINDS: dict[type[NwbinWarning], str] = {
    OverlapWarning: "time windows of neighbouring rows that overlap or are not in order of time; a spike counts in "
    "every window that it lies in",
    LateWindowsWarning: "windows that start after the last spike of these units",
    InvalidSpikesWarning: "times during which spikes of some probes are invalid (see invalid_times); they are not left "
    "out",
}


def reasons_together(reasons: Mapping[Any, str], number: int) -> str:
    """Say why sessions failed, or have nothing.

    Parameters
    ----------
    reasons
        By session id, such as :attr:`Results.failed` and :attr:`Results.passed_over`.
    number
        Of sessions in all: what is true of every one of them needs none of their ids.
    """
    sessions: dict[str, list[str]] = {}
    for key, why in reasons.items():
        # Before the first ": " there may be the session's own file.
        begin, colon, rest = why.partition(": ")
        sessions.setdefault(rest if colon and begin.endswith(".nwb") else why, []).append(str(key))
    if len(sessions) == 1 and len(reasons) == number:
        return next(iter(sessions))
    said = [f"{', '.join(keys)}: {why}" for why, keys in sessions.items()]
    if len(said) > _SHOWN + 1:
        more = sum(map(len, list(sessions.values())[_SHOWN:]))
        said[_SHOWN:] = [f"and {counted(more, 'more session')} for reasons of their own"]
    return "; ".join(said)


def units_in_no_session(data: Dataset, results: Results, unit_ids: Sequence[int], hints: Hints) -> list[str]:
    """Say which units that were asked for are in no result, and whether any session of the job has them."""
    missing = set(unit_ids).difference(*(_units_of(results[key]) for key in results))
    if not missing:
        return []
    stored: set[int] = set()
    for path in data.files.loc[list(results.report.index), "path"]:
        with File(path) as file:
            if file.has(schema.UNITS):
                stored.update(file.unit_ids.tolist())
    unknown, out = ([one for one in unit_ids if one in part] for part in (missing - stored, missing & stored))
    said = []
    if unknown:
        said.append(f"no session has {'unit' if len(unknown) == 1 else 'units'} {first_of(unknown)}")
    if out:
        said.append(
            f"{'unit' if len(out) == 1 else 'units'} {first_of(out)} {be(len(out))} left out everywhere, "
            f"by the filters ({hints.every_unit} is for none of them) or what else was asked for"
        )
    return said


def _units_of(result: Any) -> list[Any]:
    """The ids of the units that a result has: a table by unit, or a group with an array of them."""
    by_unit = getattr(getattr(result, "index", None), "name", None) == "unit_id"
    ids: Any = result.index if by_unit else result["unit_id"]
    found: list[Any] = ids.to_numpy().tolist()
    return found


def warn_of_all(results: Results) -> None:
    """Say once what was noted of sessions: names that none of them knows, odd windows, times of invalid spikes."""
    report = results.report
    done = report["notes"][report["status"] == "done"]
    notes = [{note for note in text.split("; ") if note.startswith("has no ")} for text in done]
    if notes and len(notes) == len(results):
        for note in sorted(set.intersection(*notes)):
            warn(f"every session {note}")
    for kind, what in _KINDS.items():
        if number := len(results.warned(kind)):
            warn(
                f"{number} of {counted(len(done), 'session')} {'has' if number == 1 else 'have'} {what}", kind
            )
