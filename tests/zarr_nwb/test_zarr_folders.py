"""Commands and data sets take stores as they take files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nwbin
from nwbin.cli import app
from nwbin.storage.stores import state_of
from tests.zarr_nwb.conftest import Pair


def said(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    "command",
    [["units"], *(pytest.param([one], marks=pytest.mark.slow) for one in ("check", "info", "stimuli"))],
)
def test_commands(session: Pair, command: list[str]) -> None:
    there, here = said(*command, session.there), said(*command, session.here)
    if command != ["info"] and command != ["check"]:
        assert there.replace(session.there.name, session.here.name) == here
    assert "error" not in there.replace("0 errors", "")


@pytest.mark.slow
def test_counts(session: Pair, tmp_path: Path) -> None:
    import numpy as np

    found = []
    for number, path in enumerate(session):
        out = tmp_path / f"{number}.npz"
        said("count", path, "--stimulus", "static_gratings", "--window", "0,0.25", "-o", out)
        with np.load(out) as counts:
            found.append(counts["counts"] if "counts" in counts else counts[counts.files[0]])
    np.testing.assert_array_equal(*found)


def test_a_data_set(session: Pair, tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    shutil.copytree(session.there, root / "session_5.nwb.zarr")
    shutil.copy(session.here, root / "session_6.nwb")
    (root / "counts.zarr").mkdir()
    (root / "counts.zarr" / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {}}'
    )
    dataset = nwbin.Dataset(root, cache=False)
    assert list(dataset.session_ids) == [5, 6]
    with dataset.get_session_data(5) as one, dataset.get_session_data(6) as other:
        assert one.units.shape == other.units.shape
    with pytest.raises(OSError, match=r"is a Zarr store; nwbin\.open reads one session"):
        nwbin.Dataset(session.there)


@pytest.mark.slow
def test_a_folder_of_both_is_checked(session: Pair, tmp_path: Path) -> None:
    shutil.copytree(session.there, tmp_path / "session_5.nwb.zarr")
    shutil.copy(session.here, tmp_path / "session_6.nwb")
    assert "2 files" in said("check", tmp_path)


def test_the_state_of_a_store_changes_with_any_file(small: Path) -> None:
    before = state_of(small)
    assert state_of(small) == before
    some = sorted(path for path in small.rglob("*") if path.is_file())[::7]
    for path in some:
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000))
        after = state_of(small)
        assert after != before
        before = after
    some[-1].unlink()
    assert state_of(small) != before
