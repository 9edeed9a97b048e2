"""A session's worth of spikes by seed, what is asked of it, and the physical bound of answering."""

from __future__ import annotations

import mmap
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

import nwbin

Closed: TypeAlias = Literal["left", "right", "both"]


@dataclass
class Work:
    """What is asked: the counts around onsets in windows (presentations or 1, windows, 2) of some units."""

    name: str
    trains: nwbin.SpikeTrains
    onsets: Any
    windows: Any
    edges: Any = None  # where the windows adjoin
    closed: Closed = "left"

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.onsets.size, self.windows.shape[-2], len(self.trains)

    def ends(self) -> tuple[Any, Any]:
        """Start and stop of each window in session time, (presentations, windows)."""
        rows = self.windows if self.windows.ndim == 3 else self.windows[None]
        return self.onsets[:, None] + rows[..., 0], self.onsets[:, None] + rows[..., 1]


def make_trains(units: int, seconds: float, spikes: float, seed: int = 0) -> nwbin.SpikeTrains:
    """Poisson trains; rates spread as in cortex (lognormal), about `spikes` in all."""
    rng = np.random.default_rng(seed)
    rates = rng.lognormal(0.0, 1.0, units)
    sizes = rng.poisson(rates * spikes / rates.sum())
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    times = rng.uniform(0, seconds, offsets[-1])
    for a, b in pairwise(offsets):
        times[a:b].sort()
    return nwbin.SpikeTrains(times, offsets, np.arange(units) + 950_000_000)


