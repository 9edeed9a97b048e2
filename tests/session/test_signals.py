"""LFP, running and pupil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.allen import lfp as lfp_reading
from nwbin.errors import LookupFailure


def test_averages_of_odd_samples() -> None:
    from nwbin.allen.averages import mean_of_intervals, means_of_samples

    start = np.arange(4.0)
    values = np.asarray([np.inf, 2.0, np.nan, 4.0])
    windows = np.asarray([[0.0, 2.0], [1.0, 4.0], [2.0, 3.0], [0.0, np.nan]])
    expected = [2.0, 3.0, np.nan, np.nan]
    np.testing.assert_array_equal(mean_of_intervals(start, start + 1, values, windows), expected)
    samples = pd.DataFrame({"a": values}, index=start + 0.5)
    np.testing.assert_array_equal(means_of_samples(samples, windows, pd.Index(range(4)))["a"], expected)
    assert np.isnan(mean_of_intervals(start[:0], start[:0], start[:0], windows)).all()


def test_lfp_beside_the_session_in_either_naming(path: Path, tmp_path: Path) -> None:
    session = nwbin.open(path)
    probe = int(session.probes.index[0])
    whole = session.get_lfp(probe)
    times, channels = whole.time.values, whole.channel.values
    part = session.get_lfp(probe, time=(times[10], times[20]), channels=channels[[2, 0]])
    assert part.equals(whole.isel(time=slice(10, 21), channel=[2, 0]))
    lazy = session.get_lfp(probe, lazy=True)
    assert not lazy.variable._in_memory
    assert lazy.isel(time=[5, 3], channel=-1).equals(whole.isel(time=[5, 3], channel=-1))
    assert lazy.isel(time=7).equals(whole.isel(time=7))
    assert lazy.isel(time=slice(20, 10, -3)).equals(whole.isel(time=slice(20, 10, -3)))
    assert not lazy.variable._in_memory, "only the parts were read"
    assert lazy.equals(whole)
    with pytest.warns(nwbin.NwbinWarning, match=r"the LFP has no sample from -5 to -4 s; it runs from"):
        assert session.get_lfp(probe, time=(-5, -4)).sizes["time"] == 0
    with pytest.raises(LookupFailure, match="the LFP has no channel 1;"):
        session.get_lfp(probe, channels=[1])
    opened: list[nwbin.File] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            lfp_reading, "File", lambda source, **how: opened.append(nwbin.File(source, **how)) or opened[-1]
        )
        for lazily in (True, False):
            with pytest.raises(LookupFailure):
                session.get_lfp(probe, channels=[1], lazy=lazily)
    assert [repr(one).count("(closed)") for one in opened] == [1, 1], "what cannot be used is closed"
    dandi = tmp_path / "sub-1"
    dandi.mkdir()
    (dandi / "sub-1_ses-1.nwb").write_bytes(path.read_bytes())
    lfp = path.parent / f"probe_{probe}_lfp.nwb"
    (dandi / f"sub-1_ses-1_probe-{probe}_ecephys.nwb").write_bytes(lfp.read_bytes())
    again = nwbin.open(dandi / "sub-1_ses-1.nwb")
    assert again.get_lfp(probe).equals(whole)
    assert again.get_current_source_density(probe).dims == ("virtual_channel_index", "time")
    given = nwbin.open(path, probe_lfp_paths={probe: lambda: lfp})
    assert given.get_lfp(probe).equals(whole)


def test_running_speed_of_presentations(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes")
    found = session.presentationwise_running_speed(flashes.index)
    speed = session.running_speed
    for presentation, start, stop in zip(
        flashes.index, flashes["start_time"], flashes["stop_time"], strict=True
    ):
        overlap = (np.minimum(speed["end_time"], stop) - np.maximum(speed["start_time"], start)).clip(lower=0)
        by_hand = (overlap * speed["velocity"]).sum() / overlap.sum()
        np.testing.assert_allclose(found[presentation], by_hand)
    assert found.name == "running_speed"
    before = session.presentationwise_running_speed(flashes.index, window=(-1e6, -1e6 + 1))
    assert before.isna().all()


def test_pupil_of_presentations(session: nwbin.Session) -> None:
    spontaneous = session.get_stimulus_table("spontaneous")
    found = session.presentationwise_pupil_data(spontaneous.index)
    pupil = session.get_pupil_data()
    assert found is not None
    assert pupil is not None
    row = spontaneous.iloc[0]
    inside = pupil[(pupil.index >= row["start_time"]) & (pupil.index <= row["stop_time"])]
    np.testing.assert_allclose(found.iloc[0], inside.mean())
    assert found.columns.tolist() == pupil.columns.tolist()
