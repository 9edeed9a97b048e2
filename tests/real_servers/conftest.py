"""nginx and SeaweedFS, on the loopback interface alone. Where one is missing its tests are skipped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from nwbin.testing import write_session
from tests.remote.conftest import QUIET
from tests.small_files import write_long_trains

WAIT = 60.0  # s, for a server to answer
OURS = ("AWS_", "NWBIN_DANDI_API", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


# Holds a server until this process is gone, however it went; it, the server and its children are one group.
HOLD = """
import os, select, signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
while server.poll() is None and not select.select([0], [], [], 0.2)[0]:
    pass
os.killpg(0, signal.SIGKILL)
"""


def needed(name: str, package: str) -> str:
    """Return the path of a server's program, beside this Python or on PATH; skip, or fail, where there is none."""
    here = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    here = here or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if here is None:
        said = f"needs {name} ({package})"
        if name in os.environ.get("NWBIN_CI_SERVERS", "").split():  # it is there, or it is a failure
            pytest.fail(said)
        pytest.skip(said)
    return here


def free_ports(number: int) -> list[int]:
    """Return ports that nobody has: below those that systems hand out, one of which might be so before it is used."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(15_000, 32_000), 1000):
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            found.append(port)
        if len(found) == number:
            return found
    pytest.fail("there are no free ports")


@contextmanager
def running(
    line: Sequence[str | Path], folder: Path, answers: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a folder, from when it answers; whatever happens it ends, and its children."""
    said = folder / "said"
    with said.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, *line], cwd=folder, stdin=subprocess.PIPE,
            stdout=stream, stderr=stream, start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "TMPDIR": str(folder)},
        )  # fmt: skip
    try:
        end = time.monotonic() + WAIT
        while not answers():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{line[0]} does not answer: {said.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # asked to end, SeaweedFS may take minutes
        process.communicate()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(autouse=True)
def no_servers_of_mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the machine says of S3 and proxies is not to change a test."""
    for name in list(os.environ):
        if name.upper().startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin-cache"))


@pytest.fixture(scope="session")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("session") / "session.nwb"
    return write_session(path, seed=3, layout="chunked", quirks=True, chunk_rows=2000, **QUIET)


@pytest.fixture(scope="session")
def long_trains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each unit half a MiB of spikes, none of which is fetched before it is asked for."""
    return write_long_trains(tmp_path_factory.mktemp("long") / "long.nwb", 1 << 16)


@pytest.fixture(scope="session")
def store(session_file: Path) -> Path:
    """The same session as a Zarr store."""
    pytest.importorskip("zarr")
    from tests.zarr_nwb.writer import write_zarr

    return write_zarr(session_file, session_file.with_name("session.nwb.zarr"))


@pytest.fixture(scope="session")
def recorded(shared: Path) -> Path:
    """A session that was recorded."""
    return min((shared / "oracle" / "sessions").glob("*/session_*.nwb"), key=lambda path: path.stat().st_size)
