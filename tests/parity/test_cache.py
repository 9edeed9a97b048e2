"""nwbin.Dataset's tables against AllenSDK's EcephysProjectCache, live, on the same synthetic cache."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import testing
from tests.caches import make_allen
from tests.parity.ask_cache import plain
from tests.parity.cache_compare import differences
from tests.parity.cache_differences import CACHE_DIFFERENCES, CacheCase

ALLENSDK = os.environ.get("NWBIN_ALLENSDK_PYTHON")

OPEN = {"amplitude_cutoff_maximum": None, "presence_ratio_minimum": None, "isi_violations_maximum": None}
SESSIONS = (715093701, 766640955, 750332458)
LISTED_ONLY, UNKNOWN = (
    791319847,
    1,
)  # a session in sessions.csv of which nothing was downloaded; one in no table


def questions() -> list[tuple[str, dict[str, Any]]]:
    """Return every question that is asked of both, and its arguments."""
    asked: list[tuple[str, dict[str, Any]]] = []
    for name in ("get_session_table", "get_probes", "get_channels", "get_units"):
        asked += [(name, {}), (name, {"suppress": []}), (name, {"suppress": ["sex", "no such column"]})]
        asked += [
            (name, {"suppress": "sex"}),
            (name, {"suppress": ["genotype"]}),
            (name, {"suppress": ["name"]}),
        ]
    asked += [
        ("get_session_table", {"suppress": ["full_genotype"]}),
        ("get_channels", {"suppress": ["probe_name"]}),
    ]
    asked += [("get_units", {**OPEN, "filter_by_validity": valid}) for valid in (True, False)]
    asked += [("get_units", {"filter_out_of_brain_units": False})]
    asked += [("get_units", {name: value}) for name in OPEN for value in (None, 0, 0.3, 0.97)]
    misspelt = {"presence_ratio_minium": 0.5}
    asked += [
        ("get_units", misspelt),
        ("get_session_data.num_units", {"session_id": SESSIONS[0], **misspelt}),
    ]
    asked += [("get_unit_analysis_metrics_for_session", {"session_id": SESSIONS[1]})]
    for session in SESSIONS[:1]:
        for more in ({}, {"annotate": False}, {"filter_by_validity": False}, OPEN):
            asked.append(("get_unit_analysis_metrics_for_session", {"session_id": session, **more}))
    for kind in ("brain_observatory_1.1", "functional_connectivity", "no such type"):
        for more in ({}, {"annotate": False}, {"amplitude_cutoff_maximum": None}):
            asked.append(("get_unit_analysis_metrics_by_session_type", {"session_type": kind, **more}))
    asked += [
        (name, {})
        for name in (
            "get_all_session_types", "get_all_full_genotypes", "get_all_ages", "get_all_sexes",
            "get_structure_acronyms",
        )
    ]  # fmt: skip
    asked += [
        (f"get_session_data.{table}", {"session_id": SESSIONS[0], **more})
        for table in ("units", "channels", "probes")
        for more in ({}, {**OPEN, "filter_by_validity": False}, {"filter_out_of_brain_units": False})
    ]
    for name in (
        "metadata",
        "structure_acronyms",
        "structurewise_unit_counts",
        "session_start_time",
        "full_genotype",
    ):
        asked.append((f"get_session_data.{name}", {"session_id": SESSIONS[0]}))
    # The tables have no channel of this one.
    for name in ("num_units", "num_channels", "num_probes", "channels", "structure_acronyms"):
        asked.append((f"get_session_data.{name}", {"session_id": SESSIONS[2]}))
    asked += [("get_session_data.units", {"session_id": one}) for one in (LISTED_ONLY, UNKNOWN)]
    asked += [("get_natural_scene_template", {"number": number}) for number in (7, 8, 9)]
    asked += [("get_natural_movie_template", {"number": number}) for number in (1, 3)]
    return asked


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    kinds = ("brain_observatory_1.1", "functional_connectivity", "brain_observatory_1.1")
    files = [
        testing.write_session(
            folder / f"session_{one}.nwb", size="tiny", seed=seed, session_id=one, stimulus_set=kinds[seed]
        )
        for seed, one in enumerate(SESSIONS)
    ]
    return with_corners(make_allen(folder / "cache", files))


def with_corners(cache: Path) -> Path:
    """Change a cache so that what is rare in one occurs: text that looks like no value, owners of nothing."""
    sessions = (cache / "sessions.csv").read_text()
    listed = sessions.splitlines()[1].replace(str(SESSIONS[0]), str(LISTED_ONLY))
    (cache / "sessions.csv").write_text(f"{sessions}{listed}\n")
    header, *probes = (cache / "probes.csv").read_text().splitlines()
    empty = {line.split(",")[0] for line in probes if line.split(",")[1] == str(SESSIONS[2])}
    header, *channels = (cache / "channels.csv").read_text().splitlines()
    at = header.split(",").index("ecephys_structure_acronym")
    words = ("None", "NA", "none", "null", "", "-nan")
    kept = []
    for number, line in enumerate(channels):
        cells = line.split(",")
        if number % 7 == 0:
            cells[at] = words[number // 7 % len(words)]
        if cells[header.split(",").index("ecephys_probe_id")] not in empty:
            kept.append(",".join(cells))
    (cache / "channels.csv").write_text("\n".join([header, *kept]) + "\n")
    images = pytest.importorskip("PIL.Image")
    for number, dtype in ((7, np.uint8), (8, np.float32)):
        place = cache / "natural_scene_templates" / f"natural_scene_{number}.tiff"
        place.parent.mkdir(exist_ok=True)
        images.fromarray(np.arange(12).reshape(3, 4).astype(dtype)).save(place)
    place = cache / "natural_movie_templates" / "natural_movie_1.h5"
    place.parent.mkdir()
    with place.open("wb") as file:
        np.save(file, np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    manifest = json.loads((cache / "manifest.json").read_text())
    for kind, name in (("movie", "natural_movie_%d.h5"), ("scene", "natural_scene_%d.tiff")):
        home = {"movie": "movie_dir", "scene": "natural_scene_dir"}[kind]
        folder = f"natural_{kind}_templates"
        manifest["manifest"] += [
            {"key": home, "type": "dir", "spec": folder, "parent_key": "BASEDIR"},
            {"key": f"natural_{kind}", "type": "file", "spec": name, "parent_key": home},
        ]
    (cache / "manifest.json").write_text(json.dumps(manifest))
    return cache


@pytest.mark.skipif(not ALLENSDK, reason="set NWBIN_ALLENSDK_PYTHON to a Python that has AllenSDK 2.16.2")
@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_live(cache: Path, tmp_path: Path) -> None:
    asked = questions()
    (tmp_path / "questions.json").write_text(json.dumps(asked))
    script = Path(__file__).with_name("ask_cache.py")
    subprocess.run(
        [str(ALLENSDK), "-W", "ignore", str(script), str(cache / "manifest.json"),
         str(tmp_path / "questions.json"), str(tmp_path / "answers.json")],
        check=True, capture_output=True,
    )  # fmt: skip
    answers = json.loads((tmp_path / "answers.json").read_text())
    data = nwbin.Dataset(manifest=cache / "manifest.json", cache=False)
    wrong, found = [], Counter[str]()
    for (name, arguments), answer in zip(asked, answers, strict=True):
        case = CacheCase(name, arguments, own_answer(data, name, arguments), answer)
        problems = case_problems(case)
        listed = [one.name for one in CACHE_DIFFERENCES if one.explains(case)] if problems else ["equal"]
        found.update(listed[:1])
        if not listed:
            wrong += [f"{name}({arguments}): {one}" for one in problems]
    print(dict(found))
    assert not wrong, "\n".join(wrong)
    # Each listed difference occurs, and most of what was asked is equal.
    assert {one.name for one in CACHE_DIFFERENCES} == set(found) - {"equal"}
    assert found["equal"] > 60


def own_answer(data: nwbin.Dataset, name: str, arguments: dict[str, Any]) -> Any:
    """Ask nwbin: a plain value, or the exception."""
    method, _, attribute = name.partition(".")
    try:
        value = getattr(data, method)(**arguments)
        if attribute:
            value = getattr(value, attribute)
    except nwbin.NwbinError as error:
        return error
    return json.loads(json.dumps(plain(value)))


def case_problems(case: CacheCase) -> list[str]:
    """Say how the two answers to a question differ."""
    if isinstance(case.mine, Exception):
        kinds = [kind.__name__ for kind in type(case.mine).__mro__]
        if case.theirs.get("error") in kinds:
            return []
        return [f"raises {case.mine!r}, AllenSDK {case.theirs.get('error', 'does not')}"]
    if "error" in case.theirs:
        return [f"AllenSDK raises {case.theirs['error']}: {case.theirs['said']}"]
    return differences(case.mine, case.theirs["value"])
