"""Which requests to make for the bytes that are wanted. Numbers in, numbers out: nothing here knows of a server.

A request costs a round trip (some 50 ms) before its first byte, in which a connection of 40 MB/s could bring 2 MB. So
what lies up to :data:`GAP` apart is asked for at once, and what lies between thrown away; what lies up to :data:`WIDE`
apart too, the nearest first, as long as what is thrown away for it is no more than 22 % of what is wanted: for values
30 %, where nothing was fetched ahead of need before (see :func:`share_of`). One connection is slower than the line:
what is longer than :data:`PIECE` is asked for in pieces, several at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import NamedTuple

__all__ = ["GAP", "PIECE", "THROWN_AWAY", "WIDE", "Span", "merged", "pieces", "share_of", "union"]

GAP = 1 << 17  # bytes
WIDE = 1 << 21  # bytes
PIECE = 1 << 24  # bytes: a second and a half of a slow connection, 10 MB/s
THROWN_AWAY = 0.22  # of what is wanted
_IN_ALL = 0.3  # of it, together with what was fetched ahead of need


class Span(NamedTuple):
    """Bytes of a file, from `start` to before `stop`."""

    start: int
    stop: int


def share_of(wanted: int, ahead: int) -> float:
    """Return what share of the bytes that are wanted may be thrown away for fewer requests.

    A file's structure is fetched with what lies between its parts, which may not come to be wanted: of 30 % that may be
    too many in all, that leaves less for its values. Where the structure was there already, as with an index, it is all
    for these.

    Parameters
    ----------
    wanted
        Bytes.
    ahead
        So many were fetched before that nobody had asked for.
    """
    return max(THROWN_AWAY, _IN_ALL - ahead / wanted) if wanted else THROWN_AWAY


def merged(spans: Iterable[tuple[int, int]], *, spare: int = 0, share: float = THROWN_AWAY) -> list[Span]:
    """Return spans in order, those as one that overlap or lie near one another; empty ones are left out.

    Parameters
    ----------
    spans
        First byte, and the one behind the last.
    spare
        So many bytes may be thrown away in any case, however wide the gaps: where it is likely that what lies between
        will be wanted too.
    share
        Of the bytes that are wanted, what may be thrown away: see :func:`share_of`.
    """
    near = _joined(sorted(span for span in spans if span[1] > span[0]), GAP)
    gaps = sorted(b.start - a.stop for a, b in pairwise(near))
    left = max(spare, int(share * sum(stop - start for start, stop in near)))
    widest = GAP
    for gap, alike in groupby(gaps):
        left -= gap * len(list(alike))  # what is joined over one of them is joined over all
        if gap > max(WIDE, spare) or left < 0:
            break
        widest = gap
    return _joined(near, widest)


def union(spans: Iterable[tuple[int, int]]) -> list[Span]:
    """Return the same bytes as spans in order that neither overlap nor touch; empty ones are left out."""
    return _joined(sorted(span for span in spans if span[1] > span[0]), 0)


def _joined(spans: Iterable[tuple[int, int]], gap: int) -> list[Span]:
    found: list[Span] = []
    for start, stop in spans:
        if found and start - found[-1].stop <= gap:
            found[-1] = Span(found[-1].start, max(stop, found[-1].stop))
        else:
            found.append(Span(start, stop))
    return found


def pieces(spans: Iterable[Span], most: int = PIECE) -> list[Span]:
    """Cut spans into pieces of about the same length, none longer than `most` bytes."""
    found: list[Span] = []
    for start, stop in spans:
        number = max(1, -(-(stop - start) // most))
        step = -(-(stop - start) // number)
        found += [Span(begin, min(stop, begin + step)) for begin in range(start, stop, step)]
    return found
