"""``nwbin report``: a session, or a folder of them, as pages for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nwbin._wording import counted
from nwbin.cli._counting import FolderOptions
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileOrFolderArgument, is_folder
from nwbin.cli._json import JsonOption, put_json, say_written

if TYPE_CHECKING:
    from nwbin.dataset import Results

__all__ = ["report"]

_STATUSES = {"done": "made", "kept": "there already", "failed": "failed"}


@expanded
def report(
    file: FileOrFolderArgument,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="PAGE",
            help="Ends in .html. Of a folder it is the index; the pages lie beside it, in PAGE_sessions.",
        ),
    ] = Path("report.html"),
    as_json: JsonOption = False,
    *,
    folder: FolderOptions,
) -> None:  # fmt: skip
    """Write a page about a session: what it holds, its faults, units, responses; with the code for each number.

    One file for any browser, with everything inside, that asks no network
    for anything. Counts are of the units that pass the default filters.
    Of a folder, a page for each session and an index of them; run again,
    the command makes only what is missing or has changed.

    \b
    Examples:
      nwbin report session.nwb -o report.html
      nwbin report ecephys_cache_dir -o reports.html
    """
    from nwbin._atomic import check_target
    from nwbin._optional import need_all
    from nwbin.report import report as write_report

    check_target(out, [".html", ".htm"])
    need_all({"jinja2": "report", "matplotlib": "report"}, f"{out}: a report")
    replaced = out.exists()
    if is_folder(file):
        _of_folder(file, out, folder, as_json=as_json, replaced=replaced)
        return
    folder.refuse_for_file(file)
    from nwbin._atomic import size_text
    from nwbin.cli._console import progress

    with progress("report") as told:
        write_report(file, out, progress=told)
    said = f"a page of {size_text(out.stat().st_size)}; open it in a browser"
    say_written(out, said, replaced=replaced, as_json=as_json)


def _of_folder(folder: Path, out: Path, many: FolderOptions, *, as_json: bool, replaced: bool) -> None:
    from nwbin.cli._folder import _client
    from nwbin.report import report_folder

    with _client(many.scheduler) as client:
        results = report_folder(
            folder, out, sessions=many.session_ids(), client=client, workers=many.workers,
            overwrite=many.overwrite,
        )  # fmt: skip
    _say(out, results, as_json=as_json, replaced=replaced)


def _say(out: Path, results: Results, *, as_json: bool, replaced: bool) -> None:
    """Say what became of the sessions; raise where not all have a page."""
    from nwbin.cli._console import output
    from nwbin.cli._folder import failure_of, in_words

    if as_json:
        sessions = results.report[["status", "error"]].to_dict(orient="index")
        put_json(
            {"output": str(out), "replaced": replaced, "sessions": {str(k): v for k, v in sessions.items()}}
        )
    else:
        number, became = counted(len(results.report), "session"), in_words(results, _STATUSES)
        place = "" if results.path is None else f", pages in {results.path.name}"
        output().print(
            f"{out}{' (replaced)' if replaced else ''}: {number}: {became}{place}",
            soft_wrap=True,
        )
    if results.failed:
        raise failure_of(results)
