"""Worker processes: what they import, how they end, how many threads they take."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - cuts a file's spikes into chunks
import pytest

import nwbin
from nwbin import _threads as threads
from nwbin import testing
from nwbin.dataset._pool import _command
from nwbin.dataset._worker import FAREWELL, write_message

PATIENCE = 120  # seconds until a process that should have ended at once is taken to hang
ROOT = Path(__file__).parents[1]
COUNT = ("count", ".", "--stimulus", "flashes", "--window", "0,0.1", "--all", "--workers", "1")


@pytest.fixture(scope="module")
def chunked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return testing.write_session(
        tmp_path_factory.mktemp("chunked") / "session_7.nwb", size="tiny", layout="chunked", session_id=7
    )


@pytest.fixture
def folder(chunked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a session and programs that nobody asked to run: each says that it was."""
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin cache"))
    data = tmp_path / "data"
    data.mkdir()
    (data / chunked.name).symlink_to(chunked)
    for name in (
        "numpy",
        "h5py",
        "pandas",
        "zarr",
        "numba",
        "typer",
        "json",
        "queue",
        "struct",
        "sitecustomize",
    ):
        (data / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + ' ')\n1 / 0\n"
        )
    monkeypatch.chdir(data)
    return data


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


# ---------------------------------------------------------------- what they import


