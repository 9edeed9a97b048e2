"""The folder of what was fetched from servers: where it is, how large it may get, and who made it."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import pytest

import nwbin
from nwbin import cache
from nwbin.errors import ArgumentError
from nwbin.storage.remote import _kept, cache_folder
from tests.remote.server import Server

pytest.importorskip("obstore")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "1GB")
    monkeypatch.setattr(_kept, "_LEAVE", 0)  # however full the disk is
    monkeypatch.setattr(_kept, "_known", {})
    monkeypatch.setattr(cache_folder, "_said", set())


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("", 10**10), ("0", 0), ("off", 0), ("500MB", 5 * 10**8), ("2 GiB", 2 << 30), ("1.5k", 1500), ("7", 7)],
)
def test_sizes(monkeypatch: pytest.MonkeyPatch, text: str, n_bytes: int) -> None:
    monkeypatch.setenv("NWBIN_CACHE_SIZE", text)
    assert cache_folder.size() == n_bytes


def test_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "much")
    with pytest.raises(ArgumentError, match="NWBIN_CACHE_SIZE is 'much', which is no size; write 10GB"):
        cache_folder.size()
    with pytest.raises(ArgumentError, match="is 'a lot', which is no size"):
        cache.use(size="a lot")
    assert os.environ["NWBIN_CACHE_SIZE"] == "much"


def test_where_a_users_programs_keep_such_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NWBIN_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    for platform, variable, expected in (
        ("linux", "", tmp_path / ".cache/nwbin/remote"),
        ("linux", str(tmp_path / "x"), tmp_path / "x/nwbin/remote"),
        ("linux", "not/absolute", tmp_path / ".cache/nwbin/remote"),
        ("darwin", "", tmp_path / "Library/Caches/nwbin/remote"),
    ):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv("XDG_CACHE_HOME", variable)
        if os.name == "posix":
            assert cache_folder.folder() == expected


def test_beside_what_a_dataset_keeps(
    server: Server, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is in the other's way where nothing was set."""
    for name in ("NWBIN_CACHE_DIR", "NWBIN_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    shutil.copy(small, tmp_path / "data" / "x.nwb")
    nwbin.Dataset(tmp_path / "data").get_units()
    assert list((tmp_path / "home").rglob("index/*"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            server.asked.clear()
            with nwbin.File(server.url("bucket/chunked.nwb")) as file:
                file.spike_trains()
    assert len(server.asked) == 1
    assert cache.status().n_files > 0
    assert cache.clear() > 0
    assert list((tmp_path / "home").rglob("index/*"))


def test_two_make_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second finds the first one's marker after having looked for one, and uses the folder."""
    place, other = tmp_path / "kept", tmp_path / "other"
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(other))
    assert cache_folder.make() == other
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(place))
    looked, others = cache_folder.is_ours, [other]

    def overtaken(folder: Path) -> bool:
        found = looked(folder)
        while others:
            shutil.copytree(others.pop(), folder, dirs_exist_ok=True)
            (folder / ("0" * 32)).mkdir()
        return found

    monkeypatch.setattr(cache_folder, "is_ours", overtaken)
    assert cache_folder.make() == place
