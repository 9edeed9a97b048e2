"""The same call gives the same bytes, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - the files are looked at as they are stored
import pytest

from nwbin.errors import ArgumentError, FileAccessError, NwbinError
from nwbin.testing import LAYOUTS, STIMULUS_SETS, write_session
from tests.testing.looking import VERY_SMALL, digest


def test_same_call_same_bytes(tmp_path: Path) -> None:
    first = write_session(tmp_path / "a.nwb", **VERY_SMALL, seed=3)
    assert digest(first) == digest(write_session(tmp_path / "b.nwb", **VERY_SMALL, seed=3))
    assert digest(first) != digest(write_session(tmp_path / "c.nwb", **VERY_SMALL, seed=4))


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    script = f"import sys, nwbin.testing as t; t.write_session(sys.argv[1], **{VERY_SMALL!r}, quirks=True)"
    digests = set()
    for hash_seed in ("1", "2"):
        path = tmp_path / f"{hash_seed}.nwb"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=environment)
        digests.add(digest(path))
    assert len(digests) == 1


def test_each_seed_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = set()
    for seed in range(5):
        with h5py.File(write_session(tmp_path / f"{seed}.nwb", **VERY_SMALL, seed=seed)) as file:
            ids.add(file["identifier"][()])
            assert int(file["general/session_id"].asstr()[()]) == int(file["identifier"].asstr()[()])
    assert len(ids) == 5


def test_refuses_to_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "s.nwb"
    path.write_text("precious")
    with pytest.raises(FileAccessError, match=r"s\.nwb exists already.*overwrite=True"):
        write_session(path, **VERY_SMALL)
    assert path.read_text() == "precious"
    assert write_session(path, **VERY_SMALL, overwrite=True) == path
    assert h5py.is_hdf5(path)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException], layout: str) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise error

    with pytest.raises(error):
        write_session(tmp_path / "s.nwb", **VERY_SMALL, layout=layout, lfp=True, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise RuntimeError

    path = write_session(tmp_path / "s.nwb", **VERY_SMALL)
    before = digest(path)
    with pytest.raises(RuntimeError):
        write_session(path, **VERY_SMALL, seed=9, overwrite=True, progress=stop)
    assert digest(path) == before


def test_progress(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_session(tmp_path / "s.nwb", **VERY_SMALL, progress=lambda *call: calls.append(call))
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "smal"}, "size='smal' is not known; did you mean 'small'"),
        ({"stimulus_set": "brain_observatory"}, "did you mean 'brain_observatory_1.1'"),
        ({"layout": "flat"}, "layout='flat' is not known; there are: released, chunked"),
        ({"seed": -1}, "seed=-1 is negative"),
        ({"session_id": 0}, "session_id=0 must be a positive integer"),
        ({"probes": 7}, "probes=7 must be from 1 to 6"),
        ({"probes": ["probeX"]}, "probe='probeX' is not known"),
        ({"probes": ["probeA", "probeA"]}, "each once"),
        ({"probes": []}, "at least one probe"),
        ({"units_per_probe": [3, 4, 5]}, r"units_per_probe=\[3, 4, 5\] must be one positive number"),
        ({"units_per_probe": 0}, "units_per_probe=0"),
        ({"channels": 4}, "channels=4 is too few"),
        ({"samples": 0}, "samples=0 must be at least 1"),
        ({"firing_rate": 0.0}, "firing_rate=0.0 must be above 0"),
        ({"repeats": 0.0}, "repeats=0.0 must be above 0"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        write_session(tmp_path / "s.nwb", **{"size": "tiny", **arguments})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(FileAccessError, match=r"cannot write .*s\.nwb: .*No space left"):
        write_session(tmp_path / "s.nwb", **VERY_SMALL, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NwbinError, match=r"there is no folder .*absent"):
        write_session(tmp_path / "absent" / "s.nwb", **VERY_SMALL)


@pytest.mark.parametrize("stimulus_set", STIMULUS_SETS)
@pytest.mark.parametrize("quirks", [False, True])
def test_the_smallest_session(tmp_path: Path, stimulus_set: str, quirks: bool) -> None:
    path = write_session(
        tmp_path / "s.nwb", size="tiny", probes=["probeF"], units_per_probe=1, channels=16, samples=1,
        firing_rate=1.0, repeats=0.001, stimulus_set=stimulus_set, quirks=quirks,
    )  # fmt: skip
    with h5py.File(path) as file:
        assert len(file["units/id"]) == 1
        for name, table in file["intervals"].items():
            assert len(table["id"]) >= 1, name
