"""What people hold in their hands is taken for spike trains: by what it can do, and by no import."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, FormatError, InvalidSpikesWarning
from nwbin.responses import AlignedCounts, TiledCounts, group_statistics, mean_rates, response_matrix
from nwbin.testing import write_session
from nwbin.trains import SpikeTrains, as_trains

A, B = np.array([0.1, 0.25, 1.5]), np.array([0.125])


# Stand-ins with what the real ones have


class Quantity(np.ndarray):
    """As Neo's SpikeTrain: an array of a unit of time."""

    per_second = 1.0

    def rescale(self, unit: str) -> Any:
        if unit != "s" or not self.per_second:
            raise ValueError("Unable to convert between units of mV and s")
        return SimpleNamespace(magnitude=np.asarray(self) / self.per_second)


def quantity(values: Any, per_second: float) -> Quantity:
    one = np.asarray(values).view(Quantity)
    one.per_second = per_second
    return one


class Ts:
    """As pynapple's Ts and Tsd: a Tsd gives NumPy its values, and so is no array of times."""

    def __init__(self, t: Any) -> None:
        self.t = np.asarray(t)

    def times(self) -> Any:
        return self.t

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.zeros(len(self.t))

    def __len__(self) -> int:
        return len(self.t)

    def __iter__(self) -> Any:
        return iter([Ts([t]) for t in self.t])


class Group:
    """As pynapple's TsGroup."""

    def __init__(self, data: dict[int, Ts]) -> None:
        self.data = data

    def keys(self) -> Any:
        return list(self.data)

    def items(self) -> Any:
        return list(self.data.items())


class Sorting:
    """As SpikeInterface's: numbers of samples."""

    sampling_frequency = 1000.0
    unit_ids = np.array(["x", "y"])
    segments = 1

    def get_num_segments(self) -> int:
        return self.segments

    def get_unit_spike_train(self, unit_id: Any) -> Any:
        return (np.round((A if unit_id == "x" else B) * 1000)).astype(np.int64)


class LaterSorting(Sorting):
    """Newer ones know a recording's times."""

    def get_unit_ids(self) -> Any:
        return self.unit_ids

    def get_unit_spike_train_in_seconds(self, unit_id: Any) -> Any:
        return self.get_unit_spike_train(unit_id) / 1000 + 5.0


def series() -> Any:
    return pd.Series([A, B], index=[4, 2])


TAKEN: dict[str, tuple[Any, list[Any], float]] = {
    "list": ([A, B], [0, 1], 0),
    "tuple of lists": ((A.tolist(), B.tolist()), [0, 1], 0),
    "array of rows": (np.array([[0.1, 0.2], [0.3, 0.4]]), [0, 1], 0),
    "mapping": ({"a": A, "b": B}, ["a", "b"], 0),
    "series": (series(), [4, 2], 0),
    "neo": ([quantity(A * 1000, 1000.0), quantity(B, 1.0)], [0, 1], 0),
    "mapping of neo": ({7: quantity(A * 1000, 1000.0), 3: quantity(B, 1.0)}, [7, 3], 0),
    "pynapple": (Group({5: Ts(A), 9: Ts(B)}), [5, 9], 0),
    "list of pynapple": ([Ts(A), Ts(B)], [0, 1], 0),
    "sorting": (Sorting(), ["x", "y"], 0),
    "later sorting": (LaterSorting(), ["x", "y"], 5.0),
    "with trains": (SimpleNamespace(spike_trains=lambda: SpikeTrains.from_dict({1: A, 2: B})), [1, 2], 0),
}


@pytest.mark.parametrize("name", TAKEN)
def test_is_taken(name: str) -> None:
    given, ids, later = TAKEN[name]
    found = as_trains(given)
    assert list(found) == ids
    if name != "array of rows":
        np.testing.assert_allclose(found[ids[0]], A + later)
        np.testing.assert_allclose(found[ids[1]], B + later)


