"""Bend small files at random and see what nwbin makes of them.

    python -m tests.fuzzing 5000 --seed 1            # prints the counts by outcome
    python -m tests.fuzzing --cuts                   # the same for a file cut before each of its bytes

Every outcome must be an answer that equals plain h5py's, or an NwbinError. Cases run in child processes with a
limit on memory and on time. A crash or a hang is counted, with the number of its case, so that ``--only N`` shows
it again; where it is plain h5py's, in reading what is compared, it is counted apart.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import re
import resource
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py  # noqa: TID251 - compared with h5py's own reading
import numpy as np

import nwbin
from nwbin.check import check
from tests.fuzz_ways import bend, bend_open_file, sound
from tests.small_files import write_small

MEMORY = 4 << 30  # address space of a child
GROWTH = 400 << 20  # resident memory that one small file may cost
PATIENCE = 120.0  # seconds for a case: hundreds of times what one takes, as machines may be busy
CHANGING = 0.1  # of the cases: sound files that change while they are open
BAD = ("wrong", "foreign", "crash", "hang", "memory")


class Outcome(NamedTuple):
    case: int
    kind: str
    detail: str


# ------------------------------------------------------------------ what nwbin makes of it


class Wrong(AssertionError):
    """An answer differs from plain h5py's."""


def _same(what: str, ours: Any, theirs: Any) -> None:
    if np.shape(ours) != np.shape(theirs) or not np.array_equal(
        ours, theirs, equal_nan=np.asarray(ours).dtype.kind == "f"
    ):
        raise Wrong(f"{what}: {ours!r} where h5py reads {theirs!r}"[:500])


def _plainly(file: Any, name: str) -> Any | None:
    """A dataset as h5py reads it, None where it does not."""
    try:
        node = file[name]
        values = node[()]
        if h5py.check_string_dtype(node.dtype) is None and node.dtype.kind != "S":
            return np.asarray(values)
        return np.array(
            [
                v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else v
                for v in values.ravel().tolist()
            ],
            dtype=object,
        ).reshape(values.shape)
    except Exception:
        return None


def exercise(path: Path) -> tuple[list[str], Callable[[Any], None]]:
    """Ask a file for everything. Anything that is no NwbinError goes up.

    Returns the kinds of NwbinError met, and a function that compares the answers with an open h5py file.
    """
    errors: list[str] = []

    def ask(what: Callable[[], Any]) -> Any | None:
        try:
            return what()
        except nwbin.NwbinError as error:
            if path.name not in str(error):
                raise Wrong(f"the message does not name the file: {error}") from error
            errors.append(type(error).__name__)
            return None

    check(path).to_json()
    f = ask(lambda: nwbin.File(path))
    if f is None:
        return [f"{errors[0]} at opening"], lambda plain: None
    frames: dict[str, Any] = {}
    with f:
        for what in (
            "session_id",
            "session_start_time",
            "subject",
            "devices",
            "electrode_groups",
            "electrodes",
        ):
            ask(lambda what=what: getattr(f, what))
        frames["units"] = ask(lambda: f.units)
        for name in ask(lambda: list(f.intervals)) or []:
            frames[f"intervals/{name}"] = ask(lambda name=name: f.intervals[name])
        trains = ask(f.spike_trains)
        if trains is not None:
            nwbin.bin_spikes(trains, [0.0, 1.0], [0.0, 0.1, 0.2])
        ids = ask(lambda: f.unit_ids)
        for column in ("tags", "waveforms", "quality", "pair", "big"):
            if ids is not None and len(ids):
                ask(lambda column=column: f.unit_column(column, int(ids[-1])))
        ask(lambda: f.time_series("acquisition/wheel"))

    kinds = list(errors)
    session = ask(lambda: nwbin.open(path))
    if session is not None:
        with session:
            _exercise_session(session, ask)

    def compare(plain: Any) -> None:
        for where, frame in frames.items():
            for column in () if frame is None else frame.columns:
                theirs = _plainly(plain, f"{where}/{column}")
                if theirs is not None and f"{column}_index" not in plain[where]:
                    _same(f"{where}/{column}", frame[column].to_numpy(), theirs)
        if trains is not None:
            _compare_trains(trains, plain)

    return kinds, compare