# The console script has its own folder in front, the same as here: none of the user's.
@pytest.mark.parametrize("program", [("-P", "-c", "from nwbin.cli import main; main()"), ("-m", "nwbin")])
@pytest.mark.slow
def test_programs_among_the_data_are_not_run(
    program: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("zarr")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    done = run(*program, *COUNT, "-o", "../counts.zarr")
    assert not (folder.parent / "ran").exists(), (folder.parent / "ran").read_text()
    assert done.returncode == 0, done.stderr
    assert (folder.parent / "counts.zarr" / "session_7").is_dir()


def test_nwbin_in_the_current_folder_is_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from nwbin.__main__ import _leave_current_folder

    home = str(Path(nwbin.__file__).parents[1])
    for here, left in ((home, [home, "else"]), (str(ROOT), ["else"])):
        monkeypatch.chdir(here)
        monkeypatch.setattr(sys, "path", [here, "else"])
        _leave_current_folder()
        assert sys.path == left


def surroundings(session: nwbin.Session) -> tuple[list[str], str | None]:
    return sys.path, os.environ.get("PYTHONPATH")


def test_a_worker_has_this_process_s_import_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Had this been set when this process began, in another folder, it would mean that folder.
    monkeypatch.setenv("PYTHONPATH", os.pathsep + "." + os.pathsep)
    monkeypatch.setattr(sys, "path", [*sys.path, "ä 'quoted'\n\udcff", str(folder.parent)])
    found = dict(nwbin.Dataset(folder).map(surroundings, workers=1))
    assert not (folder.parent / "ran").exists()
    assert found == {7: (sys.path, os.environ["PYTHONPATH"])}


def test_modules_of_the_current_folder_where_this_process_has_them(
    chunked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_alone.py").write_text("def count(session):\n    return len(session.file.unit_ids)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as at a prompt
    import mine_alone

    with nwbin.File(chunked) as file:
        assert dict(nwbin.Dataset(chunked.parent).map(mine_alone.count, workers=1)) == {7: len(file.unit_ids)}


OPTIONS = """
import sys, nwbin
def options(session):
    import sys, warnings
    flags = sys.flags
    return flags.optimize, flags.utf8_mode, flags.dont_write_bytecode, sys.warnoptions, sys._xoptions
there = nwbin.Dataset(sys.argv[1]).map(options, workers=1)
print([there[7], options(None)])
"""


def test_a_worker_has_this_process_s_options(chunked: Path) -> None:
    pytest.importorskip("cloudpickle")
    done = run(
        "-O", "-B", "-W", "ignore:nothing", "-X", "utf8=0", "-X", "mine", "-c", OPTIONS, str(chunked.parent)
    )
    assert done.returncode == 0, done.stderr
    there, here = eval(done.stdout, {})
    assert there == here
    assert here == (1, 0, 1, ["ignore:nothing"], {"utf8": "0", "mine": True})


# ---------------------------------------------------------------- how they end


def wait(session: nwbin.Session) -> None:
    print("waiting", flush=True)  # to standard error, in a worker
    time.sleep(10 * PATIENCE)


def wait_without_letting_go(session: nwbin.Session) -> None:
    print("waiting", flush=True)
    ctypes.PyDLL(None).sleep(10 * PATIENCE)  # unlike time.sleep it holds the interpreter's lock


def wait_for_another(session: nwbin.Session) -> None:
    subprocess.run(
        [sys.executable, "-c", f"print('waiting', flush=True); import time; time.sleep({10 * PATIENCE})"]
    )


@pytest.mark.skipif(os.name == "nt", reason="there the worker's own thread is all, see below")
@pytest.mark.parametrize("function", [wait, wait_without_letting_go, wait_for_another])
@pytest.mark.slow
def test_workers_end_with_the_process_of_the_job(function: Callable[..., Any], chunked: Path) -> None:
    script = f"import nwbin, tests.test_workers as t; nwbin.Dataset({str(chunked.parent)!r}).map(t.{function.__name__})"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True) as job:
        assert job.stderr is not None
        assert job.stderr.readline() == "waiting\n"
        job.kill()
        # The other end is closed by the last process that had it; a worker that stays would have it for long.
        _, left = job.communicate(timeout=PATIENCE)
    assert left == ""


class Waits:
    """No task, but it takes its time as one."""

    def __reduce__(self) -> Any:
        return wait, (None,)


def start_worker() -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(_command(), stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT)


def end_of(worker: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """Close its pipe; how it ended, and what it said."""
    _, said = worker.communicate(timeout=PATIENCE)
    return worker.returncode, said


def test_a_worker_ends_itself_where_nobody_does() -> None:
    import pickle

    path = json.dumps([[str(ROOT), *sys.path], None]).encode() + b"\n"
    with start_worker() as worker:
        assert end_of(worker) == (0, b"")  # before it was told anything
    with start_worker() as worker:
        assert worker.stdin is not None
        worker.stdin.write(path)
        assert end_of(worker) == (1, b"")
    with start_worker() as worker:
        assert worker.stdin is not None
        assert worker.stderr is not None
        worker.stdin.write(path)
        write_message(worker.stdin, pickle.dumps(Waits()))  # type: ignore[arg-type]
        assert worker.stderr.readline().split() == [b"waiting"]
        assert end_of(worker) == (1, b"")
    with start_worker() as worker:
        assert worker.stdin is not None
        worker.stdin.write(path)
        write_message(worker.stdin, FAREWELL)  # type: ignore[arg-type]
        assert worker.wait(PATIENCE) == 0  # its pipe is open still
        assert end_of(worker) == (0, b"")


# ---------------------------------------------------------------- how many threads they take


@pytest.fixture(scope="module")
def many_chunks(chunked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session with its spikes in so many chunks that nwbin reads them itself."""
    path = Path(shutil.copy(chunked, tmp_path_factory.mktemp("many")))
    with h5py.File(path, "r+") as file:
        units = file["units"]
        times, attributes = units["spike_times"][()], dict(units["spike_times"].attrs)
        del units["spike_times"]
        units.create_dataset("spike_times", data=times, chunks=(16,), compression=1).attrs.update(attributes)
    return path


@pytest.fixture
def helpers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many threads were started beside the calling one, each time that any were; this machine has 8 cores."""
    started: list[int] = []
    real = threads._submit

    def submit(function: Callable[[], None], number: int) -> Any:
        started.append(number)
        return real(function, number)

    monkeypatch.setattr(threads, "_submit", submit)
    monkeypatch.setattr(threads, "available", lambda: 8)
    return started


def test_reading_takes_its_share_of_threads(many_chunks: Path, helpers: list[int]) -> None:
    def read(**how: int) -> int:
        """Read and count in a fresh session; how many threads helped."""
        with nwbin.open(many_chunks) as session:
            presentations, units = session.get_stimulus_table("flashes").index, session.units.index
            helpers.clear()
            session.presentationwise_spike_counts([0, 0.1], presentations, units, **how)
        return max(helpers, default=0)

    assert read() > 1
    with threads.share(2):
        assert read() == 1
        with threads.share(None):
            assert read() == 1
        assert read(threads=1) == 0
        assert read(threads=3) == 2
    with threads.share(1):
        assert read() == 0
    assert read(threads=1) == 0
    assert read() > 1


def shares(session: nwbin.Session) -> int:
    return threads.as_threads(None)


def test_a_worker_has_its_share_of_the_cores(many_chunks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = nwbin.Dataset(many_chunks.parent)
    assert data.map(shares, workers=1, threads=5)[7] == 5
    assert data.map(shares, workers=0, threads=6)[7] == 6
    monkeypatch.setattr("nwbin.dataset._run.available", lambda: 4)
    assert data.map(shares, workers=1)[7] == 4
    assert threads.as_threads(None) == threads.available()  # here nothing has changed


def test_counting_a_folder_reads_with_its_share(
    many_chunks: Path, tmp_path: Path, helpers: list[int]
) -> None:
    pytest.importorskip("zarr")
    data = nwbin.Dataset(many_chunks.parent)
    data.get_units()
    helpers.clear()
    done = data.spike_counts(tmp_path / "c.zarr", "flashes", window=(0, 0.1), workers=0, threads=1)
    assert not done.failed
    assert helpers == []


# ---------------------------------------------------------------- what they say


def complain(session: nwbin.Session) -> None:
    raise ValueError("[bold]x[/bold] and [/]")


def test_errors_are_shown_as_they_are(chunked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = nwbin.Dataset(chunked.parent).map(complain, workers=0, progress=True)
    assert done.failed == {7: "ValueError: [bold]x[/bold] and [/]"}
    assert "failed 7: ValueError: [bold]x[/bold] and [/]" in capsys.readouterr().err
