"""One script in a process of its own, timed: ``python _first_steps.py nwbin|allensdk counts|tutorial|spikes FILE``.

Prints a line of JSON: for each step wall and processor seconds, and the answer. Needs nothing of nwbin, so that it
also runs in AllenSDK's environment.
"""

from __future__ import annotations

import json
import mmap
import sys
import time
import warnings
from typing import Any

steps: dict[str, tuple[float, float]] = {}
_last = [time.perf_counter(), 0.0]  # what the interpreter took to start is in the first step's processor time


def lap(step: str) -> None:
    """The step ends here; the next begins."""
    now = [time.perf_counter(), time.process_time()]
    steps[step] = now[0] - _last[0], now[1] - _last[1]
    print(f"step: {step}", file=sys.stderr)  # between what -X importtime writes there
    _last[:] = time.perf_counter(), time.process_time()


def opened(library: str, path: str) -> Any:
    if library == "allensdk":
        from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

        session = EcephysSession.from_nwb_path(path)
    else:
        import nwbin

        session = nwbin.open(path)
    lap("start, import, open")
    return session


def gratings(session: Any) -> tuple[Any, Any]:
    """Ids of all units and of all presentations of gratings."""
    units = session.units.index.to_numpy()
    lap("units, pandas")
    shown = session.stimulus_presentations
    lap("stimulus table")
    return units, shown.index[
        shown["stimulus_name"].isin(["drifting_gratings", "static_gratings"])
    ].to_numpy()


def counts(session: Any) -> Any:
    units, shown = gratings(session)
    found = session.presentationwise_spike_counts([0.0, 0.25], shown, units)
    lap("first counts, xarray")
    return found.shape, int(found.values.sum())


def tutorial(session: Any) -> Any:
    units = session.units
    v1 = units.index[units["structure_acronym"] == "VISp"].to_numpy()
    lap("units, pandas")
    table = session.get_stimulus_table("static_gratings")
    lap("stimulus table")
    if hasattr(session, "response_matrix"):
        found = session.response_matrix(
            table.index, v1, window=(0.0, 0.25), label="orientation", closed="both"
        ).X
    else:
        shown = table[table["orientation"] != "null"]
        found = session.presentationwise_spike_counts([0.0, 0.25], shown.index.values, v1).values[:, 0]
    lap("X and y")
    return found.shape, int(found.sum())


def spikes(session: Any) -> Any:
    """The table of spikes; and what the machine takes to hand out as many bytes, and for them once they are there."""
    import numpy as np

    units, shown = gratings(session)
    first = session.presentationwise_spike_times(shown, units)
    lap("spikes of all gratings (numba loaded)")
    table = session.presentationwise_spike_times(shown, units)  # the first is kept: into other memory
    lap("the same once more")
    assert first.equals(table)
    del first
    found = len(table), int(table["unit_id"].sum() % 2**31)
    _last[:] = time.perf_counter(), time.process_time()
    size = 32 * len(table)
    pages = mmap.mmap(-1, max(1, size))  # from the system, not what the table before left
    column = np.frombuffer(pages, np.uint8)
    column.fill(1)
    lap("as many bytes written afresh, small pages")
    column.fill(2)
    lap("written once more")
    return found


def main(library: str, script: str, path: str) -> None:
    """Do it."""
    warnings.simplefilter("ignore")
    answer = {"counts": counts, "tutorial": tutorial, "spikes": spikes}[script](opened(library, path))
    print(json.dumps({"steps": steps, "answer": answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
