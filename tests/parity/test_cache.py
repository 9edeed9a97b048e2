"""nwbin.Dataset's tables against AllenSDK's EcephysProjectCache, live, on the same synthetic cache."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import nwbin
from nwbin import testing
from tests.caches import make_allen
from tests.parity.ask_cache import plain

ALLENSDK = os.environ.get("NWBIN_ALLENSDK_PYTHON")

OPEN = {"amplitude_cutoff_maximum": None, "presence_ratio_minimum": None, "isi_violations_maximum": None}
SESSIONS = (715093701, 766640955, 750332458)


def questions() -> list[tuple[str, dict[str, Any]]]:
    """Return every question that is asked of both, and its arguments."""
    asked: list[tuple[str, dict[str, Any]]] = []
    for name in ("get_session_table", "get_probes", "get_channels", "get_units"):
        asked += [(name, {}), (name, {"suppress": []}), (name, {"suppress": ["sex", "no such column"]})]
    asked += [("get_units", {**OPEN, "filter_by_validity": valid}) for valid in (True, False)]
    asked += [("get_units", {"filter_out_of_brain_units": False})]
    asked += [("get_units", {name: value}) for name in OPEN for value in (None, 0, 0.3, 0.97)]
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
    return asked


def differences(mine: Any, theirs: Any) -> list[str]:
    """Say how two answers differ; nothing where they do not."""
    if not isinstance(theirs, dict):
        return [] if mine == theirs else [f"{mine!r} is not {theirs!r}"]
    if not isinstance(mine, dict):
        return [f"{type(mine)} is no table"]
    said = [
        f"{part}: {mine[part]!r:.200} is not {theirs[part]!r:.200}"
        for part in ("name", "index", "kinds")
        if mine[part] != theirs[part]
    ]
    if list(mine["columns"]) != list(theirs["columns"]):
        return [*said, f"columns {list(mine['columns'])} are not {list(theirs['columns'])}"]
    pairs = {
        name: list(zip(mine["columns"][name], theirs["columns"][name], strict=True))
        for name in mine["columns"]
    }
    return said + [
        f"{name}: {next((a, b) for a, b in both if not same(a, b))}"
        for name, both in pairs.items()
        if not all(same(a, b) for a, b in both)
    ]


def same(a: Any, b: Any) -> bool:
    """Whether values are equal: AllenSDK's pandas reads numbers in CSV files to 16 decimals."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-12)
    return bool(a == b)


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
    return make_allen(folder / "cache", files)


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
    data = nwbin.Dataset(cache / "manifest.json", cache=False)
    wrong, equal = [], 0
    for (name, arguments), answer in zip(asked, answers, strict=True):
        method, _, attribute = name.partition(".")
        try:
            value = getattr(data, method)(**arguments)
            if attribute:
                value = getattr(value, attribute)
        except nwbin.NwbinError as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            if answer.get("error") not in kinds:
                wrong.append(
                    f"{name}({arguments}): raises {error}, AllenSDK {answer.get('error', 'does not')}"
                )
            else:
                equal += 1
            continue
        if "error" in answer:
            wrong.append(f"{name}({arguments}): AllenSDK raises {answer['error']}: {answer['said']}")
            continue
        shown = json.loads(json.dumps(plain(value)))
        if name == "get_session_data.units":
            # AllenSDK 2.16.2 takes the cache's metrics for a session, and then leaves them out; nwbin adds them.
            assert {"area_rf", "g_osi_sg"} <= set(shown["columns"]) - set(answer["value"]["columns"])
            for part in ("columns", "kinds"):
                known = answer["value"][part]
                shown[part] = {column: one for column, one in shown[part].items() if column in known}
        found = differences(shown, answer["value"])
        wrong += [f"{name}({arguments}): {one}" for one in found]
        equal += not found
    print(f"{equal} of {len(asked)} answers equal")
    assert not wrong, "\n".join(wrong)
