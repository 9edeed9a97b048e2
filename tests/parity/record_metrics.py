"""Record what AllenSDK computes as stimulus metrics: `PYTHON -m tests.parity.record_metrics FOLDER [--classes dg,sg]`.

To be run by a Python that has AllenSDK, from the top of the project; nwbin is not needed there. Every unit that the
batch run of the data set has: also those that fail the quality filters. Writes FOLDER/metrics/<suffix>.json.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from allensdk.brain_observatory.ecephys import stimulus_analysis
from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession
from allensdk.brain_observatory.ecephys.stimulus_analysis import (  # noqa: F401 - makes them attributes
    dot_motion,
    drifting_gratings,
    flashes,
    natural_scenes,
    receptive_field_mapping,
    static_gratings,
)

CLASSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dg": ("drifting_gratings", "DriftingGratings", {"trial_duration": 2.0}),
    "sg": ("static_gratings", "StaticGratings", {"trial_duration": 0.25}),
    "ns": ("natural_scenes", "NaturalScenes", {"trial_duration": 0.25}),
    "dm": ("dot_motion", "DotMotion", {"trial_duration": 1.0}),
    "fl": ("flashes", "Flashes", {"trial_duration": 0.25}),
    "rf": (
        "receptive_field_mapping",
        "ReceptiveFieldMapping",
        {
            "trial_duration": 0.25,
            "minimum_spike_count": 10,
            "mask_threshold": 1.0,
            "stimulus_step_size": 10.0,
        },
    ),
}
EVERY_UNIT = {
    "amplitude_cutoff_maximum": np.inf,
    "presence_ratio_minimum": -np.inf,
    "isi_violations_maximum": np.inf,
    "filter_by_validity": False,
}


def _plain(value: Any) -> Any:
    return (
        value.item()
        if isinstance(value, np.generic) or (np.ndim(value) == 0 and hasattr(value, "item"))
        else value
    )


def record(folder: Path, wanted: list[str]) -> None:
    """Record some classes of one session."""
    out = folder / "metrics"
    out.mkdir(exist_ok=True)
    # Opened once: AllenSDK keeps what it has read, and reading takes it longer than anything.
    session = EcephysSession.from_nwb_path(str(next(folder.glob("session_*.nwb"))), api_kwargs=EVERY_UNIT)
    for suffix in wanted:
        module, name, arguments = CLASSES[suffix]
        analysis = getattr(getattr(stimulus_analysis, module), name)
        began = time.perf_counter()
        np.random.seed(0)  # noqa: NPY002 - AllenSDK draws from it
        try:
            table = analysis(session, **arguments).metrics
        except Exception as error:
            answer = {"ok": False, "error_type": type(error).__name__, "message": str(error)[:300]}
        else:
            answer = {
                "ok": True,
                "unit_ids": table.index.tolist(),
                "columns": {column: [_plain(one) for one in table[column]] for column in table},
            }
        (out / f"{suffix}.json").write_text(json.dumps(answer))
        print(f"{folder.name}: {suffix}, {time.perf_counter() - began:.1f} s", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", default=",".join(CLASSES))
    options = parser.parse_args()
    record(options.folder, options.classes.split(","))
