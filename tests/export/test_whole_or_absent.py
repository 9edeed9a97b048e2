"""A file that is written is whole or absent, whatever happens."""

from __future__ import annotations

import contextlib
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin._atomic import atomic_write
from nwbin.errors import (
    ArgumentError,
    CountOverflowError,
    FileAccessError,
    MissingFileError,
)
from nwbin.export import write_counts
from nwbin.export._disk_that_may_fill import undisturbed
from nwbin.responses.counts import AlignedCounts
from tests.disks import FileSizeLimit
from tests.export.counting import EDGES


@pytest.mark.parametrize("ending", [".npz", ".nc", ".csv", ".parquet", ".mat"])
def test_what_fails_leaves_nothing(tmp_path: Path, trains: Any, shown: pd.DataFrame, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_text("what was there before")
    rows = pd.DataFrame({"start_time": [-20.0, 0.0], "stop_time": [0.0, 20.0]})
    plan = AlignedCounts(trains, rows, [0.0, 20.0], dtype=np.uint8)  # 900 spikes
    with pytest.raises(CountOverflowError, match="uint16"):
        write_counts(path, plan)

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_counts(path, AlignedCounts(trains, shown, EDGES), progress=stop)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "what was there before"


@pytest.mark.parametrize(
    ("ending", "bins", "room"),
    [
        (".npz", 50, 16384),
        (".csv", 50, 16384),
        (".parquet", 50, 16384),
        (".nc", 50, 4096),  # HDF5 crashes where its first pages cannot be written,
        (".nc", 5000, 1_060_000),  # and now and then where others cannot
        (".mat", 50, 4096),
        (".mat", 5000, 1_060_000),
    ],
)
def test_a_full_disk_is_one_error_and_leaves_nothing(
    tmp_path: Path, ending: str, bins: int, room: int
) -> None:
    if ending == ".nc":
        pytest.importorskip("h5netcdf")
    elif ending == ".parquet":
        pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({k: np.sort(rng.uniform(0, 20, 20_000)) for k in range(50)})
    plan = AlignedCounts(trains, pd.DataFrame({"start_time": np.arange(19.0)}), np.linspace(0, 1, bins + 1))
    path = tmp_path / f"x{ending}"
    path.write_text("what was there before")
    with FileSizeLimit(room), pytest.raises(FileAccessError) as caught:
        write_counts(path, plan)
    said = f"{path}: cannot be written: File too large; make room, or give a name on another disk"
    assert str(caught.value) == said
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "what was there before"
    write_counts(path, plan)  # nothing is left open that stands in the way
    assert path.stat().st_size > room


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX signals")
# Between a file's opening and the block that closes it an error leaves it to the garbage collector, which complains.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_wait_for_the_end_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error from a handler in the midst of HDF5's writing would leave HDF5 in pieces."""

    class Stop(BaseException):
        pass

    disk_is_used: list[bool] = []
    inside = False

    def handler(number: int, frame: Any) -> None:
        disk_is_used.append(inside)
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(3):
            with pytest.raises(Stop), undisturbed():  # noqa: PT012
                inside = True
                signal.raise_signal(signal.SIGALRM)
                signal.raise_signal(signal.SIGALRM)
                inside = False
        assert signal.getsignal(signal.SIGALRM) is handler
        trains = nwbin.SpikeTrains.from_dict(dict.fromkeys(range(50), np.arange(20.0)))
        plan = AlignedCounts(trains, pd.DataFrame({"start_time": np.arange(19.0)}), np.linspace(0, 1, 2001))
        counts = np.random.default_rng(0).integers(0, 9, plan.shape, np.uint16)
        # Not counted: what is interrupted is to be the writing, and not the kernels' first import.
        monkeypatch.setattr(
            plan, "blocks", lambda most, progress: ((slice(k, k + 1), counts[k : k + 1]) for k in range(19))
        )
        pytest.importorskip("h5netcdf")
        write_counts(tmp_path / "x.nc", plan)  # warm
        for delay in np.linspace(0.002, 0.15, 12):
            signal.setitimer(signal.ITIMER_REAL, delay)
            with contextlib.suppress(Stop):
                write_counts(tmp_path / "y.nc", plan)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(disk_is_used) > 3
    assert not any(disk_is_used)
    assert {p.name for p in tmp_path.iterdir()} <= {"x.nc", "y.nc"}


def test_too_little_space_is_said_before_any_work(
    tmp_path: Path, trains: Any, shown: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = AlignedCounts(trains, shown, EDGES)  # 40 x 3 x 3 counts of 2 bytes
    monkeypatch.setattr(AlignedCounts, "blocks", None)  # would be an error of another kind

    def disk(free: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=10**12, free=free))

    disk(719)
    for name, layout in [("x.npz", "matrix"), ("x.csv", "matrix"), ("x.csv", "long")]:
        with pytest.raises(FileAccessError, match=r"needs at least .*B, and its disk has 719 B free; choose"):
            write_counts(tmp_path / name, plan, layout=layout)
    disk(720)
    with pytest.raises(TypeError, match="not callable"):
        write_counts(tmp_path / "x.npz", plan)
    assert list(tmp_path.iterdir()) == []


def test_threads_that_write_one_file(tmp_path: Path) -> None:
    # All are at work at the same time: none may touch what another has not finished.
    together = threading.Barrier(4, timeout=30)

    def write(text: str) -> None:
        with atomic_write(tmp_path / "x.txt") as unfinished:
            together.wait()
            unfinished.write_text(text * 1000)
            together.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    written = (tmp_path / "x.txt").read_text()
    assert written in {text * 1000 for text in "abcd"}
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
    with atomic_write(tmp_path / ("n" * 251 + ".txt")) as unfinished:  # as long as a name may be
        unfinished.write_text("1")


def test_whole_folder(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "store") as unfinished:
        unfinished.mkdir()
        (unfinished / "part").write_text("1")
    assert (tmp_path / "store" / "part").read_text() == "1"

    def fail() -> None:
        with atomic_write(tmp_path / "other") as unfinished:
            unfinished.mkdir()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_targets_are_refused_before_any_work(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    plan = AlignedCounts(trains, shown, EDGES)
    (tmp_path / "folder.npz").mkdir()
    for name, kind, message in [
        ("x.xls", ArgumentError, r"ends in '.xls'; .* .npz, .nc, .csv, .parquet"),
        ("x", ArgumentError, "has no ending"),
        ("none/x.npz", MissingFileError, "there is no folder"),
        ("folder.npz", FileAccessError, "is a folder"),
    ]:
        with pytest.raises(kind, match=message):
            write_counts(tmp_path / name, plan)
    with pytest.raises(ArgumentError, match="long layout is for tables"):
        write_counts(tmp_path / "x.npz", plan, layout="long")
    with pytest.raises(ArgumentError, match="layout 'wide' is not known"):
        write_counts(tmp_path / "x.csv", plan, layout="wide")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.npz"]
