"""How the cost of counting grows, against the bound: one plot for each of what may grow.

    python benchmarks/growth.py FOLDER [--small]

Presentations, bins, units and spikes per unit grow one at a time from a middling request (quarter-second
presentations one after the other, 10 ms bins, 100 units of 10 Hz); so does, with a single bin, how many presentations
overlap at any time. Two threads; the bound is measured beside each point. Writes presentations.png, bins.png,
units.png, spikes.png, overlap.png, and growth.md with the numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from _contenders import allensdk
from _data import Work, best, bound, machine, make_trains

import nwbin

mpl.use("Agg")
import matplotlib.pyplot as plt

SECONDS = 9600.0
MIDDLE = {"presentations": 6000, "bins": 25, "units": 100, "spikes": 100_000, "overlap": 1}
STEPS = {
    "presentations": [100, 300, 1000, 3000, 10_000, 38_000],
    "bins": [1, 2, 5, 10, 25, 50, 100, 250, 1000],
    "units": [1, 3, 10, 30, 100, 300, 1000],
    "spikes": [100, 1000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    "overlap": [1, 2, 4, 8, 16, 64],
}
# Of a request, where these grow.
INSTEAD: dict[str, dict[str, int]] = {"overlap": {"bins": 1, "presentations": 30_000}}


def make(presentations: int, bins: int, units: int, spikes: int, overlap: int = 1) -> Work:
    trains = make_trains(units, SECONDS, float(units) * spikes)
    edges = np.linspace(0.0, 0.25, bins + 1)
    windows = np.stack([edges[:-1], edges[1:]], axis=1)
    return Work("", trains, np.arange(presentations) * 0.2502 / overlap, windows, edges)


def measure(work: Work, runs: int) -> tuple[float, float]:
    """Seconds of nwbin and of the bound, the shortest of runs in turn."""

    def count() -> Any:
        return nwbin.bin_spikes(work.trains, work.onsets, work.edges, threads=2)

    few = Work("", work.trains, work.onsets[:50], work.windows, work.edges)
    assert (count()[:50] == allensdk(few)).all()
    move = bound(work, 2)
    pairs = [(best(count, 0, 1), best(move, 0, 1)) for _ in range(runs)]
    ours, least = zip(*pairs, strict=True)
    return min(ours), min(least)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    # From here on compiled code counts, whatever the size: the first points would else be NumPy's.
    big = make(200, 300, 50, 1000)
    for _ in range(2):
        nwbin.bin_spikes(big.trains, big.onsets, big.edges)
        nwbin.count_in_windows(big.trains, big.onsets, [[0.0, 0.1]] * 50)
    lines = [machine(), "", "| grows | to | nwbin, s | bound, s | times the bound |", "|---|---|---|---|---|"]
    for name, steps in STEPS.items():
        sizes = steps[:3] if chosen.small else steps
        ours, least = [], []
        for size in sizes:
            few = {"units": 5, "spikes": 500} if chosen.small else {}
            work = make(**(MIDDLE | INSTEAD.get(name, {}) | few | {name: size}))
            a, b = measure(work, 2 if chosen.small else 7)
            ours.append(a)
            least.append(b)
            lines.append(f"| {name} | {size:,} | {a:.5f} | {b:.5f} | {a / b:.2f} |")
            print(lines[-1], flush=True)
        figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        axes.loglog(sizes, ours, "o-", label="nwbin, 2 threads")
        axes.loglog(sizes, least, "s--", color="0.5", label="moving the bytes")
        axes.set_xlabel(name if name != "spikes" else "spikes per unit")
        axes.set_ylabel("seconds")
        axes.set_title(
            ", ".join(
                f"{n:,} {what}" for what, n in (MIDDLE | INSTEAD.get(name, {})).items() if what != name
            ),
            fontsize=9,
        )
        axes.grid(which="both", alpha=0.25)
        axes.legend()
        figure.savefig(chosen.folder / f"{name}.png", dpi=120)
        plt.close(figure)
    (chosen.folder / "growth.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
