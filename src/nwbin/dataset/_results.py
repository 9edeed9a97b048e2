"""What a job over many sessions came to."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.dataset._sinks import Sink
from nwbin.dataset._task import Outcome
from nwbin.errors import ArgumentTypeError, LookupFailure, NwbinError, NwbinWarning, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JobError", "Results"]


class JobError(NwbinError, RuntimeError):
    """Some sessions of a job failed.

    Examples
    --------
    >>> done = data.map(lambda session: 1 / 0)
    >>> done.raise_if_failed()
    Traceback (most recent call last):
    nwbin.dataset._results.JobError: 1 of 1 session failed:
      715093703: ...
    """


class Results(Mapping[Any, Any]):
    """A job's results by session id, in the data set's order; read from their files when asked for.

    Sessions that failed, or have nothing of what was asked for, are not among them: see :attr:`failed`,
    :attr:`passed_over` and :attr:`report`.

    Examples
    --------
    >>> done = data.map(lambda session: session.num_units)
    >>> done
    <nwbin.dataset.Results: 1 done>
    >>> dict(done), done.failed
    ({715093703: ...}, {})
    >>> done.report
    """

    def __init__(self, outcomes: list[Outcome], sink: Sink | None) -> None:
        self._outcomes = {one.key: one for one in outcomes}
        self._sink = sink

    @property
    def path(self) -> Path | None:
        """The folder or store of the results; None where they came back to this process."""
        return None if self._sink is None else self._sink.root

    @property
    def failed(self) -> dict[Any, str]:
        """Session id -> why it failed."""
        return {key: one.error for key, one in self._outcomes.items() if one.status == "failed"}

    @property
    def passed_over(self) -> dict[Any, str]:
        """Session id -> why there is nothing to do in it."""
        return {key: one.error for key, one in self._outcomes.items() if one.status == "nothing"}

    def raise_if_failed(self) -> None:
        """Raise a JobError that names the sessions that failed, if any did."""
        if self.failed:
            lines = "\n".join(f"  {key}: {why}" for key, why in self.failed.items())
            number = len(self._outcomes)
            raise JobError(f"{len(self.failed)} of {number} session{'s' * (number != 1)} failed:\n{lines}")

    @property
    def report(self) -> pd.DataFrame:
        """A row for each session.

        `status` ("done", "kept" from an earlier run, "nothing", "failed"), `seconds`, `memory_mb` (the most that
        its worker has had), `worker` (host and process), `error`, `trace` (where), `notes` (warnings given).
        """
        import pandas as pd

        outcomes = list(self._outcomes.values())
        columns = {
            "status": [one.status for one in outcomes],
            "seconds": [one.seconds for one in outcomes],
            "memory_mb": [one.memory / 2**20 for one in outcomes],
            "worker": [one.worker for one in outcomes],
            "error": [one.error for one in outcomes],
            "trace": [one.trace for one in outcomes],
            "notes": ["; ".join(one.notes) for one in outcomes],
        }
        return pd.DataFrame(columns, index=pd.Index(list(self._outcomes), name="session_id"))

    def warned(self, kind: type[NwbinWarning]) -> list[Any]:
        """Return the ids of the sessions, done in this run, that were warned of something of a kind.

        Such as :class:`nwbin.errors.InvalidSpikesWarning`; `notes` in the report has the words.
        """
        outcomes = self._outcomes.items()
        return [key for key, one in outcomes if any(issubclass(heard, kind) for heard in one.kinds)]

    def table(self) -> pd.DataFrame:
        """Return the results of all sessions as one table, where each session's is a table.

        Returns
        -------
        pandas.DataFrame
            The rows of all sessions in the data set's order, and a first column `session_id`. A column that a session
            lacks is NaN there.

        Raises
        ------
        ArgumentTypeError
            The results are no tables.
        """
        import pandas as pd

        from nwbin.allen.project_tables import stack

        frames = []
        for key in self:
            one = self[key]
            if not isinstance(one, pd.DataFrame):
                raise ArgumentTypeError(f"session {key}: its result is of {type(one).__name__}, and no table")
            whose = pd.Series(
                [key] * len(one), index=one.index, dtype=np.int64 if isinstance(key, int) else object
            )
            frames.append(pd.concat([whose.rename("session_id"), one], axis=1))
        return stack(frames)

    def __getitem__(self, session_id: Any) -> Any:
        one = self._outcomes.get(session_id)
        if one is None:
            raise LookupFailure(
                f"session {session_id!r} was not part of the job; {nearest(session_id, self)}"
            )
        if one.status in ("failed", "nothing"):
            raise LookupFailure(f"session {session_id} has no result: {one.error}")
        if self._sink is not None:
            return self._sink.load(session_id)
        return pickle.loads(one.value or pickle.dumps(None))

    def __iter__(self) -> Iterator[Any]:
        return (key for key, one in self._outcomes.items() if one.status in ("done", "kept"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        count: dict[str, int] = {}
        for one in self._outcomes.values():
            count[one.status] = count.get(one.status, 0) + 1
        said = ", ".join(f"{number} {status}" for status, number in count.items()) or "no sessions"
        return f"<nwbin.dataset.Results: {said}{'' if self.path is None else f', in {self.path}'}>"
