"""Questions that are odd, and have an answer all the same, or an error in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
import nwbin.testing
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.metrics import quality_metrics

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nwbin.testing.write_session(
        tmp_path_factory.mktemp("odd") / "session.nwb", size="tiny", seed=3, invalid_times=False
    )


def test_quality_within_the_ends_that_are_given() -> None:
    train = np.arange(1.0, 1001.0)
    for convention in ("allen", "spikeinterface"):
        found = quality_metrics({7: train}, duration=(100, 200), convention=convention)  # type: ignore[arg-type]
        assert found.loc[7, "firing_rate"] == pytest.approx(101 / 100)


def test_spikes_before_the_clock_began_count_with_spikeinterface_only() -> None:
    train = [-5.0, 0.0, 1.0, 50.0, 100.0]
    assert quality_metrics({7: train})["firing_rate"].tolist() == [3 / 99]
    found = quality_metrics({7: train}, convention="spikeinterface")
    assert found["firing_rate"].tolist() == [5 / 105]


def test_amplitudes_that_are_no_dictionary() -> None:
    with pytest.raises(ArgumentTypeError, match="amplitudes must be a dictionary"):
        quality_metrics({0: [1.0, 2.0]}, amplitudes=[np.asarray([1.0, 2.0])])  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_that_is_none(path: Path, seed: Any) -> None:
    with nwbin.open(path) as session, pytest.raises(ArgumentError, match="seed must be a whole number"):
        session.stimulus_metrics(["gabors"], seed=seed)


def test_values_that_occur_only_beside_what_is_missing() -> None:
    rows = pd.DataFrame(
        {
            "start_time": np.arange(6.0),
            "orientation": [0.0, 0.0, 90.0, 90.0, 45.0, 45.0],
            "temporal_frequency": [1.0, 2.0, 1.0, 2.0, None, np.nan],
        }
    )
    found = nwbin.responses.tuning(
        {7: [0.1, 2.1, 2.2]}, rows, ["orientation", "temporal_frequency"], (0, 0.5), resamples=10
    )
    assert found["orientation"].values.tolist() == [0.0, 90.0]
    assert found["preferred_orientation"].values.tolist() == [90.0]


def test_pandas_own_word_for_missing_is_no_condition() -> None:
    rows = pd.DataFrame({"start_time": np.arange(3.0), "kind": pd.array([1, 2, None], dtype="Int64")})
    found = nwbin.responses.psth({7: [0.1]}, rows.astype({"kind": object}), [0.0, 0.5], by="kind")
    assert found["condition"].values.tolist() == [1, 2]


def test_a_window_in_an_array(path: Path) -> None:
    with nwbin.open(path) as session:
        one, other = (session.psth("flashes", window=window) for window in (np.asarray([0, 0.2]), (0, 0.2)))
    assert one.equals(other)


def test_gabors_without_places_leave_the_other_stimuli(
    path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise nwbin.errors.LookupFailure("no presentation has a position")

    monkeypatch.setattr("nwbin.metrics.stimulus.receptive_field_metrics", none)
    with nwbin.open(path) as session:
        found = session.stimulus_metrics(["fl", "rf"])
    assert found["firing_rate_fl"].notna().all()
    assert found["area_rf"].isna().all()
    assert sum("gabors" in str(one.message) for one in recwarn) == 1
