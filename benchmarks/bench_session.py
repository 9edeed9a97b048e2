"""nwbin against AllenSDK on one session file, step by step: `python benchmarks/bench_session.py [FILE]`.

Without a file a synthetic session is written (--size full by default, 1.7 GB). Each library runs in a fresh
process, in turn, --repeat times; the best time of each step counts. Needs a Python that has AllenSDK, named
by NWBIN_ALLENSDK_PYTHON; without it only nwbin is timed. The answers of both are compared before anything is
printed. ``--readme README.md`` puts the table there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _data import machine
from _readme import Place, in_words

import nwbin

STEPS = Path(__file__).with_name("session_steps.py")


def run(python: str, library: str, path: Path) -> dict:
    done = subprocess.run(
        [python, str(STEPS), library, str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{library} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def best(runs: list[dict]) -> dict[str, float]:
    return {step: min(run["seconds"][step] for run in runs) for step in runs[0]["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--size", default="full")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--readme", type=Path, help="the file to put the table into")
    options = parser.parse_args()
    place = Place(options.readme, "session") if options.readme else None
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or nwbin.testing.write_session(Path(folder) / "session.nwb", size=options.size)
        runs: dict[str, list[dict]] = {"allensdk": [], "nwbin": []}
        pythons = {"allensdk": os.environ.get("NWBIN_ALLENSDK_PYTHON"), "nwbin": sys.executable}
        for _ in range(options.repeat):
            for library, python in pythons.items():
                if python:
                    runs[library].append(run(python, library, path))
        size = path.stat().st_size / 1e9
    mine = runs["nwbin"]
    for theirs in runs["allensdk"]:
        # Sums of floats may differ in the last digits; counts may not.
        assert theirs["check"][:6] == mine[0]["check"][:6], (theirs["check"], mine[0]["check"])
        for a, b in zip(theirs["check"][6:], mine[0]["check"][6:], strict=True):
            assert abs(a - b) <= 1e-9 * abs(a), (a, b)
    ours = best(mine)
    theirs = best(runs["allensdk"]) if runs["allensdk"] else {}
    units, shown = mine[0]["check"][:2]
    size_text = (
        f"A session of {size:.2f} GB, {shown:,} presentations x {units} units; best of {options.repeat} runs"
    )
    lines = ["| seconds | AllenSDK | nwbin | times quicker |", "|---|---|---|---|"]
    for step, seconds in ours.items():
        other = theirs.get(step)
        ratio = in_words(other / seconds) if other and seconds > 0.001 else ""
        lines.append(f"| {step} | {in_words(other) if other else ''} | {in_words(seconds)} | {ratio} |")
    table = "\n".join([*lines, "", f"{size_text}; {machine()}."])
    print(table)
    if place:
        place.fill(table)


if __name__ == "__main__":
    main()
