"""What files hold, as a person or a program asks: info, units, stimuli; on a terminal and in a pipe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from tests.cli.asking import bad, good, on_a_terminal, run
from tests.small_files import write_small


def test_info(tiny: Path) -> None:
    found = json.loads(good("info", tiny, "--json"))
    with nwbin.open(tiny) as session:
        assert found["session_id"] == str(session.ecephys_session_id)
        assert found["session_type"] == "brain_observatory_1.1"
        assert found["units"]["all"] == len(session.file.unit_ids)
        assert found["units"]["passing"] == session.num_units
        assert found["units"]["by_structure"] == session.units["structure_acronym"].value_counts().to_dict()
        assert sum(found["units"]["all_by_structure"].values()) == len(session.file.unit_ids)
        assert found["units"]["spikes"] == sum(len(t) for t in session.file.spike_trains().values())
        counted = session.stimulus_presentations["stimulus_name"].value_counts().to_dict()
        assert {one["stimulus"]: one["presentations"] for one in found["stimuli"]} == counted
        assert [one["table"] for one in found["intervals"]] == ["invalid_times"]
    text = good("info", tiny)
    for word in ("brain_observatory_1.1", "VISp", "drifting_gratings", "invalid_times", "Mus musculus"):
        assert word in text


def test_info_of_a_folder(tiny: Path, tmp_path: Path) -> None:
    assert bad("info", tmp_path) == f"error: {tmp_path}: holds no .nwb files"
    cache = tmp_path / "cache" / "session_779316293"
    cache.mkdir(parents=True)
    (cache / "session_779316293.nwb").write_bytes(tiny.read_bytes())
    (cache / "probe_1_lfp.nwb").write_bytes(b"LFP")
    write_small(tmp_path / "cache" / "other.nwb")
    lines = good("info", cache.parent).splitlines()
    assert lines[0].startswith(f"{cache.parent}: an AllenSDK cache, 2 files and 1 LFP file beside them, ")
    assert [line.split() for line in lines[1:]] == [
        ["file", "size", "session", "units", "passing", "holds", "type", "LFP", "files"],
        ["other.nwb", *lines[2].split()[1:3], "s-1", "3", "1", "trials"],
        ["session_779316293/session_779316293.nwb", *lines[3].split()[1:3], "779316293", "34", "18", "8", "stimuli,",
         "invalid_times", "brain_observatory_1.1", "1"],
    ]  # fmt: skip
    (cache.parent / "manifest.json").write_text("{}")
    of_manifest = good("info", cache.parent / "manifest.json").splitlines()
    assert (of_manifest[0].split(": ")[1], of_manifest[1:]) == (lines[0].split(": ")[1], lines[1:])
    (cache.parent / "cut.nwb").write_bytes(tiny.read_bytes()[:300_000])
    (cache.parent / "text.nwb").write_text("no HDF5")
    result = run("info", cache.parent)
    assert result.exit_code == 2
    assert result.output.count("cannot be read\n") == 2
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in errors] == [
        f"{cache.parent}/{one}.nwb" for one in ("cut", "text")
    ]
    assert "is truncated" in errors[0]
    found = json.loads(run("info", cache.parent, "--json").stdout)
    assert [("error" in one, one["file"]) for one in found["files"]][:2] == [
        (True, "cut.nwb"),
        (False, "other.nwb"),
    ]


def test_units(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        truth = session.units
        everything = set(session.file.unit_ids.tolist())
    lines = good("units", tiny).splitlines()
    assert len(lines) == len(truth) + 1
    assert [int(line.split()[0]) for line in lines[1:]] == truth.index.tolist()
    assert all(line == line.rstrip() for line in lines)

    chosen = truth[(truth["structure_acronym"] == "VISp") & (truth["firing_rate"] > 3)]
    condition = "structure_acronym == 'VISp' and firing_rate > 3"
    lines = good("units", tiny, "--units", condition, "--columns", "snr,firing_rate").splitlines()
    assert lines[0].split() == ["unit_id", "snr", "firing_rate"]
    assert len(lines) == len(chosen) + 1 > 1

    assert good("units", tiny, "--all", "-o", "all.csv").startswith("all.csv: ")
    assert set(pd.read_csv("all.csv")["unit_id"]) == everything
    good("units", tiny, "--amplitude-cutoff-maximum", "0.01", "-o", "x.json")
    kept = truth.index[truth["amplitude_cutoff"] <= 0.01].tolist()
    assert [one["unit_id"] for one in json.loads(Path("x.json").read_text())] == kept
    assert good("units", tiny, "-o", "-").splitlines()[0].startswith("unit_id,")
    assert "no column 'snrr'; did you mean 'snr'" in bad("units", tiny, "--columns", "snrr")
    assert "ends in '.xlsx'" in bad("units", tiny, "-o", "x.xlsx")
    assert "no units" in good("units", tiny, "--units", "firing_rate > 1e6")


def test_stimuli(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        names = session.stimulus_names
        table = session.get_stimulus_table("drifting_gratings")
    lines = good("stimuli", tiny).splitlines()
    assert [line.split()[0] for line in lines[1:]] == names
    assert "orientation (8)" in next(line for line in lines if "drifting" in line)
    where = "orientation != 'null' and temporal_frequency >= 4"
    good("stimuli", tiny, "drifting_gratings", "--where", where, "-o", "x.csv")
    numbers = pd.to_numeric(table["temporal_frequency"], errors="coerce")
    chosen = table[(table["orientation"] != "null") & (numbers >= 4)]
    assert pd.read_csv("x.csv")["stimulus_presentation_id"].tolist() == chosen.index.tolist()
    assert len(good("stimuli", tiny, "drifting_gratings").splitlines()) == len(table) + 1


def lines_on_a_terminal(*args: str) -> list[str]:
    """What a terminal of 60 columns and 20 lines shows, without colours."""
    shown = on_a_terminal(*args, COLUMNS="60", LINES="20", TERM="xterm")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 20
    return lines


@pytest.mark.slow
def test_a_terminal_shows_what_fits(tiny: Path) -> None:
    last = lines_on_a_terminal("stimuli", str(tiny), "gabors")[-1]
    assert re.fullmatch(r"\.\.\. \d+ more rows, \d+ more columns; whole: -o table.csv", last)
    more, last = lines_on_a_terminal("units", str(tiny), "--columns", "snr")[-2:]
    assert re.fullmatch(r"\.\.\. \d+ more rows; whole: -o units.csv", more)
    assert last == "18 units that pass the default filters, of 34 in the file"
    # -o would write the presentations.
    last = lines_on_a_terminal("stimuli", str(tiny))[-1]
    assert re.fullmatch(r"\.\.\. \d+ more columns?; whole: in a pipe, \| cat", last)


def test_the_head_of_a_table_says_of_how_many_rows_it_is(tiny: Path, here: Path) -> None:
    units, whole = ("units", tiny, "--columns", "snr"), good("units", tiny, "--columns", "snr", "-o", "-")
    shown = run(*units, "--head", 2)
    assert len(shown.stdout.splitlines()) == 3
    assert shown.stderr == "note: the first 2 of 18 units that pass the default filters, of 34 in the file\n"
    assert run(*units, "--head", 18).stderr == run(*units).stderr == ""
    assert [one["snr"] for one in json.loads(run(*units, "--head", 2, "--json").stdout)] == [
        float(line.split(",")[1]) for line in whole.splitlines()[1:3]
    ]
    assert run(*units, "--head", 2, "-o", "-").stdout.splitlines() == whole.splitlines()[:3]
    assert run(*units, "--head", 2, "-o", "-").stderr == shown.stderr
    (note,) = json.loads(run(*units, "--head", 2, "--json").stderr).values()
    assert f"note: {note['message']}\n" == shown.stderr
    assert run(*units, "--head", 18, "--json").stderr == ""
    assert "x.csv gets the whole table" in bad(*units, "--head", 2, "-o", "x.csv")
    assert run("stimuli", tiny, "flashes", "--head", 3).stderr == "note: the first 3 of 10 presentations\n"
    stimuli = run("stimuli", tiny, "--head", 2)
    assert len(stimuli.stdout.splitlines()) == 3
    assert stimuli.stderr == f"note: the first 2 of {len(good('stimuli', tiny).splitlines()) - 1} stimuli\n"


def test_a_number_of_units_says_of_how_many(tiny: Path, here: Path) -> None:
    looser = ["--presence-ratio-minimum", "0.5"]
    for options, said in (
        (["--all"], "34 units of 34 in the file"),
        (["--structures", "VISp"], "9 units of 18 that pass the default filters (34 in the file)"),
        (looser, "20 units that pass the filters given, of 34 in the file"),
        ([*looser, "--structures", "VISp"], "10 units of 20 that pass the filters given (34 in the file)"),
    ):
        assert good("units", tiny, *options, "-o", "x.csv").endswith(f" columns of {said}\n")
        assert good("metrics", tiny, *options, "--quality", "-o", "x.csv").endswith(
            f" 13 metrics of {said}\n"
        )
        counted = good("count", tiny, *options, "--stimulus", "flashes", "--window", "0,1", "-o", "x.npz")
        assert counted.endswith(f", bins [a, b]; {said}\n")


def test_numbers_of_a_column_have_the_same_decimals() -> None:
    from nwbin.cli._console import column_text

    assert column_text([13.47068, 130.23, float("nan"), 7.0]) == ["13.471", "130.230", "", "7.000"]
    assert column_text([22.5, 45.0, "null"]) == ["22.5", "45.0", "null"]
    assert column_text([0.8, 0.8]) == ["0.8", "0.8"]
    assert column_text([2.0, float("inf"), 4.0]) == ["2", "inf", "4"]
    assert column_text([1e-7, 0.5, 0.0]) == ["1e-07", "0.5", "0"]
    assert column_text(["a", None, 3]) == ["a", "", "3"]
    assert column_text([0.0004, 0.00012, 15.25, 0.0]) == ["0.0004", "0.00012", "15.250", "0"]


def test_names_of_outputs_are_no_markup(tiny: Path, here: Path) -> None:
    assert good("units", tiny, "-o", "[bold]x.csv").startswith("[bold]x.csv: ")


def test_tables_without_times(tmp_path: Path, here: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as f:
        f["intervals/trials/stop_time"][:] = np.nan
    assert re.search(r"trials +4 +1 +0 +contrast \(2\)", good("stimuli", path))
    for window in ([], ["--window", "-0.4,1.5"]):
        assert "from -0.4 to 1.5 s" in good("psth", path, "--intervals", "trials", "-o", "x.csv", *window)
    with h5py.File(path, "a") as f:
        f["intervals/trials/start_time"][:] = np.nan
    asked = ["--window", "0,1", "-o", "x.csv"]
    assert "trials has no start_time" in bad("psth", path, "--stimulus", "trials", *asked)
    assert "no row of table 'trials' that" in bad("count", path, "--intervals", "trials", *asked)
