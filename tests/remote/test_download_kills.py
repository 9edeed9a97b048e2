"""A download that is killed at any moment, and taken up again: the same bytes, and only those that were missing."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nwbin
from nwbin.storage.remote import _kept_part
from tests.remote.server import serving

pytest.importorskip("obstore")
CONTENT = np.random.default_rng(3).bytes((4 << 20) + 12345)
SCRIPT = """
import sys
import nwbin
import nwbin.downloads
import obstore
from nwbin.storage.remote import _kept_part, _whole_file
_whole_file._PIECE, _kept_part.SAVED_EVERY = 1 << 17, 0.02
print("begins", flush=True)
nwbin.download(sys.argv[1], sys.argv[2]).raise_if_failed()
"""


def there(folder: Path) -> int:
    """How many bytes the journal says are there."""
    journal = folder / ".x.nwb.nwbin.json"
    done = json.loads(journal.read_text()).get("done", []) if journal.exists() else []
    return sum(stop - start for start, stop in done)


def killed(address: str, folder: Path, enough: Callable[[float], bool]) -> bool:
    """Whether a download was killed, as soon as so much was enough, before it had ended."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, address, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as pipe:
        assert pipe.readline() == b"begins\n"
    began = time.monotonic()
    while process.poll() is None and not enough(time.monotonic() - began):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def kill_again_and_again(folder: Path, moments: list[Callable[[float], bool]]) -> None:
    """Kill a download at these moments, one after the other, and let it end."""
    with serving(files={"x.nwb": CONTENT}, rate=300_000) as server:
        for moment in moments:
            if not killed(server.url("x.nwb"), folder, moment):
                break
            assert not (folder / "x.nwb").exists()
        before = there(folder)
        server.rate = None
        found = nwbin.download(server.url("x.nwb"), folder)
        found.raise_if_failed()
        assert found[0].got == len(CONTENT) - before
    assert hashlib.sha256((folder / "x.nwb").read_bytes()).digest() == hashlib.sha256(CONTENT).digest()
    assert {path.name for path in folder.iterdir()} == {"x.nwb", ".x.nwb.nwbin.json"}


def test_killed_and_taken_up_again(tmp_path: Path) -> None:
    """Twice, each time with more of it there."""
    kill_again_and_again(tmp_path, [lambda _: there(tmp_path) > 1 << 19, lambda _: there(tmp_path) > 1 << 20])


def test_zeros_are_never_taken_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier file's record says that all is there; the next try dies as it begins."""

    def dies(*args: object) -> None:
        raise OSError("not now")

    with serving(files={"x.nwb": CONTENT}) as server:
        nwbin.download(server.url("x.nwb"), tmp_path)
        (tmp_path / "x.nwb").unlink()
        with monkeypatch.context() as patch:
            patch.setattr(_kept_part, "write_record", dies)
            assert "not now" in nwbin.download(server.url("x.nwb"), tmp_path)[0].error
        again = nwbin.download(server.url("x.nwb"), tmp_path)
    assert (again[0].status, again[0].got) == ("done", len(CONTENT))
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT


def test_killed_while_it_has_both_names(tmp_path: Path) -> None:
    """What is downloaded over it later does not touch the file before it is whole."""
    pytest.importorskip("fcntl")  # Windows renames in one step
    with serving(files={"x.nwb": CONTENT}) as server:
        nwbin.download(server.url("x.nwb"), tmp_path)
        os.link(tmp_path / "x.nwb", tmp_path / ".x.nwb.nwbin-part")
        server.files["x.nwb"], server.tags["x.nwb"] = CONTENT[::-1], '"new"'
        server.fault = lambda number, one: ("status", 403) if one.span != (0, 1) else None
        assert nwbin.download(server.url("x.nwb"), tmp_path, overwrite=True)[0].status == "failed"
        assert (tmp_path / "x.nwb").read_bytes() == CONTENT
        server.fault = None
        assert nwbin.download(server.url("x.nwb"), tmp_path, overwrite=True)[0].status == "done"
    assert (tmp_path / "x.nwb").read_bytes() == CONTENT[::-1]


def test_ctrl_c(tmp_path: Path) -> None:
    with serving(files={"x.nwb": CONTENT}, rate=300_000) as server:
        main = (
            "import nwbin.downloads, obstore; print('begins', flush=True); from nwbin.cli import main; main()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", main, "download", server.url("x.nwb"), "--to", str(tmp_path / "to")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not (tmp_path / "to" / ".x.nwb.nwbin.json").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-2:] == [
        f"note: {tmp_path / 'to'}: what came is kept; the same command goes on from there",
        "nwbin: interrupted",
    ]
    assert {path.name for path in (tmp_path / "to").iterdir()} == {".x.nwb.nwbin-part", ".x.nwb.nwbin.json"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)

    def at_random() -> Callable[[float], bool]:
        moment = rng.uniform(0, 0.8)
        return lambda seconds: seconds > moment

    kill_again_and_again(tmp_path, [at_random() for _ in range(4)])
