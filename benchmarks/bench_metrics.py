"""How long the answers after the count take in a fresh process: `python benchmarks/bench_metrics.py [FILE]`.

    python benchmarks/bench_metrics.py FILE        # without a file a session is written (--size full, 1.7 GB)
    python benchmarks/bench_metrics.py --small     # a smoke test
    NWBIN_ALLENSDK_PYTHON=path/to/python python benchmarks/bench_metrics.py FILE    # and AllenSDK's

From opening the file: the whole table of stimulus metrics and each stimulus by itself, quality metrics, and the PSTH of
all conditions of drifting gratings in 10 ms bins; all units, whatever their quality. Each is made by a process of its
own, --repeat times, and the shortest wall time and the least processor time of any run are shown. AllenSDK's classes
are timed for two numbers of units (--allen-units), from which the time for all units follows: it grows by so much for
each unit. Compiled kernels are kept from a first run, which does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _data import machine
from _metric_steps import CLASSES

import nwbin

STEPS = Path(__file__).with_name("_metric_steps.py")
WORDS = {
    "table": "the whole table of stimulus metrics",
    "quality": "quality metrics",
    "psth": "PSTH, drifting gratings, all conditions, 10 ms",
    "dg": "drifting gratings",
    "sg": "static gratings",
    "ns": "natural scenes",
    "fl": "flashes",
    "rf": "gabors (receptive fields)",
}


def run(python: str, library: str, step: str, file: Path, units: int | None = None) -> dict[str, Any]:
    """One process."""
    more = [] if units is None else [str(units)]
    done = subprocess.run(
        [python, str(STEPS), library, step, str(file), *more], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{library} {step}: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def ours(file: Path, repeat: int) -> None:
    """Print nwbin's part."""
    print("| answer | made | wall, s | processor, s | memory, MB |\n|---|---|--:|--:|--:|")
    for step, words in WORDS.items():
        run(sys.executable, "nwbin", step, file)
        runs = [run(sys.executable, "nwbin", step, file) for _ in range(repeat)]
        made = " x ".join(f"{one:,}" for one in runs[0]["made"])
        wall, used, memory = (min(one[name] for one in runs) for name in ("wall", "processor", "memory"))
        print(f"| {words} | {made} | {wall:.2f} | {used:.2f} | {memory:,.0f} |", flush=True)


def theirs(python: str, file: Path, few: int, more: int, total: int) -> None:
    """Print AllenSDK's, for few units and for more, and what follows for all; the session's opening left out."""
    print(
        f"\n| AllenSDK | {few} units, s | {more} units, s | {total:,} units would take, s |\n|---|--:|--:|--:|"
    )
    together = 0.0
    for step in CLASSES:
        first, second = (run(python, "allensdk", step, file, number)["made"][-1] for number in (few, more))
        all_units = first + (second - first) / (more - few) * (total - few)
        together += all_units
        print(f"| {WORDS[step]} | {first:.1f} | {second:.1f} | {all_units:,.0f} |", flush=True)
    print(f"| all | | | {together:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--small", action="store_true", help="a tiny session, one run each")
    parser.add_argument("--size", default="full")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--allen-units", type=int, nargs=2, default=(20, 60), metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = args.file or nwbin.testing.write_session(
            Path(folder) / "session.nwb", size="tiny" if args.small else args.size
        )
        print(machine() + "\n")
        ours(file, 1 if args.small else args.repeat)
        python = os.environ.get("NWBIN_ALLENSDK_PYTHON")
        if python and not args.small:
            with nwbin.open(
                file, amplitude_cutoff_maximum=None, presence_ratio_minimum=None, isi_violations_maximum=None
            ) as session:
                total = session.num_units
            theirs(python, file, *args.allen_units, total)


if __name__ == "__main__":
    main()
