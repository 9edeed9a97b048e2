"""Files bent at random: always an answer that h5py agrees with, or an NwbinError.

Some of them with every run of the tests, the others with the slow ones; NWBIN_FUZZ_CASES=5000 makes it thousands, and
``python -m tests.fuzzing`` prints the counts by outcome.
"""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest

if sys.platform != "linux":  # Windows has no such limits, and macOS none of addresses
    pytest.skip("children are held to limits by resource.setrlimit", allow_module_level=True)

from tests import fuzzing

FIRST = 40  # cases of every run
PARTS = 2  # so that two processes can share the cases


def bent(begin: int, end: int) -> None:
    """Bend the files of these numbers."""
    found = fuzzing.run(end - begin, seed=int(os.environ.get("NWBIN_FUZZ_SEED", "0")), begin=begin)
    assert [outcome for outcome in found if outcome.kind in fuzzing.BAD] == []
    counts = Counter(outcome.kind for outcome in found)
    assert sum(counts.values()) == end - begin
    # The bending bends: neither everything nor nothing survives it.
    assert end - begin < 100 or 0.1 * (end - begin) < counts["answer"] < 0.9 * (end - begin), counts


@pytest.mark.parametrize("part", range(PARTS))
def test_bent_files_give_answers_or_errors(part: int) -> None:
    bent(*(FIRST * one // PARTS for one in (part, part + 1)))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_many_bent_files_give_answers_or_errors(part: int) -> None:
    more = int(os.environ.get("NWBIN_FUZZ_CASES", "250")) - FIRST
    bent(*(FIRST + more * one // PARTS for one in (part, part + 1)))
