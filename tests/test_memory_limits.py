"""How much memory is free is known, and what cannot fit is refused before it is made, with the way out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nwbin
from nwbin import _memory
from nwbin._memory import Room, require, room, taking
from nwbin.binning import _aligned, align_spikes, bin_spikes_sparse, counting_by
from nwbin.binning._table import spikes_in_order_of_time
from nwbin.cli import app
from nwbin.responses.rate_tables import mean_rates
from tests.small_files import write_small

MB = 1 << 20
LIMITS = "import resource as r; r.setrlimit(r.RLIMIT_AS, (4 << 30, r.RLIM_INFINITY))"
ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")


class Machine:
    """A /proc and a /sys of our own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write(
            "proc/meminfo",
            f"MemTotal: {8 << 20} kB\nMemAvailable: {6 << 20} kB\nSwapFree: 0 kB\nHugePages: 0\n",
        )

    def write(self, path: str, text: object) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(f"{text}\n")

    def swap(self, size: int) -> None:
        self.write("proc/meminfo", f"MemAvailable: {6 << 20} kB\nSwapFree: {size >> 10} kB")

    def mounted(self, *lines: str, groups: str) -> None:
        self.write("proc/self/mountinfo", "\n".join(lines))
        self.write("proc/self/cgroup", groups)

    def version_2(self, path: str = "/user/job", inside: str = "/") -> str:
        self.mounted(
            "23 1 0:21 / /proc rw - proc proc rw",
            f"30 23 0:26 {inside} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
            groups=f"0::{path}",
        )
        return "sys/fs/cgroup"

    def version_1(self) -> str:
        self.mounted(
            "35 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
            "36 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup cgroup rw,memory",
            "38 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
            groups="5:cpu:/elsewhere\n4:memory:/job\n0::/",
        )
        return "sys/fs/cgroup/memory/job"

    def group(self, folder: str, limit: object, taken: int, **stat: int) -> None:
        self.write(f"{folder}/memory.max", limit)
        self.write(f"{folder}/memory.current", taken)
        self.write(f"{folder}/memory.stat", "\n".join(f"{name} {value}" for name, value in stat.items()))

    def free(self) -> int:
        found = room(self.root)
        assert found is not None
        return found.free // MB


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_of_a_machine_without_limits(machine: Machine) -> None:
    assert room(machine.root) == Room(6 << 30, 8 << 30, "this machine")
    machine.swap(1024 * MB)
    assert machine.free() == 7 * 1024


def test_where_nothing_is_known(tmp_path: Path) -> None:
    assert room(tmp_path) is None


def test_a_group_and_what_it_gives_back(machine: Machine) -> None:
    group = f"{machine.version_2()}/user/job"
    machine.group(group, 1024 * MB, 700 * MB, inactive_file=200 * MB, active_file=100 * MB, anon=400 * MB)
    assert room(machine.root) == Room(624 * MB, 1024 * MB, "this control group (container)")
    machine.group(group, "max", 700 * MB)
    assert machine.free() == 6 * 1024


def test_the_tightest_group_counts(machine: Machine) -> None:
    top = machine.version_2()
    machine.group(f"{top}/user/job", 1024 * MB, 100 * MB)
    machine.group(f"{top}/user", 900 * MB, 800 * MB)
    assert machine.free() == 100
    machine.group(top, 50 * MB, 20 * MB)
    assert machine.free() == 30


def test_a_group_may_swap_as_far_as_there_is_swap(machine: Machine) -> None:
    group = f"{machine.version_2()}/user/job"
    machine.group(group, 100 * MB, 60 * MB)
    machine.swap(500 * MB)
    assert machine.free() == 540
    machine.write(f"{group}/memory.swap.max", 30 * MB)
    machine.write(f"{group}/memory.swap.current", 10 * MB)
    assert machine.free() == 60
    machine.write(f"{group}/memory.swap.max", "max")
    assert machine.free() == 540


@pytest.mark.parametrize(
    ("path", "inside"), [("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/../x", "/")]
)
def test_in_a_container(path: str, inside: str, machine: Machine) -> None:
    # Its group is the top of what is mounted there, whatever the host calls it.
    machine.group(machine.version_2(path, inside), 64 * MB, 4 * MB)
    assert machine.free() == 60


