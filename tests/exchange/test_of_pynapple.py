"""A session as pynapple's objects: times to the last bit, nothing copied, presentations with their parameters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import ArgumentError, LookupFailure, NwbinWarning
from nwbin.trains import SpikeTrains, as_trains

nap: Any = pytest.importorskip("pynapple")


def test_units(session: nwbin.Session) -> None:
    data = session.to_pynapple(stimuli=())
    group, trains = data.units, session.spike_trains()
    assert isinstance(group, nap.TsGroup)
    assert group.index.tolist() == sorted(trains)
    assert as_trains(group).select(trains.unit_ids) == trains
    for unit in trains:
        if len(trains[unit]):
            assert np.shares_memory(group[unit].t, trains[unit])
    np.testing.assert_array_equal(group.get_info("snr"), session.units.loc[group.index, "snr"])
    length = group.time_support.tot_length()
    np.testing.assert_allclose(group.rate, [len(trains[unit]) / length for unit in group.index])
    assert data.stimuli == {}
    assert repr(data).startswith(f"<nwbin.exchange.Pynapple: {len(trains)} units, 0 stimuli")


def test_counts_from_it_are_those_of_the_session(session: nwbin.Session) -> None:
    ids = session.units.index[::-1]
    data = session.to_pynapple(ids, stimuli="flashes")
    shown = session.get_stimulus_table("flashes")
    edges = [0.0, 0.05, 0.1, 0.25]
    expected = session.presentationwise_spike_counts(edges, shown.index, data.units.index, closed="left")
    found = nwbin.bin_spikes(data.units, shown.start_time, edges)
    np.testing.assert_array_equal(found, expected)


def test_pynapple_works_with_it(session: nwbin.Session) -> None:
    """Its own compiled functions take memory that is read-only."""
    data = session.to_pynapple(session.units.index[:3], stimuli="flashes")
    first, last = data.stimuli["flashes"][0], data.units.index[-1]
    kept = data.units.restrict(first)
    trains = session.spike_trains()
    begin, end = first.start[0], first.end[0]
    for unit in kept.index:
        assert len(kept[unit]) == ((trains[unit] >= begin) & (trains[unit] <= end)).sum()
    counts = data.units.count(0.5, first)
    assert counts.columns.tolist() == data.units.index.tolist()
    assert last in counts.columns


def test_stimuli_and_running(session: nwbin.Session) -> None:
    data = session.to_pynapple(session.units.index[:1])
    assert list(data.stimuli) == session.stimulus_names
    for name, found in data.stimuli.items():
        shown = session.get_stimulus_table(name)
        assert isinstance(found, nap.IntervalSet)
        assert found.get_info("stimulus_presentation_id").tolist() == shown.index.tolist()
        np.testing.assert_array_equal(found.get_info("start_time"), shown.start_time)
        np.testing.assert_allclose(found.start, shown.start_time, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.end, shown.stop_time, rtol=0, atol=2e-9)
    color = session.get_stimulus_table("flashes").color
    assert data.stimuli["flashes"].get_info("color").tolist() == color.tolist()
    running = session.running_speed
    np.testing.assert_array_equal(data.running_speed.values, running.velocity)
    middle = (running.start_time + running.end_time) / 2
    np.testing.assert_allclose(data.running_speed.t, middle, rtol=0, atol=2e-9)


def test_a_file_and_bare_trains(path: Path) -> None:
    with nwbin.File(path) as file:
        data = exchange.to_pynapple(file, file.unit_ids[:2], stimuli=())
        assert data.units.index.tolist() == sorted(file.unit_ids[:2].tolist())
        assert data.running_speed is None
        assert set(exchange.to_pynapple(file, []).stimuli) == set(file.intervals)
    for given, ids in (
        ({5: [0.5, 1.5], 2: [], 3: [1.0]}, [2, 3, 5]),
        ({"b": [0.5, 1.5], "a": [1.0]}, [0, 1]),
    ):
        made = exchange.to_pynapple(given)
        assert made.units.index.tolist() == ids
        assert made.stimuli == {}
    assert made.units.get_info("unit_id").tolist() == ["b", "a"]
    with pytest.raises(ArgumentError, match="a unit is asked for twice"):
        exchange.to_pynapple(SpikeTrains.from_dict({1: [0.5]}), [1, 1])


def test_names_that_are_none(session: nwbin.Session) -> None:
    with pytest.raises(LookupFailure, match=r"no stimulus or table of intervals 'flash'; .*flashes"):
        session.to_pynapple(stimuli="flash")
    with pytest.raises(LookupFailure, match="not the id of a unit"):
        session.to_pynapple([-1])


def test_intervals_that_an_interval_set_cannot_hold() -> None:
    table = pd.DataFrame(
        {
            "start_time": [3.0, 0.0, 1.0, 2.0, 5.0, np.nan, 2.0],
            "stop_time": [4.0, 1.0, 2.5, 3.0, 5.0, 7.0, 2.1],
            "rate": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0],
            "two words": list("abcdefg"),
            "2nd": range(7),
            "end": range(7),
        },
        index=pd.Index([3, 0, 1, 2, 5, 6, 7], name="id"),
    )
    with pytest.warns(NwbinWarning) as caught:
        found = exchange.to_interval_set(table, name="trials")
    assert [str(one.message) for one in caught] == [
        "trials: 3 intervals without a length, or starting with another, left out",
        "trials: 1 interval cut short, which overlap the next one",
    ]
    assert found.start.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.end, [1 - 1e-9, 2 - 1e-9, 3 - 1e-9, 4], rtol=0, atol=1e-12)
    assert set(found.metadata_columns) == {
        "id",
        "start_time",
        "stop_time",
        "rate_",
        "two_words",
        "_2nd",
        "end_",
    }
    assert found.get_info("id").tolist() == [0, 1, 2, 3]
    assert found.get_info("two_words").tolist() == ["b", "c", "d", "a"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(exchange.to_interval_set(table[:0])) == 0


def test_a_clock_that_counts_from_1970() -> None:
    """Where float64 is coarser than pynapple's nanosecond."""
    now = 1.7e9
    group = exchange.to_pynapple({1: [now], 2: [now]}).units
    assert group.time_support.tot_length() > 0
    assert [len(group[unit]) for unit in group.index] == [1, 1]
    starts = now + np.arange(4) * 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = exchange.to_interval_set({"start_time": starts, "stop_time": starts + 0.25})
    assert len(found) == 4
    np.testing.assert_allclose(found.start, starts, rtol=0, atol=1e-6)
    assert (found.end[:-1] < found.start[1:]).all()


