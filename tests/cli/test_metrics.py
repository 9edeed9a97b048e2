"""``nwbin metrics`` and ``nwbin units --describe``: into files, compared with published tables, in words."""

from __future__ import annotations

import json
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.metrics import catalogue
from nwbin.metrics.quality import QUALITY_COLUMNS
from tests.cli.asking import bad, good, run

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


@pytest.fixture(scope="module")
def truth(tiny: Path) -> pd.DataFrame:
    with nwbin.open(tiny) as session:
        return session.quality_metrics()


def test_into_a_file_of_each_kind(tiny: Path, here: Path, truth: pd.DataFrame) -> None:
    pytest.importorskip("pyarrow")
    for name, read in {"x.csv": pd.read_csv, "x.json": pd.read_json, "x.parquet": pd.read_parquet}.items():
        said = good("metrics", tiny, "--quality", "-o", here / name)
        of = f"{len(truth)} units that pass the default filters, of 34 in the file"
        assert said.splitlines()[-1] == f"{here / name}: 13 metrics of {of}"
        found = read(here / name).set_index("unit_id")
        assert found.index.tolist() == truth.index.tolist()
        assert found.pop("session_id").nunique() == 1
        pd.testing.assert_frame_equal(found, truth, rtol=1e-9, check_dtype=False, check_column_type=False)
    assert "(replaced): " in good("metrics", tiny, "--quality", "-o", here / "x.csv")
    assert sorted(one.name for one in here.iterdir()) == ["x.csv", "x.json", "x.parquet"]


