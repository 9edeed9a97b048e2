"""The catalogue: every column has an entry, and entries say what they are to say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentTypeError, LookupFailure
from nwbin.metrics import catalogue, describe, glossary, quality_metrics
from nwbin.metrics.catalogue import entries_of, meaning_of
from nwbin.metrics.quality import QUALITY_COLUMNS
from nwbin.metrics.stimulus import COLUMNS
from nwbin.testing import write_session

_COMMON = ["firing_rate", "fano", "lifetime_sparseness", "run_mod", "run_pval"]
# The columns of the published tables, by stimulus: 57 and 45 of them.
PUBLISHED = {
    "dg": [
        *_COMMON, "pref_ori", "pref_ori_multi", "pref_tf", "pref_tf_multi", "c50", "f1_f0", "mod_idx", "g_osi", "g_dsi",
    ],
    "sg": [
        *_COMMON, "pref_sf", "pref_sf_multi", "pref_ori", "pref_ori_multi", "pref_phase", "pref_phase_multi", "g_osi",
        "time_to_peak",
    ],
    "ns": [*_COMMON, "pref_image", "pref_images_multi", "image_selectivity", "time_to_peak"],
    "fl": [*_COMMON, "on_off_ratio", "sustained_idx", "time_to_peak"],
    "rf": [
        *_COMMON, "azimuth", "elevation", "width", "height", "area", "p_value", "on_screen", "time_to_peak",
    ],
    "dm": [*_COMMON, "pref_speed", "pref_speed_multi", "pref_dir", "pref_dir_multi", "time_to_peak"],
}  # fmt: skip
NOT_TO_BE_HAD = [
    "snr", "d_prime", "isolation_distance", "L_ratio", "nn_hit_rate", "nn_miss_rate", "silhouette_score", "max_drift",
    "cumulative_drift",
]  # fmt: skip


def test_every_published_column_has_an_entry() -> None:
    names = [f"{stem}_{key}" for key, stems in PUBLISHED.items() for stem in stems]
    of_set = {"bo": ("dg", "sg", "ns", "fl", "rf"), "fc": ("dg", "dm", "fl", "rf")}
    assert [sum(len(PUBLISHED[key]) for key in keys) for keys in of_set.values()] == [57, 45]
    found, unknown = entries_of(names)
    assert not unknown
    assert len(found) == len(names)
    assert all(one.origin == "computed" and one.stimulus and one.formula and one.source for one in found)


def test_every_column_of_responses_has_an_entry() -> None:
    found, unknown = entries_of([name for names in COLUMNS.values() for name in names])
    assert not unknown
    assert {one.origin for one in found} == {"computed"}


@pytest.mark.parametrize("layout", ["released", "chunked"])
def test_every_column_of_units_has_an_entry(tmp_path: Path, layout: str) -> None:
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=1, layout=layout)
    with nwbin.open(path, filter_by_validity=False) as session:
        shown, stored = session.units, session.file.units
    for table in (shown, stored):
        _, unknown = entries_of([table.index.name, *table.columns])
        assert not unknown
    assert {name for name in shown.columns if meaning_of(name).group == "waveform"} >= {"waveform_duration"}


def test_entries_say_what_they_are_to_say() -> None:
    table = catalogue()
    assert table.index.is_unique
    others = [name for text in table["also"] for name in filter(None, text.split(", "))]
    assert len(set(others)) == len(others)
    assert not set(others) & set(table.index)
    assert (table["meaning"].str.len() > 15).all()
    assert set(table["better"]) == {"higher", "lower", ""}
    assert set(table["origin"]) == {"computed", "stored"}
    metrics = table[~table["group"].isin(["unit", "place"])]
    assert (metrics[["formula", "source", "bounds"]] != "").all(axis=None)
    assert table.loc[list(QUALITY_COLUMNS["allen"]), "origin"].eq("computed").all()
    hard = table.loc[NOT_TO_BE_HAD]
    assert hard["origin"].eq("stored").all()
    assert hard["note"].str.contains("which the files do not have").all()
    assert table.map(lambda text: isinstance(text, str) and "\n" not in text and text == text.strip()).all(
        axis=None
    )
    assert table["source"].str.findall("doi:").map(len).sum() > 100
    assert all(re.fullmatch(r"10\.\d{4,5}/\S*[^\s.,;)]", one) for text in table["source"]
               for one in re.findall(r"doi:(\S+?)(?=[,;]?(?:\s|$))", text))  # fmt: skip


def test_default_filters_are_those_of_open() -> None:
    bounds = {
        "amplitude_cutoff": "at most 0.1",
        "presence_ratio": "at least 0.95",
        "isi_violations": "at most 0.5",
    }
    from nwbin.allen.unit_filters import UnitFilters

    words = {"<=": "at most", ">=": "at least"}
    assert {name: f"{words[sign]} {value:g}" for name, sign, value in UnitFilters().bounds()} == bounds
    thresholds = catalogue()["threshold"]
    assert thresholds[list(bounds)].to_dict() == bounds


def test_describe_prints_and_returns(capsys: pytest.CaptureFixture[str]) -> None:
    found = describe("isi_violations")
    printed = capsys.readouterr().out
    assert printed == f"{found}\n"
    assert found.better == "lower"
    assert found.threshold == "at most 0.5"
    assert "default filter:  at most 0.5" in printed
    assert all(len(line) <= 88 for line in printed.splitlines())
    assert repr(found) == "<Metric isi_violations>"
    assert describe("PT_ratio") is describe("waveform_PT_ratio")
    assert describe("pref_image_multi_ns").name == "pref_images_multi_ns"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("isi_violation", "did you mean 'isi_violations'"),
        ("ISI_violations", "did you mean 'isi_violations'"),
        ("l_Ratio", "did you mean 'L_ratio'"),
        ("fano_sgg", "fano_sg"),
        ("nonsense", "there are: firing_rate, presence_ratio"),
        ("\x1b[31m", r"'\\x1b\[31m'"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, said: str) -> None:
    with pytest.raises(LookupFailure, match=said):
        describe(name)


def test_a_name_is_text() -> None:
    with pytest.raises(ArgumentTypeError, match="not int"):
        describe(3)


def test_glossary_is_a_page_of_tables() -> None:
    lines = glossary().splitlines()
    table = catalogue()
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) == len(table)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 8 for line in rows)
    heads = [line for line in lines if line.startswith("**")]
    assert len(heads) == table["group"].nunique()
    few, _ = entries_of(["snr", "firing_rate"])
    assert glossary(few).count("| `") == 2


def test_it_costs_nothing_to_ask() -> None:
    """No pandas, Numba or HDF5 file is needed to say what a column means."""
    import subprocess
    import sys

    script = (
        "import sys; from nwbin.metrics.catalogue import describe; describe('snr');"
        "print([m for m in ('pandas', 'numba', 'scipy', 'xarray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_ranges_hold_for_what_is_computed(tmp_path: Path) -> None:
    path = write_session(tmp_path / "session.nwb", size="tiny", seed=4)
    with nwbin.File(path) as file:
        found = quality_metrics(file)
    assert found["presence_ratio"].between(0, 0.99).all()
    cutoff = found["amplitude_cutoff"].dropna()
    assert cutoff.between(0, 0.5).all()
    assert (found[["firing_rate", "waveform_amplitude"]].dropna() >= 0).all(axis=None)
    assert found["waveform_duration"].between(0, 2.74).all()
    assert found["waveform_spread"].between(10, 170).all()
    assert isinstance(found, pd.DataFrame)
    assert np.isfinite(cutoff).all()
