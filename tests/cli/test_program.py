"""The program: help, examples, how it fails: one line, exit code 2, no traceback."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import numpy as np
import pytest

import nwbin
from nwbin.cli import app
from tests.cli.asking import NWBIN, bad, good, run
from tests.small_files import write_small

PATIENCE = 120  # seconds until a process is taken to hang


@pytest.mark.parametrize("command", ["demo", "info", "units", "stimuli", "count", "psth", "metrics", "check"])
def test_help_has_an_example(command: str) -> None:
    text = good(command, "--help")
    assert re.search(rf"Examples?:\s+nwbin {command}", text), text
    # The first paragraph is wrapped; the others stand as they are, and are to fit a terminal of 80.
    said = next(one.callback.__doc__ for one in app.registered_commands if one.callback.__name__ == command)
    assert max(map(len, inspect.cleandoc(said).partition("\n\n")[2].splitlines())) <= 76


def examples() -> list[Any]:
    """The command lines in the help, but the demo's and the downloads: those are tested by themselves."""
    found = []
    for one in app.registered_commands:
        said = inspect.cleandoc(one.callback.__doc__).partition("Examples:\n")[2].replace("\\\n", "")
        lines = [line.strip() for line in said.splitlines()]
        found += [line for line in lines if not line.startswith(("nwbin demo", "nwbin download"))]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("example", examples())
@pytest.mark.slow
def test_examples_work(tiny: Path, here: Path, example: str) -> None:
    if "other.nwb" in example:
        with h5py.File(write_small(here / "other.nwb"), "a") as f:
            f["intervals"].move("trials", "epochs")
    (here / "ecephys_cache_dir").mkdir()
    for name in ("session.nwb", "session_715093703.nwb", "ecephys_cache_dir/session_715093703.nwb"):
        shutil.copy(tiny, here / name)
    if ".zarr" in example:
        pytest.importorskip("zarr")
    if "metrics" in example and "--quality" not in example:
        pytest.importorskip("scipy")
    if ".parquet" in example:
        pytest.importorskip("pyarrow")
    _, *args = shlex.split(example)
    before = set(here.iterdir())
    said = good(*args[: args.index(">") if ">" in args else None])
    assert len(said.strip()) > 20
    out = args[args.index("-o") + 1] if "-o" in args else None
    made = {here / out} if out else set()
    if "report ecephys_cache_dir" in example:  # an index, and the pages beside it
        made.add(here / "reports_sessions")
    assert set(here.iterdir()) - before == made
    if out:
        assert said.splitlines()[-1].startswith(f"{out}: ")
        size = sum(one.stat().st_size for one in [here / out, *(here / out).rglob("*")] if one.is_file())
        assert size > 100


