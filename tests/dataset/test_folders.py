"""Three kinds of folder, and the tables made of them."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import testing
from nwbin.allen.lfp import find_lfp_files, lfp_of_sessions
from nwbin.dataset._folder_layouts import find_sessions
from nwbin.errors import (
    ArgumentError,
    FileAccessError,
    LookupFailure,
    MissingFileError,
)
from tests.dataset.jobs import IDS, OPEN
from tests.small_files import write_small

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


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


@pytest.mark.parametrize("end", ["", ".zarr"])
def test_each_session_has_its_own_lfp(tmp_path: Path, end: str) -> None:
    """Probes of all sessions of a subject may have the same numbers; and ses-20 begins as ses-2 does."""
    folder = tmp_path / "sub-1"
    folder.mkdir()
    begins = ["sub-1_ses-2", "sub-1_ses-20", "sub-1_ses-3_behavior+ecephys", "sub-1_ses-4"]
    of_probes = ["sub-1_ses-2", "sub-1_ses-20", "sub-1_ses-3", "sub-1_ses-9"]
    for name in [*begins, *(f"{one}_probe-0_ecephys" for one in of_probes)]:
        path = folder / f"{name}.nwb{end}"
        if end:
            path.mkdir()
            (path / ".zattrs").write_text('{"nwb_version": "2.2.2"}')
        else:
            path.touch()
    (folder / "._sub-1_ses-4_probe-0_ecephys.nwb").touch()
    expected = {
        name: {0: f"{own}_probe-0_ecephys.nwb{end}"} if own in of_probes else {}
        for name, own in zip(
            begins, ["sub-1_ses-2", "sub-1_ses-20", "sub-1_ses-3", "sub-1_ses-4"], strict=True
        )
    }
    for one in find_sessions(tmp_path).files:
        own = expected.pop(one.path.name.removesuffix(f".nwb{end}"))
        assert {probe: path.name for probe, path in one.lfp.items()} == own
        assert isinstance(one.path, Path)
        beside = find_lfp_files(one.path, [0])
        assert {probe: Path(str(path)).name for probe, path in beside.items()} == own
    assert not expected


def test_lfp_files_whose_names_say_no_session() -> None:
    allen = {"session_1.nwb", "session_2.nwb", "probe_7_lfp.nwb", "probe_8_lfp.nwb"}
    both = {7: "probe_7_lfp.nwb", 8: "probe_8_lfp.nwb"}
    assert lfp_of_sessions(allen) == {"session_1.nwb": both, "session_2.nwb": both}
    one, other = "sub-1_ses-2_probe-0_ecephys.nwb", "sub-1_ses-3_probe-0_ecephys.nwb"
    assert lfp_of_sessions({"renamed.nwb", one}) == {"renamed.nwb": {0: one}}
    assert lfp_of_sessions({"renamed.nwb", one, other}) == {"renamed.nwb": {}}
    assert lfp_of_sessions({"sub-1_ses-2.nwb", one, "probe_7_lfp.nwb"}) == {"sub-1_ses-2.nwb": {0: one}}


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


# -------------------------------------------------------------------- tables


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


@pytest.mark.usefixtures("workers_here")
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


# -------------------------------------------------------------------- other kinds of session


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


def test_an_id_as_text_is_answered_with_the_number(trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(trees["dandi"])
    number = data.session_ids[0]
    with pytest.raises(LookupFailure, match=f"ids are whole numbers, and this is text: give {number}"):
        data.get_session_data(str(number))
