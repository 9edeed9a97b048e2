"""SpikeTrains: what it holds, what it refuses, how it travels."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import SpikeTrains
from nwbin.errors import ArgumentTypeError, FormatError, LookupFailure
from nwbin.trains import _spike_trains


def make() -> SpikeTrains:
    return SpikeTrains([0.1, 0.5, 0.9, 0.2, 0.3], [0, 3, 3, 5], [17, 4, 23])


def test_is_a_mapping() -> None:
    trains = make()
    assert isinstance(trains, Mapping)
    assert len(trains) == 3
    assert list(trains) == list(trains.keys()) == [17, 4, 23]
    assert trains[23].tolist() == [0.2, 0.3]
    assert {unit: times.tolist() for unit, times in trains.items()} == {
        17: [0.1, 0.5, 0.9],
        4: [],
        23: [0.2, 0.3],
    }
    assert 4 in trains
    assert np.int64(4) in trains
    assert 5 not in trains
    assert [] not in trains
    assert trains.get(5) is None
    assert trains.unit_ids.tolist() == [17, 4, 23]
    assert trains.counts.tolist() == [3, 0, 2]
    assert trains.offsets.tolist() == [0, 3, 3, 5]
    assert trains.times.tolist() == [0.1, 0.5, 0.9, 0.2, 0.3]


def test_selection_keeps_order_and_repeats_and_copies_nothing() -> None:
    trains = make()
    some = trains.select([23, 17, 23])
    assert len(some) == 3
    assert list(some) == [23, 17, 23]
    assert np.shares_memory(some[17], trains.times)
    assert some.counts.tolist() == [2, 3, 2]
    assert some.times.tolist() == [0.2, 0.3, 0.1, 0.5, 0.9, 0.2, 0.3]
    assert some.offsets.tolist() == [0, 2, 5, 7]
    assert 4 not in some
    assert len(trains.select([])) == 0
    assert trains.select([]).times.size == 0
    assert trains.select(17) == trains.select([17.0]) == trains.select(np.array([17], np.uint8))
    assert np.shares_memory(trains.select([17, 4]).times, trains.times)


@pytest.mark.parametrize("unit", [18, "17", [17]])
def test_unknown_unit(unit: Any) -> None:
    with pytest.raises(LookupFailure, match=re.escape(f"SpikeTrains: no unit {unit!r}; ")) as caught:
        make()[unit]
    assert isinstance(caught.value, KeyError)


def test_unknown_unit_names_the_nearest() -> None:
    with pytest.raises(LookupFailure, match="no unit 'probeA_2'; did you mean 'probeA_1'"):
        SpikeTrains.from_dict({"probeA_1": [], "x": []}).select(["x", "probeA_2"])


def test_is_read_only() -> None:
    times = np.array([0.1, 0.2])
    trains = SpikeTrains(times, [0, 2], ["a"])
    for array in (trains["a"], trains.times, trains.offsets, trains.unit_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1] if array.size > 1 else array[0]
    assert np.shares_memory(trains.times, times)
    times[0] = 0.0  # the caller's own array stays writable
    with pytest.raises(TypeError):
        hash(trains)


@pytest.mark.parametrize(
    ("times", "offsets"),
    [
        ([1, 2, 3], [0, 3]),
        (np.array([1, 2, 3], np.float32), np.array([0, 3], np.uint8)),
        (np.array([1, 2, 3], np.int16), np.array([0, 3], np.uint64)),
        (np.array([1.0, 9, 2, 9, 3])[::2], (0, 3)),
        (np.array([1.0, 2, 3], ">f8"), np.array([0, 3], ">i4")),
    ],
)
def test_takes_any_real_times_and_integer_offsets(times: Any, offsets: Any) -> None:
    trains = SpikeTrains(times, offsets, [1])
    assert trains.times.dtype == np.dtype("f8")
    assert trains.offsets.dtype == np.dtype("i8")
    assert trains[1].tolist() == [1.0, 2.0, 3.0]
    assert nwbin.bin_spikes(trains, [0], [0, 2, 4]).ravel().tolist() == [1, 2]


def test_ids_stay_what_they_were() -> None:
    assert list(SpikeTrains([], [0, 0, 0], [1, "1"])) == [1, "1"]
    assert list(SpikeTrains([], [0, 0, 0], [1.0, 2.0])) == [1, 2]
    assert list(SpikeTrains([], [0, 0], np.array(["a"]))) == ["a"]
    assert list(SpikeTrains.from_dict({})) == []
    assert SpikeTrains.from_dict(make()) == make()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (([0.1], [0, 1], [1, 2]), FormatError, "2 unit ids for 1 units; give one id for each unit"),
        (([0.1], [0, 1], [[1]]), FormatError, r"unit ids must have one dimension, not shape \(1, 1\)"),
        (([], [0, 0, 0], [5, 5]), FormatError, "unit id 5 stands there twice; each unit needs its own id"),
        (([], [0, 0], [1.5]), ArgumentTypeError, "unit ids must be integers or strings, not float64 values"),
        (([[0.1]], [0, 1], [1]), FormatError, r"spike times must have one dimension, not shape \(1, 1\)"),
        ((["a"], [0, 1], [1]), ArgumentTypeError, "spike times must be real numbers in seconds, not <U1"),
        (([1j], [0, 1], [1]), ArgumentTypeError, "spike times must be real numbers in seconds, not complex"),
        (([0.1], [0.0, 1.0], [1]), ArgumentTypeError, "offsets must be integers, not float64 values"),
        (
            ([0.1], np.empty(0, int), []),
            FormatError,
            r"one entry more than there are units, not shape \(0,\)",
        ),
        (([0.1], [1, 1], [1]), FormatError, "offsets must start at 0, not at 1"),
        (
            ([0.1], np.array([0, 1, 0], "u1"), [1, 2]),
            FormatError,
            r"but offsets\[1\] is 1 and offsets\[2\] is 0",
        ),
        (([0.1], [0, 2], [1]), FormatError, "offsets end at 2, but there are 1 spike times"),
    ],
)
def test_refuses_what_does_not_fit(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        SpikeTrains(*arguments)


def test_refuses_what_is_not_a_mapping() -> None:
    with pytest.raises(ArgumentTypeError, match=r"not list; .* of flat arrays SpikeTrains\(times, offsets"):
        SpikeTrains.from_dict([[0.1]])  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [0, 1, 40, 63, 64, 65, 99])
@pytest.mark.parametrize("bad", ["down", np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [100, 1])
def test_names_the_spike_that_is_out_of_order_or_not_finite(
    at: int, bad: Any, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_spike_trains, "_CHECK_BLOCK", 32)
    times = np.arange(100.0)[:size]
    at = min(at, size - 1)
    if bad == "down":
        if at == 0:
            return
        times[at] = times[at - 1] - 0.25
        problem = f"spike {at} of {size}, at {times[at]!r} s, comes after one at {times[at - 1]!r} s"
        problem = problem.replace("np.float64(", "").replace(")", "")
    else:
        times[at] = bad
        problem = f"spike {at} of {size} is at {bad} s; spike times must be finite"
    before = {10: np.array([0.0, 50.0, 90.0]), "late": [], 12: times, 13: [np.nan]}
    with pytest.raises(FormatError, match=re.escape(problem)) as caught:
        SpikeTrains.from_dict(before)
    assert str(caught.value).startswith("SpikeTrains: unit 12: ")
    with pytest.raises(FormatError, match=r"^session\.nwb: units/spike_times: unit 8: spike"):
        SpikeTrains._from_slices(
            times, np.array([0]), np.array([size]), [8], source="session.nwb: units/spike_times", check=True
        )


def test_units_need_not_ascend_from_one_to_the_next() -> None:
    assert SpikeTrains([5.0, 6.0, 1.0, 1.0], [0, 2, 4], [1, 2])[2].tolist() == [1.0, 1.0]


def test_large_trains_are_checked_on_several_threads() -> None:
    times = np.tile(np.arange(300_000.0), 4)
    SpikeTrains(times, np.arange(5) * 300_000, range(4))
    times[1_000_000] = -1
    with pytest.raises(
        FormatError, match=r"unit 3: spike 100000 of 300000, at -1.0 s, comes after one at 99999.0"
    ):
        SpikeTrains(times, np.arange(5) * 300_000, range(4))


def test_slices_may_lie_anywhere(tmp_path: Path) -> None:
    raw = np.arange(20.0)
    # One byte off, as a column of a mapped file may lie.
    (tmp_path / "file").write_bytes(b"x" + raw.tobytes())
    mapped = np.memmap(tmp_path / "file", "f8", "r", offset=1)
    for values in (raw, mapped):
        trains = SpikeTrains._from_slices(
            values, np.array([15, 0, 3]), np.array([20, 5, 3]), ["b", "a", "c"], source="file", check=True
        )
        assert trains["b"].tolist() == [15, 16, 17, 18, 19]
        assert trains.times.tolist() == [15, 16, 17, 18, 19, 0, 1, 2, 3, 4]
        counts = nwbin.bin_spikes(trains, [0.0, 15.0] * 4000, [0, 2.5, 5])
        assert counts[:2].tolist() == [[[0, 3, 0], [0, 2, 0]], [[3, 0, 0], [2, 0, 0]]]


def test_pickle_takes_only_what_is_selected() -> None:
    trains = SpikeTrains(np.arange(100_000.0), [0, 99_000, 100_000], ["big", "small"])
    some = trains.select(["small", "small"])
    sent = pickle.dumps(some)
    assert len(sent) < 20_000
    back = pickle.loads(sent)
    assert back == some
    assert list(back) == ["small", "small"]
    with pytest.raises(ValueError, match="read-only"):
        back["small"][0] = 0


def test_equality() -> None:
    assert make() == make()
    assert make() == make().select([17, 4, 23])
    assert make() != make().select([4, 17, 23])
    assert make() != SpikeTrains([0.1, 0.5, 0.9, 0.2, 0.4], [0, 3, 3, 5], [17, 4, 23])
    assert make() != SpikeTrains([0.1, 0.5, 0.9, 0.2, 0.3], [0, 2, 3, 5], [17, 4, 23])
    assert make() != {17: [0.1]}


@pytest.mark.parametrize(
    ("trains", "shown"),
    [
        (make(), "SpikeTrains(3 units, 5 spikes, 0.1 to 0.9 s)"),
        (SpikeTrains([1.0], [0, 1], [1]), "SpikeTrains(1 unit, 1 spike, 1 to 1 s)"),
        (SpikeTrains([], [0], []), "SpikeTrains(0 units, 0 spikes)"),
    ],
)
def test_repr(trains: SpikeTrains, shown: str) -> None:
    assert repr(trains) == shown
