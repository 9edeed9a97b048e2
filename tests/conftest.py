"""Settings shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# ci: the same examples every time. nightly: many, random ones. Choose with HYPOTHESIS_PROFILE.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile(
    "nightly", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

SHARED = Path(os.environ.get("NWBIN_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and recorded AllenSDK answers that is kept beside a developer's checkout."""
    if not (SHARED / "oracle").is_dir():
        pytest.skip("needs the developers' shared folder (set NWBIN_SHARED)")
    return SHARED


@pytest.fixture(autouse=True)
def _no_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the machine is at: what a command says is compared to the letter."""
    monkeypatch.setattr("nwbin._progress._PAUSE", 1e9)
