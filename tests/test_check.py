"""nwbin check: everything found in a file, in words and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py  # noqa: TID251 - files are bent
import numpy as np
import pytest

import nwbin
from nwbin.check import Finding, check
from tests.small_files import TIMES, write_small


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


@pytest.fixture
def spoilt(small: Path) -> Path:
    with h5py.File(small, "a") as f:
        units = f["units"]
        del units["spike_times"], units["big"], units["waveforms_index_index"]
        units["spike_times"] = TIMES[[1, 0, 2, 3, 4, 5, 6]]
        units["big"] = np.arange(5)
        units["waveforms_index_index"] = np.array([1, 1, 9], np.uint8)
        units["gone"] = h5py.SoftLink("/nowhere")
        units["far"] = h5py.ExternalLink("other.h5", "/x")
        f["intervals/trials/start_time"][1] = np.nan
        f["intervals/trials/stop_time"][2] = 0.0
        f.create_dataset("acquisition/absurd", (10**12,), "f8", chunks=(1000,))
        f["acquisition/loop"] = f["units"]
    return small


def test_a_sound_file(small: Path) -> None:
    report = check(small)
    assert report.ok
    assert [found.severity for found in report.findings] == ["warning", "note"]
    assert report.findings[0].finding == "1 of 3 units have times before 0 s: 11"
    assert report.looked_at > 30


@pytest.mark.parametrize("layout", ["released", "chunked"])
def test_a_session_is_sound(tmp_path: Path, layout: str) -> None:
    nwbin.testing.write_session(tmp_path / "s.nwb", size="tiny", layout=layout, seed=1)
    assert check(tmp_path / "s.nwb").ok


def test_all_faults_at_once(spoilt: Path) -> None:
    report = check(spoilt)
    found = {(f.severity, f.object): f.finding for f in report.findings}
    assert not report.ok
    assert found["error", "units/spike_times"] == "1 of 3 units have times that do not ascend: 7"
    assert "has 5 values, but the table has 3 rows" in found["error", "units/big"]
    assert "[2] is 9, but units/waveforms_index holds only 3 values" in found["error", "units/waveforms"]
    assert "claims shape (1000000000000,)" in found["error", "acquisition/absurd"]
    assert found["warning", "units/gone"] == "is a link to '/nowhere', which is not there"
    assert found["warning", "units/far"] == "links to another file, 'other.h5:/x'"
    assert found["warning", "intervals/trials/start_time"] == "is not finite in 1 rows: 1"
    assert found["warning", "intervals/trials"] == "1 rows stop before they start: 2"
    severities = [f.severity for f in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert all(f.finding and f.remedy for f in report.findings)


def test_words_and_json(spoilt: Path) -> None:
    report = check(spoilt)
    text = str(report)
    assert text.startswith(f"{spoilt}: 5 errors, ")
    assert "error: units/spike_times: 1 of 3 units have times that do not ascend: 7; sort the spikes" in text
    read = json.loads(report.to_json())
    assert read["ok"] is False
    assert [Finding(**each) for each in read["findings"]] == list(report.findings)


def test_a_file_that_does_not_open(tmp_path: Path) -> None:
    report = check(tmp_path / "none.nwb")
    assert not report.ok
    assert "no such file" in report.findings[0].finding
    (tmp_path / "x.nwb").write_bytes(b"text")
    assert "is not an HDF5 file" in check(tmp_path / "x.nwb").findings[0].finding


def test_command(spoilt: Path, tmp_path: Path) -> None:
    def run(*args: object) -> subprocess.CompletedProcess[str]:
        script = "from nwbin.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", script, "check", *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
        )

    bad = run(spoilt, "--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["ok"] is False
    good = run(write_small(tmp_path / "good.nwb"))
    assert (good.returncode, good.stderr) == (0, "")
    assert "0 errors" in good.stdout