def test_help_and_version() -> None:
    text = good("--help")
    assert all(command in text for command in ("demo", "info", "units", "stimuli", "count", "psth"))
    assert good("--version") == f"nwbin {nwbin.__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    heavy = ["numpy", "numba", "h5py", "pandas", "xarray", "pynwb", "matplotlib", "sklearn"]
    script = (
        "import sys\nfrom nwbin.cli import main\nsys.argv = ['nwbin', '--help']\n"
        f"try: main()\nexcept SystemExit: print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_usage_errors(tiny: Path, here: Path) -> None:
    assert "No such command 'cuont'" in bad("cuont")
    assert "No such option" in bad("units", tiny, "--nope")
    assert "Missing" in bad("count", tiny)
    assert "--threads" in bad("count", tiny, "-o", "x.npz", "--threads", "many")
    assert "nwbin count --help" in bad("count", tiny)


def test_file_errors(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("no HDF5")
    assert "no such file" in bad("info", tmp_path / "none.nwb")
    assert "is a folder" in bad("units", tmp_path)
    assert "text.nwb" in bad("info", tmp_path / "text.nwb")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    for args in (["--debug", "info", "none.nwb"], ["info", "none.nwb", "--debug"]):
        done = subprocess.run([*NWBIN, *args], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert "MissingFileError" in done.stderr


def test_exit_code_of_the_real_program(tiny: Path, tmp_path: Path) -> None:
    done = subprocess.run([*NWBIN, "stimuli", str(tiny), "flahes"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tiny}: has no stimulus 'flahes'; did you mean 'flashes'?\n"


@pytest.mark.slow
def test_a_closed_pipe_is_quiet(tiny: Path) -> None:
    for command in (["stimuli", str(tiny), "natural_movie_one"], ["stimuli", str(tiny), "-o", "-"]):
        with subprocess.Popen([*NWBIN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 141


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(tiny: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    # Many minutes of work, were it not interrupted.
    command = [
        *NWBIN,
        "count",
        str(tiny),
        "--stimulus",
        "drifting_gratings",
        "--bin",
        "1e-5",
        "--window",
        "0,2",
    ]
    with subprocess.Popen(
        [*command, "-o", "x.csv"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + PATIENCE
        while not any(p.name.startswith(".x.csv") for p in tmp_path.iterdir()):
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == code
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert errors.splitlines()[-1] == "nwbin: interrupted"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupted_within_source_text(tmp_path: Path) -> None:
    # As in the midst of Numba's templates: Python would end by the signal although it was caught.
    (tmp_path / "program.py").write_text(
        "import os, signal, sys\n"
        "import nwbin.cli._app as program\n"
        "@program.app.command()\n"
        "def work() -> None:\n"
        "    exec('os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(60)')\n"
        "sys.argv[1:] = ['work']\n"
        "program.main()\n"
    )
    command = [sys.executable, "-m", "program"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (130, "nwbin: interrupted\n")


def test_what_newcomers_write_is_answered(tiny: Path, here: Path) -> None:
    for width in ("0", "-1", "nan", "inf"):
        assert "--bin must be more than 0 s, not" in bad(
            "psth", tiny, "--stimulus", "flashes", "--bin", width
        )
    assert "--columns needs names" in bad("units", tiny, "--columns", " ")
    window = ("--window", "0,0.2", "-o", "x.npz")
    assert bad("count", tiny, "--stimulus", "flashes, gabors", *window).endswith(
        "has no stimulus 'flashes, gabors'; for several, write --stimulus flashes --stimulus gabors"
    )
    assert bad("count", tiny, "--intervals", "flashes", *window).endswith(
        "has no intervals table 'flashes'; it is a stimulus: --stimulus flashes"
    )
    store = bad("count", tiny, "--stimulus", "flashes", "--window", "0,0.2", "-o", "x.zarr")
    assert (
        "x.zarr: a Zarr store is for a folder of sessions; of a single file give a name in .npz, .nc" in store
    )
    job = ("count", tiny, "--stimulus", "flashes", "--window", "0,0.2")
    assert "--compress is for .npz; .csv is" in bad(*job, "--compress", "-o", "x.csv")
    good(*job, "--binarize", "-o", "x.nc")
    (here / "x.nc").unlink()
    assert "location" not in good("units", tiny).splitlines()[0]
    assert list(here.iterdir()) == []


def test_an_interrupted_folder_says_what_is_there(
    tiny: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(data: object, out: Path, *arguments: object, **more: object) -> None:
        (out / "session_1").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("nwbin.dataset.Dataset.spike_counts", stop)
    (here / "data").mkdir()
    (here / "data" / "session_1.nwb").symlink_to(tiny)
    result = run("count", here / "data", "--stimulus", "flashes", "--window", "0,0.2", "-o", "x.zarr")
    assert result.exit_code == 130
    said = ["note: x.zarr: has 1 session; the same command goes on from there", "nwbin: interrupted"]
    assert result.output.splitlines() == said


@pytest.mark.slow
def test_text_that_is_no_utf_8_is_shown(tmp_path: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as file:
        for name, text in (
            ("session_description", b"caf\xe9"),
            ("units/quality", [b"good", b"caf\xe9", b"good"]),
        ):
            del file[name]
            file[name] = np.array(text, dtype=object).astype(h5py.string_dtype())
    for command in (["info"], ["units", "--all"], ["units", "--all", "-o", "-"]):
        done = subprocess.run([*NWBIN, *command, str(path)], capture_output=True, text=True)
        assert (done.returncode, done.stdout.count(r"caf\xe9")) == (0, 1), done.stderr
