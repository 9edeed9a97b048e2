"""One response matrix, whichever door it came through."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - a file that nwbin has not written
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError
from nwbin.responses.matrix import response_matrix
from tests.small_files import write_small

TRAINS = nwbin.SpikeTrains.from_dict({7: [0.1, 0.2, 1.1], 3: []})
ROWS = pd.DataFrame({"start_time": [0.0, 1.0, 2.0]}, index=[5, 6, 4])

pytestmark = pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters")


def test_matrix_of_arrays() -> None:
    found = response_matrix(TRAINS, ROWS, np.asarray(["b", 2, "a"], object), (0, 0.5), rate=True)
    assert found.X.tolist() == [[4, 0], [2, 0], [0, 0]]
    assert found.classes.tolist() == [2, "a", "b"]
    assert (found.presentation_ids.tolist(), found.unit_ids.tolist()) == ([5, 6, 4], [7, 3])
    flags = response_matrix(TRAINS, ROWS, np.asarray([np.True_, np.False_, np.True_], object), (0, 0.5))
    assert flags.y.dtype == np.float64
    assert flags.classes.tolist() == [0, 1]
    with pytest.raises(ArgumentError, match="rates need a window of a length"):
        response_matrix(TRAINS, ROWS, np.ones(3), (0.5, 0.5), rate=True)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Trials with labels of every kind."""
    path = write_small(tmp_path / "small.nwb")
    flags = h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, basetype="i1")
    with h5py.File(path, "a") as file:
        trials = file["intervals/trials"]
        number = len(trials["id"])
        trials["hit"] = (np.arange(number) % 2).astype(flags)
        trials["same"] = np.full(number, 3.0)
        trials["none"] = np.full(number, np.nan)
        trials.attrs["colnames"] = [*trials.attrs["colnames"], "hit", "same", "none"]
    return path


@pytest.mark.parametrize("align", ["start_time", "stop_time"])
@pytest.mark.parametrize(
    ("label", "note"),
    [
        ("hit", None),
        ("same", "have the same 'same', 3.0"),
        ("none", "has a value of 'none': the matrix is empty"),
    ],
)
@pytest.mark.slow
def test_a_job_says_of_labels_what_a_session_says(
    small: Path, align: str, label: str, note: str | None
) -> None:
    job: dict[str, Any] = {"window": (0.0, 0.5), "label": label, "workers": 0, "filter_by_metrics": False}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = nwbin.Dataset(small.parent).response_matrices("trials", align=align, **job)
    found.raise_if_failed()
    (matrix,) = found.values()
    assert matrix.y.dtype == np.float64
    assert matrix.y.tolist() == {"hit": [0, 1, 0, 1], "same": [3, 3, 3, 3], "none": []}[label]
    noted = "; ".join([*found.report["notes"], *(str(one.message) for one in heard)])
    assert ("nothing to tell apart" in noted) == (label == "same")
    assert ("the matrix is empty" in noted) == (label == "none")
    assert (note or "") in noted


def test_a_label_for_each_trial() -> None:
    rows = pd.DataFrame({"start_time": [0.0, 1.0]})
    with pytest.raises(ArgumentError, match="one value a trial"):
        response_matrix(nwbin.SpikeTrains.from_dict({7: [0.1]}), rows, np.asarray(["a", "b", "c"]), (0, 1))