def test_ids_that_pynapple_has_no_room_for() -> None:
    made = exchange.to_pynapple(SpikeTrains([0.5], [0, 1], np.array([2**64 - 1], np.uint64)))
    assert made.units.index.tolist() == [0]
    assert made.units.get_info("unit_id").tolist() == [2**64 - 1]


def test_tables_of_other_hands() -> None:
    table = pd.DataFrame(
        {"start_time": [0.0, 1.0, -np.inf], "stop_time": [0.5, np.inf, 1.0], "id": [7, 8, 9], "": [1, 2, 3]},
        index=pd.Index([3, 4, 5], name="id"),
    )
    with pytest.warns(NwbinWarning, match="2 intervals without a length"):
        found = exchange.to_interval_set(table)
    assert {name: found.get_info(name).tolist() for name in ("id", "id_", "column")} == {
        "id": [7], "id_": [3], "column": [1],
    }  # fmt: skip
    with pytest.raises(LookupFailure, match="no column 'stop_time'"):
        exchange.to_interval_set({"start_time": [0.0]})


class _File:
    """A file with one table of intervals that has no ends."""

    def __init__(self) -> None:
        self.name = "file.nwb"
        self.intervals = {
            "trials": pd.DataFrame({"start_time": [0.0], "stop_time": [1.0]}),
            "licks": pd.DataFrame({"start_time": [0.0]}),
        }

    def spike_trains(self, unit_ids: Any = None) -> SpikeTrains:
        return SpikeTrains.from_dict({1: [0.5]})


def test_a_table_without_ends_is_left_out() -> None:
    with pytest.warns(NwbinWarning, match="licks: no intervals, for want of the columns"):
        assert list(exchange.to_pynapple(_File()).stimuli) == ["trials"]
    with pytest.raises(LookupFailure, match="no column 'stop_time'"):
        exchange.to_pynapple(_File(), stimuli="licks")
