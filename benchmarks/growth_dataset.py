"""How jobs over a data set grow: sessions x workers on this machine, and an estimate for a cluster from it.

``python benchmarks/growth_dataset.py [--files FOLDER] [--sessions 1,2,4] [--workers 1,2] [--json OUT]``

FOLDER holds session_<id>.nwb files, which are linked as often as sessions are needed; without it one session
of ``--size`` is written. The job is W: counts of static gratings (or what ``--stimulus`` says) in 5 bins of
50 ms, all units that pass the default filters, to a Zarr store. Each worker is a process with one thread.
Checks that every run gives the same counts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import nwbin
from nwbin import testing


def linked(files: list[Path], number: int, folder: Path) -> Path:
    """Make a folder of so many sessions."""
    root = folder / f"{number} sessions"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for one in range(number):
        (root / f"session_{900_000_000 + one}.nwb").symlink_to(files[one % len(files)].resolve())
    return root


def size_of(folder: Path) -> int:
    """Bytes in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run(root: Path, out: Path, workers: int, stimulus: str) -> dict[str, Any]:
    """Do the job; what it took."""
    shutil.rmtree(out, ignore_errors=True)
    data = nwbin.Dataset(root, cache=False)
    began = time.perf_counter()
    results = data.spike_counts(
        out, stimulus, window=(0, 0.25), bin_width=0.05, workers=workers, threads=1, progress=False
    )
    seconds = time.perf_counter() - began
    results.raise_if_failed()
    report = results.report
    return {
        "sessions": len(report),
        "workers": workers,
        "seconds": seconds,
        "in worker": float(report["seconds"].sum()),
        "warm": float(report["seconds"].min()),
        "cold": float(report["seconds"].max()),
        "memory_mb": float(report["memory_mb"].max()),
        "out_mb": size_of(out) / len(report) / 2**20,
        "sum": int(sum(int(one["spike_counts"].sum()) for one in results.values())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=Path)
    parser.add_argument("--size", default="small")
    parser.add_argument("--sessions", default="1,2,4")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--stimulus", default="static_gratings")
    parser.add_argument("--all-sessions", type=int, default=211, help="for the estimate")
    parser.add_argument("--all-workers", type=int, default=32, help="for the estimate")
    parser.add_argument(
        "--disk", type=float, default=1.0, help="GB/s that the cluster's storage gives to all workers"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.files.parent if options.files else None) as folder:
        work = Path(folder)
        if options.files is None:
            files = [testing.write_session(work / "session.nwb", size=options.size)]
        else:
            files = sorted(options.files.glob("session_*.nwb"))
        size = sum(path.stat().st_size for path in files) / len(files)
        print(f"nwbin {nwbin.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
              f"{os.cpu_count()} cores, {len(files)} different files of {size / 1e9:.2f} GB on average")  # fmt: skip
        print(f"{'sessions':>8} {'workers':>7} {'s':>7} {'sessions/s':>10} {'per worker':>10} {'MB/worker':>9} "
              f"{'s/session first':>15} {'later':>6}")  # fmt: skip
        rows = []
        run(
            linked(files, len(files), work), work / "warm.zarr", 1, options.stimulus
        )  # page cache, compiled code
        sums: dict[int, int] = {}
        for sessions in (int(one) for one in options.sessions.split(",")):
            root = linked(files, sessions, work)
            for workers in (int(one) for one in options.workers.split(",")):
                row = run(root, work / "out.zarr", workers, options.stimulus)
                assert sums.setdefault(sessions, row["sum"]) == row["sum"], "runs differ"
                rows.append(row)
                rate = sessions / row["seconds"]
                each = rate / min(workers, sessions)
                print(f"{sessions:8} {workers:7} {row['seconds']:7.2f} {rate:10.2f} {each:10.2f} "
                      f"{row['memory_mb']:9.0f} {row['cold']:15.2f} {row['warm']:6.2f}", flush=True)  # fmt: skip
    estimate(rows, size, options)
    if options.json is not None:
        options.json.write_text(json.dumps({"rows": rows, "file_bytes": size}, indent=1))


def estimate(rows: list[dict[str, Any]], size: float, options: argparse.Namespace) -> None:
    """Say what the whole would take on a cluster, from what was measured here; on paper."""
    most = max(rows, key=lambda row: (row["sessions"], row["workers"]))
    alone = max((row for row in rows if row["workers"] == 1), key=lambda row: row["sessions"])
    # A session in the slowest measured state: workers side by side, their first session with its start-up.
    each = most["in worker"] / most["sessions"]
    turns = math.ceil(options.all_sessions / options.all_workers)
    start = max(0.0, alone["seconds"] - alone["in worker"])
    compute = start + alone["cold"] + (turns - 1) * each
    reading = options.all_sessions * size / (options.disk * 1e9)
    print(f"estimate for {options.all_sessions} sessions of this size on {options.all_workers} workers:")
    print(
        f"  work: {start:.1f} s start + {alone['cold']:.1f} s first session + {turns - 1} x {each:.2f} s"
        f" = {compute:.0f} s"
    )
    print(f"  reading: at most {options.all_sessions * size / 1e9:.0f} GB, {reading:.0f} s at {options.disk:g} GB/s; "
          "the larger of the two, as reading and work overlap")  # fmt: skip
    print(f"  memory: {most['memory_mb']:.0f} MB a worker at most (mapped file pages included); "
          f"results {options.all_sessions * most['out_mb'] / 1024:.1f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
