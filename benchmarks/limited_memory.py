"""Count all presentations x all units of a file that is larger than the memory there is.

    python benchmarks/limited_memory.py FILE [--gib 1]

A child process counts under the limit, another without, and their counts must be the same; a third shows that the
limit holds, by taking more. The limit is a control group of Linux (version 2 or 1) inside this process's own where
one may be made, and then holds for the page cache too; else RLIMIT_DATA, which holds for a process's own memory
only. The file is dropped from the page cache first, as pages that others brought in would not count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

WINDOW = (0.0, 0.25)  # s from onset


class Group(NamedTuple):
    """A control group that limits memory."""

    folder: Path
    peak: str  # its file that says how much was taken at most
    version: int


def make_group(limit: int) -> Group | str:
    """Make a control group inside this process's own, or say why not."""
    try:
        mounts = [line.split()[1:4] for line in Path("/proc/mounts").read_text().splitlines()]
        mine = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError as error:
        return str(error)
    why = "no control groups here"
    for place, kind, options in mounts:
        if kind == "cgroup2":
            version, of, files = 2, "", ("memory.max", "memory.peak", "memory.swap.max")
        elif kind == "cgroup" and "memory" in options.split(","):
            version, of, files = 1, "memory", ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "")
        else:
            continue
        for _, controllers, path in mine:
            if of not in controllers.split(","):
                continue
            folder = Path(place) / path.lstrip("/") / f"nwbin-{os.getpid()}"
            try:
                folder.mkdir()
            except OSError as error:
                why = str(error)
                continue
            if (folder / files[0]).exists():
                (folder / files[0]).write_text(str(limit))
                if files[2] and (folder / files[2]).exists():
                    (folder / files[2]).write_text("0")
                return Group(folder, files[1], version)
            folder.rmdir()
            why = f"{folder.parent} has no control over memory"
    return why


def own_memory() -> int:
    """What this process holds that is no file's, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


def count(path: str) -> dict[str, Any]:
    """Count every presentation and unit, block by block, and watch this process's own memory meanwhile."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], own_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        began = time.perf_counter()
        import nwbin

        with nwbin.open(path) as session:
            onsets = session.stimulus_presentations["start_time"].to_numpy()
            trains = session.file.spike_trains()
            total, check = 0, 0
            for _, counts in nwbin.iter_bin_spikes(trains, onsets, WINDOW, closed="both", reuse=True):
                total += int(counts.sum())
                check = zlib.crc32(counts, check)
        seconds = time.perf_counter() - began
    finally:
        done.set()
        watcher.join()
    found = {"presentations": len(onsets), "units": len(trains), "spikes": total, "checksum": check}
    return {"found": found, "seconds": seconds, "own": peak[0]}


def take(n_bytes: int) -> dict[str, Any]:
    """Take more memory than is allowed: never returns where the limit holds."""
    return {"found": sum(bytearray(b"\1") * n_bytes)}


def child(what: str, path: str, group: Group | str | None, limit: int) -> subprocess.CompletedProcess[str]:
    """Do something in a process of its own, which joins the group before all else."""
    join = str(group.folder / "cgroup.procs") if isinstance(group, Group) else ""
    data = limit if isinstance(group, str) else 0
    command = [sys.executable, __file__, path, "--child", what, "--join", join, "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a child found."""
    if done.returncode:
        raise SystemExit(f"the child ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print what counting took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", help="a tiny session is written where none is given")
    parser.add_argument("--gib", type=float, default=1.0, help="the limit")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--join", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        if given.join:
            Path(given.join).write_text(str(os.getpid()))
        if given.data:
            resource.setrlimit(resource.RLIMIT_DATA, (given.data, given.data))
        print(json.dumps(count(given.file) if given.child == "count" else take(int(given.child))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.file
        if path is None:
            import nwbin

            path = str(Path(folder) / "session.nwb")
            nwbin.testing.write_session(path, size="tiny", seed=0)
        show(path, int(given.gib * 2**30))


def show(path: str, limit: int) -> None:
    """Run the children and print what they say."""
    free = result(child("count", path, None, limit))
    with Path(path).open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    group = make_group(limit)
    try:
        held = result(child("count", path, group, limit))
        peak = group.folder / group.peak if isinstance(group, Group) else None
        with_cache = f"{int(peak.read_text()) / 1e6:,.0f} MB" if peak and peak.exists() else "not known"
        killed = child(str(limit + limit // 4), path, group, limit)
    finally:
        if isinstance(group, Group):
            group.folder.rmdir()
    assert killed.returncode, "the limit does not hold: a child took a quarter more"
    assert held["found"] == free["found"], (held, free)
    how = f"control group, version {group.version}" if isinstance(group, Group) else f"RLIMIT_DATA ({group})"
    found = held["found"]
    print(f"{Path(path).name}, {Path(path).stat().st_size / 1e6:,.0f} MB; {os.cpu_count()} cores")
    print(
        f"{found['presentations']:,} presentations x {found['units']:,} units, {WINDOW[0]} to {WINDOW[1]} s\n"
    )
    print("| limit | seconds | own memory at most | with page cache at most | spikes |")
    print("|---|--:|--:|--:|--:|")
    for name, run, most in ((f"{limit / 2**30:g} GiB", held, with_cache), ("none", free, "")):
        print(
            f"| {name} | {run['seconds']:.2f} | {run['own'] / 1e6:.0f} MB | {most} | {run['found']['spikes']:,} |"
        )
    print(f"\nLimit by {how}; a child that took a quarter more was ended. Both runs' counts are the same.")


if __name__ == "__main__":
    main()
