"""nwbin check: everything found in a file, in words and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py  # noqa: TID251 - files are bent
import numpy as np
import pytest
from typer.testing import CliRunner, Result

import nwbin
from nwbin.check import Finding, check
from nwbin.cli import app
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.file_checks import check_file
from nwbin.nwb.findings import Findings
from nwbin.storage.hdf5 import H5Source, _chunks
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
    assert report.findings[0].finding == "1 of 3 units has times before 0 s: 11"
    assert report.looked_at > 30


@pytest.mark.parametrize("layout", ["released", "chunked"])
def test_a_session_is_sound(tmp_path: Path, layout: str) -> None:
    nwbin.testing.write_session(tmp_path / "s.nwb", size="tiny", layout=layout, seed=1)
    assert check(tmp_path / "s.nwb").ok


def test_all_faults_at_once(spoilt: Path) -> None:
    report = check(spoilt)
    found = {(f.severity, f.object): f.finding for f in report.findings}
    assert not report.ok
    assert found["error", "units/spike_times"] == "1 of 3 units has times that do not ascend: 7"
    assert "has 5 values, but the table has 3 rows" in found["error", "units/big"]
    assert "[2] is 9, but units/waveforms_index holds only 3 values" in found["error", "units/waveforms"]
    assert "claims shape (1000000000000,)" in found["error", "acquisition/absurd"]
    assert found["warning", "units/gone"] == "is a link to '/nowhere', which is not there"
    assert found["warning", "units/far"] == "links to another file, 'other.h5:/x'"
    assert found["warning", "intervals/trials/start_time"] == "is not finite in 1 row: 1"
    assert found["warning", "intervals/trials"] == "1 row stops before it starts: 2"
    severities = [f.severity for f in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert all(f.finding and f.remedy for f in report.findings)


def test_rows_without_a_duration(small: Path) -> None:
    with h5py.File(small, "a") as f:
        trials = f["intervals/trials"]
        trials["stop_time"][:] = trials["start_time"][:] + np.array([1.0, 0.0, -1.0, 0.0])
    found = [f.finding for f in check(small).findings if f.object == "intervals/trials"]
    assert found == ["1 row stops before it starts: 2", "2 rows have a duration of 0 s: 1, 3"]
    # Allen's own sessions hold such rows.
    assert {f.severity for f in check(small).findings if "duration of 0 s" in f.finding} == {"note"}


@pytest.mark.parametrize(("kind", "severity"), [("LFP", "note"), ("TimeSeries", "warning")])
def test_a_file_of_lfp_needs_no_units(small: Path, kind: str, severity: str) -> None:
    with h5py.File(small, "a") as f:
        del f["units"]
        f.create_group("acquisition/probe_1_lfp").attrs["neurodata_type"] = kind
    assert [found.severity for found in check(small).findings if found.object == "units"] == [severity]


def test_units_that_have_no_place(tmp_path: Path) -> None:
    path = nwbin.testing.write_session(tmp_path / "s.nwb", size="tiny", seed=1)
    with h5py.File(path, "a") as f:
        peaks, electrodes = f["units/peak_channel_id"], f["general/extracellular_ephys/electrodes"]
        ids = f["units/id"][:]
        probe_of = dict(zip(electrodes["id"][:], electrodes["probe_id"][:], strict=True))
        elsewhere = probe_of[peaks[5]]
        lost = [one for one, peak in zip(ids, peaks[:], strict=True) if probe_of[peak] == elsewhere]
        electrodes["probe_id"][electrodes["probe_id"][:] == elsewhere] = 1
        peaks[0] = 99
        lost = [one for one in lost if one != ids[0]]
    report = check(path)
    found = [f.finding for f in report.findings if f.object == "units/peak_channel_id"]
    assert [one.rpartition(": ")[0] for one in found] == [
        f"1 of {len(ids)} units has a peak channel that is no electrode of the file",
        f"{len(lost)} of {len(ids)} units have a peak channel on a probe that the file does not have",
    ]
    assert found[0].endswith(f": {ids[0]}")
    assert str(lost[0]) in found[1]
    assert report.ok
    with pytest.warns(nwbin.errors.NwbinWarning, match=f"{1 + len(lost)} of {len(ids)} units"):
        _ = nwbin.open(path).units


def test_invalid_times_are_noted(small: Path) -> None:
    with h5py.File(small, "a") as f:
        table = f["intervals"].copy("trials", f["intervals"], "invalid_times") or f["intervals/invalid_times"]
        table["start_time"][:] = [5.0, 1.0, 2.0, np.nan]
        table["stop_time"][:] = [6.0, 3.0, 2.5, 9.0]
    found = {f.object: f for f in check(small).findings}
    assert found["intervals/invalid_times"].severity == "note"
    assert found["intervals/invalid_times"].finding == "4 rows, which cover 3 s from 1 to 6 s"


def test_invalid_times_of_probes_are_noted(tmp_path: Path) -> None:
    path = nwbin.testing.write_session(tmp_path / "s.nwb", size="tiny", seed=1)
    with nwbin.open(path) as session:
        rows, tags = len(session.invalid_times), session.invalid_times["tags"].iloc[2]
    found = {f.object: f.finding for f in check(path).findings}["intervals/invalid_times"]
    assert found.startswith(f"{rows} rows, which cover ")
    assert f"{tags[-1]} " in found


def test_words_and_json(spoilt: Path) -> None:
    report = check(spoilt)
    text = str(report)
    assert text.startswith(f"{spoilt}: 5 errors, ")
    one = replace(report, findings=report.findings[:1])
    assert str(one).startswith(f"{spoilt}: 1 error, 0 warnings, 0 notes; ")
    assert "error: units/spike_times: 1 of 3 units has times that do not ascend: 7; sort the spikes" in text
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


def test_command_on_a_folder(spoilt: Path, tmp_path: Path) -> None:
    def run(*args: object) -> Result:
        return CliRunner().invoke(app, ["check", *map(str, args)])

    (tmp_path / "sub").mkdir()
    write_small(tmp_path / "sub" / "good.nwb")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == f"{tmp_path}: 2 files, 1 with errors"
    assert f"{spoilt}: 5 errors" in result.output
    found = json.loads(run(tmp_path, "--json").output)
    assert not found["ok"]
    assert [one["ok"] for one in found["files"]] == [False, True]
    assert run(tmp_path / "sub").output.endswith(": 1 file, none with errors\n")
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty")
    assert result.exit_code == 2
    assert "holds no .nwb files" in result.output


def test_files_of_a_folder_go_by_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fold" / "sub").mkdir(parents=True)
    write_small(tmp_path / "fold" / "sub" / "good.nwb")
    (tmp_path / "fold" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    for given in ("fold", "fold/manifest.json"):
        lines = CliRunner().invoke(app, ["check", given]).output.splitlines()
        assert lines[0].startswith("fold/sub/good.nwb: 0 errors, ")
        assert lines[-1] == f"{given}: 1 file, none with errors"


def test_exit_codes_tell_faults_from_nothing_to_look_at(tmp_path: Path) -> None:
    def run(*args: object) -> Result:
        return CliRunner().invoke(app, ["check", *map(str, args)])

    for options in ([], ["--json"]):
        result = run(tmp_path / "none.nwb", *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "none.nwb: no such file" in result.stderr
    (tmp_path / "empty.nwb").touch()
    (tmp_path / "text.nwb").write_text("no HDF5")
    for name in ("empty.nwb", "text.nwb"):
        result = run(tmp_path / name)
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout.startswith(f"{tmp_path / name}: 1 error, ")


def write_spikes(path: Path, trains: list[np.ndarray], **options: object) -> Path:
    """The small file with other units: ids 0, 1, 2, ...; amplitudes that equal the times."""
    times, ends = np.concatenate(trains), np.cumsum([len(train) for train in trains])
    with h5py.File(write_small(path), "a") as f:
        del f["units"]
        units = f.create_group("units")
        units.attrs["colnames"] = np.array(["spike_times", "spike_amplitudes"], dtype=object)
        units["id"] = np.arange(len(trains))
        for name in ("spike_times", "spike_amplitudes"):
            units.create_dataset(name, data=times, **options)
            units[f"{name}_index"] = ends
    return path


@pytest.mark.parametrize("options", [{}, {"chunks": (3,), "compression": "gzip"}])
@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(8))
def test_spikes_as_each_unit_by_itself(
    tmp_path: Path, options: dict[str, object], block: int, seed: int
) -> None:
    """Faults are given to the right units, wherever blocks begin and end."""
    rng = np.random.default_rng(seed)
    trains = [np.sort(rng.integers(-1, 50, int(rng.integers(0, 6))).astype(float)) for _ in range(40)]
    for train in trains:
        if train.size and rng.random() < 0.3:
            train[rng.integers(train.size)] = rng.choice([np.nan, np.inf, -np.inf, 25.0])
    path = write_spikes(tmp_path / "x.nwb", trains, **options)
    expected: dict[str, list[int]] = {
        "not finite": [],
        "do not ascend": [],
        "before 0 s": [],
        "no spikes": [],
    }
    for unit, train in enumerate(trains):
        if not train.size:
            expected["no spikes"].append(unit)
        elif not np.isfinite(train).all():
            expected["not finite"].append(unit)
        elif (np.diff(train) < 0).any():
            expected["do not ascend"].append(unit)
        elif train[0] < 0:
            expected["before 0 s"].append(unit)
    findings = Findings("x.nwb", shown=100)
    with nwbin.File(path) as f:
        check_file(f, findings, block_bytes=8 * block)
    said = [found.finding for found in findings.report().findings if found.object == "units/spike_times"]
    for what, units in expected.items():
        names = ", ".join(str(unit) for unit in units)
        found = [text for text in said if what in text]
        assert len(found) == bool(units)
        have = "has" if len(units) == 1 else "have"
        assert not units or found[0].startswith(f"{len(units)} of 40 units {have} ")
        assert not units or found[0].endswith(f": {names}")


def test_a_chunk_is_decompressed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many units lie in it."""
    trains = [np.sort(np.random.default_rng(i).random(1000)) for i in range(200)]
    path = write_spikes(tmp_path / "x.nwb", trains, chunks=(70_000,), compression="gzip", shuffle=True)
    decoded: list[int] = []
    real = _chunks._decode
    monkeypatch.setattr(
        _chunks, "_decode", lambda table, raw, skipped: decoded.append(1) or real(table, raw, skipped)
    )
    assert check(path).ok
    assert len(decoded) == 3
    decoded.clear()
    with nwbin.open(path) as session:
        amplitudes = session.spike_amplitudes
        assert all(np.array_equal(amplitudes[unit], trains[unit]) for unit in range(200))
        assert len(decoded) == 3
        assert all(kept.base is None for kept in amplitudes.values())  # a unit kept does not keep a chunk
    decoded.clear()
    with nwbin.File(path) as f:
        assert all(np.array_equal(f.unit_column("spike_times", unit), trains[unit]) for unit in range(200))
    assert len(decoded) == 3


