"""How much memory may still be taken: of the machine, of the control group, of the process.

Where a group's limit is passed, Linux kills the process and nobody learns why; so a result that cannot fit is
refused before it is made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from nwbin.errors import NotEnoughMemoryError

__all__ = ["Room", "require", "room", "taking"]

ROOT = Path("/")  # for tests: where proc and sys are
_SMALL = 16 << 20  # bytes that nobody asks about
_BESIDE = 96 << 20  # what is loaded and made while a result is filled: compiled code, a few bytes a window
_NEVER = 1 << 60  # version 1 says "no limit" by a number of about 2**63
_FILES = {  # version: limit, taken, swap's limit, swap taken; of version 1 the last two count memory and swap together
    2: ("memory.max", "memory.current", "memory.swap.max", "memory.swap.current"),
    1: (
        "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.memsw.limit_in_bytes",
        "memory.memsw.usage_in_bytes",
    ),
}  # fmt: skip
# What the kernel gives back before it kills: pages of files, of which mapped spike times are some.
_GIVEN_BACK = {
    2: ("inactive_file", "active_file", "slab_reclaimable"),
    1: ("total_inactive_file", "total_active_file"),
}


class Room(NamedTuple):
    """Memory that is free under a limit, in bytes, and whose limit it is."""

    free: int
    limit: int
    whose: str


def _number(path: Path) -> int | None:
    """What a file of one number says; None for "max", or where it cannot be read."""
    try:
        found = int(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if found < _NEVER else None


def _table(path: Path) -> dict[str, int]:
    """A file of names and numbers; kB are taken for what they are."""
    found = {}
    try:
        for line in path.read_text().splitlines():
            name, value, *unit = line.replace(":", " ").split()
            found[name] = int(value) << (10 if unit == ["kB"] else 0)
    except (OSError, ValueError):
        pass
    return found


def _groups(root: Path) -> Iterator[tuple[Path, int]]:
    """The folders of the control groups that this process is in, its own first, and their version."""
    try:
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        mine = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for line in mounts:
        before, _, after = line.partition(" - ")
        kind, *_, options = after.split()
        if kind == "cgroup2":
            version, of = 2, ""
        elif kind == "cgroup" and "memory" in options.split(","):
            version, of = 1, "memory"
        else:
            continue
        inside, place = before.split()[3:5]
        top = root / place.lstrip("/")
        for _, controllers, path in mine:
            if of not in controllers.split(","):
                continue
            # In a container the path may count from the host's top, of which only a part is mounted.
            rest = path.removeprefix(inside) if inside != "/" else path
            folder = top / rest.strip("/")
            if ".." in folder.parts or not folder.is_dir():
                folder = top
            while True:
                yield folder, version
                if folder == top:
                    break
                folder = folder.parent


def _room_of_group(folder: Path, version: int, swap: int) -> Room | None:
    limit_name, taken_name, swap_limit_name, swap_taken_name = _FILES[version]
    limit, taken = _number(folder / limit_name), _number(folder / taken_name)
    if limit is None or taken is None:
        return None
    stat = _table(folder / "memory.stat")
    back = sum(stat.get(name, 0) for name in _GIVEN_BACK[version])
    swap_limit, swap_taken = _number(folder / swap_limit_name), _number(folder / swap_taken_name)
    if swap_limit is not None and swap_taken is not None:
        left = swap_limit - swap_taken
        swap = min(swap, max(0, left if version == 2 else left - (limit - taken)))
    return Room(limit - taken + min(back, taken) + swap, limit, "this control group (container)")


def _room_of_process(root: Path) -> Iterator[Room]:
    try:
        import resource

        pages = [int(one) for one in (root / "proc/self/statm").read_text().split()]
        addresses, data = pages[0], pages[5]
    except (ImportError, OSError, ValueError, IndexError):  # not Unix, or no Linux
        return
    for name, taken, whose in (
        ("RLIMIT_AS", addresses, "this process's addresses (ulimit -v)"),
        ("RLIMIT_DATA", data, "this process's data (ulimit -d)"),
    ):
        limit = resource.getrlimit(getattr(resource, name))[0]
        if limit != resource.RLIM_INFINITY:
            yield Room(limit - taken * resource.getpagesize(), limit, whose)


def room(root: Path | None = None) -> Room | None:
    """Ask how much memory this process may still take; None where nothing is known (no Linux).

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    Room or None
        The least of what the control groups, the process's limits and the machine (with its swap) leave free.
    """
    root = ROOT if root is None else root
    machine = _table(root / "proc/meminfo")
    swap = machine.get("SwapFree", 0)
    found = [one for group in _groups(root) if (one := _room_of_group(*group, swap)) is not None]
    found += _room_of_process(root)
    if "MemAvailable" in machine:
        found.append(Room(machine["MemAvailable"] + swap, machine.get("MemTotal", 0), "this machine"))
    return min(found, default=None)


def require(n_bytes: int, what: str, way_out: str) -> None:
    """Refuse what cannot fit in memory, before it is made.

    Parameters
    ----------
    n_bytes
        What it takes, all of it written to: memory that is only promised counts as taken.
    what
        What takes it, as the message begins: "12 presentations x 10 bins".
    way_out
        What to do instead.

    Raises
    ------
    NotEnoughMemoryError
        Less is free.
    """
    if n_bytes < _SMALL:
        return
    found = room()
    if n_bytes > sys.maxsize or (found is not None and n_bytes + min(_BESIDE, n_bytes // 8) > found.free):
        raise _not_enough(n_bytes, what, way_out, found)


@contextmanager
def taking(n_bytes: int, what: str, way_out: str) -> Iterator[None]:
    """Do the same, and say it of an allocation in the block, too, that the system itself refuses."""
    require(n_bytes, what, way_out)
    try:
        yield
    except NotEnoughMemoryError:
        raise
    except MemoryError as error:
        raise _not_enough(n_bytes, what, way_out, room()) from error


def _not_enough(n_bytes: int, what: str, way_out: str, found: Room | None) -> NotEnoughMemoryError:
    of = ""
    if found is not None:
        of = f" ({max(0, found.free) / 1e9:,.4g} GB free of the {found.limit / 1e9:,.4g} GB of {found.whose})"
    return NotEnoughMemoryError(
        f"{what} take {n_bytes / 1e9:,.4g} GB, more than there is memory{of}: {way_out}"
    )
