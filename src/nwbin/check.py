"""Everything that is wrong with a file, found at once: ``nwbin check FILE``.

Reading stops at the first fault it meets. This looks on, and gives what it finds as data.
"""

from __future__ import annotations

from typing import BinaryIO

from nwbin.allen.checks import check_session
from nwbin.errors import NwbinError
from nwbin.nwb.file import File
from nwbin.nwb.file_checks import check_file
from nwbin.nwb.findings import Finding, Findings, Report
from nwbin.storage.addresses import shown_path
from nwbin.storage.opening import StrPath

__all__ = ["Finding", "Report", "check"]


def check(source: StrPath | BinaryIO) -> Report:
    """Look at everything that nwbin reads of a file, and at every object's place and shape.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        The file: its path or address.

    Returns
    -------
    Report
        A file that cannot be opened is a finding too, not an exception.

    Notes
    -----
    All of the spike times and of the tables' flat columns is read; of other data in the file only the shapes are
    looked at. Working set: of the spike times a megabyte or, where they are compressed, three chunks a thread; one
    column of a table, with the times of an intervals table.

    Examples
    --------
    >>> print(nwbin.check.check("session.nwb"))
    """
    try:
        file = File(source)
    except NwbinError as error:
        findings = Findings(shown_path(source))
        findings.caught("", error)
        return findings.report()
    with file:
        findings = Findings(file.name)
        check_session(file, findings, check_file(file, findings))
        return findings.report()
