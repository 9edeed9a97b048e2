"""The list of released files that downloads are checked by."""

from __future__ import annotations

import json

import numpy as np

import nwbin
from nwbin.allen.released_files import released
from tests.cli.asking import run

FOLDER = "visual-coding-neuropixels/ecephys-cache"


def test_the_list() -> None:
    table = nwbin.files()
    assert len(table) == 383
    assert table["session_id"].nunique() == int(table["probe_id"].isna().sum()) == 58
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert table["dandi_asset_id"].is_unique
    assert table["s3_key"].str.startswith(f"{FOLDER}/session_").all()
    assert table.loc[table["probe_id"].isna(), "size"].between(1e9, 4e9).all()
    assert table["size"].dtype == np.int64
    first = released()[0]
    assert (first.session_id, first.probe_id) == (715093703, None)


def test_it_is_shown() -> None:
    done = run("download", "--list")
    assert done.exit_code == 0
    assert len(done.output.splitlines()) == 59
    assert "715093703" in done.output
    rows = json.loads(run("download", "--list", "715093703", "--json").output)
    assert {row["session_id"] for row in rows} == {715093703}
    assert rows[0]["probe_id"] is None
    assert rows[1]["size"] > 1e9
