"""convention="allen" equals what AllenSDK 2.16.2 computed for the recorded sessions, column by column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.kernels import contrast
from nwbin.metrics.corrections import why_corrected
from nwbin.testing import write_session
from tests.metrics.recorded import answers, differences, numbers, unsettled

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


@pytest.fixture(scope="module")
def allen(session: nwbin.Session) -> pd.DataFrame:
    """All metrics of all units by AllenSDK's convention: two tests look at them, and they take seconds."""
    return session.stimulus_metrics(convention="allen")


@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_allens_convention_equals_allensdk(folder: Path, session: nwbin.Session, allen: pd.DataFrame) -> None:
    mine = allen
    found = answers(folder / "metrics")
    assert sorted(name for one in found.values() for name in one["columns"]) == sorted(mine.columns)
    loose = unsettled(session)
    assert len(loose) < len(mine) / 2 or not contrast.COMPILED
    off = {suffix: differences(answer, mine, loose) for suffix, answer in found.items() if suffix != "rf"}
    assert {suffix: columns for suffix, columns in off.items() if columns} == {}


@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_only_listed_columns_are_corrected(session: nwbin.Session, allen: pd.DataFrame) -> None:
    mine = session.stimulus_metrics(convention="corrected")
    # In these sessions some scenes and some contrasts overlap, where AllenSDK loses spikes.
    overlapping = {"image_selectivity_ns", "c50_dg"}
    for name in allen.columns:
        if not why_corrected(name) and name not in overlapping:
            np.testing.assert_array_equal(allen[name].to_numpy(), mine[name].to_numpy(), err_msg=name)


@pytest.mark.parametrize("stimulus_set", ["brain_observatory_1.1", "functional_connectivity"])
def test_where_nothing_overlaps_only_listed_columns_are_corrected(stimulus_set: str, tmp_path: Path) -> None:
    path = write_session(
        tmp_path / "session_1.nwb",
        size="tiny",
        stimulus_set=stimulus_set,
        seed=2,
        invalid_times=False,
        repeats=0.5,
    )
    session = nwbin.open(path, **EVERY_UNIT)
    allen, mine = (session.stimulus_metrics(convention=one) for one in ("allen", "corrected"))
    assert set(allen.columns) <= set(mine.columns)
    changed = {
        name
        for name in allen.columns
        if not np.array_equal(numbers(allen[name]), numbers(mine[name]), equal_nan=True)
    }
    assert all(map(why_corrected, changed))
    assert all(map(why_corrected, set(mine.columns) - set(allen.columns)))
    assert {"f1_f0_dg", "mod_idx_dg"} <= changed