def _exercise_session(session: Any, ask: Callable[[Callable[[], Any]], Any]) -> None:
    """Ask for what Session makes of a file."""
    for what in (
        "units", "channels", "probes", "stimulus_presentations", "stimulus_conditions", "stimulus_names",
        "invalid_times", "metadata", "running_speed", "session_start_time", "inter_presentation_intervals",
    ):  # fmt: skip
        ask(lambda what=what: getattr(session, what))
    for mapping in ("spike_times", "spike_amplitudes", "mean_waveforms"):
        ask(lambda mapping=mapping: dict(getattr(session, mapping)))
    ask(lambda: session.presentationwise_spike_counts([0.0, 0.1, 0.2], None, None))
    ask(session.presentationwise_spike_times)
    ask(session.conditionwise_spike_statistics)
    ask(lambda: session.response_matrix(None, label="contrast"))


def _compare_trains(trains: Any, plain: Any) -> None:
    times, ends = _plainly(plain, "units/spike_times"), _plainly(plain, "units/spike_times_index")
    if times is None or ends is None:
        return
    starts = [0, *ends.tolist()[:-1]]
    for i, unit in enumerate(trains.unit_ids.tolist()):
        _same(f"spikes of unit {unit}", trains[unit], times[starts[i] : ends[i]].astype(float))


# ------------------------------------------------------------------ files that change while they are open


def exercise_changing(path: Path, rng: np.random.Generator) -> str:
    """Ask a sound file, change it, and ask again: the same answers, or an error that says what happened."""
    then = path.stat().st_mtime_ns - 10**9
    os.utime(path, ns=(then, then))  # what is written within a clock tick has the same time
    onsets = np.linspace(0, 3, int(rng.choice([2, 20_000])))
    with nwbin.File(path, mmap=bool(rng.integers(2))) as f:
        trains, few, table = f.spike_trains(), f.spike_trains([11, 7]), f.table("units")
        uses: list[Callable[[], Any]] = [
            lambda: trains.times.tolist(), lambda: few.times.tolist(), lambda: few[7].tolist(),
            lambda: nwbin.bin_spikes(trains, onsets, [0.0, 0.5, 1.0]).tolist(),
            lambda: nwbin.align_spikes(few, onsets, (0.0, 1.0)).time.tolist(),
            lambda: nwbin.bin_spikes_sparse(few, onsets, [0.0, 0.5]).count.tolist(),
            lambda: f.spike_trains([3, 7]).times.tolist(), lambda: table.column("quality").tolist(),
            lambda: f.units.to_json(), lambda: f.subject, lambda: f.session_id,
            lambda: [part.tolist() for part in f.unit_column("waveforms", 11)],
        ]  # fmt: skip
        before = [use() if rng.integers(2) else None for use in uses]
        rng.shuffle(order := list(range(len(uses))))
        done = bend_open_file(path, rng)
        for k in order:
            try:
                answer = uses[k]()
            except nwbin.NwbinError as error:
                if done == "replaced" or "while it was open" not in str(error):
                    raise Wrong(f"{done}: {error}") from error
                continue
            if before[k] is not None and answer != before[k]:
                raise Wrong(f"{done}: use {k} gave {before[k]!r}, and now {answer!r}"[:500])
    return done


# ------------------------------------------------------------------ running cases


