"""What comes of each fault, wherever it happens: what the tests expect, and the table in notebooks/clouds.md."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["AGAIN", "ERROR", "FAULTS", "FSSPEC", "RIGHT", "UNNOTICED", "Way", "lines_of_table"]

RIGHT, AGAIN, ERROR, UNNOTICED = "the right answer", "5 tries, then an error", "an error", "not noticed"
BUSY, FAILS = (
    r"overloaded or broken \(HTTP {}, 5 tries\); try later",
    r"connection to the server fails \(.*5 tries\)",
)
REFUSED, CHANGED = (
    r"does not let it be read \(HTTP {}\): it is not public, or .* expired",
    "has changed on the server",
)
PAGE, NOWHERE = "a proxy or a login page answers in its place", "no address to go to"


class Way(NamedTuple):
    """A fault: what comes of it, and what the error says.

    Attributes
    ----------
    said
        What happens, in the words of the documentation.
    fault
        What the server is told to do.
    file
        While an HDF5 file is opened or read.
    opening, chunk, mark
        While a Zarr store is opened, one of its chunks fetched, and when it is seen afterwards whether its metadata are
        still the same.
    """

    said: str
    fault: Any
    file: tuple[str, str]
    opening: tuple[str, str]
    chunk: tuple[str, str]
    mark: tuple[str, str]


def _same(said: str, fault: Any, word: str, message: str) -> Way:
    return Way(said, fault, *[(word, message)] * 4)


def _status(number: int, word: str, message: str) -> Way:
    return _same(f"HTTP {number}", ("status", number), word, message.format(number))


FAULTS: dict[str, Way] = {
    "slow": _same("slow answers", "slow", RIGHT, ""),
    "stalled": Way("no byte for 30 s", ("stall", 0), *[(AGAIN, FAILS)] * 3, (RIGHT, "")),
    "dropped": _same("the connection drops", "close", AGAIN, FAILS),
    "cut": Way("answers that end too early", ("cut", 0), *[(AGAIN, FAILS)] * 3, (RIGHT, "")),
    "401": _status(401, ERROR, REFUSED),
    "403": _status(403, ERROR, REFUSED),
    "404": Way(
        "HTTP 404", ("status", 404), (ERROR, "no such file on the server"), (ERROR, "is no Zarr store"),
        (ERROR, "its chunk .* is not there"), (ERROR, CHANGED),
    ),
    "412": _status(412, ERROR, CHANGED + ".*HTTP {}"),
    "416": Way(
        "HTTP 416", ("status", 416), *[(ERROR, "no such bytes of it")] * 3, (ERROR, CHANGED + "|no such bytes")
    ),
    "429": _status(429, AGAIN, BUSY),
    "500": _status(500, AGAIN, BUSY),
    "503": _status(503, AGAIN, BUSY),
    "no parts": Way(
        "no parts of files, only whole ones", "whole", (ERROR, "cannot give parts"), (RIGHT, ""), (RIGHT, ""),
        (ERROR, CHANGED),
    ),
    "a page": Way(
        "a proxy's web page in place of it", "html", (ERROR, PAGE), (ERROR, PAGE), (ERROR, PAGE), (ERROR, CHANGED)
    ),
    "other bytes": Way(
        "other bytes than were asked for", ("shifted", 1), (ERROR, "sent other bytes"), (ERROR, "sent other bytes"),
        (RIGHT, ""), (ERROR, "sent other bytes"),
    ),
    "changed": Way("its ETag changes", "changed", (ERROR, CHANGED), (RIGHT, ""), (RIGHT, ""), (ERROR, CHANGED)),
    "sent on": _same("sent on to another server", "elsewhere", RIGHT, ""),
    "sent on to nowhere": _same(
        "sent on to a server that is not there", ("redirect", "http://127.0.0.1:9/"), AGAIN, FAILS
    ),
    "sent on in a circle": _same("sent on in a circle", "in a circle", ERROR, NOWHERE),
}  # fmt: skip


# The same of HDF5 files at other addresses, read through fsspec, which hands on bytes without what was said of them.
FSSPEC: dict[str, tuple[str, str]] = {what: way.file for what, way in FAULTS.items()} | {
    "a page": (ERROR, f"{PAGE}|is a web page"),
    "other bytes": (UNNOTICED, ""),
}


def lines_of_table() -> list[str]:
    """Return the table of the documentation, line by line."""
    head = (
        "What happens",
        "HDF5 file",
        "HDF5 file, through fsspec",
        "Zarr store, opening",
        "one of its chunks",
        "its metadata, looked at again",
    )
    rows = [
        (way.said, way.file[0], FSSPEC[what][0], way.opening[0], way.chunk[0], way.mark[0])
        for what, way in FAULTS.items()
    ]
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


if __name__ == "__main__":
    print("\n".join(lines_of_table()))