def test_a_file_says_how_it_was_made(tiny: Path, here: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    good("metrics", tiny, "--quality", "--units", "firing_rate > 1", "-o", here / "x.parquet")
    how = json.loads(parquet.read_schema(here / "x.parquet").metadata[b"nwbin"])
    assert how["quality_convention"] == "allen"
    assert how["units"] == "firing_rate > 1"
    assert how["source_file"] == tiny.name
    assert how["unit_filters"]["isi_violations_maximum"] == 0.5
    assert "seed" not in how


def test_which_metrics_and_which_units(tiny: Path, here: Path, truth: pd.DataFrame) -> None:
    few = truth.index[[4, 1]].tolist()
    good(
        "metrics",
        tiny,
        "--quality",
        "--convention",
        "spikeinterface",
        "--units",
        f"{few[0]},{few[1]}",
        "-o",
        "x.csv",
    )
    found = pd.read_csv("x.csv")
    assert found["unit_id"].tolist() == few
    assert found.columns[2:].tolist() == list(QUALITY_COLUMNS["spikeinterface"])
    good("metrics", tiny, "--quality", "--all", "-o", "all.csv")
    with nwbin.File(tiny) as file:
        assert sorted(pd.read_csv("all.csv")["unit_id"]) == sorted(file.unit_ids.tolist())


def test_responses_and_both(tiny: Path, here: Path, truth: pd.DataFrame) -> None:
    pytest.importorskip("scipy")
    args = ["--stimuli", "flashes", "--units", str(truth.index[0]), "-o"]
    good("metrics", tiny, "--quality", *args, "both.csv")
    good("metrics", tiny, "--stimulus", *args, "flagged.csv")
    good("metrics", tiny, *args, "only.csv")  # who names stimuli asks for nothing of quality
    assert Path("flagged.csv").read_bytes() == Path("only.csv").read_bytes()
    both, only = pd.read_csv("both.csv"), pd.read_csv("only.csv")
    names = {one for one in catalogue().index if one.endswith("_fl")}
    assert set(only.columns) == {"unit_id", "session_id"} | names
    assert both.columns.tolist() == ["unit_id", "session_id", *truth.columns, *only.columns[2:]]
    with nwbin.open(tiny) as session:
        expected = session.stimulus_metrics("flashes", truth.index[:1])
    got = only.set_index("unit_id")[expected.columns]
    pd.testing.assert_frame_equal(got, expected, rtol=1e-9, check_dtype=False, check_column_type=False)
    allen = good(
        "metrics", tiny, "--stimulus", "--convention", "allen", *args, "allen.csv", "--against", "only.csv"
    )
    assert "1 unit of 1 in both; of 8 columns" in allen


def test_against_a_published_table(tiny: Path, here: Path, truth: pd.DataFrame) -> None:
    published = (
        truth.rename_axis("ecephys_unit_id").rename(columns={"waveform_PT_ratio": "PT_ratio"}).iloc[::-1]
    )
    published.loc[truth.index[2], "firing_rate"] *= 1.1
    published["isi_violations"] *= 1 + 1e-9
    published.iloc[1:].to_csv("published.csv")
    said = good("metrics", tiny, "--quality", "-o", "x.csv", "--against", "published.csv")
    lines = [line for line in said.splitlines() if not line.startswith("note: ")]
    units = len(truth) - 1
    assert lines[1] == (
        f"against published.csv: {units} units of {len(truth)} in both; of 13 columns 12 agree in all of them "
        "(close: within 1e-06 of the published value)"
    )
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    assert rows["column"] == [
        "units",
        "equal",
        "close",
        "differ",
        "missing",
        "largest_difference",
        "examples",
    ]
    assert rows["firing_rate"][:5] == [str(units), str(units - 1), "0", "1", "0"]
    assert rows["firing_rate"][-1] == str(truth.index[2])
    assert rows["waveform_PT_ratio"][1] == str(units)
    zero = int((truth["isi_violations"] == 0).sum())
    assert int(rows["isi_violations"][1]) + int(rows["isi_violations"][2]) == units
    assert int(rows["isi_violations"][2]) >= units - zero - 1
    loose = good(
        "metrics", tiny, "--quality", "-o", "x.csv", "--against", "published.csv", "--tolerance", "0.2"
    )
    assert "of 13 columns 13 agree in all of them (close: within 0.2" in loose
    published.reset_index().to_json("published.json", orient="records", double_precision=15)
    assert "of 13 columns" in good("metrics", tiny, "--quality", "-o", "x.csv", "--against", "published.json")


def test_json_for_programs(tiny: Path, here: Path, truth: pd.DataFrame) -> None:
    published = truth.rename_axis("ecephys_unit_id")
    published.loc[truth.index[2], "firing_rate"] *= 1.1
    published.to_csv("published.csv")
    result = run("metrics", tiny, "--quality", "-o", "x.csv", "--json", "--against", "published.csv")
    said = json.loads(result.stdout)
    assert (said["output"], said["replaced"], said["bytes"]) == ("x.csv", False, Path("x.csv").stat().st_size)
    assert (said["units"], said["metrics"]) == (len(truth), truth.columns.tolist())
    against = {one["column"]: one for one in said["against"]}
    assert list(against) == truth.columns.tolist()
    assert {one: found["differ"] for one, found in against.items() if found["differ"]} == {"firing_rate": 1}
    assert against["firing_rate"]["examples"] == str(truth.index[2])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["--stimuli", "dg", "--convention", "spikeinterface"],
            "is not one of these metrics: corrected, allen",
        ),
        (["--quality", "--convention", "corrected"], "is not one of these metrics: allen, spikeinterface"),
        (["--stimulus", "--convention", "spikeinterface"], "is not one of these metrics: corrected, allen"),
        (["--convention", "corected"], "did you mean 'corrected'?"),
        (["--stimuli", "flahses"], "did you mean 'flashes'?"),
        (["--stimuli", ","], "--stimuli needs names"),
        (["--units", "fring_rate > 1"], "did you mean 'firing_rate'?"),
        (["--units", "5"], "has no unit 5"),
        (["--structures", "VISpp"], "is in 'VISpp'"),
        (["--sessions", "5"], "--sessions is for a folder of sessions"),
        (["--against", "none.csv"], "none.csv: no such file"),
        (["--against", "names.csv"], "has no column of unit ids"),
        (["--against", "names.txt"], "a published table ends in .csv, .parquet or .json"),
        (["--against", "bad.json"], "cannot be read as a table"),
        (["--against", "bad.csv"], "cannot be read as CSV"),
        (["--tolerance", "-1"], "--tolerance"),
        (["--csv-as-is", "-o", "x.json"], "--csv-as-is is for CSV"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tiny: Path, here: Path, args: list[str], said: str) -> None:
    Path("names.csv").write_text("a,b\n1,2\n")
    Path("names.txt").write_text("a,b\n1,2\n")
    Path("bad.json").write_text("{")
    Path("bad.csv").write_bytes(b"\xff\xfe\x00unit_id\n")
    out = [] if "-o" in args else ["-o", "x.csv"]
    assert said in bad("metrics", tiny, *out, *args)
    assert not Path("x.json").exists()


