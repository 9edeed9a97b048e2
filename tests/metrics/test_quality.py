"""Quality metrics against plain references, against truth that is known, and where something is missing."""

from __future__ import annotations

import warnings
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, FormatError, LookupFailure, NwbinWarning
from nwbin.metrics import quality_metrics
from nwbin.metrics.quality import QUALITY_COLUMNS
from nwbin.testing import write_session
from tests.metrics import naive_quality
from tests.small_files import write_small

EVERY_UNIT = {
    "filter_by_metrics": False,
    "filter_by_validity": False,
    "filter_out_of_brain_units": False,
}
WAVEFORMS = [name for name in QUALITY_COLUMNS["allen"] if name.startswith("waveform_")]

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


@pytest.fixture(scope="module", params=["released", "chunked"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quality") / "session.nwb"
    return write_session(path, size="tiny", seed=3, layout=request.param)


def naively(file: nwbin.File) -> pd.DataFrame:
    """Allen's metrics of all units of a file, one after another."""
    units, electrodes, trains = file.units, file.electrodes, file.spike_trains()
    number = "local_index" if "local_index" in electrodes else "probe_channel_number"
    probes = electrodes.loc[units["peak_channel_id"], "probe_id"].to_numpy()
    rows = {}
    for unit, probe in zip(units.index, probes, strict=True):
        every = np.concatenate([trains[one] for one in units.index[probes == probe]])
        every = every[every > 0]
        times, amplitudes = trains[unit], file.unit_column("spike_amplitudes", unit)
        spikes = (0.0, 0.0, np.nan, np.nan)
        if (times > 0).any():
            spikes = naive_quality.allen(times, amplitudes, every.min(), every.max())
        peak = int(electrodes.loc[units.loc[unit, "peak_channel_id"], number])
        shape = naive_quality.waveforms(file.unit_column("waveform_mean", unit), peak, 30000.0)
        named = zip(
            ("firing_rate", "presence_ratio", "isi_violations", "amplitude_cutoff"), spikes, strict=True
        )
        rows[unit] = {**dict(named), **shape}
    return pd.DataFrame.from_dict(rows, orient="index")[list(QUALITY_COLUMNS["allen"])]


def test_all_units_of_a_file(recorded: Path) -> None:
    with nwbin.File(recorded) as file:
        found, truth = quality_metrics(file), naively(file)
        assert found.index.name == "unit_id"
        assert (found.dtypes == np.float64).all()
        pd.testing.assert_frame_equal(
            found, truth, check_names=False, check_column_type=False, rtol=1e-9, atol=1e-12
        )
        few = found.index[[5, 2, 9]]
        pd.testing.assert_frame_equal(quality_metrics(file, few), found.loc[few])
    assert found.notna().sum().min() > 15  # nothing is compared with nothing


def test_of_a_session_filters_do_not_matter(recorded: Path) -> None:
    with nwbin.open(recorded) as session:
        found = session.quality_metrics()
        assert found.index.tolist() == session.units.index.tolist()
        some = session.units.index[[3, 0, 3]]
        again = session.quality_metrics(some)
        assert again.index.tolist() == some.tolist()
        pd.testing.assert_frame_equal(again, found.loc[some])
        pd.testing.assert_frame_equal(quality_metrics(session), found)
        every = quality_metrics(session.file)
        pd.testing.assert_frame_equal(found, every.loc[found.index])
        with pytest.raises(LookupFailure, match="is not the id of a unit"):
            session.quality_metrics([17])
    with nwbin.open(recorded, **EVERY_UNIT) as session:
        pd.testing.assert_frame_equal(session.quality_metrics(every.index), every)


def test_threads_and_progress(recorded: Path) -> None:
    seen: list[tuple[int, int]] = []
    with nwbin.File(recorded) as file:
        one = quality_metrics(file, threads=1, progress=lambda *how: seen.append(how))
        pd.testing.assert_frame_equal(one, quality_metrics(file, threads=5))
    assert seen[-1] == (len(one), len(one))


# ---------------------------------------------------------------- truth


def test_what_is_known_of_constructed_units() -> None:
    rng = np.random.default_rng(5)
    long, cell = 2000.0, np.cumsum(0.002 + rng.exponential(0.1, 18000))
    cell = cell[cell < 1800]
    other = np.sort(rng.uniform(0, 1800, cell.size // 10))
    trains = {
        "clean": cell,
        "half": cell[cell < 900],
        "mixed": np.sort(np.concatenate([cell, other])),
        "frame": np.array([1e-9, long]),
    }
    height = rng.normal(100.0, 10.0, 100_000)
    amplitudes = {name: rng.choice(height, times.size) for name, times in trains.items()}
    low = np.quantile(height, 0.1)
    amplitudes["half"] = rng.choice(height[height > low], trains["half"].size)
    found = quality_metrics(trains, amplitudes=amplitudes)
    assert found.loc["clean", "isi_violations"] == 0
    assert found.loc["mixed", "isi_violations"] == pytest.approx(0.1, rel=0.15)
    assert found.loc["clean", "presence_ratio"] == pytest.approx(0.9, abs=0.015)
    assert found.loc["half", "presence_ratio"] == pytest.approx(0.45, abs=0.015)
    assert found.loc["half", "firing_rate"] == pytest.approx(trains["half"].size / long)
    assert found.loc["half", "amplitude_cutoff"] == pytest.approx(0.1, abs=0.03)
    assert found.loc["clean", "amplitude_cutoff"] < 0.01


def test_edges_of_spike_trains() -> None:
    trains = {
        "none": [],
        "one": [5.0],
        "before": [-2.0, -1.0, 0.0],
        "twice": [1.0, 1.0, 1.0005, 9.0],
        "last": [10.0, 11.0],
    }
    found = quality_metrics(trains)
    assert found["firing_rate"].tolist() == [0.0, 0.1, 0.0, 0.4, 0.2]
    assert found["presence_ratio"].tolist() == [0.0, 0.01, 0.0, 0.02, 0.02]
    # Of three spikes that count, one follows too soon.
    assert found["isi_violations"].tolist()[1:2] == [0.0]
    assert found.loc["twice", "isi_violations"] == pytest.approx(1 * 10 / (2 * 9 * 0.0015))
    assert found.loc[["none", "before"], "isi_violations"].isna().all()
    assert found["amplitude_cutoff"].isna().all()
    assert quality_metrics({}).shape == (0, 13)
    alone = quality_metrics({1: [3.0]})  # from the first to the last spike no time passes
    assert alone.loc[1, ["firing_rate", "presence_ratio", "isi_violations"]].isna().all()
    said = quality_metrics({1: [3.0]}, duration=10)
    assert said.loc[1, "firing_rate"] == 0.1


def test_spikes_before_zero_have_no_part_in_amplitudes() -> None:
    rng = np.random.default_rng(2)
    times, amplitudes = np.sort(rng.uniform(1, 100, 4000)), rng.gamma(20.0, 5.0, 4000)
    early, wild = np.concatenate([[-3.0, -2.0, 0.0], times]), np.concatenate([[1e6, -1e6, 5e5], amplitudes])
    with_them = quality_metrics({1: early}, amplitudes={1: wild})
    pd.testing.assert_frame_equal(with_them, quality_metrics({1: times}, amplitudes={1: amplitudes}))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], np.nan), ([1.0, np.nan], np.nan), ([np.inf, 1.0], np.nan), ([2.0] * 50, 0.5), ([1.0], 0.5)],
)
def test_edges_of_amplitudes(values: list[float], expected: float) -> None:
    times = np.arange(1.0, 1.0 + len(values))
    found = quality_metrics({1: times, 2: [0.5, 99.0]}, amplitudes={1: values, 2: [1.0, 2.0]})
    if values and np.isfinite(values).all():
        height, edges = np.histogram(values, 500, density=True)
        smooth = naive_quality.smoothed(height, "symmetric")
        tail = smooth[np.argmax(smooth) + np.argmin(np.abs(smooth[np.argmax(smooth) :] - smooth[0])) :]
        expected = min(0.5, tail.sum() * (edges[1] - edges[0]))
    assert found.loc[1, "amplitude_cutoff"] == pytest.approx(expected, nan_ok=True)


