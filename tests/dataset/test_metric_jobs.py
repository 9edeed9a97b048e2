"""Metrics of every session, as one table; taken up again where they were stopped."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

import nwbin
from nwbin.cli._folder import print_passed_over
from nwbin.dataset import OtherJobError, Results
from nwbin.dataset.unit_metrics import UnitMetrics
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.metrics.catalogue import entries_of
from nwbin.nwb import file as nwb_file
from nwbin.responses.selection import Selection
from tests.cli.asking import run as ask
from tests.dataset.jobs import IDS, OPEN

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


def test_quality_of_all_sessions(trees: dict[str, Path], tmp_path: Path) -> None:
    data = nwbin.Dataset(trees["allen"])
    found = data.quality_metrics(tmp_path / "quality", structures=["VISp", "VISam"], workers=0, **OPEN)
    assert not found.failed
    assert found.report["status"].tolist() == ["done"] * 3
    for one in IDS:
        with data.get_session_data(one, **OPEN) as session:
            units = session.units
            wanted = units.index[units["ecephys_structure_acronym"].isin(["VISp", "VISam"])]
            pd.testing.assert_frame_equal(found[one], session.quality_metrics(wanted))
    table = found.table()
    assert table.columns[0] == "session_id"
    assert table["session_id"].unique().tolist() == IDS
    assert table.index.name == "unit_id"
    assert table.index.is_unique
    pd.testing.assert_frame_equal(table.loc[found[IDS[1]].index].iloc[:, 1:], found[IDS[1]])
    again = data.quality_metrics(tmp_path / "quality", structures=["VISam", "VISp"], workers=0, **OPEN)
    assert again.report["status"].tolist() == ["kept"] * 3
    pd.testing.assert_frame_equal(again.table(), table)
    with pytest.raises(OtherJobError, match="quality 'allen' there, 'spikeinterface' now"):
        data.quality_metrics(
            tmp_path / "quality", structures=["VISam", "VISp"], convention="spikeinterface", workers=0, **OPEN
        )


@pytest.mark.usefixtures("workers_here")
def test_responses_of_all_sessions(trees: dict[str, Path]) -> None:
    pytest.importorskip("scipy")
    data = nwbin.Dataset(trees["folder"])
    units = [int(data.get_units(**OPEN).index[0]), *_units_of(data, IDS[2])[:2]]
    found = data.stimulus_metrics(["flashes", "static_gratings"], units=units, workers=1, **OPEN)
    assert "has no static_gratings" in found.report.loc[IDS[2], "notes"]
    table = found.table()
    assert sorted(table.index) == sorted(units)
    assert not entries_of(table.columns)[1]
    of_fc = table[table["session_id"] == IDS[2]]
    assert of_fc["pref_ori_sg"].isna().all()  # static gratings were not shown there
    assert of_fc["firing_rate_fl"].notna().all()
    with pytest.raises(ArgumentError, match="did you mean 'flashes'"):
        data.stimulus_metrics("flahses")
    with pytest.raises(ArgumentError, match="'alen' is not known"):
        data.stimulus_metrics(convention="alen")


def _units_of(data: nwbin.Dataset, session_id: int) -> list[int]:
    with data.get_session_data(session_id, **OPEN) as session:
        return [int(one) for one in session.units.index]


def test_only_tables_make_one_table(trees: dict[str, Path]) -> None:
    data = nwbin.Dataset(trees["folder"])
    with pytest.raises(ArgumentTypeError, match="of int, and no table"):
        data.map(len_of, sessions=IDS[0], workers=0).table()
    nothing = data.quality_metrics(units=[1], workers=0)
    assert len(nothing) == 0
    assert "has no unit 1" in nothing.passed_over[IDS[0]]
    assert nothing.table().empty


def len_of(session: nwbin.Session) -> int:
    return len(session.units)


# ---------------------------------------------------------------- the command


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    from nwbin.cli import app

    with pytest.raises(SystemExit) as ended:
        app(["metrics", *map(str, arguments), "--workers", "1"])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.mark.slow
def test_one_file_of_a_folder(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "quality.csv"
    code, said, _ = run(capsys, trees["dandi"], "--quality", "-o", out)
    found = pd.read_csv(out, index_col="unit_id")
    assert (code, said.splitlines()[0]) == (0, f"{trees['dandi']}: 3 sessions: 3 done")
    assert said.splitlines()[1] == f"{out}: 13 metrics of {len(found)} units"
    assert [one.name for one in tmp_path.iterdir()] == [out.name]  # nothing else is left
    expected = nwbin.Dataset(trees["dandi"]).quality_metrics(workers=0).table()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12, check_dtype=False, check_column_type=False)
    code, said, _ = run(
        capsys, trees["dandi"], "--quality", "-o", out, "--sessions", IDS[1], "--against", out
    )
    assert code == 0
    number = int((expected["session_id"] == IDS[1]).sum())
    assert f"{number} units of {number} in both; of 13 columns 13 agree in all of them" in said


def test_how_far_a_session_has_come(trees: dict[str, Path]) -> None:
    """Of both kinds at once it goes on from one to the other, and never back."""
    pytest.importorskip("scipy")
    heard: list[tuple[int, int]] = []
    chosen = Selection(structures="VISp")
    with nwbin.Dataset(trees["folder"]).get_session_data(IDS[0], **OPEN) as session:
        for work in (
            UnitMetrics(chosen, "allen", "corrected", ("fl", "sg")),
            UnitMetrics(chosen, "allen"),
            UnitMetrics(chosen, None, "corrected", ("fl",)),
        ):
            heard.clear()
            work.run(session, None, lambda done, total: heard.append((done, total)))
            assert len(heard) >= len(work.stimuli or ())
            assert heard == sorted(heard)
            assert heard[-1][0] == heard[-1][1]
            assert len({total for _, total in heard}) == 1


@pytest.mark.slow
def test_a_folder_for_programs(files: list[Path], tmp_path: Path) -> None:
    """And what a table of many sessions says of filters is what one of a single session says."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder, out = tmp_path / "data", tmp_path / "x.parquet"
    folder.mkdir()
    for one in files[:2]:
        (folder / one.name).symlink_to(one)
    said = {}
    for given in (folder, *sorted(folder.iterdir())):
        more = ["--workers", 1] if given == folder else []
        shown = ask(
            "metrics", given, "--quality", "-o", out, "--json", "--isi-violations-maximum", "0", *more
        )
        found = json.loads(shown.stdout)
        assert (found["output"], found["units"]) == (str(out), len(pd.read_parquet(out)))
        said[given] = json.loads(parquet.read_schema(out).metadata[b"nwbin"])["unit_filters"], found
    (applied, whole), *single = said.values()
    assert [one["status"] for one in whole["sessions"].values()] == ["done", "done"]
    assert all(one == applied for one, _ in single)
    assert "sessions" not in single[0][1]
    assert applied["quality"] == "good"


