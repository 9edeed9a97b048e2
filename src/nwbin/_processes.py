"""Which process on which machine something belongs to, and whether that process is still there.

Two containers may have one host name, and each counts its processes from 1: what looks from here as gone, or as
this very process, may be another's that is at work. So a machine is told by more than its name: on Linux by its
machine-id, by when it was started, and by the numbering (the namespace) that a process's number belongs to.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Owner", "this_process"]

# The numbering of processes that a machine itself has, outside of all containers: fixed in Linux's interface.
_OF_THE_MACHINE = "pid:[4026531836]"
_UNKNOWN = "0" * 8


@dataclass(frozen=True)
class Owner:
    """A process: of two that get the same number one after the other, the time of their start tells which.

    Attributes
    ----------
    host
        The machine, or the container: a digest of what tells it from others.
    boot
        Since when it is running: a digest that is another one once it was started again. Zeros where that is not known,
        or where after a new start nobody could say that it is the same machine.
    pid
        The process's number there.
    started
        When it started, in whatever the system counts it; 0 where the system does not say.
    """

    host: str
    boot: str
    pid: int
    started: int = 0

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this machine, as it is running now, so that one can see whether it is there."""
        return (self.host, self.boot) == _here()

    def is_gone(self, seen: float) -> bool:
        """Whether it has surely come to an end: never said of another machine's.

        Parameters
        ----------
        seen
            When it was there for certain, in seconds since 1970: the time of what it wrote.
        """
        host, boot = _here()
        if self.host != host or (self.boot != boot and _UNKNOWN in (self.boot, boot)):
            return False
        if self.boot != boot:
            # Copies of a machine may share its machine-id: what was there before this one's start is certain.
            return seen < time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        found = _started(self.pid)
        if found is None:
            return True
        return bool(self.started and found and self.started != found)


def this_process() -> Owner:
    """Return the process that asks."""
    return Owner(*_here(), os.getpid(), _started(os.getpid()) or 0)


def _here() -> tuple[str, str]:
    """This machine or container, and since when it is running."""
    name, machine, boot, numbering = socket.gethostname(), *_told_apart()
    if machine and boot and numbering == _OF_THE_MACHINE:
        return _digest(name, machine), _digest(boot)
    # A container, or a machine that says little of itself: after a new start it cannot be told from another.
    return _digest(name, machine, boot, numbering), _UNKNOWN


def _told_apart() -> tuple[str, str, str]:
    """What tells machines of one name apart: its machine-id, its start, the numbering of processes; "" for unknown."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    try:
        numbering = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbering = ""
    return _text("/etc/machine-id"), boot, numbering


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _started(pid: int) -> int | None:
    """When a process of this machine started; 0 if it is there and that is all that is known; None if it is not."""
    if pid <= 0:
        return None
    if sys.platform == "win32":
        return _started_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass  # another user's
    try:
        # The name in parentheses may hold anything; 22nd field, in clock ticks since the machine started.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0


def _started_on_windows(pid: int) -> int | None:
    """The same there, where ``os.kill(pid, 0)`` would be a Ctrl-C."""
    import ctypes

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - elsewhere, type checkers know of no windll
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return 0 if kernel.GetLastError() == 5 else None  # access denied: there, but another user's
    times = [ctypes.c_uint64() for _ in range(4)]
    try:
        if not kernel.GetProcessTimes(ctypes.c_void_p(handle), *(ctypes.byref(one) for one in times)):
            return 0
        return None if times[1].value else times[0].value  # it has an exit time: somebody else holds a handle
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
