"""What a fresh process loads and copies before its first answer, and that NumPy's counts are those of the kernels."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import binning
from nwbin.allen import responses
from nwbin.binning import _work
from nwbin.errors import CountOverflowError
from nwbin.testing import write_session

FIRST = """
import sys
import nwbin
session = nwbin.open(sys.argv[1])
shown = session.stimulus_presentations.index
unused = set(sys.argv[2].split())
print(sorted((unused | {"difflib", "xarray"}) & set(sys.modules)))
counts = session.presentationwise_spike_counts([0.0, 0.25], shown, session.units.index)
print(counts.dims, [counts[name].dtype.name for name in counts.dims])
print(sorted(unused & set(sys.modules)))
"""

# By what they are for: other packages, what Python has for rare paths, other answers, other ways of counting.
UNUSED = """
    dask numba scipy pynwb isal fractions nwbin.metrics nwbin.exchange nwbin.storage.remote nwbin.plot
    nwbin.estimates nwbin.responses.changes nwbin.responses.decode nwbin.responses.populations
    nwbin.responses.position_maps nwbin.responses.rates nwbin.responses.tiles nwbin.responses.tuning_curves
    nwbin.responses.variability nwbin.binning._aligned nwbin.binning._correlograms nwbin.binning._sparse
"""


def test_first_counts_load_nothing_that_they_do_not_use(tmp_path: Path) -> None:
    pytest.importorskip("dask")
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=0, invalid_times=False)
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(path), UNUSED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded_for_tables, labels, loaded = done.stdout.splitlines()
    assert loaded_for_tables == "[]"
    assert labels == (
        "('stimulus_presentation_id', 'time_relative_to_stimulus_onset', 'unit_id')"
        " ['int64', 'float64', 'int64']"
    )
    assert loaded == "[]"


@pytest.mark.parametrize("package", [nwbin.binning, nwbin.responses])
def test_names_that_are_loaded_when_asked(package: Any) -> None:
    """Importing a module puts it into its package under its own name: there no public name may stand."""
    for name in package.__all__:
        assert not isinstance(getattr(package, name), ModuleType)
        assert name in dir(package)
    modules = {one.name for one in pkgutil.iter_modules(package.__path__)}
    assert modules.isdisjoint(package.__all__)
    with pytest.raises(AttributeError, match=f"module {package.__name__!r} has no attribute 'psht'"):
        package.psht  # noqa: B018


def test_a_first_count_of_a_whole_session_is_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_work, "_spent_ns", 0.0)
    monkeypatch.delitem(sys.modules, "nwbin.kernels.compiled", raising=False)
    searches = 2 * 5811 * 545
    assert [_work.compiled_is_worth_it(searches, 545, 2) for _ in range(4)] == [False, False, False, True]


def some(rng: np.random.Generator) -> tuple[nwbin.SpikeTrains, Any]:
    """More units than one piece of work holds, and presentations that overlap, in no order."""
    trains = nwbin.SpikeTrains.from_dict(
        {unit: np.sort(rng.integers(0, 800, rng.integers(0, 900))) / 8 for unit in range(37)}
    )
    return trains, rng.integers(0, 800, 700) / 8


@pytest.mark.parametrize("closed", ["left", "right", "both"])
@pytest.mark.parametrize("threads", [1, 3])
def test_numpys_counts_in_pieces(closed: Any, threads: int) -> None:
    trains, onsets = some(np.random.default_rng(3))
    edges = [0.0, 0.25, 0.25, 4.0]
    with binning.counting_by("walk"):
        expected = nwbin.bin_spikes(trains, onsets, edges, closed=closed)
    for dtype in (np.uint16, np.float32, bool):
        with binning.counting_by("plain"):
            found = nwbin.bin_spikes(trains, onsets, edges, closed=closed, dtype=dtype, threads=threads)
        np.testing.assert_array_equal(found, expected.astype(dtype))


def test_numpys_counts_that_are_too_large_in_a_later_piece() -> None:
    trains = {unit: [0.5] * (300 if unit == 30 else 1) for unit in range(37)}
    with (
        binning.counting_by("plain"),
        pytest.raises(
            CountOverflowError, match="presentation 0, bin 0, unit 30: 300 spikes are more than uint8"
        ),
    ):
        nwbin.bin_spikes(trains, [0.0], [0.0, 1.0], dtype=np.uint8)


def test_the_table_of_spikes_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    trains, _ = some(np.random.default_rng(4))
    shown = pd.DataFrame({"start_time": [1.0, 2.0], "stop_time": [2.0, 3.0]}, index=[8, 9])
    made = []
    list_spikes = binning.spikes_in_order_of_time

    def listed(*arguments: Any, **options: Any) -> Any:
        made.append(list_spikes(*arguments, **options))
        return made[0]

    monkeypatch.setattr(binning, "spikes_in_order_of_time", listed)
    table = responses.spike_table(trains, shown, closed="right")
    columns = [table.index.to_numpy(), *(table[name].to_numpy() for name in table)]
    arrays = made[0].time, made[0].row_id, made[0].unit_id, made[0].since
    assert len(table) > 100
    for column, array in zip(columns, arrays, strict=True):
        assert np.shares_memory(column, array)
