"""What a job cannot be shown to have written, in the midst of what it has: left alone, and never taken for a result."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import testing
from nwbin.dataset._claim import claimed
from nwbin.dataset._sinks import ForeignResultError
from nwbin.errors import FileAccessError, FormatError

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")
KEY = 101


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> nwbin.Dataset:
    folder = tmp_path_factory.mktemp("data")
    testing.write_session(folder / f"session_{KEY}.nwb", size="tiny", session_id=KEY)
    return nwbin.Dataset(folder, cache=False)


def count(data: nwbin.Dataset, store: Path, **more: Any) -> nwbin.dataset.Results:
    done = data.spike_counts(store, "flashes", window=(0, 0.25), workers=0, **more)
    done.raise_if_failed()
    return done


@pytest.fixture(scope="module")
def counted(data: nwbin.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zarr")
    store = tmp_path_factory.mktemp("counted") / "c.zarr"
    count(data, store)
    return store


@pytest.fixture
def store(counted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(counted, tmp_path / "c.zarr"))


def number(session: nwbin.Session) -> int:
    return int(session.num_units)


def numbers(session: nwbin.Session) -> Any:
    return np.arange(session.num_units)


def own_kind(session: nwbin.Session) -> Any:
    return set(range(300))


def tree(root: Path) -> dict[str, bytes]:
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}


def change(path: Path, at: int = -1) -> None:
    """Another byte, the same size, and the same time."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


# ---------------------------------------------------------------- in a group


def a_note(group: Path) -> str:
    (group / "notes.txt").write_text("years of work")
    return "notes.txt"


def an_empty_note(group: Path) -> str:
    (group / "notes.txt").touch()
    return "notes.txt"


def a_folder(group: Path) -> str:
    (group / "analysis").mkdir()
    return "analysis"


def a_file_far_down(group: Path) -> str:
    (group / "spike_counts" / "c" / "mine.npy").write_text("x")
    return "spike_counts/c/mine.npy"


def a_link(group: Path) -> str:
    (group / "mine").symlink_to(group.parent, target_is_directory=True)
    return "mine"


def another_size(group: Path) -> str:
    with (group / "unit_id" / "c" / "0").open("ab") as file:
        file.write(b"x")
    return "unit_id/c/0"


def another_description(group: Path) -> str:
    change(group / "unit_id" / "zarr.json", at=3)
    return "unit_id/zarr.json"


def an_attribute(group: Path) -> str:
    said = json.loads((group / "zarr.json").read_text())
    said["attributes"]["remark"] = "mine"
    (group / "zarr.json").write_text(json.dumps(said))
    return "zarr.json"


IN_A_GROUP = [
    a_note, an_empty_note, a_folder, a_file_far_down, a_link, another_size, another_description, an_attribute,
]  # fmt: skip


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("put", IN_A_GROUP, ids=lambda put: put.__name__)
def test_what_is_put_into_a_group_stays(data: nwbin.Dataset, store: Path, put: Any, overwrite: bool) -> None:
    group = store / f"session_{KEY}"
    name = put(group)
    shutil.rmtree(group / "spike_counts" / "c" / "0")  # part of it is lost besides
    before = tree(group)
    with pytest.raises(ForeignResultError, match=r"is left alone; move it away") as said:
        count(data, store, overwrite=overwrite)
    assert repr(name) in str(said.value)
    assert str(group) in str(said.value)
    assert tree(group) == before
    assert name == "zarr.json" or os.path.lexists(group / name)


def test_what_is_missing_from_a_group_is_made_again(data: nwbin.Dataset, store: Path) -> None:
    truth, group = tree(store), store / f"session_{KEY}"
    (group / "unit_id" / "zarr.json").write_text("")  # what a machine that lost its power leaves of a file
    (group / "unit_id" / "c" / "0").write_text("")
    shutil.rmtree(group / "spike_counts")
    assert count(data, store).report.loc[KEY, "status"] == "done"
    assert tree(store) == truth


