"""The same small files in HDF5 and in Zarr."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nwbin.testing import write_session
from tests.small_files import write_small

pytest.importorskip("zarr")


class Pair(NamedTuple):
    here: Path
    there: Path


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("small") / "small.nwb")


@pytest.fixture(scope="session")
def session_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(
        tmp_path_factory.mktemp("session") / "session_5.nwb",
        seed=3, size="tiny", channels=16, samples=10, repeats=0.1, units_per_probe=6,
        layout="chunked", quirks=True, chunk_rows=2000,
        session_id=5,
    )  # fmt: skip


@pytest.fixture(scope="session", params=[pytest.param(2, marks=pytest.mark.slow), 3])
def session(request: pytest.FixtureRequest, session_file: Path) -> Pair:
    from tests.zarr_nwb.writer import write_zarr

    there = session_file.with_name(f"session_5_of_{request.param}.nwb.zarr")
    return Pair(session_file, write_zarr(session_file, there, format=request.param))


@pytest.fixture(scope="session")
def small_stores(small_file: Path) -> dict[int, Path]:
    from tests.zarr_nwb.writer import write_zarr

    return {one: write_zarr(small_file, small_file.with_name(f"{one}.zarr"), format=one) for one in (2, 3)}


# Quick tests are of format 3, but where the formats differ in what is tested.
@pytest.fixture(params=[pytest.param(2, marks=pytest.mark.slow), 3])
def small(request: pytest.FixtureRequest, small_stores: dict[int, Path], tmp_path: Path) -> Path:
    """A store of its own for each test, to be bent."""
    return Path(shutil.copytree(small_stores[request.param], tmp_path / "small.nwb.zarr"))
