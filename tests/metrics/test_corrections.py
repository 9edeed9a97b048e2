"""What is corrected, beside what AllenSDK has: units whose true value is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from nwbin.metrics import CORRECTIONS
from nwbin.metrics.corrections import corrections_table, why_corrected
from nwbin.metrics.stimulus import COLUMNS
from tests.metrics.made import both, metrics, presented, session_of, spikes_of
from tests.metrics.table import README, readme_with_table

FREQUENCIES = (1.0, 2.0, 4.0, 8.0, 15.0)


def gratings(frequency: float, repeats: int = 6) -> list[dict[str, object]]:
    """Two orientations at one frequency, and blank sweeps."""
    rows: list[dict[str, object]] = [
        {"orientation": ori, "temporal_frequency": frequency, "contrast": 0.8}
        for ori in (0.0, 90.0) * repeats
    ]
    return [*rows, {"orientation": "null", "temporal_frequency": "null", "contrast": 0.8}]


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_a_unit_locked_to_the_grating_has_f1_f0_of_2(frequency: float) -> None:
    """One spike a cycle, always at the same phase; AllenSDK looks at another frequency."""
    table = presented("drifting_gratings", gratings(frequency))
    cycles = np.arange(int(2 * frequency)) / frequency + 0.3 / frequency
    trains = {1: spikes_of(table, lambda row, at: cycles if row["orientation"] == 90.0 else [])}
    allen, mine = both(table, trains, "dg")
    assert mine.loc[1, "f1_f0_dg"] == pytest.approx(2.0, abs=1e-9)
    if frequency < 8:  # of few spikes a cycle, an error of the frequency shows less, but it does
        assert allen.loc[1, "f1_f0_dg"] < 1.9
    assert allen.loc[1, "f1_f0_dg"] != pytest.approx(2.0, abs=1e-4)


def test_a_unit_without_phase_has_f1_f0_of_0() -> None:
    table = presented("drifting_gratings", gratings(4.0))
    even = (np.arange(64) + 0.5) / 32  # 8 a cycle, evenly
    trains = {1: spikes_of(table, lambda row, at: even if row["orientation"] == 90.0 else [])}
    assert metrics(table, trains, "dg").loc[1, "f1_f0_dg"] == pytest.approx(0.0, abs=1e-9)


def test_a_modulated_rate_has_its_own_depth_as_f1_f0() -> None:
    """A rate 1 + m cos(2 pi f t) has F1/F0 = m: spikes drawn from it, evenly through its integral."""
    depth, frequency = 0.6, 2.0
    grid = np.linspace(0, 2, 200_001)
    integral = grid + depth * np.sin(2 * np.pi * frequency * grid) / (2 * np.pi * frequency)
    spikes = np.interp((np.arange(4000) + 0.5) / 2000, integral, grid)
    table = presented("drifting_gratings", gratings(frequency, 2))
    trains = {1: spikes_of(table, lambda row, at: spikes if row["orientation"] == 0.0 else [])}
    assert metrics(table, trains, "dg").loc[1, "f1_f0_dg"] == pytest.approx(depth, abs=1e-3)


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_modulation_index_looks_at_the_gratings_frequency(frequency: float) -> None:
    """The index is that of the power at this very frequency; AllenSDK's of the next step above."""
    from scipy.signal import welch

    table = presented("drifting_gratings", gratings(frequency))
    rng = np.random.default_rng(3)
    draws = [
        np.sort(t[rng.random(400) < 0.5 + 0.5 * np.cos(2 * np.pi * frequency * t)])
        for t in rng.random((len(table), 400)) * 1.999
    ]
    trains = {1: spikes_of(table, lambda row, at: draws[at] if row["orientation"] == 0.0 else [])}
    allen, mine = both(table, trains, "dg")
    shown = table[table["orientation"] == 0.0]
    edges = np.arange(0, 2, 0.001)
    psth = np.mean([np.histogram(trains[1] - start, edges)[0] for start in shown["start_time"]], axis=0)
    for answer, segment, place in ((mine, 1000, round(frequency)), (allen, 1024, None)):
        steps, power = welch(psth, fs=1000.0, nperseg=segment)
        at = int(np.searchsorted(steps, frequency)) if place is None else place
        expected = abs(power[at] - power.mean()) / power.std()
        assert answer.loc[1, "mod_idx_dg"] == pytest.approx(expected, rel=1e-6)
        assert (steps[at] == frequency) == (answer is mine)
    assert mine.loc[1, "mod_idx_dg"] > allen.loc[1, "mod_idx_dg"]


def test_preferred_image_is_the_images_number() -> None:
    """Conditions are numbered by first appearance in the session; images by themselves."""
    frames = [float(one) for one in (-1, 5, 3, 7, 0, 3, 7, 5, -1, 0)]
    before = presented("flashes", [{"color": 1.0}, {"color": -1.0}], first=1.0)
    table = presented("natural_scenes", [{"frame": one} for one in frames])
    trains = {
        1: spikes_of(table, lambda row, at: [0.1] if row["frame"] == 7.0 else []),
        2: spikes_of(
            table, lambda row, at: [0.1, 0.12] if row["frame"] == -1.0 else []
        ),  # blanks do not count
    }
    allen, mine = both([before, table], trains, "ns")
    assert mine["pref_image_ns"].tolist() == [7.0, 5.0]  # all alike: the condition that was shown first
    assert allen["pref_image_ns"].tolist() == [5.0, 3.0]


