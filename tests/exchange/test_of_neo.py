"""A session as Neo's objects, which Elephant takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import LookupFailure, NwbinWarning
from nwbin.exchange import of_neo
from nwbin.trains import as_trains

neo: Any = pytest.importorskip("neo")


def test_spike_trains(session: nwbin.Session) -> None:
    ids = session.units.index[::-1]
    block = session.to_neo(ids, stimuli=())
    assert isinstance(block, neo.Block)
    (segment,) = block.segments
    trains = session.spike_trains(ids)
    assert [one.annotations["unit_id"] for one in segment.spiketrains] == ids.tolist()
    found = as_trains(segment.spiketrains)
    for place, unit in enumerate(ids):
        np.testing.assert_array_equal(found[place], trains[unit])
        assert np.shares_memory(np.asarray(segment.spiketrains[place]), trains[unit]) or not len(trains[unit])
    about = segment.spiketrains[0].annotations
    assert about["snr"] == session.units.snr.iloc[-1]
    assert type(about["snr"]) is float
    assert str(segment.spiketrains[0].t_stop.units.dimensionality) == "s"


def test_counts_from_it_are_those_of_the_session(session: nwbin.Session) -> None:
    segment = session.to_neo(stimuli="flashes").segments[0]
    shown = session.get_stimulus_table("flashes")
    edges = [0.0, 0.05, 0.1, 0.25]
    expected = session.presentationwise_spike_counts(edges, shown.index, None, closed="left")
    np.testing.assert_array_equal(nwbin.bin_spikes(segment.spiketrains, shown.start_time, edges), expected)


def test_epochs_and_running(session: nwbin.Session) -> None:
    segment = session.to_neo(session.units.index[:1]).segments[0]
    assert [one.name for one in segment.epochs] == session.stimulus_names
    for epoch in segment.epochs:
        shown = session.get_stimulus_table(epoch.name)
        np.testing.assert_array_equal(epoch.times.rescale("s").magnitude, shown.start_time)
        np.testing.assert_array_equal(
            epoch.durations.rescale("s").magnitude, shown.stop_time - shown.start_time
        )
        assert epoch.labels.tolist() == [str(one) for one in shown.index]
    flashes = next(one for one in segment.epochs if one.name == "flashes")
    color = session.get_stimulus_table("flashes").color
    assert flashes.array_annotations["color"].tolist() == color.tolist()
    (running,) = segment.irregularlysampledsignals
    np.testing.assert_array_equal(running.magnitude[:, 0], session.running_speed.velocity)
    assert str(running.units.dimensionality) == "cm/s"


def test_a_file_and_bare_trains(path: Path) -> None:
    with nwbin.File(path) as file:
        block = exchange.to_neo(file, file.unit_ids[:2], stimuli=())
        assert len(block.segments[0].spiketrains) == 2
        assert block.name == file.name
    block = exchange.to_neo({"a": [0.5, 1.5], "b": []})
    assert [len(one) for one in block.segments[0].spiketrains] == [2, 0]
    assert float(block.segments[0].spiketrains[1].t_stop) == 1.5
    assert len(exchange.to_neo({}).segments[0].spiketrains) == 0
    with pytest.raises(LookupFailure, match="no stimulus or table of intervals 'x'"):
        exchange.to_neo({"a": [0.5]}, stimuli=["x"])


def test_elephant_takes_them(session: nwbin.Session) -> None:
    statistics = pytest.importorskip("elephant.statistics")
    train = session.to_neo(stimuli=()).segments[0].spiketrains[0]
    rate = statistics.mean_firing_rate(train).rescale("Hz").magnitude
    assert rate == pytest.approx(len(train) / float(train.t_stop - train.t_start))


def test_intervals_that_are_none() -> None:
    rows = {"start_time": [1.0, 5.0, 2.0, np.nan], "stop_time": [1.5, 4.0, 2.0, 3.0]}
    table = pd.DataFrame({**rows, "label": list("abcd"), "labels": list("efgh"), "labels_": range(4)})
    with pytest.warns(NwbinWarning, match="trials: 2 intervals without a start or an end, or ending before"):
        epoch = of_neo._epoch("trials", table)
    assert epoch.times.magnitude.tolist() == [1, 2]
    assert epoch.durations.magnitude.tolist() == [0.5, 0]
    about = {name: values.tolist() for name, values in epoch.array_annotations.items()}
    assert about == {"label": ["a", "c"], "labels__": ["e", "g"], "labels_": [0, 2]}
