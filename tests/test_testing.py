"""Synthetic sessions: the same call gives the same bytes, laid out as real files are; pynwb reads them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - the files are looked at as they are stored
import numpy as np
import pytest

from nwbin.errors import ArgumentError, FileAccessError, NwbinError
from nwbin.testing import LAYOUTS, PASSING, QUIRKS, STIMULUS_SETS, write_session
from nwbin.testing._plan import make_plan
from nwbin.testing._stimuli import make_presentations

BO, FC = STIMULUS_SETS
VERY_SMALL: dict[str, Any] = {
    "size": "tiny", "probes": 1, "units_per_probe": 3, "channels": 16, "repeats": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("tiny") / "session.nwb", size="tiny", lfp=True)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("strange") / "session.nwb", size="tiny", quirks=True)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trains(file: h5py.File) -> list[np.ndarray]:
    ends = file["units/spike_times_index"][:].astype(np.int64)
    return np.split(file["units/spike_times"][:], ends[:-1])


def passing(file: h5py.File) -> np.ndarray:
    """AllenSDK's default filters, written out."""
    units, electrodes = file["units"], file["general/extracellular_ephys/electrodes"]
    row = {channel: i for i, channel in enumerate(electrodes["id"][:])}
    peak = [row[channel] for channel in units["peak_channel_id"][:]]
    location = electrodes["location"].asstr()[:][peak]
    return (
        (units["amplitude_cutoff"][:] <= 0.1)
        & (units["presence_ratio"][:] >= 0.95)
        & (units["isi_violations"][:] <= 0.5)
        & (units["quality"].asstr()[:] == "good")
        & electrodes["valid_data"][:][peak]
        & (location != "None")
        & (location != "")
    )


def area(file: h5py.File) -> np.ndarray:
    electrodes = file["general/extracellular_ephys/electrodes"]
    where = dict(zip(electrodes["id"][:], electrodes["location"].asstr()[:], strict=True))
    return np.array([where[channel] for channel in file["units/peak_channel_id"][:]])


# -- the same call, the same bytes ---------------------------------------------------------------------------


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


@pytest.mark.parametrize("rows", [1 << 17, 300])  # more, and far fewer, than a unit has spikes
def test_layouts_hold_the_same_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("nwbin.testing._layout._CHUNK", rows)
    paths = [write_session(tmp_path / f"{layout}.nwb", size="tiny", layout=layout) for layout in LAYOUTS]
    with h5py.File(paths[0]) as released, h5py.File(paths[1]) as chunked:
        for name in ("spike_times", "spike_amplitudes", "spike_times_index", "waveform_mean"):
            np.testing.assert_array_equal(released[f"units/{name}"][:], chunked[f"units/{name}"][:])
        for name in ("intervals/gabors_presentations/start_time", "processing/running/running_speed/data"):
            np.testing.assert_array_equal(released[name][:], chunked[name][:])
        assert released["units/spike_times"].chunks is None
        assert released["units/spike_times"].id.get_offset() is not None  # it can be mapped
        assert released["units/spike_times_index"].dtype == np.int64
        assert chunked["units/spike_times"].compression == "gzip"
        assert chunked["units/spike_times"].shuffle
        assert chunked["intervals/flashes_presentations/tags_index"].dtype == np.uint8
        assert "probe_channel_number" in chunked["general/extracellular_ephys/electrodes"]


def test_each_seed_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = set()
    for seed in range(5):
        with h5py.File(write_session(tmp_path / f"{seed}.nwb", **VERY_SMALL, seed=seed)) as file:
            ids.add(file["identifier"][()])
            assert int(file["general/session_id"].asstr()[()]) == int(file["identifier"].asstr()[()])
    assert len(ids) == 5


# -- what is in the file -------------------------------------------------------------------------------------


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


# -- can the stimulus be read from the spikes ----------------------------------------------------------------


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


# -- other readers -------------------------------------------------------------------------------------------


@pytest.fixture
def pynwb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import alone: what other packages say of each other
        import pynwb
    return pynwb


