"""What a newcomer writes first: other names for areas and columns, no window, no output; and what is said of it."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import warnings
from pathlib import Path

import pytest
import typer

import nwbin
from nwbin.binning import bin_edges
from nwbin.cli import app
from nwbin.cli._app import Program, _in_options, _said_of
from nwbin.cli._choosing import PresentationOptions, UnitOptions
from nwbin.cli._chosen import chosen_from
from nwbin.cli.demo import _show_next
from nwbin.cli.download import _together
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.responses.structure_names import acronym_of
from nwbin.tables.conditions import column_meant
from tests.cli.asking import NWBIN, bad, good, run

KNOWN = ["APN", "CA1", "LGd", "LGv", "LP", "VISal", "VISam", "VISl", "VISp", "VISpm", "VISrl"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("V1", ["VISp"]), ("LM", ["VISl"]), ("RL", ["VISrl"]), ("AL", ["VISal"]), ("PM", ["VISpm"]), ("AM", ["VISam"]),
        ("HPC", ["CA1"]), ("hippocampus", ["CA1"]), ("thalamus", ["LGd", "LGv", "LP"]), ("SC", []),
        ("LGN", ["LGd", "LGv"]), ("dLGN", ["LGd"]), ("lp", ["LP"]), ("ca-1", ["CA1"]), ("v1", ["VISp"]),
        ("primary_visual_cortex", ["VISp"]), ("pretectum", ["APN"]), ("VISp", ["VISp"]), ("dentate gyrus", []),
        ("M1", []), ("", []), (3, []),
    ],
)  # fmt: skip
def test_areas_go_by_other_names(name: object, meant: list[str]) -> None:
    assert acronym_of(name, KNOWN) == meant


def test_part_of_a_name_is_understood_where_few_have_it() -> None:
    assert nearest("structure", ["snr", "structure_acronym"]) == "did you mean 'structure_acronym'?"
    assert nearest("gratings", ["flashes", "drifting_gratings", "static_gratings"]) == (
        "did you mean 'drifting_gratings' or 'static_gratings'?"
    )
    assert nearest("movie", [f"a_long_movie_about_{k}" for k in range(9)]).startswith(
        "there are: a_long_movie_about_0"
    )
    assert nearest("is", ["what_is_there"]) == "there are: what_is_there"
    assert column_meant("area", ["snr", "location"]) == "location"
    assert column_meant("snr", ["snr"]) == "snr"
    assert column_meant("area", ["snr"]) is None


def test_messages_say_what_areas_and_columns_are_called(tiny: Path, here: Path) -> None:
    flashes = ["psth", tiny, "--stimulus", "flashes", "-o", "rates.csv"]
    assert bad(*flashes, "--structures", "V1").endswith("none of its units is in 'V1'; V1 is VISp here")
    for asked in ("structure == 'VISp'", "area == 'VISp'"):
        assert "did you mean 'structure_acronym'?" in bad(*flashes, "--units", asked)
    said = bad(*flashes, "--where", "structure == 'VISp'")
    assert said.endswith("'structure_acronym' is a column of units: --units")
    assert bad(*flashes, "--units", "color == 1").endswith("'color' is a column of presentations: --where")
    assert "; V1 is VISp here" in bad(*flashes, "--units", "structure_acronym == 'V1'")
    assert bad("units", tiny, "--units", "color == 1").endswith("'color' is a column of presentations")
    assert not list(here.iterdir())


def test_a_session_says_the_same(tiny: Path) -> None:
    with nwbin.open(tiny) as session:
        with pytest.raises(
            LookupFailure, match=r"V1 is VISp here; for .*units\.structure_acronym == 'VISp'\]"
        ):
            session.psth("flashes", "V1")
        several = acronym_of("visual cortex", set(session.units["structure_acronym"]))
        assert len(several) > 1
        with pytest.raises(LookupFailure, match=re.escape(f"units.structure_acronym.isin({several!r})]")):
            session.psth("flashes", "visual cortex")
        meant = r"is a column of units: unit_ids=session\.select\(units=\.\.\.\)\.units$"
        with pytest.raises(LookupFailure, match=meant):
            session.psth("flashes", where="snr > 2")
        session.psth("flashes", unit_ids=session.select(units="snr > 2").units)
        with pytest.raises(LookupFailure, match="is a column of units: units="):
            len(session.select("flashes", presentations="snr > 2").presentations)
        with pytest.raises(LookupFailure, match="is a column of presentations: presentations="):
            len(session.select("flashes", units="color > 2").units)


def test_misspelt_arguments_of_methods_name_the_right_one(tiny: Path) -> None:
    with nwbin.open(tiny) as session:
        for ask in (session.psth, session.tuning, session.presentationwise_spike_counts):
            with pytest.raises(ArgumentTypeError, match="'units'; did you mean 'unit_ids'") as caught:
                ask("flashes", units=[1])  # type: ignore[call-arg, operator]
            assert caught.value.__suppress_context__
        with pytest.raises(TypeError) as other:  # of something else, as Python says it
            session.psth("flashes", where="color == 1", edges=object())  # type: ignore[arg-type]
        assert "keyword" not in str(other.value)


def test_metrics_are_printed_too(tiny: Path, here: Path) -> None:
    asked = ["metrics", tiny, "--quality", "--structures", "VISp"]
    rows = json.loads(run(*asked, "--json").stdout)
    good(*asked, "-o", "quality.json")
    assert rows == json.loads(Path("quality.json").read_text())
    assert rows
    assert {"unit_id", "session_id", "isi_violations"} <= set(rows[0])
    good(*asked, "-o", "quality.csv")
    assert run(*asked, "-o", "-").stdout == Path("quality.csv").read_text()
    both = json.loads(run(*asked, "--json", "--against", "quality.csv").stdout)
    assert both["units"] == rows
    assert both["against"]
    assert "where to? Give -o metrics.csv" in bad(*asked)
    assert "both write to standard output" in bad(*asked, "--json", "-o", "-")
    assert "both write to standard output" in bad(*asked, "-o", "-", "--against", "quality.csv")
    (here / "many").mkdir()
    assert "metrics of a folder need a file" in bad("metrics", "many", "--json")


def test_a_bound_of_nothing_is_said_to_be_none(tiny: Path) -> None:
    said = good("units", tiny, "--isi-violations-maximum", 0)
    assert "note: --isi-violations-maximum 0 sets no bound, as in AllenSDK" in said
    exact = re.search(r"--units '(.*?)'", said)
    assert exact
    assert exact[1] == "isi_violations == 0"
    assert "sets no bound" not in good("units", tiny, "--presence-ratio-minimum", 0)


@pytest.mark.filterwarnings("error::nwbin.errors.OverlapWarning")
def test_windows_that_nobody_chose_are_not_spoken_of(tiny: Path, here: Path) -> None:
    gratings = ["--stimulus", "static_gratings", "--structures", "VISp"]
    assert "overlap for" not in good("psth", tiny, *gratings, "-o", "rates.csv")
    assert "overlap for" in good("psth", tiny, *gratings, "--window", "0,0.4", "-o", "rates.csv")
    with nwbin.open(tiny) as session:
        session.psth("static_gratings")
        session.tuning("static_gratings", resamples=0)
        session.fano_factor("static_gratings", by="orientation")
        with pytest.raises(nwbin.errors.OverlapWarning):
            session.psth("static_gratings", window=(0, 0.4))


def test_downloads_that_fail_alike_are_one_line() -> None:
    down = "the connection to the server fails (5 tries); check the network, and the server's name"
    failed = {f"s3://bucket/folder/{name}": f"s3://bucket/folder/{name}: {down}" for name in "abcdef"}
    failed["s3://bucket/folder/g"] = "s3://bucket/folder/g: is not there"
    failed["https://host/x.nwb"] = f"https://host/x.nwb: {down}"
    failed["https://host/y.nwb"] = "/here/y.nwb: is left alone"
    lines = _together(failed)
    assert len(lines) == 4
    assert lines[0].startswith(f"s3://bucket: {down} (6 files: a, b, c, d, … (2 more)); ")
    assert lines[1:] == list(failed.values())[6:]


@pytest.mark.parametrize("file", [None, Path("my session.nwb"), "https://me:secret@host/x.nwb?signature=s"])
def test_the_demo_says_what_next(file: Path | str | None, capsys: pytest.CaptureFixture[str]) -> None:
    _show_next(file, "static_gratings")
    said = capsys.readouterr().out
    name = (
        "session.nwb"
        if file is None
        else "https://host/x.nwb"
        if isinstance(file, str)
        else "'my session.nwb'"
    )
    assert f"nwbin report {name} -o report.html" in said
    assert "secret" not in said
    assert ("--keep" in said) == (file is None)


@pytest.mark.parametrize(("window", "width"), [((0, 1e300), 0.1), ((0, 1), 1e-12), ((0, 1e300), 1e-300)])
def test_bins_beyond_all_number_are_refused(window: tuple[float, float], width: float) -> None:
    with pytest.raises(ArgumentError, match="is more than 100,000,000 bins of"):
        bin_edges(None, window, width)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110 - a device
def test_a_full_disk_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*NWBIN, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output cannot be written to: No space left on device; ")
    assert "Traceback" not in done.stderr


def test_other_failures_of_the_system_are_not_taken_for_a_full_disk() -> None:
    assert (
        _said_of(OSError(errno.EMFILE, "Too many open files"))
        == f"[Errno {errno.EMFILE}] Too many open files"
    )


def test_windows_in_milliseconds_are_spoken_of_before_anything_is_drawn(tiny: Path) -> None:
    flashes, every_unit = PresentationOptions(["flashes"]), UnitOptions(everything=True)
    with chosen_from(tiny, flashes, every_unit) as chosen:
        with pytest.warns(nwbin.NwbinWarning, match="the window is 250 s long and the longest presentation"):
            chosen.warn_of("raster", (0.0, 250.0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nwbin.errors.InvalidSpikesWarning)
            chosen.warn_of("raster", (0.0, 0.25))


def test_advice_about_a_type_is_an_option(tiny: Path, here: Path) -> None:
    asked = ["count", tiny, "--stimulus", "flashes", "--window", "0,1000", "--dtype", "uint8"]
    said = bad(*asked, "-o", "counts.npz")
    advised = re.search(r"; (--dtype \w+) holds every count", said)
    assert advised, said
    good(*asked[:-2], *advised[1].split(), "-o", "counts.npz")


def test_advice_about_a_convention_is_an_option(tiny: Path, here: Path) -> None:
    asked = ["metrics", tiny, "--stimulus", "--stimuli", "natural_movie_one", "-o", "x.csv"]
    said = bad(*asked, "--convention", "allen")
    assert "movies: --convention corrected has them" in said


@pytest.mark.parametrize(
    ("command", "said", "shown"),
    [
        ("count", "dtype='uint32' holds it", "--dtype uint32 holds it"),
        ("metrics", "dtype='uint32' holds it", None),  # it has no such option
        ("metrics", "another path, or overwrite=True", "another path, or --overwrite"),
        ("psth", "another path, or overwrite=True", None),
        ("download", "over it with overwrite=True (--overwrite)", None),  # is said already
        ("count", "which overwrite=True, or --overwrite, replaces", None),
        ("count", "/data/dtype='uint32'/x.nwb: no such file", None),
        ("count", "units='VISp' and structures='VISp'", None),  # somebody's condition
    ],
)
def test_advice_names_options_that_the_command_has(command: str, said: str, shown: str | None) -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, Program)
    assert _in_options(said, program.commands[command]) == (shown or said)


def test_numbers_and_columns_that_are_none_are_refused_in_words(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        for width in (0, -1, float("nan"), float("inf")):
            with pytest.raises(ArgumentError, match="the width of a bin must be more than 0 s"):
                session.psth("flashes", bin_width=width)
        with pytest.raises(ArgumentTypeError, match="a number of seconds, not 'a'"):
            session.psth("flashes", bin_width="a")  # type: ignore[arg-type]
        with pytest.raises(
            ArgumentTypeError, match="by must name a column of the presentations, or several, not 3"
        ):
            session.psth("flashes", by=3)  # type: ignore[arg-type]
        with pytest.raises(
            ArgumentTypeError, match="by must name a column"
        ):  # gone when it is looked at again
            session.psth("flashes", by=iter(["color"]))  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=r"table must be a pandas\.DataFrame, not NoneType"):
        nwbin.export.write_table(None, "table.csv")  # type: ignore[arg-type]
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("line", "advised"),
    [
        ("metrics a.nwb --stimulus gabors -o x.csv", "stimuli are named by --stimuli gabors "),
        (
            "metrics a.nwb --stimulus gabors flashes -o x.csv",
            "stimuli are named by --stimuli gabors,flashes ",
        ),
        ("psth a.nwb flashes", "a stimulus is named by --stimulus flashes "),
        ("raster a.nwb flashes,gabors", "is named by --stimulus flashes --stimulus gabors "),
        (
            "info a.nwb b.nwb c.nwb",
            "nwbin info takes one file, or a folder: for several files give the folder",
        ),
        ("info a.nwb s3://bucket/b", "takes one file, or a folder: for several"),
        ("metrics a.nwb b.nwb -o x.csv", "run it once for each file, with an -o of its own (see"),
        ("psth a.nwb b.nwb --stimulus flashes", "nwbin psth takes one file: run it once for each file (see"),
        ("psth a.nwb there", "nwbin psth takes one file"),  # a file of that name
        (
            "info a.nwb flashes",
            "argument(s) (flashes) (see: nwbin info --help)",
        ),  # nothing is known to be meant
    ],
)
def test_words_too_many_are_taken_for_stimuli_or_files(here: Path, line: str, advised: str) -> None:
    (here / "there").touch()
    said = " ".join(bad(*line.split()).split())
    assert advised in said.replace("argument (", "argument(s) ("), said


@pytest.mark.parametrize("command", ["psth", "raster"])
def test_one_column_to_go_by(tiny: Path, here: Path, command: str) -> None:
    said = bad(command, tiny, "--stimulus", "flashes", "--by", "color,contrast", "-o", "x.png")
    assert (
        "--by color,contrast: takes one column here; in Python session.psth(..., by=['color', 'contrast'])"
        in said
    )


def test_counts_are_not_printed(tiny: Path, here: Path) -> None:
    for source in (tiny, here):
        said = bad("count", source, "--stimulus", "flashes", "--window", "0,0.1", "-o", "-")
        assert "-o -: counts go to a file, whole or not at all: -o counts.csv" in said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ["demo"],
            "demo needs sklearn and matplotlib, which are not installed: pip install 'nwbin[decode,plot]'",
        ),
        (
            ["report", "x.nwb"],
            "needs jinja2 and matplotlib, which are not installed: pip install 'nwbin[report]'",
        ),
    ],
)
def test_all_that_a_command_lacks_is_named_at_once(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], said: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert said in bad(*command)
