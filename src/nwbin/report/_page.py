"""A session's page, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from nwbin._atomic import atomic_write, check_target
from nwbin._optional import need
from nwbin.errors import ArgumentError
from nwbin.report._about import problems, session_facts
from nwbin.report._fields import receptive_fields
from nwbin.report._html import render
from nwbin.report._parts import Code, Facts, Part, Section
from nwbin.report._recording import Recording
from nwbin.report._responses import responses
from nwbin.report._stimuli import population_rate, running, stimuli
from nwbin.report._text import cell, hours
from nwbin.report._units import units
from nwbin.session import Session, open
from nwbin.session.selectable import SelectableSession
from nwbin.storage.addresses import is_address
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    from nwbin.binning import Progress

__all__ = ["ENDINGS", "page", "report", "write_page"]

ENDINGS = (".html", ".htm")
_STEPS = 11  # that do not hang on how many stimuli there are


def report(source: StrPath | BinaryIO | Session, out: StrPath, *, progress: Progress | None = None) -> Path:
    """Write what a session holds, is worth and answers as one page that a browser opens anywhere.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or Session
        The file: its path or address. Or a session, with the unit filters that it was opened with.
    out
        The page, ``.html``: one file with its style, script and pictures inside, which asks no network for anything.
        It appears whole or not at all; one that is there is replaced.
    progress
        Called with (parts done, parts in all).

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    MissingDependencyError
        Jinja2 or matplotlib is not installed (extra "report").
    ArgumentError
        `out` does not end in .html, or `source` is a folder (see :func:`report_folder`).
    FileAccessError, FormatError
        The file cannot be read at all, or the page not be written. What is wrong within a file is said on its page.

    Notes
    -----
    Counts are of the units that pass the session's filters; spikes count in [a, b). Working set: what is counted for
    one stimulus at a time, and the page.

    Examples
    --------
    >>> nwbin.report.report("session.nwb", "report.html")
    """
    target, _ = check_target(out, ENDINGS)
    if isinstance(source, Session):
        write_page(page(source, progress=progress), target)
        return target
    if isinstance(source, str | Path) and not is_address(source) and Path(source).is_dir():
        raise ArgumentError(
            f"{source}: is a folder; nwbin.report.report_folder writes a page for each session in it"
        )
    with open(source) as session:
        text = page(session, progress=progress)
    write_page(text, target)
    return target


def write_page(text: str, target: Path) -> None:
    """Write a page, whole or not at all."""
    with atomic_write(target) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


class _Steps:
    """Counts the parts that are done."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress
        self()

    def __call__(self) -> None:
        if self._progress is not None:
            self._progress(min(self._done, self._total - 1), self._total)
        self._done += 1

    def finish(self) -> None:
        """All are done, or had nothing to do."""
        if self._progress is not None:
            self._progress(self._total, self._total)


def page(
    session: Session,
    *,
    progress: Progress | None = None,
    opened: str = "",
    back: tuple[str, str] | None = None,
) -> str:
    """Make a session's page, as text.

    Parameters
    ----------
    session
        The session, with its unit filters.
    progress
        Called with (parts done, parts in all).
    opened
        The lines of code that set `path` and open the session, as the page shows them; by default :func:`nwbin.open`
        of the file's own name.
    back
        A page to go back to: its address, and what it is.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    MissingDependencyError
        Jinja2 or matplotlib is not installed (extra "report").

    Examples
    --------
    >>> text = nwbin.report.page(session)                                                # doctest: +SKIP
    """
    need("jinja2", "report", "a report")
    need("matplotlib", "report", "a report")
    recording, first = Recording(session, lambda: None, opened), list[Part]()
    with recording.saying(first, "The stimuli"):
        _ = recording.stimuli  # read here: what is warned of is said on the page
    recording.step = steps = _Steps(_STEPS + len(recording.stimuli), progress)
    found, numbers = problems(recording)
    recording.step()
    sections = [Section("session", "Session", [*session_facts(recording), *first])]
    recording.step()
    sections.append(Section("problems", "Problems", found))
    parts: tuple[tuple[str, str, Callable[[Recording], list[Part]]], ...] = (
        ("stimuli", "Stimuli", stimuli),
        ("units", "Units", units),
        ("responses", "Responses", responses),
        ("receptive-fields", "Receptive fields", receptive_fields),
        ("running", "Running", running),
        ("rate", "Population rate", population_rate),
    )
    for key, title, make in parts:
        sections.append(Section(key, title, make(recording)))
        recording.step()
    sections.append(Section("made", "How this page was made", _made(recording)))
    steps.finish()
    return render(
        title=f"Session {cell(recording.number, longest=80)}", lead=_lead(recording), sections=sections,
        summary=_summary(recording, numbers), back=back,
    )  # fmt: skip


def _lead(recording: Recording) -> str:
    institution, synthetic = (
        recording.session.file.institution,
        "synthetic data" if recording.synthetic else "",
    )
    # Made up data name none: "none: synthetic data".
    said = [
        recording.session.session_type,
        None if synthetic and synthetic in (institution or "") else institution,
    ]
    return ", ".join(cell(one, longest=120) for one in (synthetic, *said) if one)


def _made(recording: Recording) -> list[Part]:
    from nwbin import __version__

    applied = SelectableSession(recording.session).filters_applied() if recording.has_units else "none"
    filters = (
        applied if isinstance(applied, str) else ", ".join(f"{name} {at}" for name, at in applied.items())
    )
    # Afresh: what was said of a session once is not said again.
    opening = recording.opened.splitlines()[-1].removeprefix("session = ")
    source = opening if recording.session.filters.changed() else "path"
    return [
        Facts([
            ("Made by", f"nwbin {__version__}"),
            ("From", recording.name),
            ("Filters of units", filters),
            ("Spikes count", "in [from, to), whatever the presentation overlaps"),
        ]),
        Code(
            f"nwbin.report.report({source}, 'report.html')"
            f"{recording.command('or: nwbin report FILE -o report.html')}"
        ),
    ]  # fmt: skip


def _summary(recording: Recording, numbers: dict[str, int]) -> dict[str, Any]:
    """What an index says of this page."""
    found: dict[str, Any] = {
        "session": recording.number, "type": recording.session.session_type or "", "file": recording.name,
        "synthetic": recording.synthetic, "stimuli": len(recording.stimuli), "problems": numbers, "units": None,
        "passing": None, "length": None, "identity": None,
    }  # fmt: skip
    ignored: list[Part] = []
    with recording.saying(ignored, ""):
        if recording.has_units:
            found |= {"units": len(recording.every_unit[0]), "passing": len(recording.passing)}
        span = recording.overview.span
        found["length"] = None if span is None else hours(span[1] - span[0])
        if recording.has_units:
            said = recording.summary
            spikes = said["units"].get("spikes")
            found["identity"] = [recording.session.file.identifier, said["start"], found["units"], spikes]
    return found
