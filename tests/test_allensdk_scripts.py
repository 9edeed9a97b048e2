"""What keeps a script written for AllenSDK from running with one line changed."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import nwbin
from nwbin import testing
from nwbin.errors import (
    ArgumentError,
    ArgumentTypeError,
    FormatError,
    GoneNameError,
    LookupFailure,
    MissingDependencyError,
    MissingFileError,
    NwbinError,
)
from nwbin.tables.missing import distinct
from tests.caches import make_allen

SESSION = 715093701


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("files") / f"session_{SESSION}.nwb"
    return testing.write_session(place, size="tiny", seed=3, session_id=SESSION, lfp=True, repeats=0.5)


@pytest.fixture(scope="module")
def cache(path: Path) -> Path:
    return make_allen(path.parent / "cache", [path])


@pytest.fixture(scope="module")
def session(path: Path) -> nwbin.Session:
    return nwbin.open(path)


# ---------------------------------------------------------------- structures


def test_structures_have_the_name_that_scripts_use(session: nwbin.Session) -> None:
    for table in (session.units, session.channels):
        names = table.columns.tolist()
        assert names.index("ecephys_structure_acronym") == names.index("structure_acronym") + 1
        assert table["ecephys_structure_acronym"].equals(table["structure_acronym"])
        assert table["ecephys_structure_acronym"].dtype == object
    assert session.units["ecephys_structure_acronym"].notna().any()
    assert session.structurewise_unit_counts.name in ("ecephys_structure_acronym", "count")


def test_a_cache_has_its_own_structures(cache: Path) -> None:
    with nwbin.Dataset(cache, cache=False).get_session_data(SESSION) as opened:
        names = opened.units.columns.tolist()
        assert names.count("ecephys_structure_acronym") == names.count("structure_acronym") == 1
        assert names.index("ecephys_structure_acronym") > names.index("structure_acronym") + 1


def test_structures_are_named_alike_from_a_file_and_a_cache(path: Path, cache: Path) -> None:
    with (
        nwbin.open(path, filter_by_validity=False) as plain,
        nwbin.Dataset(cache, cache=False).get_session_data(SESSION) as known,
        nwbin.open(path) as valid,
    ):
        assert valid.channels["structure_acronym"].isna().any()  # outside the brain
        # As AllenSDK's cache: NaN stands for what lies in no structure.
        for opened in (plain, valid, known):
            missing = [one for one in opened.structure_acronyms if not isinstance(one, str)]
            # That very object: scripts ask for `np.nan in acronyms`, and take sets from one another.
            assert [id(one) for one in missing] == [id(np.nan)]
        assert set(valid.structure_acronyms) == set(known.structure_acronyms)


def test_nan_among_distinct_values_is_always_the_same_object() -> None:
    nothing = [float("nan"), None, np.float64("nan"), np.nan, pd.NA]
    for values in (["VISp", *nothing, "LGd", "VISp"], [*nothing[::-1], "VISp", "LGd"]):
        found = distinct(pd.Series(values, dtype=object))
        assert set(found) == {"VISp", np.nan, "LGd"}
        assert len(found) == 3
    assert np.nan in distinct(pd.Series([1.5, float("nan")]))
    assert distinct(pd.Series([3, 1, 3])) == [3, 1]
    assert distinct(pd.Series([], dtype=object)) == []


def test_the_structure_goes_with_exported_units_once_under_each_name(path: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from nwbin.cli import app

    done = CliRunner().invoke(app, ["units", str(path), "-o", str(tmp_path / "units.csv")])
    assert done.exit_code == 0, done.output
    written = pd.read_csv(tmp_path / "units.csv")
    assert written["ecephys_structure_acronym"].equals(written["structure_acronym"])


# ---------------------------------------------------------------- no valid channel


def test_no_valid_channel_is_no_unit(path: Path, tmp_path: Path) -> None:
    import h5py  # noqa: TID251

    place = tmp_path / path.name
    shutil.copyfile(path, place)
    with h5py.File(place, "r+") as file:
        file["general/extracellular_ephys/electrodes/valid_data"][...] = 0
    for options in ({}, {"filter_out_of_brain_units": False}):
        with nwbin.open(place, **options) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore", nwbin.NwbinWarning)
            assert opened.num_units == 0
            assert len(opened.units) == 0
            assert "ecephys_structure_acronym" in opened.units.columns
            assert opened.num_channels == 0
            assert opened.structure_acronyms == []


def test_a_cache_without_the_channels_of_a_session_is_no_unit(cache: Path, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    shutil.copytree(cache, root)
    table = pd.read_csv(root / "channels.csv")
    table.iloc[:0].to_csv(root / "channels.csv", index=False)
    data = nwbin.Dataset(root, cache=False)
    for options in ({}, {"filter_out_of_brain_units": False}):
        with data.get_session_data(SESSION, **options) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore", nwbin.NwbinWarning)
            assert opened.num_units == 0
            assert len(opened.units) == 0


# ---------------------------------------------------------------- ids


def test_ids_in_a_labelled_array(session: nwbin.Session) -> None:
    units = session.units.index[[3, 1]]
    shown = session.get_stimulus_table("flashes").index[:4]
    counts = session.presentationwise_spike_counts([0, 0.1], shown, units)
    again = session.presentationwise_spike_counts(
        [0, 0.1], counts["stimulus_presentation_id"], counts["unit_id"]
    )
    assert again.identical(counts)
    one = session.presentationwise_spike_counts(
        [0, 0.1], counts["stimulus_presentation_id"][0], counts["unit_id"][1]
    )
    assert one.shape == (1, 1, 1)
    assert one["unit_id"].item() == units[1]
    mask = xr.DataArray(np.isin(session.units.index, units))
    assert set(session.presentationwise_spike_counts([0, 0.1], shown, mask)["unit_id"].values) == set(units)


def test_an_unknown_id_in_a_labelled_array_is_named(session: nwbin.Session) -> None:
    probe = session.probes.index[0]
    channels = session.get_lfp(probe)["channel"]
    labels, bounds = session.channel_structure_intervals(channels)
    assert bounds[-1] == len(channels)
    assert len(labels) == len(bounds) - 1
    unknown = channels.copy(data=np.append(channels.values[:-1], 17))
    with pytest.raises(LookupFailure, match="17 is not the id of a channel"):
        session.channel_structure_intervals(unknown)
    part = session.get_lfp(probe, channels=channels[2:4])
    assert part["channel"].values.tolist() == channels.values[2:4].tolist()
    assert session.get_lfp(probe, channels=channels[2])["channel"].values.tolist() == [channels.values[2]]
    swapped = session.presentationwise_spike_counts([0, 0.1], [0], session.units.index[:2])
    with pytest.raises(LookupFailure, match="are they swapped"):
        session.presentationwise_spike_counts([0, 0.1], swapped["unit_id"], swapped["unit_id"])


# ---------------------------------------------------------------- opening


def test_api_kwargs_say_how_to_open(path: Path) -> None:
    loose = {"amplitude_cutoff_maximum": None, "filter_by_validity": False}
    with nwbin.open(path, api_kwargs=loose) as opened:
        assert opened.filters.amplitude_cutoff_maximum is None
        assert not opened.filters.filter_by_validity
        assert opened.filters.presence_ratio_minimum == 0.95
    with nwbin.open(path, amplitude_cutoff_maximum=0.02, api_kwargs=loose) as opened:
        assert opened.filters.amplitude_cutoff_maximum == 0.02
    with nwbin.Session.from_nwb_path(path, api_kwargs=loose, filter_by_validity=True, test=True) as opened:
        assert opened.filters.filter_by_validity
    with pytest.raises(ArgumentTypeError, match="api_kwargs must be a dictionary"):
        nwbin.open(path, api_kwargs=["filter_by_validity"])  # type: ignore[arg-type]


def test_a_subclass_opens_itself(path: Path) -> None:
    class Mine(nwbin.Session):
        def answer(self) -> int:
            return self.num_probes

    with Mine.from_nwb_path(path) as opened:
        assert type(opened) is Mine
        assert opened.answer() == len(opened.probes)


def misspelt(path: Path, cache: Path) -> list[Callable[[], Any]]:
    data = nwbin.Dataset(cache, cache=False)
    wrong: dict[str, Any] = {"presence_ratio_minium": 0.9}
    return [
        lambda: nwbin.open(path, **wrong),
        lambda: nwbin.open(path, api_kwargs=wrong),
        lambda: nwbin.Session.from_nwb_path(path, **wrong),
        lambda: nwbin.Session.from_nwb_path(path, api_kwargs=wrong),
        lambda: data.get_units(**wrong),
        lambda: data.get_session_data(SESSION, **wrong),
        lambda: data.get_unit_analysis_metrics_for_session(SESSION, annotate=False, **wrong),
        lambda: data.get_unit_analysis_metrics_by_session_type("brain_observatory_1.1", **wrong),
        lambda: data.map(len, workers=0, **wrong),
    ]


def test_a_misspelt_argument_is_refused_and_the_right_one_named(path: Path, cache: Path) -> None:
    for call in misspelt(path, cache):
        with pytest.raises(
            TypeError, match="'presence_ratio_minium'; did you mean 'presence_ratio_minimum'"
        ) as given:
            call()
        assert isinstance(given.value, NwbinError)
    with pytest.raises(ArgumentTypeError, match=r"Dataset\(\) got .* 'manifets'; did you mean 'manifest'\?"):
        nwbin.Dataset(manifets=cache / "manifest.json")  # type: ignore[call-arg]
    with pytest.raises(ArgumentTypeError, match="did you mean 'suppress'"):
        nwbin.Dataset(cache).get_session_table(supress=["sex"])  # type: ignore[call-arg]


# ---------------------------------------------------------------- the cache


def test_a_dataset_is_opened_as_allensdks_cache_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nwbin import Dataset as EcephysProjectCache

    manifest = cache / "manifest.json"
    shown = EcephysProjectCache(cache, cache=False).get_session_table()
    for opened in (
        EcephysProjectCache.from_warehouse(
            manifest=str(manifest), timeout=30 * 60, version="0.3.0", cache=False
        ),
        EcephysProjectCache.from_warehouse("http", "a.host", True, manifest, cache=False, fetch_tries=5),
        EcephysProjectCache.from_lims(manifest=manifest, lims_credentials=object(), cache=False),
        EcephysProjectCache.fixed(manifest=manifest),
        EcephysProjectCache(manifest=manifest, fetch_api=object(), fetch_tries=3, stream_writer=print),
    ):
        assert opened.root == cache
        pd.testing.assert_frame_equal(opened.get_session_table(), shown)

    class Mine(nwbin.Dataset):
        pass

    assert type(Mine.from_warehouse(manifest=manifest)) is Mine
    # AllenSDK's default is a name in the current folder; of data without a manifest it would write one.
    monkeypatch.chdir(cache)
    assert EcephysProjectCache.fixed().root == cache
    assert not (cache / "ecephys_project_manifest.json").exists()


def test_what_a_dataset_cannot_be_made_of(cache: Path, tmp_path: Path) -> None:
    for make in (nwbin.Dataset.from_warehouse, nwbin.Dataset.fixed, nwbin.Dataset):
        with pytest.raises(
            MissingFileError, match=r"manifest.json: there is no such manifest, .* was downloaded"
        ):
            make(manifest=tmp_path / "nowhere" / "manifest.json")
    with pytest.raises(MissingFileError, match="there is no such manifest"):
        nwbin.Dataset(tmp_path / "manifest.json")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ArgumentTypeError, match="either a folder"):
        nwbin.Dataset()
    with pytest.raises(ArgumentTypeError, match="either a folder"):
        nwbin.Dataset(cache, manifest=cache / "manifest.json")
    with pytest.raises(ArgumentTypeError, match="not object; nothing is downloaded"):
        nwbin.Dataset(object())  # type: ignore[arg-type]


def test_what_allensdk_no_longer_has_is_named_with_its_successor(cache: Path) -> None:
    data = nwbin.Dataset(cache, cache=False)
    assert not hasattr(data, "get_sessions")
    for old, new in (
        ("get_sessions", "get_session_table"),
        ("get_all_stimulus_sets", "get_all_session_types"),
        ("get_all_genotypes", "get_all_full_genotypes"),
        ("get_all_recorded_structures", "get_structure_acronyms"),
    ):
        with pytest.raises(AttributeError, match=rf"no {old}.*use {new}\(\)") as given:
            getattr(data, old)
        assert isinstance(given.value, GoneNameError)
        getattr(data, new)()


def test_suppress_goes_by_both_names_of_a_column(cache: Path) -> None:
    data = nwbin.Dataset(cache, cache=False)
    whole = data.get_session_table(suppress=[])
    for name in ("genotype", "full_genotype"):
        for suppress in ([name], name):
            left = whole.columns.difference(data.get_session_table(suppress=suppress).columns).tolist()
            assert left == ["full_genotype"]
    assert "probe_name" not in data.get_channels(suppress=["name"]).columns
    hidden = [*data.SUPPRESS_FROM_SESSION_TABLE, "sex"]
    assert not set(hidden) & set(data.get_session_table(suppress=hidden).columns)


def test_text_in_a_cache_is_missing_where_it_is_for_allensdk(cache: Path, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    shutil.copytree(cache, root)
    table = pd.read_csv(root / "channels.csv", dtype={"ecephys_structure_acronym": object})
    words = ["None", "none", "NA", "null", "", "n/a", "-NaN", "<NA>", "NONE"]
    table.loc[: len(words) - 1, "ecephys_structure_acronym"] = words
    table.to_csv(root / "channels.csv", index=False)
    read = (
        nwbin.Dataset(root, cache=False)
        .get_channels()
        .loc[table["id"][: len(words)], "ecephys_structure_acronym"]
    )
    assert [one if isinstance(one, str) else "missing" for one in read] == [
        "None", "none", "missing", "missing", "missing", "missing", "missing", "missing", "NONE",
    ]  # fmt: skip


# ---------------------------------------------------------------- templates


def test_templates_are_read_from_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = pytest.importorskip("PIL.Image")
    root = tmp_path / "cache"
    shutil.copytree(cache, root)
    data = nwbin.Dataset.fixed(manifest=root / "manifest.json")
    scene = root / "natural_scene_templates" / "natural_scene_5.tiff"
    movie = root / "natural_movie_templates" / "natural_movie_1.h5"
    with pytest.raises(
        MissingFileError, match=r"natural_scene_5\.tiff: is not there, and nwbin downloads nothing"
    ):
        data.get_natural_scene_template(5)
    with pytest.raises(MissingFileError, match=r"natural_movie_1\.h5: is not there"):
        data.get_natural_movie_template(1)
    scene.parent.mkdir()
    movie.parent.mkdir()
    for dtype in (np.uint8, np.float32):
        image = np.arange(12).reshape(3, 4).astype(dtype)
        images.fromarray(image).save(scene)
        read = data.get_natural_scene_template(np.int64(5))  # type: ignore[arg-type]
        assert read.dtype == dtype
        assert (read == image).all()
    frames = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    with movie.open("wb") as file:
        np.save(file, frames)
    assert (data.get_natural_movie_template(1) == frames).all()
    with pytest.raises(ArgumentError, match="whole one"):
        data.get_natural_scene_template(5.5)  # type: ignore[arg-type]

    scene.write_bytes(b"no image")
    with pytest.raises(FormatError, match=r"natural_scene_5\.tiff: is no TIFF image"):
        data.get_natural_scene_template(5)
    with movie.open("wb") as file:
        np.save(file, np.asarray([{"code": "that runs"}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match=r"natural_movie_1\.h5: is no array"):
        data.get_natural_movie_template(1)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'nwbin\[images\]'"):
        data.get_natural_scene_template(5)
