"""Spikes of many units in order of time, a block at a time: what coincidences are counted along."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nwbin import _threads
from nwbin.trains import SpikeTrains

__all__ = ["Span", "Stream", "kernels", "streams"]

# Spikes of a block: with what is made of them, 150 MB at most.
BLOCK = 1 << 22
# Spikes that are looked at to cut a recording into blocks of about as many each.
_SAMPLE = 1 << 16
# Spikes that are worth a piece of work.
_PIECE = 20_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Stream(NamedTuple):
    """A block of spikes; the fields are those of :mod:`nwbin.kernels.correlate`.

    ``origins`` (segments,) is where each segment begins: 0 s, or a presentation's start.
    """

    times: Floats
    units: NDArray[np.uint32]
    stops: Integers
    places: Integers
    begins: Integers
    origins: Floats

    def since_origin(self, width: float) -> Floats:
        """Of each spike, how many whole steps of a width fit between its segment's origin and it, as float64.

        A step begins at ``origin + k * width``, and that is what a spike is compared with.
        """
        first = np.concatenate([[0], self.stops[:-1]])
        origin = np.repeat(self.origins, np.minimum(self.stops, self.times.size) - first)
        k = np.floor((self.times - origin) / width)
        k += origin + (k + 1.0) * width <= self.times
        k -= origin + k * width > self.times
        return k


class Span(NamedTuple):
    """Presentations, in order of their starts: [begin, end) in seconds of the session, float64 (P,)."""

    begin: Floats
    end: Floats


def kernels() -> ModuleType:
    """The compiled functions, imported when first needed."""
    from nwbin.kernels import correlate

    return correlate


def streams(
    trains: SpikeTrains, units: Integers, spans: Span | None, ahead: float, threads: int
) -> Iterator[Stream]:
    """Put the spikes of some units in order, block by block.

    Parameters
    ----------
    trains, units
        The trains, and the positions of those that are wanted; a stream's units are positions among these.
    spans
        Only within these, each of which is a segment; None: the whole session, which is one.
    ahead
        Of a whole session: so many seconds of spikes follow each block that others begin from.
    threads
        How many may work.
    """
    if units.size == 0:
        return
    if spans is not None:
        yield from _of_presentations(trains, units, spans, threads)
    else:
        yield from _of_session(trains, units, ahead, threads)


def _of_session(trains: SpikeTrains, units: Integers, ahead: float, threads: int) -> Iterator[Stream]:
    starts, stops = trains._starts[units], trains._stops[units]
    size = int((stops - starts).sum())
    if size == 0:
        return
    step = max(1, size // _SAMPLE)
    values = trains._values
    sample = np.sort(np.concatenate([values[a:b:step] for a, b in zip(starts, stops, strict=True)]))
    blocks = -(-size // BLOCK)
    # Each block is put in order in pieces, side by side.
    pieces = max(1, min(4 * threads, size // blocks // _PIECE))
    ranks = np.linspace(0, sample.size, blocks * pieces + 1)[1:-1].astype(int)
    cuts = np.concatenate([[-np.inf], sample[ranks], [np.inf]])
    for block in range(blocks):
        mine = cuts[block * pieces : (block + 1) * pieces + 1]
        limits = mine if mine[-1] == np.inf else np.append(mine, mine[-1] + ahead)
        bounds = _places(values, starts, stops, limits)
        ends = [(bounds[:, [k]], bounds[:, [k + 1]]) for k in range(limits.size - 1)]
        times, found = _in_order(values, ends, False, threads)
        references = int((bounds[:, pieces] - bounds[:, 0]).sum())
        yield _stream(times, found, np.array([times.size]), np.zeros(1), len(units), references)


def _of_presentations(trains: SpikeTrains, units: Integers, spans: Span, threads: int) -> Iterator[Stream]:
    arrays = trains._values, trains._starts[units], trains._stops[units]
    lo = _places(*arrays, spans.begin)
    hi = np.maximum(_places(*arrays, spans.end), lo)
    sizes = (hi - lo).sum(axis=0)
    done = np.cumsum(sizes)
    mixed = bool((spans.end[:-1] > spans.begin[1:]).any())
    first = 0
    while first < sizes.size:
        before = int(done[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(done, before + BLOCK, side="right")))
        here = slice(first, last)
        pieces = max(1, min(4 * threads, last - first, int(sizes[here].sum()) // _PIECE))
        cuts = np.linspace(first, last, pieces + 1).astype(int).tolist()
        ends = [(lo[:, a:b], hi[:, a:b]) for a, b in pairwise(cuts)]
        times, found = _in_order(trains._values, ends, mixed, threads)
        yield _stream(times, found, np.cumsum(sizes[here]), spans.begin[here], len(units), times.size)
        first = last


def _places(values: Floats, starts: Integers, stops: Integers, limits: Floats) -> Integers:
    """Where in values each unit's first spike is that is not before a limit, (units, limits)."""
    found = [a + np.searchsorted(values[a:b], limits) for a, b in zip(starts, stops, strict=True)]
    return np.stack(found)


def _in_order(
    values: Floats, ends: list[tuple[Integers, Integers]], mixed: bool, threads: int
) -> tuple[Floats, NDArray[np.uint32]]:
    """The spikes of each piece, by segment and time; of units and segments, lo and hi (units, segments).

    mixed : a segment may begin before another ends.
    """
    sums = np.cumsum([0] + [int((hi - lo).sum()) for lo, hi in ends])
    times, units = np.empty(sums[-1]), np.empty(sums[-1], np.uint32)

    def piece(k: int) -> None:
        lo, hi = ends[k]
        sizes = (hi - lo).ravel()
        if lo.shape[1] == 1:
            mine = np.concatenate([values[a:b] for a, b in zip(lo[:, 0], hi[:, 0], strict=True)])
        else:
            mine = values[np.repeat(lo.ravel() - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())]
        unit = np.repeat(np.arange(lo.shape[0], dtype=np.uint32), (hi - lo).sum(axis=1))
        if mixed:
            segment = np.repeat(np.tile(np.arange(lo.shape[1]), lo.shape[0]), sizes)
            order = np.lexsort((mine, segment))
        else:
            order = np.argsort(mine)
        here = slice(sums[k], sums[k + 1])
        times[here], units[here] = mine[order], unit[order]

    _threads.run([partial(piece, k) for k in range(len(ends))], threads)
    return times, units


def _stream(
    times: Floats, units: NDArray[np.uint32], stops: Integers, origins: Floats, n_units: int, references: int
) -> Stream:
    begins = np.zeros(n_units + 1, np.int64)
    np.cumsum(np.bincount(units[:references], minlength=n_units), out=begins[1:])
    places = np.empty(references, np.int64)
    kernels().fill_places(units, begins, places)
    return Stream(times, units, stops.astype(np.int64), places, begins, origins)
