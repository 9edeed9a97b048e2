"""Counts in files: what is written, what is refused and what is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.testing import write_session
from tests.cli.asking import bad, good, naive


def test_which_times_are_asked_for(tiny: Path, here: Path) -> None:
    said = bad("psth", tiny)
    assert "say which times: --stimulus NAME (spontaneous, gabors" in said
    assert "--intervals TABLE for another table (invalid_times)" in said
    assert "not both" in bad("psth", tiny, "--stimulus", "flashes", "--intervals", "invalid_times")


@pytest.mark.parametrize("closed", ["left", "right", "both", None])
def test_count_of_a_stimulus(tiny: Path, here: Path, closed: str | None) -> None:
    rule = ["--closed", closed] if closed else []
    where, units = (
        "orientation != 'null' and contrast > 0.5",
        "structure_acronym == 'VISp' and firing_rate > 1",
    )
    said = good(
        "count", tiny, "--stimulus", "drifting_gratings", "--where", where, "--units", units,
        "--bin", "0.5", "--window", "-0.5,2", *rule, "-o", "x.npz",
    )  # fmt: skip
    with nwbin.open(tiny) as session:
        table = session.get_stimulus_table("drifting_gratings")
        table = table[table["orientation"] != "null"]
        chosen = session.units.query("structure_acronym == 'VISp' and firing_rate > 1").index
        edges = np.asarray([-0.5, 0.0, 0.5, 1.0, 1.5, 2.0])
        domain = table["start_time"].to_numpy()[:, None] + edges[None, :]
        truth = naive(session, domain[:, :-1], domain[:, 1:], chosen, closed or "both")
    with np.load("x.npz") as z:
        np.testing.assert_array_equal(z["counts"], truth)
        assert z["counts"].sum() > 0
        assert z["presentation_ids"].tolist() == table.index.tolist()
        assert z["unit_ids"].tolist() == chosen.tolist()
        assert z["bin_edges"].tolist() == edges.tolist()
        assert z["labels"]["orientation"].tolist() == table["orientation"].tolist()
        how = json.loads(str(z["provenance"]))
    assert how["made_by"] == f"nwbin {nwbin.__version__}"
    assert how["source_file"] == "session.nwb"
    assert how["where"] == where
    assert how["units"] == units
    assert how["closed"] == (closed or "both")
    assert f"x.npz: {truth.shape[0]} x 5 x {len(chosen)} (presentations, bins, units), uint16" in said
    assert os.listdir() == ["x.npz"]  # noqa: PTH208


def test_count_as_tables(tiny: Path, here: Path) -> None:
    asked = ["count", tiny, "--stimulus", "flashes", "--edges", "0,0.05,0.25", "--labels", "color"]
    good(*asked, "-o", "x.csv")
    good(*asked, "--format", "long", "--binarize", "-o", "long.csv")
    with nwbin.open(tiny) as session:
        table = session.get_stimulus_table("flashes")
        domain = table["start_time"].to_numpy()[:, None] + np.asarray([0, 0.05, 0.25])[None, :]
        units = session.units.index
        truth = naive(session, domain[:, :-1], domain[:, 1:], units, "both").reshape(-1, len(units))
    wide, long = pd.read_csv("x.csv"), pd.read_csv("long.csv")
    names = [str(unit) for unit in units]
    assert wide.columns.tolist() == [
        "stimulus_presentation_id", "bin_start", "bin_stop", "start_time", "stop_time", "color", *names,
    ]  # fmt: skip
    np.testing.assert_array_equal(wide[names].to_numpy(), truth)
    assert wide["color"].tolist() == np.repeat(table["color"].tolist(), 2).tolist()
    np.testing.assert_array_equal(long["count"].to_numpy(), (truth > 0).reshape(-1))


def test_count_several_stimuli_and_a_window(tiny: Path, here: Path) -> None:
    good(
        "count", tiny, "--stimulus", "flashes", "--stimulus", "gabors", "--window", "0.01,0.2", "--dtype",
        "float32", "--all", "-o", "x.npz",
    )  # fmt: skip
    with nwbin.open(tiny) as session, np.load("x.npz") as z:
        table = session.get_stimulus_table(["flashes", "gabors"])
        assert z["presentation_ids"].tolist() == table.index.tolist()
        onset = table["start_time"].to_numpy()
        units = z["unit_ids"]
        assert sorted(units.tolist()) == sorted(session.file.unit_ids.tolist())
        np.testing.assert_array_equal(
            z["counts"][:, 0], naive(session, onset + 0.01, onset + 0.2, units, "both")
        )
        assert z["counts"].dtype == np.float32


def test_count_tiles_intervals(tiny: Path, here: Path) -> None:
    pytest.importorskip("h5netcdf")
    import xarray as xr

    said = good("count", tiny, "--intervals", "spontaneous_presentations", "--bin", "0.5", "-o", "x.nc")
    with nwbin.open(tiny) as session, xr.open_dataset("x.nc", engine="h5netcdf") as data:
        rows = session.file.intervals["spontaneous_presentations"]
        begin, end = data["bin_start"].to_numpy(), data["bin_stop"].to_numpy()
        truth = naive(session, begin, end, session.units.index, "left")
        np.testing.assert_array_equal(data["spike_counts"].to_numpy(), truth)
        bins = np.floor((rows["stop_time"] - rows["start_time"]).to_numpy() / 0.5).astype(int)
        assert data["interval_id"].to_numpy().tolist() == np.repeat(rows.index, bins).tolist()
        assert data.attrs["closed"] == "left"
    assert "(bins, units)" in said


def test_count_refuses(tiny: Path, here: Path) -> None:
    asked = ["count", tiny, "--stimulus", "flashes"]
    window = ["--window", "0,0.1"]
    for args, message in [
        ([*asked, *window, "-o", "x.xls"], "ends in '.xls'"),
        ([*asked, *window, "-o", "no/x.npz"], "there is no folder 'no'"),
        ([*asked, "-o", "x.npz"], "say which bins"),
        ([*asked, "--bin", "0.1", "-o", "x.npz"], "needs a window"),
        ([*asked, *window, "--bin", "0.03", "-o", "x.npz"], "whole number"),
        ([*asked, *window, "--edges", "0,1", "-o", "x.npz"], "not both"),
        ([*asked, "--edges", "0,a", "-o", "x.npz"], "numbers in seconds"),
        ([*asked, "--edges", "0.1,0", "-o", "x.npz"], "must not decrease"),
        ([*asked, "--window", "1,0", "-o", "x.npz"], "from and to"),
        ([*asked, *window, "--closed", "open", "-o", "x.npz"], "--closed 'open' is not known"),
        ([*asked, *window, "--dtype", "str", "-o", "x.npz"], "is no kind of number"),
        ([*asked, *window, "--format", "long", "-o", "x.npz"], "long layout is for tables"),
        ([*asked, *window, "--format", "wide", "-o", "x.csv"], "'wide' is not known"),
        ([*asked, *window, "--labels", "colour", "-o", "x.csv"], "did you mean 'color'"),
        ([*asked, *window, "--intervals", "epochs", "-o", "x.npz"], "not both"),
        (["count", tiny, *window, "-o", "x.npz"], "say which times"),
        (["count", tiny, "--intervals", "epochs", *window, "-o", "x.npz"], "no intervals table 'epochs'"),
        (["count", tiny, "--stimulus", "flash", *window, "-o", "x.npz"], "did you mean 'flashes'"),
        ([*asked, *window, "--units", "firing_rat > 1", "-o", "x.npz"], "did you mean 'firing_rate'"),
        ([*asked, *window, "--units", "firing_rate >", "-o", "x.npz"], "invalid syntax"),
        ([*asked, *window, "--units", "structure_acronym == 'VISX'", "-o", "x.npz"], "structure_acronym has "),
        ([*asked, *window, "--where", "color == 7", "-o", "x.npz"], "color has -1.0, 1.0"),
        ([*asked, "--window", "0,500", "--dtype", "uint8", "-o", "x.npz"], "; --dtype uint"),
    ]:  # fmt: skip
        assert message in bad(*args)
    assert list(here.iterdir()) == []


def test_count_of_structures(tiny: Path, here: Path) -> None:
    asked = ["count", tiny, "--stimulus", "flashes", "--window", "0,0.1"]
    good(*asked, "--structures", "VISp, LGd", "-o", "x.npz")
    with nwbin.open(tiny) as session, np.load("x.npz") as z:
        inside = session.units["structure_acronym"].isin(["VISp", "LGd"])
        assert z["unit_ids"].tolist() == session.units.index[inside].tolist()
        assert 0 < inside.sum() < len(inside)
        assert json.loads(str(z["provenance"]))["structures"] == "VISp, LGd"
    assert "is in 'VISq'; did you mean" in bad(*asked, "--structures", "VISq", "-o", "y.npz")
    for option in (["--sessions", "5"], ["--workers", "2"], ["--scheduler", "tcp://x:1"]):
        assert f"{option[0]} is for a folder" in bad(*asked, *option, "-o", "y.npz")
    asked[1] = here
    for option in (["--format", "matrix"], ["--labels", "color"], ["--compress"]):
        assert f"{option[0]} is for a single file" in bad(*asked, *option, "-o", "y.zarr")
    assert [one.name for one in here.iterdir()] == ["x.npz"]


def test_count_says_what_windows_meet(tiny: Path, here: Path) -> None:
    def notes(*args: object) -> list[str]:
        asked = ["count", tiny, "--stimulus", "gabors", "-o", "x.npz", *args]
        return [line[6:] for line in good(*asked).splitlines() if line.startswith("note: ")]

    from nwbin.allen.invalid import overlapping, tagged

    with nwbin.open(tiny) as session:
        start = session.get_stimulus_table("gabors")["start_time"].to_numpy()
        probes = session.probes["description"].tolist()
        bad = tagged(session.invalid_times, ["all_probes", *probes])
        last = max(times[-1] for times in session.file.spike_trains(session.units.index).values())
    for stop in (0.01, 20.0):
        hit = int(overlapping(start, start + stop, bad).sum())
        found = [one for one in notes("--window", f"0,{stop}", "--dtype", "uint32") if "invalid" in one]
        assert [one.split(" overlap")[0].split(": ")[1] for one in found] == (
            [f"{hit} of {len(start)} presentations"] if hit else []
        )
    assert hit
    assert any("times are in seconds" in one for one in notes("--window", "0,250", "--dtype", "uint32"))
    assert any("start after the last spike" in one for one in notes("--window", f"{last},{last + 1}"))


def test_provenance_names_the_filters_that_were_applied(tmp_path: Path, here: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=2)
    asked = ["count", path, "--stimulus", "flashes", "--window", "0,0.1", "-o", "x.npz"]

    def filters() -> Any:
        good(*asked)
        with np.load("x.npz") as z:
            return json.loads(str(z["provenance"]))["unit_filters"]

    bounds = {"amplitude_cutoff_maximum": 0.1, "presence_ratio_minimum": 0.95, "isi_violations_maximum": 0.5}
    assert filters() == {**bounds, "quality": "good", "in_brain": True}
    with h5py.File(path, "r+") as file:
        units = file["units"]
        gone = ["presence_ratio", "quality"]
        units.attrs["colnames"] = [one for one in units.attrs["colnames"] if one not in gone]
        for name in gone:
            del units[name]
    assert filters() == {k: v for k, v in bounds.items() if k != "presence_ratio_minimum"} | {
        "in_brain": True
    }


def test_what_is_replaced_is_said(tiny: Path, here: Path) -> None:
    asked = ["count", tiny, "--stimulus", "flashes", "--window", "0,0.1", "-o", "x.npz"]
    assert "(replaced)" not in good(*asked)
    assert "x.npz (replaced): " in good(*asked)
    pytest.importorskip("matplotlib")
    assert "psth-flashes.png: " in good("psth", tiny, "--stimulus", "flashes")
    assert "psth-flashes.png (replaced): " in good("psth", tiny, "--stimulus", "flashes")


def test_names_are_told_with_how_many_more(tiny: Path, here: Path) -> None:
    said = bad("count", tiny, "--window", "0,0.1", "-o", "x.npz")
    with nwbin.open(tiny) as session:
        assert f"--stimulus NAME ({', '.join(session.stimulus_names)}), or --intervals TABLE " in said
    assert "from less than to" in bad(
        "count", tiny, "--stimulus", "flashes", "--window", "0.25,0", "-o", "x.npz"
    )
    for name in ("b.nwb", "notes.txt", "session_2.nwb", "session_1.nwb", "a.nwb"):
        Path(name).touch()
    assert "no such file; in its folder, there are: a.nwb, b.nwb" in bad("info", here / "qqqqqq.nwb")
    assert "did you mean 'session_" in bad("info", here / "sesion.nwb")


def test_ids_are_whole_numbers_in_csv(tiny: Path, here: Path) -> None:
    good("count", tiny, "--stimulus", "flashes", "--window", "0,0.1", "-o", "x.csv")
    good("stimuli", tiny, "flashes", "-o", "y.csv")
    for name in ("x.csv", "y.csv"):
        kinds = pd.read_csv(name).dtypes
        assert kinds["stimulus_block"].kind == kinds["stimulus_condition_id"].kind == "i"


def test_notes_are_one_line(tiny: Path, here: Path) -> None:
    lines = good(
        "count", tiny, "--intervals", "flashes_presentations", "--bin", "0.4", "-o", "x.npz"
    ).splitlines()
    assert [line for line in lines if line.startswith("note: ")] == [
        "note: 10 intervals shorter than a bin, without any counts"
    ]


# -------------------------------------------------------------------- real recordings


def test_real_pseudo_population(shared: Path, here: Path) -> None:
    file = shared / "data" / "vcn_drifting_gratings_pseudo_population.nwb"
    with np.load(file.with_name("vcn_drifting_gratings_pseudo_population_truth.npz")) as stored:
        truth = {name: stored[name] for name in stored.files}
    good("count", file, "--stimulus", "drifting_gratings", "--edges", "0,0.1", "-o", "x.npz")
    with np.load("x.npz") as z:
        np.testing.assert_array_equal(z["counts"][:, 0], truth[next(k for k in truth if truth[k].ndim == 2)])


def test_real_epochs(shared: Path, here: Path) -> None:
    file = shared / "data" / "neuropixels_A8604-211122.nwb"
    good("count", file, "--intervals", "epochs", "--bin", "0.05", "-o", "x.npz")
    edges = np.arange(21751) * 0.05
    with nwbin.File(file) as f, np.load("x.npz") as z:
        assert z["counts"].shape == (21750, 3)
        for column, (_, spikes) in enumerate(f.spike_trains().items()):
            whole = np.histogram(spikes[spikes < edges[-1]], edges)[0]
            np.testing.assert_array_equal(z["counts"][:, column], whole)
    assert "epochs" in good("info", file)


def test_real_file_that_was_cut(shared: Path, here: Path) -> None:
    file = shared / "data" / "vcn_760693773_first_10_rows.nwb"
    text = good("info", file)
    assert "760693773" in text
    assert "note: spike times cannot be read" in text
    assert "drifting_gratings" in good("stimuli", file)
    line = bad("count", file, "--stimulus", "flashes", "--window", "0,0.1", "-o", "x.npz")
    assert "units/spike_times_index[0] is 32415" in line
    assert list(here.iterdir()) == []