def test_groups_of_version_1(machine: Machine) -> None:
    group = machine.version_1()
    machine.write(f"{group}/memory.limit_in_bytes", 1024 * MB)
    machine.write(f"{group}/memory.usage_in_bytes", 1000 * MB)
    machine.write(f"{group}/memory.stat", f"cache 0\ntotal_inactive_file {300 * MB}\ntotal_active_file {MB}")
    assert machine.free() == 325
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", 9223372036854771712)
    machine.write("sys/fs/cgroup/memory/memory.usage_in_bytes", 1 << 40)
    assert machine.free() == 325
    machine.swap(1024 * MB)
    assert machine.free() == 325 + 1024
    machine.write(f"{group}/memory.memsw.limit_in_bytes", 1034 * MB)
    machine.write(f"{group}/memory.memsw.usage_in_bytes", 1004 * MB)
    assert machine.free() == 325 + 6  # 30 MB of both are left, 24 of them memory


@pytest.mark.parametrize("damage", ["", "not numbers at all", "\n\n"])
def test_odd_files_are_passed_over(damage: str, machine: Machine) -> None:
    group = f"{machine.version_2()}/user/job"
    for name in ("memory.max", "memory.current", "memory.stat", "memory.swap.max"):
        machine.write(f"{group}/{name}", damage)
    machine.write("proc/self/statm", damage)
    assert machine.free() == 6 * 1024


def test_what_fits_is_made_and_what_does_not_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_memory, "ROOT", machine.root)
    machine.group(machine.version_2("/"), 1024 * MB, 24 * MB)
    for fits in (0, MB, 500 * MB, 880 * MB):
        require(fits, "it", "do")
    with pytest.raises(nwbin.errors.NotEnoughMemoryError) as e:
        require(999 * MB, "12 things", "take fewer")
    assert str(e.value) == (
        "12 things take 1.048 GB, more than there is memory (1.049 GB free of the 1.074 GB of this control group "
        "(container)): take fewer"
    )
    machine.group("sys/fs/cgroup", 24 * MB, 24 * MB)
    require(15 * MB, "what is small", "is not asked about")
    with pytest.raises(MemoryError, match=r"0 GB free"):
        require(17 * MB, "it", "do")


def test_what_the_system_refuses_is_said_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_memory, "room", lambda: None)
    with (
        pytest.raises(
            nwbin.errors.NotEnoughMemoryError, match=r"^it take 1 GB, more than there is memory: do$"
        ),
        taking(10**9, "it", "do"),
    ):
        raise MemoryError
    with pytest.raises(nwbin.errors.NotEnoughMemoryError, match=r"more than there is memory: do$"):
        require(sys.maxsize + 1, "it", "do")


# ---------------------------------------------------------------- where it is asked


TRAINS = nwbin.SpikeTrains.from_dict({1: np.arange(0, 9, 0.01), 2: np.arange(0, 9, 0.02)})
ONSETS = np.arange(8.0)
EDGES = np.linspace(0, 1, 11)
APART = np.stack([ONSETS, ONSETS + 1], axis=1)
OVER = np.stack([ONSETS, ONSETS + 2], axis=1)


def _of_chunks(folder: Path, read: Callable[[nwbin.File], Any]) -> Any:
    path = folder / "chunked.nwb"
    with nwbin.File(path if path.exists() else write_small(path, chunked=True)) as file:
        return read(file)


RESULTS: dict[str, Callable[[Path], Any]] = {
    "bin_spikes": lambda _: nwbin.bin_spikes(TRAINS, ONSETS, EDGES),
    "count_in_windows": lambda _: nwbin.count_in_windows(TRAINS, ONSETS, [0, 1]),
    "iter_bin_spikes": lambda _: next(nwbin.iter_bin_spikes(TRAINS, ONSETS, EDGES)),
    "align_spikes": lambda _: align_spikes(TRAINS, ONSETS, [0, 1]),
    "bin_spikes_sparse": lambda _: bin_spikes_sparse(TRAINS, ONSETS, EDGES),
    "spike table": lambda _: spikes_in_order_of_time(TRAINS, APART, np.arange(8)),
    "spike table, overlapping": lambda _: spikes_in_order_of_time(TRAINS, OVER, np.arange(8)),
    "mean_rates": lambda _: mean_rates(TRAINS, pd.DataFrame({"start_time": ONSETS}), EDGES),
    "spike times in chunks": lambda folder: _of_chunks(folder, lambda file: file.spike_trains()),
    "a column": lambda folder: _of_chunks(folder, lambda file: file.table("units").column("pair")),
}