def test_blocks_that_are_kept_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trains = [np.sort(np.random.default_rng(i).random(1000)) for i in range(40)]
    path = write_spikes(tmp_path / "x.nwb", trains, chunks=(1000,), compression="gzip")
    source = H5Source(path)
    table = DynamicTable(source, "units", block_bytes=8000, kept_bytes=24_000)
    read: list[int] = []
    real = source.read
    monkeypatch.setattr(source, "read", lambda at, span: read.append(span.start // 1000) or real(at, span))
    for unit in (0, 1, 2, 1, 3, 1, 0, 39, 1):
        rows = table.rows("spike_times", slice(1000 * unit, 1000 * unit + 1000))
        assert rows.tolist() == trains[unit].tolist()
    assert read == [0, 1, 2, 3, 0, 39], "three blocks are kept, those that were asked for last"
    source.close()


def test_spike_times_that_are_lists_of_lists(small: Path) -> None:
    with h5py.File(small, "a") as f:
        f["units/spike_times_index_index"] = np.array([1, 2], np.uint8)
    message = "has lists of lists, by its spike_times_index_index"
    assert any(message in found.finding for found in check(small).findings)
    with nwbin.File(small) as f, pytest.raises(nwbin.errors.FormatError, match=message):
        f.spike_trains()
