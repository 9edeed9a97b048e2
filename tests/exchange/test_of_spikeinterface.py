"""A session as a sorting of SpikeInterface: frames by a rule that is written down, seconds to the last bit."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import ArgumentError
from nwbin.trains import as_trains

si: Any = pytest.importorskip("spikeinterface.core")


def test_units_and_seconds(session: nwbin.Session) -> None:
    ids = session.units.index[::-1]
    sorting = session.to_spikeinterface(ids)
    assert isinstance(sorting, si.BaseSorting)
    assert sorting.unit_ids.tolist() == ids.tolist()
    assert sorting.sampling_frequency == 30_000
    trains = session.spike_trains(ids)
    assert as_trains(sorting) == trains
    for unit in ids[:3]:
        assert np.shares_memory(sorting.get_unit_spike_train_in_seconds(unit), trains[unit])
    np.testing.assert_array_equal(sorting.get_property("snr"), session.units.snr[ids])
    assert sorting.get_property("structure_acronym").tolist() == session.units.structure_acronym[ids].tolist()


@pytest.mark.parametrize(("rate", "t_start"), [(30_000.0, 0.0), (29_999.954, -2.5), (1000.0, 0.25)])
def test_the_rule_of_frames(rate: float, t_start: float) -> None:
    times = np.array([0.2505, 0.3, 0.3, 0.9999999, 1.0 / 3, 7.0]).cumsum()
    sorting = exchange.to_spikeinterface({"a": times, "b": []}, sampling_frequency=rate, t_start=t_start)
    frames = sorting.get_unit_spike_train("a")
    assert frames.dtype == np.int64
    assert frames.tolist() == [
        round((one - t_start) * rate) for one in times.tolist()
    ]  # Python's rounds to even, too
    assert np.abs(frames / rate + t_start - times).max() <= 0.5 / rate + 1e-12
    assert sorting.get_unit_spike_train("b").tolist() == []
    within = sorting.get_unit_spike_train("a", start_frame=frames[1], end_frame=frames[-1])
    assert within.tolist() == frames[1:-1].tolist()
    assert sorting.get_unit_spike_train_in_seconds("a").tolist() == times.tolist()


def test_whole_frames_come_back_whole() -> None:
    frames = np.random.default_rng(0).integers(0, 9_000 * 30_000, 10_000)
    frames.sort()
    sorting = exchange.to_spikeinterface({1: frames / 30_000})
    np.testing.assert_array_equal(sorting.get_unit_spike_train(1), frames)
    copied = si.NumpySorting.from_sorting(sorting)
    np.testing.assert_array_equal(as_trains(copied)[1], frames / 30_000)


def test_it_travels() -> None:
    sorting = exchange.to_spikeinterface({1: [0.5, 1.5], 2: [0.25]}, sampling_frequency=1000.0)
    again = pickle.loads(pickle.dumps(sorting))
    assert as_trains(again) == as_trains(sorting)


def test_what_makes_no_sense() -> None:
    with pytest.raises(
        ArgumentError, match=r"unit 7: its first spike, at -1.000000 s, lies before frame 0, at 0 s"
    ):
        exchange.to_spikeinterface({3: [0.0], 7: [-1.0]})
    for rate in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ArgumentError, match="sampling_frequency must be a number of Hz"):
            exchange.to_spikeinterface({3: [0.0]}, sampling_frequency=rate)
    with pytest.raises(ArgumentError, match="t_start must be a time in s, not nan"):
        exchange.to_spikeinterface({3: [0.0]}, t_start=np.nan)


def test_its_quality_metrics_take_it() -> None:
    metrics = pytest.importorskip("spikeinterface.metrics")
    rng = np.random.default_rng(1)
    frames = {
        unit: np.sort(rng.choice(30_000 * 20, size, replace=False)) for unit, size in ((4, 600), (9, 200))
    }
    sorting = exchange.to_spikeinterface({unit: one / 30_000 for unit, one in frames.items()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of small recordings
        recording = si.generate_recording(
            num_channels=2, durations=[20.0], sampling_frequency=30_000.0, seed=0
        )
        analyzer = si.create_sorting_analyzer(sorting, recording, sparse=False, format="memory")
        names = ["num_spikes", "firing_rate", "isi_violation", "presence_ratio"]
        found = metrics.compute_quality_metrics(analyzer, metric_names=names)
    assert found["num_spikes"].tolist() == [600, 200]
    np.testing.assert_allclose(found["firing_rate"].to_numpy(float), [30, 10])
    violations = [int((np.diff(one) < 0.0015 * 30_000).sum()) for one in frames.values()]
    assert found["isi_violations_count"].tolist() == violations


def test_ids_of_several_kinds() -> None:
    sorting = exchange.to_spikeinterface({"a": [0.5], 1: [0.25]}, sampling_frequency=1000.0)
    assert [str(one) for one in sorting.unit_ids] == ["a", "1"]
    assert [sorting.get_unit_spike_train(one).tolist() for one in sorting.unit_ids] == [[500], [250]]
    assert sorting.get_unit_spike_train_in_seconds("1").tolist() == [0.25]
    for given, ids in (({"1": [0.5], 1: [0.25]}, None), ({1: [0.5]}, [1, 1])):
        with pytest.raises(ArgumentError, match="two units have the same id"):
            exchange.to_spikeinterface(given, ids)
