"""Three sessions in three kinds of folder, and a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nwbin import testing
from tests.caches import make_allen, make_dandi, make_plain
from tests.dataset.jobs import IDS


@pytest.fixture(autouse=True, scope="module")
def _jobs(what_is_loaded_stays: None) -> None:
    """Each test here runs some."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    kinds = ("brain_observatory_1.1", "brain_observatory_1.1", "functional_connectivity")
    return [
        testing.write_session(
            folder / f"session_{one}.nwb", size="tiny", seed=seed, session_id=one, stimulus_set=kinds[seed],
            lfp=seed == 0,
        )
        for seed, one in enumerate(IDS)
    ]  # fmt: skip


@pytest.fixture(scope="session")
def trees(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("trees")
    return {
        "allen": make_allen(root / "allen", files),
        "dandi": make_dandi(root / "dandi", files),
        "folder": make_plain(root / "folder", files),
    }


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "nwbin cache"))


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
