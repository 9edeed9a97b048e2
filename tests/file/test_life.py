"""nwbin.File: where it reads from, while it is open, closed, and sent elsewhere."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import nwbin
from nwbin.errors import (
    ArgumentTypeError,
    FileAccessError,
    MissingFileError,
)
from tests.small_files import IDS, write_small


def test_file_objects_of_a_session(session: Path) -> None:
    with nwbin.File(io.BytesIO(session.read_bytes())) as memory, nwbin.File(session) as f:
        assert memory.spike_trains() == f.spike_trains()
        assert memory.units.equals(f.units)


def test_closed(small: Path) -> None:
    f = nwbin.File(small)
    f.close()
    f.close()
    for ask in (lambda: f.units, lambda: f.spike_trains(), lambda: f.session_id, lambda: f.pynwb()):
        with pytest.raises(FileAccessError, match=r"small\.nwb: is closed"):
            ask()


def test_nothing_is_read_until_asked(session: Path) -> None:
    class Counting(io.BytesIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            n = super().readinto(buffer)
            self.taken += n
            return n

    stream = Counting(session.read_bytes())
    with nwbin.File(stream) as f:
        opened = stream.taken
        assert opened < 100_000
        unit = int(f.unit_ids[0])
        before = stream.taken
        own = f.spike_trains([unit]).counts.sum() * 8
        assert stream.taken - before < own * 3 + 400_000


def test_pickled_it_is_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small(tmp_path / "small.nwb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with nwbin.File("small.nwb") as file:
        monkeypatch.chdir(tmp_path / "elsewhere")
        sent = pickle.dumps(file)
    assert len(sent) < 1000
    with pickle.loads(sent) as again:
        assert again.path == path
        assert again.unit_ids.tolist() == IDS
    with pytest.raises(FileAccessError, match=r"small\.nwb: is closed, and cannot be sent .*; send its path"):
        pickle.dumps(file)
    with (
        path.open("rb") as handle,
        nwbin.File(handle) as file,
        pytest.raises(ArgumentTypeError, match="file object"),
    ):
        pickle.dumps(file)
    os.utime(path, ns=(0, 0))
    with pytest.raises(
        FileAccessError, match=r"small\.nwb: is not the file that was opened first: it has changed"
    ):
        pickle.loads(sent)
    path.unlink()
    with pytest.raises(MissingFileError, match=r"small\.nwb"):
        pickle.loads(sent)


@pytest.mark.filterwarnings("ignore")  # pynwb's own, about how the file was written
def test_pynwb(session: Path) -> None:
    with nwbin.File(session) as f:
        held = f.pynwb()
        assert held.identifier == f.identifier
        assert len(held.units) == len(f.unit_ids)
        assert f.pynwb() is held
