"""One answer in a process of its own, timed: ``python _metric_steps.py nwbin|allensdk STEP FILE [UNITS]``.

Prints a line of JSON: wall and processor seconds, the most memory (MB), and what was made. Needs nothing of nwbin, so
that it also runs in AllenSDK's environment. UNITS takes only so many units, the first that the session shows.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from typing import Any

# AllenSDK's class for each of the published table's suffixes.
CLASSES = {
    "dg": ("drifting_gratings", "DriftingGratings"),
    "sg": ("static_gratings", "StaticGratings"),
    "ns": ("natural_scenes", "NaturalScenes"),
    "fl": ("flashes", "Flashes"),
    "rf": ("receptive_field_mapping", "ReceptiveFieldMapping"),
}


def of_nwbin(step: str, path: str, units: int | None) -> tuple[Any, ...]:
    import nwbin

    with nwbin.open(
        path, amplitude_cutoff_maximum=None, presence_ratio_minimum=None, isi_violations_maximum=None
    ) as session:
        ids = session.units.index.to_numpy()[:units]
        if step == "psth":
            answer: Any = session.psth(
                "drifting_gratings", ids, window=(-0.5, 2.5), bin_width=0.01,
                by=["orientation", "temporal_frequency"],
            ).firing_rate  # fmt: skip
        elif step == "quality":
            answer = session.quality_metrics(ids)
        else:
            answer = session.stimulus_metrics(None if step == "table" else step, ids)
        return tuple(map(int, answer.shape))


def of_allensdk(step: str, path: str, units: int | None) -> tuple[Any, ...]:
    from importlib import import_module

    from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

    session = EcephysSession.from_nwb_path(
        path,
        api_kwargs={
            "amplitude_cutoff_maximum": None, "presence_ratio_minimum": None, "isi_violations_maximum": None
        },
    )  # fmt: skip
    ids = list(session.units.index[:units])
    module, name = CLASSES[step]
    home = import_module(f"allensdk.brain_observatory.ecephys.stimulus_analysis.{module}")
    began = time.perf_counter()
    made = getattr(home, name)(session, filter=ids).metrics
    return (*map(int, made.shape), round(time.perf_counter() - began, 2))


def main() -> None:
    library, step, path, *more = sys.argv[1:]
    warnings.simplefilter("ignore")
    units = int(more[0]) if more else None
    began = time.perf_counter()
    made = (of_nwbin if library == "nwbin" else of_allensdk)(step, path, units)
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "wall": wall,
                "processor": used.ru_utime + used.ru_stime,
                "memory": used.ru_maxrss / 1024,
                "made": made,
            }
        )
    )


if __name__ == "__main__":
    main()
