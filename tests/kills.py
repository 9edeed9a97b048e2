"""Jobs whose processes are killed at random moments: the next run makes good, and nothing is left behind.

``python -m tests.kills N --seed S`` does N kills of each kind and prints what became of them. A job is
``nwbin count FOLDER -o x.zarr`` or ``Dataset.map(function, out=folder)``, in turn. After each kill the same job is
run again at once, without waiting for what the killed one may have left running. Its result has to be that of a
job which nobody disturbed, bit for bit; nothing else may lie beside it; no process of the killed job may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nwbin
from nwbin import testing

ROOT = Path(__file__).parents[1]
KINDS = (
    "parent",
    "worker",
    "term",
)  # SIGKILL of the job's process, of one of its workers; SIGTERM of the job
JOBS = ("count", "map")
SESSIONS = 4
PATIENCE = 120.0  # seconds: many times what a job takes on a busy machine
SOON = 30.0  # seconds within which all processes of a killed job have to be gone, where others have all cores


class Kill(NamedTuple):
    """What became of one killed job.

    `wrong` is empty where all is well. `moment` is when it was killed, `gone` after how long the last of its
    processes was gone, s. `kept` of its sessions the next run found done.
    """

    kind: str
    job: str
    moment: float
    gone: float
    kept: int
    wrong: str


# ------------------------------------------------------------------ jobs


def write_sessions(folder: Path, number: int = SESSIONS) -> Path:
    folder.mkdir()
    for one in range(number):
        testing.write_session(
            folder / f"session_{one + 1}.nwb", size="tiny", seed=one, session_id=one + 1,
            layout=("released", "chunked")[one % 2],
        )  # fmt: skip
    return folder


def answer(session: nwbin.Session) -> dict[str, Any]:
    """What `map` has done: counts and a table."""
    rows = session.get_stimulus_table("flashes").index
    counts = session.presentationwise_spike_counts(np.arange(0, 0.25, 0.01), rows, session.units.index)
    return {
        "counts": counts.to_numpy(),
        "units": session.units.index.to_numpy(),
        "id": session.ecephys_session_id,
    }


def map_all(data: str, out: str, **how: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nwbin.NwbinWarning)
        return nwbin.Dataset(data).map(answer, out=out, **how)


def command(job: str, data: Path, out: Path) -> list[str]:
    if job == "map":
        script = f"from tests.kills import map_all; map_all({str(data)!r}, {str(out)!r}, workers=2).raise_if_failed()"
        return [sys.executable, "-c", script]
    main = "from nwbin.cli import main; main()"
    asked = ["--stimulus", "flashes", "--window", "0,0.25", "--bin", "0.01", "--all", "--workers", "2"]
    return [sys.executable, "-P", "-c", main, "count", str(data), *asked, "-o", str(out)]


class Running:
    """A job, and all that its processes say; each of them has this pipe open."""

    def __init__(self, job: str, data: Path, out: Path) -> None:
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command(job, data, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.said, self.closed = b"", 0.0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as pipe:
            self.said = pipe.read()
        self.closed = time.monotonic()

    def end(self) -> str:
        """Wait for all of its processes; what is wrong with how they ended."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "hangs"
        self._reader.join(PATIENCE)
        if self._reader.is_alive():
            return "left processes behind"
        text = self.said.decode(errors="replace")
        return f"said {text[-2000:]}" if "Traceback" in text or "Fatal" in text else ""


def workers_of(parent: int) -> list[int]:
    """Process ids of a job's workers. From /proc: Linux only."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and b"_worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


# ------------------------------------------------------------------ results


def contents(job: str, data: Path, out: Path) -> dict[str, Any]:
    """All that a result holds, by name; a session that is not there, or would be made again, is an error."""
    if job == "count":
        return dict(_zarr_contents(out))
    done = map_all(str(data), str(out), workers=0)
    again = done.report.index[done.report["status"] != "kept"].tolist()
    assert not again, f"sessions {again} were made again"
    return {f"{key}/{name}": np.asarray(one) for key, value in done.items() for name, one in value.items()}


def _zarr_contents(out: Path) -> Iterator[tuple[str, Any]]:
    import zarr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = zarr.open_group(str(out), mode="r")
        for group in [root, *(node for _, node in root.groups())]:
            yield group.path, _lasting(dict(group.attrs))
            for name, array in group.arrays():
                yield f"{group.path}/{name}", np.asarray(array[...])
                yield f"{group.path}/{name}: attributes", dict(array.attrs)


def _lasting(attributes: Any) -> Any:
    """Attributes but for what names the moment or the run."""
    if not isinstance(attributes, dict):
        return attributes
    passing = ("time", "written", "created", "run", "seconds")
    return {name: _lasting(value) for name, value in attributes.items() if name not in passing}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    if set(one) != set(other):
        return [f"{name} is in one only" for name in sorted(set(one) ^ set(other))]
    return [name for name, value in one.items() if not _same(value, other[name])]


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, np.ndarray):
        return bool(one == other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return (
        bool((one == other).all())
        if one.dtype.hasobject or one.dtype.kind == "T"
        else one.tobytes() == other.tobytes()
    )


def names(folder: Path) -> set[str]:
    """Everything in a folder, hidden or not, but for what lies within an array."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# ------------------------------------------------------------------ kills


