"""Commands that draw: raster, tuning, rf, overview, psth; what they say, and what they refuse before any work."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

import nwbin
from nwbin.allen.null import tidy
from nwbin.errors import MissingDependencyError
from nwbin.plot import save_picture
from nwbin.plot.answers import fitting_width, names_in, rates_of, receptive_fields_of, tuning_of
from nwbin.plot.sessions import is_synthetic, overview_of, quality_of, title_of
from tests.cli.asking import bad, good, run
from tests.small_files import write_small

pytestmark = pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")


@pytest.fixture
def session(tiny: Path) -> Any:
    with nwbin.open(tiny) as opened:
        yield opened


@pytest.fixture
def title(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the pictures that are saved."""
    seen: list[str] = []

    def save(figure: Any, path: Path, **how: Any) -> Path:
        whole = figure if hasattr(figure, "savefig") else figure.get_figure(root=True)
        seen.append(whole.get_suptitle())
        return save_picture(figure, path, **how)

    monkeypatch.setattr("nwbin.plot.save_picture", save)
    return seen


def of(session: nwbin.Session, stimulus: str) -> tuple[Any, pd.DataFrame]:
    return session.file.spike_trains(session.units.index), tidy(session.get_stimulus_table(stimulus))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["raster", "--stimulus", "flashes"], "raster-flashes.png: 18 units, "),
        (["raster", "--stimulus", "flashes", "--per-unit", "--max-panels", 2, "--by", "color"], "2 of 18 units, 10 pr"),
        (["tuning", "--stimulus", "drifting_gratings", "--by", "orientation"], "18 units, 8 values of orientation"),
        (["rf", "--max-panels", 4], "rf-gabors.png: 18 units, 9 x 9 places, 78 presentations"),
        (["overview"], "2 probes, 6 invalid times; 18 units that pass the default filters, of 34 in the file"),
        (["overview", "--quality"], "quality.png: 34 units, 18 of them pass the default filters"),
        (["psth", "--stimulus", "flashes", "--per-unit", "--max-panels", 1], "psth-flashes.png: 18 units"),
    ],
    ids=lambda one: "-".join(map(str, one)) if isinstance(one, list) else "",
)  # fmt: skip
@pytest.mark.slow
def test_a_picture_is_named_and_says_that_its_data_are_synthetic(
    tiny: Path, here: Path, title: list[str], command: list[str], said: str
) -> None:
    name, *options = command
    assert said in good(name, tiny, *options)
    (picture,) = here.iterdir()
    assert picture.read_bytes().startswith(b"\x89PNG")
    if name != "psth":  # it holds the function by its name
        assert all("(synthetic data)" in one.replace("\n", " ") for one in title)
        assert len(title) == 1


def test_one_unit(tiny: Path, here: Path, session: nwbin.Session) -> None:
    unit = int(session.units.index[3])
    for command in (["raster", "--stimulus", "flashes", "--by", "color"],
                    ["tuning", "--stimulus", "drifting_gratings", "--by", "orientation,temporal_frequency"],
                    ["rf"], ["psth", "--stimulus", "flashes", "--by", "color"]):  # fmt: skip
        result = run(command[0], tiny, *command[1:], "--units", unit, "--json", "-o", "x.svg")
        found = json.loads(result.stdout)
        assert found["output"] == "x.svg"
        assert found["bytes"] == Path("x.svg").stat().st_size
        assert found["units"] in (1, [unit])


def test_a_raster_shows_the_units_that_change_most(
    tiny: Path, here: Path, session: nwbin.Session, title: list[str]
) -> None:
    rates = session.psth("flashes", by="color", edges=np.linspace(-0.1, 0.375, 21)).firing_rate
    change = (rates.var(rates.dims[:2]) / rates.mean(rates.dims[:2])).fillna(0.0).to_numpy()
    expected = rates.unit_id.to_numpy()[np.argsort(-change, kind="stable")[:3]].tolist()
    asked = ["--stimulus", "flashes", "--by", "color", "--per-unit", "--json", "-o", "x.png"]
    assert json.loads(run("raster", tiny, *asked, "--max-panels", 3).stdout)["units"] == expected
    assert "the units with the largest variance of the rate over its mean" in " ".join(title[0].split())
    every = json.loads(run("raster", tiny, *asked, "--units", ",".join(map(str, expected))).stdout)
    assert every["units"] == expected
    assert "largest" not in title[1]


