"""Running tasks: in this process, in worker processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any

from nwbin.dataset._task import Advance, Outcome, Task, perform
from nwbin.dataset._worker import FAREWELL, read_message, write_message
from nwbin.errors import ArgumentError, ArgumentTypeError

__all__ = ["run_here", "run_on_dask", "run_on_processes"]

_ATTEMPTS = 3  # times that a task may lose its worker before it is the task that is taken to be at fault


def run_here(tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Do tasks one after another in this process: for debugging."""
    for task in tasks:
        yield perform(task)


# ---------------------------------------------------------------- processes


def _packed(task: Task) -> bytes:
    """Pickle a task; a function typed at a prompt, in a notebook or in the running script travels as its code."""
    try:
        import cloudpickle
    except ImportError:
        function = getattr(task.work, "function", None)
        if getattr(function, "__module__", None) == "__main__":
            raise ArgumentError(
                f"{function!r} is defined in the running script or notebook, and takes the package cloudpickle to be "
                "sent to other processes: install 'nwbin[dask]', or put the function into a module"
            ) from None
        return pickle.dumps(task, protocol=5)
    packed: bytes = cloudpickle.dumps(task, protocol=5)
    return packed


# Until the parent's import path has come, the worker has that of a bare interpreter: the standard library and
# what is installed, and with -P neither the current folder nor a script's. What comes is data, and may be long.
_START = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair; it ends its workers
import json, os, sys
line = open(0, "rb", buffering=0, closefd=False).readline()
if not line:  # the parent is gone already
    sys.exit()
sys.path[:], variable = json.loads(line)
if variable is not None:
    os.environ["PYTHONPATH"] = variable
