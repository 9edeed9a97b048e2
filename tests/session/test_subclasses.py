"""A subclass that shows other tables: all other methods go by them, as those of AllenSDK's session do."""

from __future__ import annotations

import gc
import pickle
import weakref
from pathlib import Path

import pandas as pd
import pytest

import nwbin
from nwbin.errors import LookupFailure
from nwbin.responses import Selection


class Firing(nwbin.Session):
    """Only every second unit."""

    @property
    def units(self) -> pd.DataFrame:
        return super().units.iloc[::2].assign(mine=1)


class Early(nwbin.Session):
    """Only the first presentations, with a column of one's own."""

    @property
    def stimulus_presentations(self) -> pd.DataFrame:
        return super().stimulus_presentations.iloc[:50].assign(half=lambda table: table.index % 2)


class Elsewhere(nwbin.Session):
    """Other structures."""

    @property
    def channels(self) -> pd.DataFrame:
        return super().channels.assign(structure_acronym="XYZ", ecephys_structure_acronym="XYZ")


def test_units(path: Path) -> None:
    with nwbin.open(path) as plain, Firing.from_nwb_path(path) as mine:
        kept = plain.units.index[::2]
        assert mine.num_units == mine.metadata["num_units"] == len(kept) < plain.num_units
        assert mine.structurewise_unit_counts.sum() == len(kept)
        shown = plain.get_stimulus_table("flashes").index[:3]
        counts = mine.presentationwise_spike_counts([0, 0.1], shown, None)
        assert counts.unit_id.to_numpy().tolist() == kept.tolist()
        assert counts.equals(plain.presentationwise_spike_counts([0, 0.1], shown, kept))
        assert set(mine.spike_times) == set(mine.mean_waveforms) == set(kept)
        assert mine.spike_trains().unit_ids.tolist() == kept.tolist()
        assert mine.response_matrix(shown, label="color").unit_ids.tolist() == kept.tolist()
        with pytest.raises(LookupFailure, match="is not the id of a unit"):
            mine.presentationwise_spike_counts([0, 0.1], shown, [plain.units.index[1]])
        assert mine.select(units="mine == 1").units.index.tolist() == kept.tolist()
        for answer in (
            mine.psth("flashes"),
            mine.receptive_fields(),
            mine.fano_factor("flashes", by="color"),
        ):
            assert answer.unit_id.to_numpy().tolist() == kept.tolist()
        assert mine.quality_metrics().index.tolist() == kept.tolist()


def test_presentations(path: Path) -> None:
    with nwbin.open(path) as plain, Early.from_nwb_path(path) as mine:
        assert mine.num_stimulus_presentations == len(mine.get_stimulus_table()) == 50
        assert set(mine.stimulus_names) < set(plain.stimulus_names)
        assert mine.stimulus_names == mine.stimulus_presentations["stimulus_name"].unique().tolist()
        assert len(mine.inter_presentation_intervals) == 49
        assert mine.get_stimulus_epochs()["stop_time"].max() < plain.get_stimulus_epochs()["stop_time"].max()
        name = mine.stimulus_names[-1]
        assert "half" in mine.get_stimulus_table(name).columns
        detailed = mine.get_stimulus_table(
            name, include_detailed_parameters=True, include_unused_parameters=True
        )
        known = plain._stimulus_presentations
        assert set(known.columns) | {"half"} == set(detailed.columns)
        columns = list(known.columns)
        pd.testing.assert_frame_equal(
            detailed[columns], known.loc[detailed.index, columns], check_column_type=False
        )
        assert mine.conditionwise_spike_statistics()["stimulus_presentation_count"].sum() > 0
        with pytest.raises(LookupFailure, match="is not the id of a stimulus presentation"):
            mine.presentationwise_spike_times([50])
        rows = mine.select(presentations="half == 1").presentations
        assert rows.index.tolist() == list(range(1, 50, 2))


def test_channels_make_units(path: Path) -> None:
    with Elsewhere.from_nwb_path(path) as mine:
        assert mine.structure_acronyms == ["XYZ"]
        assert set(mine.units["structure_acronym"]) == {"XYZ"}
        assert mine.structurewise_unit_counts.to_dict() == {"XYZ": mine.num_units}
        labels, bounds = mine.channel_structure_intervals(mine.channels.index[:4])
        assert (labels.tolist(), bounds.tolist()) == (["XYZ"], [0, 4])


def test_what_it_shows_travels(path: Path) -> None:
    with Firing.from_nwb_path(path) as mine:
        again = pickle.loads(pickle.dumps(mine))
        assert again.num_units == mine.num_units
        times = pickle.loads(pickle.dumps(mine.spike_times))
        assert list(times) == list(mine.spike_times)
        unit = next(iter(times))
        assert (times[unit] == mine.spike_times[unit]).all()


def test_a_plain_session_goes_with_its_last_name(path: Path) -> None:
    """No part of it refers to it, so that nothing keeps its file open."""
    gc.disable()
    try:
        session = nwbin.open(path)
        session.units, session.stimulus_presentations  # noqa: B018  read, and kept
        gone = weakref.ref(session)
        del session
        assert gone() is None
    finally:
        gc.enable()


def test_a_selection_is_a_part_of_a_session(session: nwbin.Session) -> None:
    chosen = session.select("flashes", presentations="color == 1", units="snr > 1")
    shown, units = chosen
    assert shown["color"].unique().tolist() == [1]
    assert len(units) == (session.units["snr"] > 1).sum() > 0
    assert chosen.presentations is shown
    assert chosen.spike_trains().unit_ids.tolist() == units.index.tolist()
    assert "flashes" in repr(chosen)
    counts = nwbin.bin_spikes(chosen, shown.start_time, [0, 0.1])
    assert counts.shape == (len(shown), 1, len(units))
    same = session.select(Selection("flashes", "color == 1", units="snr > 1"))
    assert same.selection == chosen.selection
    assert session.select("flashes", units=session.units).units.index.tolist() == session.units.index.tolist()
    with pytest.raises(nwbin.NwbinError, match="a Selection says all of it"):
        session.select(Selection("flashes"), structures="VISp")
    with pytest.raises(LookupFailure, match="no stimulus 'flahses'; did you mean 'flashes'"):
        session.select("flahses").presentations  # noqa: B018  it is looked for now
    # What is missing in one is no reason why the other should not be had.
    assert len(session.select("flahses").units) == session.num_units
