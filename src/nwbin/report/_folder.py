"""Pages of all sessions of a folder, and an index of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nwbin import __version__
from nwbin._atomic import check_target
from nwbin._optional import need
from nwbin._wording import counted
from nwbin.allen.unit_filters import UnitFilters
from nwbin.dataset import Dataset
from nwbin.dataset.folder_overview import nwb_files
from nwbin.dataset.pages import PageFolder, write_pages
from nwbin.errors import LookupFailure
from nwbin.report._html import render, summary_in
from nwbin.report._page import ENDINGS, page, write_page
from nwbin.report._parts import Code, Facts, Link, Note, Part, Section, Table
from nwbin.report._recording import as_arguments
from nwbin.report._text import ABSENT, cell
from nwbin.storage.addresses import is_address
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    from nwbin.binning import Progress
    from nwbin.dataset import Results
    from nwbin.session import Session

__all__ = ["pages_beside", "report_folder"]

# Raise it when pages are made in another way: those of earlier versions are then made again.
_MEANING = 3


@dataclass(frozen=True)
class _SessionPage:
    """Make one session's page: a :class:`nwbin.dataset.pages.PageWork`."""

    index: str  # the address of the index, from the page
    root: str  # the folder, on this machine
    folder: str  # how the pages' code calls it
    tables: bool  # whether those of the folder say more of a session than its file

    def spec(self) -> dict[str, Any]:
        return {
            "job": "report", "meaning": _MEANING, "version": __version__, "index": self.index, "folder": self.folder,
        }  # fmt: skip

    def run(self, session: Session, threads: int | None, progress: Progress) -> str:
        opened = self._opened(session)
        return page(session, progress=progress, opened=opened, back=(self.index, "All sessions"))

    def _opened(self, session: Session) -> str:
        """The lines that open the session, from wherever whoever has the page has the folder."""
        if session.file.path is None:  # on a server: its address is the same for everybody
            return ""
        within = "/" + Path(os.path.relpath(session.file.path, self.root)).as_posix()
        how = "nwbin.open(path)"
        if self.tables:
            how = f"nwbin.Dataset(folder).get_session_data({session.ecephys_session_id!a})"
        return f"{_folder_line(self.folder)}\npath = folder + {within!a}\nsession = {how}"


def _folder_line(folder: str) -> str:
    where = "" if is_address(folder) else "  # the folder of the sessions: its path on your machine"
    return f"folder = {folder!a}{where}"


def _called(data: Dataset, out: Path) -> str:
    """How code calls the folder: its path from where the index lies, or its name; never where that is on a disk."""
    if data.address is not None:
        return data.address
    here = out.parent.resolve()
    if data.root.is_relative_to(here):
        return data.root.relative_to(here).as_posix()
    return data.root.name or data.root.as_posix()


def pages_beside(out: Path) -> Path:
    """The folder in which the pages of an index lie."""
    return out.with_name(f"{out.stem}_sessions")


def report_folder(
    folder: StrPath | Dataset, out: StrPath, *, sessions: Any = None, **options: Any
) -> Results:
    """Write a page for each session of a folder, and an index of them.

    Parameters
    ----------
    folder
        An AllenSDK cache, a DANDI download, or any folder of NWB files.
    out
        The index, such as ``reports.html``. The pages go into a folder beside it, ``reports_sessions``: both have to
        be passed on together.
    sessions, **options
        Which sessions, and how: see :class:`nwbin.Dataset` (workers, client, overwrite, progress, unit filters).

    Returns
    -------
    Results
        The pages by session id. What failed is in the index too, with the reason.

    Raises
    ------
    LookupFailure
        The folder has no sessions, or none of those asked for.
    MissingDependencyError
        Jinja2 or matplotlib is not installed (extra "report").
    ArgumentError, FileAccessError
        `out` does not end in .html, or cannot be written; there is something that is no page of such a job.

    Notes
    -----
    The same line run again makes only the pages that are missing, that failed, or of files that have changed. Each
    page, and the index, appears whole or not at all.

    Examples
    --------
    >>> done = nwbin.report.report_folder("ecephys_cache_dir", "reports.html", workers=0, progress=False)
    >>> done.failed
    {}
    """
    need("jinja2", "report", "a report")
    need("matplotlib", "report", "a report")
    target, _ = check_target(out, ENDINGS)
    data = folder if isinstance(folder, Dataset) else Dataset(folder)
    if not data.session_ids:
        raise LookupFailure(f"{data.address or data.root}: holds no NWB files with units")
    called = _called(data, target)
    work = _SessionPage(f"../{quote(target.name)}", str(data.root), called, data.kind == "allen")
    beside = pages_beside(target)
    results = write_pages(data, work, beside, sessions=sessions, **options)
    if not len(results.report):
        raise LookupFailure(
            f"{data.address or data.root}: none of its {counted(len(data.session_ids), 'session')} meets {sessions!r}"
        )
    known = {field.name for field in fields(UnitFilters)}
    filters = UnitFilters(**{name: value for name, value in options.items() if name in known}).changed()
    write_page(_index(data, called, results, beside, filters), target)
    return results


