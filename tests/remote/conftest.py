"""Files that are served, and no waiting between tries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py  # noqa: TID251 - nwbin writes no such files
import numpy as np
import pytest

from nwbin.storage.remote import _retries
from nwbin.testing import write_session
from tests.remote.server import Server, serving
from tests.small_files import write_small

QUIET = {"size": "tiny", "channels": 32, "samples": 10, "repeats": 0.3}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retries, "FIRST_PAUSE", 1e-4)


@pytest.fixture(autouse=True)
def no_servers_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine says of S3 and proxies is not to change a test."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3", "AWS_SKIP_SIGNATURE", "NWBIN_DANDI_API", "http_proxy", "HTTP_PROXY", "ALL_PROXY",
        "all_proxy",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A session stored as released ones are, and one in compressed chunks."""
    folder = tmp_path_factory.mktemp("sessions")
    return {
        layout: write_session(
            folder / f"{layout}.nwb", seed=3, layout=layout, quirks=True, chunk_rows=2000, **QUIET
        )
        for layout in ("released", "chunked")
    }


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("small") / "small.nwb")


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file, but each unit's train takes 8 MiB: more than is fetched at once with anything else."""
    path = write_small(tmp_path_factory.mktemp("long") / "long.nwb")
    with h5py.File(path, "a") as f:
        units = f["units"]
        del units["spike_times"], units["spike_times_index"]
        units["spike_times"] = np.arange(3 << 20, dtype=float)
        units["spike_times_index"] = np.array([1 << 20, 2 << 20, 3 << 20])
        f["last"] = np.zeros(1 << 19)
    return path


@pytest.fixture
def server(small: Path, sessions: dict[str, Path]) -> Iterator[Server]:
    files: dict[str, bytes | Path] = {f"bucket/{name}.nwb": path for name, path in sessions.items()}
    with serving(files={**files, "bucket/small.nwb": small.read_bytes()}) as running:
        yield running
