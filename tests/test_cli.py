"""The command line: what each command prints and writes, and how it fails: one line, exit code 2, no traceback."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import nwbin
from nwbin.cli import app
from nwbin.testing import write_session
from tests.small_files import write_small

NWBIN = [sys.executable, "-m", "nwbin"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("cli") / "session.nwb", size="tiny", seed=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in args])


def good(*args: object) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.output


def bad(*args: object) -> str:
    """The one line that a failure prints."""
    result = run(*args)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.output.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1, result.output
    assert lines[0].startswith("error: ")
    return lines[0]


def naive(session: nwbin.Session, begin: Any, end: Any, units: Any, closed: str) -> np.ndarray:
    """Windows x units by searching each unit's spikes."""
    first, last = {"left": ("left", "left"), "right": ("right", "right"), "both": ("left", "right")}[closed]
    spikes = [session.file.spike_trains([unit])[unit] for unit in units]
    return np.stack(
        [np.searchsorted(t, end, last) - np.searchsorted(t, begin, first) for t in spikes], axis=-1
    )


# -------------------------------------------------------------------- the program


@pytest.mark.parametrize("command", ["demo", "info", "units", "stimuli", "count", "psth", "check"])
def test_help_has_an_example(command: str) -> None:
    text = good(command, "--help")
    assert re.search(rf"Examples?:\s+nwbin {command}", text), text
    # The first paragraph is wrapped; the others stand as they are, and are to fit a terminal of 80.
    said = next(one.callback.__doc__ for one in app.registered_commands if one.callback.__name__ == command)
    assert max(map(len, inspect.cleandoc(said).partition("\n\n")[2].splitlines())) <= 76


def examples() -> list[Any]:
    """The command lines in the help, but the demo's: those are tested by themselves."""
    found = []
    for one in app.registered_commands:
        said = inspect.cleandoc(one.callback.__doc__).partition("Examples:\n")[2].replace("\\\n", "")
        lines = [line.strip() for line in said.splitlines()]
        found += [line for line in lines if not line.startswith("nwbin demo")]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("example", examples())
def test_examples_work(tiny: Path, here: Path, example: str) -> None:
    if "other.nwb" in example:
        with h5py.File(write_small(here / "other.nwb"), "a") as f:
            f["intervals"].move("trials", "epochs")
    (here / "ecephys_cache_dir").mkdir()
    for name in ("session.nwb", "session_715093703.nwb", "ecephys_cache_dir/session_715093703.nwb"):
        shutil.copy(tiny, here / name)
    if ".zarr" in example:
        pytest.importorskip("zarr")
    _, *args = shlex.split(example)
    before = set(here.iterdir())
    said = good(*args[: args.index(">") if ">" in args else None])
    assert len(said.strip()) > 20
    out = args[args.index("-o") + 1] if "-o" in args else None
    assert set(here.iterdir()) - before == ({here / out} if out else set())
    if out:
        assert said.splitlines()[-1].startswith(f"{out}: ")
        size = sum(one.stat().st_size for one in [here / out, *(here / out).rglob("*")] if one.is_file())
        assert size > 100


