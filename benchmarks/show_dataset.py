"""One job over three kinds of folder, here and on a Dask cluster, with a worker killed and a damaged file among them.

``python benchmarks/show_dataset.py FILES WORK``: FILES holds session_<id>.nwb files; WORK gets the three
trees (hard links) and the results. Ends with an assertion if anything was lost, or differs between the runs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import nwbin

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.caches import make_allen, make_dandi, make_plain

JOB: dict[str, Any] = {
    "stimulus": ["drifting_gratings", "drifting_gratings_75_repeats"],
    "window": (0.0, 2.0),
    "bin_width": 0.01,
    "units": "firing_rate > 0.1",
}


def trees(files: Path, work: Path) -> dict[str, Path]:
    """Make the three folders, each with one damaged file more."""
    found = sorted(files.glob("session_*.nwb"))
    whole = min(found, key=lambda path: path.stat().st_size).read_bytes()
    made: dict[str, Path] = {}
    broken = {
        "allen": "session_799999999/session_799999999.nwb",
        "dandi": "sub-1/sub-1_ses-799999999.nwb",
        "plain": "session_799999999.nwb",
    }
    for name, make in (("allen", make_allen), ("dandi", make_dandi), ("plain", make_plain)):
        root = work / name
        shutil.rmtree(root, ignore_errors=True)
        made[name] = make(root, found)
        damaged = root / broken[name]
        damaged.parent.mkdir(exist_ok=True)
        damaged.write_bytes(whole[: len(whole) // 2])
    return made


def count(root: Path, out: Path, **how: Any) -> tuple[Any, float]:
    """Run the job; seconds too."""
    began = time.perf_counter()
    results = nwbin.Dataset(root).spike_counts(out, **JOB, **how)
    return results, time.perf_counter() - began


def same(one: Any, other: Any) -> None:
    """Assert that two runs' results are equal, labels included."""
    assert list(one) == list(other), (list(one), list(other))
    for session in one:
        a, b = one[session].load(), other[session].load()
        np.testing.assert_array_equal(a["spike_counts"], b["spike_counts"])
        assert set(a.coords) >= {*a["spike_counts"].dims, "start_time", "orientation"}
        for name in set(a.coords) & set(b.coords) - {"anterior_posterior_ccf_coordinate"}:
            np.testing.assert_array_equal(a[name].values, b[name].values, err_msg=name)


def cluster(work: Path, workers: int) -> tuple[Any, list[subprocess.Popen[bytes]]]:
    """Start a scheduler and workers as processes of their own, on loopback."""
    import distributed

    file = work / "scheduler.json"
    file.unlink(missing_ok=True)
    log = (work / "dask.log").open("wb")
    dask = [sys.executable, "-m", "dask"]
    schedule = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    work_on = [*dask, "worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    options = ["--scheduler-file", str(file)]
    processes = [subprocess.Popen([*schedule, *options], stdout=log, stderr=log)]
    while not file.exists():
        time.sleep(0.1)
    options += ["--local-directory", str(work / "scratch")]
    processes += [subprocess.Popen([*work_on, *options], stdout=log, stderr=log) for _ in range(workers)]
    client = distributed.Client(scheduler_file=str(file))
    client.wait_for_workers(workers)
    return client, processes


def main() -> None:
    files, work = Path(sys.argv[1]), Path(sys.argv[2])
    work.mkdir(exist_ok=True)
    for old in work.glob("*.zarr"):
        shutil.rmtree(old)
    made = trees(files, work)
    local: dict[str, Any] = {}
    for name, root in made.items():
        local[name], seconds = count(root, work / f"{name}.zarr", workers=2)
        print(f"{name:6} 2 processes       {seconds:6.1f} s  {local[name]!r}")
        print(f"       failed: {next(iter(local[name].failed.values()))[:150]}")
        assert len(local[name].failed) == 1
    print(
        "results of the three kinds equal:",
        *(same(local["allen"], local[n]) or n for n in ("dandi", "plain")),
    )

    client, processes = cluster(work, 2)
    try:
        print("cluster:", {name: info["pid"] for name, info in _workers(client).items()})
        for name, root in made.items():
            victim = processes[-1] if name == "allen" else None

            def kill(done: int, total: int, outcome: Any, victim: Any = victim) -> None:
                if (
                    outcome is not None
                    and outcome.status == "done"
                    and victim is not None
                    and victim.poll() is None
                ):
                    # In the middle: one session is done, this worker has the next.
                    os.kill(victim.pid, signal.SIGKILL)
                    victim.wait()
                    print(f"       killed worker {victim.pid} after {done} of {total} sessions")

            results, seconds = count(root, work / f"{name} dask.zarr", client=client, progress=kill)
            print(f"{name:6} Dask, {len(_workers(client))} left      {seconds:6.1f} s  {results!r}")
            same(local[name], results)
        print("results equal those of the local runs")
        # What is missing is done, and nothing else: one session's result is gone, another's file has changed.
        out = work / "plain dask.zarr"
        gone = list(local["plain"])[1]
        shutil.rmtree(out / f"session_{gone}")
        changed = made["plain"] / "recording 4.nwb"
        fresh = changed.with_suffix(".new")
        shutil.copyfile(changed, fresh)
        fresh.replace(changed)
        good = made["plain"] / "session_799999999.nwb"
        good.unlink()
        nwbin.testing.write_session(good, size="tiny", seed=9, session_id=799999999)
        results, seconds = count(made["plain"], out, client=client)
        print(f"resumed                {seconds:6.1f} s  {results!r}")
        print(results.report["status"].to_string())
        assert (results.report["status"] == "done").sum() == 3
    finally:
        client.close()
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
    print("local again, all kept:", count(made["dandi"], work / "dandi.zarr", workers=2)[0])
    victim_of_pool(made["dandi"], work)


def victim_of_pool(root: Path, work: Path) -> None:
    """Kill one of our own worker processes in the middle of its work."""
    killed: list[int] = []

    def kill(done: int, total: int, outcome: Any) -> None:
        if outcome is not None and outcome.status == "done" and not killed:
            mine = Path(f"/proc/{os.getpid()}/task").glob("*/children")
            children = {int(pid) for path in mine for pid in path.read_text().split()}
            killed.append(next(iter(children - {int(outcome.worker.split(":")[1])} or children)))
            os.kill(killed[0], signal.SIGKILL)
            print(f"       killed worker {killed[0]} after {done} of {total} sessions")

    results, seconds = count(root, work / "dandi again.zarr", workers=2, progress=kill)
    print(f"dandi  2 processes     {seconds:6.1f} s  {results!r}")
    assert len(results.failed) == 1


def _workers(client: Any) -> dict[str, Any]:
    pids = client.run(os.getpid)
    return {name: {"pid": pid} for name, pid in pids.items()}


if __name__ == "__main__":
    main()
