"""One long text among many short ones: no file gets room for one in each row, and no terminal shows it whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nwbin import _memory
from nwbin._plain_console import PlainConsole
from nwbin.cli import _console
from nwbin.cli._console import WIDEST, frame_table
from nwbin.errors import NotEnoughMemoryError
from nwbin.export import write_counts
from nwbin.responses.counts import AlignedCounts
from tests.export.counting import EDGES

LONG = "x" * 200_000


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _memory.Room(24 << 20, 1 << 30, "this machine")
    monkeypatch.setattr(_memory, "room", lambda root=None: found)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("ending", [".npz", ".nc"])
def test_labels_that_do_not_fit(tmp_path: Path, trains: Any, shown: pd.DataFrame, ending: str) -> None:
    long = shown.assign(comment=[LONG, *["short"] * (len(shown) - 1)])  # 40 x 200,000 x 4 bytes
    with pytest.raises(
        NotEnoughMemoryError,
        match=r"column 'comment': 40 texts, each .* longest \(200,000 characters\), take 0.032 GB.*--labels",
    ):
        write_counts(tmp_path / f"x{ending}", AlignedCounts(trains, long, EDGES))
    assert not list(tmp_path.iterdir())
    write_counts(tmp_path / f"x{ending}", AlignedCounts(trains, shown, EDGES))


@pytest.mark.usefixtures("little_memory")
def test_records_that_do_not_fit(tmp_path: Path, trains: Any, shown: pd.DataFrame) -> None:
    """Each column does, but not all of them in one array beside them."""
    texts = {
        name: ["x" * size, *["short"] * (len(shown) - 1)]
        for name, size in (("first", 80_000), ("second", 85_000))
    }
    with pytest.raises(NotEnoughMemoryError, match=r"40 records of labels, most of it column 'second', take"):
        write_counts(tmp_path / "x.npz", AlignedCounts(trains, shown.assign(**texts), EDGES))


def table_with(cell: object) -> pd.DataFrame:
    return pd.DataFrame({"comment": [cell, "short"], "n": [1, 22]}, index=pd.Index([7, 8], name="id"))


@pytest.mark.parametrize("cell", [LONG, [LONG]])
def test_a_terminal_gets_the_beginning(cell: object, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    spell = _console.printable
    monkeypatch.setattr(
        _console, "printable", lambda text, keep="": (seen.append(len(text)), spell(text, keep))[1]
    )
    file = io.StringIO()
    frame_table(
        table_with(cell), PlainConsole(file=file, force_terminal=True, width=300, height=50), for_all="x"
    )
    lines = file.getvalue().splitlines()
    assert f"{str(cell)[:WIDEST]}…" in lines[1]
    assert max(map(len, lines)) < 300
    assert "more column" not in lines[-1]
    assert max(seen) <= WIDEST + 1  # not a character further is looked at


def test_a_terminal_gets_the_beginning_of_names_and_ids() -> None:
    frame = pd.DataFrame({LONG: [1]}, index=pd.Index([LONG], name=LONG))
    file = io.StringIO()
    frame_table(frame, PlainConsole(file=file, force_terminal=True, width=900, height=50), for_all="x")
    assert [line.count("x") for line in file.getvalue().splitlines()[:2]] == [2 * WIDEST, WIDEST]


def test_a_pipe_gets_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    frame_table(table_with(LONG), PlainConsole(width=100_000, force_terminal=False), for_all="x")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id  comment   n", f" 7  {LONG}   1", " 8  short    22"]
    assert np.sum([len(line) for line in lines]) < len(LONG) + 100  # no line is filled up to it
