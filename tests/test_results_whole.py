"""Results of jobs: whole or not there, put in place by the run that owns it, and never over what is not a job's own."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import testing
from nwbin._processes import this_process
from nwbin.dataset import _claim
from nwbin.dataset._claim import Claim, LostClaimError, claimed
from nwbin.dataset._result_files import MatrixFolder
from nwbin.dataset._sinks import ForeignResultError
from nwbin.errors import FileAccessError, FormatError
from tests.test_unfinished import left

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")
KEY = 101
GONE = 2**22 + 1  # more than any process's number


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> nwbin.Dataset:
    folder = tmp_path_factory.mktemp("data")
    testing.write_session(folder / f"session_{KEY}.nwb", size="tiny", session_id=KEY)
    return nwbin.Dataset(folder, cache=False)


def counted(data: nwbin.Dataset, store: Path, **more: Any) -> str:
    pytest.importorskip("zarr")
    done = data.spike_counts(store, "flashes", window=(0, 0.25), workers=0, **more)
    done.raise_if_failed()
    return str(done.report.loc[KEY, "status"])


def unheard(done: int, total: int) -> None:
    """How far a result is written."""


def number(session: nwbin.Session) -> int:
    return int(session.num_units)


def own_kind(session: nwbin.Session) -> Any:
    return set(range(300))


def tree(root: Path) -> dict[str, bytes]:
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}


# ---------------------------------------------------------------- what is not a job's own


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "made",
    [
        ("x.zarr/session_101/thesis.txt", "years of work"),
        ("x.zarr/session_101/zarr.json", '{"zarr_format": 3, "node_type": "group", "attributes": {}}'),
        ("x.zarr/session_101", "a file"),
        ("x.zarr/zarr.json", '{"zarr_format": 3, "node_type": "group", "attributes": {"mine": 1}}'),
        ("x.zarr/.zgroup", '{"zarr_format": 2}'),
    ],
    ids=lambda made: made[0],
)
def test_a_store_of_somebody_else_is_left_alone(
    data: nwbin.Dataset, tmp_path: Path, made: tuple[str, str], overwrite: bool
) -> None:
    path = tmp_path / made[0]
    path.parent.mkdir(parents=True)
    path.write_text(made[1])
    with pytest.raises(FileAccessError, match=r"is left alone; move it away, or give another path") as said:
        counted(data, tmp_path / "x.zarr", overwrite=overwrite)
    assert str(path) in str(said.value) or str(path.parent) in str(said.value)
    assert path.read_text() == made[1]
    assert [one.name for one in tmp_path.iterdir()] == ["x.zarr"]


class Runs:
    """Runs code when it is opened."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> Any:
        return Path.touch, (self.flag,)


