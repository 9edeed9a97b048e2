"""Units by id, by condition and by filters; what is said of those that are left out."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest
import typer

import nwbin
from nwbin.cli import app
from tests.cli.asking import bad, good, naive


@pytest.fixture(scope="module")
def filtered(tiny: Path) -> tuple[list[int], list[int]]:
    """Ids of units that pass the filters, and of those that do not."""
    with nwbin.open(tiny) as session:
        kept = session.units.index.tolist()
        return kept, [one for one in session.file.unit_ids.tolist() if one not in kept]


@pytest.mark.parametrize("how", ["{},{},{}", "{} {} {}", " {} , {},\t{}, ", "[{}, {}, {}]"])
def test_units_by_id_in_their_order(
    tiny: Path, here: Path, filtered: tuple[list[int], list[int]], how: str
) -> None:
    wanted = [filtered[0][place] for place in (4, 0, 2)]
    asked = ["--stimulus", "flashes", "--window", "0,0.25", "--units", how.format(*wanted)]
    assert "; 3 units of " in good("count", tiny, *asked, "-o", "x.npz")
    with np.load("x.npz") as found, nwbin.open(tiny) as session:
        assert found["unit_ids"].tolist() == wanted
        start = session.get_stimulus_table("flashes")["start_time"].to_numpy()
        truth = naive(session, start, start + 0.25, wanted, "both")
        assert (found["counts"][:, 0] == truth).all()
    good("psth", tiny, *asked, "--per-unit", "-o", "x.csv")
    assert pd.read_csv("x.csv")["unit_id"].unique().tolist() == wanted
    one = filtered[0][3]
    assert f"note: unit {one} is not among" in good("units", tiny, "--units", one, "--where", "snr > 1e6")
    lines = good("units", tiny, "--units", how.format(*wanted)).splitlines()
    assert [int(line.split()[0]) for line in lines[1:]] == wanted


def test_a_single_unit_by_id(tiny: Path, here: Path, filtered: tuple[list[int], list[int]]) -> None:
    one = filtered[0][3]
    asked = ["--stimulus", "flashes", "--window", "0,0.25", "--units", one]
    assert " x 1 x 1 (presentations, bins, units)" in good("count", tiny, *asked, "-o", "x.npz")
    assert good("psth", tiny, *asked, "-o", "x.csv").startswith("x.csv: 1 unit, ")


def test_units_by_id_over_a_folder(
    tiny: Path, tmp_path: Path, here: Path, filtered: tuple[list[int], list[int]]
) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    folder = tmp_path / "sessions"
    folder.mkdir()
    shutil.copy(tiny, folder / "session_1.nwb")
    wanted = [filtered[0][3], filtered[0][1]]
    asked = ["--stimulus", "flashes", "--window", "0,0.25", "--units", ",".join(map(str, wanted))]
    assert "1 counted" in good("count", folder, *asked, "-o", "x.zarr")
    group = next(one.name for one in Path("x.zarr").glob("session_*"))
    found = xarray.open_zarr("x.zarr", group=group, consolidated=False)
    assert sorted(found["unit_id"].to_numpy().tolist()) == sorted(wanted)


def test_all_units_of_a_folder_are_those_of_its_files(tiny: Path, here: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    (here / "data").mkdir()
    (here / "data" / "session_1.nwb").symlink_to(tiny)
    asked = ("--all", "--stimulus", "flashes", "--window", "0,0.2", "-o")
    good("count", tiny, *asked, "x.npz")
    good("count", here / "data", *asked, "x.zarr")
    units = np.load(here / "x.npz")["unit_ids"].tolist()
    assert sorted(units) == sorted(nwbin.File(tiny).unit_ids.tolist()), "also the one whose metric is NaN"
    group = next(one.name for one in Path("x.zarr").glob("session_*"))
    found = xarray.open_zarr("x.zarr", group=group, consolidated=False)
    assert sorted(found["unit_id"].to_numpy().tolist()) == sorted(units)


@pytest.mark.slow
def test_units_that_no_session_of_a_folder_has(
    tiny: Path, tmp_path: Path, here: Path, filtered: tuple[list[int], list[int]]
) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    folder = tmp_path / "sessions"
    folder.mkdir()
    shutil.copy(tiny, folder / "session_1.nwb")
    asked = ["count", folder, "--stimulus", "flashes", "--window", "0,0.25", "-o"]
    kept, out = filtered[0][0], filtered[1][0]
    said = bad(*asked, "x.zarr", "--units", f"5,{out}")
    assert f"; no session has unit 5; unit {out} is left out everywhere, by the filters (--all is for" in said
    notes = [line for line in good(*asked, "y.zarr", "--units", f"{kept},5").splitlines() if "note: " in line]
    assert notes == ["note: no session has unit 5"]
    (folder / "session_1.nwb").write_text("not opened for this")
    assert "error: there is no unit -5: " in bad(*asked, "z.zarr", "--units=-5")
    assert not Path("z.zarr").exists()


def test_options_that_contradict_each_other(
    tiny: Path, here: Path, filtered: tuple[list[int], list[int]]
) -> None:
    count = ["count", tiny, "--stimulus", "flashes", "--window", "0,0.25", "-o", "x.npz"]
    folder = ["count", here, *count[2:-1], "x.zarr"]
    psth = ["psth", tiny, "--stimulus", "flashes", "-o", "x.csv"]
    for asked in (["units", tiny], count, folder, psth):
        for name in ("amplitude-cutoff-maximum", "presence-ratio-minimum", "isi-violations-maximum"):
            for given in (["--all", f"--{name}", "0.1"], [f"--{name}=0.1", "--all"]):
                assert f"--{name} 0.1 is a quality filter, and --all is for none" in bad(*asked, *given)
    good("units", tiny, "--all", "--amplitude-cutoff-maximum", "0")

    with nwbin.open(tiny) as session:
        structure = session.units["structure_acronym"]
    one = filtered[0][0]
    other = structure.index[(structure != structure[one]).to_numpy()][0]
    for asked in (["units", tiny], count, psth):
        said = good(*asked, "--units", f"{one},{other}", "--structures", structure[other])
        assert f"note: unit {one} is not among units in {structure[other]}, and left out" in said


def test_units_and_where_are_both_applied(tiny: Path, filtered: tuple[list[int], list[int]]) -> None:
    with nwbin.open(tiny) as session:
        rate, snr = session.units["firing_rate"], session.units["snr"]
    middle = float(rate.median())
    ids = filtered[0][::-1]
    fast = [one for one in ids if rate[one] > rate.median()]
    assert 0 < len(fast) < len(ids)

    def shown(*args: object) -> list[int]:
        lines = good("units", tiny, *args).splitlines()
        return [int(line.split()[0]) for line in lines if line.split()[0].isdecimal()]

    listed, condition = ",".join(map(str, ids)), f"firing_rate > {middle!r}"
    assert shown("--units", listed, "--where", condition) == fast
    assert shown("--where", listed, "--units", condition) == fast
    both = rate.index[((rate > rate.median()) & (snr > snr.median())).to_numpy()].tolist()
    assert shown("--units", condition, "--where", f"snr > {float(snr.median())!r}") == both


@pytest.mark.parametrize("wrong", ["-5", "-5, {}", "{}.0", "+{}", "({0},{1}", "{0},{1}]", "[{0},{1})"])
def test_malformed_unit_ids(tiny: Path, filtered: tuple[list[int], list[int]], wrong: str) -> None:
    said = bad("units", tiny, f"--units={wrong.format(*filtered[0])}")
    assert "there is no unit " in said or "have a bracket without its other" in said
    assert said.endswith("such as 950910007,950930110")


def test_unit_ids_that_are_not_there(tiny: Path, here: Path, filtered: tuple[list[int], list[int]]) -> None:
    one = filtered[0][0]
    for command in (["count", "--window", "0,1", "-o", "x.npz"], ["psth", "-o", "x.csv"]):
        asked = [command[0], tiny, "--stimulus", "flashes", *command[1:], "--units"]
        assert "has no unit 5; for its ids: nwbin units FILE --all" in bad(*asked, f"{one},5")
        assert "has no units 5, 6;" in bad(*asked, f"5 {one} 6")
        assert f"name {one} more than once" in bad(*asked, f"{one} {one}")
    assert not list(here.iterdir())


@pytest.mark.slow
def test_units_that_the_filters_leave_out_are_explained(
    tiny: Path, here: Path, filtered: tuple[list[int], list[int]]
) -> None:
    asked = ["count", tiny, "--stimulus", "flashes", "--window", "0,1", "-o", "x.npz"]
    with nwbin.open(tiny, amplitude_cutoff_maximum=0) as session:
        more = session.units
    one = next(unit for unit in more.index if unit in filtered[1])
    said = bad(*asked, "--units", one)
    value = more.loc[one, "amplitude_cutoff"]
    assert f"its amplitude_cutoff is {value:.6g}, more than --amplitude-cutoff-maximum 0.1" in said
    assert said.endswith("to keep it: --amplitude-cutoff-maximum 0, or --all for no filters")
    good(*asked, "--units", one, "--amplitude-cutoff-maximum", "0")
    said = bad(*asked, "--units", ",".join(map(str, filtered[1])))
    assert said.count("is left out: its ") == 3
    assert f"{len(filtered[1]) - 3} more units are left out" in said
    for python in ("=None", "=False", "session.file", "open the session"):
        for unit in filtered[1]:
            assert python not in bad(*asked, "--units", unit)
    good(*asked, "--all", "--units", ",".join(map(str, filtered[1])))


def test_no_option_is_named_for_a_unit_left_out_for_its_lost_channel(
    tiny: Path, here: Path, filtered: tuple[list[int], list[int]]
) -> None:
    copy, (lost, *_), (out, *_) = here / "lost.nwb", *filtered
    shutil.copy(tiny, copy)
    with h5py.File(copy, "r+") as f:
        f["units/peak_channel_id"][int(np.flatnonzero(f["units/id"][:] == lost)[0])] = 5
    asked = ["count", copy, "--stimulus", "flashes", "--window", "0,1", "-o", "x.npz", "--units"]
    said = bad(*asked, lost)
    assert "its peak channel 5 is no electrode of the file; no option keeps" in said
    assert "--all" not in said
    said = bad(*asked, f"{lost},{out}")
    assert "to keep 1 of them: --" in said
    assert said.endswith("; no option keeps a unit without its channel or probe")


def test_what_the_filters_leave_out_is_said_of_conditions(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        kept, ids = session.units, session.file.unit_ids
    good("units", tiny, "--all", "-o", "all.csv")
    everything = pd.read_csv("all.csv")["structure_acronym"]
    out = next(one for one in ids if one not in kept.index)
    asked = ["psth", tiny, "--stimulus", "flashes", "-o", "x.csv"]
    assert "; 1 unit left out by the filters does: --all" in bad(*asked, "--units", f"unit_id == {out}")
    assert "left out by" not in bad(*asked, "--units", "unit_id == 5")
    shown = good("units", tiny, "--units", f"unit_id == {out}")
    assert "; 1 unit left out by the filters does: --all" in shown
    assert "no units" in shown
    assert bad(*asked, "--structures", "visp").endswith("; did you mean 'VISp'?")
    best = kept.groupby("structure_acronym")["presence_ratio"].max()
    name, bound = best.idxmin(), (best.min() + best.max()) / 2
    number = int((everything == name).sum())
    said = bad(*asked, "--structures", name, "--presence-ratio-minimum", bound)
    assert re.search(rf"{number} units? in it (is|are) left out by the filters: --all", said)


def test_options_that_mean_the_same_are_the_same() -> None:
    options = {
        command.callback.__name__: {
            name: (one.default, annotation.__metadata__[0].metavar)
            for name, one in inspect.signature(command.callback, eval_str=True).parameters.items()
            if hasattr(annotation := one.annotation, "__metadata__")
        }
        for command in app.registered_commands
    }
    of_units = {"structures", "everything", "amplitude_cutoff_maximum", "presence_ratio_minimum"}
    of_units |= {"isi_violations_maximum"}
    for name in of_units:
        assert options["units"][name] == options["count"][name] == options["psth"][name]
    for name in ("units", "stimulus", "intervals", "where"):
        assert options["count"][name] == options["psth"][name]
    assert options["count"]["closed"][1] == options["psth"]["closed"][1]


@pytest.mark.parametrize("closed", ["left", "right", "both"])
def test_psth_counts_the_ends_that_are_asked_for(tiny: Path, here: Path, closed: str) -> None:
    asked = ["--window", "0,0.2", "--bin", "0.1", "--closed", closed, "--per-unit", "-o", "x.csv"]
    good("psth", tiny, "--stimulus", "flashes", *asked)
    table = pd.read_csv("x.csv")
    with nwbin.open(tiny) as session:
        units = session.units.index
        rows = session.get_stimulus_table("flashes")
        counts = nwbin.bin_spikes(
            session.file.spike_trains(units), rows["start_time"], [0, 0.1, 0.2], closed=closed
        )
    rates = np.asarray(counts).mean(axis=0) / 0.1
    assert np.allclose(table["firing_rate"].to_numpy().reshape(rates.shape), rates)
    assert "--closed" in bad("psth", tiny, "--stimulus", "flashes", "--closed", "all")


def test_more_than_the_bounds_leaves_units_out_and_the_help_says_what(tiny: Path) -> None:
    def number(**filters: bool) -> int:
        with nwbin.open(tiny, **filters) as session:
            return session.num_units

    every = number(filter_by_metrics=False, filter_by_validity=False, filter_out_of_brain_units=False)
    assert number() < number(filter_by_metrics=False) < every
    assert good("units", tiny, "--all", "-o", "-").count("\n") == every + 1
    words = " ".join(str(nwbin.open.__doc__).split())
    assert "with all three filters False (from the shell ``--all``)" in words
    (everything,) = [
        one for one in typer.main.get_command(app).commands["units"].params if one.name == "everything"
    ]
    assert "outside the brain" in everything.help
