"""Which of many arrays some bytes of a file belong to."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from nwbin.storage.remote._ranges import Span, union
from nwbin.storage.remote._targets import Targets

SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)).map(lambda s: Span(s[0], s[0] + s[1])))


@given(SPANS, SPANS)
def test_as_one_would_by_hand(wanted: list[Span], parts: list[Span]) -> None:
    content = np.random.default_rng(0).integers(1, 256, 300).astype(np.uint8)
    outs = [np.zeros(stop - start, np.uint8) for start, stop in wanted]
    targets = Targets(zip((span.start for span in wanted), outs, strict=True))
    came = np.zeros(300, bool)
    for start, stop in parts:
        targets.put(start, content[start:stop].tobytes())
        came[start:stop] = True
    for (start, stop), out in zip(wanted, outs, strict=True):
        np.testing.assert_array_equal(out, np.where(came, content, 0)[start:stop])
    kept = [span for span in wanted if span.stop > span.start]
    assert bool(targets) is bool(kept)
    if kept:
        assert (targets.start, targets.stop) == (min(kept).start, max(span.stop for span in kept))
        assert targets.spans == sorted(kept, key=lambda span: span.start)
    apart = targets.apart()
    apart.put(0, content.tobytes())
    apart.copy_to(targets)
    for (start, stop), out in zip(wanted, outs, strict=True):
        np.testing.assert_array_equal(out, content[start:stop])


@given(SPANS)
def test_union(spans: list[Span]) -> None:
    found = union(spans)
    assert [byte for a, b in found for byte in range(a, b)] == sorted(
        {byte for a, b in spans for byte in range(a, b)}
    )
    assert all(a.stop < b.start for a, b in itertools.pairwise(found))


def test_very_many() -> None:
    """What a part is compared with does not grow with how many there are: looked at by counting."""

    class Counted(list):  # type: ignore[type-arg]
        looked = 0

        def __getitem__(self, key: object) -> object:
            found = super().__getitem__(key)  # type: ignore[index]
            if isinstance(key, slice):
                Counted.looked += len(found)  # type: ignore[arg-type]
            return found

    n = 100_000
    out = np.zeros(16 * n, np.uint8)
    targets = Targets((32 * k, out[16 * k : 16 * k + 16]) for k in range(n))
    targets._all = Counted(targets._all)
    content = np.random.default_rng(0).integers(1, 256, 32 * n).astype(np.uint8)
    for at in range(0, 32 * n, 1 << 16):
        targets.put(at, content[at : at + (1 << 16)])
    np.testing.assert_array_equal(out, content.reshape(n, 32)[:, :16].ravel())
    assert Counted.looked < 1.1 * n
