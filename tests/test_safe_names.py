"""Ids that a file makes up: none of them leads out of a folder, and no two become one."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nwbin
from nwbin._names import safe_name
from nwbin.dataset._folder_layouts import as_id
from nwbin.dataset._table_sources import csv_tables
from tests.small_files import write_small

DEVICES = ["CON", "con", "Nul.txt", "aux", "COM1", "lpt9.x.y", "CONIN$"]
NASTY = st.text(
    alphabet=st.sampled_from(list("aAbB0.-_+/\\:~\x00\n éÉe\u0301\u0345\u017f\u212a\ud800%")), max_size=8
)
LONG = st.text(alphabet="aA", min_size=140, max_size=160)
IDS = st.one_of(NASTY, st.text(max_size=300), st.sampled_from(DEVICES), LONG)


@pytest.mark.parametrize("one", ["715093703", 715093703, "sub-1_ses-2", "brain_observatory_1.1", "a.b", "x_"])
def test_ordinary_ids_stay(one: Any) -> None:
    assert safe_name(one) == str(one)


def test_examples() -> None:
    assert safe_name("x/../../precious") == "x+2f+2e+2e+2f+2e+2e+2fprecious"
    assert safe_name("") == "+"
    assert safe_name("..") == "+2e+2e"
    assert safe_name("Mouse") == "Mouse+u1"


@given(IDS)
def test_a_name_is_one_plain_name(text: str) -> None:
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_.+-]{1,150}", name)
    assert not name.startswith((".", "-"))
    assert not name.endswith(".")
    assert ".." not in name
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.|$)", name)
    assert Path("folder", name).resolve().parent == Path("folder").resolve()


def folded(name: str) -> str:
    """As a file system that tells neither case nor ways to write an accent apart has it."""
    return unicodedata.normalize("NFD", name).casefold()


@given(IDS, IDS)
def test_distinct_ids_have_distinct_names(one: str, other: str) -> None:
    assert (folded(safe_name(one)) == folded(safe_name(other))) == (one == other)


def read_back(name: str) -> str:
    """The id that a name stands for, from its small letters alone."""
    name, _, capitals = name.lower().partition("+u")
    pieces = re.findall(r"\+([0-9a-f]{2})|(.)", "" if name == "+" else name)
    found, letter = bytearray(), 0
    for escape, plain in pieces:
        if escape:
            found.append(int(escape, 16))
            continue
        if plain.isalpha():
            plain = plain.upper() if int(capitals or "0", 16) >> letter & 1 else plain
            letter += 1
        found += plain.encode()
    return found.decode("utf-8", "surrogatepass")


@given(NASTY)
def test_a_name_can_be_read_back(text: str) -> None:
    assert read_back(safe_name(text)) == text


def test_digits_that_fit_no_integer_stay_text() -> None:
    assert as_id("715093703") == 715093703
    for text in ("9" * 19, "9" * 5000):
        assert as_id(text) == text


# ---------------------------------------------------------------- where they are used


def named(folder: Path, identifiers: dict[str, str]) -> Path:
    folder.mkdir()
    for name, identifier in identifiers.items():
        with h5py.File(write_small(folder / f"{name}.nwb"), "a") as file:
            del file["identifier"]
            file["identifier"] = identifier
    return folder


def job() -> dict[str, Any]:
    return {"window": (0.0, 1.0), "filter_by_metrics": False, "filter_by_validity": False, "workers": 0}


@pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters")
@pytest.mark.slow
def test_an_identifier_does_not_reach_outside_the_output(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    data = nwbin.Dataset(named(tmp_path / "data", {"a": "x", "b": "x/../../precious", "c": "X"}), cache=False)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    (tmp_path / "results").mkdir()
    store = tmp_path / "results" / "c.zarr"
    done = data.spike_counts(store, "trials", **job())
    done.raise_if_failed()
    assert [one.name for one in (tmp_path / "precious").iterdir()] == ["thesis.txt"]
    groups = ["session_X+u1", "session_x", "session_x+2f+2e+2e+2f+2e+2e+2fprecious"]
    assert sorted(one.name for one in store.iterdir()) == [*groups, "zarr.json"]
    assert sorted(xarray.open_datatree(store, engine="zarr", chunks=None).children) == groups
    assert {key: done[key].sizes["stimulus_presentation_id"] for key in done} == dict.fromkeys(
        data.session_ids, 4
    )
    for out in ("values", "matrices"):
        root = tmp_path / "results" / out
        if out == "values":
            data.map(lambda session: 1, out=root, workers=0).raise_if_failed()
        else:
            data.response_matrices("trials", label="contrast", out=root, **job()).raise_if_failed()
        assert {path.parent for path in (tmp_path / "results").rglob("session_*.[jn]*")} >= {
            root,
            root / ".nwbin",
        }
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "precious", "results"]


def test_two_files_never_have_one_id(tmp_path: Path) -> None:
    folder = named(tmp_path / "data", {"5": "same", "other": "same", "third": "5", "d_e": "same"})
    (folder / "d").mkdir()
    shutil.copy(folder / "d_e.nwb", folder / "d" / "e.nwb")
    (folder / "third").mkdir()
    (folder / "third" / "5.nwb").write_bytes(b"damaged, so that it goes by its name")
    data = nwbin.Dataset(folder, cache=False)
    assert len(data.session_ids) == 6
    assert len({safe_name(one) for one in data.session_ids}) == 6


def test_a_session_type_is_no_path(tmp_path: Path) -> None:
    """The cell of a table names a file of metrics: one in the cache, not one that it leads to."""
    root = tmp_path / "cache"
    root.mkdir()
    for name, columns in {
        "sessions": f"id,session_type\n1,{json.dumps('../secret')}\n",
        "probes": "id,ecephys_session_id\n2,1\n",
        "channels": "id,ecephys_probe_id\n3,2\n",
        "units": "id,ecephys_channel_id\n4,3\n",
    }.items():
        (root / f"{name}.csv").write_text(columns)
    (tmp_path / "secret_analysis_metrics.csv").write_text("ecephys_unit_id,secret\n4,1\n")
    tables = csv_tables(str(root))
    assert not tables.has_metrics(1)
    with pytest.raises(nwbin.NwbinError, match="has no analysis metrics"):
        tables.type_metrics("../secret")
