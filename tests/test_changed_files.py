"""Files that change while they are open: an error, where a map would show something else, or end the process."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent
import numpy as np
import pytest

import nwbin
import nwbin.testing
from nwbin.allen.lfp import open_lfp
from nwbin.binning import _aligned, _work, counting_by
from nwbin.binning._table import spikes_in_order_of_time
from nwbin.errors import FileAccessError
from nwbin.kernels import plain
from tests.small_files import TIMES, write_small

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody cut a file that is mapped")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a", alignment_threshold=1, alignment_interval=8) as h5:  # so that they are mapped
        for name in ("spike_times", "waveforms"):
            h5["units"][name] = h5["units"].pop(name)[()]
    _age(path)
    return path


def _age(path: Path) -> None:
    """Make a file a minute old: what is written within a clock tick of the time before has the same time."""
    then = path.stat().st_mtime_ns - 60 * 10**9
    os.utime(path, ns=(then, then))


def overwrite(path: Path) -> None:
    """Write other spike times over those of a file, in place."""
    with h5py.File(path) as f:
        at = f["units/spike_times"].id.get_offset()
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write((TIMES + 1).tobytes())


def copy_over(path: Path) -> None:
    shutil.copyfile(write_small(path.with_name("longer.nwb"), chunked=True), path)


def cut(path: Path) -> None:
    os.truncate(path, 4096)


WAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut": (cut, r"was cut from [\d,]+ bytes to 4,096"),
    "written to": (overwrite, "was written to"),
    "copied over": (copy_over, r"grew from [\d,]+ bytes to [\d,]+"),
}
USES: dict[str, Callable[[Any], Any]] = {
    "a unit": lambda trains: trains[7],
    "times": lambda trains: trains.times,
    "repr": repr,
    "equality": lambda trains: trains == nwbin.SpikeTrains.from_dict({unit: [] for unit in trains.unit_ids.tolist()}),
    "pickle": pickle.dumps,
    "count": lambda trains: nwbin.bin_spikes(trains, [0.0], [0.0, 1.0]),
    "compiled count": lambda trains: nwbin.bin_spikes(trains, np.zeros(10_000), [0.0, 0.5, 1.0]),
    "windows": lambda trains: nwbin.count_in_windows(trains, np.zeros(10_000), [[0.0, 1.0]]),
    "blocks": lambda trains: list(nwbin.iter_bin_spikes(trains, [0.0], [0.0, 1.0])),
    "sparse": lambda trains: nwbin.bin_spikes_sparse(trains, [0.0], [0.0, 1.0]),
    "aligned": lambda trains: nwbin.align_spikes(trains, [0.0], (0.0, 1.0)),
    "a table": lambda trains: spikes_in_order_of_time(trains, np.array([[0.0, 1.0]]), np.array([5])),
}  # fmt: skip


@pytest.mark.parametrize("way", list(WAYS))
def test_trains_of_a_changed_file(small: Path, way: str) -> None:
    change, message = WAYS[way]
    message = rf"small\.nwb: {message} while it was open; what was read of it may be wrong: .* open it again"
    with nwbin.File(small) as f:
        trains, few = f.spike_trains(), f.spike_trains([7, 11])
        assert f._spikes.is_mapped
        change(small)
        for use in USES.values():
            for some in (trains, few):
                with pytest.raises(FileAccessError, match=message):
                    use(some)
        with pytest.raises(FileAccessError, match=message):
            f.spike_trains([3])
    with pytest.raises(FileAccessError, match=message):  # trains outlive the file, and so does the danger
        trains[7]


class Changing:
    """Kernels during which a file is written to."""

    def __init__(self, kernels: Any, path: Path) -> None:
        self._kernels, self._path = kernels, path

    def __getattr__(self, name: str) -> Any:
        def run(*args: Any) -> Any:
            overwrite(self._path)
            return getattr(self._kernels, name)(*args)

        return run


@pytest.mark.parametrize("way", ["plain", "walk", "scatter"])
@pytest.mark.parametrize("use", ["count", "windows", "blocks", "sparse", "aligned", "a table"])
def test_a_file_that_changes_during_a_count(
    small: Path, use: str, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was as it should be when the call began: so what was counted is not handed out."""
    compiled = _work.kernels()
    monkeypatch.setattr(_work, "kernels", lambda: Changing(compiled, small))
    for module in (_work, _aligned):
        monkeypatch.setattr(module, "plain", Changing(plain, small))
    with nwbin.File(small) as f:
        trains = f.spike_trains()
        with counting_by(way), pytest.raises(FileAccessError, match="was written to while it was open"):
            USES[use](trains)