class Harness:
    """A folder of sessions, what undisturbed jobs make of it, and how long they take."""

    def __init__(
        self, folder: Path, sessions: int = SESSIONS, jobs: Sequence[str] = JOBS, warm: bool = True
    ) -> None:
        self.folder, self.jobs = folder, jobs
        self.data = write_sessions(folder / "data", sessions)
        self.whole: dict[str, dict[str, Any]] = {}
        self.files: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = {}
        for job in jobs:
            for _ in range(1 + warm):  # the first compiles, and gathers the index of the data set
                place, out = self._place(job)
                running = Running(job, self.data, out)
                wrong = running.end()
                assert not wrong, wrong
                assert running.process.returncode == 0, running.said.decode()
            self.seconds[job] = running.closed - running.began
            self.whole[job], self.files[job] = contents(job, self.data, out), names(place)

    def _place(self, job: str) -> tuple[Path, Path]:
        place = Path(tempfile.mkdtemp(prefix=f"{job}-", dir=self.folder))
        return place, place / ("out.zarr" if job == "count" else "out")

    def kill(self, kind: str, job: str, rng: random.Random) -> Kill | None:
        """Kill a job at a random moment and run it again; None where it had ended before that moment."""
        place, out = self._place(job)
        first = Running(job, self.data, out)
        if rng.random() < 0.7:  # where it writes; else at any moment, such as while it imports
            while not any(place.iterdir()) and first.process.poll() is None:
                time.sleep(0.002)
        left = self.seconds[job] - (time.monotonic() - first.began)
        time.sleep(max(0.0, rng.uniform(0, left)))
        victim = self._victim(kind, first, rng)
        if victim is None or first.process.poll() is not None:
            first.end()
            return None
        os.kill(victim, signal.SIGTERM if kind == "term" else signal.SIGKILL)
        killed = time.monotonic()
        if kind == "worker":  # the job goes on
            wrong = first.end() or ("" if first.process.returncode == 0 else f"failed: {first.said.decode()}")
            gone = 0.0
        else:
            first.process.wait(PATIENCE)
        kept = len(list(out.glob("session_*"))) if out.is_dir() else 0
        second = Running(job, self.data, out)
        if kind != "worker":
            wrong = first.end()
            gone = first.closed - killed
            if not wrong and gone > SOON:
                wrong = f"its processes were there for {gone:.1f} s"
        wrong = wrong or self._wrong(job, place, out, second)
        return Kill(kind, job, killed - first.began, gone, kept, wrong)

    def _victim(self, kind: str, job: Running, rng: random.Random) -> int | None:
        if kind != "worker":
            return job.process.pid
        while job.process.poll() is None:
            if found := workers_of(job.process.pid):
                return rng.choice(found)
        return None

    def _wrong(self, job: str, place: Path, out: Path, second: Running) -> str:
        """What is wrong with the second run and its result."""
        if wrong := second.end():
            return f"the next run {wrong}"
        if second.process.returncode != 0:
            return f"the next run failed: {second.said.decode(errors='replace')}"
        if other := names(place) ^ self.files[job]:
            return f"files there or not: {sorted(other)[:10]}"
        try:
            found = differences(contents(job, self.data, out), self.whole[job])
        except Exception as error:
            return f"the result cannot be read: {type(error).__name__}: {error}"
        return f"differs: {found[:5]}" if found else ""

    def kills(
        self, number: int, kinds: tuple[str, ...], seed: int, told: Callable[[Kill], object]
    ) -> list[Kill]:
        """So many kills of each kind, of both jobs in turn."""
        rng, done = random.Random(seed), []
        for kind in kinds:
            count = 0
            while count < number:
                one = self.kill(kind, self.jobs[count % len(self.jobs)], rng)
                if one is not None:
                    count += 1
                    done.append(one)
                    told(one)
        return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("number", type=int, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument(
        "--slow", type=float, default=1.0, help="wait so many times as long: on a busy machine"
    )
    asked = parser.parse_args()
    global PATIENCE, SOON
    PATIENCE, SOON = asked.slow * PATIENCE, asked.slow * SOON
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder))
        shown = ", ".join(f"{job} {seconds:.1f} s" for job, seconds in harness.seconds.items())
        print(f"undisturbed: {shown}", flush=True)
        done = harness.kills(
            asked.number, tuple(asked.kinds.split(",")), asked.seed,
            lambda one: print((one.wrong and f"WRONG {one}") or ".", end="\n" if one.wrong else "", flush=True),
        )  # fmt: skip
    print()
    for kind in dict.fromkeys(one.kind for one in done):
        for job in JOBS:
            some = [one for one in done if (one.kind, one.job) == (kind, job)]
            if some:
                moments = [one.moment for one in some]
                print(
                    f"{kind:6} of {job:5}: {len(some)} killed after {min(moments):.2f} to {max(moments):.2f} s, "
                    f"{sum(0 < one.kept < SESSIONS for one in some)} of them with some sessions done; "
                    f"all gone after {max(one.gone for one in some):.2f} s at most; "
                    f"{sum(not one.wrong for one in some)} equal to an undisturbed one"
                )
    wrong = sum(bool(one.wrong) for one in done)
    print(f"{len(done)} kills, {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    from tests import kills  # functions travel to workers by this name, not as __main__'s

    kills.main()