@pytest.mark.usefixtures("workers_here")
def test_no_file_is_opened_twice(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor at all, of a session whose part is there already: and what the table says of filters is the same."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder, out, opened, said = tmp_path / "data", tmp_path / "x.parquet", list[str](), []
    folder.mkdir()
    for one in files[:2]:
        (folder / one.name).symlink_to(one)
    (folder / "session_9.nwb").write_bytes(b"no HDF5")  # fails, so that the parts of the others are kept
    really = nwb_file.open_source

    def counted(source: Any, **options: Any) -> Any:
        opened.append(Path(source).name)
        return really(source, **options)

    monkeypatch.setattr(nwb_file, "open_source", counted)
    for expected in ([files[0].name, files[1].name, "session_9.nwb"], ["session_9.nwb"]):
        opened.clear()
        assert run(capsys, folder, "--quality", "-o", out)[0] == 2
        assert sorted(opened) == sorted(expected)
        said.append(json.loads(parquet.read_schema(out).metadata[b"nwbin"])["unit_filters"])
    assert said[0]["quality"] == "good"
    assert said[1] == said[0]


@pytest.mark.usefixtures("workers_here")
def test_a_session_that_fails(files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "data", tmp_path / "quality.csv"
    folder.mkdir()
    for one in files[:2]:
        (folder / one.name).write_bytes(one.read_bytes())
    (folder / "session_9.nwb").write_bytes(b"no HDF5")
    code, said, error = run(capsys, folder, "--quality", "-o", out)
    assert code == 2
    assert "3 sessions: 2 done, 1 failed" in said
    assert error.splitlines()[-1].startswith(
        "error: 1 of 3 sessions failed (the same command tries only them again)"
    )
    assert pd.read_csv(out)["session_id"].nunique() == 2
    parts = tmp_path / "quality.csv.sessions"
    assert len(list(parts.glob("session_*"))) == 2
    (folder / "session_9.nwb").unlink()
    code, said, _ = run(capsys, folder, "--quality", "-o", out)
    assert (code, "2 sessions: 2 there already" in said) == (0, True)
    assert not parts.exists()


@pytest.mark.usefixtures("workers_here")
def test_what_is_not_ours_stays(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, parts = tmp_path / "x.csv", tmp_path / "x.csv.sessions"
    one = ["--quality", "-o", out, "--sessions", IDS[0]]
    parts.mkdir()
    (parts / "notes.txt").write_text("mine")
    assert run(capsys, trees["folder"], *one)[0] == 0
    assert [one.name for one in parts.iterdir()] == ["notes.txt"]
    (parts / f"session_{IDS[0]}.npz").write_bytes(b"not a job's")
    code, _, error = run(capsys, trees["folder"], *one)
    assert code == 2
    assert "has no stamp of a job" in error
    assert (parts / f"session_{IDS[0]}.npz").read_bytes() == b"not a job's"


@pytest.mark.slow
def test_nothing_to_do_in_a_folder(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.csv"
    code, said, error = run(capsys, trees["folder"], "--quality", "-o", out, "--structures", "VISpp")
    assert (code, said) == (2, "")
    assert "no metrics of any of its 3 sessions" in error
    assert "did you mean" in error
    code, _, error = run(capsys, trees["folder"], "--quality", "-o", out, "--sessions", "session_type == 'x'")
    assert (code, "none of its 3 sessions meets" in error) == (2, True)
    code, _, error = run(
        capsys, trees["folder"], "--quality", "-o", out, "--units", "17", "--sessions", IDS[0]
    )
    assert (code, "no session has unit 17" in error) == (2, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no NWB files with units" in run(capsys, empty, "--quality", "-o", out)[2]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("x")] == []


def test_tables_of_other_kinds_of_sessions(trees: dict[str, Path], tmp_path: Path) -> None:
    """Columns that only some sessions have are missing in the others, truth values too."""
    data = nwbin.Dataset(trees["folder"])
    found = data.map(table_of_one_kind, workers=0).table()
    assert found["shown"].isna().tolist() == [False, False, True]
    assert found["shown"].tolist()[:2] == [True, True]
    assert found["session_id"].tolist() == IDS


def table_of_one_kind(session: nwbin.Session) -> pd.DataFrame:
    columns: dict[str, Any] = {"rate": [1.0]}
    if session.session_type == "brain_observatory_1.1":
        columns["shown"] = [True]
    return pd.DataFrame(columns, index=pd.Index([session.ecephys_session_id + 1], name="unit_id"))


@pytest.mark.usefixtures("workers_here")
def test_sessions_without_any_of_it_are_named(
    files: list[Path], trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with nwbin.open(files[0]) as session:
        unit = int(session.units.index[0])
    code, said, _ = run(capsys, trees["folder"], "--quality", "--units", unit, "-o", tmp_path / "x.csv")
    first, *named, last = said.splitlines()
    assert (code, first) == (0, f"{trees['folder']}: 3 sessions: 1 done, 2 without any of it")
    assert [line.split(":")[0].strip() for line in named] == [str(one) for one in IDS[1:]]
    assert all(f"has no unit {unit}" in line and ".nwb" not in line for line in named)
    assert last.startswith(str(tmp_path / "x.csv"))


def test_of_many_sessions_without_any_of_it_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    passed = {key: f"session_{key}.nwb: has no gabors" for key in range(9)}
    print_passed_over(cast(Results, SimpleNamespace(passed_over=passed)))
    said = capsys.readouterr().out.splitlines()
    assert said == [
        *(f"  {key}: has no gabors" for key in range(5)),
        "  and 4 sessions more; of each why: --json",
    ]
