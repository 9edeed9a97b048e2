"""Where a library is missing: one clear error that says how to install it; and none is loaded before it is needed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from nwbin import exchange
from nwbin.errors import MissingDependencyError
from nwbin.responses.counts import AlignedCounts

TRAINS = {1: [0.5, 0.75]}
TABLE = pd.DataFrame({"start_time": [0.0], "stop_time": [1.0]})
DOORS: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "to_pynapple": ("pynapple", "pynapple", lambda: exchange.to_pynapple(TRAINS)),
    "to_interval_set": ("pynapple", "pynapple", lambda: exchange.to_interval_set(TABLE)),
    "to_neo": ("neo", "neo", lambda: exchange.to_neo(TRAINS)),
    "to_spikeinterface": ("spikeinterface", "spikeinterface", lambda: exchange.to_spikeinterface(TRAINS)),
    "to_polars": ("polars", "polars", lambda: exchange.to_polars(TABLE)),
    "counts_to_polars": (
        "polars", "polars", lambda: exchange.counts_to_polars(AlignedCounts(TRAINS, [0.0], [0, 1]))
    ),
    "to_torch": ("torch", "torch", lambda: exchange.to_torch(TRAINS, [0.0], [0, 1])),
    "to_torch_dataset": ("torch", "torch", lambda: exchange.to_torch_dataset(TRAINS, [0.0], [0, 1])),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_what_is_missing_is_said(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, extra, ask = DOORS[door]
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    said = rf"^{door} needs {package}, which is not installed: pip install 'nwbin\[{extra}\]'$"
    with pytest.raises(MissingDependencyError, match=said):
        ask()


def test_none_of_them_is_loaded_before_it_is_asked_for() -> None:
    script = (
        "import sys, nwbin.exchange, nwbin.session;"
        " names = ('pynapple', 'neo', 'quantities', 'spikeinterface', 'torch', 'polars', 'pyarrow', 'scipy', 'numba');"
        " print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
