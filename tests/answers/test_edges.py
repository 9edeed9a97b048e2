"""What every answer has in common: plain lists are taken, nothing is nothing, files can hold them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

pytest.importorskip("scipy")

from nwbin import SpikeTrains
from nwbin.responses import (
    fano_factor,
    latency,
    noise_correlations,
    psth,
    reliability,
    responsive,
    signal_correlations,
    tuning,
)
from tests.answers.made import noise, trials

ROWS, TRAINS = trials(24), noise()
ANSWERS: dict[str, Callable[[Any], Any]] = {
    "psth": lambda trains: psth(
        trains, ROWS, [0.0, 0.25, 0.5], by="orientation", baseline=(-0.5, 0), smooth=0.1
    ),
    "tuning": lambda trains: tuning(trains, ROWS, ["orientation", "frequency"], (0, 0.5), resamples=20),
    "responsive": lambda trains: responsive(trains, ROWS, (0, 0.5), (-0.5, 0), permutations=50),
    "latency": lambda trains: latency(trains, ROWS, (0, 0.1), baseline=(-0.1, 0), resamples=20),
    "noise_correlations": lambda trains: noise_correlations(trains, ROWS, (0, 0.5), by="orientation"),
    "signal_correlations": lambda trains: signal_correlations(trains, ROWS, (0, 0.5), "orientation"),
    "reliability": lambda trains: reliability(trains, ROWS, (0, 0.5), "orientation", splits=5),
    "fano_factor": lambda trains: fano_factor(trains, ROWS, [[0, 0.5]], by="orientation"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_lists_are_taken(name: str) -> None:
    of_list = ANSWERS[name](list(TRAINS.values()))
    ids = np.arange(len(TRAINS))
    whole = ANSWERS[name](TRAINS).assign_coords(unit_id=ids)
    if "other_unit_id" in whole.dims:
        whole = whole.assign_coords(other_unit_id=ids)
    xr.testing.assert_identical(of_list, whole)


@pytest.mark.parametrize("name", ANSWERS)
def test_no_units_are_an_empty_answer(name: str) -> None:
    found = ANSWERS[name](SpikeTrains.from_dict({}))
    assert found.sizes["unit_id"] == 0
    assert set(found.dims) == set(ANSWERS[name](TRAINS).dims)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_unit_without_spikes_and_one_that_is_there_twice(name: str) -> None:
    """No error, no warning, and nothing infinite; a repeated unit is the same twice."""
    some = TRAINS.select([99, 11, 11])
    found = ANSWERS[name](some)
    parts = found.data_vars.values() if isinstance(found, xr.Dataset) else [found]
    for part in parts:
        values = part.values
        assert not np.isinf(values.astype(float)).any()
        if part.dims[-1:] == ("unit_id",):
            np.testing.assert_array_equal(values[..., 1], values[..., 2])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_can_hold_it(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf")
    found = ANSWERS[name](TRAINS)
    found.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    opened = xr.open_dataset if isinstance(found, xr.Dataset) else xr.open_dataarray
    with opened(tmp_path / "x.nc", engine="h5netcdf") as again:
        xr.testing.assert_equal(again.load(), found)
