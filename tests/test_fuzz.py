"""Files bent at random: always an answer that h5py agrees with, or an NwbinError.

NWBIN_FUZZ_CASES=5000 makes it thousands; ``python -m tests.fuzzing`` prints the counts by outcome.
"""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest

if sys.platform == "win32":
    pytest.skip("children are held to limits by resource.setrlimit", allow_module_level=True)

from tests import fuzzing

PARTS = 2  # so that two processes can share the cases


@pytest.mark.parametrize("part", range(PARTS))
def test_bent_files_give_answers_or_errors(part: int) -> None:
    all_cases = int(os.environ.get("NWBIN_FUZZ_CASES", "250"))
    begin, end = (all_cases * one // PARTS for one in (part, part + 1))
    cases = end - begin
    found = fuzzing.run(cases, seed=int(os.environ.get("NWBIN_FUZZ_SEED", "0")), begin=begin)
    assert [outcome for outcome in found if outcome.kind in fuzzing.BAD] == []
    counts = Counter(outcome.kind for outcome in found)
    assert sum(counts.values()) == cases
    # The bending bends: neither everything nor nothing survives it.
    assert cases < 100 or 0.1 * cases < counts["answer"] < 0.9 * cases, counts
