"""Settings shared by all tests."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# ci: the same examples every time. nightly: many, random ones. Choose with HYPOTHESIS_PROFILE.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile(
    "nightly", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# What tests fetch is not kept on the developer's disk, and what is kept there is not used: a server of a test may have
# the port and marks of another. Tests of the cache have folders of their own.
os.environ |= {
    "NWBIN_CACHE_SIZE": "0",
    "NWBIN_CACHE_DIR": str(Path(tempfile.gettempdir()) / "nwbin-no-cache"),
}

SHARED = Path(os.environ.get("NWBIN_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and recorded AllenSDK answers that is kept beside a developer's checkout."""
    if not (SHARED / "oracle").is_dir():
        pytest.skip("needs the developers' shared folder (set NWBIN_SHARED)")
    return SHARED


@pytest.fixture(scope="module")
def what_is_loaded_stays() -> Iterator[None]:
    """Have Python pass over what is there already wherever it looks for what nobody holds: jobs ask for it.

    They do after each session, which takes a tenth of a second or two where as much is loaded as here. Not for tests
    with Hypothesis, which itself looks for who holds what.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the machine is at: what a command says is compared to the letter."""
    monkeypatch.setattr("nwbin._progress._PAUSE", 1e9)


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers do their tasks in this process, each as it would have come: starting one takes a second or two.

    For what is made of their answers. That they start, end and are heard is looked at in tests/test_workers.py,
    tests/dataset/test_jobs.py and the first test of tests/dataset/test_command.py, which have real ones.
    """
    from nwbin.dataset import _run
    from nwbin.dataset._pool import _packed
    from nwbin.dataset._worker import _answer

    def run(tasks: Sequence[Any], workers: int) -> Iterator[Any]:
        for task in tasks:
            yield _answer(_packed(task), lambda said: None)

    monkeypatch.setattr(_run, "run_on_processes", run)
