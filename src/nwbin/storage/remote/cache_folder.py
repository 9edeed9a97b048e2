"""Where what was fetched from servers is kept between programs, how much of it, and whether that place is safe.

    NWBIN_CACHE_DIR     the folder; by default the one in which a user's programs keep such things
    NWBIN_CACHE_SIZE    how large it may get, such as 500MB; 0 or off: nothing is kept, and nothing kept is used

By default it is a folder in nwbin's, which has other things too: records of files, and tables of folders on servers.
The folder is for this alone, which a marker in it says (``CACHEDIR.TAG``, by which programs that make backups know to
leave it out): a folder that has anything in it but no such marker is neither used nor emptied. Nor is one used that
belongs to somebody else or that others can write to: they could make a file's numbers what they like.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import uuid
from pathlib import Path

from nwbin.errors import ArgumentError, FileAccessError, warn

__all__ = ["DEFAULT_SIZE", "DIR", "SIZE", "folder", "is_ours", "make", "refuse_unsafe", "size"]

DIR, SIZE = "NWBIN_CACHE_DIR", "NWBIN_CACHE_SIZE"
DEFAULT_SIZE = 10_000_000_000

MARKER = "CACHEDIR.TAG"
_MARK = b"""Signature: 8a477f597d28d172789f06886806bc55
# nwbin keeps parts of files on servers here: nwbin cache shows what, nwbin cache --clear empties it.
# parts of files, as nwbin keeps them: 1
"""
_UNFINISHED = ".part"
_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000 ** (k + 1) for k, letter in enumerate("KMGT")}
_UNITS |= {f"{letter}IB": 1024 ** (k + 1) for k, letter in enumerate("KMGT")}
_UNITS |= {letter: 1000 ** (k + 1) for k, letter in enumerate("KMGT")}

_said: set[str] = set()


def size() -> int:
    """Return how many bytes may be kept; 0 for none at all."""
    given = os.environ.get(SIZE, "").strip()
    if not given:
        return DEFAULT_SIZE
    if given.lower() in ("off", "no", "none", "false"):
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]{0,3})", given)
    if match is None or match[2].upper() not in _UNITS:
        raise ArgumentError(
            f"{SIZE} is {given!r}, which is no size; write 10GB, 500MB, or 0 to keep nothing of files on servers"
        )
    return int(float(match[1]) * _UNITS[match[2].upper()])


def folder() -> Path:
    """Return the folder, which need not be there."""
    given = os.environ.get(DIR)
    if given:
        return Path(given).expanduser().absolute()
    home = Path.home()  # RuntimeError where there is none
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "nwbin" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "nwbin" / "remote"
    given = os.environ.get("XDG_CACHE_HOME", "")
    # One that is not absolute counts for nothing, by the rules of it.
    return (Path(given) if Path(given).is_absolute() else home / ".cache") / "nwbin" / "remote"


def is_ours(place: Path) -> bool:
    """Whether a folder has the marker; raises OSError where it cannot be looked at."""
    try:
        with (place / MARKER).open("rb") as stream:
            return stream.read(len(_MARK) + 1) == _MARK
    except FileNotFoundError:
        return False


def make() -> Path | None:
    """Return the folder, made and marked; None, with a warning once, where it cannot be used."""
    place = None
    try:
        place = folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_unsafe(place)
        if not is_ours(place):
            try:
                _mark(place)
            except OSError:
                if not is_ours(place):  # another process may have marked it meanwhile, and put something in
                    raise
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        _say(place, error)
        return None
    return place


def _mark(place: Path) -> None:
    """Mark a folder as nwbin's; one in which something lies already is somebody else's."""
    others = [one.name for one in place.iterdir() if not one.name.endswith(_UNFINISHED)]
    if others and others != [MARKER]:
        raise FileAccessError(f"it holds {others[0]!r}, and was not made by nwbin")
    if others and (place / MARKER).stat().st_size:
        raise FileAccessError(f"its {MARKER} is not nwbin's")
    unfinished = place / f".{uuid.uuid4().hex}{_UNFINISHED}"
    unfinished.write_bytes(_MARK)
    unfinished.replace(place / MARKER)


def refuse_unsafe(place: Path) -> None:
    """Raise OSError unless a folder is this user's, and no other can write to it."""
    if not hasattr(os, "geteuid"):  # Windows: folders of a user are that user's
        return
    found = place.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise FileAccessError("it is another user's, or others can write to it")


def _say(place: Path | None, error: Exception) -> None:
    """Say, once, that nothing is kept."""
    where = "" if place is None else f" in {str(place)!r}"
    if where in _said:
        return
    _said.add(where)
    why = (
        (getattr(error, "strerror", None) or str(error)) if isinstance(error, OSError) else "there is no home"
    )
    warn(
        f"nothing that is fetched from servers can be kept{where} ({why}): it is fetched each time; set {DIR} to a "
        f"folder of your own that is empty or not there yet, or {SIZE}=0 to keep nothing"
    )
