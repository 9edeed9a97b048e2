"""A job over all sessions of a folder in the cloud: time, requests, bytes.

``python benchmarks/cloud_folder.py FILE`` serves a session file under so many names from this machine, over a link of
50 ms and 40 MB/s a connection, and has the response matrices of one area made of each by worker processes. The server
runs in this process and takes its part of the cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import nwbin

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before each answer")
    parser.add_argument("--rate", type=float, default=40e6, help="bytes a second of each connection")
    parser.add_argument("--structure", default="VISp")
    asked = parser.parse_args()
    from tests.remote.clouds import listed_as_s3
    from tests.remote.server import serving

    paths = [f"bucket/cache/session_{one}/session_{one}.nwb" for one in range(1, asked.sessions + 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(files=dict.fromkeys(paths, asked.file), delay=asked.delay, rate=asked.rate) as server,
    ):
        server.tags = {path: f'"{number}"' for number, path in enumerate(paths)}
        server.answer = lambda one: listed_as_s3(server, one, 1000)
        os.environ |= {
            "AWS_ENDPOINT_URL": server.address,
            "AWS_SKIP_SIGNATURE": "true",
            "NWBIN_CACHE": folder,
        }
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nwbin.NwbinWarning)
            done = nwbin.Dataset("s3://bucket/cache/").response_matrices(
                "static_gratings", structures=[asked.structure], workers=asked.workers, out=Path(folder) / "out",
            )  # fmt: skip
        seconds = time.perf_counter() - began
        done.raise_if_failed()
        print(
            f"{len(done)} sessions, {asked.workers} workers: {seconds:.1f} s, {len(server.asked)} requests, "
            f"{server.sent / 1e6:,.0f} MB; a session in its worker: {done.report['seconds'].median():.1f} s; "
            f"X of the last: {done[asked.sessions].X.shape}"
        )


if __name__ == "__main__":
    main()
