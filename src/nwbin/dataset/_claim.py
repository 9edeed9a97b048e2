"""Whose an output is while a job writes to it, and how what is finished gets into its place.

A run owns its output while the folder ``.<name>.parts`` beside it has the run's token. Its workers write into another
folder there, whose name says whose it is (see :mod:`nwbin._unfinished`), and what is finished is renamed from there.
The next run takes both away from one that is no more by renaming them: from that moment on a worker that was left
behind has nothing to rename, whatever it had checked before; and what it writes under the old name is in nobody's way.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nwbin._processes import Owner, this_process
from nwbin._unfinished import clear_unfinished, remove, unfinished_name
from nwbin.dataset._stamps import read_json
from nwbin.errors import FileAccessError, MissingFileError

__all__ = ["Claim", "LostClaimError", "claimed"]

_OWNER = "owner.json"


class LostClaimError(FileAccessError):
    """Another run has taken over the output that this one was writing to."""


@dataclass(frozen=True)
class Claim:
    """A run's hold of its output.

    Attributes
    ----------
    root
        The output: a folder.
    lock
        The folder beside it that says whose it is.
    parts
        The folder beside it for what is not finished.
    run
        The token of the run.
    """

    root: str
    lock: str
    parts: str
    run: str

    def check(self) -> None:
        """Raise a LostClaimError if the output is another run's by now."""
        said = read_json(Path(self.lock) / _OWNER)
        if said is None or said.get("run") != self.run:
            raise LostClaimError(
                f"{self.root}: another run has taken this output over, because the one that this process worked for "
                "came to an end; nothing was written"
            )

    @contextmanager
    def part(self) -> Iterator[Path]:
        """Give an empty folder for one result that is not finished; it goes afterwards."""
        folder = Path(self.parts) / uuid.uuid4().hex[:12]
        try:
            self.check()
            folder.mkdir()
            yield folder
        except Exception:
            self.check()  # if it was lost on the way, this is what there is to say, not which file was not found
            raise
        finally:
            remove(folder)

    def put(
        self,
        part: Path,
        finished: Sequence[tuple[Path, Path]],
        old: Sequence[Path],
        ready: Callable[[], None],
    ) -> None:
        """Put what is finished in its place, in this order, and what this kind of job had left there out of it.

        Parameters
        ----------
        part
            The folder that :meth:`part` gave.
        finished
            Where it is, inside `part`, and where it goes.
        old
            What goes. The caller has made sure that a job wrote it.
        ready
            Raises if it must not be put there after all; called last.
        """
        aside = part / "old"
        aside.mkdir()
        ready()
        self.check()
        moved: list[tuple[Path, Path]] = []
        try:
            for number, path in enumerate(old):
                place = aside / str(number)
                path.rename(place)
                moved.append((place, path))
            for source, target in finished:
                if target.is_dir():  # it has come there in the meantime; an empty one would be replaced
                    raise FileAccessError(f"{target}: is there, and was not a moment ago; it is left alone")
                source.replace(target)
        except OSError:
            for place, path in moved:
                with suppress(OSError):
                    if not path.exists():
                        place.rename(path)
            raise


@contextmanager
def claimed(root: Path) -> Iterator[Claim]:
    """Own an output; raise a FileAccessError where another run does that is, or may be, at work."""
    if not root.parent.is_dir():
        raise MissingFileError(f"{root}: there is no folder {str(root.parent)!r}; make it first")
    if root.exists() and not root.is_dir():
        raise FileAccessError(f"{root}: is a file, and a job's results are a folder; give another path")
    lock = root.with_name(f".{root.name}.parts")
    claim = Claim(str(root), str(lock), str(unfinished_name(root)), uuid.uuid4().hex)
    clear_unfinished(lock)
    me = this_process()
    said = {"name": socket.gethostname(), **asdict(me), "run": claim.run}
    # The folder gets its name with its owner already in it: at no moment does it look like nobody's.
    fresh = unfinished_name(lock)
    try:
        fresh.mkdir()
        (fresh / _OWNER).write_text(json.dumps(said), encoding="utf-8")
        _take_over(lock)
        fresh.rename(lock)
    except FileAccessError:
        remove(fresh)
        raise
    except OSError as error:
        remove(fresh)
        if not os.path.lexists(lock):
            raise FileAccessError(f"{root}: cannot be written: {error.strerror or error}") from error
        raise FileAccessError(
            f"{root}: another run is writing to it ({_whose(lock)}); wait for it, or if it is no more, remove {lock}"
        ) from None
    try:
        clear_unfinished(root)
        Path(claim.parts).mkdir()
        yield claim
    finally:
        _give_up(lock, claim.run)
        remove(Path(claim.parts))
        clear_unfinished(root)


def _take_over(lock: Path) -> None:
    """Take the folder away from a run that is no more."""
    said = read_json(lock / _OWNER)
    if _owner(said) is None or lock.is_symlink():
        with suppress(OSError):
            lock.rmdir()  # an empty one is a run's that was killed, or is just now, giving up its hold
        if not os.path.lexists(lock) or (_owner(read_json(lock / _OWNER)) and not lock.is_symlink()):
            return
        raise FileAccessError(
            f"{lock}: a job needs this name for itself, and what has it does not say that a job made it "
            f"(no valid {_OWNER} in it); it is left alone: move it away, or give another path for the results"
        )
    if not _is_gone(said, lock):
        return
    left = unfinished_name(lock)
    with suppress(FileNotFoundError):  # another run was quicker
        lock.rename(left)
        if (read_json(left / _OWNER) or {}).get("run") != (said or {}).get("run"):
            left.rename(lock)  # quicker still: this is that run's own
            return
        remove(left)


def _give_up(lock: Path, run: str) -> None:
    if (read_json(lock / _OWNER) or {}).get("run") != run:
        return
    remove(lock)


def _is_gone(said: dict[str, Any] | None, lock: Path) -> bool:
    """Whether the run that says that it has a lock has surely come to an end."""
    owner = _owner(said)
    try:
        return owner is not None and owner.is_gone((lock / _OWNER).lstat().st_mtime)
    except OSError:
        return False


def _whose(lock: Path) -> str:
    """Say whose a lock is, for an error."""
    said = read_json(lock / _OWNER) or {}
    owner = _owner(said)
    if owner is None:
        return "whose is not known"
    whose = f"process {owner.pid} on {said.get('name', owner.host)}"
    if owner.is_here:
        return whose
    return (
        f"{whose}, which is another machine or container, or was started again since, so that it cannot be seen from "
        "here whether that process is at work"
    )


def _owner(said: dict[str, Any] | None) -> Owner | None:
    """The process that has a lock, as a run writes it; None where no run has."""
    said = said or {}
    host, pid = said.get("host"), said.get("pid")
    boot, started = said.get("boot", ""), said.get("started") or 0  # older versions said less
    if isinstance(host, str) and isinstance(boot, str) and isinstance(pid, int) and isinstance(started, int):
        return Owner(host, boot, pid, started)
    return None