def test_what_cannot_be_seen_in_a_group_is_not_missing(
    data: nwbin.Dataset, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = store / f"session_{KEY}"
    real, before = os.scandir, tree(group)

    def guarded(path: Any = ".") -> Any:  # for the superuser, too, who runs tests in containers
        if not isinstance(path, int) and os.fspath(path) == str(group / "unit_id"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", guarded)
        with pytest.raises(ForeignResultError, match=r"cannot be read to its end \(Permission denied\)"):
            count(data, store)
    assert tree(group) == before


@pytest.mark.parametrize("content", [None, {}, {"files": {}, "sha256": {}}, {"files": 3, "sha256": "x"}])
def test_a_stamp_that_lists_nothing_proves_nothing(data: nwbin.Dataset, store: Path, content: Any) -> None:
    at = store / f"session_{KEY}" / "zarr.json"
    said = json.loads(at.read_text())
    said["attributes"]["nwbin"]["content"] = content
    at.write_text(json.dumps(said))
    before = tree(store / f"session_{KEY}")
    with pytest.raises(ForeignResultError, match="does not list what it consists of"):
        count(data, store, overwrite=True)
    assert tree(store / f"session_{KEY}") == before


@pytest.mark.parametrize("name", ["spike_counts", "unit_id", "ecephys_structure_acronym"])
def test_a_changed_chunk_raises_when_it_is_read(data: nwbin.Dataset, store: Path, name: str) -> None:
    done = count(data, store)
    done[KEY][name].to_numpy()
    (chunk,) = [one for one in (store / f"session_{KEY}" / name / "c").rglob("*") if one.is_file()]
    change(chunk, at=chunk.stat().st_size // 4)
    with pytest.raises(ValueError, match="checksum"):
        done[KEY][name].to_numpy()


def test_a_group_that_is_no_more_what_it_was_is_not_loaded(data: nwbin.Dataset, store: Path) -> None:
    done = count(data, store)
    (chunk,) = [one for one in (store / f"session_{KEY}" / "spike_counts" / "c").rglob("*") if one.is_file()]
    chunk.unlink()  # Zarr reads zeros in its place
    with pytest.raises(FormatError, match="not there any more, or not all of it"):
        done[KEY]


# ---------------------------------------------------------------- in a file


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("same_size", [False, True])
@pytest.mark.parametrize("function", [number, numbers, own_kind])
@pytest.mark.slow
def test_a_changed_file_stays(
    data: nwbin.Dataset, tmp_path: Path, function: Any, same_size: bool, overwrite: bool
) -> None:
    done = data.map(function, out=tmp_path / "out", workers=0)
    truth = done[KEY]
    (path,) = (tmp_path / "out").glob("session_*")
    if same_size:
        change(path)
    else:
        path.write_text("the user's own")
    before = tree(tmp_path)
    with pytest.raises(FormatError, match=r"is not what the job has written .* move it away and run"):
        done[KEY]
    with pytest.raises(ForeignResultError, match=r"its size or digest is not that of its stamp.* left alone"):
        data.map(function, out=tmp_path / "out", workers=0, overwrite=overwrite)
    assert tree(tmp_path) == before
    path.rename(tmp_path / "moved")
    again = data.map(function, out=tmp_path / "out", workers=0)
    assert again.report.loc[KEY, "status"] == "done"
    np.testing.assert_equal(again[KEY], truth)


def test_a_changed_table_stays(data: nwbin.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    done = data.spike_tables(tmp_path / "out", workers=0)
    done.raise_if_failed()
    change(tmp_path / "out" / f"session_{KEY}.parquet", at=40)
    with pytest.raises(FormatError, match="is not what the job has written"):
        done[KEY]
    with pytest.raises(ForeignResultError, match="is left alone"):
        data.spike_tables(tmp_path / "out", workers=0)


def test_an_exchange_while_the_job_runs_is_left_alone(data: nwbin.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "out" / f"session_{KEY}.json"
    data.map(number, out=path.parent, workers=0)

    def writes(session: nwbin.Session) -> int:
        path.write_text("mine")
        return 1

    done = data.map(writes, out=path.parent, workers=0, overwrite=True)
    assert "is not what a job has written" in done.failed[KEY]
    assert path.read_text() == "mine"


@pytest.mark.parametrize("more", [{}, {"bytes": 4}, {"sha256": "0" * 64}, {"bytes": "4", "sha256": 0}])
def test_a_forged_stamp_proves_nothing(data: nwbin.Dataset, tmp_path: Path, more: dict[str, Any]) -> None:
    path = tmp_path / "out" / f"session_{KEY}.json"
    (path.parent / ".nwbin").mkdir(parents=True)
    path.write_text("mine")
    forged = {"stamp": {"spec": {}}, "result": {"name": path.name, **more}}
    (path.parent / ".nwbin" / f"session_{KEY}.json").write_text(json.dumps(forged))
    before = tree(tmp_path)
    with pytest.raises(ForeignResultError, match="is no stamp of a job"):
        data.map(number, out=path.parent, workers=0, overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("link", [False, True])
def test_the_folder_of_stamps_is_a_folder(data: nwbin.Dataset, tmp_path: Path, link: bool) -> None:
    stamps = tmp_path / "out" / ".nwbin"
    (tmp_path / "elsewhere").mkdir()
    stamps.parent.mkdir()
    stamps.symlink_to(tmp_path / "elsewhere", target_is_directory=True) if link else stamps.write_text("x")
    with pytest.raises(ForeignResultError, match=r"\.nwbin: is no folder, and a job keeps its stamps"):
        data.map(number, out=tmp_path / "out", workers=0)
    assert os.path.lexists(stamps)
    assert not list((tmp_path / "elsewhere").iterdir())


# ---------------------------------------------------------------- under the name of a run's hold


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("precious.txt", "x"), ("owner.json", "{}"), ("owner.json", "not of JSON"),
        ("owner.json", '{"host": 1, "pid": "me"}'),
    ],
)  # fmt: skip
def test_a_folder_that_has_the_name_of_a_hold_stays(tmp_path: Path, name: str, text: str) -> None:
    lock = tmp_path / ".c.zarr.parts"
    lock.mkdir()
    (lock / name).write_text(text)
    with (
        pytest.raises(FileAccessError, match=r"\.c\.zarr\.parts: .* is left alone: move it away"),
        claimed(tmp_path / "c.zarr"),
    ):
        pass
    assert tree(tmp_path) == {f".c.zarr.parts/{name}": text.encode()}


@pytest.mark.parametrize("link", [False, True])
def test_what_is_no_folder_and_has_the_name_of_a_hold_stays(tmp_path: Path, link: bool) -> None:
    lock = tmp_path / ".c.zarr.parts"
    (tmp_path / "elsewhere").mkdir()
    lock.symlink_to(tmp_path / "elsewhere", target_is_directory=True) if link else lock.write_text("x")
    with pytest.raises(FileAccessError, match="is left alone: move it away"), claimed(tmp_path / "c.zarr"):
        pass
    assert sorted(one.name for one in tmp_path.iterdir()) == [".c.zarr.parts", "elsewhere"]


def test_an_empty_hold_is_nobodys(tmp_path: Path) -> None:
    """What a run leaves that is killed between the removals of its name and of the folder around it."""
    (tmp_path / ".c.zarr.parts").mkdir()
    with claimed(tmp_path / "c.zarr") as claim:
        claim.check()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- of an earlier version


def of_an_earlier_version(store: Path) -> Path:
    """Make a group what nwbin wrote before its stamps listed files: its attribute said what was done to which file."""
    at = store / f"session_{KEY}" / "zarr.json"
    said = json.loads(at.read_text())
    stamp = said["attributes"]["nwbin"]["stamp"]
    said["attributes"]["nwbin"] = {
        "version": "0.1.0",
        "stamp": {"spec": stamp["spec"], "file": stamp["session"]},
    }
    at.write_text(json.dumps(said))
    return at.parent


def test_a_group_of_an_earlier_version_is_replaced_where_that_is_asked_for(
    data: nwbin.Dataset, store: Path
) -> None:
    group = of_an_earlier_version(store)
    before = tree(group)
    with pytest.raises(ForeignResultError, match=r"earlier version of nwbin \(which overwrite=True") as said:
        count(data, store)
    assert str(group) in str(said.value)
    assert tree(group) == before
    done = count(data, store, overwrite=True)
    assert done.report.loc[KEY, "status"] == "done"
    assert count(data, store).report.loc[KEY, "status"] == "kept"


@pytest.mark.parametrize(
    "put", [a_note, an_empty_note, a_folder, a_file_far_down, a_link], ids=lambda put: put.__name__
)
def test_what_is_put_into_a_group_of_an_earlier_version_stays(
    data: nwbin.Dataset, store: Path, put: Any
) -> None:
    group = of_an_earlier_version(store)
    name = put(group)
    before = tree(group)
    with pytest.raises(ForeignResultError, match="no job can be shown to have written") as said:
        count(data, store, overwrite=True)
    assert repr(name) in str(said.value)
    assert tree(group) == before
