"""When a request is the same as before, and what was stored is good."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.dataset import Selection
from nwbin.dataset._opening import Opening
from nwbin.dataset._session_work import Call, Counts
from nwbin.errors import (
    ArgumentError,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


def test_another_job_has_another_hash() -> None:
    import functools

    from nwbin.dataset._content import content_hash

    def made(x: int) -> Any:
        def inner(session: Any, y: int = x) -> int:
            return x + y

        return inner

    class Job:
        def __init__(self, x: int) -> None:
            self.x = x

        def run(self, session: Any) -> int:
            return self.x

    def plain(session: Any, x: int = 0) -> int:
        return x

    large, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1
    pairs = [
        (functools.partial(plain, x=1), functools.partial(plain, x=2)),
        (made(1), made(2)),
        ((plain, {"x": large}), (plain, {"x": other})),
        (plain, made(1)),
        ([1], [1.0]),
        ([[1], 2], [[1, 2]]),
        ([large, other, large], [large, other, other]),
        ([[1], [2], [1]], [[1], [2], [2]]),
    ]
    for one, two in pairs:
        assert content_hash(one) != content_hash(two)
        assert content_hash(one) == content_hash(one)
    assert content_hash(made(1)) == content_hash(made(1))
    with pytest.raises(nwbin.NwbinError, match="cannot be told of a Job"):
        content_hash(Job(1).run)
    one, two = [1], [2]  # the same object twice, and another that is like it
    assert content_hash([one, two, one]) != content_hash([one, two, two])
    assert content_hash([one, two, one]) == content_hash([[1], [2], [1]])
    itself: list[Any] = [1]
    itself.append(itself)
    assert content_hash(itself) == content_hash(itself)


def same_and_other() -> list[tuple[str, list[Any], list[Any]]]:
    """What is asked -> ways to ask it, and what is something else."""

    def function(session: Any, k: int = 1, **more: int) -> int:
        return k

    def chosen(**more: Any) -> Any:
        return Selection(**more).spec()

    def counts(**more: Any) -> Any:
        return Counts(Selection("flashes"), (0.0, 1.0), "both", **more).spec()

    def filters(**more: Any) -> Any:
        return Opening("x.nwb", 1, filters=more).spec()

    def call(*work: Any, **arguments: Any) -> Any:
        return Call(work[0] if work else function, arguments).spec()

    names = np.array(["flashes"])
    return [
        (
            "stimulus",
            [
                chosen(stimulus=one)
                for one in ("flashes", ["flashes"], ("flashes", "flashes"), {"flashes"}, names)
            ],
            [
                chosen(),
                chosen(stimulus=[]),
                chosen(stimulus=["flashes", "gabors"]),
                chosen(structures="flashes"),
            ],
        ),
        (
            "structures",
            [chosen(structures=one) for one in (["VISp", "LGd"], ("LGd", "VISp"), iter(["LGd", "VISp"]))],
            [chosen(structures="VISp"), chosen(structures="VISp,LGd")],
        ),
        (
            "units",
            [chosen(units=one) for one in ([3, 5], (5, 3), np.array([5, 3], np.int32), [3.0, 5.0, 3])],
            [chosen(units=[3]), chosen(units=["3", "5"]), chosen(units="[3, 5]"), chosen(units=[3, 5.5])],
        ),
        (
            "conditions",
            [chosen(), chosen(presentations=" "), chosen(units=""), chosen(align="start_time")],
            [
                chosen(units=[]),
                chosen(presentations="a > 1"),
                chosen(units="a > 1"),
                chosen(align="stop_time"),
            ],
        ),
        ("dtype", [counts(), counts(dtype="uint16")], [counts(dtype="uint8"), counts(binarize=True)]),
        ("binarize", [counts(binarize=True), counts(binarize=True, dtype="uint8")], [counts(dtype="uint8")]),
        (
            "filters",
            [filters(), filters(amplitude_cutoff_maximum=0.1, filter_by_validity=True)],
            [filters(amplitude_cutoff_maximum=0.2), filters(filter_by_validity=False)],
        ),
        (
            "no bound",
            [filters(isi_violations_maximum=one) for one in (None, 0, np.inf)],
            [filters(), filters(isi_violations_maximum=-np.inf), filters(amplitude_cutoff_maximum=None)],
        ),
        (
            "no bound below",
            [filters(presence_ratio_minimum=one) for one in (None, 0.0, -np.inf)],
            [filters(presence_ratio_minimum=np.inf), filters(presence_ratio_minimum=1e-9)],
        ),
        (
            "arguments",
            [call(), call(k=1), call(function)],
            [call(k=2), call(j=1), call(k=1, more=1), call(lambda session: 1)],
        ),
    ]


@pytest.mark.parametrize(
    ("name", "same", "other"), same_and_other(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_one_request_has_one_description(name: str, same: list[Any], other: list[Any]) -> None:
    plain = [json.loads(json.dumps(one)) for one in same]
    assert all(one == plain[0] for one in plain)
    assert all(json.loads(json.dumps(one)) != plain[0] for one in other)
    assert len({json.dumps(one, sort_keys=True) for one in other}) == len(other)


def test_the_same_job_in_other_words_is_taken_up_again(trees: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = nwbin.Dataset(trees["folder"])

    def statuses(*stimulus: Any, **more: Any) -> list[str]:
        found = data.spike_counts(tmp_path / "x.zarr", *stimulus, workers=0, **more)
        return found.report["status"].tolist()

    assert statuses("flashes", window=(0, 0.25)) == ["done"] * 3
    edges = np.array([0, 0.25], np.float32)
    assert statuses(["flashes"], edges=edges, dtype="u2", isi_violations_maximum=0.5) == ["kept"] * 3
    with pytest.raises(ArgumentError, match="another job"):
        statuses("flashes", window=(0, 0.25), isi_violations_maximum=0.4)


def test_what_is_not_kept_need_not_be_told_apart(trees: dict[str, Path]) -> None:
    class Job:
        lock = threading.Lock()

        def run(self, session: nwbin.Session) -> int:
            return 1

    job = Job()
    job.lock = threading.Lock()
    assert set(nwbin.Dataset(trees["folder"]).map(job.run, workers=0).values()) == {1}
