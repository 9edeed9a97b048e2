"""Stimulus metrics by AllenSDK's convention are AllenSDK's, on sessions never seen before."""

from __future__ import annotations

import os
import random
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import nwbin
from nwbin.testing import write_session
from tests.metrics.recorded import answers, differences, unsettled

ROOT = Path(__file__).parents[2]
ALLENSDK = os.environ.get("NWBIN_ALLENSDK_PYTHON")
EVERY_UNIT = {
    "amplitude_cutoff_maximum": np.inf,
    "presence_ratio_minimum": -np.inf,
    "isi_violations_maximum": np.inf,
    "filter_by_validity": False,
}
# What AllenSDK takes a minute of processor time for: few units, every stimulus.
SMALL = {"size": "tiny", "quirks": True, "probes": 1, "units_per_probe": 8, "channels": 16, "samples": 4}
LIVE = {"bo": ("brain_observatory_1.1", "dg,sg,ns,fl,rf"), "fc": ("functional_connectivity", "dg,dm,fl,rf")}
# Hang on fits that need not settle; tests/metrics has them.
FITTED = {"width_rf", "height_rf", "on_screen_rf"}


def off(folder: Path) -> dict[str, dict[str, str]]:
    """Suffix -> column -> how it differs."""
    session = nwbin.open(next(folder.glob("session_*.nwb")), **EVERY_UNIT)
    mine = session.stimulus_metrics(convention="allen")
    found = {}
    for suffix, answer in answers(folder / "metrics").items():
        left_out = FITTED if find_spec("nwbin.metrics.receptive_fields") else mine.columns[mine.isna().all()]
        answer["columns"] = {name: one for name, one in answer["columns"].items() if name not in left_out}
        found[suffix] = differences(answer, mine, unsettled(session))
    return found


@pytest.mark.skipif(not ALLENSDK, reason="set NWBIN_ALLENSDK_PYTHON to a Python that has AllenSDK 2.16.2")
@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_live_metrics(tmp_path: Path) -> None:
    assert ALLENSDK
    seed = int(os.environ.get("NWBIN_PARITY_SEED", random.randrange(10**6)))
    running = []
    for step, (name, (stimulus_set, classes)) in enumerate(LIVE.items()):
        folder = tmp_path / f"{name}_seed{seed + step}"
        folder.mkdir()
        write_session(
            folder / f"session_{seed + step}.nwb", stimulus_set=stimulus_set, seed=seed + step, **SMALL
        )
        command = [ALLENSDK, "-m", "tests.parity.record_metrics", str(folder), "--classes", classes]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running.append((folder, classes, process))
    for folder, classes, process in running:
        said, _ = process.communicate(timeout=1500)
        assert process.returncode == 0, said[-2000:]
        print(said)
        found = off(folder)
        assert set(found) == set(classes.split(",")), said
        assert {suffix: columns for suffix, columns in found.items() if columns} == {}, f"seed {seed}"
