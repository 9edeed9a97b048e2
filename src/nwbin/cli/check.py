"""``nwbin check``: everything found in a file at once, or in each file of a folder."""

from __future__ import annotations

import json
import os

import typer

from nwbin._wording import counted
from nwbin.cli._files import FileOrFilesArgument, is_folder, refuse_folder_address
from nwbin.cli._json import JsonOption

__all__ = ["check"]


def check(
    file: FileOrFilesArgument,
    as_json: JsonOption = False,
) -> None:
    """Report everything that is wrong with a file, not only the first fault.

    Of a folder, each of its files. Errors: something cannot be read, or is
    wrong. Warnings: probably not what was meant. Notes: worth knowing.
    Ends with 0 where there is no error, with 1 where there is one, and
    with 2 where there is nothing to look at: no such file, or no
    permission to read it.

    \b
    Examples:
      nwbin check session_715093703.nwb
      nwbin check ecephys_cache_dir --json > findings.json
    """
    from nwbin.check import check as check_file
    from nwbin.cli._app import still_wanted
    from nwbin.cli._console import put
    from nwbin.dataset.folder_overview import nwb_files
    from nwbin.storage.opening import check_path
    from nwbin.storage.stores import is_store

    if not is_folder(file):
        if isinstance(file, str):
            from nwbin.nwb.file import File

            File(file).close()  # says it, where nothing can be read there
        elif not (is_store(file) or (file.is_file() and os.access(file, os.R_OK))):
            check_path(file)  # says what it is instead
        report = check_file(file)
        put(report.to_json() if as_json else str(report))
        if not report.ok:
            raise typer.Exit(1)
        return
    refuse_folder_address(file, "check")
    reports = []
    folder = file if file.is_dir() else file.parent
    for one in nwb_files(file):
        still_wanted()
        # By the name that was given of the folder, as a single file is.
        reports.append(check_file(folder / one.relative_to(folder.resolve())))
        if not as_json:
            put(str(reports[-1]))
    bad = sum(not report.ok for report in reports)
    if as_json:
        found = {"folder": str(file), "ok": not bad, "files": [report.to_dict() for report in reports]}
        put(json.dumps(found, indent=2, ensure_ascii=True))
    else:
        put(f"{file}: {counted(len(reports), 'file')}, {bad or 'none'} with errors")
    if bad:
        raise typer.Exit(1)
