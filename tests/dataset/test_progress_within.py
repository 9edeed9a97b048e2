"""How far a session has come that takes long: from the worker that does it to the display."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from nwbin.dataset import Dataset, _worker
from nwbin.dataset._pool import _Pool
from nwbin.dataset._run import _shown
from nwbin.dataset._session_work import Call
from nwbin.dataset._task import Advance, Opening, Outcome, Task


class Slow:
    """A sink that says how far it is."""

    root = Path()

    def place(self, key: object) -> Path:
        return Path("x")

    def save(
        self, claim: object, key: object, value: Any, stamp: object, ready: object, advanced: Any
    ) -> None:
        for done in (1, 2, 4):
            advanced(done, 4)


def units_of(session: Any) -> int:
    return int(session.num_units)


def test_a_worker_says_how_far_it_is(trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = Dataset(trees["dandi"]).files["path"].iloc[0]
    task = Task(Opening(str(path), 7), Call(units_of), Slow(), "claim", {})  # type: ignore[arg-type]
    for pause, expected in ((0.0, [0.25, 0.5, 1.0]), (1e9, [])):
        monkeypatch.setattr(_worker, "_PAUSE", pause)
        heard: list[Any] = []
        outcome = _worker._answer(pickle.dumps(task), heard.append)
        assert (outcome.status, outcome.error) == ("done", "")
        assert heard == [Advance(7, share) for share in expected]


def test_what_is_said_on_the_way_ends_no_job() -> None:
    pool = _Pool([], 0)
    said = [Advance(1, 0.5), Outcome(1, "done"), Advance(2, 0.1), Outcome(2, "failed")]
    for one in said:
        pool._done.put(one)
    assert list(pool.outcomes(2)) == said


def test_a_users_function_is_told_of_whole_sessions() -> None:
    told: list[Any] = []
    with _shown(lambda *said: told.append(said), "x") as show:
        show(0, 2, None)
        show(0, 2, None, 0.5)
        show(1, 2, Outcome(1, "done"))
    assert told == [(0, 2, None), (1, 2, Outcome(1, "done"))]


def test_the_display_counts_what_is_begun(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nwbin._progress._PAUSE", 0.0)
    with _shown(None, "counting") as show:
        show(1, 4, None, 0.5)
    assert capsys.readouterr().err.startswith("counting: 38% of 4 after ")