def test_nothing_is_no_unit() -> None:
    for nothing in ([], (), {}, np.empty(0)):
        assert len(as_trains(nothing)) == 0


def test_trains_stay_what_they_are() -> None:
    trains = SpikeTrains.from_dict({1: A})
    assert as_trains(trains) is trains


ROWS = pd.DataFrame({"start_time": [0.0, 1.0], "stop_time": [1.0, 2.0]})
DOORS: dict[str, Callable[[Any], Any]] = {
    "bin_spikes": lambda trains: nwbin.bin_spikes(trains, [0.0, 1.0], [0.0, 0.5, 1.0]),
    "count_in_windows": lambda trains: nwbin.count_in_windows(trains, [0.0, 1.0], [0.0, 1.0]),
    "align_spikes": lambda trains: nwbin.align_spikes(trains, [0.0, 1.0], [0.0, 1.0]).time,
    "iter_bin_spikes": lambda trains: next(nwbin.iter_bin_spikes(trains, [0.0, 1.0], [0.0, 1.0]))[1],
    "bin_spikes_sparse": lambda trains: nwbin.bin_spikes_sparse(trains, [0.0, 1.0], [0.0, 1.0]).toarray(),
    "correlograms": lambda trains: nwbin.correlograms(trains, 1.0, 0.25).counts,
    "mean_rates": lambda trains: mean_rates(trains, ROWS, [0.0, 0.5, 1.0]).values,
    "AlignedCounts": lambda trains: AlignedCounts(trains, ROWS, [0.0, 1.0]).to_numpy(),
    "TiledCounts": lambda trains: next(TiledCounts(trains, ROWS, 0.5).blocks(1 << 20))[1],
    "response_matrix": lambda trains: response_matrix(trains, ROWS, np.array(["a", "b"]), (0.0, 1.0)).X,
    "group_statistics": lambda trains: group_statistics(trains, ROWS.to_numpy(), np.zeros(2)).total,
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_them(door: str) -> None:
    answer = DOORS[door]({0: A, 1: B})
    assert answer.sum() > 0
    for given in ([A, B], Group({3: Ts(A), 5: Ts(B)}), TAKEN["neo"][0], Sorting()):
        np.testing.assert_allclose(DOORS[door](given), answer)


def test_a_session_and_a_file(tmp_path: Path) -> None:
    path = write_session(tmp_path / "session.nwb", seed=1)
    with nwbin.File(path) as file:
        assert as_trains(file) == file.spike_trains()
    session = nwbin.open(path)
    with pytest.warns(InvalidSpikesWarning, match="they are not left out"):  # once, as by session.spike_times
        trains = as_trains(session)
    assert trains.unit_ids.tolist() == session.units.index.tolist()
    assert len(trains) < len(session.file.spike_trains())  # those that pass the session's filters
    one = session.units.index[1]
    assert trains[one].tolist() == session.spike_times[one].tolist()
    assert session.spike_trains([one]) == trains.select([one])
    onsets = session.stimulus_presentations.start_time[:3]
    assert nwbin.bin_spikes(session, onsets, [0, 1]).shape == (3, 1, len(trains))


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            5,
            ArgumentTypeError,
            "trains must be SpikeTrains, a mapping of .* or a sorting of SpikeInterface; not int",
        ),
        (None, ArgumentTypeError, "a list of arrays .*; not NoneType"),
        ("units.csv", ArgumentTypeError, "trains must be .*; not str"),
        (iter([A, B]), ArgumentTypeError, "trains must be .*; not list_iterator"),
        (A, ArgumentTypeError, r"these are the times of one unit, .*: give \[times\], or \{unit_id: times\}"),
        (Ts(A), ArgumentTypeError, "these are the times of one unit"),
        ([0.1, 0.2], ArgumentTypeError, r"an array of spike times for each unit, not float: give \[times\]"),
        ([A, "x"], ArgumentTypeError, "an array of spike times for each unit, not str$"),
        ([A, ["x"]], ArgumentTypeError, "unit 1: spike times must be real numbers in seconds, not <U1"),
        ([A, [A]], FormatError, r"unit 1: spike times must have one dimension, not shape \(1, 3\)"),
        ([A, B, A[::-1]], FormatError, "unit 2: spike 1 of 3, .* must ascend within a unit: sort them"),
        ([quantity(A, 0.0)], ArgumentError, "unit 0: its values are no times: Unable to convert"),
        (ROWS, ArgumentTypeError, "trains must not be a table; give SpikeTrains, a mapping"),
        (
            SimpleNamespace(spike_trains=lambda: {1: A}),
            ArgumentTypeError,
            r"the method spike_trains\(\) of SimpleNamespace gives dict, not SpikeTrains",
        ),
    ],
)
def test_what_is_none_of_these(given: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        nwbin.bin_spikes(given, [0.0], [0.0, 1.0])


def test_a_sorting_of_several_segments() -> None:
    sorting = Sorting()
    sorting.segments = 2
    with pytest.raises(
        ArgumentError,
        match=r"has 2 segments, whose times overlap: .*select_segment_sorting\(sorting, \[0\]\)",
    ):
        as_trains(sorting)


# The real ones, where they are installed


def test_pynapples_own() -> None:
    pynapple = pytest.importorskip("pynapple")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one spike it has much to say
        group = pynapple.TsGroup({5: pynapple.Ts(A), 9: pynapple.Tsd(B, d=np.ones(1))})
    assert as_trains(group) == SpikeTrains.from_dict({5: A, 9: B})


def test_neos_own() -> None:
    neo = pytest.importorskip("neo")
    trains = [neo.SpikeTrain(A * 1000, units="ms", t_stop=2000), neo.SpikeTrain(B, units="s", t_stop=2)]
    segment = neo.Segment()
    segment.spiketrains.extend(trains)
    for given in (trains, segment.spiketrains):
        found = as_trains(given)
        np.testing.assert_allclose(found[0], A)
        np.testing.assert_allclose(found[1], B)


def test_spikeinterfaces_own() -> None:
    spikeinterface = pytest.importorskip("spikeinterface")
    samples = {"x": np.round(A * 1e4).astype(int), "y": np.round(B * 1e4).astype(int)}
    sorting = spikeinterface.NumpySorting.from_unit_dict(samples, 1e4)
    found = as_trains(sorting)
    assert list(found) == ["x", "y"]
    np.testing.assert_allclose(found["x"], A)
    two = spikeinterface.NumpySorting.from_unit_dict([samples, samples], 1e4)
    with pytest.raises(ArgumentError, match="has 2 segments"):
        as_trains(two)
    assert list(as_trains(spikeinterface.select_segment_sorting(two, [0]))) == ["x", "y"]


def test_none_of_them_is_imported() -> None:
    script = (
        "import sys, nwbin; nwbin.bin_spikes([[0.1], [0.2]], [0.0], [0.0, 1.0]);"
        " print([m for m in ('pynapple', 'neo', 'spikeinterface', 'pandas', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Onsets and presentations


class Intervals:
    """As pynapple's IntervalSet."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.start, self.end = (table[name].to_numpy() for name in ("start", "end"))
        self.columns = ["start", "end"]

    def __len__(self) -> int:
        return len(self.table)

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.stack([self.start, self.end], axis=1)

    def as_dataframe(self) -> pd.DataFrame:
        return self.table


SHOWN = pd.DataFrame({"start": [0.0, 1.0], "end": [0.5, 2.0], "color": [-1, 1], "start_time": [7.0, 8.0]})


def test_onsets_of_other_libraries() -> None:
    expected = nwbin.bin_spikes([A, B], [0.0, 1.0], [0, 0.5, 1])
    stamps = SimpleNamespace(t=np.array([0.0, 1.0]), times=lambda: np.array([0.0, 1.0]))
    for onsets in (quantity([0.0, 1000.0], 1000.0), stamps, Intervals(SHOWN)):
        given: Any = onsets
        np.testing.assert_array_equal(nwbin.bin_spikes([A, B], given, [0, 0.5, 1]), expected)
    edges: Any = quantity([0.0, 500.0, 1000.0], 1000.0)
    np.testing.assert_array_equal(nwbin.bin_spikes([A, B], [0.0, 1.0], edges), expected)
    window: Any = quantity([0.0, 1000.0], 1000.0)
    found = nwbin.align_spikes([A, B], [0.0], window)
    np.testing.assert_array_equal(found.time, nwbin.align_spikes([A, B], [0.0], [0.0, 1.0]).time)
    width: Any = quantity(500.0, 1000.0)
    assert nwbin.binning.bin_edges(window=window, bin_width=width).tolist() == [0.0, 0.5, 1.0]
    assert nwbin.exchange.count_grid([A], window, 0.5).spans.tolist() == [[0.0, 1.0]]
    with pytest.raises(ArgumentError, match="onsets are no times: Unable to convert"):
        nwbin.bin_spikes([A], quantity([0.0], 0.0), [0, 1])


def test_an_interval_set_is_presentations() -> None:
    rows: Any = Intervals(SHOWN)
    expected = AlignedCounts(
        [A, B], {"start_time": [0.0, 1.0], "stop_time": [0.5, 2.0], "color": [-1, 1]}, [0, 1]
    )
    found = AlignedCounts([A, B], rows, [0, 1])
    assert found.to_xarray().identical(expected.to_xarray())
    assert TiledCounts([A, B], rows, 0.5).to_numpy().tolist() == [[2, 1], [0, 0], [1, 0]]


def test_an_interval_set_is_windows() -> None:
    """Each from its start to its end; two of them as well, whose starts alone might be taken for one window."""
    windows: Any = Intervals(SHOWN)
    expected = nwbin.count_in_windows([A, B], [0.0], [[0.0, 0.5], [1.0, 2.0]])
    np.testing.assert_array_equal(nwbin.count_in_windows([A, B], [0.0], windows), expected)


def test_pynapples_own_intervals() -> None:
    pynapple = pytest.importorskip("pynapple")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynapple's, of a unit with one spike
        group = pynapple.TsGroup({3: pynapple.Ts(t=A), 1: pynapple.Ts(t=B)})
    shown = pynapple.IntervalSet(start=[0.0, 1.0], end=[0.5, 2.0])
    shown.set_info({"color": np.array([-1, 1])})
    expected = nwbin.bin_spikes({1: B, 3: A}, [0.0, 1.0], [0, 0.5, 1])
    for onsets in (shown, pynapple.Ts(t=np.array([0.0, 1.0]))):
        np.testing.assert_array_equal(nwbin.bin_spikes(group, onsets, [0, 0.5, 1]), expected)
    expected = nwbin.count_in_windows(group, [0.0], [[0.0, 0.5], [1.0, 2.0]])
    np.testing.assert_array_equal(nwbin.count_in_windows(group, [0.0], shown), expected)
    rates = nwbin.responses.psth(group, shown, [0, 0.5, 1], by="color")
    assert rates.sizes["condition"] == 2


def test_neos_own_epoch() -> None:
    neo = pytest.importorskip("neo")
    epoch = neo.Epoch(times=[0.0, 1000.0], durations=[500.0, 500.0], units="ms", labels=["a", "b"])
    for onsets in (epoch, epoch.times):
        found = nwbin.bin_spikes([A, B], onsets, [0, 0.5, 1])
        np.testing.assert_array_equal(found, nwbin.bin_spikes([A, B], [0.0, 1.0], [0, 0.5, 1]))
