"""Time nwbin's correlograms against others and against the memory, in one run, and check that all agree.

    python benchmarks/bench_correlograms.py            # 500 units at 3 Hz over 30 minutes; minutes
    python benchmarks/bench_correlograms.py --small    # seconds: does it run, do the answers agree
    python benchmarks/bench_correlograms.py --ours     # without the contenders

Contenders that are not installed are left out: pip install spikeinterface aind-ephys-utils. Prints a Markdown
table. "bound" is how many times longer than the bound it takes, measured in the same run: as many increments of
random cells of an array of the result's size as there are coincidences, mirror images not counted twice.
"plain" is how many times longer than the correlograms without jitter.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from _data import best, machine
from numba import njit  # noqa: TID251

import nwbin

HEAD = "| work | size | who | threads | seconds | x bound | x plain |\n|---|---|---|---|---|---|---|"
RATE = 30_000.0  # samples per second
HALF, BIN = 0.05, 0.001
JITTER = 0.025
CHUNK = 5_000_000


def make_trains(units: int, seconds: float, rate: float = 3.0) -> nwbin.SpikeTrains:
    """Poisson trains, on a recording's samples: in float64 seconds."""
    rng = np.random.default_rng(0)
    sizes = rng.poisson(rate * seconds, units)
    samples = [np.sort(rng.choice(int(seconds * RATE), n, replace=False)) for n in sizes]
    return nwbin.SpikeTrains.from_dict({u: each / RATE for u, each in enumerate(samples)})


@njit(nogil=True)
def _increment(where: Any, cells: Any) -> None:
    for i in range(where.size):
        cells[np.uint64(where[i])] += 1


