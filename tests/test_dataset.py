"""Many sessions: three kinds of folder, their tables, and what becomes of jobs over them."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import testing
from nwbin.dataset import Results, Selection
from nwbin.dataset._layouts import find_sessions
from nwbin.dataset._results import JobError
from nwbin.dataset._task import Opening
from nwbin.dataset._work import Call, Counts
from nwbin.errors import (
    ArgumentError,
    ArgumentTypeError,
    FileAccessError,
    InvalidSpikesWarning,
    LookupFailure,
    MissingFileError,
)
from nwbin.export import regular_edges
from tests.caches import make_allen, make_dandi, make_plain
from tests.disks import FileSizeLimit
from tests.small_files import write_small

IDS = [715093701, 750332458, 766640955]
OPEN = {"amplitude_cutoff_maximum": None, "presence_ratio_minimum": None, "isi_violations_maximum": None}

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    kinds = ("brain_observatory_1.1", "brain_observatory_1.1", "functional_connectivity")
    return [
        testing.write_session(
            folder / f"session_{one}.nwb", size="tiny", seed=seed, session_id=one, stimulus_set=kinds[seed],
            lfp=seed == 0,
        )
        for seed, one in enumerate(IDS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trees(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("trees")
    return {
        "allen": make_allen(root / "allen", files),
        "dandi": make_dandi(root / "dandi", files),
        "folder": make_plain(root / "folder", files),
    }


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin cache"))


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize("kind", ["allen", "dandi", "folder"])
def test_finds_sessions(trees: dict[str, Path], kind: str) -> None:
    data = nwbin.Dataset(trees[kind])
    assert data.kind == kind
    assert data.session_ids == IDS
    assert repr(data).startswith("<nwbin.Dataset")
    # The plain folder has no LFP files: nothing there says which session they belong to.
    assert data.files["lfp_files"].tolist() == [0 if kind == "folder" else 2, 0, 0]
    with data.get_session_data(IDS[0]) as session:
        assert session.ecephys_session_id == IDS[0]
        assert set(session.units.index) <= set(data.get_units(**OPEN).index)
        if kind != "folder":
            assert session.get_lfp(session.probes.index[0]).shape[0] > 0


def test_lfp_of_two_sessions_in_one_folder(tmp_path: Path) -> None:
    names = ["sub-1_ses-5.nwb", "sub-1_ses-5_probe-7_ecephys.nwb", "sub-1_ses-6.nwb", ".sub-1_ses-7.nwb"]
    (tmp_path / "sub-1").mkdir()
    for name in names:
        (tmp_path / "sub-1" / name).touch()
    found = {one.session_id: sorted(one.lfp) for one in find_sessions(tmp_path).files}
    assert found[5] == [7]
    assert set(found) == {5, 6}


def test_names_of_files(tmp_path: Path) -> None:
    names = {
        "session_12.nwb": 12,
        "ecephys_session_13.nwb": 13,
        "sub-A_ses-B1.nwb": "B1",
        "sub-A_ses-14_behavior+ecephys.nwb": 14,
        "anything.nwb": None,
    }
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "probe_99_lfp.nwb").touch()
    assert {one.path.name: one.session_id for one in find_sessions(tmp_path).files} == names


def test_no_folder(tmp_path: Path, files: list[Path]) -> None:
    with pytest.raises(MissingFileError, match="there is no such folder"):
        nwbin.Dataset(tmp_path / "none")
    with pytest.raises(FileAccessError, match=r"nwbin\.open reads one session"):
        nwbin.Dataset(files[0])
    assert nwbin.Dataset(tmp_path).get_session_table().empty
    assert nwbin.Dataset(tmp_path).map(len).report.empty


# ---------------------------------------------------------------- tables


def test_tables_of_a_cache(trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(trees["allen"] / "manifest.json")
    sessions = data.get_session_table()
    assert sessions.index.tolist() == IDS
    assert {"full_genotype", "unit_count", "channel_count", "probe_count"} <= set(sessions.columns)
    assert not {"has_nwb", "isi_experiment_id", "date_of_acquisition"} & set(sessions.columns)
    assert "has_nwb" in data.get_session_table(suppress=["sex"]).columns
    units = data.get_units()
    assert sessions["unit_count"].sum() == len(units)
    assert len(data.get_units(**OPEN, filter_by_validity=False)) > len(units)
    assert (data.get_probes()["lfp_sampling_rate"] == 1250).all()
    assert data.get_channels()["unit_count"].sum() == len(units)
    assert data.get_all_session_types() == ["brain_observatory_1.1", "functional_connectivity"]
    assert data.get_all_ages() == [118.0]
    assert "VISp" in data.get_structure_acronyms()


def test_metrics(trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(trees["allen"])
    plain = data.get_unit_analysis_metrics_for_session(IDS[0], annotate=False)
    merged = data.get_unit_analysis_metrics_for_session(IDS[0])
    assert merged.index.name == "ecephys_unit_id"
    assert 0 < len(merged) < len(plain)
    assert {"snr_x", "snr_y", "area_rf", "ecephys_session_id"} <= set(merged.columns)
    # This session has no table of its own: its type's has its units.
    assert not (trees["allen"] / f"session_{IDS[1]}" / f"session_{IDS[1]}_analysis_metrics.csv").exists()
    other = data.get_unit_analysis_metrics_for_session(IDS[1], annotate=False)
    both = data.get_unit_analysis_metrics_by_session_type("brain_observatory_1.1", annotate=False)
    # All but those on channels that channels.csv does not list, which are of no session.
    assert len(both) - 4 < len(plain) + len(other) <= len(both)
    with pytest.raises(ArgumentError, match="has no sessions of type 'brain_observatory'; did you mean"):
        data.get_unit_analysis_metrics_by_session_type("brain_observatory")
    with data.get_session_data(IDS[0]) as session:
        assert "g_osi_sg" in session.units.columns
        known = data.get_channels().loc[session.channels.index, "anterior_posterior_ccf_coordinate"]
        np.testing.assert_array_equal(session.channels["anterior_posterior_ccf_coordinate"], known)


def test_tables_from_files(trees: dict[str, Path]) -> None:
    dandi = nwbin.Dataset(trees["dandi"])
    csv = nwbin.Dataset(trees["allen"])
    shared = ["session_type", "age_in_days", "sex", "full_genotype", "probe_count"]
    pd.testing.assert_frame_equal(
        dandi.get_session_table()[shared], csv.get_session_table()[shared], check_column_type=False
    )
    for one in IDS:
        with dandi.get_session_data(one) as session:
            units = dandi.get_units()
            assert set(units.index[units["ecephys_session_id"] == one]) == set(session.units.index)
    stored = pd.concat([nwbin.File(path).units for path in dandi.files["path"]])
    measured = stored[["amplitude_cutoff", "presence_ratio", "isi_violations"]].notna().all(axis=1)
    every = dandi.get_units(**OPEN, filter_by_validity=False, filter_out_of_brain_units=False)
    assert set(every.index) == set(stored.index[measured.to_numpy()])
    with pytest.raises(LookupFailure, match="has no tables of analysis metrics"):
        dandi.get_unit_analysis_metrics_for_session(IDS[0])


def test_index_is_kept_until_a_file_changes(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nwbin.dataset import _index

    root, read = tmp_path / "data", []
    root.mkdir()
    for path in files[:2]:
        shutil.copy(path, root)
    real = _index.read_record
    monkeypatch.setattr(_index, "read_record", lambda path: read.append(path.name) or real(path))
    first = nwbin.Dataset(root).get_units()
    assert len(read) == 2
    pd.testing.assert_frame_equal(nwbin.Dataset(root).get_units(), first)  # from the cache, to the last bit
    assert len(read) == 2
    changed = root / files[0].name
    stat = changed.stat()
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    nwbin.Dataset(root).get_units()
    assert read[2:] == [changed.name]
    stored = sorted((tmp_path / "nwbin cache" / "index").glob("*.npz"))
    assert len(stored) == 2
    stored[0].write_bytes(b"not a record")
    pd.testing.assert_frame_equal(nwbin.Dataset(root).get_units(), first)
    assert len(read) == 4
    # Without a cache, and with one that cannot be: the same tables.
    pd.testing.assert_frame_equal(nwbin.Dataset(root, cache=False).get_units(), first)
    pd.testing.assert_frame_equal(nwbin.Dataset(root, cache=changed / "no folder").get_units(), first)


def test_a_session_of_a_cache_travels_with_what_its_tables_add(trees: dict[str, Path]) -> None:
    session = nwbin.Dataset(trees["allen"]).get_session_data(IDS[0], **OPEN)
    units, channels = session.units, session.channels
    sent = pickle.dumps(session)
    session.close()
    assert len(sent) < 2000
    with pickle.loads(sent) as again:
        pd.testing.assert_frame_equal(again.units, units)
        pd.testing.assert_frame_equal(again.channels, channels)


def test_incomplete_cache(trees: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "cache"
    shutil.copytree(trees["allen"], root, copy_function=os.link)
    shutil.rmtree(root / f"session_{IDS[1]}")
    data = nwbin.Dataset(root)
    assert data.session_ids == [IDS[0], IDS[2]]
    assert data.get_session_table().index.tolist() == IDS
    with pytest.raises(MissingFileError, match="was not downloaded"):
        data.get_session_data(IDS[1])
    with pytest.raises(LookupFailure, match="has no session 5; there are: 715093701"):
        data.get_session_data(5)
    (root / "channels.csv").unlink()
    with pytest.warns(nwbin.NwbinWarning, match=r"lacks channels\.csv"):
        assert nwbin.Dataset(root).get_session_table().index.tolist() == [IDS[0], IDS[2]]


def test_files_without_units_are_no_sessions(files: list[Path], tmp_path: Path) -> None:
    """By what is in them, whatever they are called; and without looking where nobody asked."""
    behaviour = write_small(tmp_path / "behaviour.nwb")
    with h5py.File(behaviour, "r+") as file:
        del file["units"]
    plain = tmp_path / "plain"
    plain.mkdir()
    for name, source in (("a.nwb", files[0]), ("a_probe_lfp_part.nwb", behaviour), ("b.nwb", files[1])):
        shutil.copy(source, plain / name)
    data = nwbin.Dataset(plain, cache=False)
    assert repr(data).endswith("(folder), 3 NWB files>")
    assert data.session_ids == IDS[:2]
    assert repr(data).endswith("(folder), 2 session files>")

    dandi = tmp_path / "sub-1"
    dandi.mkdir()
    names = ("sub-1_ses-5.nwb", "sub-1_ses-5_behavior.nwb", "sub-1_ses-6_behavior.nwb")
    for name, source in zip(names, (files[0], behaviour, behaviour), strict=True):
        shutil.copy(source, dandi / name)
    data = nwbin.Dataset(tmp_path / "sub-1", cache=False)
    assert data.session_ids == [5, 6]
    assert data.files["path"].loc[5].endswith("sub-1_ses-5.nwb")
    done = data.spike_tables(tmp_path / "out", "flashes", workers=1)
    assert list(done) == [5]
    assert done.failed == {}
    assert "has no stimulus" in done.passed_over[6]
    done = data.response_matrices(workers=1, label="stimulus_name")
    assert "has no units" in done.passed_over[6]


def test_damaged_file_is_left_out_of_tables(files: list[Path], tmp_path: Path) -> None:
    shutil.copy(files[0], tmp_path)
    (tmp_path / "session_9.nwb").write_bytes(files[1].read_bytes()[:10_000])
    data = nwbin.Dataset(tmp_path)
    with pytest.warns(nwbin.NwbinWarning, match="1 of 2 session files cannot be read"):
        assert data.get_session_table().index.tolist() == [IDS[0]]
    data.get_units()  # said once


# ---------------------------------------------------------------- jobs


def rates(session: nwbin.Session, scale: float = 1.0) -> float:
    return float(session.units["firing_rate"].mean()) * scale


def fails_for_one(session: nwbin.Session) -> int:
    if session.ecephys_session_id == IDS[1]:
        raise ValueError("no luck")
    return int(session.num_units)


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
    owner = {"host": os.uname().nodename, "pid": os.getpid()}
    (parts / "owner.json").write_text(json.dumps(owner))
    with pytest.raises(FileAccessError, match="another run is writing to it"):
        data.map(rates, out=tmp_path / "out", workers=0)
    # What a killed run has left is cleared away.
    (parts / "owner.json").write_text(json.dumps({**owner, "pid": 2**22 + 1}))
    (parts / "rest.pkl").touch()
    assert len(data.map(rates, out=tmp_path / "out", workers=0)) == 3
    assert not parts.exists()


def kill_once(session: nwbin.Session, flag: str) -> int:
    if session.ecephys_session_id == IDS[1] and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(session.num_units)


def kill_always(session: nwbin.Session) -> int:
    if session.ecephys_session_id == IDS[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(session.num_units)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_worker_loses_nothing(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["dandi"])
    found = data.map(kill_once, arguments={"flag": str(tmp_path / "flag")}, workers=2)
    assert (tmp_path / "flag").exists()
    assert list(found) == IDS
    lost = data.map(kill_always, workers=2)
    assert list(lost) == [IDS[0], IDS[2]]
    assert "came to an end 3 times over it (signal 9" in lost.failed[IDS[1]]


# ---------------------------------------------------------------- ready jobs


def test_spike_counts(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    xarray = pytest.importorskip("xarray")
    data = nwbin.Dataset(trees["allen"])
    store = tmp_path / "counts.zarr"
    job: dict[str, Any] = {
        "window": (0, 0.25),
        "bin_width": 0.05,
        "presentations": "orientation != 'null'",
        **OPEN,
    }
    found = data.spike_counts(store, "static_gratings", **job, workers=0)
    assert found.report["status"].tolist() == ["done", "done", "nothing"]
    assert "has no stimulus or intervals ['static_gratings']" in found.passed_over[IDS[2]]
    with data.get_session_data(IDS[0], **OPEN) as session:
        table = session.get_stimulus_table("static_gratings")
        shown = table.index[(table["orientation"] != "null").to_numpy()]
        edges = regular_edges(0, 0.25, 0.05)
        truth = session.presentationwise_spike_counts(edges, shown, None)
        units = session.units
    counts = xarray.open_zarr(store, group=f"session_{IDS[0]}", chunks=None)
    assert counts["spike_counts"].dims == ("presentation", "bin", "unit")
    np.testing.assert_array_equal(counts["spike_counts"], truth)
    np.testing.assert_array_equal(counts["presentation"], shown)
    np.testing.assert_array_equal(counts["unit"], units.index)
    np.testing.assert_array_equal(counts["bin_start"], edges[:-1])
    assert counts["ecephys_structure_acronym"].values.tolist() == units["ecephys_structure_acronym"].tolist()
    assert counts.attrs["session_id"] == IDS[0]
    assert counts.attrs["nwbin"]["stamp"]["spec"]["stimulus"] == ["static_gratings"]
    both = xarray.open_datatree(store, engine="zarr", chunks=None)
    assert list(both.children) == [f"session_{one}" for one in IDS[:2]]
    again = data.spike_counts(store, "static_gratings", **job, workers=0)
    assert again.report["status"].tolist() == ["kept", "kept", "nothing"]
    np.testing.assert_array_equal(again[IDS[1]]["spike_counts"], found[IDS[1]]["spike_counts"])
    with pytest.raises(ArgumentError, match=r"another job \(.*edges .* there, "):
        data.spike_counts(
            store,
            "static_gratings",
            window=(0, 0.1),
            workers=0,
            **{k: v for k, v in job.items() if k in OPEN},
        )


def test_counts_of_bins_that_do_not_fit_one_chunk(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    from nwbin.dataset._zarr import chunks_of

    for shape in ((5811, 250, 523), (70390, 1, 523), (1, 1, 1), (10, 5000, 3), (0, 4, 0), (600, 2000, 600)):
        chunks, shards = chunks_of(shape, 2)
        assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunks, strict=True))
        assert np.prod(chunks) * 2 <= 1 << 20
        assert chunks[0] <= 1024
        assert chunks[2] <= 64


def test_response_matrices(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["folder"])
    found = data.response_matrices("static_gratings", structures=["VISp"], workers=0, **OPEN)
    stored = data.response_matrices(
        "static_gratings", structures="VISp", workers=0, out=tmp_path / "m", **OPEN
    )
    with data.get_session_data(IDS[0], **OPEN) as session:
        units = session.units.query("structure_acronym == 'VISp'").index
        truth = session.response_matrix(session.get_stimulus_table("static_gratings").index, units)
    for matrix in (found[IDS[0]], stored[IDS[0]]):
        for name in ("X", "y", "classes", "presentation_ids", "unit_ids"):
            np.testing.assert_array_equal(getattr(matrix, name), getattr(truth, name))
    # 0.08 of static gratings is a number and that of gabors text: in a file they are the same label.
    mixed = data.response_matrices(
        ["static_gratings", "gabors"], label="spatial_frequency", workers=0, out=tmp_path / "mixed", **OPEN
    )
    assert mixed[IDS[0]].classes.tolist() == sorted(set(mixed[IDS[0]].y))


@pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters")
def test_labels_of_any_name(tmp_path: Path) -> None:
    """Also those that a table of counts calls something else."""
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as file:
        file["intervals/trials/count"] = np.array([1.0, 2.0, 1.0, np.nan])
        file["intervals/trials"].attrs["colnames"] = ["start_time", "stop_time", "contrast", "count"]
    data = nwbin.Dataset(tmp_path)
    job: dict[str, Any] = {"window": (0.0, 1.0), "align": "stop_time", "workers": 0}
    found = data.response_matrices("trials", label="count", **job)
    found.raise_if_failed()
    (matrix,) = found.values()
    assert matrix.y.tolist() == [1, 2, 1]
    (why,) = data.response_matrices("trials", label="cuont", **job).failed.values()
    assert why == "the table has no column 'cuont'; did you mean 'count'?"


def test_defaults_are_those_of_a_session(trees: dict[str, Path]) -> None:
    import inspect

    of_data = inspect.signature(nwbin.Dataset.response_matrices).parameters
    of_session = inspect.signature(nwbin.Session.response_matrix).parameters
    for name in ("window", "label", "closed", "rate"):
        assert of_data[name].default == of_session[name].default, name
    assert inspect.signature(nwbin.Dataset.spike_counts).parameters["closed"].default == "both"


def test_spike_tables(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    data = nwbin.Dataset(trees["folder"])
    job: dict[str, Any] = {"units": "firing_rate > 5", "workers": 0}
    found = data.spike_tables(tmp_path / "spikes", "flashes", **job, **OPEN)
    table = pd.read_parquet(tmp_path / "spikes")
    assert set(table["session_id"]) <= set(IDS)
    with data.get_session_data(IDS[0], **OPEN) as session:
        shown = session.get_stimulus_table("flashes").index
        units = session.units.query("firing_rate > 5").index
        truth = session.presentationwise_spike_times(shown, units).reset_index()
    mine = found[IDS[0]]
    for name in truth.columns:
        np.testing.assert_array_equal(mine[name], truth[name])
    assert data.spike_tables(tmp_path / "spikes", "flashes", **job, **OPEN)[IDS[0]].equals(mine)
    window = data.spike_tables(tmp_path / "near", "flashes", window=(-0.1, 0.1), sessions=IDS[:1], **job)
    offset = window[IDS[0]]["time_since_stimulus_presentation_onset"]
    assert -0.1 <= offset.min() < offset.max() <= 0.1 + 1e-9


# ---------------------------------------------------------------- other kinds of session


def test_visual_behavior(tmp_path: Path) -> None:
    """A file as Visual Behavior - Neuropixels has them: one table of images with change and omission, and trials."""
    h5py = pytest.importorskip("h5py")
    path = testing.write_session(
        tmp_path / "ecephys_session_104.nwb", size="tiny", session_id=104, invalid_times=False
    )
    with h5py.File(path, "r+") as file:
        tables = file["intervals"]
        for name in [name for name in tables if name.endswith("_presentations")]:
            del tables[name]

        def table(name: str, columns: dict[str, Any]) -> None:
            group = tables.create_group(name)
            group.attrs.update({"neurodata_type": "TimeIntervals", "namespace": "core", "description": name})
            group.attrs["colnames"] = list(columns)
            group["id"] = np.arange(len(columns["start_time"]))
            for column, values in columns.items():
                text = isinstance(values[0], str)
                group.create_dataset(column, data=values, dtype=h5py.string_dtype() if text else None)
                group[column].attrs.update({"neurodata_type": "VectorData", "namespace": "hdmf-common"})

        start = 10 + 0.75 * np.arange(40)
        table(
            "Natural_Images_Lum_Matched_set_ophys_G_2019_presentations",
            {
                "start_time": start,
                "stop_time": start + 0.25,
                "stimulus_name": ["Natural_Images_Lum_Matched_set_ophys_G_2019"] * 40,
                "image_name": ["omitted" if i % 10 == 9 else f"im{i // 5 % 4:03d}_r" for i in range(40)],
                "is_change": np.arange(40) % 5 == 0,
                "omitted": np.arange(40) % 10 == 9,
                "active": np.arange(40) < 20,
            },
        )
        table(
            "trials",
            {
                "start_time": start[::10],
                "stop_time": start[::10] + 7,
                "change_time_no_display_delay": np.append(start[5::10][:3], np.nan),
                "hit": np.array([True, False, True, False]),
            },
        )
    data = nwbin.Dataset(tmp_path)
    assert data.session_ids == [104]
    images = "Natural_Images_Lum_Matched_set_ophys_G_2019"
    changes = data.response_matrices(
        images, presentations="is_change and active", label="image_name", workers=0, **OPEN
    )
    assert changes[104].X.shape[0] == 4
    assert changes[104].classes.tolist() == ["im000_r", "im001_r", "im002_r", "im003_r"]
    trials = data.response_matrices(
        "trials", align="change_time_no_display_delay", label="hit", window=(0, 0.3), workers=0, **OPEN
    )
    with nwbin.open(path, **OPEN) as session:
        truth = nwbin.bin_spikes(
            session.file.spike_trains(session.units.index), start[5::10][:3], [0, 0.3], dtype=float
        )
    np.testing.assert_array_equal(trials[104].X, truth[:, 0, :])
    assert trials[104].y.tolist() == [True, False, True]


@pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters:nwbin.NwbinWarning")
def test_other_labs_files(shared: Path, tmp_path: Path) -> None:
    root = tmp_path / "labs"
    root.mkdir()
    for path in (shared / "data").glob("*.nwb"):
        (root / path.name).symlink_to(path)
    data = nwbin.Dataset(root)
    # The LFP file among them has no units.
    ids = ["A8604-211122", 760693773, "vcn-drifting-gratings-pseudo-population"]
    assert set(data.session_ids) == set(ids)
    units = data.get_units()
    assert (units["ecephys_session_id"] == "A8604-211122").sum() == 3
    assert set(data.get_session_table().index) == set(ids)
    found = data.response_matrices(
        "drifting_gratings", window=(0, 0.1), closed="both", sessions=ids[2], workers=0
    )
    with np.load(shared / "data" / "vcn_drifting_gratings_pseudo_population_truth.npz") as stored_truth:
        truth = {name: stored_truth[name] for name in stored_truth.files}
    np.testing.assert_array_equal(found[ids[2]].X, truth[next(n for n in truth if truth[n].ndim == 2)])
    epochs = data.map(lambda session: session.file.spike_trains()[6].size, workers=0)
    assert epochs["A8604-211122"] > 0
    assert "units/spike_times_index" in epochs.failed[760693773]


# ---------------------------------------------------------------- the command line


def test_count_a_folder(trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    from nwbin.cli import app

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app(["count", *map(str, arguments)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    out = tmp_path / "x.zarr"
    job = [
        "--stimulus",
        "flashes",
        "--window",
        "0,0.25",
        "--bin",
        "0.05",
        "--structures",
        "VISp",
        "--workers",
        "1",
    ]
    assert run(trees["dandi"], *job, "-o", out)[1] == f"{out}: 3 sessions: 3 counted\n"
    assert xarray.open_zarr(out, group=f"session_{IDS[0]}", chunks=None).sizes["bin"] == 5
    assert "3 there already" in run(trees["dandi"], *job, "-o", out)[1]
    assert "1 session: 1 there already" in run(trees["dandi"], *job, "-o", out, "--sessions", IDS[0])[1]
    two = f"{IDS[0]}, {IDS[1]}"
    assert "2 sessions: 2 there already" in run(trees["dandi"], *job, "-o", out, "--sessions", two)[1]
    code, _, said = run(
        trees["dandi"], *job, "-o", tmp_path / "none.zarr", "--sessions", "session_type == 'x'"
    )
    assert (code, said) == (
        2,
        f"error: {trees['dandi']}: none of its 3 sessions meets \"session_type == 'x'\"\n",
    )
    assert not (tmp_path / "none.zarr").exists()
    code, _, said = run(trees["dandi"], *job, "-o", tmp_path / "none.zarr", "--sessions", "session_typ == 1")
    assert (code, "did you mean 'session_type'" in said) == (2, True)
    code, _, said = run(trees["dandi"], *job, "-o", tmp_path / "x.npz")
    assert code == 2
    assert "give a name that ends in .zarr" in said
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "session_9.nwb").write_bytes(b"no HDF5")
    code, said, error = run(bad, *job, "-o", tmp_path / "y.zarr")
    assert (code, "1 failed" in said) == (2, True)
    assert error.startswith("error: 1 of 1 session failed")


def test_results_say_where_spikes_were_invalid(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["folder"])
    for stimulus, there in (("flashes", []), ("gabors", list(data.session_ids))):
        for done in (
            data.spike_tables(tmp_path / stimulus, stimulus, workers=1),
            data.response_matrices(stimulus=stimulus, label="stimulus_name", workers=1),
        ):
            assert done.warned(InvalidSpikesWarning) == there
            assert [("are invalid" in text) for text in done.report["notes"]] == [bool(there)] * len(done)
    done = data.spike_tables(tmp_path / "ms", "flashes", window=(0, 250), sessions=IDS[:1], workers=1)
    assert "the window is 250 s long and the longest presentation" in done.report["notes"].item()


def test_count_a_folder_of_none_of_it(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("zarr")
    from nwbin.cli import app

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app(["count", str(trees["dandi"]), "-o", str(out), "--workers", "1", *map(str, arguments)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    out = tmp_path / "x.zarr"
    window = ["--window", "0,0.25"]
    flashes = ["--stimulus", "flashes", *window]
    code, said, error = run("--stimulus", "flahses", *window)
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert error.count("did you mean 'flashes'?") == 1
    code, said, error = run(*flashes, "--structures", "VISpp")
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert "VISpp; did you mean" in error
    code, _, error = run(*flashes, "--units", "firing_rat > 1")
    assert code == 2
    assert error.count("did you mean 'firing_rate'") == 1
    assert error.startswith("error: 3 of 3 sessions failed")
    assert not out.exists()

    code, said, error = run(*flashes, "--structures", "VISp,VISpp")
    assert (code, said) == (0, f"{out}: 3 sessions: 3 counted\n")
    assert "note: every session has no units in 'VISpp'\n" in error
    assert error.count("note: every") == 1
    assert "are invalid" not in error, "not while flashes were shown"
    code, _, error = run("--stimulus", "gabors", *window, "--overwrite")
    assert code == 0
    assert "note: 3 of 3 sessions have times during which spikes of some probes are invalid" in error
    code, _, error = run(*flashes)
    assert code == 2
    assert "or --overwrite" in error
    assert "overwrite=True" not in error
    assert run(*flashes, "--overwrite")[:2] == (0, f"{out}: 3 sessions: 3 counted\n")


# ---------------------------------------------------------------- Dask


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def slow_units(session: nwbin.Session) -> int:
    time.sleep(0.2)
    return fails_for_one(session)


@pytest.mark.filterwarnings("ignore")
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


def test_another_job_has_another_hash() -> None:
    import functools

    from nwbin.dataset._content import content_hash

    def made(x: int) -> Any:
        def inner(session: Any, y: int = x) -> int:
            return x + y

        return inner

    class Job:
        def __init__(self, x: int) -> None:
            self.x = x

        def run(self, session: Any) -> int:
            return self.x

    def plain(session: Any, x: int = 0) -> int:
        return x

    large, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1
    pairs = [
        (functools.partial(plain, x=1), functools.partial(plain, x=2)),
        (made(1), made(2)),
        ((plain, {"x": large}), (plain, {"x": other})),
        (plain, made(1)),
        ([1], [1.0]),
        ([[1], 2], [[1, 2]]),
        ([large, other, large], [large, other, other]),
        ([[1], [2], [1]], [[1], [2], [2]]),
    ]
    for one, two in pairs:
        assert content_hash(one) != content_hash(two)
        assert content_hash(one) == content_hash(one)
    assert content_hash(made(1)) == content_hash(made(1))
    with pytest.raises(nwbin.NwbinError, match="cannot be told of a Job"):
        content_hash(Job(1).run)
    one, two = [1], [2]  # the same object twice, and another that is like it
    assert content_hash([one, two, one]) != content_hash([one, two, two])
    assert content_hash([one, two, one]) == content_hash([[1], [2], [1]])
    itself: list[Any] = [1]
    itself.append(itself)
    assert content_hash(itself) == content_hash(itself)


def same_and_other() -> list[tuple[str, list[Any], list[Any]]]:
    """What is asked -> ways to ask it, and what is something else."""

    def function(session: Any, k: int = 1, **more: int) -> int:
        return k

    def chosen(**more: Any) -> Any:
        return Selection(**more).spec()

    def counts(**more: Any) -> Any:
        return Counts(Selection("flashes"), (0.0, 1.0), **more).spec()

    def filters(**more: Any) -> Any:
        return Opening("x.nwb", 1, filters=more).spec()

    def call(*work: Any, **arguments: Any) -> Any:
        return Call(work[0] if work else function, arguments).spec()

    names = np.array(["flashes"])
    return [
        (
            "stimulus",
            [
                chosen(stimulus=one)
                for one in ("flashes", ["flashes"], ("flashes", "flashes"), {"flashes"}, names)
            ],
            [
                chosen(),
                chosen(stimulus=[]),
                chosen(stimulus=["flashes", "gabors"]),
                chosen(structures="flashes"),
            ],
        ),
        (
            "structures",
            [chosen(structures=one) for one in (["VISp", "LGd"], ("LGd", "VISp"), iter(["LGd", "VISp"]))],
            [chosen(structures="VISp"), chosen(structures="VISp,LGd")],
        ),
        (
            "units",
            [chosen(units=one) for one in ([3, 5], (5, 3), np.array([5, 3], np.int32), [3.0, 5.0, 3])],
            [chosen(units=[3]), chosen(units=["3", "5"]), chosen(units="[3, 5]"), chosen(units=[3, 5.5])],
        ),
        (
            "conditions",
            [chosen(), chosen(presentations=" "), chosen(units=""), chosen(align="start_time")],
            [
                chosen(units=[]),
                chosen(presentations="a > 1"),
                chosen(units="a > 1"),
                chosen(align="stop_time"),
            ],
        ),
        ("dtype", [counts(), counts(dtype="uint16")], [counts(dtype="uint8"), counts(binarize=True)]),
        ("binarize", [counts(binarize=True), counts(binarize=True, dtype="uint8")], [counts(dtype="uint8")]),
        (
            "filters",
            [filters(), filters(amplitude_cutoff_maximum=0.1, filter_by_validity=True)],
            [filters(amplitude_cutoff_maximum=0.2), filters(filter_by_validity=False)],
        ),
        (
            "no bound",
            [filters(isi_violations_maximum=one) for one in (None, 0, np.inf)],
            [filters(), filters(isi_violations_maximum=-np.inf), filters(amplitude_cutoff_maximum=None)],
        ),
        (
            "no bound below",
            [filters(presence_ratio_minimum=one) for one in (None, 0.0, -np.inf)],
            [filters(presence_ratio_minimum=np.inf), filters(presence_ratio_minimum=1e-9)],
        ),
        (
            "arguments",
            [call(), call(k=1), call(function)],
            [call(k=2), call(j=1), call(k=1, more=1), call(lambda session: 1)],
        ),
    ]


@pytest.mark.parametrize(
    ("name", "same", "other"), same_and_other(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_one_request_has_one_description(name: str, same: list[Any], other: list[Any]) -> None:
    plain = [json.loads(json.dumps(one)) for one in same]
    assert all(one == plain[0] for one in plain)
    assert all(json.loads(json.dumps(one)) != plain[0] for one in other)
    assert len({json.dumps(one, sort_keys=True) for one in other}) == len(other)


def test_the_same_job_in_other_words_is_taken_up_again(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = nwbin.Dataset(trees["folder"])

    def statuses(*stimulus: Any, **more: Any) -> list[str]:
        found = data.spike_counts(tmp_path / "x.zarr", *stimulus, workers=0, **more)
        return found.report["status"].tolist()

    assert statuses("flashes", window=(0, 0.25)) == ["done"] * 3
    edges = np.array([0, 0.25], np.float32)
    assert statuses(["flashes"], edges=edges, dtype="u2", isi_violations_maximum=0.5) == ["kept"] * 3
    with pytest.raises(ArgumentError, match="another job"):
        statuses("flashes", window=(0, 0.25), isi_violations_maximum=0.4)


def test_what_is_not_kept_need_not_be_told_apart(trees: dict[str, Path]) -> None:
    class Job:
        lock = threading.Lock()

        def run(self, session: nwbin.Session) -> int:
            return 1

    job = Job()
    job.lock = threading.Lock()
    assert set(nwbin.Dataset(trees["folder"]).map(job.run, workers=0).values()) == {1}
