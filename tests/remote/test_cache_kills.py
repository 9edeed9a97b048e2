"""Programs that write the same cache are killed at any moment: what is kept afterwards is right, or is not used."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nwbin
from nwbin.storage.remote import _kept
from tests.remote.server import serving

pytest.importorskip("obstore")

# Reads parts of a file in an order of its own, with few imports, and goes on until it is killed.
READ = """
import random, sys
import numpy as np
from nwbin.storage.remote import open_remote
address, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
print("begun", flush=True)
while True:
    remote = open_remote(address)
    for _ in range(20):
        start = rng.randrange(remote.size - (1 << 20))
        out = np.empty(rng.randrange(8, 1 << 20), np.uint8)
        remote.read_into([(start, out)])
        skip = -start % 4
        values = np.frombuffer(out[skip : skip + (len(out) - skip) // 4 * 4].tobytes(), "<u4")
        assert (np.diff(values.astype(np.int64)) == 1).all(), "wrong"
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is Unix's")
def test_killed_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = np.arange(8 << 20, dtype="<u4").tobytes()  # 32 MiB
    folder = tmp_path / "kept"
    monkeypatch.setenv("NWBIN_CACHE_DIR", str(folder))
    monkeypatch.setenv("NWBIN_CACHE_SIZE", "24MB")  # so that parts are removed all the time, too
    monkeypatch.setattr(_kept, "_LEAVE", 0)
    rng = random.Random(0)
    with serving(files={"x.nwb": content}) as server:
        for turn in range(4):
            running = [
                subprocess.Popen(
                    [sys.executable, "-c", READ, server.url("x.nwb"), str(10 * turn + k)],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(nwbin.__file__).parents[2],
                )
                for k in range(3)
            ]  # fmt: skip
            for one in running:
                assert one.stdout is not None
                assert one.stdout.readline() == b"begun\n"
            time.sleep(rng.uniform(0.05, 0.7))
            for one in running:
                assert one.poll() is None, one.communicate()[1].decode()
                one.send_signal(signal.SIGKILL)
                time.sleep(rng.uniform(0, 0.05))
            for one in running:
                one.communicate()
            whole = _kept.Kept(folder, 24_000_000)
            (entry,) = whole.entries()
            assert entry.n_bytes <= 24_000_000 * (1 + 3 / 16) + (3 << 20)
            shelf = whole.shelf(entry.place, entry.address, _kept.State(entry.size, entry.tag, None))
            assert shelf is not None
            assert entry.n_files > 3

            def same(at: int, data: memoryview) -> None:
                assert bytes(data) == content[at : at + len(data)]

            assert shelf.load(shelf.spans, same) == []  # none was damaged, and all is right
