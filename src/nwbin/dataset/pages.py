"""Jobs over all sessions that make a page of text each, such as reports: whole or not at all, and taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nwbin.dataset._jobs import _path
from nwbin.dataset._result_files import _Folder
from nwbin.dataset._stamps import Stamp

if TYPE_CHECKING:
    from nwbin.binning import Progress
    from nwbin.dataset._dataset import Dataset
    from nwbin.dataset._results import Results
    from nwbin.session import Session
    from nwbin.storage.opening import StrPath

__all__ = ["PageFolder", "PageWork", "write_pages"]


class PageWork(Protocol):
    """What makes a session's page. It can be pickled, on its way to a worker."""

    def spec(self) -> dict[str, Any]:
        """Say in plain values what is made: pages are taken up again where this is the same."""

    def run(self, session: Session, threads: int | None, progress: Progress) -> str:
        """Make the page; `progress` is called with (done, in all)."""


class PageFolder(_Folder):
    """A folder of pages, ``session_<id>.html``."""

    endings = (".html",)

    def _write(self, part: Path, key: int | str, value: str, stamp: Stamp) -> Path:
        path = part.with_name(f"{part.name}.html")
        path.write_text(value, encoding="utf-8", newline="\n")
        return path

    def load(self, key: int | str) -> str:
        """Read a page."""
        return self._found(key)[0].read_text(encoding="utf-8")


def write_pages(
    data: Dataset, work: PageWork, out: StrPath, *, sessions: Any = None, **options: Any
) -> Results:
    """Make a page of each session of a data set, into a folder.

    Parameters
    ----------
    data
        The sessions.
    work
        What makes a page.
    out
        The folder. The same job on the same folder makes only what is missing, failed, or of a file that has changed.
    sessions, **options
        See :class:`nwbin.Dataset`.

    Returns
    -------
    Results
        The pages by session id; :func:`nwbin.report.report_folder` makes such.
    """
    return data._jobs._run(work, PageFolder(_path(out)), sessions, "pages", options)