def test_a_table_of_other_units(tiny: Path, here: Path) -> None:
    Path("others.csv").write_text("unit_id,firing_rate\n1,2\n")
    result = run("metrics", tiny, "--quality", "-o", "x.csv", "--against", "others.csv")
    assert result.exit_code == 2
    assert "error: the published metrics have none of the" in result.output
    assert Path("x.csv").exists()  # the metrics themselves are whole


@pytest.mark.parametrize("out", ["x.xlsx", "none/x.csv"])
def test_targets_are_checked_first(tiny: Path, here: Path, out: str) -> None:
    assert bad("metrics", tiny, "-o", out).startswith(f"error: {out}: ")


# ---------------------------------------------------------------- in words


def test_describe_a_column() -> None:
    said = good("units", "--describe", "isi_violations")
    assert said.startswith("isi_violations: quality\n")
    assert "default filter:  at most 0.5" in said
    for name in ("isi_violations", "amplitude_cutoff"):  # one name, two values
        words = " ".join(good("units", "--describe", name).split())
        assert "stored (in synthetic sessions drawn at random)" in words
        assert "nwbin metrics work it out anew" in words
    two = good("units", "--describe", "snr", "PT_ratio")
    assert two.startswith("snr: isolation\n")
    assert "\nwaveform_PT_ratio (also PT_ratio): waveform\n" in two
    assert "did you mean 'snr'?" in bad("units", "--describe", "snrr")
    assert "prints" in bad("units", "--describe", "snr", "-o", "x.csv")
    found = json.loads(good("units", "--describe", "snr", "PT_ratio", "--json"))
    assert [one["name"] for one in found] == ["snr", "waveform_PT_ratio"]
    assert found == catalogue().reset_index().set_index("name", drop=False).loc[
        ["snr", "waveform_PT_ratio"]
    ].to_dict(orient="records")  # fmt: skip
    assert "did you mean 'snr'?" in bad("units", "--describe", "snrr", "--json")
    assert len(json.loads(good("units", "--describe", "--json"))) == len(catalogue())


def test_where_a_receptive_field_lies_is_said_in_both_ways() -> None:
    """The metrics' azimuth and elevation are not the positions of `nwbin rf`: each says how to get to the other."""
    fields = " ".join(good("rf", "--help").replace("│", " ").split())
    assert "x_position + 50 and y_position + 10" in fields
    for name, formula in (("azimuth_rf", "x_position + 50"), ("elevation_rf", "y_position + 10")):
        assert formula in " ".join(good("units", "--describe", name).split())


def test_describe_everything() -> None:
    said = good("units", "--describe")
    for name in catalogue().index:
        assert f"\n  {name}" in said
    assert max(map(len, said.splitlines())) <= 88


def test_describe_the_columns_of_a_file(tiny: Path, here: Path) -> None:
    with nwbin.open(tiny) as session:
        names = [session.units.index.name, *session.units.columns]
    said = good("units", tiny, "--describe")
    shown = [
        line.split()[0].rstrip(":") for line in said.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert set(shown) <= set(catalogue().index)
    assert len(shown) >= 25
    assert "fano_dg" not in shown
    assert {"firing_rate", "snr", "probe_id"} <= set(shown) & set(names)
    of_file = [one["name"] for one in json.loads(good("units", tiny, "--describe", "--json"))]
    assert of_file == shown
    assert good("units", tiny, "--describe", "snr") == good("units", "--describe", "snr")
    other = good("units", tiny, "--describe", "fano_dg")
    assert f"note: {tiny}: its units have no column 'fano_dg'" in other
    assert "did you mean 'snr'?" in bad("units", tiny, "--describe", "snnr")
    assert "no such file" in bad("units", "--describe", "none.nwb")


def test_a_column_that_nobody_knows(tiny: Path, here: Path) -> None:
    Path("odd.nwb").write_bytes(tiny.read_bytes())
    with h5py.File("odd.nwb", "a") as f:
        units = f["units"]
        units["fluffiness"] = np.arange(len(units["id"]), dtype=float)
        units.attrs["colnames"] = np.append(units.attrs["colnames"], "fluffiness")
    assert "the catalogue knows nothing: fluffiness" in good("units", "odd.nwb", "--describe")


def test_names_are_for_describing(tiny: Path) -> None:
    assert "its name: nwbin units --describe isi_violations" in bad("units", tiny, "snr")