from nwbin.dataset._worker import main
main()
"""


def _command() -> list[str]:
    """How to start a worker: this interpreter, with its own options, but without an import path of its own."""
    flags = sys.flags
    letters = {
        "O": flags.optimize,
        "B": flags.dont_write_bytecode,
        "b": flags.bytes_warning,
        "E": flags.ignore_environment,
        "s": flags.no_user_site,
        "S": flags.no_site,
    }
    options = [f"-{letter * int(times)}" for letter, times in letters.items() if times]
    options += [f"-W{one}" for one in sys.warnoptions]
    options += [
        f"-X{name}" if value is True else f"-X{name}={value}" for name, value in sys._xoptions.items()
    ]
    return [sys.executable, *options, "-P", "-c", _START]


class _Guard:
    """A process that kills the workers, and what they started, as soon as this process is gone, however it went.

    It leads their process group and waits for the end of a pipe. Workers see the end of theirs too, but not while
    C code holds the interpreter's lock, and what they started sees nothing at all.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1); os.killpg(0, 9)"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0,
        )  # fmt: skip
        self.group = self._process.pid

    def end(self) -> None:
        """Kill all that is left in the group, the guard with it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class _Worker:
    """A worker process and its pipes."""

    def __init__(self, guard: _Guard | None) -> None:
        # At its start the interpreter would look into the folders of this variable, and resolve them anew.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            _command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
            process_group=None if guard is None else guard.group,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in: IO[bytes] = self.process.stdin
        self._out: IO[bytes] = self.process.stdout
        path = [entry for entry in sys.path if isinstance(entry, str)]
        with suppress(OSError):  # it is gone already: the first task will show it
            self._in.write(json.dumps([path, os.environ.get("PYTHONPATH")]).encode() + b"\n")

    def do(self, message: bytes, advanced: Callable[[Advance], None]) -> Outcome | None:
        """Have a task done; None where the process came to an end over it. What it says on the way is handed on."""
        with suppress(OSError):
            write_message(self._in, message)
            while (answer := read_message(self._out)) is not None:
                said: Advance | Outcome = pickle.loads(answer)
                if isinstance(said, Outcome):
                    return said
                advanced(said)
        return None

    def end(self) -> str:
        """Let the process end by itself, and say how it ended."""
        with suppress(OSError):
            write_message(self._in, FAREWELL)
        code = self.process.wait()
        with suppress(OSError):
            self._in.close()
        self._out.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class _Pool:
    def __init__(self, tasks: Sequence[Task], workers: int) -> None:
        self._waiting: deque[tuple[Task, int]] = deque((task, 1) for task in tasks)
        self._done: queue.Queue[Outcome | Advance] = queue.Queue()
        self._stopped = False
        self._guard: _Guard | None = None
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]

    def outcomes(self, number: int) -> Iterator[Outcome | Advance]:
        try:
            if os.name == "posix":
                self._guard = _Guard()
            for thread in self._threads:
                thread.start()
            while number:
                said = self._done.get()
                number -= isinstance(said, Outcome)
                yield said
        finally:
            with self._lock:
                self._stopped = True
                for worker in self._workers:
                    worker.process.kill()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()
            if self._guard is not None:
                self._guard.end()

    def _serve(self) -> None:
        """Keep one worker process busy; start another where it was lost."""
        worker: _Worker | None = None
        while not self._stopped:
            try:
                task, attempt = self._waiting.popleft()
            except IndexError:
                break
            try:
                message = _packed(task)
                if worker is None:
                    worker = self._started()
                outcome = worker.do(message, self._done.put)
            except Exception as error:  # it cannot be pickled, no process can be started
                self._done.put(Outcome(task.key, "failed", error=str(error)))
                continue
            if outcome is not None:
                self._done.put(replace(outcome, key=task.key))
                continue
            how = self._ended(worker)
            worker = None
            if attempt < _ATTEMPTS:
                self._waiting.appendleft((task, attempt + 1))
            else:
                said = (
                    f"its worker process came to an end {attempt} times over it ({how} the last time): out of memory, "
                    "killed, or a file that changes while it is read"
                )
                self._done.put(Outcome(task.key, "failed", error=said))
        if worker is not None:
            self._ended(worker)

    def _started(self) -> _Worker:
        with self._lock:
            if self._stopped:
                raise RuntimeError("the job was stopped")
            worker = _Worker(self._guard)
            self._workers.add(worker)
            return worker

    def _ended(self, worker: _Worker) -> str:
        how = worker.end()
        with self._lock:
            self._workers.discard(worker)
        return how


def run_on_processes(tasks: Sequence[Task], workers: int) -> Iterator[Outcome | Advance]:
    """Do tasks in worker processes; yields outcomes as they come, and how far those are that take long.

    A lost worker's task is done again by another.
    """
    return _Pool(tasks, min(workers, len(tasks))).outcomes(len(tasks))


# ---------------------------------------------------------------- Dask


def run_on_dask(tasks: Sequence[Task], client: Any) -> Iterator[Outcome]:
    """Do tasks on a Dask cluster; yields outcomes as they come.

    Dask itself gives a lost worker's tasks to others, as often as ``distributed.scheduler.allowed-failures`` says.
    """
    if getattr(client, "asynchronous", False):
        raise ArgumentTypeError(
            "client is an asynchronous Dask client; hand in one made with asynchronous=False"
        )
    if not hasattr(client, "submit"):
        raise ArgumentTypeError(f"client must be a dask.distributed.Client, not {type(client).__name__}")
    import distributed

    completed: Any = distributed.as_completed
    job = uuid.uuid4().hex[:8]
    futures = {
        client.submit(perform, task, key=f"nwbin-{job}-{task.key}", pure=False): task.key for task in tasks
    }
    try:
        for future in completed(list(futures)):
            try:
                outcome: Outcome = future.result()
            except Exception as error:  # KilledWorker, or a worker that cannot load the job
                said = f"the cluster gave it up: {type(error).__name__}: {error}"
                outcome = Outcome(futures[future], "failed", error=said)
            yield outcome
            future.release()
    finally:
        left = [future for future in futures if not future.done()]
        if left:
            client.cancel(left)
