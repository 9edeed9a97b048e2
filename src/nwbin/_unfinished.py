"""Names of what is not finished yet, beside the place where it will be; and the removal of what nobody finishes.

``.<name>.<host><boot>-<pid>-<started>-<token>.part`` says who writes it, so that the next writer of the same place can
tell what a killed one has left from what another one is about to finish.
"""

from __future__ import annotations

import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from nwbin._processes import Owner, this_process

__all__ = ["clear_unfinished", "remove", "unfinished_name"]

_NAMED = re.compile(r"\.([0-9a-f]{8})([0-9a-f]{8})-(\d{1,12})-(\d{1,20})-[0-9a-f]{12}\.part")
_OF_OLDER_VERSIONS = re.compile(r"\.[0-9a-f]{8}(?:[0-9a-f]{4}|-\d{1,12}-\d{1,20}-[0-9a-f]{12})?\.part")
_A_WEEK = 7 * 24 * 3600.0


def unfinished_name(target: Path) -> Path:
    """Return a name beside a path to write to until it is finished; nobody else's, threads included."""
    owner = this_process()
    return target.with_name(
        f"{_begin(target)}.{owner.host}{owner.boot}-{owner.pid}-{owner.started}-{uuid.uuid4().hex[:12]}.part"
    )


def _begin(target: Path) -> str:
    return f".{target.name[:50]}"  # names have 255 bytes at most


def clear_unfinished(target: Path) -> None:
    """Remove what writers of a path that are no more have left beside it.

    What a living process writes stays. What another machine's process wrote, or an older version of nwbin that
    did not say who, stays until nothing in it has changed for a week. What cannot be removed is no error.
    """
    begin = _begin(target)
    try:
        found = [path for path in target.parent.iterdir() if path.name.startswith(begin)]
    except OSError:
        return
    for path in found:
        if _is_left(path, path.name[len(begin) :]):
            aside = unfinished_name(target)
            with suppress(OSError):
                path.rename(aside)  # at once: its writer may have left behind a process that still uses it
                remove(aside)


def _is_left(path: Path, rest: str) -> bool:
    named = _NAMED.fullmatch(rest)
    if not named and not _OF_OLDER_VERSIONS.fullmatch(rest):
        return False
    try:
        changed = path.lstat().st_mtime
    except OSError:
        return False
    if named:
        owner = Owner(named[1], named[2], int(named[3]), int(named[4]))
        if owner.is_gone(changed):
            return True
        if owner.is_here:
            return False
    return time.time() - changed > _A_WEEK


def remove(path: Path) -> None:
    """Remove a file or a folder; a link, not what it leads to. What cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
