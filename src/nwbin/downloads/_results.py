"""What became of files that were to be downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nwbin._wording import counted
from nwbin.errors import NwbinError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DownloadError", "Downloaded", "Downloads"]


class DownloadError(NwbinError, RuntimeError):
    """Some files were not downloaded.

    Examples
    --------
    >>> try:
    ...     nwbin.downloads.Downloads([]).raise_if_failed()
    ... except nwbin.downloads.DownloadError as error:
    ...     print(error)
    """


@dataclass(frozen=True)
class Downloaded:
    """What became of one file.

    Attributes
    ----------
    path
        Where it is, or would be.
    address
        Where it came from, without what is secret in it.
    status
        "done", "kept" (it was there already), "failed", or "absent" (a table that the server does not have).
    size
        Bytes; 0 where that is not known.
    got
        Bytes that came over the network now.
    seconds
        What it took.
    checked
        "sha256": its digest is the one that it should have. "size": that there is no digest to compare with, only the
        length, and the server's mark (ETag), which stayed the same. "": not looked at.
    error
        Why it failed.

    Examples
    --------
    >>> done = nwbin.download(715093703, "ecephys_cache_dir")                   # doctest: +SKIP
    >>> done[0].status, done[0].checked                                         # doctest: +SKIP
    ('done', 'sha256')
    """

    path: Path
    address: str
    status: str
    size: int = 0
    got: int = 0
    seconds: float = 0.0
    checked: str = ""
    error: str = ""


class Downloads(Sequence[Downloaded]):
    """What became of all files, in the order in which they were asked for.

    A file that failed did not stop the others: see :attr:`failed` and :meth:`raise_if_failed`.

    Examples
    --------
    >>> done = nwbin.download([715093703, 766640955], "ecephys_cache_dir")      # doctest: +SKIP
    >>> done.raise_if_failed()                                                  # doctest: +SKIP
    >>> [nwbin.open(path) for path in done.paths]                               # doctest: +SKIP
    """

    def __init__(self, files: Sequence[Downloaded]) -> None:
        self._files = tuple(files)

    @overload
    def __getitem__(self, at: int) -> Downloaded: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Downloaded, ...]: ...
    def __getitem__(self, at: Any) -> Any:
        return self._files[at]

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        statuses = [one.status for one in self._files]
        said = [f"{statuses.count(one)} {one}" for one in dict.fromkeys(statuses)]
        return f"<nwbin.downloads.Downloads: {', '.join(said) or 'none'}>"

    @property
    def paths(self) -> list[Path]:
        """Where the files are: those that are there."""
        return [one.path for one in self._files if one.status in ("done", "kept")]

    @property
    def failed(self) -> dict[str, str]:
        """Address -> why the file at it was not downloaded."""
        return {one.address: one.error for one in self._files if one.status == "failed"}

    @property
    def report(self) -> pd.DataFrame:
        """A row a file: what :class:`Downloaded` has."""
        import pandas as pd

        names = ("address", "status", "size", "got", "seconds", "checked", "error")
        columns = {name: [getattr(one, name) for one in self._files] for name in names}
        return pd.DataFrame(columns, index=pd.Index([str(one.path) for one in self._files], name="path"))

    def raise_if_failed(self) -> None:
        """Raise a DownloadError that says which files failed, and why, if any did."""
        if self.failed:
            lines = "\n".join(f"  {why}" for why in self.failed.values())
            raise DownloadError(
                f"{len(self.failed)} of {counted(len(self), 'file')} failed (the same call tries only them "
                f"again):\n{lines}"
            )
