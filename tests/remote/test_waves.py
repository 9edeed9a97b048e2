"""What is fetched ahead comes in few round trips, and nothing is left for HDF5 to ask for by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.nwb import spike_store
from nwbin.storage.hdf5 import _ahead
from nwbin.storage.remote import _image, _opening
from tests.remote.test_damaged import ADDRESS, SMALL, InMemory


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many spans each round trip fetched; with as little as possible of what was not asked for."""
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    found: list[int] = []
    real = _image.Image.need

    def need(self: Any, spans: Any, **how: Any) -> None:
        fill, before = self._fill, len(found)
        self._fill = lambda targets, alone: (found.append(len(targets)), fill(targets, alone))
        real(self, spans, **how)
        self._fill = fill
        assert len(found) - before <= 1

    monkeypatch.setattr(_image.Image, "need", need)
    return found


def serve(monkeypatch: pytest.MonkeyPatch, path: Path) -> InMemory:
    server = InMemory(path.read_bytes())
    monkeypatch.setattr(_opening, "_transport", lambda address, name: server)
    return server


def test_tables_in_few_round_trips(
    monkeypatch: pytest.MonkeyPatch, trips: list[int], sessions: dict[str, Path]
) -> None:
    serve(monkeypatch, sessions["released"])
    with nwbin.open(ADDRESS) as session:
        opening = len(trips)
        session.units  # noqa: B018
        units = len(trips)
        session.stimulus_presentations  # noqa: B018
        stimuli = len(trips)
    assert opening <= 14
    assert units - opening <= 2
    assert stimuli - units <= 14
    monkeypatch.setattr(_ahead.ReadAhead, "objects", lambda self, groups, leave=(), *, dense=False: None)
    with nwbin.open(ADDRESS) as session:
        session.units, session.stimulus_presentations  # noqa: B018
    assert len(trips) - stimuli > 10 * stimuli  # as it was


def test_chunks_of_many_units_come_at_once(
    monkeypatch: pytest.MonkeyPatch, sessions: dict[str, Path]
) -> None:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(spike_store, "_MERGE", 0)
    serve(monkeypatch, sessions["chunked"])
    with nwbin.File(ADDRESS) as there, nwbin.File(sessions["chunked"]) as here:
        units = there.unit_ids[::3]
        there.spike_trains(units[:1])
        remote = there._source._file.remote
        assert remote is not None
        fills: list[int] = []
        real = type(remote)._fill
        monkeypatch.setattr(
            type(remote), "_fill", lambda self, t, *how: (fills.append(len(t)), real(self, t, *how))[1]
        )
        trains = there.spike_trains(units)
        assert [n > 5 for n in fills if n] == [True]
        for unit in units:
            np.testing.assert_array_equal(trains[unit], here.spike_trains()[unit])