# ---------------------------------------------------------------- what is given


def test_what_makes_no_sense() -> None:
    trains = {7: [1.0, 2.0], 8: [1.5]}
    for given, kind, said in [
        ({"convention": "alen"}, ArgumentError, "did you mean 'allen'"),
        ({"convention": None}, ArgumentTypeError, "one of allen, spikeinterface"),
        ({"duration": 0}, ArgumentError, "more than 0 s"),
        ({"duration": (3, 1)}, ArgumentError, "start before stop"),
        ({"duration": "long"}, ArgumentTypeError, "seconds"),
        ({"duration": (1, 2, 3)}, ArgumentTypeError, "start, stop"),
        ({"amplitudes": {7: [1.0, 2.0]}}, LookupFailure, "none of unit 8"),
        ({"amplitudes": {7: [1.0], 8: [1.0]}}, ArgumentError, "unit 7 has 2 spikes, and 1 amplitudes"),
        ({"amplitudes": {7: ["a", "b"], 8: [1.0]}}, ArgumentTypeError, "list of numbers"),
        ({"unit_ids": [9]}, LookupFailure, "no unit 9"),
        ({"threads": 0}, ArgumentError, "at least 1"),
    ]:
        with pytest.raises(kind, match=said):
            quality_metrics(trains, **given)


def test_amplitudes_are_for_plain_trains(recorded: Path) -> None:
    with (
        nwbin.File(recorded) as file,
        pytest.raises(ArgumentError, match="of a file they are those that it has"),
    ):
        quality_metrics(file, amplitudes={})


