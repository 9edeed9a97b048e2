"""Which process on which machine something belongs to, and whether that process is still there."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Owner", "this_process"]


@dataclass(frozen=True)
class Owner:
    """A process: of two that get the same number one after the other, the time of their start tells which.

    Attributes
    ----------
    host
        The machine: a digest of its name.
    pid
        The process's number there.
    started
        When it started, in whatever the system counts it; 0 where the system does not say.
    """

    host: str
    pid: int
    started: int = 0

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this machine, so that one can see whether it is there."""
        return self.host == _host()

    @property
    def is_gone(self) -> bool:
        """Whether it has surely come to an end: never said of another machine's."""
        if not self.is_here:
            return False
        found = _started(self.pid)
        if found is None:
            return True
        return bool(self.started and found and self.started != found)


def this_process() -> Owner:
    """Return the process that asks."""
    return Owner(_host(), os.getpid(), _started(os.getpid()) or 0)


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]


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
