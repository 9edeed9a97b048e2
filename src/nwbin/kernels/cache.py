"""Where compiled functions are kept from one process to the next, and whether that place can be used.

Numba keeps them as pickles, and a pickle runs code as it is read: they are read from a folder that only its
user can write, or not at all. What cannot be read or written there, for whatever reason, is compiled without,
and said once. Only public names of Numba are used; one that lacks them keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nwbin.errors import NwbinError, warn
from nwbin.kernels.settings import config, numba, refuse_settings_here

__all__ = ["kept"]

_config: Any = config
_SOURCES = Path(__file__).parent
# Other kinds of the same array (owning its memory or not) are no other type for Numba: C order, aligned, writable.
_FLAGS = 0x501

_lock = threading.RLock()
_said: set[str] = set()


def _forget_lock() -> None:
    # In a forked child, a thread of the parent that held it is gone.
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def kept(
    function: Callable[..., Any],
    jit: Callable[..., Any],
    otherwise: Callable[[Exception], Callable[..., Any]] | None = None,
    **settings: Any,
) -> Callable[..., Any]:
    """The function, compiled on its first call with arguments of some types, or taken from the cache.

    jit : compiles a function, and takes ``cache=True``. settings : whatever else what is compiled hangs on.
    otherwise : gives, for what went wrong, what is called instead where the function cannot be compiled.

    Each tuple of types has a folder and an index of its own. Processes that compile at the same time then
    write the same, whichever is last; in an index that they share, Numba lets one name a file that
    another has filled with other types' code.
    """
    by_kinds: dict[Any, Any] = {}
    by_types: dict[Any, Any] = {}

    @wraps(function)
    def call(*arguments: Any) -> Any:
        kinds = tuple(map(_kind, arguments))
        compiled = by_kinds.get(kinds)
        if compiled is None:
            with _lock:
                types = tuple(map(numba.typeof, arguments))
                compiled = by_types.get(types)
                if compiled is None:
                    try:
                        compiled = _compiled(function, jit, types, settings)
                    except NwbinError:
                        raise
                    except Exception as error:
                        if otherwise is None:
                            raise
                        compiled = otherwise(error)
                    by_types[types] = compiled
                by_kinds[kinds] = compiled
        return compiled(*arguments)

    return call


def _kind(argument: Any) -> Any:
    """What the type of an argument hangs on, found faster than the type."""
    if isinstance(argument, np.ndarray):
        return argument.dtype.num, argument.ndim, argument.flags.num & _FLAGS
    return type(argument)


def _compiled(
    function: Callable[..., Any], jit: Callable[..., Any], types: tuple[Any, ...], settings: dict[str, Any]
) -> Any:
    """The function compiled for arguments of these types, if possible from the cache."""
    refuse_settings_here()  # the current folder may be another by now
    folder = _folder()
    compiled = failed = None
    if folder is not None:
        key = f"{function.__qualname__}{types}{settings}"
        place = folder / hashlib.sha256(key.encode()).hexdigest()[:12]
        # Whatever lies there may be of any kind, and so may what goes wrong with it.
        try:
            with _keeping_in(place):
                compiled = jit(function, cache=True)
            if place not in Path(compiled.stats.cache_path).parents:
                raise OSError("Numba keeps its files elsewhere")
            _refuse_unsafe(place)
            compiled.compile(types)
        except Exception as error:
            failed = error
            # What was compiled and could only not be written is as good as any.
            if types not in getattr(compiled, "signatures", ()):
                compiled = None
    if compiled is None:
        compiled = jit(function)
        if hasattr(compiled, "compile"):  # else on its first call
            compiled.compile(types)
    if (
        failed is not None
    ):  # and not where nothing can be compiled, which is raised above: that is not the cache
        _say(folder, failed)
    return compiled


@contextmanager
def _keeping_in(folder: Path) -> Iterator[None]:
    """Have Numba keep what is decorated meanwhile in a folder. To be used under the lock."""
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        _config.CACHE_DIR = before


@lru_cache
def _folder() -> Path | None:
    """This installation's folder, in the state that the sources are in; None if there can be none."""
    home = None
    try:
        home = _home()
        text = b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.py")))
        folder = home / hashlib.sha256(text).hexdigest()[:12]
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        _refuse_unsafe(home)
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            for other in home.iterdir():  # of sources that are no more
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        _say(home, error)
        return None
    return folder