def _index(data: Dataset, called: str, results: Results, beside: Path, filters: dict[str, Any]) -> str:
    paths = data.files["path"].to_dict()
    summaries = {key: summary_in(results[key]) for key in results}
    failed = results.failed
    copies = _copies(summaries, paths)
    number = len(results.report) - len(copies)
    once = {key: one for key, one in summaries.items() if key not in copies}
    parts: list[Part] = [
        Facts([
            ("sessions", f"{number:,}"),
            ("units that pass", f"{_total(once, 'passing'):,}"), ("units", f"{_total(once, 'units'):,}"),
            ("cannot be read", f"{len(failed):,}"),
        ], large=True),
    ]  # fmt: skip
    if copies:
        parts.append(Note(
            f"{counted(len(copies), 'file')} of the folder {'is a copy' if len(copies) == 1 else 'are copies'} of "
            "another: identifier, start, and numbers of units and spikes are the same. Each has its page, and the "
            "totals above count it once.", "bad",
        ))  # fmt: skip
    parts += [
        _sessions(results, summaries, paths, PageFolder(beside), copies),
        Code(
            f"import nwbin\n{_folder_line(called)}\ndata = nwbin.Dataset(folder)\ndata.get_session_table()\n"
            f"nwbin.report.report_folder(folder, 'reports.html'{as_arguments(filters)})"
            f"{'' if filters else '  # or: nwbin report FOLDER -o reports.html'}"
        ),
    ]
    sections = [Section("sessions", "Sessions", parts)]
    if failed:
        sections.append(
            Section("failed", "Sessions that cannot be read", [_failures(failed, paths, data.root)])
        )
    if others := len(_others(data, paths)):
        said = f"{counted(others, 'other NWB file')} of the folder: LFP, behaviour or images, without units."
        sections.append(Section("others", "Other files", [Note(said)]))
    name = data.address or data.root.name
    lead = f"{counted(number, 'session')} of {cell(name)}, made by nwbin {__version__}"
    synthetic = sum(bool(one.get("synthetic")) for one in summaries.values())
    if synthetic:
        lead += f"; synthetic data in {synthetic:,}"
    return render(title=f"Sessions of {cell(name, longest=80)}", lead=lead, sections=sections, summary={})


def _copies(summaries: dict[Any, dict[str, Any]], paths: dict[Any, str]) -> dict[Any, Any]:
    """Sessions that are copies of another, by id, and whose copy each is: of the one least deep in folders, and of
    the shortest name.
    """
    first: dict[str, Any] = {}
    found = {}
    for key in sorted(summaries, key=lambda one: (len(Path(paths[one]).parts), len(paths[one]), paths[one])):
        identity = summaries[key].get("identity")
        if not identity or not identity[0]:
            continue
        of = first.setdefault(repr(identity), key)
        if of != key:
            found[key] = of
    return found


def _total(summaries: dict[Any, dict[str, Any]], name: str) -> int:
    return sum(one[name] for one in summaries.values() if isinstance(one.get(name), int))


def _sessions(
    results: Results, summaries: dict[Any, dict[str, Any]], paths: dict[Any, str], folder: PageFolder,
    copies: dict[Any, Any],
) -> Table:  # fmt: skip
    rows: list[list[str | Link]] = []
    for key in results.report.index.tolist():
        said = summaries.get(key)
        if said is None:
            rows.append([cell(key), *[ABSENT] * 5, "cannot be read", Path(paths[key]).name])
            continue
        href = f"{quote(folder.root.name)}/{quote(folder.place(key).name)}.html"
        problems = said["problems"]
        held = [f"copy of {cell(copies[key])}"] if key in copies else []
        kinds = ("error", "warning", "note")
        held += [counted(problems[kind], kind) for kind in kinds if problems.get(kind)]
        found = ", ".join(held) or ("none" if problems else "not checked")
        rows.append([
            Link(cell(key), href), cell(said["type"]), cell(said["units"]), cell(said["passing"]),
            cell(said["stimuli"]), cell(said["length"]), found, cell(said["file"]),
        ])  # fmt: skip
    columns = ["Session", "Type", "Units", "Pass", "Stimuli", "Length", "Problems", "File"]
    caption = counted(len(rows), "file" if copies else "session")
    return Table(
        "sessions-table", caption, columns, rows, frozenset({2, 3, 4}), searched="sessions"
    )  # fmt: skip


def _failures(failed: dict[Any, str], paths: dict[Any, str], root: Path) -> Table:
    rows = [
        [
            cell(key),
            cell(Path(paths[key]).name),
            cell(why.replace(f"{paths[key]}: ", "").replace(str(root), root.name)),
        ]
        for key, why in failed.items()
    ]
    return Table("failed-table", counted(len(rows), "session"), ["Session", "File", "Why"], rows)


def _others(data: Dataset, paths: dict[Any, str]) -> list[Path]:
    known = {Path(one) for one in paths.values()}
    if any(map(is_address, paths.values())):  # on a server one looks for sessions only
        return []
    return [one for one in nwb_files(data.root) if one not in known]