def test_times_put_together_while_a_file_changes(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with nwbin.File(small) as f:
        trains = f.spike_trains([11, 7])
        slices = type(trains)._slice
        monkeypatch.setattr(type(trains), "_slice", lambda *args: (slices(*args), overwrite(small))[0])
        with pytest.raises(FileAccessError, match="was written to while it was open"):
            _ = trains.times


def test_a_file_that_changes_while_its_spikes_are_checked(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks out of order then is not the fault of the file."""
    with nwbin.File(small) as f:

        def first_bad_unit(*args: Any) -> int:
            overwrite(small)
            return 0

        monkeypatch.setattr(nwbin.SpikeTrains, "_first_bad_unit", first_bad_unit)
        with pytest.raises(FileAccessError, match="was written to while it was open"):
            f.spike_trains()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
def test_tables_of_a_changed_file(tmp_path: Path, mmap: bool, chunked: bool) -> None:
    small = write_small(tmp_path / "small.nwb", chunked=chunked)
    _age(small)
    with nwbin.File(small, mmap=mmap) as f:
        table = f.table("units")
        assert len(table) == 3
        overwrite(small) if not chunked else copy_over(small)
        for ask in (
            lambda: table.column("pair"), lambda: table.column("quality"), lambda: table.text_codes("quality"),
            lambda: f.attributes("general/subject"), lambda: f.session_id, f.spike_trains,
            lambda: f.table("intervals/trials").frame(), lambda: f.unit_column("waveforms", 7),
        ):  # fmt: skip
            with pytest.raises(FileAccessError, match=r"small\.nwb: .* while it was open"):
                ask()


def test_a_session_of_a_changed_file(tmp_path: Path) -> None:
    path = nwbin.testing.write_session(
        tmp_path / "session.nwb", probes=1, units_per_probe=6, seed=1, invalid_times=False
    )
    _age(path)
    with nwbin.open(path) as session:
        session.units, session.stimulus_presentations, session.spike_times  # noqa: B018
        os.utime(path)
        for ask in (
            lambda: session.presentationwise_spike_counts([0.0, 0.1], None, None),
            lambda: session.mean_waveforms[session.units.index[0]],
            lambda: session.running_speed,
        ):
            with pytest.raises(FileAccessError, match="was written to while it was open"):
                ask()


def test_a_file_put_in_its_place_does_no_harm(small: Path) -> None:
    for mmap in (False, True):
        write_small(small)
        with nwbin.File(small, mmap=mmap) as f:
            other = write_small(small.with_name("other.nwb"))
            other.replace(small)
            overwrite(small)
            assert f.spike_trains().times.tolist() == TIMES.tolist()
            assert f.units["quality"].tolist() == ["good", "noise", "gööd"]


# ------------------------------------------------------------------ mmap=False


@pytest.mark.parametrize("chunked", [False, True])
def test_the_same_answers_unmapped(tmp_path: Path, chunked: bool) -> None:
    path = write_small(tmp_path / "small.nwb", chunked=chunked)
    with nwbin.File(path) as f, nwbin.File(path, mmap=False) as g:
        assert f.mmap
        assert not g.mmap
        assert g.spike_trains() == f.spike_trains()
        assert g.units.equals(f.units)
        assert g.electrodes.equals(f.electrodes)
        assert g.subject == f.subject
        assert g.intervals["trials"].equals(f.intervals["trials"])
        assert not g._spikes.is_mapped
        assert g._source.map is None
        assert not pickle.loads(pickle.dumps(g)).mmap


def test_unmapped_trains_are_a_copy(small: Path) -> None:
    with nwbin.File(small, mmap=False) as f:
        trains = f.spike_trains()
        overwrite(small)
        assert trains.times.tolist() == TIMES.tolist()
        assert nwbin.bin_spikes(trains, [0.0], [0.0, 1.0]).tolist() == [[[4, 0, 1]]]
        with pytest.raises(FileAccessError, match="was written to while it was open"):
            _ = f.units


def test_a_session_and_its_probes_unmapped(tmp_path: Path) -> None:
    path = nwbin.testing.write_session(
        tmp_path / "session.nwb", probes=1, units_per_probe=6, seed=1, lfp=True
    )
    with nwbin.open(path) as mapped, nwbin.open(path, mmap=False) as session:
        assert not session.file.mmap
        assert session.units.equals(mapped.units)
        assert session.stimulus_presentations.equals(mapped.stimulus_presentations)
        assert session.running_speed.equals(mapped.running_speed)
        assert not open_lfp({7: path}, 7, session.file).mmap
