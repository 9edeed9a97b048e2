"""Auto- and cross-correlograms, and what is to be expected of them under jitter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nwbin._memory import require
from nwbin.binning._jitter import Patterns, spread
from nwbin.binning._request import Trains, as_onsets, as_seconds, as_threads
from nwbin.binning._stream import Span, streams
from nwbin.binning._tally import FEWER, Pairing, Tally, edges_around_zero
from nwbin.binning.edges import bins_in
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.trains import SpikeTrains, as_trains

__all__ = ["Correlograms", "correlograms"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Correlograms:
    """How often pairs of units' spikes lie how far apart.

    Attributes
    ----------
    counts
        int64 (pairs, bins): pairs of spikes, of the first unit at t and of the second at t + lag.
    pairs
        Ids of the first and the second unit, (pairs, 2).
    edges
        Of the bins of lag, float64 (bins + 1,), s; a bin is [a, b).
    expected
        float64 (pairs, bins): the mean of `counts` over all ways in which the spikes may be jittered; None if
        that was not asked for.

    Examples
    --------
    >>> found = nwbin.correlograms({7: [0.0, 0.01], 9: [0.004]}, 0.04, 0.002)
    >>> found.pairs.tolist(), found.counts.shape
    ([[7, 7], [7, 9], [9, 9]], (3, 20))
    """

    counts: Integers
    pairs: NDArray[Any]
    edges: Floats
    expected: Floats | None = None

    @property
    def lags(self) -> Floats:
        """Middle of each bin, float64 (bins,), s."""
        a, b = self.edges[:-1], self.edges[1:]
        middle: Floats = a + (b - a) / 2
        return middle

    @property
    def corrected(self) -> Floats:
        """``counts - expected``, float64 (pairs, bins): what jitter takes away."""
        if self.expected is None:
            raise ArgumentError("these correlograms have no expectation; ask for them with jitter=0.025, say")
        what = f"{self.counts.shape[0]:,} pairs x {self.counts.shape[1]:,} bins of float64"
        require(8 * self.counts.size, what, "take expected from counts for some pairs at a time")
        return self.counts - self.expected

    def __repr__(self) -> str:
        more = "" if self.expected is None else ", with their expectation under jitter"
        return (
            f"Correlograms({self.counts.shape[0]:,} pairs x {self.counts.shape[1]:,} bins,"
            f" {self.edges[0]:.6g} to {self.edges[-1]:.6g} s{more})"
        )


def correlograms(
    trains: Trains,
    window: float,
    bin: float,
    pairs: ArrayLike | Iterable[Any] | None = None,
    onsets: ArrayLike | None = None,
    jitter: float | None = None,
    *,
    within: ArrayLike | None = None,
    threads: int | None = None,
) -> Correlograms:
    """Count how far apart in time the spikes of pairs of units are.

    A difference is ``t_second - t_first``, in float64, and is compared with the edges as it is: no bin is ever
    found by dividing. Every pair of spikes counts, but no spike with itself.

    Parameters
    ----------
    trains
        As in `nwbin.bin_spikes`.
    window
        Width of all bins together, s: the lags are those from ``-window / 2`` to ``window / 2``, as in
        SpikeInterface and phy. A whole number of bins.
    bin
        Width of a bin, s. Bins are [a, b), with the edges ``(k - bins / 2) * bin``: an even number of them has an
        edge at 0 (and coincidence to the last bit counts in the bin after it), an odd number a bin around 0.
    pairs
        Ids of the first and second unit, (pairs, 2). None: every pair once, the first unit not after the second
        in `trains`, each with itself (the autocorrelogram) included.
    onsets
        (presentations,) times, s: only pairs of spikes within the same presentation count, and count once for
        each such presentation. None: the whole session.
    jitter
        Width of a jitter window, s: also work out what is to be expected if spikes kept to their windows but fell
        elsewhere in them. See the notes. None: do not.
    within
        With onsets: start and stop of each presentation, s from onset; it is [start, stop). None: from 0 to the
        least distance between two onsets.
    threads
        How many; None means one for each core this process may use.

    Returns
    -------
    Correlograms
        `counts` (pairs, bins), `pairs`, `edges`; with jitter `expected` and `corrected`.

    Raises
    ------
    LookupFailure
        There is no unit of some id in pairs.
    ArgumentError, ArgumentTypeError
        An argument makes no sense; the message says which and what to give.
    NotEnoughMemoryError
        The result does not fit in memory (also a ``MemoryError``); the message says how large it is.

    Notes
    -----
    Jitter within presentations is that of the Visual Coding papers (Siegle et al. 2021, doi:10.1038/s41586-020-
    03171-x; Jia et al. 2022, doi:10.1016/j.neuron.2022.01.027; code: github.com/jiaxx/jitter, after Smith and Kohn
    2008, doi:10.1523/JNEUROSCI.2929-08.2008, and Harrison and Geman 2009): jitter windows tile each presentation
    from its start, and each spike takes the place of a random one of its unit's spikes in the same window of all
    presentations. So each presentation keeps its number of spikes in each window and the unit its mean response,
    known to `bin`: of its cell of that width, a spike is equally likely anywhere. The papers use windows of 25 ms and
    bins of 1 ms, count spikes in the cells first, and divide by the geometric mean of both rates and the overlap of
    the presentation with itself at each lag; that is left to the caller.

    Jitter in the whole session is the interval jitter of Amarasingham et al. 2012 (doi:10.1152/jn.00633.2011):
    windows tile the session from 0 s, and each spike is equally likely anywhere in its window.

    In both the expectation is worked out in closed form, of all spikes independently; nothing is drawn by chance.

    Memory: the result, and some 150 MB for a block of 4 million spikes at a time.

    Examples
    --------
    >>> found = correlograms({"a": [1.0, 2.0], "b": [1.0125, 2.0375]}, window=0.1, bin=0.025)
    >>> found.pairs.tolist()
    [['a', 'a'], ['a', 'b'], ['b', 'b']]
    >>> found.edges.tolist()
    [-0.05, -0.025, 0.0, 0.025, 0.05]
    >>> found.counts[1]
    array([0, 0, 1, 1])
    """
    number = as_threads(threads)
    units = as_trains(trains)
    width = _as_width(bin, "bin")
    n_bins = bins_in(_as_width(window, "window"), width, "window")
    spans = _as_spans(onsets, within)
    first, second, ids = _as_pairs(units, pairs)
    cells = 0
    if jitter is not None:
        jitter = _as_width(jitter, "jitter")
        cells = 0 if spans is None else bins_in(jitter, width, "jitter")
    edges = edges_around_zero(n_bins, width)
    large = 8 * first.size * n_bins * (1 if jitter is None else 3)
    require(large, f"correlograms of {first.size:,} pairs x {n_bins:,} bins", FEWER)

    groups, order = _groups(first, second)
    done = [_of_group(units, Pairing(a, b), edges, width, spans, jitter, cells, number) for a, b in groups]
    units._check()
    counts = _put_together([one for one, _ in done], order)
    means = [one for _, one in done if one is not None]
    expected = _put_together(means, order) if means else None
    return Correlograms(counts, ids, edges, expected)


def _put_together(parts: list[NDArray[Any]], order: Integers | None) -> NDArray[Any]:
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole if order is None else whole[order]


def _of_group(
    trains: SpikeTrains, pairing: Pairing, edges: Floats, width: float, spans: Span | None,
    jitter: float | None, cells: int, threads: int,
) -> tuple[Integers, Floats | None]:  # fmt: skip
    """Counts, and what is to be expected, of pairs of which no two are of the same two units."""
    tally = Tally(pairing, edges, width)
    windows = patterns = None
    reach = edges[-1]
    if jitter is not None and spans is None:
        farthest = int(np.ceil(reach / jitter))  # windows that lie farther apart have no bin in common
        windows = Tally(pairing, edges_around_zero(2 * farthest + 1, 1.0), 1.0)
        reach = (farthest + 1) * jitter
    elif jitter is not None and spans is not None:
        length = float((spans.end - spans.begin).max(initial=0.0))
        many = max(1, int(np.ceil(length / jitter - 1e-6)))
        patterns = Patterns(pairing, width, cells, many, edges.size // 2)  # lags beyond have no bin

    def blocks() -> Any:
        return streams(trains, pairing.units, spans, 2 * reach, threads)

    if patterns is not None:
        for stream in blocks():
            patterns.learn(stream)
    for stream in blocks():
        tally.add(stream.times, stream, threads)
        if windows is not None and jitter is not None:
            windows.add(stream.since_origin(jitter), stream, threads)
        if patterns is not None:
            patterns.add(stream, threads)
    expected = None
    if windows is not None and jitter is not None:
        expected = spread(windows.finish(), jitter, edges)
    elif patterns is not None:
        expected = spread(patterns.lags, patterns.cell, edges)
    return tally.finish(), expected


# What is asked for


def _as_width(given: Any, name: str) -> float:
    array = as_seconds(given, name)
    if array.ndim != 0:
        raise ArgumentError(f"{name} must be one number of seconds, not of shape {array.shape}")
    if not (np.isfinite(array) and array > 0):
        raise ArgumentError(f"{name} must be more than 0 s and finite, not {float(array)!r}")
    return float(array)


def _as_spans(onsets: ArrayLike | None, within: ArrayLike | None) -> Span | None:
    if onsets is None:
        if within is not None:
            raise ArgumentTypeError("within is of presentations: give onsets with it")
        return None
    times = np.sort(as_onsets(onsets))
    if within is None:
        gaps = np.diff(times)
        gaps = gaps[gaps > 0]
        if times.size and gaps.size == 0:
            raise ArgumentTypeError(
                "how long presentations last cannot be told from onsets all alike: give within=(start, stop)"
            )
        ends = np.array([0.0, gaps.min() if gaps.size else 1.0])
    else:
        ends = as_seconds(within, "within")
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise ArgumentError(
            "within must be (2,), start and stop of each presentation in seconds from onset, finite, the start"
            f" before the stop; not {np.asarray(ends).tolist()}"
        )
    return Span(times + ends[0], times + ends[1])


def _as_pairs(trains: SpikeTrains, pairs: Any) -> tuple[Integers, Integers, NDArray[Any]]:
    """Positions of the first and the second train of each pair, and their ids."""
    if pairs is None:
        n = len(trains)
        require(4 * 8 * n * (n + 1) // 2, f"the pairs of {n:,} units", FEWER)
        first, second = np.triu_indices(n)
    else:
        listed = [tuple(one) if isinstance(one, Iterable) else (one,) for one in pairs]
        odd = next((one for one in listed if len(one) != 2), None)
        if odd is not None:
            raise ArgumentError(f"pairs must be (pairs, 2), two unit ids each; one is {odd!r}")
        places = np.array([[trains._position(one) for one in pair] for pair in listed], np.int64)
        first, second = places.reshape(-1, 2).T
    ids = trains.unit_ids
    return first, second, np.stack([ids[first], ids[second]], axis=1)


def _groups(first: Integers, second: Integers) -> tuple[list[tuple[Integers, Integers]], Integers | None]:
    """Pairs in groups, in none of which two are of the same two trains; and where each pair stands in them."""
    n = int(max(first.max(initial=0), second.max(initial=0))) + 1
    both = np.minimum(first, second) * n + np.maximum(first, second)
    if np.unique(both).size == both.size:
        return [(first, second)], None
    keys, place = np.unique(first * n + second, return_inverse=True)
    a, b = np.divmod(keys, n)
    back = (a > b) & np.isin(b * n + a, keys)
    stands = np.empty(keys.size, np.int64)
    stands[np.concatenate([np.flatnonzero(~back), np.flatnonzero(back)])] = np.arange(keys.size)
    groups = [(a[some], b[some]) for some in (~back, back) if some.any()]
    return groups, stands[place]