def test_help_and_version() -> None:
    text = good("--help")
    assert all(command in text for command in ("demo", "info", "units", "stimuli", "count", "psth"))
    assert good("--version") == f"nwbin {nwbin.__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    heavy = ["numpy", "numba", "h5py", "pandas", "xarray", "pynwb", "matplotlib", "sklearn"]
    script = (
        "import sys\nfrom nwbin.cli import main\nsys.argv = ['nwbin', '--help']\n"
        f"try: main()\nexcept SystemExit: print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_usage_errors(tiny: Path, here: Path) -> None:
    assert "No such command 'cuont'" in bad("cuont")
    assert "No such option" in bad("units", tiny, "--nope")
    assert "Missing" in bad("count", tiny)
    assert "--threads" in bad("count", tiny, "-o", "x.npz", "--threads", "many")
    assert "nwbin count --help" in bad("count", tiny)


def test_file_errors(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("no HDF5")
    assert "no such file" in bad("info", tmp_path / "none.nwb")
    assert "is a folder" in bad("units", tmp_path)
    assert "text.nwb" in bad("info", tmp_path / "text.nwb")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    for args in (["--debug", "info", "none.nwb"], ["info", "none.nwb", "--debug"]):
        done = subprocess.run([*NWBIN, *args], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert "MissingFileError" in done.stderr


def test_exit_code_of_the_real_program(tiny: Path, tmp_path: Path) -> None:
    done = subprocess.run([*NWBIN, "stimuli", str(tiny), "flahes"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tiny}: has no stimulus 'flahes'; did you mean 'flashes'?\n"


def test_a_closed_pipe_is_quiet(tiny: Path) -> None:
    for command in (["stimuli", str(tiny), "natural_movie_one"], ["stimuli", str(tiny), "-o", "-"]):
        with subprocess.Popen([*NWBIN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 141


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(tiny: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    # Many minutes of work, were it not interrupted.
    command = [
        *NWBIN,
        "count",
        str(tiny),
        "--stimulus",
        "drifting_gratings",
        "--bin",
        "1e-5",
        "--window",
        "0,2",
    ]
    with subprocess.Popen(
        [*command, "-o", "x.csv"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 30
        while not any(p.name.startswith(".x.csv") for p in tmp_path.iterdir()):
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == code
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert errors.splitlines()[-1] == "nwbin: interrupted"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupted_within_source_text(tmp_path: Path) -> None:
    # As in the midst of Numba's templates: Python would end by the signal although it was caught.
    (tmp_path / "program.py").write_text(
        "import os, signal, sys\n"
        "import nwbin.cli._app as program\n"
        "@program.app.command()\n"
        "def work() -> None:\n"
        "    exec('os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(60)')\n"
        "sys.argv[1:] = ['work']\n"
        "program.main()\n"
    )
    command = [sys.executable, "-m", "program"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (130, "nwbin: interrupted\n")


def test_what_newcomers_write_is_answered(tiny: Path, here: Path) -> None:
    for width in ("0", "-1", "nan", "inf"):
        assert "--bin must be more than 0 s, not" in bad(
            "psth", tiny, "--stimulus", "flashes", "--bin", width
        )
    assert "--columns needs names" in bad("units", tiny, "--columns", " ")
    window = ("--window", "0,0.2", "-o", "x.npz")
    assert bad("count", tiny, "--stimulus", "flashes, gabors", *window).endswith(
        "has no stimulus 'flashes, gabors'; for several, write --stimulus flashes --stimulus gabors"
    )
    assert bad("count", tiny, "--intervals", "flashes", *window).endswith(
        "has no intervals table 'flashes'; it is a stimulus: --stimulus flashes"
    )
    store = bad("count", tiny, "--stimulus", "flashes", "--window", "0,0.2", "-o", "x.zarr")
    assert (
        "x.zarr: a Zarr store is for a folder of sessions; of a single file give a name in .npz, .nc" in store
    )
    job = ("count", tiny, "--stimulus", "flashes", "--window", "0,0.2")
    assert "--compress is for .npz; .csv is" in bad(*job, "--compress", "-o", "x.csv")
    good(*job, "--binarize", "-o", "x.nc")
    (here / "x.nc").unlink()
    assert "location" not in good("units", tiny).splitlines()[0]
    assert list(here.iterdir()) == []


def test_an_interrupted_folder_says_what_is_there(
    tiny: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(data: object, out: Path, *arguments: object, **more: object) -> None:
        (out / "session_1").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("nwbin.dataset.Dataset.spike_counts", stop)
    (here / "data").mkdir()
    (here / "data" / "session_1.nwb").symlink_to(tiny)
    result = run("count", here / "data", "--stimulus", "flashes", "--window", "0,0.2", "-o", "x.zarr")
    assert result.exit_code == 130
    said = ["note: x.zarr: has 1 session; the same command goes on from there", "nwbin: interrupted"]
    assert result.output.splitlines() == said


def test_text_that_is_no_utf_8_is_shown(tmp_path: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as file:
        for name, text in (
            ("session_description", b"caf\xe9"),
            ("units/quality", [b"good", b"caf\xe9", b"good"]),
        ):
            del file[name]
            file[name] = np.array(text, dtype=object).astype(h5py.string_dtype())
    for command in (["info"], ["units", "--all"], ["units", "--all", "-o", "-"]):
        done = subprocess.run([*NWBIN, *command, str(path)], capture_output=True, text=True)
        assert (done.returncode, done.stdout.count(r"caf\xe9")) == (0, 1), done.stderr


# -------------------------------------------------------------------- looking


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
    lines = good("units", tiny, "--where", condition, "--columns", "snr,firing_rate").splitlines()
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
    assert "no units" in good("units", tiny, "--where", "firing_rate > 1e6")


# -------------------------------------------------------------------- units by id


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
    for option in ("--units", "--where"):
        lines = good("units", tiny, option, how.format(*wanted)).splitlines()
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
    assert sorted(found["unit"].to_numpy().tolist()) == sorted(wanted)


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
    assert sorted(found["unit"].to_numpy().tolist()) == sorted(units)


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
    shown = good("units", tiny, "--where", f"unit_id == {out}")
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


def on_a_terminal(*args: str) -> list[str]:
    """What a terminal of 60 columns and 20 lines shows, without colours."""
    pty = pytest.importorskip("pty")
    outer, inner = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60", "LINES": "20", "TERM": "xterm"}
    with subprocess.Popen([*NWBIN, *args], stdout=inner, env=environment) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                part = os.read(outer, 4096)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(outer)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 20
    return lines


def test_a_terminal_shows_what_fits(tiny: Path) -> None:
    last = on_a_terminal("stimuli", str(tiny), "gabors")[-1]
    assert re.fullmatch(r"\.\.\. \d+ more rows, \d+ more columns; whole: -o table.csv", last)
    last = on_a_terminal("units", str(tiny), "--columns", "snr")[-1]
    assert re.fullmatch(r"\.\.\. \d+ more rows; whole: -o units.csv", last)
    # -o would write the presentations.
    last = on_a_terminal("stimuli", str(tiny))[-1]
    assert re.fullmatch(r"\.\.\. \d+ more columns?; whole: in a pipe, \| cat", last)


def test_numbers_of_a_column_have_the_same_decimals() -> None:
    from nwbin.cli._console import column_text

    assert column_text([13.47068, 130.23, float("nan"), 7.0]) == ["13.471", "130.230", "", "7.000"]
    assert column_text([22.5, 45.0, "null"]) == ["22.5", "45.0", "null"]
    assert column_text([0.8, 0.8]) == ["0.8", "0.8"]
    assert column_text([2.0, float("inf"), 4.0]) == ["2", "inf", "4"]
    assert column_text([1e-7, 0.5, 0.0]) == ["1e-07", "0.5", "0"]
    assert column_text(["a", None, 3]) == ["a", "", "3"]
    assert column_text([0.0004, 0.00012, 15.25, 0.0]) == ["0.0004", "0.00012", "15.250", "0"]


def test_a_pipe_gets_whole_numbers(tmp_path: Path) -> None:
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=2)
    with h5py.File(path, "a") as f:
        f["units/isi_violations"][:3] = [0.0004, 25.125, 0.00031]
        ids, stored = f["units/id"][:], f["units/isi_violations"][:]
    lines = good("units", path, "--all", "--columns", "isi_violations").splitlines()
    shown = dict(line.split() for line in lines[1:])
    assert {int(one): float(value) for one, value in shown.items()} == dict(zip(ids, stored, strict=True))


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


def test_a_psth_on_standard_output(tiny: Path, here: Path) -> None:
    asked = ["psth", tiny, "--stimulus", "flashes", "--by", "color", "-o"]
    shown = good(*asked, "-")
    good(*asked, "x.csv")
    assert shown == Path("x.csv").read_text()


def test_which_times_are_asked_for(tiny: Path, here: Path) -> None:
    said = bad("psth", tiny)
    assert "say which times: --stimulus NAME (spontaneous, gabors" in said
    assert "--intervals TABLE for another table (invalid_times)" in said
    assert "not both" in bad("psth", tiny, "--stimulus", "flashes", "--intervals", "invalid_times")


# -------------------------------------------------------------------- counting


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
        ([*asked, *window, "-o", "x.mat"], "ends in '.mat'"),
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
        ([*asked, "--window", "0,500", "--dtype", "uint8", "-o", "x.npz"], "dtype='uint"),
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
        assert [one.split(" overlap")[0] for one in found] == (
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


# -------------------------------------------------------------------- pictures


def test_psth(tiny: Path, here: Path) -> None:
    pytest.importorskip("matplotlib")
    asked = ["psth", tiny, "--stimulus", "flashes"]
    good(*asked, "--by", "color", "-o", "x.png")
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    good(*asked, "--per-unit", "--window", "-0.1,0.3", "-o", "units.png")
    good(*asked, "--by", "color", "--bin", "0.05", "--window", "-0.1,0.25", "--per-unit", "-o", "x.csv")
    with nwbin.open(tiny) as session:
        table = session.get_stimulus_table("flashes")
        onset = table["start_time"].to_numpy()[table["color"].to_numpy() == 1]
        edges = np.arange(-10, 26, 5) / 100
        domain = onset[:, None] + edges[None, :]
        counts = naive(session, domain[:, :-1], domain[:, 1:], session.units.index, "left")
    rates = pd.read_csv("x.csv")
    assert rates.columns.tolist() == ["color", "presentations", "time", "unit_id", "firing_rate"]
    assert rates["color"].unique().tolist() == [-1, 1]
    assert rates["time"].unique().tolist() == [-0.075, -0.025, 0.025, 0.075, 0.125, 0.175, 0.225]
    np.testing.assert_allclose(
        rates.loc[rates["color"] == 1, "firing_rate"], counts.mean(axis=0).reshape(-1) / 0.05
    )
    assert "ends in '.gif'" in bad(*asked, "-o", "x.gif")
    assert "no column 'colr'" in bad(*asked, "--by", "colr", "-o", "y.png")
    assert not Path("y.png").exists()


def test_demo_on_a_file(tiny: Path, here: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    text = good("demo", tiny, "-o", "x.png")
    for word in ("static_gratings", "in VISp", "accuracy", "chance", "x.png", "count spikes", "in all"):
        assert word in text
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    good("demo", tiny, "--stimulus", "drifting_gratings", "--window", "0,0.5", "-o", "y.svg")
    assert sorted(p.name for p in here.iterdir()) == ["x.png", "y.svg"]
    assert "no unit in 'VISx' passes" in bad("demo", tiny, "--structure", "VISx")
    assert "has several values" in bad("demo", tiny, "--stimulus", "spontaneous")
    assert "ends in '.bmp'" in bad("demo", tiny, "-o", "x.bmp")


def test_demo_without_a_file(here: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    text = good("demo", "--keep", "kept.nwb")
    found = re.search(r"accuracy\s+([\d.]+)%", text)
    assert found is not None
    assert float(found[1]) > 80
    assert sorted(p.name for p in here.iterdir()) == ["kept.nwb", "nwbin-demo.png"]


@pytest.mark.parametrize(("package", "extra"), [("sklearn", "decode"), ("matplotlib", "plot")])
def test_demo_says_what_to_install(
    here: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find_spec(name))
    assert f"pip install 'nwbin[{extra}]'" in bad("demo")
    assert list(here.iterdir()) == []


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
