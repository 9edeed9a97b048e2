"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from nwbin._unfinished import clear_unfinished, remove, unfinished_name
from nwbin.errors import ArgumentError, FileAccessError, MissingFileError, nearest

__all__ = ["atomic_write", "check_space", "check_target", "one_of", "size_text", "writing"]

Name = TypeVar("Name", bound=str)


def check_target(path: str | os.PathLike[str], endings: Iterable[str]) -> tuple[Path, str]:
    """Refuse, before any work is done, a file that could not be written in the end.

    Returns the path and its ending in small letters.
    """
    target, known = Path(path), list(endings)
    ending = target.suffix.lower()
    if ending not in known:
        found = f"ends in {ending!r}" if ending else "has no ending"
        raise ArgumentError(f"{target}: {found}; the ending says the format: {', '.join(known)}")
    folder = target.parent
    if not folder.is_dir():
        raise MissingFileError(f"{target}: there is no folder {str(folder)!r}; make it first")
    if target.is_dir():
        raise FileAccessError(f"{target}: is a folder; give the name of a file")
    if not os.access(folder, os.W_OK):
        raise FileAccessError(f"{target}: the folder {str(folder)!r} cannot be written to")
    return target, ending


_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def size_text(number: float) -> str:
    """A number of bytes, as one says it: 1.74 GB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:,.0f} {unit}" if unit == "B" or number >= 1000 else f"{number:.3g} {unit}"


def check_space(target: Path, least: int) -> None:
    """Refuse, before any work is done, an output of at least so many bytes that the disk has no room for."""
    disk = shutil.disk_usage(target.parent)
    if least > disk.free and disk.total:  # some network file systems say 0 of everything
        raise FileAccessError(
            f"{target}: needs at least {size_text(least)}, and its disk has {size_text(disk.free)} free; choose fewer "
            "presentations, bins or units, a smaller dtype, a format that compresses, or another disk"
        )


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Say of a disk that turns out to be full which file it was, whichever library met it, in one line."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        code = getattr(error, "errno", None)
        said = re.search(
            r"errno = (\d+)", str(error)
        )  # HDF5's, where its library gives no more than the text
        if code is None and said:
            code = int(said[1])
        if code not in _FULL:
            raise
        raise FileAccessError(
            f"{target}: cannot be written: {os.strerror(code)}; make room, or give a name on another disk"
        ) from error


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside `path` to write to, and rename it to `path` at the end.

    On any failure, Ctrl-C included, what was written is removed, and a file that was at `path` before is as
    it was. What an earlier process that was killed has left unfinished beside it is removed, too.

    Parameters
    ----------
    path
        The file (or folder) to be made. Its folder must exist. A file that is there is replaced, a folder never.

    Yields
    ------
    pathlib.Path
        Where to write. It does not exist yet.

    Examples
    --------
    >>> with atomic_write("rates.txt") as unfinished:
    ...     unfinished.write_text("1 2 3")
    """
    target = Path(path)
    clear_unfinished(target)
    unfinished = unfinished_name(target)
    try:
        with writing(target):
            yield unfinished
        if target.is_dir():
            raise FileAccessError(f"{target}: is a folder, which is not replaced; give another name")
        unfinished.replace(target)
    except OSError as error:
        if error.filename is None or str(unfinished) not in str(error.filename):
            raise
        # The temporary name means nothing to the reader.
        raise FileAccessError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        remove(unfinished)


def one_of(what: str, value: str, known: Iterable[Name]) -> Name:
    """Return a value that is one of a few, or raise an error that names them."""
    names = list(known)
    for name in names:
        if name == value:
            return name
    raise ArgumentError(f"{what} {value!r} is not known; {nearest(value, names)}")
