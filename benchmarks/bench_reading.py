# ruff: noqa: TID251 - contenders are measured as their users use them
"""How quick reading is, against AllenSDK, pynwb, lazynwb, pynapple and h5py.

    python benchmarks/bench_reading.py [FILE]           # a released-size session is written where none is given
    NWBIN_ALLENSDK_PYTHON=path/to/python python benchmarks/bench_reading.py FILE
    python benchmarks/bench_reading.py --small          # a smoke test
    python benchmarks/bench_reading.py --readme README.md    # and put a short table there

Every contender does every step in a fresh process, several times, in turns; the best time counts, the largest
memory. Files come from the page cache. "read" is what a process asked of the system by read calls: pages of a
map are not in it. pynapple comes with the extra `bench`; lazynwb, which does not go with current Zarr, is found
in an environment of its own (``--python lazynwb=path/to/python``), and so is any other contender.
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
from _readme import Place, in_words

STEPS = {
    "tutorial": "open, units, stimulus table, X and y of V1 for static gratings (imports included)",
    "units": "units table as stored, one value a unit",
    "shown": "units table as AllenSDK shows it, with channels and probes (h5py: the same columns, raw)",
    "columns": "all columns of all intervals tables, as stored",
    "stimuli": "stimulus table as AllenSDK shows it (h5py: the same columns, raw)",
    "spikes": "all spike times (AllenSDK: of the units that pass its filters)",
    "hundred": "spike times of 100 units",
    "chunks": "all spike times, gzip and shuffle",
}
CONTENDERS = ("nwbin", "h5py", "allensdk", "pynwb", "lazynwb", "pynapple")
HERE = Path(__file__).parent


def run(python: str, contender: str, step: str, path: Path, limit: float) -> dict[str, Any] | None:
    """Run one step in a fresh process; None where the contender has no such step."""
    if f"def {contender}_{step}(" not in SOURCE and f"{contender}_{step}" not in SOURCE:
        return None
    command = [python, str(HERE / "_reading_steps.py"), contender, step, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {"failed": done.stderr.strip()[-200:]}


def best(results: list[dict[str, Any]], step: str) -> dict[str, Any]:
    """The quickest time and the largest memory of several runs."""
    bad = next((each for each in results if "seconds" not in each), None)
    if bad is not None:
        return bad
    seconds = min(each["seconds"] + (each["import"] if step == "tutorial" else 0) for each in results)
    return results[0] | {
        "seconds": seconds,
        "peak": max(each["peak"] for each in results),
        "read": max(each["read"] for each in results),
    }


def chunked_copy(path: Path, out: Path) -> Path:
    """The same units with gzip-compressed, shuffled spike times."""
    import h5py

    if not out.exists():
        with h5py.File(path) as f, h5py.File(out, "w") as g:
            g.attrs["nwb_version"] = "2.6.0"
            g.create_group("units")
            f.copy("units/id", g["units"])
            f.copy("units/spike_times_index", g["units"])
            times = f["units/spike_times"]
            chunks = (min(1 << 17, max(1, times.shape[0])),)
            node = g.create_dataset(
                "units/spike_times", times.shape, "f8", chunks=chunks, compression="gzip", shuffle=True
            )
            for begin in range(0, times.shape[0], 1 << 23):
                node[begin : begin + (1 << 23)] = times[begin : begin + (1 << 23)]
    return out


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--small", action="store_true", help="a tiny session, one run each")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slow-runs", type=int, default=1, help="runs of a contender that takes over 5 s")
    parser.add_argument("--steps", nargs="*", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--python", action="append", default=[], metavar="CONTENDER=PYTHON")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one step")
    parser.add_argument("--readme", type=Path, help="the file to put the short table into")
    given = parser.parse_args(arguments)
    if given.readme and (given.small or len(given.steps) < len(STEPS)):
        parser.error("the README shows all steps on a file of real size: leave out --small and --steps")
    place = Place(given.readme, "reading") if given.readme else None

    pythons = dict.fromkeys(CONTENDERS, sys.executable)
    if allen := os.environ.get("NWBIN_ALLENSDK_PYTHON"):
        pythons["allensdk"] = allen
    pythons |= dict(each.split("=", 1) for each in given.python)
    with tempfile.TemporaryDirectory() as folder:
        path = given.file
        if path is None:
            import nwbin

            path = Path(folder) / "session.nwb"
            nwbin.testing.write_session(path, size="tiny" if given.small else "full", seed=0)
        size = f"{path.stat().st_size / 1e9:.3g} GB"
        print(f"{path.name}, {size}; {machine()}\n")
        print("| step | contender | seconds | / nwbin | peak MB | read MB |")
        print("|---|---|--:|--:|--:|--:|")
        notes: list[str] = []
        found = {}
        for step in given.steps:
            target = chunked_copy(path, Path(folder) / "chunks.nwb") if step == "chunks" else path
            found[step] = measure(step, target, pythons, given, notes)
        print("\n" + "\n".join(f"{step}: {text}." for step, text in STEPS.items() if step in given.steps))
        print("\n".join(dict.fromkeys(notes)))
        if place:
            place.fill(f"{short(found)}\n\nA file of {size}; {machine()}.")


Rows = dict[str, dict[str, Any]]  # contender -> what it took


def short(found: dict[str, Rows]) -> str:
    """The table for the README: a line a step, a column a contender, of whom each has its seconds and peak memory."""
    took = {step: {who: row for who, row in rows.items() if "answer" in row} for step, rows in found.items()}
    names = [who for who in CONTENDERS if any(who in rows for rows in took.values())]
    numbers = {who: row["version"] for rows in took.values() for who, row in rows.items()}
    shown = {"allensdk": "AllenSDK"}
    head = [f"{shown.get(who, who)} {numbers[who]}" for who in names]
    lines = [f"| (x: times nwbin's seconds) | {' | '.join(head)} |", "|---" * (len(names) + 1) + "|"]
    for step, rows in took.items():
        cells = [STEPS[step]]
        for who in names:
            if who not in rows:
                cells.append("")
                continue
            seconds = rows[who]["seconds"]
            ratio = "" if who == "nwbin" else f" (x {in_words(seconds / rows['nwbin']['seconds'])})"
            cells.append(f"{in_words(seconds)} s, {rows[who]['peak']:,.0f} MB{ratio}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def measure(step: str, path: Path, pythons: dict[str, str], given: Any, notes: list[str]) -> Rows:
    """Print the rows of one step."""
    results: dict[str, list[dict[str, Any]]] = {}
    for turn in range(1 if given.small else given.runs):
        for contender in CONTENDERS:
            before = results.get(contender, [])
            slow = before and before[0].get("seconds", 99) > 5
            if turn and (not before or (slow and turn >= given.slow_runs)):
                continue
            found = run(pythons[contender], contender, step, path, given.limit)
            if found is not None and "missing" not in found:
                results.setdefault(contender, []).append(found)
    rows = {contender: best(found, step) for contender, found in results.items()}
    ours = rows["nwbin"]
    assert "answer" in ours, ours
    for contender, row in rows.items():
        if "answer" not in row:
            notes.append(f"{contender} fails at {step}: {row['failed']}")
            continue
        if row["answer"] not in (None, ours["answer"]):
            notes.append(f"{contender} {step}: answer {row['answer']}, nwbin's {ours['answer']}")
        notes.append(f"{contender} {row['version']}")
        print(
            f"| {step} | {contender} | {row['seconds']:.3f} | {row['seconds'] / ours['seconds']:.1f} "
            f"| {row['peak']:.0f} | {row['read']:.0f} |",
            flush=True,
        )
    return rows


SOURCE = (HERE / "_reading_steps.py").read_text()

if __name__ == "__main__":
    main()
