"""What a dataset cannot take for what was meant is refused, with what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure
from tests.small_files import write_small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 12):
        write_small(tmp_path / f"session_{number}.nwb")
    return tmp_path


def test_from_lims_opens_no_folder_that_was_not_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(ArgumentTypeError, match=r"from_lims .* give manifest=, or use Dataset\(folder\)"):
        nwbin.Dataset.from_lims()
    assert nwbin.Dataset.from_lims(manifest=folder / "manifest.json", cache=False).session_ids == [1, 12]


@pytest.mark.parametrize("asked", ["1", " 1"])
def test_ids_as_text(folder: Path, asked: Any) -> None:
    data = nwbin.Dataset(folder, cache=False)
    with pytest.raises(LookupFailure, match=r"has no session ' ?1'; ids are whole numbers, .* text: give 1$"):
        data.get_session_data(asked)
    with pytest.raises(LookupFailure, match=r"has no session '2'; there are: 1, 12"):
        data.get_session_data("2")


@pytest.mark.parametrize("number", ["../../etc/passwd", "5", 1.5, np.nan, np.inf, None, True, [1]])
def test_numbers_of_templates(folder: Path, number: Any) -> None:
    data = nwbin.Dataset(folder, cache=False)
    for read in (data.get_natural_scene_template, data.get_natural_movie_template):
        with pytest.raises(ArgumentError, match="the number of a template must be a whole one, not"):
            read(number)