def test_selectivity_is_that_of_the_highest_contrast() -> None:
    """4, 2, 0, 2 spikes at 0, 45, 90, 135 degrees: |4 - 0 + i (2 - 2)| / 8; at low contrast, none of it."""
    rows = [
        {"orientation": ori, "temporal_frequency": 2.0, "contrast": contrast}
        for ori, contrast in product((0.0, 45.0, 90.0, 135.0), (0.1, 0.8))
    ]
    table = presented("drifting_gratings_75_repeats", rows * 3)
    number = {0.0: 4, 45.0: 2, 90.0: 0, 135.0: 2}

    def answer(row: dict[str, float], at: int) -> list[float]:
        many = number[row["orientation"]] if row["contrast"] == 0.8 else 1
        return [0.1 * (1 + k) for k in range(many)]

    allen, mine = both(table, {1: spikes_of(table, answer)}, "dg")
    assert mine.loc[1, "g_osi_dg"] == pytest.approx(0.5)
    angles = np.deg2rad(list(number))
    expected = abs(np.sum(np.asarray(list(number.values())) * np.exp(1j * angles))) / 8
    assert mine.loc[1, "g_dsi_dg"] == pytest.approx(expected)
    assert allen[["g_osi_dg", "g_dsi_dg"]].isna().all(axis=None)


def test_one_contrast_is_as_allensdk_has_it() -> None:
    rows = [{"orientation": ori, "temporal_frequency": 2.0, "contrast": 0.8} for ori in (0.0, 90.0, 180.0)]
    table = presented("drifting_gratings", rows * 2)
    trains = {1: spikes_of(table, lambda row, at: [0.1] * int(1 + row["orientation"] / 90))}
    allen, mine = both(table, trains, "dg")
    assert mine.loc[1, "g_osi_dg"] == allen.loc[1, "g_osi_dg"] == pytest.approx(abs(1 - 2 + 3) / 6)
    assert mine.loc[1, "g_dsi_dg"] == allen.loc[1, "g_dsi_dg"] == pytest.approx(abs(1 + 2j - 3) / 6)


def test_preferred_phase_is_a_number() -> None:
    rows = [
        {"orientation": 0.0, "spatial_frequency": 0.04, "phase": phase} for phase in ("0.0", "0.25", "0.5")
    ]
    table = presented("static_gratings", [*rows, {"orientation": "null", "spatial_frequency": "null"}])
    trains = {1: spikes_of(table, lambda row, at: [0.1] if row["phase"] == "0.25" else [])}
    allen, mine = both(table, trains, "sg")
    assert mine.loc[1, "pref_phase_sg"] == 0.25
    assert mine["pref_phase_sg"].dtype == np.float64
    assert allen.loc[1, "pref_phase_sg"] == "0.25"


def test_lifetime_sparseness_does_not_go_by_how_often_a_condition_is_shown() -> None:
    """One spike at every presentation: nothing is sparse. AllenSDK sees the sums 8 and 1."""
    table = presented("flashes", [{"color": 1.0}] * 8 + [{"color": -1.0}])
    allen, mine = both(table, {1: spikes_of(table, lambda row, at: [0.1])}, "fl")
    assert mine.loc[1, "lifetime_sparseness_fl"] == pytest.approx(0.0, abs=1e-12)
    assert allen.loc[1, "lifetime_sparseness_fl"] == pytest.approx((1 - 81 / (2 * 65)) / 0.5)


def test_each_reason_is_of_a_column_that_there_is() -> None:
    every = [name for names in COLUMNS.values() for name in names] + ["suppressed_rf"]
    for pattern in CORRECTIONS:
        assert any(why_corrected(name) == CORRECTIONS[pattern] for name in every), pattern
    assert why_corrected("fano_dg") is None
    assert corrections_table().count("\n") == len(CORRECTIONS) + 1


def test_the_readme_lists_them() -> None:
    text = README.read_text(encoding="utf-8")
    assert readme_with_table(text) == text, "run python -m tests.metrics.table"


def test_spikes_are_lost_where_presentations_overlap_by_allensdks_convention_alone() -> None:
    """Two scenes that share 0.1 s, and a spike there: it belongs to both."""
    table = presented("natural_scenes", [{"frame": float(one)} for one in range(4)])
    table.loc[2, "start_time"] -= 0.1
    spikes = [float(table.loc[2, "start_time"]) + 0.05]
    counts = {
        convention: session_of(table, {1: spikes}, convention=convention).stimulus("ns").spike_sum[0].tolist()
        for convention in ("allen", "corrected")
    }
    assert counts["corrected"] == [0, 1, 1, 0]
    bounds = table[["start_time", "stop_time"]].to_numpy().reshape(-1)
    place = int(np.searchsorted(bounds, spikes[0])) - 1
    expected = [int(place == 2 * row) for row in range(4)]
    assert counts["allen"] == expected
    assert sum(expected) < 2
