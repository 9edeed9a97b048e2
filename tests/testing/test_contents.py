"""What is in synthetic sessions, and whether the stimulus can be read from their spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - the files are looked at as they are stored
import numpy as np
import pytest

from nwbin.testing import PASSING, QUIRKS, STIMULUS_SETS, write_session
from nwbin.testing._plan import make_plan
from nwbin.testing._stimuli import make_presentations
from tests.testing.looking import BO, FC, VERY_SMALL, area, passing, trains


def test_object_ids_are_unique_and_references_hold(tiny: Path) -> None:
    ids: list[str] = []
    with h5py.File(tiny) as file:

        def visit(name: str, thing: Any) -> None:
            if "object_id" in thing.attrs:
                ids.append(thing.attrs["object_id"])
            if thing.attrs.get("neurodata_type") == "VectorIndex":
                assert file[thing.attrs["target"]].name == "/" + name.removesuffix("_index")
                assert thing[-1] == len(file[thing.attrs["target"]])
            if "colnames" in thing.attrs:
                assert set(thing.attrs["colnames"]) <= set(thing)
                index = {column for column in thing if column.removesuffix("_index") in set(thing) - {column}}
                assert set(thing) - index - {"id"} == set(thing.attrs["colnames"])

        file.visititems(visit)
        assert file[file.attrs[".specloc"]].name == "/specifications"
        groups = file["general/extracellular_ephys/electrodes/group"][:]
        names = file["general/extracellular_ephys/electrodes/group_name"].asstr()[:]
        assert [file[group].name.rsplit("/")[-1] for group in groups] == list(names)
    assert len(ids) > 100
    assert len(ids) == len(set(ids))


def test_spikes_are_sorted_and_on_the_clock(tiny: Path) -> None:
    with h5py.File(tiny) as file:
        all_trains = trains(file)
        amplitudes = file["units/spike_amplitudes"]
        assert amplitudes.shape == file["units/spike_times"].shape
        assert np.all(amplitudes[:] > 0)
        assert any(len(train) == 0 for train in all_trains)
        last = file["processing/running/running_speed/timestamps"][-1]
        rates = file["units/firing_rate"][:]
        for train, rate in zip(all_trains, rates, strict=True):
            assert np.all(np.diff(train) >= 0)
            assert np.all((train >= 0) & (train < last + 1))
            assert rate == pytest.approx(len(train) / last, rel=0.01)
        ticks = (all_trains[0] - 3.1234567) * 29999.954846  # the first probe's clock
        assert np.max(np.abs(ticks - np.rint(ticks))) < 1e-4


@pytest.mark.parametrize("stimulus_set", STIMULUS_SETS)
def test_as_many_presentations_as_in_real_sessions(stimulus_set: str) -> None:
    plan = make_plan(
        size="full", stimulus_set=stimulus_set, seed=0, layout="released", bare=False, invalid_times=True,
        lfp=False, quirks=False, session_id=None, probes=None, units_per_probe=None, channels=None,
        samples=None, firing_rate=None, repeats=1.0,
    )  # fmt: skip
    table = make_presentations(plan)
    counts = {name: len(table.rows(name)) for name in table.names}
    assert counts["gabors"] == 3645
    assert counts["flashes"] == 150
    if stimulus_set == BO:
        assert len(table) == 70390
        assert counts["drifting_gratings"] == 630
        assert counts["static_gratings"] == 6000
        assert counts["natural_movie_three"] == 36000
    else:
        assert counts["drifting_gratings_75_repeats"] == 600
        assert counts["natural_movie_one_shuffled"] == 18000
        assert len(table) == 77436
    assert np.all(np.diff(table.start) > 0)
    assert np.all(table.start[1:] >= table.stop[:-1])
    assert 7000 < table.end < 10000


def test_mixed_types_of_stimulus_columns(tiny: Path, tmp_path: Path) -> None:
    with h5py.File(tiny) as file:
        tables = file["intervals"]
        assert tables["gabors_presentations/spatial_frequency"].asstr()[0] == "0.08"
        assert tables["flashes_presentations/spatial_frequency"].asstr()[0] == "[0.0, 0.0]"
        assert tables["drifting_gratings_presentations/spatial_frequency"].asstr()[0] == "0.04"
        assert tables["static_gratings_presentations/spatial_frequency"].dtype == np.float64
        phase = tables["static_gratings_presentations/phase"].asstr()[:]
        blank = np.isnan(tables["static_gratings_presentations/orientation"][:])
        assert set(phase) == {"0.0", "0.25", "0.5", "0.75", "N/A"}
        np.testing.assert_array_equal(phase == "N/A", blank)
        assert set(tables["flashes_presentations/color"].asstr()[:]) == {"1.0", "-1.0"}
        assert set(tables["natural_scenes_presentations/frame"][:]) == set(range(-1, 118))
        assert list(tables["invalid_times/tags"].asstr()[:3])[::2] == ["EcephysSession", "stimulus"]
    path = write_session(tmp_path / "fc.nwb", size="tiny", stimulus_set=FC)
    with h5py.File(path) as file:
        tables = file["intervals"]
        assert tables["drifting_gratings_75_repeats_presentations/spatial_frequency"].dtype == np.float64
        assert tables["drifting_gratings_contrast_presentations/spatial_frequency"].asstr()[0] == "0.04"
        assert set(tables["dot_motion_presentations/coherence"][:]) == {0.0, 0.9}
        frames = tables["natural_movie_one_shuffled_presentations/frame"][:]
        assert sorted(frames[:45]) == list(range(45))
        assert list(frames[:45]) != list(range(45))


def test_bare_and_without_invalid_times(tmp_path: Path) -> None:
    with h5py.File(write_session(tmp_path / "bare.nwb", **VERY_SMALL, bare=True)) as file:
        assert set(file["processing"]) == {"running", "stimulus"}
        assert "invalid_times" not in file["intervals"]
    with h5py.File(write_session(tmp_path / "valid.nwb", **VERY_SMALL, invalid_times=False)) as file:
        assert "invalid_times" not in file["intervals"]
        assert "eye_tracking" in file["processing"]


def test_lfp_lies_beside(tiny: Path) -> None:
    with h5py.File(tiny) as file:
        probes = {
            name: int(file[f"general/devices/{name}"].attrs["probe_id"]) for name in file["general/devices"]
        }
        assert all(file[f"general/extracellular_ephys/{name}"].attrs["has_lfp_data"] for name in probes)
        channels = set(file["general/extracellular_ephys/electrodes/id"][:])
    assert {path.name for path in tiny.parent.iterdir()} == {
        "session.nwb",
        *(f"probe_{probe}_lfp.nwb" for probe in probes.values()),
    }
    for name, probe in probes.items():
        with h5py.File(tiny.with_name(f"probe_{probe}_lfp.nwb")) as file:
            series = file[f"acquisition/probe_{probe}_lfp/probe_{probe}_lfp_data"]
            electrodes = file["general/extracellular_ephys/electrodes"]
            assert series["data"].shape == (len(series["timestamps"]), len(electrodes["id"]))
            assert set(electrodes["id"][:]) <= channels
            assert set(electrodes["group_name"].asstr()[:]) == {name}
            csd = file["processing/current_source_density/ecephys_csd"]
            places = len(csd["virtual_electrode_y_positions"])
            assert csd["current_source_density/data"].shape[1] == places


def test_about_half_of_the_units_pass(tiny: Path) -> None:
    with h5py.File(tiny) as file:
        good = passing(file)
        assert 0.4 < good.mean() < 0.65
        assert np.isnan(file["units/amplitude_cutoff"][:]).any()
        assert np.isnan(file["units/snr"][:]).any()
        assert not file["general/extracellular_ephys/electrodes/valid_data"][:].all()
        assert {"", "None"} <= set(file["general/extracellular_ephys/electrodes/location"].asstr()[:])


def test_quirks(strange: Path) -> None:
    assert PASSING & set(QUIRKS)
    with h5py.File(strange) as file:
        units = file["units"]
        first = {kind: row for row, kind in enumerate(QUIRKS[:10])}  # the first probe has ten units
        good = passing(file)
        for kind, row in first.items():
            assert good[row] == (kind in PASSING), kind
        all_trains = trains(file)
        assert len(all_trains[first["silent_pass"]]) == 0
        assert units["amplitude_cutoff"][first["exact_cutoff"]] == 0.1
        assert units["presence_ratio"][first["exact_presence"]] == 0.95
        assert units["isi_violations"][first["exact_isi"]] == 0.5
        gratings = file["intervals/static_gratings_presentations"]
        start, stop = gratings["start_time"][:], gratings["stop_time"][:]
        edge = all_trains[first["edge"]]
        assert np.all(np.diff(edge) >= 0)
        for row in (20, 21, 25):
            for time in (start[row], stop[row], start[row] + 0.1):
                assert time in edge
        assert np.count_nonzero(edge == start[20] + 0.123) == 2
        assert (start == stop).sum() == 1
        times = np.concatenate([
            np.stack([table["start_time"][:], table["stop_time"][:]], 1)
            for name, table in file["intervals"].items() if name != "invalid_times"
        ])  # fmt: skip
        times = times[np.argsort(times[:, 0], kind="stable")]
        gaps = times[1:, 0] - times[:-1, 1]
        assert (gaps < -1e-7).sum() == 3
        assert ((gaps > 1e-10) & (gaps < 2e-3)).sum() == 4
        assert np.any(np.diff(file["general/extracellular_ephys/electrodes/local_index"][48:]) < 0)


def accuracy(counts: np.ndarray, labels: np.ndarray) -> float:
    """Five folds of nearest centroid on square roots of counts."""
    points, (_, classes) = np.sqrt(counts), np.unique(labels, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(classes)) % 5
    right = 0
    for held in range(5):
        train, test = fold != held, fold == held
        centres = np.stack([points[train & (classes == c)].mean(axis=0) for c in range(classes.max() + 1)])
        distance = ((points[test][:, None] - centres) ** 2).sum(axis=2)
        right += int((distance.argmin(axis=1) == classes[test]).sum())
    return right / len(classes)


def decode(
    file: h5py.File, stimulus: str, column: str, areas: tuple[str, ...], window: tuple[float, float]
) -> float:
    table = file[f"intervals/{stimulus}_presentations"]
    labels, start = table[column][:], table["start_time"][:]
    shown = ~np.isnan(labels)
    chosen = np.flatnonzero(passing(file) & np.isin(area(file), areas))
    all_trains = trains(file)
    edges = start[shown, None] + np.array(window)
    counts = [np.diff(np.searchsorted(all_trains[i], edges), axis=1)[:, 0] for i in chosen]
    return accuracy(np.stack(counts, axis=1), labels[shown])


@pytest.mark.parametrize("seed", [0, 1])
def test_orientation_is_decodable_in_tiny(tmp_path: Path, seed: int) -> None:
    with h5py.File(write_session(tmp_path / "s.nwb", size="tiny", seed=seed)) as file:
        assert decode(file, "drifting_gratings", "orientation", ("VISp",), (0.0, 2.0)) > 0.4  # chance 0.125


def test_small_decodes_as_the_tutorial_needs(tmp_path: Path) -> None:
    path = write_session(tmp_path / "s.nwb")
    assert 20e6 < path.stat().st_size < 45e6
    with h5py.File(path) as file:
        assert decode(file, "drifting_gratings", "orientation", ("VISp",), (0.0, 2.0)) > 0.8
        assert decode(file, "drifting_gratings", "orientation", ("VISp",), (0.01, 0.25)) > 0.5
        assert decode(file, "static_gratings", "orientation", ("VISp",), (0.01, 0.25)) > 0.5  # chance 0.17
        assert decode(file, "natural_scenes", "frame", ("VISp",), (0.01, 0.25)) > 0.3  # chance 0.01
        untuned = decode(file, "drifting_gratings", "orientation", ("CA1", "CA3", "DG-mo"), (0.0, 2.0))
        assert untuned < 0.25
