"""convention="allen" equals what AllenSDK 2.16.2 computed for the recorded sessions, column by column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nwbin
from nwbin.metrics.corrections import why_corrected
from tests.metrics.recorded import answers, differences

SESSIONS = ("tiny_bo_released", "tiny_fc_released")
EVERY_UNIT = {
    "amplitude_cutoff_maximum": np.inf,
    "presence_ratio_minimum": -np.inf,
    "isi_violations_maximum": np.inf,
    "filter_by_validity": False,
}


@pytest.fixture(scope="module", params=SESSIONS)
def folder(request: pytest.FixtureRequest, shared: Path) -> Path:
    return shared / "oracle" / "sessions" / str(request.param)


@pytest.fixture(scope="module")
def session(folder: Path) -> nwbin.Session:
    return nwbin.open(next(folder.glob("session_*.nwb")), **EVERY_UNIT)


@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_allens_convention_equals_allensdk(folder: Path, session: nwbin.Session) -> None:
    mine = session.stimulus_metrics(convention="allen")
    found = answers(folder / "metrics")
    assert sorted(name for one in found.values() for name in one["columns"]) == sorted(mine.columns)
    off = {suffix: differences(answer, mine) for suffix, answer in found.items() if suffix != "rf"}
    assert {suffix: columns for suffix, columns in off.items() if columns} == {}


@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_only_listed_columns_are_corrected(folder: Path, session: nwbin.Session) -> None:
    allen, mine = (session.stimulus_metrics(convention=one) for one in ("allen", "corrected"))
    for name in allen.columns:
        if not why_corrected(name):
            np.testing.assert_array_equal(allen[name].to_numpy(), mine[name].to_numpy(), err_msg=name)
