"""What programs and pipes get: JSON, numbers, colors or none, completion, closed pipes, notes once."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

import nwbin
from nwbin.cli import app
from nwbin.cli._app import Program
from nwbin.testing import write_session
from tests.cli.asking import NWBIN, bad, good, on_a_terminal, run
from tests.small_files import write_small


def test_the_version_is_short(here: Path) -> None:
    assert good("-V") == good("--version") == f"nwbin {nwbin.__version__}\n"


def test_json_of_every_command(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        units, names = session.units, session.stimulus_names
        shown = session.get_stimulus_table("flashes")
    found = json.loads(good("units", tiny, "--json"))
    assert [one["unit_id"] for one in found] == units.index.tolist()
    given = np.asarray([one["snr"] for one in found], dtype=np.float64)
    np.testing.assert_array_equal(given, units["snr"])  # to the last bit; null where there is none
    assert set(found[0]) == {"unit_id", *units.columns}
    assert [one["stimulus"] for one in json.loads(good("stimuli", tiny, "--json"))] == names
    rows = json.loads(good("stimuli", tiny, "flashes", "--json", "--columns", "color,start_time"))
    assert [one["start_time"] for one in rows] == shown["start_time"].tolist()
    said = json.loads(good("units", tiny, "-o", "u.csv", "--json"))
    assert said == {"output": "u.csv", "replaced": False, "bytes": Path("u.csv").stat().st_size, "rows": len(units),
                    "columns": units.columns.tolist()}  # fmt: skip
    count = ["count", tiny, "--stimulus", "flashes", "--window", "0,0.1", "--json", "-o", "x.npz"]
    said = json.loads(good(*count))
    assert (said["shape"], said["closed"], said["replaced"]) == ([len(shown), 1, len(units)], "both", False)
    assert json.loads(good(*count))["replaced"] is True
    said = json.loads(good("psth", tiny, "--stimulus", "flashes", "--by", "color", "--json", "-o", "p.csv"))
    assert (said["conditions"], sum(said["presentations"])) == ([-1.0, 1.0], len(shown))
    for command in (["units", tiny], ["stimuli", tiny], ["psth", tiny, "--stimulus", "flashes"]):
        assert "--json and -o -" in bad(*command, "--json", "-o", "-")


def test_json_of_the_demo(tiny: Path, here: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    said = json.loads(good("demo", tiny, "--json", "-o", "x.png"))
    assert said["accuracy"] == pytest.approx(np.mean(said["folds"]))
    assert (said["label"], said["output"]) == ("orientation", "x.png")


def _told(*args: object) -> tuple[int, list[dict[str, dict[str, str]]]]:
    """The exit code, and what is on stderr, line by line."""
    result = run(*args)
    return result.exit_code, [json.loads(line) for line in result.stderr.splitlines()]


def test_errors_of_every_command_are_json_too(tiny: Path, here: Path) -> None:
    more = dict.fromkeys(("demo", "overview", "raster", "rf", "psth"), "-o x.png")
    more |= {
        "count": "-o x.npz --stimulus flashes --window 0,0.1",
        "report": "-o x.html",
        "metrics": "-o x.csv",
        "tuning": "-o x.png --by color",
    }
    commands = sorted(get_command(app).commands)  # type: ignore[attr-defined]
    for name in set(commands) - {"cache", "download", "index"}:  # these take no file
        code, lines = _told(name, "nowhere.nwb", *more.get(name, "").split(), "--json")
        assert (code, len(lines), list(lines[0])) == (2, 1, ["error"]), name
        assert lines[0]["error"]["kind"] == "MissingFileError", name
        assert "nowhere.nwb" in lines[0]["error"]["message"]
    for name in commands:  # lines that are not understood, before or after --json
        for line in (["--json", "--bad-option"], ["--bad-option", "--json"]):
            code, lines = _told(name, *line)
            assert (code, lines[0]["error"]["kind"]) == (2, "UsageError"), name
    assert bad("info", "nowhere.nwb").startswith("error: nowhere.nwb: ")  # and text again without it
    assert run("info", "--", "--json").stderr.startswith("error: --json: ")  # a file of that name


def test_ctrl_c_is_said_however_early(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    said = {"error": {"kind": "KeyboardInterrupt", "message": "interrupted"}}
    for method in ("make_context", "resolve_command"):  # the line is being understood; a command was found
        with monkeypatch.context() as patch:
            patch.setattr(Program, method, stop)
            assert _told("info", "nowhere.nwb", "--json") == (130, [said]), method
            assert run("info", "nowhere.nwb").stderr == "nwbin: interrupted\n"


def test_errors_and_notes_say_what_kind_they_are(tiny: Path, here: Path) -> None:
    asked = ["units", tiny, "--units", "1,2", "--isi-violations-maximum", "0"]
    code, (note, error) = _told(*asked, "--json")
    assert (code, note["note"]["kind"], error["error"]["kind"]) == (2, "NwbinWarning", "LookupFailure")
    text = run(*asked).stderr
    assert text == f"note: {note['note']['message']}\nerror: {error['error']['message']}\n"
    code, (error,) = _told("psth", tiny, "--stimulus", "flahses", "--json", "-o", "x.png")
    assert (code, error["error"]["kind"]) == (2, "LookupFailure")
    Path("broken").mkdir()
    (here / "broken" / "a.nwb").write_bytes(b"no HDF5")
    code, (error,) = _told("info", "broken", "--json")
    assert (code, error["error"]["kind"]) == (2, "NwbinError")
    assert "a.nwb" in error["error"]["message"]


def test_json_of_a_folder(tiny: Path, here: Path) -> None:
    pytest.importorskip("zarr")
    (here / "data").mkdir()
    (here / "data" / "session_1.nwb").symlink_to(tiny)
    job = [
        "count",
        here / "data",
        "--stimulus",
        "flashes",
        "--window",
        "0,0.2",
        "--workers",
        1,
        "-o",
        "x.zarr",
    ]
    result = run(*job, "--json")
    said = json.loads(result.stdout)
    assert said["output"] == "x.zarr"
    assert [one["status"] for one in said["sessions"].values()] == ["done"]


def test_a_misspelt_stimulus_is_hinted_at_beside_a_broken_file(tiny: Path, here: Path) -> None:
    pytest.importorskip("zarr")
    (here / "data").mkdir()
    (here / "data" / "session_1.nwb").symlink_to(tiny)
    (here / "data" / "session_2.nwb").write_bytes(b"no HDF5")
    said = bad(
        "count", here / "data", "--stimulus", "flahses", "--window", "0,0.2", "--workers", 1, "-o", "x.zarr"
    )
    assert "1 of 2 sessions failed: " in said
    assert "did you mean 'flashes'?" in said
    assert [one.name for one in here.iterdir()] == ["data"]  # no empty store


def test_numbers_in_a_pipe_are_right_to_the_microsecond(tmp_path: Path) -> None:
    from nwbin.cli._console import column_text

    values = [0.1 + 0.2, 9364.123456789, 1.5, 2e-7, -0.0004, float("nan"), 1e20]
    assert column_text(values, whole=True) == ["0.3", "9364.123457", "1.5", "2e-07", "-0.0004", "", "1e+20"]
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=2)
    with h5py.File(path, "a") as f:
        f["units/isi_violations"][:3] = [1 / 3, 25.125, 0.00031]
        ids, stored = f["units/id"][:], f["units/isi_violations"][:]
    lines = good("units", path, "--all", "--columns", "isi_violations").splitlines()
    shown = {int(one): float(value) for one, value in map(str.split, lines[1:])}
    np.testing.assert_allclose([shown[int(one)] for one in ids], stored, rtol=5e-6)
    exact = good("units", path, "--all", "--columns", "isi_violations", "-o", "-").splitlines()[1:]
    assert {int(k): float(v) for k, v in (line.split(",") for line in exact)} == dict(
        zip(ids, stored, strict=True)
    )


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_any_command_quietly(tiny: Path) -> None:
    for command in (
        ["--help"],
        ["count", "--help"],
        ["info", tiny, "--json"],
        ["check", tiny],
        ["units", tiny],
    ):
        with subprocess.Popen(
            [*NWBIN, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 141


@pytest.mark.parametrize("command", ["--help", "units"])
@pytest.mark.slow
def test_no_color_means_none_on_a_terminal_either(tiny: Path, command: str) -> None:
    asked = [command] if command == "--help" else [command, str(tiny)]
    seen = [
        "\x1b[" in on_a_terminal(*asked, TERM="xterm-256color", COLUMNS="100", NO_COLOR=no_color)
        for no_color in ("", "1")
    ]
    assert seen == [True, False]


@pytest.mark.slow
def test_a_pipe_has_no_color(tiny: Path) -> None:
    # Not empty but absent: an older rich takes an empty FORCE_COLOR for a wish.
    environment = {name: text for name, text in os.environ.items() if name != "FORCE_COLOR"}
    environment["TERM"] = "xterm-256color"
    for command in (["--help"], ["units", str(tiny)], ["info", str(tiny)], ["stimuli", str(tiny)]):
        done = subprocess.run([*NWBIN, *command], capture_output=True, env=environment)
        assert b"\x1b" not in done.stdout + done.stderr


def test_the_shell_completes_commands_and_options() -> None:
    program = "import sys\nfrom nwbin.cli import main\nsys.argv = ['nwbin']\nmain()\n"
    for words, at, expected in (("nwbin ra", 1, "raster"), ("nwbin psth --max", 2, "--max-panels")):
        environment = {
            **os.environ,
            "_NWBIN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }
        done = subprocess.run([NWBIN[0], "-c", program], capture_output=True, text=True, env=environment)
        assert done.stdout.split() == [expected], done.stderr
    assert "--install-completion" in good("--help")


def test_that_filters_do_not_apply_is_said_where_units_are_looked_at(tmp_path: Path, here: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    count = ["count", path, "--intervals", "trials", "--window", "0,1", "-o", "x.csv"]
    for command, expected in (
        (["info", path], True), (["units", path], True), (["stimuli", path], False), (count, False),
        ([*count, "--presence-ratio-minimum", "0.5"], True),
    ):  # fmt: skip
        assert ("has no columns for some unit filters" in good(*command)) is expected, command


def test_columns_of_lists_are_kept(tmp_path: Path, here: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as f:
        trials = f["intervals/trials"]
        text = h5py.string_dtype()
        for name, values, dtype in (("tags", ["a", "b", "c"], text), ("licks", [0.1, 0.2, 0.3], np.float64)):
            made = trials.create_dataset(name, data=np.asarray(values, dtype=object).astype(dtype))
            made.attrs.update(
                {"namespace": "hdmf-common", "neurodata_type": "VectorData", "description": "x"}
            )
            index = trials.create_dataset(f"{name}_index", data=np.asarray([2, 2, 3, 3], np.uint8))
            index.attrs.update(
                {"namespace": "hdmf-common", "neurodata_type": "VectorIndex", "description": "x"}
            )
            index.attrs["target"] = made.ref
        trials.attrs["colnames"] = [*trials.attrs["colnames"], "tags", "licks"]
    with nwbin.File(path) as file:
        trials = file.intervals["trials"]
        assert trials["tags"].tolist() == [["a", "b"], [], ["c"], []]
        assert trials["licks"].tolist() == [[0.1, 0.2], [], [0.3], []]
    good("stimuli", path, "trials", "-o", "t.csv")
    table = pd.read_csv("t.csv", keep_default_na=False)
    assert table["tags"].tolist() == ["a; b", "", "c", ""]
    assert table["licks"].tolist() == ["0.1; 0.2", "", "0.3", ""]
    for option in ("--intervals", "--stimulus"):
        good("count", path, option, "trials", "--window", "0,1", "-o", "c.csv")
        table = pd.read_csv("c.csv", keep_default_na=False)
        assert table["tags"].tolist() == ["a; b", "", "c", ""], option


@pytest.mark.slow
def test_the_size_of_a_long_text_is_told_before_it_is_written(
    tiny: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    job = ["count", tiny, "--stimulus", "drifting_gratings", "--window", "0,2", "--bin", "0.002"]
    assert "as text" not in good(*job, "-o", "x.csv")
    monkeypatch.setattr("nwbin.export.count_files._LARGE", 100_000)
    for layout in ("matrix", "long"):
        said = good(*job, "-o", "x.csv", "--format", layout, "--structures", "LGd")
        told = re.search(r"note: x.csv: .* as text will be about ([\d.]+) (k|M)B; .npz takes", said)
        assert told is not None
        size = float(told[1]) * {"k": 1e3, "M": 1e6}[told[2]]
        assert size == pytest.approx(Path("x.csv").stat().st_size, rel=0.2)
