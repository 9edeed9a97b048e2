"""What goes wrong between a server and here, and what is said of it."""

from __future__ import annotations

from enum import Enum, auto

from nwbin.errors import FileAccessError, MissingFileError

__all__ = ["RETRIED", "Fault", "Kind", "error_of", "fault_of_status", "is_refusal", "is_too_long"]


class Kind(Enum):
    """What it was."""

    MISSING = auto()
    REFUSED = auto()
    CHANGED = auto()
    NO_RANGES = auto()
    OUTSIDE = auto()
    BUSY = auto()
    CONNECTION = auto()
    SHORT = auto()
    FORKED = auto()
    TOO_LONG = auto()
    OTHER = auto()


_BY_STATUS = {
    401: Kind.REFUSED, 403: Kind.REFUSED, 404: Kind.MISSING, 410: Kind.MISSING, 408: Kind.BUSY, 409: Kind.BUSY,
    412: Kind.CHANGED, 416: Kind.OUTSIDE, 425: Kind.BUSY, 429: Kind.BUSY,
}  # fmt: skip

RETRIED = frozenset({Kind.BUSY, Kind.CONNECTION, Kind.SHORT})

_SAYS = {
    Kind.MISSING: "there is no such file on the server{status}; check the address",
    Kind.REFUSED: (
        "the server does not let it be read{status}: it is not public, or the address was signed and has expired; "
        "get a new address, or give the credentials that it needs"
    ),
    Kind.CHANGED: (
        "has changed on the server since it was opened{status}; what was read of it may not fit together: open it again"
    ),
    Kind.NO_RANGES: (
        "the server gave something whole where a part of the file was asked for: it cannot give parts, or a proxy or a "
        "login page answers in its place; open the address in a browser, or download the file and give its path"
    ),
    Kind.OUTSIDE: "the server has no such bytes of it{status}: it is empty, or was cut meanwhile; open it again",
    Kind.BUSY: "the server is overloaded or broken{status}; try later",
    Kind.CONNECTION: "the connection to the server fails{status}; check the network, and the server's name",
    Kind.SHORT: "the server's answers end too early{status}; try later, or download the file and give its path",
    Kind.FORKED: (
        "cannot be read in a process that was forked from one that reads from servers; start processes by spawn or "
        "forkserver (multiprocessing.get_context), as nwbin does itself"
    ),
    Kind.TOO_LONG: "the server's answer makes no sense here{status}; check the address",
    Kind.OTHER: "the server's answer makes no sense here{status}; check the address",
}


class Fault(Exception):
    """One request failed. It says nothing that an address or an answer might keep secret.

    Parameters
    ----------
    kind
        What it was.
    status
        A few words on it, such as ``"HTTP 503"``; "" where there is nothing to say.
    """

    def __init__(self, kind: Kind, status: str = "") -> None:
        super().__init__(kind.name, status)
        self.kind, self.status = kind, status


def fault_of_status(status: int) -> Fault:
    """Say what an answer of HTTP's means that is none."""
    return Fault(Kind.BUSY if status >= 500 else _BY_STATUS.get(status, Kind.OTHER), f"HTTP {status}")


def error_of(fault: Fault, name: str, tries: int = 1) -> FileAccessError:
    """Return nwbin's error for a fault of the file with a name, after so many tries."""
    words = [fault.status] if fault.status else []
    if tries > 1:
        words.append(f"{tries} tries")
    text = _SAYS[fault.kind].format(status=f" ({', '.join(words)})" if words else "")
    error = (MissingFileError if fault.kind is Kind.MISSING else FileAccessError)(f"{name}: {text}")
    # Not by what it came of: that is another error where it is raised again while one is dealt with.
    vars(error)["fault"] = fault.kind
    return error


def is_refusal(error: FileAccessError) -> bool:
    """Whether an error is of a server that did not let something be read, as S3 says of what is not there, too."""
    return vars(error).get("fault") is Kind.REFUSED


def is_too_long(error: FileAccessError) -> bool:
    """Whether an error is of a file that has more bytes than were to be taken."""
    return vars(error).get("fault") is Kind.TOO_LONG
