"""A worker process: takes tasks from its standard input, one after another, and writes outcomes to its output.

Plain pipes instead of :mod:`multiprocessing`: a script needs no ``if __name__ == "__main__"`` to use it, a
worker that is killed is seen at once and takes nothing with it, and nothing is inherited from the parent.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import traceback
from typing import Any, BinaryIO

__all__ = ["main", "read_message", "write_message"]

_HEADER = struct.Struct("<Q")


def write_message(pipe: BinaryIO, message: bytes) -> None:
    """Send bytes, their length first."""
    pipe.write(_HEADER.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes | None:
    """Receive bytes; None where the other side is gone."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    message = pipe.read(length)
    return message if len(message) == length else None


def main() -> None:
    """Work until there is nothing more to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair; it ends its workers
    tasks = os.fdopen(os.dup(0), "rb")
    outcomes = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a user's function prints must not get between the outcomes
    while (message := read_message(tasks)) is not None:
        write_message(outcomes, pickle.dumps(_answer(message), protocol=5))


def _answer(message: bytes) -> Any:
    from nwbin.dataset._task import Outcome, perform

    try:
        task = pickle.loads(message)
    except Exception as error:  # the function's module cannot be imported here
        said = f"the worker cannot load the job: {type(error).__name__}: {error}"
        return Outcome("", "failed", error=said, trace=traceback.format_exc(limit=-4))
    return perform(task, listen=True)


if __name__ == "__main__":
    main()