# Released files have this field.
@pytest.mark.filterwarnings("ignore:The 'manufacturer' field is deprecated:DeprecationWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stimulus_set", STIMULUS_SETS)
def test_pynwb_reads_everything(tmp_path: Path, pynwb: Any, layout: str, stimulus_set: str) -> None:
    path = write_session(
        tmp_path / "s.nwb", **VERY_SMALL, layout=layout, stimulus_set=stimulus_set, lfp=True, quirks=True
    )
    for file in sorted(tmp_path.iterdir()):
        with pynwb.NWBHDF5IO(str(file), "r") as io:
            nwb = io.read()
            assert {type(group).__name__ for group in nwb.electrode_groups.values()} == {
                "EcephysElectrodeGroup"
            }
            assert type(nwb.subject).__name__ == "EcephysSpecimen"
            assert len(nwb.electrodes.to_dataframe()) == len(nwb.electrodes.id)
            for table in nwb.intervals.values() if nwb.intervals else ():
                frame = table.to_dataframe()
                assert len(frame) == len(table.id)
            if file == path:
                units = nwb.units.to_dataframe()
                assert len(units) == 3
                assert units["waveform_mean"].iloc[0].shape == (16, 20)
                assert len(units["spike_times"].iloc[1]) == 0
                assert nwb.stimulus_notes == stimulus_set
            else:
                series = next(iter(nwb.acquisition.values()))
                assert next(iter(series.electrical_series.values())).electrodes.to_dataframe().shape[0] > 0
                assert nwb.processing["current_source_density"]["ecephys_csd"].time_series.data.shape == (
                    100,
                    24,
                )
            if layout == "chunked":  # index columns of released files are signed, which the schema forbids
                assert not pynwb.validate(io=io, use_cached_namespaces=False)


def structure(path: Path) -> dict[str, tuple[Any, ...]]:
    """Every object of a file but the cached schemas: its kind, storage, type and attributes."""
    found: dict[str, tuple[Any, ...]] = {}
    plain = ("neurodata_type", "namespace", "unit", "conversion", "offset", "resolution", "interval")
    with h5py.File(path) as file:

        def attributes(thing: Any) -> dict[str, Any]:
            out = {}
            for name, value in thing.attrs.items():
                if name == "colnames":
                    out[name] = sorted(value)
                elif isinstance(value, h5py.Reference):
                    out[name] = file[value].name
                else:
                    out[name] = value if name in plain else type(value).__name__
            return out

        def walk(group: Any) -> None:
            for name in group:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.SoftLink):
                    found[f"{group.name}/{name}"] = ("link", link.path)
                    continue
                thing = group[name]
                if isinstance(thing, h5py.Group):
                    found[thing.name] = ("group", attributes(thing))
                    if thing.name != "/specifications":
                        walk(thing)
                else:
                    text = h5py.check_string_dtype(thing.dtype)
                    kind = (str(thing.dtype), thing.ndim, text, bool(thing.chunks), thing.compression)
                    found[thing.name] = ("data", kind, attributes(thing))

        walk(file)
        found["/"] = ("root", sorted(file.attrs), file.attrs["nwb_version"])
    return found


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("tiny_bo_released", {"quirks": True}),
        ("tiny_bo_chunked", {"layout": "chunked", "firing_rate": 6.0}),  # so that ends need 32 bits here too
        ("tiny_bo_released_bare", {"bare": True}),
        ("tiny_fc_released", {"stimulus_set": FC}),
    ],
)
def test_layout_is_that_of_allensdks_writer(
    tmp_path: Path, shared: Path, folder: str, arguments: dict[str, Any]
) -> None:
    (theirs,) = (shared / "oracle/sessions" / folder).glob("session_*.nwb")
    ours = structure(write_session(tmp_path / "s.nwb", size="tiny", **arguments))
    expected = structure(theirs)
    # AllenSDK's present writer leaves this column out; released files have it.
    assert ours.pop("/units/waveform_halfwidth")[0] == "data"
    ours["/units"][1]["colnames"].remove("waveform_halfwidth")
    assert ours == expected


def test_lfp_layout_is_that_of_allensdks_writer(tmp_path: Path, shared: Path) -> None:
    def named(found: dict[str, tuple[Any, ...]], probe: str) -> str:
        return str(sorted(found.items())).replace(probe, "ID")

    (theirs,) = (shared / "oracle/sessions/tiny_bo_released").glob("probe_*_lfp.nwb")
    write_session(tmp_path / "s.nwb", size="tiny", probes=["probeA"], lfp=True)
    (ours,) = tmp_path.glob("probe_*_lfp.nwb")
    expected = named(structure(theirs), theirs.name.split("_")[1])
    assert named(structure(ours), ours.name.split("_")[1]) == expected


# -- whole or not at all -------------------------------------------------------------------------------------


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