@pytest.mark.parametrize("ending", [".pkl", ".npz", ".json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_pickle_is_not_opened(
    data: nwbin.Dataset, tmp_path: Path, ending: str, overwrite: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    path = out / f"session_{KEY}{ending}"
    path.write_bytes(pickle.dumps(Runs(tmp_path / "flag")) * 2)
    with pytest.raises(ForeignResultError, match="has no stamp of a job"):
        data.map(number, out=out, workers=0, overwrite=overwrite)
    assert path.exists()
    assert not (tmp_path / "flag").exists()


def test_an_exchanged_pickle_stays_closed(data: nwbin.Dataset, tmp_path: Path) -> None:
    done = data.map(own_kind, out=tmp_path / "out", workers=0)
    assert done[KEY] == set(range(300))
    path = tmp_path / "out" / f"session_{KEY}.pkl"
    bad = pickle.dumps(Runs(tmp_path / "flag"))
    path.write_bytes(bad + b"." * (path.stat().st_size - len(bad)))
    with pytest.raises(FormatError, match="is not what the job has written"):
        done[KEY]
    assert not (tmp_path / "flag").exists()
    path.unlink()
    again = data.map(own_kind, out=tmp_path / "out", workers=0)
    assert again[KEY] == set(range(300))


def test_what_appears_while_a_job_runs_is_left_alone(data: nwbin.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out" / f"session_{KEY}.json"

    def writes(session: nwbin.Session) -> int:
        path.write_text("mine")
        return 1

    done = data.map(writes, out=tmp_path / "out", workers=0)
    assert "has no stamp of a job" in done.failed[KEY]
    assert path.read_text() == "mine"


def test_a_result_of_another_format_takes_the_place(data: nwbin.Dataset, tmp_path: Path) -> None:
    data.map(own_kind, out=tmp_path / "out", workers=0)
    assert data.map(number, out=tmp_path / "out", workers=0, overwrite=True)[KEY] > 0
    assert sorted(tree(tmp_path / "out")) == [f".nwbin/session_{KEY}.json", f"session_{KEY}.json"]


# ---------------------------------------------------------------- whole


@pytest.mark.slow
def test_a_group_that_lost_something_is_made_again(data: nwbin.Dataset, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    assert counted(data, store) == "done"
    truth = tree(store)
    group = store / f"session_{KEY}"
    (shard,) = [one for one in (group / "spike_counts" / "c").rglob("*") if one.is_file()]
    for lost in (shard, group / "unit_id" / "zarr.json", group / "spike_counts"):
        assert counted(data, store) == "kept"
        shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        assert counted(data, store) == "done"
        assert tree(store) == truth
    shard.write_bytes(b"")
    assert counted(data, store) == "done"
    shard.unlink()  # what is left of another job's result is still that
    with pytest.raises(nwbin.NwbinError, match="holds the results of another job"):
        data.spike_counts(store, "flashes", window=(0, 0.2), workers=0)
    for one in list(group.iterdir()):  # a group that lists its arrays, has its stamp, and no arrays
        if one.is_dir():
            shutil.rmtree(one)
    assert counted(data, store) == "done"
    assert tree(store) == truth


def test_a_group_that_loses_something_while_it_is_written_is_not_put_in_place(
    data: nwbin.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("zarr")
    from nwbin.dataset import _zarr_store

    real = _zarr_store.write_zarr_group

    def loses(path: Path, *rest: Any, **more: Any) -> None:
        real(path, *rest, **more)
        next(one for one in (path / "spike_counts" / "c").rglob("*") if one.is_file()).unlink()

    monkeypatch.setattr(_zarr_store, "write_zarr_group", loses)
    with pytest.raises(nwbin.NwbinError, match=r"spike_counts/c/0/0/0 was lost while it was written"):
        counted(data, tmp_path / "x.zarr")
    assert [one.name for one in (tmp_path / "x.zarr").iterdir()] == ["zarr.json"]


def test_lost_files_are_made_again_and_damaged_ones_are_not_read(data: nwbin.Dataset, tmp_path: Path) -> None:
    folder = MatrixFolder(tmp_path / "out")
    matrix = nwbin.ResponseMatrix(np.ones((2, 3)), np.arange(2.0), np.arange(2.0), np.arange(2), np.arange(3))
    with claimed(folder.root) as claim:
        folder.begin({})
        folder.save(claim, 1, matrix, {"spec": "this"}, lambda: None, unheard)
    path = tmp_path / "out" / "session_1.npz"
    assert folder.written(1) == ({"spec": "this"}, True)
    whole = path.read_bytes()
    for cut in range(197, len(whole), 197):
        path.write_bytes(whole[:cut])
        with pytest.raises(ForeignResultError, match="its size or digest is not that of its stamp"):
            folder.written(1)
        with pytest.raises(FormatError, match="is not what the job has written"):
            folder.load(1)
    path.write_bytes(b"")
    assert folder.written(1) == ({"spec": "this"}, False)
    with pytest.raises(FormatError, match="not there any more, or not all of it"):
        folder.load(1)
    path.unlink()
    assert folder.written(1) == (
        {"spec": "this"},
        False,
    )  # what a job that was killed between two renames leaves
    (tmp_path / "out" / ".nwbin" / "session_1.json").write_text('{"stamp": 1}')
    with pytest.raises(ForeignResultError, match="is no stamp of a job"):
        folder.written(1)


# ---------------------------------------------------------------- whose it is


@pytest.fixture
def orphan(tmp_path: Path) -> tuple[Claim, MatrixFolder]:
    """The hold of a run that was killed, as a worker of it still has it."""
    folder = MatrixFolder(tmp_path / "out")
    folder.begin({})
    lock = tmp_path / ".out.parts"
    lock.mkdir()
    said = {**asdict(this_process()), "pid": GONE, "started": 1, "run": "old"}
    (lock / "owner.json").write_text(json.dumps(said))
    parts = left(folder.root)
    parts.mkdir()
    return Claim(str(folder.root), str(lock), str(parts), "old"), folder


def tiny(value: float) -> nwbin.ResponseMatrix:
    return nwbin.ResponseMatrix(np.full((1, 1), value), *(np.zeros(1) for _ in range(4)))


@pytest.mark.parametrize("last", [False, True])
def test_an_orphan_puts_nothing_in_place(
    orphan: tuple[Claim, MatrixFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: bool
) -> None:
    """Also where the next run begins between the last check and the renaming."""
    claim, folder = orphan
    runs: list[Any] = []

    def next_run() -> None:
        runs.append(claimed(folder.root))
        runs[0].__enter__()

    if last:
        real = Claim.check

        def check(self: Claim) -> None:
            real(self)
            if self.run == "old" and not runs and list(Path(self.parts).rglob("*.npz")):
                next_run()

        monkeypatch.setattr(Claim, "check", check)
    with pytest.raises(LostClaimError, match="another run has taken this output over"):
        folder.save(claim, 1, tiny(1.0), {"of": "old"}, (lambda: None) if last else next_run, unheard)
    assert tree(folder.root) == {}
    runs[0].__exit__(None, None, None)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_an_orphan_that_writes_into_the_next_run(orphan: tuple[Claim, MatrixFolder], tmp_path: Path) -> None:
    claim, folder = orphan
    with claimed(folder.root) as mine:
        with pytest.raises(LostClaimError), claim.part():
            pass
        late = Path(claim.parts) / "late"  # made anew by a library that makes what is missing
        late.mkdir(parents=True)
        (late / "c").touch()
        folder.save(mine, 1, tiny(2.0), {"of": "new"}, lambda: None, unheard)
    assert folder.load(1).X == 2.0
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_number_that_another_process_has_now(orphan: tuple[Claim, MatrixFolder], tmp_path: Path) -> None:
    """The run is gone though a process has its number: that one started at another time."""
    claim, folder = orphan
    owner = Path(claim.lock) / "owner.json"
    said = {**json.loads(owner.read_text()), "pid": os.getppid()}
    owner.write_text(json.dumps({**said, "started": 0}))  # as where the system does not say
    with pytest.raises(FileAccessError, match="another run is writing"), claimed(folder.root):
        pass
    if not Path("/proc/self/stat").exists():
        pytest.skip("the system does not say when a process started")
    owner.write_text(json.dumps(said))
    with claimed(folder.root):
        pass


def test_two_that_take_over_at_once(
    orphan: tuple[Claim, MatrixFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower one has judged the old run gone, and finds the quicker one's folder in its hands."""
    _, folder = orphan
    real, quicker = _claim._is_gone, claimed(folder.root)

    def judged(said: Any, lock: Path) -> bool:
        monkeypatch.setattr(_claim, "_is_gone", real)
        first.append(quicker.__enter__())
        return True

    first: list[Claim] = []
    monkeypatch.setattr(_claim, "_is_gone", judged)
    with pytest.raises(FileAccessError, match="another run is writing"), claimed(folder.root):
        pass
    first[0].check()
    quicker.__exit__(None, None, None)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_result_whose_replacement_fails_stays(
    data: nwbin.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counted(data, tmp_path / "x.zarr") == "done"
    truth = tree(tmp_path / "x.zarr" / f"session_{KEY}")

    def fails(self: Path, target: Path) -> Path:
        if target.name == f"session_{KEY}":
            raise OSError(5, "the disk is gone")
        return real(self, target)

    real = Path.replace
    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(nwbin.NwbinError, match="the disk is gone"):
        counted(data, tmp_path / "x.zarr", overwrite=True)
    assert tree(tmp_path / "x.zarr" / f"session_{KEY}") == truth