def peak_memory(*, reset: bool = False) -> int:
    """Return the most bytes that this process had resident, since the last reset where the system knows resets."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) << 10
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def made(case: int, seed: int, folder: Path) -> tuple[Path, str, np.random.Generator]:
    """Make the file of a case: its path, what was done to it, and what further chance goes by."""
    rng = np.random.default_rng([seed, case])
    path = folder / f"case{case}.nwb"
    if rng.random() < CHANGING:
        kind = ("mapped", "chunked", "plain")[int(rng.integers(3))]
        path.write_bytes(sound(folder, kind).read_bytes())
        return path, "", rng
    return path, bend(path, rng), rng


def run_case(case: int, seed: int, folder: Path) -> Outcome:
    """Make a file, ask it for everything, and say how that went."""
    path, done, rng = made(case, seed, folder)
    before = peak_memory(reset=True)
    try:
        if not done:
            done = exercise_changing(path, rng)
            return Outcome(case, "changed", done)
        errors, compare = exercise(path)
        if peak_memory() - before > GROWTH:
            return Outcome(case, "memory", done)
        # h5py takes any amount of memory or time on some of these files, or crashes: that is no answer to compare.
        print("PLAIN", case, flush=True)
        with contextlib.suppress(OSError), h5py.File(path, "r") as plain:
            compare(plain)
    except Wrong as error:
        return Outcome(case, "wrong", f"{done}: {error}")
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome(case, "foreign", f"{done}: {type(error).__name__} {error} ({last.name}:{last.lineno})")
    finally:
        path.unlink()
    return Outcome(case, errors[0] if errors else "answer", done)


def cut_everywhere(folder: Path) -> Counter[str]:
    """Cut small files before every byte, and once where it ends, and count what opening and checking them gives."""
    counts: Counter[str] = Counter()
    for chunked in (False, True):
        path = write_small(folder / "cut.nwb", chunked=chunked)
        for size in range(path.stat().st_size, -1, -1):
            os.truncate(path, size)
            try:
                with nwbin.File(path):
                    kind = "answer"
            except nwbin.NwbinError as error:
                kind = type(error).__name__
                message = re.sub(r"[\d,]*\d", "N", str(error).removeprefix(f"{path}: "))
                kind += ": " + re.sub(r"b'.*'", "...", message)
            if bool(check(path).ok) != (kind == "answer"):
                raise Wrong(f"cut to {size} bytes, check does not say {kind}")
            counts[kind] += 1
    return counts


def _child(begin: int, end: int, seed: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        for case in range(begin, end):
            print("START", case, flush=True)
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            outcome = run_case(case, seed, Path(folder))
            faulthandler.cancel_dump_traceback_later()
            detail = " ".join(outcome.detail.split())
            print("END", case, outcome.kind, "|", detail, flush=True)


def _batch(begin: int, end: int, seed: int) -> list[Outcome]:
    """Run cases in a child; where it dies, note that and go on behind the case that killed it."""
    found: list[Outcome] = []
    while begin < end:
        command = [
            sys.executable,
            "-m",
            "tests.fuzzing",
            "--child",
            str(begin),
            str(end),
            "--seed",
            str(seed),
        ]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            code = subprocess.call(command, stdout=out, stderr=errors, text=True)
            out.seek(0)
            errors.seek(0)
            lines, said = out.read().splitlines(), errors.read()
        how = "hang" if "Timeout (" in said else "crash"
        started = begin - 1
        for line in lines:
            word, case, *rest = line.split(" ", 2)
            if word == "START":
                started, who = int(case), "nwbin"
            elif word == "PLAIN":
                who = "h5py"
            elif word == "END":
                kind, _, detail = rest[0].partition(" | ")
                found.append(Outcome(int(case), kind, detail))
        if code == 0:
            break
        if started < begin:
            raise RuntimeError(f"the child did not start: {said[-2000:]}")
        how = how if who == "nwbin" else f"h5py's own {how}"
        found.append(Outcome(started, how, f"exit code {code}: {' '.join(said.split())[:600]}"))
        begin = started + 1
    return found


def run(cases: int, seed: int, *, begin: int = 0, batch: int = 250) -> list[Outcome]:
    """Run many cases; returns their outcomes."""
    found: list[Outcome] = []
    for first in range(begin, begin + cases, batch):
        found += _batch(first, min(first + batch, begin + cases), seed)
    return found


def main() -> None:
    """Count outcomes by kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--cuts", action="store_true", help="cut a small file before every byte instead")
    parser.add_argument("--only", type=int, help="run one case here, without limits, and leave its file")
    given = parser.parse_args()
    if given.child:
        _child(*given.child, given.seed)
        return
    if given.only is not None:
        path, done, rng = made(given.only, given.seed, Path(tempfile.mkdtemp()))
        print(path, done)
        if not done:
            print(exercise_changing(path, rng))
            return
        errors, compare = exercise(path)
        print(errors)
        with h5py.File(path, "r") as plain:
            compare(plain)
        return
    if given.cuts:
        with tempfile.TemporaryDirectory() as folder:
            for kind, count in cut_everywhere(Path(folder)).most_common():
                print(f"{count:7d}  {kind}")
        return
    found = run(given.cases, given.seed)
    for kind, count in Counter(outcome.kind for outcome in found).most_common():
        print(f"{count:7d}  {kind}")
    for outcome in found:
        if outcome.kind in BAD or outcome.kind.startswith("h5py"):
            print(outcome)


if __name__ == "__main__":
    main()