def bound(cells: int, increments: int, threads: int) -> Callable[[], None]:
    """Increment random cells; each thread has a part of its own."""
    rng = np.random.default_rng(0)
    part = max(1, cells // threads)
    where = rng.integers(0, part, min(CHUNK, max(1, increments)), dtype=np.uint32)
    array = np.zeros((threads, part), np.int64)
    pool = ThreadPoolExecutor(threads)
    _increment(where[:1], array[0])

    def share(k: int) -> None:
        left = increments // threads
        while left > 0:
            _increment(where[:left], array[k])
            left -= where.size

    def run() -> None:
        list(pool.map(share, range(threads)))

    return run


def line(work: str, size: str, who: str, threads: int, seconds: float, *ratios: float | None) -> None:
    shown = ["" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
    print(f"| {work} | {size} | {who} | {threads} | {seconds:.3f} | {' | '.join(shown)} |", flush=True)


# Contenders: what to call, and how to have nwbin's counts of the same


def spikeinterface(trains: nwbin.SpikeTrains) -> tuple[Callable[[], Any], Callable[[Any], Any], float]:
    """compute_correlograms: bins with an edge at 0, of whole samples; every pair both ways."""
    from spikeinterface import NumpySorting
    from spikeinterface.postprocessing import compute_correlograms

    samples = {u: np.rint(trains[u] * RATE).astype(np.int64) for u in trains}
    sorting = NumpySorting.from_unit_dict(samples, RATE)
    # As (first, second), the lags are of the first's times less the second's.
    first, second = np.triu_indices(len(trains))
    return (
        lambda: compute_correlograms(sorting, window_ms=2e3 * HALF, bin_ms=1e3 * BIN, method="numba")[0],
        lambda found: found[second, first],
        2 * HALF,
    )


def aind(trains: nwbin.SpikeTrains) -> tuple[Callable[[], Any], Callable[[Any], Any], float]:
    """ccg_allpairs_sparse of aind-ephys-utils: a bin around 0; every pair both ways."""
    from aind_ephys_utils.metrics.ccg import ccg_allpairs_sparse

    each = [np.rint(trains[u] * RATE) for u in trains]  # in samples, whose differences are exact
    first, second = np.triu_indices(len(trains))
    return (
        lambda: ccg_allpairs_sparse(
            each, bin_size=BIN * RATE, max_lag=HALF * RATE, exclude_zero_lag_autocorr=False
        )[1],
        lambda found: found[first, second],
        2 * HALF + BIN,
    )


CONTENDERS = {
    "SpikeInterface": ("spikeinterface", spikeinterface),
    "aind-ephys-utils": ("aind-ephys-utils", aind),
}


def in_samples(trains: nwbin.SpikeTrains, window: float) -> Any:
    """Counted in samples, whose differences are exact: seconds' are rounded, which moves some across an edge."""
    whole = {u: np.rint(trains[u] * RATE) for u in trains}
    return nwbin.correlograms(whole, round(window * RATE), round(BIN * RATE)).counts


def contend(trains: nwbin.SpikeTrains, size: str, seconds: float, mine: float) -> None:
    for name, (package, prepare) in CONTENDERS.items():
        try:
            number = version(package)
        except PackageNotFoundError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call, as_ours, window = prepare(trains)
            call()  # compiles
            kept: list[Any] = []
            took = best(lambda: kept.append(call()), seconds, 3)  # noqa: B023
        off = np.abs(as_ours(kept[-1]) - in_samples(trains, window))
        pairs = ~np.equal(*np.triu_indices(len(trains)))
        other = int(off[pairs].sum())
        note = f", counts differ by {other:,}" if other else ""
        line("all pairs", size, f"{name} {number}{note}", 2, took, None, took / mine)


def ours(trains: nwbin.SpikeTrains, size: str, seconds: float, length: float) -> float:
    onsets = np.arange(0.0, length - 2.0, 3.0)
    shown = {"onsets": onsets, "within": (0.0, 2.0)}
    mine = 0.0
    for work, what in (("all pairs", {}), ("within presentations", shown)):
        for threads in (1, 2):

            def plain(threads: int = threads, what: dict[str, Any] = what) -> Any:
                return nwbin.correlograms(trains, 2 * HALF, BIN, **what, threads=threads)

            def jittered(threads: int = threads, what: dict[str, Any] = what) -> Any:
                return nwbin.correlograms(trains, 2 * HALF, BIN, **what, jitter=JITTER, threads=threads)

            counts = plain().counts
            found = jittered()
            assert (found.counts == counts).all()
            # Independent spikes: as many as expected, in all.
            assert abs(found.expected.sum() / counts.sum() - 1) < 0.05
            move = bound(counts.size, int(counts.sum()), threads)
            runs = [(best(move, 0, 1), best(plain, 0, 1)) for _ in range(2)]
            while len(runs) < 20 and sum(map(sum, runs)) < seconds:
                runs.append((best(move, 0, 1), best(plain, 0, 1)))
            least, took = (min(times) for times in zip(*runs, strict=True))
            line(work, size, "the bound", threads, least, None, None)
            line(work, size, "**nwbin**", threads, took, took / least, 1.0)
            more = best(jittered, seconds / 4, 3)
            kind = "pattern" if what else "interval"
            line(f"{work}, {kind} jitter", size, "**nwbin**", threads, more, None, more / took)
            mine = took if not what else mine
    return mine


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="30 units over 2 minutes")
    parser.add_argument("--ours", action="store_true", help="leave the contenders out")
    chosen = parser.parse_args(arguments)
    units, length, seconds = (30, 120.0, 0.02) if chosen.small else (500, 1800.0, 20.0)
    trains = make_trains(units, length)
    pairs = units * (units + 1) // 2
    size = f"{pairs:,} x {round(2 * HALF / BIN)}, {int(trains.counts.sum()):,} spikes"
    print(f"{machine()}\n\n{HEAD}")
    mine = ours(trains, size, seconds, length)
    if not chosen.ours:
        contend(trains, size, seconds, mine)


if __name__ == "__main__":
    main()
