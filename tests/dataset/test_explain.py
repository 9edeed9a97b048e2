"""What became of many sessions is said once for all of which it is true."""

from __future__ import annotations

from nwbin.dataset.explain import reasons_together


def test_what_is_true_of_every_session_is_said_once() -> None:
    reasons = {1: "/a/session_1.nwb: has no stimulus 'x'", 2: "/a/session_2.nwb: has no stimulus 'x'"}
    assert reasons_together(reasons, 2) == "has no stimulus 'x'"
    assert reasons_together(reasons, 3) == "1, 2: has no stimulus 'x'"


def test_of_many_reasons_a_few_are_said() -> None:
    reasons = {number: f"/a/session_{number}.nwb: none of {number} units" for number in range(1, 59)}
    said = reasons_together(reasons, 58)
    assert said == (
        "1: none of 1 units; 2: none of 2 units; 3: none of 3 units; and 55 more sessions for reasons of their own"
    )
    four = dict(list(reasons.items())[:4])
    assert reasons_together(four, 58).endswith("; 4: none of 4 units")