def _home() -> Path:
    """NUMBA_CACHE_DIR, or where a user's programs keep such things; in there one for each installation."""
    # Not Numba's own setting: that may come from a file among the user's data.
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        parent = Path(given).absolute()
    elif os.name == "nt":
        parent = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installation = f"{_SOURCES} {numba.__version__} {_llvmlite()} {sys.version}"
    return parent / f"nwbin-{hashlib.sha256(installation.encode()).hexdigest()[:12]}"


def _llvmlite() -> str:
    """The version of what Numba compiles with."""
    return str(getattr(import_module("llvmlite"), "__version__", ""))


def _say(folder: Path | None, error: Exception) -> None:
    """Say, once, that a cache is not used. What the error says may be anything that lay there."""
    where = "" if folder is None else f" in {str(folder)!r}"
    if where in _said:
        return
    _said.add(where)
    why = error.strerror or str(error) if isinstance(error, OSError) else type(error).__name__
    delete = "" if folder is None else "delete that folder if it is there, or "
    warn(
        f"no compiled kernels can be kept{where} ({why}): this process compiles them anew, which takes"
        f" seconds; {delete}set NUMBA_CACHE_DIR to a folder that only you can write, on a disk with room"
    )


# Who can write


def _refuse_unsafe(folder: Path) -> None:
    """Raise OSError unless a folder has only files and folders that this user alone can change or replace."""
    if not hasattr(os, "geteuid"):  # Windows: folders of a user are that user's
        return
    folder = folder.parent.resolve() / folder.name
    for path in folder.parents:
        found = path.stat()
        # In a sticky folder, as /tmp, nobody can move what belongs to others.
        if not _belongs_to(found, *_masters()) or (_others_write(found) and not found.st_mode & stat.S_ISVTX):
            raise OSError(f"{str(path)!r} is another user's, or others can write to it")
    for path in _within(folder):
        try:
            found = path.lstat()
        except FileNotFoundError:  # another process is just done with it
            continue
        # A link leads elsewhere, and who opens a pipe waits for a writer.
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise OSError(f"{str(path)!r} is neither a file nor a folder")
        if not _belongs_to(found, os.geteuid()) or _others_write(found):
            raise OSError(f"{str(path)!r} is another user's, or others can write to it")


def _within(folder: Path) -> Iterator[Path]:
    """Yield a folder and what is in it, at any depth; not what another process takes away meanwhile."""

    def unless_gone(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    yield folder
    for where, folders, files in os.walk(folder, onerror=unless_gone):
        yield from (Path(where, name) for name in (*folders, *files))


def _belongs_to(found: os.stat_result, *users: int) -> bool:
    return found.st_uid in users


def _others_write(found: os.stat_result) -> bool:
    mode = found.st_mode
    return bool(mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _is_private(found.st_gid)))


@lru_cache
def _is_private(group: int) -> bool:
    """Whether a group has this user alone, as some systems give to each: its folders are writable for it."""
    import grp
    import pwd

    try:
        user, named = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    alone = set(named.gr_mem) <= {user.pw_name}
    return group == user.pw_gid and named.gr_name == user.pw_name and alone


@lru_cache
def _masters() -> tuple[int, ...]:
    """Whose folders may hold the user's: the user's own and root's, who can do all anyway.

    In a container without root, those that are not the user's seem to be nobody's.
    """
    everyone = 2**32 - 1
    try:
        rows = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
        nobody = int(Path("/proc/sys/kernel/overflowuid").read_text())
    except (OSError, ValueError):
        return os.geteuid(), 0
    contained = sum(int(row[2]) for row in rows) < everyone
    return (os.geteuid(), 0, nobody) if contained else (os.geteuid(), 0)