def test_order_and_choice_of_plain_trains() -> None:
    trains = {7: [1.0, 2.0], 8: [0.5, 10.5], 9: [3.0]}
    found = quality_metrics(trains, [9, 7])
    assert found.index.tolist() == [9, 7]
    assert found["firing_rate"].tolist() == [0.1, 0.2]  # the time is that of all trains


def test_a_file_that_lacks_parts(tmp_path: Path) -> None:
    with nwbin.File(write_small(tmp_path / "small.nwb")) as file:
        with pytest.warns(NwbinWarning) as heard:
            found = quality_metrics(file)
        said = [str(one.message) for one in heard]
        assert len(said) == 1
        assert "has no spike_amplitudes (amplitude_cutoff), waveform_mean" in said[0]
        assert found[["amplitude_cutoff", *WAVEFORMS]].isna().all(axis=None)
        assert found["firing_rate"].notna().all()
        with warnings.catch_warnings():  # of the trains themselves nobody expects more
            warnings.simplefilter("error")
            pd.testing.assert_frame_equal(quality_metrics(file.spike_trains()), found)


def test_as_many_amplitudes_as_spikes(tmp_path: Path) -> None:
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=3, layout="released")
    with h5py.File(path, "a") as f:
        f["units/spike_amplitudes_index"][3:] -= 2
    with nwbin.File(path) as file, pytest.raises(FormatError, match=r"values for unit .*, which has"):
        quality_metrics(file)


def test_units_without_a_place(tmp_path: Path) -> None:
    """A peak channel that is no electrode: one probe of those units, and the largest waveform is the peak's."""
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=3, layout="released")
    with h5py.File(path, "a") as f:
        f["units/peak_channel_id"][...] = -5
        f["units/waveform_mean"].attrs["sampling_rate"] = 30000.0
    with nwbin.File(path) as file:
        found, trains = quality_metrics(file), file.spike_trains()
        every = trains.times[trains.times > 0]
        for unit in found.index[:5]:
            means = file.unit_column("waveform_mean", unit)
            peak = int(np.argmax(np.ptp(means, axis=1)))
            truth = naive_quality.waveforms(means, peak, 30000.0)
            assert found.loc[unit, WAVEFORMS].tolist() == pytest.approx(list(truth.values()), nan_ok=True)
            number = np.count_nonzero(trains[unit] > 0)
            assert found.loc[unit, "firing_rate"] == number / (every.max() - every.min())


# ---------------------------------------------------------------- real and recorded files


def test_stored_rates_of_recorded_sessions(shared: Path) -> None:
    """They were made of these spikes, over the time from each unit's own first spike to its last."""
    for folder in ("tiny_bo_released", "tiny_fc_released", "tiny_bo_chunked"):
        path = next((shared / "oracle" / "sessions" / folder).glob("session_*.nwb"))
        with nwbin.File(path) as file:
            found, stored, trains = quality_metrics(file), file.units["firing_rate"], file.spike_trains()
            probes = file.electrodes.loc[file.units["peak_channel_id"], "probe_id"].to_numpy()
            ends = pd.DataFrame({one: [t[0], t[-1]] for one, t in trains.items() if t.size}).T
            together = ends.groupby(pd.Series(probes, file.units.index))
            span = (together[1].transform("max") - together[0].transform("min")).reindex(found.index)
            own = (ends[1] - ends[0]).reindex(found.index)
        some = own.notna()
        assert some.sum() > 20
        np.testing.assert_allclose((found["firing_rate"] * span / own)[some], stored[some], rtol=1e-12)
        assert (found["firing_rate"][~some] == 0).all()


def test_stored_shapes_of_a_real_session(shared: Path) -> None:
    """Ten units of a released session: their durations and velocities lie on the axis of time that is used here."""
    with nwbin.File(shared / "data" / "vcn_760693773_first_10_rows.nwb") as file:
        units = file.units
        with pytest.raises(FormatError, match="spike_times"):  # it was cut
            quality_metrics(file)
    step = 1e3 * (82 / 30000) / 199
    for name in ("waveform_duration", "waveform_halfwidth"):
        steps = units[name].to_numpy() / step
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert (units["spread"] % 10 == 0).all()
    # Of troughs at whole steps on two channels, a distance of two apart, the slope is a whole number of half steps.
    alone = units.loc[units["spread"] == 40, "velocity_above"] * 1e-5 / (step / 1e3)
    np.testing.assert_allclose(alone * 20, np.rint(alone * 20), atol=1e-6)


def test_a_real_recording_of_another_lab(shared: Path) -> None:
    with nwbin.File(shared / "data" / "neuropixels_A8604-211122.nwb") as file:
        trains = file.spike_trains()
        with pytest.warns(NwbinWarning, match="has no spike_amplitudes"):
            found = quality_metrics(file)
        every = trains.times[trains.times > 0]
        for unit, times in trains.items():
            truth = naive_quality.allen(times, np.ones(times.size), every.min(), every.max())
            assert found.loc[unit].tolist()[:3] == pytest.approx(truth[:3])
