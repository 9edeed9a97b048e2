"""A worker process: takes tasks from its standard input, one after another, and writes outcomes to its output.

Plain pipes instead of :mod:`multiprocessing`: a script needs no ``if __name__ == "__main__"`` to use it, a
worker that is killed is seen at once and takes nothing with it, and nothing is inherited from the parent but
its import path. And the pipe ends with the parent, however that ends: then the worker ends at once.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

__all__ = ["FAREWELL", "main", "read_message", "write_message"]

FAREWELL = b""  # in place of a task: there are no more
_HEADER = struct.Struct("<Q")
_PAUSE = 1.0  # seconds between words on how far a session has come


def write_message(pipe: IO[bytes], message: bytes) -> None:
    """Send bytes, their length first."""
    pipe.write(_HEADER.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> bytes | None:
    """Receive bytes; None where the other side is gone."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    message = pipe.read(length)
    return message if len(message) == length else None


def main() -> None:
    """Work until there is nothing more to do, or the parent is gone."""
    tasks = os.fdopen(os.dup(0), "rb")
    outcomes = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what a user's function prints must not get between the outcomes
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(tasks, waiting), daemon=True).start()
    while message := waiting.get():
        _send(outcomes, _answer(message, partial(_send, outcomes)))


def _send(outcomes: IO[bytes], answer: Any) -> None:
    try:
        write_message(outcomes, pickle.dumps(answer, protocol=5))
    except OSError:  # the parent is gone
        os._exit(1)


def _receive(tasks: IO[bytes], waiting: queue.SimpleQueue[bytes]) -> None:
    """Hand tasks on, and end the process with its parent, whatever it is at: nobody waits for that any more.

    It must not write either where the job may be going on in another run.
    """
    try:
        while (message := read_message(tasks)) is not None:
            waiting.put(message)
    finally:
        os._exit(1)


def _answer(message: bytes, send: Callable[[Any], None]) -> Any:
    from nwbin.dataset._task import Advance, Outcome, perform

    told = time.monotonic()

    def advanced(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _PAUSE:
            told = time.monotonic()
            send(Advance(task.key, done / max(1, total)))

    try:
        task = pickle.loads(message)
    except Exception as error:  # the function's module cannot be imported here
        said = f"the worker cannot load the job: {type(error).__name__}: {error}"
        return Outcome("", "failed", error=said, trace=traceback.format_exc(limit=-4))
    return perform(task, listen=True, advanced=advanced)


if __name__ == "__main__":
    main()
