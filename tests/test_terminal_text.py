"""What a file holds is shown, and never obeyed: by a terminal, by rich, by matplotlib."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import unicodedata
import warnings
from pathlib import Path

import h5py  # noqa: TID251 - these files are not written by nwbin
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import nwbin
from nwbin import errors
from nwbin._plain_console import PlainConsole
from nwbin._plain_text import printable
from nwbin.check import Finding, Report, check
from nwbin.cli import app
from nwbin.cli._app import say
from nwbin.cli._console import frame_table, text
from nwbin.dataset._run import _shown
from nwbin.dataset._task import Outcome
from nwbin.export import write_table
from nwbin.plot import plot_rates
from nwbin.responses.rate_tables import mean_rates
from tests.small_files import TEXT, write_small

CLI = Path(nwbin.__file__).parent / "cli"
EVIL = "a\x1b[31mb\x9b2J\r\x7f\b\u202ec\u200b\u2066[red]d[/][link=x]:cat:\n"
SHOWN = r"a\x1b[31mb\x9b2J\r\x7f\x08\u202ec\u200b\u2066[red]d[/][link=x]:cat:\n"
# Without what an HDF5 path cannot have.
NAME = EVIL.replace("/", "|")
NAME_SHOWN = SHOWN.replace("/", "|")


def obeyed(text: str) -> list[str]:
    """The characters of a text that are no part of lines of plain text."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [one for one in text if unicodedata.category(one) in bad and one != "\n"]


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_small(tmp_path_factory.mktemp("evil") / "evil\x1b[31m.nwb")
    with h5py.File(path, "r+") as f:
        for name in ("session_description", "general/session_id", "general/institution"):
            if name in f:
                del f[name]
            f[name] = EVIL
        f["general/subject/genotype"] = EVIL
        f["units"][f"{NAME}column"] = np.array([EVIL, "plain", ""], dtype=TEXT)
        f["units"].attrs["colnames"] = np.append(f["units"].attrs["colnames"], f"{NAME}column")
        f.attrs["nwb_version"] = f"2.6.0{EVIL}"
        f.copy("intervals/trials", f"intervals/{NAME}")
        f["acquisition/link"] = h5py.ExternalLink(EVIL, "/there")
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in args])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (EVIL, SHOWN),
        ("\x00\x1f\x7f\x80\x9f", r"\x00\x1f\x7f\x80\x9f"),
        ("\u2028\u2029\ufeff\u200d\xad", r"\u2028\u2029\ufeff\u200d\xad"),
        ("\U000e0041", r"\U000e0041"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_obeyed_or_unseen_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["", "VISp", "µV, 90°", "naïve cafe\u0301", "神経", "שלום", "🐭\ufe0f", "\u3000", "\ue000"]
)
def test_letters_marks_and_symbols_stay(text: str) -> None:
    assert printable(text) == text


def test_what_is_kept_stays() -> None:
    assert printable("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


@pytest.mark.parametrize(
    "kind",
    [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.NwbinError)],
)
def test_messages_of_errors_are_plain(kind: type[errors.NwbinError]) -> None:
    error = kind(f"{EVIL} is not there;\n\tdo this")
    assert str(error) == f"{SHOWN[:-2]}\n is not there;\n\tdo this"
    assert not obeyed(repr(error))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))
    assert str(kind()) in ("", "[Errno None] None")


def test_nearest_names_are_plain() -> None:
    assert errors.nearest(5, [NAME]) == f"there are: {NAME_SHOWN}"
    assert not obeyed(errors.nearest(NAME[:-1], [NAME]))


def test_warnings_are_plain() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.warn(EVIL)
        warnings.warn(EVIL, nwbin.NwbinWarning, stacklevel=1)
    assert [str(one.message) for one in caught] == [f"{SHOWN[:-2]}\n"] * 2


def test_reprs_are_plain(evil: Path) -> None:
    with nwbin.open(evil, filter_by_metrics=False) as session:
        shown = [repr(session), repr(session.file), repr(session.file.intervals)]
    assert NAME_SHOWN in shown[2]
    assert not any(map(obeyed, shown))
    assert not any("\n" in one for one in shown)


@pytest.mark.parametrize(
    "line",
    [
        "info FILE", "info FOLDER", "info FILE --json", "units FILE --all --columns COLUMN", "units FILE --all -o -",
        "check FILE", "check FOLDER", "check FILE --json", "stimuli FILE", "stimuli FILE -o -", "stimuli FILE nope",
        "units FILE --all --columns nope", "units FILE --all --where nope==1", "units FILE --all -o OUT.json",
        "count FILE --all --intervals nope --window 0,1 -o OUT.npz",
        "count FILE --all --intervals trials --window 0,1 -o OUT.npz",
        "psth FILE --all --intervals nope -o OUT.csv",
    ],
)  # fmt: skip
def test_nothing_of_a_file_reaches_the_terminal_as_it_is(line: str, evil: Path) -> None:
    meant = {"FILE": evil, "FOLDER": evil.parent, "OUT": evil.parent / "o\x1b[2J", "COLUMN": f"{NAME}column"}
    words = line.split()
    for name, thing in meant.items():
        words = [word.replace(name, str(thing)) for word in words]
    result = run(*words)
    assert result.exit_code in (0, 1, 2), result.exception
    assert not obeyed(result.output)
    assert r"\x1b" in result.output or "\\u001b" in result.output, "the test looks at nothing"


