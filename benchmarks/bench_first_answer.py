"""How long a fresh process takes to its first answer, step by step: `python benchmarks/bench_first_answer.py [FILE]`.

    python benchmarks/bench_first_answer.py FILE        # without a file a session is written (--size full, 1.7 GB)
    python benchmarks/bench_first_answer.py --small     # a smoke test
    python benchmarks/bench_first_answer.py FILE --flame picture.svg    # and a picture of what it is made of
    NWBIN_ALLENSDK_PYTHON=path/to/python python benchmarks/bench_first_answer.py FILE    # and AllenSDK's

Two scripts, each run by fresh interpreters in turn, --repeat times: "counts", all units in one bin around all
gratings, and "tutorial", X and y of V1. Compiled kernels are kept from a first run, which does not count, and so
is Python's byte code. For each step the shortest wall time and the least processor time (user and system, all
threads) of any run are shown: the second hangs less on what else the machine does. Then come the packages that
were loaded, by the time that importing each took (python -X importtime; the least of the runs), and the table of
all spikes during the gratings, made in memory that no one has used before, beside what the machine takes to hand
out and fill as many bytes. The answers of both libraries are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import _flame
from _data import machine

import nwbin

STEPS = Path(__file__).with_name("_first_steps.py")
SHOWN_PACKAGES = 12
FLOOR = f"import {', '.join(_flame.FLOOR)}"


def environment() -> dict[str, str]:
    """This process's, in which Python may keep byte code, as it does of what is installed."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _done(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done


def run(python: str, library: str, script: str, path: Path, *options: str) -> tuple[dict[str, Any], str]:
    """What a fresh process says of its steps, and what it wrote to stderr."""
    done = _done([python, *options, str(STEPS), library, script, str(path)])
    return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr


def imports(text: str) -> dict[str, float]:
    """Seconds for each package's own modules, from what -X importtime writes."""
    took: dict[str, float] = defaultdict(float)
    for line in text.splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            package = name.strip().split(".")[0]
            took["Python's own" if package in sys.stdlib_module_names else package] += int(own) / 1e6
    return took


def timeline(script: str, libraries: dict[str, list[dict[str, Any]]]) -> None:
    """Print a line a step, for each library its wall and processor time."""
    best = {
        library: {
            step: [min(one["steps"][step][kind] for one in runs) for kind in (0, 1)]
            for step in runs[0]["steps"]
        }
        for library, runs in libraries.items()
    }
    names = list(best)
    print(f"| {script}: ms | {' | '.join(f'{name}, wall | processor' for name in names)} |")
    print("|---" + "|--:" * (2 * len(names)) + "|")
    for step in best["nwbin"]:
        times = (f"{1000 * seconds:,.1f}" for name in names for seconds in best[name][step])
        print(f"| {step} | {' | '.join(times)} |")
    sums = (
        min(sum(step[kind] for step in one["steps"].values()) for one in libraries[name])
        for name in names
        for kind in (0, 1)
    )
    print(f"| all, quickest run | {' | '.join(f'{1000 * seconds:,.1f}' for seconds in sums)} |\n")


def measure(script: str, path: Path, repeat: int) -> None:
    """Run a script, compare the answers and print the tables."""
    pythons = {"nwbin": sys.executable}
    if allen := os.environ.get("NWBIN_ALLENSDK_PYTHON"):
        pythons["allensdk"] = allen
    if repeat > 1:
        run(sys.executable, "nwbin", script, path)
    libraries: dict[str, list[dict[str, Any]]] = {name: [] for name in pythons}
    for turn in range(repeat):
        for library, python in pythons.items():
            if turn == 0 or library == "nwbin":  # AllenSDK's takes a minute
                libraries[library].append(run(python, library, script, path)[0])
    answers = {json.dumps(one["answer"]) for runs in libraries.values() for one in runs}
    assert len(answers) == 1, answers
    timeline(script, libraries)
    loaded = [
        imports(run(sys.executable, "nwbin", script, path, "-X", "importtime")[1]) for _ in range(repeat)
    ]
    least = {name: min(one.get(name, 0.0) for one in loaded) for name in loaded[0]}
    ranked = sorted(least.items(), key=lambda one: -one[1])[:SHOWN_PACKAGES]
    print(f"Imports of {script}, ms: {', '.join(f'{name} {1000 * took:.0f}' for name, took in ranked)}.\n")


def flame(path: Path, repeat: int, target: Path) -> None:
    """Draw what both scripts' processor time is made of, print its sums, and what the imports alone take."""
    wholes = []
    for script in ("counts", "tutorial"):
        plain = [run(sys.executable, "nwbin", script, path)[0]["steps"] for _ in range(repeat)]
        took = {
            step: min(one[step][1] for one in plain) for step in plain[0]
        }  # processor time: others compute too
        watched = [run(sys.executable, "nwbin", script, path, "-X", "importtime") for _ in range(repeat)]
        found = [_flame.imports_by_step(text) for _, text in watched]
        imports = {}
        for step, seconds in took.items():
            # Watching imports takes time of its own, and what it says is wall time.
            slower = max(1.0, min(one["steps"][step][0] for one, _ in watched) / seconds)
            imports[step] = {
                package: min(one[step].get(package, 0.0) for one in found) / slower
                for package in found[0][step]
            }
        functions = json.loads(_done([sys.executable, _flame.__file__, script, str(path)]).stdout)
        wholes.append(_flame.parts_of(script, took, imports, functions))
        print(f"{_flame.table(wholes[-1])}\n")
    code = f"import time; {FLOOR}; print(time.process_time())"
    alone = min(float(_done([sys.executable, "-c", code]).stdout) for _ in range(repeat))
    print(f"{FLOOR}, and nothing else: {1000 * alone:,.0f} ms.\n")
    _flame.draw(wholes, target)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--small", action="store_true", help="a tiny session, one run each")
    parser.add_argument("--size", default="full")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--flame", type=Path, metavar="PICTURE", help="draw what the time is made of, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file
        if path is None:
            size = "tiny" if options.small else options.size
            path = nwbin.testing.write_session(Path(folder) / "session.nwb", size=size, seed=0)
        for script in ("counts", "tutorial", "spikes"):
            measure(script, path, 1 if options.small else options.repeat)
        if options.flame is not None:
            flame(path, 1 if options.small else options.repeat, options.flame)
        print(f"A session of {path.stat().st_size / 1e9:.3g} GB; {machine()}.")


if __name__ == "__main__":
    main()