def make_works(scale: float) -> dict[str, Work]:
    """W1 to W6 and W8; `scale` 1 is the size of a real session."""
    units = max(8, int(500 * scale))
    few = max(4, int(100 * scale))
    seconds = 9600.0 * scale
    trains = make_trains(units, seconds, 54e6 * scale * units / 500)
    hundred = trains.select(trains.unit_ids[:few])
    rng = np.random.default_rng(1)
    # Three blocks of gratings of a quarter of a second, one after the other on a 60 Hz screen.
    n = int(5811 * scale)
    block = np.arange(n // 3) * 0.25021
    gratings = np.concatenate([seconds * part + block for part in (0.15, 0.45, 0.8)])
    everything = np.linspace(0.003 * seconds, 0.99 * seconds, int(70_000 * scale))
    step = everything[1] - everything[0]
    fine = np.linspace(0.0, 0.25, 251)
    uneven = np.concatenate([[0.0], np.geomspace(0.001, 0.25, 30)])
    gaps = np.array([[-0.1, 0.0], [0.03, 0.08], [0.05, 0.25]])

    def bins(name: str, some: Any, onsets: Any, edges: Any) -> Work:
        return Work(name, some, onsets, np.stack([edges[:-1], edges[1:]], axis=1), edges)

    return {
        "W1": bins("one wide bin, gratings", trains, gratings, np.array([0.0, 0.25])),
        "W2": bins("1 ms bins, some units", hundred, gratings, fine),
        "W2b": bins("1 ms bins, all units", trains, gratings, fine),
        "W3": bins("one bin, all presentations", trains, everything, np.array([0.0, step * 0.96])),
        "W4": bins("1 ms bins, everything, in blocks", trains, everything, fine),
        "W5a": bins("uneven bins", trains, gratings, uneven),
        "W5b": Work("windows that overlap and leave gaps", trains, gratings, gaps),
        "W6": bins(
            "unsorted, overlapping presentations", trains, rng.permutation(gratings), np.array([0, 0.6])
        ),
        "W8": bins("every spike in its window (raster)", trains, gratings, np.array([0.0, 0.25])),
    }


# What a session of Visual Coding shows: how many times, how far apart in seconds.
SHOWN = {
    "gabors": (3645, 0.25021), "flashes": (150, 2.0017), "drifting gratings": (630, 3.0026),
    "movie frames": (54_000, 0.0333667), "static gratings": (6000, 0.25021), "natural scenes": (5950, 0.25021),
}  # fmt: skip


def make_session(scale: float) -> tuple[nwbin.SpikeTrains, Any, Any]:
    """A session's own numbers: 545 units, 49 million spikes; all onsets, a little uneven, and those of movie frames."""
    rng = np.random.default_rng(5)
    parts, begin = {}, 30.0
    for name, (number, step) in SHOWN.items():
        onsets = begin + step * np.arange(max(4, int(number * scale)))
        parts[name] = onsets + rng.uniform(0, 1e-4, onsets.size)
        begin = onsets[-1] + step + 10.0
    units = max(8, int(545 * scale))
    trains = make_trains(units, begin, 49e6 * scale * units / 545, seed=7)
    return trains, np.concatenate(list(parts.values())), parts["movie frames"]


def read_session(path: Path) -> tuple[nwbin.SpikeTrains, Any, Any]:
    """The same of a file: units that pass the default filters, all presentations with a time."""
    session = nwbin.open(path)
    trains = session.file.spike_trains(session.units.index)
    # In memory: what is measured is the counting.
    trains = nwbin.SpikeTrains.from_dict({unit: np.array(trains[unit]) for unit in trains})
    shown = session.stimulus_presentations
    frames = shown[shown.stimulus_name.str.contains("movie")]
    return trains, np.array(shown.start_time, float), np.array(frames.start_time, float)


def make_session_works(trains: nwbin.SpikeTrains, every: Any, frames: Any) -> dict[str, Work]:
    """S1 to S6: what is asked of a whole session, where windows of movie frames overlap up to 8 deep."""

    def one(name: str, onsets: Any, stop: float, closed: Closed = "left") -> Work:
        return Work(name, trains, onsets, np.array([[0.0, stop]]), np.array([0.0, stop]), closed)

    # Another delay each, as of a screen.
    delays = np.random.default_rng(2).uniform(0.0, 0.02, every.size)
    own = np.add.outer(delays, [[0.0, 0.25]])
    return {
        "S1": one("all presentations, 0.25 s", every, 0.25),
        "S1b": one("the same, [a, b]", every, 0.25, "both"),
        "S1r": one("the same, (a, b]", every, 0.25, "right"),
        "S2": one("movie frames, 0.25 s", frames, 0.25),
        "S3": one("all presentations, 0.1 s", every, 0.1),
        "S4": one("all presentations, 0.03 s", every, 0.03),
        "S5": Work("all presentations, 0.25 s, edges of each", trains, every, own),
        "S6": Work(
            "movie frames, before and after",
            trains,
            frames,
            np.array([[-0.1, 0.0], [0.0, 0.1], [0.03, 0.25]]),
        ),
    }


def best(call: Callable[[], Any], seconds: float, most: int = 9) -> float:
    """The shortest of several runs; fewer of a slow one."""
    times: list[float] = []
    while not times or (len(times) < most and sum(times) < seconds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def afresh(size: int) -> Any:
    """Bytes that no one has written before, as NumPy gets for a large array: a C library may give old ones."""
    if sys.platform == "win32":
        return np.empty(size, np.uint8)
    # Private, as NumPy's are: shared ones come in small pages, and take ten times as long.
    pages = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


def bound(
    work: Work, threads: int, itemsize: int = 2, *, cells: int | None = None, again: bool = False
) -> Callable[[], None]:
    """Move the bytes that any method has to: write the output afresh, read the spikes in the windows.

    again : write into the same memory each time, as one who counts block by block.
    """
    lo, hi = work.ends()
    order = np.argsort(lo[:, 0], kind="stable")
    begin, end = lo[order, 0], np.maximum.accumulate(hi[order, -1])
    cut = np.flatnonzero(begin[1:] > end[:-1] + 5.0)  # shorter gaps are not worth skipping
    spans = list(zip(begin[np.r_[0, cut + 1]], end[np.r_[cut, begin.size - 1]], strict=True))
    pieces = [
        train[np.searchsorted(train, a) : np.searchsorted(train, b)]
        for train in (work.trains[u] for u in dict.fromkeys(work.trains))
        for a, b in spans
    ]
    size = (int(np.prod(work.shape)) if cells is None else cells) * itemsize
    pool = ThreadPoolExecutor(threads)
    kept = afresh(size) if again else None
    cuts = np.linspace(0, size, 8 * threads + 1).astype(int)

    def run() -> None:
        out = afresh(size) if kept is None else kept
        shares = [
            pool.submit(lambda i=i: [p.max() for p in pieces[i::threads] if p.size]) for i in range(threads)
        ]
        shares += [pool.submit(out[a:b].fill, 0) for a, b in pairwise(cuts)]
        for share in shares:
            share.result()

    return run


def machine() -> str:
    """Versions and machine, in a line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    packages = f"nwbin {nwbin.__version__}, numpy {version('numpy')}, numba {version('numba')}"
    return (
        f"{packages}, Python {platform.python_version()}; {cpu}, {nwbin_cores()} cores, {platform.system()}"
    )


def nwbin_cores() -> int:
    from nwbin import _threads as threads

    return threads.available()