def test_markup_in_a_file_is_text(evil: Path) -> None:
    shown = run("info", evil).output
    assert f"session      {SHOWN}" in shown
    assert f"description  {SHOWN}" in shown
    assert SHOWN in run("units", evil, "--all", "--columns", f"{NAME}column").output


def test_json_holds_what_the_file_holds(evil: Path) -> None:
    assert json.loads(run("info", evil, "--json").stdout)["description"] == EVIL


def test_files_hold_what_the_file_holds(evil: Path, tmp_path: Path) -> None:
    for name in ("x.csv", "x.json"):
        assert run("units", evil, "--all", "-o", tmp_path / name).exit_code == 0
    column = f"{NAME}column"
    assert pd.read_csv(tmp_path / "x.csv")[column][0] == EVIL
    assert json.loads((tmp_path / "x.json").read_text())[0][column] == EVIL


def test_a_finding_is_one_line_and_names_the_file_once(tmp_path: Path) -> None:
    path = tmp_path / "no\x1b[31m.nwb"
    report = check(path)
    assert str(report).count("no\\x1b[31m.nwb") == 1 + report.findings[0].finding.count(".nwb")
    assert not report.findings[0].finding.startswith(str(tmp_path))
    assert not obeyed(str(report))


def test_on_a_terminal_only_our_own_colours() -> None:
    frame = pd.DataFrame({f"[red]{EVIL}": [EVIL, "x"], "n": [1, 2]}, index=pd.Index([EVIL, "[/]"], name=EVIL))
    file = io.StringIO()
    frame_table(frame, PlainConsole(file=file, force_terminal=True, width=300, height=50), for_all="-o x.csv")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue()).splitlines()
    assert not any(map(obeyed, lines))
    assert len(lines) == 3  # nothing in a cell ends a line
    assert len({len(line.rstrip()) for line in lines}) == 1  # widths are those of what is shown
    assert SHOWN in lines[1]


def test_all_output_goes_through_one_place() -> None:
    """Nothing prints by itself: rich's Console and typer's echo are behind _console, _plain_console and say."""
    for path in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            named = [one.name for one in node.names] if isinstance(node, ast.ImportFrom) else []
            if path.stem != "_plain_console":
                assert "Console" not in named or path.stem == "_console", path
                assert "from_markup" not in called, path
            if path.stem not in ("_console", "_app"):
                assert called not in ("typer.echo", "typer.secho", "print", "Console"), f"{path}: {called}"


@pytest.mark.parametrize("per_unit", [False, True])
def test_formulas_of_a_picture_are_text(per_unit: bool) -> None:
    trains = nwbin.SpikeTrains.from_dict({1: np.arange(0, 10, 0.1), 2: np.arange(0, 10, 0.07)})
    by = r"$\frac{$"  # which matplotlib would fail to read
    rows = pd.DataFrame({"start_time": np.arange(4.0), by: [f"{EVIL}$x^$", "$$", f"{EVIL}$x^$", "$$"]})
    rates = mean_rates(trains, rows, np.linspace(0, 1, 5), by=by)
    figure = plot_rates(rates, per_unit=per_unit, title=by)
    from matplotlib.text import Text

    figure.savefig(io.BytesIO(), format="svg")
    texts = [str(one.get_text()) for one in figure.findobj(Text)]
    assert not any(map(obeyed, texts))
    assert any(r"\$x^\$" in one for one in texts)


def test_a_table_on_the_disk_may_have_any_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [EVIL]})
    assert pd.read_csv(write_table(frame, tmp_path / "x.csv"))["x"][0] == EVIL


def test_a_line_of_our_own_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("note", f"{EVIL}b")  # a plain OSError's words, say
    assert capsys.readouterr().err == f"note: {SHOWN[:-2]} b\n"


def test_a_report_has_a_line_for_each_finding() -> None:
    report = Report(EVIL, (Finding("error", EVIL, EVIL, EVIL),), 1)
    assert not obeyed(str(report))
    assert len(str(report).splitlines()) == 2


def test_the_width_of_a_cell_is_that_of_what_is_shown() -> None:
    assert text(EVIL) == SHOWN


def test_a_failed_session_is_said_in_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    with _shown(True, "sessions") as show:
        show(1, 1, Outcome(EVIL, "failed", error=f"RuntimeError: {EVIL}"))
    shown = "".join(capsys.readouterr().err.split())
    assert f"failed{SHOWN}:RuntimeError:{SHOWN}" in shown
