"""Time nwbin's counting against others and against the memory, in one run, and check that all agree.

    python benchmarks/bench_counting.py            # a session of 500 units and 54 million spikes; minutes
    python benchmarks/bench_counting.py --small    # seconds: does it run, do the answers agree
    python benchmarks/bench_counting.py W1 W3      # only these
    python benchmarks/bench_counting.py --session FILE    # S1 to S6 on a session's own units and presentations
    python benchmarks/bench_counting.py --readme README.md    # and put the short table there

Contenders that are not installed are left out: pip install "nwbin[bench]" brings them. Prints a Markdown
table. "x Allen" is how many times faster than AllenSDK's algorithm; "bound" is how many times longer than
moving the bytes takes, measured in the same run: writing the output afresh and reading the spikes that the
windows touch. "the least" looks at each presentation of each unit once and does nothing else (see _least.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _contenders import allensdk, numpy_best, present
from _data import Work, best, bound, machine, make_session, make_session_works, make_works, read_session
from _least import least
from _readme import Place, in_words

import nwbin
from nwbin.binning import iter_bin_spikes

HEAD = "| work | size | contender | threads | seconds | x Allen | bound |\n|---|---|---|---|---|---|---|"
BLOCK = 32 << 20


SHORT = (
    "| | presentations x bins x units | AllenSDK's algorithm (or NumPy), s"
    " | nwbin, one thread: s, times as fast, times the bound | two threads |"
)

# What was printed: (work, size) -> (contender, threads) -> (seconds, times as fast, times the bound).
Results = dict[tuple[str, str], dict[tuple[str, int], tuple[float, str, str]]]
results: Results = {}


def short() -> str:
    """The table for the README: what was counted, and how much quicker than AllenSDK's algorithm."""
    lines = [SHORT, "|---|---|---|---|---|"]
    for (work, size), found in results.items():
        slow = [(who, took[0]) for (who, _), took in found.items() if who.startswith(("AllenSDK", "NumPy"))]
        who, seconds = slow[0]
        cells = [work.split(" ", 1)[1], size, in_words(seconds) + (" (NumPy)" if who == "NumPy" else "")]
        for threads in (1, 2):
            took, ratio, times = found.get(("**nwbin**", threads), (0.0, "", ""))
            numbers = [in_words(took) if took else "", ratio, times and f"{float(times):.1f}"]
            cells.append(", ".join(filter(None, numbers)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ours(work: Work, threads: int) -> Any:
    about: dict[str, Any] = {"closed": work.closed, "threads": threads}
    if work.edges is not None:
        return nwbin.bin_spikes(work.trains, work.onsets, work.edges, **about)
    return nwbin.count_in_windows(work.trains, work.onsets, work.windows, **about)


def line(
    work: str, size: str, who: str, threads: int, seconds: float, allen: float, moved: float | None
) -> None:
    ratio = "" if not allen else f"{allen / seconds:.1f}"
    times = "" if not moved else f"{seconds / moved:.2f}"
    print(f"| {work} | {size} | {who} | {threads} | {seconds:.4f} | {ratio} | {times} |", flush=True)
    results.setdefault((work, size), {})[who, threads] = seconds, ratio, times


def dense(key: str, work: Work, seconds: float) -> None:
    """W1, W2, W3, W5, W6, S1 to S6: dense counts."""
    size = " x ".join(f"{n:,}" for n in work.shape)
    label = f"{key} {work.name}"
    answers: list[Any] = []  # of the runs that are timed: the largest take a minute

    def reference() -> None:
        answers[:] = [allensdk(work)]

    allen = best(reference, seconds, 3)
    expected = answers[0]
    line(label, size, "AllenSDK's algorithm", 1, allen, allen, None)
    assert (numpy_best(work) == expected).all(), f"{label}: NumPy differs"
    if work.edges is not None and work.edges.size >= 16:
        line(label, size, "NumPy", 1, best(lambda: numpy_best(work), seconds, 3), allen, None)
    for name, (_, prepare) in present().items():
        call = prepare(work)
        if call is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = call()
                wrong = (
                    "" if found.shape == expected.shape and (found == expected).all() else " (other counts)"
                )
                line(label, size, name + wrong, 1, best(call, seconds, 5), allen, None)
        except Exception as error:  # whatever stops a contender is its result
            print(f"| {label} | {size} | {name} | 1 | cannot: {type(error).__name__} | | |")
    for threads in (1, 2):
        assert (ours(work, threads) == expected).all(), f"{label}: nwbin differs"
        # In turn, so that both see the same machine.
        move = bound(work, threads)
        look = least(work, threads) or (lambda: None)
        turns: list[tuple[float, float, float]] = []
        while len(turns) < 9 or (len(turns) < 60 and sum(map(sum, turns)) < seconds):
            turns.append((best(move, 0, 1), best(look, 0, 1), best(lambda: ours(work, threads), 0, 1)))  # noqa: B023
        moved, looked, mine = (min(times) for times in zip(*turns, strict=True))
        line(label, size, "the bound", threads, moved, 0.0, None)
        if work.shape[1] == 1:
            line(label, size, "the least", threads, looked, 0.0, moved)
        line(label, size, "**nwbin**", threads, mine, allen, moved)


def blocks(key: str, work: Work, seconds: float) -> None:
    """W4: more than fits in memory, block by block; AllenSDK's algorithm on a hundredth, times a hundred."""
    size = " x ".join(f"{n:,}" for n in work.shape)
    label = f"{key} {work.name}"
    rows = work.onsets.size
    part = Work(work.name, work.trains, work.onsets[:: max(1, rows // 500)], work.windows, work.edges)
    expected = allensdk(part)
    assert (ours(part, 2) == expected).all(), f"{label}: nwbin differs"
    allen = best(lambda: allensdk(part), 0, 1) * rows / part.onsets.size
    line(label, size, "AllenSDK's algorithm (from a part)", 1, allen, allen, None)
    step = max(1, BLOCK // (2 * work.shape[1] * work.shape[2]))
    one = Work(work.name, work.trains, work.onsets[:step], work.windows, work.edges)
    for threads in (1, 2):

        def run(threads: int = threads) -> int:
            every = iter_bin_spikes(
                work.trains, work.onsets, work.edges, threads=threads, max_bytes=BLOCK, reuse=True
            )
            return sum(block.shape[0] for _, block in every)

        assert run() == rows
        moved = best(bound(one, threads, again=True), seconds) * rows / step
        line(label, size, "the bound (blocks of 32 MiB)", threads, moved, 0.0, None)
        line(label, size, "**nwbin**", threads, best(run, 0, 2), allen, moved)


TINY = """
import time; begin = time.perf_counter()
import numpy as np
trains = {{u: np.arange(0, 100, 0.37 + u / 50) for u in range(20)}}
onsets = np.arange(0.0, 90, 3)
{count}
print(time.perf_counter() - begin, out.sum())
"""
TINY_NUMPY = """
out = np.stack([np.searchsorted(t, onsets + 0.5) - np.searchsorted(t, onsets) for t in trains.values()])
"""
TINY_OURS = """
import nwbin
out = nwbin.bin_spikes(trains, onsets, [0.0, 0.5])
"""


def tiny(runs: int) -> None:
    """W7: 30 presentations of 20 units in a fresh process, imports included; time inside the process."""
    seconds: dict[str, float] = {}
    sums = set()
    for _ in range(runs):
        for who, count in (("NumPy", TINY_NUMPY), ("**nwbin**", TINY_OURS)):
            done = subprocess.run(
                [sys.executable, "-c", TINY.format(count=count)], capture_output=True, text=True, check=True
            )
            took, total = done.stdout.split()
            seconds[who] = min(seconds.get(who, np.inf), float(took))
            sums.add(total)
    assert len(sums) == 1, f"W7: {sums}"
    for who, took in seconds.items():
        line("W7 a tiny request, fresh process", "30 x 1 x 20", who, 1, took, 0.0, None)


def raster(key: str, work: Work, seconds: float) -> None:
    """W8: every spike in its window."""
    size = " x ".join(f"{n:,}" for n in work.shape)
    label = f"{key} {work.name}"
    lo, hi = (ends[:, 0] for ends in work.ends())

    def by_numpy() -> Any:
        rows, units, times = [], [], []
        for u, unit in enumerate(work.trains):
            train = work.trains[unit]
            first = np.searchsorted(train, lo)
            sizes = np.searchsorted(train, hi) - first
            row = np.repeat(np.arange(lo.size), sizes)
            at = np.arange(row.size) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)
            rows.append(row)
            units.append(np.full(row.size, u))
            times.append(train[at] - work.onsets[row])
        presentation, unit, time = (np.concatenate(parts) for parts in (rows, units, times))
        order = np.argsort(presentation, kind="stable")
        return presentation[order], unit[order], time[order]

    expected = by_numpy()
    reference = best(by_numpy, seconds, 3)
    line(label, size, "NumPy", 1, reference, 0.0, None)
    for threads in (1, 2):

        def run(threads: int = threads) -> Any:
            return nwbin.align_spikes(work.trains, work.onsets, (0.0, 0.25), threads=threads)

        assert all((a == b).all() for a, b in zip(run(), expected, strict=True)), f"{label}: nwbin differs"
        moved = best(bound(work, threads, 24, cells=expected[0].size), seconds)
        line(label, size, "the bound", threads, moved, 0.0, None)
        line(label, size, "**nwbin**", threads, best(run, seconds), 0.0, moved)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("works", nargs="*", metavar="W", help="which work to do (default: all)")
    parser.add_argument("--readme", type=Path, help="the file to put the short table into")
    parser.add_argument("--session", type=Path, metavar="FILE", help="a session file, for S1 to S6 only")
    parser.add_argument("--small", action="store_true", help="a hundredth of a session")
    chosen = parser.parse_args(arguments)
    if chosen.readme and (chosen.works or chosen.small or chosen.session):
        parser.error(
            "the README shows all works at full size: leave out --small, --session and the names of works"
        )
    place = Place(chosen.readme, "counting") if chosen.readme else None
    results.clear()
    scale = 0.02 if chosen.small else 1.0
    works = make_session_works(*(read_session(chosen.session) if chosen.session else make_session(scale)))
    if not chosen.session:
        works = make_works(scale) | works
    seconds = 0.02 if chosen.small else 3.0
    others = "".join(f", {name} {number}" for name, (number, _) in present().items())
    print(f"{machine()}{others}\n")
    print(HEAD)
    for key, work in works.items():
        if chosen.works and key not in chosen.works:
            continue
        {"W4": blocks, "W8": raster}.get(key, dense)(key, work, seconds)
    if not chosen.session and (not chosen.works or "W7" in chosen.works):
        tiny(2 if chosen.small else 7)
    if place:
        place.fill(f"{short()}\n\n{machine()}.")


if __name__ == "__main__":
    main()
