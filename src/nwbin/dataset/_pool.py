"""Running tasks: in this process, in worker processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from nwbin.dataset._task import Outcome, Task, perform
from nwbin.dataset._worker import read_message, write_message
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


class _Worker:
    """A worker process and its pipes."""

    def __init__(self) -> None:
        paths = [path for path in sys.path if path]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, str(Path.cwd())])}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from nwbin.dataset._worker import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in: IO[bytes] = self.process.stdin
        self._out: IO[bytes] = self.process.stdout

    def do(self, message: bytes) -> Outcome | None:
        """Have a task done; None where the process came to an end over it."""
        try:
            write_message(self._in, message)  # type: ignore[arg-type]
            answer = read_message(self._out)  # type: ignore[arg-type]
        except OSError:
            return None
        return None if answer is None else pickle.loads(answer)

    def end(self, *, kill: bool = False) -> str:
        """End the process, and say how it ended."""
        if kill:
            self.process.kill()
        with suppress(OSError):
            self._in.close()
        code = self.process.wait()
        self._out.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"


class _Pool:
    def __init__(self, tasks: Sequence[Task], workers: int) -> None:
        self._waiting: deque[tuple[Task, int]] = deque((task, 1) for task in tasks)
        self._done: queue.Queue[Outcome] = queue.Queue()
        self._stopped = False
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]

    def outcomes(self, number: int) -> Iterator[Outcome]:
        try:
            for thread in self._threads:
                thread.start()
            for _ in range(number):
                yield self._done.get()
        finally:
            with self._lock:
                self._stopped = True
                for worker in self._workers:
                    worker.process.kill()
            for thread in self._threads:
                thread.join()

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
                outcome = worker.do(message)
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
            worker = _Worker()
            self._workers.add(worker)
            return worker

    def _ended(self, worker: _Worker) -> str:
        how = worker.end()
        with self._lock:
            self._workers.discard(worker)
        return how


def run_on_processes(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    """Do tasks in worker processes; yields outcomes as they come. A lost worker's task is done again by another."""
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
