"""What notebooks/other_tools.md shows runs, tool by tool."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

import nwbin

PAGE = Path(__file__).parents[2] / "notebooks" / "other_tools.md"
NEEDED = {
    "pynapple": ["pynapple"],
    "NeMoS and scikit-learn": ["sklearn"],
    "Neo and Elephant": ["neo", "elephant"],
    "SpikeInterface": ["spikeinterface"],
    "PyTorch": ["torch"],
    "polars": ["polars", "pyarrow"],
    "MATLAB": ["scipy"],
}


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not among an sdist's files")
@pytest.mark.parametrize("tool", NEEDED)
def test_it_runs(tool: str, session: nwbin.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say when they are loaded is theirs
        for name in NEEDED[tool]:
            pytest.importorskip(name)
        if tool == "Neo and Elephant":
            pytest.importorskip("elephant.statistics")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    assert set(sections) == set(NEEDED)
    (block,) = re.findall(r"```python\n(.*?)```", sections[tool], re.S)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"nwbin": nwbin, "session": session, "v1": session.units.index[:3]}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=nwbin.NwbinWarning)
        exec(compile(block, str(PAGE), "exec"), names)