def test_a_field_says_how_likely_it_is_by_chance(
    tiny: Path, here: Path, session: nwbin.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("scipy")
    unit = int(session.units.index[3])
    p = session.stimulus_metrics(stimuli=["gabors"], unit_ids=[unit])["p_value_rf"].item()
    asked = ["rf", tiny, "--units", unit, "--window", "0,0.25", "-o", "x.svg"]
    good(*asked)
    assert f"(as uneven by chance: p {p:.2g})" in Path("x.svg").read_text()

    def lacking(*_: object) -> None:
        raise MissingDependencyError("scipy")

    monkeypatch.setattr("nwbin.metrics.receptive_fields.position_p_values", lacking)
    good(*asked)
    assert "by chance" not in Path("x.svg").read_text()


def test_what_makes_no_picture_is_said_before_any_work(tiny: Path, here: Path) -> None:
    assert "ends in '.gif'" in bad("rf", tiny, "-o", "x.gif")
    assert "have no x_position" in bad("rf", tiny, "--stimulus", "natural_scenes").replace(
        "these have", "have"
    )
    assert "no column 'nope'" in bad("tuning", tiny, "--stimulus", "flashes", "--by", "nope")
    assert "--per-unit for a panel each" in bad("raster", tiny, "--stimulus", "flashes", "--by", "color")
    two = bad("tuning", tiny, "--stimulus", "drifting_gratings", "--by", "orientation,temporal_frequency")
    assert "are for one unit, and 18 units are meant" in two
    assert "over one column, or two, not 3" in bad(
        "tuning", tiny, "--stimulus", "flashes", "--by", "a,b,c", "--units", "1275860013"
    )
    assert "say which times" in bad("raster", tiny)
    one_bin = ["psth", tiny, "--stimulus", "flashes", "--edges", "0,0.1"]
    assert "(--bin)" in bad(*one_bin, "--per-unit", "-o", "x.png")
    assert "not both" in bad(*one_bin, "--bin", "0.1", "-o", "x.png")
    assert list(here.iterdir()) == []
    good(*one_bin, "--by", "color", "--per-unit", "-o", "x.png")
    good(*one_bin, "-o", "x.csv")


@pytest.mark.parametrize(
    ("command", "column"),
    [
        (["rf"], "azimuth_rf"),
        (["tuning", "--stimulus", "flashes", "--by", "color", "--where", "color == 1"], "firing_rate"),
        (["tuning", "--stimulus", "drifting_gratings", "--by", "orientation,contrast", "--window", "-0.5,2"], "sem"),
    ],
    ids=lambda one: "-".join(one[:2]) if isinstance(one, list) else "",
)  # fmt: skip
def test_whoever_wants_numbers_gets_the_command_for_them(
    tiny: Path, here: Path, command: list[str], column: str
) -> None:
    said = bad(command[0], tiny, *command[1:], "-o", "x.csv")
    assert f"nwbin {command[0]} draws pictures (.png, .pdf, .svg); for the numbers: nwbin " in said
    asked = shlex.split(said.partition("for the numbers: nwbin ")[2].partition(" (")[0])
    good(*asked)
    assert column in pd.read_csv(asked[-1]).columns
    assert "ends in '.gif'" in bad(command[0], tiny, *command[1:], "-o", "x.gif")


def test_other_labs_files(tmp_path: Path, here: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    assert "1 unit" in good("raster", path, "--intervals", "trials", "-o", "a.png")
    assert "2 values of contrast" in good(
        "tuning", path, "--stimulus", "trials", "--by", "contrast", "-o", "b.png"
    )
    assert "1 stimulus block, 0 probes, 0 invalid times; 1 unit" in good("overview", path, "-o", "c.png")
    assert "nothing to draw" in bad("overview", path, "--quality", "-o", "d.png")
    with nwbin.open(path) as session:
        assert not is_synthetic(session)
        assert title_of(session, "x") == "x, session s-1"


def test_the_numbers_of_a_tuning_curve(session: nwbin.Session) -> None:
    trains, rows = of(session, "drifting_gratings")
    found = tuning_of(trains, rows, ["orientation"], (0.0, 0.5))
    blanks = rows["orientation"].isna()
    assert blanks.any()
    for k, unit in enumerate(trains.unit_ids[:3]):
        spikes = trains[unit]
        onset = rows["start_time"].to_numpy()
        counts = np.searchsorted(spikes, onset + 0.5) - np.searchsorted(spikes, onset)
        for j, value in enumerate(found.values):
            own = counts[(rows["orientation"] == value).to_numpy()] / 0.5
            assert found.mean[j, k] == pytest.approx(own.mean())
            assert found.sem[j, k] == pytest.approx(own.std(ddof=1) / np.sqrt(len(own)))
            assert found.trials[j] == len(own)
        assert found.blank is not None
        assert found.blank[k] == pytest.approx(counts[blanks.to_numpy()].mean() / 0.5)
    two = tuning_of(trains, rows, ["orientation", "temporal_frequency"], (0.0, 0.5))
    shape = (5, 8, 18)
    assert two.mean.shape == two.sem.shape == shape
    one = (rows["orientation"] == 45.0) & (rows["temporal_frequency"] == 2.0)
    assert two.trials.sum() == (~blanks).sum()
    alone = tuning_of(trains, rows[one], ["orientation"], (0.0, 0.5))
    at = two.values.tolist().index(45.0), np.asarray(two.others).tolist().index(2.0)
    np.testing.assert_allclose(two.mean[at[1], at[0]], alone.mean[0])


def test_only_gratings_without_a_value_are_blanks(session: nwbin.Session) -> None:
    gratings, scenes = of(session, "drifting_gratings")[1], of(session, "natural_scenes")[1]
    assert names_in(gratings, "orientation") == {None: "blank"}
    assert names_in(gratings[gratings["orientation"].notna()], "orientation") == {}
    assert names_in(scenes, "frame") == {-1.0: "-1 (blank)"}
    one = gratings.index == gratings.index[gratings["orientation"].isna()][0]
    both = gratings.assign(stimulus_name=np.where(one, "flashes", "drifting_gratings"))
    assert names_in(both, "orientation") == {None: "missing"}
    others = gratings.assign(stimulus_name="bars")
    assert names_in(others, "orientation") == names_in(others.drop(columns="stimulus_name"), "orientation")
    assert names_in(others, "orientation") == {None: "missing"}
    assert names_in(others, None) == names_in(others, "nowhere") == {}


def test_pictures_of_other_labs_trials_have_no_blanks(tmp_path: Path, here: Path) -> None:
    path = write_small(tmp_path / "small.nwb")  # the last trial has no contrast
    for name in ("raster", "tuning"):
        good(name, path, "--stimulus", "trials", "--by", "contrast", "-o", f"{name}.svg")
        drawn = Path(f"{name}.svg").read_text()
        assert "missing" in drawn
        assert "blank" not in drawn


def test_a_blank_scene_is_no_scene(session: nwbin.Session) -> None:
    trains, rows = of(session, "natural_scenes")
    found = tuning_of(trains, rows, ["frame"], (0.0, 0.25))
    assert (rows["frame"] == -1).any()
    assert -1 not in found.values.tolist()
    alone = tuning_of(trains, rows[rows["frame"] == -1].assign(frame=3.0), ["frame"], (0.0, 0.25))
    np.testing.assert_allclose(found.blank, alone.mean[0])


def test_the_numbers_of_a_receptive_field(session: nwbin.Session) -> None:
    trains, rows = of(session, "gabors")
    fields = receptive_fields_of(trains, rows, (0.0, 0.2))
    place = (rows["x_position"] == 10.0) & (rows["y_position"] == -20.0)
    onset = rows["start_time"].to_numpy()[place.to_numpy()]
    unit = trains.unit_ids[4]
    counts = np.searchsorted(trains[unit], onset + 0.2) - np.searchsorted(trains[unit], onset)
    expected = counts.mean() / 0.2 if len(onset) else np.nan
    got = float(fields.sel(unit_id=unit, x_position=10.0, y_position=-20.0))
    assert got == pytest.approx(expected, nan_ok=True)
    known = int(np.isfinite(fields[0].to_numpy()).sum())
    assert known == len(rows.groupby(["x_position", "y_position"]))


def test_spread_over_trials_of_one_unit(session: nwbin.Session) -> None:
    trains, rows = of(session, "flashes")
    one = trains.select(trains.unit_ids[:1])
    edges = [-0.1, 0.0, 0.1, 0.25]
    rates, sem = rates_of(one, rows, edges, by="color", closed="left")
    assert sem is not None
    onset = rows["start_time"].to_numpy()[(rows["color"] == 1).to_numpy()]
    spikes = one[one.unit_ids[0]]
    counts = np.diff(np.searchsorted(spikes, onset[:, None] + np.asarray(edges)), axis=1) / np.diff(edges)
    np.testing.assert_allclose(rates.sel(condition=1.0)[:, 0], counts.mean(axis=0))
    np.testing.assert_allclose(sem.sel(condition=1.0)[:, 0], counts.std(axis=0, ddof=1) / np.sqrt(len(onset)))
    assert rates_of(trains, rows, edges, by="color", closed="left")[1] is None


def test_a_table_of_rates_has_the_error_that_its_picture_has(
    tiny: Path, here: Path, session: nwbin.Session
) -> None:
    """Over trials of one unit, and of each with --per-unit; otherwise over units."""
    asked = ["--stimulus", "flashes", "--by", "color", "--edges=-0.1,0,0.1,0.25", "-o", "x.csv"]
    found = session.psth("flashes", by="color", edges=[-0.1, 0.0, 0.1, 0.25])
    one = int(found.unit_id[3])
    good("psth", tiny, *asked, "--units", one)
    np.testing.assert_allclose(pd.read_csv("x.csv")["sem"], found.sem.sel(unit_id=one).to_numpy().ravel())
    good("psth", tiny, *asked, "--per-unit")
    each = pd.read_csv("x.csv")
    np.testing.assert_allclose(each["sem"], found.sem.to_numpy().ravel())
    np.testing.assert_allclose(each["firing_rate"], found.firing_rate.to_numpy().ravel())
    good("psth", tiny, *asked)
    over_units = found.firing_rate.std("unit_id", ddof=1) / np.sqrt(found.sizes["unit_id"])
    np.testing.assert_allclose(pd.read_csv("x.csv")["sem"], over_units.to_numpy().ravel())


def test_bins_are_as_wide_as_the_spikes_of_a_unit_need() -> None:
    rows = pd.DataFrame({"start_time": np.arange(100.0)})
    rng = np.random.default_rng(0)
    for rate, expected in ((1000.0, 0.005), (25.0, 0.01), (2.5, 0.1), (0.01, 0.1)):
        spikes = np.sort(rng.uniform(0, 100, int(100 * rate)))
        trains = nwbin.SpikeTrains.from_dict({1: spikes})
        assert fitting_width(trains, rows, (0.0, 1.0), by=None, least=0.005) == expected
    several = {k: np.sort(rng.uniform(0, 100, 100 * rate)) for k, rate in enumerate((1000, 25, 1))}
    trains = nwbin.SpikeTrains.from_dict(several)
    assert fitting_width(trains, rows, (0.0, 1.0), by=None, least=0.005) == 0.01
    nowhere = rows.assign(color=np.nan)
    assert fitting_width(trains, nowhere, (0.0, 1.0), by="color", least=0.005) == 0.1


def test_bins_of_single_units_are_as_wide_as_their_spikes_need(
    tiny: Path, here: Path, session: nwbin.Session
) -> None:
    """Panels of many units too: of 5 ms they were noise."""
    trains, rows = of(session, "flashes")
    fits = fitting_width(trains, rows, (-0.1, 0.375), by=None, least=0.005)
    assert fits > 0.005
    asked = ["psth", tiny, "--stimulus", "flashes", "-o", "x.csv"]
    assert f" bins of {fits:g} s from " in good(*asked, "--per-unit")
    assert " bins of 0.005 s from -0.1 to 0.375 s" in good(*asked)
    assert " bins of 0.005 s from -0.1 to 0.375 s" in good(*asked, "--per-unit", "--bin", 0.005)


def test_what_a_picture_of_a_session_shows(session: nwbin.Session) -> None:
    found = overview_of(session)
    assert {name for name, _, _ in found.blocks} == set(session.stimulus_names)
    assert found.rate is not None
    edges, rate = found.rate
    in_all = float((rate * np.diff(edges)).sum() * found.units)
    assert in_all == pytest.approx(sum(len(one) for one in session.spike_times.values()))
    assert [probe.name for probe in found.probes] == session.probes["description"].tolist()
    assert sum(len(probe.unit_depth) for probe in found.probes) == session.num_units
    assert len(found.invalid) == len(session.invalid_times)
    assert found.running is not None
    speed = session.running_speed["velocity"]
    assert np.nanmin(found.running[1]) >= speed.min()
    assert np.nanmax(found.running[1]) <= speed.max()
    units, bounds = quality_of(session)
    assert len(units) == len(session.file.unit_ids)
    assert bounds["presence_ratio"] == (">=", 0.95)
