"""Which requests are made for the ranges that are wanted."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from nwbin.storage.addresses import is_address, shown
from nwbin.storage.remote._image import BLOCK, Image
from nwbin.storage.remote._ranges import GAP, WIDE, Span, merged, pieces, share_of

SPANS = st.lists(
    st.tuples(st.integers(0, 1 << 24), st.integers(0, 1 << 18)).map(lambda s: (s[0], s[0] + s[1]))
)


@given(SPANS, st.sampled_from([0, 1 << 20, 1 << 26]), st.sampled_from([0.22, 0.3]))
def test_merged(spans: list[tuple[int, int]], spare: int, share: float) -> None:
    found = merged(spans, spare=spare, share=share)
    assert all(any(a <= start and stop <= b for a, b in found) for start, stop in spans if stop > start)
    assert all(before.stop + GAP < after.start for before, after in pairwise(found))
    assert all(
        any(start == a for a, _ in spans) and any(stop == b for _, b in spans) for start, stop in found
    )
    near = merged_plainly(spans)
    wanted = sum(stop - start for start, stop in near)
    # Gaps up to GAP are always thrown away; wider ones only within the bounds that are stated.
    assert sum(stop - start for start, stop in found) - wanted <= max(spare, share * wanted)


def merged_plainly(spans: list[tuple[int, int]]) -> list[Span]:
    """One byte range after the other, by a mask of what is wanted."""
    found: list[Span] = []
    for start, stop in sorted(span for span in spans if span[1] > span[0]):
        if found and start <= found[-1].stop + GAP:
            found[-1] = Span(found[-1].start, max(found[-1].stop, stop))
        else:
            found.append(Span(start, stop))
    return found


def test_wide_gaps() -> None:
    far = [(0, 10 << 20), ((10 << 20) + WIDE, 20 << 20), ((20 << 20) + WIDE + 1, 30 << 20)]
    assert merged(far) == [Span(0, 20 << 20), Span((20 << 20) + WIDE + 1, 30 << 20)]
    assert merged([(0, 1), (GAP + 2, GAP + 3)]) == [Span(0, 1), Span(GAP + 2, GAP + 3)]
    assert merged([(0, 1), (GAP + 1, GAP + 2)]) == [Span(0, GAP + 2)]
    assert merged([(0, 1), (WIDE * 3, WIDE * 3 + 1)], spare=WIDE * 4) == [Span(0, WIDE * 3 + 1)]


def test_gaps_of_one_width() -> None:
    """Of rows at equal distances: all are joined or none, and no more is thrown away than for others."""
    apart = [Span(at << 20, (at << 20) + 10_000) for at in range(1000)]
    assert merged(apart) == apart
    near = [Span(at << 20, (at << 20) + 900_000) for at in range(1000)]
    assert merged(near) == [Span(0, near[-1].stop)]
    assert merged([*near, Span(2000 << 20, 2001 << 20)])[0] == Span(0, near[-1].stop)


@given(st.integers(0, 1 << 30), st.integers(0, 1 << 30))
def test_what_may_be_thrown_away(wanted: int, ahead: int) -> None:
    """With what was fetched ahead no more than 30 % in all, but for the 22 % that are always allowed."""
    thrown = share_of(wanted, ahead) * wanted
    assert 0.22 * wanted <= thrown
    assert thrown + ahead <= 0.3 * wanted + 1 or share_of(wanted, ahead) == 0.22
    assert share_of(wanted, 0) == (0.3 if wanted else 0.22)


@given(st.lists(st.integers(1, 1000), max_size=9), st.integers(1, 100))
def test_pieces(lengths: list[int], most: int) -> None:
    spans = [Span(10_000 * at, 10_000 * at + length) for at, length in enumerate(lengths)]
    found = pieces(spans, most)
    assert [byte for a, b in found for byte in range(a, b)] == [
        byte for a, b in spans for byte in range(a, b)
    ]
    assert all(0 < b - a <= most for a, b in found)
    assert len(found) == sum(-(-length // most) for length in lengths)


@given(st.integers(1, 9 * BLOCK), st.data())
def test_image(size: int, data: st.DataObject) -> None:
    """What is needed is there afterwards, what is there is never fetched again, and only that counts as there."""
    content = np.random.default_rng(0).integers(1, 256, size).astype(np.uint8)
    fetched = np.zeros(size, int)

    def fill(targets: list[tuple[int, np.ndarray]], alone: bool) -> None:
        for at, out in targets:
            out[:] = content[at : at + len(out)]
            fetched[at : at + len(out)] += 1

    image = Image(size, fill, "x")
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(-5, size + 5))
        stop = start + data.draw(st.integers(0, 3 * BLOCK))
        if data.draw(st.booleans()):
            image.need([(start, stop)], around=data.draw(st.sampled_from([0, 100, BLOCK])))
        else:
            image.need_rows(np.array([start]), np.array([stop]))
            if not 0 <= start < stop <= size:
                continue
        assert image.has(start, stop)
        low, high = max(0, start), max(0, min(stop, size))
        np.testing.assert_array_equal(image.bytes[low:high], content[low:high])
    assert fetched.max() <= 1
    for block in range(0, size, BLOCK):
        assert image.has(block, block + 1) == (fetched[block : block + BLOCK] == 1).all()
        assert (
            not image.has(block, block + 1)
            or (image.bytes[block : block + BLOCK] == content[block : block + BLOCK]).all()
        )


def test_addresses() -> None:
    assert [is_address(one) for one in ("https://a/b", "s3://a/b", "zip::s3://a/b", "C:\\a", "a/b", 3)] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    for address, name in {
        "https://me:hush@h.org:80/a%20b.nwb?X-Amz-Signature=hush#hush": "https://h.org:80/a%20b.nwb",
        "https://me:hu@sh@h/a@b.nwb": "https://h/a@b.nwb",
        "s3://key:hush@bucket/a.nwb": "s3://bucket/a.nwb",
        "simplecache::https://hush@h/a?hush": "simplecache::https://h/a",
        "dandi://000021@0.22/a.nwb": "dandi://000021@0.22/a.nwb",
    }.items():
        assert shown(address) == name
