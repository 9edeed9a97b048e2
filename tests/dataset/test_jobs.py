"""What becomes of jobs: results, failures, lost workers, second runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin._processes import this_process
from nwbin.dataset import Results
from nwbin.dataset._results import JobError
from nwbin.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileAccessError,
    LookupFailure,
    MissingFileError,
)
from tests.caches import make_dandi
from tests.dataset.jobs import IDS, OPEN, fails_for_one, kill_once, rates
from tests.disks import FileSizeLimit

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


def test_map(trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(trees["allen"])
    seen: list[tuple[int, int]] = []
    found = data.map(
        rates, arguments={"scale": 2.0}, workers=0, progress=lambda done, total, _: seen.append((done, total))
    )
    assert isinstance(found, Results)
    assert list(found) == IDS
    with data.get_session_data(IDS[2]) as session:
        assert found[IDS[2]] == rates(session, 2.0)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    two = data.map(rates, sessions="session_type == 'brain_observatory_1.1'", workers=0, **OPEN)
    assert list(two) == IDS[:2]
    assert two[IDS[0]] != found[IDS[0]] / 2
    assert list(data.map(rates, sessions=IDS[1], workers=0)) == [IDS[1]]
    assert list(data.map(rates, sessions=lambda table: table["sex"] == "F", workers=0)) == []


def test_a_failure_keeps_the_others(trees: dict[str, Path]) -> None:
    found = nwbin.Dataset(trees["dandi"]).map(fails_for_one, workers=2)
    assert list(found) == [IDS[0], IDS[2]]
    assert found.failed == {IDS[1]: "ValueError: no luck"}
    assert "fails_for_one" in found.report.loc[IDS[1], "trace"]
    assert found.report["status"].tolist() == ["done", "failed", "done"]
    assert (found.report["memory_mb"] > 10).all()
    assert repr(found) == "<nwbin.dataset.Results: 2 done, 1 failed>"
    with pytest.raises(LookupFailure, match="has no result: ValueError: no luck"):
        found[IDS[1]]
    with pytest.raises(LookupFailure, match="was not part of the job"):
        found[1]
    with pytest.raises(JobError, match="1 of 3 sessions failed"):
        found.raise_if_failed()


def test_large_results_stay_where_they_are(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["dandi"])
    found = data.map(lambda session: np.zeros(9_000_000), sessions=IDS[:1], workers=0)
    assert "more than the 64 MB that are sent back" in found.failed[IDS[0]]
    kept = data.map(lambda session: np.zeros(9_000_000), sessions=IDS[:1], workers=0, out=tmp_path / "big")
    assert kept[IDS[0]].shape == (9_000_000,)


def test_arguments_are_checked(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["dandi"])
    with pytest.raises(ArgumentTypeError, match="no argument 'worker'; did you mean 'workers'"):
        data.map(rates, worker=2)
    with pytest.raises(ArgumentTypeError, match="function must be callable"):
        data.map(3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="workers must be a number"):
        data.map(rates, workers=-1)
    with pytest.raises(ArgumentError, match="either edges, or a window"):
        data.spike_counts(tmp_path / "x.zarr")
    with pytest.raises(MissingFileError, match="there is no folder"):
        data.map(rates, out=tmp_path / "none" / "out", workers=0)
    with pytest.raises(LookupFailure, match="has no session 5"):
        data.map(rates, sessions=[5])


def test_taken_up_again(files: list[Path], tmp_path: Path) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    make_dandi(root, [shutil.copy(path, tmp_path) and tmp_path / path.name for path in files])
    data = nwbin.Dataset(root)

    def statuses(found: Results) -> list[str]:
        return found.report["status"].tolist()

    assert statuses(data.map(fails_for_one, out=out, workers=0)) == ["done", "failed", "done"]
    assert statuses(data.map(fails_for_one, out=out, workers=0)) == ["kept", "failed", "kept"]
    path = Path(data.files.loc[IDS[2], "path"])
    os.utime(path, ns=(0, 0))
    again = data.map(fails_for_one, out=out, workers=0)
    assert statuses(again) == ["kept", "failed", "done"]
    assert again[IDS[0]] == data.map(fails_for_one, workers=0)[IDS[0]]
    assert again.path == out
    with pytest.raises(ArgumentError, match="holds the results of another job"):
        data.map(rates, out=out, workers=0)
    assert statuses(data.map(rates, out=out, workers=0, overwrite=True)) == ["done"] * 3
    assert [one.name for one in tmp_path.glob(".*")] == []  # nothing unfinished is left


def test_a_full_disk_is_said_of_each_session(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = nwbin.Dataset(trees["folder"], cache=False)
    with FileSizeLimit(3000):
        found = data.spike_counts(tmp_path / "x.zarr", "flashes", window=(0, 0.25), workers=0, **OPEN)
    said = "cannot be written: File too large; make room, or give a name on another disk"
    assert found.failed == {one: f"{tmp_path / 'x.zarr'}/session_{one}: {said}" for one in IDS}
    assert [p.name for p in tmp_path.rglob("*") if "cache" not in str(p)] == ["x.zarr", "zarr.json"]
    with FileSizeLimit(10), pytest.raises(FileAccessError, match=r"y\.zarr: cannot be written: File too"):
        data.spike_counts(tmp_path / "y.zarr", "flashes", window=(0, 0.25), workers=0, **OPEN)


def test_two_runs_on_one_place(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["dandi"])
    parts = tmp_path / ".out.parts"
    parts.mkdir()
    owner = asdict(this_process())
    (parts / "owner.json").write_text(json.dumps(owner))
    with pytest.raises(FileAccessError, match="another run is writing to it"):
        data.map(rates, out=tmp_path / "out", workers=0)
    # What a killed run has left is cleared away.
    (parts / "owner.json").write_text(json.dumps({**owner, "pid": 2**22 + 1}))
    (parts / "rest.pkl").touch()
    assert len(data.map(rates, out=tmp_path / "out", workers=0)) == 3
    assert not parts.exists()


def kill_always(session: nwbin.Session) -> int:
    if session.ecephys_session_id == IDS[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(session.num_units)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.slow
def test_a_killed_worker_loses_nothing(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["dandi"])
    found = data.map(kill_once, arguments={"flag": str(tmp_path / "flag")}, workers=2)
    assert (tmp_path / "flag").exists()
    assert list(found) == IDS
    lost = data.map(kill_always, workers=2)
    assert list(lost) == [IDS[0], IDS[2]]
    assert "came to an end 3 times over it (signal 9" in lost.failed[IDS[1]]


# -------------------------------------------------------------------- Dask


def slow_units(session: nwbin.Session) -> int:
    time.sleep(0.2)
    return fails_for_one(session)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_dask(client: Any, trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["allen"])
    found = data.map(slow_units, client=client)
    assert dict(found) == dict(data.map(fails_for_one, workers=0))
    assert found.failed == {IDS[1]: "ValueError: no luck"}
    assert len(set(found.report["worker"])) == 2
    again = data.map(slow_units, client=client, out=tmp_path / "out")
    assert again.report["status"].tolist() == ["done", "failed", "done"]
    assert data.map(slow_units, client=client, out=tmp_path / "out").report["status"].tolist() == [
        "kept", "failed", "kept",
    ]  # fmt: skip
    flag = str(tmp_path / "flag")
    lost = data.map(kill_once, arguments={"flag": flag}, client=client)
    assert list(lost) == IDS
    with pytest.raises(ArgumentTypeError, match=r"must be a dask\.distributed\.Client"):
        data.map(rates, client="tcp://127.0.0.1:8786")