@pytest.mark.parametrize("what", list(RESULTS))
def test_every_large_result_asks_first(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = what.startswith(("align", "spike table")) or what.endswith("sparse")
    way: Any = "walk" if compiled else "plain"
    with counting_by(way):
        assert RESULTS[what](tmp_path) is not None
        monkeypatch.setattr(_memory, "_SMALL", 1)
        monkeypatch.setattr(_memory, "room", lambda: Room(0, 10**9, "this test"))
        with pytest.raises(
            nwbin.errors.NotEnoughMemoryError, match=r"more than there is memory \(0 GB free of the 1 GB of"
        ):
            RESULTS[what](tmp_path)


def test_few_windows_of_many_spikes_ask_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # NumPy would answer a request for so few windows, in three times the memory.
    with counting_by("plain"):
        monkeypatch.setattr(_aligned, "_FEW", 100)
        whole = align_spikes(TRAINS, ONSETS, [0, 1])
        monkeypatch.setattr(_aligned, "_FEW", 1 << 20)
        for one, other in zip(whole, align_spikes(TRAINS, ONSETS, [0, 1]), strict=True):
            np.testing.assert_array_equal(one, other)
        monkeypatch.setattr(_aligned, "_FEW", 100)
        monkeypatch.setattr(_memory, "_SMALL", 1)
        monkeypatch.setattr(_memory, "room", lambda: Room(0, 10**9, "this test"))
        with pytest.raises(
            MemoryError, match=r"^1,2\d\d spikes in 8 windows take .* GB, more than there is memory"
        ):
            align_spikes(TRAINS, ONSETS, [0, 1])


def test_the_way_out_of_a_dense_array(monkeypatch: pytest.MonkeyPatch) -> None:
    found = bin_spikes_sparse(TRAINS, ONSETS, EDGES)
    monkeypatch.setattr(_memory, "_SMALL", 1)
    monkeypatch.setattr(_memory, "room", lambda: Room(0, 10**9, "this test"))
    with pytest.raises(MemoryError, match=r"8 x 10 x 2 counts of uint16 .*: keep them sparse"):
        found.toarray()
    # An array that is there already takes nothing, and blocks take little.
    out = np.zeros((8, 10, 2), np.uint16)
    nwbin.bin_spikes(TRAINS, ONSETS, EDGES, out=out)
    assert out.any()


def test_a_session_says_it_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nwbin.testing.write_session(tmp_path / "session.nwb", size="tiny", seed=0)
    with nwbin.open(path) as session:
        ids, units = session.stimulus_presentations.index[:5], session.units.index
        monkeypatch.setattr(_memory, "_SMALL", 1)
        monkeypatch.setattr(_memory, "room", lambda: Room(0, 10**9, "this test"))
        for call in (
            lambda: session.presentationwise_spike_counts([0, 0.1], ids, units),
            lambda: session.presentationwise_spike_times(ids),
            lambda: session.conditionwise_spike_statistics(ids),
            lambda: session.response_matrix(ids, label="stimulus_condition_id"),
        ):
            with pytest.raises(nwbin.errors.NotEnoughMemoryError):
                call()
    done = CliRunner().invoke(
        app, ["psth", str(path), "--stimulus", "flashes", "-o", str(tmp_path / "x.csv")]
    )
    assert done.exit_code == 2
    assert "error: not enough memory: " in done.stderr
    assert "more than there is memory (0 GB free of the 1 GB of this test)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


SCRIPT = f"""
{LIMITS}
import numpy as np, nwbin
trains = nwbin.SpikeTrains.from_dict({{unit: [0.5] for unit in range(1000)}})
nwbin.bin_spikes(trains, np.arange(1000.0), [0, 1])
for p, word in ((6000, "refused"), (10, "made")):
    try:
        nwbin.bin_spikes(trains, np.arange(float(p)), np.arange(1001.0) / 1000)
        print("made")
    except nwbin.errors.NotEnoughMemoryError as error:
        print("refused", error)
"""


@ONLY_LINUX
def test_under_a_limit_of_addresses() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refused 6,000 presentations x 1,000 bins x 1,000 units of uint16 take 12 GB")
    assert "of the 4.295 GB of this process's addresses (ulimit -v)" in lines[0]
    assert lines[1] == "made"


def test_the_error_comes_back_from_a_cluster() -> None:
    # What Dask's pickling (tblib) does, whether it is installed or not.
    error = nwbin.errors.NotEnoughMemoryError
    made = error.__new__(error, "why")
    assert made.args == ("why",)
    assert isinstance(made, MemoryError)
