"""Text of a file that a spreadsheet would take for a formula is marked as text in CSV, and nowhere else."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - these files are not written by nwbin
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import nwbin
from nwbin.cli import app
from nwbin.export import write_counts, write_table
from nwbin.responses.counts import AlignedCounts
from tests.small_files import TEXT, write_small

FORMULAS = ["=1+1", "+A1", "-A1", "@sum", "\t=1", "\r=1", "\n=1", "=", "-1-1", "+1;2", "\uff0d1", "\uff1d1"]
HARMLESS = [
    "",
    "-1.0",
    "+3",
    "-1e-5",
    "-.5",
    "-inf",
    "+",
    "a=1",
    "VISp",
    " =1",
    "x\r=1",
    "x\n=1",
    "'=1",
    "1-1",
    "2020-01-02",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_small(tmp_path_factory.mktemp("formulas") / "small.nwb")
    with h5py.File(path, "r+") as f:
        f["units"]["=name"] = np.array(["=1+1", "-1.5", "@x"], dtype=TEXT)
        f["units"].attrs["colnames"] = np.append(f["units"].attrs["colnames"], "=name")
        trials = f["intervals/trials"]
        trials["@label"] = np.array(["-x"] * len(trials["id"]), dtype=TEXT)
        trials.attrs["colnames"] = np.append(trials.attrs["colnames"], "@label")
    return path


def run(*args: object) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in args])
    assert result.exit_code in (0, 2), result.exception
    return result


def read(path: Any) -> pd.DataFrame:
    """Every cell as it stands."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def written(path: Path, values: list[Any], **how: Any) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nwbin.NwbinWarning)
        found = read(write_table(pd.DataFrame({"x": values}), path, **how))
    return [str(one) for one in found["x"]]


def test_formulas_are_marked_and_other_text_stays(tmp_path: Path) -> None:
    found = written(tmp_path / "x.csv", FORMULAS + HARMLESS)
    assert found == [f"'{one}" for one in FORMULAS] + HARMLESS


def test_formulas_after_a_semicolon_are_marked(tmp_path: Path) -> None:
    given = ["x;=1+1", ";@a;-b", "=1;+2", "=1;+A1", "a;-5", "a;b=1", "a;;=1", "a;\t=1", "x, y;=1"]
    assert written(tmp_path / "x.csv", given) == [
        "x;'=1+1", ";'@a;'-b", "'=1;+2", "'=1;'+A1", "a;-5", "a;b=1", "a;;'=1", "a;'\t=1", "x, y;'=1",
    ]  # fmt: skip
    assert written(tmp_path / "x.csv", given, csv_as_is=True) == given
    with pytest.warns(nwbin.NwbinWarning, match="such as 'x;=1'"):
        write_table(pd.DataFrame({"x": ["x;=1"]}), tmp_path / "x.csv")


def test_a_sign_alone_stays(tmp_path: Path) -> None:
    assert written(tmp_path / "x.csv", ["-", "+", "x"]) == ["-", "+", "x"]


@pytest.mark.parametrize("values", [[-1.5, 2.0], [-1, 2], [True, False]])
def test_numbers_stay(values: list[Any], tmp_path: Path) -> None:
    assert written(tmp_path / "x.csv", values) == [str(one) for one in values]


def test_as_it_is(tmp_path: Path) -> None:
    assert written(tmp_path / "x.csv", ["=1+1", "@x"], csv_as_is=True) == ["=1+1", "@x"]
    assert written(tmp_path / "x.csv", ["=1+1", "@x"], csv_as_is=False) == ["'=1+1", "'@x"]


def test_names_of_columns_and_rows_are_marked(tmp_path: Path) -> None:
    frame = pd.DataFrame({"=a": [1, 2], "b": [3, 4]}, index=pd.Index(["-x", "y"], name="@id"))
    with pytest.warns(
        nwbin.NwbinWarning, match=r"x\.csv: 3 texts begin as a spreadsheet's formulas do, such as '-x'"
    ):
        write_table(frame, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().split() == ["'@id,'=a,b", "'-x,1,3", "y,2,4"]
    assert list(frame.columns) == ["=a", "b"], "the caller's own table was changed"


def test_other_formats_keep_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({"=x": ["=1+1"]})
    assert json.loads(write_table(frame, tmp_path / "x.json").read_text()) == [{"id": 0, "=x": "=1+1"}]
    assert pd.read_parquet(write_table(frame, tmp_path / "x.parquet"))["=x"].tolist() == ["=1+1"]


@pytest.mark.parametrize("layout", ["matrix", "long"])
def test_labels_of_counts(layout: str, tmp_path: Path) -> None:
    rows = pd.DataFrame({"start_time": [0.0, 1.0], "=what": ["=1", "ok"]})
    counts = AlignedCounts(nwbin.SpikeTrains.from_dict({3: [0.1], 4: [1.2, 1.3]}), rows, [0, 0.5, 1])
    with pytest.warns(nwbin.NwbinWarning, match="2 texts begin") as caught:
        write_counts(tmp_path / "x.csv", counts, layout=layout)
    assert len(caught) == 1
    found = read(tmp_path / "x.csv")
    assert set(found["'=what"]) == {"'=1", "ok"}
    write_counts(tmp_path / "y.csv", counts, layout=layout, csv_as_is=True)
    plain = read(tmp_path / "y.csv")
    assert set(plain["=what"]) == {"=1", "ok"}
    same = [name for name in plain.columns if name != "=what"]
    pd.testing.assert_frame_equal(found[same], plain[same])


@pytest.mark.parametrize(
    "line",
    [
        "units FILE --all -o OUT", "units FILE --all -o -", "stimuli FILE trials -o OUT", "stimuli FILE trials -o -",
        "count FILE --all --intervals trials --window 0,1 -o OUT",
        "psth FILE --all --intervals trials --by @label --window 0,1 --bin 0.5 -o OUT",
        "psth FILE --all --intervals trials --by @label --window 0,1 --bin 0.5 -o -",
    ],
)  # fmt: skip
def test_the_command_line_marks_says_it_once_and_can_be_told_not_to(
    line: str, small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    words = [{"FILE": small, "OUT": out}.get(word, word) for word in line.split()]
    for as_is, column, cells in ((False, "'@label", {"'-x"}), (True, "@label", {"-x"})):
        result = run(*words, *(["--csv-as-is"] if as_is else []))
        assert result.exit_code == 0, result.output
        found = read(io.StringIO(result.stdout) if "-" in words else out)
        if words[0] == "units":
            column = column.replace("@label", "=name")
            cells = {"=1+1", "-1.5", "@x"} if as_is else {"'=1+1", "-1.5", "'@x"}
        assert set(found[column]) == cells
        assert result.stderr.count("formulas") == (not as_is)


@pytest.mark.parametrize(
    "line",
    [
        "units FILE --all", "units FILE --all -o x.json", "stimuli FILE", "psth FILE --all --intervals trials -o x.png",
        "count FILE --all --intervals trials --window 0,1 -o x.npz",
    ],
)  # fmt: skip
def test_as_it_is_is_for_csv(line: str, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*line.replace("FILE", str(small)).split(), "--csv-as-is")
    assert result.exit_code == 2
    assert "error: --csv-as-is is for CSV" in result.stderr
    assert not list(tmp_path.iterdir())
